//! The timer: decides what is due, in the order of (when it was due, what it is, id).

use instruments::{InstrumentId, Nanos, NanosSpan, Period, Product};

use crate::Exchange;
use crate::cascade::cascades;
use crate::event::Event;
use crate::series::{Series, SeriesState};

/// Terms that ask for a cycle at every instant would keep the timer busy with nothing else.
const VARIATION_EVERY_MIN: NanosSpan = NanosSpan::from_seconds(1);

/// The instant `span` after `at`, or the last one there is.
pub(crate) fn later(at: Nanos, span: NanosSpan) -> Nanos {
    Nanos::new(at.nanos().saturating_add(span.nanos()))
}

/// What becomes something else ends before what it becomes.
const fn rank(series: &Series) -> u8 {
    match series.instrument.product {
        Product::Option { .. } => 0,
        Product::Future { period: Period::Year, .. } => 1,
        Product::Future { period: Period::Quarter, .. } => 2,
        Product::Future { .. } | Product::Cap { .. } | Product::Spread { .. } => 3,
    }
}

/// Whether its positions end in obligations.
pub(crate) const fn is_delivered(series: &Series) -> bool {
    !series.instrument.settles_against_index()
        && !series.instrument.is_premium_style()
        && !cascades(&series.instrument)
}

impl Exchange {
    pub(crate) fn run_timers(&mut self, events: &mut Vec<Event>) {
        self.forget_agreements();
        // A cycle brings fresh marks itself.
        let is_cycle = self.variation_at <= self.now;
        if !is_cycle && self.marks_at.is_some_and(|at| at <= self.now) {
            self.refresh_marks(events);
        }
        self.climb_ladders(events);
        self.run_cascades(events);
        for instrument in
            self.due(SeriesState::Trading, |series| series.instrument.schedule.last_trade_at)
        {
            self.expire_series(instrument, events);
        }
        if is_cycle {
            self.run_variation(events);
            self.pay_standby(events);
            self.variation_at = self.next_variation();
            self.margins.risk.prune();
            self.forget_client_orders();
        }
        self.finalise_fixings(events);
        let assigned = |series: &Series| series.instrument.schedule.assign_at;
        for instrument in self.due(SeriesState::Expired, assigned) {
            if !self.series.get(&instrument).is_some_and(is_delivered) {
                continue;
            }
            self.assign_series(instrument, events);
        }
        self.run_deliveries(events);
        self.run_jobs(events);
        for instrument in
            self.due(SeriesState::Delivering, |series| series.instrument.schedule.close_at)
        {
            self.close_series(instrument, events);
        }
        self.run_liquidations(events);
    }

    /// The series in `state` whose instant has come, earliest first.
    fn due(&self, state: SeriesState, at: impl Fn(&Series) -> Nanos) -> Vec<InstrumentId> {
        let mut due: Vec<(Nanos, u8, InstrumentId)> = self
            .series
            .iter()
            .filter(|(_, series)| series.state == state && at(series) <= self.now)
            .map(|(id, series)| (at(series), rank(series), *id))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, _, id)| id).collect()
    }

    /// The venue's day: the length of one cycle.
    pub(crate) fn variation_every(&self) -> NanosSpan {
        let every = self.venue.map_or(NanosSpan::ZERO, |venue| venue.variation_every);
        every.max(VARIATION_EVERY_MIN)
    }

    /// The first instant of the cycle's lattice after now: cycles missed while the venue was down are run once.
    fn next_variation(&self) -> Nanos {
        let every = self.variation_every().nanos();
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
                SeriesState::Expired if cascades(&series.instrument) => {
                    Some(self.cascade_due(series))
                }
                // What settles against the index is due when its day ends.
                SeriesState::Expired => is_delivered(series).then_some(schedule.assign_at),
                SeriesState::Delivering => Some(schedule.close_at),
                SeriesState::Closed => None,
            }
        });
        let of_deliveries = self.deliveries.values().filter_map(|delivery| {
            let series = self.series.get(&delivery.obligation.instrument)?;
            delivery.next_due(&series.instrument, self.now).map(|(at, _)| at)
        });
        let days = self.rolling.first().map(|(at, _)| *at);
        let others = self.marks_at.into_iter().chain(self.next_ladder_step());
        let others =
            others.chain(self.engine.next_due()).chain(days).chain(self.next_liquidation());
        let others = others.chain(self.next_fixing()).chain(self.next_job());
        let others = others.chain(self.next_absence());
        of_series.chain(of_deliveries).chain(others).chain([self.variation_at]).min()
    }
}
