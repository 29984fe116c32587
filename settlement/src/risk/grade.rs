//! All portfolios of one grade.

use super::components::{Rates, RiskComponents};
use super::lanes::{Lanes, add_held, add_order};
use super::leg::Leg;
use super::legs::{Id, Legs, Line, Table};
use super::portfolio::{More, NONE, Place, Portfolio, at, index};
use super::series::Series;

/// What a portfolio's positions gain where they are more than a line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Position(Lanes);

/// A grade and every account's portfolio in it.
#[derive(Debug, Clone)]
pub(super) struct Grade {
    pub(super) rates: Rates,
    portfolios: Vec<Portfolio>,
    /// By the portfolio's row.
    positions: Vec<Position>,
    /// By row: where its legs are.
    tables: Vec<Table>,
    legs: Legs,
}

/// A leg that is changed: the series, its place, and the first portfolio that has a leg of it.
pub(super) struct Of<'series> {
    pub(super) series: &'series Series,
    pub(super) place: u32,
    pub(super) holder: &'series mut u32,
}

/// What there is of a leg outside its portfolio's record.
pub(super) struct Moved<'grade> {
    /// What it was and what it is.
    pub(super) legs: (Leg, Leg),
    /// Its expiry's.
    pub(super) line: &'grade mut Line,
    pub(super) position: &'grade mut Lanes,
}

impl Grade {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            rates,
            portfolios: Vec::new(),
            positions: Vec::new(),
            tables: Vec::new(),
            legs: Legs::default(),
        }
    }

    /// Makes room for so many portfolios and legs in all.
    pub(super) fn reserve(&mut self, portfolios: usize, legs: usize) {
        self.portfolios.reserve(portfolios);
        self.positions.reserve(portfolios);
        self.tables.reserve(portfolios);
        self.legs.reserve(portfolios, legs);
    }

    /// Opens an account's portfolio and returns its row; `next` is the account's in another grade.
    pub(super) fn open(&mut self, next: Place) -> u32 {
        let row = self.portfolios.len();
        self.portfolios.push(Portfolio::before(next));
        self.positions.push(Position([0; _]));
        let table = self.legs.table();
        self.tables.push(table);
        index(row)
    }

    #[inline]
    fn table(&self, row: u32) -> Table {
        self.tables.get(at(row)).copied().unwrap_or(Table::NONE)
    }

    /// Whether one more order fits for certain, without a look at the scenarios.
    #[inline]
    pub(super) fn surely_fits(&self, row: u32, series: &Series, more: More, room: i64) -> bool {
        let Some(portfolio) = self.portfolios.get(at(row)) else { return false };
        let is_alone = portfolio.next == Place::NONE;
        is_alone
            && !portfolio.is_beyond(series, more)
            && portfolio.bound_with(&self.rates, series, more) <= room
    }

    /// What a portfolio would require with one more order, or nothing if it would be out of range.
    #[inline]
    pub(super) fn required_with(&self, row: u32, of: (&Series, u32), more: More) -> Option<i64> {
        let (series, place) = of;
        let empty = &Portfolio::EMPTY;
        let portfolio = self.portfolios.get(at(row)).unwrap_or(empty);
        if portfolio.is_beyond(series, more) {
            return None;
        }
        let table = self.table(row);
        let expiry = self.legs.expiry(table, series.expiry);
        let with = portfolio.charged_with(series, expiry, more);
        let charged = self.rates.charged(&with);
        let short = more.short(series);
        let most = with.minimum.wrapping_add(short);
        if (most <= charged) | (short == 0) {
            return Some(charged.max(most));
        }
        // What is sold out of a position costs no minimum.
        let old = self.legs.get(table, Id { series: place, expiry: series.expiry });
        let new = Leg { sells: old.sells.wrapping_add(more.open), ..old };
        let short = new.short_at_worst().wrapping_sub(old.short_at_worst());
        let least = with.minimum.wrapping_add(short.wrapping_mul(series.short_minimum));
        Some(charged.max(least))
    }

    /// Changes a leg by so much. `count` changes what the portfolio comes to.
    #[inline]
    pub(super) fn change(
        &mut self,
        row: u32,
        of: Of<'_>,
        change: Leg,
        count: impl FnOnce(&mut Portfolio, &Series, Moved<'_>),
    ) {
        let Some(table) = self.tables.get_mut(at(row)) else { return };
        let Some(portfolio) = self.portfolios.get_mut(at(row)) else { return };
        let Some(Position(position)) = self.positions.get_mut(at(row)) else { return };
        let id = Id { series: of.place, expiry: of.series.expiry };
        if let Some((legs, line)) = self.legs.change(table, id, (row, of.holder), change) {
            count(portfolio, of.series, Moved { legs, line, position });
        }
    }

    /// Takes the legs of a series out with its old numbers and puts them back with the new ones. `first` is a portfolio that has one.
    pub(super) fn move_legs(&mut self, place: u32, first: u32, (old, new): (&Series, &Series)) {
        let mut row = first;
        while row != NONE {
            let id = Id { series: place, expiry: new.expiry };
            let Some((leg, next)) = self.legs.holding(self.table(row), id) else { return };
            for (series, legs) in [(old, (leg, Leg::EMPTY)), (new, (Leg::EMPTY, leg))] {
                self.count(row, series, legs);
            }
            row = next;
        }
    }

    /// Counts a leg that was there and one that is there instead.
    fn count(&mut self, row: u32, series: &Series, (old, new): (Leg, Leg)) {
        let Some(table) = self.tables.get_mut(at(row)) else { return };
        let Some(portfolio) = self.portfolios.get_mut(at(row)) else { return };
        let Some(Position(position)) = self.positions.get_mut(at(row)) else { return };
        let Some(line) = self.legs.line(table, series.expiry) else { return };
        portfolio.count(series, line, (old, new));
        portfolio.change(position, series, new.minus(old));
        portfolio.settle();
    }

    /// Computes a portfolio from its legs, as if nothing were known of it.
    pub(super) fn rebuild(&mut self, row: u32, all: &[Series]) {
        let Some(table) = self.tables.get_mut(at(row)) else { return };
        let Some(portfolio) = self.portfolios.get_mut(at(row)) else { return };
        let Some(Position(position)) = self.positions.get_mut(at(row)) else { return };
        portfolio.clear();
        *position = [0; _];
        self.legs.clear(*table);
        for number in 0..Legs::count(*table) {
            let Some((place, leg)) = self.legs.nth(*table, number) else { continue };
            let Some(series) = all.get(at(place)) else { continue };
            let line = self.legs.line_of_nth(table, number, series.expiry);
            let Some(line) = line else { continue };
            portfolio.count(series, line, (Leg::EMPTY, leg));
            if !series.is_curved {
                continue;
            }
            // What the orders come to goes in by itself, and what is held is added to all of it below.
            add_held(position, &series.one, leg.net);
            if leg.buys != 0 {
                add_order(&mut portfolio.worst, &series.one.bought, leg.buys);
            }
            if leg.sells != 0 {
                add_order(&mut portfolio.worst, &series.one.sold, leg.sells);
            }
        }
        for (worst, position) in portfolio.worst.iter_mut().zip(position) {
            *worst = worst.wrapping_add(*position);
        }
        portfolio.settle();
    }

    /// Forgets legs that are empty. `holders` has, series by series, the first portfolio with a leg.
    pub(super) fn prune(&mut self, holders: &mut [u32], all: &[Series]) {
        let emptied = self.legs.emptied();
        let old = std::mem::replace(&mut self.legs, emptied);
        for (table, row) in self.tables.iter_mut().zip(0..) {
            let known = std::mem::replace(table, self.legs.table());
            for (place, leg) in old.of(known).filter(|(_, leg)| !leg.is_empty()) {
                let Some(series) = all.get(at(place)) else { continue };
                let Some(first) = holders.get_mut(at(place)) else { continue };
                let expiry = old.line_of(known, series.expiry);
                let id = Id { series: place, expiry: series.expiry };
                if let Some((_, line)) = self.legs.change(table, id, (row, first), leg) {
                    (line.expiry, line.held) = expiry;
                }
            }
        }
    }

    /// A portfolio.
    #[inline]
    pub(super) fn portfolio(&self, row: u32) -> Option<&Portfolio> {
        self.portfolios.get(at(row))
    }

    /// A portfolio's lots of a series.
    pub(super) fn leg(&self, row: u32, id: Id) -> Leg {
        self.legs.get(self.table(row), id)
    }

    /// Every series of which a portfolio has or had lots, in no order.
    pub(super) fn legs(&self, row: u32) -> impl Iterator<Item = (u32, Leg)> {
        self.legs.of(self.table(row))
    }

    /// What a portfolio requires, in parts.
    pub(super) fn components(&self, row: u32) -> Option<RiskComponents> {
        let Position(position) = self.positions.get(at(row))?;
        Some(self.portfolio(row)?.components(position, &self.rates))
    }

    /// What a portfolio's positions gain in every scenario, and a zero at the end.
    pub(super) fn gains(&self, row: u32) -> impl Iterator<Item = i64> {
        let found = self.positions.get(at(row)).zip(self.portfolio(row)).into_iter();
        found.flat_map(|(Position(position), portfolio)| portfolio.gains(position))
    }
}
