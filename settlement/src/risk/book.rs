//! Every portfolio of every account, kept at what its lots and open orders make of it.
//!
//! Invariants:
//! - incremental is rebuilt: whatever has happened, a portfolio is what its legs and the arrays of today make of it;
//! - `worst` has, scenario by scenario, the least that the portfolio could gain over every way its open orders may fill. It is exact, not an
//!   estimate: a buy of a lot that loses in a scenario counts there, one that gains does not, and the orders of two sides never meet;
//! - an account's `initial` is the sum over its portfolios, always up to date, so that a check reads one number for all other grades;
//! - after warm-up nothing is allocated by orders and fills.
//!
//! Derived from positions, open orders and arrays, which lie elsewhere: it is no part of a snapshot, and is built anew from one.

use instruments::{AccountId, InstrumentId, MicroUsd, Qty, Side};

use super::array::{RiskArray, SCENARIOS};
use super::cells::{Cells, key};
use super::components::{Rates, RiskComponents};
use super::lanes::{GROSS_MAX, add_leg, add_order, add_position, fill_order, worst_of, worst_with};
use super::parameters::RiskParameters;
use super::portfolio::{Expiry, Leg, NONE, Portfolio, Series, at, index, lots};

/// What a portfolio beyond the range requires: more than any account may have, and small enough that 32 grades add up.
const BEYOND: i64 = 1 << 57;

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
    /// What all its portfolios require.
    initial: i64,
}

impl Account {
    const NONE: Self = Self { first: NONE, initial: 0 };
}

/// All portfolios.
#[derive(Debug, Clone, Default)]
pub struct RiskBook {
    grades: Vec<Rates>,
    /// By the series' id.
    series: Vec<Series>,
    /// Which portfolios have or had lots of a series.
    holders: Vec<Vec<u32>>,
    /// By the account's id.
    accounts: Vec<Account>,
    portfolios: Vec<Portfolio>,
    legs: Cells<Leg>,
    expiries: Cells<Expiry>,
}

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

impl RiskBook {
    /// Sets the parameters of a grade. Grades are numbered from zero; all portfolios of it are computed again.
    pub fn set_parameters(&mut self, grade: u32, parameters: &RiskParameters) {
        let place = at(grade);
        assert!(place < GRADES_MAX, "more grades than sums have room for");
        while self.grades.len() <= place {
            self.grades.push(Rates::of(parameters));
        }
        if let Some(rates) = self.grades.get_mut(place) {
            *rates = Rates::of(parameters);
        }
        for portfolio in 0..index(self.portfolios.len()) {
            self.refresh_whole(portfolio);
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
            self.holders.resize_with(place.saturating_add(1), Vec::new);
        }
        let new = Series::of(terms, index(place_of(terms.expiry.0)));
        let Some(entry) = self.series.get_mut(place) else { return };
        let old = std::mem::replace(entry, new);
        if !old.is_listed {
            return;
        }
        let is_same = (old.grade, old.expiry) == (new.grade, new.expiry);
        assert!(is_same, "a series stays in its grade and expiry");
        let holders = self.holders.get_mut(place).map(std::mem::take).unwrap_or_default();
        for &holder in &holders {
            let leg = self.legs.get(key(holder, index(place)));
            self.move_leg(holder, (&old, &new), leg);
            self.refresh_whole(holder);
        }
        if let Some(entry) = self.holders.get_mut(place) {
            *entry = holders;
        }
    }

    /// Whether an order could be taken in beside everything the account has, if `available` is what it may hold in all.
    ///
    /// An order that does not raise what is required is never refused, whatever there is. Returns what would be required in all.
    ///
    /// # Errors
    /// See [`Beyond`].
    #[inline]
    pub fn check(&self, order: &RiskOrder, available: MicroUsd) -> Result<MicroUsd, Beyond> {
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
        let worst = worst_with(&portfolio.worst, &series.array, signed);
        let moved = signed.wrapping_mul(series.delta);
        let expiry = self.expiries.get(key(place, series.expiry));
        let mut with = portfolio.charged_with(worst, expiry, moved);
        if series.short_minimum != 0 && order.side == Side::Sell {
            let old = self.legs.get(key(place, index(place_of(order.instrument.0))));
            let new = old.plus(open_leg(order.side, open));
            let more = new.short_at_worst().wrapping_sub(old.short_at_worst());
            with.minimum = with.minimum.wrapping_add(more.wrapping_mul(series.short_minimum));
        }
        let others = account.initial.wrapping_sub(portfolio.initial);
        let required = others.wrapping_add(rates.initial(&with));
        if required <= available.micros() || required <= account.initial {
            return Ok(MicroUsd::new(required));
        }
        Err(Beyond::Margin { required: MicroUsd::new(required) })
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
        let change = open_leg(order.side, open);
        let (place, portfolio) = self.count(order.account, order.instrument, change);
        let Some(series) = self.series.get(place) else { return };
        let Some(entry) = self.portfolios.get_mut(at(portfolio)) else { return };
        let worst = add_order(&mut entry.worst, &series.array, sign(order.side), open);
        self.refresh(portfolio, worst);
    }

    /// Lots of an open order have traded.
    #[inline]
    pub fn order_filled(&mut self, order: &RiskOrder) {
        let open = lots(order.qty);
        let signed = sign(order.side).wrapping_mul(open);
        let change = Leg { net: signed, ..open_leg(order.side, open.wrapping_neg()) };
        let (place, portfolio) = self.count(order.account, order.instrument, change);
        let Some(series) = self.series.get(place) else { return };
        let Some(entry) = self.portfolios.get_mut(at(portfolio)) else { return };
        let worst = fill_order(&mut entry.position, &mut entry.worst, &series.array, signed);
        self.refresh(portfolio, worst);
    }

    /// Lots have traded that were no open order.
    #[inline]
    pub fn filled(&mut self, order: &RiskOrder) {
        let signed = sign(order.side).wrapping_mul(lots(order.qty));
        let change = Leg { net: signed, ..Leg::default() };
        let (place, portfolio) = self.count(order.account, order.instrument, change);
        let Some(series) = self.series.get(place) else { return };
        let Some(entry) = self.portfolios.get_mut(at(portfolio)) else { return };
        let worst = add_position(&mut entry.position, &mut entry.worst, &series.array, signed);
        self.refresh(portfolio, worst);
    }

    /// An account's lots of a series are these, whatever they were.
    pub fn set_leg(&mut self, account: AccountId, instrument: InstrumentId, leg: Leg) {
        let change = leg.minus(self.leg(account, instrument));
        if change == Leg::default() {
            return;
        }
        let (place, portfolio) = self.count(account, instrument, change);
        let Some(series) = self.series.get(place) else { return };
        let Some(entry) = self.portfolios.get_mut(at(portfolio)) else { return };
        add_leg(&mut entry.position, &mut entry.worst, &series.array, change);
        self.refresh_whole(portfolio);
    }

    /// An account's lots of a series.
    #[must_use]
    pub fn leg(&self, account: AccountId, instrument: InstrumentId) -> Leg {
        let Some(series) = self.listed(instrument) else { return Leg::default() };
        match self.find(self.account(account), series.grade) {
            NONE => Leg::default(),
            portfolio => self.legs.get(key(portfolio, index(place_of(instrument.0)))),
        }
    }

    /// Every series of which an account has lots, held or open, in no order.
    pub fn legs_of(&self, account: AccountId) -> impl Iterator<Item = (InstrumentId, Leg)> {
        self.portfolios_of(account).flat_map(move |(place, portfolio)| {
            let all = portfolio.legs.iter();
            let all = all.map(move |&series| {
                (InstrumentId(u64::from(series)), self.legs.get(key(place, series)))
            });
            all.filter(|(_, leg)| *leg != Leg::default())
        })
    }

    /// What an account must hold for all its portfolios, open orders included.
    #[inline]
    #[must_use]
    pub fn initial(&self, account: AccountId) -> MicroUsd {
        MicroUsd::new(self.account(account).initial)
    }

    /// The same in parts, by grade.
    pub fn components(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (u32, RiskComponents)> + '_ {
        self.portfolios_of(account).filter_map(|(_, portfolio)| {
            let rates = self.grades.get(at(portfolio.grade))?;
            if GROSS_MAX < portfolio.gross {
                return Some((portfolio.grade, RiskComponents::of_all(MicroUsd::new(BEYOND))));
            }
            let parts = rates.components(&portfolio.charged_held(), portfolio.initial);
            Some((portfolio.grade, parts))
        })
    }

    /// What an account's positions of a grade gain (positive) or lose in each scenario, orders aside.
    #[must_use]
    pub fn gains(&self, account: AccountId, grade: u32) -> [i64; SCENARIOS] {
        let mut gains = [0; SCENARIOS];
        let found = self.portfolios.get(at(self.find(self.account(account), grade)));
        for (gain, lane) in gains.iter_mut().zip(found.iter().flat_map(|found| &found.position)) {
            *gain = *lane;
        }
        gains
    }

    /// Computes an account's portfolios from its legs, as if nothing were known of them.
    pub fn rebuild(&mut self, account: AccountId) {
        let mut place = self.account(account).first;
        while let Some(portfolio) = self.portfolios.get_mut(at(place)) {
            let legs = portfolio.clear();
            for &series in &legs {
                let expiry = self.series.get(at(series)).map_or(0, |series| series.expiry);
                *self.expiries.entry(key(place, expiry)).0 = Expiry::default();
            }
            for &leg_place in &legs {
                let Some(series) = self.series.get(at(leg_place)) else { continue };
                let leg = self.legs.get(key(place, leg_place));
                portfolio.add(series, leg);
                portfolio.count_leg(series, Leg::default(), leg);
                let (expiry, _) = self.expiries.entry(key(place, series.expiry));
                portfolio.count_delta(expiry, series.delta, leg);
            }
            portfolio.legs = legs;
            portfolio.join();
            let next = portfolio.next;
            self.refresh_whole(place);
            place = next;
        }
    }

    /// Forgets an account.
    pub fn forget(&mut self, account: AccountId) {
        let all: Vec<InstrumentId> = self.legs_of(account).map(|(series, _)| series).collect();
        for instrument in all {
            self.set_leg(account, instrument, Leg::default());
        }
    }

    /// Gives back the room of legs that are empty. Changes nothing that anyone can see.
    pub fn prune(&mut self) {
        self.legs.retain(|leg| *leg != Leg::default());
        for (portfolio, place) in self.portfolios.iter_mut().zip(0_u32..) {
            let legs = &self.legs;
            portfolio.legs.retain(|series| legs.get(key(place, *series)) != Leg::default());
        }
        for (holders, series) in self.holders.iter_mut().zip(0_u32..) {
            let legs = &self.legs;
            holders.retain(|holder| legs.get(key(*holder, series)) != Leg::default());
        }
        self.expiries.retain(|expiry| *expiry != Expiry::default());
    }

    /// Counts a change of a leg everywhere but in the lanes. Returns the places of the series and the portfolio.
    #[inline]
    fn count(&mut self, account: AccountId, instrument: InstrumentId, change: Leg) -> (usize, u32) {
        let place = place_of(instrument.0);
        let grade = self.series.get(place).filter(|series| series.is_listed);
        let grade = grade.map_or(NONE, |series| series.grade);
        assert!(grade != NONE, "a series that is listed");
        let portfolio = match self.find(self.account(account), grade) {
            NONE => self.open(account, grade),
            portfolio => portfolio,
        };
        let (leg, is_new) = self.legs.entry(key(portfolio, index(place)));
        let old = *leg;
        let new = old.plus(change);
        *leg = new;
        if is_new {
            self.enlist(portfolio, place);
        }
        let Some(series) = self.series.get(place) else { return (place, portfolio) };
        let Some(entry) = self.portfolios.get_mut(at(portfolio)) else { return (place, portfolio) };
        entry.count_leg(series, old, new);
        let (expiry, _) = self.expiries.entry(key(portfolio, series.expiry));
        entry.count_delta(expiry, series.delta, change);
        (place, portfolio)
    }

    /// Takes a leg out with a series' old numbers and puts it back with the new ones.
    fn move_leg(&mut self, holder: u32, (old, new): (&Series, &Series), leg: Leg) {
        let Some(portfolio) = self.portfolios.get_mut(at(holder)) else { return };
        let (expiry, _) = self.expiries.entry(key(holder, new.expiry));
        let none = Leg::default();
        portfolio.count_leg(old, leg, none);
        portfolio.count_delta(expiry, old.delta, none.minus(leg));
        add_leg(&mut portfolio.position, &mut portfolio.worst, &old.array, none.minus(leg));
        portfolio.count_leg(new, none, leg);
        portfolio.count_delta(expiry, new.delta, leg);
        add_leg(&mut portfolio.position, &mut portfolio.worst, &new.array, leg);
    }

    /// Brings what a portfolio and its account require up to date.
    #[inline]
    fn refresh(&mut self, place: u32, worst: i64) {
        let Some(portfolio) = self.portfolios.get_mut(at(place)) else { return };
        let Some(rates) = self.grades.get(at(portfolio.grade)) else { return };
        let old = portfolio.initial;
        let is_beyond = GROSS_MAX < portfolio.gross;
        portfolio.initial =
            if is_beyond { BEYOND } else { rates.initial(&portfolio.charged(worst)) };
        let change = portfolio.initial.wrapping_sub(old);
        if let Some(account) = self.accounts.get_mut(place_of(portfolio.account)) {
            account.initial = account.initial.wrapping_add(change);
        }
    }

    fn refresh_whole(&mut self, place: u32) {
        let worst =
            self.portfolios.get(at(place)).map_or(0, |portfolio| worst_of(&portfolio.worst));
        self.refresh(place, worst);
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
        self.portfolios.push(Portfolio { account: account.0, grade, next, ..Portfolio::EMPTY });
        place
    }

    #[cold]
    fn enlist(&mut self, portfolio: u32, place: usize) {
        if let Some(entry) = self.portfolios.get_mut(at(portfolio)) {
            entry.legs.push(index(place));
        }
        if let Some(holders) = self.holders.get_mut(place) {
            holders.push(portfolio);
        }
    }
}
