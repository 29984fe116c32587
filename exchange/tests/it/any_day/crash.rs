//! Days on which prices run away.

use super::*;

/// An order that trades a position as large as the account can just carry: alice and bob against dave.
fn any_large_trade() -> impl Strategy<Value = [Act; 2]> {
    let who = prop::sample::select(vec![(1_u64, 90..115_u64), (2, 400..590), (3, 2_000..3_900)]);
    let series = prop_oneof![3 => Just(1_u64), 1 => Just(3)];
    let taker = who.prop_flat_map(|(who, lots)| (Just(who), lots));
    (taker, any_side(), series).prop_map(|((who, lots), side, series)| {
        // A lot of the third series is 24 hours.
        let lots = if series == 3 { lots / 24 } else { lots };
        let order = |who: u64, side: Side| {
            Act::Place(limit(AccountId(who), InstrumentId(series), side, lots, 2_500))
        };
        [order(4, side.opposite()), order(who, side)]
    })
}

/// Prices that run away, and time for what follows: slices, auctions, close-outs, losses beyond all margin.
fn any_crash() -> impl Strategy<Value = Act> {
    let cents = prop_oneof![6 => 215..290_i64, 3 => 100..500_i64, 1 => 1..3_000_i64];
    let default = any_default().prop_map(|command| Act::Default(Box::new(command)));
    let bids = (4..=5_u64, 0..2_u64, -5_000_000..5_000_000_i64)
        .prop_map(|(who, back, micros)| Act::Bid { who, back, micros });
    let series = prop::sample::select(vec![1_u64, 3]);
    let near = (series, any_side(), -90..10_i64, 1..60_u64)
        .prop_map(|(series, side, ticks, lots)| Act::Near { series, side, ticks, lots });
    let grade = prop_oneof![9 => Just("H100"), 1 => any_grade()];
    prop_oneof![
        4 => (grade, prop::option::weighted(0.97, cents))
            .prop_map(|(grade, cents)| Act::Index { grade, cents }),
        10 => (0..1_300_u64).prop_map(|millis| Act::Run(NanosSpan::from_millis(millis))),
        1 => default,
        6 => bids,
        8 => near,
        3 => any_trading(),
    ]
}

/// A day on which prices run away while everybody trades.
pub(crate) fn any_crash_day() -> impl Strategy<Value = Vec<Act>> {
    let index = || ["H100", "A100"].map(|grade| Act::Index { grade, cents: Some(250) });
    let members = prop::collection::vec(any_default(), 4..20)
        .prop_map(|all| all.into_iter().map(|one| Act::Default(Box::new(one))).collect::<Vec<_>>());
    let large = prop::collection::vec(any_large_trade(), 2..7);
    let backstops = || {
        [4, 5].map(|who| {
            let (account, capacity) = (AccountId(who), MicroUsd::new(2_000_000_000));
            Act::Default(Box::new(Command::RegisterBackstop { account, capacity }))
        })
    };
    let crash = prop::collection::vec(any_crash(), 30..120);
    (members, large, crash).prop_map(move |(members, large, crash)| {
        let large = large.into_iter().flatten();
        index().into_iter().chain(backstops()).chain(members).chain(large).chain(crash).collect()
    })
}
