//! One book and many who listen: what a listener costs, and how far behind the slowest is.
//!
//! `cargo bench -p api --bench fanout` prints a line for each number of changes a second; `TENOR_SUBSCRIBERS` says how many listen (200).
//! Listeners and venue share the machine and the process, so that half of the memory and of the work is the listeners'. Without `--bench`
//! a few listen to a few changes once, and must all hear the last.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking, and prints"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::venue::{Listing, Venue, VenueOptions};
use exchange::{Command, Event, PlaceOrder};
use futures_util::{SinkExt, StreamExt};
use instruments::{
    AccountId, GradeId, Guards, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Period,
    Price, Product, Qty, Schedule, Side, Style, launch_grades,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const SERIES: &str = "H100_USDC-16JAN27";
/// Orders rest on so many prices.
const PRICES: u64 = 200;

fn terms(now: Nanos) -> Instrument {
    let at = |hours: u64| now + NanosSpan::from_seconds(hours * 3_600);
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

/// The venue, its series, and a maker with much money.
async fn open(directory: &TempDir) -> (Venue, InstrumentId, AccountId) {
    let path = directory.path().to_owned();
    let options = VenueOptions {
        testnet: true,
        listing: Listing::None,
        price_every: None,
        ..VenueOptions::new(&path)
    };
    let venue = tokio::task::spawn_blocking(|| Venue::open(options)).await.unwrap().unwrap();
    let listed = Command::ListInstrument(Box::new(terms(venue.now())));
    let listed = venue.submit(listed).await.unwrap();
    let opened = Command::OpenAccount { name: "maker".to_owned(), is_verifier: false };
    let opened = venue.submit(opened).await.unwrap();
    let series = listed.events.iter().find_map(|event| {
        if let Event::InstrumentListed(terms) = event { Some(terms.id) } else { None }
    });
    let account = opened.events.iter().find_map(|event| {
        if let Event::AccountOpened { account, .. } = event { Some(*account) } else { None }
    });
    let (series, account) = (series.unwrap(), account.unwrap());
    for _ in 0..4 {
        let amount = MicroUsd::new(1_000_000_000_000);
        venue.submit(Command::Deposit { account, amount }).await.unwrap();
    }
    (venue, series, account)
}

/// What one listener has heard.
#[derive(Default)]
struct Heard {
    messages: AtomicU64,
    seq: AtomicU64,
    heals: AtomicU64,
}

async fn listen(url: String, heard: Arc<Heard>) {
    let (mut socket, _) = connect_async(url).await.unwrap();
    let channels = json!({"channels": [format!("book.{SERIES}.raw")]});
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": channels});
    socket.send(Message::Text(ask.to_string().into())).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        // The number stands right behind the channel's name: no listener reads more than that.
        let Some((_, rest)) = text.split_once(",\"seq\":") else { continue };
        let digits = rest.split(|byte: char| !byte.is_ascii_digit()).next().unwrap_or_default();
        heard.messages.fetch_add(1, Ordering::Relaxed);
        heard.seq.store(digits.parse().unwrap(), Ordering::Relaxed);
        if rest.contains("\"missed_from\"") {
            heard.heals.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Resident bytes of this process; 0 where the system does not say.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}

/// So many changes at such a pace, from sixteen orders under way at once; returns how many there were.
async fn change(
    venue: &Venue,
    (series, account): (InstrumentId, AccountId),
    pace: u64,
    count: u64,
) {
    let began = Instant::now();
    let mut waiting = std::collections::VecDeque::new();
    for number in 0..count {
        let ticks = 2_000 + i64::try_from(number.wrapping_mul(7_919) % PRICES).unwrap();
        let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(1));
        let order = PlaceOrder::limit(account, series, Side::Buy, price, qty);
        let venue = venue.clone();
        waiting.push_back(tokio::spawn(async move {
            let placed = venue.submit(Command::PlaceOrder(order)).await.unwrap();
            let order = placed.events.iter().find_map(|event| {
                if let Event::OrderAccepted(terms) = event { Some(terms.order) } else { None }
            });
            // A place in the book is an order's for a moment: every order is two changes.
            venue.submit(Command::CancelOrder { account, order: order.unwrap() }).await.unwrap();
        }));
        while 16 <= waiting.len() {
            waiting.pop_front().unwrap().await.unwrap();
        }
        let due = began + Duration::from_micros(number * 2_000_000 / pace);
        tokio::time::sleep_until(due).await;
    }
    for last in waiting {
        last.await.unwrap();
    }
}

#[tokio::main]
async fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let asked = std::env::var("TENOR_SUBSCRIBERS").ok().and_then(|count| count.parse().ok());
    let subscribers: usize = if is_measured { asked.unwrap_or(200) } else { 5 };
    let directory = TempDir::new().unwrap();
    let (venue, series, account) = open(&directory).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws/api/v2", listener.local_addr().unwrap());
    let served = tokio::spawn(api::serve(venue.clone(), listener, std::future::pending()));
    let before = resident();
    let heard: Vec<Arc<Heard>> = (0..subscribers).map(|_| Arc::default()).collect();
    for one in &heard {
        tokio::spawn(listen(url.clone(), Arc::clone(one)));
        while one.messages.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }
    println!(
        "{subscribers} listeners, {} KiB each, both ends",
        (resident() - before) / 1_024 / subscribers as u64
    );
    println!("changes/s | messages/s to all | slowest behind | snapshots | MiB resident");
    let paces: &[u64] = if is_measured { &[500, 1_000, 2_000, 4_000] } else { &[500] };
    for pace in paces {
        let orders = if is_measured { pace * 5 } else { 20 };
        let sum = |of: fn(&Heard) -> &AtomicU64| -> u64 {
            heard.iter().map(|one| of(one).load(Ordering::Relaxed)).sum()
        };
        let (messages, heals, began) =
            (sum(|one| &one.messages), sum(|one| &one.heals), Instant::now());
        change(&venue, (series, account), *pace, orders).await;
        let last = last(&url).await;
        let seqs = || heard.iter().map(|one| one.seq.load(Ordering::Relaxed));
        let behind = last - seqs().min().unwrap_or(0);
        while seqs().any(|seq| seq < last) {
            tokio::task::yield_now().await;
        }
        let seconds = began.elapsed().as_secs_f64();
        let (messages, heals) =
            (sum(|one| &one.messages) - messages, sum(|one| &one.heals) - heals);
        println!(
            "{:9.0} | {:17.0} | {behind:14} | {heals:9} | {}",
            (orders * 2) as f64 / seconds,
            messages as f64 / seconds,
            resident() >> 20
        );
    }
    served.abort();
}

/// The number of the newest message.
async fn last(url: &str) -> u64 {
    let (mut socket, _) = connect_async(url).await.unwrap();
    let params = json!({"channel": format!("book.{SERIES}.raw"), "from_seq": 1, "count": 1});
    loop {
        let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "public/replay", "params": params});
        socket.send(Message::Text(ask.to_string().into())).await.unwrap();
        let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
        let reply: Value = serde_json::from_str(&text).unwrap();
        let of = |place: &str| reply.pointer(place).and_then(Value::as_u64);
        if let Some(last) = of("/result/last_seq").or_else(|| of("/error/data/last_seq")) {
            return last;
        }
    }
}
