//! Text in, snapshot out.
//!
//! ```text
//! [account:] buy|sell QTY @ PRICE|market [ioc|fok] [post] [stp=MODE] [#ID]
//! cancel #ID | amend #ID [QTY] [@ PRICE] | auction | uncross REFERENCE | snapshot
//! ```
//! Orders without an id are numbered from 1 in the order of their lines; orders without an account have one of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::Expect;
use instruments::{AccountId, OrderId, Price, Qty, Side};
use matching_engine::{Book, BookEvent, CancelReason, NewOrder, OrderKind, StpMode, TimeInForce};

/// Runs a script on an empty book and compares the events and the book that is left.
#[track_caller]
pub(crate) fn check(script: &str, expected: Expect) {
    expected.assert_eq(&run(script));
}

fn run(script: &str) -> String {
    let mut desk = Desk::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        desk.line(line);
    }
    desk.render_book();
    desk.out
}

#[derive(Default)]
struct Desk {
    book: Book,
    accounts: BTreeMap<String, AccountId>,
    placed: u64,
    out: String,
}

impl Desk {
    fn line(&mut self, line: &str) {
        let (account, command) = line.split_once(": ").unwrap_or(("", line));
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut events = Vec::new();
        match words.as_slice() {
            ["buy" | "sell", ..] => {
                let order = self.order(account, &words);
                self.book.place(order, &mut events);
            }
            ["cancel", id] => self.book.cancel(id_of(id), CancelReason::Requested, &mut events),
            ["amend", id, change @ ..] => {
                let (total, price) = match change {
                    [] => (None, None),
                    ["@", price] => (None, Some(price_of(price))),
                    [total] => (Some(qty_of(total)), None),
                    [total, "@", price] => (Some(qty_of(total)), Some(price_of(price))),
                    _ => panic!("cannot read `{line}`"),
                };
                self.book.amend(id_of(id), price, total, &mut events);
            }
            ["auction"] => self.book.open_auction(),
            ["uncross", reference] => self.book.uncross(price_of(reference), &mut events),
            ["snapshot"] => {
                let bytes = borsh::to_vec(&self.book).unwrap();
                self.book = borsh::from_slice(&bytes).unwrap();
            }
            _ => panic!("cannot read `{line}`"),
        }
        for event in &events {
            self.render(event);
        }
    }

    fn order(&mut self, account: &str, words: &[&str]) -> NewOrder {
        self.placed += 1;
        let id = words.iter().find(|word| word.starts_with('#'));
        let id = id.map_or(OrderId(self.placed), |word| id_of(word));
        let account = if account.is_empty() {
            AccountId(1000 + self.placed)
        } else {
            let next = AccountId(1 + u64::try_from(self.accounts.len()).unwrap());
            *self.accounts.entry(account.to_owned()).or_insert(next)
        };
        let price = words.iter().position(|word| *word == "@").map(|at| price_of(words[at + 1]));
        let stp = words.iter().find_map(|word| word.strip_prefix("stp="));
        NewOrder {
            id,
            account,
            side: if words[0] == "buy" { Side::Buy } else { Side::Sell },
            kind: price.map_or(OrderKind::Market, OrderKind::Limit),
            qty: qty_of(words[1]),
            time_in_force: if words.contains(&"ioc") {
                TimeInForce::Ioc
            } else if words.contains(&"fok") {
                TimeInForce::Fok
            } else {
                TimeInForce::Gtc
            },
            post_only: words.contains(&"post"),
            stp: match stp {
                None => StpMode::None,
                Some("newest") => StpMode::CancelNewest,
                Some("oldest") => StpMode::CancelOldest,
                Some("both") => StpMode::CancelBoth,
                Some("decrement") => StpMode::Decrement,
                Some(other) => panic!("no self-trade mode `{other}`"),
            },
        }
    }

    fn render(&mut self, event: &BookEvent) {
        let out = &mut self.out;
        match event {
            BookEvent::Accepted { .. } => return,
            BookEvent::Rejected { id, reason } => {
                write!(out, "#{} refused: {}", id.0, reason.code())
            }
            BookEvent::Traded(trade) => write!(
                out,
                "#{} takes {} from #{} @ {}",
                trade.taker.0,
                trade.qty.lots(),
                trade.maker.0,
                trade.price.ticks()
            ),
            BookEvent::Cancelled { id, qty, reason } => {
                write!(out, "#{} cancelled {}: {}", id.0, qty.lots(), reason.code())
            }
            BookEvent::Amended { id, price, qty } => {
                write!(out, "#{} amended to {} @ {}", id.0, qty.lots(), price.ticks())
            }
            BookEvent::Decremented { id, by, qty, .. } => {
                write!(out, "#{} decremented by {} to {}", id.0, by.lots(), qty.lots())
            }
        }
        .unwrap();
        out.push('\n');
    }

    /// The worst ask stands on top, the worst bid at the bottom; within a line the oldest order stands first.
    fn render_book(&mut self) {
        let asks: Vec<_> = self.book.depth(Side::Sell).map(|(price, _)| price).collect();
        for price in asks.into_iter().rev() {
            self.render_level("ask", Side::Sell, price);
        }
        let bids: Vec<_> = self.book.depth(Side::Buy).map(|(price, _)| price).collect();
        for price in bids {
            self.render_level("bid", Side::Buy, price);
        }
    }

    fn render_level(&mut self, word: &str, side: Side, price: Price) {
        write!(self.out, "{word} {}", price.ticks()).unwrap();
        let here = self.book.orders().filter(|o| (o.side, o.price) == (side, price));
        let mut sum = Qty::ZERO;
        for order in here {
            write!(self.out, " #{}x{}", order.id.0, order.open.lots()).unwrap();
            sum += order.open;
        }
        assert_eq!(sum, self.book.open_at(side, price), "level and orders disagree");
        self.out.push('\n');
    }
}

fn id_of(word: &str) -> OrderId {
    OrderId(word.strip_prefix('#').unwrap().parse().unwrap())
}

fn price_of(word: &str) -> Price {
    Price::from_ticks(word.parse().unwrap())
}

fn qty_of(word: &str) -> Qty {
    Qty::from_lots(word.parse().unwrap())
}
