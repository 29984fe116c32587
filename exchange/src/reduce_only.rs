//! Reduce-only orders that stay: they never come to more than the position they are against.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, OrderId, Qty, Side};
use matching_engine::{Amend, BookEvent, CancelReason};

use crate::Exchange;
use crate::funds::Exposure;
use crate::reject::Reject;

/// An account's reduce-only orders in one series.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ReduceOnly {
    /// Open lots of the buys.
    pub buys: Qty,
    /// Open lots of the sells.
    pub sells: Qty,
    /// Which they are.
    pub orders: BTreeSet<OrderId>,
}

impl ReduceOnly {
    pub(crate) fn lots_mut(&mut self, side: Side) -> &mut Qty {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn lots(&self, side: Side) -> Qty {
        match side {
            Side::Buy => self.buys,
            Side::Sell => self.sells,
        }
    }
}

impl Exchange {
    /// The lots that orders of `side` could reduce the account's position by.
    fn reducible(&self, account: AccountId, instrument: InstrumentId, side: Side) -> Qty {
        let net = self.net(instrument, account);
        match side {
            Side::Buy => net.short(),
            Side::Sell => net.long(),
        }
    }

    /// ORDER-011: reduce-only orders of a side, this one in place of `before` lots among them, are no more than the position they are
    /// against.
    pub(crate) fn check_reduces(&self, order: &Exposure, before: Qty) -> Result<(), Reject> {
        let key = (order.account, order.instrument);
        let taken = self.reduce_only.get(&key).map_or(Qty::ZERO, |all| all.lots(order.side));
        let others = taken.saturating_sub(before);
        let limit = self.reducible(order.account, order.instrument, order.side);
        let limit = limit.saturating_sub(others);
        if limit < order.qty { Err(Reject::WouldNotReduce { limit }) } else { Ok(()) }
    }

    /// ORDER-042: takes from the account's reduce-only orders what its position no longer has, newest first.
    pub(crate) fn trim(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        out: &mut Vec<BookEvent>,
    ) {
        let Some(all) = self.reduce_only.get(&(account, instrument)) else { return };
        for side in [Side::Buy, Side::Sell] {
            let limit = self.reducible(account, instrument, side);
            let mut excess = all.lots(side).saturating_sub(limit);
            for order in all.orders.iter().rev() {
                if excess.is_zero() {
                    break;
                }
                let Some(record) = self.orders.get(order).filter(|one| one.side == side) else {
                    continue;
                };
                let open = record.open();
                if open <= excess {
                    self.engine.cancel(*order, CancelReason::ReduceOnly, out);
                    excess -= open;
                    continue;
                }
                let total = Some(record.qty.saturating_sub(excess));
                self.engine.amend(*order, &Amend { total, ..Amend::default() }, out);
                excess = Qty::ZERO;
            }
        }
    }
}
