//! A rolling hash over events: two engines that said the same have the same hash.
//!
//! It tells sameness, not authorship: whoever wants to collide can. The products of pairs of words are folded, high half onto low, as in
//! the wyhash family; the constants are the first digits of the fractional parts of the square roots of 2, 3, 5, 7, 11, 13, 17.

use crate::event::{BookEvent, Trade};
use crate::terms::AuctionKind;
use instruments::{Nanos, Price, Side};

const ROOTS: [u64; 7] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
];

/// A product of two words, its high half folded onto its low one.
#[inline]
#[expect(clippy::as_conversions, reason = "the two halves of a product are what is wanted")]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

const fn ticks(price: Price) -> u64 {
    price.ticks().cast_unsigned()
}

/// Whether there is a price, and which.
fn maybe(price: Option<Price>) -> [u64; 2] {
    price.map_or([0, 0], |price| [1, ticks(price)])
}

/// The first eight letters of a name, which tell all reasons apart.
fn letters(name: &str) -> u64 {
    name.bytes().fold(name.len().try_into().unwrap_or(0), |sum: u64, byte| {
        sum.rotate_left(5) ^ u64::from(byte)
    })
}

/// What an event says, as words.
#[inline(always)]
fn words(event: &BookEvent) -> [u64; 6] {
    match *event {
        BookEvent::Traded(Trade { book, maker, taker, taker_side, price, qty, .. }) => {
            let side = if taker_side == Side::Buy { 1 } else { 2 };
            // What one taker's trades at one price have in common stands in pairs of its own, folded once.
            [side, book.0, taker.0, ticks(price), maker.0, qty.lots()]
        }
        BookEvent::Accepted { book, id, price } => {
            let [is_limit, price] = maybe(price);
            [3, book.0, id.0, is_limit, price, 0]
        }
        BookEvent::Cancelled { book, id, qty, reason } => {
            [4, book.0, id.0, qty.lots(), u64::from(reason.number()), 0]
        }
        BookEvent::Rejected { .. }
        | BookEvent::Implied { .. }
        | BookEvent::Amended { .. }
        | BookEvent::Decremented { .. }
        | BookEvent::Refreshed { .. }
        | BookEvent::Triggered { .. }
        | BookEvent::AuctionOpened { .. }
        | BookEvent::AuctionExtended { .. }
        | BookEvent::AuctionEnded { .. }
        | BookEvent::Tripped { .. } => rare_words(event),
    }
}

#[inline(never)]
fn rare_words(event: &BookEvent) -> [u64; 6] {
    match *event {
        BookEvent::Traded(_) | BookEvent::Accepted { .. } | BookEvent::Cancelled { .. } => [0; 6],
        BookEvent::Rejected { book, id, reason } => [
            5,
            book.0,
            id.map_or(0, |id| id.0),
            letters(reason.code()),
            reason.limit().map_or(0, ticks),
            0,
        ],
        BookEvent::Amended { book, id, price, qty } => {
            let [is_limit, price] = maybe(price);
            [6, book.0, id.0, is_limit, price, qty.lots()]
        }
        BookEvent::Decremented { book, id, price: _, by, qty } => {
            [7, book.0, id.0, by.lots(), qty.lots(), 0]
        }
        BookEvent::Refreshed { book, id, shown } => [8, book.0, id.0, shown.lots(), 0, 0],
        BookEvent::Triggered { book, id } => [9, book.0, id.0, 0, 0, 0],
        BookEvent::Implied { book, id, price, qty } => {
            [10, book.0, id.0, ticks(price), qty.lots(), 0]
        }
        BookEvent::AuctionOpened { book, kind, until } => {
            [11, book.0, kind_word(kind), until.map_or(0, Nanos::nanos), 0, 0]
        }
        BookEvent::AuctionExtended { book, until } => [12, book.0, until.nanos(), 0, 0, 0],
        BookEvent::AuctionEnded { book, price, volume } => {
            let [has_price, price] = maybe(price);
            [13, book.0, has_price, price, volume.lots(), 0]
        }
        BookEvent::Tripped { account, group, until } => {
            [14, account.0, u64::from(group), until.map_or(0, Nanos::nanos), 0, 0]
        }
    }
}

const fn kind_word(kind: AuctionKind) -> u64 {
    match kind {
        AuctionKind::Opening => 1,
        AuctionKind::Volatility => 2,
        AuctionKind::Restart => 3,
        AuctionKind::Call => 4,
        AuctionKind::Batch => 5,
    }
}

/// The hash after `event`, when `hash` was the one before it.
#[inline(always)]
pub(crate) fn after(hash: u64, event: &BookEvent) -> u64 {
    let [a, b, c, d, e, f] = words(event);
    let [k, l, m, n, o, p, q] = ROOTS;
    let pairs = fold(a ^ k, b ^ l)
        ^ fold(c ^ m, d ^ n).rotate_left(21)
        ^ fold(e ^ o, f ^ p).rotate_left(42);
    fold(hash ^ pairs, q)
}
