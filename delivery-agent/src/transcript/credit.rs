//! What the marks of a transcript are worth, by the meter's own rule.

use api::wire::WireMetering;

use super::{Checked, Field, field};

/// A judged challenge as the meter sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its place, nanoseconds since 1970.
    pub issued_at: u64,
    /// When its end was known.
    pub judged_at: u64,
    /// The first interval of its deliverer's run.
    pub session: u32,
    /// How it ended.
    pub verdict: MarkVerdict,
}

/// How a challenge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkVerdict {
    /// The rows were right.
    Passed {
        /// Millionths of the grade.
        quality: u32,
    },
    /// Something in the answer was wrong.
    Refuted,
    /// No receipt came.
    Silent,
    /// Nobody could judge it.
    Unknown,
}

impl MarkVerdict {
    /// The share of the grade, of a right answer.
    #[must_use]
    pub fn quality(self) -> Option<u32> {
        match self {
            Self::Passed { quality } => Some(quality),
            Self::Refuted | Self::Silent | Self::Unknown => None,
        }
    }
}

/// What is credited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credited {
    /// GPU-milliseconds, interval by interval, each rounded down.
    pub gpu_millis: Vec<u64>,
    /// Failures that cost only the time until the answer that followed at once.
    pub soft_fails: u32,
    /// All other failures.
    pub hard_fails: u32,
}

impl Credited {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.gpu_millis.iter().fold(0, |sum, part| sum.saturating_add(*part))
    }
}

/// Credits the marks of a transcript.
pub(super) fn credit(checked: &Checked) -> Result<Credited, Field> {
    match checked.header.metering {
        WireMetering::Each => Ok(each(checked)),
        WireMetering::Between { .. } => Err(field("metering", "unknown to this build")),
    }
}

/// Challenge n judges interval n.
fn each(checked: &Checked) -> Credited {
    let mut credited = Credited::default();
    for interval in 0..checked.header.intervals {
        let verdict = checked.entries.get(&interval).map(|kept| kept.mark.verdict);
        let quality = verdict.and_then(MarkVerdict::quality).map_or(0, counted);
        let whole = u128::from(checked.header.interval) * u128::from(checked.header.lots);
        let millis = whole * u128::from(quality) / (1_000_000 * 1_000_000);
        credited.gpu_millis.push(u64::try_from(millis).unwrap_or(u64::MAX));
        let has_failed = match verdict {
            Some(MarkVerdict::Refuted | MarkVerdict::Silent) => true,
            Some(MarkVerdict::Passed { .. }) => quality == 0,
            Some(MarkVerdict::Unknown) | None => false,
        };
        credited.hard_fails = credited.hard_fails.saturating_add(u32::from(has_failed));
    }
    credited
}

/// DELIV-006: from 97 % on the whole, from 90 % its share, below that nothing.
fn counted(quality: u32) -> u32 {
    match quality {
        970_000.. => 1_000_000,
        900_000.. => quality,
        _ => 0,
    }
}
