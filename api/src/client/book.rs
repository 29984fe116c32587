//! A book as a client builds it from its channel, and what tells it that it is not the venue's any more.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use thiserror::Error;

use crate::wire::{Number, WireBookChange, WireLevelChange};

/// Levels of a side that the checksum is of.
const CHECKED: usize = 25;

/// Why a book has to be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BookFault {
    /// A message between is missing.
    #[error("the change follows on {expected}, the book is at {found}")]
    Gap {
        /// On what the message follows.
        expected: u64,
        /// Where the book is.
        found: u64,
    },
    /// Every message came, and the book is another.
    #[error("the venue's book has checksum {expected}, this one {found}")]
    Checksum {
        /// The venue's.
        expected: u32,
        /// This one's.
        found: u32,
    },
}

/// A book, built from its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalBook {
    /// The journal's place up to which it goes.
    pub change_id: u64,
    /// What is bid, by price.
    pub bids: BTreeMap<Decimal, Number>,
    /// What is asked, by price.
    pub asks: BTreeMap<Decimal, Number>,
}

impl LocalBook {
    /// Takes in a message of a `book.SERIES.raw` or `book.SERIES.100ms` channel.
    ///
    /// # Errors
    /// [`BookFault`]; the book is of no use then until the next snapshot.
    pub fn take(&mut self, message: &WireBookChange) -> Result<(), BookFault> {
        match message.prev_change_id {
            None => *self = Self::default(),
            Some(expected) if expected != self.change_id => {
                return Err(BookFault::Gap { expected, found: self.change_id });
            }
            Some(_) => {}
        }
        change(&mut self.bids, &message.bids);
        change(&mut self.asks, &message.asks);
        self.change_id = message.change_id;
        let found = self.checksum();
        match message.checksum.filter(|expected| *expected != found) {
            Some(expected) => Err(BookFault::Checksum { expected, found }),
            None => Ok(()),
        }
    }

    /// CRC-32 of the best 25 levels of both sides, best first: bid, ask, next bid, next ask, each as `price:amount`, joined by `:`.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        let (mut bids, mut asks) = (self.bids.iter().rev(), self.asks.iter());
        let mut levels: Vec<String> = Vec::new();
        for _ in 0..CHECKED {
            let next = [bids.next(), asks.next()].into_iter().flatten();
            levels.extend(next.map(|(price, open)| format!("{}:{open}", Number(*price))));
        }
        crc32fast::hash(levels.join(":").as_bytes())
    }
}

fn change(levels: &mut BTreeMap<Decimal, Number>, changes: &[WireLevelChange]) {
    for WireLevelChange(action, price, open) in changes {
        if action == "delete" {
            levels.remove(&price.0);
        } else {
            levels.insert(price.0, *open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> WireBookChange {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn api_107_a_hole_or_another_checksum_is_found_out() {
        let mut book = LocalBook::default();
        let snapshot = message(
            r#"{"type":"snapshot","timestamp":1,"instrument_name":"X","change_id":5,
               "bids":[["new",2.5,3],["new",2.499,1]],"asks":[["new",2.6,4]]}"#,
        );
        assert_eq!(book.take(&snapshot), Ok(()));
        // zlib.crc32(b"2.5:3:2.6:4:2.499:1")
        assert_eq!(book.checksum(), crc32fast::hash(b"2.5:3:2.6:4:2.499:1"));
        let change = |prev: u64, checksum: u32| {
            message(&format!(
                r#"{{"type":"change","timestamp":1,"instrument_name":"X","change_id":7,
                   "prev_change_id":{prev},"checksum":{checksum},
                   "bids":[["delete",2.5,0]],"asks":[]}}"#
            ))
        };
        let right = crc32fast::hash(b"2.499:1:2.6:4");
        let mut other = book.clone();
        assert_eq!(book.take(&change(5, right)), Ok(()));
        assert_eq!(book.take(&change(6, right)), Err(BookFault::Gap { expected: 6, found: 7 }));
        let wrong = BookFault::Checksum { expected: 1, found: right };
        assert_eq!(other.take(&change(5, 1)), Err(wrong));
    }
}
