//! Text in, events out, for mass quotes and market-maker protection.
//!
//! ```text
//! MAKER.GROUP protect [window=N] [frozen=N] [qty=N] [trades=N] [delta=N] [vega=N] | MAKER.GROUP reset | MAKER.GROUP pull | MAKER pull
//! MAKER.GROUP quote BOOK BID ASK[, BOOK BID ASK]...     a side is LOTS@PRICE or -
//! ACCOUNT buy|sell LOTS@PRICE in BOOK [stop=PRICE]
//! cancel #N | at NANOS | greeks BOOK DELTA VEGA | band BOOK LOW HIGH | auction BOOK [UNTIL] | uncross BOOK PRICE
//! delist BOOK | link SPREAD FRONT BACK
//! ```
//! Accounts are letters; orders are numbered from 1 in the order in which they are accepted. Books 1 and 2 are first come, first served,
//! book 3 is pro-rata.

use std::fmt::Write as _;

use expect_test::Expect;
use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, OrderId, Price, Qty, Side};
use matching_engine::{
    Allocation, AuctionKind, Bands, BookEvent, BookTerms, CancelReason, Capacity, Engine, Greeks,
    Limits, NewOrder, PriceSource, Quote, Trigger, TriggerWhen,
};

/// Runs a script and compares what was said.
#[track_caller]
pub(crate) fn check(script: &str, expected: Expect) {
    let mut desk = Desk::new(true);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        desk.line(line);
    }
    expected.assert_eq(&desk.said);
}

/// An engine with three books, and what it said.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    /// By number, less one.
    ids: Vec<OrderId>,
    pub(crate) said: String,
}

impl Desk {
    /// Book 3 is pro-rata if that is asked for.
    pub(crate) fn new(has_pro_rata: bool) -> Self {
        let mut engine = Engine::new(Capacity { orders: 0 });
        let fifo = BookTerms::continuous(Price::from_ticks(100));
        let allocation = if has_pro_rata {
            Allocation::ProRata { min: Qty::from_lots(1), top: false }
        } else {
            Allocation::Fifo
        };
        assert!(engine.list(InstrumentId(1), fifo));
        assert!(engine.list(InstrumentId(2), fifo));
        assert!(engine.list(InstrumentId(3), BookTerms { allocation, ..fifo }));
        Self { engine, ids: Vec::new(), said: String::new() }
    }

    /// Does what a line says.
    pub(crate) fn line(&mut self, line: &str) {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (engine, mut events) = (&mut self.engine, Vec::new());
        let out = &mut events;
        match (head, words.as_slice()) {
            ("cancel", [id]) => {
                let number: usize = id.trim_start_matches('#').parse().unwrap();
                engine.cancel(self.ids[number - 1], CancelReason::Requested, out);
            }
            ("at", [at]) => engine.advance(Nanos::new(at.parse().unwrap()), out),
            ("greeks", [book, delta, vega]) => {
                let greeks = Greeks { delta: delta.parse().unwrap(), vega: vega.parse().unwrap() };
                engine.set_greeks(book_of(book), greeks);
            }
            ("band", [book, low, high]) => {
                let bands = Bands { low: Some(price_of(low)), high: Some(price_of(high)) };
                engine.set_bands(book_of(book), bands);
            }
            ("auction", [book, until @ ..]) => {
                let until = until.first().map(|at| Nanos::new(at.parse().unwrap()));
                engine.open_auction(book_of(book), AuctionKind::Call, until, out);
            }
            ("link", [spread, front, back]) => {
                assert!(engine.link(book_of(spread), book_of(front), book_of(back)));
            }
            ("uncross", [book, price]) => engine.uncross(book_of(book), price_of(price), out),
            ("delist", [book]) => engine.delist(book_of(book), CancelReason::Expired, out),
            (account, [verb @ ("buy" | "sell"), side, "in", book, stop @ ..]) => {
                let (price, qty) = side_of(side).unwrap();
                let side = if *verb == "buy" { Side::Buy } else { Side::Sell };
                let trigger = stop.first().map(|stop| Trigger {
                    source: PriceSource::Last,
                    when: if side == Side::Buy { TriggerWhen::Rises } else { TriggerWhen::Falls },
                    price: price_of(stop.trim_start_matches("stop=")),
                });
                let order = NewOrder::limit(account_of(account), side, price, qty);
                engine.place(book_of(book), &NewOrder { trigger, ..order }, out);
            }
            (maker, ["pull"]) => {
                let (account, group) = maker.split_once('.').unwrap_or((maker, ""));
                let reason = CancelReason::Requested;
                engine.cancel_quotes(account_of(account), group.parse().ok(), reason, out);
            }
            (maker, [verb, ..]) => {
                let (account, group) = maker.split_once('.').unwrap();
                let (account, group) = (account_of(account), group.parse().unwrap());
                match *verb {
                    "protect" => assert!(engine.set_protection(account, group, limits_of(rest))),
                    "reset" => assert!(engine.reset_protection(account, group)),
                    "quote" => engine.mass_quote(account, group, &quotes_of(rest), out),
                    _ => panic!("cannot read `{line}`"),
                }
            }
            _ => panic!("cannot read `{line}`"),
        }
        for event in &events {
            self.say(event);
        }
    }

    fn say(&mut self, event: &BookEvent) {
        if let BookEvent::Accepted { id, .. } = event {
            self.ids.push(*id);
        }
        let number =
            |id: OrderId| self.ids.iter().position(|other| *other == id).map_or(0, |at| at + 1);
        let line = match *event {
            BookEvent::Accepted { book, id, price } => {
                let price = price.map_or(0, Price::ticks);
                format!("{} #{} accepted @ {price}", book.0, number(id))
            }
            BookEvent::Amended { book, id, price, qty } => {
                let price = price.map_or(0, Price::ticks);
                format!("{} #{} amended to {} @ {price}", book.0, number(id), qty.lots())
            }
            BookEvent::Rejected { book, id, reason } => {
                let id = id.map_or(String::new(), |id| format!("#{} ", number(id)));
                format!("{} {id}refused: {}", book.0, reason.code())
            }
            BookEvent::Cancelled { book, id, qty, reason } => {
                format!("{} #{} loses {}: {}", book.0, number(id), qty.lots(), reason.code())
            }
            BookEvent::Traded(trade) => format!(
                "{} #{} takes {} from #{} @ {}",
                trade.book.0,
                number(trade.taker),
                trade.qty.lots(),
                number(trade.maker),
                trade.price.ticks()
            ),
            BookEvent::Tripped { account, group, until } => {
                let until = until.map_or("reset".to_owned(), |at| at.nanos().to_string());
                format!("{}.{group} tripped until {until}", letter_of(account))
            }
            BookEvent::Triggered { book, id } => format!("{} #{} triggered", book.0, number(id)),
            BookEvent::Implied { book, id, price, qty } => {
                format!("{} #{} gets {} @ {}", book.0, number(id), qty.lots(), price.ticks())
            }
            BookEvent::AuctionOpened { book, .. } => format!("{} auction", book.0),
            BookEvent::AuctionEnded { book, .. } => format!("{} auction over", book.0),
            BookEvent::Decremented { .. }
            | BookEvent::Refreshed { .. }
            | BookEvent::AuctionExtended { .. } => format!("{event:?}"),
        };
        writeln!(self.said, "{line}").unwrap();
    }
}

fn account_of(name: &str) -> AccountId {
    AccountId(u64::from(name.bytes().next().unwrap() - b'a' + 1))
}

fn letter_of(account: AccountId) -> char {
    char::from(u8::try_from(account.0).unwrap() + b'a' - 1)
}

fn book_of(word: &str) -> InstrumentId {
    InstrumentId(word.parse().unwrap())
}

fn price_of(word: &str) -> Price {
    Price::from_ticks(word.parse().unwrap())
}

fn side_of(word: &str) -> Option<(Price, Qty)> {
    let (lots, price) = word.split_once('@')?;
    Some((price_of(price), Qty::from_lots(lots.parse().unwrap())))
}

fn quotes_of(rest: &str) -> Vec<Quote> {
    let quote = |entry: &str| match entry.split_whitespace().collect::<Vec<_>>()[..] {
        [book, bid, ask] => Quote { book: book_of(book), bid: side_of(bid), ask: side_of(ask) },
        _ => panic!("cannot read `{entry}`"),
    };
    rest.trim_start_matches("quote").split(',').map(quote).collect()
}

fn limits_of(rest: &str) -> Limits {
    let value = |name: &str| {
        let mut words = rest.split_whitespace().filter_map(|word| word.split_once('='));
        words.find(|(key, _)| *key == name).map(|(_, value)| value.parse::<u64>().unwrap())
    };
    Limits {
        window: NanosSpan::new(value("window").unwrap_or(1_000)),
        frozen_for: value("frozen").map(NanosSpan::new),
        qty_max: value("qty").unwrap_or(0),
        delta_max: value("delta").unwrap_or(0),
        vega_max: value("vega").unwrap_or(0),
        trades_max: u32::try_from(value("trades").unwrap_or(0)).unwrap(),
    }
}
