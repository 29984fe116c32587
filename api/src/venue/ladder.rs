//! How a venue comes back from a restart: rung by rung, each a journaled command, so that a replay climbs as it was climbed.
//!
//! ```text
//! start -> cancel_only --(so long)--> post_only --(so long)--> open        a rung of no length is left out
//! ```
//!
//! The first rung is journaled before anybody can connect; the timer climbs. What operators have stopped is another state and stays.

use std::time::Duration;

use exchange::{Command, StateScope, TradingState};
use instruments::{Nanos, NanosSpan};

use super::{Venue, VenueError};

/// No rung is longer.
pub const RUNG_MAX: Duration = Duration::from_secs(3_600);

/// How long a venue stays on each rung after a restart. None at all opens at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestartLadder {
    /// First only cancels.
    pub cancel_only: Duration,
    /// Then what rests without trading, too.
    pub post_only: Duration,
}

impl RestartLadder {
    /// The rung on which a restart begins.
    pub(super) fn first(&self) -> TradingState {
        if !self.cancel_only.is_zero() {
            TradingState::CancelOnly
        } else if !self.post_only.is_zero() {
            TradingState::PostOnly
        } else {
            TradingState::Open
        }
    }

    fn after(&self, rung: TradingState) -> TradingState {
        match rung {
            TradingState::Halted | TradingState::CancelOnly if !self.post_only.is_zero() => {
                TradingState::PostOnly
            }
            TradingState::Halted
            | TradingState::CancelOnly
            | TradingState::PostOnly
            | TradingState::Open => TradingState::Open,
        }
    }

    fn length(&self, rung: TradingState) -> Duration {
        let length = match rung {
            TradingState::Open => Duration::ZERO,
            TradingState::PostOnly => self.post_only,
            TradingState::CancelOnly | TradingState::Halted => self.cancel_only,
        };
        length.min(RUNG_MAX)
    }
}

/// Where on the ladder a venue is.
#[derive(Debug)]
pub(super) struct Climb {
    ladder: RestartLadder,
    rung: TradingState,
    /// When the next rung is due.
    at: Nanos,
}

impl Climb {
    /// A venue that stands on its first rung since `now`; `None` where it is open at once.
    pub(super) fn begin(ladder: RestartLadder, now: Nanos) -> Option<Self> {
        let rung = ladder.first();
        (rung != TradingState::Open).then(|| Self { ladder, rung, at: until(ladder, rung, now) })
    }

    /// The rung that is due at `now`, if one is. `None` is also for a venue that has arrived.
    pub(super) fn due(&self, now: Nanos) -> Option<TradingState> {
        let is_due = self.rung != TradingState::Open && self.at <= now;
        is_due.then(|| self.ladder.after(self.rung))
    }

    /// The venue stands on `rung` now.
    pub(super) fn arrive(&mut self, rung: TradingState, now: Nanos) {
        self.rung = rung;
        self.at = until(self.ladder, rung, now);
    }
}

fn until(ladder: RestartLadder, rung: TradingState, now: Nanos) -> Nanos {
    let millis = u64::try_from(ladder.length(rung).as_millis()).unwrap_or(u64::MAX);
    now + NanosSpan::from_millis(millis)
}

impl Venue {
    /// Steps down to the first rung, or off the ladder of an earlier life.
    pub(super) fn begin_ladder(&self, ladder: RestartLadder) -> Result<(), VenueError> {
        let state = ladder.first();
        if self.exchange().controls().restart == state {
            return Ok(());
        }
        tracing::info!(?state, "restarted");
        self.accepted(Command::SetTradingState { scope: StateScope::Restart, state }).map(drop)
    }

    /// Says that the venue is about to end: nothing new is taken from now on, and everybody is told. Returns when that is durable.
    pub async fn begin_drain(&self) {
        let was_draining = self.running.operations.drain();
        let is_needed = self.exchange().controls().restart < TradingState::CancelOnly;
        if was_draining || !is_needed {
            return;
        }
        let state = TradingState::CancelOnly;
        let command = Command::SetTradingState { scope: StateScope::Restart, state };
        if let Err(error) = self.submit(command).await {
            tracing::debug!(%error, "the drain was not journaled");
        }
    }

    /// Whether the venue is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.running.operations.is_draining()
    }

    /// Waits until an operator asks the process to end.
    pub async fn drain_asked(&self) {
        self.running.operations.asked().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cancel_only: u64, post_only: u64, expected: &[(u64, TradingState)]) {
        let ladder = RestartLadder {
            cancel_only: Duration::from_secs(cancel_only),
            post_only: Duration::from_secs(post_only),
        };
        let start = Nanos::from_seconds(1_000);
        let mut rungs = vec![(0, ladder.first())];
        let mut climb = Climb::begin(ladder, start);
        for second in 0..100 {
            let now = start + NanosSpan::from_seconds(second);
            let Some(climb) = &mut climb else { break };
            if let Some(rung) = climb.due(now) {
                climb.arrive(rung, now);
                rungs.push((second, rung));
            }
        }
        assert_eq!(rungs, expected);
    }

    #[test]
    fn ops_011_a_ladder_is_climbed_rung_by_rung() {
        use TradingState::{CancelOnly, Open, PostOnly};
        check(30, 20, &[(0, CancelOnly), (30, PostOnly), (50, Open)]);
        check(30, 0, &[(0, CancelOnly), (30, Open)]);
        check(0, 20, &[(0, PostOnly), (20, Open)]);
        check(0, 0, &[(0, Open)]);
    }
}
