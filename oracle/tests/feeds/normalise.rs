//! Offers restated to the reference configuration.

use std::sync::LazyLock;

use instruments::MicroUsd;
use oracle::io::feeds::factors;
use oracle::{
    ADJUSTMENT_MAX, Configuration, Difference, Factor, Factors, FactorsError, Market, NanoLog,
    NotComparable,
};
use proptest::prelude::*;

static FACTORS: LazyLock<Factors> = LazyLock::new(|| factors().expect("factors"));
const TWO: MicroUsd = MicroUsd::new(2_000_000);

fn restated(offer: Configuration) -> Result<(i64, i64), NotComparable> {
    let normalised = factors().expect("factors").normalise(TWO, &offer)?;
    Ok((normalised.price.micros(), normalised.adjustment.nanos()))
}

/// FEED-007: each difference moves the price by its factor, and the reference is not moved at all.
#[test]
fn feed_007_an_offer_is_restated_by_the_factors_of_its_epoch() {
    let reference = Configuration::REFERENCE;
    for (offer, moved) in [
        (reference, (2_000_000, 0)),
        (Configuration { gpus: 64, ..reference }, (2_000_000, 0)),
        (Configuration { gpus: 4, ..reference }, (2_030_226, 15_000_000)),
        (Configuration { gpus: 1, ..reference }, (2_092_056, 45_000_000)),
        (Configuration { gpus: 6, ..reference }, (2_012_490, 6_225_562)),
        (Configuration { is_verified: Some(false), ..reference }, (2_878_148, 364_000_000)),
        (Configuration { is_verified: Some(true), ..reference }, (2_000_000, 0)),
        (Configuration { is_community: Some(true), ..reference }, (2_600_000, 262_364_264)),
        (Configuration { market: Market::Spot, ..reference }, (2_900_000, 371_563_556)),
        (Configuration { is_linked: Some(false), ..reference }, (2_240_000, 113_328_685)),
    ] {
        assert_eq!(restated(offer), Ok(moved), "{offer:?}");
    }
}

/// FEED-008: beyond a factor of 1.75 it is another product.
#[test]
fn feed_008_an_offer_that_differs_too_much_is_refused() {
    let bare = Configuration {
        is_verified: Some(false),
        is_datacentre: Some(false),
        ..Configuration::REFERENCE
    };
    let adjustment = NanoLog::new(643_000_000);
    assert_eq!(restated(bare), Err(NotComparable::TooFar { adjustment }));
    let none = Configuration { gpus: 0, ..Configuration::REFERENCE };
    assert_eq!(restated(none), Err(NotComparable::Size { gpus: 0 }));
}

/// FEED-007: a set of factors has each difference once.
#[test]
fn feed_007_a_set_of_factors_is_complete() {
    let mut all: Vec<Factor> = factors().expect("factors").factors().to_vec();
    let dropped = all.pop().expect("a factor").difference;
    let refused = Factors::new(2, all.clone());
    assert_eq!(refused, Err(FactorsError::Count { difference: dropped, count: 0 }));
    let adds = ADJUSTMENT_MAX.plus(NanoLog::new(1));
    all.push(Factor { difference: dropped, adds, source: "too much".to_owned() });
    let refused = Factors::new(2, all);
    assert_eq!(refused, Err(FactorsError::TooFar { difference: dropped, adds }));
    assert_eq!(dropped, Difference::HalfSize);
}

proptest! {
    /// FEED-007, FEED-008: what is restated is between the price and 1.75 times it, or its inverse, and never falls when the price rises.
    #[test]
    fn feed_007_restating_is_monotone_and_bounded(
        micros in 1_000..10_000_000_000_i64,
        gpus in 1..64_u32,
        verified in any::<Option<bool>>(),
        datacentre in any::<Option<bool>>(),
    ) {
        let offer = Configuration {
            gpus,
            is_verified: verified,
            is_datacentre: datacentre,
            ..Configuration::REFERENCE
        };
        let factors = &*FACTORS;
        let of = |micros| factors.normalise(MicroUsd::new(micros), &offer).map(|it| it.price.micros());
        if let (Ok(price), Ok(higher)) = (of(micros), of(micros + micros / 100)) {
            prop_assert!(micros - 1 <= price && price <= micros * 7 / 4 + 2);
            prop_assert!(price <= higher);
        }
    }
}
