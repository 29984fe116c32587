//! The deliverer says what has come of a job, or that it will not run it; the buyer takes the result.

use instruments::{AccountId, JobId};
use settlement::{JobState, JobStep, Party};

use crate::Exchange;
use crate::command::Command;
use crate::event::{Event, JobEvent};
use crate::reject::{JobReject, Reject};
use crate::run_timers::later;

impl Exchange {
    /// Takes in the result of a [`Command::ClaimJob`]. The shell has recovered the signer from the signature.
    pub(crate) fn claim_job(
        &mut self,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let Command::ClaimJob { account, job: id, claim, signer, signature } = command else {
            return Ok(());
        };
        let refuse = |reason| Err(Reject::Job(reason));
        let job = self.jobs.get(*id).ok_or(Reject::Job(JobReject::UnknownJob))?;
        if job.party(*account) != Some(Party::Prover) {
            return refuse(JobReject::NotYourTurn);
        }
        if !matches!(job.awaits(self.now), Some(JobState::Submitted { .. })) {
            return refuse(JobReject::WrongStep);
        }
        let nominated = self.accounts.get(account).and_then(|record| record.signer);
        if nominated != Some(*signer) {
            return Err(Reject::WrongSigner);
        }
        let expected = job.task.checkpoints().unwrap_or(0);
        if claim.checkpoints != expected {
            return refuse(JobReject::WrongCheckpoints { expected: u64::from(expected) });
        }
        if !(instruments::MicroUsd::ZERO..=job.value).contains(&claim.replay_cost) {
            return refuse(JobReject::ReplayCostOutOfRange { limit: job.value });
        }

        // From here on nothing can fail.
        let accept_by = later(self.now, self.jobs.terms().accept_within);
        if let Some(job) = self.jobs.get_mut(*id) {
            job.claim = Some(*claim);
        }
        self.end_work(*id);
        self.jobs.step(*id, JobStep::Claim { accept_by });
        events.push(Event::Job(JobEvent::Claimed {
            job: *id,
            claim: *claim,
            signer: *signer,
            signature: signature.clone(),
            accept_by,
        }));
        Ok(())
    }

    /// Saying so in time costs nothing: what the hardware is worth, the challenges say.
    pub(crate) fn decline_job(
        &mut self,
        account: AccountId,
        id: JobId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let job = self.jobs.get(id).ok_or(Reject::Job(JobReject::UnknownJob))?;
        if job.party(account) != Some(Party::Prover) {
            return Err(Reject::Job(JobReject::NotYourTurn));
        }
        if !matches!(job.awaits(self.now), Some(JobState::Submitted { .. })) {
            return Err(Reject::Job(JobReject::WrongStep));
        }

        // From here on nothing can fail.
        events.push(Event::Job(JobEvent::Declined { job: id }));
        self.jobs.step(id, JobStep::Decline);
        self.end_job(id, events);
        Ok(())
    }

    pub(crate) fn accept_job(
        &mut self,
        account: AccountId,
        id: JobId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let job = self.jobs.get(id).ok_or(Reject::Job(JobReject::UnknownJob))?;
        if job.party(account) != Some(Party::Challenger) {
            return Err(Reject::Job(JobReject::NotYourTurn));
        }
        if !matches!(job.awaits(self.now), Some(JobState::Claimed { .. })) {
            return Err(Reject::Job(JobReject::WrongStep));
        }

        // From here on nothing can fail.
        self.jobs.step(id, JobStep::Accept);
        self.end_job(id, events);
        Ok(())
    }
}
