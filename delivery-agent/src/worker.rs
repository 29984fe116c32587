//! The worker: owns the device, holds no key, and may die without taking the agent with it.
//!
//! ```text
//! agent (keys, no CUDA)  --Hello, Fill, Run, Open-->  worker process (device)    frames on stdin
//!                        <--Ready, PoolReady,                                   and stdout
//!                           Committed, Opened, Failed--
//! while it runs:         <--Finished (a root), NeedSalt--
//!                        --Salt, Stop-->
//! ```
//!
//! When no worker process comes up the agent computes on its own CPU instead. A process that dies,
//! hangs, answers something else or is of another build is an error to its agent and nothing more.
//!
//! Invariants:
//! - a frame beyond its limit is refused before memory is taken for it;
//! - no request to a process takes longer than the patience that its agent has;
//! - a process whose device has failed ends: what a driver says after a fault is worth nothing;
//! - a worker keeps the last [`WORKS_KEPT`] works, as far as their leaves are not too many, and the
//!   pools it has used last, as far as they fit its budget; nothing else.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use candle_core::Device;

use crate::challenge::{Challenge, ChallengeError, Draw, LEAVES_MAX, SegmentId};
use crate::device::{DeviceError, DeviceKind, Path, first_line};
use crate::expand::Bytes32;
use crate::fault::Fault;
use crate::profile::{ClassProfile, ProfileError};
use crate::program::{Openings, ProgramError, Work};
use crate::salt::{Asker, Interrupted};

mod frame;
mod patience;
mod residency;

pub use frame::FrameError;
pub use residency::{Filled, Residency};

use patience::Replies;

/// Works a worker can still open: an obligation's challenge is opened before its next one comes.
pub const WORKS_KEPT: usize = 16;

/// How long a driver may take to open its device: seconds, on a machine with eight cards that sleep.
const PATIENCE_AT_START: Duration = Duration::from_secs(120);
/// How long a request may take where nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Raised when a message changes shape: agent and worker may be different builds.
const PROTOCOL: u16 = 3;

/// What a provider commits to before it knows the draw.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Commitment {
    /// Root over all segments; goes into the receipt.
    pub work_root: Bytes32,
    /// The root of every segment, slot by slot.
    pub roots: Vec<Vec<Bytes32>>,
}

/// Why a worker gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The device failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The pool has no room on this device.
    #[error("pool of {bytes} bytes, limit {limit}")]
    PoolTooLarge {
        /// What the challenge needs.
        bytes: u64,
        /// What the worker may keep.
        limit: u64,
    },
    /// The work was never done here, or too many others have been done since.
    #[error("no work kept for this challenge, limit {WORKS_KEPT}")]
    NotKept,
    /// The process could not be started.
    #[error("worker process did not start: {0}")]
    NotStarted(std::io::Error),
    /// The process ended, or speaks otherwise than agreed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The process is of another build.
    #[error("worker speaks protocol {theirs}, this agent {PROTOCOL}")]
    OtherProtocol {
        /// Its version.
        theirs: u16,
    },
    /// The process has not answered, and an answer would be worth nothing by now.
    #[error("worker process has not answered in time")]
    Hung,
    /// The process has lost its device, and ends.
    #[error("worker has lost its device: {why}")]
    DeviceLost {
        /// In the driver's words.
        why: String,
    },
    /// The worker in this process stopped before it was done.
    #[error("worker stopped before it was done")]
    Stopped,
    /// The process answered something else than what was asked.
    #[error("worker answered out of turn")]
    OutOfTurn,
    /// The process could not do it and says why.
    #[error("worker failed: {why}")]
    Failed {
        /// In its own words.
        why: String,
    },
}

/// Runs challenges and opens rows in this process.
#[derive(Debug)]
pub struct Engine {
    pools: Residency,
    path: Path,
    fault: Fault,
    /// By the seed that was asked for, oldest first.
    works: VecDeque<(Bytes32, Work)>,
}

/// Where an agent's challenges are computed.
pub enum Worker {
    /// In the agent itself.
    InProcess(Box<Engine>),
    /// In a process of its own.
    Process(Process),
}

/// A worker process. Dropping it ends it.
pub struct Process {
    /// Taken when it is ended.
    child: Option<Child>,
    link: Link<Replies, ChildStdin>,
    patience: Duration,
}

/// The agent's end of a pair of pipes to a worker.
pub struct Link<R, W> {
    replies: R,
    requests: W,
}

#[derive(BorshSerialize, BorshDeserialize)]
enum Request {
    Hello,
    Fill(Job),
    Run(Job),
    Open {
        seed: Bytes32,
        draws: Vec<Draw>,
    },
    /// While a job runs: what was asked for with [`Reply::NeedSalt`].
    Salt(Bytes32),
    /// While a job runs: nobody waits for it any more.
    Stop {
        why: String,
    },
}

#[derive(BorshSerialize, BorshDeserialize)]
enum Reply {
    Ready {
        protocol: u16,
    },
    PoolReady(Filled),
    Committed(Commitment),
    Opened(Openings),
    Failed {
        why: String,
    },
    /// The last thing that a process says.
    DeviceLost {
        why: String,
    },
    /// While a job runs: a segment is done.
    Finished {
        id: SegmentId,
        root: Bytes32,
    },
    /// While a job runs: it waits.
    NeedSalt {
        id: SegmentId,
    },
}

/// A challenge as a worker is told of it.
#[derive(BorshSerialize, BorshDeserialize)]
struct Job {
    seed: Bytes32,
    pool_seed: Bytes32,
    profile: String,
    pool: u32,
    slots: u16,
    segments: u16,
}

impl From<&Challenge> for Job {
    fn from(challenge: &Challenge) -> Self {
        let profile = challenge.profile();
        Self {
            seed: *challenge.seed(),
            pool_seed: *challenge.pool_seed(),
            profile: profile.name().to_owned(),
            pool: profile.shape().pool,
            slots: challenge.slots(),
            segments: challenge.segments(),
        }
    }
}

impl TryFrom<Job> for Challenge {
    type Error = String;

    fn try_from(job: Job) -> Result<Self, String> {
        let Job { seed, pool_seed, profile, pool, slots, segments } = job;
        let profile = ClassProfile::named(&profile)
            .ok_or_else(|| format!("profile `{profile}` is not known to this worker"))?;
        let profile = profile.with_pool(pool).map_err(|error: ProfileError| error.to_string())?;
        let challenge = Self::new(seed, profile, slots, segments)
            .map_err(|error: ChallengeError| error.to_string())?;
        Ok(challenge.over_pool(pool_seed))
    }
}

impl Engine {
    /// An engine on a device, by the ordinary path.
    #[must_use]
    pub fn new(device: Device) -> Self {
        let (pools, path) = (Residency::on(device), Path::default());
        Self { pools, path, fault: Fault::None, works: VecDeque::new() }
    }

    /// The same by another path.
    #[must_use]
    pub fn by(self, path: Path) -> Self {
        Self { path, ..self }
    }

    /// The same with room for so many bytes of pools.
    #[must_use]
    pub fn with_pool_limit(self, bytes: u64) -> Self {
        Self { pools: self.pools.with_limit(bytes), ..self }
    }

    /// From now on it delivers the way `fault` says.
    pub fn set_fault(&mut self, fault: Fault) {
        self.fault = fault;
    }

    /// Makes a challenge's pool resident, before any time is taken.
    ///
    /// # Errors
    /// [`WorkerError::Program`], [`WorkerError::PoolTooLarge`].
    pub fn fill(&mut self, challenge: &Challenge) -> Result<Filled, WorkerError> {
        self.pools.fill(challenge)
    }

    /// Runs a challenge and keeps its work for opening. Its pool stays resident.
    ///
    /// # Errors
    /// As [`Engine::fill`].
    pub fn run(
        &mut self,
        challenge: &Challenge,
        asker: &mut dyn Asker,
    ) -> Result<Commitment, WorkerError> {
        let work =
            self.pools.program(challenge)?.by(self.path).run(challenge, asker, self.fault)?;
        let commitment = Commitment { work_root: work.root(), roots: work.roots() };
        self.works.push_back((*challenge.seed(), work));
        while 1 < self.works.len() && (WORKS_KEPT < self.works.len() || LEAVES_MAX < self.leaves())
        {
            self.works.pop_front();
        }
        Ok(commitment)
    }

    /// Bytes of the pools that are resident.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.pools.bytes()
    }

    fn leaves(&self) -> u64 {
        self.works.iter().map(|(_, work)| work.leaves()).sum()
    }

    /// Opens rows of the work done for the challenge with that seed.
    ///
    /// # Errors
    /// [`WorkerError::NotKept`].
    pub fn open(&self, seed: &Bytes32, draws: &[Draw]) -> Result<Openings, WorkerError> {
        let kept = self.works.iter().rfind(|(kept, _)| kept == seed);
        kept.map(|(_, work)| work.open(draws)).ok_or(WorkerError::NotKept)
    }
}

impl Worker {
    /// Starts a worker process; on any failure to do so computes in this process on the CPU.
    #[must_use]
    pub fn start(command: Command) -> Self {
        match Process::start(command) {
            Ok(process) => Self::Process(process),
            Err(error) => {
                tracing::warn!(%error, "worker process unusable, computing on this cpu");
                Self::InProcess(Box::new(Engine::new(Device::Cpu)))
            }
        }
    }

    /// From now on a request to a process is given up after so long. This process needs no watching:
    /// it computes on its CPU and calls no driver.
    pub fn give_up_after(&mut self, patience: Duration) {
        match self {
            Self::InProcess(_) => {}
            Self::Process(process) => process.patience = patience,
        }
    }

    /// Makes a challenge's pool resident. Blocks for as long as that takes.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn fill(&mut self, challenge: &Challenge) -> Result<Filled, WorkerError> {
        match self {
            Self::InProcess(engine) => engine.fill(challenge),
            Self::Process(process) => process.link().fill(challenge),
        }
    }

    /// Runs a challenge. Blocks for as long as the work and the asker take.
    ///
    /// # Errors
    /// [`WorkerError`]; after [`WorkerError::Frame`], [`WorkerError::OutOfTurn`] and the like a
    /// process is of no more use.
    pub fn run(
        &mut self,
        challenge: &Challenge,
        asker: &mut dyn Asker,
    ) -> Result<Commitment, WorkerError> {
        match self {
            Self::InProcess(engine) => engine.run(challenge, asker),
            Self::Process(process) => process.link().run(challenge, asker),
        }
    }

    /// Opens rows of the work done for the challenge with that seed.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn open(&mut self, seed: &Bytes32, draws: &[Draw]) -> Result<Openings, WorkerError> {
        match self {
            Self::InProcess(engine) => engine.open(seed, draws),
            Self::Process(process) => process.link().open(seed, draws),
        }
    }
}

impl Process {
    /// Starts `command` and waits until it says that its device is ready.
    ///
    /// # Errors
    /// [`WorkerError`] when it does not start, ends at once, or is of another build.
    pub fn start(mut command: Command) -> Result<Self, WorkerError> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().map_err(WorkerError::NotStarted)?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both pipes were asked for")
        };
        let replies = Replies::of(replies, PATIENCE_AT_START).map_err(WorkerError::NotStarted);
        let replies = replies.inspect_err(|_| drop(child.kill()))?;
        let (child, link) = (Some(child), Link::new(replies, requests));
        let mut process = Self { child, link, patience: PATIENCE };
        process.link.hello()?;
        Ok(process)
    }

    /// Its number on this machine.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// For one request: its time begins.
    fn link(&mut self) -> &mut Link<impl Read, impl Write> {
        self.link.replies.give_up_after(self.patience);
        &mut self.link
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has no state worth an orderly end.
        let Some(mut child) = self.child.take() else { return };
        let killed = child.kill();
        // Inside a driver's call it may take its time to die, and nobody here waits for that.
        let waiting = thread::Builder::new().name("worker's end".to_owned()).spawn(move || {
            if let Err(error) = child.wait() {
                tracing::warn!(%error, "worker process not seen to end");
            }
        });
        if let Err(error) = killed.and(waiting.map(drop)) {
            tracing::warn!(%error, "worker process could not be ended");
        }
    }
}

impl<R: Read, W: Write> Link<R, W> {
    /// A link over any two pipes.
    pub fn new(replies: R, requests: W) -> Self {
        Self { replies, requests }
    }

    /// Waits until the worker's device is ready.
    ///
    /// # Errors
    /// [`WorkerError`] when it does not become so.
    pub fn hello(&mut self) -> Result<(), WorkerError> {
        let reply = self.ask(&Request::Hello)?;
        let Reply::Ready { protocol } = reply else { return Err(unexpected(reply)) };
        if protocol == PROTOCOL {
            Ok(())
        } else {
            Err(WorkerError::OtherProtocol { theirs: protocol })
        }
    }

    /// As [`Worker::fill`].
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn fill(&mut self, challenge: &Challenge) -> Result<Filled, WorkerError> {
        let reply = self.ask(&Request::Fill(challenge.into()))?;
        if let Reply::PoolReady(filled) = reply { Ok(filled) } else { Err(unexpected(reply)) }
    }

    /// As [`Worker::run`].
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn run(
        &mut self,
        challenge: &Challenge,
        asker: &mut dyn Asker,
    ) -> Result<Commitment, WorkerError> {
        let mut reply = self.ask(&Request::Run(challenge.into()))?;
        // Bounds the messages: more segments than there are is not an answer.
        let mut finished = 0;
        loop {
            let heard = match reply {
                Reply::Committed(commitment) => return Ok(commitment),
                Reply::Finished { id, root } if finished < challenge.segments_in_all() => {
                    finished += 1;
                    asker.finished(id, &root).map(|()| None)
                }
                Reply::NeedSalt { id } => asker.salt(id).map(|salt| Some(Request::Salt(salt))),
                Reply::Finished { .. }
                | Reply::Ready { .. }
                | Reply::PoolReady(_)
                | Reply::Opened(_)
                | Reply::Failed { .. }
                | Reply::DeviceLost { .. } => return Err(unexpected(reply)),
            };
            reply = match heard {
                Ok(None) => self.next_reply()?,
                Ok(Some(salt)) => self.ask(&salt)?,
                Err(interrupted) => return Err(self.stop(interrupted)),
            };
        }
    }

    /// Has the worker give up its job.
    fn stop(&mut self, interrupted: Interrupted) -> WorkerError {
        let why = interrupted.why.clone();
        let mut reply = self.ask(&Request::Stop { why });
        loop {
            match reply {
                // It had gone on until it heard of it.
                Ok(Reply::Finished { .. } | Reply::NeedSalt { .. }) => reply = self.next_reply(),
                Ok(_) => return WorkerError::Program(ProgramError::Interrupted(interrupted)),
                Err(error) => return error,
            }
        }
    }

    /// As [`Worker::open`].
    ///
    /// # Errors
    /// As [`Worker::open`].
    pub fn open(&mut self, seed: &Bytes32, draws: &[Draw]) -> Result<Openings, WorkerError> {
        let reply = self.ask(&Request::Open { seed: *seed, draws: draws.to_vec() })?;
        if let Reply::Opened(openings) = reply { Ok(openings) } else { Err(unexpected(reply)) }
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, WorkerError> {
        frame::write(&mut self.requests, request, frame::REQUEST_MAX)?;
        self.next_reply()
    }

    fn next_reply(&mut self) -> Result<Reply, WorkerError> {
        match frame::read(&mut self.replies, frame::REPLY_MAX) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(WorkerError::Frame(FrameError::Ended)),
            Err(FrameError::Pipe(error)) if error.kind() == ErrorKind::TimedOut => {
                Err(WorkerError::Hung)
            }
            Err(error) => Err(WorkerError::Frame(error)),
        }
    }
}

/// What a reply means that does not answer the request.
fn unexpected(reply: Reply) -> WorkerError {
    match reply {
        Reply::Failed { why } => WorkerError::Failed { why },
        Reply::DeviceLost { why } => WorkerError::DeviceLost { why },
        Reply::Ready { .. }
        | Reply::PoolReady(_)
        | Reply::Committed(_)
        | Reply::Opened(_)
        | Reply::Finished { .. }
        | Reply::NeedSalt { .. } => WorkerError::OutOfTurn,
    }
}

/// Why a worker process ends before its agent closes the pipe.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It has no device to compute on.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The agent sent what is not a request, or the pipe broke.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// The whole life of a worker process: opens its device, then serves requests until the agent
/// closes the pipe.
///
/// # Errors
/// [`ServeError`]; the agent sees a pipe that ended.
pub fn serve_worker(
    device: DeviceKind,
    path: Path,
    requests: impl Read,
    replies: impl Write,
) -> Result<(), ServeError> {
    Ok(serve_on(Engine::new(device.open()?).by(path), requests, replies)?)
}

/// Serves requests until the agent closes the pipe.
///
/// # Errors
/// [`FrameError`] when the agent sends what is not a request, or the pipe breaks.
pub fn serve(requests: impl Read, replies: impl Write, device: Device) -> Result<(), FrameError> {
    serve_on(Engine::new(device), requests, replies)
}

fn serve_on(
    mut engine: Engine,
    mut requests: impl Read,
    mut replies: impl Write,
) -> Result<(), FrameError> {
    while let Some(request) = frame::read(&mut requests, frame::REQUEST_MAX)? {
        let mut agent = Agent { requests: &mut requests, replies: &mut replies, broken: None };
        let answered = answer(&mut engine, request, &mut agent);
        if let Some(broken) = agent.broken {
            return Err(broken);
        }
        let reply = answered.unwrap_or_else(|why| why);
        frame::write(&mut replies, &reply, frame::REPLY_MAX)?;
        if let Reply::DeviceLost { why } = reply {
            tracing::error!(why, "device lost, this worker ends");
            return Ok(());
        }
    }
    Ok(())
}

/// Across the pipe an error is its text: the other side can only show it.
fn failed(error: WorkerError) -> Reply {
    if let WorkerError::Program(ProgramError::Device(error)) = error {
        Reply::DeviceLost { why: first_line(&error) }
    } else {
        Reply::Failed { why: error.to_string() }
    }
}

fn answer<R: Read, W: Write>(
    engine: &mut Engine,
    request: Request,
    agent: &mut Agent<R, W>,
) -> Result<Reply, Reply> {
    let challenge = |job: Job| Challenge::try_from(job).map_err(|why| Reply::Failed { why });
    match request {
        Request::Hello => Ok(Reply::Ready { protocol: PROTOCOL }),
        Request::Fill(job) => engine.fill(&challenge(job)?).map(Reply::PoolReady).map_err(failed),
        Request::Run(job) => {
            engine.run(&challenge(job)?, agent).map(Reply::Committed).map_err(failed)
        }
        Request::Open { seed, draws } => {
            engine.open(&seed, &draws).map(Reply::Opened).map_err(failed)
        }
        // A job that had ended when its agent said so.
        Request::Stop { why } => Err(Reply::Failed { why }),
        Request::Salt(_) => Err(Reply::Failed { why: "a salt without a job".to_owned() }),
    }
}

/// The agent behind its pipes, as the one who asks.
struct Agent<'a, R, W> {
    requests: &'a mut R,
    replies: &'a mut W,
    /// Nothing more can be said or heard.
    broken: Option<FrameError>,
}

impl<R: Read, W: Write> Asker for Agent<'_, R, W> {
    fn finished(&mut self, id: SegmentId, root: &Bytes32) -> Result<(), Interrupted> {
        let reply = Reply::Finished { id, root: *root };
        frame::write(self.replies, &reply, frame::REPLY_MAX).map_err(|error| self.broke(error))
    }

    fn salt(&mut self, id: SegmentId) -> Result<Bytes32, Interrupted> {
        let asked = frame::write(self.replies, &Reply::NeedSalt { id }, frame::REPLY_MAX);
        let heard = asked.and_then(|()| frame::read(self.requests, frame::REQUEST_MAX));
        match heard {
            Ok(Some(Request::Salt(salt))) => Ok(salt),
            Ok(Some(Request::Stop { why })) => Err(Interrupted { why }),
            Ok(Some(
                Request::Hello | Request::Fill(_) | Request::Run(_) | Request::Open { .. },
            )) => Err(Interrupted { why: "another request while a job runs".to_owned() }),
            Ok(None) => Err(self.broke(FrameError::Ended)),
            Err(error) => Err(self.broke(error)),
        }
    }
}

impl<R, W> Agent<'_, R, W> {
    fn broke(&mut self, error: FrameError) -> Interrupted {
        let why = error.to_string();
        self.broken = Some(error);
        Interrupted { why }
    }
}
