//! What a client knows of its own orders: one state machine for each of its own ids.
//!
//! ```text
//! Pending -> Open -> PartiallyFilled -> Filled | Cancelled
//!    |  ^      what the venue says, by reply or by report, whichever comes first
//!    v  |
//! Unknown   the connection has ended, or no reply came: sent again, or told by a report
//!    |
//!    v
//! Rejected  refused; nothing is in the book
//! ```
//!
//! Invariants:
//! - what is known of an order only goes forward: an older picture of it never replaces a newer one;
//! - a trade counts once, however often it is told.

use std::collections::{BTreeMap, VecDeque};

use crate::wire::{WireOrder, WirePlaced, WireReport, WireUserTrade};

/// Ended orders that are remembered; beyond that the first that ended are forgotten.
pub const ENDED_ORDERS_MAX: usize = 100_000;

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Sent, and not answered.
    Pending,
    /// Sent, and it will not be answered: perhaps it was taken.
    Unknown,
    /// It rests or waits, and nothing has traded.
    Open,
    /// Something has traded, and the rest is open.
    PartiallyFilled,
    /// All of it has traded.
    Filled,
    /// It has ended before all of it had traded.
    Cancelled,
    /// It was refused.
    Rejected {
        /// With this code.
        code: i64,
    },
}

/// What can happen to an order.
#[derive(Debug, Clone, Copy)]
enum Told<'a> {
    /// It is sent, once more perhaps.
    Sent,
    /// Nobody answers.
    Lost,
    /// The venue has said no.
    Refused(i64),
    /// The venue has said what it is now.
    Seen(&'a WireOrder),
}

impl OrderStatus {
    /// Whether nothing more can come of it.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Rejected { .. })
    }

    /// Whether the venue has said what became of it.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::Unknown)
    }

    fn after(self, told: Told<'_>) -> Self {
        match (self, told) {
            // Also of one that was refused: an earlier copy has come after all.
            (_, Told::Seen(order)) => Self::of(order),
            (Self::Pending | Self::Unknown, Told::Sent) => Self::Pending,
            (Self::Pending | Self::Unknown, Told::Lost) => Self::Unknown,
            (Self::Pending | Self::Unknown, Told::Refused(code)) => Self::Rejected { code },
            (
                settled @ (Self::Open
                | Self::PartiallyFilled
                | Self::Filled
                | Self::Cancelled
                | Self::Rejected { .. }),
                Told::Sent | Told::Lost | Told::Refused(_),
            ) => settled,
        }
    }

    fn of(order: &WireOrder) -> Self {
        match order.order_state.as_str() {
            "filled" => Self::Filled,
            "cancelled" => Self::Cancelled,
            _ if order.filled_amount.0.is_zero() => Self::Open,
            _ => Self::PartiallyFilled,
        }
    }
}

/// What is known of one order.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedOrder {
    /// The client's own id of it.
    pub client_order_id: String,
    /// Where it is.
    pub status: OrderStatus,
    /// What the venue has said of it last.
    pub order: Option<WireOrder>,
    /// Its trades that were told, by their ids.
    pub trades: BTreeMap<String, WireUserTrade>,
    /// How often it was sent.
    pub attempts: u32,
}

impl TrackedOrder {
    fn new(id: &str) -> Self {
        Self {
            client_order_id: id.to_owned(),
            status: OrderStatus::Pending,
            order: None,
            trades: BTreeMap::new(),
            attempts: 0,
        }
    }

    fn see(&mut self, order: &WireOrder) {
        if self.order.as_ref().is_none_or(|known| is_newer(known, order)) {
            self.order = Some(order.clone());
            self.status = self.status.after(Told::Seen(order));
        }
    }
}

/// Whether `order` says something later than `known` does: an end is last, what has traded stays traded, time goes on.
fn is_newer(known: &WireOrder, order: &WireOrder) -> bool {
    if known.order_id != order.order_id {
        // The id was free again: order ids only grow.
        let number = |text: &str| text.trim_start_matches("T-").parse::<u64>().unwrap_or(0);
        return number(&known.order_id) < number(&order.order_id);
    }
    let place = |order: &WireOrder| {
        (OrderStatus::of(order).has_ended(), order.filled_amount.0, order.last_update_timestamp)
    };
    place(known) <= place(order)
}

/// Everything that is known of the client's own orders.
#[derive(Debug, Default)]
pub(super) struct Orders {
    by_id: BTreeMap<String, TrackedOrder>,
    ended: VecDeque<String>,
}

impl Orders {
    pub(super) fn get(&self, id: &str) -> Option<&TrackedOrder> {
        self.by_id.get(id)
    }

    pub(super) fn all(&self) -> Vec<TrackedOrder> {
        self.by_id.values().cloned().collect()
    }

    pub(super) fn sent(&mut self, id: &str) {
        let order = self.by_id.entry(id.to_owned()).or_insert_with(|| TrackedOrder::new(id));
        order.attempts = order.attempts.saturating_add(1);
        order.status = order.status.after(Told::Sent);
    }

    pub(super) fn lost(&mut self, id: &str) {
        if let Some(order) = self.by_id.get_mut(id) {
            order.status = order.status.after(Told::Lost);
        }
    }

    pub(super) fn refused(&mut self, id: &str, code: i64) {
        self.change(id, |order| order.status = order.status.after(Told::Refused(code)));
    }

    pub(super) fn placed(&mut self, id: &str, placed: &WirePlaced) {
        self.change(id, |order| {
            order.see(&placed.order);
            let trades = placed.trades.iter();
            order.trades.extend(trades.map(|trade| (trade.trade_id.clone(), trade.clone())));
        });
    }

    pub(super) fn seen(&mut self, id: &str, now: &WireOrder) {
        self.change(id, |order| order.see(now));
    }

    /// A report of whatever session placed the order. What has no id of the client's own is not tracked.
    pub(super) fn reported(&mut self, report: &WireReport) {
        let Some(id) = &report.order.client_order_id else { return };
        self.by_id.entry(id.clone()).or_insert_with(|| TrackedOrder::new(id));
        self.change(id, |order| {
            order.see(&report.order);
            let trades = report.trade.iter();
            order.trades.extend(trades.map(|trade| (trade.trade_id.clone(), trade.clone())));
        });
    }

    /// The connection has ended.
    pub(super) fn disconnected(&mut self) {
        for order in self.by_id.values_mut() {
            order.status = order.status.after(Told::Lost);
        }
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut TrackedOrder)) {
        let Some(order) = self.by_id.get_mut(id) else { return };
        let before = order.status.has_ended();
        change(order);
        if before || !order.status.has_ended() {
            return;
        }
        self.ended.push_back(id.to_owned());
        if ENDED_ORDERS_MAX < self.ended.len()
            && let Some(oldest) = self.ended.pop_front()
            && self.by_id.get(&oldest).is_some_and(|order| order.status.has_ended())
        {
            self.by_id.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(state: &str, filled: u64, at: u64) -> WireOrder {
        let text = serde_json::json!({
            "order_id": "T-1", "order_state": state, "order_type": "limit",
            "time_in_force": "good_til_cancelled", "instrument_name": "X", "direction": "buy",
            "price": 1, "amount": 5, "contracts": 5, "filled_amount": filled, "average_price": 0,
            "commission": 0, "label": "", "client_order_id": "a", "post_only": false,
            "reject_post_only": false, "reduce_only": false, "stp": "none", "stp_token": 0,
            "replaced": false, "is_liquidation": false, "api": true, "creation_timestamp": 0,
            "last_update_timestamp": at,
        });
        serde_json::from_str(&text.to_string()).unwrap()
    }

    #[test]
    fn api_106_what_is_known_of_an_order_only_goes_forward() {
        let mut orders = Orders::default();
        orders.sent("a");
        assert_eq!(orders.get("a").unwrap().status, OrderStatus::Pending);
        orders.disconnected();
        assert_eq!(orders.get("a").unwrap().status, OrderStatus::Unknown);
        let mut see = |now: WireOrder| {
            orders.seen("a", &now);
            orders.get("a").unwrap().status
        };
        assert_eq!(see(order("open", 2, 5)), OrderStatus::PartiallyFilled);
        assert_eq!(see(order("open", 0, 1)), OrderStatus::PartiallyFilled);
        assert_eq!(see(order("filled", 5, 7)), OrderStatus::Filled);
        assert_eq!(see(order("open", 2, 9)), OrderStatus::Filled);
        orders.refused("a", 10_009);
        orders.disconnected();
        assert_eq!(orders.get("a").unwrap().status, OrderStatus::Filled);
    }

    #[test]
    fn api_106_a_refused_order_is_rejected_until_an_earlier_copy_is_seen() {
        let mut orders = Orders::default();
        orders.sent("a");
        orders.refused("a", 10_009);
        assert_eq!(orders.get("a").unwrap().status, OrderStatus::Rejected { code: 10_009 });
        orders.seen("a", &order("open", 0, 1));
        assert_eq!(orders.get("a").unwrap().status, OrderStatus::Open);
    }
}
