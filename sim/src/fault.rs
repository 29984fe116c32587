//! What goes wrong in a world, and when. `docs/simulation.md` has the table: what each fault strikes and what must still hold.

use std::fmt;

use instruments::{Nanos, NanosSpan};

use crate::seed::Stream;

/// In milliseconds: two hours, and a minute and a half.
const BUSY_EVERY: u64 = 7_200_000;
const BUSY_FOR: u64 = 90_000;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The venue dies and comes back from its last snapshot and the journal behind it.
    Crash {
        /// How long it is gone; whatever arrives meanwhile was never asked.
        down_for: NanosSpan,
    },
    /// The sequencer's clock stands still while commands go on arriving, then jumps to the right time.
    ClockStall {
        /// How long it stands.
        lasts: NanosSpan,
    },
    /// The oracle publishes nothing.
    IndexSilent {
        /// For how long.
        lasts: NanosSpan,
    },
    /// Most sources of the oracle are unreachable: it publishes that it withholds.
    SourcesDark {
        /// For how long.
        lasts: NanosSpan,
    },
    /// Every source quotes a multiple of the price.
    IndexSpike {
        /// The multiple, in millionths.
        factor_ppm: u64,
        /// For how long.
        lasts: NanosSpan,
    },
    /// The next print arrives twice.
    IndexDuplicated,
    /// The next print arrives after the one that follows it.
    IndexOutOfOrder,
    /// No verifier judges.
    VerifierOutage {
        /// For how long.
        lasts: NanosSpan,
    },
    /// One provider's agent is unreachable.
    ProviderOutage {
        /// Which provider, by its place in the cast.
        provider: u64,
        /// For how long.
        lasts: NanosSpan,
    },
    /// The venue's own desk issues no challenges.
    ChallengeOutage {
        /// For how long.
        lasts: NanosSpan,
    },
}

/// A fault with its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedFault {
    /// When it strikes.
    pub at: Nanos,
    /// What strikes.
    pub fault: Fault,
}

impl Fault {
    /// Every fault's name, in the order of the variants.
    pub const NAMES: [&'static str; 10] = [
        "crash",
        "clock-stall",
        "index-silent",
        "sources-dark",
        "index-spike",
        "index-duplicated",
        "index-out-of-order",
        "verifier-outage",
        "provider-outage",
        "challenge-outage",
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::ClockStall { .. } => "clock-stall",
            Self::IndexSilent { .. } => "index-silent",
            Self::SourcesDark { .. } => "sources-dark",
            Self::IndexSpike { .. } => "index-spike",
            Self::IndexDuplicated => "index-duplicated",
            Self::IndexOutOfOrder => "index-out-of-order",
            Self::VerifierOutage { .. } => "verifier-outage",
            Self::ProviderOutage { .. } => "provider-outage",
            Self::ChallengeOutage { .. } => "challenge-outage",
        }
    }

    /// One crash and two other faults for every day, at instants and in sizes that the seed chooses.
    pub(crate) fn plan(seed: u64, begins_at: Nanos, days: u32) -> Vec<PlannedFault> {
        let mut chance = Stream::new(seed, "faults");
        let mut plan = Vec::new();
        for day in 0..u64::from(days) {
            let midnight = begins_at + NanosSpan::from_seconds(day * 86_400);
            let mut strike = |fault, chance: &mut Stream| {
                let mut millis = chance.between(600_000, 84_000_000);
                // Deliveries are busy in the minutes after an interval opens, every two hours: half of the faults strike then.
                if chance.chance(500_000) {
                    millis = millis / BUSY_EVERY * BUSY_EVERY + chance.below(BUSY_FOR);
                }
                let at = midnight + NanosSpan::from_millis(millis);
                plan.push(PlannedFault { at, fault });
            };
            let down_for = minutes(&mut chance, 1, 30);
            strike(Self::Crash { down_for }, &mut chance);
            for _ in 0..2 {
                let fault = Self::draw(&mut chance);
                strike(fault, &mut chance);
            }
        }
        plan.sort_by_key(|planned| planned.at);
        plan
    }

    fn draw(chance: &mut Stream) -> Self {
        match chance.below(9) {
            0 => Self::ClockStall { lasts: minutes(chance, 1, 90) },
            1 => Self::IndexSilent { lasts: minutes(chance, 30, 300) },
            2 => Self::SourcesDark { lasts: minutes(chance, 30, 300) },
            3 => {
                // Up by up to the double, or down to the half.
                let up = chance.between(1_100_000, 2_000_000);
                let factor_ppm = if chance.chance(500_000) { up } else { 1_000_000_000_000 / up };
                Self::IndexSpike { factor_ppm, lasts: minutes(chance, 30, 600) }
            }
            4 => Self::IndexDuplicated,
            5 => Self::IndexOutOfOrder,
            6 => Self::VerifierOutage { lasts: minutes(chance, 10, 300) },
            7 => {
                let lasts = minutes(chance, 60, 900);
                Self::ProviderOutage { provider: chance.below(64), lasts }
            }
            _ => Self::ChallengeOutage { lasts: minutes(chance, 10, 300) },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Crash { down_for: lasts }
            | Self::ClockStall { lasts }
            | Self::IndexSilent { lasts }
            | Self::SourcesDark { lasts }
            | Self::VerifierOutage { lasts }
            | Self::ProviderOutage { lasts, .. }
            | Self::ChallengeOutage { lasts } => write!(f, " for {}", Minutes(*lasts)),
            Self::IndexSpike { factor_ppm, lasts } => {
                write!(f, " to {} % for {}", factor_ppm / 10_000, Minutes(*lasts))
            }
            Self::IndexDuplicated | Self::IndexOutOfOrder => Ok(()),
        }
    }
}

struct Minutes(NanosSpan);

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} min", self.0.nanos() / 60_000_000_000)
    }
}

fn minutes(chance: &mut Stream, least: u64, most: u64) -> NanosSpan {
    NanosSpan::from_seconds(60 * chance.between(least, most))
}
