//! One instrument's order book and its matching rules.
//!
//! Orders in, events out. The book knows no money, no clock and no other book; `docs/rules/match.md` is its specification.
//! Read [`Book::place`] first, then `book/take.rs`.

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
mod event;
mod ladder;
mod order;

pub use book::{Book, Cross, CrossRule, Phase};
pub use event::{BookEvent, BookReject, CancelReason, Trade};
pub use order::{NewOrder, Order, OrderKind, StpMode, TimeInForce};
