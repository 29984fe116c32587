//! How deliveries go on in the world: the desk demands and draws, agents answer, the verifier judges, each after a while.

use exchange::{Command, Event, IntervalOutcome, OpenChallenge};
use instruments::{NanosSpan, ObligationId, Ppm};
use settlement::{ChallengeState, FailCause};

use super::World;
use crate::agenda::Action;
use crate::work::{Conduct, digest, judge};

/// One verdict in this many comes too late, in millionths.
const LATE_VERDICT_PPM: u64 = 20_000;

impl World<'_> {
    /// Lets the world answer to what has just happened.
    pub(super) fn react(&mut self, events: &[Event]) {
        for event in events {
            self.count_innocent(event);
            self.plan_errands(event);
            self.plan_checks(event);
            if let Some((delay, action)) = self.reaction(event) {
                self.agenda.enter(self.clock.now + delay, action);
            }
        }
    }

    /// Counts intervals that fail, or lack something, though the seller's agent is honest and can reach the world: only the venue itself was in its way.
    fn count_innocent(&mut self, event: &Event) {
        let Event::IntervalSettled(settled) = event else { return };
        let lacks = match settled.outcome {
            IntervalOutcome::Failed {
                cause: FailCause::NotReady | FailCause::Declared, ..
            }
            | IntervalOutcome::Unverified => false,
            IntervalOutcome::Failed { .. } => true,
            IntervalOutcome::Delivered { quality, unjudged } => {
                quality.ppm() + unjudged.ppm() < Ppm::ONE.ppm()
            }
        };
        if !lacks {
            return;
        }
        let Some(delivery) = self.exchange.delivery(settled.obligation) else { return };
        let seller = settled.stand_in.unwrap_or(delivery.obligation.seller);
        let is_honest = self.agents.get(&seller).is_some_and(|a| a.conduct == Conduct::Honest);
        if is_honest && !self.trouble.unreachable.contains_key(&seller) {
            if self.is_metered(settled.obligation) {
                self.tally.lacking_innocent += 1;
            } else {
                self.tally.failed_innocent += 1;
            }
        }
    }

    /// What an event makes somebody do, and after how long.
    fn reaction(&mut self, event: &Event) -> Option<(NanosSpan, Action)> {
        if let Event::IntervalOpened { obligation, interval } = event {
            if self.is_metered(*obligation) {
                return None;
            }
            let delay = NanosSpan::from_millis(self.desk.between(10, 2_000));
            return Some((delay, Action::Challenge(*obligation, *interval)));
        }
        if let Event::ChallengeIssued { obligation, challenge, seller, .. } = event {
            let delivery = self.exchange.delivery(*obligation)?;
            let series = self.exchange.series_by_id(delivery.obligation.instrument)?;
            let delay = self.agents.get_mut(seller)?.takes(&series.instrument)?;
            return Some((delay, Action::Answer(*obligation, *challenge)));
        }
        if let Event::ReceiptAccepted { receipt, .. } = event {
            let delay = NanosSpan::from_millis(self.desk.between(10, 2_000));
            return Some((delay, Action::Draw(receipt.obligation, receipt.challenge)));
        }
        if let Event::RowsDrawn { obligation, challenge, .. } = event {
            let is_late = self.desk.chance(LATE_VERDICT_PPM);
            let millis = self.desk.between(500, 60_000) + if is_late { 300_000 } else { 0 };
            let quality = self.measured.remove(&(*obligation, *challenge)).unwrap_or(Ppm::ONE);
            let delay = NanosSpan::from_millis(millis);
            return Some((delay, Action::Judge(*obligation, *challenge, quality)));
        }
        None
    }

    pub(super) fn challenge(&mut self, obligation: ObligationId, interval: u32) {
        if self.clock.now < self.trouble.challenges_until {
            return;
        }
        if self.is_down() {
            let up = self.clock.down_until;
            return self.agenda.enter(up, Action::Challenge(obligation, interval));
        }
        let seed = self.desk.bytes();
        self.submit(Command::IssueChallenge { obligation, seed });
    }

    /// An agent that cannot reach the venue tries again when it can.
    pub(super) fn answer(&mut self, obligation: ObligationId, number: u32) {
        let Some(delivery) = self.exchange.delivery(obligation) else { return };
        let Some(challenge) = self.open_challenge(obligation, number) else { return };
        let seller = challenge.seller;
        let unreachable = self.trouble.unreachable.get(&seller).copied().unwrap_or_default();
        let from = unreachable.max(self.clock.down_until);
        if self.clock.now < from {
            return self.agenda.enter(from, Action::Answer(obligation, number));
        }
        let Some(series) = self.exchange.series_by_id(delivery.obligation.instrument) else {
            return;
        };
        let Some(agent) = self.agents.get_mut(&seller) else { return };
        if !matches!(challenge.state, ChallengeState::Challenged { .. }) {
            return;
        }
        let answer = agent.answer(delivery, &challenge, &series.instrument);
        let (account, signer) = (agent.account, agent.signer);
        self.measured.insert((obligation, number), answer.quality);
        self.submit(Command::SubmitReceipt {
            account,
            signer,
            digest: digest(&answer.receipt),
            receipt: answer.receipt,
            signature: Vec::new(),
        });
    }

    pub(super) fn draw(&mut self, obligation: ObligationId, challenge: u32) {
        if self.is_down() {
            let up = self.clock.down_until;
            return self.agenda.enter(up, Action::Draw(obligation, challenge));
        }
        let seed = self.desk.bytes();
        self.submit(Command::DrawRows { obligation, challenge, seed });
    }

    pub(super) fn judge(&mut self, obligation: ObligationId, number: u32, quality: Ppm) {
        let from = self.trouble.verifier_until.max(self.clock.down_until);
        if self.clock.now < from {
            return self.agenda.enter(from, Action::Judge(obligation, number, quality));
        }
        let Some(challenge) = self.open_challenge(obligation, number) else { return };
        let verdict = judge(&challenge, quality);
        let account = self.verifier;
        self.submit(Command::SubmitVerdict { account, obligation, challenge: number, verdict });
    }

    fn open_challenge(&self, obligation: ObligationId, number: u32) -> Option<OpenChallenge> {
        let delivery = self.exchange.delivery(obligation)?;
        let mut open = delivery.open_challenges();
        open.find(|challenge| challenge.challenge == number)
    }
}
