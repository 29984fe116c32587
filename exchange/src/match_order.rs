//! Runs one operation on the books and books what came of it: orders, positions, fees, holds, depth.

use std::collections::BTreeSet;

use instruments::{
    AccountId, InstrumentId, MicroUsd, Nanos, NanosSpan, OrderId, Price, Side, TradeId,
};
use matching_engine::{BookEvent, CancelReason, Engine, Trade};
use settlement::Bucket;

use crate::event::{AmendReason, Event, Fill, QuoteEvent, Traded};
use crate::open_order::OpenOrder;
use crate::premium::fee_of;
use crate::{Exchange, Issued};

const INSTANT: NanosSpan = NanosSpan::new(1);

impl Exchange {
    /// Runs `operate` on the books and books their events. The caller has checked that they accept it.
    ///
    /// # Panics
    /// When a book refuses, which the checks before have ruled out.
    pub(crate) fn operate(
        &mut self,
        events: &mut Vec<Event>,
        operate: impl FnOnce(&mut Engine, &mut Vec<BookEvent>),
    ) {
        let mut happened = Vec::new();
        operate(&mut self.engine, &mut happened);
        if happened.is_empty() {
            return;
        }
        let mut touched = Touched::default();
        for event in happened.drain(..) {
            self.book_event(event, &mut touched, events);
        }
        for (account, instrument) in std::mem::take(&mut touched.reduced) {
            self.trim(account, instrument, &mut happened);
        }
        // QUOTE-022: the engine has pulled the quotes, and leaves the rest of the group to us.
        for (account, number) in std::mem::take(&mut touched.tripped) {
            for order in self.members_of(account, number) {
                if self.engine.order(order).is_some() {
                    self.engine.cancel(order, CancelReason::Protection, &mut happened);
                }
            }
        }
        touched.reason = AmendReason::ReduceOnly;
        for event in happened {
            self.book_event(event, &mut touched, events);
        }
        self.finish(touched, events);
        self.cancel_unpayable(events);
    }

    /// ORDER-042, where a position has become smaller by something else than a trade.
    pub(crate) fn trim_booked(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        events: &mut Vec<Event>,
    ) {
        let mut happened = Vec::new();
        self.trim(account, instrument, &mut happened);
        if happened.is_empty() {
            return;
        }
        let mut touched = Touched { reason: AmendReason::ReduceOnly, ..Touched::default() };
        for event in happened {
            self.book_event(event, &mut touched, events);
        }
        self.finish(touched, events);
    }

    fn finish(&mut self, touched: Touched, events: &mut Vec<Event>) {
        self.emit_depth(touched.levels(&self.orders), events);
        for account in touched.accounts {
            self.rehold(account);
        }
        self.unmarked.extend(touched.books);
        self.marks_due_soon();
    }

    /// VENUE-011: what time alone does to the books has happened before a command is looked at.
    ///
    /// A series whose last trade has come is emptied at that instant, before any auction that would have ended later.
    pub(crate) fn pass_time(&mut self, events: &mut Vec<Event>) {
        loop {
            let stops = self.stopping.first().copied().filter(|(at, _)| *at <= self.now);
            let rolls = self.rolling.first().copied().filter(|(at, _)| *at <= self.now);
            let others = [stops.map(|(at, _)| at), rolls.map(|(at, _)| at)];
            let first = others.into_iter().flatten().min().unwrap_or(self.now);
            // What an account has asked for happens before what the venue does at the same instant.
            if let Some((at, account)) = self.absent_by(first) {
                self.advance(Nanos::new(at.nanos().saturating_sub(INSTANT.nanos())), events);
                self.cancel_absent(account, events);
                continue;
            }
            // A series stops before its day of the same instant is settled.
            if let Some(day) = rolls.filter(|day| stops.is_none_or(|stop| day.0 < stop.0)) {
                self.rolling.remove(&day);
                self.advance(Nanos::new(day.0.nanos().saturating_sub(INSTANT.nanos())), events);
                self.roll_day(day.1, events);
                continue;
            }
            let Some((at, instrument)) = stops else { break };
            self.stopping.pop_first();
            self.advance(Nanos::new(at.nanos().saturating_sub(INSTANT.nanos())), events);
            let closing = self.closing(instrument, at);
            self.fix_exercise_price(instrument, at);
            self.fix_lot_value(instrument, at);
            self.cancel_in(instrument, CancelReason::Expired, events, |_| true);
            let Some(series) = self.series.get_mut(&instrument) else { continue };
            series.closing = closing;
            let reference = series.mark;
            // Nothing is left that could trade: an auction under way just ends.
            self.operate(events, |engine, out| engine.uncross(instrument, reference, out));
        }
        self.advance(self.now, events);
    }

    fn advance(&mut self, to: Nanos, events: &mut Vec<Event>) {
        self.cancel_unpayable(events);
        self.operate(events, |engine, out| engine.advance(to, out));
    }

    fn book_event(&mut self, event: BookEvent, touched: &mut Touched, events: &mut Vec<Event>) {
        match event {
            BookEvent::Accepted { book, id, .. } => {
                let record = self.orders.get(&id);
                assert!(record.is_some(), "the book issued the id that it had announced");
                touched.arrives(book, id, record);
            }
            BookEvent::Rejected { reason, .. } => disagree(reason),
            BookEvent::Traded(trade) => self.book_trade(&trade, touched, events),
            BookEvent::Cancelled { book, id, qty, reason } => {
                touched.order(book, id, self.orders.get(&id));
                self.cancel_record(id, qty, reason, events);
            }
            BookEvent::Amended { book, id, price, qty } => {
                touched.order(book, id, self.orders.get(&id));
                touched.arrives(book, id, self.orders.get(&id));
                self.amend_record(id, (price, qty), touched.reason, events);
            }
            BookEvent::Decremented { book, id, price, qty, .. } => {
                touched.order(book, id, self.orders.get(&id));
                self.amend_record(id, (price, qty), AmendReason::SelfTrade, events);
            }
            BookEvent::Refreshed { book, id, .. } => {
                touched.order(book, id, self.orders.get(&id));
            }
            BookEvent::Triggered { book, id } => {
                self.trigger_record(id, events);
                touched.arrives(book, id, self.orders.get(&id));
            }
            BookEvent::AuctionOpened { book: instrument, kind, until } => {
                touched.books.insert(instrument);
                events.push(Event::AuctionOpened { instrument, kind, until });
            }
            BookEvent::AuctionExtended { book: instrument, until } => {
                touched.books.insert(instrument);
                events.push(Event::AuctionExtended { instrument, until });
            }
            BookEvent::AuctionEnded { book: instrument, price, volume } => {
                touched.books.insert(instrument);
                if let Some(series) = self.series.get_mut(&instrument) {
                    series.indicative = None;
                }
                events.push(Event::AuctionEnded { instrument, price, volume });
            }
            BookEvent::Tripped { account, group: number, until } => {
                touched.tripped.push((account, number));
                let group = self.quoting.name_of(account, number);
                let name = group.and_then(|name| {
                    let grade = self.group(account, &name).ok()?.grade.clone();
                    Some((name, grade))
                });
                if let Some((group, grade)) = name {
                    let tripped = QuoteEvent::ProtectionTripped { account, group, grade, until };
                    events.push(Event::Quote(tripped));
                }
            }
            // Spreads are not traded here.
            BookEvent::Implied { .. } => {}
        }
    }

    fn book_trade(&mut self, trade: &Trade, touched: &mut Touched, events: &mut Vec<Event>) {
        let instrument = trade.book;
        for order in [trade.maker, trade.taker] {
            touched.order(instrument, order, self.orders.get(&order));
        }
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let trade_seq = series.record_trade(trade.price, trade.qty);
        let mark = series.mark;
        let terms = series.instrument.clone();
        self.record_on_tape(instrument, trade.price, trade.qty);
        let maker_side = trade.taker_side.opposite();
        self.positions.trade(&terms, trade.maker_account, maker_side, trade.qty, trade.price);
        self.positions.trade(&terms, trade.taker_account, trade.taker_side, trade.qty, trade.price);
        self.fill_record(trade.maker, trade.qty);
        self.fill_record(trade.taker, trade.qty);
        for account in [trade.maker_account, trade.taker_account] {
            if self.reduce_only.contains_key(&(account, instrument)) {
                touched.reduced.insert((account, instrument));
            }
        }

        self.pay_premium(&terms, trade);
        let maker_fee = fee_of(&terms, (trade.price, trade.qty), self.fee_rates.maker);
        let taker_fee = fee_of(&terms, (trade.price, trade.qty), self.fee_rates.taker);
        let mut fill = |account, order, fee: MicroUsd| {
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

    fn emit_depth(&self, levels: BTreeSet<(InstrumentId, Side, Price)>, events: &mut Vec<Event>) {
        events.extend(levels.into_iter().filter_map(|(instrument, side, price)| {
            let open = self.engine.book(instrument)?.open_at(side, price);
            Some(Event::DepthChanged { instrument, side, price, open })
        }));
    }
}

#[expect(clippy::panic, reason = "only our own checks can be wrong here: a bug, not a refusal")]
#[cold]
fn disagree(reason: matching_engine::BookReject) -> ! {
    panic!("the book refused what the exchange had checked: {reason:?}")
}

/// What one operation has changed.
#[derive(Default)]
struct Touched {
    books: BTreeSet<InstrumentId>,
    accounts: BTreeSet<AccountId>,
    /// Who may have reduce-only orders beyond a position, and where.
    reduced: BTreeSet<(AccountId, InstrumentId)>,
    levels: BTreeSet<(InstrumentId, Side, Price)>,
    /// Groups of quotes that were pulled.
    tripped: Vec<(AccountId, u32)>,
    /// Orders that arrive, or arrive anew. They are not on their levels before all else has happened, and perhaps not then.
    arrived: BTreeSet<OrderId>,
    /// Why orders are amended.
    reason: AmendReason,
}

impl Touched {
    fn order(&mut self, book: InstrumentId, order: OrderId, record: Option<&OpenOrder>) {
        self.books.insert(book);
        let Some(record) = record else { return };
        self.accounts.insert(record.account);
        if !record.waits && !self.arrived.contains(&order) {
            self.levels.insert((book, record.side, record.limit));
        }
    }

    fn arrives(&mut self, book: InstrumentId, order: OrderId, record: Option<&OpenOrder>) {
        self.books.insert(book);
        self.arrived.insert(order);
        self.accounts.extend(record.map(|record| record.account));
    }

    /// Every level that may have changed.
    fn levels(
        &self,
        orders: &std::collections::BTreeMap<OrderId, OpenOrder>,
    ) -> BTreeSet<(InstrumentId, Side, Price)> {
        let arrived = self.arrived.iter().filter_map(|order| orders.get(order));
        let rest = arrived.filter(|record| !record.waits);
        let their_levels = rest.map(|record| (record.instrument, record.side, record.limit));
        self.levels.iter().copied().chain(their_levels).collect()
    }
}
