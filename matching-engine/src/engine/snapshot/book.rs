//! What a snapshot keeps of a book beside its orders.

use std::io::Result;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{InstrumentId, Nanos, OrderId, Price, Side};

use super::slots::is_on;
use super::{check, damaged};
use crate::book::Book;
use crate::breaker::{BUCKETS, Bucket, Window};
use crate::engine::Engine;
use crate::protection::Greeks;
use crate::slab::Slab;
use crate::terms::{Allocation, Auction, AuctionKind, Bands, BookTerms, Phase};

/// A book without its orders.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Frame {
    pub(super) instrument: InstrumentId,
    terms: BookTerms,
    phase: Phase,
    bands: Bands,
    greeks: Greeks,
    last: Option<Price>,
    mark: Option<Price>,
    index: Option<Price>,
    /// Number, low and high of the breaker's buckets.
    buckets: Vec<(u64, i64, i64)>,
    tops: [u64; 2],
}

impl Frame {
    pub(super) fn of(book: &Book, slab: &Slab) -> Self {
        let buckets = book.breaker.as_ref().map_or(&[][..], |breaker| &breaker.buckets);
        Self {
            instrument: book.instrument,
            terms: book.terms,
            phase: book.phase,
            bands: book.bands,
            greeks: book.greeks,
            last: book.last,
            mark: book.mark,
            index: book.index,
            buckets: buckets.iter().map(|b| (b.number, b.low, b.high)).collect(),
            // An id that has ended never comes back: it is as good as none.
            tops: book.tops.map(|top| slab.find(OrderId(top)).map_or(0, |_| top)),
        }
    }

    /// Lists the book and brings it to where it was, without its orders.
    pub(super) fn restore(self, engine: &mut Engine) -> Result<()> {
        let now = engine.now;
        check(engine.list(self.instrument, self.terms), "a book that cannot be listed")?;
        let Some(book) = engine.books.last_mut().and_then(Option::as_mut) else {
            return Err(damaged("a book that is not the last one"));
        };
        check(
            book.terms == self.terms,
            "a window that is no power of two, too small or too large",
        )?;
        (book.bands, book.greeks) = (self.bands, self.greeks);
        book.note_features();
        (book.last, book.mark, book.index) = (self.last, self.mark, self.index);
        book.tops = self.tops;
        let reference = book.reference();
        match &mut book.breaker {
            Some(breaker) => restore_buckets(breaker, &self.buckets, reference, now)?,
            None => check(self.buckets.is_empty(), "trades of a breaker that is not there")?,
        }
        if book.is_batch() {
            return check(book.phase == self.phase, "a batch at the wrong time");
        }
        book.set_phase(self.phase);
        if let Phase::Auction(auction) = self.phase {
            check_auction(&auction, &self.terms, now)?;
            if let Some(at) = auction.ends_at.or(auction.until) {
                engine.timers.insert((at.nanos(), u64::from(book.number)), book.number);
            }
        }
        Ok(())
    }
}

/// Whether an auction can be where it is at `now`.
fn check_auction(auction: &Auction, terms: &BookTerms, now: Nanos) -> Result<()> {
    let is_volatility = auction.kind == AuctionKind::Volatility;
    let breaker = terms.breaker.filter(|_| is_volatility);
    check(
        auction.extensions <= breaker.map_or(0, |breaker| breaker.extensions),
        "an auction with too many extensions",
    )?;
    let length = Nanos::new(auction.length.nanos());
    let Some(until) = auction.until else {
        // One that is held has kept its length.
        return check(auction.ends_at.is_none(), "an auction that ends without an end");
    };
    let began_at = until.nanos().checked_sub(length.nanos());
    check(began_at.is_some_and(|at| at <= now.nanos()), "an auction that has not begun")?;
    let Some(ends_at) = auction.ends_at else { return Ok(()) };
    let random = terms.breaker.map_or(0, |breaker| breaker.call.random.nanos());
    let is_drawn = until <= now && now < ends_at && ends_at.since(until).nanos() <= random;
    check(is_drawn, "an auction that ends at the wrong time")
}

/// Brings back the trades of a breaker's window. Prices start from the newest trade.
fn restore_buckets(
    breaker: &mut Window,
    buckets: &[(u64, i64, i64)],
    newest: Price,
    now: Nanos,
) -> Result<()> {
    let mut numbers = buckets.iter().map(|(number, ..)| *number);
    check(numbers.clone().is_sorted_by(|a, b| a < b), "a breaker's trades are out of order")?;
    check(buckets.iter().all(|(_, low, high)| low <= high), "a breaker's low above its high")?;
    breaker.anchor = newest.ticks();
    if let (Some(oldest), Some((number, low, high))) = (numbers.next(), buckets.last()) {
        let is_within = number.saturating_sub(oldest) < BUCKETS && *number <= breaker.number(now);
        check(is_within, "a breaker's trades are not of its window")?;
        check((low..=high).contains(&&breaker.anchor), "a breaker without the newest trade")?;
    }
    let bucket = |&(number, low, high): &_| Bucket { number, low, high };
    breaker.buckets.extend(buckets.iter().map(bucket));
    breaker.limit();
    Ok(())
}

/// What can be said of a book only when all orders are there.
pub(super) fn check_orders(book: &Book, slab: &Slab) -> Result<()> {
    if book.is_continuous()
        && let (Some(bid), Some(ask)) = (book.bids.best_price(), book.asks.best_price())
    {
        check(bid < ask, "crossed outside an auction")?;
    }
    for (top, side) in book.tops.into_iter().zip([Side::Buy, Side::Sell]) {
        let is_pro_rata = matches!(book.terms.allocation, Allocation::ProRata { .. });
        let is_there = is_pro_rata && is_on(book, side, OrderId(top), slab);
        check(top == 0 || is_there, "a top order that is not there")?;
    }
    Ok(())
}
