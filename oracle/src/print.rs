//! What the index says at one tick: a value with its confidence and its state, or a refusal with its reason.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Nanos, Ppm};

/// One published row. A refusal is a row like any other.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Print {
    /// The tick.
    pub at: Nanos,
    /// Dollars per GPU-hour; `None` exactly when the state is [`State::Withheld`].
    pub value: Option<MicroUsd>,
    /// The half-width of what the index would call equally plausible, as a share of the value; the whole when nothing is known.
    pub conf: Ppm,
    /// How far the value can be relied upon.
    pub state: State,
    /// Providers that quoted in this tick and have a vote.
    pub providers: u32,
    /// How many equal voices the weights are worth, in millionths of a voice; nothing when nobody votes.
    pub voices: Ppm,
    /// The largest cluster's share of the weight.
    pub top_share: Ppm,
    /// The index from prices alone.
    pub price_leg: Option<MicroUsd>,
    /// What utilisation says the price should be, where it says anything.
    pub utilisation_leg: Option<MicroUsd>,
    /// The share of the known units that is leased, where units are known.
    pub utilisation: Option<Ppm>,
    /// The registered version of the method.
    pub methodology: u16,
}

/// The version of the method that this code is. A change of the method or of a number in it is a new version.
pub const METHODOLOGY: u16 = 1;

/// How far a value can be relied upon. Every state but the last has a value; it is made of this tick's quotes but on rungs 3 and 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum State {
    /// Every gate is passed.
    Ok,
    /// Published, but a gate is shut: few owners, unequal voices, one route, wide dispersion, or a wide confidence band.
    LowConf,
    /// A move beyond the jump limit that neither enough other providers nor enough ticks have confirmed yet.
    Unconfirmed,
    /// The rung of the fallback ladder. 2: one owner short and a recent quote, or transactions alone; 3: the last value moved by a futures
    /// mark; 4: the last full value moved by utilisation.
    Fallback(u8),
    /// No value.
    Withheld(Withheld),
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Withheld {
    /// Nobody quoted.
    NoObservations,
    /// Too few providers that have a vote quoted.
    Providers {
        /// Those that quoted and vote.
        voting: u32,
        /// Those needed.
        needed: u32,
        /// Those that quoted but do not vote yet.
        on_probation: u32,
    },
    /// No index yet, and the providers' prices are too far apart to be about the same thing.
    NoCommonLevel {
        /// Those that quoted.
        providers: u32,
    },
    /// Every quote comes from a provider whose weight is still zero.
    NoWeight,
    /// The value does not fit in the range of a price.
    OutOfRange,
    /// Enough providers that have a vote quoted, but too few owners.
    Clusters {
        /// Owners of those that quoted and vote.
        voting: u32,
        /// Those needed.
        needed: u32,
        /// Providers that quoted but do not vote yet.
        on_probation: u32,
    },
}

impl Print {
    /// A refusal.
    #[must_use]
    pub(crate) const fn withheld(at: Nanos, reason: Withheld, providers: u32) -> Self {
        Self {
            at,
            value: None,
            conf: Ppm::ONE,
            state: State::Withheld(reason),
            providers,
            voices: Ppm::ZERO,
            top_share: Ppm::ZERO,
            price_leg: None,
            utilisation_leg: None,
            utilisation: None,
            methodology: METHODOLOGY,
        }
    }

    /// A plain average, which knows nothing of its own uncertainty.
    #[must_use]
    pub(crate) const fn plain(at: Nanos, value: MicroUsd, providers: u32) -> Self {
        let print = Self::withheld(at, Withheld::NoObservations, providers);
        Self { value: Some(value), state: State::Ok, price_leg: Some(value), ..print }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::LowConf => f.write_str("LOW_CONF"),
            Self::Unconfirmed => f.write_str("UNCONFIRMED"),
            Self::Fallback(rung) => write!(f, "FALLBACK({rung})"),
            Self::Withheld(reason) => write!(f, "WITHHELD({reason})"),
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoObservations => f.write_str("no observations"),
            Self::Providers { voting, needed, on_probation: 0 } => {
                write!(f, "{voting} of {needed} providers")
            }
            Self::Providers { voting, needed, on_probation } => {
                write!(f, "{voting} of {needed} providers and {on_probation} on probation")
            }
            Self::NoCommonLevel { providers } => {
                write!(f, "no common level of {providers} providers")
            }
            Self::Clusters { voting, needed, on_probation: 0 } => {
                write!(f, "{voting} of {needed} owners")
            }
            Self::Clusters { voting, needed, on_probation } => {
                write!(f, "{voting} of {needed} owners and {on_probation} on probation")
            }
            Self::NoWeight => f.write_str("no weight"),
            Self::OutOfRange => f.write_str("out of range"),
        }
    }
}
