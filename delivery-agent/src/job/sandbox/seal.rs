//! The limits that a job process puts on itself, in the order in which they can be put.
//!
//! ```text
//! rlimits -> Landlock -> device and its threads -> no more threads -> seccomp on all of them -> the job
//! ```
//!
//! Invariants:
//! - after [`seal`] the process can read below its directory and write to pipes it holds: it opens
//!   nothing else, starts nothing, connects to nothing, and cannot take any of this back;
//! - a layer that the kernel does not offer ends the process before it has read the job.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use candle_core::{DType, Device, Tensor};
use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use super::child::Arguments;
use crate::device::DeviceKind;
use crate::job::demo;

/// Address space that a process has before it has a job: its code, its stacks, its allocator's arenas.
const OWN_BYTES: u64 = 1 << 30;
/// Address space of one of the device's threads.
const THREAD_BYTES: u64 = 16 << 20;
/// Files open at once.
const FILES_MAX: u64 = 64;
/// Side of the product that starts the device's threads.
const WARM_UP: usize = 512;

/// What holds a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Layer {
    /// Resource limits.
    Limits,
    /// No files but the job's.
    Landlock,
    /// The device, which is opened before the job is read.
    Device,
    /// No system calls but those of computing.
    Seccomp,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limits => "resource limits",
            Self::Landlock => "landlock",
            Self::Device => "the device",
            Self::Seccomp => "seccomp",
        })
    }
}

/// A process that is held.
#[derive(Debug)]
pub struct Sealed {
    /// What the job computes on.
    pub device: Device,
}

/// Puts every limit on this process. Call it first, with one thread running.
///
/// # Errors
/// The layer that is not to be had, and why.
pub fn seal(arguments: &Arguments) -> Result<Sealed, (Layer, String)> {
    let missing = |layer| move |why: String| (layer, why);
    limit(arguments).map_err(missing(Layer::Limits))?;
    let is_cpu = arguments.device == DeviceKind::Cpu;
    if is_cpu {
        only_below(&arguments.dir).map_err(missing(Layer::Landlock))?;
    }
    let device = warm(arguments.device).map_err(missing(Layer::Device))?;
    if !is_cpu {
        // The driver opens its own files first; its threads keep what they had.
        only_below(&arguments.dir).map_err(missing(Layer::Landlock))?;
    }
    no_more_threads().map_err(missing(Layer::Limits))?;
    only_computing(arguments.device).map_err(missing(Layer::Seccomp))?;
    Ok(Sealed { device })
}

fn limit(arguments: &Arguments) -> Result<(), String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let processor_seconds = u64::from(arguments.seconds).saturating_add(1).saturating_mul(threads);
    let mut limits =
        vec![(Resource::Cpu, processor_seconds), (Resource::Fsize, 0), (Resource::Core, 0)];
    if arguments.device == DeviceKind::Cpu {
        // A driver maps more address space than any limit would leave it, and keeps many files.
        let own = OWN_BYTES.saturating_add(threads.saturating_mul(THREAD_BYTES));
        limits.push((Resource::As, arguments.bytes.saturating_add(own)));
        limits.push((Resource::Nofile, FILES_MAX));
    }
    limits.into_iter().try_for_each(|(resource, most)| set(resource, most))
}

fn no_more_threads() -> Result<(), String> {
    set(Resource::Nproc, 0)
}

fn set(resource: Resource, most: u64) -> Result<(), String> {
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(resource, limit).map_err(|error| format!("{resource:?}: {error}"))
}

/// Reading below `dir` is all that is left of the file system.
fn only_below(dir: &Path) -> Result<(), String> {
    let dir = PathFd::new(dir).map_err(|error| error.to_string())?;
    let readable = PathBeneath::new(dir, AccessFs::ReadFile | AccessFs::ReadDir);
    let restrict = || -> Result<RulesetStatus, RulesetError> {
        // What an older kernel does not know is left out; what it knows is all denied.
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V6))?
            .handle_access(AccessNet::from_all(ABI::V6))?
            .scope(Scope::from_all(ABI::V6))?;
        Ok(rules.create()?.add_rule(readable)?.restrict_self()?.ruleset)
    };
    match restrict().map_err(|error| error.to_string())? {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err("this kernel does not have it".to_owned()),
    }
}

/// Opens the device and makes it start every thread it will ever need. A GPU must have loaded every
/// kernel, too, and must give the bits of the processor.
fn warm(kind: DeviceKind) -> Result<Device, String> {
    let device = kind.open().map_err(|error| error.to_string())?;
    let multiply = || -> candle_core::Result<()> {
        let square = Tensor::ones((WARM_UP, WARM_UP), DType::F32, &device)?;
        square.matmul(&square)?.floor()?.clamp(0.0, 1.0)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(())
    };
    multiply().map_err(|error| error.to_string())?;
    let holds =
        kind == DeviceKind::Cpu || demo::holds_on(&device).map_err(|error| error.to_string())?;
    if holds { Ok(device) } else { Err("it gives other bits than the processor".to_owned()) }
}

fn only_computing(device: DeviceKind) -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let mut calls: Vec<i64> = COMPUTING.to_vec();
    if device == DeviceKind::Cuda {
        calls.extend(DRIVING);
    }
    let rules: BTreeMap<i64, Vec<_>> = calls.into_iter().map(|call| (call, Vec::new())).collect();
    let filter = SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch);
    let program: Result<BpfProgram, _> = filter.and_then(BpfProgram::try_from);
    let program = program.map_err(|error| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}

/// What a process calls that reads its files, computes with its threads, writes to a pipe and ends.
const COMPUTING: &[i64] = &[
    // files, which Landlock decides on
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_fcntl,
    libc::SYS_getcwd,
    libc::SYS_readlinkat,
    // memory
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // threads that are there
    libc::SYS_futex,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_gettid,
    libc::SYS_getpid,
    // clocks, numbers, signals to itself
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_restart_syscall,
    // its end
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What an NVIDIA driver calls besides, once it is open.
const DRIVING: &[i64] = &[libc::SYS_ioctl, libc::SYS_ppoll, libc::SYS_getcpu];
