//! Read-only questions to the exchange. Nothing here changes it.

use instruments::{
    AccountId, GradeId, InstrumentId, MicroUsd, Nanos, NetQty, ObligationId, OrderId, Price, Qty,
    Seq,
};
use matching_engine::{BookView, Cross, Phase, PriceSource};
use settlement::{Bucket, Ledger, OpenOrders};

use crate::Exchange;
use crate::command::IndexPrint;
use crate::delivery::{Delivery, OpenChallenge};
use crate::margins::MarginMode;
use crate::open_account::Account;
use crate::open_order::OpenOrder;
use crate::quoting::QuoteMark;
use crate::rehold::saturate;
use crate::series::Series;

/// An account's money at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSummary {
    /// Everything in the account's buckets.
    pub balance: MicroUsd,
    /// What is free of holds.
    pub cash: MicroUsd,
    /// Held for open orders.
    pub order_hold: MicroUsd,
    /// Held for positions.
    pub position_margin: MicroUsd,
    /// What orders and positions require.
    pub margin_initial: MicroUsd,
    /// Below this equity the account is liquidated.
    pub margin_maintenance: MicroUsd,
    /// Prefunded for deliveries to come.
    pub delivery_escrow: MicroUsd,
    /// Posted for deliveries owed.
    pub bond: MicroUsd,
    /// What positions would gain or lose at the mark.
    pub unrealised: MicroUsd,
    /// Balance, unrealised and the value of options together.
    pub equity: MicroUsd,
    /// What may be held for a new order.
    pub available: MicroUsd,
}

/// A position at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionView {
    /// Where.
    pub instrument: InstrumentId,
    /// Lots, negative when short.
    pub net: NetQty,
    /// Dollars per GPU-hour, on average.
    pub average_price: Option<MicroUsd>,
    /// The mark price.
    pub mark: Price,
    /// What it would gain or lose at the mark since the last variation.
    pub unrealised: MicroUsd,
    /// What variation has paid since it was opened.
    pub realised: MicroUsd,
    /// What it requires by itself, in standard mode.
    pub margin_initial: MicroUsd,
    /// Below this it is liquidated, by itself.
    pub margin_maintenance: MicroUsd,
}

/// An open order at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// Which.
    pub order: OrderId,
    /// Its record.
    pub record: OpenOrder,
    /// What it is beyond an order, where it is a quote or under a protection.
    pub mark: Option<QuoteMark>,
}

impl Exchange {
    /// The last command that was applied.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// The time of the last command.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// Whether the venue has opened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.venue.is_some()
    }

    /// Whether test money can be credited.
    #[must_use]
    pub fn is_testnet(&self) -> bool {
        self.venue.is_some_and(|venue| venue.testnet)
    }

    /// Every listed series, by id.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }

    /// A listed series.
    #[must_use]
    pub fn series_by_id(&self, instrument: InstrumentId) -> Option<&Series> {
        self.series.get(&instrument)
    }

    /// A listed series.
    #[must_use]
    pub fn series_by_name(&self, name: &str) -> Option<&Series> {
        self.series.get(self.series_by_name.get(name)?)
    }

    /// A series' order book.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<BookView<'_>> {
        self.engine.book(instrument)
    }

    /// What the auction under way in a series would do if it ended now. `None` when nothing would trade, or there is none.
    #[must_use]
    pub fn indicative(&self, instrument: InstrumentId) -> Option<Cross> {
        let book = self.engine.book(instrument)?;
        if book.phase() == Phase::Continuous {
            return None;
        }
        let reference = book.price(PriceSource::Last).unwrap_or(book.terms().reference);
        self.engine.indicative(instrument, reference)
    }

    /// How many orders rest or wait.
    #[must_use]
    pub fn open_order_count(&self) -> usize {
        self.orders.len()
    }

    /// All long lots of a series.
    #[must_use]
    pub fn open_interest(&self, instrument: InstrumentId) -> Qty {
        self.positions.open_interest(instrument)
    }

    /// Who has too little, and what is being done about it.
    #[must_use]
    pub const fn defaults(&self) -> &crate::Defaults {
        &self.defaults
    }

    /// The newest print of a grade's index.
    #[must_use]
    pub fn index(&self, grade: &GradeId) -> Option<&IndexPrint> {
        self.indices.get(grade).map(|history| &history.last)
    }

    /// Every account, by id.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter().map(|(id, account)| (*id, account))
    }

    /// An account.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(&account)
    }

    /// An account.
    #[must_use]
    pub fn account_by_name(&self, name: &str) -> Option<AccountId> {
        self.accounts_by_name.get(name).copied()
    }

    /// An account's money.
    #[must_use]
    pub fn account_summary(&self, account: AccountId) -> Option<AccountSummary> {
        self.accounts.get(&account)?;
        let required = self.required(account);
        let balance = self.ledger.equity(account);
        let initial = required.initial();
        let free = self.available_for(account, &required).saturating_sub(initial);
        let equity = i128::from(balance.micros())
            .saturating_add(required.unrealised)
            .saturating_add(required.option_value);
        let of = |bucket| self.ledger.balance(bucket);
        // MARGIN-030: an account whose margin nobody can compute is held to all it has.
        let shown = |margin| if required.is_beyond { equity.max(0) } else { margin };
        Some(AccountSummary {
            balance,
            cash: of(Bucket::Cash(account)),
            order_hold: of(Bucket::OrderHold(account)),
            position_margin: of(Bucket::PositionMargin(account)),
            margin_initial: saturate(shown(initial)),
            margin_maintenance: saturate(shown(required.maintenance)),
            delivery_escrow: of(Bucket::DeliveryEscrow(account)),
            bond: of(Bucket::Bond(account)),
            unrealised: saturate(required.unrealised),
            equity: saturate(equity),
            available: saturate(free.max(0)),
        })
    }

    /// An account's positions, by series.
    #[must_use]
    pub fn positions_of(&self, account: AccountId) -> Vec<PositionView> {
        self.positions
            .of_account(account)
            .filter_map(|(instrument, position)| {
                let series = self.series.get(&instrument)?;
                let terms = &series.instrument;
                let none = OpenOrders::default();
                let margin = self.required_in(series, MarginMode::Standard, position.net, &none);
                Some(PositionView {
                    instrument,
                    net: position.net,
                    average_price: position.average_price(terms),
                    mark: series.mark,
                    unrealised: position.unrealised(terms, series.mark),
                    realised: position.realised,
                    margin_initial: margin.as_ref().map(|m| m.position).unwrap_or_default(),
                    margin_maintenance: margin.map(|m| m.maintenance).unwrap_or_default(),
                })
            })
            .collect()
    }

    /// An open order.
    #[must_use]
    pub fn open_order(&self, order: OrderId) -> Option<OrderView> {
        self.orders.get(&order).map(|record| self.order_view(order, record))
    }

    fn order_view(&self, order: OrderId, record: &OpenOrder) -> OrderView {
        let mark = self.quoting.marks.get(&order).cloned();
        OrderView { order, record: record.clone(), mark }
    }

    /// An account's open orders, in one series or in all, oldest first.
    #[must_use]
    pub fn open_orders_of(
        &self,
        account: AccountId,
        instrument: Option<InstrumentId>,
    ) -> Vec<OrderView> {
        let is_wanted = |record: &OpenOrder| {
            record.account == account && instrument.is_none_or(|only| only == record.instrument)
        };
        self.orders
            .iter()
            .filter(|(_, record)| is_wanted(record))
            .map(|(order, record)| self.order_view(*order, record))
            .collect()
    }

    /// Every obligation with what is under way, by id.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries.values()
    }

    /// An obligation with what is under way.
    #[must_use]
    pub fn delivery(&self, obligation: ObligationId) -> Option<&Delivery> {
        self.deliveries.get(&obligation)
    }

    /// Every challenge that has not been judged.
    pub fn open_challenges(&self) -> impl Iterator<Item = OpenChallenge> {
        self.deliveries.values().flat_map(Delivery::open_challenges)
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every position: series, account, lots.
    pub fn positions(&self) -> impl Iterator<Item = (InstrumentId, AccountId, NetQty)> {
        self.accounts.keys().flat_map(|account| {
            self.positions.of_account(*account).map(|(id, position)| (id, *account, position.net))
        })
    }

    /// Whether the ledger sums to zero and nothing is stuck between two cycles.
    #[must_use]
    pub fn money_conserved(&self) -> bool {
        self.ledger.total() == MicroUsd::ZERO
            && self.ledger.balance(Bucket::Suspense) == MicroUsd::ZERO
    }

    /// Whether every position of `instrument` has ended.
    #[must_use]
    pub fn positions_zero(&self, instrument: InstrumentId) -> bool {
        self.positions.of_instrument(instrument).next().is_none()
    }
}
