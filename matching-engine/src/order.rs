//! What an account asks of a book, and what rests there.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, OrderId, Price, Qty, Side};

/// An order as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NewOrder {
    /// Unique among the orders that rest in the book.
    pub id: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Which way.
    pub side: Side,
    /// Limit or market.
    pub kind: OrderKind,
    /// How much.
    pub qty: Qty,
    /// What becomes of the rest.
    pub time_in_force: TimeInForce,
    /// Refused rather than taker.
    pub post_only: bool,
    /// What happens when it reaches an order of its own account.
    pub stp: StpMode,
}

/// What an order pays or receives at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OrderKind {
    /// This price or better.
    Limit(Price),
    /// Any price. Never rests.
    Market,
}

/// What becomes of the part that does not trade on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TimeInForce {
    /// Good till cancelled: it rests.
    Gtc,
    /// Immediate or cancel: it is cancelled.
    Ioc,
    /// Fill or kill: all trades on arrival, or nothing does.
    Fok,
}

/// Self-trade prevention: what happens when a taker reaches a resting order of its own account. The taker's mode decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StpMode {
    /// They trade.
    None,
    /// The taker's rest is cancelled.
    CancelNewest,
    /// The resting order is cancelled and the taker goes on.
    CancelOldest,
    /// Both are cancelled.
    CancelBoth,
    /// Both lose the smaller's open quantity without a trade.
    Decrement,
}

/// An order that rests in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// Unique among the orders that rest in the book.
    pub id: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Which way.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// What may still trade. Never zero.
    pub open: Qty,
    /// What has traded.
    pub filled: Qty,
    /// Whether an amend that would make it a taker is refused.
    pub post_only: bool,
    /// Its mode when an amend makes it a taker.
    pub stp: StpMode,
}

impl Order {
    /// Its size, fills included.
    #[must_use]
    pub fn total(&self) -> Qty {
        self.filled + self.open
    }
}
