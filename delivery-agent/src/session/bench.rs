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
use super::relay::{Line, Relay, Salts, relay};
use crate::challenge::{SegmentId, draw};
use crate::device::{DeviceKind, Path};
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

/// What a worker at work has to say.
#[derive(Debug)]
pub(super) enum News {
    /// A segment is finished.
    Root(SegmentId, Bytes32),
    /// The job is.
    Done(Result<Done, WorkerError>),
}

/// A worker, idle or at work.
pub(super) struct Bench {
    place: Place,
    worker: Option<Worker>,
    running: Option<Running>,
}

/// A job.
struct Running {
    key: Key,
    /// The way to it, as long as anybody wants it.
    line: Option<Line>,
    handle: JoinHandle<Finished>,
    /// It has ended, and its last roots have not been told yet.
    finished: Option<Result<Done, WorkerError>>,
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
        let (mut relay, line) = relay(job.salts.clone());
        let work = move || {
            let mut worker = worker.unwrap_or_else(|| place.another_worker());
            let mut done = work(&mut worker, &job, &mut relay);
            if done.as_ref().is_err_and(has_died) {
                tracing::warn!(%key, "worker has died, starting another");
                worker = place.another_worker();
                done = work(&mut worker, &job, &mut relay);
            }
            (worker, done)
        };
        let handle = tokio::task::spawn_blocking(work);
        self.running = Some(Running { key, line: Some(line), handle, finished: None });
    }

    /// What comes of the job: its roots, and then its end. Never, when there is none. Nothing is lost
    /// when this is dropped.
    pub(super) async fn news(&mut self) -> (Key, News) {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let key = running.key;
        if running.finished.is_none() {
            let finished = tokio::select! {
                (id, root) = root(&mut running.line) => return (key, News::Root(id, root)),
                finished = &mut running.handle => finished,
            };
            running.finished = Some(match finished {
                Ok((worker, done)) => {
                    self.worker = Some(worker);
                    done
                }
                Err(_panic) => Err(WorkerError::Stopped),
            });
        }
        // What it has said last comes before its end.
        if let Some((id, root)) = running.line.as_mut().and_then(Line::root_now) {
            return (key, News::Root(id, root));
        }
        let finished = running.finished.take();
        self.running = None;
        (key, News::Done(finished.unwrap_or(Err(WorkerError::Stopped))))
    }

    /// Passes salts on to the job, if it is that challenge's.
    pub(super) fn salt(&self, key: Key, salts: &Salts) {
        if let Some(running) = self.running.as_ref().filter(|running| running.key == key)
            && let Some(line) = &running.line
        {
            for (id, salt) in salts {
                line.salt(*id, *salt);
            }
        }
    }

    /// Ends the job if nobody wants it any more: one that waits for a salt would wait for ever.
    pub(super) fn interrupt_unless(&mut self, is_wanted: impl Fn(Key) -> bool) {
        if let Some(running) = self.running.as_mut().filter(|running| !is_wanted(running.key)) {
            running.line = None;
        }
    }
}

async fn root(line: &mut Option<Line>) -> (SegmentId, Bytes32) {
    match line {
        Some(line) => line.root().await,
        None => std::future::pending().await,
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

fn work(worker: &mut Worker, job: &Job, relay: &mut Relay) -> Result<Done, WorkerError> {
    if let Worker::InProcess(engine) = worker {
        engine.set_fault(job.fault);
    }
    let Some(Opens { work_root, draw_seed }) = job.opens else {
        return worker.run(&job.challenge, relay).map(|done| Done::Work(done.work_root));
    };
    let seed = job.challenge.seed();
    let draws = draw(&draw_seed, &job.challenge, &work_root);
    match worker.open(seed, &draws) {
        // Across the pipe the reason is a text; doing the work again is right whatever it says.
        Err(WorkerError::NotKept | WorkerError::Failed { .. }) => {
            worker.run(&job.challenge, relay)?;
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
    use crate::salt::{KnownSalts, NO_SECRET, salt};
    use crate::verify::{Claimed, Verdict, verify};

    const CPU: (DeviceKind, Path) = (DeviceKind::Cpu, Path::Tf32);

    fn job(seed: u8) -> Job {
        let challenge = Challenge::new([seed; 32], ClassProfile::CI, 1, 2).unwrap();
        let key = Key { obligation: 1, challenge: seed.into() };
        let ids = (0..2).map(|segment| SegmentId { slot: 0, segment });
        let salts = ids.map(|id| (id, salt(&NO_SECRET, id))).collect();
        Job { key, challenge, fault: Fault::None, opens: None, salts }
    }

    async fn done(bench: &mut Bench, job: Job) -> (usize, Result<Done, WorkerError>) {
        bench.begin(job);
        let mut roots = 0;
        loop {
            match bench.news().await.1 {
                News::Root(..) => roots += 1,
                News::Done(done) => return (roots, done),
            }
        }
    }

    async fn root(bench: &mut Bench, job: Job) -> Bytes32 {
        match done(bench, job).await {
            (2.., Ok(Done::Work(work_root))) => work_root,
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
                    printf '\\003\\000\\000\\000\\000\\002\\000'\n";
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
        let (_, opened) = self::done(&mut bench, Job { opens, ..done.clone() }).await;
        let Ok(Done::Openings(openings)) = opened else { panic!("not opened") };
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

    /// SESSION-010: and the worker is there for the next one.
    #[tokio::test]
    async fn session_010_a_job_that_waits_for_a_salt_ends_when_nobody_wants_it() {
        let mut bench = Bench::open(CPU, None).await.unwrap();
        let waiting = Job { salts: Salts::new(), ..job(3) };
        bench.begin(waiting.clone());
        bench.interrupt_unless(|key| key != waiting.key);
        let (key, News::Done(Err(interrupted))) = bench.news().await else { panic!("it goes on") };
        assert_eq!(key, waiting.key);
        assert!(interrupted.to_string().contains("no more salts"), "{interrupted}");
        // One that is given what it waits for goes on.
        bench.begin(waiting.clone());
        bench.salt(job(4).key, &job(4).salts);
        bench.salt(waiting.key, &waiting.salts);
        bench.salt(waiting.key, &job(3).salts);
        while let (_, News::Root(..)) = bench.news().await {}
        assert!(bench.is_idle());
    }
}
