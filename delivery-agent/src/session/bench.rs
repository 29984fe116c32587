//! The worker and the one job that it has: work is done beside the connection, never instead of it.
//!
//! Invariants:
//! - a worker process that dies is started again and asked once more; when none comes up, this CPU
//!   takes over;
//! - work that is no longer kept when its rows are drawn is done again: it has the same root.

use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::task::JoinHandle;

use super::demand::Key;
use super::duties::{Job, Opens};
use crate::challenge::draw;
use crate::device::DeviceKind;
use crate::expand::Bytes32;
use crate::program::Openings;
use crate::role::RoleError;
use crate::worker::{Engine, Process, Worker, WorkerError};

/// What has come of a job.
#[derive(Debug)]
pub(super) enum Done {
    /// The work is done, and has this root.
    Work(Bytes32),
    /// The rows are opened.
    Openings(Openings),
}

/// A worker, idle or at work.
pub(super) struct Bench {
    place: Place,
    worker: Option<Worker>,
    running: Option<(Key, JoinHandle<Finished>)>,
}

type Finished = (Worker, Result<Done, WorkerError>);

/// Where work is done.
#[derive(Debug, Clone)]
struct Place {
    device: DeviceKind,
    /// The binary that has the worker; none to work in this process.
    binary: Option<PathBuf>,
}

impl Bench {
    /// Starts the worker: `binary agent-worker --device DEVICE`, or in this process when there is no
    /// binary. Only for a CPU is there a stand-in when the process does not come up.
    pub(super) async fn open(
        device: DeviceKind,
        binary: Option<PathBuf>,
    ) -> Result<Self, RoleError> {
        let place = Place { device, binary };
        let opening = place.clone();
        let opened = tokio::task::spawn_blocking(move || opening.first_worker()).await;
        let stopped = |_panic| RoleError::Worker { device, source: WorkerError::Stopped };
        Ok(Self { place, worker: Some(opened.map_err(stopped)??), running: None })
    }

    /// Whether it has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none()
    }

    /// Begins a job.
    ///
    /// # Panics
    /// When it has one.
    pub(super) fn begin(&mut self, job: Job) {
        assert!(self.is_idle(), "a worker has one job at a time");
        let (worker, place) = (self.worker.take(), self.place.clone());
        let key = job.key;
        let work = move || {
            let mut worker = worker.unwrap_or_else(|| place.another_worker());
            let mut done = work(&mut worker, &job);
            if done.as_ref().is_err_and(has_died) {
                tracing::warn!(%key, "worker has died, starting another");
                worker = place.another_worker();
                done = work(&mut worker, &job);
            }
            (worker, done)
        };
        self.running = Some((key, tokio::task::spawn_blocking(work)));
    }

    /// What has come of the job; never, when there is none. Nothing is lost when this is dropped.
    pub(super) async fn done(&mut self) -> (Key, Result<Done, WorkerError>) {
        let Some((key, running)) = &mut self.running else { return std::future::pending().await };
        let (key, finished) = (*key, running.await);
        self.running = None;
        match finished {
            Ok((worker, done)) => {
                self.worker = Some(worker);
                (key, done)
            }
            Err(_panic) => (key, Err(WorkerError::Stopped)),
        }
    }
}

impl Place {
    fn first_worker(&self) -> Result<Worker, RoleError> {
        match (&self.binary, self.device) {
            (None, device) => Ok(in_process(Engine::new(device.open()?))),
            (Some(binary), DeviceKind::Cpu) => Ok(Worker::start(self.command(binary))),
            (Some(binary), device @ DeviceKind::Cuda) => Process::start(self.command(binary))
                .map(Worker::Process)
                .map_err(|source| RoleError::Worker { device, source }),
        }
    }

    /// In the middle of a delivery a slow answer is better than none.
    fn another_worker(&self) -> Worker {
        match &self.binary {
            Some(binary) => Worker::start(self.command(binary)),
            None => in_process(Engine::new(candle_core::Device::Cpu)),
        }
    }

    fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command.args(["agent-worker", "--device", self.device.name()]);
        command
    }
}

fn in_process(engine: Engine) -> Worker {
    Worker::InProcess(Box::new(engine))
}

fn work(worker: &mut Worker, job: &Job) -> Result<Done, WorkerError> {
    if let Worker::InProcess(engine) = worker {
        engine.set_fault(job.fault);
    }
    let Some(Opens { work_root, draw_seed }) = job.opens else {
        return worker.run(&job.challenge).map(|done| Done::Work(done.work_root));
    };
    let seed = job.challenge.seed();
    let draws = draw(&draw_seed, &job.challenge, &work_root);
    match worker.open(seed, &draws) {
        // Across the pipe the reason is a text; doing the work again is right whatever it says.
        Err(WorkerError::NotKept | WorkerError::Failed { .. }) => {
            worker.run(&job.challenge)?;
            worker.open(seed, &draws).map(Done::Openings)
        }
        opened => opened.map(Done::Openings),
    }
}

/// Whether the worker is of no more use.
fn has_died(error: &WorkerError) -> bool {
    match error {
        WorkerError::Frame(_)
        | WorkerError::OutOfTurn
        | WorkerError::NotStarted(_)
        | WorkerError::OtherProtocol { .. }
        | WorkerError::Stopped => true,
        WorkerError::Program(_) | WorkerError::NotKept | WorkerError::Failed { .. } => false,
    }
}
