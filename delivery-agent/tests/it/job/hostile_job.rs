//! A job process that, once it is held, does not compute but tries something else.
//!
//! `hostile-job ATTEMPT [PATH] --dir ..` puts on itself what every job process does, then makes its
//! attempt. One that succeeds ends with a frame that says so; `none` runs the job as it is.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "an attempt that fails ends the process"
)]

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::io::{self, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use candle_core::Device;
use delivery_agent::job::run::{self, Finished, JobFault};
use delivery_agent::job::sandbox::{Arguments, Reply, seal, serve_job};
use delivery_agent::job::{Digest, JobSpec, Leaves};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let attempt = words.next().expect("an attempt").into_string().unwrap();
    let path = words.next().expect("a path, or a dash");
    let rest: Vec<OsString> = words.collect();
    if attempt == "none" {
        return serve_job(rest);
    }
    // A kernel without a layer, as far as this process can tell.
    if let Some(call) = attempt.strip_prefix("without-") {
        let call = match call {
            "limits" => libc::SYS_prlimit64,
            "landlock" => libc::SYS_landlock_create_ruleset,
            "seccomp" => libc::SYS_seccomp,
            other => panic!("no layer `{other}`"),
        };
        absent(call);
        return serve_job(rest);
    }
    let arguments = Arguments::take(rest).expect("arguments of a job process");
    seal(&arguments).expect("every layer");
    if attempt == "forge" {
        return say(&forged(path == "blob", &arguments));
    }
    let reply = match attempted(&attempt, Path::new(&path), &arguments) {
        Ok(what) => Reply::Failed { why: format!("it could: {what}") },
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Reply::Denied { what: format!("{attempt}: {error}") }
        }
        Err(error) => Reply::Failed { why: format!("unforeseen: {error}") },
    };
    say(&reply)
}

fn say(reply: &Reply) -> ExitCode {
    let mut out = io::stdout().lock();
    out.write_all(&borsh::to_vec(reply).unwrap()).and_then(|()| out.flush()).unwrap();
    ExitCode::SUCCESS
}

/// From now on this call answers as a kernel does that does not have it.
fn absent(call: i64) {
    let rules = [(call, Vec::new())].into();
    let (other, this) = (SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.cast_unsigned()));
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let filter = SeccompFilter::new(rules, other, this, arch).unwrap();
    seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// The right result with another blob, or the result of another job.
fn forged(has_other_blob: bool, arguments: &Arguments) -> Reply {
    let read = |name: &str| fs::read(arguments.dir.join(name)).unwrap();
    let spec = JobSpec::from_json(&String::from_utf8(read("spec.json")).unwrap()).unwrap();
    let program = spec.check().unwrap();
    let (weights, inputs) = (read("weights.safetensors"), read("inputs.safetensors"));
    let leaves = Leaves::read(&program, weights, inputs).unwrap();
    let Finished { mut result, mut blob } =
        run::run(&program, &leaves, &Device::Cpu, JobFault::None).unwrap();
    if has_other_blob {
        *blob.last_mut().unwrap() ^= 1;
        result.output_blob = Digest::of(&blob);
    } else {
        result.job = Digest::of(b"another job");
    }
    Reply::Finished { result, blob }
}

fn attempted(attempt: &str, path: &Path, arguments: &Arguments) -> io::Result<String> {
    match attempt {
        "fork" => Command::new("/bin/true").status().map(|status| status.to_string()),
        "thread" => thread::Builder::new().spawn(|| ()).map(|_| "a thread".to_owned()),
        "read" => fs::read_to_string(path),
        "list" => fs::read_dir(path).map(|entries| entries.count().to_string()),
        "write" => fs::write(path, b"mine").map(|()| "written".to_owned()),
        "remove" => fs::remove_file(path).map(|()| "removed".to_owned()),
        "fill" => fill(&arguments.dir.join("more")),
        "append" => fill(&arguments.dir.join("weights.safetensors")),
        "connect" => TcpStream::connect("127.0.0.1:9").map(|_| "connected".to_owned()),
        "send" => UdpSocket::bind("127.0.0.1:0").map(|_| "a socket".to_owned()),
        "local" => UnixStream::connect(path).map(|_| "connected".to_owned()),
        "terabyte" => Ok(black_box(vec![1_u8; 1 << 40]).len().to_string()),
        "grow" => grow(),
        "loop" => spin(),
        "flood" => flood(),
        "environment" => Ok(format!("{:?}", std::env::vars_os().collect::<Vec<_>>())),
        "unlimit" => {
            let most = rustix::process::Rlimit { current: None, maximum: None };
            rustix::process::setrlimit(rustix::process::Resource::Cpu, most)?;
            Ok("no limit".to_owned())
        }
        "kill" => {
            let parent = rustix::process::getppid().expect("a parent");
            rustix::process::kill_process(parent, rustix::process::Signal::TERM)?;
            Ok("killed".to_owned())
        }
        "crash" => std::process::abort(),
        "silence" => std::process::exit(7),
        other => Err(io::Error::other(format!("no attempt `{other}`"))),
    }
}

fn fill(path: &Path) -> io::Result<String> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    loop {
        file.write_all(&[1; 1 << 16])?;
    }
}

fn grow() -> io::Result<String> {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 1 << 24]);
        black_box(&held);
    }
}

fn spin() -> io::Result<String> {
    loop {
        std::hint::spin_loop();
    }
}

fn flood() -> io::Result<String> {
    let mut out = io::stdout().lock();
    loop {
        out.write_all(&[1; 1 << 16])?;
    }
}
