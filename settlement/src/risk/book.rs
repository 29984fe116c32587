//! Every portfolio of every account, kept at what its lots and open orders make of it.
//!
//! Invariants:
//! - incremental is rebuilt: whatever has happened, a portfolio is what its legs and the arrays of today make of it;
//! - `worst` has, scenario by scenario, the least that the portfolio could gain over every way its open orders may fill. It is exact, not an
//!   estimate: a buy of a lot that loses in a scenario counts there, one that gains does not, and the orders of two sides never meet;
//! - after warm-up nothing is allocated by orders and fills.
//!
//! Derived from positions, open orders and arrays, which lie elsewhere: it is no part of a snapshot, and is built anew from one.

use std::collections::BTreeMap;

use instruments::{AccountId, InstrumentId, MicroUsd, Qty, Side};

use super::array::{RiskArray, SCENARIOS};
use super::components::{Rates, RiskComponents};
use super::grade::{Grade, Moved, Of};
use super::lanes::{Lanes, Line};
use super::leg::{Leg, lots};
use super::legs::{self, Id};
use super::parameters::RiskParameters;
use super::portfolio::{More, NONE, Place, Portfolio, at, either, index};
use super::series::Series;

/// Ids that have a place: far more series and accounts than a venue lists and opens.
const PLACES_MAX: u64 = 1 << 24;

/// Grades on one venue: keeps the sum over an account's portfolios in range.
const GRADES_MAX: usize = 32;

/// What the book is told of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskSeries {
    /// The grade's number: portfolios are per account and grade. Never changes.
    pub grade: u32,
    /// The future whose delta it has: itself, or an option's underlying. Never changes.
    pub expiry: InstrumentId,
    /// What one lot gains and loses. While there is none, whoever has lots of the series is beyond the range.
    pub array: Option<RiskArray>,
    /// What one lot held short costs at least; zero for a future.
    pub short_minimum: MicroUsd,
}

/// An order, or what is open of one, or a fill of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskOrder {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How many lots.
    pub qty: Qty,
}

/// Why an order does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// The series has no array, or the portfolio would be beyond the range in which sums are exact.
    OutOfRange,
    /// More would be required than there is.
    Margin {
        /// What would be required in all.
        required: MicroUsd,
    },
}

/// A portfolio as it is compared.
type Seen = (BTreeMap<u32, Leg>, Lanes, (Line, i64));

/// All portfolios.
#[derive(Debug, Clone, Default)]
pub struct RiskBook {
    grades: Vec<Grade>,
    /// By the series' id.
    series: Vec<Series>,
    /// By the series' id: the row of a portfolio that has or had lots of it; its leg leads to the others.
    holders: Vec<u32>,
    /// By the account's id: its first portfolio.
    accounts: Vec<Place>,
}

/// Two books are equal when nobody can tell them apart: the same arrays, the same legs, the same requirements.
impl PartialEq for RiskBook {
    fn eq(&self, other: &Self) -> bool {
        let accounts = self.accounts.len().max(other.accounts.len());
        let mut ids = (0_u64..).take(accounts).map(AccountId);
        self.grades.iter().map(|grade| grade.rates).eq(other.grades.iter().map(|grade| grade.rates))
            && self.series == other.series
            && ids.all(|id| self.portfolios_by_grade(id) == other.portfolios_by_grade(id))
    }
}

impl Eq for RiskBook {}

/// So many lots open, or no longer open, on a side.
#[inline]
fn open_leg(side: Side, open: i64) -> Leg {
    let is_buy = side == Side::Buy;
    Leg { net: 0, buys: either(is_buy, open, 0), sells: either(is_buy, 0, open) }
}

fn place_of(id: u64) -> usize {
    assert!(id < PLACES_MAX, "ids are issued one after the other");
    usize::try_from(id).unwrap_or(usize::MAX)
}

impl RiskBook {
    /// Sets the parameters of a grade. Grades are numbered from zero.
    pub fn set_parameters(&mut self, grade: u32, parameters: &RiskParameters) {
        let place = at(grade);
        assert!(place < GRADES_MAX, "more grades than sums have room for");
        let new = Rates::of(parameters);
        while self.grades.len() <= place {
            self.grades.push(Grade::new(new));
        }
        if let Some(grade) = self.grades.get_mut(place) {
            grade.rates = new;
        }
    }

    /// Lists a series, or gives it another array: every portfolio that has lots of it follows.
    ///
    /// # Panics
    /// On another grade or expiry than before, and on a grade without parameters.
    pub fn set_series(&mut self, instrument: InstrumentId, terms: &RiskSeries) {
        assert!(at(terms.grade) < self.grades.len(), "a grade with parameters");
        let place = place_of(instrument.0);
        if self.series.len() <= place {
            self.series.resize(place.saturating_add(1), Series::UNLISTED);
            self.holders.resize(place.saturating_add(1), NONE);
        }
        let expiry = index(place_of(terms.expiry.0));
        let new = Series::of(terms, expiry);
        let Some(entry) = self.series.get_mut(place) else { return };
        let old = std::mem::replace(entry, new);
        if !old.is_listed {
            return;
        }
        let is_same = (old.grade, old.expiry) == (new.grade, new.expiry);
        assert!(is_same, "a series stays in its grade and expiry");
        let holder = self.holders.get(place).copied().unwrap_or(NONE);
        let Some(grade) = self.grades.get_mut(at(terms.grade)) else { return };
        grade.move_legs(index(place), holder, (&old, &new));
    }

    /// Whether an order could be taken in beside everything the account has, if `available` is what it may hold in all.
    ///
    /// # Errors
    /// See [`Beyond`].
    #[inline]
    pub fn check(&self, order: &RiskOrder, available: MicroUsd) -> Result<(), Beyond> {
        if let Some(series) = self.listed(order.instrument)
            && let Some(grade) = self.grades.get(at(series.grade))
            && let first = self.first(order.account)
            && first.grade == series.grade
            && let more = More::of(order)
            && grade.surely_fits(first.row, series, more, available.micros())
        {
            return Ok(());
        }
        let required = self.required_with(order)?;
        if required <= available { Ok(()) } else { Err(Beyond::Margin { required }) }
    }

    /// What would be required of an account in all, with one more order open.
    ///
    /// # Errors
    /// [`Beyond::OutOfRange`].
    #[inline]
    pub fn required_with(&self, order: &RiskOrder) -> Result<MicroUsd, Beyond> {
        let Some(series) = self.listed(order.instrument) else { return Err(Beyond::OutOfRange) };
        let Some(grade) = self.grades.get(at(series.grade)) else { return Err(Beyond::OutOfRange) };
        let first = self.first(order.account);
        let row = self.row(first, series.grade);
        let more = More::of(order);
        let of = (series, index(place_of(order.instrument.0)));
        let Some(required) = grade.required_with(row, of, more) else {
            return Err(Beyond::OutOfRange);
        };
        Ok(MicroUsd::new(self.others(first, series.grade).wrapping_add(required)))
    }

    /// Lots of an order may be filled from now on.
    #[inline]
    pub fn order_opened(&mut self, order: &RiskOrder) {
        self.count_order(order, lots(order.qty));
    }

    /// Lots of an order will not be filled: it was cancelled, or made smaller.
    #[inline]
    pub fn order_closed(&mut self, order: &RiskOrder) {
        self.count_order(order, lots(order.qty).wrapping_neg());
    }

    #[inline]
    fn count_order(&mut self, order: &RiskOrder, open: i64) {
        let is_buy = order.side == Side::Buy;
        self.apply(order, open_leg(order.side, open), |portfolio, series, moved| {
            portfolio.order(series, moved, (is_buy, open));
        });
    }

    /// Lots of an open order have traded.
    #[inline]
    pub fn order_filled(&mut self, order: &RiskOrder) {
        let more = More::of(order);
        let change = Leg { net: more.signed(1), ..open_leg(order.side, more.open.wrapping_neg()) };
        self.apply(order, change, |portfolio, series, moved| {
            portfolio.fill_order(series, moved, more);
        });
    }

    /// Lots have traded that were no open order.
    #[inline]
    pub fn filled(&mut self, order: &RiskOrder) {
        let more = More::of(order);
        let change = Leg { net: more.signed(1), ..Leg::EMPTY };
        self.apply(order, change, |portfolio, series, moved| {
            portfolio.fill(series, moved, more);
        });
    }

    /// An account's lots of a series are these, whatever they were.
    pub fn set_leg(&mut self, account: AccountId, instrument: InstrumentId, leg: Leg) {
        let change = leg.minus(self.leg(account, instrument));
        if change.is_empty() {
            return;
        }
        let (side, qty) = (Side::Buy, Qty::ZERO);
        let order = RiskOrder { account, instrument, side, qty };
        self.apply(&order, change, |portfolio, series, moved| {
            portfolio.count(series, moved.line, moved.legs);
            portfolio.change(moved.position, series, change);
            portfolio.settle();
        });
    }

    /// Makes room for so many accounts, and so many legs in each grade, so that none of them allocates when it comes.
    pub fn reserve(&mut self, accounts: usize, legs: usize) {
        self.accounts.reserve(accounts);
        self.grades.iter_mut().for_each(|grade| grade.reserve(accounts, legs));
    }

    /// An account's lots of a series.
    #[must_use]
    pub fn leg(&self, account: AccountId, instrument: InstrumentId) -> Leg {
        let Some(series) = self.listed(instrument) else { return Leg::default() };
        let Some(grade) = self.grades.get(at(series.grade)) else { return Leg::default() };
        let row = self.row(self.first(account), series.grade);
        grade.leg(row, Id { series: index(place_of(instrument.0)), expiry: series.expiry })
    }

    /// Every series of which an account has lots, held or open, in no order.
    pub fn legs_of(&self, account: AccountId) -> impl Iterator<Item = (InstrumentId, Leg)> {
        self.portfolios_of(account).flat_map(|(place, grade, _)| {
            let all = grade.legs(place.row);
            let all = all.map(|(series, leg)| (InstrumentId(u64::from(series)), leg));
            all.filter(|(_, leg)| !leg.is_empty())
        })
    }

    /// What an account must hold for all its portfolios, open orders included.
    #[inline]
    #[must_use]
    pub fn initial(&self, account: AccountId) -> MicroUsd {
        MicroUsd::new(self.others(self.first(account), NONE))
    }

    /// The same in parts, by grade.
    pub fn components(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (u32, RiskComponents)> + '_ {
        self.portfolios_of(account)
            .filter_map(|(place, grade, _)| Some((place.grade, grade.components(place.row)?)))
    }

    /// What an account's positions of a grade gain (positive) or lose in each scenario, orders aside.
    #[must_use]
    pub fn gains(&self, account: AccountId, grade: u32) -> [i64; SCENARIOS] {
        let mut gains = [0; SCENARIOS];
        let row = self.row(self.first(account), grade);
        let found = self.grades.get(at(grade)).into_iter();
        let lanes = found.flat_map(|grade| grade.gains(row));
        gains.iter_mut().zip(lanes).for_each(|(gain, lane)| *gain = lane);
        gains
    }

    /// What a portfolio of these legs would require, by grade, whoever had it.
    #[must_use]
    pub fn simulate(&self, legs: &BTreeMap<InstrumentId, Leg>) -> BTreeMap<u32, RiskComponents> {
        type Sums = (Portfolio, Lanes, BTreeMap<u32, legs::Line>);
        let mut portfolios: BTreeMap<u32, Sums> = BTreeMap::new();
        for (instrument, leg) in legs {
            let Some(series) = self.listed(*instrument) else { continue };
            let (portfolio, position, expiries) = portfolios
                .entry(series.grade)
                .or_insert_with(|| (Portfolio::EMPTY, [0; _], BTreeMap::new()));
            let line = expiries.entry(series.expiry).or_insert(legs::Line::FREE);
            portfolio.count(series, line, (Leg::EMPTY, *leg));
            portfolio.change(position, series, *leg);
        }
        let components = portfolios.into_iter().filter_map(|(place, (portfolio, position, _))| {
            let grade = self.grades.get(at(place))?;
            Some((place, portfolio.components(&position, &grade.rates)))
        });
        components.collect()
    }

    /// Computes an account's portfolios from its legs, as if nothing were known of them.
    pub fn rebuild(&mut self, account: AccountId) {
        let mut place = self.first(account);
        while let Some(grade) = self.grades.get_mut(at(place.grade)) {
            grade.rebuild(place.row, &self.series);
            place = grade.portfolio(place.row).map_or(Place::NONE, |portfolio| portfolio.next);
        }
    }

    /// Forgets an account.
    pub fn forget(&mut self, account: AccountId) {
        let all: Vec<InstrumentId> = self.legs_of(account).map(|(series, _)| series).collect();
        for instrument in all {
            self.set_leg(account, instrument, Leg::EMPTY);
        }
    }

    /// Gives back the room of legs that are empty. Changes nothing that anyone can see.
    pub fn prune(&mut self) {
        self.holders.fill(NONE);
        self.grades.iter_mut().for_each(|grade| grade.prune(&mut self.holders, &self.series));
    }

    /// Changes a leg by so much. `count` changes what the portfolio comes to.
    #[inline]
    fn apply(
        &mut self,
        order: &RiskOrder,
        change: Leg,
        count: impl FnOnce(&mut Portfolio, &Series, Moved<'_>),
    ) {
        let place = usize::try_from(order.instrument.0).unwrap_or(usize::MAX);
        let first = self.first(order.account);
        let listed = self.series.get(place).filter(|series| series.is_listed);
        assert!(listed.is_some(), "a series that is listed");
        let Some(number) = listed.map(|series| series.grade) else { return };
        let mut row = self.row(first, number);
        if row == NONE {
            row = self.open(order.account, number);
        }
        let Some(series) = self.series.get(place) else { return };
        let Some(grade) = self.grades.get_mut(at(number)) else { return };
        let Some(holder) = self.holders.get_mut(place) else { return };
        let of = Of { series, place: index(place), holder };
        grade.change(row, of, change, count);
    }

    /// What an account's portfolios require, all but the one of a grade.
    #[inline]
    fn others(&self, first: Place, grade: u32) -> i64 {
        let (mut sum, mut place) = (0_i64, first);
        while let Some(found) = self.grades.get(at(place.grade)) {
            let Some(portfolio) = found.portfolio(place.row) else { break };
            if place.grade != grade {
                sum = sum.wrapping_add(portfolio.initial(&found.rates));
            }
            place = portfolio.next;
        }
        sum
    }

    #[inline]
    fn listed(&self, instrument: InstrumentId) -> Option<&Series> {
        let place = usize::try_from(instrument.0).unwrap_or(usize::MAX);
        self.series.get(place).filter(|series| series.is_listed)
    }

    /// An account's first portfolio.
    #[inline]
    fn first(&self, account: AccountId) -> Place {
        let place = usize::try_from(account.0).unwrap_or(usize::MAX);
        self.accounts.get(place).copied().unwrap_or(Place::NONE)
    }

    /// An account's portfolio in a grade.
    #[inline]
    fn row(&self, first: Place, grade: u32) -> u32 {
        let mut place = first;
        while place.grade != grade {
            let found = self.grades.get(at(place.grade));
            let Some(portfolio) = found.and_then(|grade| grade.portfolio(place.row)) else {
                return NONE;
            };
            place = portfolio.next;
        }
        place.row
    }

    /// All that can be seen of an account's portfolios, but for those that are empty.
    fn portfolios_by_grade(&self, account: AccountId) -> BTreeMap<u32, Seen> {
        let all = self.portfolios_of(account).map(|(place, grade, portfolio)| {
            let legs = grade.legs(place.row).filter(|(_, leg)| !leg.is_empty());
            let line = (portfolio.line, portfolio.line_held);
            (place.grade, (legs.collect(), portfolio.worst, line))
        });
        all.filter(|(_, (legs, ..)): &(u32, Seen)| !legs.is_empty()).collect()
    }

    fn portfolios_of(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (Place, &Grade, &Portfolio)> {
        let mut next = self.first(account);
        std::iter::from_fn(move || {
            let place = next;
            let grade = self.grades.get(at(place.grade))?;
            let portfolio = grade.portfolio(place.row)?;
            next = portfolio.next;
            Some((place, grade, portfolio))
        })
    }

    #[cold]
    fn open(&mut self, account: AccountId, number: u32) -> u32 {
        let owner = place_of(account.0);
        if self.accounts.len() <= owner {
            self.accounts.resize(owner.saturating_add(1), Place::NONE);
        }
        let Some(first) = self.accounts.get_mut(owner) else { return NONE };
        let Some(grade) = self.grades.get_mut(at(number)) else { return NONE };
        let row = grade.open(*first);
        *first = Place { grade: number, row };
        row
    }
}
