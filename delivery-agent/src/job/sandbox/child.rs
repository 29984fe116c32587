//! The job process's side: its arguments, its life, its one frame.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::dir::{INPUTS, SPEC, WEIGHTS};
use super::seal::seal;
use super::{Reply, Sealed};
use crate::device::DeviceKind;
use crate::job::leaves::Leaves;
use crate::job::run::{self, Finished, JobFault};
use crate::job::spec::JobSpec;

/// What a job process is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// Where the job is.
    pub dir: PathBuf,
    /// What it computes on.
    pub device: DeviceKind,
    /// What it may take of memory.
    pub bytes: u64,
    /// What it may take of time.
    pub seconds: u32,
    /// Whether it reports something else than it computes.
    pub lies: bool,
}

impl Arguments {
    /// Adds them to a command line.
    pub fn put(&self, command: &mut Command) {
        command.arg("--dir").arg(&self.dir).args(["--device", self.device.name()]);
        command.args(["--bytes", &self.bytes.to_string()]);
        command.args(["--seconds", &self.seconds.to_string()]);
        command.args(self.lies.then_some("--lie"));
    }

    /// Reads them from a command line; `None` when one is missing, unknown or no number.
    pub fn take(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let (mut dir, mut device, mut bytes, mut seconds) = (None, None, None, None);
        let (mut words, mut lies) = (words.into_iter(), false);
        while let Some(word) = words.next() {
            let mut text = || words.next()?.into_string().ok();
            match word.to_str()? {
                "--dir" => dir = Some(PathBuf::from(text()?)),
                "--device" => device = text()?.parse().ok(),
                "--bytes" => bytes = text()?.parse().ok(),
                "--seconds" => seconds = text()?.parse().ok(),
                "--lie" => lies = true,
                _ => return None,
            }
        }
        Some(Self { dir: dir?, device: device?, bytes: bytes?, seconds: seconds?, lies })
    }
}

/// The whole life of a job process, from its arguments to its frame on standard output.
///
/// Call it before anything else has started a thread.
pub fn serve_job(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Some(arguments) = Arguments::take(words) else {
        return report(&Reply::Failed { why: "arguments of a job process are wrong".to_owned() });
    };
    let reply = match seal(&arguments) {
        Ok(sealed) => match computed(&arguments, &sealed) {
            Ok(Finished { result, blob }) => Reply::Finished { result, blob },
            Err(Obstacle::Denied(what)) => Reply::Denied { what },
            Err(Obstacle::Other(why)) => Reply::Failed { why },
        },
        Err((layer, why)) => Reply::Layer { layer, why },
    };
    report(&reply)
}

/// Why the job was not computed, in words: the agent can only show them.
enum Obstacle {
    Denied(String),
    Other(String),
}

impl<E: Error> From<E> for Obstacle {
    fn from(error: E) -> Self {
        Self::Other(error.to_string())
    }
}

fn computed(arguments: &Arguments, sealed: &Sealed) -> Result<Finished, Obstacle> {
    let [spec, weights, inputs] = [SPEC, WEIGHTS, INPUTS].map(|name| arguments.dir.join(name));
    let spec = String::from_utf8(read(&spec)?)?;
    let program = JobSpec::from_json(&spec)?.check()?;
    let leaves = Leaves::read(&program, read(&weights)?, read(&inputs)?)?;
    let fault = if arguments.lies { JobFault::Lie } else { JobFault::None };
    Ok(run::run(&program, &leaves, &sealed.device, fault)?)
}

fn read(path: &Path) -> Result<Vec<u8>, Obstacle> {
    fs::read(path).map_err(|error| {
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        let what = format!("{name}: {error}");
        let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
        if is_denied { Obstacle::Denied(what) } else { Obstacle::Other(what) }
    })
}

fn report(reply: &Reply) -> ExitCode {
    let written = borsh::to_vec(reply).and_then(|bytes| {
        let mut out = io::stdout().lock();
        out.write_all(&bytes).and_then(|()| out.flush())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
