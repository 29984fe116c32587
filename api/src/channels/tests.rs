//! A thousand sessions at one book, without sockets: each takes what it likes, when it likes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exchange::{Command, Event, PlaceOrder};
use instruments::{
    AccountId, GradeId, Guards, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, OrderId,
    Period, Price, Product, Qty, Schedule, Side, Style, launch_grades,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::ear::LAG_MAX;
use super::feed::Feed;
use super::ring::RINGS_BYTES_MAX;
use super::*;
use crate::session::{OUTBOUND_MAX, Outbound, Waiting, outbound_queue};
use crate::venue::{Listing, Outcome, Venue, VenueClock, VenueOptions};
use crate::wire::{Number, WireBookChange};

const SERIES: &str = "H100_USDC-16JAN27";
const START: Nanos = Nanos::from_seconds(1_800_000_000);

/// A venue with one series and one account, and the hub in front of it.
struct Stand {
    gateway: Arc<Gateway>,
    work: Work,
    series: InstrumentId,
    account: AccountId,
    state: u64,
    _directory: TempDir,
}

fn terms() -> Instrument {
    let at = |hours: u64| START + NanosSpan::from_seconds(hours * 3_600);
    Instrument {
        id: InstrumentId(0),
        name: SERIES.to_owned(),
        grade: GradeId::new("H100").unwrap(),
        grade_terms: launch_grades()[0].terms_hash(),
        node_size: 1,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 24,
        schedule: Schedule {
            last_trade_at: at(24),
            ladder_step: NanosSpan::ZERO,
            assign_at: at(25),
            deliver_from: at(26),
            deliver_until: at(30),
            intervals: 4,
            answer_within: NanosSpan::from_seconds(600),
            verdict_within: NanosSpan::from_seconds(600),
            close_at: at(40),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: Guards::NONE,
    }
}

impl Stand {
    fn open() -> Self {
        let directory = TempDir::new().unwrap();
        let venue = Venue::open(VenueOptions {
            testnet: true,
            listing: Listing::None,
            tick_every: Duration::from_millis(5),
            price_every: None,
            clock: VenueClock::manual(START),
            ..VenueOptions::new(directory.path())
        });
        let venue = venue.unwrap();
        let gateway = Arc::new(Gateway::new(venue));
        let work = Work::new(Arc::clone(&gateway));
        let (series, account) = (InstrumentId(0), AccountId(0));
        let mut stand = Self { gateway, work, series, account, state: 3, _directory: directory };
        let listed = stand.submit(Command::ListInstrument(Box::new(terms())));
        let opened =
            stand.submit(Command::OpenAccount { name: "maker".to_owned(), is_verifier: false });
        for event in listed.events.iter().chain(&opened.events) {
            if let Event::InstrumentListed(terms) = event {
                stand.series = terms.id;
            } else if let Event::AccountOpened { account, .. } = event {
                stand.account = *account;
            }
        }
        let amount = MicroUsd::new(1_000_000_000_000);
        stand.submit(Command::Deposit { account: stand.account, amount });
        stand
    }

    fn submit(&self, command: Command) -> Outcome {
        self.gateway.venue.submit_blocking(command).unwrap()
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % limit
    }

    fn buy(&mut self, ticks: i64) -> OrderId {
        let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(1));
        let order = PlaceOrder::limit(self.account, self.series, Side::Buy, price, qty);
        let outcome = self.submit(Command::PlaceOrder(order));
        let accepted = outcome.events.iter().find_map(|event| {
            if let Event::OrderAccepted(terms) = event { Some(terms.order) } else { None }
        });
        accepted.unwrap()
    }

    fn cancel(&self, order: OrderId) {
        self.submit(Command::CancelOrder { account: self.account, order });
    }

    /// The book, bids from the highest.
    fn book(&self) -> Vec<(String, String)> {
        let exchange = self.gateway.venue.exchange();
        let series = exchange.series_by_id(self.series).unwrap();
        let levels = crate::raise::levels(&exchange, series, Side::Buy);
        let decimal = |price| Number::from(series.instrument.price_to_decimal(price));
        levels.map(|(price, open)| (decimal(price).to_string(), open.lots().to_string())).collect()
    }
}

#[derive(Deserialize)]
struct Frame {
    params: Params,
}

#[derive(Deserialize)]
struct Params {
    seq: u64,
    missed_from: Option<u64>,
    data: Box<RawValue>,
}

/// A session that builds a book and never clears it.
struct Reader {
    subscriptions: Subscriptions,
    outbound: Outbound<Text>,
    queue: Waiting<Text>,
    book: BTreeMap<Number, Number>,
    seq: u64,
    heals: usize,
}

/// Messages that were read before: everybody is told the same bytes.
type Known = BTreeMap<String, (Params, WireBookChange)>;

impl Reader {
    fn new(stand: &Stand, channel: &str) -> Self {
        let mut subscriptions = Subscriptions::default();
        subscriptions.subscribe(&stand.gateway, None, &[channel.to_owned()]).unwrap();
        let (outbound, queue) = outbound_queue(OUTBOUND_MAX, usize::MAX);
        Self { subscriptions, outbound, queue, book: BTreeMap::new(), seq: 0, heals: 0 }
    }

    fn read(&mut self, known: &mut Known) {
        while let Some(text) = self.queue.take() {
            let (params, change) = known.entry(text.to_string()).or_insert_with_key(|text| {
                let Frame { params } = serde_json::from_str(text).unwrap();
                let change = serde_json::from_str(params.data.get()).unwrap();
                (params, change)
            });
            if let Some(missed_from) = params.missed_from {
                assert_eq!((missed_from, change.kind.as_str()), (self.seq + 1, "snapshot"));
                assert!(missed_from + LAG_MAX <= params.seq);
                self.heals += 1;
            } else if change.kind == "change" {
                assert_eq!(params.seq, self.seq + 1, "a gapless channel");
            }
            self.seq = params.seq;
            for level in &change.bids {
                match level.0.as_str() {
                    "delete" => drop(self.book.remove(&level.1)),
                    _ => drop(self.book.insert(level.1, level.2)),
                }
            }
        }
    }

    fn levels(&self) -> Vec<(String, String)> {
        let levels = self.book.iter().rev();
        levels.map(|(price, open)| (price.to_string(), open.to_string())).collect()
    }
}

fn feed(stand: &Stand, name: &str) -> Arc<Feed> {
    stand.gateway.hub.find(None, name).unwrap()
}

/// API-089, API-085
#[test]
fn api_089_a_thousand_listeners_of_one_book_end_with_the_same_book() {
    const LISTENERS: u64 = 1_000;
    let mut stand = Stand::open();
    let channel = format!("book.{SERIES}.raw");
    let mut readers: Vec<Reader> = (0..LISTENERS).map(|_| Reader::new(&stand, &channel)).collect();
    let (mut known, mut open) = (Known::new(), Vec::new());
    for step in 0..1_200_u64 {
        if open.len() < 20 || stand.below(2) == 0 {
            let ticks = 2_400 + i64::try_from(stand.below(60)).unwrap();
            open.push(stand.buy(ticks));
        } else {
            let place = usize::try_from(stand.below(20)).unwrap();
            stand.cancel(open.swap_remove(place));
        }
        stand.work.drain();
        // Each at its own pace; every eighth not at all.
        for (number, reader) in (0..LISTENERS).zip(&mut readers) {
            if number % 8 != 0 && step % (1 + number % 50) == 0 {
                reader.subscriptions.flush(&reader.outbound).unwrap();
                reader.read(&mut known);
            }
        }
        if step == 600 {
            // Those that read nothing are woken as all others: their sockets are full from here on.
            readers.iter_mut().step_by(8).for_each(|reader| {
                reader.subscriptions.flush(&reader.outbound).unwrap();
                assert!(reader.subscriptions.is_full());
            });
        }
    }
    // What is kept is kept once, however many listen; what waits for a socket has its bound.
    let last = feed(&stand, &channel).lock().ring.last_seq();
    let kept = stand.gateway.hub.bytes();
    assert!(kept < usize::try_from(last).unwrap() * 400 && kept < RINGS_BYTES_MAX, "{kept}");
    assert!(readers.iter().all(|reader| reader.queue.len() <= OUTBOUND_MAX));

    let book = stand.book();
    assert!(10 < book.len());
    for reader in &mut readers {
        loop {
            reader.read(&mut known);
            reader.subscriptions.flush(&reader.outbound).unwrap();
            if reader.queue.is_empty() {
                break;
            }
        }
        assert_eq!((reader.seq, reader.levels()), (last, book.clone()));
    }
    let healed = readers.iter().filter(|reader| 0 < reader.heals).count();
    assert_eq!(healed, readers.len() / 8, "those that stalled, and no other");
}

/// API-034
#[test]
fn api_034_what_may_not_be_left_out_ends_a_session_that_is_too_far_behind() {
    let stand = Stand::open();
    let name = format!("trades.{SERIES}.raw");
    let reader = Reader::new(&stand, &name);
    let (mut subscriptions, outbound) = (reader.subscriptions, reader.outbound);
    let feed = feed(&stand, &name);
    let push = |count: usize| {
        for _ in 0..count {
            feed.lock().ring.push("x".into(), 1, (u64::MAX, Some(9)));
        }
    };
    push(WAITING_MAX + 2);
    let slow = TooSlow { channel: name.clone(), seq: 0, user_seq: None };
    assert_eq!(subscriptions.flush(&outbound), Err(slow));

    let mut late = Reader::new(&stand, &name);
    push(3);
    late.subscriptions.flush(&late.outbound).unwrap();
    assert_eq!(late.queue.len(), 3, "what came after it had subscribed");
    push(1);
    feed.lose(&stand.gateway);
    let seq = u64::try_from(WAITING_MAX + 5).unwrap();
    let slow = TooSlow { channel: name.clone(), seq, user_seq: Some(9) };
    assert_eq!(late.subscriptions.flush(&late.outbound), Err(slow));
    // Whoever comes next listens to a channel that has begun anew.
    let mut next = Reader::new(&stand, &name);
    assert_eq!(next.subscriptions.flush(&next.outbound), Ok(0));
    assert!(feed.epoch < stand.gateway.hub.find(None, &name).unwrap().epoch);
}

/// API-085: a book that the hub itself has missed something of is told afresh to everybody, what has gone included.
#[test]
fn api_085_a_book_that_was_missed_is_told_afresh() {
    let mut stand = Stand::open();
    let channel = format!("book.{SERIES}.raw");
    let first = stand.buy(2_400);
    stand.buy(2_300);
    let mut reader = Reader::new(&stand, &channel);
    let mut known = Known::new();
    reader.subscriptions.flush(&reader.outbound).unwrap();
    reader.read(&mut known);
    assert_eq!((reader.seq, reader.levels().len()), (1, 2));
    // As if these had been lost.
    stand.cancel(first);
    stand.buy(2_350);
    feed(&stand, &channel).lose(&stand.gateway);
    stand.work.drain();
    reader.subscriptions.flush(&reader.outbound).unwrap();
    reader.read(&mut known);
    assert_eq!((reader.seq, reader.levels()), (2, stand.book()));
}
