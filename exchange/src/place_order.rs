//! Places an order: the page to read first.

use instruments::{MicroUsd, OrderId, Price, Qty, Side};
use matching_engine::{BookView, OrderKind, Phase, PostOnly};

use crate::Exchange;
use crate::command::PlaceOrder;
use crate::event::{Event, OrderAccepted};
use crate::funds::Exposure;
use crate::limits::{
    DISPLAY_RATIO_MAX, LABEL_LEN_MAX, OPEN_ORDERS_MAX, OPEN_ORDERS_PER_ACCOUNT_MAX,
};
use crate::open_order::{OpenOrder, held_at};
use crate::price::{check_price, check_qty, is_beyond, market_limit};
use crate::quoting::QuoteMark;
use crate::reject::Reject;
use crate::series::{Series, SeriesState};
use crate::time_in_force::TimeInForce;

/// What the checks found out.
pub(crate) struct Admission {
    /// What it trades at.
    pub limit: Price,
    /// What one lot holds beyond margin.
    pub reserve_per_lot: MicroUsd,
}

impl Exchange {
    pub(crate) fn place_order(
        &mut self,
        request: &PlaceOrder,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        // A liquidation trades in the middle of a tick: whoever it may meet can pay.
        self.cancel_unpayable(events);
        if let Some(order) = self.resent(request)? {
            events.push(Event::OrderResent { account: request.account, order });
            return Ok(());
        }
        let admission = self.check_order(request)?;

        // From here on nothing can fail.
        let id = self.enter(request, &admission, None, events);
        let Some(record) = self.orders.get(&id) else { return Ok(()) };
        let (instrument, order) = (request.instrument, record.in_book());
        self.operate(events, |engine, out| engine.place(instrument, &order, out));
        Ok(())
    }

    /// Enters an order that was admitted into the records, under the id that its book will give it.
    pub(crate) fn enter(
        &mut self,
        request: &PlaceOrder,
        admission: &Admission,
        mark: Option<QuoteMark>,
        events: &mut Vec<Event>,
    ) -> OrderId {
        let record = OpenOrder::new(request, admission.limit, admission.reserve_per_lot, self.now);
        let id = self.engine.next_id();
        events.push(accepted(id, &record));
        self.remember(id, request);
        self.open_record(id, record);
        if let Some(mark) = mark {
            self.mark_order(request.account, id, mark, events);
        }
        id
    }

    /// The checks, in the order of [`Reject`]'s variants. Reads, never writes.
    pub(crate) fn check_order(&self, request: &PlaceOrder) -> Result<Admission, Reject> {
        let account = self.accounts.get(&request.account).ok_or(Reject::UnknownAccount)?;
        self.check_alive(request.account)?;
        self.check_valid_until(request.valid_until)?;
        let series = self.trading_series(request.instrument)?;
        self.check_lets_in(request)?;
        let book = self.engine.book(request.instrument).ok_or(Reject::UnknownInstrument)?;
        check_qty(request.qty)?;
        let limit = checked_limit(request, series)?;
        check_shape(request)?;
        self.check_time(request, &book)?;
        if let (OrderKind::Limit(price), Some(ceiling)) = (request.kind, request.ceiling)
            && is_beyond(request.side, price, ceiling)
        {
            return Err(Reject::BeyondCeiling { limit: ceiling });
        }
        if LABEL_LEN_MAX < request.label.len() {
            return Err(Reject::LabelTooLong { limit: 64 });
        }
        if OPEN_ORDERS_PER_ACCOUNT_MAX <= account.open_orders {
            return Err(Reject::TooManyOpenOrders { limit: OPEN_ORDERS_PER_ACCOUNT_MAX });
        }
        if OPEN_ORDERS_MAX <= self.orders.len() || !self.engine.has_room() {
            return Err(Reject::VenueFull);
        }
        let waits = request.trigger.is_some();
        let used =
            if waits { Some(limit) } else { slid(&book, request.side, limit, request.post_only) };
        let exposure = exposure(request, used.unwrap_or(limit));
        if request.reduce_only {
            self.check_reduces(&exposure, Qty::ZERO)?;
        }
        let reserve_per_lot = self.check_funds(&exposure, series, None)?;
        if matches!(request.kind, OrderKind::Limit(_)) && !waits {
            check_band(&book, request.side, limit)?;
        }
        let limit = used.ok_or(Reject::PostOnlyWouldCross)?;
        self.check_only_rests(&book, (request.instrument, request.side, limit))?;
        Ok(Admission { limit, reserve_per_lot })
    }

    /// Whether the command has come in time.
    pub(crate) fn check_valid_until(
        &self,
        valid_until: Option<instruments::Nanos>,
    ) -> Result<(), Reject> {
        if valid_until.is_some_and(|until| until < self.now) {
            return Err(Reject::TooLate);
        }
        Ok(())
    }

    /// A listed, cleared series that still trades.
    pub(crate) fn trading_series(
        &self,
        instrument: instruments::InstrumentId,
    ) -> Result<&Series, Reject> {
        let series = self.series.get(&instrument).ok_or(Reject::UnknownInstrument)?;
        if !series.is_cleared() {
            return Err(Reject::ProductNotCleared);
        }
        if series.state != SeriesState::Trading || series.instrument.has_expired(self.now) {
            return Err(Reject::SeriesExpired);
        }
        Ok(series)
    }

    /// Whether the order belongs into the book's phase. What waits for a price is asked when it fires.
    fn check_time(&self, request: &PlaceOrder, book: &BookView<'_>) -> Result<(), Reject> {
        if let Some(ends_at) = request.time_in_force.ends_at(self.now)
            && ends_at <= self.now
        {
            return Err(Reject::ExpiryPassed);
        }
        if request.trigger.is_some() {
            return Ok(());
        }
        let is_limit = matches!(request.kind, OrderKind::Limit(_));
        let force = request.time_in_force;
        match book.phase() {
            Phase::Continuous if force == TimeInForce::Gfa => Err(Reject::NotInContinuous),
            Phase::Continuous => Ok(()),
            Phase::Auction(_)
                if !is_limit
                    || !force.rests()
                    || force == TimeInForce::Gfn
                    || request.post_only != PostOnly::No =>
            {
                Err(Reject::NotInAuction)
            }
            Phase::Auction(_) => Ok(()),
        }
    }
}

/// The limit that the order trades at, before any slide, once all its prices are found to be prices.
fn checked_limit(request: &PlaceOrder, series: &Series) -> Result<Price, Reject> {
    let asked = match request.kind {
        OrderKind::Limit(price) => Some(check_price(price)?),
        OrderKind::Market => None,
    };
    let trigger = request.trigger.map(|trigger| check_price(trigger.price)).transpose()?;
    let ceiling = request.ceiling.map(check_price).transpose()?;
    let anchor = trigger.unwrap_or(series.mark);
    Ok(asked.unwrap_or_else(|| market_limit(anchor, request.side, ceiling)))
}

/// What the order may come to cost at `limit`.
fn exposure(request: &PlaceOrder, limit: Price) -> Exposure {
    Exposure {
        account: request.account,
        instrument: request.instrument,
        side: request.side,
        qty: request.qty,
        limit,
        held_at: held_at(request.kind, limit, request.ceiling),
    }
}

/// Whether what the order asks for goes together.
fn check_shape(request: &PlaceOrder) -> Result<(), Reject> {
    let is_limit = matches!(request.kind, OrderKind::Limit(_));
    let may_rest = is_limit && request.time_in_force.rests();
    if request.post_only != PostOnly::No && !may_rest {
        return Err(Reject::PostOnlyImmediate);
    }
    if let Some(display) = request.display {
        if !may_rest {
            return Err(Reject::DisplayImmediate);
        }
        check_display(display, request.qty)?;
    }
    if request.trigger.is_some() {
        if matches!(request.time_in_force, TimeInForce::Gfa | TimeInForce::Gfn) {
            return Err(Reject::TriggerTimeInForce);
        }
        if request.post_only == PostOnly::Slide {
            return Err(Reject::TriggerSlides);
        }
    }
    Ok(())
}

/// An iceberg shows at least a thousandth of itself.
pub(crate) fn check_display(display: Qty, qty: Qty) -> Result<(), Reject> {
    let least = qty.lots().div_ceil(DISPLAY_RATIO_MAX).max(1);
    if display.lots() < least {
        return Err(Reject::DisplayOutOfRange { limit: Qty::from_lots(least) });
    }
    Ok(())
}

/// No buy above the band, no sell below it.
pub(crate) fn check_band(book: &BookView<'_>, side: Side, limit: Price) -> Result<(), Reject> {
    let bands = book.bands();
    match (side, bands.low, bands.high) {
        (Side::Buy, _, Some(high)) if high < limit => Err(Reject::AboveBand { limit: high }),
        (Side::Sell, Some(low), _) if limit < low => Err(Reject::BelowBand { limit: low }),
        (Side::Buy | Side::Sell, _, _) => Ok(()),
    }
}

/// The limit at which the order rests: one tick off the touch if it slides. `None` when a post-only order would take.
pub(crate) fn slid(
    book: &BookView<'_>,
    side: Side,
    limit: Price,
    post_only: PostOnly,
) -> Option<Price> {
    let touch = match side {
        Side::Buy => book.best_ask(),
        Side::Sell => book.best_bid(),
    };
    let crossed = touch.map(|(price, _)| price).filter(|touch| !is_beyond(side, *touch, limit));
    let Some(touch) = crossed.filter(|_| post_only != PostOnly::No) else { return Some(limit) };
    if book.phase() != Phase::Continuous {
        return Some(limit);
    }
    if post_only == PostOnly::Reject {
        return None;
    }
    let off = match side {
        Side::Buy => touch.ticks().checked_sub(1),
        Side::Sell => touch.ticks().checked_add(1),
    };
    off.and_then(|ticks| check_price(Price::from_ticks(ticks)).ok())
}

pub(crate) fn accepted(order: OrderId, record: &OpenOrder) -> Event {
    Event::OrderAccepted(Box::new(OrderAccepted {
        order,
        account: record.account,
        instrument: record.instrument,
        side: record.side,
        kind: record.kind,
        limit: record.limit,
        qty: record.qty,
        time_in_force: record.time_in_force,
        ends_at: record.ends_at,
        post_only: record.post_only,
        reduce_only: record.reduce_only,
        stp: record.stp,
        stp_token: record.stp_token,
        display: record.display,
        trigger: record.trigger,
        ceiling: record.ceiling,
        label: record.label.clone(),
        client_order_id: record.client_order_id.clone(),
    }))
}
