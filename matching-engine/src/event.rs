//! What a book says has happened. Whoever adds the events up knows the open quantity of every order.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, Nanos, OrderId, Price, Qty, Side};

use crate::terms::AuctionKind;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BookEvent {
    /// A new order was taken in; what became of it follows.
    Accepted {
        /// Where.
        book: InstrumentId,
        /// The id it was issued.
        id: OrderId,
        /// Its limit, which a sliding post-only order did not choose; a market order has none.
        price: Option<Price>,
    },
    /// A command was refused and nothing changed.
    Rejected {
        /// Where.
        book: InstrumentId,
        /// The order it named; a new order has no id yet.
        id: Option<OrderId>,
        /// Why.
        reason: BookReject,
    },
    /// Two orders met.
    Traded(Trade),
    /// An order of a spread traded through the legs: the trades in the legs' books are its trades.
    Implied {
        /// The spread's book.
        book: InstrumentId,
        /// The spread's order.
        id: OrderId,
        /// What the legs' prices make of the spread.
        price: Price,
        /// How much.
        qty: Qty,
    },
    /// An order ended before it was filled. Its last event.
    Cancelled {
        /// Where.
        book: InstrumentId,
        /// Which.
        id: OrderId,
        /// All that was open.
        qty: Qty,
        /// Why.
        reason: CancelReason,
    },
    /// An order was changed as its account asked.
    Amended {
        /// Where.
        book: InstrumentId,
        /// Which.
        id: OrderId,
        /// Its limit now; a waiting market order has none.
        price: Option<Price>,
        /// Its size now, fills included.
        qty: Qty,
    },
    /// Self-trade prevention took quantity from an order, which goes on with the rest.
    Decremented {
        /// Where.
        book: InstrumentId,
        /// Which.
        id: OrderId,
        /// Its limit; a market order has none.
        price: Option<Price>,
        /// What it lost.
        by: Qty,
        /// Its size now, fills included.
        qty: Qty,
    },
    /// An iceberg shows the next part, at the back of its level.
    Refreshed {
        /// Where.
        book: InstrumentId,
        /// Which.
        id: OrderId,
        /// What it shows now.
        shown: Qty,
    },
    /// A waiting order's price has come: it arrives now.
    Triggered {
        /// Where.
        book: InstrumentId,
        /// Which.
        id: OrderId,
    },
    /// Orders are collected from now on.
    AuctionOpened {
        /// Where.
        book: InstrumentId,
        /// Why.
        kind: AuctionKind,
        /// When it ends at the earliest; absent, when somebody says so.
        until: Option<Nanos>,
    },
    /// The auction's price would trip the breaker again: it goes on.
    AuctionExtended {
        /// Where.
        book: InstrumentId,
        /// When it ends at the earliest.
        until: Nanos,
    },
    /// The auction's trades have been printed.
    AuctionEnded {
        /// Where.
        book: InstrumentId,
        /// The one price; absent when nothing traded.
        price: Option<Price>,
        /// What traded.
        volume: Qty,
    },
    /// Market-maker protection pulled a group's quotes.
    Tripped {
        /// Whose.
        account: AccountId,
        /// Which group.
        group: u32,
        /// Until when the group may not quote; absent, until it is reset.
        until: Option<Nanos>,
    },
}

/// Two orders met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Trade {
    /// Where.
    pub book: InstrumentId,
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
    /// MATCH-060: a mass quote of more books than there may be.
    TooManyQuotes,
    /// MATCH-040: the group has been tripped and is not back yet, or was never set up.
    GroupFrozen,
    /// MATCH-028: no such book is listed.
    UnknownBook,
    /// MATCH-061: the group has quotes in as many books as there may be.
    GroupFull,
    /// MATCH-041: the quote's own bid and ask cross.
    QuoteCrossed,
    /// MATCH-018: no order of that id rests or waits.
    UnknownOrder,
    /// MATCH-029: only a waiting order has a trigger to change.
    NotWaiting,
    /// MATCH-030: a market order has no limit to change.
    NoLimit,
    /// MATCH-014: nothing was asked for.
    ZeroQuantity,
    /// MATCH-031: an account beyond 32 bits.
    AccountOutOfRange,
    /// MATCH-010: a post-only order that can never rest: market, IOC or FOK.
    PostOnlyImmediate,
    /// MATCH-032: an order that can never rest has nothing to hide.
    DisplayImmediate,
    /// MATCH-033: an iceberg that shows nothing, or less than a thousandth of its size.
    DisplayOutOfRange,
    /// MATCH-034: an order for one phase cannot wait for a price.
    TriggerTimeInForce,
    /// MATCH-035: good till an instant that has passed.
    ExpiryPassed,
    /// MATCH-036: good for auction, and there is none.
    NotInContinuous,
    /// MATCH-021: an auction collects orders that rest: no market, IOC, FOK, GFN or post-only.
    NotInAuction,
    /// MATCH-087: a price of a linked book whose sums with others would not fit.
    PriceOutOfRange,
    /// MATCH-037: the limit is beyond the order's own ceiling.
    BeyondCeiling,
    /// MATCH-038: a buy above the band.
    AboveBand {
        /// The highest limit of a buy.
        limit: Price,
    },
    /// MATCH-038: a sell below the band.
    BelowBand {
        /// The lowest limit of a sell.
        limit: Price,
    },
    /// MATCH-016: all that is open on its side would no longer fit into 64 bits.
    QtyOutOfRange,
    /// MATCH-039: 2^24 orders and levels are all there can be.
    BookFull,
    /// MATCH-009: a post-only order would have taken, or could not slide.
    PostOnlyWouldCross,
}

impl BookReject {
    /// The limit that a price went beyond.
    #[must_use]
    pub const fn limit(self) -> Option<Price> {
        if let Self::AboveBand { limit } | Self::BelowBand { limit } = self {
            return Some(limit);
        }
        None
    }

    /// The reason's name on every wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooManyQuotes => "too_many_quotes",
            Self::GroupFrozen => "group_frozen",
            Self::UnknownBook => "unknown_book",
            Self::GroupFull => "group_full",
            Self::QuoteCrossed => "quote_crossed",
            Self::UnknownOrder => "unknown_order",
            Self::NotWaiting => "not_waiting",
            Self::NoLimit => "no_limit",
            Self::ZeroQuantity => "zero_quantity",
            Self::AccountOutOfRange => "account_out_of_range",
            Self::PostOnlyImmediate => "post_only_immediate",
            Self::DisplayImmediate => "display_immediate",
            Self::DisplayOutOfRange => "display_out_of_range",
            Self::TriggerTimeInForce => "trigger_time_in_force",
            Self::ExpiryPassed => "expiry_passed",
            Self::NotInContinuous => "not_in_continuous",
            Self::NotInAuction => "not_in_auction",
            Self::PriceOutOfRange => "price_out_of_range",
            Self::BeyondCeiling => "beyond_ceiling",
            Self::AboveBand { .. } => "above_band",
            Self::BelowBand { .. } => "below_band",
            Self::QtyOutOfRange => "qty_out_of_range",
            Self::BookFull => "book_full",
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
    /// The series stopped trading, or the order's own time is over.
    Expired,
    /// Good for auction, and the auction is over.
    AuctionOver,
    /// Good for normal trading, and an auction has opened.
    AuctionOpened,
    /// The breaker tripped before an immediate order was done.
    Halted,
    /// A triggered post-only order would have taken.
    PostOnly,
    /// A triggered order's limit was outside the band.
    Band,
    /// Market-maker protection pulled it.
    Protection,
    /// A quote that could not be replaced.
    Quote,
    /// It could only reduce a position, which has become smaller than it.
    ReduceOnly,
    /// Its account can no longer pay what it may cost.
    Unfunded,
    /// It could make a position larger, and its account has too little for the one it has.
    Liquidation,
    /// The session over which it came has ended.
    Disconnected,
    /// Its account has not renewed the timer that its orders stand on.
    Absent,
    /// Its account was stopped by an operator.
    Killed,
}

impl CancelReason {
    /// The reason as a number, for hashes.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Requested => 0,
            Self::ImmediateOrCancel => 1,
            Self::FillOrKill => 2,
            Self::Market => 3,
            Self::SelfTrade => 4,
            Self::Amended => 5,
            Self::Expired => 6,
            Self::AuctionOver => 7,
            Self::AuctionOpened => 8,
            Self::Halted => 9,
            Self::PostOnly => 10,
            Self::Band => 11,
            Self::Protection => 12,
            Self::Quote => 13,
            Self::ReduceOnly => 14,
            Self::Unfunded => 16,
            Self::Liquidation => 15,
            Self::Disconnected => 17,
            Self::Absent => 18,
            Self::Killed => 20,
        }
    }

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
            Self::AuctionOver => "auction_over",
            Self::AuctionOpened => "auction",
            Self::Halted => "halted",
            Self::PostOnly => "post_only",
            Self::Band => "band",
            Self::Protection => "mmp",
            Self::Quote => "quote",
            Self::ReduceOnly => "reduce_only",
            Self::Unfunded => "unfunded",
            Self::Liquidation => "liquidation",
            Self::Disconnected => "disconnect",
            Self::Absent => "absent",
            Self::Killed => "killed",
        }
    }
}
