//! When a print becomes a report: at first, when it moved, when it changed its state, and when the heartbeat says so.
//!
//! Invariant: between two reports lies at most the heartbeat, rounded up to whole ticks. A print without a value is a report like any other,
//! so nobody has to read a refusal out of silence.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Nanos, NanosSpan, Ppm};

use crate::print::{Print, State};

/// How far and how long the index may go without a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PublicationTerms {
    /// A move of this share of the last reported value is reported.
    pub deviation: Ppm,
    /// After this time the index is reported as it is.
    pub heartbeat: NanosSpan,
}

impl Default for PublicationTerms {
    fn default() -> Self {
        Self { deviation: Ppm::new(2_500), heartbeat: NanosSpan::from_seconds(300) }
    }
}

/// Why there is a report. Variants stand in the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Trigger {
    /// There was none before.
    First,
    /// It came, went, or is to be relied upon otherwise than before.
    State,
    /// It moved.
    Deviation,
    /// Nothing happened, and that is worth knowing.
    Heartbeat,
}

/// What was last reported of one grade.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Publication {
    last: Option<Last>,
}

#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Last {
    at: Nanos,
    value: Option<MicroUsd>,
    state: StateKind,
}

/// The state without its figures: that 3 of 4 providers quote instead of 2 is no news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum StateKind {
    /// [`State::Ok`]
    Ok,
    /// [`State::LowConf`]
    LowConf,
    /// [`State::Unconfirmed`]
    Unconfirmed,
    /// [`State::Fallback`]
    Fallback,
    /// [`State::Withheld`]
    Withheld,
}

impl StateKind {
    /// The kind of a state.
    #[must_use]
    pub const fn of(state: &State) -> Self {
        match state {
            State::Ok => Self::Ok,
            State::LowConf => Self::LowConf,
            State::Unconfirmed => Self::Unconfirmed,
            State::Fallback(_) => Self::Fallback,
            State::Withheld(_) => Self::Withheld,
        }
    }

    /// Its number in a report.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::LowConf => 1,
            Self::Unconfirmed => 2,
            Self::Fallback => 3,
            Self::Withheld => 4,
        }
    }

    /// Its name, as the state is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::LowConf => "LOW_CONF",
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Fallback => "FALLBACK",
            Self::Withheld => "WITHHELD",
        }
    }
}

impl Trigger {
    /// Its number in a report.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::First => 0,
            Self::State => 1,
            Self::Deviation => 2,
            Self::Heartbeat => 3,
        }
    }

    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::State => "state",
            Self::Deviation => "deviation",
            Self::Heartbeat => "heartbeat",
        }
    }
}

impl Publication {
    /// Whether this print is to be reported, and why. If so, it is what the next one is compared with.
    pub fn decide(&mut self, terms: &PublicationTerms, print: &Print) -> Option<Trigger> {
        let trigger = self.trigger(terms, print)?;
        let state = StateKind::of(&print.state);
        self.last = Some(Last { at: print.at, value: print.value, state });
        Some(trigger)
    }

    fn trigger(&self, terms: &PublicationTerms, print: &Print) -> Option<Trigger> {
        let Some(last) = &self.last else { return Some(Trigger::First) };
        if last.state != StateKind::of(&print.state)
            || last.value.is_some() != print.value.is_some()
        {
            return Some(Trigger::State);
        }
        if let (Some(before), Some(now)) = (last.value, print.value)
            && has_moved(before, now, terms.deviation)
        {
            return Some(Trigger::Deviation);
        }
        (terms.heartbeat <= print.at.since(last.at)).then_some(Trigger::Heartbeat)
    }
}

/// Compared as products, so that nothing is rounded. Micro-dollars and millionths are below 2^63, their products below 2^127.
fn has_moved(before: MicroUsd, now: MicroUsd, deviation: Ppm) -> bool {
    let moved = i128::from(before.micros().abs_diff(now.micros()));
    let limit = i128::from(before.micros()).saturating_mul(i128::from(deviation.ppm()));
    limit <= moved.saturating_mul(i128::from(Ppm::ONE.ppm()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::Withheld;

    fn print(seconds: u64, micros: i64) -> Print {
        let reason = Withheld::NoObservations;
        let withheld = Print::withheld(Nanos::from_seconds(seconds), reason, 0);
        if micros == 0 {
            return withheld;
        }
        Print { value: Some(MicroUsd::new(micros)), state: State::Ok, ..withheld }
    }

    /// REPORT-009: 0.25 per cent or five minutes, whichever is first; the last report is what counts, not the last print.
    #[test]
    fn report_009_a_report_comes_with_a_move_or_with_the_heartbeat() {
        let terms = PublicationTerms::default();
        let mut publication = Publication::default();
        let mut at = |seconds, micros| publication.decide(&terms, &print(seconds, micros));
        assert_eq!(at(0, 2_000_000), Some(Trigger::First));
        assert_eq!(at(60, 2_004_999), None);
        assert_eq!(at(120, 1_995_001), None);
        assert_eq!(at(180, 2_005_000), Some(Trigger::Deviation));
        assert_eq!(at(479, 2_005_000), None);
        assert_eq!(at(480, 2_005_000), Some(Trigger::Heartbeat));
        assert_eq!(at(500, 1_999_900), Some(Trigger::Deviation));
    }

    /// REPORT-010: a refusal is reported at once, and again with every heartbeat.
    #[test]
    fn report_010_a_withheld_print_is_reported_and_repeated() {
        let terms = PublicationTerms::default();
        let mut publication = Publication::default();
        let mut at = |seconds, micros| publication.decide(&terms, &print(seconds, micros));
        assert_eq!(at(0, 2_000_000), Some(Trigger::First));
        assert_eq!(at(60, 0), Some(Trigger::State));
        assert_eq!(at(120, 0), None);
        assert_eq!(at(360, 0), Some(Trigger::Heartbeat));
        assert_eq!(at(420, 2_000_000), Some(Trigger::State));
    }
}
