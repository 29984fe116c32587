//! ORDER: which orders are refused, in which order the checks stand, and what an accepted order holds.

use exchange::{CancelFilter, Command, PlaceOrder, TimeInForce, limits};
use expect_test::expect;
use instruments::{MicroUsd, NanosSpan, Price, Qty, Side};
use matching_engine::{OrderKind, PostOnly};

use crate::script::{Desk, check, check_morning};
use crate::world::{START, World, day_future, limit, refusal};

/// ORDER-001, ORDER-002, ORDER-003.
#[test]
fn order_001_to_003_the_series_must_be_listed_cleared_and_trading() {
    check(
        "
        open test
        list H100D
        list H100SPREAD spread
        account alice
        deposit alice 1000
        alice buy 1 @ 2.5 in NOWHERE
        alice cancel all in NOWHERE
        alice buy 1 @ 2.5 in H100SPREAD
        alice buy 1 @ 2.5
        run 1h
        alice buy 1 @ 2.5
        ",
        expect![[r#"
            venue open
            H100D listed
            H100SPREAD listed
            alice opened
            refused ORDER-001 UnknownInstrument
            refused ORDER-001 UnknownInstrument
            refused ORDER-002 ProductNotCleared
            #1 alice buy 1 @ 2.5
            #1 cancelled 1: expired
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
            H100SPREAD expired @ 2.5
            refused ORDER-003 SeriesExpired
        "#]],
    );
}

/// ORDER-002: what is not cleared ends without a delivery.
#[test]
fn order_002_a_series_that_is_not_cleared_just_ends() {
    check(
        "
        open test
        list H100SPREAD spread
        run 30h
        show H100SPREAD
        ",
        expect![[r#"
            venue open
            H100SPREAD listed
            H100SPREAD expired @ 2.5
            H100SPREAD Closed, open interest 0
        "#]],
    );
}

/// ORDER-004, ORDER-005, ORDER-006, ORDER-007.
#[test]
fn order_004_to_007_size_and_price_are_within_their_limits() {
    let mut world = World::open();
    let instrument = world.list(day_future("H100D", "H100"));
    let alice = world.account("alice", 1_000_000_000);
    let mut place = |qty: u64, ticks: i64| {
        let order = limit(alice, instrument, Side::Sell, qty, ticks);
        refusal(&world.apply(Command::PlaceOrder(order)))
    };
    assert_eq!(place(0, 2_500), Some("ORDER-004"));
    assert_eq!(place(1_000_001, 2_500), Some("ORDER-005"));
    assert_eq!(place(u64::MAX, 2_500), Some("ORDER-005"));
    assert_eq!(place(1, 0), Some("ORDER-006"));
    assert_eq!(place(1, -1), Some("ORDER-006"));
    assert_eq!(place(1, i64::MIN), Some("ORDER-006"));
    assert_eq!(place(1, 10_000_001), Some("ORDER-007"));
    assert_eq!(place(1, i64::MAX), Some("ORDER-007"));
    assert_eq!(place(1, 10_000_000), None);
}

#[test]
fn order_008_post_only_must_be_able_to_rest() {
    check_morning(
        "
        alice buy 1 @ 2.5 ioc post
        alice buy 1 @ 2.5 fok post
        alice buy 1 market post
        alice buy 1 @ 2.5 post
        ",
        expect![[r#"
            refused ORDER-008 PostOnlyImmediate
            refused ORDER-008 PostOnlyImmediate
            refused ORDER-008 PostOnlyImmediate
            #1 alice buy 1 @ 2.5
        "#]],
    );
}

#[test]
fn order_009_a_label_has_at_most_64_bytes() {
    let mut desk = Desk::morning();
    desk.run(&format!("alice buy 1 @ 2.5 label={}", "a".repeat(65)));
    desk.run(&format!("alice buy 1 @ 2.5 label={}", "é".repeat(33)));
    desk.run(&format!("alice buy 1 @ 2.5 label={}", "a".repeat(64)));
    expect![[r#"
        refused ORDER-009 LabelTooLong
        refused ORDER-009 LabelTooLong
        #1 alice buy 1 @ 2.5
    "#]]
    .assert_eq(&desk.out);
}

/// ORDER-010, ORDER-026.
#[test]
fn order_010_five_thousand_open_orders_and_not_one_more() {
    let mut world = World::open();
    world.is_watched = false;
    let instrument = world.list(day_future("H100D", "H100"));
    let alice = world.account("alice", 1_000_000);
    let one = limit(alice, instrument, Side::Buy, 1, 2_500);
    for _ in 0..limits::OPEN_ORDERS_PER_ACCOUNT_MAX {
        assert_eq!(refusal(&world.apply(Command::PlaceOrder(one.clone()))), None);
    }
    assert_eq!(refusal(&world.apply(Command::PlaceOrder(one.clone()))), Some("ORDER-010"));
    let events =
        world.apply(Command::CancelAll { account: alice, filter: CancelFilter::default() });
    let is_cancelled =
        |event: &&exchange::Event| matches!(event, exchange::Event::OrderCancelled { .. });
    assert_eq!(events.iter().filter(is_cancelled).count(), 5_000);
    world.is_watched = true;
    assert_eq!(refusal(&world.apply(Command::PlaceOrder(one))), None);
}

#[test]
fn order_011_reduce_only_is_against_a_position_and_not_larger() {
    check_morning(
        "
        alice buy 3 @ 2.5
        bob sell 3 @ 2.5
        carol buy 9 @ 2.4
        alice sell 4 @ 2.4 ioc reduce
        alice buy 1 @ 2.4 ioc reduce
        carol sell 1 market reduce
        alice sell 1 @ 2.6 reduce
        alice sell 3 @ 2.6 reduce
        alice amend #4 x 4
        alice amend #4 x 3
        alice amend #4 x 2
        alice sell 1 market ioc reduce
        alice sell 1 market reduce
        alice amend #4 x 3
        ",
        expect![[r#"
            #1 alice buy 3 @ 2.5
            #2 bob sell 3 @ 2.5
            #2 bob sells 3 @ 2.5 with #1 alice, fee 0.09
            #3 carol buy 9 @ 2.4
            refused ORDER-011 WouldNotReduce, limit 3
            refused ORDER-011 WouldNotReduce, limit 0
            refused ORDER-011 WouldNotReduce, limit 0
            #4 alice sell 1 @ 2.6
            refused ORDER-011 WouldNotReduce, limit 2
            refused ORDER-011 WouldNotReduce, limit 3
            #4 now 3 @ 2.6
            #4 now 2 @ 2.6
            #5 alice sell 1 @ 2.375
            #5 alice sells 1 @ 2.4 with #3 carol, fee 0.0288
            refused ORDER-011 WouldNotReduce, limit 0
            refused ORDER-011 WouldNotReduce, limit 2
        "#]],
    );
}

#[test]
fn order_012_a_position_with_its_orders_has_at_most_a_million_lots() {
    let mut world = World::open();
    let terms = instruments::Instrument { hours_per_lot: 1, ..day_future("H100D", "H100") };
    let instrument = world.list(terms);
    let (alice, bob) = (world.account("alice", 1_000_000_000), world.account("bob", 1_000_000_000));
    let mut place = |account, side, qty| {
        let order = limit(account, instrument, side, qty, 2_500);
        refusal(&world.apply(Command::PlaceOrder(order)))
    };
    assert_eq!(place(alice, Side::Buy, 600_000), None);
    assert_eq!(place(alice, Side::Buy, 400_001), Some("ORDER-012"));
    assert_eq!(place(alice, Side::Buy, 400_000), None);
    assert_eq!(place(bob, Side::Sell, 900_000), None);
    assert_eq!(place(alice, Side::Buy, 1), Some("ORDER-012"), "900,000 held, 100,000 open");
    assert_eq!(place(bob, Side::Sell, 100_001), Some("ORDER-012"));
    assert_eq!(place(bob, Side::Sell, 100_000), None);
}

/// ORDER-012: 600,000 futures and as many calls on them, exercised. What is beyond the limit may only become less.
#[test]
fn order_012_a_position_beyond_the_limit_can_be_closed() {
    let mut world = World::open();
    let mut future = instruments::Instrument { hours_per_lot: 1, ..day_future("H100D", "H100") };
    let after = |hours: u64| START + NanosSpan::from_seconds(hours * 3_600);
    (future.schedule.last_trade_at, future.schedule.assign_at) = (after(2), after(2));
    let mut call = instruments::Instrument { name: "CALL".to_owned(), ..future.clone() };
    let underlying = world.list(future);
    let (strike, right) = (Price::from_ticks(2_500), instruments::Right::Call);
    call.product = instruments::Product::Option { underlying, strike, right };
    call.reference = Price::from_ticks(100);
    call.schedule.last_trade_at = after(1);
    let call = world.list(call);
    let (alice, bob) = (world.account("alice", 1_000_000_000), world.account("bob", 1_000_000_000));
    let place = |world: &mut World, (account, side, qty), instrument, ticks| {
        let order = limit(account, instrument, side, qty, ticks);
        refusal(&world.apply(Command::PlaceOrder(order)))
    };
    for (instrument, ticks) in [(underlying, 2_500), (call, 100)] {
        for (account, side) in [(bob, Side::Sell), (alice, Side::Buy)] {
            assert_eq!(place(&mut world, (account, side, 600_000), instrument, ticks), None);
        }
    }
    assert_eq!(place(&mut world, (alice, Side::Buy, 10), underlying, 2_000), None);
    world.apply(Command::PublishIndex(exchange::IndexPrint {
        grade: instruments::GradeId::new("H100").unwrap(),
        observed_at: world.now,
        value: Some(MicroUsd::new(3_000_000)),
        conf: instruments::Ppm::new(1_000),
        state: oracle::State::Ok,
    }));
    world.run(NanosSpan::from_seconds(3_600));
    let net = |world: &World, account| {
        let held = world.exchange.positions_of(account).into_iter();
        held.filter(|it| it.instrument == underlying).map(|it| it.net.lots()).sum::<i64>()
    };
    assert_eq!((net(&world, alice), net(&world, bob)), (1_200_000, -1_200_000));

    let refused = Some("ORDER-012");
    assert_eq!(place(&mut world, (alice, Side::Buy, 1), underlying, 3_000), refused);
    assert_eq!(place(&mut world, (bob, Side::Sell, 1), underlying, 3_000), refused);
    assert_eq!(place(&mut world, (alice, Side::Sell, 1_000_000), underlying, 3_000), None);
    assert_eq!(place(&mut world, (alice, Side::Sell, 200_001), underlying, 3_000), refused);
    assert_eq!(place(&mut world, (alice, Side::Sell, 200_000), underlying, 3_000), None);
    assert_eq!(place(&mut world, (bob, Side::Buy, 300_000), underlying, 3_000), None);
    assert_eq!((net(&world, alice), net(&world, bob)), (900_000, -900_000));
    // 900,000 are left with 10 more to be bought: the limit is what it was.
    assert_eq!(place(&mut world, (alice, Side::Buy, 99_991), underlying, 2_000), refused);
    assert_eq!(place(&mut world, (alice, Side::Buy, 99_990), underlying, 2_000), None);
}

/// ORDER-013, ORDER-014: a year of GPUs at ten thousand dollars an hour is worth more than the ledger holds.
#[test]
fn order_013_a_worth_that_does_not_fit_is_refused() {
    let mut world = World::open();
    let year = instruments::Instrument { hours_per_lot: 8_760, ..day_future("H100Y", "H100") };
    let instrument = world.list(year);
    let alice = world.account("alice", 1_000_000_000);
    let mut place = |side, qty, ticks| {
        let order = limit(alice, instrument, side, qty, ticks);
        refusal(&world.apply(Command::PlaceOrder(order)))
    };
    // 10^6 lots * 8,760 hours * 10^10 micro-dollars = 8.76 * 10^19, a ledger has 9.2 * 10^18.
    assert_eq!(place(Side::Buy, 1_000_000, 10_000_000), Some("ORDER-013"));
    assert_eq!(place(Side::Sell, 1_000_000, 10_000_000), Some("ORDER-013"));
    assert_eq!(place(Side::Buy, 100_000, 10_000_000), Some("ORDER-014"), "8.76 * 10^18 fits");
}

#[test]
fn order_014_an_order_must_be_funded_to_the_micro_dollar() {
    // A lot at 2.50 is worth 60. It holds 12 margin and 0.03 for the fee; at 2.60 also the 2.40 it would lose against the mark, and
    // 0.0312 for the fee.
    check(
        "
        open test
        list H100D
        account alice
        deposit alice 12.029999
        alice buy 1 @ 2.5
        alice sell 1 @ 2.5
        deposit alice 0.000001
        alice buy 1 @ 2.6
        alice buy 1 @ 2.5
        alice buy 1 @ 2.5
        show alice
        alice cancel #1
        deposit alice 2.401199
        alice buy 1 @ 2.6
        deposit alice 0.000001
        alice buy 1 @ 2.6
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            refused ORDER-014 InsufficientMargin, needs 12.03, has 12.029999
            refused ORDER-014 InsufficientMargin, needs 12.03, has 12.029999
            refused ORDER-014 InsufficientMargin, needs 14.4312, has 12.03
            #1 alice buy 1 @ 2.5
            refused ORDER-014 InsufficientMargin, needs 12.03, has 0
            alice: orders 12.03
            #1 cancelled 1: user
            refused ORDER-014 InsufficientMargin, needs 14.4312, has 14.431199
            #2 alice buy 1 @ 2.6
            alice: orders 14.4312
        "#]],
    );
}

#[test]
fn order_015_post_only_is_refused_where_it_would_take() {
    check_morning(
        "
        alice sell 1 @ 2.6
        bob buy 1 @ 2.6 post
        alice buy 1 @ 2.6 post
        bob buy 1 @ 2.599 post
        bob amend #2 @ 2.6
        bob amend #2 @ 2.598
        alice sell 1 @ 2.598 post
        ",
        expect![[r#"
            #1 alice sell 1 @ 2.6
            refused ORDER-015 PostOnlyWouldCross
            refused ORDER-015 PostOnlyWouldCross
            #2 bob buy 1 @ 2.599
            refused ORDER-015 PostOnlyWouldCross
            #2 now 1 @ 2.598
            refused ORDER-015 PostOnlyWouldCross
        "#]],
    );
}

#[test]
fn order_016_only_the_owner_of_an_open_order_changes_it() {
    check_morning(
        "
        alice buy 1 @ 2.5
        bob cancel #1
        bob amend #1 @ 2.4
        alice cancel #2
        alice amend #2 @ 2.4
        alice cancel #1
        alice cancel #1
        alice amend #1 @ 2.4
        nobody cancel #1
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.5
            refused ORDER-016 UnknownOrder
            refused ORDER-016 UnknownOrder
            refused ORDER-016 UnknownOrder
            refused ORDER-016 UnknownOrder
            #1 cancelled 1: user
            refused ORDER-016 UnknownOrder
            refused ORDER-016 UnknownOrder
            refused ORDER-016 UnknownOrder
        "#]],
    );
}

#[test]
fn order_017_an_amend_changes_something() {
    check_morning(
        "
        alice buy 2 @ 2.5
        alice amend #1
        alice amend #1 @ 2.5
        alice amend #1 x 2
        alice amend #1 @ 2.5 x 2
        alice amend #1 x 3
        ",
        expect![[r#"
            #1 alice buy 2 @ 2.5
            refused ORDER-017 NothingToAmend
            refused ORDER-017 NothingToAmend
            refused ORDER-017 NothingToAmend
            refused ORDER-017 NothingToAmend
            #1 now 3 @ 2.5
        "#]],
    );
}

#[test]
fn order_018_a_market_order_trades_within_five_percent_of_the_mark() {
    check_morning(
        "
        bob sell 1 @ 2.625
        bob sell 1 @ 2.626
        alice buy 2 market
        bob cancel all
        bob buy 1 @ 2.375
        bob buy 1 @ 2.374
        alice sell 2 market
        alice sell 1 market fok
        ",
        expect![[r#"
            #1 bob sell 1 @ 2.625
            #2 bob sell 1 @ 2.626
            #3 alice buy 2 @ 2.625
            #3 alice buys 1 @ 2.625 with #1 bob, fee 0.0315
            #3 cancelled 1: ioc
            #2 cancelled 1: user
            #4 bob buy 1 @ 2.375
            #5 bob buy 1 @ 2.374
            #6 alice sell 2 @ 2.375
            #6 alice sells 1 @ 2.375 with #4 bob, fee 0.0285
            #6 cancelled 1: ioc
            #7 alice sell 1 @ 2.375
            #7 cancelled 1: fok
        "#]],
    );
}

/// ORDER-018: at a mark of one tick, a market order reaches one tick further.
#[test]
fn order_018_the_protection_is_at_least_a_tick_and_never_below_one() {
    check_morning(
        "
        index H100 0.001
        bob sell 1 @ 0.002
        bob sell 1 @ 0.003
        alice buy 2 market
        bob cancel all
        bob buy 1 @ 0.001
        alice sell 2 market
        index H100 10000 at 1m
        carol sell 1 market
        alice buy 1 market
        ",
        expect![[r#"
            H100 index 0.001
            H100D mark 0.001
            #1 bob sell 1 @ 0.002
            #2 bob sell 1 @ 0.003
            #3 alice buy 2 @ 0.002
            #3 alice buys 1 @ 0.002 with #1 bob, fee 0.000024
            #3 cancelled 1: ioc
            #2 cancelled 1: user
            #4 bob buy 1 @ 0.001
            #5 alice sell 2 @ 0.001
            #5 alice sells 1 @ 0.001 with #4 bob, fee 0.000012
            #5 cancelled 1: ioc
            H100 index 10000
            H100D mark 10000
            refused ORDER-014 InsufficientMargin, needs 60120, has 1000
            refused ORDER-014 InsufficientMargin, needs 48120, has 999.975964
        "#]],
    );
}

#[test]
fn order_019_of_two_refusals_the_first_is_given() {
    let mut world = World::open();
    let future = world.list(day_future("H100D", "H100"));
    let year =
        world.list(instruments::Instrument { hours_per_lot: 8_760, ..day_future("H100Y", "H100") });
    let alice = world.account("alice", 1_000);
    let bob = world.account("bob", 1_000);
    world.apply(Command::PlaceOrder(limit(bob, future, Side::Sell, 1, 2_500)));

    // Everything is wrong at first; then one thing after the other is put right.
    let mut order = PlaceOrder {
        account: instruments::AccountId(99),
        instrument: instruments::InstrumentId(99),
        kind: OrderKind::Limit(Price::from_ticks(0)),
        qty: Qty::ZERO,
        time_in_force: TimeInForce::Ioc,
        post_only: PostOnly::Reject,
        reduce_only: true,
        label: "a".repeat(65),
        ..limit(alice, future, Side::Buy, 0, 0)
    };
    let mut given = |order: &PlaceOrder| {
        refusal(&world.apply(Command::PlaceOrder(order.clone()))).unwrap_or("accepted")
    };
    let mut seen = vec![given(&order)];
    let repairs: [fn(&mut PlaceOrder); 9] = [
        |order| order.account = instruments::AccountId(1),
        |order| order.instrument = instruments::InstrumentId(2),
        |order| order.qty = Qty::from_lots(1_000_000),
        |order| order.kind = OrderKind::Limit(Price::from_ticks(10_000_000)),
        |order| order.post_only = PostOnly::No,
        |order| order.label = String::new(),
        |order| order.reduce_only = false,
        |order| order.kind = OrderKind::Limit(Price::from_ticks(1_000_000)),
        |order| order.qty = Qty::from_lots(1),
    ];
    for repair in repairs {
        repair(&mut order);
        seen.push(given(&order));
    }
    assert_eq!(
        seen,
        [
            "ACCOUNT-001",
            "ORDER-001",
            "ORDER-004",
            "ORDER-006",
            "ORDER-008",
            "ORDER-009",
            "ORDER-011",
            "ORDER-013",
            "ORDER-014",
            "ORDER-014",
        ],
    );
    // Too many lots in a position whose worth does not fit: the position comes first.
    let resting = limit(alice, year, Side::Sell, 1, 1);
    assert_eq!(given(&PlaceOrder { qty: Qty::from_lots(1), ..resting.clone() }), "ORDER-014");
}

/// ORDER-019: the limit of a position stands before the worth of it.
#[test]
fn order_019_the_position_is_checked_before_its_worth() {
    let mut world = World::open();
    let year =
        world.list(instruments::Instrument { hours_per_lot: 8_760, ..day_future("H100Y", "H100") });
    let alice = world.account("alice", 1_000_000_000);
    let small = limit(alice, year, Side::Buy, 100, 2_500);
    assert_eq!(refusal(&world.apply(Command::PlaceOrder(small))), None);
    let large = limit(alice, year, Side::Buy, 1_000_000, 10_000_000);
    assert_eq!(refusal(&world.apply(Command::PlaceOrder(large))), Some("ORDER-012"));
}

/// ORDER-019, ACCOUNT-001: before a verdict's obligation is looked at, its account is.
#[test]
fn order_019_the_account_comes_before_the_obligation() {
    check_morning(
        "nobody verdict D-9/0 valid",
        expect![[r#"
        refused ACCOUNT-001 UnknownAccount
    "#]],
    );
}
