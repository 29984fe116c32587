//! An engine and its bytes.

mod steps;

use borsh::to_vec;
use instruments::{AccountId, InstrumentId, Nanos, OrderId, Price, Qty, Side};

use crate::order::{NewOrder, PriceSource, TimeInForce, Trigger, TriggerWhen};
use crate::terms::{AuctionKind, BookTerms, Capacity};
use crate::{BookEvent, Engine};
use steps::{Dice, Step, listed};

fn read(bytes: &[u8]) -> std::io::Result<Engine> {
    borsh::from_slice(bytes)
}

/// Applies one step to an engine and to its twin, which must do the same.
#[track_caller]
fn step_both(step: &Step, engine: &mut Engine, twin: &mut Engine) -> Vec<BookEvent> {
    let (mut said, mut said_by_twin) = (Vec::new(), Vec::new());
    step.apply(engine, &mut said);
    step.apply(twin, &mut said_by_twin);
    assert_eq!(said, said_by_twin, "{step:?}");
    assert_eq!((engine.hash(), engine.next_id()), (twin.hash(), twin.next_id()), "{step:?}");
    said
}

/// What has been seen of the many things that an engine does.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    kinds: u32,
}

impl Seen {
    fn note(&mut self, events: &[BookEvent]) {
        for event in events {
            self.kinds |= match event {
                BookEvent::Accepted { .. } => 1,
                BookEvent::Rejected { .. } => 1 << 1,
                BookEvent::Traded(_) => 1 << 2,
                BookEvent::Cancelled { .. } => 1 << 3,
                BookEvent::Amended { .. } => 1 << 4,
                BookEvent::Decremented { .. } => 1 << 5,
                BookEvent::Refreshed { .. } => 1 << 6,
                BookEvent::Triggered { .. } => 1 << 7,
                BookEvent::AuctionOpened { .. } => 1 << 8,
                BookEvent::AuctionExtended { .. } => 1 << 9,
                BookEvent::AuctionEnded { .. } => 1 << 10,
                BookEvent::Tripped { .. } => 1 << 11,
                BookEvent::Implied { .. } => 1 << 12,
            };
        }
    }
}

/// MATCH-025: after every command the bytes are read back to the same bytes, and what was read goes on like what was written.
#[test]
fn an_engine_goes_on_from_its_snapshot_as_if_nothing_had_happened() {
    let mut seen = Seen::default();
    for seed in 1..=8 {
        let mut dice = Dice::new(seed);
        let mut engine = listed();
        let mut twin = engine.clone();
        for number in 0..1_200 {
            let step = dice.step(&engine);
            seen.note(&step_both(&step, &mut engine, &mut twin));
            let bytes = to_vec(&engine).unwrap();
            assert!(bytes == to_vec(&twin).unwrap(), "seed {seed}, {number}: {step:?}");
            let again =
                read(&bytes).unwrap_or_else(|e| panic!("seed {seed}, {number}: {step:?}: {e}"));
            assert!(bytes == to_vec(&again).unwrap(), "seed {seed}, {number}: {step:?}");
            if number % 200 == 0 {
                twin = again;
            }
        }
    }
    assert_eq!(seen.kinds, (1 << 13) - 1, "every kind of event was seen");
}

/// What can be asked of an engine is the same after it was read.
#[test]
fn what_is_read_looks_like_what_was_written() {
    let mut dice = Dice::new(77);
    let mut engine = listed();
    for _ in 0..600 {
        dice.step(&engine).apply(&mut engine, &mut Vec::new());
    }
    let twin = read(&to_vec(&engine).unwrap()).unwrap();
    assert!(engine == twin);
    assert!(engine.instruments().eq(twin.instruments()));
    for instrument in engine.instruments() {
        let (book, other) = (engine.book(instrument).unwrap(), twin.book(instrument).unwrap());
        assert!(book.orders().eq(other.orders()));
        assert!(book.waiting().eq(other.waiting()));
        assert_eq!((book.len(), book.phase()), (other.len(), other.phase()));
        assert_eq!((book.terms(), book.bands()), (other.terms(), other.bands()));
        assert_eq!(book.breaker_limits(), other.breaker_limits());
        for side in [Side::Buy, Side::Sell] {
            assert!(book.depth(side).eq(other.depth(side)));
            assert_eq!(book.open_on(side), other.open_on(side));
        }
    }
}

/// MATCH-025: whatever the bytes are, they are a sound engine or an error.
#[test]
fn a_damaged_snapshot_is_an_error_or_a_sound_engine() {
    let mut dice = Dice::new(5);
    let mut engine = listed();
    while to_vec(&engine).unwrap().len() < 3_000 {
        dice.growing_step(&engine).apply(&mut engine, &mut Vec::new());
    }
    let bytes = to_vec(&engine).unwrap();
    let (mut refused, mut accepted) = (0, 0);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let Ok(mut engine) = read(&damaged) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            assert!(to_vec(&engine).unwrap() == damaged, "byte {at}, {flip:#x}");
            let mut dice = Dice::new(u64::try_from(at).unwrap() + 1);
            for _ in 0..200 {
                dice.step(&engine).apply(&mut engine, &mut Vec::new());
            }
            read(&to_vec(&engine).unwrap()).unwrap();
        }
    }
    assert!(2 * accepted < 3 * refused, "{refused} refused, {accepted} accepted");
}

#[test]
fn a_part_of_a_snapshot_and_a_snapshot_with_more_behind_it_are_errors() {
    let mut bytes = to_vec(&small()).unwrap();
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
    }
    bytes.push(0);
    assert!(read(&bytes).is_err());
}

/// Lengths that are far larger than what is there: nothing is reserved for them.
#[test]
fn a_length_is_not_believed() {
    let bytes = to_vec(&small()).unwrap();
    for at in 0..=bytes.len() - 4 {
        let mut damaged = bytes.clone();
        damaged[at..at + 4].copy_from_slice(&0x00ff_ffff_u32.to_le_bytes());
        if let Ok(engine) = read(&damaged) {
            assert!(to_vec(&engine).unwrap() == damaged, "byte {at}");
        }
    }
}

const BOOK: InstrumentId = InstrumentId(1);

/// One book in an auction that is crossed: two bids, an ask, an order that waits and a slot that is free.
fn small() -> Engine {
    let mut engine = Engine::new(Capacity { orders: 0 });
    assert!(engine.list(BOOK, BookTerms::continuous(Price::from_ticks(100))));
    let out = &mut Vec::new();
    engine.open_auction(BOOK, AuctionKind::Opening, Some(Nanos::new(50)), out);
    let order = |side, ticks| {
        let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(7));
        NewOrder::limit(AccountId(3), side, price, qty)
    };
    engine.place(BOOK, &order(Side::Buy, 100), out);
    engine.place(BOOK, &order(Side::Buy, 101), out);
    engine.place(BOOK, &order(Side::Sell, 99), out);
    let gone = engine.next_id();
    engine.place(BOOK, &order(Side::Sell, 105), out);
    let trigger = Trigger {
        source: PriceSource::Mark,
        when: TriggerWhen::Rises,
        price: Price::from_ticks(120),
    };
    let time_in_force = TimeInForce::Gtd(Nanos::new(1_000));
    let waiting = NewOrder { trigger: Some(trigger), time_in_force, ..order(Side::Sell, 119) };
    engine.place(BOOK, &waiting, out);
    engine.cancel(gone, crate::CancelReason::Requested, out);
    engine
}

/// What `edit` makes of the bytes of [`small`].
#[track_caller]
fn refused(find: &[u8], replace: &[u8]) -> String {
    let bytes = to_vec(&small()).unwrap();
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(find)).collect();
    assert_eq!(places.len(), 1, "the bytes to replace stand at {places:?}");
    let mut damaged = bytes[..places[0]].to_vec();
    damaged.extend(replace);
    damaged.extend(&bytes[places[0] + find.len()..]);
    let error = read(&damaged).unwrap_err().to_string();
    error.strip_prefix("damaged snapshot of the books: ").unwrap_or(&error).to_owned()
}

#[test]
fn damage_says_what_it_is() {
    // The phase, the opening auction until 50, is none: the orders in it are crossed.
    let auction = [&[1, 0, 1][..], &50_u64.to_le_bytes(), &[0], &50_u64.to_le_bytes(), &[0]];
    assert_eq!(refused(&auction.concat(), &[0]), "crossed outside an auction");
    let mut far = auction.concat();
    far[3] = 51;
    assert_eq!(refused(&auction.concat(), &far), "an auction that has not begun");

    let level = |depth: i64| [&[0, 1, 0, 0, 0, 0][..], &depth.to_le_bytes()].concat();
    assert_eq!(refused(&level(!100), &level(!101)), "two levels at one price");
    let no_book = [&[0, 2, 0, 0, 0, 0][..], &(!100_i64).to_le_bytes()].concat();
    assert_eq!(refused(&level(!100), &no_book), "an order or a level of no book");

    let order = |arrival: u64, level: u32| {
        let wishes = [&arrival.to_le_bytes()[..], &3_u32.to_le_bytes(), &[0, 0, 0, 0]].concat();
        [&[1][..], &wishes, &level.to_le_bytes(), &7_u64.to_le_bytes()].concat()
    };
    assert_eq!(refused(&order(2, 3), &order(1, 3)), "an arrival number twice");
    assert_eq!(refused(&order(2, 3), &order(9, 3)), "an order that has not arrived");
    assert_eq!(refused(&order(2, 3), &order(2, 2)), "an order on no level");
    assert_eq!(refused(&order(2, 3), &order(2, 1)), "a level without an order");

    let date = |at: u64| [&[3][..], &at.to_le_bytes()].concat();
    assert_eq!(refused(&date(1_000), &date(0)), "an order whose time is over");
}

#[test]
fn a_window_that_is_no_power_of_two_is_listed_as_one_and_comes_back() {
    let mut engine = Engine::new(Capacity { orders: 0 });
    let terms = BookTerms { window: 100, ..BookTerms::continuous(Price::from_ticks(0)) };
    assert!(engine.list(BOOK, terms));
    assert_eq!(engine.book(BOOK).unwrap().terms().window, 128);
    assert!(read(&to_vec(&engine).unwrap()).unwrap() == engine);
}

/// Slots that were free come back in the order in which they will be taken.
#[test]
fn ids_go_on_where_they_were() {
    let mut engine = small();
    let mut ids: Vec<OrderId> = engine.book(BOOK).unwrap().orders().map(|order| order.id).collect();
    ids.swap(0, 1);
    for id in ids {
        engine.cancel(id, crate::CancelReason::Requested, &mut Vec::new());
    }
    let mut twin = read(&to_vec(&engine).unwrap()).unwrap();
    for ticks in 0..8 {
        assert_eq!(engine.next_id(), twin.next_id());
        let price = Price::from_ticks(ticks);
        let order = NewOrder::limit(AccountId(1), Side::Buy, price, Qty::from_lots(1));
        step_both(&Step::Place(BOOK, order), &mut engine, &mut twin);
    }
}
