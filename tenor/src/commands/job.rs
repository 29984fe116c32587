//! `tenor job`: a buyer's own work on what is delivered to it. Every line of output is one JSON object: how the job stands.

use std::fs;
use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use api::venue::VenueClock;
use api::wire::WireJob;
use delivery_agent::job::JobSpec;
use delivery_agent::job::demo::{self, DemoKind};
use delivery_agent::job_desk::{Buyer, Verdict};
use serde_json::json;

use super::roles::{device_kind, secret};
use super::runtime;
use crate::cli::{
    AccessArgs, DemoJobArg, JobArgs, JobCommand, JobDemoArgs, JobDisputeArgs, JobRunArgs,
    JobSubmitArgs,
};

pub(super) fn run(command: &JobCommand) -> Result<ExitCode> {
    match command {
        JobCommand::Demo(args) => demo(args),
        JobCommand::Submit(args) => runtime()?.block_on(submit(args)),
        JobCommand::Watch(args) => runtime()?.block_on(watch(args)),
        JobCommand::Check(args) => runtime()?.block_on(check(args)),
        JobCommand::Accept(args) => runtime()?.block_on(accept(args)),
        JobCommand::Dispute(args) => runtime()?.block_on(dispute(args)),
    }
}

fn demo(args: &JobDemoArgs) -> Result<ExitCode> {
    let kind = match args.kind {
        DemoJobArg::Inference => DemoKind::Inference,
        DemoJobArg::Training => DemoKind::Training,
    };
    let now = VenueClock::System.now().millis();
    let expires_at = now.saturating_add(args.expires_in.saturating_mul(1_000));
    let job = demo::demo_job(kind, args.nonce, expires_at);
    demo::write(&args.dir, &job).with_context(|| format!("--dir {}", args.dir.display()))?;
    let limits = &job.spec.limits;
    line(&json!({
        "job": job.spec.id().to_string(), "steps": job.spec.steps, "stride": job.spec.stride,
        "seconds": limits.seconds, "flop": limits.flop,
    }))?;
    Ok(ExitCode::SUCCESS)
}

async fn connect(access: &AccessArgs) -> Result<Buyer> {
    let secret = secret(&access.client_secret_file)?;
    Ok(Buyer::connect(&access.url, &access.client_id, &secret).await?)
}

async fn submit(args: &JobSubmitArgs) -> Result<ExitCode> {
    let file = |name: &str| {
        let path = args.dir.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let text = String::from_utf8(file("spec.json")?).context("spec.json is not text")?;
    let spec = JobSpec::from_json(&text).context("spec.json")?;
    let (weights, inputs) = (file("weights.safetensors")?, file("inputs.safetensors")?);
    let buyer = connect(&args.access).await?;
    let place = (args.obligation, args.gpu_seconds);
    say(&buyer.submit(&spec, (&weights, &inputs), place).await?)?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(args: &JobArgs) -> Result<ExitCode> {
    let mut buyer = connect(&args.access).await?;
    let mut told = buyer.job(args.job).await?;
    say(&told)?;
    while told.until.is_some() || told.is_owing {
        told = buyer.next(args.job).await?;
        say(&told)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(args: &JobRunArgs) -> Result<ExitCode> {
    let device = device_kind(args.device).open()?;
    let mut buyer = connect(&args.job.access).await?;
    let job = buyer.claimed(args.job.job).await?;
    ensure!(job.claim.is_some(), "job {} was not claimed: it is {}", job.job_id, job.state);
    let verdict = buyer.check(&job, &device).await?;
    let (is_same, checkpoint) = match verdict {
        Verdict::Same => (true, None),
        Verdict::Differs { checkpoint } => (false, checkpoint),
    };
    line(&json!({ "job_id": job.job_id, "same": is_same, "first_checkpoint": checkpoint }))?;
    Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn accept(args: &JobArgs) -> Result<ExitCode> {
    let buyer = connect(&args.access).await?;
    say(&buyer.accept(args.job).await?)?;
    Ok(ExitCode::SUCCESS)
}

async fn dispute(args: &JobDisputeArgs) -> Result<ExitCode> {
    let JobDisputeArgs { run: JobRunArgs { job, device: arg }, replay_cost } = args;
    let device = device_kind(*arg).open()?;
    let mut buyer = connect(&job.access).await?;
    let told = buyer.claimed(job.job).await?;
    let watch = |told: &WireJob| {
        if let Err(error) = say(told) {
            tracing::warn!(%error, "nobody reads any more");
        }
    };
    let ended = buyer.dispute(&told, (device, replay_cost), watch).await?;
    // The referee's word, not a failure of this command.
    Ok(if ended.state == "refuted" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(job: &WireJob) -> Result<()> {
    line(&serde_json::to_value(job)?)
}

fn line(value: &serde_json::Value) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}
