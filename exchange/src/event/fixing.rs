//! What happens to a settlement price between its fixing and its being final.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, Price};

/// Something happened to a fixing.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FixingEvent {
    /// A settlement price is provisional: its inputs may be disputed.
    Opened {
        /// Of which series.
        instrument: InstrumentId,
        /// Until when.
        until: Nanos,
    },
    /// A partition is disputed, and the price pending.
    Disputed {
        /// Of which series.
        instrument: InstrumentId,
        /// By whom.
        account: AccountId,
        /// Which partition, from 0.
        partition: u32,
        /// What it should have been; none where the index should have been withheld.
        value: Option<MicroUsd>,
        /// What is held for the claim.
        bond: MicroUsd,
    },
    /// A claim is ruled on. Upheld, the bond goes back; otherwise insurance has it.
    Ruled {
        /// Of which series.
        instrument: InstrumentId,
        /// Whose claim.
        account: AccountId,
        /// Which partition, from 0.
        partition: u32,
        /// Whether it was right.
        is_upheld: bool,
    },
    /// The settlement price is another one; variation has followed.
    Revised {
        /// Of which series.
        instrument: InstrumentId,
        /// The new price.
        price: Price,
    },
    /// Nobody came in time to rule: the claim lapses and the bond goes back.
    Lapsed {
        /// Of which series.
        instrument: InstrumentId,
        /// Whose claim.
        account: AccountId,
    },
    /// Nothing changes the settlement price any more.
    Finalised {
        /// Of which series.
        instrument: InstrumentId,
        /// The final price.
        price: Price,
    },
}
