//! How callgrind is asked, and what it answers.

use super::record::{Hundredths, Simulated};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// The one function that is counted, with all that it calls. It has one instance for each kind of stream.
const MEASURED: &str = "counts::measured*";

/// The processor that is simulated: always this one, whatever the machine has.
const CACHES: [&str; 3] = ["--I1=32768,8,64", "--D1=32768,8,64", "--LL=8388608,16,64"];

/// Counts of a whole run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Totals {
    instructions: u64,
    mispredictions: u64,
    d1_misses: u64,
}

/// A program under callgrind, its arguments still to come. The environment lies on the stack, where it would move what the caches see.
pub(super) fn command(program: &Path, out: &Path) -> Command {
    let mut out_file = std::ffi::OsString::from("--callgrind-out-file=");
    out_file.push(out);
    let mut command = Command::new("valgrind");
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .args(["--tool=callgrind", "--branch-sim=yes", "--cache-sim=yes"])
        .args(CACHES)
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(out_file)
        .arg(program);
    command
}

/// Reads the lines `events:` and `totals:` of a file that callgrind wrote. Zeros at a line's end are left out there.
pub(super) fn parse(text: &str) -> Result<Totals> {
    let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let events = line("events:").context("callgrind wrote no line `events:`")?;
    let totals = line("totals:").context("callgrind wrote no line `totals:`")?;
    let mut values = Vec::new();
    for value in totals.split_whitespace() {
        values.push(value.parse::<u64>().with_context(|| format!("the total `{value}`"))?);
    }
    let total = |name: &str| {
        let place = events.split_whitespace().position(|event| event == name);
        let place = place.with_context(|| format!("callgrind did not count {name}"))?;
        anyhow::Ok(values.get(place).copied().unwrap_or(0))
    };
    let sum = |one, other| anyhow::Ok(total(one)?.saturating_add(total(other)?));
    let instructions = total("Ir")?;
    ensure!(
        instructions != 0,
        "no instruction was counted: no function's name is like `{MEASURED}`"
    );
    Ok(Totals { instructions, mispredictions: sum("Bcm", "Bim")?, d1_misses: sum("D1mr", "D1mw")? })
}

impl Totals {
    /// Of one command, when there were so many.
    pub(super) fn per(&self, commands: u64) -> Simulated {
        let each = |total| Hundredths::of(total, commands);
        Simulated {
            instructions: each(self.instructions),
            mispredictions: each(self.mispredictions),
            d1_misses: each(self.d1_misses),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
cmd: counts tight 1000
positions: line
events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw Bc Bcm Bi Bim
summary: 7 7 7 7 7 7 7 7 7 7 7 7 7

fn=(1) counts::measured
0 120 30 20 1 2 1 1 0 0 10 4 2 1
calls=1000 0
0 360000 90000

totals: 360120 91200 68600 5 1044 637 5 0 62 39535 1151 2555 484
";

    #[test]
    fn totals_are_read_by_the_names_of_their_events() {
        let expected = Totals { instructions: 360_120, mispredictions: 1_635, d1_misses: 1_681 };
        assert_eq!(parse(OUT).expect("it is whole"), expected);
        let one = expected.per(1_000);
        assert_eq!(one.instructions.to_string(), "360.12");
        assert_eq!(one.mispredictions.to_string(), "1.64");
        assert_eq!(one.d1_misses.to_string(), "1.68");
    }

    #[test]
    fn zeros_at_the_end_may_be_absent() {
        let text = "events: Ir D1mr D1mw Bcm Bim\ntotals: 12 3\n";
        let expected = Totals { instructions: 12, mispredictions: 0, d1_misses: 3 };
        assert_eq!(parse(text).expect("the rest is zero"), expected);
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let said = |text: &str| parse(text).expect_err("it is not whole").to_string();
        assert_eq!(said(""), "callgrind wrote no line `events:`");
        assert_eq!(said("events: Ir\n"), "callgrind wrote no line `totals:`");
        assert_eq!(said("events: Ir\ntotals: 1\n"), "callgrind did not count Bcm");
        assert_eq!(said("events: Ir\ntotals: x\n"), "the total `x`");
        let nothing = said("events: Ir Bcm Bim D1mr D1mw\ntotals: 0\n");
        assert!(nothing.starts_with("no instruction was counted"), "{nothing}");
    }
}
