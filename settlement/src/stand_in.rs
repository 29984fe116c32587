//! Who delivers when the seller does not.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Nanos};

use crate::obligation::Obligation;

/// The seller fails, and what has been done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Outage {
    /// When the first failure was known.
    pub since: Nanos,
    /// The first interval that failed.
    pub first: u32,
    /// Until when the seller may bring other hardware in its place; then the standby pool is called.
    pub substitute_by: Nanos,
    /// Whether that has passed and nobody stands in.
    pub is_called: bool,
}

/// A provider of the standby pool delivers in the seller's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StandIn {
    /// Who.
    pub provider: AccountId,
    /// From which interval on.
    pub from: u32,
    /// Until before this one.
    pub until: u32,
}

impl Obligation {
    /// Who stands in for the seller in an interval, if anybody does.
    #[must_use]
    pub fn stand_in(&self, interval: u32) -> Option<AccountId> {
        let covers = |it: &&StandIn| (it.from..it.until).contains(&interval);
        self.stand_ins.iter().rev().find(covers).map(|it| it.provider)
    }

    /// Who delivers an interval: the seller, or who stands in for it.
    #[must_use]
    pub fn deliverer(&self, interval: u32) -> AccountId {
        self.stand_in(interval).unwrap_or(self.seller)
    }

    /// Whether an interval failed and was made good for free.
    #[must_use]
    pub fn is_excused(&self, interval: u32) -> bool {
        self.excused.iter().any(|(from, until)| (*from..*until).contains(&interval))
    }
}
