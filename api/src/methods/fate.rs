//! What becomes of orders when their client cannot look: what an id of its own names, the timer, and sessions that take orders with them.

use exchange::{Command, Exchange};
use instruments::{AccountId, Nanos, NanosSpan, OrderId};
use schemars::JsonSchema;
use serde::Serialize;

use super::past::wire as user_trade;
use super::submit::{instrument, submit};
use super::trading::done;
use super::{Answer, Connection, not_here};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::history::{OrderRecord, ROWS_MAX};
use crate::wire::{ErrorCode, Params, WireError, WirePlaced, WireUserTrade, missing, to_result};

const NANOS_PER_MILLI: u64 = 1_000_000;
/// Outcomes that are waited for before a history that lags is not waited for any more.
const WAIT_OUTCOMES_MAX: usize = 4_096;

/// A method of what becomes of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    OrderState,
    CancelAllAfter,
    GetCancelAllAfter,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Fate,
    params: &Params,
) -> Answer {
    let account = caller.account;
    match method {
        Fate::OrderState => order_state(gateway, caller, params).await,
        Fate::CancelAllAfter => {
            let millis = params.integer("timeout", u64::MAX)?.ok_or_else(|| missing("timeout"))?;
            // What does not fit is refused for being too long.
            let timeout = NanosSpan::new(millis.saturating_mul(NANOS_PER_MILLI));
            submit(gateway, Command::CancelAllAfter { account, timeout }).await?;
            Ok(timer(&gateway.venue.exchange(), account))
        }
        Fate::GetCancelAllAfter => Ok(timer(&gateway.venue.exchange(), account)),
    }
}

/// The timer that cancels every order.
#[derive(Serialize, JsonSchema)]
pub(super) struct Timer {
    /// When it does, in milliseconds since 1970; nothing when it does not run.
    cancel_at: Option<u64>,
}

fn timer(exchange: &Exchange, account: AccountId) -> Box<serde_json::value::RawValue> {
    to_result(&Timer { cancel_at: exchange.cancels_all_at(account).map(Nanos::millis) })
}

/// Whether orders end with their session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CancelOnDisconnect")]
pub(crate) struct OnDisconnectState {
    /// `connection` or `account`.
    pub(crate) scope: &'static str,
    /// Whether they do.
    pub(crate) enabled: bool,
}

/// For what a session asks that its orders end with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DisconnectScope {
    Connection,
    Account,
}

pub(crate) fn scope(params: &Params) -> Result<DisconnectScope, WireError> {
    match params.text("scope")?.as_deref() {
        None | Some("connection") => Ok(DisconnectScope::Connection),
        Some("account") => Ok(DisconnectScope::Account),
        Some(_) => Err(WireError::param("scope", "must be connection or account")),
    }
}

/// What concerns every session of an account, from wherever it is asked.
pub(crate) async fn of_account(
    gateway: &Gateway,
    caller: &Caller,
    method: Connection,
    params: &Params,
) -> Answer {
    if scope(params)? == DisconnectScope::Connection {
        return Err(not_here());
    }
    let account = caller.account;
    let is_enabled = match method {
        Connection::SetHeartbeat | Connection::DisableHeartbeat => return Err(not_here()),
        Connection::EnableCancelOnDisconnect => true,
        Connection::DisableCancelOnDisconnect => false,
        Connection::GetCancelOnDisconnect => {
            let enabled = gateway.venue.exchange().cancels_on_disconnect(account);
            return Ok(to_result(&OnDisconnectState { scope: "account", enabled }));
        }
    };
    submit(gateway, Command::SetCancelOnDisconnect { account, is_enabled }).await?;
    Ok(to_result(&"ok"))
}

/// The answer to an order that was placed before: that order now, with all its trades.
pub(super) fn placed_before(gateway: &Gateway, caller: &Caller, order: OrderId) -> Answer {
    let record = done(gateway, caller, order)?;
    let mut trades = gateway.venue.history().trades_of_order(&record, ROWS_MAX);
    trades.reverse();
    let trades: Result<Vec<WireUserTrade>, WireError> =
        trades.iter().map(|record| user_trade(gateway, record)).collect();
    let order = raise::order(&record, &instrument(gateway, record.terms.instrument)?);
    Ok(to_result(&WirePlaced { order, trades: trades?, duplicate: true }))
}

async fn order_state(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let id = params.required_text("client_order_id")?;
    let record = named(gateway, caller.account, &id).await?;
    let record = record.ok_or_else(|| {
        let reason = "no order of this account was accepted under that id";
        WireError::new(ErrorCode::OrderNotFound, reason).of("client_order_id")
    })?;
    Ok(to_result(&raise::order(&record, &instrument(gateway, record.terms.instrument)?)))
}

/// The order that an id names. The exchange knows of it before the history does: what is not found there yet is waited for.
async fn named(
    gateway: &Gateway,
    account: AccountId,
    id: &str,
) -> Result<Option<OrderRecord>, WireError> {
    let venue = &gateway.venue;
    let mut feed = venue.subscribe();
    let order = venue.exchange().client_order(account, id);
    let Some(order) = order else { return Ok(venue.history().order_by_client_id(account, id)) };
    for _ in 0..WAIT_OUTCOMES_MAX {
        if let Some(record) = venue.history().order(order) {
            return Ok(Some(record));
        }
        if let Some(open) = venue.exchange().open_order(order) {
            return Ok(Some(raise::order_from_open(&open)));
        }
        if !venue.history().is_available() || feed.recv().await.is_err() {
            break;
        }
    }
    let reason = "the order was accepted, but the history does not answer";
    Err(WireError::new(ErrorCode::Internal, reason))
}
