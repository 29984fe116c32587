//! The worker and the one job that it has: work is done beside the connection, never instead of it.
//!
//! Invariants:
//! - a worker process that dies is started again and asked once more; when none comes up, this CPU
//!   takes over;
//! - one that hangs is given up when its answer is worth nothing any more;
//! - work that is no longer kept when its rows are drawn is done again: it has the same root.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use super::demand::Key;
use super::duties::{Job, Opens};
use super::relay::{Line, Relay, Salts, relay};
use crate::challenge::{SegmentId, draw};
use crate::device::{DeviceKind, Path};
use crate::expand::Bytes32;
use crate::program::Openings;
use crate::role::RoleError;
use crate::worker::{Engine, PATIENCE, Process, Worker, WorkerError};

/// How far this machine's clock may be behind or before the exchange's.
const CLOCKS_APART: Duration = Duration::from_secs(60);
/// A challenge that is due later than this is worked on for as long, and not longer.
const PATIENCE_MAX: Duration = Duration::from_secs(3_600);

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
            if let Err(error) = &done
                && has_died(error)
            {
                tracing::warn!(%key, %error, "worker of no more use, starting another");
                // What a worker has hung in is late by now.
                let is_late = matches!(error, WorkerError::Hung);
                worker = place.another_worker();
                if !is_late {
                    done = work(&mut worker, &job, &mut relay);
                }
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

/// How long the answer to a job can be worth anything: until it is due, and a while for a clock that
/// is not the exchange's. This clock decides nothing but when this worker is given up.
fn patience(job: &Job, now_ms: u64) -> Duration {
    if job.opens.is_some() || job.answer_by == 0 {
        return PATIENCE;
    }
    let left = Duration::from_millis(job.answer_by.saturating_sub(now_ms));
    left.saturating_add(CLOCKS_APART).min(PATIENCE_MAX)
}

#[expect(clippy::disallowed_methods, reason = "see `patience`")]
fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

fn work(worker: &mut Worker, job: &Job, relay: &mut Relay) -> Result<Done, WorkerError> {
    worker.give_up_after(patience(job, now_ms()));
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
    use crate::salt::{KnownSalts, NO_SECRET, salt};
    use crate::verify::{Claimed, Verdict, verify};

    const CPU: (DeviceKind, Path) = (DeviceKind::Cpu, Path::Tf32);

    fn job(seed: u8) -> Job {
        let challenge = Challenge::new([seed; 32], ClassProfile::CI, 1, 2).unwrap();
        let key = Key { obligation: 1, challenge: seed.into() };
        let ids = (0..2).map(|segment| SegmentId { slot: 0, segment });
        let salts = ids.map(|id| (id, salt(&NO_SECRET, id))).collect();
        Job { key, challenge, fault: Fault::None, opens: None, salts, answer_by: 0 }
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

    #[cfg(unix)]
    fn script(directory: &std::path::Path, text: &str) -> PathBuf {
        let script = directory.join("worker");
        // By another process: a file that this one had open could not be run while a test beside forks.
        let write = r#"printf '%s' "$1" > "$0" && chmod 700 "$0""#;
        let mut shell = Command::new("sh");
        shell.args(["-c", write]).arg(&script).arg(format!("#!/bin/sh\n{text}"));
        assert!(shell.status().unwrap().success());
        script
    }

    /// WORK-019: says hello like a worker, then dies; the second time it does not even say hello.
    #[cfg(unix)]
    #[tokio::test]
    async fn work_019_when_no_worker_comes_up_again_this_process_takes_over() {
        let directory = tempfile::tempdir().unwrap();
        let script = script(
            directory.path(),
            "mkdir \"$0.started\" 2>/dev/null || exit 1\n\
             head -c 5 > /dev/null\n\
             printf '\\003\\000\\000\\000\\000\\003\\000'\n",
        );
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

    /// CUDA-007: the first process says that its device is lost; a second one does not come up.
    #[cfg(unix)]
    #[tokio::test]
    async fn cuda_007_work_on_a_lost_device_is_done_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let script = script(
            directory.path(),
            "mkdir \"$0.started\" 2>/dev/null || exit 1\n\
             head -c 5 > /dev/null\n\
             printf '\\003\\000\\000\\000\\000\\003\\000'\n\
             head -c 60 > /dev/null\n\
             printf '\\010\\000\\000\\000\\005\\003\\000\\000\\000Xid'\n",
        );
        let mut bench = Bench::open(CPU, Some(script)).await.unwrap();
        assert!(matches!(bench.worker, Some(Worker::Process(_))));
        let mut here = Engine::new(candle_core::Device::Cpu);
        let expected = here.run(&job(6).challenge, &mut KnownSalts(NO_SECRET)).unwrap();
        assert_eq!(root(&mut bench, job(6)).await, expected.work_root);
        assert!(matches!(bench.worker, Some(Worker::InProcess(_))));
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

    #[test]
    fn cuda_006_a_worker_is_given_up_soon_after_its_answer_was_due() {
        let due = |answer_by: u64| patience(&Job { answer_by, ..job(1) }, 1_000_000);
        assert_eq!(due(1_030_000), Duration::from_secs(90));
        // Late already, by this clock.
        assert_eq!(due(1), CLOCKS_APART);
        assert_eq!(due(u64::MAX), PATIENCE_MAX);
        // Not known when it is due.
        assert_eq!(due(0), PATIENCE);
        let opens = Some(Opens { work_root: [1; 32], draw_seed: [2; 32] });
        assert_eq!(patience(&Job { opens, answer_by: 1, ..job(1) }, 1_000_000), PATIENCE);
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
