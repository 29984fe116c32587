//! What every venue's body becomes: prices of offers and counts of units, in one form, with where and when they were seen.

use instruments::{MicroUsd, Nanos};

use super::source::Source;
use crate::identity::{ClassKey, Identity};
use crate::normalise::Configuration;

/// What a body said, and what was left out of it by rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// In the order of the body.
    pub records: Vec<Record>,
    /// Rows without a usable price, by rule and not by accident.
    pub skipped: Vec<Skipped>,
}

/// A row that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path in the body.
    pub field: String,
    /// By which rule.
    pub why: WhySkipped,
}

/// The rules by which a row is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhySkipped {
    /// The venue documents that it may have no price.
    NoPrice,
    /// A price of zero, which the venue uses for what it does not offer.
    NotOffered,
    /// Nothing in stock.
    NoStock,
    /// The venue does not say what or how many.
    Incomplete,
    /// The offer has ended.
    Ended,
    /// A price that was to change before now has not.
    ChangeOverdue,
    /// Several kinds of GPU in one offer.
    MixedNode,
    /// Nothing that the venue lists as a GPU.
    NotAGpu,
}

impl WhySkipped {
    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoPrice => "no_price",
            Self::NotOffered => "not_offered",
            Self::NoStock => "no_stock",
            Self::Incomplete => "incomplete",
            Self::Ended => "ended",
            Self::ChangeOverdue => "change_overdue",
            Self::MixedNode => "mixed_node",
            Self::NotAGpu => "not_a_gpu",
        }
    }
}

/// One thing that a venue said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The price of an offer.
    Price(PriceRecord),
    /// How many units there are, and how many of them are busy.
    Utilisation(UtilisationRecord),
}

/// Where a price is from; families are never blended without saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A cloud that rents its own machines.
    Neocloud,
    /// A book of many owners' offers.
    Marketplace,
    /// A network that settles on a chain.
    Decentralised,
}

impl Family {
    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Neocloud => "neocloud",
            Self::Marketplace => "marketplace",
            Self::Decentralised => "decentralised",
        }
    }
}

/// What kind of price it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PriceKind {
    /// What an owner asks for a machine that stands there.
    Ask,
    /// What providers bid to serve an order that somebody placed.
    Bid,
    /// What a price list says.
    List,
}

impl PriceKind {
    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Bid => "bid",
            Self::List => "list",
        }
    }
}

/// Units of a machine or a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stock {
    /// All of them.
    pub total: u32,
    /// Of these, free now.
    pub free: u32,
}

/// The price of one offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRecord {
    /// By which adapter.
    pub source: Source,
    /// The venue's name for the offer.
    pub offer: String,
    /// The seller within the venue, where it has several: `secure`, `community`.
    pub desk: Option<&'static str>,
    /// The owner, where the venue says who.
    pub owner: Option<String>,
    /// The physical machine, where the venue says which.
    pub machine: Option<String>,
    /// What it is.
    pub class: Identity,
    /// What kind of price.
    pub kind: PriceKind,
    /// How it is configured.
    pub configuration: Configuration,
    /// Country, as the venue writes it.
    pub region: Option<String>,
    /// Dollars per GPU-hour.
    pub price: MicroUsd,
    /// The machine's units, or the venue's where it gives no machines; `None` where the body cannot say what is leased.
    pub stock: Option<Stock>,
    /// GPUs that this offer adds to what can be had now.
    pub offered: u32,
    /// How many owners stand behind it, where the venue has summed them up.
    pub owners: Option<u32>,
    /// When the venue saw it.
    pub observed_at: Nanos,
    /// When the body was fetched.
    pub fetched_at: Nanos,
    /// The body's hash.
    pub raw_hash: [u8; 32],
}

/// Units of a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UtilisationRecord {
    /// By which adapter.
    pub source: Source,
    /// Of which class; all of them together without one.
    pub class: Option<ClassKey>,
    /// All units, where the venue says.
    pub total: Option<u32>,
    /// Of these, busy; where the venue says.
    pub busy: Option<u32>,
    /// Asked for and not yet served.
    pub pending: u32,
    /// How many owners.
    pub owners: Option<u32>,
    /// When the venue saw it.
    pub observed_at: Nanos,
    /// When the body was fetched.
    pub fetched_at: Nanos,
    /// The body's hash.
    pub raw_hash: [u8; 32],
}
