//! Whether the state adds up between two commands. Reads, never writes; the shell asks at recovery, the tests after every command.
//!
//! What can only be seen while money moves is not here: that variation sums to zero, that a socialised loss touches nobody without a
//! position, that a replay gives the same hash. Those are asserted where the money moves, and by the readers of the events.

use std::collections::{BTreeMap, BTreeSet};

use instruments::{AccountId, InstrumentId, MicroUsd, ObligationId, OrderId};
use settlement::{HoldKey, LedgerFinding, OpenOrders};
use thiserror::Error;

use crate::Exchange;

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuditFinding {
    /// LEDGER-001, LEDGER-003, LEDGER-009, LEDGER-011: the ledger does not add up by itself.
    #[error(transparent)]
    Ledger(#[from] LedgerFinding),
    /// LEDGER-016: long lots are not short lots, or what was paid for them was not received.
    #[error("the positions of {instrument} sum to {lots} lots that cost {cost} micro-dollars")]
    Positions {
        /// Of which series.
        instrument: InstrumentId,
        /// All long lots less all short lots.
        lots: i128,
        /// What was paid for them less what was received.
        cost: i128,
    },
    /// LEDGER-012: an account's own hold is not what its orders and positions require, as far as its money goes.
    #[error("{key:?} holds {} micro-dollars, required are {}", held.micros(), required.micros())]
    Hold {
        /// Which hold.
        key: HoldKey,
        /// What it holds.
        held: MicroUsd,
        /// What it must hold.
        required: MicroUsd,
    },
    /// LEDGER-012: what an account's open orders come to was counted wrongly.
    #[error(
        "the open orders of {account} in {instrument} are {orders:?}, counted were {counted:?}"
    )]
    OpenOrders {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// By the orders.
        orders: OpenOrders,
        /// By the counters.
        counted: OpenOrders,
    },
    /// LEDGER-011: an obligation says that other money is set aside for it than is.
    #[error("{key:?} holds {} micro-dollars, the obligation says {}", held.micros(), said.micros())]
    SetAside {
        /// Which hold.
        key: HoldKey,
        /// What it holds.
        held: MicroUsd,
        /// What the obligation says.
        said: MicroUsd,
    },
    /// QUOTE-020: an order's mark and its group do not know each other, or the order is not open.
    #[error("the mark of {order} as a quote does not add up")]
    Quote {
        /// Which order.
        order: OrderId,
    },
    /// LEDGER-011: money is set aside for an obligation that is over, or was never assigned.
    #[error("{key:?} is open, its obligation is not")]
    Orphan {
        /// Which hold.
        key: HoldKey,
    },
}

impl Exchange {
    /// Whether all that must hold between two commands does.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn audit(&self) -> Result<(), AuditFinding> {
        self.ledger.audit()?;
        self.audit_positions()?;
        self.audit_open_orders()?;
        self.audit_holds()?;
        self.audit_quotes()?;
        self.audit_obligations()
    }

    fn audit_positions(&self) -> Result<(), AuditFinding> {
        for instrument in self.series.keys().copied() {
            let (mut lots, mut cost) = (0_i128, 0_i128);
            for (_, position) in self.positions.of_instrument(instrument) {
                lots = lots.saturating_add(i128::from(position.net.lots()));
                cost = cost.saturating_add(position.cost);
            }
            if (lots, cost) != (0, 0) {
                return Err(AuditFinding::Positions { instrument, lots, cost });
            }
        }
        Ok(())
    }

    fn audit_open_orders(&self) -> Result<(), AuditFinding> {
        let mut orders: BTreeMap<(AccountId, InstrumentId), OpenOrders> = BTreeMap::new();
        for record in self.orders.values() {
            let open = orders.entry((record.account, record.instrument)).or_default();
            match record.side {
                instruments::Side::Buy => open.buys += record.open(),
                instruments::Side::Sell => open.sells += record.open(),
            }
            open.reserve += record.reserve_of(record.open());
        }
        let mut counted: BTreeMap<(AccountId, InstrumentId), OpenOrders> = BTreeMap::new();
        for (account, by_series) in &self.open_orders {
            for (instrument, open) in by_series {
                counted.insert((*account, *instrument), *open);
            }
        }
        for (account, instrument) in orders.keys().chain(counted.keys()).copied() {
            let of = |all: &BTreeMap<_, OpenOrders>| {
                all.get(&(account, instrument)).copied().unwrap_or_default()
            };
            let (orders, counted) = (of(&orders), of(&counted));
            if orders != counted {
                return Err(AuditFinding::OpenOrders { account, instrument, orders, counted });
            }
        }
        Ok(())
    }

    fn audit_quotes(&self) -> Result<(), AuditFinding> {
        let mut quotes = BTreeSet::new();
        for ((account, _), group) in &self.quoting.groups {
            let standing = self.engine.quotes(*account, group.number);
            quotes.extend(standing.flat_map(|(_, bid, ask)| [bid, ask]).flatten());
        }
        for (order, mark) in &self.quoting.marks {
            let record = self.orders.get(order);
            let group = record
                .and_then(|record| self.quoting.groups.get(&(record.account, mark.group.clone())));
            let is_known = group.is_some_and(|group| {
                group.members.contains(order) != mark.is_quote
                    && quotes.contains(order) == mark.is_quote
            });
            if !is_known {
                return Err(AuditFinding::Quote { order: *order });
            }
        }
        let members = self.quoting.groups.values().flat_map(|group| &group.members);
        match quotes.iter().chain(members).find(|order| !self.quoting.marks.contains_key(order)) {
            Some(order) => Err(AuditFinding::Quote { order: *order }),
            None => Ok(()),
        }
    }

    fn audit_holds(&self) -> Result<(), AuditFinding> {
        for account in self.accounts.keys() {
            for (key, required) in self.hold_targets(*account) {
                let held = self.ledger.held(key);
                if held != required {
                    return Err(AuditFinding::Hold { key, held, required });
                }
            }
        }
        Ok(())
    }

    fn audit_obligations(&self) -> Result<(), AuditFinding> {
        for delivery in self.deliveries.values() {
            let obligation = &delivery.obligation;
            let escrow = HoldKey::Escrow(obligation.id, obligation.buyer);
            let bond = HoldKey::Bond(obligation.id, obligation.seller);
            for (key, said) in [(escrow, obligation.escrow), (bond, obligation.bond)] {
                let held = self.ledger.held(key);
                if held != said {
                    return Err(AuditFinding::SetAside { key, held, said });
                }
            }
        }
        for job in self.jobs.iter().filter(|job| !job.state.has_ended()) {
            let Some(dispute) = &job.dispute else { continue };
            let (key, said) = (HoldKey::Stake(job.id, job.buyer), dispute.stake);
            let held = self.ledger.held(key);
            if held != said {
                return Err(AuditFinding::SetAside { key, held, said });
            }
        }
        let is_open = |id: ObligationId| {
            self.deliveries.get(&id).is_some_and(|delivery| !delivery.obligation.closed)
        };
        let is_orphan = |key: &HoldKey| match *key {
            HoldKey::Escrow(id, _) | HoldKey::Bond(id, _) => !is_open(id),
            HoldKey::Claim(instrument, account) => !self
                .fixings
                .get(&instrument)
                .is_some_and(|it| it.claims().values().any(|claim| claim.claimant == account.0)),
            HoldKey::Stake(job, account) => !self.jobs.get(job).is_some_and(|job| {
                job.buyer == account && job.dispute.is_some() && !job.state.has_ended()
            }),
            HoldKey::Orders(_) | HoldKey::Positions(_) | HoldKey::Quotes(_) => true,
        };
        match self.ledger.obligation_holds().map(|(key, _)| key).find(is_orphan) {
            Some(key) => Err(AuditFinding::Orphan { key }),
            None => Ok(()),
        }
    }
}
