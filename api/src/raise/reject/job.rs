//! Refusals about buyers' jobs.

use exchange::JobReject;

use super::count;
use crate::wire::{ErrorCode, WireError};

pub(super) fn job(reject: JobReject) -> WireError {
    let other = |reason: &str| WireError::new(ErrorCode::OtherReject, reason);
    match reject {
        JobReject::BadTerms => other("the terms of jobs make no sense"),
        JobReject::NotTheBuyer => other("only the buyer of an obligation has jobs on it"),
        JobReject::NotDelivering => other("the obligation is not being delivered now"),
        JobReject::CheckpointsOutOfRange { limit } => {
            let reason = "must be within the steps, with at most so many checkpoints";
            WireError::param("stride", reason).with_limit(count(limit))
        }
        JobReject::ComputeOutOfRange { limit } => {
            let reason = "must be a second at least, and at most what is delivered in all";
            WireError::param("gpu_seconds", reason).with_limit(count(limit.seconds()))
        }
        JobReject::TooManyJobs { limit } => {
            other("the obligation has as many open jobs as it may have").with_limit(count(limit))
        }
        JobReject::UnknownJob => WireError::param("job_id", "no such job"),
        JobReject::NotYourTurn => other("that is for the other party, or not yet"),
        JobReject::WrongStep => other("the job is not at this step, or the time for it has passed"),
        JobReject::WrongCheckpoints { expected } => {
            let reason = "must be one for every stride";
            WireError::param("checkpoints", reason).with_limit(count(expected))
        }
        JobReject::ReplayCostOutOfRange { limit } => {
            let reason = "must not be negative, nor more than the job is worth";
            WireError::param("replay_cost", reason).with_limit(limit)
        }
        JobReject::NotExact => other("only a job that is exact to the last bit is disputed"),
        JobReject::NoStake { required, available } => {
            let error = WireError::new(ErrorCode::NotEnoughFunds, "a dispute needs a stake");
            error.with_funds(required.into(), available.into())
        }
    }
}
