//! `tenor agent`, `tenor verify` and the hidden worker: processes that reach the venue over its WebSocket.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use delivery_agent::io::sign::AgentKey;
use delivery_agent::job_desk::{self, JobFaultPlan, JobRunner};
use delivery_agent::{DeviceKind, FaultPlan, Role, device};

use crate::cli::{AgentArgs, DeviceArg, PathArg, RoleArgs, VerifyArgs, WorkerArgs};

pub(crate) fn agent(args: &AgentArgs) -> Result<ExitCode> {
    let (mut faults, mut job_faults) = (FaultPlan::HONEST, JobFaultPlan::HONEST);
    match &args.fault {
        Some(text) if text.starts_with("job-") => job_faults = text.parse().context("--fault")?,
        Some(text) => faults = text.parse().context("--fault")?,
        None => {}
    }
    let role = role(args.role.as_ref().context("the agent needs a venue")?)?;
    let binary = std::env::current_exe().context("cannot find this binary")?;
    // Both sign with it, and only one of them may make it.
    AgentKey::load_or_generate(&role.key)?;
    let runner = JobRunner {
        program: binary.clone(),
        arguments: vec!["agent-job".into()],
        register: role.key.with_extension("jobs"),
        scratch: role.key.with_extension("scratch"),
        faults: job_faults,
    };
    runtime()?.block_on(async {
        tokio::try_join!(
            delivery_agent::run_agent(role.clone(), faults, Some(binary)),
            job_desk::run_jobs(role.clone(), runner),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn verify(args: &VerifyArgs) -> Result<ExitCode> {
    let role = role(args.role.as_ref().context("the verifier needs a venue")?)?;
    runtime()?.block_on(async {
        tokio::try_join!(
            delivery_agent::run_verifier(role.clone()),
            job_desk::run_referee(role.clone()),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn worker(args: &WorkerArgs) -> Result<ExitCode> {
    delivery_agent::serve_worker(
        device_kind(args.device),
        path_of(args.path),
        std::io::stdin().lock(),
        std::io::stdout().lock(),
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn role(args: &RoleArgs) -> Result<Role> {
    Ok(Role {
        url: args.url.clone(),
        client_id: args.client_id.clone(),
        client_secret: secret(&args.client_secret_file)?,
        key: args.key.clone(),
        device: device_kind(args.device),
        path: path_of(args.path),
    })
}

pub(crate) fn device_kind(arg: DeviceArg) -> DeviceKind {
    match arg {
        DeviceArg::Cpu => DeviceKind::Cpu,
        DeviceArg::Cuda => DeviceKind::Cuda,
        DeviceArg::Auto => DeviceKind::Auto,
    }
}

pub(crate) fn path_of(arg: PathArg) -> device::Path {
    match arg {
        PathArg::F32 => device::Path::F32,
        PathArg::Tf32 => device::Path::Tf32,
        PathArg::Bf16 => device::Path::Bf16,
    }
}

pub(crate) fn secret(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the client secret from {}", file.display()))?;
    let secret = text.trim();
    ensure!(!secret.is_empty(), "{} is empty", file.display());
    Ok(secret.to_owned())
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
