//! At which prices a series has been settled, day by day and at its end.

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::io::{Direction, Scan};
use exchange::{Event, SettlementSource};
use instruments::{InstrumentId, Nanos, Price};

use super::{Draft, History, Place, ROWS_MAX, key};
use crate::venue::publish::Published;

/// A price at which a series was settled.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettlementRecord {
    /// When.
    pub at: Nanos,
    /// The price.
    pub price: Price,
    /// What it was made of; absent where it follows from other series.
    pub source: Option<SettlementSource>,
    /// Whether trading ended at it.
    pub is_last: bool,
}

impl History {
    /// A series' settlements before a place, newest first: all of them, or those of one kind.
    #[must_use]
    pub fn settlements(
        &self,
        instrument: InstrumentId,
        is_last: Option<bool>,
        before: Option<Place>,
        limit: usize,
    ) -> Vec<(Place, SettlementRecord)> {
        let of_series = key::instrument(instrument);
        let (mut found, mut before) = (Vec::new(), before);
        // Of one kind there may be few among many: page by page until there are enough.
        loop {
            let after = before.map(|place| key::happened(instrument.0, place));
            let scan = Scan {
                tree: key::SETTLEMENTS.name(),
                prefix: &of_series,
                after: after.as_deref(),
                direction: Direction::Descending,
                limit: ROWS_MAX,
            };
            let rows = self.ask(|store| store.scan(&scan)).unwrap_or_default();
            let is_end = rows.len() < ROWS_MAX;
            for (key, value) in rows {
                let Some(place) = key::place(&key) else { continue };
                before = Some(place);
                let Some(record) = self.decode::<SettlementRecord>(&value) else { continue };
                if is_last.is_none_or(|is_last| is_last == record.is_last) && found.len() < limit {
                    found.push((place, record));
                }
            }
            if is_end || limit <= found.len() {
                return found;
            }
        }
    }
}

impl Draft<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a settlement")]
    pub(super) fn settled(&mut self, published: &Published) {
        let mut fixed: Option<(InstrumentId, SettlementRecord)> = None;
        for (event, place) in published.events.iter().zip(0_u32..) {
            let place = Place { seq: published.seq, event: place };
            let before = fixed.take();
            match event {
                Event::SettlementPriceFixed { instrument, price, source } => {
                    let source = Some(source.clone());
                    let (at, price) = (published.at, *price);
                    let record = SettlementRecord { at, price, source, is_last: false };
                    let key = key::happened(instrument.0, place);
                    self.put(&key::SETTLEMENTS, key, &record);
                    fixed = Some((*instrument, record));
                }
                Event::SeriesExpired { instrument, settlement_price } => {
                    let of_it = before.filter(|(id, _)| id == instrument);
                    let source = of_it.and_then(|(_, record)| record.source);
                    let (at, price) = (published.at, *settlement_price);
                    let has_source = source.is_some();
                    let record = SettlementRecord { at, price, source, is_last: true };
                    if has_source {
                        // What was fixed right before is this.
                        let event = place.event.saturating_sub(1);
                        let told = key::happened(instrument.0, Place { event, ..place });
                        self.puts.remove(&(key::SETTLEMENTS.name(), told));
                    }
                    self.put(&key::SETTLEMENTS, key::happened(instrument.0, place), &record);
                }
                _ => {}
            }
        }
    }
}
