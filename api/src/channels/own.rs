//! An account's own channels: its orders, its trades, its deliveries.

use std::collections::BTreeSet;

use exchange::Event;
use instruments::{AccountId, Instrument, InstrumentId, OrderId};
use serde_json::value::RawValue;

use super::name::Topic;
use crate::gateway::Gateway;
use crate::methods::user_trade_of;
use crate::raise;
use crate::venue::Published;
use crate::venue::history::OrderRecord;
use crate::wire::to_result;

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
        Topic::Book(_) | Topic::Ticker(_) | Topic::Trades(_) | Topic::VerifierTasks => Vec::new(),
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

/// Each order once per command, as it is now.
fn orders(gateway: &Gateway, wanted: Wanted, published: &Published) -> Vec<Box<RawValue>> {
    let mut seen = BTreeSet::new();
    let touched = published.events.iter().flat_map(|event| touched(event, wanted));
    touched
        .filter(|order| seen.insert(*order))
        .filter_map(|order| {
            let record = gateway.venue.history().order(order)?;
            let terms = terms_of(gateway, &record)?;
            Some(to_result(&raise::order(&record, &terms)))
        })
        .collect()
}

fn trades(gateway: &Gateway, wanted: Wanted, published: &Published) -> Vec<Box<RawValue>> {
    let mut messages = Vec::new();
    for event in &published.events {
        let Event::Traded(traded) = event else { continue };
        for order in touched(event, wanted) {
            let Some(record) = gateway.venue.history().order(order) else { continue };
            let Some(terms) = terms_of(gateway, &record) else { continue };
            let trade = user_trade_of(gateway, traded, published.at, (&record, &terms));
            messages.push(to_result(&trade));
        }
    }
    messages
}
