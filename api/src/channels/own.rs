//! What events and execution reports tell on channels of which nothing may be left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use exchange::{ControlEvent, Event, StateScope, TradingState};
use instruments::{AccountId, Instrument, InstrumentId, OrderId};
use serde_json::value::RawValue;

use super::feed::Waiting;
use super::name::Topic;
use crate::gateway::Gateway;
use crate::methods::{block_of, position_of, report, tick_direction};
use crate::raise;
use crate::venue::Published;
use crate::venue::history::{BlockRecord, Report, Reported, TradeRecord};
use crate::wire::{WireOrder, WireSeriesState, WireUserChanges, WireUserTrade, to_result};

/// What one command's events tell on a channel.
pub(super) fn messages(
    gateway: &Gateway,
    topic: &Topic,
    published: &Published,
) -> Vec<Box<RawValue>> {
    match topic {
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
        Topic::PlatformState => platform_states(gateway, published),
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
        Topic::SeriesState { kind } => states(gateway, kind.as_deref(), published),
        Topic::Trades(terms) => {
            let of = |id| (id == terms.id).then(|| Cow::Borrowed(&**terms));
            public_trades(gateway, published, of)
        }
        Topic::TradesOf { kind, root } => public_trades(gateway, published, |id| {
            let exchange = gateway.venue.exchange();
            let terms = &exchange.series_by_id(id)?.instrument;
            let is_meant = kind.as_deref().is_none_or(|kind| raise::kind(terms) == kind)
                && root.as_deref().is_none_or(|root| raise::root(terms) == root);
            is_meant.then(|| Cow::Owned(terms.clone()))
        }),
        Topic::Book(_)
        | Topic::Newest(_)
        | Topic::Chart { .. }
        | Topic::MethodsState
        // Made of reports.
        | Topic::UserOrders { .. }
        | Topic::UserTrades { .. }
        | Topic::UserChanges { .. }
        | Topic::UserReports { .. }
        | Topic::VerifierTasks => Vec::new(),
    }
}

/// The trades in series that are meant, those that have terms here, as everybody sees them.
fn public_trades<'a>(
    gateway: &Gateway,
    published: &Published,
    terms_of: impl Fn(InstrumentId) -> Option<Cow<'a, Instrument>>,
) -> Vec<Box<RawValue>> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a trade")]
    let record = |event: &Event| match event {
        Event::Traded(traded) => Some(TradeRecord::of(traded, published.at)),
        Event::BlockTraded(block) => Some(TradeRecord::of_block(block, published.at)),
        _ => None,
    };
    let records = published.events.iter().filter_map(record);
    let told = records.filter_map(|record| {
        let terms = terms_of(record.instrument)?;
        let tick_direction = crate::methods::tick_direction(gateway, &record);
        Some(to_result(&raise::public_trade(&record, tick_direction, &terms)))
    });
    told.collect()
}

/// What one command's reports tell on a channel.
pub(super) fn of_reports(gateway: &Gateway, topic: &Topic, reports: &[Report]) -> Vec<Waiting> {
    match topic {
        Topic::UserOrders { only, .. } => orders(gateway, *only, reports),
        Topic::UserTrades { only, .. } => trades(gateway, *only, reports),
        Topic::UserChanges { account, only } => changes(gateway, (*account, *only), reports),
        Topic::UserReports { .. } => {
            let all = reports.iter().filter_map(|one| Some((one, report(gateway, one).ok()?)));
            all.map(|(one, wire)| Waiting::of_report(one.user_seq, to_result(&wire))).collect()
        }
        Topic::Book(_)
        | Topic::Trades(_)
        | Topic::TradesOf { .. }
        | Topic::MmpTrigger { .. }
        | Topic::Blocks { .. }
        | Topic::Newest(_)
        | Topic::Chart { .. }
        | Topic::PlatformState
        | Topic::MethodsState
        | Topic::SeriesState { .. }
        | Topic::UserDelivery { .. }
        | Topic::UserJobs { .. }
        | Topic::VerifierTasks => Vec::new(),
    }
}

/// The reports of one series or of all, each with the series' terms.
fn wanted<'a>(
    gateway: &Gateway,
    only: Option<InstrumentId>,
    reports: &'a [Report],
) -> Vec<(&'a Report, Instrument)> {
    let exchange = gateway.venue.exchange();
    let of = |report: &'a Report| {
        let id = report.what.order().terms.instrument;
        let is_wanted = only.is_none_or(|only| only == id);
        is_wanted.then_some((report, exchange.series_by_id(id)?.instrument.clone()))
    };
    reports.iter().filter_map(of).collect()
}

/// Each order once per command, as it was after it, in the order of their last reports.
fn changed_orders(wanted: &[(&Report, Instrument)]) -> Vec<(u64, WireOrder)> {
    let last: BTreeMap<OrderId, u64> = wanted
        .iter()
        .map(|(report, _)| (report.what.order().terms.order, report.user_seq))
        .collect();
    wanted
        .iter()
        .filter(|(report, _)| last.get(&report.what.order().terms.order) == Some(&report.user_seq))
        .map(|(report, terms)| (report.user_seq, raise::order(report.what.order(), terms)))
        .collect()
}

fn made_trades(gateway: &Gateway, wanted: &[(&Report, Instrument)]) -> Vec<(u64, WireUserTrade)> {
    let trade = |(report, terms): &(&Report, Instrument)| {
        let Reported::Trade(trade) = &report.what else { return None };
        let direction = tick_direction(gateway, &trade.trade);
        Some((report.user_seq, raise::user_trade(trade, direction, terms)))
    };
    wanted.iter().filter_map(trade).collect()
}

fn orders(gateway: &Gateway, only: Option<InstrumentId>, reports: &[Report]) -> Vec<Waiting> {
    let changed = changed_orders(&wanted(gateway, only, reports));
    changed.iter().map(|(seq, order)| Waiting::of_report(*seq, to_result(order))).collect()
}

fn trades(gateway: &Gateway, only: Option<InstrumentId>, reports: &[Report]) -> Vec<Waiting> {
    let made = made_trades(gateway, &wanted(gateway, only, reports));
    made.iter().map(|(seq, trade)| Waiting::of_report(*seq, to_result(trade))).collect()
}

/// What one command changed, series by series.
fn changes(
    gateway: &Gateway,
    (account, only): (AccountId, Option<InstrumentId>),
    reports: &[Report],
) -> Vec<Waiting> {
    let wanted = wanted(gateway, only, reports);
    let mut by_series: BTreeMap<String, (u64, WireUserChanges)> = BTreeMap::new();
    let none = |name: &str| WireUserChanges {
        instrument_name: name.to_owned(),
        orders: Vec::new(),
        trades: Vec::new(),
        positions: Vec::new(),
    };
    for (seq, order) in changed_orders(&wanted) {
        let name = order.instrument_name.clone();
        let of_series = by_series.entry(name).or_insert_with_key(|name| (0, none(name)));
        of_series.0 = of_series.0.max(seq);
        of_series.1.orders.push(order);
    }
    for (seq, trade) in made_trades(gateway, &wanted) {
        let name = trade.instrument_name.clone();
        let of_series = by_series.entry(name).or_insert_with_key(|name| (0, none(name)));
        of_series.0 = of_series.0.max(seq);
        of_series.1.trades.push(trade);
    }
    let exchange = gateway.venue.exchange();
    let with_trades = by_series.iter_mut().filter(|(_, (_, it))| !it.trades.is_empty());
    for (name, (_, changes)) in with_trades {
        let series = exchange.series_by_name(name);
        changes.positions.extend(series.map(|series| position_of(&exchange, account, series)));
    }
    drop(exchange);
    let mut changes: Vec<Waiting> = by_series
        .values()
        .map(|(seq, changes)| Waiting::of_report(*seq, to_result(changes)))
        .collect();
    changes.sort_by_key(|waiting| waiting.user_seq);
    changes
}

/// The venue's state, whenever it has changed.
fn platform_states(gateway: &Gateway, published: &Published) -> Vec<Box<RawValue>> {
    let is_about_all = |event: &&Event| {
        matches!(
            event,
            Event::Control(ControlEvent::TradingStateChanged {
                scope: StateScope::Venue | StateScope::Restart,
                ..
            })
        )
    };
    let changed = published.events.iter().find(is_about_all);
    let told = changed.map(|_| to_result(&raise::platform_state(&gateway.venue, published.at)));
    told.into_iter().collect()
}

/// Series that have begun, ended, or been stopped.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else begins or ends a series")]
fn states(gateway: &Gateway, kind: Option<&str>, published: &Published) -> Vec<Box<RawValue>> {
    let exchange = gateway.venue.exchange();
    let told = |event: &Event| {
        let (id, state) = match event {
            Event::InstrumentListed(terms) => (terms.id, "created"),
            Event::SeriesExpired { instrument, .. } => (*instrument, "closed"),
            Event::Control(ControlEvent::TradingStateChanged {
                scope: StateScope::Series(instrument),
                state: TradingState::Open,
            }) => (*instrument, "started"),
            Event::Control(ControlEvent::TradingStateChanged {
                scope: StateScope::Series(instrument),
                state,
            }) => (*instrument, raise::state_word(*state)),
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
