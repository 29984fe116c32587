//! What happens to quotes and their groups, beyond what happens to every order.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, GradeId, InstrumentId, Nanos, OrderId, Side};

use crate::quoting::{GroupName, ProtectionTerms, QuoteMark};
use crate::reject::Reject;

/// Something happened to quotes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum QuoteEvent {
    /// A group is protected on these terms from now on.
    ProtectionSet {
        /// Whose.
        account: AccountId,
        /// Which.
        group: GroupName,
        /// What it quotes.
        grade: GradeId,
        /// The terms.
        terms: ProtectionTerms,
    },
    /// A group is no more.
    ProtectionEnded {
        /// Whose.
        account: AccountId,
        /// Which.
        group: GroupName,
    },
    /// A group may quote, with nothing counted.
    ProtectionReset {
        /// Whose.
        account: AccountId,
        /// Which.
        group: GroupName,
    },
    /// A group has traded as much as it may: all that is open in it is cancelled.
    ProtectionTripped {
        /// Whose.
        account: AccountId,
        /// Which.
        group: GroupName,
        /// What it quotes.
        grade: GradeId,
        /// Until when it may not quote; absent, until it is reset.
        until: Option<Nanos>,
    },
    /// An open order is a quote, or a member of a group.
    OrderMarked {
        /// Whose.
        account: AccountId,
        /// Which.
        order: OrderId,
        /// What it is.
        mark: QuoteMark,
    },
    /// One side of an entry of a mass quote stands.
    QuoteSet {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Which entry, from 0.
        entry: u32,
        /// The order that stands.
        order: OrderId,
    },
    /// One side of an entry of a mass quote was refused; nothing of its old quote is left.
    QuoteRefused {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Which entry, from 0.
        entry: u32,
        /// Which side.
        side: Side,
        /// Why.
        reason: Box<Reject>,
    },
}
