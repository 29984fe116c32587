//! Placing, changing and cancelling orders.

use exchange::{Command, Event, QuoteCommand};
use instruments::{OrderId, Side};
use matching_engine::CancelReason;

use super::market_data::check_currency;
use super::orders::order_now;
use super::submit::{arrival, instrument, submit};
use super::{Answer, fate};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::venue::history::OrderRecord;
use crate::wire::{ErrorCode, Params, WireError, to_result};
use crate::{lower, raise};

pub(super) async fn place(
    gateway: &Gateway,
    caller: &Caller,
    params: &Params,
    side: Side,
) -> Answer {
    let who = (caller.account, caller.session);
    let command = {
        let exchange = gateway.venue.exchange();
        let order = lower::place_order(&exchange, params, who, side)?;
        match lower::member_of(&exchange, params)? {
            Some(group) => Command::Quoting(QuoteCommand::Place { order, group }),
            None => Command::PlaceOrder(order),
        }
    };
    let outcome = submit(gateway, command).await?;
    let resent = outcome.events.iter().find_map(|event| {
        if let Event::OrderResent { order, .. } = event { Some(*order) } else { None }
    });
    if let Some(order) = resent {
        return fate::placed_before(gateway, caller, order);
    }
    let accepted = outcome.events.iter().find_map(|event| {
        if let Event::OrderAccepted(terms) = event { Some(terms.order) } else { None }
    });
    let order = accepted.ok_or_else(|| {
        WireError::new(ErrorCode::Internal, "an order was neither accepted nor refused")
    })?;
    let record = raise::new_order(order, &outcome)
        .ok_or_else(|| WireError::new(ErrorCode::Internal, "an accepted order has no record"))?;
    Ok(to_result(&arrival(gateway, &record, &outcome)?))
}

pub(super) async fn edit(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let amend = lower::amend_order(&gateway.venue.exchange(), params, caller.account)?;
    let order = amend.order;
    let outcome = submit(gateway, Command::AmendOrder(amend)).await?;
    // The order as it is now: what happened to it since the edit is in it too.
    let record = done(gateway, caller, order)?;
    Ok(to_result(&arrival(gateway, &record, &outcome)?))
}

pub(super) async fn cancel(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let order = lower::order_id(params)?;
    let command = Command::CancelOrder { account: caller.account, order };
    submit(gateway, command).await?;
    let record = done(gateway, caller, order)?;
    let instrument = instrument(gateway, record.terms.instrument)?;
    Ok(to_result(&raise::order(&record, &instrument)))
}

/// An order that was just changed. What cannot be told has happened even so: that is no refusal.
pub(super) fn done(
    gateway: &Gateway,
    caller: &Caller,
    order: OrderId,
) -> Result<OrderRecord, WireError> {
    order_now(gateway, caller.account, order).map_err(|_not_known| {
        WireError::new(ErrorCode::Internal, "it is done, but the history does not answer")
    })
}

pub(super) async fn cancel_by_label(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    params.required_text("label")?;
    cancel_all(gateway, caller, params).await
}

pub(super) async fn cancel_all(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    let filter = lower::cancel_filter(&gateway.venue.exchange(), params)?;
    let command = Command::CancelAll { account: caller.account, filter };
    let outcome = submit(gateway, command).await?;
    // What time ended in the same command is not what was asked for.
    let is_cancelled = |event: &&Event| {
        matches!(event, Event::OrderCancelled { reason: CancelReason::Requested, .. })
    };
    Ok(to_result(&outcome.events.iter().filter(is_cancelled).count()))
}
