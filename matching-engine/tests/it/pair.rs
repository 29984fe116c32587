//! The real engine and the naive one, fed with the same commands and compared after each.

use std::collections::BTreeMap;

use instruments::{Nanos, OrderId, Price, Qty, Side};
use matching_engine::{BookEvent, BookView, Capacity, Engine, Order, Phase, Trade};

use crate::naive::{Command, NaiveEngine, Venue};

/// Low bits of the real engine's ids that are not the arrival number.
const SLOT_BITS: u32 = 24;

/// Two engines that must not be told apart. Commands and events carry the naive ids.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) real: Engine,
    pub(crate) naive: NaiveEngine,
    /// The real ids of orders by their arrival numbers, at least of all that live.
    ids: BTreeMap<u64, OrderId>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let real = Engine::new(Capacity { orders: 4 });
        Self { real, naive: NaiveEngine::default(), ids: BTreeMap::new() }
    }

    /// Gives a command to both and returns what both said.
    pub(crate) fn apply(&mut self, command: &Command) -> Vec<BookEvent> {
        let events = self.apply_to_real(command);
        let mut naive_events = Vec::new();
        self.naive.apply(command, &mut naive_events);
        assert_eq!(events, naive_events, "left: real, right: naive, after {command:?}");
        events
    }

    fn apply_to_real(&mut self, command: &Command) -> Vec<BookEvent> {
        let mut events = Vec::new();
        let command = self.real_command(command);
        let next = self.real.next_id();
        self.real.apply(&command, &mut events);
        for event in &events {
            if let BookEvent::Accepted { id, .. } = event {
                assert_eq!(*id, next, "the id that was promised");
                self.ids.insert(id.0 >> SLOT_BITS, *id);
            }
        }
        self.naive.drawn.clear();
        if let Command::Advance(_) = command {
            for book in self.real.instruments() {
                if let Some(Phase::Auction(auction)) = self.real.phase(book)
                    && let Some(ends_at) = auction.ends_at
                {
                    self.naive.drawn.insert(book, ends_at);
                }
            }
        }
        events.iter().map(|event| with_ids(event, plain)).collect()
    }

    /// A command as the real engine is given it.
    pub(crate) fn real_command(&self, command: &Command) -> Command {
        match *command {
            Command::Cancel(id) => Command::Cancel(self.real_id(id)),
            Command::Amend(id, amend) => Command::Amend(self.real_id(id), amend),
            Command::List(..)
            | Command::Delist(_)
            | Command::Place(..)
            | Command::SetPrice(..)
            | Command::SetBands(..)
            | Command::Advance(_)
            | Command::OpenAuction(..)
            | Command::Uncross(..) => *command,
        }
    }

    /// The real id of an order. One that was never issued names nothing in either engine.
    fn real_id(&self, id: OrderId) -> OrderId {
        self.ids.get(&(id.0 >> SLOT_BITS)).copied().unwrap_or(id)
    }

    /// What rests and waits in both engines.
    pub(crate) fn resting(&self) -> Vec<Order> {
        let (real, naive) = (self.real.resting(), self.naive.resting());
        for (real, naive) in real.iter().zip(&naive) {
            let real = Order { id: plain(real.id), ..*real };
            assert_eq!(real, *naive, "left: real, right: naive");
        }
        assert_eq!(real.len(), naive.len(), "left: real, right: naive");
        naive
    }

    /// Compares everything that can be read of the books.
    pub(crate) fn check(&self) {
        let resting = self.resting();
        for book in self.real.instruments() {
            let (phase, view) = (self.real.phase(book), self.real.book(book).unwrap());
            assert_eq!(phase, self.naive.phase(book));
            assert!(phase != Some(Phase::Continuous) || !view.is_crossed(), "crossed at rest");
            if phase != Some(Phase::Continuous) {
                let reference = Price::from_ticks(100);
                let real = self.real.indicative(book, reference);
                assert_eq!(
                    real,
                    self.naive.indicative(book, reference),
                    "left: real, right: naive"
                );
            }
            let orders: Vec<_> =
                resting.iter().filter(|order| order.book == book).copied().collect();
            check_sums(&view, &orders);
        }
        for order in &resting {
            let found = self.real.order(self.real_id(order.id)).unwrap();
            assert_eq!(Order { id: plain(found.id), ..found }, *order);
        }
        assert_eq!(self.real.now(), self.naive.now());
    }

    /// Writes the real engine to bytes and goes on with what is read back.
    pub(crate) fn restore(&mut self) {
        let bytes = borsh::to_vec(&self.real).unwrap();
        let restored = borsh::from_slice(&bytes).unwrap();
        assert_eq!(self.real, restored);
        self.real = restored;
    }

    /// Forgets the real ids of orders that ended long ago.
    pub(crate) fn forget_ended(&mut self) {
        let real = &self.real;
        let newest = real.next_id().0 >> SLOT_BITS;
        self.ids.retain(|arrival, id| newest < arrival + 1_000 || real.order(*id).is_some());
    }

    pub(crate) fn now(&self) -> Nanos {
        self.naive.now()
    }
}

/// Levels, sides and counts are what their orders add up to.
fn check_sums(view: &BookView<'_>, orders: &[Order]) {
    assert_eq!(view.len(), orders.len());
    assert_eq!(view.is_empty(), orders.is_empty());
    for side in [Side::Buy, Side::Sell] {
        let mine: Vec<_> = orders.iter().filter(|order| order.side == side).collect();
        assert_eq!(view.open_on(side), mine.iter().map(|order| order.open).sum::<Qty>());
        let mut levels: Vec<(Price, Qty)> = Vec::new();
        for order in mine.iter().filter(|order| order.trigger.is_none()) {
            let matching_engine::OrderKind::Limit(price) = order.kind else {
                panic!("market rests")
            };
            assert!(!order.shown.is_zero() && order.shown <= order.open, "{order:?}");
            match levels.last_mut() {
                Some((last, shown)) if *last == price => *shown += order.shown,
                _ => levels.push((price, order.shown)),
            }
        }
        assert!(view.depth(side).eq(levels.iter().copied()), "{levels:?}");
        for (price, shown) in &levels {
            assert_eq!(view.open_at(side, *price), *shown);
        }
        let best = if side == Side::Buy { view.best_bid() } else { view.best_ask() };
        assert_eq!(best, levels.first().copied());
    }
}

/// The part of an id that both engines agree on.
pub(crate) const fn plain(id: OrderId) -> OrderId {
    OrderId(id.0 >> SLOT_BITS << SLOT_BITS)
}

/// An event with other ids.
pub(crate) fn with_ids(event: &BookEvent, change: fn(OrderId) -> OrderId) -> BookEvent {
    let mut event = *event;
    match &mut event {
        BookEvent::Rejected { id, .. } => *id = id.map(change),
        BookEvent::Traded(Trade { maker, taker, .. }) => {
            (*maker, *taker) = (change(*maker), change(*taker));
        }
        BookEvent::Accepted { id, .. }
        | BookEvent::Implied { id, .. }
        | BookEvent::Cancelled { id, .. }
        | BookEvent::Amended { id, .. }
        | BookEvent::Decremented { id, .. }
        | BookEvent::Refreshed { id, .. }
        | BookEvent::Triggered { id, .. } => *id = change(*id),
        BookEvent::AuctionOpened { .. }
        | BookEvent::AuctionExtended { .. }
        | BookEvent::AuctionEnded { .. }
        | BookEvent::Tripped { .. } => {}
    }
    event
}
