//! The checksum of a book: by it a client knows that the book it has built is the venue's.

use instruments::{Instrument, Price, Qty};

use crate::wire::Number;

/// Levels of a side that count.
pub(super) const DEPTH: usize = 25;

/// CRC-32 of the best levels, best first: bid, ask, next bid, next ask, each as `price:amount`, joined by `:`.
pub(super) fn of_book(
    terms: &Instrument,
    mut bids: impl Iterator<Item = (Price, Qty)>,
    mut asks: impl Iterator<Item = (Price, Qty)>,
) -> u32 {
    let mut text = String::with_capacity(1_024);
    for _ in 0..DEPTH {
        for (price, open) in [bids.next(), asks.next()].into_iter().flatten() {
            let price = Number::from(terms.price_to_decimal(price));
            if !text.is_empty() {
                text.push(':');
            }
            text.push_str(&format!("{price}:{}", open.lots()));
        }
    }
    crc32fast::hash(text.as_bytes())
}
