//! An account's own channels: its orders, its trades, its deliveries.

use std::collections::{BTreeMap, BTreeSet};

use exchange::Event;
use instruments::{AccountId, Instrument, InstrumentId, OrderId};
use serde_json::value::RawValue;

use super::name::Topic;
use crate::gateway::Gateway;
use crate::methods::{block_of, position_of, user_trade_of};
use crate::raise;
use crate::venue::Published;
use crate::venue::history::{BlockRecord, OrderRecord};
use crate::wire::{WireOrder, WireSeriesState, WireUserChanges, WireUserTrade, to_result};

/// What one command's events tell on a private channel.
pub(super) fn messages(
    gateway: &Gateway,
    topic: &Topic,
    published: &Published,
) -> Vec<Box<RawValue>> {
    match topic {
        Topic::UserOrders { account, only } => orders(gateway, (*account, *only), published),
        Topic::UserTrades { account, only } => trades(gateway, (*account, *only), published),
        Topic::UserDelivery { account } => published
            .events
            .iter()
            .filter_map(|event| raise::delivery_message(&gateway.venue, *account, event))
            .collect(),
        Topic::UserJobs { account } => published
            .events
            .iter()
            .filter_map(|event| raise::job_message(&gateway.venue, *account, event))
            .collect(),
        Topic::MmpTrigger { account, only } => published
            .events
            .iter()
            .filter_map(|event| raise::mmp_trigger(event, *account))
            .filter(|(grade, _)| only.as_ref().is_none_or(|only| only == grade))
            .map(|(_, status)| to_result(&status))
            .collect(),
        Topic::Blocks { account } => BlockRecord::of(published)
            .filter(|block| block.parties.contains(account))
            .and_then(|block| block_of(gateway, *account, &block).ok())
            .map(|block| to_result(&block))
            .into_iter()
            .collect(),
        Topic::UserChanges { account, only } => changes(gateway, (*account, *only), published),
        Topic::SeriesState { kind } => states(gateway, kind.as_deref(), published),
        Topic::Book(_)
        | Topic::Trades(_)
        | Topic::TradesOf { .. }
        | Topic::Newest(_)
        | Topic::Chart { .. }
        | Topic::PlatformState
        | Topic::VerifierTasks => Vec::new(),
    }
}

type Wanted = (AccountId, Option<InstrumentId>);

/// The account's orders that an event changes.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not about orders changes no order")]
fn touched(event: &Event, (wanted, only): Wanted) -> Vec<OrderId> {
    let (instrument, touched) = match event {
        Event::OrderAccepted(terms) => (terms.instrument, vec![(terms.account, terms.order)]),
        Event::OrderAmended { account, instrument, order, .. }
        | Event::OrderTriggered { account, instrument, order }
        | Event::OrderCancelled { account, instrument, order, .. } => {
            (*instrument, vec![(*account, *order)])
        }
        Event::Traded(traded) => {
            let fills = [&traded.maker, &traded.taker];
            (traded.instrument, fills.map(|fill| (fill.account, fill.order)).to_vec())
        }
        _ => return Vec::new(),
    };
    if only.is_some_and(|only| only != instrument) {
        return Vec::new();
    }
    let own = touched.into_iter().filter(|(account, _)| *account == wanted);
    own.map(|(_, order)| order).collect()
}

fn terms_of(gateway: &Gateway, record: &OrderRecord) -> Option<Instrument> {
    let exchange = gateway.venue.exchange();
    exchange.series_by_id(record.terms.instrument).map(|series| series.instrument.clone())
}

fn orders(gateway: &Gateway, wanted: Wanted, published: &Published) -> Vec<Box<RawValue>> {
    changed_orders(gateway, wanted, published).iter().map(to_result).collect()
}

/// Each order once per command, as it is now.
fn changed_orders(gateway: &Gateway, wanted: Wanted, published: &Published) -> Vec<WireOrder> {
    let mut seen = BTreeSet::new();
    let touched = published.events.iter().flat_map(|event| touched(event, wanted));
    touched
        .filter(|order| seen.insert(*order))
        .filter_map(|order| {
            let record = gateway.venue.history().order(order)?;
            let terms = terms_of(gateway, &record)?;
            Some(raise::order(&record, &terms))
        })
        .collect()
}

fn trades(gateway: &Gateway, wanted: Wanted, published: &Published) -> Vec<Box<RawValue>> {
    made_trades(gateway, wanted, published).iter().map(to_result).collect()
}

fn made_trades(gateway: &Gateway, wanted: Wanted, published: &Published) -> Vec<WireUserTrade> {
    let mut messages = Vec::new();
    for event in &published.events {
        let Event::Traded(traded) = event else { continue };
        for order in touched(event, wanted) {
            let Some(record) = gateway.venue.history().order(order) else { continue };
            let Some(terms) = terms_of(gateway, &record) else { continue };
            messages.push(user_trade_of(gateway, traded, published.at, (&record, &terms)));
        }
    }
    messages
}

/// What one command changed, series by series.
fn changes(
    gateway: &Gateway,
    (account, only): Wanted,
    published: &Published,
) -> Vec<Box<RawValue>> {
    let mut by_series: BTreeMap<String, WireUserChanges> = BTreeMap::new();
    let none = |name: &str| WireUserChanges {
        instrument_name: name.to_owned(),
        orders: Vec::new(),
        trades: Vec::new(),
        positions: Vec::new(),
    };
    for order in changed_orders(gateway, (account, only), published) {
        let name = order.instrument_name.clone();
        by_series.entry(name).or_insert_with_key(|name| none(name)).orders.push(order);
    }
    for trade in made_trades(gateway, (account, only), published) {
        let name = trade.instrument_name.clone();
        by_series.entry(name).or_insert_with_key(|name| none(name)).trades.push(trade);
    }
    let exchange = gateway.venue.exchange();
    for (name, changes) in by_series.iter_mut().filter(|(_, changes)| !changes.trades.is_empty()) {
        let series = exchange.series_by_name(name);
        changes.positions.extend(series.map(|series| position_of(&exchange, account, series)));
    }
    by_series.values().map(to_result).collect()
}

/// Series that have begun or ended.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else begins or ends a series")]
fn states(gateway: &Gateway, kind: Option<&str>, published: &Published) -> Vec<Box<RawValue>> {
    let exchange = gateway.venue.exchange();
    let told = |event: &Event| {
        let (id, state) = match event {
            Event::InstrumentListed(terms) => (terms.id, "created"),
            Event::SeriesExpired { instrument, .. } => (*instrument, "closed"),
            _ => return None,
        };
        let terms = &exchange.series_by_id(id)?.instrument;
        kind.is_none_or(|kind| raise::kind(terms) == kind).then(|| {
            to_result(&WireSeriesState {
                instrument_name: terms.name.clone(),
                state: state.to_owned(),
                timestamp: published.at.millis(),
            })
        })
    };
    published.events.iter().filter_map(told).collect()
}
