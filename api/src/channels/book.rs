//! A book channel: what has been told of a book, what has changed since, and the message that leads from one to the other.

use std::collections::BTreeMap;

use exchange::Event;
use instruments::{Instrument, Nanos, Price, Qty, Seq, Side};

use super::checksum;
use super::gone::Gone;
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::Published;
use crate::wire::{WireBookChange, WireLevelChange};

/// Levels that may change between two messages before the second is a snapshot.
const CHANGED_MAX: usize = 4_096;

pub(super) type Level = (Side, Price);

/// What has been told of one book.
#[derive(Default)]
pub(super) struct BookFeed {
    /// What is open at each level.
    told: BTreeMap<Level, Qty>,
    /// Levels that were told and have gone since.
    gone: Gone,
    /// What is open now at the levels that have changed since.
    changed: BTreeMap<Level, Qty>,
    /// Up to where `told` goes; `None` when a snapshot must come next.
    told_up_to: Option<Seq>,
    told_at: Nanos,
    /// Up to where `changed` goes, and the time there.
    changed_up_to: (Seq, Nanos),
    checksum: u32,
}

impl BookFeed {
    pub(super) fn is_pending(&self) -> bool {
        self.told_up_to.is_none() || !self.changed.is_empty()
    }

    /// The chain is broken: a snapshot comes next.
    pub(super) fn resynchronise(&mut self) {
        self.told_up_to = None;
        self.changed.clear();
    }

    pub(super) fn note(&mut self, terms: &Instrument, published: &Published) {
        if self.told_up_to.is_none_or(|up_to| published.seq <= up_to) {
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

    /// The next message of the channel, which will have number `seq`; `None` when there is nothing to tell.
    pub(super) fn message(
        &mut self,
        gateway: &Gateway,
        terms: &Instrument,
        seq: u64,
    ) -> Option<WireBookChange> {
        let Some(prev) = self.told_up_to else { return self.snapshot(gateway, terms, seq) };
        self.change(terms, (prev, seq))
    }

    fn change(&mut self, terms: &Instrument, (prev, seq): (Seq, u64)) -> Option<WireBookChange> {
        let (up_to, at) = self.changed_up_to;
        let changed = std::mem::take(&mut self.changed);
        let mut changes = Changes::new(terms);
        let deepest = [Side::Buy, Side::Sell].map(|side| self.deepest_that_counts(side));
        let mut is_seen = false;
        for (level, open) in changed {
            changes.push(level, self.told.get(&level).copied(), open);
            let [bid, ask] = deepest;
            is_seen = is_seen
                || match level.0 {
                    Side::Buy => bid.is_none_or(|bid| bid <= level.1),
                    Side::Sell => ask.is_none_or(|ask| level.1 <= ask),
                };
            self.set(level, open, (seq, at));
        }
        if changes.is_empty() {
            // Came and went before it could be told. The chain goes on from where it was.
            return None;
        }
        self.told_up_to = Some(up_to);
        self.told_at = at;
        if is_seen {
            self.checksum = self.sum(terms);
        }
        Some(changes.message("change", (up_to, at), (Some(prev), self.checksum)))
    }

    /// The price of the last level that counts in the checksum; `None` when every level does.
    fn deepest_that_counts(&self, side: Side) -> Option<Price> {
        let last = checksum::DEPTH.saturating_sub(1);
        self.side(side).nth(last).map(|(price, _)| price)
    }

    /// The levels of one side, best first.
    fn side(&self, side: Side) -> Box<dyn Iterator<Item = (Price, Qty)> + '_> {
        let (lowest, highest) = (Price::from_ticks(i64::MIN), Price::from_ticks(i64::MAX));
        let levels = self.told.range((side, lowest)..=(side, highest));
        let levels = levels.map(|((_, price), open)| (*price, *open));
        match side {
            Side::Buy => Box::new(levels.rev()),
            Side::Sell => Box::new(levels),
        }
    }

    fn sum(&self, terms: &Instrument) -> u32 {
        checksum::of_book(terms, self.side(Side::Buy), self.side(Side::Sell))
    }

    /// The whole book as the venue has it now.
    fn snapshot(
        &mut self,
        gateway: &Gateway,
        terms: &Instrument,
        seq: u64,
    ) -> Option<WireBookChange> {
        let exchange = gateway.venue.exchange();
        let series = exchange.series_by_id(terms.id)?;
        let side = |side: Side| {
            raise::levels(&exchange, series, side).map(move |(price, open)| ((side, price), open))
        };
        let now: BTreeMap<Level, Qty> = side(Side::Buy).chain(side(Side::Sell)).collect();
        let (up_to, at) = (exchange.last_seq(), exchange.now());
        drop(exchange);

        for level in std::mem::take(&mut self.told).into_keys() {
            if !now.contains_key(&level) {
                self.gone.insert(level, seq, at);
            }
        }
        for level in now.keys() {
            self.gone.remove(level);
        }
        self.told = now;
        self.changed.clear();
        self.told_up_to = Some(up_to);
        self.told_at = at;
        self.checksum = self.sum(terms);
        self.whole(terms)
    }

    /// All that has been told as one snapshot, with an explicit end to what has gone.
    pub(super) fn whole(&mut self, terms: &Instrument) -> Option<WireBookChange> {
        let up_to = self.told_up_to?;
        let mut changes = Changes::new(terms);
        for level in self.gone.levels() {
            changes.push(*level, Some(Qty::default()), Qty::ZERO);
        }
        for (level, open) in &self.told {
            changes.push(*level, None, *open);
        }
        Some(changes.message("snapshot", (up_to, self.told_at), (None, self.checksum)))
    }

    /// Levels of such a snapshot.
    pub(super) fn len(&self) -> usize {
        self.told.len().saturating_add(self.gone.len())
    }

    /// Whether such a snapshot brings a client up to date that has nothing behind a message: all that has gone since is remembered.
    pub(super) const fn heals(&self, seq: u64) -> bool {
        self.gone.forgotten() <= seq
    }

    fn set(&mut self, level: Level, open: Qty, (seq, at): (u64, Nanos)) {
        if !open.is_zero() {
            self.gone.remove(&level);
            self.told.insert(level, open);
        } else if self.told.remove(&level).is_some() {
            self.gone.insert(level, seq, at);
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
    fn message(
        mut self,
        kind: &str,
        (seq, at): (Seq, Nanos),
        (prev, checksum): (Option<Seq>, u32),
    ) -> WireBookChange {
        self.bids.reverse();
        WireBookChange {
            kind: kind.to_owned(),
            timestamp: at.millis(),
            instrument_name: self.terms.name.clone(),
            change_id: seq.0,
            prev_change_id: prev.map(|seq| seq.0),
            checksum: Some(checksum),
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

    /// A feed that has told one level: 5 lots at 2.
    fn feed() -> BookFeed {
        let level = (Side::Buy, Price::from_ticks(2_000));
        BookFeed {
            told: BTreeMap::from([(level, Qty::from_lots(5))]),
            told_up_to: Some(Seq(10)),
            ..BookFeed::default()
        }
    }

    fn bids(feed: &mut BookFeed, seq: u64) -> Option<String> {
        let prev = feed.told_up_to.unwrap();
        let message = feed.change(&terms(), (prev, seq))?;
        Some(serde_json::to_string(&message.bids).unwrap())
    }

    #[test]
    fn api_030_waiting_changes_are_conflated_to_the_newest_state() {
        let (mut feed, terms) = (feed(), terms());
        for (seq, ticks, lots) in [(11, 2_001, 1), (12, 2_001, 7), (13, 2_000, 0), (14, 1_999, 2)] {
            feed.note(&terms, &depth(seq, ticks, lots));
        }
        assert_eq!(
            bids(&mut feed, 2).as_deref(),
            Some(r#"[["new",2.001,7],["delete",2,0],["new",1.999,2]]"#)
        );
        let whole = feed.whole(&terms).unwrap();
        assert_eq!(
            serde_json::to_string(&whole.bids).unwrap(),
            r#"[["new",2.001,7],["new",1.999,2],["delete",2,0]]"#
        );
        assert_eq!(whole.change_id, 14);
    }

    #[test]
    fn api_030_what_came_and_went_unseen_is_not_sent() {
        let (mut feed, terms) = (feed(), terms());
        for (seq, ticks, lots) in [(11, 2_001, 1), (12, 2_001, 0), (13, 2_000, 9), (14, 2_000, 5)] {
            feed.note(&terms, &depth(seq, ticks, lots));
        }
        assert_eq!(bids(&mut feed, 2), None);
        feed.note(&terms, &depth(9, 2_000, 1));
        assert!(!feed.is_pending(), "it was in the snapshot");
    }

    #[test]
    fn api_030_too_many_changes_at_once_are_a_snapshot() {
        let (mut feed, terms) = (feed(), terms());
        for ticks in 1..=5_000_i64 {
            feed.note(&terms, &depth(11, ticks, 1));
        }
        assert!(feed.told_up_to.is_none() && feed.changed.is_empty());
        assert!(feed.is_pending());
    }

    /// API-083: the text of the documentation's example, and the sum that is not computed anew for what is too deep.
    #[test]
    fn api_083_the_checksum_is_that_of_the_best_levels() {
        let (mut feed, terms) = (feed(), terms());
        let ask = |ticks, lots| ((Side::Sell, Price::from_ticks(ticks)), Qty::from_lots(lots));
        feed.told.extend([ask(2_010, 3), ask(2_100, 12)]);
        assert_eq!(feed.sum(&terms), crc32fast::hash(b"2:5:2.01:3:2.1:12"));
        for ticks in 1..=100_i64 {
            feed.note(&terms, &depth(11, ticks, 1));
        }
        let steps = [(50, 1), (90, 4), (2_001, 2), (76, 0), (77, 0), (100, 0), (1_999, 1)];
        for (seq, (ticks, lots)) in (2..).zip(steps) {
            feed.note(&terms, &depth(10 + seq, ticks, lots));
            let prev = feed.told_up_to.unwrap();
            let told = feed.change(&terms, (prev, seq)).and_then(|message| message.checksum);
            assert!(told.is_none_or(|told| told == feed.sum(&terms)), "{ticks} {lots}");
            assert_eq!(feed.checksum, feed.sum(&terms), "{ticks} {lots}");
        }
    }
}
