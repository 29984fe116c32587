//! The order books of a venue and their matching rules.
//!
//! Orders in, events out. The engine knows no money and no clock: time is told to it. `docs/rules/match.md` is its specification.
//! Read [`Engine::place`] first, then `book.rs` and `book/take.rs`.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod book;
mod breaker;
mod engine;
mod event;
mod hash;
mod ladder;
mod order;
mod protection;
mod slab;
mod sorted;
pub mod stream;
mod terms;

pub use book::{BookView, Cross, CrossRule};
pub use engine::{BOOKS_MAX, Engine, GROUP_BOOKS_MAX, GROUPS_MAX, QUOTES_MAX, Quote};
pub use event::{BookEvent, BookReject, CancelReason, Trade};
pub use order::{
    Amend, NewOrder, Order, OrderKind, PostOnly, PriceSource, StpMode, TimeInForce, Trigger,
    TriggerWhen,
};
pub use protection::{Counted, Frozen, Greeks, Limits, Protection};
pub use terms::{
    Allocation, Auction, AuctionKind, Bands, BookMode, BookTerms, Breaker, Call, Capacity, Phase,
};
