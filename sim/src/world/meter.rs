//! How the desk meters a delivery between challenges: at random times, at the beginning and the end of everybody's turn, and once more after
//! a silence.

use exchange::{Command, Delivery, Event};
use instruments::{Nanos, NanosSpan, ObligationId};
use settlement::{ChallengeOutcome, FailCause, IntervalState};

use super::World;
use crate::agenda::Action;

/// Gaps between challenges have no memory: after each of these a challenge comes with the chance below, an hour on average.
const GAP_MILLIS: u64 = 30_000;
const GAP_ENDS_PPM: u64 = 8_333;

impl World<'_> {
    /// What an event makes the desk ask, and when.
    pub(super) fn plan_checks(&mut self, event: &Event) {
        if let Event::IntervalOpened { obligation, interval } = event {
            self.begin_turn(*obligation, *interval);
        }
        let silent = ChallengeOutcome::Failed { cause: FailCause::Silent };
        if let Event::ChallengeEnded { obligation, outcome, .. } = event
            && *outcome == silent
            && self.metered(*obligation).is_some()
        {
            self.check_within(*obligation, self.clock.now, (5_000, 50_000));
        }
    }

    /// When a delivery ends, where it is metered between challenges.
    fn metered(&self, obligation: ObligationId) -> Option<(&Delivery, Nanos)> {
        let delivery = self.exchange.delivery(obligation)?;
        let series = self.exchange.series_by_id(delivery.obligation.instrument)?;
        delivery.obligation.meter.as_ref()?;
        Some((delivery, series.instrument.schedule.deliver_until))
    }

    /// Whether work is demanded of an obligation at any time.
    pub(super) fn is_metered(&self, obligation: ObligationId) -> bool {
        self.metered(obligation).is_some()
    }

    /// Whoever begins is asked at once, and whoever ends once more before that.
    fn begin_turn(&mut self, obligation: ObligationId, interval: u32) {
        let Some((delivery, ends_at)) = self.metered(obligation) else { return };
        let duty = &delivery.obligation;
        let before = interval.checked_sub(1);
        let is_new = before.is_none_or(|before| {
            let state = duty.interval(before);
            let was_away = matches!(
                state,
                Some(IntervalState::Failed {
                    cause: FailCause::NotReady | FailCause::Declared,
                    ..
                })
            );
            was_away || duty.deliverer(before) != duty.deliverer(interval)
        });
        let now = self.clock.now;
        if is_new {
            self.check_within(obligation, now, (22_000, 50_000));
        }
        if is_new && before.is_some() {
            self.check_within(obligation, now, (1_000, 20_000));
        }
        if before.is_none() {
            self.check_within(obligation, ends_at, (1_000, 50_000));
            let gap = self.gap();
            self.agenda.enter(now + gap, Action::Meter(obligation));
        }
    }

    fn check_within(&mut self, obligation: ObligationId, from: Nanos, millis: (u64, u64)) {
        let delay = NanosSpan::from_millis(self.desk.between(millis.0, millis.1));
        self.agenda.enter(from + delay, Action::Check(obligation));
    }

    fn gap(&mut self) -> NanosSpan {
        let mut millis = self.desk.between(1, GAP_MILLIS);
        while !self.desk.chance(GAP_ENDS_PPM) {
            millis += GAP_MILLIS;
        }
        NanosSpan::from_millis(millis)
    }

    /// Asks once.
    pub(super) fn check(&mut self, obligation: ObligationId) {
        if self.clock.now < self.trouble.challenges_until {
            return;
        }
        if self.is_down() {
            let up = self.clock.down_until;
            return self.agenda.enter(up, Action::Check(obligation));
        }
        let seed = self.desk.bytes();
        self.submit(Command::IssueChallenge { obligation, seed });
    }

    /// Asks, and again after a while, until the delivery is over.
    pub(super) fn meter(&mut self, obligation: ObligationId) {
        let Some((_, ends_at)) = self.metered(obligation) else { return };
        if ends_at <= self.clock.now {
            return;
        }
        if !self.is_down() {
            self.check(obligation);
        }
        let gap = self.gap();
        self.agenda.enter(self.clock.now + gap, Action::Meter(obligation));
    }
}
