//! Keeps an account's holds at what its orders and positions require, and answers whether it can carry more.

use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, NetQty};
use settlement::{Bucket, OpenOrders, Requirement, requirement};

use crate::Exchange;
use crate::reject::Reject;

/// What an account must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Required {
    /// For positions.
    pub position: MicroUsd,
    /// For open orders, reserves included.
    pub orders: MicroUsd,
    /// Below this equity an account is liquidated.
    pub maintenance: MicroUsd,
    /// What positions would gain (positive) or lose if they were closed at the mark.
    pub unrealised: MicroUsd,
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
        let none = std::collections::BTreeMap::new();
        let open_orders = self.open_orders.get(&account).unwrap_or(&none);
        for (instrument, open) in open_orders {
            let Some(part) = self.required_in(*instrument, account, open) else { continue };
            total.position += part.position;
            total.orders += part.orders;
            total.maintenance += part.maintenance;
        }
        for (instrument, position) in self.positions.of_account(account) {
            let Some(series) = self.series.get(&instrument) else { continue };
            total.unrealised += position.unrealised(&series.instrument, series.mark);
            if open_orders.contains_key(&instrument) {
                continue;
            }
            let Some(part) = self.required_in(instrument, account, &OpenOrders::default()) else {
                continue;
            };
            total.position += part.position;
            total.maintenance += part.maintenance;
        }
        total
    }

    fn required_in(
        &self,
        instrument: InstrumentId,
        account: AccountId,
        open: &OpenOrders,
    ) -> Option<Requirement> {
        let series = self.series.get(&instrument)?;
        let net = self.net(instrument, account);
        let part = requirement(&series.instrument, &self.margin_rates, net, open, series.mark);
        // A mark that has run away since the checks: the account is then held to all it has.
        Some(part.unwrap_or(Requirement {
            position: self.ledger.equity(account).max(MicroUsd::ZERO),
            orders: MicroUsd::ZERO,
            maintenance: MicroUsd::ZERO,
        }))
    }

    /// Whether the account can carry `open` in `instrument` beside everything else it has.
    ///
    /// Unrealised losses count against it, unrealised gains do not count for it: they are money at the next variation only. An order
    /// that does not make the account's worst side larger needs only its own reserve, so that a position can always be closed.
    pub(crate) fn check_margin(
        &self,
        account: AccountId,
        instrument: &Instrument,
        open: OpenOrders,
    ) -> Result<(), Reject> {
        let before = self.required(account);
        let net = self.net(instrument.id, account);
        let mark =
            self.series.get(&instrument.id).map_or(instrument.reference, |series| series.mark);
        let rates = &self.margin_rates;
        let old_open = self.open_orders_in(account, instrument.id);
        let old = requirement(instrument, rates, net, &old_open, mark);
        let new = requirement(instrument, rates, net, &open, mark);
        let (Some(old), Some(new)) = (old, new) else { return Err(Reject::NotionalOutOfRange) };

        let held = before.position + before.orders;
        let required = held + (new.position + new.orders) - (old.position + old.orders);
        let usable = self.margin_usable(account) + before.unrealised.min(MicroUsd::ZERO);
        let worst_before = old.position + old.orders - old_open.reserve;
        let worst_after = new.position + new.orders - open.reserve;
        let is_enough = if worst_after <= worst_before {
            open.reserve <= usable || required <= usable
        } else {
            required <= usable
        };
        if is_enough {
            return Ok(());
        }
        Err(Reject::InsufficientMargin { required: required - held, available: usable - held })
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
        let usable = self.margin_usable(account);
        let position = required.position.min(usable);
        let orders = required.orders.min(usable - position);
        let targets =
            [(Bucket::PositionMargin(account), position), (Bucket::OrderHold(account), orders)];
        let cash = Bucket::Cash(account);
        // Releases first, so that one hold's excess can fund the other.
        for (bucket, target) in targets {
            let excess = (self.ledger.balance(bucket) - target).max(MicroUsd::ZERO);
            let unpaid = self.ledger.pay(&[bucket], cash, excess);
            assert!(unpaid == MicroUsd::ZERO, "a hold releases what it has");
        }
        for (bucket, target) in targets {
            let lack = (target - self.ledger.balance(bucket)).max(MicroUsd::ZERO);
            let unpaid = self.ledger.pay(&[cash], bucket, lack);
            assert!(unpaid == MicroUsd::ZERO, "holds are bounded by the account's money");
        }
    }
}
