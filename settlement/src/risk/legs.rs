//! Who has lots of what: for each portfolio a small table of its own in one long list of cache lines, so that all its legs lie side by side.
//!
//! Invariants:
//! - a table has a power of two of lines, three legs each, of which at most two thirds are taken;
//! - a leg lies in the line that its series says, or, where that was full, in one of the next; lines fill from the front and nothing is taken
//!   out of them, so that whoever comes to a free leg has seen all that could be meant;
//! - tables that have grown leave their lines to the next of that size.

use super::leg::Leg;
use super::portfolio::{NONE, at, either, index};

/// Legs of a line.
const OF_A_LINE: usize = 3;

/// Sizes of tables: more than there are series.
const SIZES: usize = 24;

/// One leg.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// The series' place and one; zero when free.
    key: u32,
    net: i32,
    buys: i32,
    sells: i32,
    /// Another portfolio with a leg of the series.
    holder: u32,
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line([Cell; OF_A_LINE]);

impl Line {
    const FREE: Self = Self([Cell { key: 0, net: 0, buys: 0, sells: 0, holder: 0 }; OF_A_LINE]);
}

/// Where a portfolio's legs are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    /// Its first line.
    first: u32,
    lines: u32,
    /// Legs in it, empty ones too.
    len: u32,
}

impl Table {
    /// Of a portfolio that is not there.
    pub(super) const NONE: Self = Self { first: 0, lines: 0, len: 0 };

    /// The line at which the search for a series begins, counted from the first.
    #[inline]
    const fn home(self, key: u32) -> u32 {
        key.wrapping_mul(0x9e37_79b1).wrapping_shr(12) & self.lines.wrapping_sub(1)
    }

    #[inline]
    const fn next(self, line: u32) -> u32 {
        line.wrapping_add(1) & self.lines.wrapping_sub(1)
    }

    #[inline]
    const fn is_full(self) -> bool {
        self.lines.wrapping_mul(2) < self.len
    }
}

/// Where a leg is, or will be.
#[derive(Debug, Clone, Copy)]
struct Spot {
    line: usize,
    of_line: usize,
}

/// The legs of all portfolios of a grade.
#[derive(Debug, Clone)]
pub(super) struct Legs {
    lines: Vec<Line>,
    /// By the power of two: the first line of a table that nobody uses, whose first key leads to the next.
    free: [u32; SIZES],
}

impl Default for Legs {
    fn default() -> Self {
        Self { lines: Vec::new(), free: [NONE; SIZES] }
    }
}

impl Legs {
    /// Makes room for so many legs in all.
    pub(super) fn reserve(&mut self, legs: usize) {
        self.lines.reserve(legs.saturating_mul(2));
    }

    /// Nothing, with the same room.
    pub(super) fn emptied(&self) -> Self {
        Self { lines: Vec::with_capacity(self.lines.capacity()), ..Self::default() }
    }

    /// A table without a leg.
    pub(super) fn table(&mut self) -> Table {
        self.allot(1)
    }

    /// Where a table has a series or has room for it. Which of both is not asked here, as nobody could guess the answer.
    #[inline]
    fn find(&self, table: Table, key: u32) -> Option<Spot> {
        let mut line = table.home(key);
        for _ in 0..table.lines {
            let place = at(table.first.wrapping_add(line));
            let Line([one, two, three]) = self.lines.get(place)?;
            let is_it = |cell: &Cell| (cell.key == key) | (cell.key == 0);
            let (is_one, is_two, is_three) = (is_it(one), is_it(two), is_it(three));
            if is_one | is_two | is_three {
                let of_line = usize::from(!is_one).wrapping_add(usize::from(!is_one & !is_two));
                return Some(Spot { line: place, of_line });
            }
            line = table.next(line);
        }
        None
    }

    #[inline]
    fn cell(&self, spot: Spot) -> Option<&Cell> {
        self.lines.get(spot.line)?.0.get(spot.of_line)
    }

    #[inline]
    fn cell_mut(&mut self, spot: Spot) -> Option<&mut Cell> {
        self.lines.get_mut(spot.line)?.0.get_mut(spot.of_line)
    }

    /// A portfolio's lots of a series.
    #[inline]
    pub(super) fn get(&self, table: Table, series: u32) -> Leg {
        let spot = self.find(table, series.wrapping_add(1));
        spot.and_then(|spot| self.cell(spot)).map_or(Leg::EMPTY, |cell| cell.leg())
    }

    /// The same, and another portfolio with a leg of the series.
    pub(super) fn holding(&self, table: Table, series: u32) -> Option<(Leg, u32)> {
        let cell = self.cell(self.find(table, series.wrapping_add(1))?)?;
        (cell.key != 0).then(|| (cell.leg(), cell.holder))
    }

    /// Changes a portfolio's lots of a series and returns what they were and are. `first` is the first portfolio with a leg of it, and becomes
    /// `row` if that had none.
    ///
    /// # Panics
    /// Beyond 32 bits: two thousand times the largest position.
    #[inline]
    pub(super) fn change(
        &mut self,
        table: &mut Table,
        series: u32,
        (row, first): (u32, &mut u32),
        change: Leg,
    ) -> (Leg, Leg) {
        let key = series.wrapping_add(1);
        let found = self.find(*table, key);
        assert!(found.is_some(), "a table always has room for one more");
        let Some(cell) = found.and_then(|spot| self.cell_mut(spot)) else {
            return (Leg::EMPTY, Leg::EMPTY);
        };
        let is_new = cell.key == 0;
        cell.key = key;
        cell.holder = either(is_new, *first, cell.holder);
        *first = either(is_new, row, *first);
        let old = cell.leg();
        let new = old.plus(change);
        cell.set(new);
        table.len = table.len.wrapping_add(u32::from(is_new));
        if table.is_full() {
            self.grow(table);
        }
        (old, new)
    }

    /// Every leg of a table, empty ones too, in no order.
    pub(super) fn of(&self, table: Table) -> impl Iterator<Item = (u32, Leg)> {
        let cells = self.cells(table).filter(|cell| cell.key != 0);
        cells.map(|cell| (cell.key.wrapping_sub(1), cell.leg()))
    }

    fn cells(&self, table: Table) -> impl Iterator<Item = &Cell> {
        let first = at(table.first);
        let lines = self.lines.get(first..first.saturating_add(at(table.lines)));
        lines.unwrap_or(&[]).iter().flat_map(|line| &line.0)
    }

    /// Gives a table twice the lines.
    #[cold]
    fn grow(&mut self, table: &mut Table) {
        let old = *table;
        *table = Table { len: old.len, ..self.allot(old.lines.wrapping_mul(2)) };
        for line in 0..old.lines {
            let line = at(old.first.wrapping_add(line));
            for of_line in 0..OF_A_LINE {
                let Some(cell) = self.cell(Spot { line, of_line }).copied() else { continue };
                let spot = self.find(*table, cell.key).filter(|_| cell.key != 0);
                if let Some(free) = spot.and_then(|spot| self.cell_mut(spot)) {
                    *free = cell;
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
            return Table { first, lines, len: 0 };
        }
        let first = index(self.lines.len());
        self.lines.resize(self.lines.len().saturating_add(at(lines)), Line::FREE);
        Table { first, lines, len: 0 }
    }

    fn release(&mut self, table: Table) {
        let free = self.free.get_mut(at(table.lines.trailing_zeros()));
        let line = self.lines.get_mut(at(table.first));
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

    #[inline]
    fn set(&mut self, leg: Leg) {
        let small = |lots: i64| i32::try_from(lots).ok();
        let found = small(leg.net).zip(small(leg.buys)).zip(small(leg.sells));
        assert!(found.is_some(), "more lots than a position may have");
        if let Some(((net, buys), sells)) = found {
            (self.net, self.buys, self.sells) = (net, buys, sells);
        }
    }
}
