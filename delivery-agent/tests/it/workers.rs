//! Agent and worker: the same answers through a pipe, and life after a worker's death.

use std::io::{Read, pipe};
use std::process::Command;
use std::thread;
use std::time::Duration;

use candle_core::Device;
use delivery_agent::challenge::{Challenge, SegmentId, draw};
use delivery_agent::device::{DeviceError, DeviceKind};
use delivery_agent::profile::ClassProfile;
use delivery_agent::program::ProgramError;
use delivery_agent::salt::{Asker, Interrupted, KnownSalts};
use delivery_agent::verify::{self, Claimed, Verdict};
use delivery_agent::worker::{
    self, Engine, FrameError, Link, Process, WORKS_KEPT, Worker, WorkerError,
};

use crate::challenge_of;

#[test]
fn work_019_a_worker_behind_pipes_answers_like_one_in_process() {
    let (requests_in, requests_out) = pipe().unwrap();
    let (replies_in, replies_out) = pipe().unwrap();
    let serving = thread::spawn(move || worker::serve(requests_in, replies_out, Device::Cpu));
    let mut link = Link::new(replies_in, requests_out);
    let mut engine = Engine::new(Device::Cpu);
    link.hello().unwrap();

    let challenge = challenge_of(ClassProfile::CI, 1);
    let (mut heard, mut direct) = (Heard::default(), Heard::default());
    assert_eq!(link.fill(&challenge).unwrap().bytes, 1 << 18);
    let committed = link.run(&challenge, &mut heard).unwrap();
    assert_eq!(committed, engine.run(&challenge, &mut direct).unwrap());
    // WORK-031: the roots have come one by one, every segment of all slots before the next.
    assert_eq!(heard, direct);
    assert_eq!(heard.0.len(), 6);
    assert!(heard.0.is_sorted_by_key(|(id, _)| (id.segment, id.slot)));
    let draws = draw(&[2; 32], &challenge, &committed.work_root);
    let opened = link.open(challenge.seed(), &draws).unwrap();
    assert_eq!(opened, engine.open(challenge.seed(), &draws).unwrap());
    let (work_root, salt_key, draw_seed) = (committed.work_root, [5; 32], [2; 32]);
    let claimed = Claimed { work_root, salt_key, draw_seed };
    let verdict = verify::verify(&challenge, &claimed, &opened);
    assert!(matches!(verdict, Verdict::Valid), "{verdict:?}");

    // A request it cannot meet leaves it alive.
    let unknown = link.open(&[9; 32], &draws).unwrap_err();
    assert!(matches!(unknown, WorkerError::Failed { .. }), "{unknown}");
    link.hello().unwrap();

    // Nor does one that nobody waits for any more.
    let stopped = link.run(&challenge, &mut Heard(Vec::new(), 3)).unwrap_err();
    assert!(matches!(stopped, WorkerError::Program(ProgramError::Interrupted(_))), "{stopped}");
    assert_eq!(link.run(&challenge, &mut Heard::default()).unwrap(), committed);

    drop(link);
    serving.join().unwrap().unwrap();
}

/// An asker that keeps the roots, and after some of them does not wait any longer.
#[derive(Debug, PartialEq)]
struct Heard(Vec<(SegmentId, [u8; 32])>, usize);

impl Default for Heard {
    fn default() -> Self {
        Self(Vec::new(), usize::MAX)
    }
}

impl Asker for Heard {
    fn finished(&mut self, id: SegmentId, root: &[u8; 32]) -> Result<(), Interrupted> {
        self.0.push((id, *root));
        if self.0.len() < self.1 { Ok(()) } else { Err(Interrupted { why: "late".to_owned() }) }
    }

    fn salt(&mut self, id: SegmentId) -> Result<[u8; 32], Interrupted> {
        KnownSalts([5; 32]).salt(id)
    }
}

#[test]
fn work_033_pools_stay_resident_within_their_limit() {
    let of = |seed: u8, profile: ClassProfile| Challenge::new([seed; 32], profile, 1, 1).unwrap();
    let (small, large) = (ClassProfile::CI, ClassProfile::CI.with_pool(16).unwrap());
    let mut engine = Engine::new(Device::Cpu).with_pool_limit(1 << 20);
    let filled = engine.fill(&of(1, large)).unwrap();
    assert_eq!((filled.bytes, engine.resident_bytes()), (1 << 20, 1 << 20));
    // A challenge of fewer matrices is met from the same pool, which is only made smaller on demand.
    let root = |engine: &mut Engine, challenge: &Challenge| {
        engine.run(challenge, &mut KnownSalts([5; 32])).unwrap().work_root
    };
    let met = root(&mut engine, &of(1, small));
    assert_eq!(engine.resident_bytes(), 1 << 20);
    assert_eq!(met, root(&mut Engine::new(Device::Cpu), &of(1, small)));
    assert_ne!(met, root(&mut engine, &of(1, large)));
    engine.fill(&of(1, small)).unwrap();
    assert_eq!(engine.resident_bytes(), 1 << 18);
    // Later challenges of the session use it too; another session's has room beside it.
    root(&mut engine, &of(2, small).in_session(&[1; 32]));
    assert_eq!(engine.resident_bytes(), 1 << 18);
    root(&mut engine, &of(3, small));
    assert_eq!(engine.resident_bytes(), 2 << 18);
    // The ones used longest ago go.
    root(&mut engine, &of(4, ClassProfile::CI.with_pool(13).unwrap()));
    assert_eq!(engine.resident_bytes(), 13 << 16);
    let refused = engine.fill(&of(5, ClassProfile::CI.with_pool(17).unwrap())).unwrap_err();
    assert_eq!(refused.to_string(), "pool of 1114112 bytes, limit 1048576");
}

#[test]
fn work_019_without_a_worker_process_the_agent_computes_itself() {
    let challenge = challenge_of(ClassProfile::CI, 2);
    // One that does not exist, and one that starts and says nothing.
    for program in ["/nonexistent/worker", "true"] {
        let mut worker = Worker::start(Command::new(program));
        assert!(matches!(worker, Worker::InProcess(_)), "{program}");
        let committed = worker.run(&challenge, &mut KnownSalts([5; 32])).unwrap();
        assert_eq!(
            committed,
            Engine::new(Device::Cpu).run(&challenge, &mut KnownSalts([5; 32])).unwrap()
        );
    }
}

#[test]
fn work_019_an_agent_that_sends_no_requests_is_refused() {
    let refused = worker::serve(&[1, 0, 0, 0, 0xee][..], Vec::new(), Device::Cpu).unwrap_err();
    assert!(matches!(refused, FrameError::Malformed(_)), "{refused}");
}

#[test]
fn a_worker_keeps_only_the_newest_works() {
    let mut engine = Engine::new(Device::Cpu);
    let challenge = |n: usize| {
        let seed = [u8::try_from(n).expect("few"); 32];
        Challenge::new(seed, ClassProfile::CI, 1, 1).expect("not empty")
    };
    for n in 0..=WORKS_KEPT {
        engine.run(&challenge(n), &mut KnownSalts([5; 32])).unwrap();
    }
    assert!(matches!(engine.open(&[0; 32], &[]), Err(WorkerError::NotKept)));
    assert!(engine.open(&[1; 32], &[]).is_ok());
}

#[test]
fn work_020_a_device_this_build_lacks_is_refused_by_name() {
    assert!(DeviceKind::Cpu.open().is_ok());
    let unknown = "tpu".parse::<DeviceKind>().unwrap_err();
    assert_eq!(unknown.to_string(), "device `tpu` is none of `cpu`, `cuda`, `auto`");
    let cuda = "cuda".parse::<DeviceKind>().unwrap();
    if cfg!(not(feature = "cuda")) {
        assert!(matches!(cuda.open(), Err(DeviceError::NotBuilt)));
    }
}

/// Any child process that reads a hello and then does what `rest` says.
#[cfg(unix)]
fn child(rest: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("head -c 5 > /dev/null; {rest}")]);
    command
}

/// What a worker of this build answers to a hello.
#[cfg(unix)]
const READY: &str = r"printf '\003\000\000\000\000\003\000'";

#[cfg(unix)]
#[test]
fn cuda_005_whatever_comes_up_instead_of_a_worker_is_an_error() {
    let refused = |rest: &str| Process::start(child(rest)).err().unwrap().to_string();
    assert_eq!(refused("printf 'HTTP/1.1 400 Bad'"), "frame of 1347703880 bytes, limit 16777216");
    assert_eq!(
        refused(r"printf '\003\000\000\000\377\377\377'").split(':').next().unwrap(),
        "frame is not a message"
    );
    assert_eq!(
        refused(r"printf '\003\000\000\000\000\001\000'"),
        "worker speaks protocol 1, this agent 3"
    );
    // What it says is an answer, but to another question.
    assert_eq!(
        refused(r"printf '\005\000\000\000\003\000\000\000\000'"),
        "frame is not a message: Unexpected length of input"
    );
    assert_eq!(refused("exit 139"), "the other side ended");
    assert_eq!(refused("kill -9 $$"), "the other side ended");
}

#[cfg(unix)]
#[test]
fn cuda_005_a_worker_that_dies_or_talks_nonsense_at_work_is_an_error() {
    let challenge = challenge_of(ClassProfile::CI, 3);
    let fails = |rest: &str| {
        let mut process =
            Worker::Process(Process::start(child(&format!("{READY}; {rest}"))).unwrap());
        process.run(&challenge, &mut KnownSalts([5; 32])).unwrap_err()
    };
    // Sixty bytes are most of a request: it has been written whole when they can be read.
    let ended = fails("head -c 60 > /dev/null; kill -11 $$");
    assert!(matches!(ended, WorkerError::Frame(FrameError::Ended)), "{ended}");
    let cut = fails(r"head -c 60 > /dev/null; printf '\377\000\000'");
    assert!(matches!(cut, WorkerError::Frame(FrameError::Ended)), "{cut}");
    let nonsense = fails(r"head -c 60 > /dev/null; printf '\001\000\000\000\377'");
    assert!(matches!(nonsense, WorkerError::Frame(FrameError::Malformed(_))), "{nonsense}");
    let again = fails(&format!("head -c 60 > /dev/null; {READY}"));
    assert!(matches!(again, WorkerError::OutOfTurn), "{again}");
}

/// CUDA-006: and it is ended, whatever it hangs in: its end of the pipe of errors is closed.
#[cfg(unix)]
#[test]
fn cuda_006_a_worker_that_hangs_is_given_up_and_ended() {
    let (mut ends, held) = pipe().unwrap();
    let mut command = child(&format!("{READY}; trap '' TERM HUP INT; exec sleep 100000"));
    command.stderr(held);
    let mut worker = Worker::Process(Process::start(command).unwrap());
    worker.give_up_after(Duration::from_millis(50));
    let challenge = challenge_of(ClassProfile::CI, 4);
    let hung = worker.run(&challenge, &mut KnownSalts([5; 32])).unwrap_err();
    assert!(matches!(hung, WorkerError::Hung), "{hung}");
    assert_eq!(hung.to_string(), "worker process has not answered in time");
    drop(worker);
    assert_eq!(ends.read(&mut [0]).unwrap(), 0);
}

/// CUDA-007: as after an Xid: the driver answers every later call with an error too.
#[cfg(unix)]
#[test]
fn cuda_007_a_lost_device_is_told_apart_from_a_request_that_cannot_be_met() {
    let why = "CUDA_ERROR_ILLEGAL_ADDRESS";
    let lost = format!(r"printf '\037\000\000\000\005\032\000\000\000{why}'");
    let rest = format!("{READY}; head -c 60 > /dev/null; {lost}");
    let mut worker = Worker::Process(Process::start(child(&rest)).unwrap());
    let challenge = challenge_of(ClassProfile::CI, 5);
    let refused = worker.run(&challenge, &mut KnownSalts([5; 32])).unwrap_err();
    assert_eq!(refused.to_string(), format!("worker has lost its device: {why}"));
}
