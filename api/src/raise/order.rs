//! Orders and trades.

use exchange::{Event, OrderAccepted, OrderView, QuoteEvent, TimeInForce, Traded};
use instruments::rounding::div_half_even;
use instruments::{Instrument, MicroUsd, Nanos, OrderId, Price, Side};
use matching_engine::{CancelReason, OrderKind, PostOnly, PriceSource, StpMode, TriggerWhen};

use super::maker::group_name;
use super::{CURRENCY, direction};
use crate::venue::Published;
use crate::venue::history::{OrderRecord, OrderState, TradeRecord, UserTradeRecord};
use crate::wire::{Number, WireOrder, WireTrade, WireUserTrade};

/// An order.
pub(crate) fn order(record: &OrderRecord, instrument: &Instrument) -> WireOrder {
    let terms = &record.terms;
    let amount = Number::from(terms.qty);
    let decimal = |price: Price| Number::from(instrument.price_to_decimal(price));
    let quoted = record.mark.as_ref().filter(|mark| mark.is_quote);
    WireOrder {
        order_id: terms.order.to_string(),
        order_state: state(record).to_owned(),
        order_type: order_type(terms).to_owned(),
        time_in_force: time_in_force(terms.time_in_force).to_owned(),
        good_til: terms.ends_at.map(Nanos::millis),
        instrument_name: instrument.name.clone(),
        direction: direction(terms.side).to_owned(),
        price: instrument.price_to_decimal(terms.limit).into(),
        amount,
        contracts: amount,
        filled_amount: record.filled.into(),
        average_price: average_price(record, instrument).into(),
        commission: record.fee.into(),
        label: terms.label.clone(),
        client_order_id: terms.client_order_id.clone(),
        post_only: terms.post_only != PostOnly::No,
        reject_post_only: terms.post_only == PostOnly::Reject,
        reduce_only: terms.reduce_only,
        display_amount: terms.display.map(Number::from),
        trigger: terms.trigger.map(|trigger| source(trigger.source).to_owned()),
        trigger_price: terms.trigger.map(|trigger| decimal(trigger.price)),
        triggered: terms.trigger.map(|_| !record.waits),
        ceiling_price: terms.ceiling.map(decimal),
        stp: self_trade(terms.stp).to_owned(),
        stp_token: terms.stp_token,
        replaced: record.is_amended,
        is_liquidation: false,
        api: true,
        cancel_reason: match record.state {
            OrderState::Open | OrderState::Filled => None,
            OrderState::Cancelled { reason, .. } => Some(cancel_reason(reason, record).to_owned()),
        },
        creation_timestamp: record.placed_at.millis(),
        last_update_timestamp: record.updated_at.millis(),
        mmp: record.mark.is_some(),
        mmp_group: record.mark.as_ref().and_then(|mark| group_name(&mark.group)),
        quote: quoted.is_some(),
        quote_id: quoted.map(|mark| mark.quote_id.clone()),
        quote_set_id: quoted.map(|mark| mark.set.clone()),
    }
}

/// Dollars per GPU-hour over all fills, to the micro-dollar, ties to even; zero before the first.
fn average_price(record: &OrderRecord, instrument: &Instrument) -> MicroUsd {
    if record.filled.is_zero() {
        return MicroUsd::ZERO;
    }
    let micros = record.filled_tick_lots.saturating_mul(i128::from(instrument.tick_size.micros()));
    let average = div_half_even(micros, i128::from(record.filled.lots()));
    MicroUsd::from_i128(average).unwrap_or_default()
}

const fn state(record: &OrderRecord) -> &'static str {
    match record.state {
        OrderState::Open if record.waits => "untriggered",
        OrderState::Open => "open",
        OrderState::Filled => "filled",
        OrderState::Cancelled { .. } => "cancelled",
    }
}

/// A stop to buy and a take-profit to sell wait for a rise, the other two for a fall.
fn order_type(terms: &OrderAccepted) -> &'static str {
    let is_stop = terms.trigger.map(|trigger| match (terms.side, trigger.when) {
        (Side::Buy, TriggerWhen::Rises) | (Side::Sell, TriggerWhen::Falls) => true,
        (Side::Buy, TriggerWhen::Falls) | (Side::Sell, TriggerWhen::Rises) => false,
    });
    match (terms.kind, is_stop) {
        (OrderKind::Limit(_), None) => "limit",
        (OrderKind::Limit(_), Some(true)) => "stop_limit",
        (OrderKind::Limit(_), Some(false)) => "take_limit",
        (OrderKind::Market, None) => "market",
        (OrderKind::Market, Some(true)) => "stop_market",
        (OrderKind::Market, Some(false)) => "take_market",
    }
}

const fn source(source: PriceSource) -> &'static str {
    match source {
        PriceSource::Last => "last_price",
        PriceSource::Mark => "mark_price",
        PriceSource::Index => "index_price",
    }
}

const fn self_trade(mode: StpMode) -> &'static str {
    match mode {
        StpMode::None => "none",
        StpMode::CancelNewest => "cancel_newest",
        StpMode::CancelOldest => "cancel_oldest",
        StpMode::CancelBoth => "cancel_both",
        StpMode::Decrement => "decrement",
    }
}

const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "good_til_cancelled",
        TimeInForce::Ioc => "immediate_or_cancel",
        TimeInForce::Fok => "fill_or_kill",
        TimeInForce::Gtd(_) => "good_til_date",
        TimeInForce::Day => "good_til_day",
        TimeInForce::Gfa => "good_for_auction",
        TimeInForce::Gfn => "good_for_normal",
    }
}

/// Deribit's word where it has one.
fn cancel_reason(reason: CancelReason, record: &OrderRecord) -> &'static str {
    match reason {
        CancelReason::Requested => "user_request",
        CancelReason::ImmediateOrCancel => "immediate_or_cancel",
        CancelReason::FillOrKill => "fill_or_kill",
        CancelReason::Market => "market_protection",
        CancelReason::SelfTrade => "self_trade",
        CancelReason::Amended => "amended",
        CancelReason::Expired if record.terms.ends_at.is_some_and(|at| at <= record.updated_at) => {
            "expired"
        }
        CancelReason::Expired => "settlement",
        CancelReason::AuctionOver => "auction_over",
        CancelReason::AuctionOpened => "auction",
        CancelReason::Halted => "halted",
        CancelReason::PostOnly => "edit_post_only_reject",
        CancelReason::Band => "price_band",
        CancelReason::Protection => "mmp_trigger",
        CancelReason::Quote => "quote",
        CancelReason::ReduceOnly => "reduce_only",
        CancelReason::Unfunded => "unfunded",
        CancelReason::Liquidation => "liquidation",
        CancelReason::Disconnected => "cancel_on_disconnect",
        CancelReason::Absent => "cancel_all_after",
        CancelReason::Killed => "locked_by_admin",
    }
}

/// What a new order has become by the events of the command that placed it; `None` when they accept no such order.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not about orders changes no order")]
pub(crate) fn new_order(order: OrderId, outcome: &Published) -> Option<OrderRecord> {
    let mut found = None;
    for event in &outcome.events {
        if let Event::OrderAccepted(terms) = event
            && terms.order == order
        {
            found = Some(OrderRecord::accepted(terms, outcome.at));
        }
        let Some(record) = found.as_mut() else { continue };
        match event {
            Event::OrderCancelled { order: cancelled, qty, reason, .. } if *cancelled == order => {
                record.state = OrderState::Cancelled { qty: *qty, reason: *reason };
            }
            Event::OrderAmended { order: amended, price, qty, trigger, .. }
                if *amended == order =>
            {
                record.amend((*price, *qty), *trigger, outcome.at);
            }
            Event::OrderTriggered { order: triggered, .. } if *triggered == order => {
                record.waits = false;
            }
            Event::Traded(traded) => fill(record, traded),
            Event::Quote(QuoteEvent::OrderMarked { order: marked, mark, .. })
                if *marked == order =>
            {
                record.mark = Some(mark.clone());
            }
            _ => {}
        }
        if record.state == OrderState::Open && record.terms.qty <= record.filled {
            record.state = OrderState::Filled;
        }
    }
    found
}

fn fill(record: &mut OrderRecord, traded: &Traded) {
    for fill in [&traded.maker, &traded.taker] {
        if fill.order == record.terms.order {
            let ticks = i128::from(traded.price.ticks());
            let tick_lots = ticks.saturating_mul(i128::from(traded.qty.lots()));
            record.filled_tick_lots = record.filled_tick_lots.saturating_add(tick_lots);
            record.filled += traded.qty;
            record.fee += fill.fee;
        }
    }
}

/// An open order as the exchange itself holds it, for when history has nothing: what its fills cost is not known here.
pub(crate) fn order_from_open(view: &OrderView) -> OrderRecord {
    let (order, open) = (view.order, &view.record);
    let filled = i128::from(open.filled.lots());
    OrderRecord {
        terms: OrderAccepted {
            order,
            account: open.account,
            instrument: open.instrument,
            side: open.side,
            kind: open.kind,
            limit: open.limit,
            qty: open.qty,
            time_in_force: open.time_in_force,
            ends_at: open.ends_at,
            post_only: open.post_only,
            reduce_only: open.reduce_only,
            stp: open.stp,
            stp_token: open.stp_token,
            display: open.display,
            trigger: open.trigger,
            ceiling: open.ceiling,
            label: open.label.clone(),
            client_order_id: open.client_order_id.clone(),
        },
        state: OrderState::Open,
        waits: open.waits,
        filled: open.filled,
        filled_tick_lots: filled.saturating_mul(i128::from(open.limit.ticks())),
        fee: MicroUsd::ZERO,
        is_amended: false,
        placed_at: open.placed_at,
        updated_at: open.updated_at,
        mark: view.mark.clone(),
    }
}

/// 0 above the trade before, 2 below it, 1 neither.
pub(crate) fn tick_direction(before: Option<Price>, price: Price) -> u8 {
    match before {
        Some(before) if before < price => 0,
        Some(before) if price < before => 2,
        Some(_) | None => 1,
    }
}

/// A trade as everybody sees it.
pub(crate) fn public_trade(
    record: &TradeRecord,
    tick_direction: u8,
    instrument: &Instrument,
) -> WireTrade {
    let amount = Number::from(record.qty);
    WireTrade {
        trade_id: record.trade.to_string(),
        trade_seq: record.trade_seq,
        instrument_name: instrument.name.clone(),
        timestamp: record.at.millis(),
        direction: direction(record.taker_side).to_owned(),
        price: instrument.price_to_decimal(record.price).into(),
        amount,
        contracts: amount,
        tick_direction,
        mark_price: instrument.price_to_decimal(record.mark).into(),
        index_price: record.index.map(Number::from),
        block: record.is_block,
    }
}

/// One account's side of a trade.
pub(crate) fn user_trade(
    record: &UserTradeRecord,
    tick_direction: u8,
    instrument: &Instrument,
) -> WireUserTrade {
    let trade = public_trade(&record.trade, tick_direction, instrument);
    let terms = &record.order.terms;
    let quoted = record.order.mark.as_ref().filter(|mark| mark.is_quote);
    WireUserTrade {
        trade_id: trade.trade_id,
        trade_seq: trade.trade_seq,
        instrument_name: trade.instrument_name,
        timestamp: trade.timestamp,
        direction: direction(record.side).to_owned(),
        price: trade.price,
        amount: trade.amount,
        contracts: trade.contracts,
        tick_direction: trade.tick_direction,
        mark_price: trade.mark_price,
        index_price: trade.index_price,
        order_id: terms.order.to_string(),
        order_type: order_type(terms).to_owned(),
        state: state(&record.order).to_owned(),
        label: terms.label.clone(),
        client_order_id: terms.client_order_id.clone(),
        liquidity: if record.is_taker { "T" } else { "M" }.to_owned(),
        fee: record.fee.into(),
        fee_currency: CURRENCY.to_owned(),
        post_only: terms.post_only != PostOnly::No,
        reduce_only: terms.reduce_only,
        mmp: record.order.mark.is_some(),
        mmp_group: record.order.mark.as_ref().and_then(|mark| group_name(&mark.group)),
        quote_id: quoted.map(|mark| mark.quote_id.clone()),
        quote_set_id: quoted.map(|mark| mark.set.clone()),
    }
}
