//! The factors of the next epoch, from made-up months whose truth is known.

use instruments::MicroUsd;
use oracle::io::feeds::factors;
use oracle::{
    Configuration, Difference, EstimateError, FACTOR_STEP_MAX, NanoLog, OFFER_ROWS_MAX, OfferRow,
};
use proptest::prelude::*;

const BILLION: i64 = 1_000_000_000;

/// Numbers that look drawn.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A month in which an unverified machine costs e^-`unverified`, one outside a datacentre e^-`outside`, and one row in twelve is absurd.
fn month(rows: usize, unverified: i64, outside: i64) -> Vec<OfferRow> {
    let mut draws = Draws(7);
    let row = |_| {
        let class = u32::try_from(draws.below(3)).expect("small");
        let day = u32::try_from(draws.below(10)).expect("small");
        let is_verified = draws.below(3) != 0;
        let is_datacentre = draws.below(2) == 0;
        let doublings = draws.below(4);
        let noise = i64::try_from(draws.below(100_000_000)).expect("small") - 50_000_000;
        let absurd = if draws.below(12) == 0 { 2 * BILLION } else { 0 };
        let level = 14 * BILLION + i64::from(class) * 400_000_000 + i64::from(day) * 10_000_000
            - if is_verified { 0 } else { unverified }
            - if is_datacentre { 0 } else { outside }
            - (3 - i64::try_from(doublings).expect("small")) * 20_000_000
            + noise
            + absurd;
        OfferRow {
            class,
            day,
            level: NanoLog::new(level),
            configuration: Configuration {
                gpus: 1 << doublings,
                is_verified: Some(is_verified),
                is_datacentre: Some(is_datacentre),
                ..Configuration::REFERENCE
            },
        }
    };
    (0..rows).map(row).collect()
}

fn adds(estimate: &oracle::Estimate, difference: Difference) -> i64 {
    let factor = estimate.factors.factors().iter().find(|it| it.difference == difference);
    factor.expect("a factor").adds.nanos()
}

/// FEED-014: the regression finds what was put in, though one row in twelve is seven times too dear.
#[test]
fn feed_014_a_month_of_offers_gives_the_factors_that_are_in_it() {
    let before = factors().expect("factors");
    let estimate = before.estimate(&month(3_000, 420_000_000, 230_000_000)).expect("an estimate");
    assert_eq!((estimate.rows, estimate.factors.epoch()), (3_000, 2));
    for (difference, truth) in [
        (Difference::Unverified, 420_000_000),
        (Difference::OutsideDatacentre, 230_000_000),
        (Difference::HalfSize, 20_000_000),
    ] {
        let off = (adds(&estimate, difference) - truth).abs();
        assert!(off < 8_000_000, "{difference:?} is off by {off}");
    }
    assert!(
        (20_000_000..40_000_000).contains(&estimate.residual.nanos()),
        "{:?}",
        estimate.residual
    );
    // The same rows give the same bits on every machine.
    assert_eq!(adds(&estimate, Difference::Unverified), 415_637_327);
    assert_eq!(adds(&estimate, Difference::HalfSize), 19_417_270);
}

/// FEED-014: what the rows do not show keeps its factor.
#[test]
fn feed_014_a_difference_that_is_not_shown_keeps_its_factor() {
    let before = factors().expect("factors");
    let estimate = before.estimate(&month(400, 364_000_000, 279_000_000)).expect("an estimate");
    for difference in
        [Difference::Community, Difference::Preemptible, Difference::Reserved, Difference::Ethernet]
    {
        let factor = before.factors().iter().find(|it| it.difference == difference);
        assert_eq!(adds(&estimate, difference), factor.expect("a factor").adds.nanos());
    }
}

/// FEED-014: a flood of listings moves a factor by a tenth, no more.
#[test]
fn feed_014_no_factor_moves_by_more_than_a_tenth_in_an_epoch() {
    let before = factors().expect("factors");
    let flooded = before.estimate(&month(3_000, 1_500_000_000, 0)).expect("an estimate");
    let limit = FACTOR_STEP_MAX.nanos();
    assert_eq!(adds(&flooded, Difference::Unverified), 364_000_000 + limit);
    assert_eq!(adds(&flooded, Difference::OutsideDatacentre), 279_000_000 - limit);
    let (_, found, shown) = flooded.found[0];
    assert!(1_400_000_000 < found.nanos() && 0 < shown, "{found:?}, {shown}");
}

/// FEED-014: what is no offer is refused by its row.
#[test]
fn feed_014_bad_rows_are_refused() {
    let before = factors().expect("factors");
    assert_eq!(before.estimate(&[]), Err(EstimateError::Empty));
    let mut rows = month(3, 0, 0);
    rows[1].configuration.gpus = 0;
    let level = rows[1].level;
    assert_eq!(before.estimate(&rows), Err(EstimateError::Row { row: 1, gpus: 0, level }));
    let mut rows = month(3, 0, 0);
    rows[2].level = NanoLog::new(-1);
    let gpus = rows[2].configuration.gpus;
    let level = NanoLog::new(-1);
    assert_eq!(before.estimate(&rows), Err(EstimateError::Row { row: 2, gpus, level }));
    let many = vec![rows[0]; OFFER_ROWS_MAX + 1];
    assert_eq!(before.estimate(&many), Err(EstimateError::TooMany { len: OFFER_ROWS_MAX + 1 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// FEED-014: the order of the rows changes nothing, nor does a currency in which all prices are three times as high.
    #[test]
    fn feed_014_order_and_scale_do_not_matter(seed in any::<u64>()) {
        let before = factors().expect("factors");
        let rows = month(150, 400_000_000, 250_000_000);
        let estimate = before.estimate(&rows).expect("an estimate");
        let mut shuffled = rows.clone();
        let mut draws = Draws(seed);
        for place in (1..shuffled.len()).rev() {
            let other = usize::try_from(draws.below(u64::try_from(place).unwrap() + 1)).unwrap();
            shuffled.swap(place, other);
        }
        prop_assert_eq!(&before.estimate(&shuffled).expect("an estimate"), &estimate);
        let three = NanoLog::of(MicroUsd::new(3)).expect("a logarithm");
        let scaled: Vec<OfferRow> =
            rows.iter().map(|row| OfferRow { level: row.level.plus(three), ..*row }).collect();
        let scaled = before.estimate(&scaled).expect("an estimate");
        for (one, two) in scaled.found.iter().zip(&estimate.found) {
            prop_assert!(one.1.minus(two.1).abs().nanos() < 1_000, "{one:?} {two:?}");
        }
    }
}
