//! The deliverer's side of jobs: fetches what is asked, has it run in a sandbox, claims the result, and argues about it.
//!
//! A connection and a queue of its own, beside the agent that answers challenges: neither waits for the
//! other, and each has its own process to work in.
//!
//! Invariants:
//! - one job is run at a time, each once: what was begun before, or has expired, is declined;
//! - what cannot be read, checked or run is declined, never claimed;
//! - what is sent is what the exchange waits for now: after a new login it is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use api::client::{Blobs, Notification};
use api::io::sign_job::job_result_digest;
use api::wire::{Number, WireJob};
use instruments::{JobId, MicroUsd};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::json;
use settlement::JobClaim;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::argument::{Arguer, Next};
use super::documents::{
    Case, Trouble, fetch_moves, fetch_result, hash_of, result_to_bytes, said_to_bytes,
};
use super::fault::JobFaultPlan;
use crate::device::DeviceKind;
use crate::io::sign::AgentKey;
use crate::job::bisect::Side;
use crate::job::register::Register;
use crate::job::run::{Finished, JobFault};
use crate::job::sandbox::{JobDir, Sandbox};
use crate::role::{CallError, Line, Role, RoleError, Work, keep_working};
use crate::wire::to_hex;

pub(super) const CHANNEL: &str = "user.jobs";

/// Where and how a deliverer runs jobs.
#[derive(Debug, Clone)]
pub struct JobRunner {
    /// The binary that has the job process.
    pub program: PathBuf,
    /// The name of its entry.
    pub arguments: Vec<OsString>,
    /// Which jobs were begun; a job is begun once.
    pub register: PathBuf,
    /// Where the directories of jobs are made.
    pub scratch: PathBuf,
    /// In which jobs it lies.
    pub faults: JobFaultPlan,
}

/// Runs buyers' jobs until the exchange refuses it.
///
/// # Errors
/// [`RoleError`], when key or register cannot be used, the first connection fails, or the exchange does
/// not let the deliverer in.
pub async fn run_jobs(role: Role, runner: JobRunner) -> Result<(), RoleError> {
    let key = AgentKey::load_or_generate(&role.key)?;
    let register = Register::open(&runner.register)
        .map_err(|error| RoleError::Jobs { reason: error.to_string() })?;
    let Role { url, client_id, client_secret, .. } = &role;
    let blobs = Blobs::beside(url, client_id, client_secret).map_err(RoleError::Unreachable)?;
    let mut prover = Prover {
        key,
        blobs,
        device: role.device,
        register: Arc::new(Mutex::new(register)),
        runner,
        begun: 0,
        jobs: BTreeMap::new(),
        busy: BTreeSet::new(),
        is_running: false,
        arguments: BTreeMap::new(),
        work: JoinSet::new(),
    };
    keep_working(&role, &mut prover).await
}

/// What is called for when the work on a job is done.
enum Done {
    Claim {
        result: String,
        output: String,
        checkpoints: u32,
    },
    Decline {
        why: String,
    },
    Say {
        said: Option<String>,
        is_last: bool,
    },
    /// Nothing that can be said now: the exchange is asked again when it speaks next.
    Nothing,
}

/// One argument, and what was done to the run that it is about.
struct Argument {
    fault: JobFault,
    arguer: OnceCell<Arguer>,
}

struct Prover {
    key: AgentKey,
    blobs: Blobs,
    device: DeviceKind,
    register: Arc<Mutex<Register>>,
    runner: JobRunner,
    /// Jobs so far; the fault plan counts them.
    begun: u32,
    /// Jobs that have not ended, as the exchange told last.
    jobs: BTreeMap<u64, WireJob>,
    /// Those that are being worked on.
    busy: BTreeSet<u64>,
    /// Whether one of them is being run.
    is_running: bool,
    arguments: BTreeMap<u64, Arc<Argument>>,
    work: JoinSet<(u64, Done)>,
}

impl Work for Prover {
    async fn over(&mut self, line: &mut Line) -> Result<Infallible, RoleError> {
        line.subscribe(CHANNEL).await.map_err(|error| error.during("channel user.jobs"))?;
        let open = line.call::<Vec<WireJob>>("private/get_jobs", "{}").await;
        for job in open.map_err(|error| error.during("question for open jobs"))? {
            self.note(job);
        }
        tracing::info!("ready to run jobs");
        loop {
            self.begin();
            tokio::select! {
                message = line.next() => {
                    let message = message.map_err(|error| error.during("a message"))?;
                    self.hear(&message);
                }
                Some(done) = self.work.join_next() => match done {
                    Ok((job, done)) => self.finish(line, job, done).await?,
                    Err(error) => {
                        tracing::error!(%error, "work on a job was lost");
                        self.is_running = false;
                    }
                },
            }
        }
    }
}

impl Prover {
    fn hear(&mut self, message: &Notification) {
        match message.read::<WireJob>() {
            Ok(job) => self.note(job),
            Err(error) => tracing::error!(%error, "message not understood"),
        }
    }

    fn note(&mut self, job: WireJob) {
        if job.role != "prover" {
            return;
        }
        let id = job.job_id;
        if job.until.is_some() {
            self.jobs.insert(id, job);
            return;
        }
        tracing::info!(job = id, state = job.state, "job ended");
        self.jobs.remove(&id);
        self.arguments.remove(&id);
    }

    /// Begins whatever is due and not under way.
    fn begin(&mut self) {
        for (id, job) in &self.jobs {
            if self.busy.contains(id) {
                continue;
            }
            let turn = job.dispute.as_ref().and_then(|dispute| dispute.turn.as_deref());
            let (id, job, blobs, device) = (*id, job.clone(), self.blobs.clone(), self.device);
            if job.state == "submitted" && !self.is_running {
                self.is_running = true;
                self.begun += 1;
                let fault = self.runner.faults.of_job(self.begun);
                let argument = Arc::new(Argument { fault, arguer: OnceCell::new() });
                self.arguments.insert(id, argument);
                let (runner, register) = (self.runner.clone(), Arc::clone(&self.register));
                tracing::info!(job = id, "job begun");
                let bench = Bench { blobs, device, fault, runner, register };
                self.work.spawn(async move { (id, bench.work(&job).await) });
            } else if turn == Some("prover") {
                // A result that an earlier life of this process has claimed was honest.
                let argument = self.arguments.entry(id).or_insert_with(|| {
                    Arc::new(Argument { fault: JobFault::None, arguer: OnceCell::new() })
                });
                let argument = Arc::clone(argument);
                self.work.spawn(async move {
                    let said = answer(&blobs, &job, &argument, device).await;
                    (id, said.unwrap_or_else(|error| not_said(id, &error)))
                });
            } else {
                continue;
            }
            self.busy.insert(id);
        }
    }

    async fn finish(&mut self, line: &Line, id: u64, done: Done) -> Result<(), RoleError> {
        self.busy.remove(&id);
        if matches!(done, Done::Claim { .. } | Done::Decline { .. }) {
            self.is_running = false;
        }
        if !self.jobs.contains_key(&id) {
            tracing::warn!(job = id, "the job ended before its work did");
            return Ok(());
        }
        match done {
            Done::Claim { result, output, checkpoints } => {
                let params = self.claim(id, &result, &output, checkpoints)?;
                self.tell(line, id, ("private/claim_job", params)).await
            }
            Done::Decline { why } => {
                tracing::warn!(job = id, why, "job declined");
                let params = json!({ "job_id": id }).to_string();
                self.tell(line, id, ("private/decline_job", params)).await
            }
            Done::Say { said, is_last } => {
                let mut params = json!({ "job_id": id, "referee": is_last });
                if let Some(said) = said {
                    params["said"] = json!(said);
                }
                self.tell(line, id, ("private/answer_dispute", params.to_string())).await
            }
            Done::Nothing => {
                // What waits for this side's word again comes with the exchange's next.
                self.jobs.remove(&id);
                Ok(())
            }
        }
    }

    /// A claim, signed. A replay costs what the job is worth: the same hours on the same hardware.
    fn claim(
        &self,
        id: u64,
        result: &str,
        output: &str,
        checkpoints: u32,
    ) -> Result<String, RoleError> {
        let none = || RoleError::Jobs { reason: format!("job {id} is not known any more") };
        let job = self.jobs.get(&id).ok_or_else(none)?;
        let (Some(spec), Some(hash), Some(replay_cost)) =
            (hash_of(&job.spec), hash_of(result), micros(&job.value))
        else {
            return Err(none());
        };
        let claim = JobClaim { result: hash, checkpoints, replay_cost };
        let signature = self.key.sign_digest(job_result_digest(JobId(id), &spec, &claim))?;
        let claim = json!({
            "job_id": id,
            "result": result,
            "blobs": [output],
            "checkpoints": checkpoints,
            "replay_cost": job.value,
            "signature": to_hex(&signature),
        });
        Ok(claim.to_string())
    }

    /// What the exchange answers is how the job stands now; what it refuses, it waits for no longer.
    async fn tell(
        &mut self,
        line: &Line,
        id: u64,
        (method, params): (&str, String),
    ) -> Result<(), RoleError> {
        match line.call::<WireJob>(method, &params).await {
            Ok(job) => {
                tracing::info!(job = id, method, state = job.state, "told");
                self.note(job);
            }
            Err(CallError::Refused(error)) => {
                tracing::warn!(job = id, method, %error, "refused");
                self.jobs.remove(&id);
            }
            Err(CallError::Lost(error)) => return Err(RoleError::Unreachable(error)),
        }
        Ok(())
    }
}

fn micros(dollars: &Number) -> Option<MicroUsd> {
    dollars.0.checked_mul(Decimal::from(1_000_000))?.to_i64().map(MicroUsd::new)
}

/// A process for one job, and what goes in and out of it.
struct Bench {
    blobs: Blobs,
    device: DeviceKind,
    fault: JobFault,
    runner: JobRunner,
    register: Arc<Mutex<Register>>,
}

impl Bench {
    async fn work(self, job: &WireJob) -> Done {
        let blobs = self.blobs.clone();
        let case = match Case::fetch(&blobs, job).await {
            Ok(case) => case,
            Err(error) => return Done::Decline { why: error.to_string() },
        };
        let run = tokio::task::spawn_blocking(move || self.run(&case)).await;
        let finished = match run.unwrap_or_else(|_panic| Err("the run was lost".to_owned())) {
            Ok(finished) => finished,
            Err(why) => return Done::Decline { why },
        };
        let checkpoints = u32::try_from(finished.result.roots.len()).unwrap_or(u32::MAX);
        let put = async {
            let output = blobs.put(&finished.blob).await?;
            let result = blobs.put(&result_to_bytes(&finished.result)).await?;
            Ok::<_, Trouble>((hex::encode(result), hex::encode(output)))
        };
        match put.await {
            Ok((result, output)) => Done::Claim { result, output, checkpoints },
            Err(error) => Done::Decline { why: error.to_string() },
        }
    }

    /// Blocks until the process has ended.
    fn run(&self, case: &Case) -> Result<Finished, String> {
        self.register.lock().begin(&case.spec, now_ms()).map_err(|error| error.to_string())?;
        let dir = JobDir::new(&self.runner.scratch, &case.spec, &case.weights, &case.inputs)
            .map_err(|error| error.to_string())?;
        let sandbox = Sandbox {
            program: self.runner.program.clone(),
            arguments: self.runner.arguments.clone(),
            device: self.device,
            fault: self.fault,
        };
        sandbox.run(&case.program, &dir).map_err(|stop| stop.to_string())
    }
}

async fn answer(
    blobs: &Blobs,
    job: &WireJob,
    argument: &Argument,
    device: DeviceKind,
) -> Result<Done, Trouble> {
    let begun = argument.arguer.get_or_try_init(|| async {
        let case = Case::fetch(blobs, job).await?;
        let result = fetch_result(blobs, job).await?;
        let device = device.open().map_err(|error| Trouble::Device(error.to_string()))?;
        Ok::<_, Trouble>(Arguer::start(case, result, Side::Prover, (device, argument.fault)))
    });
    let arguer = begun.await?;
    let Some(dispute) = &job.dispute else { return Ok(Done::Nothing) };
    Ok(match arguer.next(fetch_moves(blobs, dispute).await?).await? {
        Next::Say { said, is_last } => {
            let hash = blobs.put(&said_to_bytes(&said)).await?;
            Done::Say { said: Some(hex::encode(hash)), is_last }
        }
        Next::Call(_) => Done::Say { said: None, is_last: true },
        Next::Nothing => Done::Nothing,
    })
}

fn not_said(id: u64, error: &Trouble) -> Done {
    tracing::error!(job = id, %error, "nothing can be answered");
    Done::Nothing
}

#[expect(clippy::disallowed_methods, reason = "jobs expire by the clock of this machine")]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
