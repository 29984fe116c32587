//! Commands that only a venue has: auctions and quotes. Prices are in ticks, quantities in lots, orders named by numbers of the stream.

use instruments::Side;

/// One command to one book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VenueCommand {
    /// Orders are collected from now on.
    Open,
    /// A limit order that rests.
    Place {
        /// Its number.
        id: u32,
        /// Which way.
        side: Side,
        /// Its limit.
        price: u32,
        /// How much.
        qty: u32,
    },
    /// The end of an order, which may have ended already.
    Cancel {
        /// Its number.
        id: u32,
    },
    /// A new limit and size, fills included.
    Amend {
        /// Its number.
        id: u32,
        /// Its limit.
        price: u32,
        /// Its size.
        qty: u32,
    },
    /// All that can trade at one price does.
    Uncross {
        /// The price that breaks a tie.
        reference: u32,
    },
    /// A maker's bid and ask, in place of the ones before.
    Quote {
        /// Whose, from zero.
        maker: u32,
        /// Which of the maker's quotes, from zero.
        slot: u32,
        /// The bid.
        bid: u32,
        /// The ask.
        ask: u32,
        /// How much on either side.
        qty: u32,
    },
    /// An order whose rest is cancelled on arrival.
    Take {
        /// Its number.
        id: u32,
        /// Which way.
        side: Side,
        /// Its limit.
        price: u32,
        /// How much.
        qty: u32,
    },
}

impl VenueCommand {
    /// Its numbers, for a hash that does not depend on how it lies in memory.
    #[must_use]
    pub fn words(&self) -> [u64; 5] {
        let way = |side: Side| u64::from(side == Side::Sell);
        let wide = u64::from;
        match *self {
            Self::Open => [0; 5],
            Self::Place { id, side, price, qty } => {
                [1 + way(side), wide(id), wide(price), wide(qty), 0]
            }
            Self::Cancel { id } => [3, wide(id), 0, 0, 0],
            Self::Amend { id, price, qty } => [4, wide(id), wide(price), wide(qty), 0],
            Self::Uncross { reference } => [5, wide(reference), 0, 0, 0],
            Self::Quote { maker, slot, bid, ask, qty } => {
                [6 + (wide(maker) << 8), wide(slot), wide(bid), wide(ask), wide(qty)]
            }
            Self::Take { id, side, price, qty } => {
                [7 + way(side), wide(id), wide(price), wide(qty), 0]
            }
        }
    }
}
