//! ORDER-060..064: an account's own id names one order, however often it is sent.

use std::collections::BTreeMap;

use exchange::{Command, Event, PlaceOrder, limits};
use expect_test::expect;
use instruments::{NanosSpan, OrderId, Side};
use proptest::prelude::*;

use crate::script::{Desk, check_morning};
use crate::world::{World, day_future, limit, refusal};

#[test]
fn order_060_an_id_has_1_to_64_visible_bytes() {
    let mut world = World::open();
    let instrument = world.list(day_future("H100D", "H100"));
    let alice = world.account("alice", 100_000);
    let mut place = |id: &str| {
        let order = limit(alice, instrument, Side::Buy, 1, 2_500);
        let order = PlaceOrder { client_order_id: Some(id.to_owned()), ..order };
        refusal(&world.apply(Command::PlaceOrder(order)))
    };
    let long = "x".repeat(limits::CLIENT_ORDER_ID_LEN_MAX);
    for id in ["", "a b", "a\n", "naïve", "\u{7f}", &format!("{long}y")] {
        assert_eq!(place(id), Some("ORDER-060"), "{id:?}");
    }
    for id in ["!", "~", &long] {
        assert_eq!(place(id), None, "{id:?}");
    }
}

#[test]
fn order_063_a_refused_order_leaves_no_id_behind() {
    check_morning(
        "
        alice buy 5 @ 99 id=q2
        alice buy 5 @ 2.4 id=q2
        alice sell 1 @ 2.4 post id=q3
        alice sell 1 @ 2.5 post id=q3
        ",
        expect![[r#"
            refused ORDER-014 InsufficientMargin, needs 11645.94, has 1000
            #1 alice buy 5 @ 2.4
            refused ORDER-015 PostOnlyWouldCross
            #2 alice sell 1 @ 2.5
        "#]],
    );
}

/// ORDER-061, ORDER-062, also after a restart from a snapshot.
#[test]
fn order_061_an_order_that_is_sent_again_is_the_one_that_was_placed() {
    check_morning(
        "
        alice buy 5 @ 2.5 id=q1
        alice buy 5 @ 2.5 id=q1
        bob sell 2 @ 2.5 id=q1
        alice buy 5 @ 2.5 id=q1 valid 9s session=3
        +10s
        alice buy 5 @ 2.5 id=q1 valid 9s
        alice buy 4 @ 2.5 id=q1
        alice sell 5 @ 2.5 id=q1
        alice buy 5 @ 2.5 id=q1 label=x
        alice cancel #1
        restart
        alice buy 5 @ 2.5 id=q1
        alice buy 4 @ 2.5 id=q1
        alice buy 5 @ 9999999 id=q2
        alice buy 5 @ 2.4 id=q2
        alice batch buy 5 @ 2.4 id=q2 ; buy 1 @ 2.3 id=q3 ; buy 1 @ 2.3 id=q3 ; buy 2 @ 2.3 id=q3
        ",
        expect![[r#"
            #1 alice buy 5 @ 2.5
            #1 sent again
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.06
            #1 sent again
            #1 sent again
            refused ORDER-062 ClientOrderIdTaken
            refused ORDER-062 ClientOrderIdTaken
            refused ORDER-062 ClientOrderIdTaken
            #1 cancelled 3: user
            #1 sent again
            refused ORDER-062 ClientOrderIdTaken
            refused ORDER-007 PriceAboveLimit
            #3 alice buy 5 @ 2.4
            #3 sent again
            [0] done
            #4 alice buy 1 @ 2.3
            [1] done
            #4 sent again
            [2] done
            [3] refused ORDER-062 ClientOrderIdTaken
        "#]],
    );
}

#[test]
fn order_064_an_id_is_free_again_a_day_after_it_was_accepted_and_not_while_its_order_is_open() {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D
        account alice
        deposit alice 1000
        ",
    );
    let world = &mut desk.world;
    let terms = instruments::Instrument {
        schedule: instruments::Schedule {
            last_trade_at: world.now + NanosSpan::from_seconds(10 * 86_400),
            assign_at: world.now + NanosSpan::from_seconds(11 * 86_400),
            deliver_from: world.now + NanosSpan::from_seconds(12 * 86_400),
            deliver_until: world.now + NanosSpan::from_seconds(13 * 86_400),
            close_at: world.now + NanosSpan::from_seconds(14 * 86_400),
            ..day_future("LONG", "H100").schedule
        },
        ..day_future("LONG", "H100")
    };
    let instrument = world.list(terms);
    let alice = world.exchange.account_by_name("alice").unwrap();
    let named = |id: &str| PlaceOrder {
        client_order_id: Some(id.to_owned()),
        ..limit(alice, instrument, Side::Buy, 1, 2_000)
    };
    let place = |world: &mut World, id: &str| {
        let events = world.apply(Command::PlaceOrder(named(id)));
        let found = events.iter().find_map(|event| match event {
            Event::OrderAccepted(terms) => Some((terms.order, false)),
            Event::OrderResent { order, .. } => Some((*order, true)),
            _ => None,
        });
        found.unwrap()
    };
    let (open, _) = place(world, "open");
    let (ended, _) = place(world, "ended");
    world.apply(Command::CancelOrder { account: alice, order: ended });
    let day = NanosSpan::from_seconds(86_400);
    world.run(NanosSpan::new(day.nanos() - 1));
    assert_eq!(place(world, "ended"), (ended, true));
    world.run(NanosSpan::new(1));
    assert_eq!(world.exchange.client_order(alice, "ended"), None);
    let (anew, is_again) = place(world, "ended");
    assert!(anew != ended && !is_again);
    world.run(day);
    assert_eq!(place(world, "open"), (open, true), "as long as it is open");
    assert_eq!(place(world, "ended"), (anew, true));
    world.apply(Command::CancelOrder { account: alice, order: open });
    assert_eq!(world.exchange.client_order(alice, "open"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// ORDER-061, API-108: whatever is duplicated, delayed and reordered on the way, each id has at most one order, and every copy is told of that one.
    #[test]
    fn order_061_copies_in_any_order_place_one_order(
        sent in prop::collection::vec((0..8_u64, 1..4_u64), 1..60),
    ) {
        let mut world = World::open();
        let instrument = world.list(day_future("H100D", "H100"));
        let alice = world.account("alice", 100_000);
        let mut named: BTreeMap<u64, OrderId> = BTreeMap::new();
        for (id, qty) in sent {
            let order = limit(alice, instrument, Side::Buy, qty, 2_500);
            let order = PlaceOrder { client_order_id: Some(format!("c{id}")), ..order };
            let events = world.apply(Command::PlaceOrder(order));
            for event in &events {
                match event {
                    Event::OrderAccepted(terms) => {
                        prop_assert_eq!(named.insert(id, terms.order), None);
                    }
                    Event::OrderResent { order, .. } => {
                        prop_assert_eq!(named.get(&id), Some(order));
                    }
                    Event::Rejected(_) => {
                        prop_assert_eq!(refusal(&events), Some("ORDER-062"));
                    }
                    _ => {}
                }
            }
        }
    }
}
