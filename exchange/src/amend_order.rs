//! Amends an order that rests or waits, wholly or not at all.

use instruments::{Price, Qty};
use matching_engine::{Amend, OrderKind};

use crate::Exchange;
use crate::command::AmendOrder;
use crate::event::Event;
use crate::open_order::OpenOrder;
use crate::place_order::{check_band, check_display, slid};
use crate::price::{check_price, check_qty, is_beyond};
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn amend_order(
        &mut self,
        request: &AmendOrder,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        self.check_amend(request)?;

        // From here on nothing can fail.
        let AmendOrder { order, price, qty, trigger, .. } = *request;
        let Some(record) = self.orders.get_mut(&order) else { return Ok(()) };
        let mut ceiling = None;
        if let (Some(price), Some(waited_for)) = (trigger, &mut record.trigger) {
            waited_for.price = price;
            let is_market = record.kind == OrderKind::Market;
            ceiling = is_market.then(|| record.limit_behind(price));
        }
        self.operate(events, |engine, out| {
            if let Some(ceiling) = ceiling {
                engine.set_ceiling(order, ceiling);
            }
            engine.amend(order, &Amend { price, total: qty, trigger }, out);
        });
        Ok(())
    }

    /// The checks, in the order of [`Reject`]'s variants, but for the order itself, without which there is nothing to check.
    fn check_amend(&self, request: &AmendOrder) -> Result<(), Reject> {
        let record = self.orders.get(&request.order);
        let record = record.filter(|record| record.account == request.account);
        let record = record.ok_or(Reject::UnknownOrder)?;
        self.check_alive(request.account)?;
        self.check_valid_until(request.valid_until)?;
        let series = self.trading_series(record.instrument)?;
        let book = self.engine.book(record.instrument).ok_or(Reject::UnknownInstrument)?;
        let qty = request.qty.unwrap_or(record.qty);
        let limit = checked_limit(record, request)?;
        let trigger = record.trigger.map(|trigger| trigger.price);
        let moves =
            limit != record.limit || request.trigger.is_some() && request.trigger != trigger;
        if qty == record.qty && !moves {
            return Err(Reject::NothingToAmend);
        }
        self.check_lets_amend(record, !moves && qty < record.qty)?;
        let open = qty.saturating_sub(record.filled);
        if open.is_zero() {
            return Ok(());
        }
        if let Some(display) = record.display {
            check_display(display, open)?;
        }
        let is_limit = matches!(record.kind, OrderKind::Limit(_));
        if let Some(ceiling) = record.ceiling.filter(|_| is_limit)
            && is_beyond(record.side, limit, ceiling)
        {
            return Err(Reject::BeyondCeiling { limit: ceiling });
        }
        if record.reduce_only && record.open() < open {
            self.check_reduces(&record.exposure(limit, open), record.open())?;
        }
        let used = if record.waits {
            Some(limit)
        } else {
            slid(&book, record.side, limit, record.post_only)
        };
        let limit_used = used.unwrap_or(limit);
        let is_smaller = limit_used == record.limit && open <= record.open();
        if !is_smaller && !self.engine.has_room() {
            return Err(Reject::VenueFull);
        }
        if !record.covers(limit_used, open) {
            self.check_funds(&record.exposure(limit_used, open), series, Some(record))?;
        }
        if !record.waits && limit != record.limit {
            check_band(&book, record.side, limit)?;
        }
        let limit = used.ok_or(Reject::PostOnlyWouldCross)?;
        self.check_only_rests(&book, (record.instrument, record.side, limit))
    }
}

/// The limit that the order is to have, once every price is found to be a price and one that the order has.
fn checked_limit(record: &OpenOrder, request: &AmendOrder) -> Result<Price, Reject> {
    if request.trigger.is_some() && !record.waits {
        return Err(Reject::NotWaiting);
    }
    let is_market = record.kind == OrderKind::Market;
    if request.price.is_some() && is_market {
        return Err(Reject::NoLimit);
    }
    check_qty(request.qty.unwrap_or(Qty::from_lots(1)))?;
    let price = request.price.map(check_price).transpose()?;
    let trigger = request.trigger.map(check_price).transpose()?;
    Ok(match trigger {
        Some(trigger) if is_market => record.limit_behind(trigger),
        _ => price.unwrap_or(record.limit),
    })
}
