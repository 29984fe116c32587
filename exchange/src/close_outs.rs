//! What the exchange keeps about physical close-outs beside the obligations themselves.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, Nanos};
use settlement::{Assignment, BondRates, Record};

use crate::nominate::Nomination;
use crate::offer_standby::StandbyOffer;

/// Everything that is known between the last trade and the close.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CloseOuts {
    /// What holders have said about their deliveries, until their series closes.
    pub nominations: BTreeMap<(InstrumentId, AccountId), Nomination>,
    /// What sellers and buyers have agreed on themselves, in the order in which it was reported, until the assignment.
    pub matches: BTreeMap<InstrumentId, Vec<Assignment>>,
    /// What everybody has delivered and failed so far.
    pub records: BTreeMap<AccountId, Record>,
    /// What that is worth in bond.
    pub bond_rates: BondRates,
    /// Who can be called to deliver in a seller's place.
    pub standby: BTreeMap<AccountId, StandbyOffer>,
    /// Until when they are paid for that.
    pub standby_paid_at: Nanos,
}

impl Default for CloseOuts {
    fn default() -> Self {
        Self {
            nominations: BTreeMap::new(),
            matches: BTreeMap::new(),
            records: BTreeMap::new(),
            bond_rates: BondRates::standard(),
            standby: BTreeMap::new(),
            standby_paid_at: Nanos::default(),
        }
    }
}
