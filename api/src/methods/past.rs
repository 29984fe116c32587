//! An account's past: its trades by series, time and order, its ended orders, its money from outside, its settlements.

use instruments::{Instrument, InstrumentId};
use schemars::JsonSchema;
use serde::Serialize;

use super::Answer;
use super::currency::OfCurrency;
use super::market_data::{Count, check_currency, check_kind};
use super::orders::order_now;
use super::submit::{instrument, tick_direction};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::venue::history::{OrderRecord, UserSettlement, UserSettlementRecord, UserTradeRecord};
use crate::wire::{
    Params, WireCashMovement, WireCashMovements, WireError, WireOrder, WireSubaccount,
    WireUserSettlement, WireUserSettlements, WireUserTrade, to_result,
};
use crate::{lower, raise};

/// A question about an account's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    UserTradesByInstrument,
    UserTradesByCurrency,
    UserTradesByOrder,
    OrderHistoryByInstrument,
    OrderHistoryByCurrency,
    SettlementHistoryByInstrument,
    Deposits,
    Withdrawals,
    Transfers,
    Subaccounts,
}

/// Fields of `private/get_user_trades_by_instrument` and its like.
pub(super) const TRADES_IN: &[&str] = &[
    "instrument_name",
    "start_timestamp",
    "end_timestamp",
    "count",
    "sorting",
    "include_old",
    "historical",
];
/// Fields of `private/get_user_trades_by_currency` and its like.
pub(super) const TRADES_OF: &[&str] = &[
    "currency",
    "kind",
    "start_timestamp",
    "end_timestamp",
    "count",
    "sorting",
    "include_old",
    "historical",
];
/// Fields of `private/get_order_history_by_instrument`.
pub(super) const ORDERS_IN: &[&str] =
    &["instrument_name", "count", "offset", "include_old", "include_unfilled", "historical"];
/// Fields of `private/get_order_history_by_currency`.
pub(super) const ORDERS_OF: &[&str] =
    &["currency", "kind", "count", "offset", "include_old", "include_unfilled", "historical"];

/// What is old is as near as what is new: both words are read and change nothing.
fn check_old(params: &Params) -> Result<(), WireError> {
    params.flag("include_old")?;
    params.flag("historical")?;
    Ok(())
}

pub(super) fn answer(gateway: &Gateway, caller: &Caller, method: Past, params: &Params) -> Answer {
    match method {
        Past::UserTradesByInstrument | Past::UserTradesByCurrency => {
            trades(gateway, caller, params)
        }
        Past::UserTradesByOrder => trades_of_order(gateway, caller, params),
        Past::OrderHistoryByInstrument | Past::OrderHistoryByCurrency => {
            orders(gateway, caller, params)
        }
        Past::SettlementHistoryByInstrument => settlements(gateway, caller, params),
        Past::Deposits => cash(gateway, caller, params, true),
        Past::Withdrawals => cash(gateway, caller, params, false),
        Past::Transfers => {
            // No money moves from one account to another at somebody's wish.
            check_currency(params)?;
            Count::of(params)?;
            lower::offset(params)?;
            Ok(to_result(&WireCashMovements { count: 0, data: Vec::new() }))
        }
        Past::Subaccounts => subaccounts(gateway, caller, params),
    }
}

/// Own trades.
#[derive(Serialize, JsonSchema)]
pub(super) struct UserTrades {
    /// The trades.
    trades: Vec<WireUserTrade>,
    /// Whether there are more than were asked for.
    has_more: bool,
}

pub(super) fn wire(
    gateway: &Gateway,
    record: &UserTradeRecord,
) -> Result<WireUserTrade, WireError> {
    let terms = instrument(gateway, record.trade.instrument)?;
    Ok(raise::user_trade(record, tick_direction(gateway, &record.trade), &terms))
}

fn trades(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_old(params)?;
    let currency = OfCurrency::of(params)?;
    let (count, span) = (Count::of(params)?, lower::span(params)?);
    let kind = check_kind(params)?;
    let only = lower::optional_series(&gateway.venue.exchange(), params)?;
    if currency.is_nowhere(&gateway.venue.exchange()) {
        return Ok(to_result(&UserTrades { trades: Vec::new(), has_more: false }));
    }
    let history = gateway.venue.history();
    let (account, wanted) = (caller.account, count.and_one_more());
    let mut records = match series_of(gateway, only, (&currency, kind.as_deref())) {
        None => history.user_trades_between(account, only, span, wanted),
        // Filtered before it is cut into pages: a page is full as long as there is more.
        Some(series) => {
            let of = |id| history.user_trades_between(account, Some(id), span, wanted);
            let mut all: Vec<UserTradeRecord> = series.into_iter().flat_map(of).collect();
            all.sort_by_key(|record| record.trade.trade);
            if !span.oldest_first {
                all.reverse();
            }
            all.truncate(wanted);
            all
        }
    };
    let has_more = count.cut(&mut records);
    let trades: Result<Vec<WireUserTrade>, WireError> =
        records.iter().map(|record| wire(gateway, record)).collect();
    Ok(to_result(&UserTrades { trades: trades?, has_more }))
}

/// The series that a filter lets through, where it is one and no series is named.
fn series_of(
    gateway: &Gateway,
    only: Option<InstrumentId>,
    (currency, kind): (&OfCurrency, Option<&str>),
) -> Option<Vec<InstrumentId>> {
    if only.is_some() || currency.is_all() && kind.is_none() {
        return None;
    }
    let exchange = gateway.venue.exchange();
    let is_meant = |terms: &Instrument| {
        currency.lets_through(terms) && kind.is_none_or(|kind| raise::kind(terms) == kind)
    };
    let meant = exchange.series().filter(|series| is_meant(&series.instrument));
    Some(meant.map(|series| series.instrument.id).collect())
}

fn trades_of_order(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_old(params)?;
    let oldest_first = lower::span(params)?.oldest_first;
    let order = order_now(gateway, caller.account, lower::order_id(params)?)?;
    let history = gateway.venue.history();
    let mut records = history.trades_of_order(&order, crate::venue::history::ROWS_MAX);
    if oldest_first {
        records.reverse();
    }
    let trades: Result<Vec<WireUserTrade>, WireError> =
        records.iter().map(|record| wire(gateway, record)).collect();
    Ok(to_result(&trades?))
}

fn orders(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_old(params)?;
    let currency = OfCurrency::of(params)?;
    let kind = check_kind(params)?;
    let (count, skip) = (Count::of_orders(params)?, lower::offset(params)?);
    let with_untraded = params.flag("include_unfilled")?.unwrap_or(false);
    let only = lower::optional_series(&gateway.venue.exchange(), params)?;
    let history = gateway.venue.history();
    let page = (skip, count.rows());
    let records = match series_of(gateway, only, (&currency, kind.as_deref())) {
        None => history.ended_orders(caller.account, only, with_untraded, page),
        Some(series) => history.ended_orders_in(caller.account, &series, with_untraded, page),
    };
    let wire = |record: &OrderRecord| {
        let terms = instrument(gateway, record.terms.instrument)?;
        Ok(raise::order(record, &terms))
    };
    let orders: Result<Vec<WireOrder>, WireError> = records.iter().map(wire).collect();
    Ok(to_result(&orders?))
}

fn cash(gateway: &Gateway, caller: &Caller, params: &Params, is_deposit: bool) -> Answer {
    check_currency(params)?;
    let page = (lower::offset(params)?, Count::of(params)?.rows());
    let history = gateway.venue.history();
    let records = if is_deposit {
        history.deposits(caller.account, page)
    } else {
        history.withdrawals(caller.account, page)
    };
    let data: Vec<WireCashMovement> =
        records.iter().map(|record| raise::cash_movement(record, is_deposit)).collect();
    Ok(to_result(&WireCashMovements { count: data.len(), data }))
}

fn settlements(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let count = Count::of(params)?;
    let is_wanted = |record: &UserSettlementRecord, kind: &str| match record.what {
        UserSettlement::Variation(_) => kind == "settlement",
        UserSettlement::Closed(_) => kind == "delivery",
    };
    let kind = lower::settlement_type(params)?;
    let before = lower::place(params, "continuation")?;
    let until = lower::search_start(params)?;
    let terms = lower::series(&gateway.venue.exchange(), params)?.instrument.clone();
    let history = gateway.venue.history();
    let of = (caller.account, terms.id);
    let mut rows = history.user_settlements(of, before, count.and_one_more());
    let has_more = count.cut(&mut rows);
    let last = rows.last().map(|(place, _)| raise::place(*place)).filter(|_| has_more);
    // Of a page, what is asked for: the page after it goes on where it ends.
    let settlements: Vec<WireUserSettlement> = rows
        .iter()
        .filter(|(_, record)| record.at <= until)
        .filter(|(_, record)| kind.is_none_or(|kind| is_wanted(record, kind)))
        .map(|(_, record)| raise::user_settlement(record, &terms))
        .collect();
    Ok(to_result(&WireUserSettlements { settlements, continuation: last }))
}

fn subaccounts(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    params.flag("with_portfolio")?;
    let exchange = gateway.venue.exchange();
    let unknown = || raise::reject(&exchange::Reject::UnknownAccount, None);
    let name = exchange.account(caller.account).ok_or_else(unknown)?.name.clone();
    drop(exchange);
    Ok(to_result(&[WireSubaccount {
        id: caller.account.0,
        username: name.clone(),
        system_name: name,
        kind: "main".to_owned(),
        login_enabled: true,
    }]))
}
