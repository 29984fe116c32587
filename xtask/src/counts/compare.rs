//! What may differ from the record, and what may not.

use super::record::{Figures, Hundredths, Record, Toolchain};
use anyhow::{Result, bail};

/// How many hundredths more instructions are let pass, and from how many fewer on a new record is worth it.
const MARGIN: u64 = 3;

/// The command that records anew.
const RECORD: &str = "`cargo xtask counts --record`";

/// What can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// Everything.
    All,
    /// Allocations: another machine has other instructions.
    AllocationsOnly,
}

impl Basis {
    /// Refuses another compiler for the same machine: a new one begins a new record.
    pub(super) fn of(recorded: &Toolchain, found: &Toolchain) -> Result<Self> {
        if recorded.target != found.target {
            return Ok(Self::AllocationsOnly);
        }
        if recorded.rustc != found.rustc {
            bail!(
                "the counts were recorded with rustc {}, and this is rustc {}, which makes other code: they cannot be compared. \
                 To check a change, use the toolchain of rust-toolchain.toml. To change the toolchain, change nothing else in that \
                 commit, run {RECORD}, and commit what it writes",
                recorded.rustc,
                found.rustc
            );
        }
        Ok(Self::All)
    }
}

/// What a comparison says, a sentence each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What fails the check.
    pub(super) failures: Vec<String>,
    /// What does not.
    pub(super) hints: Vec<String>,
}

/// Compares what was found with what was recorded.
pub(super) fn compare(recorded: &Record, found: &Record) -> Outcome {
    let mut outcome = Outcome::default();
    if recorded.commands != found.commands {
        let (before, now) = (recorded.commands, found.commands);
        outcome.failures.push(format!(
            "the record is of {before} commands a stream, and now there are {now}: {RECORD}"
        ));
        return outcome;
    }
    for (stream, now) in &found.streams {
        match recorded.streams.get(stream) {
            Some(before) => outcome.compare(stream, before, now),
            None => {
                outcome.failures.push(format!("{stream}: there is no record of it: {RECORD}"));
            }
        }
    }
    for stream in recorded.streams.keys().filter(|name| !found.streams.contains_key(*name)) {
        outcome.failures.push(format!("{stream}: recorded, but no stream any more: {RECORD}"));
    }
    outcome
}

impl Outcome {
    fn compare(&mut self, stream: &str, before: &Figures, now: &Figures) {
        if let (Some(before), Some(now)) = (&before.simulated, &now.simulated) {
            self.instructions(stream, before.instructions, now.instructions);
        }
        let (had, has) = (before.allocations, now.allocations);
        if had < has {
            self.failures.push(format!(
                "{stream}: {has} allocations in 1,000 commands, recorded {had}; {RECORD} records anew"
            ));
        } else if has < had {
            self.hints.push(format!(
                "{stream}: {has} allocations in 1,000 commands, recorded {had}; {RECORD} keeps it so"
            ));
        }
        if before.hash != now.hash {
            self.hints.push(format!(
                "{stream}: the events are not those of the record, so this is other work (hash {}, recorded {})",
                now.hash, before.hash
            ));
        }
    }

    fn instructions(&mut self, stream: &str, before: Hundredths, now: Hundredths) {
        let change = now.change(before);
        let bound = |percent: u64| before.0.saturating_mul(percent);
        let scaled = now.0.saturating_mul(100);
        if bound(100 + MARGIN) < scaled {
            self.failures.push(format!(
                "{stream}: {now} instructions a command, recorded {before}: {change}, {MARGIN} % allowed; {RECORD} records anew"
            ));
        } else if scaled <= bound(100 - MARGIN) {
            self.hints.push(format!(
                "{stream}: {now} instructions a command, recorded {before}: {change}; {RECORD} keeps the gain"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Simulated;
    use super::*;

    fn figures(instructions: u64, allocations: u64) -> Figures {
        let few = Hundredths(100);
        let instructions = Hundredths(instructions);
        let simulated = Simulated { instructions, mispredictions: few, d1_misses: few };
        let allocations = Hundredths(allocations);
        Figures { simulated: Some(simulated), allocations, hash: "0a".to_owned() }
    }

    fn toolchain(rustc: &str, target: &str) -> Toolchain {
        Toolchain { rustc: rustc.to_owned(), target: target.to_owned() }
    }

    fn record(streams: &[(&str, Figures)]) -> Record {
        let streams = streams.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
        Record { toolchain: toolchain("1.95.0", "here"), commands: 1_000, streams }
    }

    /// 400 instructions and no allocation were recorded.
    fn after(now: Figures) -> Outcome {
        compare(&record(&[("tight", figures(40_000, 0))]), &record(&[("tight", now)]))
    }

    #[test]
    fn three_hundredths_more_pass_and_a_hair_above_fails() {
        assert_eq!(after(figures(40_000, 0)), Outcome::default());
        assert_eq!(after(figures(41_200, 0)), Outcome::default());
        let outcome = after(figures(41_201, 0));
        assert_eq!(
            outcome.failures,
            ["tight: 412.01 instructions a command, recorded 400.00: +3.00 %, 3 % allowed; \
              `cargo xtask counts --record` records anew"]
        );
        assert!(outcome.hints.is_empty());
    }

    #[test]
    fn three_hundredths_less_are_worth_a_record() {
        assert_eq!(after(figures(38_801, 0)), Outcome::default());
        let outcome = after(figures(38_800, 0));
        assert!(outcome.failures.is_empty());
        assert_eq!(
            outcome.hints,
            ["tight: 388.00 instructions a command, recorded 400.00: -3.00 %; \
              `cargo xtask counts --record` keeps the gain"]
        );
    }

    #[test]
    fn one_allocation_in_a_hundred_thousand_commands_fails() {
        let outcome = after(figures(40_000, 1));
        assert_eq!(outcome.failures.len(), 1);
        assert!(outcome.failures[0].starts_with("tight: 0.01 allocations in 1,000 commands"));
        let before = record(&[("sweep", figures(40_000, 77))]);
        let fewer = compare(&before, &record(&[("sweep", figures(40_000, 0))]));
        assert_eq!((fewer.failures.len(), fewer.hints.len()), (0, 1));
    }

    #[test]
    fn a_stream_without_a_record_and_a_record_without_a_stream_fail() {
        let (one, none) = (record(&[("tight", figures(1, 0))]), record(&[]));
        let missing = compare(&none, &one).failures;
        assert_eq!(missing, ["tight: there is no record of it: `cargo xtask counts --record`"]);
        let gone = compare(&one, &none).failures;
        assert_eq!(
            gone,
            ["tight: recorded, but no stream any more: `cargo xtask counts --record`"]
        );
    }

    #[test]
    fn other_work_is_mentioned_and_another_length_fails() {
        let other = after(Figures { hash: "0b".to_owned(), ..figures(40_000, 0) });
        assert_eq!((other.failures.len(), other.hints.len()), (0, 1));
        let one = record(&[("tight", figures(1, 0))]);
        let longer = compare(&one, &Record { commands: 2_000, ..one.clone() });
        assert_eq!(longer.failures.len(), 1);
    }

    #[test]
    fn another_compiler_is_refused_and_another_machine_counts_allocations() {
        let recorded = toolchain("1.95.0", "here");
        assert_eq!(Basis::of(&recorded, &recorded).expect("the same"), Basis::All);
        let said = Basis::of(&recorded, &toolchain("1.96.0", "here")).expect_err("another");
        let said = said.to_string();
        assert!(said.contains("with rustc 1.95.0, and this is rustc 1.96.0"), "{said}");
        assert!(said.contains("rust-toolchain.toml") && said.contains("--record"), "{said}");
        let there = toolchain("1.96.0", "there");
        assert_eq!(Basis::of(&recorded, &there).expect("no matter"), Basis::AllocationsOnly);
        let bare = |allocations| Figures { simulated: None, ..figures(0, allocations) };
        assert_eq!(after(bare(0)), Outcome::default());
        assert_eq!(after(bare(1)).failures.len(), 1);
    }
}
