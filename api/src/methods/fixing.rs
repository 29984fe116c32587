//! A settlement price that is not final yet: how it stands, and claims against what it is made of.

use exchange::{Command, Exchange, Series};
use instruments::{AccountId, MicroUsd, Price};
use oracle::Stand;
use schemars::JsonSchema;
use serde::Serialize;

use super::Answer;
use super::submit::submit;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::lower;
use crate::wire::{ErrorCode, Number, Params, WireError, to_result};

/// A private method about settlement prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixing {
    Dispute,
    Rule,
}

/// How a settlement price stands.
#[derive(Serialize, JsonSchema)]
pub(super) struct WireFixing {
    /// Which series.
    instrument_name: String,
    /// `trading`, `provisional`, `pending` or `final`.
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The price; absent while it is pending.
    settlement_price: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Until when it may be disputed, milliseconds since 1970.
    disputes_until: Option<u64>,
    /// The index in each of the last 48 half-hours, in dollars per GPU-hour; `null` where it was withheld.
    partitions: Vec<Option<Number>>,
    /// Claims that are not ruled on.
    claims: Vec<WireClaim>,
}

/// A claim that is not ruled on.
#[derive(Serialize, JsonSchema)]
struct WireClaim {
    /// Which half-hour, from 0.
    partition: u32,
    /// What it should have been; `null` for withheld.
    value: Option<Number>,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Fixing,
    params: &Params,
) -> Answer {
    match method {
        Fixing::Dispute => dispute(gateway, caller, params).await,
        Fixing::Rule => rule(gateway, caller, params).await,
    }
}

/// Anybody may look.
pub(super) fn fixing(gateway: &Gateway, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let series = lower::series(&exchange, params)?;
    Ok(to_result(&standing(&exchange, series)))
}

fn standing(exchange: &Exchange, series: &Series) -> WireFixing {
    let terms = &series.instrument;
    let open = exchange.fixing(terms.id);
    let state = match open.map(oracle::Determination::stand) {
        Some(Stand::Provisional) => "provisional",
        Some(Stand::Pending) => "pending",
        Some(Stand::Final) => "final",
        None if exchange.is_final(terms.id) => "final",
        None => "trading",
    };
    let price = |price: Price| Number::from(terms.price_to_decimal(price));
    let money = |value: &Option<MicroUsd>| value.map(Number::from);
    let claims = open.into_iter().flat_map(|it| it.claims());
    let claims = claims
        .map(|(partition, claim)| WireClaim { partition: *partition, value: money(&claim.value) });
    WireFixing {
        instrument_name: terms.name.clone(),
        state: state.to_owned(),
        // While it is pending there is none.
        settlement_price: series.settlement_price.filter(|_| state != "pending").map(price),
        disputes_until: open.map(|it| it.until().millis()),
        partitions: open.map_or_else(Vec::new, |it| it.partitions().iter().map(money).collect()),
        claims: claims.collect(),
    }
}

fn partition(params: &Params) -> Result<u32, WireError> {
    let number = params.required_integer("partition", u64::from(u32::MAX))?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

async fn dispute(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let instrument = lower::series(&gateway.venue.exchange(), params)?.instrument.id;
    let partition = partition(params)?;
    let value = if params.has("value") { Some(lower::money(params, "value")?) } else { None };
    let account = caller.account;
    submit(gateway, Command::DisputeFixing { account, instrument, partition, value }).await?;
    fixing(gateway, params)
}

/// Verifiers rule, and none on its own claim.
async fn rule(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let partition = partition(params)?;
    let is_upheld = params.flag("upheld")?.ok_or_else(|| crate::wire::missing("upheld"))?;
    let (instrument, claimant, is_verifier) = {
        let exchange = gateway.venue.exchange();
        let instrument = lower::series(&exchange, params)?.instrument.id;
        let claim = exchange.fixing(instrument).and_then(|it| it.claims().get(&partition).copied());
        let account = exchange.account(caller.account);
        let is_verifier = account.is_some_and(|account| account.is_verifier);
        (instrument, claim.map(|claim| AccountId(claim.claimant)), is_verifier)
    };
    if !is_verifier || claimant == Some(caller.account) {
        let reason = "only a verifier rules, and not on its own claim";
        return Err(WireError::new(ErrorCode::Forbidden, reason).by_rule("FIX-009"));
    }
    submit(gateway, Command::RuleOnFixing { instrument, partition, is_upheld }).await?;
    fixing(gateway, params)
}
