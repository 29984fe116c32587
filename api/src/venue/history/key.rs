//! The store's trees and keys. Numbers are big-endian, so that a scan is in order.

use instruments::{AccountId, Date, InstrumentId, ObligationId, OrderId, Seq, TradeId};
use settlement::TransferId;

use super::Place;

/// A tree of the store.
pub(super) struct Tree(&'static str);

impl Tree {
    pub(super) const fn name(&self) -> &'static str {
        self.0
    }
}

/// Order -> its record.
pub(super) const ORDERS: Tree = Tree("orders");
/// Account, label, order -> nothing.
pub(super) const LABELS: Tree = Tree("labels");
/// Account, its own id of an order, order -> nothing.
pub(super) const CLIENT_IDS: Tree = Tree("client_ids");
/// Account, trade, role -> the account's side of it. An account may be on both sides.
pub(super) const USER_TRADES: Tree = Tree("user_trades");
/// Account, instrument, trade, role -> nothing.
pub(super) const USER_TRADES_IN: Tree = Tree("user_trades_in");
/// Instrument, place among its trades -> the trade.
pub(super) const TRADES: Tree = Tree("trades");
/// Obligation, challenge -> its receipt.
pub(super) const RECEIPTS: Tree = Tree("receipts");
/// Account, transfer -> the transfer and what the account had after it.
pub(super) const TRANSFERS: Tree = Tree("transfers");
/// Account -> what is in its pots.
pub(super) const POTS: Tree = Tree("pots");
/// Account, day -> what was in its pots when the day ended.
pub(super) const DAY_POTS: Tree = Tree("day_pots");
/// Account, day, pot, reason -> what came and went.
pub(super) const DAY_MOVEMENTS: Tree = Tree("day_movements");
/// Account, day, instrument -> what was traded.
pub(super) const DAY_TRADES: Tree = Tree("day_trades");
/// Account, day, instrument -> what variation paid.
pub(super) const DAY_VARIATION: Tree = Tree("day_variation");
/// Account, day, obligation -> what became of it.
pub(super) const DAY_DELIVERIES: Tree = Tree("day_deliveries");
/// Account, whether it has traded, order -> nothing. Orders that have ended.
pub(super) const ENDED: Tree = Tree("ended");
/// Account, instrument, whether it has traded, order -> nothing. Orders that have ended.
pub(super) const ENDED_IN: Tree = Tree("ended_in");
/// Order, trade, role -> nothing.
pub(super) const ORDER_TRADES: Tree = Tree("order_trades");
/// Account, transfer -> money that came from outside.
pub(super) const DEPOSITS: Tree = Tree("deposits");
/// Account, transfer -> money that went outside.
pub(super) const WITHDRAWALS: Tree = Tree("withdrawals");
/// Account, instrument, place -> what a settlement of the series did to the account.
pub(super) const USER_SETTLEMENTS: Tree = Tree("user_settlements");
/// Instrument, width, number -> what its book traded at in that time.
pub(super) const CANDLES: Tree = Tree("candles");
/// Obligation -> its seller and its buyer.
pub(super) const PARTIES: Tree = Tree("parties");
/// Instrument -> its assignment with everything that it follows from.
pub(super) const ASSIGNMENTS: Tree = Tree("assignments");
/// Instrument, place -> at which price it was settled.
pub(super) const SETTLEMENTS: Tree = Tree("settlements");
/// Place of a split, page -> the page.
pub(super) const SPLIT_PAGES: Tree = Tree("split_pages");
/// Account, place of a split -> the account's line of it.
pub(super) const SPLIT_LINES: Tree = Tree("split_lines");

/// Account, number -> an execution report.
pub(super) const REPORTS: Tree = Tree("reports");
/// The hash that both signed -> a block.
pub(super) const BLOCKS: Tree = Tree("blocks");
/// Account, place -> the hash of a block that it was a party to.
pub(super) const USER_BLOCKS: Tree = Tree("user_blocks");

pub(super) fn order(order: OrderId) -> Vec<u8> {
    order.0.to_be_bytes().to_vec()
}

pub(super) fn label(account: AccountId, label: &str) -> Vec<u8> {
    let mut key = account.0.to_be_bytes().to_vec();
    // A label is at most 64 bytes; its length keeps `a` before an order apart from `ab` before another.
    key.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(label.as_bytes());
    key
}

pub(super) fn account(account: AccountId) -> Vec<u8> {
    account.0.to_be_bytes().to_vec()
}

pub(super) fn account_in(account: AccountId, instrument: InstrumentId) -> Vec<u8> {
    joined(account.0, instrument.0)
}

/// Behind an account, an account and an instrument, or an order.
pub(super) fn side_of(mut prefix: Vec<u8>, trade: TradeId, is_taker: bool) -> Vec<u8> {
    prefix.extend_from_slice(&trade.0.to_be_bytes());
    prefix.push(u8::from(is_taker));
    prefix
}

/// Behind an account, or an account and an instrument.
pub(super) fn ended(mut prefix: Vec<u8>, has_traded: bool) -> Vec<u8> {
    prefix.push(u8::from(has_traded));
    prefix
}

/// All candles of one width.
pub(super) fn candles(instrument: InstrumentId, width: u8) -> Vec<u8> {
    let mut key = instrument.0.to_be_bytes().to_vec();
    key.push(width);
    key
}

/// The candle with this number, counted in widths since 1970.
pub(super) fn candle(instrument: InstrumentId, width: u8, number: u64) -> Vec<u8> {
    [candles(instrument, width).as_slice(), &number.to_be_bytes()].concat()
}

/// What happened to one account in one series.
pub(super) fn happened_in(account: AccountId, instrument: InstrumentId, place: Place) -> Vec<u8> {
    [account_in(account, instrument).as_slice(), &at(place)].concat()
}

pub(super) fn instrument(instrument: InstrumentId) -> Vec<u8> {
    instrument.0.to_be_bytes().to_vec()
}

pub(super) fn trade(instrument: InstrumentId, trade_seq: u64) -> Vec<u8> {
    joined(instrument.0, trade_seq)
}

pub(super) fn obligation(obligation: ObligationId) -> Vec<u8> {
    obligation.0.to_be_bytes().to_vec()
}

pub(super) fn receipt(of: ObligationId, challenge: u32) -> Vec<u8> {
    let mut key = obligation(of);
    key.extend_from_slice(&challenge.to_be_bytes());
    key
}

pub(super) fn report(account: AccountId, user_seq: u64) -> Vec<u8> {
    joined(account.0, user_seq)
}

pub(super) fn transfer(account: AccountId, transfer: TransferId) -> Vec<u8> {
    joined(account.0, transfer.0)
}

pub(super) fn day(account: AccountId, day: Date) -> Vec<u8> {
    days(account, day.days())
}

/// An account and a number of days since 1970.
pub(super) fn days(account: AccountId, days: u64) -> Vec<u8> {
    joined(account.0, days)
}

/// A day, and something that is counted in it.
pub(super) fn in_day(account: AccountId, of: Date, id: u64) -> Vec<u8> {
    let mut key = day(account, of);
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// Of something of an account or of a series, by what happened in which command.
pub(super) fn happened(of: u64, place: Place) -> Vec<u8> {
    [of.to_be_bytes().as_slice(), &at(place)].concat()
}

/// The place that a key ends with.
pub(super) fn place(key: &[u8]) -> Option<Place> {
    let (seq, event) = tail::<12>(key)?.split_first_chunk::<8>().map(|(seq, event)| {
        (u64::from_be_bytes(*seq), event.first_chunk().copied().map(u32::from_be_bytes))
    })?;
    Some(Place { seq: Seq(seq), event: event? })
}

/// A page of what happened in a command.
pub(super) fn page(place: Place, page: u32) -> Vec<u8> {
    [at(place).as_slice(), &page.to_be_bytes()].concat()
}

fn at(place: Place) -> [u8; 12] {
    let mut key = [0; 12];
    let (seq, event) = key.split_at_mut(8);
    seq.copy_from_slice(&place.seq.0.to_be_bytes());
    event.copy_from_slice(&place.event.to_be_bytes());
    key
}

/// The last `N` bytes of a key.
pub(super) fn tail<const N: usize>(key: &[u8]) -> Option<[u8; N]> {
    key.last_chunk().copied()
}

fn joined(first: u64, second: u64) -> Vec<u8> {
    let mut key = first.to_be_bytes().to_vec();
    key.extend_from_slice(&second.to_be_bytes());
    key
}
