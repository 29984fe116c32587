//! Quotes: makers replace their bids and asks in bulk, and takers hit them between the bulks.

use instruments::Side;

use super::venue::VenueCommand;
use crate::draw::Draw;

/// How many makers there are.
const MAKERS: u32 = 20;

/// How many quotes each has in the book, one behind the other.
const SLOTS: u32 = 10;

const MIDDLE: u32 = 10_000;

/// So many commands, rounded up to whole bulks: a maker moves all quotes, then a few takers come.
#[must_use]
pub fn quotes(seed: u64, commands: u32) -> Vec<VenueCommand> {
    let mut draw = Draw::new(seed);
    let mut stream = Vec::new();
    let (mut middle, mut id) = (MIDDLE, 0);
    while stream.len() < commands as usize {
        let maker = draw.small(MAKERS);
        let half = 2 + draw.small(6);
        for slot in 0..SLOTS {
            let (bid, ask) = (middle - half - slot, middle + half + slot);
            let qty = 5 + draw.small(20);
            stream.push(VenueCommand::Quote { maker, slot, bid, ask, qty });
        }
        for _ in 0..draw.small(4) {
            id += 1;
            let side = if draw.small(2) == 0 { Side::Buy } else { Side::Sell };
            let price = if side == Side::Buy { middle + 20 } else { middle - 20 };
            let qty = 1 + draw.small(60);
            stream.push(VenueCommand::Take { id, side, price, qty });
        }
        middle = (middle + draw.small(3) - 1).clamp(MIDDLE / 2, MIDDLE * 2);
    }
    stream
}
