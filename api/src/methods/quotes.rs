//! What market makers ask: quotes in many series by one message, and the protection that pulls them.

use exchange::{
    Command, Event, GroupName, ProtectionTerms, QuoteCommand, QuoteEvent, QuoteGroup, Reject,
};
use instruments::{AccountId, Nanos, OrderId};
use matching_engine::{CancelReason, Protection};
use serde_json::value::RawValue;

use super::Answer;
use super::orders::order_now;
use super::submit::{instrument, submit};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::venue::Outcome;
use crate::wire::{
    Params, WireError, WireMassQuote, WireMmpConfig, WireMmpStatus, WireOrder, WireQuoteError,
    WireQuoteShort, to_result,
};
use crate::{lower, raise};

/// A method of market makers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    MassQuote,
    Cancel,
    SetMmpConfig,
    GetMmpConfig,
    ResetMmp,
    GetMmpStatus,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Quotes,
    params: &Params,
) -> Answer {
    match method {
        Quotes::MassQuote => mass_quote(gateway, caller, params).await,
        Quotes::Cancel => cancel(gateway, caller, params).await,
        Quotes::SetMmpConfig => set_config(gateway, caller, params).await,
        Quotes::GetMmpConfig => get_config(gateway, caller, params),
        Quotes::ResetMmp => reset(gateway, caller, params).await,
        Quotes::GetMmpStatus => status(gateway, caller, params),
    }
}

async fn mass_quote(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let account = caller.account;
    let is_detailed = params.flag("detailed")?.unwrap_or(false);
    let who = (account, caller.session);
    let request = lower::mass_quote(&gateway.venue.exchange(), params, who)?;
    let sets: Vec<String> = request.quotes.iter().map(|entry| entry.set.clone()).collect();
    let command = Command::Quoting(QuoteCommand::MassQuote(request));
    let outcome = submit(gateway, command).await?;
    let mut reply = WireMassQuote::default();
    for event in quote_events(&outcome, account) {
        match event {
            QuoteEvent::QuoteSet { order, .. } => {
                let order = wire_order(gateway, account, *order)?;
                reply.orders.push(shown(&order, is_detailed));
            }
            QuoteEvent::QuoteRefused { instrument: id, entry, side, reason, .. } => {
                let terms = instrument(gateway, *id)?;
                let place = usize::try_from(*entry).unwrap_or(usize::MAX);
                reply.errors.push(WireQuoteError {
                    instrument_name: terms.name.clone(),
                    quote_set_id: sets.get(place).cloned().unwrap_or_default(),
                    entry: *entry,
                    side: raise::quote_side(*side).to_owned(),
                    error: to_result(&raise::reject(reason, Some(&terms))),
                });
            }
            QuoteEvent::ProtectionSet { .. }
            | QuoteEvent::ProtectionEnded { .. }
            | QuoteEvent::ProtectionReset { .. }
            | QuoteEvent::ProtectionTripped { .. }
            | QuoteEvent::OrderMarked { .. } => {}
        }
    }
    reply.errors_count = u64::try_from(reply.errors.len()).unwrap_or(u64::MAX);
    Ok(to_result(&reply))
}

fn quote_events(outcome: &Outcome, account: AccountId) -> impl Iterator<Item = &QuoteEvent> {
    outcome.events.iter().filter_map(move |event| match raise::quote_event(event) {
        Some((whose, event)) if whose == account => Some(event),
        Some(_) | None => None,
    })
}

fn wire_order(
    gateway: &Gateway,
    account: AccountId,
    order: OrderId,
) -> Result<WireOrder, WireError> {
    let record = order_now(gateway, account, order)?;
    Ok(raise::order(&record, &instrument(gateway, record.terms.instrument)?))
}

/// An order as it is, or what names it.
fn shown(order: &WireOrder, is_detailed: bool) -> Box<RawValue> {
    if is_detailed {
        return to_result(order);
    }
    to_result(&WireQuoteShort {
        order_id: order.order_id.clone(),
        order_state: order.order_state.clone(),
        instrument_name: order.instrument_name.clone(),
        direction: order.direction.clone(),
    })
}

async fn cancel(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let account = caller.account;
    let is_detailed = params.flag("detailed")?.unwrap_or(false);
    let filter = lower::quote_filter(&gateway.venue.exchange(), params)?;
    let command = Command::Quoting(QuoteCommand::Cancel { account, filter });
    let outcome = submit(gateway, command).await?;
    let mut cancelled = Vec::new();
    for event in &outcome.events {
        // What time ended in the same command is not what was asked for.
        if let Event::OrderCancelled { order, reason: CancelReason::Requested, .. } = event {
            cancelled.push(*order);
        }
    }
    if !is_detailed {
        return Ok(to_result(&cancelled.len()));
    }
    let orders: Result<Vec<WireOrder>, WireError> =
        cancelled.into_iter().map(|order| wire_order(gateway, account, order)).collect();
    Ok(to_result(&orders?))
}

async fn set_config(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let account = caller.account;
    let (command, config) = {
        let exchange = gateway.venue.exchange();
        let grade = lower::index_grade(&exchange, params)?;
        let group = lower::group_name(params, &grade)?;
        match lower::protection(params)? {
            Some(terms) => {
                let config = config(&group, &grade, &terms);
                (QuoteCommand::Protect { account, group, grade, terms }, config)
            }
            None => {
                let ended = ProtectionTerms {
                    window: instruments::NanosSpan::ZERO,
                    frozen_for: None,
                    qty_max: instruments::Qty::ZERO,
                    delta_max: 0,
                    vega_max: 0,
                    trades_max: 0,
                    quote_max: instruments::Qty::ZERO,
                };
                let config = config(&group, &grade, &ended);
                (QuoteCommand::Unprotect { account, group }, config)
            }
        }
    };
    submit(gateway, Command::Quoting(command)).await?;
    Ok(to_result(&config))
}

fn config(
    group: &GroupName,
    grade: &instruments::GradeId,
    terms: &ProtectionTerms,
) -> WireMmpConfig {
    raise::mmp_config((group, grade), terms)
}

/// The groups that a request names: all of the account, of an index, or one.
fn groups<T>(
    gateway: &Gateway,
    caller: &Caller,
    params: &Params,
    show: impl Fn(&GroupName, &QuoteGroup, &Protection) -> Option<T>,
) -> Result<Vec<T>, WireError> {
    let exchange = gateway.venue.exchange();
    let has_index = params.has("index_name");
    let grade = has_index.then(|| lower::index_grade(&exchange, params)).transpose()?;
    let name = params.text("mmp_group")?;
    let is_meant = |(group, it, _): &(&GroupName, &QuoteGroup, &Protection)| {
        let is_named = match (&name, group) {
            (None, _) => true,
            (Some(name), GroupName::Named(its)) => name == its,
            (Some(_), GroupName::Of(_)) => false,
        };
        is_named && grade.as_ref().is_none_or(|grade| *grade == it.grade)
    };
    let meant = exchange.quote_groups(caller.account).filter(is_meant);
    Ok(meant.filter_map(|(name, group, protection)| show(name, group, protection)).collect())
}

fn get_config(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let show = |name: &GroupName, group: &QuoteGroup, _: &Protection| {
        Some(raise::mmp_config((name, &group.grade), &group.terms))
    };
    Ok(to_result(&groups(gateway, caller, params, show)?))
}

fn status(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let now = gateway.venue.now();
    let show = |name: &GroupName, group: &QuoteGroup, protection: &Protection| {
        let frozen = protection.frozen(now)?;
        Some(mmp_status(name, group, frozen.until()))
    };
    Ok(to_result(&groups(gateway, caller, params, show)?))
}

fn mmp_status(name: &GroupName, group: &QuoteGroup, until: Option<Nanos>) -> WireMmpStatus {
    raise::mmp_status((name, &group.grade), until)
}

async fn reset(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let account = caller.account;
    let group = {
        let exchange = gateway.venue.exchange();
        let grade = lower::index_grade(&exchange, params)?;
        let group = lower::group_name(params, &grade)?;
        let is_of_index =
            exchange.quote_groups(account).any(|(name, it, _)| *name == group && it.grade == grade);
        if !is_of_index {
            let unknown = Reject::Quote(exchange::QuoteReject::UnknownGroup);
            return Err(raise::reject(&unknown, None));
        }
        group
    };
    submit(gateway, Command::Quoting(QuoteCommand::Reset { account, group })).await?;
    Ok(to_result(&"ok"))
}
