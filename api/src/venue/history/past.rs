//! What an account asks about its past by time and by place in it: ended orders, trades, money from outside and to it, settlements.
//!
//! Every answer reads a number of rows that is bounded by what is asked for: each question has a tree of its own order.

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::Event;
use exchange::io::{Direction, Scan};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NetQty, OrderId, Price};

use super::key::{self, Tree};
use super::record::{OrderRecord, OrderState, TradeRecord, UserTradeRecord};
use super::{Draft, History, Place, ROWS_MAX, TransferRecord};
use crate::venue::publish::Published;

/// A stretch of time, both ends included, and from which end it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Nothing earlier.
    pub first: Nanos,
    /// Nothing later.
    pub last: Nanos,
    /// From its beginning.
    pub oldest_first: bool,
}

/// What a settlement of a series did to an account.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UserSettlementRecord {
    /// When.
    pub at: Nanos,
    /// At which price, where it was fixed by the same command.
    pub price: Option<Price>,
    /// What became of it.
    pub what: UserSettlement,
}

/// A day's variation, or the end of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum UserSettlement {
    /// Profit or loss since the last variation was due.
    Variation(MicroUsd),
    /// The position ended with the series.
    Closed(NetQty),
}

/// The first number that belongs to something later than `last`: numbers and times rise together, so that it is found by halving.
/// `newest_before` gives the newest number below another, with its time.
pub(super) fn first_after(last: Nanos, newest_before: impl Fn(u64) -> Option<(u64, Nanos)>) -> u64 {
    let (mut low, mut high) = (0, u64::MAX);
    while low < high {
        let middle = low.saturating_add(high.saturating_sub(low).div_ceil(2));
        match newest_before(middle) {
            // Everything before the middle is early enough.
            None => low = middle,
            Some((_, at)) if at <= last => low = middle,
            Some((number, _)) => high = number,
        }
    }
    low
}

/// The last instant before another.
fn before(at: Nanos) -> Option<Nanos> {
    at.nanos().checked_sub(1).map(Nanos::new)
}

impl History {
    /// An account's orders that have ended, newest first, without the newest `skip`. Those that never traded only where asked for.
    #[must_use]
    pub fn ended_orders(
        &self,
        account: AccountId,
        instrument: Option<InstrumentId>,
        with_untraded: bool,
        (skip, limit): (usize, usize),
    ) -> Vec<OrderRecord> {
        let (tree, prefix) = match instrument {
            None => (&key::ENDED, key::account(account)),
            Some(instrument) => (&key::ENDED_IN, key::account_in(account, instrument)),
        };
        let wanted = skip.saturating_add(limit);
        let of =
            |has_traded| self.newest_orders(tree, key::ended(prefix.clone(), has_traded), wanted);
        let mut orders = of(true);
        if with_untraded {
            orders.extend(of(false));
            orders.sort_unstable_by(|a, b| b.cmp(a));
        }
        let page = orders.into_iter().skip(skip).take(limit);
        page.filter_map(|order| self.order(order)).collect()
    }

    /// An account's orders that have ended in some series, as above.
    #[must_use]
    pub fn ended_orders_in(
        &self,
        account: AccountId,
        instruments: &[InstrumentId],
        with_untraded: bool,
        (skip, limit): (usize, usize),
    ) -> Vec<OrderRecord> {
        let wanted = skip.saturating_add(limit);
        let kinds: &[bool] = if with_untraded { &[true, false] } else { &[true] };
        let mut orders: Vec<OrderId> = Vec::new();
        for instrument in instruments {
            for has_traded in kinds {
                let prefix = key::ended(key::account_in(account, *instrument), *has_traded);
                orders.extend(self.newest_orders(&key::ENDED_IN, prefix, wanted));
            }
        }
        orders.sort_unstable_by(|a, b| b.cmp(a));
        let page = orders.into_iter().skip(skip).take(limit);
        page.filter_map(|order| self.order(order)).collect()
    }

    fn newest_orders(&self, tree: &Tree, prefix: Vec<u8>, wanted: usize) -> Vec<OrderId> {
        let keys = self.newest_keys(tree, &prefix, wanted);
        let orders = keys.iter().filter_map(|key| key::tail(key));
        orders.map(|order| OrderId(u64::from_be_bytes(order))).collect()
    }

    /// More keys than one scan gives, newest first.
    fn newest_keys(&self, tree: &Tree, prefix: &[u8], wanted: usize) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        while keys.len() < wanted {
            let rest = wanted.saturating_sub(keys.len());
            let rows = self.newest(tree, prefix, keys.last().map(Vec::as_slice), rest);
            if rows.is_empty() {
                break;
            }
            keys.extend(rows.into_iter().map(|(key, _)| key));
        }
        keys
    }

    /// The trades of one order, newest first.
    #[must_use]
    pub fn trades_of_order(&self, order: &OrderRecord, limit: usize) -> Vec<UserTradeRecord> {
        let of_order = key::order(order.terms.order);
        let rows = self.newest(&key::ORDER_TRADES, &of_order, None, limit);
        let sides = rows.iter().filter_map(|(key, _)| key::tail::<9>(key));
        let of_account = key::account(order.terms.account);
        let keys = sides.map(|side| [of_account.as_slice(), &side].concat());
        keys.filter_map(|key| self.get(&key::USER_TRADES, &key)).collect()
    }

    /// An account's trades in a stretch of time, in one series or in all.
    #[must_use]
    pub fn user_trades_between(
        &self,
        account: AccountId,
        instrument: Option<InstrumentId>,
        span: Span,
        limit: usize,
    ) -> Vec<UserTradeRecord> {
        let (tree, prefix) = match instrument {
            None => (&key::USER_TRADES, key::account(account)),
            Some(instrument) => (&key::USER_TRADES_IN, key::account_in(account, instrument)),
        };
        let side = |key: &[u8]| {
            let of_account = [key::account(account).as_slice(), &key::tail::<9>(key)?].concat();
            self.get::<UserTradeRecord>(&key::USER_TRADES, &of_account)
        };
        let edge = |trade: u64| [prefix.as_slice(), &trade.to_be_bytes()].concat();
        let newest_before = |trade| {
            let rows = self.newest(tree, &prefix, Some(&edge(trade)), 1);
            let record = side(&rows.first()?.0)?;
            Some((record.trade.trade.0, record.trade.at))
        };
        let rows = self.keys_between((tree, &prefix), (span, limit), &edge, newest_before);
        let records = rows.iter().filter_map(|key| side(key));
        records.filter(|record| (span.first..=span.last).contains(&record.trade.at)).collect()
    }

    /// A series' trades in a stretch of time.
    #[must_use]
    pub fn trades_in(
        &self,
        instrument: InstrumentId,
        span: Span,
        limit: usize,
    ) -> Vec<TradeRecord> {
        let prefix = key::instrument(instrument);
        let edge = |trade_seq| key::trade(instrument, trade_seq);
        let newest_before = |trade_seq| {
            let rows: Vec<TradeRecord> =
                self.newest_records(&key::TRADES, &prefix, Some(&edge(trade_seq)), 1);
            rows.first().map(|trade| (trade.trade_seq, trade.at))
        };
        let keys = self.keys_between((&key::TRADES, &prefix), (span, limit), &edge, newest_before);
        let records = keys.iter().filter_map(|key| self.get::<TradeRecord>(&key::TRADES, key));
        records.filter(|record| (span.first..=span.last).contains(&record.at)).collect()
    }

    /// The keys of what lies in a stretch of time, from one of its ends. Keys are by number, numbers rise with time.
    fn keys_between(
        &self,
        (tree, prefix): (&Tree, &[u8]),
        (span, limit): (Span, usize),
        edge: &impl Fn(u64) -> Vec<u8>,
        newest_before: impl Fn(u64) -> Option<(u64, Nanos)>,
    ) -> Vec<Vec<u8>> {
        let (direction, after) = if span.oldest_first {
            let first = before(span.first).map_or(0, |before| first_after(before, &newest_before));
            // What is behind the number before: nothing has a number between the two.
            (Direction::Ascending, first.checked_sub(1).map(|number| past(edge(number))))
        } else {
            (Direction::Descending, Some(edge(first_after(span.last, &newest_before))))
        };
        let (after, limit) = (after.as_deref(), limit.min(ROWS_MAX));
        let scan = Scan { tree: tree.name(), prefix, after, direction, limit };
        let rows = self.ask(|store| store.scan(&scan)).unwrap_or_default();
        rows.into_iter().map(|(key, _)| key).collect()
    }

    /// Money that came from outside, newest first, without the newest `skip`.
    #[must_use]
    pub fn deposits(
        &self,
        account: AccountId,
        (skip, limit): (usize, usize),
    ) -> Vec<TransferRecord> {
        self.cash_rows(&key::DEPOSITS, account, (skip, limit))
    }

    /// Money that went outside, newest first, without the newest `skip`.
    #[must_use]
    pub fn withdrawals(
        &self,
        account: AccountId,
        (skip, limit): (usize, usize),
    ) -> Vec<TransferRecord> {
        self.cash_rows(&key::WITHDRAWALS, account, (skip, limit))
    }

    fn cash_rows(
        &self,
        tree: &Tree,
        account: AccountId,
        (skip, limit): (usize, usize),
    ) -> Vec<TransferRecord> {
        let keys = self.newest_keys(tree, &key::account(account), skip.saturating_add(limit));
        let page = keys.iter().skip(skip).take(limit);
        page.filter_map(|key| self.get(tree, key)).collect()
    }

    /// What settlements of a series did to an account, before a place, newest first.
    #[must_use]
    pub fn user_settlements(
        &self,
        (account, instrument): (AccountId, InstrumentId),
        before: Option<Place>,
        limit: usize,
    ) -> Vec<(Place, UserSettlementRecord)> {
        let before = before.map(|place| key::happened_in(account, instrument, place));
        let prefix = key::account_in(account, instrument);
        let rows = self.newest(&key::USER_SETTLEMENTS, &prefix, before.as_deref(), limit);
        let row = |(key, value): &(Vec<u8>, Vec<u8>)| Some((key::place(key)?, self.decode(value)?));
        rows.iter().filter_map(row).collect()
    }
}

/// Behind every key that begins with this one.
fn past(mut key: Vec<u8>) -> Vec<u8> {
    // At most a side's role follows, which is less.
    key.push(u8::MAX);
    key
}

impl Draft<'_> {
    /// Notes an order that has ended by what has just been written of it.
    pub(super) fn ended(&mut self, before: OrderState, order: &OrderRecord) {
        if before != OrderState::Open || order.state == OrderState::Open {
            return;
        }
        let (terms, has_traded) = (&order.terms, !order.filled.is_zero());
        for (tree, prefix) in [
            (&key::ENDED, key::account(terms.account)),
            (&key::ENDED_IN, key::account_in(terms.account, terms.instrument)),
        ] {
            let mut key = key::ended(prefix, has_traded);
            key.extend(key::order(terms.order));
            self.put(tree, key, &());
        }
    }

    /// Notes what a settlement did to each account.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else settles a position")]
    pub(super) fn user_settled(&mut self, published: &Published) {
        let mut fixed = std::collections::BTreeMap::new();
        for (event, place) in published.events.iter().zip(0_u32..) {
            let (account, instrument, what) = match event {
                Event::SettlementPriceFixed { instrument, price, .. }
                | Event::SeriesExpired { instrument, settlement_price: price } => {
                    fixed.insert(*instrument, *price);
                    continue;
                }
                Event::VariationPaid { instrument, account, amount } => {
                    (*account, *instrument, UserSettlement::Variation(*amount))
                }
                Event::PositionClosed { instrument, account, net, .. } => {
                    (*account, *instrument, UserSettlement::Closed(*net))
                }
                _ => continue,
            };
            let place = Place { seq: published.seq, event: place };
            let price = fixed.get(&instrument).copied();
            let record = UserSettlementRecord { at: published.at, price, what };
            let key = key::happened_in(account, instrument, place);
            self.put(&key::USER_SETTLEMENTS, key, &record);
        }
    }
}
