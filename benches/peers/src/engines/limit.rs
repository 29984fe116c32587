//! The bare limit book.

use crate::engine::{Engine, Room, add};
use benches::tally::Tally;
use instruments::Side;
use limit::Limit;
use matching_engine::stream::{Op, StreamCommand};

/// The yardstick.
pub(crate) struct Bare(Limit);

impl Engine for Bare {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        let header = &room.header;
        let prices = (header.price_low, header.price_high);
        Self(Limit::new(header.books, prices, header.id_high, room.orders))
    }

    #[inline]
    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let StreamCommand { op, side, book, qty, id, price } = *command;
        let is_buy = side == Side::Buy;
        let fill = |maker, price, qty| add::<CHECKS>(tally, maker, price, qty);
        let is_known = match op {
            Op::Add => {
                self.0.add(book, is_buy, (id, price, qty), fill);
                true
            }
            Op::Ioc => {
                self.0.immediate(book, is_buy, (Some(price), qty), fill);
                true
            }
            Op::Market => {
                self.0.immediate(book, is_buy, (None, qty), fill);
                true
            }
            Op::Cancel => self.0.cancel(book, id),
            Op::Modify => self.0.modify(book, is_buy, (id, price, qty), fill),
        };
        tally.rejected += u64::from(!is_known);
    }
}
