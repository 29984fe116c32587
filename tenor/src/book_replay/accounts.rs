//! Who takes part: accounts and tokens by name, and what each account's trades add up to.

use std::collections::BTreeMap;

use instruments::{AccountId, Side};
use matching_engine::{NewOrder, OrderKind, Trade};

/// Everybody who has placed an order.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    ids: BTreeMap<String, AccountId>,
    /// Self-trade tokens by their text; 0 is no token.
    tokens: BTreeMap<String, u64>,
    /// Lots bought less lots sold in this replay.
    net: BTreeMap<AccountId, i128>,
}

impl Accounts {
    /// The number of an account, the next one for a new name.
    pub(super) fn id(&mut self, name: String) -> AccountId {
        let next = AccountId(number(self.ids.len()));
        *self.ids.entry(name).or_insert(next)
    }

    /// The number of a token, the next one for a new text.
    pub(super) fn token(&mut self, text: String) -> u64 {
        let next = number(self.tokens.len()).saturating_add(1);
        *self.tokens.entry(text).or_insert(next)
    }

    /// Two orders met.
    pub(super) fn trade(&mut self, trade: &Trade) {
        let qty = i128::from(trade.qty.lots());
        let bought = match trade.taker_side {
            Side::Buy => qty,
            Side::Sell => -qty,
        };
        *self.net.entry(trade.taker_account).or_default() += bought;
        *self.net.entry(trade.maker_account).or_default() -= bought;
    }

    /// Whether an order can only make its account's position smaller: it is immediate, so that the position cannot change under it, and
    /// not larger than what the account holds the other way.
    pub(super) fn is_reduced_by(&self, order: &NewOrder) -> bool {
        let may_rest = matches!(order.kind, OrderKind::Limit(_)) && order.time_in_force.rests();
        let net = self.net.get(&order.account).copied().unwrap_or(0);
        let limit = match order.side {
            Side::Buy => -net,
            Side::Sell => net,
        };
        !may_rest && order.trigger.is_none() && i128::from(order.qty.lots()) <= limit
    }
}

fn number(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
