//! Execution reports: what became of an account's orders, numbered from 1 without a gap.
//!
//! Invariants:
//! - an account's numbers follow from the journal alone: a replay gives the same report under the same number;
//! - a report shows its order as it was right after the event, not as it is now;
//! - nothing is ever left out or written twice: a number stands in the batch that holds what it is about.

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::io::{Direction, Scan};
use instruments::{AccountId, Nanos, Seq, TradeId};

use super::{Draft, History, OrderRecord, ROWS_MAX, UserTradeRecord, key};

/// An execution report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number among the account's, from 1, gapless.
    pub user_seq: u64,
    /// By which command.
    pub seq: Seq,
    /// When.
    pub at: Nanos,
    /// What it is about.
    pub what: Reported,
}

/// What an execution report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// An order was accepted, amended, triggered or ended otherwise than by a trade.
    Order(OrderRecord),
    /// One side of a trade, with its order as it was after it.
    Trade(UserTradeRecord),
}

impl Reported {
    /// The order that it is about, as it was then.
    #[must_use]
    pub const fn order(&self) -> &OrderRecord {
        match self {
            Self::Order(order) => order,
            Self::Trade(trade) => &trade.order,
        }
    }
}

/// A report as it is stored. A trade is stored once, among the account's trades.
#[derive(BorshSerialize, BorshDeserialize)]
struct Row {
    seq: Seq,
    at: Nanos,
    what: RowOf,
}

#[derive(BorshSerialize, BorshDeserialize)]
enum RowOf {
    Order(Box<OrderRecord>),
    Trade { trade: TradeId, is_taker: bool },
}

impl History {
    /// An account's reports from a number on, oldest first.
    #[must_use]
    pub fn reports(&self, account: AccountId, first: u64, limit: usize) -> Vec<Report> {
        let (of_account, limit) = (key::account(account), limit.min(ROWS_MAX));
        let after = first.checked_sub(1).map(|before| key::report(account, before));
        let scan = Scan {
            tree: key::REPORTS.name(),
            prefix: &of_account,
            after: after.as_deref(),
            direction: Direction::Ascending,
            limit,
        };
        let rows = self.ask(|store| store.scan(&scan)).unwrap_or_default();
        let report = |(key, value): &(Vec<u8>, Vec<u8>)| {
            let Row { seq, at, what } = self.decode(value)?;
            let what = match what {
                RowOf::Order(order) => Reported::Order(*order),
                RowOf::Trade { trade, is_taker } => {
                    let side = key::side_of(key::account(account), trade, is_taker);
                    Reported::Trade(self.get(&key::USER_TRADES, &side)?)
                }
            };
            Some(Report { user_seq: number(key)?, seq, at, what })
        };
        rows.iter().filter_map(report).collect()
    }

    /// The number of an account's newest report; 0 when it has none.
    #[must_use]
    pub fn last_user_seq(&self, account: AccountId) -> u64 {
        let rows = self.newest(&key::REPORTS, &key::account(account), None, 1);
        rows.first().and_then(|(key, _)| number(key)).unwrap_or(0)
    }
}

fn number(key: &[u8]) -> Option<u64> {
    key::tail(key).map(u64::from_be_bytes)
}

impl Draft<'_> {
    /// Reports an order as it is now.
    pub(super) fn report_order(&mut self, order: &OrderRecord, at: Nanos) {
        self.report(order.terms.account, at, RowOf::Order(Box::new(order.clone())));
    }

    /// Reports one side of a trade.
    pub(super) fn report_trade(&mut self, record: &UserTradeRecord) {
        let (trade, is_taker) = (record.trade.trade, record.is_taker);
        self.report(record.account, record.trade.at, RowOf::Trade { trade, is_taker });
    }

    fn report(&mut self, account: AccountId, at: Nanos, what: RowOf) {
        let history = self.history;
        let last = self.reported.entry(account).or_insert_with(|| history.last_user_seq(account));
        *last = last.saturating_add(1);
        let key = key::report(account, *last);
        let seq = self.last.unwrap_or_default();
        self.put(&key::REPORTS, key, &Row { seq, at, what });
    }
}
