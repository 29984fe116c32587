//! A book channel: what the client has, what has changed since, and the message that leads from one to the other.

use std::collections::{BTreeMap, BTreeSet};

use exchange::Event;
use instruments::{Instrument, Nanos, Price, Qty, Seq, Side};

use crate::gateway::Gateway;
use crate::raise;
use crate::venue::Published;
use crate::wire::{WireBookChange, WireLevelChange};

/// Levels that may wait for a slow client before it is given a snapshot instead.
const CHANGED_MAX: usize = 4_096;

/// Levels that are remembered as gone, so that a snapshot can delete them once more.
const GONE_MAX: usize = 4_096;

type Level = (Side, Price);

/// What one client has of one book.
#[derive(Default)]
pub(super) struct BookFeed {
    /// What the client has been told is open at each level.
    sent: BTreeMap<Level, Qty>,
    /// Levels of which the client has been told that they are gone. It may have missed that.
    gone: BTreeSet<Level>,
    /// What is open now at the levels that have changed since.
    changed: BTreeMap<Level, Qty>,
    /// Up to where the client's book goes; `None` when it needs a snapshot.
    sent_up_to: Option<Seq>,
    /// Up to where `changed` goes, and the time there.
    changed_up_to: (Seq, Nanos),
}

impl BookFeed {
    pub(super) fn is_pending(&self) -> bool {
        self.sent_up_to.is_none() || !self.changed.is_empty()
    }

    /// The chain is broken: a snapshot comes next.
    pub(super) fn resynchronise(&mut self) {
        self.sent_up_to = None;
        self.changed.clear();
    }

    pub(super) fn note(&mut self, terms: &Instrument, published: &Published) {
        if self.sent_up_to.is_none_or(|up_to| published.seq <= up_to) {
            // In the snapshot, or in the one to come.
            return;
        }
        for event in &published.events {
            if let Event::DepthChanged { instrument, side, price, open } = event
                && *instrument == terms.id
            {
                self.changed.insert((*side, *price), *open);
                self.changed_up_to = (published.seq, published.at);
            }
        }
        if CHANGED_MAX < self.changed.len() {
            self.resynchronise();
        }
    }

    /// The message that brings the client up to date; `None` when it is.
    pub(super) fn message(
        &mut self,
        gateway: &Gateway,
        terms: &Instrument,
    ) -> Option<WireBookChange> {
        let Some(prev) = self.sent_up_to else { return self.snapshot(gateway, terms) };
        let (up_to, at) = self.changed_up_to;
        let changed = std::mem::take(&mut self.changed);
        let mut changes = Changes::new(terms);
        for (level, open) in changed {
            changes.push(level, self.sent.get(&level).copied(), open);
            self.set(level, open);
        }
        if changes.is_empty() {
            // Came and went before the client could be told. The chain goes on from where it was.
            return None;
        }
        self.sent_up_to = Some(up_to);
        Some(changes.message("change", (up_to, at), Some(prev)))
    }

    /// The whole book, and an explicit end to what the client had and is gone.
    fn snapshot(&mut self, gateway: &Gateway, terms: &Instrument) -> Option<WireBookChange> {
        let exchange = gateway.venue.exchange();
        let series = exchange.series_by_id(terms.id)?;
        let side = |side: Side| {
            raise::levels(&exchange, series, side).map(move |(price, open)| ((side, price), open))
        };
        let now: BTreeMap<Level, Qty> = side(Side::Buy).chain(side(Side::Sell)).collect();
        let place = (exchange.last_seq(), exchange.now());
        drop(exchange);

        let mut changes = Changes::new(terms);
        self.gone.extend(self.sent.keys());
        self.gone.retain(|level| !now.contains_key(level));
        for level in &self.gone {
            changes.push(*level, Some(Qty::default()), Qty::ZERO);
        }
        while GONE_MAX < self.gone.len() {
            self.gone.pop_first();
        }
        for (level, open) in &now {
            changes.push(*level, None, *open);
        }
        self.sent = now;
        self.changed.clear();
        self.sent_up_to = Some(place.0);
        Some(changes.message("snapshot", place, None))
    }

    fn set(&mut self, level: Level, open: Qty) {
        if open.is_zero() {
            self.sent.remove(&level);
            if self.gone.len() < GONE_MAX {
                self.gone.insert(level);
            }
        } else {
            self.gone.remove(&level);
            self.sent.insert(level, open);
        }
    }
}

/// The levels of a message.
struct Changes<'a> {
    terms: &'a Instrument,
    bids: Vec<WireLevelChange>,
    asks: Vec<WireLevelChange>,
}

impl<'a> Changes<'a> {
    fn new(terms: &'a Instrument) -> Self {
        Self { terms, bids: Vec::new(), asks: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    fn push(&mut self, (side, price): Level, before: Option<Qty>, open: Qty) {
        let action = match before {
            None if open.is_zero() => return,
            None => "new",
            Some(_) if open.is_zero() => "delete",
            Some(before) if before == open => return,
            Some(_) => "change",
        };
        let price = self.terms.price_to_decimal(price).into();
        let change = WireLevelChange(action.to_owned(), price, open.into());
        match side {
            Side::Buy => self.bids.push(change),
            Side::Sell => self.asks.push(change),
        }
    }

    /// Bids from the highest, asks from the lowest.
    fn message(mut self, kind: &str, (seq, at): (Seq, Nanos), prev: Option<Seq>) -> WireBookChange {
        self.bids.reverse();
        WireBookChange {
            kind: kind.to_owned(),
            timestamp: at.millis(),
            instrument_name: self.terms.name.clone(),
            change_id: seq.0,
            prev_change_id: prev.map(|seq| seq.0),
            checksum: None,
            bids: self.bids,
            asks: self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use instruments::{InstrumentId, NanosSpan, series_of_grade};

    use super::*;

    fn terms() -> Instrument {
        let listed = series_of_grade("H100", Nanos::from_seconds(1_800_000_000));
        let month = listed.into_iter().find(|terms| terms.hours_per_lot == 744).unwrap();
        Instrument {
            id: InstrumentId(1),
            name: month.name,
            grade: instruments::GradeId::new("H100").unwrap(),
            grade_terms: [0; 32],
            node_size: 8,
            product: month.product,
            tick_size: instruments::MicroUsd::new(1_000),
            hours_per_lot: 744,
            schedule: month.schedule,
            reference: Price::from_ticks(2_000),
            guards: instruments::Guards::NONE,
        }
    }

    fn depth(seq: u64, ticks: i64, lots: u64) -> Published {
        Published {
            seq: Seq(seq),
            at: Nanos::from_seconds(1_800_000_000) + NanosSpan::from_seconds(seq),
            events: vec![Event::DepthChanged {
                instrument: InstrumentId(1),
                side: Side::Buy,
                price: Price::from_ticks(ticks),
                open: Qty::from_lots(lots),
            }],
        }
    }

    /// A feed whose client has one level: 5 lots at 2.
    fn feed() -> BookFeed {
        let level = (Side::Buy, Price::from_ticks(2_000));
        BookFeed {
            sent: BTreeMap::from([(level, Qty::from_lots(5))]),
            sent_up_to: Some(Seq(10)),
            ..BookFeed::default()
        }
    }

    /// The change that `message` would send, without a venue: a feed with a chain never asks for one.
    fn change(feed: &mut BookFeed) -> Option<String> {
        let terms = terms();
        let prev = feed.sent_up_to.unwrap();
        let mut changes = Changes::new(&terms);
        for (level, open) in std::mem::take(&mut feed.changed) {
            changes.push(level, feed.sent.get(&level).copied(), open);
            feed.set(level, open);
        }
        (!changes.is_empty()).then(|| {
            let message = changes.message("change", feed.changed_up_to, Some(prev));
            serde_json::to_string(&message.bids).unwrap()
        })
    }

    #[test]
    fn api_030_waiting_changes_are_conflated_to_the_newest_state() {
        let (mut feed, terms) = (feed(), terms());
        for (seq, ticks, lots) in [(11, 2_001, 1), (12, 2_001, 7), (13, 2_000, 0), (14, 1_999, 2)] {
            feed.note(&terms, &depth(seq, ticks, lots));
        }
        assert_eq!(
            change(&mut feed).as_deref(),
            Some(r#"[["new",2.001,7],["delete",2,0],["new",1.999,2]]"#)
        );
    }

    #[test]
    fn api_030_what_came_and_went_unseen_is_not_sent() {
        let (mut feed, terms) = (feed(), terms());
        for (seq, ticks, lots) in [(11, 2_001, 1), (12, 2_001, 0), (13, 2_000, 9), (14, 2_000, 5)] {
            feed.note(&terms, &depth(seq, ticks, lots));
        }
        assert_eq!(change(&mut feed), None);
        feed.note(&terms, &depth(9, 2_000, 1));
        assert!(!feed.is_pending(), "it was in the snapshot");
    }

    #[test]
    fn api_030_a_client_that_is_too_far_behind_gets_a_snapshot() {
        let (mut feed, terms) = (feed(), terms());
        for ticks in 1..=5_000_i64 {
            feed.note(&terms, &depth(11, ticks, 1));
        }
        assert!(feed.sent_up_to.is_none() && feed.changed.is_empty());
        assert!(feed.is_pending());
    }
}
