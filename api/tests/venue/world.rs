//! A small market on a manual clock: one series compressed to two minutes, and whoever trades it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use api::venue::history::{OrderRecord, ReceiptRecord, Report, TradeRecord, UserTradeRecord};
use api::venue::{
    DeliveryOptions, Listing, Outcome, Venue, VenueCalendar, VenueClock, VenueOptions,
};
use exchange::{Command, Event, PlaceOrder};
use instruments::{
    AccountId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, ObligationId, OrderId, Period,
    Price, Product, Qty, Schedule, Side, Style, launch_grades,
};
use tempfile::TempDir;
use tokio::sync::broadcast;

/// 2026-11-21 12:00 UTC.
pub(crate) const START: Nanos = Nanos::from_seconds(1_795_262_400);
pub(crate) const LAST_TRADE_AT: Nanos = Nanos::from_seconds(1_795_262_400 + 60);
pub(crate) const DELIVER_FROM: Nanos = Nanos::from_seconds(1_795_262_400 + 80);
pub(crate) const DELIVER_UNTIL: Nanos = Nanos::from_seconds(1_795_262_400 + 120);

/// A directory, a clock, and the venue on it.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: VenueClock,
    pub(crate) venue: Venue,
    pub(crate) instrument: InstrumentId,
    pub(crate) maker: AccountId,
    pub(crate) taker: AccountId,
}

impl World {
    /// A test venue with one series and two accounts of 100,000 dollars.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut VenueOptions)) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = VenueClock::manual(START);
        let mut options = options(directory.path(), &clock);
        change(&mut options);
        let venue = Venue::open(options).unwrap();
        let instrument = list(&venue);
        let [maker, taker] = ["maker", "taker"].map(|name| open_account(&venue, name));
        Self { directory, clock, venue, instrument, maker, taker }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn place(&self, account: AccountId, side: Side, qty: u64, ticks: i64) -> OrderId {
        let outcome =
            self.venue.submit_blocking(order(account, self.instrument, side, qty, ticks)).unwrap();
        accepted(&outcome)
    }

    /// `rounds` resting sells, each taken by a larger buy; the rest of the buy is cancelled.
    pub(crate) fn trade(&self, rounds: u64) {
        for _ in 0..rounds {
            self.place(self.maker, Side::Sell, 1, 2_500);
            let order = self.place(self.taker, Side::Buy, 2, 2_500);
            let cancel = Command::CancelOrder { account: self.taker, order };
            assert_eq!(self.venue.submit_blocking(cancel).unwrap().refusal(), None);
        }
    }

    /// Opens the same directory again, after the venue has closed or has been dropped.
    pub(crate) fn reopen(&self) -> Venue {
        Venue::open(options(self.path(), &self.clock)).unwrap()
    }
}

pub(crate) fn options(path: &Path, clock: &VenueClock) -> VenueOptions {
    VenueOptions {
        testnet: true,
        calendar: VenueCalendar {
            variation_from: Some(START + NanosSpan::from_seconds(86_400)),
            variation_every: NanosSpan::from_seconds(86_400),
        },
        delivery: DeliveryOptions { profile: "ci".to_owned(), ..DeliveryOptions::default() },
        listing: Listing::None,
        tick_every: Duration::from_millis(1),
        // Small enough that a test fills some.
        segment_bytes: 131_072,
        clock: clock.clone(),
        limits: api::limits::Limits::lifted(),
        ..VenueOptions::new(path)
    }
}

pub(crate) fn list(venue: &Venue) -> InstrumentId {
    let grade = launch_grades().into_iter().next().unwrap();
    let terms = Instrument {
        id: InstrumentId(0),
        name: "H100_USDC-21NOV26".to_owned(),
        grade: grade.id.clone(),
        grade_terms: grade.terms_hash(),
        node_size: 1,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 24,
        schedule: Schedule {
            last_trade_at: LAST_TRADE_AT,
            ladder_step: NanosSpan::ZERO,
            assign_at: LAST_TRADE_AT + NanosSpan::from_seconds(10),
            deliver_from: DELIVER_FROM,
            deliver_until: DELIVER_UNTIL,
            intervals: 2,
            answer_within: NanosSpan::from_seconds(10),
            verdict_within: NanosSpan::from_seconds(10),
            close_at: DELIVER_UNTIL + NanosSpan::from_seconds(60),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: instruments::Guards::NONE,
    };
    let outcome = venue.submit_blocking(Command::ListInstrument(Box::new(terms))).unwrap();
    outcome
        .events
        .iter()
        .find_map(
            |event| {
                if let Event::InstrumentListed(terms) = event { Some(terms.id) } else { None }
            },
        )
        .unwrap()
}

pub(crate) fn open_account(venue: &Venue, name: &str) -> AccountId {
    let account = open_empty_account(venue, name, false);
    let amount = MicroUsd::new(100_000_000_000);
    let outcome = venue.submit_blocking(Command::Deposit { account, amount }).unwrap();
    assert_eq!(outcome.refusal(), None);
    account
}

pub(crate) fn open_empty_account(venue: &Venue, name: &str, is_verifier: bool) -> AccountId {
    let open = Command::OpenAccount { name: name.to_owned(), is_verifier };
    let outcome = venue.submit_blocking(open).unwrap();
    outcome
        .events
        .iter()
        .find_map(|event| {
            if let Event::AccountOpened { account, .. } = event { Some(*account) } else { None }
        })
        .unwrap()
}

pub(crate) fn order(
    account: AccountId,
    instrument: InstrumentId,
    side: Side,
    qty: u64,
    ticks: i64,
) -> Command {
    let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(qty));
    let plain = PlaceOrder::limit(account, instrument, side, price, qty);
    Command::PlaceOrder(PlaceOrder { label: "hedge".to_owned(), ..plain })
}

#[track_caller]
pub(crate) fn accepted(outcome: &Outcome) -> OrderId {
    let order = outcome.events.iter().find_map(|event| {
        if let Event::OrderAccepted(terms) = event { Some(terms.order) } else { None }
    });
    order.unwrap_or_else(|| panic!("not accepted: {:?}", outcome.events))
}

/// Waits for the first event that `wanted` takes.
pub(crate) fn wait_for<T>(
    feed: &mut broadcast::Receiver<Outcome>,
    wanted: impl Fn(&Event) -> Option<T>,
) -> T {
    loop {
        let outcome = feed.blocking_recv().unwrap();
        if let Some(found) = outcome.events.iter().find_map(&wanted) {
            return found;
        }
    }
}

/// Everything that history answers about this world.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    orders: Vec<Option<OrderRecord>>,
    by_label: Vec<OrderRecord>,
    trades: Vec<TradeRecord>,
    user_trades: Vec<UserTradeRecord>,
    user_trades_in: Vec<UserTradeRecord>,
    receipts: Vec<ReceiptRecord>,
    reports: [Vec<Report>; 2],
}

pub(crate) fn answers(venue: &Venue, world: &World) -> Answers {
    let history = venue.history();
    assert!(history.is_available());
    Answers {
        orders: (1..200).map(|order| history.order(OrderId(order))).collect(),
        by_label: history.orders_by_label(world.taker, "hedge", 1_000),
        trades: history.trades(world.instrument, 1_000),
        user_trades: history.user_trades(world.maker, None, 1_000),
        user_trades_in: history.user_trades(world.taker, Some(world.instrument), 1_000),
        receipts: history.receipts(ObligationId(1), 1_000),
        reports: [world.maker, world.taker].map(|account| history.reports(account, 1, 1_000)),
    }
}

/// The directory as a crash at this moment would leave it, but for what the system still holds back.
pub(crate) fn copy_of(directory: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    copy_into(directory, copy.path());
    copy
}

pub(crate) fn copy_into(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target: PathBuf = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_into(&path, &target);
        } else if let Err(error) = std::fs::copy(&path, &target) {
            // A temporary file may have got its name meanwhile.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", path.display());
        }
    }
}
