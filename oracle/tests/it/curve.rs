//! The forward curve beside reference numbers, identities and random markets.

use instruments::{MicroUsd, Ppm};
use oracle::{
    Contract, Curve, CurveError, CurveParams, Days, Launch, NanoLog, Quote, Shape, violations,
};
use proptest::prelude::*;

fn contract(first: u32, count: u32, price: i64, half_spread: i64) -> Contract {
    let days = Days { first, count };
    Contract { days, price: MicroUsd::new(price), half_spread: MicroUsd::new(half_spread) }
}

/// A day, three months, their quarter, two quarters and a year.
fn market() -> Vec<Contract> {
    vec![
        contract(0, 1, 2_400_000, 5_000),
        contract(10, 31, 2_380_000, 20_000),
        contract(41, 28, 2_350_000, 15_000),
        contract(69, 31, 2_300_000, 30_000),
        contract(10, 90, 2_346_000, 10_000),
        contract(100, 91, 2_260_000, 25_000),
        contract(191, 92, 2_240_000, 30_000),
        contract(365, 365, 1_900_000, 80_000),
    ]
}

fn flat(days: u32) -> Vec<NanoLog> {
    Shape::default().logs(days).expect("a shape")
}

fn fit(shape: &[NanoLog], contracts: &[Contract]) -> Curve {
    Curve::fit(&CurveParams::default(), shape, contracts).expect("a curve")
}

fn at(curve: &Curve, days: &[usize]) -> Vec<i64> {
    days.iter().map(|day| curve.daily()[*day].micros()).collect()
}

/// Price and one standard deviation of each mean.
fn means(curve: &Curve, of: &[(u32, u32)]) -> Vec<(i64, i64)> {
    let mean = |(first, count): &(u32, u32)| {
        let days = Days { first: *first, count: *count };
        (curve.price(days).expect("on it").micros(), curve.conf(days).expect("on it").micros())
    };
    of.iter().map(mean).collect()
}

fn assert_near(found: &[(i64, i64)], reference: &[(i64, i64)], what: &str) {
    for (found, reference) in found.iter().zip(reference) {
        let sure = 1 + reference.1.unsigned_abs() / 100_000;
        let near = found.0.abs_diff(reference.0) <= 2 && found.1.abs_diff(reference.1) <= sure;
        assert!(near, "{what}: {found:?}, reference {reference:?}");
    }
}

/// CURVE-001: the reference is the same minimum from a dense solve in double precision (numpy 2.4: the normal equations of the sum in the
/// head of `oracle/src/curve.rs`, their inverse for the deviations).
#[test]
fn curve_001_two_years_agree_with_a_dense_solve() {
    let curve = fit(&flat(730), &market());
    let days = [0, 1, 15, 60, 120, 250, 365, 500, 729];
    let reference = [
        2_400_188, 2_399_232, 2_385_785, 2_340_248, 2_284_425, 2_221_113, 2_128_686, 1_973_921,
        1_700_066,
    ];
    for (found, reference) in at(&curve, &days).iter().zip(reference) {
        assert!(found.abs_diff(reference) <= 1, "{found}, reference {reference}");
    }
    let asked = [(0, 1), (10, 31), (150, 30), (283, 82), (500, 30), (700, 30), (729, 1)];
    let reference = [
        (2_400_188, 4_929),
        (2_375_937, 7_004),
        (2_258_010, 21_372),
        (2_167_299, 57_454),
        (1_956_273, 86_246),
        (1_716_959, 196_650),
        (1_700_066, 214_525),
    ];
    assert_near(&means(&curve, &asked), &reference, "two years");
}

/// CURVE-001: with a shape of a decline, weekends and a launch; the reference as above.
#[test]
fn curve_001_a_shaped_curve_agrees_with_a_dense_solve() {
    let (work, rest) = (Ppm::ONE, Ppm::new(970_000));
    let shape = Shape {
        year_factor: Ppm::new(800_000),
        week: [work, work, work, work, work, rest, rest],
        first_weekday: 1,
        launches: vec![Launch { day: 200, factor: Ppm::new(850_000), half_life_days: 60 }],
    };
    let contracts: Vec<_> = market().into_iter().take(7).collect();
    let curve = fit(&shape.logs(400).expect("a shape"), &contracts);
    let reference = [2_401_001, 2_324_295, 2_289_500, 2_315_965, 2_197_245, 2_206_244];
    for (found, reference) in at(&curve, &[0, 5, 60, 199, 260, 399]).iter().zip(reference) {
        assert!(found.abs_diff(reference) <= 3, "{found}, reference {reference}");
    }
    let reference = [(2_161_396, 80_297), (2_398_234, 4_973)];
    assert_near(&means(&curve, &[(300, 30), (6, 1)]), &reference, "shaped");
}

/// CURVE-002: one contract gives a level, and a deviation that grows with the distance from it.
#[test]
fn curve_002_one_contract_is_a_level_that_grows_unsure() {
    let curve = fit(&flat(730), &[contract(0, 1, 2_400_000, 5_000)]);
    assert!(curve.daily().iter().all(|price| price.micros() == 2_400_000));
    let found = means(&curve, &[(0, 1), (10, 31), (150, 30), (283, 82), (500, 30), (729, 1)]);
    let sure: Vec<i64> = found.iter().map(|(_, conf)| *conf).collect();
    let reference = [5_000, 57_142, 336_514, 596_323, 868_945, 1_182_605];
    for (found, reference) in sure.iter().zip(reference) {
        // The dense inverse has lost as many digits.
        assert!(
            found.abs_diff(reference) <= 1 + reference.unsigned_abs() / 100_000,
            "{found}, reference {reference}"
        );
    }
}

/// CURVE-005: a year at 2.20 bid while its two halves are asked at 2.00 and 2.30: 2.20 against (181 * 2.00 + 184 * 2.30) / 365 = 2.1512329.
#[test]
fn curve_005_a_whole_that_is_dearer_than_its_parts_is_named() {
    let quote = |first, count, bid: i64, ask: i64| Quote {
        days: Days { first, count },
        bid: Some(MicroUsd::new(bid)),
        ask: Some(MicroUsd::new(ask)),
    };
    let quotes = [
        quote(0, 365, 2_200_000, 2_250_000),
        quote(0, 181, 1_950_000, 2_000_000),
        quote(181, 184, 2_250_000, 2_300_000),
        quote(0, 90, 1_000_000, 9_000_000),
    ];
    let found = violations(&quotes);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].whole, found[0].parts.as_slice()), (0, [1, 2].as_slice()));
    assert!(found[0].whole_is_dear);
    assert_eq!(found[0].parts_at, MicroUsd::new(2_151_233), "rounded against the profit");

    let mut cheap = quotes;
    cheap[0] = quote(0, 365, 2_000_000, 2_090_000);
    let found = violations(&cheap);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].whole_is_dear);
    assert_eq!(found[0].parts_at, MicroUsd::new(2_101_232), "(181 * 1.95 + 184 * 2.25) / 365");
    cheap[0] = quote(0, 365, 2_100_000, 2_140_000);
    assert_eq!(violations(&cheap), []);
}

/// CURVE-006: what cannot be on a curve is refused by its field.
#[test]
fn curve_006_nonsense_is_refused_by_name() {
    let params = CurveParams::default();
    let refused = |contracts: &[Contract]| {
        Curve::fit(&params, &flat(30), contracts).expect_err("nonsense").to_string()
    };
    assert_eq!(refused(&[]), "no contract");
    let off = "contract 0: 2 days from day 29 are not within the 30 days of the curve";
    assert_eq!(refused(&[contract(29, 2, 1, 0)]), off);
    let price = "contract 1: price of 0 micro-dollars, not 1 to 10000000000";
    assert_eq!(refused(&[contract(0, 1, 1, 0), contract(1, 1, 0, 0)]), price);
    let spread = "contract 0: half spread of 2 micro-dollars, not 0 to the price";
    assert_eq!(refused(&[contract(0, 1, 1, 2)]), spread);
    assert_eq!(refused(&[contract(0, 1, 1, 0); 65]), "65 contracts, at most 64");
    assert!(matches!(Shape::default().logs(0), Err(CurveError::Length { .. })));
    assert!(matches!(Shape::default().logs(1_097), Err(CurveError::Length { .. })));
    let wide = Shape { year_factor: Ppm::new(1), ..Shape::default() };
    let found = wide.logs(10).expect_err("a factor").to_string();
    assert_eq!(found, "year_factor is not within a tenth to ten times");
    let wide = CurveParams { bend: Ppm::ZERO, ..params };
    let found = Curve::fit(&wide, &flat(30), &[contract(0, 1, 1, 0)]).expect_err("a bend");
    assert_eq!(found.to_string(), "bend is not within 1 to 100,000 millionths a day");
}

/// The worked example of `docs/curve.md`: bend 0.05 of 2.15 is 107,500; the half spreads and the slope are scaled to keep the ratio.
#[test]
fn curve_001_two_days_by_hand() {
    let params = CurveParams { bend: Ppm::new(50_000), slope_days: 1, ..CurveParams::default() };
    let quotes = [contract(0, 1, 2_000_000, 215_000), contract(1, 1, 2_300_000, 215_000)];
    let curve = Curve::fit(&params, &flat(2), &quotes).expect("a curve");
    assert_eq!(at(&curve, &[0, 1]), [2_133_333, 2_166_667]);
}

fn contracts() -> impl Strategy<Value = Vec<Contract>> {
    let one = (0_u32..700, 1_u32..365, 1_000_000_i64..4_000_000, 0_i64..200_000);
    let one = one.prop_map(|(first, count, price, half_spread)| {
        contract(first, count.min(730 - first), price, half_spread)
    });
    prop::collection::vec(one, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// CURVE-003: contracts of one price make a flat curve at it, whatever their days and spreads.
    #[test]
    fn curve_003_one_price_is_a_flat_curve(contracts in contracts(), price in 1_i64..1_000_000_000) {
        let level = |it: &Contract| contract(it.days.first, it.days.count, price, 0);
        let contracts: Vec<_> = contracts.iter().map(level).collect();
        let curve = fit(&flat(730), &contracts);
        prop_assert!(curve.daily().iter().all(|day| day.micros() == price), "{:?}", curve.daily());
    }

    /// CURVE-004: the order of the contracts does not matter beyond a micro-dollar, every price and deviation exists, and one more contract
    /// never makes the curve less sure of anything by more than rounding.
    #[test]
    fn curve_004_a_curve_minds_no_order_and_learns_from_every_contract(
        contracts in contracts(),
        first in 0_u32..700,
        count in 1_u32..30,
    ) {
        let asked = Days { first, count };
        let params = CurveParams { bend: Ppm::new(50), ..CurveParams::default() };
        // All around one price, because the bend is a share of their mean.
        let near = |it: &Contract| contract(it.days.first, it.days.count, 2_000_000, it.half_spread.micros());
        let same: Vec<_> = contracts.iter().map(near).collect();
        let curve = Curve::fit(&params, &flat(730), &same).expect("a curve");
        if let [_, rest @ ..] = same.as_slice() && !rest.is_empty() {
            let fewer = Curve::fit(&params, &flat(730), rest).expect("a curve");
            let (more, less) = (curve.conf(asked).expect("on it"), fewer.conf(asked).expect("on it"));
            prop_assert!(more.micros() <= less.micros() + 1, "{more:?} {less:?}");
        }
        let curve = fit(&flat(730), &contracts);
        let turned: Vec<_> = contracts.iter().rev().copied().collect();
        let turned = fit(&flat(730), &turned);
        for (one, other) in curve.daily().iter().zip(turned.daily()) {
            prop_assert!(one.micros().abs_diff(other.micros()) <= 2, "{one:?} {other:?}");
        }
    }
}
