//! Large moves are published but not believed until others or time confirm them.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::NanosSpan;

use crate::log::{NanoLog, closed_part};
use crate::params::Params;

/// Moves larger than this enter the variance as if they were this large: 2.7-fold, so that the square fits.
const MOVE_MAX: NanoLog = NanoLog::new(1_000_000_000);

/// The last value that was believed, how it usually moves, and how long a larger move has stood.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Confirmation {
    accepted: Option<NanoLog>,
    /// Of the moves between believed values, in squared billionths.
    variance: i64,
    pending: Option<Pending>,
}

/// A move that is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Pending {
    is_up: bool,
    ticks: u32,
}

impl Confirmation {
    /// The move from the last believed value, if it is larger than may be believed at once.
    pub(crate) fn jump(&self, value: NanoLog, params: &Params) -> Option<NanoLog> {
        let moved = value.minus(self.accepted?);
        let deviation = NanoLog::new(self.variance.max(0).isqrt());
        let usual = deviation.nanos().saturating_mul(i64::from(params.jump_deviations));
        let limit = params.jump_min.max(NanoLog::new(usual));
        (limit < moved.abs()).then_some(moved)
    }

    /// Believes `value`.
    pub(crate) fn accept(&mut self, value: NanoLog, elapsed: NanosSpan, params: &Params) {
        if let Some(before) = self.accepted {
            let moved = value.minus(before).abs().min(MOVE_MAX).nanos();
            let gap = moved.saturating_mul(moved).saturating_sub(self.variance);
            self.variance =
                self.variance.saturating_add(closed_part(gap, elapsed, params.variance_half_life));
        }
        self.accepted = Some(value);
        self.pending = None;
    }

    /// Counts one more tick of a jump; whether it has now stood long enough.
    pub(crate) fn stands(&mut self, jump: NanoLog, params: &Params) -> bool {
        let is_up = NanoLog::ZERO < jump;
        let ticks = match self.pending {
            Some(pending) if pending.is_up == is_up => pending.ticks.saturating_add(1),
            Some(_) | None => 1,
        };
        self.pending = Some(Pending { is_up, ticks });
        params.confirm_ticks <= ticks
    }

    /// Forgets a waiting move: its ticks were not consecutive.
    pub(crate) fn interrupt(&mut self) {
        self.pending = None;
    }
}
