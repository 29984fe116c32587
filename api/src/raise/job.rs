//! Buyers' jobs.

use exchange::{Event, Exchange, JobEvent};
use instruments::AccountId;
use serde_json::value::RawValue;
use settlement::{Dispute, Job, JobMode, JobOutcome, JobState, Party};

use crate::venue::{BlobHash, Venue};
use crate::wire::{WireDispute, WireJob, WireJobClaim, to_result};

/// A job as an account may see it; `None` for one that is neither a party nor a verifier.
pub(crate) fn job(
    exchange: &Exchange,
    job: &Job,
    blobs: &[BlobHash],
    account: AccountId,
) -> Option<WireJob> {
    let is_verifier = exchange.account(account).is_some_and(|account| account.is_verifier);
    let role = match job.party(account) {
        Some(Party::Prover) => "prover",
        Some(Party::Challenger) => "buyer",
        None if is_verifier => "referee",
        None => return None,
    };
    let task = &job.task;
    Some(WireJob {
        job_id: job.id.0,
        obligation_id: job.obligation.0,
        role: role.to_owned(),
        spec: hex::encode(task.spec),
        blobs: blobs.iter().map(hex::encode).collect(),
        mode: mode_name(task.mode).to_owned(),
        gpu_seconds: task.compute.seconds(),
        steps: task.steps,
        stride: task.stride,
        value: job.value.into(),
        state: state_name(job.state).to_owned(),
        until: job.state.deadline().map(instruments::Nanos::millis),
        claim: job.claim.map(|claim| WireJobClaim {
            result: hex::encode(claim.result),
            checkpoints: claim.checkpoints,
            replay_cost: claim.replay_cost.into(),
        }),
        dispute: job.dispute.as_ref().map(|it| dispute(it, job.state)),
        returned: job.returned.into(),
        is_owing: job.is_owing,
    })
}

fn dispute(dispute: &Dispute, state: JobState) -> WireDispute {
    let turn = match state {
        JobState::Disputed { turn, .. } => Some(party_name(turn).to_owned()),
        JobState::Submitted { .. }
        | JobState::Claimed { .. }
        | JobState::Called { .. }
        | JobState::Ended { .. } => None,
    };
    WireDispute {
        claim: hex::encode(dispute.claim),
        replay_cost: dispute.replay_cost.into(),
        stake: dispute.stake.into(),
        moves: dispute.moves.iter().map(hex::encode).collect(),
        turn,
        called_by: dispute.called_by.map(|party| party_name(party).to_owned()),
    }
}

const fn party_name(party: Party) -> &'static str {
    match party {
        Party::Prover => "prover",
        Party::Challenger => "challenger",
    }
}

const fn mode_name(mode: JobMode) -> &'static str {
    match mode {
        JobMode::Exact => "exact",
        JobMode::Tolerant => "tolerant",
        JobMode::Redundant => "redundant",
    }
}

const fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Submitted { .. } => "submitted",
        JobState::Claimed { .. } => "claimed",
        JobState::Disputed { .. } => "disputed",
        JobState::Called { .. } => "called",
        JobState::Ended { outcome } => match outcome {
            JobOutcome::Accepted => "accepted",
            JobOutcome::Declined => "declined",
            JobOutcome::Missed => "missed",
            JobOutcome::Refuted => "refuted",
            JobOutcome::Upheld => "upheld",
            JobOutcome::Unruled => "unruled",
        },
    }
}

/// What one event tells one account on `user.jobs`: the job as it is now. A verifier hears when the referee is called, and of the end.
pub(crate) fn job_message(
    venue: &Venue,
    account: AccountId,
    event: &Event,
) -> Option<Box<RawValue>> {
    let Event::Job(event) = event else { return None };
    let id = event.job()?;
    let blobs = venue.blobs().of_job(id);
    let exchange = venue.exchange();
    let told = exchange.jobs().get(id)?;
    let is_for_referee = matches!(event, JobEvent::RefereeCalled { .. } | JobEvent::Ended { .. });
    if told.party(account).is_none() && !is_for_referee {
        return None;
    }
    job(&exchange, told, &blobs, account).map(|job| to_result(&job))
}
