//! The process that a buyer's job runs in: it has the job's directory to read, a pipe to write to, and
//! nothing else.
//!
//! ```text
//! agent (keys) --spawn, empty environment--> job process: limits, Landlock, device, seccomp, then the job
//!              <--one frame on stdout------- result, or why not
//! ```
//!
//! The process limits itself before it reads the first byte of the job, since only trusted code has run
//! until then, and none of it can be undone afterwards. The agent holds the clock and ends the process.
//!
//! Invariants:
//! - a job whose limits the kernel cannot hold is not run: [`Stop::Layer`];
//! - every end of the process that is not a result has a typed reason;
//! - what the process writes is bounded, and is checked as any claim is.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use borsh::{BorshDeserialize, BorshSerialize};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::check::Program;
use super::run::{Finished, JobFault};
use super::spec::{BLOB_LEN_MAX, JobResult};
use crate::device::DeviceKind;

mod child;
mod dir;
mod seal;

pub use child::{Arguments, serve_job};
pub use dir::JobDir;
pub use seal::{Layer, Sealed, seal};

/// Longest frame that a job process writes: its blob, and what stands around it.
pub const REPLY_LEN_MAX: u64 = BLOB_LEN_MAX + (1 << 20);
/// What is kept of a process's last words.
const LAST_WORDS_LEN_MAX: u64 = 4 * 1024;
/// What Rust says when it gets no more memory.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// Runs jobs in processes of a binary.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// Its job entry reads [`Arguments`].
    pub program: PathBuf,
    /// What comes before them: the name of the entry.
    pub arguments: Vec<OsString>,
    /// What the job computes on.
    pub device: DeviceKind,
    /// How the provider treats it.
    pub fault: JobFault,
}

/// Why a job process gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// It could not be started.
    #[error("job process did not start: {0}")]
    NotStarted(io::Error),
    /// The kernel does not offer what a job must be held by.
    #[error("{layer} is not to be had here: {why}")]
    Layer {
        /// What.
        layer: Layer,
        /// In the kernel's words.
        why: String,
    },
    /// It took longer than declared.
    #[error("not done after {seconds} s")]
    WallClock {
        /// As declared.
        seconds: u32,
    },
    /// It used more processor time than its wall clock can hold.
    #[error("processor time is used up")]
    CpuTime,
    /// It needed more memory than declared.
    #[error("more memory than the {bytes} bytes declared")]
    Memory {
        /// As declared.
        bytes: u64,
    },
    /// It made a system call that no job makes: a process, a socket, another's memory.
    #[error("a system call that no job may make")]
    ForbiddenCall,
    /// It asked for a file that is not the job's, or to write one.
    #[error("denied: {what}")]
    Denied {
        /// In its own words.
        what: String,
    },
    /// It wrote to a file.
    #[error("wrote to a file")]
    FileSize,
    /// Its frame is too long.
    #[error("more than {REPLY_LEN_MAX} bytes of output")]
    OutputTooLong,
    /// What it wrote is no frame, or a result of another job.
    #[error("output is not a result of this job")]
    Malformed,
    /// The job cannot be run, and why.
    #[error("job failed: {why}")]
    Failed {
        /// In its own words.
        why: String,
    },
    /// A signal that is none of the above ended it.
    #[error("ended by signal {signal}")]
    Crashed {
        /// Which.
        signal: i32,
    },
    /// It ended without a word.
    #[error("ended with code {code} and no result")]
    Ended {
        /// Its exit code.
        code: i32,
    },
}

/// What a job process writes before it ends.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub enum Reply {
    /// The run came to its end.
    Finished {
        /// What the agent signs.
        result: JobResult,
        /// The output.
        blob: Vec<u8>,
    },
    /// A layer is missing.
    Layer {
        /// Which.
        layer: Layer,
        /// In the kernel's words.
        why: String,
    },
    /// A file was not to be had.
    Denied {
        /// What it asked for.
        what: String,
    },
    /// The job cannot be run.
    Failed {
        /// Why.
        why: String,
    },
}

impl Sandbox {
    /// Runs a job to its end, or to the end of its time.
    ///
    /// Blocks. The process is gone when this returns.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn run(&self, program: &Program, dir: &JobDir) -> Result<Finished, Stop> {
        let mut child = self.spawn(program, dir).map_err(Stop::NotStarted)?;
        let deadline = now() + Duration::from_secs(program.spec().limits.seconds.into());
        let ended = Ended::wait(&mut child, deadline).map_err(Stop::NotStarted)?;
        let reply = ended.reply(program)?;
        match reply {
            Reply::Finished { result, blob } => {
                let is_its = result.job == program.id()
                    && result.output_blob == super::Digest::of(&blob)
                    && super::blob::output_matches(program, &blob, &result.output_root).is_ok();
                if is_its { Ok(Finished { result, blob }) } else { Err(Stop::Malformed) }
            }
            Reply::Layer { layer, why } => Err(Stop::Layer { layer, why }),
            Reply::Denied { what } => Err(Stop::Denied { what }),
            Reply::Failed { why } => Err(Stop::Failed { why }),
        }
    }

    fn spawn(&self, program: &Program, dir: &JobDir) -> io::Result<Child> {
        let limits = &program.spec().limits;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        Arguments {
            dir: dir.path().to_owned(),
            device: self.device,
            bytes: limits.bytes,
            seconds: limits.seconds,
            lies: self.fault != JobFault::None,
        }
        .put(&mut command);
        command.env_clear();
        // Each further arena would take address space that the limit on memory counts.
        command.env("MALLOC_ARENA_MAX", "2");
        if self.device == DeviceKind::Cuda {
            let kept = ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"];
            command.envs(kept.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        command.current_dir(dir.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn()
    }
}

/// How a process ended, and what it left.
struct Ended {
    /// `None`: its time was over.
    status: Option<ExitStatus>,
    output: Vec<u8>,
    last_words: String,
}

impl Ended {
    fn wait(child: &mut Child, deadline: Instant) -> io::Result<Self> {
        let (Some(output), Some(words)) = (child.stdout.take(), child.stderr.take()) else {
            unreachable!("both pipes were asked for")
        };
        let output = thread::spawn(move || at_most(output, REPLY_LEN_MAX));
        let words = thread::spawn(move || at_most(words, LAST_WORDS_LEN_MAX));
        let is_over = !ends_before(child, deadline)?;
        // Whatever it is doing, nothing of it stays. It cannot have left its group: see `seal`.
        let group = Pid::from_child(child);
        if let Err(error) = kill_process_group(group, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "job process could not be ended");
        }
        let status = child.wait()?;
        let output = output.join().unwrap_or_default();
        let last_words = String::from_utf8_lossy(&words.join().unwrap_or_default()).into_owned();
        Ok(Self { status: (!is_over).then_some(status), output, last_words })
    }

    fn reply(&self, program: &Program) -> Result<Reply, Stop> {
        let limits = &program.spec().limits;
        if REPLY_LEN_MAX < self.output.len() as u64 {
            return Err(Stop::OutputTooLong);
        }
        let Some(status) = self.status else {
            return Err(Stop::WallClock { seconds: limits.seconds });
        };
        let signal = |signal: Signal| status.signal() == Some(signal.as_raw());
        if signal(Signal::SYS) {
            return Err(Stop::ForbiddenCall);
        }
        if signal(Signal::XCPU) {
            return Err(Stop::CpuTime);
        }
        if signal(Signal::XFSZ) {
            return Err(Stop::FileSize);
        }
        if self.last_words.contains(OUT_OF_MEMORY) {
            return Err(Stop::Memory { bytes: limits.bytes });
        }
        if let Some(signal) = status.signal() {
            return Err(Stop::Crashed { signal });
        }
        if self.output.is_empty() {
            return Err(Stop::Ended { code: status.code().unwrap_or_default() });
        }
        borsh::from_slice(&self.output).map_err(|_not_a_reply| Stop::Malformed)
    }
}

/// Whether the process ends of itself.
fn ends_before(child: &Child, deadline: Instant) -> io::Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    loop {
        let left = deadline.saturating_duration_since(now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut ends = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
        match poll(&mut ends, Some(&timeout)) {
            Ok(ready) => return Ok(0 < ready),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// One byte more than the limit tells that there was more; then the pipe is closed.
fn at_most(pipe: impl Read, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = pipe.take(limit + 1).read_to_end(&mut bytes) {
        tracing::debug!(%error, "pipe of a job process broke");
    }
    bytes
}

#[expect(clippy::disallowed_methods, reason = "a process is ended by the clock of this machine")]
fn now() -> Instant {
    Instant::now()
}
