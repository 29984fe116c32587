//! The worker and the one job that it has: work is done beside the connection, never instead of it.
//!
//! Invariants:
//! - a worker process that dies is started again and asked once more; when none comes up, this CPU
//!   takes over;
//! - work that is no longer kept when its rows are drawn is done again: it has the same root.

use std::path::PathBuf;
use std::process::Command;

use tokio::task::JoinHandle;

use super::demand::Key;
use super::duties::{Job, Opens};
use crate::challenge::draw;
use crate::device::{DeviceKind, Path};
use crate::expand::Bytes32;
use crate::program::Openings;
use crate::role::RoleError;
use crate::salt::{KnownSalts, NO_SECRET};
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
    path: Path,
    /// The binary that has the worker; none to work in this process.
    binary: Option<PathBuf>,
}

impl Bench {
    /// Starts the worker: `binary agent-worker --device DEVICE --path PATH`, or in this process when
    /// there is no binary. Only where no device was asked for by name is there a stand-in when the
    /// process does not come up.
    pub(super) async fn open(
        (device, path): (DeviceKind, Path),
        binary: Option<PathBuf>,
    ) -> Result<Self, RoleError> {
        let place = Place { device, path, binary };
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
            if let Err(reason) = done.as_ref().map_err(ToString::to_string)
                && done.as_ref().is_err_and(has_died)
            {
                tracing::warn!(%key, reason, "worker of no more use, starting another");
                worker = place.another_worker();
                // What a worker has hung in is late by now.
                if !matches!(done, Err(WorkerError::Hung)) {
                    done = work(&mut worker, &job);
                }
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
            (None, device) => Ok(in_process(Engine::new(device.open()?).by(self.path))),
            (Some(binary), DeviceKind::Cpu | DeviceKind::Auto) => {
                Ok(Worker::start(self.command(binary)))
            }
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

    fn command(&self, binary: &std::path::Path) -> Command {
        let mut command = Command::new(binary);
        command.args(["agent-worker", "--device", self.device.name(), "--path", self.path.name()]);
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
    let mut asker = KnownSalts(NO_SECRET);
    let Some(Opens { work_root, draw_seed }) = job.opens else {
        return worker.run(&job.challenge, &mut asker).map(|done| Done::Work(done.work_root));
    };
    let seed = job.challenge.seed();
    let draws = draw(&draw_seed, &job.challenge, &work_root);
    match worker.open(seed, &draws) {
        // Across the pipe the reason is a text; doing the work again is right whatever it says.
        Err(WorkerError::NotKept | WorkerError::Failed { .. }) => {
            worker.run(&job.challenge, &mut asker)?;
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
        | WorkerError::Hung
        | WorkerError::DeviceLost { .. }
        | WorkerError::Stopped => true,
        WorkerError::Program(_)
        | WorkerError::PoolTooLarge { .. }
        | WorkerError::NotKept
        | WorkerError::Failed { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::Challenge;
    use crate::fault::Fault;
    use crate::profile::ClassProfile;
    use crate::verify::{Claimed, Verdict, verify};

    const CPU: (DeviceKind, Path) = (DeviceKind::Cpu, Path::Tf32);

    fn job(seed: u8) -> Job {
        let challenge = Challenge::new([seed; 32], ClassProfile::CI, 1, 2).unwrap();
        let key = Key { obligation: 1, interval: seed.into() };
        Job { key, challenge, fault: Fault::None, opens: None }
    }

    async fn root(bench: &mut Bench, job: Job) -> Bytes32 {
        bench.begin(job);
        match bench.done().await.1 {
            Ok(Done::Work(work_root)) => work_root,
            other => panic!("no work: {other:?}"),
        }
    }

    /// WORK-019: says hello like a worker, then dies; the second time it does not even say hello.
    #[cfg(unix)]
    #[tokio::test]
    async fn work_019_when_no_worker_comes_up_again_this_process_takes_over() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("worker");
        let text = "#!/bin/sh\nmkdir \"$0.started\" 2>/dev/null || exit 1\n\
                    head -c 5 > /dev/null\n\
                    printf '\\003\\000\\000\\000\\000\\003\\000'\n";
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut bench = Bench::open(CPU, Some(script.clone())).await.unwrap();
        assert!(matches!(bench.worker, Some(Worker::Process(_))));
        let expected = Engine::new(candle_core::Device::Cpu)
            .run(&job(1).challenge, &mut KnownSalts(NO_SECRET));
        let expected = expected.unwrap();
        assert_eq!(root(&mut bench, job(1)).await, expected.work_root);
        assert!(matches!(bench.worker, Some(Worker::InProcess(_))));
        // WORK-020: but not where a device was asked for that this process is not.
        let refused =
            Bench::open((DeviceKind::Cuda, Path::Tf32), Some(script)).await.err().unwrap();
        assert!(matches!(refused, RoleError::Worker { device: DeviceKind::Cuda, .. }));
    }

    /// WORK-023: as after the death of a worker, or of an agent that has come back.
    #[tokio::test]
    async fn work_023_work_that_is_no_longer_kept_is_done_again_to_open_it() {
        let mut bench = Bench::open(CPU, None).await.unwrap();
        let done = job(2);
        let work_root = root(&mut bench, done.clone()).await;
        bench.worker = None;
        let draw_seed = [3; 32];
        let opens = Some(Opens { work_root, draw_seed });
        bench.begin(Job { opens, ..done.clone() });
        let Ok(Done::Openings(openings)) = bench.done().await.1 else { panic!("not opened") };
        let claimed = Claimed { work_root, salt_key: NO_SECRET, draw_seed };
        let verdict = verify(&done.challenge, &claimed, &openings);
        assert!(matches!(verdict, Verdict::Valid), "{verdict:?}");
    }

    #[cfg(not(feature = "cuda"))]
    #[tokio::test]
    async fn work_020_an_agent_without_the_device_it_was_told_to_use_does_not_start() {
        let refused = Bench::open((DeviceKind::Cuda, Path::Tf32), None).await.err().unwrap();
        assert!(matches!(refused, RoleError::Device(_)), "{refused}");
    }
}
