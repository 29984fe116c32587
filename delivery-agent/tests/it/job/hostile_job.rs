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

use delivery_agent::job::sandbox::{Arguments, Reply, seal, serve_job};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let attempt = words.next().expect("an attempt").into_string().unwrap();
    let path = words.next().expect("a path, or a dash");
    let rest: Vec<OsString> = words.collect();
    if attempt == "none" {
        return serve_job(rest);
    }
    let arguments = Arguments::take(rest).expect("arguments of a job process");
    seal(&arguments).expect("every layer");
    let reply = match attempted(&attempt, Path::new(&path), &arguments) {
        Ok(what) => Reply::Failed { why: format!("it could: {what}") },
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Reply::Denied { what: format!("{attempt}: {error}") }
        }
        Err(error) => Reply::Failed { why: format!("unforeseen: {error}") },
    };
    let mut out = io::stdout().lock();
    out.write_all(&borsh::to_vec(&reply).unwrap()).and_then(|()| out.flush()).unwrap();
    ExitCode::SUCCESS
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
