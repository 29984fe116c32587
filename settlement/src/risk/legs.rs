//! Who has lots of what: for each portfolio a small table of its own in one long list of cache lines, so that all its legs lie side by side.
//!
//! Invariants:
//! - a table has a power of two of lines, four legs each, and is at most seven eighths full;
//! - a leg lies in the line that its series says, or, where that was full, in one of the next; lines fill from the front and nothing is taken
//!   out of them, so that a search ends at the first leg that is free;
//! - tables that have grown leave their lines to the next of that size.

use super::leg::Leg;
use super::portfolio::{NONE, at, index};

/// Legs of a line.
const OF_A_LINE: usize = 4;

/// Sizes of tables: more than there are series.
const SIZES: usize = 24;

/// One leg in a quarter of a cache line.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// The series' place and one; zero when free.
    key: u32,
    net: i32,
    buys: i32,
    sells: i32,
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line([Cell; OF_A_LINE]);

impl Line {
    const FREE: Self = Self([Cell { key: 0, net: 0, buys: 0, sells: 0 }; OF_A_LINE]);
}

/// Where a portfolio's legs are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    /// Its first line.
    first: u32,
    lines: u32,
}

impl Table {
    /// Without a leg.
    pub(super) const NONE: Self = Self { first: 0, lines: 0 };

    /// The line at which the search for a series begins, counted from the first.
    #[inline]
    const fn home(self, key: u32) -> u32 {
        key.wrapping_mul(0x9e37_79b1).wrapping_shr(12) & self.lines.wrapping_sub(1)
    }
}

/// Where a leg is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    line: usize,
    of_line: usize,
}

impl Spot {
    #[inline]
    const fn number(self) -> usize {
        self.line.wrapping_mul(OF_A_LINE).wrapping_add(self.of_line)
    }
}

/// The legs of all portfolios of a grade.
#[derive(Debug, Clone)]
pub(super) struct Legs {
    lines: Vec<Line>,
    /// By the leg's number: another portfolio with a leg of the series.
    holders: Vec<u32>,
    /// By the power of two: the first line of a table that nobody uses, whose first key leads to the next.
    free: [u32; SIZES],
}

impl Default for Legs {
    fn default() -> Self {
        Self { lines: Vec::new(), holders: Vec::new(), free: [NONE; SIZES] }
    }
}

impl Legs {
    /// Makes room for so many legs in all.
    pub(super) fn reserve(&mut self, legs: usize) {
        self.lines.reserve(legs);
        self.holders.reserve(legs.saturating_mul(OF_A_LINE));
    }

    /// Nothing, with the same room.
    pub(super) fn emptied(&self) -> Self {
        let (lines, holders) = (self.lines.capacity(), self.holders.capacity());
        Self {
            lines: Vec::with_capacity(lines),
            holders: Vec::with_capacity(holders),
            ..Self::default()
        }
    }

    /// Where a table has a series.
    #[inline]
    pub(super) fn find(&self, table: Table, series: u32) -> Option<Spot> {
        let key = series.wrapping_add(1);
        let mut line = table.home(key);
        for _ in 0..table.lines {
            let place = at(table.first.wrapping_add(line));
            let Line([one, two, three, four]) = self.lines.get(place)?;
            let of_line = usize::from(two.key == key)
                | usize::from(three.key == key).wrapping_mul(2)
                | usize::from(four.key == key).wrapping_mul(3);
            if of_line != 0 || one.key == key {
                return Some(Spot { line: place, of_line });
            }
            if four.key == 0 {
                return None;
            }
            line = line.wrapping_add(1) & table.lines.wrapping_sub(1);
        }
        None
    }

    /// The lots at a spot.
    #[inline]
    pub(super) fn at(&self, spot: Spot) -> Leg {
        let cell = self.lines.get(spot.line).and_then(|line| line.0.get(spot.of_line));
        cell.map_or(Leg::EMPTY, |cell| cell.leg())
    }

    /// A portfolio's lots of a series.
    #[inline]
    pub(super) fn get(&self, table: Table, series: u32) -> Leg {
        self.find(table, series).map_or(Leg::EMPTY, |spot| self.at(spot))
    }

    /// Changes the lots at a spot.
    ///
    /// # Panics
    /// Beyond 32 bits: two thousand times the largest position.
    #[inline]
    pub(super) fn set(&mut self, spot: Spot, leg: Leg) {
        let small = |lots: i64| i32::try_from(lots).ok();
        let found = small(leg.net).zip(small(leg.buys)).zip(small(leg.sells));
        assert!(found.is_some(), "more lots than a position may have");
        let cell = self.lines.get_mut(spot.line).and_then(|line| line.0.get_mut(spot.of_line));
        if let (Some(cell), Some(((net, buys), sells))) = (cell, found) {
            (cell.net, cell.buys, cell.sells) = (net, buys, sells);
        }
    }

    /// Another portfolio with a leg of the series.
    pub(super) fn next_holder(&self, spot: Spot) -> u32 {
        self.holders.get(spot.number()).copied().unwrap_or(NONE)
    }

    /// Every leg of a table, empty ones too, in no order.
    pub(super) fn of(&self, table: Table) -> impl Iterator<Item = (u32, Leg)> {
        let first = at(table.first);
        let lines = self.lines.get(first..first.saturating_add(at(table.lines)));
        let cells = lines.unwrap_or(&[]).iter().flat_map(|line| &line.0);
        let taken = cells.filter(|cell| cell.key != 0);
        taken.map(|cell| (cell.key.wrapping_sub(1), cell.leg()))
    }

    /// Takes in a series that the table does not have. `holder` is another portfolio with a leg of it.
    #[cold]
    pub(super) fn insert(&mut self, table: &mut Table, series: u32, holder: u32) -> Spot {
        let len = index(self.of(*table).count());
        if table.lines.wrapping_mul(7).wrapping_shr(1) <= len {
            self.grow(table);
        }
        let key = series.wrapping_add(1);
        self.put(*table, (Cell { key, net: 0, buys: 0, sells: 0 }, holder))
    }

    fn put(&mut self, table: Table, (cell, holder): (Cell, u32)) -> Spot {
        let mut line = table.home(cell.key);
        let spot = loop {
            let place = at(table.first.wrapping_add(line));
            let cells = self.lines.get(place).map(|line| &line.0);
            assert!(cells.is_some(), "a table has lines");
            let free = cells.and_then(|cells| cells.iter().position(|cell| cell.key == 0));
            if let Some(of_line) = free {
                break Spot { line: place, of_line };
            }
            line = line.wrapping_add(1) & table.lines.wrapping_sub(1);
        };
        let found = self.lines.get_mut(spot.line).and_then(|line| line.0.get_mut(spot.of_line));
        if let (Some(free), Some(next)) = (found, self.holders.get_mut(spot.number())) {
            (*free, *next) = (cell, holder);
        }
        spot
    }

    /// Gives a table twice the lines.
    fn grow(&mut self, table: &mut Table) {
        let old = *table;
        *table = self.allot(old.lines.wrapping_mul(2).max(1));
        for line in 0..old.lines {
            let line = at(old.first.wrapping_add(line));
            for of_line in 0..OF_A_LINE {
                let cell = self.lines.get(line).and_then(|line| line.0.get(of_line)).copied();
                let holder = self.next_holder(Spot { line, of_line });
                if let Some(cell) = cell.filter(|cell| cell.key != 0) {
                    self.put(*table, (cell, holder));
                }
            }
        }
        self.release(old);
    }

    fn allot(&mut self, lines: u32) -> Table {
        let free = self.free.get_mut(at(lines.trailing_zeros()));
        if let Some(free) = free.filter(|free| **free != NONE) {
            let first = *free;
            let until = first.wrapping_add(lines);
            let all = self.lines.get_mut(at(first)..at(until)).unwrap_or_default();
            *free = all.first().map_or(NONE, |Line([one, ..])| one.key);
            all.fill(Line::FREE);
            return Table { first, lines };
        }
        let first = index(self.lines.len());
        let until = self.lines.len().saturating_add(at(lines));
        self.lines.resize(until, Line::FREE);
        self.holders.resize(until.saturating_mul(OF_A_LINE), NONE);
        Table { first, lines }
    }

    fn release(&mut self, table: Table) {
        let free = self.free.get_mut(at(table.lines.trailing_zeros()));
        let line = self.lines.get_mut(at(table.first)).filter(|_| table.lines != 0);
        if let (Some(free), Some(Line([one, ..]))) = (free, line) {
            one.key = std::mem::replace(free, table.first);
        }
    }
}

impl Cell {
    #[inline]
    fn leg(self) -> Leg {
        let of = i64::from;
        Leg { net: of(self.net), buys: of(self.buys), sells: of(self.sells) }
    }
}
