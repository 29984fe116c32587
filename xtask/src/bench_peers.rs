//! `cargo xtask bench-peers`: builds the peers, a workspace of its own, and lets them and our engine run the same streams.
//!
//! No part of the tests: the peers are other projects under their own licences, run here to be measured, and a shared machine's times are no
//! gate.

use crate::layout::Layout;
use crate::tools;
use anyhow::{Context, Result};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// What to compare.
#[derive(Args)]
pub(crate) struct Choice {
    /// Streams by name (tight, mix, swing, sweep, modify, multi, auction, quotes), or paths of files that hold one; all when absent
    #[arg(long, value_delimiter = ',', value_name = "STREAM")]
    streams: Vec<String>,
    /// Engines by name (tenor, limit, orderbook-rs, ...); all when absent
    #[arg(long, value_delimiter = ',', value_name = "ENGINE")]
    engines: Vec<String>,
    /// How many commands of each stream, besides those that fill the books
    #[arg(long)]
    commands: Option<u32>,
    /// Write all figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds and runs the comparison.
pub(crate) fn run(layout: &Layout, choice: &Choice) -> Result<()> {
    let target = layout.target.join("peers");
    let manifest = layout.root.join("benches").join("peers").join("Cargo.toml");
    let mut build = Command::new(tools::cargo());
    build.args(["build", "--release", "--locked", "--manifest-path"]).arg(manifest);
    build.arg("--target-dir").arg(&target);
    tools::run(layout, &mut build)?;
    let mut compare = Command::new(target.join("release").join("peers"));
    compare.args(arguments(choice)?);
    tools::run(layout, &mut compare)
}

/// The arguments of `peers compare`. It runs in the root, so a path is made absolute.
fn arguments(choice: &Choice) -> Result<Vec<OsString>> {
    let mut arguments: Vec<OsString> = vec!["compare".into()];
    let lists = [("--streams", &choice.streams), ("--engines", &choice.engines)];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        arguments.extend([name.into(), list.join(",").into()]);
    }
    if let Some(commands) = choice.commands {
        arguments.extend(["--commands".into(), commands.to_string().into()]);
    }
    if let Some(path) = &choice.json {
        let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
        arguments.extend(["--json".into(), path.into()]);
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_is_left_to_the_peers() {
        let none = Choice { streams: vec![], engines: vec![], commands: None, json: None };
        assert_eq!(arguments(&none).expect("no path"), ["compare"]);
        let some = Choice {
            streams: vec!["tight".to_owned(), "mix".to_owned()],
            commands: Some(1_000),
            ..none
        };
        let said = arguments(&some).expect("no path");
        assert_eq!(said, ["compare", "--streams", "tight,mix", "--commands", "1000"]);
    }
}
