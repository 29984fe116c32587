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
use super::cells::{Cells, key, parts};
use super::components::{Rates, RiskComponents};
use super::curve::Curve;
use super::lanes::{GROSS_MAX, Lanes, Line, add_order, add_position, fill_order};
use super::leg::{Cell, Leg, lots};
use super::parameters::RiskParameters;
use super::portfolio::{Expiry, NONE, Portfolio, Series, at, index};

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

#[derive(Debug, Clone, Copy)]
struct Account {
    /// Its first portfolio.
    first: u32,
}

impl Account {
    const NONE: Self = Self { first: NONE };
}

/// A portfolio as it is compared.
type Seen = (BTreeMap<u32, Leg>, Lanes, Line);

/// All portfolios.
#[derive(Debug, Clone, Default)]
pub struct RiskBook {
    grades: Vec<Rates>,
    /// By the series' id.
    series: Vec<Series>,
    /// By the series' id: a portfolio that has or had lots of it; its leg leads to the others.
    holders: Vec<u32>,
    /// By the account's id.
    accounts: Vec<Account>,
    portfolios: Vec<Portfolio>,
    /// By the portfolio's place.
    curves: Vec<Curve>,
    /// By portfolio and series.
    cells: Cells<Cell>,
}

/// Two books are equal when nobody can tell them apart: the same arrays, the same legs, the same requirements.
impl PartialEq for RiskBook {
    fn eq(&self, other: &Self) -> bool {
        let accounts = self.accounts.len().max(other.accounts.len());
        let mut ids = (0_u64..).take(accounts).map(AccountId);
        self.grades == other.grades
            && self.series == other.series
            && ids.all(|id| self.portfolios_by_grade(id) == other.portfolios_by_grade(id))
    }
}

impl Eq for RiskBook {}

/// One, with the sign of what a side does to a position.
#[inline]
const fn sign(side: Side) -> i64 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}

/// So many lots open, or no longer open, on a side.
#[inline]
const fn open_leg(side: Side, open: i64) -> Leg {
    match side {
        Side::Buy => Leg { net: 0, buys: open, sells: 0 },
        Side::Sell => Leg { net: 0, buys: 0, sells: open },
    }
}

fn place_of(id: u64) -> usize {
    assert!(id < PLACES_MAX, "ids are issued one after the other");
    usize::try_from(id).unwrap_or(usize::MAX)
}

/// Puts a cell into the lists of its portfolio and its series.
#[cold]
fn enlist(
    cell: &mut Cell,
    (holder, portfolio): (u32, &mut Portfolio),
    (series, first_holder): (u32, Option<&mut u32>),
) {
    let next_holder = first_holder.map_or(NONE, |first| std::mem::replace(first, holder));
    let next_leg = std::mem::replace(&mut portfolio.first_leg, series);
    (cell.next_leg, cell.next_holder, cell.is_leg) = (next_leg, next_holder, true);
}

impl RiskBook {
    /// Sets the parameters of a grade. Grades are numbered from zero.
    pub fn set_parameters(&mut self, grade: u32, parameters: &RiskParameters) {
        let place = at(grade);
        assert!(place < GRADES_MAX, "more grades than sums have room for");
        let new = Rates::of(parameters);
        if self.grades.get(place) == Some(&new) {
            return;
        }
        while self.grades.len() <= place {
            self.grades.push(new);
        }
        if let Some(rates) = self.grades.get_mut(place) {
            *rates = new;
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
        let new = Series::of(terms, index(place_of(terms.expiry.0)));
        let Some(entry) = self.series.get_mut(place) else { return };
        let old = std::mem::replace(entry, new);
        if !old.is_listed {
            return;
        }
        let is_same = (old.grade, old.expiry) == (new.grade, new.expiry);
        assert!(is_same, "a series stays in its grade and expiry");
        let mut holder = self.holders.get(place).copied().unwrap_or(NONE);
        while holder != NONE {
            let cell = self.cells.get(key(holder, index(place)));
            self.move_leg(holder, (&old, &new), cell.leg());
            holder = cell.next_holder;
        }
    }

    /// Whether an order could be taken in beside everything the account has, if `available` is what it may hold in all.
    ///
    /// # Errors
    /// See [`Beyond`].
    #[inline]
    pub fn check(&self, order: &RiskOrder, available: MicroUsd) -> Result<(), Beyond> {
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
        let account = self.account(order.account);
        let place = self.find(account, series.grade);
        let empty = &Portfolio::EMPTY;
        let portfolio = self.portfolios.get(at(place)).unwrap_or(empty);
        let Some(rates) = self.grades.get(at(series.grade)) else { return Err(Beyond::OutOfRange) };

        let open = lots(order.qty);
        let gross = i128::from(open).wrapping_mul(i128::from(series.peak));
        if GROSS_MAX < portfolio.gross.wrapping_add(gross) {
            return Err(Beyond::OutOfRange);
        }
        let signed = sign(order.side).wrapping_mul(open);
        let curve = self.curve(place);
        let worst = portfolio.loss_with(curve, series, (order.side == Side::Buy, open));
        let moved = signed.wrapping_mul(series.delta);
        let expiry = self.cells.get(key(place, series.expiry)).expiry;
        let mut with = portfolio.charged_with(worst, expiry, moved);
        if series.short_minimum != 0 && order.side == Side::Sell {
            let old = self.cells.get(key(place, index(place_of(order.instrument.0)))).leg();
            let new = old.plus(open_leg(order.side, open));
            let more = new.short_at_worst().wrapping_sub(old.short_at_worst());
            with.minimum = with.minimum.wrapping_add(more.wrapping_mul(series.short_minimum));
        }
        let others = self.others(account, place);
        Ok(MicroUsd::new(others.wrapping_add(rates.initial(&with))))
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
        self.apply(order, open_leg(order.side, open), |curve, series| {
            let loses = series.one.loses(order.side == Side::Buy);
            add_order(&mut curve.worst, loses, open);
        });
    }

    /// Lots of an open order have traded.
    #[inline]
    pub fn order_filled(&mut self, order: &RiskOrder) {
        let (open, is_buy) = (lots(order.qty), order.side == Side::Buy);
        let net = sign(order.side).wrapping_mul(open);
        let change = Leg { net, ..open_leg(order.side, open.wrapping_neg()) };
        self.apply(order, change, |curve, series| {
            let sides = (series.one.loses(is_buy), series.one.loses(!is_buy));
            fill_order(&mut curve.position, &mut curve.worst, sides, open);
        });
    }

    /// Lots have traded that were no open order.
    #[inline]
    pub fn filled(&mut self, order: &RiskOrder) {
        let net = sign(order.side).wrapping_mul(lots(order.qty));
        self.apply(order, Leg { net, ..Leg::EMPTY }, |curve, series| {
            add_position(&mut curve.position, &mut curve.worst, &series.one, net);
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
        self.apply(&order, change, |curve, series| curve.change(series, change));
    }

    /// Makes room for so many accounts and legs in all, so that none of them allocates when it comes.
    pub fn reserve(&mut self, accounts: usize, legs: usize) {
        self.accounts.reserve(accounts);
        self.portfolios.reserve(accounts);
        self.curves.reserve(accounts);
        self.cells.reserve(legs);
    }

    /// An account's lots of a series.
    #[must_use]
    pub fn leg(&self, account: AccountId, instrument: InstrumentId) -> Leg {
        let Some(series) = self.listed(instrument) else { return Leg::default() };
        match self.find(self.account(account), series.grade) {
            NONE => Leg::default(),
            portfolio => self.cells.get(key(portfolio, index(place_of(instrument.0)))).leg(),
        }
    }

    /// Every series of which an account has lots, held or open, in no order.
    pub fn legs_of(&self, account: AccountId) -> impl Iterator<Item = (InstrumentId, Leg)> {
        self.portfolios_of(account).flat_map(move |(place, portfolio)| {
            let all = self.legs_in(place, portfolio);
            let all = all.map(|(series, leg)| (InstrumentId(u64::from(series)), leg));
            all.filter(|(_, leg)| !leg.is_empty())
        })
    }

    /// What an account must hold for all its portfolios, open orders included.
    #[inline]
    #[must_use]
    pub fn initial(&self, account: AccountId) -> MicroUsd {
        MicroUsd::new(self.others(self.account(account), NONE))
    }

    /// The same in parts, by grade.
    pub fn components(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (u32, RiskComponents)> + '_ {
        self.portfolios_of(account).filter_map(|(place, portfolio)| {
            let rates = self.grades.get(at(portfolio.grade))?;
            Some((portfolio.grade, portfolio.components(self.curve(place), rates)))
        })
    }

    /// What an account's positions of a grade gain (positive) or lose in each scenario, orders aside.
    #[must_use]
    pub fn gains(&self, account: AccountId, grade: u32) -> [i64; SCENARIOS] {
        let mut gains = [0; SCENARIOS];
        let place = self.find(self.account(account), grade);
        let found = self.portfolios.get(at(place)).into_iter();
        let lanes = found.flat_map(|portfolio| portfolio.gains(self.curve(place)));
        gains.iter_mut().zip(lanes).for_each(|(gain, lane)| *gain = lane);
        gains
    }

    /// What a portfolio of these legs would require, by grade, whoever had it.
    #[must_use]
    pub fn simulate(&self, legs: &BTreeMap<InstrumentId, Leg>) -> BTreeMap<u32, RiskComponents> {
        type Sums = (Portfolio, Curve, BTreeMap<u32, Expiry>);
        let mut portfolios: BTreeMap<u32, Sums> = BTreeMap::new();
        for (instrument, leg) in legs {
            let Some(series) = self.listed(*instrument) else { continue };
            let (portfolio, curve, expiries) = portfolios
                .entry(series.grade)
                .or_insert_with(|| (Portfolio::EMPTY, Curve::FLAT, BTreeMap::new()));
            curve.add(series, *leg);
            let expiry = expiries.entry(series.expiry).or_default();
            portfolio.count(series, expiry, Leg::EMPTY, *leg);
        }
        let components = portfolios.into_iter().filter_map(|(grade, (portfolio, mut curve, _))| {
            curve.join();
            let rates = self.grades.get(at(grade))?;
            Some((grade, portfolio.components(&curve, rates)))
        });
        components.collect()
    }

    /// Computes an account's portfolios from its legs, as if nothing were known of them.
    pub fn rebuild(&mut self, account: AccountId) {
        let mut place = self.account(account).first;
        while let Some(portfolio) = self.portfolios.get_mut(at(place)) {
            let Some(curve) = self.curves.get_mut(at(place)) else { return };
            portfolio.clear();
            *curve = Curve::FLAT;
            let mut leg = portfolio.first_leg;
            while let Some(series) = self.series.get(at(leg)) {
                self.cells.entry(key(place, series.expiry)).expiry = Expiry::default();
                leg = self.cells.get(key(place, leg)).next_leg;
            }
            leg = portfolio.first_leg;
            while let Some(series) = self.series.get(at(leg)) {
                let cell = self.cells.get(key(place, leg));
                curve.add(series, cell.leg());
                let expiry = &mut self.cells.entry(key(place, series.expiry)).expiry;
                portfolio.count(series, expiry, Leg::EMPTY, cell.leg());
                leg = cell.next_leg;
            }
            curve.join();
            place = portfolio.next;
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
        self.cells.retain(|cell| !cell.is_empty());
        self.portfolios.iter_mut().for_each(|portfolio| portfolio.first_leg = NONE);
        self.holders.fill(NONE);
        for (key, cell) in self.cells.iter_mut() {
            let (portfolio, series) = parts(key);
            cell.is_leg = false;
            let Some(holder) = self.portfolios.get_mut(at(portfolio)) else { continue };
            if !cell.leg().is_empty() {
                enlist(cell, (portfolio, holder), (series, self.holders.get_mut(at(series))));
            }
        }
    }

    /// Changes a leg by so much: here everywhere but in the lanes, there by what the caller knows best.
    #[inline]
    fn apply(&mut self, order: &RiskOrder, change: Leg, lanes: impl FnOnce(&mut Curve, &Series)) {
        let place = usize::try_from(order.instrument.0).unwrap_or(usize::MAX);
        let listed = self.series.get(place).filter(|series| series.is_listed);
        assert!(listed.is_some(), "a series that is listed");
        let Some(series) = listed else { return };
        let mut holder = self.find(self.account(order.account), series.grade);
        if holder == NONE {
            holder = self.open(order.account, series.grade);
        }
        let Some(series) = self.series.get(place) else { return };
        let Some(portfolio) = self.portfolios.get_mut(at(holder)) else { return };
        let cell = self.cells.entry(key(holder, index(place)));
        if !cell.is_leg {
            enlist(cell, (holder, portfolio), (index(place), self.holders.get_mut(place)));
        }
        let old = cell.leg();
        let new = old.plus(change);
        cell.set(new);
        let expiry = if series.expiry == index(place) {
            &mut cell.expiry
        } else {
            &mut self.cells.entry(key(holder, series.expiry)).expiry
        };
        portfolio.count(series, expiry, old, new);
        if series.is_curved
            && let Some(curve) = self.curves.get_mut(at(holder))
        {
            lanes(curve, series);
        }
    }

    /// Takes a leg out with a series' old numbers and puts it back with the new ones.
    fn move_leg(&mut self, holder: u32, (old, new): (&Series, &Series), leg: Leg) {
        let Some(portfolio) = self.portfolios.get_mut(at(holder)) else { return };
        let Some(curve) = self.curves.get_mut(at(holder)) else { return };
        let expiry = &mut self.cells.entry(key(holder, new.expiry)).expiry;
        for (series, from, to) in [(old, leg, Leg::EMPTY), (new, Leg::EMPTY, leg)] {
            portfolio.count(series, expiry, from, to);
            curve.change(series, to.minus(from));
        }
    }

    /// A portfolio's options.
    #[inline]
    fn curve(&self, place: u32) -> &Curve {
        self.curves.get(at(place)).unwrap_or(&Curve::FLAT)
    }

    /// What an account's portfolios require, all but the one at `place`.
    #[inline]
    fn others(&self, account: Account, place: u32) -> i64 {
        let (mut sum, mut next) = (0_i64, account.first);
        while let Some(portfolio) = self.portfolios.get(at(next)) {
            if next != place
                && let Some(rates) = self.grades.get(at(portfolio.grade))
            {
                sum = sum.wrapping_add(portfolio.initial(self.curve(next), rates));
            }
            next = portfolio.next;
        }
        sum
    }

    #[inline]
    fn listed(&self, instrument: InstrumentId) -> Option<&Series> {
        let place = usize::try_from(instrument.0).unwrap_or(usize::MAX);
        self.series.get(place).filter(|series| series.is_listed)
    }

    #[inline]
    fn account(&self, account: AccountId) -> Account {
        let place = usize::try_from(account.0).unwrap_or(usize::MAX);
        self.accounts.get(place).copied().unwrap_or(Account::NONE)
    }

    /// All that can be seen of an account's portfolios, but for those that are empty.
    fn portfolios_by_grade(&self, account: AccountId) -> BTreeMap<u32, Seen> {
        let all = self.portfolios_of(account).map(|(place, portfolio)| {
            let legs = self.legs_in(place, portfolio).filter(|(_, leg)| !leg.is_empty());
            let legs: BTreeMap<u32, Leg> = legs.collect();
            (portfolio.grade, (legs, self.curve(place).worst, portfolio.line))
        });
        all.filter(|(_, (legs, ..))| !legs.is_empty()).collect()
    }

    /// Every series of which a portfolio has or had lots.
    fn legs_in(&self, place: u32, portfolio: &Portfolio) -> impl Iterator<Item = (u32, Leg)> {
        let mut next = portfolio.first_leg;
        std::iter::from_fn(move || {
            let series = (next != NONE).then_some(next)?;
            let cell = self.cells.get(key(place, series));
            next = cell.next_leg;
            Some((series, cell.leg()))
        })
    }

    /// An account's portfolio in a grade.
    #[inline]
    fn find(&self, account: Account, grade: u32) -> u32 {
        let mut place = account.first;
        while let Some(portfolio) = self.portfolios.get(at(place)) {
            if portfolio.grade == grade {
                return place;
            }
            place = portfolio.next;
        }
        NONE
    }

    fn portfolios_of(&self, account: AccountId) -> impl Iterator<Item = (u32, &Portfolio)> {
        let mut place = self.account(account).first;
        std::iter::from_fn(move || {
            let portfolio = self.portfolios.get(at(place))?;
            let found = (place, portfolio);
            place = portfolio.next;
            Some(found)
        })
    }

    #[cold]
    fn open(&mut self, account: AccountId, grade: u32) -> u32 {
        let owner = place_of(account.0);
        if self.accounts.len() <= owner {
            self.accounts.resize(owner.saturating_add(1), Account::NONE);
        }
        let place = index(self.portfolios.len());
        let Some(entry) = self.accounts.get_mut(owner) else { return NONE };
        let next = std::mem::replace(&mut entry.first, place);
        self.portfolios.push(Portfolio::new(grade, next));
        self.curves.push(Curve::FLAT);
        place
    }
}
