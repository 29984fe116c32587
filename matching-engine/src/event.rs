//! What a book says has happened. Whoever adds the events up knows the open quantity of every order.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, OrderId, Price, Qty, Side};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BookEvent {
    /// A new order was taken in; what became of it follows.
    Accepted {
        /// Which.
        id: OrderId,
    },
    /// A command was refused and nothing changed.
    Rejected {
        /// The order it named.
        id: OrderId,
        /// Why.
        reason: BookReject,
    },
    /// Two orders met.
    Traded(Trade),
    /// An order ended before it was filled. Its last event.
    Cancelled {
        /// Which.
        id: OrderId,
        /// All that was open.
        qty: Qty,
        /// Why.
        reason: CancelReason,
    },
    /// A resting order was changed as its account asked.
    Amended {
        /// Which.
        id: OrderId,
        /// Its limit now.
        price: Price,
        /// Its size now, fills included.
        qty: Qty,
    },
    /// Self-trade prevention took quantity from an order, which goes on with the rest.
    Decremented {
        /// Which.
        id: OrderId,
        /// Its limit; a market order has none.
        price: Option<Price>,
        /// What it lost.
        by: Qty,
        /// Its size now, fills included.
        qty: Qty,
    },
}

/// Two orders met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Trade {
    /// The order that arrived first.
    pub maker: OrderId,
    /// The order that arrived last.
    pub taker: OrderId,
    /// Whose the maker is.
    pub maker_account: AccountId,
    /// Whose the taker is.
    pub taker_account: AccountId,
    /// Which way the taker went.
    pub taker_side: Side,
    /// The maker's limit, or the auction's price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
}

/// Why a command was refused. Variants stand in the order in which they are checked; if two apply, the first is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BookReject {
    /// MATCH-018: no order of that id rests.
    UnknownOrder,
    /// MATCH-014: nothing was asked for.
    ZeroQuantity,
    /// MATCH-015: an order of that id rests.
    DuplicateId,
    /// MATCH-010: a post-only order that can never rest: market, IOC or FOK.
    PostOnlyImmediate,
    /// MATCH-021: an auction collects orders that rest: no market, IOC, FOK or post-only.
    NotInAuction,
    /// MATCH-016: all that is open on its side would no longer fit into 64 bits.
    QtyOutOfRange,
    /// MATCH-009: a post-only order would have taken.
    PostOnlyWouldCross,
}

impl BookReject {
    /// The reason's name on every wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownOrder => "unknown_order",
            Self::ZeroQuantity => "zero_quantity",
            Self::DuplicateId => "duplicate_id",
            Self::PostOnlyImmediate => "post_only_immediate",
            Self::NotInAuction => "not_in_auction",
            Self::QtyOutOfRange => "qty_out_of_range",
            Self::PostOnlyWouldCross => "post_only_would_cross",
        }
    }
}

/// Why an order ended before it was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum CancelReason {
    /// Its account asked.
    Requested,
    /// Immediate or cancel: what did not trade on arrival.
    ImmediateOrCancel,
    /// Fill or kill: it could not trade whole.
    FillOrKill,
    /// A market order found no more orders.
    Market,
    /// It reached an order of its own account, or was reached by one.
    SelfTrade,
    /// Amended to a size that had already traded.
    Amended,
    /// The series stopped trading.
    Expired,
}

impl CancelReason {
    /// The reason's name on every wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Requested => "user",
            Self::ImmediateOrCancel => "ioc",
            Self::FillOrKill => "fok",
            Self::Market => "market",
            Self::SelfTrade => "self_trade",
            Self::Amended => "amended",
            Self::Expired => "expired",
        }
    }
}
