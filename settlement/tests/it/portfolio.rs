//! MARGIN: portfolio margin by scenarios.

use instruments::{AccountId, InstrumentId, MicroUsd, NetQty, Ppm, Qty, Side};
use settlement::{
    Beyond, LANES, Leg, RiskArray, RiskBook, RiskComponents, RiskOrder, RiskParameters, RiskSeries,
    SCENARIOS, ScenarioTerms, scan_risk,
};

use crate::risk_world::{OptionTerms, array};
use crate::world::usd;

const ONE: AccountId = AccountId(1);

/// The parameters of the published portfolios.
fn published() -> RiskParameters {
    RiskParameters {
        roll_rate: Ppm::new(10_000),
        contingency_rate: Ppm::ZERO,
        ..RiskParameters::liquid()
    }
}

fn book(parameters: &RiskParameters) -> RiskBook {
    let mut book = RiskBook::default();
    book.set_parameters(0, parameters);
    book
}

fn list(book: &mut RiskBook, id: u64, expiry: u64, array: RiskArray, minimum: &str) {
    let (expiry, short_minimum) = (InstrumentId(expiry), usd(minimum));
    let terms = RiskSeries { grade: 0, expiry, array: Some(array), short_minimum };
    book.set_series(InstrumentId(id), &terms);
}

/// A future of one hour.
fn list_future(book: &mut RiskBook, id: u64, value: &str) {
    let array = RiskArray::of_future(&published(), usd(value)).expect("in range");
    list(book, id, id, array, "0");
}

fn hold(book: &mut RiskBook, id: u64, lots: i64) {
    let leg = Leg::new(NetQty::from_lots(lots), Qty::ZERO, Qty::ZERO);
    book.set_leg(ONE, InstrumentId(id), leg);
}

fn parts(book: &RiskBook) -> RiskComponents {
    book.components(ONE).map(|(_, parts)| parts).next().unwrap_or_default()
}

fn order(id: u64, side: Side, lots: u64) -> RiskOrder {
    let (instrument, qty) = (InstrumentId(id), Qty::from_lots(lots));
    RiskOrder { account: ONE, instrument, side, qty }
}

#[test]
fn margin_024_a_future_moves_in_a_straight_line_and_stays_at_the_ends_of_the_range() {
    let array = RiskArray::of_future(&RiskParameters::liquid(), usd("2.5")).expect("in range");
    let lanes = array.lanes();
    for (step, moved) in (0_usize..).zip([-500_000, -375_000, -250_000, -125_000, 0]) {
        assert_eq!(lanes[step * 3..step * 3 + 3], [moved; 3]);
        assert_eq!(lanes[(8 - step) * 3..(8 - step) * 3 + 3], [-moved; 3]);
    }
    assert_eq!(lanes[27..29], [-500_000; 2]);
    assert_eq!(lanes[29..35], [500_000; 6]);
    assert_eq!(array.delta(), 2_500_000);
    // A step of 5 % of 13 micro-dollars is 0.65, to the nearest 1; of 50 it is 2.5, to the even neighbour 2.
    for (value, step) in [(13, 1), (50, 2), (70, 4)] {
        let tiny = RiskArray::of_future(&RiskParameters::liquid(), MicroUsd::new(value));
        let tiny = *tiny.expect("in range").lanes();
        assert_eq!([tiny[15], tiny[18], tiny[21], tiny[24]], [1, 2, 3, 4].map(|k| k * step));
        assert_eq!([tiny[9], tiny[6], tiny[3], tiny[0]], [-1, -2, -3, -4].map(|k| k * step));
    }
    let beyond = MicroUsd::new(RiskArray::LANE_MAX + 1);
    assert_eq!(RiskArray::of_future(&RiskParameters::liquid(), beyond), None);
}

/// MARGIN-023, MARGIN-025: the published calendar.
#[test]
fn margin_025_what_offsets_between_two_expiries_is_charged_on_both_sides() {
    let mut book = book(&published());
    list_future(&mut book, 1, "2.5");
    list_future(&mut book, 2, "2.4");
    hold(&mut book, 1, 5_000);
    hold(&mut book, 2, -5_000);
    let gains = book.gains(ONE, 0);
    let dollars = [-100, -75, -50, -25, 0, 25, 50, 75, 100].map(|gain: i64| [gain * 1_000_000; 3]);
    assert_eq!(gains[..27], *dollars.as_flattened());
    assert_eq!(gains[27..], [-100, -100, 100, 100, 100, 100, 100, 100].map(|g| g * 1_000_000));
    let parts = parts(&book);
    assert_eq!((parts.scan, parts.roll), (usd("100"), usd("240")));
    assert_eq!((parts.initial, parts.maintenance), (usd("340"), usd("272")));
    // What is not offset is not charged: 4,000 lots of 2.4 against 12,500 of the other.
    hold(&mut book, 2, -4_000);
    assert_eq!(self::parts(&book).roll, usd("192"));
}

/// MARGIN-023: the published strangle, whose arrays are computed here in floating point and rounded to micro-dollars.
#[test]
fn margin_023_the_largest_loss_over_35_scenarios() {
    let parameters = published();
    let call = OptionTerms { is_call: true, strike: 3.0, future: 2.5, iv: 0.9, days: 30.0 };
    let put = OptionTerms { is_call: false, strike: 2.0, iv: 0.95, ..call };
    let mut book = book(&parameters);
    list(&mut book, 2, 1, array(&parameters, call), "0.025");
    list(&mut book, 3, 1, array(&parameters, put), "0.025");
    hold(&mut book, 2, -1_000);
    hold(&mut book, 3, -1_000);
    let near = |found: i64, published: f64| {
        // Each of two arrays is off by half a micro-dollar a lot at most.
        let distance = found as f64 / 1e6 - published;
        assert!(distance.abs() <= 0.001, "{found} {published}");
    };
    for (gain, published) in book.gains(ONE, 0).into_iter().zip(STRANGLE) {
        near(gain, published);
    }
    let parts = parts(&book);
    near(parts.scan.micros(), 473.211123434959);
    near(parts.initial.micros(), 473.211123434959);
    near(parts.maintenance.micros(), 378.568898747967);
    assert_eq!((parts.roll, parts.short_option_minimum), (usd("0"), usd("50")));
}

const STRANGLE: [f64; SCENARIOS] = [
    15.9452392679889,
    -62.5250624663093,
    -207.532371105191,
    62.8616623550692,
    -23.9330013259396,
    -184.541157469929,
    92.566633913469,
    -0.899201113874279,
    -174.506031241123,
    106.023449518894,
    6.89579952892587,
    -176.916430992754,
    104.030039656267,
    0.0,
    -191.13593859965,
    87.1048958963575,
    -20.8629050548835,
    -216.443017356434,
    55.6227669180221,
    -54.83189059529,
    -252.065361251752,
    10.0376157124298,
    -100.94123353834,
    -297.208034444459,
    -48.9399597799444,
    -158.152443373322,
    -351.075862349446,
    -297.894806063493,
    -199.821799799282,
    -326.576885018668,
    -378.226576397831,
    -433.453320048683,
    -455.375466992515,
    -466.515517433507,
    -473.211123434959,
];

#[test]
fn margin_026_short_options_cost_their_minimum_when_no_scenario_hurts() {
    let mut book = book(&published());
    list(&mut book, 2, 1, RiskArray::new([0; LANES]).expect("in range"), "0.025");
    hold(&mut book, 2, -1_000);
    let parts = parts(&book);
    assert_eq!((parts.scan, parts.initial), (usd("0"), usd("25")));
    assert_eq!(parts.maintenance, usd("20"));
    // A seller of what it holds is not short; one lot more is.
    hold(&mut book, 2, 10);
    book.order_opened(&order(2, Side::Sell, 10));
    assert_eq!(book.initial(ONE), usd("0"));
    assert_eq!(book.required_with(&order(2, Side::Sell, 1)), Ok(usd("0.025")));
}

#[test]
fn margin_027_net_delta_beyond_the_threshold_is_charged() {
    let parameters = RiskParameters {
        contingency_rate: Ppm::new(6_000),
        contingency_from: usd("1000"),
        ..published()
    };
    let mut book = book(&parameters);
    list_future(&mut book, 1, "2.5");
    hold(&mut book, 1, 400);
    assert_eq!(parts(&book).contingency, usd("0"));
    hold(&mut book, 1, -1_000);
    // 2,500 short, 1,500 beyond, 0.6 % of that.
    assert_eq!(parts(&book).contingency, usd("9"));
}

/// MARGIN-028, with the published 16 scenarios: the last two are twice the range and count 35 %.
#[test]
fn margin_028_an_extreme_scenario_counts_for_its_share() {
    let whole = ScenarioTerms { cover: Ppm::ONE };
    let mut terms = vec![whole; 14];
    terms.extend([ScenarioTerms { cover: Ppm::new(350_000) }; 2]);
    let future = [0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3];
    let future = future.map(|third: i64| {
        [0, 3_330, 6_670, 10_000][third.unsigned_abs() as usize] * third.signum()
    });
    let call: [i64; 14] = [
        -460, 610, -2_640, -1_730, 1_270, 2_340, -5_210, -4_540, 2_540, 3_430, -8_060, -7_640,
        3_380, 3_990,
    ];
    let mut write: Vec<i64> = future.iter().zip(call).map(|(future, call)| future + call).collect();
    // Uncovered: the future moves by 20,000; 35 % of that are the 7,000 that are published.
    write.extend([20_000 - 8_943, -20_000 + 4_286]);
    assert_eq!(
        write[..14],
        [
            -460, 610, 690, 1_600, -2_060, -990, 1_460, 2_130, -4_130, -3_240, 1_940, 2_360,
            -6_620, -6_010
        ]
    );
    assert_eq!(scan_risk(&write, &terms), Some(MicroUsd::new(6_620)));
    let mut long = future.to_vec();
    long.extend([20_000, -20_000]);
    assert_eq!(scan_risk(&long, &terms), Some(MicroUsd::new(10_000)));
    assert_eq!(scan_risk(&long[14..], &terms[14..]), Some(MicroUsd::new(7_000)));
    assert_eq!(scan_risk(&[5, 0], &[]), Some(MicroUsd::ZERO));
}

#[test]
fn margin_029_an_order_that_does_not_raise_what_is_required_fits_whatever_there_is() {
    let mut book = book(&published());
    list_future(&mut book, 1, "2.5");
    list_future(&mut book, 2, "2.4");
    hold(&mut book, 1, 100);
    let with = |side, lots| book.required_with(&order(1, side, lots));
    assert_eq!(with(Side::Sell, 100), Ok(usd("50")));
    assert_eq!(with(Side::Sell, 200), Ok(usd("50")));
    assert_eq!(with(Side::Sell, 201), Ok(usd("50.5")));
    assert_eq!(with(Side::Buy, 1), Ok(usd("50.5")));
    let (one, required) = (order(1, Side::Buy, 1), usd("50.5"));
    assert_eq!(book.check(&one, usd("50.499999")), Err(Beyond::Margin { required }));
    assert_eq!(book.check(&one, required), Ok(()));
    // A hedge in another month is none before it has traded.
    assert_eq!(book.required_with(&order(2, Side::Sell, 100)), Ok(usd("54.8")));
}

#[test]
fn margin_030_where_a_sum_is_not_exact_nothing_fits() {
    let mut book = book(&published());
    list_future(&mut book, 1, "2.5");
    hold(&mut book, 1, 1);
    assert_eq!(
        book.check(&order(1, Side::Buy, 1 << 40), MicroUsd::new(i64::MAX)),
        Err(Beyond::OutOfRange)
    );
    assert_eq!(book.check(&order(9, Side::Buy, 1), usd("1")), Err(Beyond::OutOfRange));
    // A series that has lost its array takes its holders out of range, and back when it has one again.
    let expiry = InstrumentId(1);
    let none = RiskSeries { grade: 0, expiry, array: None, short_minimum: MicroUsd::ZERO };
    book.set_series(expiry, &none);
    assert!(usd("100000000000") < book.initial(ONE));
    list_future(&mut book, 1, "2.5");
    assert_eq!(book.initial(ONE), usd("0.5"));
}
