//! LEDGER: an account's day on one page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use exchange::{Exchange, Movement, Statement};
use expect_test::{Expect, expect};
use instruments::{AccountId, Date, MicroUsd, NanosSpan};
use proptest::prelude::*;
use settlement::{Bucket, Reason};

use crate::any_day::{act, any_acts, morning};
use crate::render::{self, usd};
use crate::script::Desk;

/// A statement in words.
fn words(exchange: &Exchange, statement: &Statement) -> String {
    let whose = statement
        .whose
        .map_or("the house".to_owned(), |account| render::account_name(exchange, account));
    let Date { year, month, day } = statement.day;
    let mut out = format!("{whose} {year}-{month:02}-{day:02}\n");
    let line = |out: &mut String, text: String| writeln!(out, "  {text}").unwrap();
    for (bucket, balance) in &statement.opening {
        line(&mut out, format!("opening {} {}", bucket.name(), usd(*balance)));
    }
    for ((bucket, reason), movement) in &statement.movements {
        let Movement { transfers, received, paid } = movement;
        let (bucket, reason) = (bucket.name(), reason.name());
        let sums = format!("+{} -{}", usd(*received), usd(*paid));
        line(&mut out, format!("{bucket} {reason} {sums} in {transfers}"));
    }
    for (instrument, traded) in &statement.trades {
        let name = &exchange.series_by_id(*instrument).unwrap().instrument.name;
        let (bought, sold) = (traded.bought.lots(), traded.sold.lots());
        let (trades, fees) = (traded.trades, usd(traded.fees));
        line(&mut out, format!("{name}: {trades} trades, +{bought} -{sold}, fees {fees}"));
    }
    for (instrument, amount) in &statement.variation {
        let name = &exchange.series_by_id(*instrument).unwrap().instrument.name;
        line(&mut out, format!("{name}: variation {}", usd(*amount)));
    }
    for (obligation, sum) in &statement.deliveries {
        let (pay, damages) = (usd(sum.pay), usd(sum.damages));
        let intervals = sum.intervals;
        line(
            &mut out,
            format!("{obligation}: {intervals} intervals, pay {pay}, damages {damages}"),
        );
    }
    for (bucket, balance) in &statement.closing {
        line(&mut out, format!("closing {} {}", bucket.name(), usd(*balance)));
    }
    out
}

#[track_caller]
fn check(desk: &mut Desk, whose: &str, expected: &Expect) {
    let world = &mut desk.world;
    let account = world.exchange.account_by_name(whose);
    let ended = world.drawn_up.clone().into_iter().chain(world.statements.clone().finish());
    let mine = ended.filter(|statement| statement.whose == account);
    let text: String = mine.map(|statement| words(&world.exchange, &statement)).collect();
    expected.assert_eq(&text);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one day from its first line to its last")]
fn ledger_017_a_day_on_one_page() {
    let mut desk = Desk::morning();
    desk.run(
        "
        alice buy 2 @ 2.5
        bob sell 1 @ 2.5
        alice cancel all
        withdraw alice 100
        index H100 2.6
        run 3h
        bob nominates bb
        challenge D-1/0
        run 30h
        ",
    );
    check(
        &mut desk,
        "alice",
        &expect![[r#"
        alice 2026-12-01
          cash deposit +1000 -0 in 1
          cash withdrawal +0 -100 in 1
          cash order_hold +24.06 -24.06 in 3
          cash position_margin +12.48 -12.48 in 3
          cash variation +2.4 -0 in 1
          cash delivery_escrow +31.2 -62.4 in 2
          cash damages +7.8 -0 in 1
          order_hold order_hold +24.06 -24.06 in 3
          position_margin position_margin +12.48 -12.48 in 3
          delivery_escrow delivery_escrow +62.4 -31.2 in 2
          H100D: 1 trades, +1 -0, fees 0
          H100D: variation 2.4
          D-1: 1 intervals, pay 0, damages 7.8
          closing cash 879
          closing delivery_escrow 31.2
        alice 2026-12-02
          opening cash 879
          opening delivery_escrow 31.2
          cash delivery_escrow +31.2 -0 in 1
          delivery_escrow delivery_escrow +0 -31.2 in 1
          D-1: 1 intervals, pay 0, damages 0
          closing cash 910.2
    "#]],
    );
    check(
        &mut desk,
        "bob",
        &expect![[r#"
        bob 2026-12-01
          cash deposit +1000 -0 in 1
          cash position_margin +12.48 -12.48 in 3
          cash fee +0 -0.03 in 1
          cash variation +0 -2.4 in 1
          cash bond +0 -15.6 in 1
          position_margin position_margin +12.48 -12.48 in 3
          bond bond +15.6 -0 in 1
          bond damages +0 -7.8 in 1
          H100D: 1 trades, +0 -1, fees 0.03
          H100D: variation -2.4
          D-1: 1 intervals, pay 0, damages 7.8
          closing cash 981.97
          closing bond 7.8
        bob 2026-12-02
          opening cash 981.97
          opening bond 7.8
          cash bond +7.8 -0 in 1
          bond bond +0 -7.8 in 1
          D-1: 1 intervals, pay 0, damages 0
          closing cash 989.77
    "#]],
    );
    check(
        &mut desk,
        "nobody",
        &expect![[r#"
        the house 2026-12-01
          custody deposit +0 -3000 in 3
          custody withdrawal +100 -0 in 1
          fees fee +0.03 -0 in 1
          suspense variation +2.4 -2.4 in 2
          closing custody -2900
          closing fees 0.03
    "#]],
    );
}

fn any_balances(all: &BTreeMap<Option<AccountId>, Statement>) -> BTreeMap<Bucket, MicroUsd> {
    all.values().flat_map(|statement| statement.closing.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// LEDGER-017, LEDGER-018: on any days every statement goes on where the last one ended, the statements of a day sum to zero, and what
    /// they say at last is the ledger.
    #[test]
    fn the_statements_of_any_days_add_up(acts in any_acts(), leap in 0..40_u64) {
        let mut world = morning();
        world.is_watched = false;
        for (place, one) in acts.iter().enumerate() {
            act(&mut world, one);
            if place % 40 == 39 {
                world.run(NanosSpan::from_seconds(leap * 3_600));
            }
        }
        world.run(NanosSpan::from_seconds(50 * 3_600));
        let mut last: BTreeMap<Option<AccountId>, Statement> = BTreeMap::new();
        let mut days: BTreeMap<Date, MicroUsd> = BTreeMap::new();
        let ended = world.drawn_up.clone().into_iter().chain(world.statements.clone().finish());
        for statement in ended {
            let before = last.get(&statement.whose);
            let closing = before.map(|before| before.closing.clone()).unwrap_or_default();
            prop_assert_eq!(&statement.opening, &closing);
            prop_assert!(before.is_none_or(|before| before.day < statement.day));
            let net: BTreeMap<Reason, MicroUsd> = statement.net_by_reason();
            let moved: MicroUsd = net.values().copied().sum();
            prop_assert_eq!(statement.equity_opening() + moved, statement.equity_closing());
            if statement.whose.is_some() {
                let variation: MicroUsd = statement.variation.values().copied().sum();
                prop_assert_eq!(net.get(&Reason::Variation).copied().unwrap_or_default(), variation);
                let fees: MicroUsd = statement.trades.values().map(|traded| traded.fees).sum();
                prop_assert_eq!(net.get(&Reason::Fee).copied().unwrap_or_default(), -fees);
            }
            *days.entry(statement.day).or_default() += moved;
            last.insert(statement.whose, statement);
        }
        prop_assert!(days.values().all(|sum| *sum == MicroUsd::ZERO), "{:?}", days);
        let ledger: BTreeMap<_, _> = world.exchange.ledger().balances().collect();
        prop_assert_eq!(any_balances(&last), ledger);
    }
}
