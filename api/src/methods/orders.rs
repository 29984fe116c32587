//! Questions about orders and own trades.

use exchange::{OrderView, Reject};
use instruments::{AccountId, OrderId};

use super::Answer;
use super::currency::OfCurrency;
use super::submit::instrument;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::methods::market_data::{check_currency, check_kind};
use crate::venue::history::OrderRecord;
use crate::wire::{Params, WireError, WireOrder, missing, to_result};
use crate::{lower, raise};

/// An order of this account as it is now: from the history, or from the exchange itself when the history has nothing.
pub(super) fn order_now(
    gateway: &Gateway,
    account: AccountId,
    order: OrderId,
) -> Result<OrderRecord, WireError> {
    let known = gateway.venue.history().order(order).or_else(|| {
        let open = gateway.venue.exchange().open_order(order)?;
        Some(raise::order_from_open(&open))
    });
    let own = known.filter(|record| record.terms.account == account);
    own.ok_or_else(|| raise::reject(&Reject::UnknownOrder, None))
}

fn wire(gateway: &Gateway, record: &OrderRecord) -> Result<WireOrder, WireError> {
    Ok(raise::order(record, &instrument(gateway, record.terms.instrument)?))
}

pub(super) fn open_orders(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let kind = lower::kind_filter(params)?;
    let currency = OfCurrency::of(params)?;
    let of_kind = check_kind(params)?;
    let open: Vec<OrderView> = {
        let exchange = gateway.venue.exchange();
        let instrument = lower::optional_series(&exchange, params)?;
        let is_wanted = |view: &OrderView| {
            let series = exchange.series_by_id(view.record.instrument);
            series.is_some_and(|series| {
                let terms = &series.instrument;
                let is_of_kind = of_kind.as_ref().is_none_or(|kind| kind == raise::kind(terms));
                is_of_kind && currency.lets_through(terms)
            })
        };
        let open = exchange.open_orders_of(caller.account, instrument).into_iter();
        open.filter(is_wanted).collect()
    };
    let history = gateway.venue.history();
    let orders: Result<Vec<WireOrder>, WireError> = open
        .iter()
        .filter(|view| kind.lets_through(&view.record))
        .map(|view| {
            let known = history.order(view.order);
            let record = known.unwrap_or_else(|| raise::order_from_open(view));
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
