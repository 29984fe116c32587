//! Agent and worker: the same answers through a pipe, and life after a worker's death.

use std::io::pipe;
use std::process::Command;
use std::thread;

use candle_core::Device;
use delivery_agent::challenge::{Challenge, draw};
use delivery_agent::device::{DeviceError, DeviceKind};
use delivery_agent::profile::ClassProfile;
use delivery_agent::verify::{self, Verdict};
use delivery_agent::worker::{self, Engine, FrameError, Link, WORKS_KEPT, Worker, WorkerError};

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
    let committed = link.run(&challenge).unwrap();
    assert_eq!(committed, engine.run(&challenge).unwrap());
    let draws = draw(&[2; 32], &challenge, &committed.work_root);
    let opened = link.open(challenge.seed(), &draws).unwrap();
    assert_eq!(opened, engine.open(challenge.seed(), &draws).unwrap());
    let verdict = verify::verify(&challenge, &committed.work_root, &[2; 32], &opened);
    assert!(matches!(verdict, Verdict::Valid), "{verdict:?}");

    // A request it cannot meet leaves it alive.
    let unknown = link.open(&[9; 32], &draws).unwrap_err();
    assert!(matches!(unknown, WorkerError::Failed { .. }), "{unknown}");
    link.hello().unwrap();

    drop(link);
    serving.join().unwrap().unwrap();
}

#[test]
fn work_019_without_a_worker_process_the_agent_computes_itself() {
    let challenge = challenge_of(ClassProfile::CI, 2);
    // One that does not exist, and one that starts and says nothing.
    for program in ["/nonexistent/worker", "true"] {
        let mut worker = Worker::start(Command::new(program));
        assert!(matches!(worker, Worker::InProcess(_)), "{program}");
        let committed = worker.run(&challenge).unwrap();
        assert_eq!(committed, Engine::new(Device::Cpu).run(&challenge).unwrap());
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
        engine.run(&challenge(n)).unwrap();
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
