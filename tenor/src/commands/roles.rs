//! `tenor agent`, `tenor verify` and the hidden worker: processes that reach the venue over its WebSocket.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use delivery_agent::{DeviceKind, FaultPlan, Role};

use crate::cli::{AgentArgs, DeviceArg, RoleArgs, VerifyArgs, WorkerArgs};

pub(crate) fn agent(args: &AgentArgs) -> Result<ExitCode> {
    let faults = match &args.fault {
        Some(text) => text.parse::<FaultPlan>().context("--fault")?,
        None => FaultPlan::HONEST,
    };
    let role = role(args.role.as_ref().context("the agent needs a venue")?)?;
    let worker = std::env::current_exe().context("cannot find this binary")?;
    runtime()?.block_on(delivery_agent::run_agent(role, faults, Some(worker)))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn verify(args: &VerifyArgs) -> Result<ExitCode> {
    let role = role(args.role.as_ref().context("the verifier needs a venue")?)?;
    runtime()?.block_on(delivery_agent::run_verifier(role))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn worker(args: &WorkerArgs) -> Result<ExitCode> {
    delivery_agent::serve_worker(
        device(args.device),
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
        device: device(args.device),
    })
}

pub(crate) fn device(arg: DeviceArg) -> DeviceKind {
    match arg {
        DeviceArg::Cpu => DeviceKind::Cpu,
        DeviceArg::Cuda => DeviceKind::Cuda,
    }
}

fn secret(file: &Path) -> Result<String> {
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
