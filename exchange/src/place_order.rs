//! Places an order: the page to read first.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_ceil, div_floor};
use instruments::{
    AccountId, Instrument, InstrumentId, MicroUsd, Nanos, OrderId, Price, Qty, Side,
};
use matching_engine::{NewOrder, OrderKind, TimeInForce};

use crate::command::PlaceOrder;
use crate::event::{Event, OrderAccepted};
use crate::limits::{LABEL_LEN_MAX, OPEN_ORDERS_PER_ACCOUNT_MAX, POSITION_MAX};
use crate::reject::Reject;
use crate::series::{Series, SeriesState};
use crate::{Exchange, Issued};

/// How far from the mark a market order may trade, in millionths.
pub(crate) const MARKET_PROTECTION_PPM: i64 = 50_000;

/// What the exchange knows of an open order beyond what its book knows.
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
    /// The limit it trades at.
    pub limit: Price,
    /// Its size now, fills included.
    pub qty: Qty,
    /// What of it has traded.
    pub filled: Qty,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// Whether it refuses to take.
    pub post_only: bool,
    /// Whether it may only reduce.
    pub reduce_only: bool,
    /// The account's own word for it.
    pub label: String,
    /// What one lot of it holds beyond initial margin: the loss of a fill at the limit against the mark, and the fee.
    pub reserve_per_lot: MicroUsd,
    /// When it was accepted.
    pub placed_at: Nanos,
    /// When it was last changed.
    pub updated_at: Nanos,
}

impl OpenOrder {
    /// What may still trade.
    #[must_use]
    pub fn open(&self) -> Qty {
        self.qty - self.filled
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

/// What the checks found out.
struct Admission {
    limit: Price,
    reserve_per_lot: MicroUsd,
}

impl Exchange {
    pub(crate) fn place_order(
        &mut self,
        request: &PlaceOrder,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let Admission { limit, reserve_per_lot } = self.check_order(request)?;

        // From here on nothing can fail.
        let order = OrderId(Issued::next(&mut self.issued.orders));
        let record = OpenOrder {
            account: request.account,
            instrument: request.instrument,
            side: request.side,
            kind: request.kind,
            limit,
            qty: request.qty,
            filled: Qty::ZERO,
            time_in_force: request.time_in_force,
            post_only: request.post_only,
            reduce_only: request.reduce_only,
            label: request.label.clone(),
            reserve_per_lot,
            placed_at: self.now,
            updated_at: self.now,
        };
        events.push(accepted(order, &record));
        self.open_record(order, record);
        let new_order = NewOrder {
            id: order,
            account: request.account,
            side: request.side,
            kind: OrderKind::Limit(limit),
            qty: request.qty,
            time_in_force: match request.kind {
                // A market order is an immediate order at its protection.
                OrderKind::Market if request.time_in_force == TimeInForce::Gtc => TimeInForce::Ioc,
                OrderKind::Market | OrderKind::Limit(_) => request.time_in_force,
            },
            post_only: request.post_only,
            stp: request.stp,
        };
        self.match_order(request.instrument, events, |book, out| book.place(new_order, out));
        Ok(())
    }

    /// The checks, in the order of [`Reject`]'s variants. Reads, never writes.
    fn check_order(&self, request: &PlaceOrder) -> Result<Admission, Reject> {
        let account = self.accounts.get(&request.account).ok_or(Reject::UnknownAccount)?;
        let series = self.trading_series(request.instrument)?;
        check_qty(request.qty)?;
        let limit = match request.kind {
            OrderKind::Limit(price) => check_price(price)?,
            OrderKind::Market => market_protection(series.mark, request.side),
        };
        let rests = matches!(request.kind, OrderKind::Limit(_))
            && request.time_in_force == TimeInForce::Gtc;
        if request.post_only && !rests {
            return Err(Reject::PostOnlyImmediate);
        }
        if LABEL_LEN_MAX < request.label.len() {
            return Err(Reject::LabelTooLong { limit: 64 });
        }
        if OPEN_ORDERS_PER_ACCOUNT_MAX <= account.open_orders {
            return Err(Reject::TooManyOpenOrders { limit: OPEN_ORDERS_PER_ACCOUNT_MAX });
        }
        if request.reduce_only {
            self.check_reduces(request, rests)?;
        }
        let reserve_per_lot = self.check_funds(request, series, limit, None)?;
        if request.post_only && self.would_cross(request.instrument, request.side, limit) {
            return Err(Reject::PostOnlyWouldCross);
        }
        Ok(Admission { limit, reserve_per_lot })
    }

    /// A listed, cleared series that still trades.
    pub(crate) fn trading_series(&self, instrument: InstrumentId) -> Result<&Series, Reject> {
        let series = self.series.get(&instrument).ok_or(Reject::UnknownInstrument)?;
        if !series.is_cleared() {
            return Err(Reject::ProductNotCleared);
        }
        if series.state != SeriesState::Trading || series.instrument.has_expired(self.now) {
            return Err(Reject::SeriesExpired);
        }
        Ok(series)
    }

    /// A reduce-only order is immediate, so that what it reduces cannot change under it.
    fn check_reduces(&self, request: &PlaceOrder, rests: bool) -> Result<(), Reject> {
        let net = self.net(request.instrument, request.account);
        let limit = match request.side {
            Side::Buy => net.short(),
            Side::Sell => net.long(),
        };
        if rests || limit < request.qty {
            return Err(Reject::WouldNotReduce { limit });
        }
        Ok(())
    }

    /// Whether the account can carry `request` beside what it has, less the order that the request takes the place of. Returns what one
    /// lot holds beyond margin.
    pub(crate) fn check_funds(
        &self,
        request: &PlaceOrder,
        series: &Series,
        limit: Price,
        replaced: Option<&OpenOrder>,
    ) -> Result<MicroUsd, Reject> {
        let instrument = &series.instrument;
        let net = self.net(request.instrument, request.account);
        let mut open = self.open_orders_in(request.account, request.instrument);
        let same_side = match request.side {
            Side::Buy => &mut open.buys,
            Side::Sell => &mut open.sells,
        };
        if let Some(record) = replaced {
            *same_side -= record.open();
            open.reserve -= record.reserve_of(record.open());
        }
        *same_side += request.qty;
        let worst = (net.long() + open.buys).max(net.short() + open.sells);
        if POSITION_MAX < worst {
            return Err(Reject::PositionAboveLimit { limit: POSITION_MAX });
        }
        let dearest = limit.max(series.mark);
        instrument.notional(dearest, worst).ok_or(Reject::NotionalOutOfRange)?;
        let reserve_per_lot = self
            .reserve_per_lot(instrument, request.side, limit, series.mark)
            .ok_or(Reject::NotionalOutOfRange)?;
        let reserve = i128::from(reserve_per_lot.micros())
            .checked_mul(i128::from(request.qty.lots()))
            .and_then(MicroUsd::from_i128)
            .ok_or(Reject::NotionalOutOfRange)?;
        open.reserve = open.reserve.checked_add(reserve).ok_or(Reject::NotionalOutOfRange)?;
        self.check_margin(request, series, open, reserve)?;
        Ok(reserve_per_lot)
    }

    /// What a fill of one lot at `limit` loses against the mark, plus the taker's fee, rounded up.
    pub(crate) fn reserve_per_lot(
        &self,
        instrument: &Instrument,
        side: Side,
        limit: Price,
        mark: Price,
    ) -> Option<MicroUsd> {
        let one = Qty::from_lots(1);
        let (at_limit, at_mark) =
            (instrument.notional(limit, one)?, instrument.notional(mark, one)?);
        let adverse = match side {
            Side::Buy => at_limit - at_mark,
            Side::Sell => at_mark - at_limit,
        };
        // A seller may be filled far above his limit, and pays the fee on that.
        let fee = self.fee_rates.taker.of_ceil(at_limit.max(at_mark));
        adverse.max(MicroUsd::ZERO).checked_add(fee)
    }

    pub(crate) fn would_cross(&self, instrument: InstrumentId, side: Side, limit: Price) -> bool {
        let Some(book) = self.books.get(&instrument) else { return false };
        match side {
            Side::Buy => book.best_ask().is_some_and(|(ask, _)| ask <= limit),
            Side::Sell => book.best_bid().is_some_and(|(bid, _)| limit <= bid),
        }
    }
}

pub(crate) fn check_qty(qty: Qty) -> Result<(), Reject> {
    if qty.is_zero() {
        return Err(Reject::ZeroQuantity);
    }
    if Instrument::QTY_MAX < qty {
        return Err(Reject::QtyAboveLimit { limit: Instrument::QTY_MAX });
    }
    Ok(())
}

pub(crate) fn check_price(price: Price) -> Result<Price, Reject> {
    if price <= Price::from_ticks(0) {
        return Err(Reject::PriceNotPositive);
    }
    if Instrument::PRICE_MAX < price {
        return Err(Reject::PriceAboveLimit { limit: Instrument::PRICE_MAX });
    }
    Ok(price)
}

/// The worst price of a market order: 5 % from the mark, rounded towards the mark but never onto it.
fn market_protection(mark: Price, side: Side) -> Price {
    let ticks = i128::from(mark.ticks());
    let distance = |rate: i64| ticks.saturating_mul(i128::from(1_000_000_i64.saturating_add(rate)));
    let limit = match side {
        Side::Buy => {
            div_floor(distance(MARKET_PROTECTION_PPM), 1_000_000).max(ticks.saturating_add(1))
        }
        Side::Sell => div_ceil(distance(MARKET_PROTECTION_PPM.saturating_neg()), 1_000_000)
            .min(ticks.saturating_sub(1)),
    };
    let limit = limit.clamp(1, i128::from(Instrument::PRICE_MAX.ticks()));
    Price::from_ticks(i64::try_from(limit).unwrap_or(1))
}

fn accepted(order: OrderId, record: &OpenOrder) -> Event {
    Event::OrderAccepted(Box::new(OrderAccepted {
        order,
        account: record.account,
        instrument: record.instrument,
        side: record.side,
        kind: record.kind,
        limit: record.limit,
        qty: record.qty,
        time_in_force: record.time_in_force,
        post_only: record.post_only,
        reduce_only: record.reduce_only,
        label: record.label.clone(),
    }))
}
