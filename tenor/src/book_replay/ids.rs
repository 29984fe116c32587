//! The caller's ids and the engine's, both ways, for as long as an order lives.

use std::collections::BTreeMap;

use instruments::OrderId;
use matching_engine::BookEvent;

/// The ids of all orders that rest or wait.
///
/// Invariant: the two maps are each other's inverse.
#[derive(Debug, Default)]
pub(super) struct Ids {
    engine: BTreeMap<u64, OrderId>,
    caller: BTreeMap<OrderId, u64>,
}

impl Ids {
    /// The engine's id of an order that rests or waits.
    pub(super) fn engine_of(&self, caller: u64) -> Option<OrderId> {
        self.engine.get(&caller).copied()
    }

    /// The caller's id of an order that rests or waits, or ended in this very command.
    pub(super) fn caller_of(&self, engine: OrderId) -> Option<u64> {
        self.caller.get(&engine).copied()
    }

    /// An order was accepted.
    pub(super) fn bind(&mut self, caller: u64, engine: OrderId) {
        self.engine.insert(caller, engine);
        self.caller.insert(engine, caller);
    }

    /// An order has ended: its caller's id may be used again.
    pub(super) fn free(&mut self, engine: OrderId) {
        if let Some(caller) = self.caller.remove(&engine) {
            self.engine.remove(&caller);
        }
    }
}

/// The orders that may have ended with an event.
pub(super) fn touched(event: &BookEvent) -> [Option<OrderId>; 2] {
    match event {
        BookEvent::Traded(trade) => [Some(trade.maker), Some(trade.taker)],
        BookEvent::Accepted { id, .. } | BookEvent::Cancelled { id, .. } => [Some(*id), None],
        BookEvent::Rejected { .. }
        | BookEvent::Implied { .. }
        | BookEvent::Amended { .. }
        | BookEvent::Decremented { .. }
        | BookEvent::Refreshed { .. }
        | BookEvent::Triggered { .. }
        | BookEvent::AuctionOpened { .. }
        | BookEvent::AuctionExtended { .. }
        | BookEvent::AuctionEnded { .. }
        | BookEvent::Tripped { .. } => [None, None],
    }
}
