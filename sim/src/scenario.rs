//! What a world is made of. Everything in it follows from the scenario; a scenario follows from a seed and a number of days.

use instruments::{Date, Nanos, NanosSpan};

use crate::fault::{Fault, PlannedFault};
use crate::report::reproduce;

/// A Monday.
const BEGINS_ON: Date = Date { year: 2026, month: 11, day: 23 };
const DAY: u64 = 86_400;

/// The terms of one world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// What all chance is derived from.
    pub seed: u64,
    /// Days of trading. Then everybody goes home and what is owed is delivered.
    pub days: u32,
    /// The first instant, a midnight.
    pub begins_at: Nanos,
    /// Grades that are traded, by their launch names.
    pub grades: Vec<&'static str>,
    /// Day futures per grade that trade at any time.
    pub series_alive: usize,
    /// Whether the first grade's next week trades too.
    pub has_week: bool,
    /// Intervals of a day of delivery. The real calendar has 288; fewer give more series for the same work.
    pub intervals_per_day: u32,
    /// Quote both sides.
    pub makers: u32,
    /// Buy forward.
    pub hedgers: u32,
    /// Sell forward and deliver.
    pub providers: u32,
    /// Trade on money they hardly have.
    pub gamblers: u32,
    /// Ask for what cannot be.
    pub fools: u32,
    /// What goes wrong.
    pub faults: Vec<PlannedFault>,
}

impl Scenario {
    /// The world that `tenor sim run` and our tests run.
    #[must_use]
    pub fn standard(seed: u64, days: u32) -> Self {
        let begins_at = Nanos::from_seconds(BEGINS_ON.days() * DAY);
        Self {
            seed,
            days,
            begins_at,
            grades: vec!["H100", "A100"],
            series_alive: 3,
            has_week: true,
            intervals_per_day: 12,
            makers: 2,
            hedgers: 4,
            providers: 5,
            gamblers: 1,
            fools: 1,
            faults: Fault::plan(seed, begins_at, days.saturating_add(1)),
        }
    }

    /// When trading ends.
    #[must_use]
    pub fn ends_at(&self) -> Nanos {
        self.begins_at + NanosSpan::from_seconds(u64::from(self.days) * DAY)
    }

    /// When the oracle and the faults end: a day later, so that they also meet the deliveries of a short world.
    #[must_use]
    pub fn calm_from(&self) -> Nanos {
        self.ends_at() + NanosSpan::from_seconds(DAY)
    }

    /// The command line that gives this world again, as long as it is a standard one.
    #[must_use]
    pub fn reproduce(&self) -> String {
        reproduce(self.seed, self.days)
    }
}
