//! Runs one operation on a book and books what came of it: orders, positions, fees, holds, depth.

use std::collections::BTreeSet;

use instruments::{InstrumentId, OrderId, Price, Qty, Side, TradeId};
use matching_engine::{Book, BookEvent, CancelReason, Trade};
use settlement::Bucket;

use crate::event::{Event, Fill, Traded};
use crate::place_order::OpenOrder;
use crate::{Exchange, Issued};

impl Exchange {
    /// Runs `operate` on the book of `instrument` and books its events. The caller has checked that the book accepts it.
    ///
    /// # Panics
    /// When the book refuses, which the checks before have ruled out.
    pub(crate) fn match_order(
        &mut self,
        instrument: InstrumentId,
        events: &mut Vec<Event>,
        operate: impl FnOnce(&mut Book, &mut Vec<BookEvent>),
    ) {
        let Some(book) = self.books.get_mut(&instrument) else { return };
        let mut happened = Vec::new();
        operate(book, &mut happened);

        let mut touched = Touched::default();
        for event in happened {
            self.book_event(instrument, event, &mut touched, events);
        }
        if let Some(order) = touched.arrived.take() {
            touched.order(order, self.orders.get(&order));
        }
        self.emit_depth(instrument, touched.levels, events);
        for account in touched.accounts {
            self.rehold(account);
        }
        self.unmarked.insert(instrument);
        self.marks_due_soon();
    }

    fn book_event(
        &mut self,
        instrument: InstrumentId,
        event: BookEvent,
        touched: &mut Touched,
        events: &mut Vec<Event>,
    ) {
        match event {
            BookEvent::Accepted { id } => {
                touched.arrived = Some(id);
                touched.order(id, self.orders.get(&id));
            }
            BookEvent::Rejected { reason, .. } => disagree(reason),
            BookEvent::Traded(trade) => self.book_trade(instrument, &trade, touched, events),
            BookEvent::Cancelled { id, qty, reason } => {
                touched.order(id, self.orders.get(&id));
                self.cancel_record(id, qty, reason, events);
            }
            BookEvent::Amended { id, price, qty } => {
                touched.order(id, self.orders.get(&id));
                touched.arrived = Some(id);
                self.amend_record(id, price, qty, events);
            }
            BookEvent::Decremented { id, price, qty, .. } => {
                touched.order(id, self.orders.get(&id));
                let limit = price.or_else(|| self.orders.get(&id).map(|record| record.limit));
                if let Some(limit) = limit {
                    self.amend_record(id, limit, qty, events);
                }
            }
        }
    }

    fn book_trade(
        &mut self,
        instrument: InstrumentId,
        trade: &Trade,
        touched: &mut Touched,
        events: &mut Vec<Event>,
    ) {
        touched.order(trade.maker, self.orders.get(&trade.maker));
        touched.order(trade.taker, self.orders.get(&trade.taker));
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let trade_seq = series.record_trade(trade.price, trade.qty);
        let mark = series.mark;
        let terms = series.instrument.clone();
        let maker_side = trade.taker_side.opposite();
        self.positions.trade(&terms, trade.maker_account, maker_side, trade.qty, trade.price);
        self.positions.trade(&terms, trade.taker_account, trade.taker_side, trade.qty, trade.price);
        self.fill_record(trade.maker, trade.qty);
        self.fill_record(trade.taker, trade.qty);

        let maker_fee = self.fee_rates.maker;
        let taker_fee = self.fee_rates.taker;
        let mut fill = |account, order, rate: instruments::Ppm| {
            // The checks bound the notional of whole positions; one trade is less.
            let notional = terms.notional(trade.price, trade.qty).unwrap_or_default();
            let fee = rate.of_ceil(notional);
            let from = [
                Bucket::Cash(account),
                Bucket::OrderHold(account),
                Bucket::PositionMargin(account),
            ];
            let unpaid = self.ledger.pay(&from, Bucket::Fees, fee);
            Fill { account, order, fee: fee - unpaid }
        };
        let maker = fill(trade.maker_account, trade.maker, maker_fee);
        let taker = fill(trade.taker_account, trade.taker, taker_fee);
        events.push(Event::Traded(Box::new(Traded {
            trade: TradeId(Issued::next(&mut self.issued.trades)),
            trade_seq,
            instrument,
            price: trade.price,
            qty: trade.qty,
            taker_side: trade.taker_side,
            mark,
            index: self.index_value(&terms.grade),
            maker,
            taker,
        })));
    }

    /// Enters an open order into the account's records.
    pub(crate) fn open_record(&mut self, order: OrderId, record: OpenOrder) {
        self.count_open(&record, Count::Add(record.open()));
        if let Some(account) = self.accounts.get_mut(&record.account) {
            account.open_orders = account.open_orders.saturating_add(1);
        }
        self.orders.insert(order, record);
    }

    fn fill_record(&mut self, order: OrderId, qty: Qty) {
        let Some(record) = self.orders.get_mut(&order) else { return };
        record.filled += qty;
        record.updated_at = self.now;
        let record = record.clone();
        self.count_open(&record, Count::Remove(qty));
        if record.open().is_zero() {
            self.drop_record(order, &record);
        }
    }

    fn cancel_record(
        &mut self,
        order: OrderId,
        qty: Qty,
        reason: CancelReason,
        events: &mut Vec<Event>,
    ) {
        let Some(record) = self.orders.get(&order).cloned() else { return };
        assert!(qty == record.open(), "the book and the exchange count differently");
        self.count_open(&record, Count::Remove(qty));
        self.drop_record(order, &record);
        let (account, instrument) = (record.account, record.instrument);
        events.push(Event::OrderCancelled { account, instrument, order, qty, reason });
    }

    fn amend_record(&mut self, order: OrderId, price: Price, qty: Qty, events: &mut Vec<Event>) {
        let Some(record) = self.orders.get(&order).cloned() else { return };
        self.count_open(&record, Count::Remove(record.open()));
        let mark =
            self.series.get(&record.instrument).map(|series| (series.mark, &series.instrument));
        let reserve =
            mark.and_then(|(mark, terms)| self.reserve_per_lot(terms, record.side, price, mark));
        let amended = OpenOrder {
            limit: price,
            qty,
            // What keeps its place keeps what was reserved for it; what arrives anew is reserved for anew.
            reserve_per_lot: if price == record.limit && qty <= record.qty {
                record.reserve_per_lot
            } else {
                reserve.unwrap_or(record.reserve_per_lot)
            },
            updated_at: self.now,
            ..record
        };
        self.count_open(&amended, Count::Add(amended.open()));
        let (account, instrument) = (amended.account, amended.instrument);
        if amended.open().is_zero() {
            self.drop_record(order, &amended);
        } else {
            self.orders.insert(order, amended);
        }
        events.push(Event::OrderAmended { account, instrument, order, price, qty });
    }

    fn drop_record(&mut self, order: OrderId, record: &OpenOrder) {
        self.orders.remove(&order);
        if let Some(account) = self.accounts.get_mut(&record.account) {
            account.open_orders = account.open_orders.saturating_sub(1);
        }
    }

    fn count_open(&mut self, record: &OpenOrder, count: Count) {
        let by_series = self.open_orders.entry(record.account).or_default();
        let open = by_series.entry(record.instrument).or_default();
        let lots = match record.side {
            Side::Buy => &mut open.buys,
            Side::Sell => &mut open.sells,
        };
        match count {
            Count::Add(qty) => {
                *lots += qty;
                open.reserve += record.reserve_of(qty);
            }
            Count::Remove(qty) => {
                *lots -= qty;
                open.reserve -= record.reserve_of(qty);
            }
        }
        if open.buys.is_zero() && open.sells.is_zero() {
            by_series.remove(&record.instrument);
        }
        if by_series.is_empty() {
            self.open_orders.remove(&record.account);
        }
    }

    fn emit_depth(
        &self,
        instrument: InstrumentId,
        levels: BTreeSet<(Side, Price)>,
        events: &mut Vec<Event>,
    ) {
        let Some(book) = self.books.get(&instrument) else { return };
        events.extend(levels.into_iter().map(|(side, price)| Event::DepthChanged {
            instrument,
            side,
            price,
            open: book.open_at(side, price),
        }));
    }
}

#[expect(clippy::panic, reason = "only our own checks can be wrong here: a bug, not a refusal")]
#[cold]
fn disagree(reason: matching_engine::BookReject) -> ! {
    panic!("the book refused what the exchange had checked: {reason:?}")
}

#[derive(Clone, Copy)]
enum Count {
    Add(Qty),
    Remove(Qty),
}

/// Which accounts and price levels one book operation has changed.
#[derive(Default)]
struct Touched {
    /// The order that arrives, or arrives anew. It is not on its level before all else has happened, and perhaps not then.
    arrived: Option<OrderId>,
    accounts: BTreeSet<instruments::AccountId>,
    levels: BTreeSet<(Side, Price)>,
}

impl Touched {
    fn order(&mut self, order: OrderId, record: Option<&OpenOrder>) {
        let Some(record) = record else { return };
        self.accounts.insert(record.account);
        if self.arrived != Some(order) {
            self.levels.insert((record.side, record.limit));
        }
    }
}
