//! What clients ask about the past: orders, trades, receipts. Read models in the store, made from events alone.
//!
//! Invariants:
//! - `History::apply` is the only writer, and the same events always write the same bytes, so a replay rebuilds everything;
//! - the place up to which it has applied stands in the same batch as the data;
//! - a store that fails takes history away, never trading.

mod blocks;
mod candles;
mod day;
mod key;
mod money;
mod past;
mod record;
mod reports;
mod settled;
mod splits;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::io::{Applied, Batch, Direction, Entry, Scan, Store, StoreError};
use exchange::{
    BlockTraded, CloseOutEvent, Event, Fill, OrderAccepted, PublishedAssignment, QuoteEvent, Traded,
};
use instruments::{AccountId, InstrumentId, Nanos, ObligationId, OrderId, Seq, Side};
use parking_lot::{Mutex, RwLock};
use settlement::Verdict;

use super::key::VenueKey;
use super::publish::Published;
use key::Tree;

pub use blocks::BlockRecord;
pub use candles::{CandleRecord, CandleWidth};
pub use money::{DayRecord, Pot, Pots, TransferRecord};
pub use past::{Span, UserSettlement, UserSettlementRecord};
pub use record::{OrderRecord, OrderState, ReceiptRecord, TradeRecord, UserTradeRecord};
pub use reports::{Report, Reported};
pub use settled::SettlementRecord;
pub use splits::{SplitLineRecord, SplitPageRecord};

/// Rows one question returns at most: bounds the time of a reply, as in Deribit's API.
pub const ROWS_MAX: usize = 1_000;

/// Where something happened: which event of which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Place {
    /// Which command.
    pub seq: Seq,
    /// Which of its events, from 0.
    pub event: u32,
}

/// The read models of a venue.
pub struct History {
    /// `None` once the venue has ended: the directory is somebody else's then.
    store: RwLock<Option<Box<dyn Store>>>,
    venue_key: Arc<VenueKey>,
    has_failed: AtomicBool,
    /// Whether something was written since the last flush.
    is_dirty: AtomicBool,
    /// Of each series, most of its last 24 hours, by the five minutes in which it was added up.
    days: Mutex<BTreeMap<InstrumentId, (u64, Option<CandleRecord>)>>,
}

impl History {
    pub(crate) fn new(store: Box<dyn Store>, venue_key: Arc<VenueKey>) -> Self {
        let [has_failed, is_dirty] = [false, false].map(AtomicBool::new);
        let days = Mutex::default();
        Self { store: RwLock::new(Some(store)), venue_key, has_failed, is_dirty, days }
    }

    /// Whether the store still answers. When it does not, every answer here is empty until the venue is started again.
    #[must_use]
    pub fn is_available(&self) -> bool {
        !self.has_failed.load(Ordering::Relaxed) && self.store.read().is_some()
    }

    /// Lets go of the store.
    pub(crate) fn close(&self) {
        self.store.write().take();
    }

    /// An order, open or ended.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<OrderRecord> {
        self.get(&key::ORDERS, &key::order(order))
    }

    /// An account's orders of one label, newest first.
    #[must_use]
    pub fn orders_by_label(
        &self,
        account: AccountId,
        label: &str,
        limit: usize,
    ) -> Vec<OrderRecord> {
        let rows = self.newest(&key::LABELS, &key::label(account, label), None, limit);
        let orders = rows.iter().filter_map(|(key, _)| key::tail(key));
        orders.filter_map(|order| self.order(OrderId(u64::from_be_bytes(order)))).collect()
    }

    /// The newest order that an account has placed under its own id.
    #[must_use]
    pub fn order_by_client_id(&self, account: AccountId, id: &str) -> Option<OrderRecord> {
        let rows = self.newest(&key::CLIENT_IDS, &key::label(account, id), None, 1);
        let order = key::tail(&rows.first()?.0)?;
        self.order(OrderId(u64::from_be_bytes(order)))
    }

    /// An account's trades, in one series or in all, newest first.
    #[must_use]
    pub fn user_trades(
        &self,
        account: AccountId,
        instrument: Option<InstrumentId>,
        limit: usize,
    ) -> Vec<UserTradeRecord> {
        let of_account = key::account(account);
        let Some(instrument) = instrument else {
            return self.newest_records(&key::USER_TRADES, &of_account, None, limit);
        };
        let in_series = key::account_in(account, instrument);
        let rows = self.newest(&key::USER_TRADES_IN, &in_series, None, limit);
        // Trade and role.
        let sides = rows.iter().filter_map(|(key, _)| key::tail::<9>(key));
        let keys = sides.map(|side| [of_account.as_slice(), &side].concat());
        keys.filter_map(|key| self.get(&key::USER_TRADES, &key)).collect()
    }

    /// A series' trades, newest first.
    #[must_use]
    pub fn trades(&self, instrument: InstrumentId, limit: usize) -> Vec<TradeRecord> {
        self.trades_between(instrument, u64::MIN, u64::MAX, limit)
    }

    /// A series' trades from one place among them to another, both included, newest first.
    #[must_use]
    pub fn trades_between(
        &self,
        instrument: InstrumentId,
        first_seq: u64,
        last_seq: u64,
        limit: usize,
    ) -> Vec<TradeRecord> {
        let above = last_seq.checked_add(1).map(|above| key::trade(instrument, above));
        let prefix = key::instrument(instrument);
        let mut trades: Vec<TradeRecord> =
            self.newest_records(&key::TRADES, &prefix, above.as_deref(), limit);
        trades.retain(|trade| first_seq <= trade.trade_seq);
        trades
    }

    /// The address of the key that countersigns receipts.
    pub(crate) fn exchange_address(&self) -> [u8; 20] {
        self.venue_key.address()
    }

    /// An obligation's receipts, newest first.
    #[must_use]
    pub fn receipts(&self, obligation: ObligationId, limit: usize) -> Vec<ReceiptRecord> {
        self.newest_records(&key::RECEIPTS, &key::obligation(obligation), None, limit)
    }

    /// How a series was assigned, with everything that it follows from.
    #[must_use]
    pub fn assignment(&self, instrument: InstrumentId) -> Option<PublishedAssignment> {
        self.get(&key::ASSIGNMENTS, &key::instrument(instrument))
    }

    /// Writes what came of a run of commands, in one batch with the place it ends at. A store that fails is left alone from then on.
    pub(crate) fn apply<'a>(
        &self,
        outcomes: impl IntoIterator<Item = &'a Published>,
        history_hash: [u8; 32],
    ) {
        if !self.is_available() {
            return;
        }
        let (puts, reported) = (BTreeMap::new(), BTreeMap::new());
        let mut draft = Draft { history: self, last: None, puts, reported };
        for outcome in outcomes {
            draft.apply(outcome);
        }
        let Some(seq) = draft.last else { return };
        let batch = draft.into_batch(Applied { seq, state_hash: history_hash });
        self.is_dirty.store(true, Ordering::Relaxed);
        self.ask(|store| store.apply(batch?));
    }

    /// Makes what was written durable.
    pub(crate) fn flush(&self) {
        if self.is_available() && self.is_dirty.swap(false, Ordering::Relaxed) {
            self.ask(|store| store.flush());
        }
    }

    fn get<T: BorshDeserialize>(&self, tree: &Tree, key: &[u8]) -> Option<T> {
        let value = self.ask(|store| store.get(tree.name(), key))??;
        self.decode(&value)
    }

    fn newest_records<T: BorshDeserialize>(
        &self,
        tree: &Tree,
        prefix: &[u8],
        before: Option<&[u8]>,
        limit: usize,
    ) -> Vec<T> {
        let rows = self.newest(tree, prefix, before, limit);
        rows.iter().filter_map(|(_, value)| self.decode(value)).collect()
    }

    fn newest(
        &self,
        tree: &Tree,
        prefix: &[u8],
        before: Option<&[u8]>,
        limit: usize,
    ) -> Vec<Entry> {
        let (tree, limit) = (tree.name(), limit.min(ROWS_MAX));
        let scan = Scan { tree, prefix, after: before, direction: Direction::Descending, limit };
        self.ask(|store| store.scan(&scan)).unwrap_or_default()
    }

    /// Asks the store, if it is there and has not failed before.
    fn ask<T>(&self, ask: impl FnOnce(&dyn Store) -> Result<T, StoreError>) -> Option<T> {
        if self.has_failed.load(Ordering::Relaxed) {
            return None;
        }
        self.store.read().as_deref().and_then(|store| self.note(ask(store)))
    }

    fn decode<T: BorshDeserialize>(&self, value: &[u8]) -> Option<T> {
        self.note(borsh::from_slice(value))
    }

    /// Keeps a value, or takes the store out of service.
    fn note<T, E: std::fmt::Display>(&self, result: Result<T, E>) -> Option<T> {
        result
            .inspect_err(|error| {
                if !self.has_failed.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "store failed: no history until the next start");
                }
            })
            .ok()
    }
}

/// What a run of commands writes, before it is written.
struct Draft<'a> {
    history: &'a History,
    last: Option<Seq>,
    puts: BTreeMap<(&'static str, Vec<u8>), Vec<u8>>,
    /// The number of each account's newest report, once it was asked for.
    reported: BTreeMap<AccountId, u64>,
}

impl Draft<'_> {
    fn into_batch(self, applied: Applied) -> Result<Batch, StoreError> {
        let mut batch = Batch::new(applied);
        for ((tree, key), value) in self.puts {
            batch.put(tree, &key, value)?;
        }
        Ok(batch)
    }

    fn get<T: BorshDeserialize>(&self, tree: &Tree, key: &[u8]) -> Option<T> {
        match self.puts.get(&(tree.name(), key.to_vec())) {
            Some(value) => self.history.decode(value),
            None => self.history.get(tree, key),
        }
    }

    /// # Panics
    /// Never: writing borsh into a vector cannot fail.
    fn put(&mut self, tree: &Tree, key: Vec<u8>, value: &impl BorshSerialize) {
        let value = borsh::to_vec(value).expect("a record encodes");
        self.puts.insert((tree.name(), key), value);
    }

    fn change<T: BorshDeserialize + BorshSerialize>(
        &mut self,
        tree: &Tree,
        key: Vec<u8>,
        change: impl FnOnce(&mut T),
    ) {
        if let Some(mut record) = self.get::<T>(tree, &key) {
            change(&mut record);
            self.put(tree, key, &record);
        }
    }

    fn change_order(&mut self, order: OrderId, change: impl FnOnce(&mut OrderRecord)) {
        let key = key::order(order);
        let Some(mut record) = self.get::<OrderRecord>(&key::ORDERS, &key) else { return };
        let before = record.state;
        change(&mut record);
        self.put(&key::ORDERS, key, &record);
        self.report_order(&record, record.updated_at);
        self.ended(before, &record);
    }

    fn apply(&mut self, published: &Published) {
        self.last = Some(published.seq);
        for event in &published.events {
            self.event(event, published.at);
            self.money(event, published.at);
        }
        self.blocks(published);
        self.settled(published);
        self.user_settled(published);
        self.splits(published);
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a read model keeps what is asked for; the rest is in the journal"
    )]
    fn event(&mut self, event: &Event, at: Nanos) {
        match event {
            Event::OrderAccepted(terms) => self.accepted(terms, at),
            Event::OrderAmended { order, price, qty, trigger, .. } => {
                self.change_order(*order, |record| record.amend((*price, *qty), *trigger, at));
            }
            Event::OrderTriggered { order, .. } => {
                self.change_order(*order, |record| record.trigger(at));
            }
            Event::OrderCancelled { order, qty, reason, .. } => {
                self.change_order(*order, |record| record.cancel(*qty, *reason, at));
            }
            Event::Traded(traded) => self.traded(traded, at),
            Event::ReceiptAccepted { receipt, digest, signer, signature } => {
                self.receipt_accepted(&ReceiptRecord {
                    receipt: *receipt,
                    digest: *digest,
                    signer: *signer,
                    signature: signature.clone(),
                    accepted_at: at,
                    verdict: None,
                    outcome: None,
                    countersignature: None,
                });
            }
            Event::VerdictRecorded { obligation, challenge, verifier, verdict } => {
                self.judged(key::receipt(*obligation, *challenge), *verifier, *verdict);
            }
            Event::ChallengeEnded { obligation, challenge, outcome } => {
                let key = key::receipt(*obligation, *challenge);
                self.change(&key::RECEIPTS, key, |record: &mut ReceiptRecord| {
                    record.outcome = Some(*outcome);
                });
            }
            Event::CloseOut(CloseOutEvent::AssignmentPublished(published)) => {
                let key = key::instrument(published.inputs.instrument);
                self.put(&key::ASSIGNMENTS, key, published.as_ref());
            }
            Event::BlockTraded(block) => self.block_traded(block, at),
            Event::Quote(QuoteEvent::OrderMarked { order, mark, .. }) => {
                self.change_order(*order, |record| record.mark = Some(mark.clone()));
            }
            _ => {}
        }
    }

    fn accepted(&mut self, terms: &OrderAccepted, at: Nanos) {
        let record = OrderRecord::accepted(terms, at);
        self.put(&key::ORDERS, key::order(terms.order), &record);
        self.report_order(&record, at);
        if !terms.label.is_empty() {
            let mut label = key::label(terms.account, &terms.label);
            label.extend(key::order(terms.order));
            self.put(&key::LABELS, label, &());
        }
        if let Some(id) = &terms.client_order_id {
            let mut id = key::label(terms.account, id);
            id.extend(key::order(terms.order));
            self.put(&key::CLIENT_IDS, id, &());
        }
    }

    fn traded(&mut self, traded: &Traded, at: Nanos) {
        let trade = TradeRecord::of(traded, at);
        self.put(&key::TRADES, key::trade(trade.instrument, trade.trade_seq), &trade);
        self.candles(&trade);
        self.fill(&trade, &traded.maker, (traded.taker_side.opposite(), false));
        self.fill(&trade, &traded.taker, (traded.taker_side, true));
    }

    fn block_traded(&mut self, block: &BlockTraded, at: Nanos) {
        let trade = TradeRecord::of_block(block, at);
        self.put(&key::TRADES, key::trade(trade.instrument, trade.trade_seq), &trade);
    }

    fn fill(&mut self, trade: &TradeRecord, fill: &Fill, (side, is_taker): (Side, bool)) {
        let order_key = key::order(fill.order);
        let Some(mut order) = self.get::<OrderRecord>(&key::ORDERS, &order_key) else { return };
        let before = order.state;
        order.fill(trade.price, trade.qty, fill.fee, trade.at);
        self.put(&key::ORDERS, order_key, &order);
        self.ended(before, &order);
        let of_order = key::side_of(key::order(fill.order), trade.trade, is_taker);
        self.put(&key::ORDER_TRADES, of_order, &());
        let account = fill.account;
        let in_series = key::account_in(account, trade.instrument);
        self.put(&key::USER_TRADES_IN, key::side_of(in_series, trade.trade, is_taker), &());
        let record =
            UserTradeRecord { trade: trade.clone(), account, side, is_taker, fee: fill.fee, order };
        let key = key::side_of(key::account(account), trade.trade, is_taker);
        self.put(&key::USER_TRADES, key, &record);
        self.report_trade(&record);
    }

    fn receipt_accepted(&mut self, record: &ReceiptRecord) {
        let key = key::receipt(record.receipt.obligation, record.receipt.challenge);
        self.put(&key::RECEIPTS, key, record);
    }

    fn judged(&mut self, key: Vec<u8>, verifier: AccountId, verdict: Verdict) {
        let venue_key = Arc::clone(&self.history.venue_key);
        self.change(&key::RECEIPTS, key, |record: &mut ReceiptRecord| {
            record.verdict = Some((verifier, verdict));
            if matches!(verdict, Verdict::Valid { .. }) {
                record.countersignature = Some(venue_key.countersign(record.digest));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use exchange::io::MemoryStore;
    use exchange::{DefaultEvent, OrderAccepted, SettlementSource, SplitPurpose, TimeInForce};
    use instruments::{MicroUsd, Price, Qty, TradeId};
    use matching_engine::{OrderKind, PostOnly, StpMode};
    use settlement::{SPLIT_PAGE_LINES_MAX, Split, SplitPage, verify_haircut};

    use super::*;

    const ACCOUNT: AccountId = AccountId(1);
    const INSTRUMENT: InstrumentId = InstrumentId(1);

    fn history(store: impl Store + 'static) -> History {
        let directory = tempfile::tempdir().unwrap();
        let key = VenueKey::load_or_create(&directory.path().join("venue.key")).unwrap();
        History::new(Box::new(store), Arc::new(key))
    }

    fn tell(history: &History, seq: u64, events: Vec<Event>) {
        let published = Published { seq: Seq(seq), at: Nanos::new(seq), events };
        history.apply([&published], [0; 32]);
    }

    fn accepted(order: u64, label: &str) -> Event {
        Event::OrderAccepted(Box::new(OrderAccepted {
            order: OrderId(order),
            account: ACCOUNT,
            instrument: INSTRUMENT,
            side: Side::Buy,
            kind: OrderKind::Limit(Price::from_ticks(100)),
            limit: Price::from_ticks(100),
            qty: Qty::from_lots(5),
            time_in_force: TimeInForce::Gtc,
            ends_at: None,
            post_only: PostOnly::No,
            reduce_only: false,
            stp: StpMode::None,
            stp_token: 0,
            display: None,
            trigger: None,
            ceiling: None,
            label: label.to_owned(),
            client_order_id: None,
        }))
    }

    fn traded(trade: u64, maker: u64, taker: u64) -> Event {
        let fill = |order| Fill { account: ACCOUNT, order: OrderId(order), fee: MicroUsd::new(3) };
        Event::Traded(Box::new(Traded {
            trade: TradeId(trade),
            trade_seq: trade,
            instrument: INSTRUMENT,
            price: Price::from_ticks(100),
            qty: Qty::from_lots(1),
            taker_side: Side::Sell,
            mark: Price::from_ticks(100),
            index: None,
            maker: fill(maker),
            taker: fill(taker),
        }))
    }

    #[test]
    fn a_label_finds_its_own_orders_newest_first() {
        let history = history(MemoryStore::default());
        tell(&history, 1, vec![accepted(1, "a"), accepted(2, "ab"), accepted(3, "a")]);
        tell(&history, 2, vec![accepted(4, "")]);
        let found = history.orders_by_label(ACCOUNT, "a", 10);
        let ids: Vec<u64> = found.iter().map(|record| record.terms.order.0).collect();
        assert_eq!(ids, [3, 1]);
        assert_eq!(history.orders_by_label(ACCOUNT, "a", 1).len(), 1);
        assert!(history.orders_by_label(ACCOUNT, "", 10).is_empty());
        assert!(history.orders_by_label(AccountId(2), "a", 10).is_empty());
    }

    #[test]
    fn both_sides_of_a_trade_with_oneself_are_kept() {
        let history = history(MemoryStore::default());
        tell(&history, 1, vec![accepted(1, ""), accepted(2, ""), traded(1, 1, 2)]);
        let sides: Vec<_> = history
            .user_trades(ACCOUNT, Some(INSTRUMENT), 10)
            .into_iter()
            .map(|side| (side.order_id().0, side.side, side.is_taker))
            .collect();
        assert_eq!(sides, [(2, Side::Sell, true), (1, Side::Buy, false)]);
        assert_eq!(history.user_trades(ACCOUNT, None, 10).len(), 2);
    }

    #[test]
    fn trades_are_found_between_two_places() {
        let history = history(MemoryStore::default());
        let trades = (1..=9).map(|trade| traded(trade, 1, 2));
        tell(&history, 1, [accepted(1, ""), accepted(2, "")].into_iter().chain(trades).collect());
        let places = |first, last, limit| {
            let found = history.trades_between(INSTRUMENT, first, last, limit);
            found.iter().map(|trade| trade.trade_seq).collect::<Vec<_>>()
        };
        assert_eq!(places(3, 5, 10), [5, 4, 3]);
        assert_eq!(places(8, u64::MAX, 10), [9, 8]);
        assert_eq!(places(1, 9, 2), [9, 8]);
        assert_eq!(places(5, 4, 10), [0; 0]);
    }

    #[test]
    fn a_day_and_the_last_price_are_told_apart() {
        let history = history(MemoryStore::default());
        let price = Price::from_ticks;
        let fixed = |ticks| Event::SettlementPriceFixed {
            instrument: INSTRUMENT,
            price: price(ticks),
            source: SettlementSource::Mark,
        };
        let expired =
            |ticks| Event::SeriesExpired { instrument: INSTRUMENT, settlement_price: price(ticks) };
        // A day that ends with the last trade is told twice, and an option's last price follows from its future's.
        tell(&history, 1, vec![fixed(1)]);
        tell(&history, 2, vec![fixed(2), fixed(3), expired(3)]);
        tell(&history, 3, vec![expired(4)]);
        let rows = |before, is_last, limit| {
            let rows = history.settlements(INSTRUMENT, is_last, before, limit);
            rows.into_iter().map(|(place, row)| (place, row.price.ticks())).collect::<Vec<_>>()
        };
        let place = |seq, event| Place { seq: Seq(seq), event };
        let all = [(place(3, 0), 4), (place(2, 2), 3), (place(2, 0), 2), (place(1, 0), 1)];
        assert_eq!(rows(None, None, 10), all);
        assert_eq!(rows(None, Some(true), 10), all[..2]);
        assert_eq!(rows(None, Some(false), 1), all[2..3]);
        assert_eq!(rows(Some(all[1].0), None, 10), all[2..]);
    }

    #[test]
    fn liq_029_a_split_is_put_together_from_its_pages() {
        let history = history(MemoryStore::default());
        let weights: Vec<(AccountId, u128)> =
            (1..=600).map(|account| (AccountId(account), u128::from(account))).collect();
        let split = Split::new(90_000, &weights).unwrap();
        let told = |page: SplitPage| {
            let (purpose, page) = (SplitPurpose::Haircut, Box::new(page));
            Event::Default(DefaultEvent::LossSplit { purpose, page })
        };
        tell(&history, 7, split.pages().chain(split.pages()).map(told).collect());
        let lines = history.split_lines(AccountId(300), None, 10);
        let places: Vec<Place> = lines.iter().map(|(place, _)| *place).collect();
        let place = |event| Place { seq: Seq(7), event };
        assert_eq!(places, [place(3), place(0)], "two splits of three pages each");
        assert_eq!(history.split_lines(AccountId(300), Some(place(3)), 10).len(), 1);
        assert_eq!((lines[0].1.page, lines[0].1.line), (2, split.lines[299]));
        assert!(history.split_lines(AccountId(601), None, 10).is_empty());
        let page = |number| history.split_page(place(0), number).map(|record| record.page);
        let pages: Vec<SplitPage> = (1..=3).filter_map(page).collect();
        assert_eq!(pages[0].lines.len(), SPLIT_PAGE_LINES_MAX);
        assert_eq!(page(4), None);
        let whole = Split::of_pages(&pages).unwrap();
        assert_eq!(verify_haircut(&whole, AccountId(300)), Some(split.lines[299].part));
    }

    #[test]
    fn a_store_that_fails_takes_history_away_and_nothing_else() {
        struct Broken;
        impl Store for Broken {
            fn applied(&self) -> Result<Option<Applied>, StoreError> {
                Ok(None)
            }
            fn get(&self, _: &str, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
                Ok(None)
            }
            fn scan(&self, _: &Scan<'_>) -> Result<Vec<Entry>, StoreError> {
                Ok(Vec::new())
            }
            fn apply(&self, _: Batch) -> Result<(), StoreError> {
                Err(StoreError::Panicked { doing: "work" })
            }
            fn flush(&self) -> Result<(), StoreError> {
                panic!("a store that has failed is left alone");
            }
        }
        let history = history(Broken);
        assert!(history.is_available());
        tell(&history, 1, vec![accepted(1, "a")]);
        assert!(!history.is_available());
        history.flush();
        assert_eq!(history.order(OrderId(1)), None);
    }
}
