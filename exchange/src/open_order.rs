//! What the exchange knows of an open order beyond what its book knows.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, Price, Qty, Side};
use matching_engine::{NewOrder, OrderKind, PostOnly, StpMode, Trigger};

use crate::command::PlaceOrder;
use crate::funds::Exposure;
use crate::price::market_limit;
use crate::time_in_force::TimeInForce;

/// An order that rests in a book or waits for its trigger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenOrder {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// As asked.
    pub kind: OrderKind,
    /// The limit it trades at; a market order's is its protection.
    pub limit: Price,
    /// Its size now, fills included.
    pub qty: Qty,
    /// What of it has traded.
    pub filled: Qty,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// When it ends by itself.
    pub ends_at: Option<Nanos>,
    /// Whether it refuses to take, or moves away.
    pub post_only: PostOnly,
    /// Whether it may only reduce.
    pub reduce_only: bool,
    /// What happens when it would trade with its account.
    pub stp: StpMode,
    /// Which orders of the account count as its own for that.
    pub stp_token: u64,
    /// How much it shows at most.
    pub display: Option<Qty>,
    /// What it waits for, or has waited for.
    pub trigger: Option<Trigger>,
    /// Whether it waits still.
    pub waits: bool,
    /// The worst limit that it may be given.
    pub ceiling: Option<Price>,
    /// The account's own word for it.
    pub label: String,
    /// The account's own id of it.
    pub client_order_id: Option<String>,
    /// The session that takes it with it.
    pub session: Option<u64>,
    /// What one lot of it holds beyond initial margin: the loss of a fill at its worst against the mark, and the fee.
    pub reserve_per_lot: MicroUsd,
    /// When it was accepted.
    pub placed_at: Nanos,
    /// When it was last changed.
    pub updated_at: Nanos,
}

impl OpenOrder {
    /// The record of a new order.
    pub(crate) fn new(
        request: &PlaceOrder,
        limit: Price,
        reserve_per_lot: MicroUsd,
        now: Nanos,
    ) -> Self {
        Self {
            account: request.account,
            instrument: request.instrument,
            side: request.side,
            kind: request.kind,
            limit,
            qty: request.qty,
            filled: Qty::ZERO,
            time_in_force: request.time_in_force,
            ends_at: request.time_in_force.ends_at(now),
            post_only: request.post_only,
            reduce_only: request.reduce_only,
            stp: request.stp,
            stp_token: request.stp_token,
            display: request.display,
            trigger: request.trigger,
            waits: request.trigger.is_some(),
            ceiling: request.ceiling,
            label: request.label.clone(),
            client_order_id: request.client_order_id.clone(),
            session: request.session,
            reserve_per_lot,
            placed_at: now,
            updated_at: now,
        }
    }

    /// What its book is given.
    pub(crate) fn in_book(&self) -> NewOrder {
        let is_market = self.kind == OrderKind::Market;
        let is_whole = self.time_in_force == TimeInForce::Fok;
        // A market order never rests: what is left of it is cancelled like any immediate order's.
        // While it waits for its trigger it stands as long as was asked.
        let waits_until = self.trigger.is_some()
            && matches!(self.time_in_force, TimeInForce::Gtd(_) | TimeInForce::Day);
        let is_immediate = is_market && !is_whole && !waits_until;
        let time_in_force = if is_immediate { TimeInForce::Ioc } else { self.time_in_force };
        NewOrder {
            account: self.account,
            side: self.side,
            kind: if is_market { OrderKind::Market } else { OrderKind::Limit(self.limit) },
            qty: self.qty,
            time_in_force: time_in_force.in_book(self.placed_at),
            post_only: self.post_only,
            stp: self.stp,
            stp_token: self.stp_token,
            display: self.display,
            trigger: self.trigger,
            ceiling: if is_market { Some(self.limit) } else { self.ceiling },
        }
    }

    /// What may still trade.
    #[must_use]
    pub fn open(&self) -> Qty {
        self.qty - self.filled
    }

    /// What `qty` lots of it may come to cost at `limit`. A limit order with a ceiling may be moved up to it without asking again.
    pub(crate) fn exposure(&self, limit: Price, qty: Qty) -> Exposure {
        let held_at = held_at(self.kind, limit, self.ceiling);
        let (account, instrument, side) = (self.account, self.instrument, self.side);
        Exposure { account, instrument, side, qty, limit, held_at }
    }

    /// Whether what it holds is enough for `limit` and `open` lots: it stays where it is, or moves towards its ceiling, and does not grow.
    pub(crate) fn covers(&self, limit: Price, open: Qty) -> bool {
        let moves_towards_ceiling = match self.side {
            Side::Buy => self.limit <= limit,
            Side::Sell => limit <= self.limit,
        };
        // A market order holds for its limit alone.
        let is_held_at_ceiling = self.ceiling.is_some() && matches!(self.kind, OrderKind::Limit(_));
        let is_held = limit == self.limit || is_held_at_ceiling && moves_towards_ceiling;
        is_held && open <= self.open()
    }

    /// Its limit once its trigger's price is `trigger`, if nobody has chosen one.
    pub(crate) fn limit_behind(&self, trigger: Price) -> Price {
        market_limit(trigger, self.side, self.ceiling)
    }

    /// What `qty` lots of it hold beyond margin.
    ///
    /// # Panics
    /// Never: the checks have bounded the whole order's reserve.
    pub(crate) fn reserve_of(&self, qty: Qty) -> MicroUsd {
        let micros =
            i128::from(self.reserve_per_lot.micros()).saturating_mul(i128::from(qty.lots()));
        let reserve = MicroUsd::from_i128(micros);
        assert!(reserve.is_some(), "a reserve within the checked range");
        reserve.unwrap_or_default()
    }
}

/// The limit that an order holds money for. A market order's has been kept within its ceiling already.
pub(crate) fn held_at(kind: OrderKind, limit: Price, ceiling: Option<Price>) -> Price {
    match kind {
        OrderKind::Limit(_) => ceiling.unwrap_or(limit),
        OrderKind::Market => limit,
    }
}
