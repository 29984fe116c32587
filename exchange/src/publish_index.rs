//! Takes in one print of the oracle's index.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GradeId, InstrumentId, MicroUsd, Nanos, NanosSpan, Ppm};
use matching_engine::PriceSource;

use crate::Exchange;
use crate::command::IndexPrint;
use crate::event::Event;
use crate::limits::INDEX_MAX;
use crate::mark::step_of;
use crate::reject::Reject;
use crate::series::Series;
use crate::settlement_price::PARTITIONS;

/// What is remembered of a grade's index.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct IndexHistory {
    /// The newest print.
    pub last: IndexPrint,
    /// The value at the close of each partition, by partitions since 1970: 49 of them at most, so that one that has begun drops none that a fixing needs.
    pub partitions: BTreeMap<u64, Option<MicroUsd>>,
}

impl IndexHistory {
    fn record(&mut self, print: &IndexPrint, partition: NanosSpan) {
        let number = step_of(print.observed_at, partition);
        self.partitions.insert(number, print.value);
        self.partitions = self.partitions.split_off(&number.saturating_sub(PARTITIONS));
        self.last = print.clone();
    }

    /// The last value of each of the 48 partitions that end at an instant, oldest first; absent where nothing was printed.
    #[must_use]
    pub fn window(&self, until: Nanos, partition: NanosSpan) -> Vec<Option<MicroUsd>> {
        let last = step_of(Nanos::new(until.nanos().saturating_sub(1)), partition);
        (last.saturating_sub(PARTITIONS.saturating_sub(1))..=last)
            .map(|number| self.partitions.get(&number).copied().flatten())
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
        let partition = self.partition();
        let before = self.indices.get(&print.grade).map(|history| history.last.clone());
        self.indices
            .entry(print.grade.clone())
            .or_insert_with(|| IndexHistory { last: print.clone(), partitions: BTreeMap::new() })
            .record(print, partition);
        self.record_hours(print);
        events.push(Event::IndexPublished(print.clone()));
        if print.state == oracle::State::Ok {
            self.look_below();
        }
        let of_grade = |(id, series): (&InstrumentId, &mut Series)| {
            if series.instrument.grade != print.grade {
                return None;
            }
            if let Some(before) = &before {
                series.realise(before, print.observed_at);
            }
            Some(*id)
        };
        let priced: Vec<_> = self.series.iter_mut().filter_map(of_grade).collect();
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
