//! Takes in one print of the oracle's index.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GradeId, MicroUsd, Ppm};
use matching_engine::PriceSource;

use crate::Exchange;
use crate::command::IndexPrint;
use crate::event::Event;
use crate::limits::INDEX_MAX;
use crate::reject::Reject;

const HALF_HOUR_NANOS: u64 = 1_800_000_000_000;
/// A fixing looks at 24 hours of half-hours.
const PARTITIONS: u64 = 48;

/// What is remembered of a grade's index.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct IndexHistory {
    /// The newest print.
    pub last: IndexPrint,
    /// The value at the close of each half-hour, by half-hours since 1970, at most 48 of them.
    pub partitions: BTreeMap<u64, Option<MicroUsd>>,
}

impl IndexHistory {
    fn record(&mut self, print: &IndexPrint) {
        let partition = print.observed_at.nanos().div_euclid(HALF_HOUR_NANOS);
        self.partitions.insert(partition, print.value);
        let oldest = partition.saturating_sub(PARTITIONS.saturating_sub(1));
        self.partitions = self.partitions.split_off(&oldest);
        self.last = print.clone();
    }

    /// The half-hours of the window that ends with the newest print, oldest first; absent where nothing was printed.
    #[must_use]
    pub fn window(&self) -> Vec<Option<MicroUsd>> {
        let Some((newest, _)) = self.partitions.last_key_value() else { return Vec::new() };
        let Some((oldest, _)) = self.partitions.first_key_value() else { return Vec::new() };
        (*oldest..=*newest)
            .map(|partition| self.partitions.get(&partition).copied().flatten())
            .collect()
    }
}

impl Exchange {
    pub(crate) fn publish_index(
        &mut self,
        print: &IndexPrint,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.series.values().any(|series| series.instrument.grade == print.grade) {
            return Err(Reject::UnknownGrade);
        }
        let previous = self.indices.get(&print.grade);
        if previous.is_some_and(|history| print.observed_at <= history.last.observed_at) {
            return Err(Reject::IndexOutOfOrder);
        }
        let in_range = |value: MicroUsd| MicroUsd::ZERO < value && value <= INDEX_MAX;
        let is_withheld = matches!(print.state, oracle::State::Withheld(_));
        if !print.value.is_none_or(in_range)
            || print.conf < Ppm::ZERO
            || is_withheld != print.value.is_none()
        {
            return Err(Reject::IndexOutOfRange { limit: INDEX_MAX });
        }

        // From here on nothing can fail.
        self.indices
            .entry(print.grade.clone())
            .or_insert_with(|| IndexHistory { last: print.clone(), partitions: BTreeMap::new() })
            .record(print);
        self.record_hours(print);
        events.push(Event::IndexPublished(print.clone()));
        let of_grade = |(id, series): (&instruments::InstrumentId, &crate::Series)| {
            (series.instrument.grade == print.grade).then_some(*id)
        };
        let priced: Vec<_> = self.series.iter().filter_map(of_grade).collect();
        self.unmarked.extend(priced.iter().copied());
        self.refresh_marks(events);
        self.rehold_in(priced.iter().copied().filter(|id| self.is_cap(*id)).collect());
        for instrument in priced {
            let Some(series) = self.series.get(&instrument) else { continue };
            let Some(value) = print.value else {
                self.engine.withhold_price(instrument, PriceSource::Index);
                continue;
            };
            let index = series.instrument.nearest_price(value);
            self.set_trigger_price(instrument, PriceSource::Index, index, events);
        }
        Ok(())
    }

    /// The newest print's value, dollars per GPU-hour.
    pub(crate) fn index_value(&self, grade: &GradeId) -> Option<MicroUsd> {
        self.indices.get(grade).and_then(|history| history.last.value)
    }
}
