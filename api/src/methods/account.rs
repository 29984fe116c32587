//! An account's money and positions.

use exchange::{Event, Exchange, PositionView, Reject, Series};
use instruments::{AccountId, MicroUsd, NetQty};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::Answer;
use super::currency::OfCurrency;
use super::market_data::{check_currency, check_kind};
use super::submit::submit;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::wire::{Number, Params, WireAccountSummary, WireError, WirePosition, to_result};
use crate::{lower, raise};

pub(super) fn positions(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let currency = OfCurrency::of(params)?;
    let kind = check_kind(params)?;
    let exchange = gateway.venue.exchange();
    let positions: Vec<WirePosition> = exchange
        .positions_of(caller.account)
        .iter()
        .filter_map(|view| {
            let series = exchange.series_by_id(view.instrument)?;
            currency.lets_through(&series.instrument).then_some(())?;
            Some(raise::position(&exchange, series, view))
        })
        .filter(|position| kind.as_ref().is_none_or(|kind| *kind == position.kind))
        .collect();
    drop(exchange);
    Ok(to_result(&positions))
}

pub(super) fn position(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let series = lower::series(&exchange, params)?;
    Ok(to_result(&position_of(&exchange, caller.account, series)))
}

/// A position, zero when flat.
pub(crate) fn position_of(
    exchange: &Exchange,
    account: AccountId,
    series: &Series,
) -> WirePosition {
    let mut positions = exchange.positions_of(account).into_iter();
    let held = positions.find(|view| view.instrument == series.instrument.id);
    let view = held.unwrap_or(PositionView {
        instrument: series.instrument.id,
        net: NetQty::ZERO,
        average_price: None,
        mark: series.mark,
        unrealised: MicroUsd::ZERO,
        realised: MicroUsd::ZERO,
        margin_initial: MicroUsd::ZERO,
        margin_maintenance: MicroUsd::ZERO,
    });
    raise::position(exchange, series, &view)
}

pub(super) fn summary(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    params.flag("extended")?;
    summary_of(gateway, caller.account).map(|summary| to_result(&summary))
}

/// An account's money, an entry a currency.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summaries {
    /// The account's number.
    id: u64,
    /// Its name.
    username: String,
    /// `main`.
    #[serde(rename = "type")]
    kind: String,
    /// One: there is one currency.
    summaries: [WireAccountSummary; 1],
}

pub(super) fn summaries(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    params.flag("extended")?;
    let summary = summary_of(gateway, caller.account)?;
    let (id, username, kind) = (summary.id, summary.username.clone(), summary.kind.clone());
    Ok(to_result(&Summaries { id, username, kind, summaries: [summary] }))
}

fn summary_of(gateway: &Gateway, id: AccountId) -> Result<WireAccountSummary, WireError> {
    let exchange = gateway.venue.exchange();
    let unknown = || raise::reject(&Reject::UnknownAccount, None);
    let account = exchange.account(id).ok_or_else(unknown)?;
    let money = exchange.account_summary(id).ok_or_else(unknown)?;
    Ok(raise::account_summary(&exchange, (id, account), &money))
}

/// Test money that has come.
#[derive(Serialize, JsonSchema)]
pub(super) struct Credited {
    /// Dollars that came.
    amount: Number,
    /// What the account has now.
    balance: Number,
}

pub(super) async fn faucet(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    if !gateway.venue.opens_faucet() {
        return Err(raise::reject(&Reject::TestMoneyClosed, None));
    }
    let amount = params.number("amount")?.unwrap_or(Decimal::ZERO);
    let command = lower::deposit(params, caller.account)?;
    let outcome = submit(gateway, command).await?;
    debug_assert!(
        outcome.events.iter().any(|event| matches!(event, Event::MoneyMoved(_))),
        "a deposit moves money"
    );
    let summary = gateway.venue.exchange().account_summary(caller.account);
    let balance = summary.map_or(Number::default(), |summary| summary.balance.into());
    Ok(to_result(&Credited { amount: amount.into(), balance }))
}
