//! Signs of life that a client has asked for, and what becomes of one that gives none.

use std::time::Duration;

use rust_decimal::Decimal;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Ending, Session};
use crate::methods::Answer;
use crate::socket::close_code;
use crate::wire::{Params, WireError, heartbeat_text, to_result};

/// The shortest interval, in seconds, as on Deribit.
pub(crate) const INTERVAL_MIN: u64 = 10;
/// The longest.
pub(crate) const INTERVAL_MAX: u64 = 3_600;

/// The heartbeat of one session.
pub(super) struct Heartbeat {
    every: Interval,
    /// Whether a frame has come since the last beat.
    has_heard: bool,
    /// Whether the last beat asked for one.
    has_asked: bool,
}

impl Heartbeat {
    fn new(seconds: u64) -> Self {
        let period = Duration::from_secs(seconds);
        let mut every = interval_at(Instant::now() + period, period);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { every, has_heard: true, has_asked: false }
    }

    pub(super) const fn hear(&mut self) {
        self.has_heard = true;
    }

    /// What to say now; `None` when the client has not answered.
    fn beat(&mut self) -> Option<&'static str> {
        let has_heard = std::mem::replace(&mut self.has_heard, false);
        let was_asked = std::mem::replace(&mut self.has_asked, !has_heard);
        match (has_heard, was_asked) {
            (true, _) => Some("heartbeat"),
            (false, false) => Some("test_request"),
            (false, true) => None,
        }
    }
}

/// Returns when the next beat is due; never, when none was asked for.
pub(super) async fn due(heartbeat: &mut Option<Heartbeat>) {
    match heartbeat {
        Some(heartbeat) => drop(heartbeat.every.tick().await),
        None => std::future::pending().await,
    }
}

impl Session {
    pub(super) fn set_heartbeat(&mut self, params: &Params) -> Answer {
        let seconds = params.required_integer("interval", INTERVAL_MAX)?;
        if seconds < INTERVAL_MIN {
            let reason = format!("must be {INTERVAL_MIN} to {INTERVAL_MAX} seconds");
            let error = WireError::param("interval", reason);
            return Err(error.with_limit(Decimal::from(INTERVAL_MIN)));
        }
        self.heartbeat = Some(Heartbeat::new(seconds));
        Ok(to_result(&"ok"))
    }

    /// Says what is due.
    pub(super) async fn beat(&mut self) -> Result<(), Option<Ending>> {
        let Some(heartbeat) = &mut self.heartbeat else { return Ok(()) };
        match heartbeat.beat() {
            Some(kind) => self.send(heartbeat_text(kind)).await,
            None => Err(Some(Ending::new(close_code::POLICY, "a test_request was not answered"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn api_074_a_client_that_does_not_answer_a_test_request_is_ended() {
        let mut heartbeat = Heartbeat::new(10);
        assert_eq!(heartbeat.beat(), Some("heartbeat"));
        assert_eq!(heartbeat.beat(), Some("test_request"));
        heartbeat.hear();
        assert_eq!(heartbeat.beat(), Some("heartbeat"));
        assert_eq!(heartbeat.beat(), Some("test_request"));
        assert_eq!(heartbeat.beat(), None);
    }
}
