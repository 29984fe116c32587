//! One pass of a stream through a fresh engine.

use std::time::{Duration, Instant};

use instruments::{AccountId, InstrumentId, OrderId, Price, Qty};
use matching_engine::stream::{Header, Op, Stream, StreamCommand};
use matching_engine::{
    Amend, BookEvent, BookReject, BookTerms, CancelReason, Capacity, Engine, NewOrder, OrderKind,
    StpMode, TimeInForce,
};

use super::{StreamRunError, count, offset_of, place_of};

/// Commands between two looks at the clock: enough that looking costs nothing, few enough that a disturbed slice is a small one.
const SLICE: usize = 1_000;

/// Window entries over all books and both sides: 64 MiB.
const WINDOW_SUM_MAX: u64 = 1 << 24;

/// Orders for which room is made before the first command.
const ORDERS_RESERVED: usize = 1 << 20;

/// What a stream comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) trades: u64,
    pub(super) volume: u64,
    pub(super) notional: u128,
    pub(super) rejected: u64,
}

/// One pass.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) tally: Tally,
    pub(super) hash: u64,
    pub(super) resting: u64,
    /// What each slice behind the warm-up took.
    pub(super) slices: Vec<Duration>,
    /// The whole pass, preparations included.
    pub(super) took: Duration,
}

/// Sends every command of a stream whose ids have been checked to a fresh engine.
#[expect(clippy::disallowed_methods, reason = "how long a pass takes is what it is for")]
pub(super) fn run(stream: &Stream<'_>) -> Result<Pass, StreamRunError> {
    let began = Instant::now();
    let mut venue = Venue::new(stream.header(), stream.len());
    let warmup = usize::try_from(stream.header().warmup).unwrap_or(usize::MAX);
    let mut commands = stream.iter();
    for command in commands.by_ref().take(warmup) {
        venue.obey(&command);
    }
    let mut slices = Vec::with_capacity(commands.len().div_ceil(SLICE));
    while 0 < commands.len() {
        let started = Instant::now();
        for command in commands.by_ref().take(SLICE) {
            venue.obey(&command);
        }
        slices.push(started.elapsed());
    }
    if let Some((place, reason)) = venue.refused {
        return Err(StreamRunError::Refused { offset: offset_of(place), reason });
    }
    let books = venue.engine.instruments().filter_map(|book| venue.engine.book(book));
    let resting = books.map(|book| count(book.len())).sum();
    let (tally, hash) = (venue.tally, venue.engine.hash());
    Ok(Pass { tally, hash, resting, slices, took: began.elapsed() })
}

/// An engine, and what its caller has to keep.
struct Venue {
    engine: Engine,
    /// The engine's ids by the stream's; an order that ended keeps its own.
    ids: Vec<OrderId>,
    events: Vec<BookEvent>,
    tally: Tally,
    /// How many commands came before.
    place: u64,
    /// The first command that was refused for another reason than that it came too late.
    refused: Option<(u64, BookReject)>,
}

impl Venue {
    fn new(header: &Header, commands: usize) -> Self {
        let mut engine = Engine::new(Capacity { orders: commands.min(ORDERS_RESERVED) });
        let terms = BookTerms {
            window: window_of(header),
            ..BookTerms::continuous(Price::from_ticks(i64::from(header.price_low)))
        };
        for book in 0..header.books {
            assert!(engine.list(instrument_of(book), terms), "a fresh engine lists every book");
        }
        Self {
            engine,
            ids: vec![OrderId(0); place_of(header.id_high).saturating_add(1)],
            events: Vec::with_capacity(1024),
            tally: Tally::default(),
            place: 0,
            refused: None,
        }
    }

    #[inline]
    fn obey(&mut self, command: &StreamCommand) {
        match command.op {
            Op::Add | Op::Ioc | Op::Market => self.place(command),
            Op::Cancel => {
                let id = self.id_of(command);
                self.engine.cancel(id, CancelReason::Requested, &mut self.events);
            }
            Op::Modify => self.modify(command),
        }
        self.count_events();
        self.place = self.place.wrapping_add(1);
    }

    #[inline]
    fn place(&mut self, command: &StreamCommand) {
        let price = Price::from_ticks(i64::from(command.price));
        let (kind, time_in_force) = match command.op {
            Op::Market => (OrderKind::Market, TimeInForce::Ioc),
            Op::Ioc => (OrderKind::Limit(price), TimeInForce::Ioc),
            Op::Add | Op::Cancel | Op::Modify => (OrderKind::Limit(price), TimeInForce::Gtc),
        };
        let order = NewOrder {
            kind,
            time_in_force,
            stp: StpMode::CancelNewest,
            ..NewOrder::limit(
                AccountId(u64::from(command.id)),
                command.side,
                price,
                Qty::from_lots(u64::from(command.qty)),
            )
        };
        let from = self.events.len();
        self.engine.place(instrument_of(u32::from(command.book)), &order, &mut self.events);
        if let Some(BookEvent::Accepted { id, .. }) = self.events.get(from)
            && let Some(entry) = self.ids.get_mut(place_of(command.id))
        {
            *entry = *id;
        }
    }

    /// A new price and open quantity, at the back of the level whatever they are.
    fn modify(&mut self, command: &StreamCommand) {
        let id = self.id_of(command);
        let price = Price::from_ticks(i64::from(command.price));
        let open = Qty::from_lots(u64::from(command.qty));
        let order = self.engine.order(id);
        if let Some(order) = order
            && order.kind == OrderKind::Limit(price)
            && open <= order.open
        {
            // An amend would keep the order's place.
            self.engine.cancel(id, CancelReason::Requested, &mut self.events);
            return self.place(&StreamCommand { side: order.side, ..*command });
        }
        let filled = order.map_or(Qty::ZERO, |order| order.filled);
        let amend = Amend { price: Some(price), total: Some(filled + open), trigger: None };
        self.engine.amend(id, &amend, &mut self.events);
    }

    #[inline]
    fn id_of(&self, command: &StreamCommand) -> OrderId {
        self.ids.get(place_of(command.id)).copied().unwrap_or(OrderId(0))
    }

    #[inline]
    fn count_events(&mut self) {
        let tally = &mut self.tally;
        for event in &self.events {
            match event {
                BookEvent::Traded(trade) => {
                    let (price, qty) = (trade.price.ticks().unsigned_abs(), trade.qty.lots());
                    tally.trades = tally.trades.wrapping_add(1);
                    tally.volume = tally.volume.wrapping_add(qty);
                    let notional = u128::from(price).wrapping_mul(u128::from(qty));
                    tally.notional = tally.notional.wrapping_add(notional);
                }
                BookEvent::Rejected { reason: BookReject::UnknownOrder, .. } => {
                    tally.rejected = tally.rejected.wrapping_add(1);
                }
                BookEvent::Rejected { reason, .. } => {
                    self.refused = self.refused.or(Some((self.place, *reason)));
                }
                BookEvent::Accepted { .. }
                | BookEvent::Implied { .. }
                | BookEvent::Cancelled { .. }
                | BookEvent::Amended { .. }
                | BookEvent::Decremented { .. }
                | BookEvent::Refreshed { .. }
                | BookEvent::Triggered { .. }
                | BookEvent::AuctionOpened { .. }
                | BookEvent::AuctionExtended { .. }
                | BookEvent::AuctionEnded { .. }
                | BookEvent::Tripped { .. } => {}
            }
        }
        self.events.clear();
    }
}

/// All prices of the stream if they fit, less when there are many books.
fn window_of(header: &Header) -> u32 {
    let span = header.price_high.saturating_sub(header.price_low).saturating_add(1);
    let books = u64::from(header.books).saturating_mul(2).max(1);
    let share = WINDOW_SUM_MAX.checked_div(books).unwrap_or(WINDOW_SUM_MAX);
    let share = u32::try_from(share).unwrap_or(u32::MAX).clamp(64, 4_096);
    span.clamp(64, share).next_power_of_two().min(1 << share.ilog2())
}

/// The engine's number for a book of the stream, which counts from zero.
fn instrument_of(book: u32) -> InstrumentId {
    InstrumentId(u64::from(book).saturating_add(1))
}
