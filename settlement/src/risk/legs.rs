//! What the portfolios of a grade have in each series: for each portfolio a small table of its own in one long list of cache lines.
//!
//! Invariants:
//! - a line is found by a series. It has the leg in that series; of an expiry it has the delta too, and a leg of one option that follows it, as
//!   a guest. So a future, or an account's first option in an expiry, asks for one cache line in all;
//! - an option whose place as a guest another has taken has a line of its own;
//! - a table has a power of two of lines, of which three quarters are taken at most, and nothing is taken out of it.

use super::leg::Leg;
use super::portfolio::{Expiry, NONE, at, either, index};

/// Sizes of tables: more than there are series.
const SIZES: usize = 26;

/// No leg: in no list of holders.
const NO_LEG: u32 = u32::MAX - 1;

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

impl Cell {
    const FREE: Self = Self { key: 0, net: 0, buys: 0, sells: 0, holder: NO_LEG };
}

/// A series, and what follows it.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line {
    /// What all that follows the series comes to.
    pub(super) expiry: Expiry,
    /// The part of that that is held.
    pub(super) held: i64,
    /// The leg in the series, and a guest.
    cells: [Cell; 2],
}

const _: () = assert!(size_of::<Line>() == 64);

impl Line {
    pub(super) const FREE: Self =
        Self { expiry: Expiry { high: 0, low: 0 }, held: 0, cells: [Cell::FREE; 2] };

    #[inline]
    const fn key(&self) -> u32 {
        let [own, _] = &self.cells;
        own.key
    }
}

/// Where a portfolio's lines are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    first: u32,
    lines: u32,
    /// Lines that are taken.
    len: u32,
}

impl Table {
    /// Of a portfolio that is not there.
    pub(super) const NONE: Self = Self { first: 0, lines: 0, len: 0 };

    /// The line at which the search for a key begins, counted from the first.
    #[inline]
    const fn home(self, key: u32) -> u32 {
        key.wrapping_mul(0x9e37_79b1).wrapping_shr(12) & self.lines.wrapping_sub(1)
    }

    #[inline]
    const fn next(self, line: u32) -> u32 {
        line.wrapping_add(1) & self.lines.wrapping_sub(1)
    }

    const fn is_full(self) -> bool {
        self.lines.wrapping_mul(3) <= self.len.wrapping_mul(4)
    }
}

/// A series and its expiry, by their places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id {
    pub(super) series: u32,
    pub(super) expiry: u32,
}

impl Id {
    #[inline]
    const fn key(self) -> u32 {
        self.series.wrapping_add(1)
    }
}

/// Where a leg is: which line, and which of its cells.
#[derive(Debug, Clone, Copy)]
struct Spot {
    line: usize,
    cell: usize,
}

/// What all portfolios of a grade have.
#[derive(Debug, Clone)]
pub(super) struct Legs {
    lines: Vec<Line>,
    /// Lines of a new table.
    begins_with: u32,
    /// By the power of two: the first line of a table that nobody uses, whose key leads to the next.
    free: [u32; SIZES],
}

impl Default for Legs {
    fn default() -> Self {
        Self { lines: Vec::new(), begins_with: 1, free: [NONE; SIZES] }
    }
}

impl Legs {
    /// Makes room for so many portfolios, and legs in all. From now on a table begins with its part of them, so that it need not grow.
    pub(super) fn reserve(&mut self, portfolios: usize, legs: usize) {
        let each = legs.checked_div(portfolios).unwrap_or(0);
        let lines = each.saturating_mul(4).wrapping_div(3).max(1).next_power_of_two();
        self.begins_with = index(lines);
        self.lines.reserve(portfolios.saturating_mul(lines).saturating_add(legs));
    }

    /// Nothing, with the same room.
    pub(super) fn emptied(&self) -> Self {
        let lines = Vec::with_capacity(self.lines.capacity());
        Self { lines, begins_with: self.begins_with, ..Self::default() }
    }

    /// A table with nothing in it.
    pub(super) fn table(&mut self) -> Table {
        self.allot(self.begins_with)
    }

    /// The line of a key, or the one that it would have.
    #[inline]
    fn find(&self, table: Table, key: u32) -> Option<(usize, &Line)> {
        let mut line = table.home(key);
        for _ in 0..table.lines {
            let place = at(table.first.wrapping_add(line));
            let found = self.lines.get(place)?;
            if (found.key() == key) | (found.key() == 0) {
                return Some((place, found));
            }
            line = table.next(line);
        }
        None
    }

    /// The line of a series, which gets one if it has none.
    #[inline]
    fn take(&mut self, table: &mut Table, series: u32) -> usize {
        let key = series.wrapping_add(1);
        match self.find(*table, key) {
            Some((place, line)) if line.key() == key => place,
            _ => self.insert(table, key),
        }
    }

    #[cold]
    fn insert(&mut self, table: &mut Table, key: u32) -> usize {
        if table.is_full() {
            self.grow(table);
        }
        let found = self.find(*table, key).map(|(place, _)| place);
        assert!(found.is_some(), "a table has room for one more");
        let place = found.unwrap_or(usize::MAX);
        if let Some(Line { cells: [own, _], .. }) = self.lines.get_mut(place) {
            own.key = key;
        }
        table.len = table.len.wrapping_add(1);
        place
    }

    /// Where a leg is or would be as long as its expiry has a line.
    #[inline]
    fn spot(&self, table: Table, id: Id) -> Option<Spot> {
        let (line, found) = self.find(table, id.expiry.wrapping_add(1))?;
        let [_, guest] = &found.cells;
        let is_own = id.series == id.expiry;
        if is_own | (guest.key == id.key()) | (guest.key == 0) {
            return Some(Spot { line, cell: usize::from(!is_own) });
        }
        let (line, _) = self.find(table, id.key())?;
        Some(Spot { line, cell: 0 })
    }

    #[inline]
    fn cell(&self, spot: Spot) -> Option<&Cell> {
        self.lines.get(spot.line)?.cells.get(spot.cell)
    }

    /// A portfolio's lots of a series.
    #[inline]
    pub(super) fn get(&self, table: Table, id: Id) -> Leg {
        let found = self.spot(table, id).and_then(|spot| self.cell(spot));
        found.map_or(Leg::EMPTY, |cell| cell.leg())
    }

    /// The same, and another portfolio with a leg of the series.
    pub(super) fn holding(&self, table: Table, id: Id) -> Option<(Leg, u32)> {
        let cell = self.cell(self.spot(table, id)?)?;
        (cell.holder != NO_LEG).then(|| (cell.leg(), cell.holder))
    }

    /// What all that follows a series comes to.
    #[inline]
    pub(super) fn expiry(&self, table: Table, expiry: u32) -> Expiry {
        let found = self.find(table, expiry.wrapping_add(1));
        found.map_or(Expiry::default(), |(_, line)| line.expiry)
    }

    /// The line of an expiry that the leg of a number follows: the leg's own, nearly always.
    #[inline]
    pub(super) fn line_of_nth(
        &mut self,
        table: &mut Table,
        number: usize,
        expiry: u32,
    ) -> Option<&mut Line> {
        let beside = at(table.first).wrapping_add(number.wrapping_shr(1));
        let is_it = self.lines.get(beside)?.key() == expiry.wrapping_add(1);
        let place = if is_it { beside } else { self.take(table, expiry) };
        self.lines.get_mut(place)
    }

    /// The line of an expiry, which gets one if it has none.
    #[inline]
    pub(super) fn line(&mut self, table: &mut Table, expiry: u32) -> Option<&mut Line> {
        let place = self.take(table, expiry);
        self.lines.get_mut(place)
    }

    /// Changes a portfolio's lots of a series and returns what they were and are, with the line of its expiry. `first` is the first portfolio
    /// with a leg of the series, and becomes `row` if that had none.
    ///
    /// # Panics
    /// Beyond 32 bits: two thousand times the largest position.
    #[inline]
    pub(super) fn change(
        &mut self,
        table: &mut Table,
        id: Id,
        (row, first): (u32, &mut u32),
        change: Leg,
    ) -> Option<((Leg, Leg), &mut Line)> {
        let mut line = self.take(table, id.expiry);
        let is_own = id.series == id.expiry;
        let [_, guest] = &self.lines.get(line)?.cells;
        let is_here = is_own | (guest.key == id.key()) | (guest.key == 0);
        let of = (row, first);
        let legs = if is_here {
            let [own, guest] = &mut self.lines.get_mut(line)?.cells;
            guest.key = either(is_own, guest.key, id.key());
            either(is_own, own, guest).change(of, change)
        } else {
            let apart = self.take(table, id.series);
            let [own, _] = &mut self.lines.get_mut(apart)?.cells;
            let legs = own.change(of, change);
            // The table may have grown.
            line = self.take(table, id.expiry);
            legs
        };
        Some((legs, self.lines.get_mut(line)?))
    }

    /// Every leg of a table, empty ones too, in no order.
    pub(super) fn of(&self, table: Table) -> impl Iterator<Item = (u32, Leg)> {
        let cells = self.all(table).iter().flat_map(|line| &line.cells);
        let legs = cells.filter(|cell| cell.holder != NO_LEG);
        legs.map(|cell| (cell.key.wrapping_sub(1), cell.leg()))
    }

    /// How many legs a table has room for.
    pub(super) const fn count(table: Table) -> usize {
        at(table.lines).wrapping_mul(2)
    }

    /// One of those, if there is one.
    #[inline]
    pub(super) fn nth(&self, table: Table, number: usize) -> Option<(u32, Leg)> {
        let line = at(table.first).wrapping_add(number.wrapping_shr(1));
        let cell = self.cell(Spot { line, cell: number & 1 })?;
        (cell.holder != NO_LEG).then(|| (cell.key.wrapping_sub(1), cell.leg()))
    }

    /// What all that follows a series comes to, and the part that is held.
    pub(super) fn line_of(&self, table: Table, expiry: u32) -> (Expiry, i64) {
        let found = self.find(table, expiry.wrapping_add(1));
        found.map_or((Expiry::default(), 0), |(_, line)| (line.expiry, line.held))
    }

    fn all(&self, table: Table) -> &[Line] {
        let first = at(table.first);
        self.lines.get(first..first.saturating_add(at(table.lines))).unwrap_or(&[])
    }

    /// Forgets what the expiries of a table come to.
    pub(super) fn clear(&mut self, table: Table) {
        let first = at(table.first);
        let all = self.lines.get_mut(first..first.saturating_add(at(table.lines)));
        for line in all.unwrap_or_default() {
            (line.expiry, line.held) = (Expiry::default(), 0);
        }
    }

    /// Gives a table twice the lines.
    fn grow(&mut self, table: &mut Table) {
        let old = *table;
        *table = Table { len: old.len, ..self.allot(old.lines.wrapping_mul(2)) };
        for place in 0..old.lines {
            let known = self.lines.get(at(old.first.wrapping_add(place))).copied();
            let Some(line) = known.filter(|line| line.key() != 0) else { continue };
            let found = self.find(*table, line.key()).map(|(place, _)| place);
            if let Some(free) = found.and_then(|place| self.lines.get_mut(place)) {
                *free = line;
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
            *free = all.first().map_or(NONE, Line::key);
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
        if let (Some(free), Some(Line { cells: [own, _], .. })) = (free, line) {
            own.key = std::mem::replace(free, table.first);
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
    fn change(&mut self, (row, first): (u32, &mut u32), change: Leg) -> (Leg, Leg) {
        let is_new = self.holder == NO_LEG;
        self.holder = either(is_new, *first, self.holder);
        *first = either(is_new, row, *first);
        let old = self.leg();
        let new = old.plus(change);
        let small = |lots: i64| i32::try_from(lots).ok();
        let found = small(new.net).zip(small(new.buys)).zip(small(new.sells));
        assert!(found.is_some(), "more lots than a position may have");
        if let Some(((net, buys), sells)) = found {
            (self.net, self.buys, self.sells) = (net, buys, sells);
        }
        (old, new)
    }
}
