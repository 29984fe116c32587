//! The record of counts: a small file, written by us alone, read by people in reviews.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// A figure with two places after the point: exact, so that a margin is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "f64")]
pub(super) struct Hundredths(pub(super) u64);

impl From<f64> for Hundredths {
    fn from(figure: f64) -> Self {
        Self((figure * 100.0).round() as u64)
    }
}

impl Hundredths {
    /// `sum` shared out over `count`, rounded.
    pub(super) fn of(sum: u64, count: u64) -> Self {
        let count = count.max(1);
        Self((sum.saturating_mul(100).saturating_add(count / 2)) / count)
    }

    /// By how much it is more than `before`, or less.
    pub(super) fn change(self, before: Self) -> String {
        if before.0 == 0 {
            return String::new();
        }
        format!("{:+.2} %", (self.0 as f64 / before.0 as f64 - 1.0) * 100.0)
    }
}

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// What made the code that was counted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Toolchain {
    /// The compiler's version.
    pub(super) rustc: String,
    /// The machine it compiles for.
    pub(super) target: String,
}

impl Toolchain {
    /// From what `rustc -vV` prints.
    pub(super) fn read(text: &str) -> Result<Self> {
        let rustc = text.lines().find_map(|line| line.strip_prefix("rustc "));
        let target = text.lines().find_map(|line| line.strip_prefix("host: "));
        let (rustc, target) = rustc.zip(target).context("`rustc -vV` names version and host")?;
        Ok(Self { rustc: rustc.trim().to_owned(), target: target.trim().to_owned() })
    }
}

/// What one command costs on a simulated processor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Simulated {
    /// Instructions.
    pub(super) instructions: Hundredths,
    /// Branches, conditional and indirect, that were predicted wrongly.
    pub(super) mispredictions: Hundredths,
    /// Reads and writes that missed the first cache.
    pub(super) d1_misses: Hundredths,
}

/// What a stream costs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Figures {
    /// Absent where only allocations were counted.
    #[serde(flatten)]
    pub(super) simulated: Option<Simulated>,
    /// Allocations in a thousand commands.
    pub(super) allocations: Hundredths,
    /// The engine's hash at the end: the same work has the same.
    pub(super) hash: String,
}

/// What all streams cost.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Record {
    /// What it was counted with.
    #[serde(flatten)]
    pub(super) toolchain: Toolchain,
    /// How many commands of each stream.
    pub(super) commands: u32,
    /// By the stream's name.
    pub(super) streams: BTreeMap<String, Figures>,
}

const HEAD: &str = "\
# What the matching engine costs on the canonical streams: instructions, mispredicted branches and first-cache misses of one command, and
# allocations of a thousand. Written by `cargo xtask counts --record`, compared by `cargo xtask counts`; docs/benchmarks.md says how.
";

impl Record {
    /// Reads what [`Record::write`] wrote.
    pub(super) fn read(text: &str) -> Result<Self> {
        let record: Self = toml::from_str(text)?;
        for (name, figures) in &record.streams {
            ensure!(figures.simulated.is_some(), "stream {name} has no record of instructions");
        }
        Ok(record)
    }

    /// As a file, its streams in the order given.
    pub(super) fn write(&self, order: &[&str]) -> String {
        let Toolchain { rustc, target } = &self.toolchain;
        let commands = self.commands;
        let mut text =
            format!("{HEAD}rustc = \"{rustc}\"\ntarget = \"{target}\"\ncommands = {commands}\n");
        for stream in order {
            let Some(figures) = self.streams.get(*stream) else { continue };
            text.push_str(&format!("\n[streams.{stream}]\n"));
            if let Some(Simulated { instructions, mispredictions, d1_misses }) = &figures.simulated
            {
                text.push_str(&format!(
                    "instructions = {instructions}\nmispredictions = {mispredictions}\nd1_misses = {d1_misses}\n"
                ));
            }
            let Figures { allocations, hash, .. } = figures;
            text.push_str(&format!("allocations = {allocations}\nhash = \"{hash}\"\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let simulated = Simulated {
            instructions: Hundredths(36_045),
            mispredictions: Hundredths(164),
            d1_misses: Hundredths(7),
        };
        let figures =
            Figures { simulated: Some(simulated), allocations: Hundredths(0), hash: "0f".into() };
        let toolchain = Toolchain { rustc: "1.95.0 (x)".into(), target: "a-b".into() };
        let streams = ["mix", "tight"].map(|name| (name.to_owned(), figures.clone())).into();
        let record = Record { toolchain, commands: 9, streams };
        let text = record.write(&["tight", "mix"]);
        assert_eq!(Record::read(&text).expect("it was written by us"), record);
        let (_, body) = text.split_once("rustc").expect("after the head");
        assert_eq!(body, BODY);
        let without = BODY.replace("instructions = 360.45\n", "");
        assert!(Record::read(&format!("rustc{without}")).is_err());
    }

    const BODY: &str = r#" = "1.95.0 (x)"
target = "a-b"
commands = 9

[streams.tight]
instructions = 360.45
mispredictions = 1.64
d1_misses = 0.07
allocations = 0.00
hash = "0f"

[streams.mix]
instructions = 360.45
mispredictions = 1.64
d1_misses = 0.07
allocations = 0.00
hash = "0f"
"#;

    #[test]
    fn figures_are_rounded_to_two_places() {
        assert_eq!(Hundredths::of(36_044_536, 100_000).to_string(), "360.45");
        assert_eq!(Hundredths::of(1, 0).to_string(), "1.00");
        assert_eq!(Hundredths::from(0.29), Hundredths(29));
        assert_eq!(Hundredths(412).change(Hundredths(400)), "+3.00 %");
        assert_eq!(Hundredths(388).change(Hundredths(400)), "-3.00 %");
        assert_eq!(Hundredths(1).change(Hundredths(0)), "");
    }

    #[test]
    fn the_compiler_says_what_it_is() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        let toolchain = Toolchain::read(text).expect("both are there");
        assert_eq!(toolchain.rustc, "1.95.0 (59807616e 2026-04-14)");
        assert_eq!(toolchain.target, "x86_64-unknown-linux-gnu");
        assert!(Toolchain::read("rustc 1.95.0\n").is_err());
    }
}
