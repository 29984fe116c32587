//! What the marks of a transcript are worth, by the meter's own rule.

use std::collections::BTreeMap;

use api::wire::WireMetering;
use instruments::{Nanos, NanosSpan, Ppm};
use settlement::{ChallengeOutcome, Ended, FailCause, MarkKind};

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
        WireMetering::Between { recheck_within, soft_fails_per_day, intervals_per_day, .. } => {
            if intervals_per_day == 0 {
                return Err(field("metering.intervals_per_day", "is zero"));
            }
            let within = NanosSpan::new(recheck_within);
            Ok(between(checked, within, (soft_fails_per_day, intervals_per_day)))
        }
    }
}

/// Challenge n judges interval n.
fn each(checked: &Checked) -> Credited {
    let mut credited = Credited::default();
    for interval in 0..checked.header.intervals {
        let verdict = checked.entries.get(&interval).map(|kept| kept.mark.verdict);
        let quality = verdict.and_then(MarkVerdict::quality).map_or(0, counted);
        credited.gpu_millis.push(share(checked.header.interval_millis, quality));
        let has_failed = match verdict {
            Some(MarkVerdict::Refuted | MarkVerdict::Silent) => true,
            Some(MarkVerdict::Passed { .. }) => quality == 0,
            Some(MarkVerdict::Unknown) | None => false,
        };
        credited.hard_fails = credited.hard_fails.saturating_add(u32::from(has_failed));
    }
    credited
}

/// What lies between two passed challenges of one deliverer counts: [`settlement::marks`] and [`settlement::credit`] are the venue's own.
fn between(checked: &Checked, within: NanosSpan, (softs, per_day): (u32, u32)) -> Credited {
    let mut sessions: BTreeMap<u32, Vec<Ended>> = BTreeMap::new();
    for kept in checked.entries.values() {
        sessions.entry(kept.mark.session).or_default().push(ended(&kept.mark));
    }
    let starts: Vec<u32> = sessions.keys().copied().collect();
    let intervals = checked.header.intervals;
    let mut credited = Credited {
        gpu_millis: vec![0; usize::try_from(intervals).unwrap_or(0)],
        ..Credited::default()
    };
    let mut soft_on: BTreeMap<u32, u32> = BTreeMap::new();
    for (from, challenges) in &sessions {
        let outages = checked.outages.iter().map(|(outage, _)| *outage);
        let ends = starts.iter().copied().chain(outages).filter(|end| from < end);
        let until = ends.min().unwrap_or(intervals).min(intervals);
        let marks = settlement::marks(challenges, within, |at, is_taken| {
            let soft = soft_on.entry(interval_at(checked, at) / per_day).or_default();
            *soft = soft.saturating_add(u32::from(is_taken));
            softs.saturating_sub(*soft)
        });
        for mark in &marks {
            match mark.kind {
                MarkKind::Passed { .. } => {}
                MarkKind::Soft { .. } => {
                    credited.soft_fails = credited.soft_fails.saturating_add(1);
                }
                MarkKind::Hard { .. } => {
                    credited.hard_fails = credited.hard_fails.saturating_add(1);
                }
            }
        }
        let session = (starts_at(checked, *from), starts_at(checked, until));
        for interval in *from..until {
            let range = (starts_at(checked, interval), starts_at(checked, interval + 1));
            let (quality, _) = settlement::credit(session, &marks, within, range).shares();
            let place = usize::try_from(interval).unwrap_or(usize::MAX);
            if let Some(part) = credited.gpu_millis.get_mut(place) {
                let ppm = u32::try_from(quality.ppm()).unwrap_or(0);
                *part = share(checked.header.interval_millis, ppm);
            }
        }
    }
    credited
}

/// As the core takes a judgement in.
fn ended(mark: &Mark) -> Ended {
    let outcome = match mark.verdict {
        MarkVerdict::Unknown => ChallengeOutcome::Unknown,
        MarkVerdict::Silent => ChallengeOutcome::Failed { cause: FailCause::Silent },
        MarkVerdict::Refuted => ChallengeOutcome::Failed { cause: FailCause::Refuted },
        MarkVerdict::Passed { quality } => match counted(quality) {
            0 => ChallengeOutcome::Failed { cause: FailCause::BelowGrade },
            counts => ChallengeOutcome::Passed { quality: Ppm::new(counts.into()) },
        },
    };
    Ended { at: Nanos::new(mark.issued_at), known_at: Nanos::new(mark.judged_at), outcome }
}

fn starts_at(checked: &Checked, interval: u32) -> Nanos {
    let header = &checked.header;
    let after = header.interval.saturating_mul(interval.into());
    Nanos::new(header.deliver_from.saturating_add(after))
}

/// The interval that an instant lies in; the last one of all that is later.
fn interval_at(checked: &Checked, at: Nanos) -> u32 {
    let header = &checked.header;
    let after = at.nanos().saturating_sub(header.deliver_from) / header.interval;
    u32::try_from(after).unwrap_or(u32::MAX).min(header.intervals.saturating_sub(1))
}

/// A share of a whole interval, in millionths, rounded down.
fn share(whole: u64, ppm: u32) -> u64 {
    let millis = u128::from(whole) * u128::from(ppm) / 1_000_000;
    u64::try_from(millis).unwrap_or(u64::MAX)
}

/// DELIV-006: from 97 % on the whole, from 90 % its share, below that nothing.
fn counted(quality: u32) -> u32 {
    match quality {
        970_000.. => 1_000_000,
        900_000.. => quality,
        _ => 0,
    }
}
