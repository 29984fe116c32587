//! Channels of which only the newest state is told: tickers, quotes, windows of books, indices, an account's money.

use std::collections::BTreeMap;

use exchange::Event;
use instruments::{AccountId, Instrument};
use serde_json::value::RawValue;

use super::name::Latest;
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::Published;
use crate::wire::to_result;

/// What was told last, and whether there may be something newer.
pub(super) struct Newest {
    is_dirty: bool,
    sent: Option<Box<RawValue>>,
}

impl Newest {
    /// Nothing has been sent.
    pub(super) const fn new() -> Self {
        Self { is_dirty: true, sent: None }
    }

    pub(super) const fn is_pending(&self) -> bool {
        self.is_dirty
    }

    /// Something was missed.
    pub(super) const fn resynchronise(&mut self) {
        self.is_dirty = true;
    }

    pub(super) fn note(&mut self, topic: &Latest, published: &Published) {
        self.is_dirty = self.is_dirty || published.events.iter().any(|event| moves(topic, event));
    }

    /// What was told last, whole.
    pub(super) fn whole(&self, topic: &Latest) -> Option<Box<RawValue>> {
        let told = self.sent.as_ref()?;
        let is_whole = !matches!(topic, Latest::IncrementalTicker(_));
        Some(if is_whole { told.clone() } else { difference(None, told) })
    }

    /// The newest state; `None` when it is what was sent.
    pub(super) fn message(&mut self, gateway: &Gateway, topic: &Latest) -> Option<Box<RawValue>> {
        self.is_dirty = false;
        let now = state(gateway, topic)?;
        if self.sent.as_ref().is_some_and(|sent| sent.get() == now.get()) {
            return None;
        }
        let before = self.sent.replace(now.clone());
        let is_whole = !matches!(topic, Latest::IncrementalTicker(_));
        Some(if is_whole { now } else { difference(before.as_deref(), &now) })
    }
}

/// A channel's state as it is now.
fn state(gateway: &Gateway, topic: &Latest) -> Option<Box<RawValue>> {
    let exchange = gateway.venue.exchange();
    match topic {
        Latest::Ticker(terms) | Latest::IncrementalTicker(terms) => {
            let mut ticker = raise::ticker(&exchange, exchange.series_by_id(terms.id)?);
            drop(exchange);
            ticker.stats = crate::methods::stats(gateway, terms);
            Some(to_result(&ticker))
        }
        Latest::Quote(terms) => {
            Some(to_result(&raise::quote(&exchange, exchange.series_by_id(terms.id)?)))
        }
        Latest::Window { terms, group, depth } => {
            let series = exchange.series_by_id(terms.id)?;
            Some(to_result(&raise::window(&exchange, series, (*group, *depth))))
        }
        Latest::Index(grade) => {
            let price = raise::index_price(exchange.index(grade)?)?;
            Some(to_result(&raise::index_message(grade, &price)))
        }
        Latest::OptionMarks(grade) => Some(to_result(&raise::option_marks(&exchange, grade))),
        Latest::Portfolio { account } => {
            let (known, money) = (exchange.account(*account)?, exchange.account_summary(*account)?);
            Some(to_result(&raise::account_summary(&exchange, (*account, known), &money)))
        }
    }
}

/// Whether an event shows in a channel.
fn moves(topic: &Latest, event: &Event) -> bool {
    match topic {
        Latest::Ticker(terms) | Latest::IncrementalTicker(terms) => moves_ticker(terms, event),
        Latest::Quote(terms) | Latest::Window { terms, .. } => {
            matches!(event, Event::DepthChanged { instrument, .. } if *instrument == terms.id)
        }
        Latest::Index(grade) => {
            matches!(event, Event::IndexPublished(print) if print.grade == *grade)
        }
        Latest::OptionMarks(_) => {
            matches!(event, Event::MarkChanged { .. } | Event::RiskPublished(_))
        }
        Latest::Portfolio { account } => moves_money(*account, event),
    }
}

/// Whether an event shows in a series' ticker.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not about the series does not show")]
fn moves_ticker(terms: &Instrument, event: &Event) -> bool {
    match event {
        Event::DepthChanged { instrument, .. }
        | Event::MarkChanged { instrument, .. }
        | Event::AuctionOpened { instrument, .. }
        | Event::AuctionExtended { instrument, .. }
        | Event::AuctionEnded { instrument, .. }
        | Event::IndicativePrice { instrument, .. }
        | Event::SettlementPriceFixed { instrument, .. }
        | Event::SeriesExpired { instrument, .. }
        | Event::PositionClosed { instrument, .. } => *instrument == terms.id,
        Event::Traded(traded) => traded.instrument == terms.id,
        Event::BlockTraded(block) => block.instrument == terms.id,
        Event::IndexPublished(print) => print.grade == terms.grade,
        _ => false,
    }
}

/// Whether an event may show in an account's money.
#[expect(clippy::wildcard_enum_match_arm, reason = "what moves no money and no mark does not show")]
fn moves_money(account: AccountId, event: &Event) -> bool {
    match event {
        Event::MoneyMoved(transfer) => {
            [transfer.from, transfer.to].iter().any(|bucket| bucket.account() == Some(account))
        }
        Event::Traded(traded) => {
            [&traded.maker, &traded.taker].iter().any(|fill| fill.account == account)
        }
        Event::PositionClosed { account: whose, .. } => *whose == account,
        Event::MarkChanged { .. } => true,
        _ => false,
    }
}

type Fields<'a> = BTreeMap<&'a str, &'a RawValue>;

/// The fields that differ, and always which series and when. The first message has all.
fn difference(before: Option<&RawValue>, now: &RawValue) -> Box<RawValue> {
    let fields = |value: &'_ RawValue| -> BTreeMap<String, Box<RawValue>> {
        serde_json::from_str(value.get()).unwrap_or_default()
    };
    let (had, has) = (before.map(fields), fields(now));
    let kind = to_result(if had.is_some() { &"change" } else { &"snapshot" });
    let is_told = |name: &str, value: &RawValue| {
        let same = had.as_ref().and_then(|had| had.get(name)).map(|had| had.get());
        matches!(name, "instrument_name" | "timestamp") || same != Some(value.get())
    };
    let mut told: Fields<'_> = has
        .iter()
        .filter(|(name, value)| is_told(name, value))
        .map(|(name, value)| (name.as_str(), value.as_ref()))
        .collect();
    // What was there and is not any more is told as `null`.
    let gone = had.iter().flatten().filter(|(name, _)| !has.contains_key(*name));
    told.extend(gone.map(|(name, _)| (name.as_str(), RawValue::NULL)));
    told.insert("type", &kind);
    to_result(&told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn api_073_an_incremental_ticker_tells_what_differs() {
        let first = raw(r#"{"instrument_name":"X","timestamp":1,"a":1.50,"gone":2}"#);
        assert_eq!(
            difference(None, &first).get(),
            r#"{"a":1.50,"gone":2,"instrument_name":"X","timestamp":1,"type":"snapshot"}"#
        );
        let second = raw(r#"{"instrument_name":"X","timestamp":2,"a":1.50,"b":3}"#);
        assert_eq!(
            difference(Some(&first), &second).get(),
            r#"{"b":3,"gone":null,"instrument_name":"X","timestamp":2,"type":"change"}"#
        );
    }
}
