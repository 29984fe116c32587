//! The timer: decides what is due, in the order of (when it was due, what it is, id).

use instruments::{InstrumentId, Nanos, NanosSpan};

use crate::Exchange;
use crate::event::Event;
use crate::series::{Series, SeriesState};

/// Terms that ask for a cycle at every instant would keep the timer busy with nothing else.
const VARIATION_EVERY_MIN: NanosSpan = NanosSpan::from_seconds(1);

/// The instant `span` after `at`, or the last one there is.
pub(crate) fn later(at: Nanos, span: NanosSpan) -> Nanos {
    Nanos::new(at.nanos().saturating_add(span.nanos()))
}

impl Exchange {
    pub(crate) fn run_timers(&mut self, events: &mut Vec<Event>) {
        if self.marks_at.is_some_and(|at| at <= self.now) {
            self.refresh_marks(events);
        }
        for instrument in
            self.due(SeriesState::Trading, |series| series.instrument.schedule.last_trade_at)
        {
            self.expire_series(instrument, events);
        }
        if self.variation_at <= self.now {
            self.run_variation(events);
            self.pay_standby(events);
            self.variation_at = self.next_variation();
        }
        for instrument in
            self.due(SeriesState::Expired, |series| series.instrument.schedule.assign_at)
        {
            self.assign_series(instrument, events);
        }
        self.run_deliveries(events);
        for instrument in
            self.due(SeriesState::Delivering, |series| series.instrument.schedule.close_at)
        {
            self.close_series(instrument, events);
        }
    }

    /// The series in `state` whose instant has come, earliest first.
    fn due(&self, state: SeriesState, at: impl Fn(&Series) -> Nanos) -> Vec<InstrumentId> {
        let mut due: Vec<(Nanos, InstrumentId)> = self
            .series
            .iter()
            .filter(|(_, series)| series.state == state && at(series) <= self.now)
            .map(|(id, series)| (at(series), *id))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// The first instant of the cycle's lattice after now: cycles missed while the venue was down are run once.
    fn next_variation(&self) -> Nanos {
        let every = self.venue.map_or(NanosSpan::ZERO, |venue| venue.variation_every);
        let every = every.max(VARIATION_EVERY_MIN).nanos();
        let behind = self.now.since(self.variation_at).nanos();
        let cycles = behind.div_euclid(every).saturating_add(1);
        later(self.variation_at, NanosSpan::new(every.saturating_mul(cycles)))
    }

    /// The next instant at which a [`Tick`](crate::Command::Tick) has something to do. `None` before the venue opens.
    #[must_use]
    pub fn next_due(&self) -> Option<Nanos> {
        self.venue?;
        let of_series = self.series.values().filter_map(|series| {
            let schedule = &series.instrument.schedule;
            match series.state {
                SeriesState::Trading => Some(schedule.last_trade_at),
                SeriesState::Expired => Some(schedule.assign_at),
                SeriesState::Delivering => Some(schedule.close_at),
                SeriesState::Closed => None,
            }
        });
        let of_deliveries = self.deliveries.values().filter_map(|delivery| {
            let series = self.series.get(&delivery.obligation.instrument)?;
            delivery.next_due(&series.instrument).map(|(at, _)| at)
        });
        let others = self.marks_at.into_iter().chain(self.engine.next_due());
        of_series.chain(of_deliveries).chain(others).chain([self.variation_at]).min()
    }
}
