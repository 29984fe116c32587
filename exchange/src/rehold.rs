//! Keeps an account's holds at what its orders and positions require, and answers whether it can carry more.
//!
//! What is required of options stands beside their value: the value of what is held long pays for margin, and what is short must be there
//! beside it. Orders are paid in money: an option's value never pays a premium, a fee or a loss against the mark.

use std::collections::{BTreeMap, BTreeSet};

use instruments::{AccountId, InstrumentId, MicroUsd, NetQty, Product, Qty, Right, Side};
use settlement::{
    Beyond, Bucket, HoldKey, Leg, OpenOrders, OptionMark, Requirement, RiskComponents, RiskOrder,
    option_requirement, requirement, surcharge,
};

use crate::Exchange;
use crate::funds::Exposure;
use crate::margins::MarginMode;
use crate::reject::Reject;
use crate::series::Series;

/// What an account must hold over all series, in micro-dollars: a sum of what fits into the ledger need not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Required {
    /// For positions, beyond what the options among them are worth.
    pub position: i128,
    /// For open orders, reserves included.
    pub orders: i128,
    /// Of that, the reserves.
    pub reserves: i128,
    /// Below this equity an account is liquidated.
    pub maintenance: i128,
    /// What positions would gain (positive) or lose if they were closed at the mark.
    pub unrealised: i128,
    /// What options are worth at the mark, less what those sold short would cost.
    pub option_value: i128,
    /// MARGIN-030: whether a portfolio's sums could be inexact.
    pub is_beyond: bool,
}

impl Required {
    fn add(&mut self, part: &Requirement, open: &OpenOrders) {
        self.position = self.position.saturating_add(i128::from(part.position.micros()));
        self.orders = self.orders.saturating_add(i128::from(part.orders.micros()));
        self.reserves = self.reserves.saturating_add(i128::from(open.reserve.micros()));
        self.maintenance = self.maintenance.saturating_add(i128::from(part.maintenance.micros()));
    }

    fn add_portfolio(&mut self, part: &RiskComponents) {
        let none = OpenOrders::default();
        let (position, orders, maintenance) = (part.initial, part.orders, part.maintenance);
        self.add(&Requirement { position, orders, maintenance }, &none);
        self.is_beyond |= part.is_beyond();
    }

    /// For everything.
    pub(crate) fn initial(&self) -> i128 {
        self.position.saturating_add(self.orders)
    }

    /// The money that positions and orders must hold: options' value pays for positions first, then for the margin of orders, and never
    /// for their reserves.
    fn holds(&self) -> (i128, i128) {
        let position = self.position.saturating_sub(self.option_value);
        let left_over = position.min(0).saturating_neg();
        let margin = self.orders.saturating_sub(self.reserves).saturating_sub(left_over).max(0);
        (position.max(0), self.reserves.saturating_add(margin))
    }
}

/// An account beside its margin, in micro-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// What it could pay with if its positions were closed at their marks.
    pub equity: i128,
    /// What it must have to carry more.
    pub initial: i128,
    /// Below this it is liquidated.
    pub maintenance: i128,
}

/// The nearest that the ledger can hold.
pub(crate) fn saturate(micros: i128) -> MicroUsd {
    let nearest = micros.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    MicroUsd::from_i128(nearest).unwrap_or_default()
}

impl Exchange {
    /// What the account holds in one series.
    pub(crate) fn net(&self, instrument: InstrumentId, account: AccountId) -> NetQty {
        self.positions.get(instrument, account).map_or(NetQty::ZERO, |position| position.net)
    }

    pub(crate) fn open_orders_in(
        &self,
        account: AccountId,
        instrument: InstrumentId,
    ) -> OpenOrders {
        let by_series = self.open_orders.get(&account);
        by_series.and_then(|series| series.get(&instrument)).cloned().unwrap_or_default()
    }

    /// What the account must hold for everything it has.
    pub(crate) fn required(&self, account: AccountId) -> Required {
        self.required_in_mode(account, self.margin_mode(account))
    }

    /// The same, as if its margin were computed in this way.
    pub(crate) fn required_in_mode(&self, account: AccountId, mode: MarginMode) -> Required {
        let mut total = Required::default();
        for instrument in self.stakes_of(account) {
            let Some(series) = self.series.get(&instrument) else { continue };
            let open = self.open_orders_in(account, instrument);
            let net = self.net(instrument, account);
            let part = self.required_in(series, mode, net, &open);
            // A mark that has run away since the checks: the account is then held to all it has.
            let part = part.unwrap_or(Requirement {
                position: self.ledger.equity(account).max(MicroUsd::ZERO),
                ..Requirement::default()
            });
            total.add(&part, &open);
            if series.instrument.is_premium_style() {
                let value = value_of(series, net);
                total.option_value = total.option_value.saturating_add(value);
            } else if let Some(position) = self.positions.get(instrument, account) {
                let gain = position.unrealised(&series.instrument, series.mark);
                total.unrealised = total.unrealised.saturating_add(i128::from(gain.micros()));
            }
        }
        if mode == MarginMode::Portfolio {
            self.portfolios_of(account).values().for_each(|part| total.add_portfolio(part));
        }
        total
    }

    /// The account's portfolios by grade: as the risk book has them, or as it would have them.
    fn portfolios_of(&self, account: AccountId) -> BTreeMap<u32, RiskComponents> {
        match self.margin_mode(account) {
            MarginMode::Portfolio => self.margins.risk.components(account).collect(),
            MarginMode::Standard => self.margins.risk.simulate(&self.legs_of(account)),
        }
    }

    /// Series of which the account holds something or has something open.
    pub(crate) fn stakes_of(&self, account: AccountId) -> BTreeSet<InstrumentId> {
        let open = self.open_orders.get(&account).into_iter().flat_map(|series| series.keys());
        let held = self.positions.of_account(account).map(|(instrument, _)| instrument);
        open.copied().chain(held).collect()
    }

    /// What the account is worth and what it must be worth.
    #[must_use]
    pub fn health(&self, account: AccountId) -> Health {
        self.health_with(account, &self.required(account))
    }

    fn health_with(&self, account: AccountId, required: &Required) -> Health {
        let balance = i128::from(self.margin_usable(account).micros());
        let equity = balance.saturating_add(required.unrealised);
        Health {
            equity: equity.saturating_add(required.option_value),
            initial: required.initial(),
            maintenance: required.maintenance,
        }
    }

    /// What of an account's maintenance margin is for one series by itself: how a loss is shared among its positions.
    pub(crate) fn maintenance_in(&self, account: AccountId, instrument: InstrumentId) -> i128 {
        let Some(series) = self.series.get(&instrument) else { return 0 };
        let net = self.net(instrument, account);
        let none = OpenOrders::default();
        let part = self.required_in(series, MarginMode::Standard, net, &none);
        part.map_or(0, |part| i128::from(part.maintenance.micros()))
    }

    /// What may stand against margin: unrealised losses count, unrealised gains do not, because they are money at the next variation only;
    /// options count as what they are worth.
    pub(crate) fn available_for(&self, account: AccountId, required: &Required) -> i128 {
        let usable = i128::from(self.margin_usable(account).micros());
        usable.saturating_add(required.unrealised.min(0)).saturating_add(required.option_value)
    }

    /// What one series asks for by itself: its standard margin, or in portfolio mode what no portfolio can save. `None` beyond the ledger's
    /// range.
    pub(crate) fn required_in(
        &self,
        series: &Series,
        mode: MarginMode,
        net: NetQty,
        open: &OpenOrders,
    ) -> Option<Requirement> {
        let terms = &series.instrument;
        let rates = self.rates(terms);
        let conditions = self.conditions(series);
        let reserve = Requirement { orders: open.reserve, ..Requirement::default() };
        let is_cap = matches!(terms.product, Product::Cap { .. });
        match (self.option_mark(series), mode) {
            // A cap is on the hours of an index, not on a future: no scenario of a portfolio covers it.
            (Some(mark), MarginMode::Portfolio) if is_cap => {
                option_requirement(&rates, &mark, net, open)
            }
            (Some(_), MarginMode::Portfolio) => Some(reserve),
            (Some(mark), MarginMode::Standard) => option_requirement(&rates, &mark, net, open),
            (None, MarginMode::Standard) => {
                requirement(terms, &rates, &conditions, net, open, series.mark)
            }
            (None, MarginMode::Portfolio) => {
                let more = surcharge(terms, &rates, &conditions, net, open, series.mark)?;
                Some(Requirement { orders: more.orders.checked_add(open.reserve)?, ..more })
            }
        }
    }

    /// An option beside its future, a cap beside the index; `None` for what is neither.
    fn option_mark(&self, series: &Series) -> Option<OptionMark> {
        let terms = &series.instrument;
        let strike = terms.strike()?;
        let right = match terms.product {
            Product::Option { right, .. } => right,
            Product::Cap { .. } | Product::Future { .. } | Product::Spread { .. } => Right::Call,
        };
        let worth = |price| terms.notional(price, Qty::from_lots(1));
        Some(OptionMark {
            right,
            future: worth(self.underlying_price(terms).unwrap_or(strike))?,
            strike: worth(strike)?,
            value: worth(series.mark)?,
        })
    }

    /// Whether the account can carry `open` in the series of `request` beside everything else it has. `reserve` is the request's part, and
    /// `added` what the request has more lots than the order that it takes the place of.
    pub(crate) fn check_margin(
        &self,
        request: &Exposure,
        series: &Series,
        open: OpenOrders,
        (reserve, added): (MicroUsd, Qty),
    ) -> Result<(), Reject> {
        let (account, instrument) = (request.account, series.instrument.id);
        let mode = self.margin_mode(account);
        let net = self.net(instrument, account);
        let old_open = self.open_orders_in(account, instrument);
        let of = |net: NetQty, open: &OpenOrders| {
            self.required_in(series, mode, net, open).ok_or(Reject::NotionalOutOfRange)
        };
        let (old, new) = (of(net, &old_open)?, of(net, &open)?);

        let before = self.required(account);
        let mut after = before;
        let replaced = |sum: i128, new: MicroUsd, old: MicroUsd| {
            sum.saturating_add(i128::from(new.micros())).saturating_sub(i128::from(old.micros()))
        };
        after.orders = replaced(after.orders, new.orders, old.orders);
        after.reserves = replaced(after.reserves, open.reserve, old_open.reserve);
        if mode == MarginMode::Portfolio && self.has_leg(instrument) {
            let (side, qty) = (request.side, added);
            let order = RiskOrder { account, instrument, side, qty };
            let now = self.margins.risk.initial(account);
            after.orders = replaced(after.orders, self.portfolio_with(&order)?, now);
        }
        let (held, required) = (before.initial(), after.initial());
        let available = self.available_for(account, &before);
        // Reserves are for what is paid in money.
        let money = available.saturating_sub(before.option_value);
        if required <= available && after.reserves <= money || required <= held {
            return Ok(());
        }
        let freed = match closes(request, net, &open) {
            Some(left) => Some(self.freed(request, series, left)?),
            None => None,
        };
        if freed.is_some_and(|freed| i128::from(reserve.micros()) <= freed)
            && after.reserves <= money
        {
            return Ok(());
        }
        Err(Reject::InsufficientMargin {
            required: saturate(required.saturating_sub(held)),
            available: saturate(available.saturating_sub(held)),
        })
    }

    /// What all portfolios of the account would require with one more order.
    fn portfolio_with(&self, order: &RiskOrder) -> Result<MicroUsd, Reject> {
        match self.margins.risk.required_with(order) {
            Ok(required) | Err(Beyond::Margin { required }) => Ok(required),
            Err(Beyond::OutOfRange) => Err(Reject::NotionalOutOfRange),
        }
    }

    /// How much less its positions require when one of them is only `left`.
    fn freed(&self, request: &Exposure, series: &Series, left: NetQty) -> Result<i128, Reject> {
        let (account, instrument) = (request.account, series.instrument.id);
        let mode = self.margin_mode(account);
        let alone = |net: NetQty| {
            let part = self.required_in(series, mode, net, &OpenOrders::default());
            let part = part.ok_or(Reject::NotionalOutOfRange)?;
            Ok(i128::from(part.position.micros()))
        };
        let standard = alone(self.net(instrument, account))?.saturating_sub(alone(left)?);
        if mode == MarginMode::Standard || !self.has_leg(instrument) {
            return Ok(standard);
        }
        let held = |legs: &BTreeMap<InstrumentId, Leg>| {
            let all = self.margins.risk.simulate(legs);
            all.values()
                .fold(0_i128, |sum, part| sum.saturating_add(i128::from(part.initial.micros())))
        };
        let mut legs = self.legs_of(account);
        let now = held(&legs);
        legs.insert(instrument, Leg::new(left, Qty::ZERO, Qty::ZERO));
        Ok(standard.saturating_add(now.saturating_sub(held(&legs))))
    }

    /// Money that may be held: cash and what is held already.
    pub(crate) fn margin_usable(&self, account: AccountId) -> MicroUsd {
        self.ledger.balance(Bucket::Cash(account))
            + self.ledger.balance(Bucket::OrderHold(account))
            + self.ledger.balance(Bucket::PositionMargin(account))
    }

    /// Moves money between the account's cash and its holds until they are what is required, as far as the money goes.
    pub(crate) fn rehold(&mut self, account: AccountId) {
        self.sync_risk(account);
        let required = self.required(account);
        let targets = self.targets_for(account, &required);
        let [_, (_, affordable)] = targets;
        if i128::from(affordable.micros()) < required.holds().1 {
            self.unpayable.insert(account);
        }
        self.watch(account, &self.health_with(account, &required));
        let lack = self.ledger.set_holds(&targets);
        assert!(lack == MicroUsd::ZERO, "holds are bounded by the account's money");
    }

    /// What the account's holds must be: what is required, as far as its money goes, positions first.
    pub(crate) fn hold_targets(&self, account: AccountId) -> [(HoldKey, MicroUsd); 2] {
        self.targets_for(account, &self.required(account))
    }

    fn targets_for(&self, account: AccountId, required: &Required) -> [(HoldKey, MicroUsd); 2] {
        let (position, orders) = required.holds();
        let usable = self.margin_usable(account);
        let position = saturate(position).min(usable);
        let orders = saturate(orders).min(usable - position);
        [(HoldKey::Positions(account), position), (HoldKey::Orders(account), orders)]
    }
}

/// What a position in an option is worth at its mark, negative when short.
fn value_of(series: &Series, net: NetQty) -> i128 {
    let one = series.instrument.notional(series.mark, Qty::from_lots(1)).unwrap_or_default();
    i128::from(one.micros()).saturating_mul(i128::from(net.lots()))
}

/// What is left of the position when `request` has traded whole, if it and the orders beside it can only make the position smaller.
///
/// Such an order is let through although the account lacks margin, so that a position can be closed: but only while its loss is less
/// than the margin it frees, and while the losses of all orders together can be paid.
fn closes(request: &Exposure, net: NetQty, open: &OpenOrders) -> Option<NetQty> {
    let is_closing = match request.side {
        Side::Buy => open.buys <= net.short(),
        Side::Sell => open.sells <= net.long(),
    };
    is_closing.then(|| net.after(request.side, request.qty)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MARGIN-032: what options are worth pays for margin and never for reserves.
    #[test]
    fn margin_032_long_options_pay_for_margin_and_short_ones_are_held_for() {
        let holds = |position, orders, reserves, option_value| {
            let required =
                Required { position, orders, reserves, option_value, ..Required::default() };
            required.holds()
        };
        assert_eq!(holds(100, 30, 10, 0), (100, 30));
        assert_eq!(holds(100, 30, 10, 60), (40, 30));
        assert_eq!(holds(100, 30, 10, 110), (0, 20));
        assert_eq!(holds(100, 30, 10, 900), (0, 10));
        assert_eq!(holds(100, 30, 10, -25), (125, 30));
    }
}
