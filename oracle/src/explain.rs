//! Why a print is what it is: every voice, its weight, and what the index would have been without it.
//!
//! An explanation is computed only when it is asked for, from the same state as the print, and changes nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Ppm};

use crate::cluster::{ClusterId, ProviderId};
use crate::log::NanoLog;
use crate::tier::Tier;

/// What went into one print.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Explanation {
    /// Everyone whose vote counted, by provider.
    pub voices: Vec<Voice>,
    /// Everything that was shown and did not count.
    pub ignored: Vec<Ignored>,
    /// The weighted median of the residuals.
    pub center: NanoLog,
    /// Residuals further than this from the center count as if they were this far.
    pub band: NanoLog,
    /// The fast part, F.
    pub fast: NanoLog,
    /// The level of the market, L.
    pub level: NanoLog,
    /// The slow part after this tick, g.
    pub anchor: NanoLog,
    /// The index from prices alone.
    pub price_leg: Option<MicroUsd>,
    /// What utilisation says the price should be.
    pub utilisation_leg: Option<MicroUsd>,
    /// The share of the known units that is leased.
    pub utilisation: Option<Ppm>,
    /// What the utilisation leg weighs in the index.
    pub utilisation_weight: Ppm,
    /// The mean of the recent leases by volume: transactions alone, without asks.
    pub transactions: Option<MicroUsd>,
    /// The share of the capped weight that a coalition with a fifth of the raw weight would have: at one half it decides.
    pub coalition_share: Ppm,
    /// Every condition that was looked at.
    pub gates: Vec<Gate>,
}

/// One provider's part in a print.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Voice {
    /// Who quoted.
    pub provider: ProviderId,
    /// Who owns it.
    pub cluster: ClusterId,
    /// What its price is worth as evidence, after the detector of administered prices.
    pub tier: Tier,
    /// Whether its prices are set by a rule, so that its tier is that of a rate card.
    pub is_administered: bool,
    /// Its last quote.
    pub price: MicroUsd,
    /// The logarithm of its price: its lease and its ask, each for what it is worth.
    pub level: NanoLog,
    /// How far it usually is from the others.
    pub spread: NanoLog,
    /// Its level less its spread.
    pub residual: NanoLog,
    /// The residual within the band.
    pub winsorised: NanoLog,
    /// Whether the band changed it.
    pub is_winsorised: bool,
    /// Its share of all weight before any cluster was capped.
    pub share_before_cap: Ppm,
    /// Its share of all weight.
    pub share: Ppm,
    /// This tick's index less what it would have been without this voice.
    pub effect: NanoLog,
}

/// Something that was shown and did not count.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ignored {
    /// Whose.
    pub provider: ProviderId,
    /// Why it did not count.
    pub why: WhyIgnored,
}

/// Why something that was shown did not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum WhyIgnored {
    /// It was made after the tick.
    NotYet,
    /// It is older than one cadence.
    Stale,
    /// The same provider said something later, or cheaper at the same time.
    Superseded,
    /// A judgement is shown, never counted.
    Judgement,
    /// Its provider is watched before it votes.
    OnProbation,
    /// Its provider's weight is nothing.
    NoWeight,
    /// There is no room for another provider.
    NoRoom,
}

/// A condition of the state `OK`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Gate {
    /// Which.
    pub name: GateName,
    /// Whether it let the print pass.
    pub is_open: bool,
    /// What was measured: a count, or millionths.
    pub is: i64,
    /// What it is measured against, in the same unit.
    pub limit: i64,
}

/// The conditions of the state `OK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum GateName {
    /// Providers that quoted and vote: a count, at least.
    Providers,
    /// Clusters that quoted and vote: a count, at least.
    Clusters,
    /// Equal voices: millionths, at least.
    Voices,
    /// The largest cluster's share: millionths, at most.
    TopShare,
    /// The largest route's share: millionths, at most.
    Route,
    /// Clusters with volume in the tiers A and B: a count, at least.
    Transacted,
    /// Verified units: a count, at least.
    Units,
    /// The standard deviation of the votes: millionths, at most.
    Dispersion,
    /// The confidence half-width: millionths, at most.
    Confidence,
    /// The move from the last believed value: millionths, at most.
    Jump,
}

impl GateName {
    /// Its name in a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Providers => "providers",
            Self::Clusters => "clusters",
            Self::Voices => "voices",
            Self::TopShare => "top share",
            Self::Route => "route",
            Self::Transacted => "transacted",
            Self::Units => "units",
            Self::Dispersion => "dispersion",
            Self::Confidence => "confidence",
            Self::Jump => "jump",
        }
    }
}

impl WhyIgnored {
    /// The reason in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotYet => "made after the tick",
            Self::Stale => "older than one cadence",
            Self::Superseded => "superseded",
            Self::Judgement => "a judgement",
            Self::OnProbation => "on probation",
            Self::NoWeight => "no weight",
            Self::NoRoom => "no room",
        }
    }
}
