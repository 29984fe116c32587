//! Events and books as a script prints them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use instruments::{InstrumentId, OrderId, Price, Side};
use matching_engine::{AuctionKind, BookEvent, Order, OrderKind};

use crate::naive::{Command, Venue};
use crate::pair::Pair;

/// What has been printed, and how orders are called.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) out: String,
    pub(crate) labels: BTreeMap<OrderId, u64>,
}

impl Report {
    /// Prints what a command led to. `newest` is the number of the newest order.
    pub(crate) fn events(&mut self, command: &Command, newest: u64, events: &[BookEvent]) {
        for event in events {
            if let BookEvent::Accepted { book, id, price } = *event {
                self.accepted(command, newest, (book, id, price));
            } else {
                let (book, text) = self.text(event, newest);
                self.line(book, &text);
            }
        }
    }

    /// Only a price that the account did not choose is worth a line.
    fn accepted(
        &mut self,
        command: &Command,
        newest: u64,
        (book, id, price): (InstrumentId, OrderId, Option<Price>),
    ) {
        self.labels.insert(id, newest);
        let Command::Place(_, order) = command else { panic!("nothing was placed") };
        let price = price.map_or(OrderKind::Market, OrderKind::Limit);
        if let OrderKind::Limit(limit) = price
            && price != order.kind
        {
            self.line(book, &format!("#{newest} slides to {}", limit.ticks()));
        }
    }

    fn text(&self, event: &BookEvent, newest: u64) -> (InstrumentId, String) {
        let name = |id: OrderId| format!("#{}", self.labels[&id]);
        match *event {
            BookEvent::Accepted { .. } => unreachable!("a line of its own"),
            BookEvent::Rejected { book, id, reason } => {
                let label = id.map_or(newest, |id| self.labels[&id]);
                let limit = reason.limit().map(|limit| format!(" {}", limit.ticks()));
                let limit = limit.unwrap_or_default();
                (book, format!("#{label} refused: {}{limit}", reason.code()))
            }
            BookEvent::Traded(trade) => {
                let (taker, maker) = (name(trade.taker), name(trade.maker));
                let (qty, price) = (trade.qty.lots(), trade.price.ticks());
                (trade.book, format!("{taker} takes {qty} from {maker} @ {price}"))
            }
            BookEvent::Implied { book, id, price, qty } => {
                (book, format!("{} gets {} @ {}", name(id), qty.lots(), price.ticks()))
            }
            BookEvent::Cancelled { book, id, qty, reason } => {
                (book, format!("{} cancelled {}: {}", name(id), qty.lots(), reason.code()))
            }
            BookEvent::Amended { book, id, price, qty } => {
                let price =
                    price.map_or("market".to_owned(), |price| format!("@ {}", price.ticks()));
                (book, format!("{} amended to {} {price}", name(id), qty.lots()))
            }
            BookEvent::Decremented { book, id, by, qty, .. } => {
                (book, format!("{} decremented by {} to {}", name(id), by.lots(), qty.lots()))
            }
            BookEvent::Refreshed { book, id, shown } => {
                (book, format!("{} shows {}", name(id), shown.lots()))
            }
            BookEvent::Triggered { book, id } => (book, format!("{} triggered", name(id))),
            BookEvent::AuctionOpened { book, kind, until } => {
                let until = until.map(|at| format!(" until {}", at.nanos() / 1_000_000_000));
                (book, format!("{} auction{}", word_of(kind), until.unwrap_or_default()))
            }
            BookEvent::AuctionExtended { book, until } => {
                (book, format!("auction extended until {}", until.nanos() / 1_000_000_000))
            }
            BookEvent::AuctionEnded { book, price: Some(price), volume } => {
                (book, format!("auction over: {} @ {}", volume.lots(), price.ticks()))
            }
            BookEvent::AuctionEnded { book, price: None, .. } => {
                (book, "auction over: nothing".to_owned())
            }
            BookEvent::Tripped { account, group, .. } => {
                (InstrumentId(1), format!("group {group} of {} tripped", account.0))
            }
        }
    }

    /// Book by book: the worst ask stands on top, the worst bid at the bottom; within a line the oldest order stands first.
    pub(crate) fn books(&mut self, pair: &Pair) {
        let all = pair.naive.resting();
        for book in pair.real.instruments() {
            let mine: Vec<_> = all.iter().filter(|order| order.book == book).copied().collect();
            let view = pair.real.book(book).unwrap();
            let asks: Vec<_> = view.depth(Side::Sell).map(|(price, _)| price).collect();
            for price in asks.into_iter().rev() {
                self.level("ask", (Side::Sell, price), &mine);
            }
            for (price, _) in view.depth(Side::Buy) {
                self.level("bid", (Side::Buy, price), &mine);
            }
            let waiting: Vec<_> = mine.into_iter().filter(|o| o.trigger.is_some()).collect();
            if !waiting.is_empty() {
                self.orders("waits", &waiting);
            }
        }
    }

    fn level(&mut self, word: &str, level: (Side, Price), orders: &[Order]) {
        let is_here = |order: &&Order| {
            let here = (level.0, OrderKind::Limit(level.1));
            (order.side, order.kind) == here && order.trigger.is_none()
        };
        let here: Vec<_> = orders.iter().filter(is_here).copied().collect();
        self.orders(&format!("{word} {}", level.1.ticks()), &here);
    }

    fn orders(&mut self, title: &str, orders: &[Order]) {
        let mut text = title.to_owned();
        for order in orders {
            write!(text, " #{}x", self.labels[&order.id]).unwrap();
            let hidden = order.open - order.shown;
            if order.trigger.is_some() || hidden.is_zero() {
                write!(text, "{}", order.open.lots()).unwrap();
            } else {
                write!(text, "{}+{}", order.shown.lots(), hidden.lots()).unwrap();
            }
        }
        self.line(orders[0].book, &text);
    }

    fn line(&mut self, book: InstrumentId, text: &str) {
        if 1 < book.0 {
            write!(self.out, "{}| ", book.0).unwrap();
        }
        self.out.push_str(text);
        self.out.push('\n');
    }
}

const fn word_of(kind: AuctionKind) -> &'static str {
    match kind {
        AuctionKind::Opening => "opening",
        AuctionKind::Volatility => "volatility",
        AuctionKind::Restart => "restart",
        AuctionKind::Call => "call",
        AuctionKind::Batch => "batch",
    }
}
