//! The order path: one order for all, time that never runs backwards, an inbox that refuses in time, and a history that is never behind.

use api::venue::{INBOX_MAX, INBOX_RESERVED, SubmitError, Venue, VenueError};
use exchange::Command;
use futures_util::FutureExt;
use instruments::{NanosSpan, OrderId, Seq, Side};

use crate::world::{START, World, accepted, options, order};

#[test]
fn whoever_has_an_answer_finds_it_in_the_history() {
    let world = World::new();
    let sold = world.place(world.maker, Side::Sell, 5, 2_500);
    let bought = world.place(world.taker, Side::Buy, 2, 2_510);
    let history = world.venue.history();
    assert_eq!(history.order(sold).unwrap().filled.lots(), 2);
    assert_eq!(history.order(bought).unwrap().filled_tick_lots, 5_000);
    assert_eq!(history.user_trades(world.taker, None, 10)[0].order_id(), bought);
    let newest = history.trades(world.instrument, 10);
    assert_eq!((newest.len(), newest[0].trade_seq), (1, 1));
    assert_eq!(history.order(OrderId(999)), None);
}

#[test]
fn every_command_has_its_place_and_its_turn() {
    let world = World::new();
    let mut feed = world.venue.subscribe();
    let last = world.venue.exchange().last_seq();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (venue, maker, instrument) = (world.venue.clone(), world.maker, world.instrument);
            std::thread::spawn(move || {
                let sell = || order(maker, instrument, Side::Sell, 1, 3_000);
                let submit = |_| venue.submit_blocking(sell()).unwrap().seq;
                (0..50).map(submit).collect::<Vec<Seq>>()
            })
        })
        .collect();
    let mut places: Vec<Seq> =
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    places.sort_unstable();
    assert!(places.iter().zip(last.0 + 1..).all(|(place, wanted)| place.0 == wanted));
    assert_eq!(places.len(), 200);
    let told = std::iter::repeat_with(|| feed.blocking_recv().unwrap().seq);
    assert!(told.take(places.len()).eq(places));
}

#[test]
fn time_never_runs_backwards() {
    let world = World::new();
    world.clock.set(START + NanosSpan::from_seconds(5));
    world.place(world.maker, Side::Sell, 1, 2_500);
    world.clock.set(START);
    world.place(world.maker, Side::Sell, 1, 2_500);
    assert_eq!(world.venue.exchange().now(), START + NanosSpan::from_seconds(5));
}

#[test]
fn the_timer_ticks_once_for_what_is_due_and_an_idle_venue_journals_nothing() {
    let world = World::new();
    world.trade(1);
    let before = world.venue.exchange().last_seq();
    // Marks are due a second after a trade.
    world.clock.set(START + NanosSpan::from_seconds(2));
    while world.venue.exchange().last_seq() == before {
        std::thread::yield_now();
    }
    // The timer asks every millisecond; each of these takes some.
    for _ in 0..50 {
        world.place(world.maker, Side::Sell, 1, 3_000);
        let due = world.venue.exchange().next_due().unwrap();
        world.venue.submit_blocking(Command::Tick).unwrap();
        assert!(START + NanosSpan::from_seconds(2) < due);
    }
    assert_eq!(world.venue.exchange().last_seq(), Seq(before.0 + 1 + 100));
}

#[test]
fn an_overloaded_venue_refuses_orders_first_and_answers_all_it_has_taken() {
    let world = World::new();
    let resting = world.place(world.maker, Side::Sell, 1, 3_000);
    let sell = || order(world.maker, world.instrument, Side::Sell, 1, 3_000);
    let mut taken = Vec::new();

    // Whoever reads the exchange holds the sequencer back.
    let held = world.venue.exchange();
    let refusal = loop {
        let mut reply = Box::pin(world.venue.submit(sell()));
        match (&mut reply).now_or_never() {
            None => taken.push(reply),
            Some(outcome) => break outcome.unwrap_err(),
        }
    };
    assert_eq!(refusal, SubmitError::Overloaded { limit: INBOX_MAX - INBOX_RESERVED });
    assert!(INBOX_MAX - INBOX_RESERVED <= taken.len());
    let cancel = Command::CancelOrder { account: world.maker, order: resting };
    let mut cancel = Box::pin(world.venue.submit(cancel));
    assert_eq!((&mut cancel).now_or_never(), None);
    drop(held);

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(cancel).unwrap().refusal(), None);
    for reply in taken {
        assert!(runtime.block_on(reply).is_ok());
    }
    world.place(world.taker, Side::Buy, 1, 2_000);
}

#[test]
fn a_directory_is_one_venues_at_a_time() {
    let world = World::new();
    let second = Venue::open(options(world.path(), &world.clock)).err().unwrap();
    assert!(matches!(second, VenueError::Directory(_)), "{second}");
    assert!(second.to_string().contains("open in another process"), "{second}");
    world.venue.clone().close().unwrap();
    world.reopen();
}

#[test]
fn a_closed_venue_takes_nothing_more() {
    let world = World::new();
    let resting = world.place(world.maker, Side::Sell, 1, 2_500);
    world.venue.clone().close().unwrap();
    let late = world.venue.submit_blocking(Command::Tick).unwrap_err();
    assert_eq!(late, SubmitError::Stopped);
    assert!(!world.venue.has_failed());
    assert!(world.venue.exchange().open_order(resting).is_some());
    assert_eq!(world.venue.clone().close().unwrap().seq, world.venue.exchange().last_seq());
}

#[test]
fn a_refusal_is_an_outcome_and_leaves_no_order() {
    let world = World::new();
    let outcome = world
        .venue
        .submit_blocking(order(world.maker, world.instrument, Side::Buy, 0, 2_500))
        .unwrap();
    assert_eq!(outcome.refusal().unwrap().rule(), "ORDER-004");
    let next =
        world.venue.submit_blocking(order(world.maker, world.instrument, Side::Buy, 1, 2_500));
    let first = accepted(&next.unwrap());
    assert_eq!(first.0 >> 24, 1, "the first order that was taken in");
}
