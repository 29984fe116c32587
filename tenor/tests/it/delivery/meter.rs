//! The meter again, as naively as it can be said: marks in a row, and the time between two that passed.

use instruments::{Nanos, NanosSpan};

/// How a challenge ended, where it counts for the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Passed,
    /// No answer by this instant.
    Silent {
        at: Nanos,
    },
    /// Wrong, or too slow.
    Refuted,
}

/// A judged challenge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) at: Nanos,
    pub(crate) ended: Ended,
}

/// When delivery was owed, and how long a challenge may be away from what it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Nanos,
    pub(crate) until: Nanos,
    pub(crate) recheck_within: NanosSpan,
    pub(crate) soft_fails: usize,
}

/// The stretches of the window that count, in order. All qualities are whole.
pub(crate) fn credited(window: Window, marks: &[Mark]) -> Vec<(Nanos, Nanos)> {
    let mut softs = 0;
    let mut stretches = Vec::new();
    let near = |earlier: Nanos, later: Nanos| later < earlier + window.recheck_within;
    for (place, mark) in marks.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| marks.get(before));
        let next = marks.get(place + 1);
        // The end of what came before a mark counts where both of its ends are good.
        let is_soft = match (mark.ended, next) {
            (Ended::Silent { at }, Some(next)) => {
                next.ended == Ended::Passed && near(at, next.at) && softs < window.soft_fails
            }
            _ => false,
        };
        softs += usize::from(is_soft);
        let is_good = mark.ended == Ended::Passed || is_soft;
        let was_good = match before {
            None => near(window.from, mark.at),
            Some(before) => before.ended == Ended::Passed,
        };
        if is_good && was_good {
            stretches.push((before.map_or(window.from, |before| before.at), mark.at));
        }
    }
    if let Some(last) = marks.last()
        && last.ended == Ended::Passed
        && near(last.at, window.until)
    {
        stretches.push((last.at, window.until));
    }
    let clip = |at: Nanos| at.max(window.from).min(window.until);
    stretches.into_iter().map(|(from, to)| (clip(from), clip(to))).collect()
}

/// How much of an interval lies in them, in millionths rounded down.
pub(crate) fn share(stretches: &[(Nanos, Nanos)], interval: (Nanos, Nanos)) -> u64 {
    let (from, to) = interval;
    let inside = |stretch: &(Nanos, Nanos)| {
        let (from, to) = (stretch.0.max(from), stretch.1.min(to));
        if from < to { to.since(from).nanos() } else { 0 }
    };
    let counted: u64 = stretches.iter().map(inside).sum();
    let whole = to.since(from).nanos();
    u64::try_from(u128::from(counted) * 1_000_000 / u128::from(whole)).expect("a share")
}
