//! The engine on commands that only a venue has: auctions, and quotes through mass quotes with market-maker protection counting.
//!
//! A maker is an account, each of its quotes a group of its own, so that several stand in one book. The limits are never reached: a trip
//! would make later quotes cheap refusals.

use instruments::{AccountId, InstrumentId, NanosSpan, OrderId, Price, Qty};
use matching_engine::{
    Amend, AuctionKind, BookEvent, BookTerms, CancelReason, Capacity, Engine, Limits, NewOrder,
    Quote, StpMode, TimeInForce,
};

use super::{EVENTS, ORDERS, Replay};
use crate::streams::venue::VenueCommand;

const BOOK: InstrumentId = InstrumentId(1);

/// Takers' accounts begin here, makers' at 1.
const TAKERS: u64 = 1_000;

/// How many accounts take.
const TAKERS_MAX: u32 = 64;

/// The middle of the prices of both streams.
const MIDDLE: u32 = 10_000;

const LIMITS: Limits = Limits {
    window: NanosSpan::new(1_000_000_000),
    frozen_for: None,
    qty_max: u64::MAX,
    delta_max: u64::MAX,
    vega_max: u64::MAX,
    trades_max: u32::MAX,
};

/// The engine for streams of a venue's commands, and its id of each order.
#[derive(Debug, Clone)]
pub struct VenueDesk {
    engine: Engine,
    ids: Vec<OrderId>,
    out: Vec<BookEvent>,
}

const fn price_of(ticks: u32) -> Price {
    Price::from_ticks(ticks as i64)
}

const fn qty_of(lots: u32) -> Qty {
    Qty::from_lots(lots as u64)
}

impl VenueDesk {
    /// One empty book, with room for the ids of a stream, and its makers' groups.
    #[must_use]
    pub fn new(stream: &[VenueCommand]) -> Self {
        let mut engine = Engine::new(Capacity { orders: ORDERS });
        engine.list(BOOK, BookTerms::continuous(price_of(MIDDLE)));
        let mut id_high = 0;
        for command in stream {
            match *command {
                VenueCommand::Place { id, .. } | VenueCommand::Take { id, .. } => {
                    id_high = id_high.max(id);
                }
                VenueCommand::Quote { maker, slot, .. } => {
                    engine.set_protection(account_of(maker), slot, LIMITS);
                }
                VenueCommand::Open
                | VenueCommand::Cancel { .. }
                | VenueCommand::Amend { .. }
                | VenueCommand::Uncross { .. } => {}
            }
        }
        let ids = vec![OrderId(0); id_high as usize + 1];
        Self { engine, ids, out: Vec::with_capacity(EVENTS) }
    }

    fn place(&mut self, id: u32, order: &NewOrder) {
        self.ids[id as usize] = self.engine.next_id();
        self.engine.place(BOOK, order, &mut self.out);
    }
}

fn account_of(maker: u32) -> AccountId {
    AccountId(1 + u64::from(maker))
}

fn taker_of(id: u32) -> AccountId {
    AccountId(TAKERS + u64::from(id % TAKERS_MAX))
}

impl Replay for VenueDesk {
    type Command = VenueCommand;

    fn apply(&mut self, command: &VenueCommand) -> usize {
        self.out.clear();
        match *command {
            VenueCommand::Open => {
                self.engine.open_auction(BOOK, AuctionKind::Call, None, &mut self.out);
            }
            VenueCommand::Uncross { reference } => {
                self.engine.uncross(BOOK, price_of(reference), &mut self.out);
            }
            VenueCommand::Place { id, side, price, qty } => {
                let order = NewOrder::limit(taker_of(id), side, price_of(price), qty_of(qty));
                self.place(id, &order);
            }
            VenueCommand::Cancel { id } => {
                let reason = CancelReason::Requested;
                self.engine.cancel(self.ids[id as usize], reason, &mut self.out);
            }
            VenueCommand::Amend { id, price, qty } => {
                let (price, total) = (Some(price_of(price)), Some(qty_of(qty)));
                let amend = Amend { price, total, trigger: None };
                self.engine.amend(self.ids[id as usize], &amend, &mut self.out);
            }
            VenueCommand::Quote { maker, slot, bid, ask, qty } => {
                let side = |price| Some((price_of(price), qty_of(qty)));
                let quote = Quote { book: BOOK, bid: side(bid), ask: side(ask) };
                self.engine.mass_quote(account_of(maker), slot, &[quote], &mut self.out);
            }
            VenueCommand::Take { id, side, price, qty } => {
                let order = NewOrder {
                    time_in_force: TimeInForce::Ioc,
                    stp: StpMode::CancelNewest,
                    ..NewOrder::limit(taker_of(id), side, price_of(price), qty_of(qty))
                };
                self.place(id, &order);
            }
        }
        self.out.len()
    }

    fn hash(&self) -> u64 {
        self.engine.hash()
    }
}
