//! What holds whatever is quoted.

use borsh::BorshDeserialize;
use instruments::{MicroUsd, Ppm};
use oracle::{Index, NanoLog, Print, State, Vote, interquantile_mean, weighted_median};
use proptest::prelude::*;

use crate::book::{Quotes, micros, moved};

/// From a tenth of a cent to a thousand dollars.
fn any_price() -> impl Strategy<Value = i64> {
    1_000..1_000_000_000_i64
}

/// Prices of things that could be the same.
fn near_price() -> impl Strategy<Value = i64> {
    1_500_000..4_000_000_i64
}

/// Per tick and provider a price or silence.
fn any_history(price: impl Strategy<Value = i64>) -> impl Strategy<Value = Vec<Vec<Option<i64>>>> {
    let quote = prop::option::weighted(0.8, price);
    prop::collection::vec(prop::collection::vec(quote, 7), 1..30)
}

fn run(history: &[Vec<Option<i64>>]) -> (Quotes, Vec<Print>) {
    let mut quotes = Quotes::of(&[]);
    let prints = history
        .iter()
        .map(|prices| {
            quotes.prices.clone_from(prices);
            quotes.tick()
        })
        .collect();
    (quotes, prints)
}

proptest! {
    /// ORACLE-002: a tick has a value or a reason, never both and never neither, and a confidence between the least claim and the whole.
    #[test]
    fn a_tick_is_a_value_or_a_reason(history in any_history(any_price())) {
        let (_, prints) = run(&history);
        for (print, prices) in prints.iter().zip(&history) {
            prop_assert_eq!(print.value.is_none(), matches!(print.state, State::Withheld(_)));
            prop_assert!(print.value.is_none_or(|value| MicroUsd::ZERO < value));
            prop_assert!((5_000..=1_000_000).contains(&print.conf.ppm()), "{:?}", print.conf);
            let quoted = prices.iter().flatten().count();
            prop_assert!(usize::try_from(print.providers).unwrap() <= quoted);
        }
    }

    /// ORACLE-003: the order in which quotes arrive does not matter.
    #[test]
    fn the_order_of_the_quotes_does_not_matter(history in any_history(near_price()), rotation in 0..7_usize) {
        let (mut quotes, _) = run(&history);
        let mut other = quotes.clone();
        let mut observations = quotes.observations();
        let print = quotes.index.tick(quotes.now, &observations);
        observations.reverse();
        let pivot = rotation.min(observations.len());
        observations.rotate_left(pivot);
        prop_assert_eq!(other.index.tick(other.now, &observations), print);
        prop_assert_eq!(other.index, quotes.index);
    }

    /// ORACLE-004: when one provider asks more and the others ask the same, the index does not fall.
    #[test]
    fn the_index_never_falls_when_a_quote_rises(
        history in any_history(near_price()),
        who in 0..7_usize,
        more in 1..1_000_000_000_i64,
    ) {
        let (mut quotes, _) = run(&history);
        let mut dearer = quotes.clone();
        dearer.prices[who] = dearer.prices[who].map(|price| price + more);
        let (print, dearer) = (quotes.tick(), dearer.tick());
        prop_assert_eq!(print.value.is_some(), dearer.value.is_some());
        prop_assert!(print.value <= dearer.value, "{:?} > {:?}", print, dearer);
    }

    /// ORACLE-005: in another currency it is the same index.
    #[test]
    fn the_index_scales_with_all_quotes(history in any_history(near_price()), factor in 2..1_000_i64) {
        let scaled: Vec<Vec<Option<i64>>> = history
            .iter()
            .map(|tick| tick.iter().map(|price| price.map(|price| price * factor)).collect())
            .collect();
        let (_, prints) = run(&history);
        let (_, scaled) = run(&scaled);
        for (print, scaled) in prints.iter().zip(&scaled) {
            prop_assert_eq!(print.value.is_some(), scaled.value.is_some());
            let (Some(value), Some(scaled)) = (print.value, scaled.value) else { continue };
            let error = (value.micros() * factor - scaled.micros()).abs();
            prop_assert!(error <= factor + value.micros() * factor / 5_000_000, "{error}");
        }
    }

    /// ORACLE-006: one quote of any size among an exact consensus moves the index by no more than the winsor band.
    #[test]
    fn one_wild_quote_moves_a_consensus_by_at_most_the_band(
        providers in 4..12_usize,
        price in near_price(),
        wild in 1..1_000_000_000_000_i64,
        calm in 1..60_usize,
    ) {
        let mut quotes = Quotes::of(&vec![price; providers]);
        quotes.ticks(calm);
        quotes.prices[0] = Some(wild);
        // Five per cent up in the logarithm are 5.13 in the price.
        prop_assert!(moved(price, micros(&quotes.tick())) <= 51_300);
    }

    /// ORACLE-011: the same observations give the same prints and the same state, also through its bytes.
    #[test]
    fn a_replay_is_the_same_to_the_bit(history in any_history(any_price()), cut in 0..30_usize) {
        let (whole, prints) = run(&history);
        let cut = cut.min(history.len());
        let (before, first) = run(&history[..cut]);
        let bytes = borsh::to_vec(&before.index).unwrap();
        let mut restored = Quotes { index: Index::try_from_slice(&bytes).unwrap(), ..before };
        let rest = history[cut..].iter().map(|prices| {
            restored.prices.clone_from(prices);
            restored.tick()
        });
        let again: Vec<Print> = first.into_iter().chain(rest).collect();
        prop_assert_eq!(again, prints);
        prop_assert_eq!(borsh::to_vec(&restored.index).unwrap(), borsh::to_vec(&whole.index).unwrap());
    }

    /// ORACLE-004: both averages are monotone in every vote, and lie among the votes.
    #[test]
    fn the_averages_are_monotone_and_lie_among_the_votes(
        votes in prop::collection::vec((-50_000_000_000..50_000_000_000_i64, 1..2_000_000_u32), 1..20),
        who in any::<prop::sample::Index>(),
        more in 0..50_000_000_000_i64,
    ) {
        let votes: Vec<Vote> =
            votes.into_iter().map(|(at, mass)| Vote { at: NanoLog::new(at), mass }).collect();
        let mut raised = votes.clone();
        let who = who.index(votes.len());
        raised[who].at = raised[who].at.plus(NanoLog::new(more));
        let tenth = Ppm::new(100_000);
        prop_assert!(weighted_median(&votes) <= weighted_median(&raised));
        let mean = interquantile_mean(&votes, tenth).unwrap();
        prop_assert!(mean <= interquantile_mean(&raised, tenth).unwrap());
        let all = || votes.iter().map(|vote| vote.at);
        prop_assert!(all().min().unwrap() <= mean && mean <= all().max().unwrap());
    }
}
