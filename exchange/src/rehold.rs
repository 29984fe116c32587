//! Keeps an account's holds at what its orders and positions require, and answers whether it can carry more.

use std::collections::BTreeMap;

use instruments::{AccountId, InstrumentId, MicroUsd, NetQty, Side};
use settlement::{Bucket, HoldKey, OpenOrders, Requirement};

use crate::Exchange;
use crate::funds::Exposure;
use crate::reject::Reject;
use crate::series::Series;

/// What an account must hold over all series, in micro-dollars: a sum of what fits into the ledger need not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Required {
    /// For positions.
    pub position: i128,
    /// For open orders, reserves included.
    pub orders: i128,
    /// Of that, the reserves.
    pub reserves: i128,
    /// Below this equity an account is liquidated.
    pub maintenance: i128,
    /// What positions would gain (positive) or lose if they were closed at the mark.
    pub unrealised: i128,
}

impl Required {
    fn add(&mut self, part: &Requirement, open: &OpenOrders) {
        self.position = self.position.saturating_add(i128::from(part.position.micros()));
        self.orders = self.orders.saturating_add(i128::from(part.orders.micros()));
        self.reserves = self.reserves.saturating_add(i128::from(open.reserve.micros()));
        self.maintenance = self.maintenance.saturating_add(i128::from(part.maintenance.micros()));
    }

    /// For everything.
    pub(crate) fn initial(&self) -> i128 {
        self.position.saturating_add(self.orders)
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
        let mut total = Required::default();
        let none = BTreeMap::new();
        let open_orders = self.open_orders.get(&account).unwrap_or(&none);
        for (instrument, open) in open_orders {
            if let Some(part) = self.required_in(*instrument, account, open) {
                total.add(&part, open);
            }
        }
        for (instrument, position) in self.positions.of_account(account) {
            let Some(series) = self.series.get(&instrument) else { continue };
            let gain = position.unrealised(&series.instrument, series.mark);
            total.unrealised = total.unrealised.saturating_add(i128::from(gain.micros()));
            if open_orders.contains_key(&instrument) {
                continue;
            }
            let open = OpenOrders::default();
            if let Some(part) = self.required_in(instrument, account, &open) {
                total.add(&part, &open);
            }
        }
        total
    }

    /// What the account is worth and what it must be worth.
    #[must_use]
    pub fn health(&self, account: AccountId) -> Health {
        let required = self.required(account);
        let balance = i128::from(self.margin_usable(account).micros());
        Health {
            equity: balance.saturating_add(required.unrealised),
            initial: required.initial(),
            maintenance: required.maintenance,
        }
    }

    fn required_in(
        &self,
        instrument: InstrumentId,
        account: AccountId,
        open: &OpenOrders,
    ) -> Option<Requirement> {
        let series = self.series.get(&instrument)?;
        let net = self.net(instrument, account);
        let part = self.requirement_in(series, net, open);
        // A mark that has run away since the checks: the account is then held to all it has.
        Some(part.unwrap_or(Requirement {
            position: self.ledger.equity(account).max(MicroUsd::ZERO),
            orders: MicroUsd::ZERO,
            maintenance: MicroUsd::ZERO,
        }))
    }

    /// Whether the account can carry `open` in the series of `request` beside everything else it has. `reserve` is the request's part.
    ///
    /// Unrealised losses count against it, unrealised gains do not count for it: they are money at the next variation only.
    pub(crate) fn check_margin(
        &self,
        request: &Exposure,
        series: &Series,
        open: OpenOrders,
        reserve: MicroUsd,
    ) -> Result<(), Reject> {
        let instrument = &series.instrument;
        let net = self.net(instrument.id, request.account);
        let old_open = self.open_orders_in(request.account, instrument.id);
        let of = |net: NetQty, open: &OpenOrders| {
            self.requirement_in(series, net, open).ok_or(Reject::NotionalOutOfRange)
        };
        let (old, new) = (of(net, &old_open)?, of(net, &open)?);

        let before = self.required(request.account);
        let mut after = before;
        after.orders = after
            .orders
            .saturating_add(i128::from(new.orders.micros()))
            .saturating_sub(i128::from(old.orders.micros()));
        after.reserves = after
            .reserves
            .saturating_add(i128::from(open.reserve.micros()))
            .saturating_sub(i128::from(old_open.reserve.micros()));
        let (held, required) = (before.initial(), after.initial());
        let usable = i128::from(self.margin_usable(request.account).micros())
            .saturating_add(before.unrealised.min(0));
        if required <= usable || required <= held {
            return Ok(());
        }
        let freed = closes(request, net, &open)
            .map(|left| of(left, &OpenOrders::default()))
            .transpose()?
            .map(|left| old.position - left.position);
        if freed.is_some_and(|freed| reserve <= freed) && after.reserves <= usable {
            return Ok(());
        }
        Err(Reject::InsufficientMargin {
            required: saturate(required.saturating_sub(held)),
            available: saturate(usable.saturating_sub(held)),
        })
    }

    /// Money that may be held: cash and what is held already.
    pub(crate) fn margin_usable(&self, account: AccountId) -> MicroUsd {
        self.ledger.balance(Bucket::Cash(account))
            + self.ledger.balance(Bucket::OrderHold(account))
            + self.ledger.balance(Bucket::PositionMargin(account))
    }

    /// Moves money between the account's cash and its holds until they are what is required, as far as the money goes.
    pub(crate) fn rehold(&mut self, account: AccountId) {
        let required = self.required(account);
        let targets = self.hold_targets_for(account, &required);
        let [_, (_, orders)] = targets;
        if i128::from(orders.micros()) < required.orders {
            self.unpayable.insert(account);
        }
        let lack = self.ledger.set_holds(&targets);
        assert!(lack == MicroUsd::ZERO, "holds are bounded by the account's money");
    }

    /// What the account's holds must be: what is required, as far as its money goes, positions first.
    pub(crate) fn hold_targets(&self, account: AccountId) -> [(HoldKey, MicroUsd); 2] {
        self.hold_targets_for(account, &self.required(account))
    }

    fn hold_targets_for(
        &self,
        account: AccountId,
        required: &Required,
    ) -> [(HoldKey, MicroUsd); 2] {
        let usable = self.margin_usable(account);
        let position = saturate(required.position).min(usable);
        let orders = saturate(required.orders).min(usable - position);
        [(HoldKey::Positions(account), position), (HoldKey::Orders(account), orders)]
    }
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
