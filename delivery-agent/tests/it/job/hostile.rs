//! The sandbox, against real processes that try to get out of it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use delivery_agent::DeviceKind;
use delivery_agent::job::demo::{DemoJob, DemoKind, demo_job};
use delivery_agent::job::register::{Refused, Register};
use delivery_agent::job::run::{Finished, JobFault};
use delivery_agent::job::sandbox::{JobDir, Layer, Sandbox, Stop};

use super::Ready;

fn sandbox(attempt: &str, path: &Path) -> Sandbox {
    Sandbox {
        program: env!("CARGO_BIN_EXE_hostile-job").into(),
        arguments: vec![attempt.into(), OsString::from(path)],
        device: DeviceKind::Cpu,
        fault: JobFault::None,
    }
}

/// Makes one attempt in place of the demonstration's job, with that many seconds to do it in.
fn attempt_within(seconds: u32, attempt: &str, path: &Path) -> Result<Finished, Stop> {
    let mut job = demo_job(DemoKind::Inference, 1, u64::MAX);
    job.spec.limits.seconds = seconds;
    let parent = tempfile::tempdir().unwrap();
    let dir = JobDir::new(parent.path(), &job.spec, &job.weights, &job.inputs).unwrap();
    let program = job.spec.check().unwrap();
    sandbox(attempt, path).run(&program, &dir)
}

fn attempt(attempt: &str, path: &Path) -> Stop {
    attempt_within(30, attempt, path).unwrap_err()
}

fn nowhere() -> &'static Path {
    Path::new("-")
}

#[test]
fn job_020_a_job_process_gives_what_the_agent_would_compute_itself() {
    let finished = attempt_within(60, "none", nowhere()).unwrap();
    let mut job = demo_job(DemoKind::Inference, 1, u64::MAX);
    job.spec.limits.seconds = 60;
    assert_eq!(finished, Ready::new(job).run(JobFault::None));
}

#[test]
fn job_020_a_result_that_is_not_of_this_job_is_refused() {
    for part in ["blob", "job"] {
        let stop = attempt("forge", Path::new(part));
        assert!(matches!(stop, Stop::Malformed), "{part}: {stop}");
    }
}

#[test]
fn job_030_a_missing_layer_is_named_and_the_job_not_read() {
    let missing = [Layer::Limits, Layer::Landlock, Layer::Seccomp];
    for (call, wanted) in
        ["without-limits", "without-landlock", "without-seccomp"].iter().zip(missing)
    {
        let stop = attempt(call, nowhere());
        assert!(matches!(stop, Stop::Layer { layer, .. } if layer == wanted), "{call}: {stop}");
    }
    if cfg!(not(feature = "cuda")) {
        let (parent, job) = (tempfile::tempdir().unwrap(), demo_job(DemoKind::Inference, 1, 1));
        // No spec at all: it would fail if it were read.
        let dir = JobDir::new(parent.path(), &job.spec, &[], &[]).unwrap();
        fs::remove_file(dir.path().join("spec.json")).unwrap();
        let sandbox = Sandbox { device: DeviceKind::Cuda, ..sandbox("none", nowhere()) };
        let stop = sandbox.run(&job.spec.check().unwrap(), &dir).unwrap_err();
        assert!(matches!(stop, Stop::Layer { layer: Layer::Device, .. }), "{stop}");
    }
}

#[test]
fn job_021_a_job_starts_no_process_and_no_thread() {
    for call in ["fork", "thread"] {
        let stop = attempt(call, nowhere());
        assert!(matches!(stop, Stop::ForbiddenCall), "{call}: {stop}");
    }
}

#[test]
fn job_021_a_job_reaches_no_network_and_no_other_process() {
    for call in ["connect", "send", "local", "kill", "unlimit"] {
        let stop = attempt(call, Path::new("/run/some.socket"));
        assert!(matches!(stop, Stop::ForbiddenCall), "{call}: {stop}");
    }
}

#[test]
fn job_022_a_job_reads_no_file_but_its_own() {
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("agent.key");
    fs::write(&key, "0x01").unwrap();
    for path in [Path::new("/etc/passwd"), &key, Path::new("/proc/self/environ")] {
        let stop = attempt("read", path);
        assert!(matches!(stop, Stop::Denied { .. }), "{}: {stop}", path.display());
    }
    let stop = attempt("list", keys.path());
    assert!(matches!(stop, Stop::Denied { .. }), "{stop}");
}

#[test]
fn job_022_a_job_writes_nothing_anywhere() {
    let outside = tempfile::tempdir().unwrap();
    let there = outside.path().join("there");
    fs::write(&there, "as it was").unwrap();
    for call in ["write", "remove"] {
        let stop = attempt(call, &there);
        assert!(matches!(stop, Stop::Denied { .. } | Stop::ForbiddenCall), "{call}: {stop}");
    }
    assert_eq!(fs::read_to_string(&there).unwrap(), "as it was");
    for call in ["fill", "append"] {
        let stop = attempt(call, nowhere());
        assert!(matches!(stop, Stop::Denied { .. }), "{call}: {stop}");
    }
}

#[test]
fn job_023_a_job_gets_no_more_memory_than_declared() {
    for call in ["terabyte", "grow"] {
        let stop = attempt(call, nowhere());
        assert!(matches!(stop, Stop::Memory { bytes: 16_777_216 }), "{call}: {stop}");
    }
}

#[test]
fn job_023_a_job_gets_no_more_time_than_declared() {
    let stop = attempt_within(1, "loop", nowhere()).unwrap_err();
    assert!(matches!(stop, Stop::WallClock { seconds: 1 }), "{stop}");
}

#[test]
fn job_024_every_other_end_has_its_reason() {
    let stop = attempt("flood", nowhere());
    assert!(matches!(stop, Stop::OutputTooLong), "{stop}");
    let stop = attempt("crash", nowhere());
    assert!(matches!(stop, Stop::Crashed { signal: 6 }), "{stop}");
    let stop = attempt("silence", nowhere());
    assert!(matches!(stop, Stop::Ended { code: 7 }), "{stop}");
    let missing = Sandbox { program: "/nonexistent/agent".into(), ..sandbox("none", nowhere()) };
    let job = demo_job(DemoKind::Inference, 1, u64::MAX);
    let parent = tempfile::tempdir().unwrap();
    let dir = JobDir::new(parent.path(), &job.spec, &job.weights, &job.inputs).unwrap();
    let stop = missing.run(&job.spec.check().unwrap(), &dir).unwrap_err();
    assert!(matches!(stop, Stop::NotStarted(_)), "{stop}");
}

#[test]
fn job_025_a_job_process_has_no_environment() {
    let stop = attempt("environment", nowhere());
    let Stop::Failed { why } = &stop else { panic!("{stop}") };
    assert_eq!(why, r#"it could: [("MALLOC_ARENA_MAX", "2")]"#);
}

#[test]
fn job_026_a_directory_is_its_owners_and_is_wiped() {
    use std::os::unix::fs::PermissionsExt;
    let DemoJob { spec, weights, inputs } = demo_job(DemoKind::Training, 1, u64::MAX);
    let parent = tempfile::tempdir().unwrap();
    let dir = JobDir::new(parent.path(), &spec, &weights, &inputs).unwrap();
    let path = dir.path().to_owned();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read(path.join("weights.safetensors")).unwrap(), weights);
    // An agent that was killed has left it behind; the next one begins afresh.
    std::mem::forget(dir);
    fs::write(path.join("of another"), "canary").unwrap();
    let dir = JobDir::new(parent.path(), &spec, &weights, &inputs).unwrap();
    assert!(!fs::exists(path.join("of another")).unwrap());
    drop(dir);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn job_027_a_job_is_begun_once_and_not_after_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("begun");
    let spec = demo_job(DemoKind::Inference, 1, 1_000).spec;
    let mut register = Register::open(&path).unwrap();
    let refused = register.begin(&spec, 1_000).unwrap_err();
    assert!(matches!(refused, Refused::Expired { expires_at_ms: 1_000, now_ms: 1_000 }));
    register.begin(&spec, 999).unwrap();
    assert!(matches!(register.begin(&spec, 999), Err(Refused::Replayed { .. })));
    // Also by an agent that was started again, and one that was killed while it wrote.
    drop(register);
    fs::write(&path, [fs::read(&path).unwrap(), vec![7; 5]].concat()).unwrap();
    let mut register = Register::open(&path).unwrap();
    assert!(matches!(register.begin(&spec, 999), Err(Refused::Replayed { .. })));
    let another = demo_job(DemoKind::Inference, 2, 1_000).spec;
    register.begin(&another, 999).unwrap();
    drop(register);
    let mut register = Register::open(&path).unwrap();
    assert!(matches!(register.begin(&another, 999), Err(Refused::Replayed { .. })));
}
