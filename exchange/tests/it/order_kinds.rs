//! ORDER: what orders can be beyond price and size, and what becomes of them later.

use exchange::{BatchItem, Command, PlaceOrder, limits};
use expect_test::expect;
use instruments::{NanosSpan, Price, Qty, Side};
use matching_engine::{PriceSource, Trigger, TriggerWhen};

use crate::script::{Desk, check, check_morning};
use crate::world::{World, day_future, limit, refusal};

#[test]
fn order_027_what_comes_too_late_is_refused() {
    check_morning(
        "
        +10s
        alice buy 1 @ 2.5 valid 9s
        alice buy 1 @ 2.5 valid 10s
        alice amend #1 @ 2.4 valid 9s
        alice amend #1 @ 2.4 valid 10s
        ",
        expect![[r#"
            refused ORDER-027 TooLate
            #1 alice buy 1 @ 2.5
            refused ORDER-027 TooLate
            #1 now 1 @ 2.4
        "#]],
    );
}

/// ORDER-028, ORDER-029: what an order does not have cannot be changed.
#[test]
fn order_028_and_029_only_what_an_order_has_can_be_changed() {
    check_morning(
        "
        alice buy 1 @ 2.5
        alice amend #1 trigger 2.4
        alice buy 1 market when last rises 2.6
        alice amend #2 @ 2.7
        alice amend #2 x 2
        alice amend #2 trigger 2.7
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.5
            refused ORDER-028 NotWaiting
            #2 alice buy 1 @ 2.73
            refused ORDER-029 NoLimit
            #2 now 2 @ 2.73
            #2 now 2 @ 2.835
        "#]],
    );
}

/// ORDER-030, ORDER-031.
#[test]
fn order_030_and_031_an_iceberg_rests_and_shows_a_thousandth() {
    check_morning(
        "
        alice buy 2 market show=1
        alice buy 2 @ 2.5 ioc show=1
        alice buy 1 @ 0.001 show=0
        alice buy 1001 @ 0.001 show=1 ceiling 0.001
        alice buy 10 @ 0.001 show=1
        alice amend #1 x 11000
        alice amend #1 x 12
        show book
        ",
        expect![[r#"
            refused ORDER-030 DisplayImmediate
            refused ORDER-030 DisplayImmediate
            refused ORDER-031 DisplayOutOfRange
            refused ORDER-031 DisplayOutOfRange
            #1 alice buy 10 @ 0.001
            refused ORDER-031 DisplayOutOfRange
            #1 now 12 @ 0.001
            H100D bids [0.001x1] asks []
        "#]],
    );
}

/// ORDER-032, ORDER-033: what an order that waits cannot ask for.
#[test]
fn order_032_and_033_what_waits_has_no_phase_and_does_not_slide() {
    check_morning(
        "
        alice buy 1 @ 2.5 gfa when last rises 2.6
        alice buy 1 @ 2.5 gfn when last rises 2.6
        alice buy 1 @ 2.5 slide when last rises 2.6
        alice buy 1 @ 2.5 post when last rises 2.6
        ",
        expect![[r#"
            refused ORDER-032 TriggerTimeInForce
            refused ORDER-032 TriggerTimeInForce
            refused ORDER-033 TriggerSlides
            #1 alice buy 1 @ 2.5
        "#]],
    );
}

/// ORDER-034, ORDER-040, VENUE-011: its end comes before the command that finds it.
#[test]
fn order_034_an_order_ends_after_it_begins_and_at_its_instant() {
    check_morning(
        "
        +10s
        alice buy 1 @ 2.5 gtd 10s
        alice buy 1 @ 2.5 gtd 11s
        alice buy 1 @ 2.5 gtd 12s when last rises 2.6
        +1s
        bob sell 1 @ 2.5
        +1s
        nobody cancel #1
        run 1s
        ",
        expect![[r#"
            refused ORDER-034 ExpiryPassed
            #1 alice buy 1 @ 2.5
            #2 alice buy 1 @ 2.5
            #1 cancelled 1: expired
            #3 bob sell 1 @ 2.5
            #2 cancelled 1: expired
            refused ORDER-016 UnknownOrder
        "#]],
    );
}

#[test]
fn order_035_no_limit_is_beyond_the_ceiling() {
    check_morning(
        "
        alice buy 1 @ 2.5 ceiling 2.499
        alice sell 1 @ 2.5 ceiling 2.501
        alice buy 1 @ 2.4 ceiling 2.5
        alice amend #1 @ 2.501
        alice amend #1 @ 2.5
        bob sell 1 @ 2.6
        alice buy 1 market ceiling 2.599
        alice buy 1 market ceiling 2.6
        ",
        expect![[r#"
            refused ORDER-035 BeyondCeiling, limit 2499 ticks
            refused ORDER-035 BeyondCeiling, limit 2501 ticks
            #1 alice buy 1 @ 2.4
            refused ORDER-035 BeyondCeiling, limit 2500 ticks
            #1 now 1 @ 2.5
            #2 bob sell 1 @ 2.6
            #3 alice buy 1 @ 2.599
            #3 cancelled 1: ioc
            #4 alice buy 1 @ 2.6
            #4 alice buys 1 @ 2.6 with #2 bob, fee 0.0312
        "#]],
    );
}

/// ORDER-036: half the slots that the books have, since each order may need a level of its own.
#[test]
fn order_036_every_open_order_has_room_for_a_level() {
    const { assert!(2 * limits::OPEN_ORDERS_MAX + 3 <= 1 << 24) };
}

/// ORDER-037, ORDER-038, ORDER-039.
#[test]
fn order_039_every_part_of_a_batch_stands_by_itself() {
    check_morning(
        "
        bob sell 1 @ 2.6
        alice batch buy 1 @ 2.5 ; buy 0 @ 2.5 ; buy 1 @ 2.6 ; cancel #1 ; sell 1 @ 2.7
        alice batch amend #2 @ 2.4 ; cancel #2 ; cancel #2
        ",
        expect![[r#"
            #1 bob sell 1 @ 2.6
            #2 alice buy 1 @ 2.5
            [0] done
            [1] refused ORDER-004 ZeroQuantity
            #3 alice buy 1 @ 2.6
            #3 alice buys 1 @ 2.6 with #1 bob, fee 0.0312
            [2] done
            [3] refused ORDER-016 UnknownOrder
            #4 alice sell 1 @ 2.7
            [4] done
            #2 now 1 @ 2.4
            [0] done
            #2 cancelled 1: user
            [1] done
            [2] refused ORDER-016 UnknownOrder
        "#]],
    );
}

#[test]
fn order_037_and_038_a_batch_has_64_parts_of_one_account() {
    let mut world = World::open();
    let series = world.list(day_future("H100D", "H100"));
    let (alice, bob) = (world.account("alice", 100_000), world.account("bob", 1_000));
    let mut batch = |account, owner, parts| {
        let part = BatchItem::Place(limit(owner, series, Side::Buy, 1, 2_500));
        refusal(&world.apply(Command::Batch { account, items: vec![part; parts] }))
    };
    assert_eq!(batch(instruments::AccountId(99), alice, 0), Some("ACCOUNT-001"));
    assert_eq!(batch(alice, alice, 0), Some("ORDER-037"));
    assert_eq!(batch(alice, alice, 65), Some("ORDER-037"));
    assert_eq!(batch(alice, bob, 1), Some("ORDER-038"));
    assert_eq!(batch(alice, alice, 64), None);
    assert_eq!(world.exchange.open_orders_of(alice, None).len(), 64);
}

#[test]
fn order_041_what_waits_holds_what_it_would_hold_at_rest() {
    check_morning(
        "
        alice buy 1 @ 2.6
        show alice
        alice cancel #1
        alice buy 1 @ 2.6 when last rises 2.7
        show alice
        alice buy 1 market when last rises 2.6
        show alice
        show book
        bob sell 1 @ 2.6
        carol buy 1 @ 2.6
        show alice
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.6
            alice: cash 985.5688 orders 14.4312
            #1 cancelled 1: user
            #2 alice buy 1 @ 2.6
            alice: cash 985.5688 orders 14.4312
            #3 alice buy 1 @ 2.73
            alice: cash 968.01604 orders 31.98396
            H100D bids [] asks []
            #4 bob sell 1 @ 2.6
            #5 carol buy 1 @ 2.6
            #5 carol buys 1 @ 2.6 with #4 bob, fee 0.0312
            #3 triggered
            #3 cancelled 1: ioc
            alice: cash 985.5688 orders 14.4312
        "#]],
    );
}

/// ORDER-042: by another order of the account, and by what the other side of a stop does.
#[test]
fn order_042_reduce_only_orders_shrink_with_the_position() {
    check_morning(
        "
        alice buy 5 @ 2.5
        bob sell 5 @ 2.5
        alice sell 2 @ 2.6 reduce
        alice sell 2 @ 2.7 reduce
        alice sell 1 market reduce when mark falls 2.3
        carol buy 3 @ 2.49
        alice sell 2 @ 2.49
        show alice
        alice sell 1 @ 2.49 ioc
        alice sell 2 @ 2.6
        carol buy 3 @ 2.6
        show alice
        ",
        expect![[r#"
            #1 alice buy 5 @ 2.5
            #2 bob sell 5 @ 2.5
            #2 bob sells 5 @ 2.5 with #1 alice, fee 0.15
            #3 alice sell 2 @ 2.6
            #4 alice sell 2 @ 2.7
            #5 alice sell 1 @ 2.185
            #6 carol buy 3 @ 2.49
            #7 alice sell 2 @ 2.49
            #7 alice sells 2 @ 2.49 with #6 carol, fee 0.05976
            #5 cancelled 1: reduce_only
            #4 now 1 @ 2.7
            alice: cash 963.84544 orders 0.0948 margin 36 +3 H100D (-0.48)
            #8 alice sell 1 @ 2.49
            #8 alice sells 1 @ 2.49 with #6 carol, fee 0.02988
            #4 cancelled 1: reduce_only
            #9 alice sell 2 @ 2.6
            #10 carol buy 3 @ 2.6
            #10 carol buys 2 @ 2.6 with #3 alice, fee 0.0624
            #10 carol buys 1 @ 2.6 with #9 alice, fee 0.0312
            alice: cash 975.87916 orders 12.0312 margin 12 -1 H100D (6.48)
        "#]],
    );
}

#[test]
fn order_043_an_order_moves_up_to_its_ceiling_without_asking() {
    // A lot at 2.50 is worth 60: 12 for margin; up to 2.60 it may lose 2.40, and pay 0.0312.
    check(
        "
        open test
        list H100D
        account alice
        deposit alice 14.431199
        alice buy 1 @ 2.4 ceiling 2.6
        deposit alice 0.000001
        alice buy 1 @ 2.4 ceiling 2.6
        show alice
        index H100 2.6
        alice amend #1 @ 2.5
        alice amend #1 @ 2.6
        show alice
        alice amend #1 @ 2.4
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            refused ORDER-014 InsufficientMargin, needs 14.4312, has 14.431199
            #1 alice buy 1 @ 2.4
            alice: orders 14.4312
            H100 index 2.6
            H100D mark 2.6
            #1 now 1 @ 2.5
            #1 now 1 @ 2.6
            alice: orders 14.4312
            #1 now 1 @ 2.4
        "#]],
    );
}

#[test]
fn order_044_a_sliding_order_rests_a_tick_off_the_touch() {
    check_morning(
        "
        bob sell 1 @ 2.5
        alice buy 1 @ 2.6 slide
        alice buy 1 @ 2.4 slide
        alice amend #3 @ 2.7
        show book
        bob buy 1 @ 0.001
        carol sell 1 @ 0.001 slide
        show book
        carol cancel all
        alice cancel all
        bob cancel all
        bob sell 1 @ 0.001
        alice buy 1 @ 2.6 slide
        ",
        expect![[r#"
            #1 bob sell 1 @ 2.5
            #2 alice buy 1 @ 2.499
            #3 alice buy 1 @ 2.4
            #3 now 1 @ 2.499
            H100D bids [2.499x2] asks [2.5x1]
            #4 bob buy 1 @ 0.001
            #5 carol sell 1 @ 2.5
            H100D bids [0.001x1 2.499x2] asks [2.5x2]
            #5 cancelled 1: user
            #2 cancelled 1: user
            #3 cancelled 1: user
            #4 cancelled 1: user
            #1 cancelled 1: user
            #6 bob sell 1 @ 0.001
            refused ORDER-015 PostOnlyWouldCross
        "#]],
    );
}

/// ORDER-045: at its trigger a market order reaches 5 % further, whatever the mark is then.
#[test]
fn order_045_a_stop_trades_once_its_price_has_come() {
    check_morning(
        "
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        alice sell 1 market when last falls 2.45
        alice sell 1 @ 2.4 when last falls 2.45
        alice amend #3 trigger 2.46
        carol buy 1 @ 2.46
        carol buy 1 @ 2.45
        carol buy 1 @ 2.4
        carol buy 1 @ 2.3
        bob sell 1 @ 2.46
        show book
        ",
        expect![[r#"
            #1 alice buy 2 @ 2.5
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.06
            #3 alice sell 1 @ 2.328
            #4 alice sell 1 @ 2.4
            #3 now 1 @ 2.337
            #5 carol buy 1 @ 2.46
            #6 carol buy 1 @ 2.45
            #7 carol buy 1 @ 2.4
            #8 carol buy 1 @ 2.3
            #9 bob sell 1 @ 2.46
            #9 bob sells 1 @ 2.46 with #5 carol, fee 0.02952
            #3 triggered
            #3 alice sells 1 @ 2.45 with #6 carol, fee 0.0294
            #4 triggered
            #4 alice sells 1 @ 2.4 with #7 carol, fee 0.0288
            H100D bids [2.3x1] asks []
        "#]],
    );
}

/// ORDER-045: marks and indices trigger in the command that brings them.
#[test]
fn order_045_marks_and_indices_trigger_too() {
    check_morning(
        "
        bob sell 5 @ 2.6
        alice buy 1 @ 2.6 when mark rises 2.52
        alice buy 1 @ 2.6 when index rises 2.56
        alice buy 1 @ 2.6 when index falls 2.4
        index H100 2.51
        index H100 2.55 at 1m
        index H100 2.57 at 2m
        run 1s
        index H100 withheld at 3m
        index H100 2.4 at 4m
        ",
        expect![[r#"
            #1 bob sell 5 @ 2.6
            #2 alice buy 1 @ 2.6
            #3 alice buy 1 @ 2.6
            #4 alice buy 1 @ 2.6
            H100 index 2.51
            H100D mark 2.51
            H100 index 2.55
            H100D mark 2.55
            #2 triggered
            #2 alice buys 1 @ 2.6 with #1 bob, fee 0.0312
            H100 index 2.57
            H100D mark 2.57
            #3 triggered
            #3 alice buys 1 @ 2.6 with #1 bob, fee 0.0312
            H100 index withheld
            H100 index 2.4
            H100D mark 2.4
            #4 triggered
            #4 alice buys 1 @ 2.6 with #1 bob, fee 0.0312
        "#]],
    );
}

#[test]
fn order_046_an_iceberg_hides_the_rest() {
    check_morning(
        "
        bob sell 5 @ 2.5 show=2
        carol sell 1 @ 2.5
        show book
        alice buy 2 @ 2.5
        show book
        alice buy 2 @ 2.5
        show book
        bob amend #1 x 4
        show book
        show bob
        ",
        expect![[r#"
            #1 bob sell 5 @ 2.5
            #2 carol sell 1 @ 2.5
            H100D bids [] asks [2.5x3]
            #3 alice buy 2 @ 2.5
            #3 alice buys 2 @ 2.5 with #1 bob, fee 0.06
            H100D bids [] asks [2.5x3]
            #4 alice buy 2 @ 2.5
            #4 alice buys 1 @ 2.5 with #2 carol, fee 0.03
            #4 alice buys 1 @ 2.5 with #1 bob, fee 0.03
            H100D bids [] asks [2.5x1]
            #1 now 4 @ 2.5
            H100D bids [] asks [2.5x1]
            bob: cash 951.97 orders 12.03 margin 36 -3 H100D
        "#]],
    );
}

#[test]
fn order_026_a_filter_chooses_what_is_cancelled() {
    check_morning(
        "
        list A100D grade A100
        alice buy 1 @ 2.4 label=a
        alice sell 1 @ 2.6 label=a
        alice buy 1 @ 2.4 label=b in A100D
        alice buy 1 @ 2.6 when last rises 2.7 label=a
        alice cancel all sells
        alice cancel all waiting label=b
        alice cancel all waiting
        alice cancel all label=b in H100D
        alice cancel all resting label=b
        alice cancel all
        ",
        expect![[r#"
            A100D listed
            #1 alice buy 1 @ 2.4
            #2 alice sell 1 @ 2.6
            #3 alice buy 1 @ 2.4
            #4 alice buy 1 @ 2.6
            #2 cancelled 1: user
            #4 cancelled 1: user
            #3 cancelled 1: user
            #1 cancelled 1: user
        "#]],
    );
}

/// ORDER-024: the same token makes orders of an account its own.
#[test]
fn order_024_another_token_is_another_desk() {
    check_morning(
        "
        alice buy 1 @ 2.5 token=1
        alice sell 1 @ 2.5 token=2
        alice buy 1 @ 2.5 token=1
        alice sell 1 @ 2.5 token=1
        ",
        expect![[r#"
            #1 alice buy 1 @ 2.5
            #2 alice sell 1 @ 2.5
            #2 alice sells 1 @ 2.5 with #1 alice, fee 0.03
            #3 alice buy 1 @ 2.5
            #4 alice sell 1 @ 2.5
            #4 cancelled 1: self_trade
        "#]],
    );
}

/// ORDER-040: a day order is cancelled at the end of the trading day, stop or not.
#[test]
fn order_040_a_day_order_ends_at_eight() {
    let mut world = World::open();
    let mut terms = day_future("H100D", "H100");
    let span = NanosSpan::from_seconds(20 * 86_400);
    for at in [&mut terms.schedule.last_trade_at, &mut terms.schedule.assign_at] {
        *at = *at + span;
    }
    for at in [&mut terms.schedule.deliver_from, &mut terms.schedule.deliver_until] {
        *at = *at + span;
    }
    terms.schedule.close_at = terms.schedule.close_at + span;
    let series = world.list(terms);
    let alice = world.account("alice", 1_000);
    let price = Price::from_ticks(2_600);
    let trigger = Trigger { source: PriceSource::Last, when: TriggerWhen::Rises, price };
    let day = PlaceOrder {
        time_in_force: exchange::TimeInForce::Day,
        ..PlaceOrder::limit(alice, series, Side::Buy, price, Qty::from_lots(1))
    };
    let waiting = PlaceOrder { trigger: Some(trigger), ..day.clone() };
    let kind = matching_engine::OrderKind::Market;
    world.apply(Command::PlaceOrder(PlaceOrder { kind, ..waiting.clone() }));
    world.apply(Command::PlaceOrder(waiting));
    world.apply(Command::PlaceOrder(day));
    world.run(NanosSpan::from_seconds(8 * 3_600 - 1));
    assert_eq!(world.exchange.open_orders_of(alice, None).len(), 3);
    world.run(NanosSpan::from_seconds(1));
    assert!(world.exchange.open_orders_of(alice, None).is_empty());
}

/// ORDER-043: only a limit order holds for its ceiling; a market order whose trigger moves is asked for what its new limit needs.
#[test]
fn order_043_a_market_order_holds_for_its_limit_alone() {
    let mut world = World::open();
    let series = world.list(day_future("H100D", "H100"));
    let alice = world.account("alice", 100);
    let ticks = Price::from_ticks;
    let trigger =
        Trigger { source: PriceSource::Mark, when: TriggerWhen::Falls, price: ticks(1_000) };
    let order = PlaceOrder {
        kind: matching_engine::OrderKind::Market,
        trigger: Some(trigger),
        ceiling: Some(ticks(9_000)),
        ..PlaceOrder::limit(alice, series, Side::Buy, ticks(1), Qty::from_lots(4))
    };
    world.apply(Command::PlaceOrder(order));
    let (id, before) = {
        let orders = world.exchange.open_orders_of(alice, None);
        (orders[0].order, orders[0].record.reserve_per_lot)
    };
    let amend = exchange::AmendOrder {
        account: alice,
        order: id,
        price: None,
        qty: None,
        trigger: Some(ticks(2_400)),
        valid_until: None,
    };
    world.apply(Command::AmendOrder(amend));
    let orders = world.exchange.open_orders_of(alice, None);
    assert!(before <= orders[0].record.reserve_per_lot);
    let covers_loss = orders[0].record.reserve_per_lot.micros() >= 24 * 1_000 * (2_520 - 2_500);
    assert!(covers_loss, "{:?}", orders[0].record.reserve_per_lot);
}

/// REPLAY-002: an order that waits, one that hides and one that ends come back from a snapshot.
#[test]
fn a_restart_between_any_two_steps_changes_nothing_for_special_orders() {
    let mut desk = Desk::morning();
    for line in [
        "bob sell 5 @ 2.5 show=2 gtd 1m",
        "alice buy 1 @ 2.6 when last rises 2.5",
        "carol sell 1 @ 2.5 reduce",
        "carol buy 1 @ 2.5",
        "run 2m",
    ] {
        desk.run(line);
        desk.run("restart");
    }
    expect![[r#"
        #1 bob sell 5 @ 2.5
        #2 alice buy 1 @ 2.6
        refused ORDER-011 WouldNotReduce, limit 0
        #3 carol buy 1 @ 2.5
        #3 carol buys 1 @ 2.5 with #1 bob, fee 0.03
        #2 triggered
        #2 alice buys 1 @ 2.5 with #1 bob, fee 0.03
        #1 cancelled 3: expired
    "#]]
    .assert_eq(&desk.out);
}
