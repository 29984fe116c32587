//! What the streams of plain commands are like, in numbers.

use super::Kind;

/// One stream's numbers.
#[derive(Debug)]
pub(super) struct Shape {
    /// How many books; the first are the busiest.
    pub(super) books: u32,
    /// How many orders rest in each once it is filled.
    pub(super) resting: u32,
    /// The lowest price.
    pub(super) low: u32,
    /// The highest price.
    pub(super) high: u32,
    /// The mean distance of an order near the middle, in ticks.
    pub(super) near: u32,
    /// The mean distance of an order far from it.
    pub(super) far: u32,
    /// How many of a thousand orders are far.
    pub(super) far_share: u32,
    /// The largest order that rests.
    pub(super) qty_max: u32,
    /// How many of a thousand commands are immediate-or-cancel or market orders.
    pub(super) takers: u32,
    /// The largest of those.
    pub(super) taker_max: u32,
    /// How many of a thousand commands modify an order.
    pub(super) modifies: u32,
    /// How many of a thousand of the other commands add an order, when as many rest as should.
    pub(super) adds: u32,
    /// How strongly that share falls when more rest, and rises when fewer do.
    pub(super) pull: u32,
    /// The middle moves one tick in so many commands of its book.
    pub(super) walk_every: u32,
    /// Whether it goes one way from end to end instead of at random.
    pub(super) trends: bool,
}

const TIGHT: Shape = Shape {
    books: 1,
    resting: 1_000,
    low: 9_000,
    high: 11_000,
    near: 7,
    far: 40,
    far_share: 200,
    qty_max: 20,
    takers: 70,
    taker_max: 20,
    modifies: 0,
    adds: 550,
    pull: 1_000,
    walk_every: 200,
    trends: false,
};

const MIX: Shape = Shape {
    resting: 47_000,
    low: 2_000,
    high: 18_000,
    far: 250,
    far_share: 300,
    taker_max: 36,
    adds: 600,
    walk_every: 1_200,
    ..TIGHT
};

const SWING: Shape = Shape {
    resting: 5_000,
    low: 1_000,
    high: 65_000,
    near: 20,
    far: 200,
    far_share: 300,
    adds: 700,
    pull: 300,
    walk_every: 96,
    trends: true,
    taker_max: 24,
    ..TIGHT
};

const SWEEP: Shape = Shape {
    resting: 19_000,
    low: 2_000,
    high: 40_000,
    far: 1_500,
    far_share: 700,
    takers: 5,
    taker_max: 2_200,
    adds: 740,
    walk_every: 400,
    ..TIGHT
};

const MODIFY: Shape = Shape {
    resting: 18_700,
    low: 2_000,
    high: 18_000,
    far: 250,
    far_share: 300,
    takers: 30,
    taker_max: 28,
    modifies: 590,
    adds: 600,
    walk_every: 800,
    ..TIGHT
};

const MULTI: Shape = Shape {
    books: 1_000,
    resting: 95,
    low: 8_000,
    high: 12_000,
    near: 6,
    far: 40,
    far_share: 120,
    adds: 540,
    walk_every: 80,
    taker_max: 24,
    ..TIGHT
};

/// The numbers of a kind.
pub(super) const fn of(kind: Kind) -> &'static Shape {
    match kind {
        Kind::Tight => &TIGHT,
        Kind::Mix => &MIX,
        Kind::Swing => &SWING,
        Kind::Sweep => &SWEEP,
        Kind::Modify => &MODIFY,
        Kind::Multi => &MULTI,
    }
}
