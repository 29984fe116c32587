//! Auctions: rounds of orders collected, some cancelled, some amended, and an uncross.

use instruments::Side;

use super::venue::VenueCommand;
use crate::draw::Draw;

/// How many orders one round collects.
const ORDERS: u32 = 500;

/// The middle about which both sides overlap.
const MIDDLE: u32 = 10_000;

/// How far beyond the middle an order's limit reaches on average.
const OVERLAP: u32 = 20;

/// So many commands, rounded up to whole rounds. What a round leaves is cancelled two rounds later, when much of it has traded.
#[must_use]
pub fn auctions(seed: u64, commands: u32) -> Vec<VenueCommand> {
    let mut draw = Draw::new(seed);
    let mut stream = Vec::new();
    let (mut middle, mut next_id) = (MIDDLE, 1);
    let mut older: Vec<u32> = Vec::new();
    let mut newer: Vec<u32> = Vec::new();
    while stream.len() < commands as usize {
        stream.push(VenueCommand::Open);
        stream.extend(older.drain(..).map(|id| VenueCommand::Cancel { id }));
        older = std::mem::take(&mut newer);
        collect(&mut draw, (middle, &mut next_id), &mut newer, &mut stream);
        stream.push(VenueCommand::Uncross { reference: middle });
        middle = middle + draw.small(21) - 10;
        middle = middle.clamp(MIDDLE / 2, MIDDLE * 2);
    }
    stream
}

/// One round: of a hundred commands seventy place, fifteen cancel and fifteen amend.
fn collect(
    draw: &mut Draw,
    (middle, next_id): (u32, &mut u32),
    alive: &mut Vec<u32>,
    stream: &mut Vec<VenueCommand>,
) {
    let last = *next_id + ORDERS;
    while *next_id < last {
        let kind = draw.small(100);
        let price = limit(draw, middle);
        let qty = 1 + draw.small(20);
        if 30 <= kind || alive.is_empty() {
            let (side, price) = price;
            stream.push(VenueCommand::Place { id: *next_id, side, price, qty });
            alive.push(*next_id);
            *next_id += 1;
            continue;
        }
        let place = draw.small(u32::try_from(alive.len()).unwrap_or(1)) as usize;
        if kind < 15 {
            stream.push(VenueCommand::Cancel { id: alive.swap_remove(place) });
        } else {
            stream.push(VenueCommand::Amend { id: alive[place], price: price.1, qty });
        }
    }
}

/// A side and a limit somewhere about the middle, so that nearly half of what is collected trades.
fn limit(draw: &mut Draw, middle: u32) -> (Side, u32) {
    let side = if draw.small(2) == 0 { Side::Buy } else { Side::Sell };
    let distance = draw.distance(OVERLAP);
    let is_within = draw.is(450);
    let is_above = (side == Side::Buy) == is_within;
    (side, if is_above { middle + distance } else { middle - distance.min(middle - 1) })
}
