//! What an engine has to do to be measured.

use benches::tally::Tally;
use matching_engine::stream::Header;

/// What an engine is told before the first command, so that none has to grow while the clock runs if it can be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// What the stream says of itself.
    pub(crate) header: Header,
    /// How many orders rest at one time at most.
    pub(crate) orders: u32,
}

/// An engine with empty books.
pub(crate) trait Engine: Sized {
    /// What its streams are made of.
    type Command;

    /// Makes one.
    fn new(room: &Room) -> Self;

    /// Carries out one command and adds up its trades: with the maker's id, by `Tally::trade`, when `CHECKS`, else by `Tally::count`.
    /// Knowing the stream's id of a maker may cost an engine that issues its own ids; that is part of the check, not of the work.
    fn apply<const CHECKS: bool>(&mut self, command: &Self::Command, tally: &mut Tally);
}

/// Adds one trade up.
#[inline]
pub(crate) const fn add<const CHECKS: bool>(tally: &mut Tally, maker: u32, price: u32, qty: u32) {
    if CHECKS {
        tally.trade(maker, price, qty);
    } else {
        tally.count(price, qty);
    }
}
