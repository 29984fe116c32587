//! What an account asks of a book, and what rests or waits there.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, Nanos, OrderId, Price, Qty, Side};

/// An order as it arrives. The engine issues its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NewOrder {
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
    /// Refused, or moved away, rather than taker.
    pub post_only: PostOnly,
    /// What happens when it reaches an order of its own.
    pub stp: StpMode,
    /// Which orders of the account are its own: those with the same token.
    pub stp_token: u64,
    /// How much it shows when it rests; all when absent.
    pub display: Option<Qty>,
    /// What it waits for.
    pub trigger: Option<Trigger>,
    /// The worst limit that it, and every amend of it, may have.
    pub ceiling: Option<Price>,
}

impl NewOrder {
    /// A good-till-cancelled limit order with nothing special about it.
    #[must_use]
    pub const fn limit(account: AccountId, side: Side, price: Price, qty: Qty) -> Self {
        Self {
            account,
            side,
            kind: OrderKind::Limit(price),
            qty,
            time_in_force: TimeInForce::Gtc,
            post_only: PostOnly::No,
            stp: StpMode::None,
            stp_token: 0,
            display: None,
            trigger: None,
            ceiling: None,
        }
    }
}

/// What an order pays or receives at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OrderKind {
    /// This price or better.
    Limit(Price),
    /// Any price within the band. Never rests.
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
    /// Good till date: it rests until then.
    Gtd(Nanos),
    /// Good for auction: it rests until the auction under way is over.
    Gfa,
    /// Good for normal trading: it rests until an auction opens.
    Gfn,
}

impl TimeInForce {
    /// When it ends by itself, in nanoseconds; 0 when it does not.
    pub(crate) const fn expires_at(self) -> u64 {
        match self {
            Self::Gtd(at) => at.nanos(),
            Self::Gtc | Self::Ioc | Self::Fok | Self::Gfa | Self::Gfn => 0,
        }
    }

    /// Whether what does not trade on arrival rests.
    #[must_use]
    pub const fn rests(self) -> bool {
        !matches!(self, Self::Ioc | Self::Fok)
    }
}

/// What an order that would take does instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum PostOnly {
    /// It takes.
    No,
    /// It is refused.
    Reject,
    /// It rests one tick off the best price of the other side.
    Slide,
}

/// Self-trade prevention: what happens when a taker reaches a resting order of its own. The taker's mode decides.
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

/// What an order waits for before it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Trigger {
    /// Which price.
    pub source: PriceSource,
    /// Which way.
    pub when: TriggerWhen,
    /// How far.
    pub price: Price,
}

/// A price that orders wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum PriceSource {
    /// Of the book's newest trade.
    Last,
    /// The mark price.
    Mark,
    /// The index price.
    Index,
}

/// Which way a price has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum TriggerWhen {
    /// To the trigger's price or above.
    Rises,
    /// To the trigger's price or below.
    Falls,
}

/// A change of an order that rests or waits; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Amend {
    /// The new limit.
    pub price: Option<Price>,
    /// The new size, fills included.
    pub total: Option<Qty>,
    /// The new trigger price.
    pub trigger: Option<Price>,
}

/// An order that rests in a book or waits for its trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// Issued by the engine; never used again.
    pub id: OrderId,
    /// Where.
    pub book: InstrumentId,
    /// Whose.
    pub account: AccountId,
    /// Which way.
    pub side: Side,
    /// Its limit. Only a waiting order can be a market order.
    pub kind: OrderKind,
    /// What may still trade. Never zero.
    pub open: Qty,
    /// What of it is seen in the book; nothing while it waits.
    pub shown: Qty,
    /// What has traded.
    pub filled: Qty,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// What an amend that would make it a taker does.
    pub post_only: PostOnly,
    /// Its mode when an amend makes it a taker.
    pub stp: StpMode,
    /// Which orders of the account are its own.
    pub stp_token: u64,
    /// How much it shows at most.
    pub display: Option<Qty>,
    /// What it waits for; absent once it has arrived.
    pub trigger: Option<Trigger>,
    /// The worst limit it may have.
    pub ceiling: Option<Price>,
}

impl Order {
    /// Its size, fills included.
    #[must_use]
    pub fn total(&self) -> Qty {
        self.filled + self.open
    }
}
