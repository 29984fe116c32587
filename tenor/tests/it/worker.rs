//! The real worker process: killed and stopped in the middle of its work, and asked for devices that are not there.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use delivery_agent::challenge::{Challenge, SegmentId};
use delivery_agent::profile::ClassProfile;
use delivery_agent::salt::{Asker, Interrupted, KnownSalts, NO_SECRET};
use delivery_agent::worker::{Process, Worker, WorkerError};

use crate::running::tenor;

fn worker() -> Process {
    let mut command = tenor();
    command.args(["agent-worker", "--device", "auto", "--path", "bf16"]);
    Process::start(command).expect("it comes up")
}

/// Sends the worker a signal when its first segment is done; it then waits for the next salt.
struct Signals {
    signal: &'static str,
    to: u32,
}

impl Asker for Signals {
    fn finished(&mut self, id: SegmentId, _root: &[u8; 32]) -> Result<(), Interrupted> {
        if id.segment == 0 {
            let (signal, to) = (self.signal, self.to.to_string());
            let sent = Command::new("kill").args([signal, &to]).status().expect("there is a kill");
            assert!(sent.success(), "kill {signal} {to}: {sent}");
        }
        Ok(())
    }

    fn salt(&mut self, id: SegmentId) -> Result<[u8; 32], Interrupted> {
        KnownSalts(NO_SECRET).salt(id)
    }
}

fn challenge() -> Challenge {
    Challenge::new([7; 32], ClassProfile::CI, 1, 4).expect("within the bounds")
}

#[test]
fn cuda_005_a_worker_killed_at_work_is_an_error_and_the_next_one_does_the_same_work() {
    let dies = worker();
    let to = dies.id().expect("it runs");
    let mut asker = Signals { signal: "-KILL", to };
    let mut worker_that_dies = Worker::Process(dies);
    let died = worker_that_dies.run(&challenge(), &mut asker).expect_err("it was killed");
    assert!(matches!(died, WorkerError::Frame(_)), "{died}");
    let died = worker_that_dies.run(&challenge(), &mut asker).expect_err("it is dead");
    assert!(matches!(died, WorkerError::Frame(_)), "{died}");

    let mut next = Worker::Process(worker());
    let done = next.run(&challenge(), &mut KnownSalts(NO_SECRET)).expect("it lives");
    let mut here = Worker::InProcess(Box::new(delivery_agent::worker::Engine::new(
        delivery_agent::DeviceKind::Cpu.open().expect("it is always there"),
    )));
    assert_eq!(here.run(&challenge(), &mut KnownSalts(NO_SECRET)).expect("it works"), done);
}

#[test]
fn cuda_006_a_worker_stopped_at_work_is_given_up() {
    let hangs = worker();
    let to = hangs.id().expect("it runs");
    let mut hangs = Worker::Process(hangs);
    hangs.fill(&challenge()).expect("it lives");
    hangs.give_up_after(Duration::from_secs(2));
    let hung = hangs.run(&challenge(), &mut Signals { signal: "-STOP", to });
    assert!(matches!(hung, Err(WorkerError::Hung)), "{hung:?}");
}

#[test]
fn cuda_003_auto_says_what_it_has_found_and_cuda_is_never_replaced() {
    let on = |device: &str| -> Output {
        let mut command = tenor();
        command.args(["agent-worker", "--device", device]).stdin(Stdio::null());
        command.output().expect("it starts")
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let (cpu, auto, cuda) = (on("cpu"), on("auto"), on("cuda"));
    assert!(cpu.status.success() && auto.status.success(), "{}{}", said(&cpu), said(&auto));
    if cuda.status.success() {
        assert!(said(&auto).contains("computing on cuda"), "{}", said(&auto));
    } else {
        assert!(said(&cuda).contains("cuda"), "{}", said(&cuda));
        assert!(said(&auto).contains("computing on this cpu"), "{}", said(&auto));
    }
}
