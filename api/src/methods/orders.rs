//! Questions about orders and own trades.

use exchange::Reject;
use instruments::{AccountId, OrderId};

use super::Answer;
use super::submit::{instrument, tick_direction};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::methods::market_data::{Count, Sorting, check_currency, check_kind};
use crate::venue::history::OrderRecord;
use crate::wire::{Params, WireError, WireOrder, WireUserTrade, missing, to_result};
use crate::{lower, raise};

/// An order of this account as it is now: from the history, or from the exchange itself when the history has nothing.
pub(super) fn order_now(
    gateway: &Gateway,
    account: AccountId,
    order: OrderId,
) -> Result<OrderRecord, WireError> {
    let known = gateway.venue.history().order(order).or_else(|| {
        let open = gateway.venue.exchange().open_order(order)?;
        Some(raise::order_from_open(order, &open.record))
    });
    let own = known.filter(|record| record.terms.account == account);
    own.ok_or_else(|| raise::reject(&Reject::UnknownOrder, None))
}

fn wire(gateway: &Gateway, record: &OrderRecord) -> Result<WireOrder, WireError> {
    Ok(raise::order(record, &instrument(gateway, record.terms.instrument)?))
}

pub(super) fn open_orders(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let kind = lower::kind_filter(params)?;
    check_currency(params)?;
    check_kind(params)?;
    let open = {
        let exchange = gateway.venue.exchange();
        let instrument = lower::optional_series(&exchange, params)?;
        exchange.open_orders_of(caller.account, instrument)
    };
    let history = gateway.venue.history();
    let orders: Result<Vec<WireOrder>, WireError> = open
        .iter()
        .filter(|view| kind.lets_through(&view.record))
        .map(|view| {
            let known = history.order(view.order);
            let record = known.unwrap_or_else(|| raise::order_from_open(view.order, &view.record));
            wire(gateway, &record)
        })
        .collect();
    Ok(to_result(&orders?))
}

pub(super) fn order_state(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let record = order_now(gateway, caller.account, lower::order_id(params)?)?;
    Ok(to_result(&wire(gateway, &record)?))
}

/// Orders of one label: how many at most.
const LABELLED_MAX: usize = 1_000;

pub(super) fn order_state_by_label(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    let label = params.text("label")?.ok_or_else(|| missing("label"))?;
    let records = gateway.venue.history().orders_by_label(caller.account, &label, LABELLED_MAX);
    let orders: Result<Vec<WireOrder>, WireError> =
        records.iter().map(|record| wire(gateway, record)).collect();
    Ok(to_result(&orders?))
}

#[derive(serde::Serialize)]
struct UserTrades {
    trades: Vec<WireUserTrade>,
    has_more: bool,
}

pub(super) fn user_trades(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (count, sorting) = (Count::of(params)?, Sorting::of(params)?);
    params.flag("include_old")?;
    let terms = lower::series(&gateway.venue.exchange(), params)?.instrument.clone();
    let history = gateway.venue.history();
    let mut records = history.user_trades(caller.account, Some(terms.id), count.and_one_more());
    let has_more = count.cut(&mut records);
    sorting.apply(&mut records);
    let trades = records
        .iter()
        .map(|record| raise::user_trade(record, tick_direction(gateway, &record.trade), &terms));
    Ok(to_result(&UserTrades { trades: trades.collect(), has_more }))
}
