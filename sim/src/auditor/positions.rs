//! The auditor's positions: lots and cost by trades, what variation must pay by marks, what must be held by both.

use std::collections::{BTreeMap, BTreeSet};

use exchange::Traded;
use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, NetQty, Price, Qty, Side};

use super::margins::Margins;
use super::money::money;
use super::orders::OpenSums;
use super::premiums::short_premium;
use crate::finding::Finding;

/// Who holds what.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions {
    held: BTreeMap<(InstrumentId, AccountId), Held>,
}

/// One position.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    lots: i128,
    /// Micro-dollars: what the lots cost since the last variation, at whose mark the older ones stand.
    cost: i128,
}

impl Positions {
    pub(super) fn trade(&mut self, traded: &Traded, terms: &Instrument) {
        let lots = i128::from(traded.qty.lots());
        let sides = [
            (traded.taker.account, traded.taker_side),
            (traded.maker.account, traded.taker_side.opposite()),
        ];
        for (account, side) in sides {
            let change = match side {
                Side::Buy => lots,
                Side::Sell => -lots,
            };
            let held = self.held.entry((traded.instrument, account)).or_default();
            held.lots += change;
            held.cost += owed(terms, traded.price, change);
        }
    }

    /// SIM-013: what is said to be due is due.
    pub(super) fn pay(
        &mut self,
        terms: &Instrument,
        mark: Price,
        account: AccountId,
        said: MicroUsd,
    ) -> Result<(), Finding> {
        let held = self.held.entry((terms.id, account)).or_default();
        let due = owed(terms, mark, held.lots) - held.cost;
        if i128::from(said.micros()) != due || due == 0 {
            let instrument = terms.id;
            return Err(Finding::Variation { instrument, account, due, said });
        }
        held.cost = owed(terms, mark, held.lots);
        Ok(())
    }

    /// SIM-013: after a cycle nobody is due anything.
    pub(super) fn check_paid(&self, terms: &Instrument, mark: Price) -> Result<(), Finding> {
        for (account, held) in self.of(terms.id) {
            let due = owed(terms, mark, held.lots) - held.cost;
            if due != 0 {
                let (instrument, said) = (terms.id, MicroUsd::ZERO);
                return Err(Finding::Variation { instrument, account, due, said });
            }
        }
        Ok(())
    }

    /// SIM-008: a position ends with the lots it had.
    pub(super) fn close(
        &mut self,
        instrument: InstrumentId,
        account: AccountId,
        net: NetQty,
    ) -> Result<(), Finding> {
        let ours = self.held.remove(&(instrument, account)).map_or(0, |held| held.lots);
        if ours == i128::from(net.lots()) {
            return Ok(());
        }
        Err(Finding::Position { instrument, account, ours: lots(ours), theirs: net })
    }

    /// SIM-008: the lots of a series sum to zero.
    pub(super) fn check_sum(&self, instrument: InstrumentId) -> Result<(), Finding> {
        let sum = self.of(instrument).map(|(_, held)| held.lots).sum();
        if sum == 0 { Ok(()) } else { Err(Finding::PositionsUnbalanced { instrument, sum }) }
    }

    /// SIM-014: after assignment nobody holds the series.
    pub(super) fn check_ended(&mut self, instrument: InstrumentId) -> Result<(), Finding> {
        let left = self.of(instrument).find(|(_, held)| held.lots != 0);
        if let Some((account, held)) = left {
            let (ours, theirs) = (lots(held.lots), NetQty::ZERO);
            return Err(Finding::Position { instrument, account, ours, theirs });
        }
        self.held.retain(|(of, _), _| *of != instrument);
        Ok(())
    }

    /// SIM-008: the exchange's positions are ours.
    pub(super) fn compare(
        &self,
        theirs: impl Iterator<Item = (InstrumentId, AccountId, NetQty)>,
    ) -> Result<(), Finding> {
        let theirs: BTreeMap<_, _> = theirs
            .filter(|(_, _, net)| *net != NetQty::ZERO)
            .map(|(instrument, account, net)| ((instrument, account), net))
            .collect();
        let held = self.held.iter().filter(|(_, held)| held.lots != 0).map(|(key, _)| *key);
        for key in held.chain(theirs.keys().copied()) {
            let ours = self.held.get(&key).map_or(0, |held| held.lots);
            let theirs = theirs.get(&key).copied().unwrap_or(NetQty::ZERO);
            if ours != i128::from(theirs.lots()) {
                let (instrument, account) = key;
                return Err(Finding::Position { instrument, account, ours: lots(ours), theirs });
            }
        }
        Ok(())
    }

    /// What the account needs for its position and its orders in one series.
    pub(super) fn required(
        &self,
        instrument: &Instrument,
        (mark, underlying): (Price, Price),
        (account, open): (AccountId, OpenSums),
        margins: &Margins,
    ) -> Needs {
        let net = self.held.get(&(instrument.id, account)).map_or(0, |held| held.lots);
        let reserve = open.reserve;
        if instrument.is_premium_style() {
            let margin = |lots| short_premium(instrument, (mark, underlying), lots, margins);
            let short = (-net).max(0);
            let position = margin(short);
            let orders = margin(short.max(open.sells - net)) - position;
            return Needs { position, orders, reserve, option_value: value(instrument, mark, net) };
        }
        let terms = (instrument, mark);
        let position = margins.initial(terms, net.abs(), 0 <= net);
        let if_bought = margins.initial(terms, net + open.buys, true);
        let worst = if_bought.max(margins.initial(terms, open.sells - net, false));
        Needs { position, orders: worst - position, reserve, option_value: 0 }
    }

    /// The lots of a series that are held long.
    pub(super) fn open_interest(&self, instrument: InstrumentId) -> i128 {
        self.of(instrument).map(|(_, held)| held.lots.max(0)).sum()
    }

    /// The series in which an account holds something.
    pub(super) fn series_of(&self, account: AccountId) -> impl Iterator<Item = InstrumentId> {
        self.held.keys().filter(move |(_, of)| *of == account).map(|(instrument, _)| *instrument)
    }

    /// What an account's position would gain if it were closed at the mark.
    pub(super) fn unrealised(&self, terms: &Instrument, mark: Price, account: AccountId) -> i128 {
        let held = self.held.get(&(terms.id, account)).copied().unwrap_or_default();
        owed(terms, mark, held.lots) - held.cost
    }

    /// Who is on the other side of an account's position, and with how many lots.
    pub(super) fn against(
        &self,
        instrument: InstrumentId,
        account: AccountId,
    ) -> BTreeMap<AccountId, i128> {
        let side = self.lots((instrument, account)).signum();
        let others = self.of(instrument).filter(|(_, held)| held.lots.signum() == -side);
        others.map(|(other, held)| (other, held.lots.abs())).collect()
    }

    /// Whoever holds lots, or has a gain or a loss that was not paid yet.
    pub(super) fn at_risk(&self) -> BTreeSet<AccountId> {
        let held = self.held.iter().filter(|(_, held)| (held.lots, held.cost) != (0, 0));
        held.map(|((_, account), _)| *account).collect()
    }

    /// Everybody's lots in one series, by account; whoever is flat is left out.
    pub(super) fn in_series(
        &self,
        instrument: InstrumentId,
    ) -> impl Iterator<Item = (AccountId, i128)> {
        let held = self.of(instrument).map(|(account, held)| (account, held.lots));
        held.filter(|(_, lots)| *lots != 0)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (AccountId, InstrumentId)> {
        self.held.keys().map(|(instrument, account)| (*account, *instrument))
    }

    /// Lots that were not traded but came about otherwise, at a cost.
    pub(super) fn book(&mut self, key: (InstrumentId, AccountId), lots: i128, cost: i128) {
        let held = self.held.entry(key).or_default();
        held.lots += lots;
        held.cost += cost;
    }

    /// Takes from the cost of every position of a series what a day brought its lots.
    pub(super) fn settle_day(&mut self, instrument: InstrumentId, per_lot: i128) {
        for ((of, _), held) in &mut self.held {
            if *of == instrument {
                held.cost -= held.lots * per_lot;
            }
        }
    }

    /// Who holds a series: lots and cost.
    pub(super) fn holders(&self, instrument: InstrumentId) -> Vec<(AccountId, i128, i128)> {
        let held = self.of(instrument).filter(|(_, held)| held.lots != 0);
        held.map(|(account, held)| (account, held.lots, held.cost)).collect()
    }

    /// The lots of a position.
    pub(super) fn lots(&self, key: (InstrumentId, AccountId)) -> i128 {
        self.held.get(&key).map_or(0, |held| held.lots)
    }

    fn of(&self, instrument: InstrumentId) -> impl Iterator<Item = (AccountId, &Held)> {
        let all = (instrument, AccountId(0))..=(instrument, AccountId(u64::MAX));
        self.held.range(all).map(|((_, account), held)| (*account, held))
    }
}

/// What variation counts: nothing where the premium was paid at the trade.
pub(super) fn owed(terms: &Instrument, price: Price, lots: i128) -> i128 {
    if terms.is_premium_style() { 0 } else { value(terms, price, lots) }
}

pub(super) fn value(terms: &Instrument, price: Price, lots: i128) -> i128 {
    i128::from(price.ticks()) * i128::from(terms.tick_value().micros()) * lots
}

fn lots(lots: i128) -> NetQty {
    NetQty::from_lots(i64::try_from(lots).unwrap_or(i64::MAX))
}

/// What one account's obligations of one series come to.
pub(super) type Assigned = BTreeMap<(InstrumentId, AccountId), Qty>;

/// SIM-014: a position's delivered lots are its obligations' lots.
pub(super) fn check_assigned(closed: &Assigned, assigned: &Assigned) -> Result<(), Finding> {
    for key in closed.keys().chain(assigned.keys()) {
        let of = |all: &Assigned| all.get(key).copied().unwrap_or(Qty::ZERO);
        if of(closed) != of(assigned) {
            let (instrument, account) = *key;
            let (closed, assigned) = (of(closed), of(assigned));
            return Err(Finding::Assignment { instrument, account, closed, assigned });
        }
    }
    Ok(())
}

/// What positions and orders need, beside what options are worth.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    position: i128,
    orders: i128,
    reserve: i128,
    option_value: i128,
}

impl Needs {
    pub(super) fn add(&mut self, part: Self) {
        self.position += part.position;
        self.orders += part.orders;
        self.reserve += part.reserve;
        self.option_value += part.option_value;
    }

    /// The money of it that an account can meet: for positions, then for orders. Options' value pays for positions first, then for the
    /// margin of orders; reserves are paid in money.
    pub(super) fn affordable(&self, usable: MicroUsd) -> [MicroUsd; 2] {
        let usable = i128::from(usable.micros());
        let position = self.position - self.option_value;
        let orders = self.reserve + (self.orders + position.min(0)).max(0);
        let position = position.max(0).min(usable);
        [money(position), money(orders.min(usable - position))]
    }
}
