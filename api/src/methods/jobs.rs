//! A buyer's jobs: what its parties and the referee send.
//!
//! Documents are blobs, put before they are named here; what is in them is for agents, buyers and verifiers alone.

use exchange::{Answer as Said, Command, Event, JobEvent};
use instruments::{GpuSeconds, JobId};
use settlement::{JobClaim, JobMode, JobTask};

use super::Answer;
use super::submit::submit;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::http::blob_error;
use crate::io::sign::{SIGNATURE_LEN, recover_digest};
use crate::io::sign_job::job_result_digest;
use crate::venue::{BlobHash, NAMED_MAX};
use crate::wire::{ErrorCode, Params, WireError, WireJob, to_result};
use crate::{lower, raise};

/// A method about jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Jobs {
    Submit,
    Get,
    Claim,
    Decline,
    Accept,
    Dispute,
    AnswerDispute,
    RuleDispute,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Jobs,
    params: &Params,
) -> Answer {
    let account = caller.account;
    let id = || lower::job_id(params);
    match method {
        Jobs::Submit => ask(gateway, caller, params).await,
        Jobs::Get => jobs(gateway, caller, params),
        Jobs::Claim => claim(gateway, caller, params).await,
        Jobs::Decline => {
            let job = id()?;
            run(gateway, caller, job, Command::DeclineJob { account, job }).await
        }
        Jobs::Accept => {
            let job = id()?;
            run(gateway, caller, job, Command::AcceptJob { account, job }).await
        }
        Jobs::Dispute => {
            let (job, claim) = (id()?, blob(gateway, params, "claim")?);
            let replay_cost = lower::money(params, "replay_cost")?;
            let command = Command::OpenDispute { account, job, claim, replay_cost };
            pin(gateway, caller, job, &[claim])?;
            run(gateway, caller, job, command).await
        }
        Jobs::AnswerDispute => say(gateway, caller, params).await,
        Jobs::RuleDispute => {
            let (job, verdict) = (id()?, lower::verdict(params)?);
            run(gateway, caller, job, Command::RuleDispute { account, job, verdict }).await
        }
    }
}

/// Submits what is about one job, and answers with the job as it is then.
async fn run(gateway: &Gateway, caller: &Caller, job: JobId, command: Command) -> Answer {
    submit(gateway, command).await?;
    one(gateway, caller, job)
}

fn one(gateway: &Gateway, caller: &Caller, job: JobId) -> Answer {
    let blobs = gateway.venue.blobs().of_job(job);
    let exchange = gateway.venue.exchange();
    let told = exchange.jobs().get(job);
    let told = told.and_then(|job| raise::job(&exchange, job, &blobs, caller.account));
    drop(exchange);
    told.map(|job| to_result(&job)).ok_or_else(|| {
        WireError::new(ErrorCode::NotFound, "no such job of this account").of("job_id")
    })
}

/// A blob that has been put.
fn blob(gateway: &Gateway, params: &Params, name: &str) -> Result<BlobHash, WireError> {
    let hash = params.required_hex(name)?;
    check_put(gateway, &hash, name)?;
    Ok(hash)
}

fn check_put(gateway: &Gateway, hash: &BlobHash, name: &str) -> Result<(), WireError> {
    match gateway.venue.blobs().len_of(hash) {
        Some(_) => Ok(()),
        None => Err(WireError::param(name, "is not a blob that was put")),
    }
}

/// The blobs that a request names beside its document.
fn named(gateway: &Gateway, params: &Params) -> Result<Vec<BlobHash>, WireError> {
    let names = if params.has("blobs") { params.required_texts("blobs")? } else { Vec::new() };
    if NAMED_MAX < names.len() {
        let error = WireError::param("blobs", "names too many");
        return Err(error.with_limit(rust_decimal::Decimal::from(NAMED_MAX)));
    }
    let hash = |name: String| {
        let mut hash = [0; 32];
        let wrong = |_digits| WireError::param("blobs", "must be 32 bytes each in hexadecimal");
        hex::decode_to_slice(name, &mut hash).map_err(wrong)?;
        check_put(gateway, &hash, "blobs")?;
        Ok(hash)
    };
    names.into_iter().map(hash).collect()
}

/// Keeps blobs for a job that the caller is a party of: before the command, so that whoever hears of it finds them.
fn pin(
    gateway: &Gateway,
    caller: &Caller,
    job: JobId,
    hashes: &[BlobHash],
) -> Result<(), WireError> {
    let is_party = {
        let exchange = gateway.venue.exchange();
        let told = exchange.jobs().get(job);
        told.is_some_and(|it| it.party(caller.account).is_some() && !it.state.has_ended())
    };
    if !is_party {
        return Ok(());
    }
    gateway.venue.blobs().pin(job, hashes).map_err(|error| blob_error(&error))
}

async fn ask(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, obligation) = (caller.account, lower::obligation_id(params)?);
    let spec = blob(gateway, params, "spec")?;
    let mut blobs = named(gateway, params)?;
    blobs.push(spec);
    let mode = match params.required_text("mode")?.as_str() {
        "exact" => JobMode::Exact,
        "tolerant" => JobMode::Tolerant,
        "redundant" => JobMode::Redundant,
        _ => return Err(WireError::param("mode", "must be exact, tolerant or redundant")),
    };
    let compute = GpuSeconds::new(params.required_integer("gpu_seconds", u64::MAX)?);
    let (steps, stride) = (lower::narrow(params, "steps")?, lower::narrow(params, "stride")?);
    let task = JobTask { spec, mode, compute, steps, stride };
    let outcome = submit(gateway, Command::SubmitJob { account, obligation, task }).await?;
    let job = outcome.events.iter().find_map(|event| {
        if let Event::Job(JobEvent::Submitted { job, .. }) = event { Some(*job) } else { None }
    });
    let job = job.ok_or_else(|| WireError::new(ErrorCode::Internal, "the job has no number"))?;
    gateway.venue.blobs().pin(job, &blobs).map_err(|error| blob_error(&error))?;
    one(gateway, caller, job)
}

async fn claim(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, job) = (caller.account, lower::job_id(params)?);
    let result = blob(gateway, params, "result")?;
    let mut blobs = named(gateway, params)?;
    blobs.push(result);
    let checkpoints = lower::narrow(params, "checkpoints")?;
    let replay_cost = lower::money(params, "replay_cost")?;
    let claim = JobClaim { result, checkpoints, replay_cost };
    let signature: [u8; SIGNATURE_LEN] = params.required_hex("signature")?;
    let spec = {
        let exchange = gateway.venue.exchange();
        exchange.jobs().get(job).map_or([0; 32], |job| job.task.spec)
    };
    let digest = job_result_digest(job, &spec, &claim);
    let signer = recover_digest(digest, &signature).map_err(raise::sign_error)?;
    let signature = signature.to_vec();
    pin(gateway, caller, job, &blobs)?;
    run(gateway, caller, job, Command::ClaimJob { account, job, claim, signer, signature }).await
}

/// A move, or a call of the referee, or both.
async fn say(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, job) = (caller.account, lower::job_id(params)?);
    let is_last = params.flag("referee")?.unwrap_or(false);
    let answer = if params.has("said") {
        let said = blob(gateway, params, "said")?;
        pin(gateway, caller, job, &[said])?;
        Said::Move { said, is_last }
    } else if is_last {
        Said::Referee
    } else {
        return Err(crate::wire::missing("said"));
    };
    run(gateway, caller, job, Command::AnswerDispute { account, job, answer }).await
}

/// The jobs of which the account is a party, newest last; a verifier's are those that wait for a ruling.
fn jobs(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let only = if params.has("job_id") { Some(lower::job_id(params)?) } else { None };
    let exchange = gateway.venue.exchange();
    let is_wanted = |job: &&settlement::Job| {
        let is_called = matches!(job.state, settlement::JobState::Called { .. });
        only.is_none_or(|only| only == job.id)
            && (job.party(caller.account).is_some() || is_called || only.is_some())
    };
    let jobs: Vec<WireJob> = exchange
        .jobs()
        .iter()
        .filter(is_wanted)
        .filter_map(|job| {
            let blobs = gateway.venue.blobs().of_job(job.id);
            raise::job(&exchange, job, &blobs, caller.account)
        })
        .collect();
    drop(exchange);
    Ok(to_result(&jobs))
}
