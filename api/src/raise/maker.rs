//! Market makers' groups and quotes.

use exchange::{Event, GroupName, ProtectionTerms, QuoteEvent};
use instruments::{AccountId, GradeId, Nanos, NanosSpan, Side};
use rust_decimal::Decimal;

use super::index_name;
use crate::wire::{Number, WireMmpConfig, WireMmpStatus};

/// The side of a quote.
pub(crate) const fn quote_side(side: Side) -> &'static str {
    match side {
        Side::Buy => "bid",
        Side::Sell => "ask",
    }
}

/// A group's own name.
pub(crate) fn group_name(group: &GroupName) -> Option<String> {
    match group {
        GroupName::Named(name) => Some(name.clone()),
        GroupName::Of(_) => None,
    }
}

pub(crate) fn mmp_config(
    (group, grade): (&GroupName, &GradeId),
    terms: &ProtectionTerms,
) -> WireMmpConfig {
    let seconds = |span: NanosSpan| span.nanos().div_euclid(1_000_000_000);
    WireMmpConfig {
        index_name: index_name(grade),
        mmp_group: group_name(group),
        interval: seconds(terms.window),
        frozen_time: terms.frozen_for.map_or(0, seconds),
        quantity_limit: terms.qty_max.into(),
        delta_limit: millionths(terms.delta_max),
        vega_limit: millionths(terms.vega_max),
        trade_limit: terms.trades_max,
        max_quote_quantity: Number::from(terms.quote_max),
    }
}

fn millionths(value: u64) -> Number {
    Number((Decimal::from(value) / Decimal::from(1_000_000)).normalize())
}

pub(crate) fn mmp_status(
    (group, grade): (&GroupName, &GradeId),
    until: Option<Nanos>,
) -> WireMmpStatus {
    WireMmpStatus {
        index_name: index_name(grade),
        mmp_group: group_name(group),
        frozen_until: until.map_or(0, Nanos::millis),
    }
}

/// What an event tells of quotes, and whose they are.
pub(crate) fn quote_event(event: &Event) -> Option<(AccountId, &QuoteEvent)> {
    let Event::Quote(event) = event else { return None };
    let account = match event {
        QuoteEvent::ProtectionSet { account, .. }
        | QuoteEvent::ProtectionEnded { account, .. }
        | QuoteEvent::ProtectionReset { account, .. }
        | QuoteEvent::ProtectionTripped { account, .. }
        | QuoteEvent::OrderMarked { account, .. }
        | QuoteEvent::QuoteSet { account, .. }
        | QuoteEvent::QuoteRefused { account, .. } => *account,
    };
    Some((account, event))
}

/// What the channel of tripped groups tells of an event.
pub(crate) fn mmp_trigger(event: &Event, wanted: AccountId) -> Option<(GradeId, WireMmpStatus)> {
    let (account, event) = quote_event(event)?;
    let QuoteEvent::ProtectionTripped { group, grade, until, .. } = event else { return None };
    (account == wanted).then(|| (grade.clone(), mmp_status((group, grade), *until)))
}
