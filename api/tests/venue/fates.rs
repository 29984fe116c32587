//! What of an account's own ids, timers and sessions outlives the venue.

use api::client::{Client, ClientError, NewOrder};
use api::venue::history::OrderState;
use api::venue::{Venue, VenueClock, VenueOptions};
use exchange::io::{Fault, SimulatedDisk};
use exchange::{Command, Event, PlaceOrder};
use instruments::{NanosSpan, OrderId, Price, Qty, Side};
use matching_engine::CancelReason;
use rust_decimal::Decimal;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::world::{START, World, accepted, copy_of, list, open_account, options};

fn named(world: &World, id: &str, session: Option<u64>) -> Command {
    let (price, qty) = (Price::from_ticks(2_400), Qty::from_lots(3));
    let plain = PlaceOrder::limit(world.maker, world.instrument, Side::Buy, price, qty);
    let client_order_id = Some(id.to_owned());
    Command::PlaceOrder(PlaceOrder { client_order_id, session, ..plain })
}

fn resent(venue: &Venue, command: Command) -> Option<OrderId> {
    let outcome = venue.submit_blocking(command).unwrap();
    outcome.events.iter().find_map(|event| {
        if let Event::OrderResent { order, .. } = event { Some(*order) } else { None }
    })
}

/// ORDER-061: after a clean end, a crash, and a snapshot with a tail.
#[test]
fn order_061_an_id_outlives_the_venue() {
    let world = World::with(|options: &mut VenueOptions| options.snapshot_every = 8);
    let open = accepted(&world.venue.submit_blocking(named(&world, "open", None)).unwrap());
    let ended = accepted(&world.venue.submit_blocking(named(&world, "ended", None)).unwrap());
    let cancel = Command::CancelOrder { account: world.maker, order: ended };
    world.venue.submit_blocking(cancel).unwrap();
    world.trade(5);
    let killed = copy_of(world.path());
    world.venue.clone().close().unwrap();
    let crashed = Venue::open(options(killed.path(), &world.clock)).unwrap();
    for venue in [crashed, world.reopen()] {
        let last = venue.exchange().last_seq();
        assert_eq!(resent(&venue, named(&world, "open", None)), Some(open));
        assert_eq!(resent(&venue, named(&world, "ended", Some(1))), Some(ended));
        assert_eq!(venue.exchange().open_orders_of(world.maker, None).len(), 1);
        assert_eq!(venue.exchange().last_seq().0, last.0 + 2);
        let record = venue.history().order_by_client_id(world.maker, "ended").unwrap();
        assert_eq!(record.terms.order, ended);
    }
}

/// ORDER-069: what belongs to a session goes with the process that served it, before anybody can trade with it.
#[test]
fn order_069_a_killed_venue_takes_the_orders_of_its_sessions_with_it() {
    let world = World::new();
    let quote = accepted(&world.venue.submit_blocking(named(&world, "quote", Some(7))).unwrap());
    let kept = accepted(&world.venue.submit_blocking(named(&world, "kept", None)).unwrap());
    let killed = copy_of(world.path());
    let venue = Venue::open(options(killed.path(), &world.clock)).unwrap();
    let sell = crate::world::order(world.taker, world.instrument, Side::Sell, 6, 2_400);
    venue.submit_blocking(sell).unwrap();
    let quote = venue.history().order(quote).unwrap();
    assert!(quote.filled.is_zero(), "nobody has traded with it");
    let reason = CancelReason::Disconnected;
    assert_eq!(quote.state, OrderState::Cancelled { qty: quote.terms.qty, reason });
    assert_eq!(venue.history().order(kept).unwrap().filled, Qty::from_lots(3));
}

/// ORDER-066, API-102: the timer runs out while there is no venue, and has cancelled everything before the first command of the next.
#[test]
fn order_066_a_timer_runs_out_while_the_venue_is_down() {
    let world = World::new();
    let order = accepted(&world.venue.submit_blocking(named(&world, "quote", None)).unwrap());
    let timeout = NanosSpan::from_seconds(5);
    let timer = Command::CancelAllAfter { account: world.maker, timeout };
    world.venue.submit_blocking(timer).unwrap();
    let killed = copy_of(world.path());
    world.clock.set(world.clock.now() + NanosSpan::from_seconds(6));
    let venue = Venue::open(options(killed.path(), &world.clock)).unwrap();
    let sell = crate::world::order(world.taker, world.instrument, Side::Sell, 3, 2_400);
    venue.submit_blocking(sell).unwrap();
    let order = venue.history().order(order).unwrap();
    assert!(order.filled.is_zero());
    assert_eq!(venue.exchange().cancels_all_at(world.maker), None);
}

/// S18: the disk fails under an order at every place; its client gets no word, and the next venue has the order whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_104_an_order_without_an_outcome_gets_no_reply() {
    for after in 0..4 {
        let directory = TempDir::new().unwrap();
        let clock = VenueClock::manual(START);
        let disk = SimulatedDisk::default();
        let opened = options(directory.path(), &clock);
        let on = disk.clone();
        let begin = tokio::task::spawn_blocking(move || {
            let venue = Venue::open_on(on, opened).unwrap();
            let instrument = list(&venue);
            let account = open_account(&venue, "maker");
            let credential = venue.issue_credential(account).unwrap();
            (venue, instrument, account, credential)
        });
        let (venue, instrument, account, credential) = begin.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws/api/v2", listener.local_addr().unwrap());
        let failed = venue.clone();
        tokio::spawn(api::serve(venue.clone(), listener, async move { failed.failed().await }));
        let (client, _own) = Client::connect(&url).await.unwrap();
        client.auth(&credential.client_id, &credential.client_secret).await.unwrap();
        disk.fail_at(disk.operations() + after, Fault::SyncFails);
        let order = NewOrder::limit("H100_USDC-21NOV26", 3, Decimal::new(24, 1));
        let mut sent = 0;
        let error = loop {
            let order = order.clone().client_order_id(&format!("q{sent}"));
            match client.buy(&order).await {
                Ok(placed) => assert!(!placed.duplicate),
                Err(error) => break error,
            }
            sent += 1;
        };
        assert!(matches!(error, ClientError::Closed { .. }), "after {after}: {error}");
        let closing = tokio::task::spawn_blocking(move || drop(venue.close()));
        closing.await.unwrap();

        std::fs::remove_dir_all(directory.path().join("store")).unwrap();
        let (disk, opened) = (disk.after_power_cut(after), options(directory.path(), &clock));
        let again = tokio::task::spawn_blocking(move || {
            let venue = Venue::open_on(disk, opened).unwrap();
            let there = venue.exchange().open_orders_of(account, Some(instrument)).len();
            assert!((sent..=sent + 1).contains(&there), "{sent} acknowledged, {there} there");
            let outcome = venue.exchange().client_order(account, &format!("q{sent}"));
            assert_eq!(outcome.is_some(), there == sent + 1);
        });
        again.await.unwrap();
    }
}
