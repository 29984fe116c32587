//! An argument about a job's result: the buyer stakes, the two take turns, the referee rules.
//!
//! Who is right is the verifier's word; whose turn it is, for how long, and what it costs are arithmetic.

use instruments::{AccountId, JobId, MicroUsd};
use settlement::{Bucket, Dispute, JobMode, JobState, JobStep, MOVES_MAX, Party, Verdict};

use crate::Exchange;
use crate::command::Answer;
use crate::event::{Event, JobEvent};
use crate::reject::{JobReject, Reject};
use crate::run_timers::later;

impl Exchange {
    pub(crate) fn open_dispute(
        &mut self,
        account: AccountId,
        id: JobId,
        (claim, replay_cost): ([u8; 32], MicroUsd),
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let refuse = |reason| Err(Reject::Job(reason));
        let job = self.jobs.get(id).ok_or(Reject::Job(JobReject::UnknownJob))?;
        if job.party(account) != Some(Party::Challenger) {
            return refuse(JobReject::NotYourTurn);
        }
        if !matches!(job.awaits(self.now), Some(JobState::Claimed { .. })) {
            return refuse(JobReject::WrongStep);
        }
        if job.task.mode != JobMode::Exact {
            return refuse(JobReject::NotExact);
        }
        if !(MicroUsd::ZERO..=job.value).contains(&replay_cost) {
            return refuse(JobReject::ReplayCostOutOfRange { limit: job.value });
        }
        let required = settlement::stake_of(job, self.jobs.terms());
        let available = self.ledger.balance(Bucket::Cash(account));
        if available < required {
            return refuse(JobReject::NoStake { required, available });
        }

        // From here on nothing can fail.
        settlement::open_dispute(&mut self.ledger, job, required);
        let move_by = later(self.now, self.jobs.terms().move_within);
        if let Some(job) = self.jobs.get_mut(id) {
            let (moves, called_by) = (Vec::new(), None);
            let stake = required;
            job.dispute = Some(Dispute { claim, replay_cost, stake, moves, called_by });
        }
        self.jobs.step(id, JobStep::Dispute { move_by });
        events.push(Event::Job(JobEvent::Disputed {
            job: id,
            claim,
            replay_cost,
            stake: required,
            move_by,
        }));
        self.rehold(account);
        Ok(())
    }

    /// The party whose turn it is says something, or calls the referee over what was said.
    pub(crate) fn answer_dispute(
        &mut self,
        account: AccountId,
        id: JobId,
        answer: Answer,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let (job, state) = self.awaited_job(id)?;
        let JobState::Disputed { turn, .. } = state else {
            return Err(Reject::Job(JobReject::WrongStep));
        };
        if job.party(account) != Some(turn) {
            return Err(Reject::Job(JobReject::NotYourTurn));
        }

        // From here on nothing can fail.
        match answer {
            Answer::Move { said, is_last } => {
                if self.take_move(id, turn, said, events) {
                    self.call_referee(id, None, events);
                } else if is_last {
                    self.call_referee(id, Some(turn), events);
                }
            }
            Answer::Referee => self.call_referee(id, Some(turn), events),
        }
        Ok(())
    }

    /// Returns whether it was the last possible one.
    fn take_move(
        &mut self,
        id: JobId,
        party: Party,
        said: [u8; 32],
        events: &mut Vec<Event>,
    ) -> bool {
        let move_by = later(self.now, self.jobs.terms().move_within);
        let Some(dispute) = self.jobs.get_mut(id).and_then(|job| job.dispute.as_mut()) else {
            return false;
        };
        let number = u32::try_from(dispute.moves.len()).unwrap_or(u32::MAX);
        dispute.moves.push(said);
        let is_last = MOVES_MAX <= dispute.moves.len();
        self.jobs.step(id, JobStep::Move { move_by });
        events.push(Event::Job(JobEvent::Moved { job: id, party, number, said, move_by }));
        is_last
    }

    fn call_referee(&mut self, id: JobId, by: Option<Party>, events: &mut Vec<Event>) {
        let rule_by = later(self.now, self.jobs.terms().rule_within);
        if let Some(dispute) = self.jobs.get_mut(id).and_then(|job| job.dispute.as_mut()) {
            dispute.called_by = by;
        }
        self.jobs.step(id, JobStep::Call { rule_by });
        events.push(Event::Job(JobEvent::RefereeCalled { job: id, by, rule_by }));
    }

    /// A verifier says who was right: valid for the prover, invalid for the challenger.
    pub(crate) fn rule_dispute(
        &mut self,
        account: AccountId,
        id: JobId,
        verdict: Verdict,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let verifier = self.accounts.get(&account).ok_or(Reject::UnknownAccount)?;
        let (job, state) = self.awaited_job(id)?;
        if !matches!(state, JobState::Called { .. }) {
            return Err(Reject::Job(JobReject::WrongStep));
        }
        if !verifier.is_verifier || job.party(account).is_some() {
            return Err(Reject::NotAVerifier);
        }

        // From here on nothing can fail.
        events.push(Event::Job(JobEvent::Ruled { job: id, verifier: account, verdict }));
        self.jobs.step(id, JobStep::Rule(verdict));
        self.end_job(id, events);
        Ok(())
    }
}
