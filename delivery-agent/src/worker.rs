//! The worker: owns the device, holds no key, and may die without taking the agent with it.
//!
//! ```text
//! agent (keys, no CUDA)  --Hello, Run, Open-->  worker process (device)      frames on stdin
//!                        <--Ready, Committed, Opened, Failed--               and stdout
//! ```
//!
//! When no worker process comes up the agent computes on its own CPU instead.
//!
//! Invariants:
//! - a frame beyond its limit is refused before memory is taken for it;
//! - a worker keeps the last [`WORKS_KEPT`] works and nothing else.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use borsh::{BorshDeserialize, BorshSerialize};
use candle_core::Device;

use crate::challenge::{Challenge, ChallengeError, Draw};
use crate::device::{DeviceError, DeviceKind, Path};
use crate::expand::Bytes32;
use crate::fault::Fault;
use crate::profile::ClassProfile;
use crate::program::{self, Openings, ProgramError, Work};

mod frame;

pub use frame::FrameError;

/// Works a worker can still open: an obligation's challenge is opened before its next one comes.
pub const WORKS_KEPT: usize = 16;

/// Raised when a message changes shape: agent and worker may be different builds.
const PROTOCOL: u16 = 1;

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
    device: Device,
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
    child: Child,
    link: Link<BufReader<ChildStdout>, ChildStdin>,
}

/// The agent's end of a pair of pipes to a worker.
pub struct Link<R, W> {
    replies: R,
    requests: W,
}

#[derive(BorshSerialize, BorshDeserialize)]
enum Request {
    Hello,
    Run { seed: Bytes32, profile: String, slots: u16, segments: u16 },
    Open { seed: Bytes32, draws: Vec<Draw> },
}

#[derive(BorshSerialize, BorshDeserialize)]
enum Reply {
    Ready { protocol: u16 },
    Committed(Commitment),
    Opened(Openings),
    Failed { why: String },
}

impl Engine {
    /// An engine on a device, by the ordinary path.
    #[must_use]
    pub fn new(device: Device) -> Self {
        Self::on(device, Path::default())
    }

    /// An engine on a device, by a path.
    #[must_use]
    pub fn on(device: Device, path: Path) -> Self {
        Self { device, path, fault: Fault::None, works: VecDeque::new() }
    }

    /// From now on it delivers the way `fault` says.
    pub fn set_fault(&mut self, fault: Fault) {
        self.fault = fault;
    }

    /// Runs a challenge and keeps its work for opening.
    ///
    /// # Errors
    /// [`WorkerError::Program`].
    pub fn run(&mut self, challenge: &Challenge) -> Result<Commitment, WorkerError> {
        let work = program::run_by(self.path, challenge, &self.device, self.fault)?;
        let commitment = Commitment { work_root: work.root(), roots: work.roots() };
        self.works.push_back((*challenge.seed(), work));
        if WORKS_KEPT < self.works.len() {
            self.works.pop_front();
        }
        Ok(commitment)
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

    /// Runs a challenge. Blocks for as long as the work takes.
    ///
    /// # Errors
    /// [`WorkerError`]; after anything but [`WorkerError::Failed`] a process is of no more use.
    pub fn run(&mut self, challenge: &Challenge) -> Result<Commitment, WorkerError> {
        match self {
            Self::InProcess(engine) => engine.run(challenge),
            Self::Process(process) => process.link.run(challenge),
        }
    }

    /// Opens rows of the work done for the challenge with that seed.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn open(&mut self, seed: &Bytes32, draws: &[Draw]) -> Result<Openings, WorkerError> {
        match self {
            Self::InProcess(engine) => engine.open(seed, draws),
            Self::Process(process) => process.link.open(seed, draws),
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
        let mut process = Self { child, link: Link::new(BufReader::new(replies), requests) };
        process.link.hello()?;
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has no state worth an orderly end, and may hang in a driver call.
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
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
        match self.ask(&Request::Hello)? {
            Reply::Ready { protocol: PROTOCOL } => Ok(()),
            Reply::Ready { protocol } => Err(WorkerError::OtherProtocol { theirs: protocol }),
            Reply::Committed(_) | Reply::Opened(_) => Err(WorkerError::OutOfTurn),
            Reply::Failed { why } => Err(WorkerError::Failed { why }),
        }
    }

    /// As [`Worker::run`].
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn run(&mut self, challenge: &Challenge) -> Result<Commitment, WorkerError> {
        let request = Request::Run {
            seed: *challenge.seed(),
            profile: challenge.profile().name().to_owned(),
            slots: challenge.slots(),
            segments: challenge.segments(),
        };
        match self.ask(&request)? {
            Reply::Committed(commitment) => Ok(commitment),
            Reply::Ready { .. } | Reply::Opened(_) => Err(WorkerError::OutOfTurn),
            Reply::Failed { why } => Err(WorkerError::Failed { why }),
        }
    }

    /// As [`Worker::open`].
    ///
    /// # Errors
    /// As [`Worker::open`].
    pub fn open(&mut self, seed: &Bytes32, draws: &[Draw]) -> Result<Openings, WorkerError> {
        match self.ask(&Request::Open { seed: *seed, draws: draws.to_vec() })? {
            Reply::Opened(openings) => Ok(openings),
            Reply::Ready { .. } | Reply::Committed(_) => Err(WorkerError::OutOfTurn),
            Reply::Failed { why } => Err(WorkerError::Failed { why }),
        }
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, WorkerError> {
        frame::write(&mut self.requests, request, frame::REQUEST_MAX)?;
        frame::read(&mut self.replies, frame::REPLY_MAX)?
            .ok_or(WorkerError::Frame(FrameError::Ended))
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
    Ok(serve_on(Engine::on(device.open()?, path), requests, replies)?)
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
        let reply = answer(&mut engine, request).unwrap_or_else(|why| Reply::Failed { why });
        frame::write(&mut replies, &reply, frame::REPLY_MAX)?;
    }
    Ok(())
}

/// Across the pipe an error is its text: the other side can only show it.
fn answer(engine: &mut Engine, request: Request) -> Result<Reply, String> {
    match request {
        Request::Hello => Ok(Reply::Ready { protocol: PROTOCOL }),
        Request::Run { seed, profile, slots, segments } => {
            let profile = ClassProfile::named(&profile)
                .ok_or_else(|| format!("profile `{profile}` is not known to this worker"))?;
            let challenge = Challenge::new(seed, profile, slots, segments)
                .map_err(|error: ChallengeError| error.to_string())?;
            engine.run(&challenge).map(Reply::Committed).map_err(|error| error.to_string())
        }
        Request::Open { seed, draws } => {
            engine.open(&seed, &draws).map(Reply::Opened).map_err(|error| error.to_string())
        }
    }
}
