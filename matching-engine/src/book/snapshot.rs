//! The canonical bytes of a book: the phase, how many orders have arrived, and each side's orders in priority order.
//!
//! Two equal books have equal bytes. What is read back is checked, so that a damaged snapshot is an error and never a crossed book.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Read, Result, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Side;

use super::{Book, Phase, Spot};
use crate::ladder::{Ladder, Rank};
use crate::order::Order;

impl BorshSerialize for Book {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.phase.serialize(writer)?;
        self.arrivals.serialize(writer)?;
        for ladder in [&self.bids, &self.asks] {
            ladder.orders().collect::<Vec<_>>().serialize(writer)?;
        }
        Ok(())
    }
}

impl BorshDeserialize for Book {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let mut book = Self::new();
        book.phase = Phase::deserialize_reader(reader)?;
        book.arrivals = u64::deserialize_reader(reader)?;
        let mut arrivals = BTreeSet::new();
        for side in [Side::Buy, Side::Sell] {
            let mut last = None;
            for (arrival, order) in Vec::<(u64, Order)>::deserialize_reader(reader)? {
                if !arrivals.insert(arrival) {
                    return Err(damaged("two orders of one arrival"));
                }
                let rank = book.restore(side, arrival, order).map_err(damaged)?;
                if last.replace(rank).is_some_and(|last: Rank| rank <= last) {
                    return Err(damaged("orders out of priority order"));
                }
            }
        }
        if book.phase == Phase::Continuous && book.is_crossed() {
            return Err(damaged("crossed outside an auction"));
        }
        Ok(book)
    }
}

impl Book {
    fn restore(
        &mut self,
        side: Side,
        arrival: u64,
        order: Order,
    ) -> std::result::Result<Rank, &'static str> {
        if order.side != side {
            return Err("order on the wrong side");
        }
        if order.open.is_zero() || order.filled.lots().checked_add(order.open.lots()).is_none() {
            return Err("open quantity out of range");
        }
        if arrival == 0 || self.arrivals < arrival {
            return Err("order has not arrived yet");
        }
        if self.index.contains_key(&order.id) {
            return Err("two orders of one id");
        }
        let ladder: &mut Ladder = self.ladder_mut(side);
        if ladder.open().lots().checked_add(order.open.lots()).is_none() {
            return Err("side's quantity out of range");
        }
        let rank = ladder.insert(arrival, order);
        self.index.insert(order.id, Spot { side, rank });
        Ok(rank)
    }
}

fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("damaged book snapshot: {what}"))
}
