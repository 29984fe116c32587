//! API-105, API-108: whatever the wire does, a client knows what became of every order, and no order is two.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use api::client::{Backoff, NewOrder, OrderStatus, Session, SessionOptions, TrackedOrder, Update};
use api::venue::{Credential, RecoverError, read_journal};
use api::wire::Number;
use exchange::Event;
use instruments::{AccountId, Side};
use serde_json::json;
use tokio::sync::mpsc;

use crate::faulty_wire::{Chance, Faults, cutting, unfaithful};
use crate::stand::{SERIES, Stand, limit, soon};

const WORKERS: u64 = 6;
const CUTS: u64 = 1_000;

/// What the journal says of one order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fate {
    order: String,
    qty: u64,
    filled: u64,
    is_cancelled: bool,
    trades: BTreeSet<String>,
}

/// What the journal says of an account.
#[derive(Default)]
struct Truth {
    fates: BTreeMap<String, Vec<Fate>>,
    by_order: BTreeMap<u64, String>,
    resent: u64,
    reports: u64,
}

impl Truth {
    fn read(data_dir: &Path, account: AccountId) -> Self {
        let mut truth = Self::default();
        read_journal::<RecoverError>(data_dir, |published| {
            for event in &published.events {
                truth.note(event, account);
            }
            Ok(())
        })
        .unwrap();
        truth
    }

    fn fate(&mut self, order: u64) -> Option<&mut Fate> {
        self.fates.get_mut(self.by_order.get(&order)?)?.last_mut()
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is about orders")]
    fn note(&mut self, event: &Event, account: AccountId) {
        match event {
            Event::OrderAccepted(terms) if terms.account == account => {
                let id = terms.client_order_id.clone().unwrap();
                let fate = Fate {
                    order: terms.order.to_string(),
                    qty: terms.qty.lots(),
                    ..Fate::default()
                };
                self.by_order.insert(terms.order.0, id.clone());
                self.fates.entry(id).or_default().push(fate);
                self.reports += 1;
            }
            Event::OrderResent { account: whose, .. } if *whose == account => self.resent += 1,
            Event::OrderCancelled { account: whose, order, .. } if *whose == account => {
                self.fate(order.0).unwrap().is_cancelled = true;
                self.reports += 1;
            }
            Event::Traded(traded) => {
                for fill in [&traded.maker, &traded.taker] {
                    if fill.account == account {
                        let (trade, lots) = (traded.trade.to_string(), traded.qty.lots());
                        let fate = self.fate(fill.order.0).unwrap();
                        fate.filled += lots;
                        fate.trades.insert(trade);
                        self.reports += 1;
                    }
                }
            }
            _ => {}
        }
    }

    /// Every way in which what the client knows differs from what happened.
    fn discrepancies(&self, known: &[TrackedOrder]) -> Vec<String> {
        let mut found = Vec::new();
        for order in known {
            let id = &order.client_order_id;
            let placed = self.fates.get(id).map_or(&[][..], Vec::as_slice);
            let is_right = match (placed, order.status) {
                ([], OrderStatus::Rejected { .. }) => true,
                ([fate], status) => {
                    let status_now = match (fate.is_cancelled, fate.filled) {
                        (_, filled) if filled == fate.qty => OrderStatus::Filled,
                        (true, _) => OrderStatus::Cancelled,
                        (false, 0) => OrderStatus::Open,
                        (false, _) => OrderStatus::PartiallyFilled,
                    };
                    let told = order.order.as_ref().unwrap();
                    let trades: BTreeSet<String> = order.trades.keys().cloned().collect();
                    status == status_now
                        && told.order_id == fate.order
                        && told.filled_amount.to_string() == fate.filled.to_string()
                        && trades == fate.trades
                }
                _ => false,
            };
            if !is_right {
                found.push(format!("{id}: known {order:?}, happened {placed:?}"));
            }
        }
        let known: BTreeSet<&String> = known.iter().map(|order| &order.client_order_id).collect();
        let unknown = self.fates.keys().filter(|id| !known.contains(id));
        found.extend(unknown.map(|id| format!("{id} was accepted, and its client does not know")));
        found
    }
}

/// A venue with a deep book, and an account that trades there over a wire of its own.
struct Market {
    stand: Stand,
    data_dir: PathBuf,
    trader: Credential,
}

impl Market {
    async fn open() -> Self {
        let mut data_dir = PathBuf::new();
        let stand = Stand::open_with(|options| data_dir.clone_from(&options.data_dir)).await;
        let (maker, _) = stand.trader(1_000_000_000).await;
        maker.sell(&limit(500_000, "2.51")).await.unwrap();
        maker.buy(&limit(500_000, "2.49")).await.unwrap();
        let trader = stand.account(1_000_000).await;
        Self { stand, data_dir, trader }
    }

    fn session(&self, url: &str, timeout: Duration) -> (Session, mpsc::Receiver<Update>) {
        Session::start(SessionOptions {
            last_user_seq: Some(0),
            channels: vec![book_channel()],
            timeout,
            backoff: Backoff::between(Duration::from_millis(1), Duration::from_millis(2)),
            ..SessionOptions::new(url, &self.trader.client_id, &self.trader.client_secret)
        })
    }

    /// The journal of the venue, once it has ended.
    async fn truth(mut self) -> Truth {
        self.stand.stop().await;
        let (venue, data_dir) = (self.stand.venue.clone(), self.data_dir.clone());
        let account = self.trader.account;
        let read = tokio::task::spawn_blocking(move || {
            venue.close().unwrap();
            Truth::read(&data_dir, account)
        });
        read.await.unwrap()
    }
}

fn book_channel() -> String {
    format!("book.{SERIES}.raw")
}

/// Waits until the book that the session has built is the venue's, level by level.
async fn same_book(stand: &Stand, session: &Session) {
    let (client, _) = stand.stranger().await;
    let params = json!({"instrument_name": SERIES, "depth": 10_000});
    let book = client.call("public/get_order_book", params).await.unwrap();
    let levels = |side: &str| book[side].as_array().unwrap().len();
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let built = loop {
        match session.book(&book_channel()) {
            Some(built) if Some(built.change_id) == book["change_id"].as_u64() => break built,
            _ => pace.tick().await,
        };
    };
    assert_eq!((built.bids.len(), built.asks.len()), (levels("bids"), levels("asks")));
    let best = |side: &str| book[side][0].to_string();
    let bid = built.bids.last_key_value().unwrap();
    assert_eq!(format!("[{},{}]", Number(*bid.0), bid.1), best("bids"));
    let ask = built.asks.first_key_value().unwrap();
    assert_eq!(format!("[{},{}]", Number(*ask.0), ask.1), best("asks"));
}

/// Some order: it trades, rests, does both, dies on arrival, or is refused.
fn any_order(chance: &mut Chance, id: &str) -> (Side, NewOrder) {
    let is_buy = chance.below(2) == 0;
    let (side, crossing, resting) =
        if is_buy { (Side::Buy, "2.52", "2.4") } else { (Side::Sell, "2.48", "2.6") };
    let lots = 1 + chance.below(5);
    let order = match chance.below(8) {
        0..3 => limit(lots, crossing),
        3 => limit(lots, crossing).immediate_or_cancel(),
        4 => limit(lots, resting).immediate_or_cancel(),
        5 => limit(lots, crossing).post_only(),
        _ => limit(lots, resting),
    };
    (side, order.client_order_id(id))
}

/// Places orders, and cancels what rests, until it is told to end.
async fn work(session: Session, worker: u64, faults: Arc<Faults>, until: Arc<AtomicU64>) -> u64 {
    let mut chance = Chance::new(worker);
    let mut number = 0;
    while until.load(Ordering::Relaxed) == 0 {
        let id = format!("w{worker}-{number}");
        let (side, order) = any_order(&mut chance, &id);
        let placed = session.place(side, &order).await.unwrap();
        assert!(placed.status.is_settled(), "{placed:?}");
        if !placed.status.has_ended() && chance.below(8) != 0 {
            let cancelled = session.cancel(&id).await.unwrap();
            assert!(
                cancelled.status.has_ended(),
                "{cancelled:?} after {}",
                faults.of(&faults.cuts)
            );
        }
        number += 1;
    }
    number
}

/// Reads the updates: every report comes once and in its order. Returns how many came when the session has told of the order `last`.
async fn read_reports(mut updates: mpsc::Receiver<Update>, last: &str) -> u64 {
    let mut next = 1;
    loop {
        if let Update::Report(report) = updates.recv().await.unwrap() {
            assert_eq!(report.user_seq, next, "reports are gapless");
            next += 1;
            if report.order.client_order_id.as_deref() == Some(last) {
                return report.user_seq;
            }
        }
    }
}

/// Trades over a faulty wire until `is_enough`, and prints and compares what came of it.
#[expect(clippy::disallowed_methods, reason = "a figure for whoever runs the test, and its limit")]
#[expect(clippy::print_stdout, reason = "the counts are what the test shows")]
async fn live_through(
    name: &str,
    market: Market,
    (url, faults): (String, Arc<Faults>),
    timeout: Duration,
    is_enough: impl Fn(&Faults, &Session) -> bool,
) -> (Truth, u64) {
    let begun = Instant::now();
    let (session, updates) = market.session(&url, timeout);
    let told = tokio::spawn(read_reports(updates, "last"));
    let stop = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (session, faults) = (session.clone(), Arc::clone(&faults));
            tokio::spawn(work(session, worker, faults, Arc::clone(&stop)))
        })
        .collect();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    while !is_enough(&faults, &session) {
        pace.tick().await;
        assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", session.counts());
    }
    stop.store(1, Ordering::Relaxed);
    let mut placed = 0;
    for worker in workers {
        placed += soon(worker).await.unwrap();
    }
    faults.end();
    let last = limit(1, "2.3").client_order_id("last");
    soon(session.place(Side::Buy, &last)).await.unwrap();
    let reports = soon(told).await.unwrap();
    soon(same_book(&market.stand, &session)).await;
    let known = session.orders();
    assert_eq!(u64::try_from(known.len()).unwrap(), placed + 1);
    let counts = session.counts();
    drop(session);
    let truth = market.truth().await;
    let wrong = truth.discrepancies(&known);
    let status =
        |wanted: fn(OrderStatus) -> bool| known.iter().filter(|order| wanted(order.status)).count();
    println!(
        "{name}: {} cuts, {} messages lost, {} doubled, {} delayed; {} orders: {} filled, {} \
         cancelled, {} refused; {} connections, {} copies sent, {} fates told by reports, {} \
         duplicates suppressed by the exchange; {} reports, {} of them by replay, {} gaps filled; \
         {} discrepancies; {:.1} s",
        faults.of(&faults.cuts),
        faults.of(&faults.lost),
        faults.of(&faults.doubled),
        faults.of(&faults.delayed),
        known.len(),
        status(|status| status == OrderStatus::Filled),
        status(|status| status == OrderStatus::Cancelled),
        status(|status| matches!(status, OrderStatus::Rejected { .. })),
        counts.connections,
        counts.resent,
        counts.told,
        truth.resent,
        reports,
        counts.replayed,
        counts.gaps,
        wrong.len(),
        begun.elapsed().as_secs_f64(),
    );
    assert!(wrong.is_empty(), "{} discrepancies, the first: {}", wrong.len(), wrong[0]);
    assert_eq!(reports, truth.reports, "every report of the journal has come");
    (truth, placed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_105_after_a_thousand_disconnects_every_order_is_known_and_none_is_doubled() {
    let market = Market::open().await;
    let wire = cutting(market.stand.address, 7, CUTS).await;
    let is_enough = |faults: &Faults, _: &Session| CUTS <= faults.of(&faults.cuts);
    let timeout = Duration::from_secs(5);
    let (truth, placed) = live_through("disconnects", market, wire, timeout, is_enough).await;
    // Whether a copy meets the order that it is a copy of is the network's chance.
    assert!(100 < placed, "{placed} placed, {} met again", truth.resent);
}

/// API-107: the book is the venue's in the end, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_108_lost_doubled_and_delayed_messages_double_no_order() {
    let market = Market::open().await;
    let wire = unfaithful(market.stand.url(), 11).await;
    let is_enough = |faults: &Faults, session: &Session| {
        let counts = [&faults.lost, &faults.doubled, &faults.delayed];
        counts.iter().all(|count| 100 <= faults.of(count)) && 10 <= session.counts().gaps
    };
    let timeout = Duration::from_millis(150);
    let (truth, _) = live_through("messages", market, wire, timeout, is_enough).await;
    assert!(0 < truth.resent);
}
