//! `cargo xtask test`: everything that has to hold before a change lands, in order, the quick steps first.
//!
//! CI runs this and nothing else. It stops at the first step that fails and says which.

use crate::layout::Layout;
use crate::tidy::PURE;
use crate::{clients, counts, rules, tidy, tools};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::process::Command;
use std::time::{Duration, Instant};

/// Which steps to run.
#[derive(Args)]
pub(crate) struct Choice {
    /// Run only this step (may be given more than once)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Leave this step out (may be given more than once)
    #[arg(long, value_name = "STEP")]
    skip: Vec<String>,
    /// Name the steps and stop
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    shows: &'static str,
    run: fn(&Layout) -> Result<()>,
}

const STEPS: [Step; 14] = [
    Step { name: "fmt", shows: "the code is formatted", run: fmt },
    Step { name: "tidy", shows: "layers, sizes, words, documents", run: tidy::run },
    Step { name: "rules", shows: "every rule has a test", run: rules::run },
    Step { name: "pure", shows: "the core builds without disk or chain", run: pure },
    Step { name: "clippy", shows: "no warning in any target", run: clippy },
    Step { name: "test", shows: "every test, with debug assertions", run: test },
    Step {
        name: "clients",
        shows: "ccxt, nautilus_trader and our Python client trade",
        run: clients::run,
    },
    Step { name: "doctest", shows: "every example in the documentation", run: doctest },
    Step { name: "benches", shows: "every benchmark runs once", run: benches },
    Step { name: "counts", shows: "the matching engine costs what it cost", run: counts::check },
    Step { name: "release", shows: "the core agrees with itself in release", run: release },
    Step { name: "doc", shows: "links between documented items lead somewhere", run: doc },
    Step { name: "cuda", shows: "the cuda feature type-checks, without CUDA", run: cuda },
    Step { name: "deny", shows: "licences, bans and sources of dependencies", run: deny },
];

/// Runs the chosen steps and prints how long each took.
pub(crate) fn run(layout: &Layout, choice: &Choice) -> Result<()> {
    if choice.list {
        for step in &STEPS {
            println!("{:<8} {}", step.name, step.shows);
        }
        return Ok(());
    }
    let steps = chosen(choice)?;
    let mut times = Vec::new();
    let mut failure = None;
    for step in &steps {
        println!("\n== {}: {}", step.name, step.shows);
        let started = now();
        let outcome = (step.run)(layout);
        times.push((step.name, started.elapsed()));
        if let Err(error) = outcome {
            failure = Some(error.context(format!("step {}", step.name)));
            break;
        }
    }
    print_times(&times);
    let failed = usize::from(failure.is_some());
    let skipped = STEPS.len() - times.len();
    let tail = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    println!("steps: {} passed, {failed} failed{tail}", times.len() - failed);
    failure.map_or(Ok(()), Err)
}

#[expect(clippy::disallowed_methods, reason = "a developer wants to know how long a step took")]
fn now() -> Instant {
    Instant::now()
}

fn print_times(times: &[(&str, Duration)]) {
    println!("\nstep       seconds");
    for (name, took) in times {
        println!("{name:<10} {:>7.1}", took.as_secs_f64());
    }
    let whole: Duration = times.iter().map(|(_, took)| took).sum();
    println!("{:<10} {:>7.1}", "all", whole.as_secs_f64());
}

fn chosen(choice: &Choice) -> Result<Vec<&'static Step>> {
    let names = || STEPS.iter().map(|step| step.name);
    for name in choice.only.iter().chain(&choice.skip) {
        if !names().any(|known| known == name) {
            bail!("no step `{name}`; there are {}", names().collect::<Vec<_>>().join(", "));
        }
    }
    let is_chosen = |step: &&Step| {
        let named = |list: &[String]| list.iter().any(|name| name == step.name);
        (choice.only.is_empty() || named(&choice.only)) && !named(&choice.skip)
    };
    let steps: Vec<_> = STEPS.iter().filter(is_chosen).collect();
    ensure!(!steps.is_empty(), "no step is left to run");
    Ok(steps)
}

fn cargo(layout: &Layout, arguments: &[&str]) -> Result<()> {
    tools::run(layout, Command::new(tools::cargo()).args(arguments))
}

fn fmt(layout: &Layout) -> Result<()> {
    cargo(layout, &["fmt", "--all", "--check"])
}

/// One crate at a time: together, one crate's default features would be another's.
fn pure(layout: &Layout) -> Result<()> {
    for member in PURE {
        cargo(layout, &["check", "--quiet", "--package", member, "--no-default-features"])?;
    }
    Ok(())
}

fn clippy(layout: &Layout) -> Result<()> {
    cargo(layout, &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn test(layout: &Layout) -> Result<()> {
    cargo(layout, &["test", "--workspace", "--lib", "--bins", "--tests"])?;
    // The fetcher is in no build by default: it is tested by itself, against a server on this machine.
    cargo(layout, &["test", "--package", "oracle", "--features", "feeds", "--test", "fetch"])
}

fn doctest(layout: &Layout) -> Result<()> {
    cargo(layout, &["test", "--workspace", "--doc", "--quiet"])
}

/// Criterion without `--bench` runs each benchmark once and measures nothing.
fn benches(layout: &Layout) -> Result<()> {
    cargo(layout, &["test", "--workspace", "--bench", "*"])
}

/// Snapshots of events and hashes are the same text in both profiles, so passing twice is agreeing. Without the link-time
/// optimisation of a shipped binary: it would cost minutes and changes no arithmetic.
fn release(layout: &Layout) -> Result<()> {
    let mut arguments = vec!["test", "--release", "--config", "profile.release.lto=false"];
    for member in PURE {
        arguments.extend(["--package", member]);
    }
    cargo(layout, &arguments)
}

fn doc(layout: &Layout) -> Result<()> {
    let mut command = Command::new(tools::cargo());
    command
        .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"])
        .env("RUSTDOCFLAGS", "--deny warnings");
    tools::run(layout, &mut command)
}

/// Whole workspace, so that the features of what lies below are those of the other steps, and little is built twice.
fn cuda(layout: &Layout) -> Result<()> {
    let folder = tools::nvcc_folder(layout)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.clone()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).context("a folder on the path has a colon")?;
    let mut command = Command::new(tools::cargo());
    command
        .args(["clippy", "--workspace", "--features", "delivery-agent/cuda"])
        .args(["--lib", "--bins", "--tests"])
        .args(["--", "--deny", "warnings"])
        .env("PATH", path)
        .env("NVCC", folder.join("nvcc"))
        .env("CUDA_COMPUTE_CAP", "80");
    tools::run(layout, &mut command)
}

fn deny(layout: &Layout) -> Result<()> {
    tools::licences_bans_sources(layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], skip: &[&str]) -> Result<Vec<&'static str>> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let choice = Choice { only: owned(only), skip: owned(skip), list: false };
        Ok(chosen(&choice)?.iter().map(|step| step.name).collect())
    }

    #[test]
    fn steps_are_chosen_by_name_and_kept_in_order() {
        assert_eq!(names(&[], &[]).expect("all").len(), STEPS.len());
        assert_eq!(names(&["rules", "fmt"], &[]).expect("two"), ["fmt", "rules"]);
        assert_eq!(names(&[], &["deny"]).expect("most").len(), STEPS.len() - 1);
        assert_eq!(names(&["rules", "fmt"], &["fmt"]).expect("one"), ["rules"]);
    }

    #[test]
    fn an_unknown_step_and_an_empty_choice_are_refused() {
        let unknown = names(&["tests"], &[]).expect_err("there is no such step").to_string();
        assert!(unknown.starts_with("no step `tests`; there are fmt, tidy"), "{unknown}");
        assert!(names(&["fmt"], &["fmt"]).is_err());
    }
}
