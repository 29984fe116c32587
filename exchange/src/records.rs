//! Keeps the exchange's records of open orders, and what they add up to, in step with the books.

use instruments::{OrderId, Price, Qty, Side};
use matching_engine::{CancelReason, OrderKind};
use settlement::RiskOrder;

use crate::Exchange;
use crate::event::{AmendReason, Event};
use crate::margins::MarginMode;
use crate::open_order::OpenOrder;

#[derive(Clone, Copy)]
enum Count {
    Add(Qty),
    Remove(Qty),
    /// It has traded, and the position has been booked.
    Fill(Qty),
}

impl Exchange {
    /// Enters an open order into the account's records.
    pub(crate) fn open_record(&mut self, order: OrderId, record: OpenOrder) {
        self.count_open(&record, Count::Add(record.open()));
        if let Some(account) = self.accounts.get_mut(&record.account) {
            account.open_orders = account.open_orders.saturating_add(1);
        }
        if record.reduce_only {
            let key = (record.account, record.instrument);
            self.reduce_only.entry(key).or_default().orders.insert(order);
        }
        self.orders.insert(order, record);
    }

    pub(crate) fn fill_record(&mut self, order: OrderId, qty: Qty) {
        let Some(record) = self.orders.get_mut(&order) else { return };
        record.filled += qty;
        record.updated_at = self.now;
        let record = record.clone();
        self.count_open(&record, Count::Fill(qty));
        if record.open().is_zero() {
            self.drop_record(order, &record);
        }
    }

    pub(crate) fn cancel_record(
        &mut self,
        order: OrderId,
        qty: Qty,
        reason: CancelReason,
        events: &mut Vec<Event>,
    ) {
        let Some(record) = self.orders.get(&order).cloned() else { return };
        assert!(qty == record.open(), "the book and the exchange count differently");
        self.count_open(&record, Count::Remove(qty));
        self.drop_record(order, &record);
        let (account, instrument) = (record.account, record.instrument);
        events.push(Event::OrderCancelled { account, instrument, order, qty, reason });
    }

    pub(crate) fn trigger_record(&mut self, order: OrderId, events: &mut Vec<Event>) {
        let Some(record) = self.orders.get_mut(&order) else { return };
        record.waits = false;
        record.updated_at = self.now;
        let (account, instrument) = (record.account, record.instrument);
        events.push(Event::OrderTriggered { account, instrument, order });
    }

    /// An order's limit, which a market order has from its trigger, and its size are now these.
    pub(crate) fn amend_record(
        &mut self,
        order: OrderId,
        (price, qty): (Option<Price>, Qty),
        reason: AmendReason,
        events: &mut Vec<Event>,
    ) {
        let Some(record) = self.orders.get(&order).cloned() else { return };
        let trigger = record.trigger.map(|trigger| trigger.price);
        let price = match (record.kind, trigger) {
            (OrderKind::Market, Some(trigger)) => record.limit_behind(trigger),
            (OrderKind::Market, None) | (OrderKind::Limit(_), _) => price.unwrap_or(record.limit),
        };
        self.count_open(&record, Count::Remove(record.open()));
        let exposure = record.exposure(price, qty.saturating_sub(record.filled));
        let series = self.series.get(&record.instrument);
        let reserve = series
            .and_then(|series| self.reserve_per_lot(&series.instrument, &exposure, series.mark));
        let amended = OpenOrder {
            limit: price,
            qty,
            // What is covered keeps what was reserved for it; what arrives anew is reserved for anew.
            reserve_per_lot: if record.covers(price, exposure.qty) {
                record.reserve_per_lot
            } else {
                reserve.unwrap_or(record.reserve_per_lot)
            },
            updated_at: self.now,
            ..record
        };
        self.count_open(&amended, Count::Add(amended.open()));
        let (account, instrument) = (amended.account, amended.instrument);
        if amended.open().is_zero() {
            self.drop_record(order, &amended);
        } else {
            self.orders.insert(order, amended);
        }
        events.push(Event::OrderAmended {
            account,
            instrument,
            order,
            price,
            qty,
            trigger,
            reason,
        });
    }

    /// Counts an order as if it were open, so that another can be checked beside it.
    pub(crate) fn suppose_open(&mut self, record: &OpenOrder) {
        self.count_open(record, Count::Add(record.open()));
    }

    /// Takes back what was supposed.
    pub(crate) fn suppose_no_more(&mut self, record: &OpenOrder) {
        self.count_open(record, Count::Remove(record.open()));
    }

    fn drop_record(&mut self, order: OrderId, record: &OpenOrder) {
        self.orders.remove(&order);
        self.name_ended(order, record);
        self.quoting.forget(record.account, order);
        if let Some(account) = self.accounts.get_mut(&record.account) {
            account.open_orders = account.open_orders.saturating_sub(1);
        }
        let key = (record.account, record.instrument);
        if record.reduce_only
            && let Some(all) = self.reduce_only.get_mut(&key)
        {
            all.orders.remove(&order);
            if all.orders.is_empty() {
                self.reduce_only.remove(&key);
            }
        }
    }

    /// Tells the risk book, in whose words an order is lots that may be filled.
    fn count_risk(&mut self, record: &OpenOrder, count: Count) {
        let is_standard = self.margin_mode(record.account) == MarginMode::Standard;
        if is_standard || !self.has_leg(record.instrument) {
            return;
        }
        let (account, instrument, side) = (record.account, record.instrument, record.side);
        let order = |qty| RiskOrder { account, instrument, side, qty };
        let risk = &mut self.margins.risk;
        match count {
            Count::Add(qty) => risk.order_opened(&order(qty)),
            Count::Remove(qty) => risk.order_closed(&order(qty)),
            Count::Fill(qty) => risk.order_filled(&order(qty)),
        }
    }

    fn count_open(&mut self, record: &OpenOrder, count: Count) {
        self.count_risk(record, count);
        let by_series = self.open_orders.entry(record.account).or_default();
        let open = by_series.entry(record.instrument).or_default();
        let lots = match record.side {
            Side::Buy => &mut open.buys,
            Side::Sell => &mut open.sells,
        };
        match count {
            Count::Add(qty) => {
                *lots += qty;
                open.reserve += record.reserve_of(qty);
            }
            Count::Remove(qty) | Count::Fill(qty) => {
                *lots -= qty;
                open.reserve -= record.reserve_of(qty);
            }
        }
        if open.buys.is_zero() && open.sells.is_zero() {
            by_series.remove(&record.instrument);
        }
        if by_series.is_empty() {
            self.open_orders.remove(&record.account);
        }
        if record.reduce_only {
            let all = self.reduce_only.entry((record.account, record.instrument)).or_default();
            match count {
                Count::Add(qty) => *all.lots_mut(record.side) += qty,
                Count::Remove(qty) | Count::Fill(qty) => *all.lots_mut(record.side) -= qty,
            }
        }
    }
}
