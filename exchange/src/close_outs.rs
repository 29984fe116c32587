//! What the exchange keeps about physical close-outs beside the obligations themselves.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId};
use settlement::Assignment;

use crate::nominate::Nomination;

/// Everything that is known between the last trade and the close.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CloseOuts {
    /// What holders have said about their deliveries, until their series closes.
    pub nominations: BTreeMap<(InstrumentId, AccountId), Nomination>,
    /// What sellers and buyers have agreed on themselves, in the order in which it was reported, until the assignment.
    pub matches: BTreeMap<InstrumentId, Vec<Assignment>>,
}
