//! The accounts' own ids of orders: which order an id names, and in which terms it was asked for.
//!
//! An id names its order as long as that is open, and for a day after it was accepted. So a client that does not know whether its order
//! has come sends it again: the same terms find the order, and nothing is done twice. An order that is refused leaves no id behind.
//!
//! Only hashes are kept: an open order has its id in its record. Of orders that have ended there are so many of one account and so many in
//! all; beyond that the oldest of the account that has most are forgotten early, because a market maker that is refused for a day is worse
//! off than one whose ids last for some hours.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Nanos, NanosSpan, OrderId};

use crate::Exchange;
use crate::command::PlaceOrder;
use crate::limits::{CLIENT_ORDER_ID_LEN_MAX, CLIENT_ORDERS_MAX, CLIENT_ORDERS_PER_ACCOUNT_MAX};
use crate::open_order::OpenOrder;
use crate::reject::Reject;
use crate::run_timers::later;

/// How long an id names its order at least, from the order's acceptance on.
const NAMED_FOR: NanosSpan = NanosSpan::from_seconds(86_400);

/// Half of a hash: two texts of one account that share it would harm nobody else.
type Digest = [u8; 16];

/// Which orders the accounts' own ids name.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ClientOrders {
    accounts: BTreeMap<AccountId, Named>,
    /// By how many ended orders they have: whoever has most is found at once.
    sizes: BTreeSet<(u64, AccountId)>,
    /// Ended orders of all accounts.
    ended: u64,
}

/// One account's.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Named {
    by_id: BTreeMap<Digest, NamedOrder>,
    /// Those that have ended, the oldest first.
    ended: BTreeMap<OrderId, (Nanos, Digest)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct NamedOrder {
    order: OrderId,
    accepted_at: Nanos,
    terms: Digest,
}

fn digest(bytes: &[u8]) -> Digest {
    let hash = blake3::hash(bytes);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// What an order asks for, but for until when and over which session: those change when it is sent again.
#[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
fn terms(request: &PlaceOrder) -> Digest {
    let terms = PlaceOrder { valid_until: None, session: None, ..request.clone() };
    digest(&borsh::to_vec(&terms).expect("an order encodes"))
}

/// Whether a text may be an account's own id of an order.
pub(crate) fn is_client_order_id(id: &str) -> bool {
    (1..=CLIENT_ORDER_ID_LEN_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic())
}

impl ClientOrders {
    fn find(&self, account: AccountId, id: &str) -> Option<NamedOrder> {
        self.accounts.get(&account)?.by_id.get(&digest(id.as_bytes())).copied()
    }

    fn end(&mut self, account: AccountId, order: OrderId, id: &str) {
        let Some(named) = self.accounts.get_mut(&account) else { return };
        let digest = digest(id.as_bytes());
        // An older order's id may name another by now.
        let Some(entry) = named.by_id.get(&digest).filter(|entry| entry.order == order) else {
            return;
        };
        let before = len(&named.ended);
        named.ended.insert(order, (entry.accepted_at, digest));
        self.resize(account, before);
    }

    /// Forgets the oldest ended order of an account.
    fn pop(&mut self, account: AccountId) {
        let Some(named) = self.accounts.get_mut(&account) else { return };
        let before = len(&named.ended);
        let Some((order, (_, digest))) = named.ended.pop_first() else { return };
        if named.by_id.get(&digest).is_some_and(|entry| entry.order == order) {
            named.by_id.remove(&digest);
        }
        let is_empty = named.by_id.is_empty();
        self.resize(account, before);
        if is_empty {
            self.accounts.remove(&account);
        }
    }

    /// Counts anew how many ended orders an account has.
    fn resize(&mut self, account: AccountId, before: u64) {
        let now = self.accounts.get(&account).map_or(0, |named| len(&named.ended));
        self.sizes.remove(&(before, account));
        if 0 < now {
            self.sizes.insert((now, account));
        }
        self.ended = self.ended.saturating_sub(before).saturating_add(now);
    }

    /// Forgets what an account need not remember at `now`.
    fn forget(&mut self, account: AccountId, now: Nanos) {
        loop {
            let Some(named) = self.accounts.get(&account) else { return };
            let Some((_, (accepted_at, _))) = named.ended.first_key_value() else { return };
            let is_over = later(*accepted_at, NAMED_FOR) <= now;
            if !is_over && len(&named.ended) <= CLIENT_ORDERS_PER_ACCOUNT_MAX {
                return;
            }
            self.pop(account);
        }
    }
}

fn len<K, V>(map: &BTreeMap<K, V>) -> u64 {
    u64::try_from(map.len()).unwrap_or(u64::MAX)
}

impl Exchange {
    /// The order that the request has placed before, if it was placed before.
    pub(crate) fn resent(&self, request: &PlaceOrder) -> Result<Option<OrderId>, Reject> {
        let Some(id) = &request.client_order_id else { return Ok(None) };
        if !is_client_order_id(id) {
            let limit = u64::try_from(CLIENT_ORDER_ID_LEN_MAX).unwrap_or(u64::MAX);
            return Err(Reject::BadClientOrderId { limit });
        }
        let Some(named) = self.named(request.account, id) else { return Ok(None) };
        if named.terms != terms(request) {
            return Err(Reject::ClientOrderIdTaken { order: named.order });
        }
        Ok(Some(named.order))
    }

    fn named(&self, account: AccountId, id: &str) -> Option<NamedOrder> {
        let named = self.client_orders.find(account, id)?;
        let is_open = self.orders.contains_key(&named.order);
        (is_open || self.now < later(named.accepted_at, NAMED_FOR)).then_some(named)
    }

    /// The order that an account's own id names.
    #[must_use]
    pub fn client_order(&self, account: AccountId, id: &str) -> Option<OrderId> {
        self.named(account, id).map(|named| named.order)
    }

    /// Remembers which order an id names from now on.
    pub(crate) fn remember(&mut self, order: OrderId, request: &PlaceOrder) {
        let Some(id) = &request.client_order_id else { return };
        let account = request.account;
        self.client_orders.forget(account, self.now);
        let entry = NamedOrder { order, accepted_at: self.now, terms: terms(request) };
        let named = self.client_orders.accounts.entry(account).or_default();
        named.by_id.insert(digest(id.as_bytes()), entry);
    }

    /// An order has ended: its id is forgotten one day.
    pub(crate) fn name_ended(&mut self, order: OrderId, record: &OpenOrder) {
        let Some(id) = &record.client_order_id else { return };
        self.client_orders.end(record.account, order, id);
        self.client_orders.forget(record.account, self.now);
        if CLIENT_ORDERS_MAX < self.client_orders.ended
            && let Some((_, largest)) = self.client_orders.sizes.last().copied()
        {
            self.client_orders.pop(largest);
        }
    }

    /// Forgets what is a day old, of everybody.
    pub(crate) fn forget_client_orders(&mut self) {
        let accounts: Vec<AccountId> =
            self.client_orders.sizes.iter().map(|(_, account)| *account).collect();
        for account in accounts {
            self.client_orders.forget(account, self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(1);

    /// An order that was accepted and has ended.
    fn ended(exchange: &mut Exchange, account: AccountId, number: u64) {
        let instrument = instruments::InstrumentId(1);
        let (price, qty) = (instruments::Price::from_ticks(1), instruments::Qty::from_lots(1));
        let request = PlaceOrder {
            client_order_id: Some(number.to_string()),
            ..PlaceOrder::limit(account, instrument, instruments::Side::Buy, price, qty)
        };
        let (order, nothing) = (OrderId(number), instruments::MicroUsd::ZERO);
        exchange.remember(order, &request);
        let record = OpenOrder::new(&request, price, nothing, exchange.now);
        exchange.name_ended(order, &record);
    }

    #[test]
    fn order_065_beyond_a_hundred_thousand_the_oldest_ended_order_is_forgotten() {
        let mut exchange = Exchange::new();
        for number in 0..=CLIENT_ORDERS_PER_ACCOUNT_MAX {
            ended(&mut exchange, ACCOUNT, number);
        }
        assert_eq!(exchange.client_order(ACCOUNT, "0"), None);
        for number in [1, 50_000, 100_000] {
            assert_eq!(exchange.client_order(ACCOUNT, &number.to_string()), Some(OrderId(number)));
        }
        assert_eq!(exchange.client_orders.ended, CLIENT_ORDERS_PER_ACCOUNT_MAX);
    }

    #[test]
    fn order_065_when_all_are_too_many_whoever_has_most_forgets_first() {
        let mut exchange = Exchange::new();
        for number in 0..3 {
            ended(&mut exchange, ACCOUNT, number);
        }
        ended(&mut exchange, AccountId(2), 3);
        exchange.client_orders.ended = CLIENT_ORDERS_MAX;
        ended(&mut exchange, AccountId(2), 4);
        assert_eq!(exchange.client_order(ACCOUNT, "0"), None);
        assert_eq!(exchange.client_order(ACCOUNT, "1"), Some(OrderId(1)));
        assert_eq!(exchange.client_order(AccountId(2), "3"), Some(OrderId(3)));
        assert_eq!(exchange.client_orders.ended, CLIENT_ORDERS_MAX);
        // A day later nothing is left.
        exchange.now = later(exchange.now, NAMED_FOR);
        exchange.forget_client_orders();
        assert!(exchange.client_orders.accounts.is_empty());
        assert!(exchange.client_orders.sizes.is_empty());
    }
}
