//! Margin: what it is computed from, what it would be, and how it is computed.

use exchange::{Command, Event, Exchange, Reject};
use instruments::{AccountId, InstrumentId, NetQty};
use schemars::JsonSchema;
use serde::Serialize;
use settlement::RiskComponents;

use super::Answer;
use super::market_data::check_currency;
use super::submit::submit;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::wire::{
    ErrorCode, Number, Params, WireError, WireModelChange, WireOrderMargins, WireSimulated,
    missing, to_result,
};
use crate::{lower, raise};

/// A private method about margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Margin {
    SimulatePortfolio,
    GetMargins,
    ChangeMarginModel,
    RegisterCapacity,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Margin,
    params: &Params,
) -> Answer {
    match method {
        Margin::SimulatePortfolio => simulate(gateway, caller, params),
        Margin::GetMargins => order_margins(gateway, caller, params),
        Margin::ChangeMarginModel => change_model(gateway, caller, params).await,
        Margin::RegisterCapacity => register_capacity(gateway, caller, params).await,
    }
}

pub(super) fn risk_arrays(gateway: &Gateway, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let (margin, only) = lower::risk_query(&exchange, params)?;
    let risk = raise::risk(&exchange, margin, only);
    drop(exchange);
    Ok(to_result(&risk))
}

fn simulated(
    exchange: &Exchange,
    id: AccountId,
    added: &[(InstrumentId, NetQty)],
    param: &str,
) -> Result<WireSimulated, WireError> {
    let unknown = || raise::reject(&Reject::UnknownAccount, None);
    let account = exchange.account(id).ok_or_else(unknown)?;
    let beyond = || raise::reject(&Reject::NotionalOutOfRange, None).of(param);
    let found = exchange.simulate(id, added).ok_or_else(beyond)?;
    if found.portfolios.iter().any(|(_, parts)| parts.is_beyond()) {
        let reason = "a portfolio's lots times the largest numbers of their arrays are above the limit, \
                      or a series has no array: no margin of it would be exact";
        let error = WireError::new(ErrorCode::OtherReject, reason).of(param);
        return Err(error.by_rule("MARGIN-030").with_limit(RiskComponents::GROSS_MAX));
    }
    Ok(raise::simulated(exchange, (id, account), &found))
}

fn simulate(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    let exchange = gateway.venue.exchange();
    let added = lower::simulated(&exchange, params, caller.account)?;
    let answer = simulated(&exchange, caller.account, &added, "simulated_positions")?;
    drop(exchange);
    Ok(to_result(&answer))
}

fn order_margins(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let series = lower::series(&exchange, params)?;
    if !series.is_cleared() {
        return Err(raise::reject(&Reject::ProductNotCleared, None));
    }
    let terms = &series.instrument;
    let (qty, price) = lower::amount_and_price(terms, params)?;
    let qty = qty.ok_or_else(|| missing("amount"))?;
    let price = price.ok_or_else(|| missing("price"))?;
    let beyond = || raise::reject(&Reject::NotionalOutOfRange, None).of("amount");
    let margins = exchange.margins_of_order((caller.account, terms.id), qty, price);
    let margins = margins.ok_or_else(beyond)?;
    let (min_price, max_price) = raise::price_band(&exchange, series);
    let (buy, sell) = (margins.buy.into(), margins.sell.into());
    drop(exchange);
    Ok(to_result(&WireOrderMargins { buy, sell, min_price, max_price }))
}

async fn change_model(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let mode = lower::margin_model(params)?;
    let account = caller.account;
    let of = || simulated(&gateway.venue.exchange(), account, &[], "margin_model");
    let now = of()?;
    let old = gateway.venue.exchange().account(account).map(|account| account.margin_mode);
    let old = old.unwrap_or_default();
    let after = if params.flag("dry_run")?.unwrap_or(false) {
        now.clone()
    } else {
        submit(gateway, Command::SetMarginMode { account, mode }).await?;
        of()?
    };
    Ok(to_result(&[WireModelChange {
        account: account.0,
        currency: raise::CURRENCY.to_owned(),
        old_state: raise::model_state(&now, old),
        new_state: raise::model_state(&after, mode),
    }]))
}

/// What an account can deliver.
#[derive(Serialize, JsonSchema)]
pub(super) struct Capacity {
    /// Whose.
    account: u64,
    /// Which grade.
    grade: String,
    /// GPUs of this account.
    gpus: u64,
    /// GPUs of all accounts together.
    deliverable: Number,
}

async fn register_capacity(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let account = AccountId(params.required_integer("account", u64::MAX)?);
    let grade = lower::grade(params)?;
    let gpus = params.required_integer("gpus", u64::MAX)?;
    let by = gateway.venue.exchange().account(caller.account).map(|account| account.is_verifier);
    if by != Some(true) || account == caller.account {
        let reason = "only a verifier says what another account can deliver";
        return Err(WireError::new(ErrorCode::Forbidden, reason).of("account").by_rule("API-063"));
    }
    let command = Command::RegisterCapacity { account, grade: grade.clone(), gpus };
    let outcome = submit(gateway, command).await?;
    let told = outcome.events.iter().find_map(|event| {
        if let Event::CapacityRegistered { deliverable, .. } = event {
            Some(*deliverable)
        } else {
            None
        }
    });
    let deliverable = told.unwrap_or_default().into();
    let (account, grade) = (account.0, grade.as_str().to_owned());
    Ok(to_result(&Capacity { account, grade, gpus, deliverable }))
}
