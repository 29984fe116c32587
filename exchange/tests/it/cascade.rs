//! CASCADE: a year becomes months and quarters, a quarter months, and nobody gains by it.

use exchange::{Command, Event};
use expect_test::expect;
use instruments::{Instrument, NanosSpan, Period, Price, Product, Schedule, Side, Style};
use proptest::prelude::*;

use crate::script::Desk;
use crate::world::{START, World, day_future, limit};

/// The first quarter of 2027, its months and three accounts. The quarter stops after an hour, the months a day later.
const MORNING: &str = "
    open test
    list Q1 quarter hours 2160 trade 1h assign 2h from 100h until 2260h intervals 3 close 3000h
    list JAN month hours 744 trade 25h assign 26h from 100h until 844h intervals 3 close 3000h
    list FEB month hours 672 trade 25h assign 26h from 844h until 1516h intervals 3 close 3000h
";
const MARCH: &str =
    "list MAR month hours 744 trade 25h assign 26h from 1516h until 2260h intervals 3 close 3000h";
const ACCOUNTS: &str = "
    account alice
    account bob
    account carol
    deposit alice 100000
    deposit bob 100000
    deposit carol 100000
";

#[track_caller]
fn check_cascade(listing: &[&str], script: &str, expected: expect_test::Expect) {
    let mut desk = Desk::new();
    for part in listing {
        desk.run(part);
    }
    desk.run(ACCOUNTS);
    desk.out.clear();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// CASCADE-002, CASCADE-003: months at 2.50, 2.40 and 2.35. The quarter is worth 5,221.20 dollars, 2.41722.. a GPU-hour. It is quoted at 2.417, which is 0.48 dollars
/// a lot less: carol, who is short, has been paid them and owes them at the next variation.
#[test]
fn cascade_003_a_quarter_becomes_its_months_at_its_exact_price() {
    check_cascade(
        &[MORNING, MARCH],
        "
        alice buy 3 @ 2.45 in Q1
        carol sell 3 @ 2.45 in Q1
        bob buy 1 @ 2.4 in FEB
        carol sell 1 @ 2.4 in FEB
        bob buy 1 @ 2.35 in MAR
        carol sell 1 @ 2.35 in MAR
        bob buy 1 @ 2.39 in FEB
        carol sell 1 @ 2.41 in FEB
        bob buy 1 @ 2.34 in MAR
        carol sell 1 @ 2.36 in MAR
        run 59m
        show alice
        run 1m
        show alice
        show bob
        show carol
        run 23h
        show alice
        show carol
        ",
        expect![[r#"
            #1 alice buy 3 @ 2.45
            #2 carol sell 3 @ 2.45
            #2 carol sells 3 @ 2.45 with #1 alice, fee 7.938
            #3 bob buy 1 @ 2.4
            #4 carol sell 1 @ 2.4
            #4 carol sells 1 @ 2.4 with #3 bob, fee 0.8064
            #5 bob buy 1 @ 2.35
            #6 carol sell 1 @ 2.35
            #6 carol sells 1 @ 2.35 with #5 bob, fee 0.8742
            #7 bob buy 1 @ 2.39
            #8 carol sell 1 @ 2.41
            #9 bob buy 1 @ 2.34
            #10 carol sell 1 @ 2.36
            FEB mark 2.4
            MAR mark 2.35
            alice: cash 96760 margin 3240 +3 Q1 (324)
            Q1 mark 2.417
            Q1 expired @ 2.417
            Q1 variation alice -213.84
            Q1 variation carol 213.84
            Q1 cascades at 5221.2 a lot into JAN FEB MAR
            Q1 alice ends +3, 0 for delivery
            Q1 carol ends -3, 0 for delivery
            alice: cash 96653.44 margin 3132.72 +3 JAN (186.200001) +3 FEB (-34.719999) +3 MAR (-150.040002)
            bob: cash 98653.75 orders 674.01 margin 672.24 +1 FEB +1 MAR
            carol: cash 95560.6114 orders 838.65 margin 3804.96 -3 JAN (-186.200001) -4 FEB (34.719999) -4 MAR (150.040002)
            JAN settles @ 2.5 by the mark
            FEB settles @ 2.4 by 1 bid and 1 offered
            MAR settles @ 2.35 by 1 bid and 1 offered
            JAN variation alice 186.200001
            JAN variation carol -186.200001
            FEB variation alice -34.719999
            FEB variation carol 34.719999
            MAR variation alice -150.040002
            MAR variation carol 150.040002
            alice: cash 96654.88 margin 3132.72 +3 JAN +3 FEB +3 MAR
            carol: cash 95559.1714 orders 838.65 margin 3804.96 -3 JAN -4 FEB -4 MAR
        "#]],
    );
}

#[test]
fn cascade_004_a_parent_waits_for_its_children_and_cascades_at_the_first_tick() {
    check_cascade(
        &[MORNING],
        "
        alice buy 3 @ 2.45 in Q1
        carol sell 3 @ 2.45 in Q1
        run 2h
        alice buy 3 @ 2.45 in Q1
        show alice
        list MAR month hours 744 trade 25h assign 26h from 1516h until 2260h intervals 3 close 3000h
        tick
        show alice
        show Q1
        ",
        expect![[r#"
            #1 alice buy 3 @ 2.45
            #2 carol sell 3 @ 2.45
            #2 carol sells 3 @ 2.45 with #1 alice, fee 7.938
            Q1 expired @ 2.5
            Q1 variation alice 324
            Q1 variation carol -324
            refused ORDER-003 SeriesExpired
            alice: cash 97084 margin 3240 +3 Q1
            MAR listed
            Q1 cascades at 5400 a lot into JAN FEB MAR
            Q1 alice ends +3, 0 for delivery
            Q1 carol ends -3, 0 for delivery
            alice: cash 97084 margin 3240 +3 JAN +3 FEB +3 MAR
            Q1 Closed, open interest 0
        "#]],
    );
}

#[test]
fn cascade_004_a_parent_that_waits_in_vain_ends_in_money_when_its_delivery_begins() {
    check_cascade(
        &[MORNING],
        "
        alice buy 3 @ 2.45 in Q1
        carol sell 3 @ 2.45 in Q1
        run 99h
        show Q1
        run 1h
        show Q1
        show alice
        show carol
        ",
        expect![[r#"
            #1 alice buy 3 @ 2.45
            #2 carol sell 3 @ 2.45
            #2 carol sells 3 @ 2.45 with #1 alice, fee 7.938
            Q1 expired @ 2.5
            Q1 variation alice 324
            Q1 variation carol -324
            JAN settles @ 2.5 by the mark
            FEB settles @ 2.5 by the mark
            JAN settles @ 2.5 by the mark
            JAN expired @ 2.5
            FEB settles @ 2.5 by the mark
            FEB expired @ 2.5
            Q1 Expired, open interest 3
            Q1 alice ends +3, 0 for delivery
            Q1 carol ends -3, 0 for delivery
            Q1 Closed, open interest 0
            alice: cash 100324
            carol: cash 99668.062
        "#]],
    );
}

/// CASCADE-001, CASCADE-005.
#[test]
fn cascade_001_a_year_becomes_three_months_and_three_quarters() {
    check_cascade(
        &[
            MORNING,
            MARCH,
            "
            list Q2 quarter hours 2184 trade 25h assign 26h from 2260h until 4444h intervals 3 close 9000h
            list Q3 quarter hours 2208 trade 25h assign 26h from 4444h until 6652h intervals 3 close 9000h
            list Q4 quarter hours 2208 trade 25h assign 26h from 6652h until 8860h intervals 3 close 9000h
            list Y27 year hours 8760 trade 1h assign 2h from 100h until 8860h intervals 3 close 9000h
            ",
        ],
        "
        alice buy 1 @ 2.5 in Y27
        carol sell 1 @ 2.5 in Y27
        alice sell 1 @ 2.6 reduce in Y27
        carol buy 2 @ 2.5 in JAN
        bob sell 2 @ 2.5 in JAN
        carol sell 2 @ 2.6 reduce in JAN
        run 1h
        show alice
        show carol
        show Y27
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.5
            #2 carol sell 1 @ 2.5
            #2 carol sells 1 @ 2.5 with #1 alice, fee 10.95
            #3 alice sell 1 @ 2.6
            #4 carol buy 2 @ 2.5
            #5 bob sell 2 @ 2.5
            #5 bob sells 2 @ 2.5 with #4 carol, fee 1.86
            #6 carol sell 2 @ 2.6
            #3 cancelled 1: expired
            Y27 expired @ 2.5
            Y27 cascades at 21900 a lot into JAN FEB MAR Q2 Q3 Q4
            Y27 alice ends +1, 0 for delivery
            #6 now 1 @ 2.6
            Y27 carol ends -1, 0 for delivery
            Q1 expired @ 2.5
            Q1 cascades at 5400 a lot into JAN FEB MAR
            alice: cash 95620 margin 4380 +1 JAN +1 FEB +1 MAR +1 Q2 +1 Q3 +1 Q4
            carol: cash 95608.0828 orders 0.9672 margin 4380 +1 JAN -1 FEB -1 MAR -1 Q2 -1 Q3 -1 Q4
            Y27 Closed, open interest 0
        "#]],
    );
}

/// A month of 2027 in its compressed place: the first begins after an hour.
fn series(name: &str, period: Period, hours: u32, from: u64) -> Instrument {
    let at = |hours: u64| START + NanosSpan::from_seconds(hours * 3_600);
    let stops = if period == Period::Quarter { 10 } else { 20 };
    Instrument {
        product: Product::Future { style: Style::Physical, period },
        hours_per_lot: hours,
        schedule: Schedule {
            last_trade_at: at(stops),
            assign_at: at(stops),
            deliver_from: at(100 + from),
            deliver_until: at(100 + from + u64::from(hours)),
            intervals: hours,
            close_at: at(9_000),
            ..day_future(name, "H100").schedule
        },
        ..day_future(name, "H100")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// CASCADE-002, CASCADE-003: whatever the marks, what everyone has and would have if everything were marked is the same before and
    /// after; and so it is when the next variation has paid.
    #[test]
    fn cascade_003_nobody_gains_by_a_cascade(
        trades in prop::collection::vec((0..4_usize, 1..4_u64, 1..4_u64, 1..40_u64, 2_300..2_600_i64), 1..24),
    ) {
        let mut world = World::open();
        let parent = world.list(series("Q", Period::Quarter, 2_160, 0));
        let months = [(744, 0), (672, 744), (744, 1_416)];
        let mut all = vec![parent];
        for (place, (hours, from)) in months.into_iter().enumerate() {
            all.push(world.list(series(&format!("M{place}"), Period::Month, hours, from)));
        }
        let accounts: Vec<_> =
            ["alice", "bob", "carol"].map(|name| world.account(name, 10_000_000)).into();
        for (place, buyer, seller, lots, price) in trades {
            let (buyer, seller) = (accounts[usize::try_from(buyer).unwrap() - 1], accounts[usize::try_from(seller).unwrap() - 1]);
            for (account, side) in [(seller, Side::Sell), (buyer, Side::Buy)] {
                let order = limit(account, all[place], side, lots, price);
                world.apply(Command::PlaceOrder(order));
            }
        }
        // What is exact at the marks of the months: their worth less cost, and the parent's likewise, by its exact price.
        world.run(NanosSpan::from_seconds(36_000 - 1));
        let equity = |world: &World| -> Vec<i128> {
            accounts.iter().map(|account| world.exchange.health(*account).equity).collect()
        };
        let net = |world: &World| world.exchange.positions().map(|(_, _, net)| net.lots()).sum::<i64>();
        world.wait(NanosSpan::from_seconds(1));
        let total: i128 = equity(&world).iter().sum();
        let events = world.apply(Command::Tick);
        let cascaded = events.iter().any(|event| matches!(event, Event::SeriesCascaded { .. }));
        prop_assert!(cascaded);
        prop_assert!(world.exchange.positions_zero(parent));
        prop_assert_eq!(equity(&world).iter().sum::<i128>(), total);
        prop_assert_eq!(net(&world), 0);
        // The worth of the parent was the worth of its months, so at their marks nothing is due but what a rounded price owes back.
        let lot_value = events.iter().find_map(|event| match event {
            Event::SeriesCascaded { lot_value, .. } => Some(*lot_value),
            _ => None,
        });
        let worth = |id: usize| {
            let series = world.exchange.series_by_id(all[id]).unwrap();
            let terms = &series.instrument;
            i128::from(series.mark.ticks()) * i128::from(terms.tick_value().micros())
        };
        prop_assert_eq!(lot_value, Some((1..4).map(worth).sum()));
        let price = world.exchange.series_by_id(parent).unwrap().settlement_price.unwrap();
        let quoted = i128::from(price.ticks() * 2_160 * 1_000);
        prop_assert!((quoted - lot_value.unwrap()).abs() * 2 <= 2_160 * 1_000);
        prop_assert!(Price::from_ticks(0) < price);
    }
}
