//! What a book is: how it allocates, when it trades, what stops it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, NanosSpan, Price, Qty};

/// How large an engine is made. It grows when that is too small; what is reserved costs no allocation later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Orders that rest or wait at one time, in all books.
    pub orders: usize,
}

/// The terms of one book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BookTerms {
    /// Who is served at one price.
    pub allocation: Allocation,
    /// Whether orders match on arrival or at a stroke.
    pub mode: BookMode,
    /// The price before there is a trade: for auctions and for the breaker.
    pub reference: Price,
    /// Ticks around the touch that are found in one step: a power of two from 64 to 4,096. What lies farther is found by search.
    pub window: u32,
    /// What stops trading when prices run; nothing when absent.
    pub breaker: Option<Breaker>,
}

impl BookTerms {
    /// First come, first served, continuously, with nothing that stops it.
    #[must_use]
    pub const fn continuous(reference: Price) -> Self {
        Self {
            allocation: Allocation::Fifo,
            mode: BookMode::Continuous,
            reference,
            window: 512,
            breaker: None,
        }
    }
}

impl BookTerms {
    /// Whether a book can be listed on them: no stretch of time is empty.
    pub(crate) fn are_sound(&self) -> bool {
        let has_batches = match self.mode {
            BookMode::Continuous => true,
            BookMode::Batch { every } => every.nanos() != 0,
        };
        let has_calls = self
            .breaker
            .is_none_or(|breaker| breaker.window.nanos() != 0 && breaker.call.length.nanos() != 0);
        has_batches && has_calls
    }
}

/// Who is served at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Allocation {
    /// The order that arrived first.
    Fifo,
    /// Everybody in proportion to what is shown, the remainder first come, first served.
    ProRata {
        /// A share below this is nothing.
        min: Qty,
        /// Whether the order that made the best price is served first.
        top: bool,
    },
}

/// Whether orders match on arrival or at a stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BookMode {
    /// On arrival.
    Continuous,
    /// In an auction whenever so much time has passed.
    Batch {
        /// From one uncross to the next.
        every: NanosSpan,
    },
}

/// Stops continuous trading when the price has run too far in too short a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Breaker {
    /// How far above the lowest and below the highest trade of the window, in ticks.
    pub width: u64,
    /// How far back trades count.
    pub window: NanosSpan,
    /// The auction that follows.
    pub call: Call,
    /// How often that auction may be extended when its price would trip the breaker again.
    pub extensions: u8,
}

/// How long an auction collects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Call {
    /// At least.
    pub length: NanosSpan,
    /// The most that is added, drawn at the end so that nobody knows it before.
    pub random: NanosSpan,
}

/// Limits that no order may go beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Bands {
    /// The lowest limit of a sell.
    pub low: Option<Price>,
    /// The highest limit of a buy.
    pub high: Option<Price>,
}

/// Why orders are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AuctionKind {
    /// The series begins to trade.
    Opening,
    /// The breaker has tripped.
    Volatility,
    /// The venue comes back.
    Restart,
    /// Somebody asked.
    Call,
    /// The book trades in batches.
    Batch,
}

/// Whether orders match on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Phase {
    /// They do.
    Continuous,
    /// They are collected until the uncross.
    Auction(Auction),
}

/// An auction under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Auction {
    /// Why.
    pub kind: AuctionKind,
    /// When it ends at the earliest; absent, it ends when somebody says so.
    pub until: Option<Nanos>,
    /// When it ends, once that is drawn.
    pub ends_at: Option<Nanos>,
    /// How long it was to take, for extensions.
    pub length: NanosSpan,
    /// How many extensions are left.
    pub extensions: u8,
}
