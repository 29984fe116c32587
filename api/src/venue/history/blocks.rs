//! Blocks: what two parties agreed elsewhere and both signed, with all of its trades.

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::{BlockTraded, Event};
use instruments::{AccountId, Nanos};

use super::{Draft, History, Place, key};
use crate::venue::publish::Published;

/// A block that was booked.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockRecord {
    /// The hash that both signed.
    pub digest: [u8; 32],
    /// When.
    pub at: Nanos,
    /// Its parties, in the order of their signatures.
    pub parties: [AccountId; 2],
    /// Its trades.
    pub trades: Vec<BlockTraded>,
}

impl BlockRecord {
    /// The block that a command booked, if it booked one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is about a block")]
    pub(crate) fn of(published: &Published) -> Option<Self> {
        let signed = published.events.iter().find_map(|event| match event {
            Event::AgreementTaken(signed) => Some(signed),
            _ => None,
        })?;
        let trade = |event: &Event| match event {
            Event::BlockTraded(block) => Some(block.as_ref().clone()),
            _ => None,
        };
        let trades: Vec<BlockTraded> = published.events.iter().filter_map(trade).collect();
        let (digest, parties) = (signed.digest, signed.agreement.parties);
        (!trades.is_empty()).then_some(Self { digest, at: published.at, parties, trades })
    }
}

impl History {
    /// A block by the hash that both signed.
    #[must_use]
    pub fn block(&self, digest: [u8; 32]) -> Option<BlockRecord> {
        self.get(&key::BLOCKS, &digest)
    }

    /// An account's blocks before a place, newest first.
    #[must_use]
    pub fn blocks_of(
        &self,
        account: AccountId,
        before: Option<Place>,
        limit: usize,
    ) -> Vec<(Place, BlockRecord)> {
        let before = before.map(|place| key::happened(account.0, place));
        let rows = self.newest(&key::USER_BLOCKS, &key::account(account), before.as_deref(), limit);
        let row = |(key, value): &(Vec<u8>, Vec<u8>)| {
            Some((key::place(key)?, self.block(self.decode(value)?)?))
        };
        rows.iter().filter_map(row).collect()
    }
}

impl Draft<'_> {
    /// Notes the block that a command has booked.
    pub(super) fn blocks(&mut self, published: &Published) {
        let Some(block) = BlockRecord::of(published) else { return };
        let place = Place { seq: published.seq, event: 0 };
        for party in block.parties {
            self.put(&key::USER_BLOCKS, key::happened(party.0, place), &block.digest);
        }
        self.put(&key::BLOCKS, block.digest.to_vec(), &block);
    }
}
