//! Text in, events and books out. Every script runs on the real engine and on the naive one.
//!
//! ```text
//! [BOOK|] [account:] buy|sell QTY @ PRICE|market [ioc|fok|gfa|gfn|gtd=SECONDS] [post|slide] [stp=MODE] [token=N]
//!         [display=QTY] [ceiling=PRICE] [stop=[SOURCE:]PRICE|take=[SOURCE:]PRICE]
//! cancel #N | amend #N [QTY] [@ PRICE] [trigger=PRICE]
//! [BOOK|] terms [prorata=MIN] [top] [batch=SECONDS] [reference=PRICE] [width=TICKS window=SECONDS length=SECONDS] [random=SECONDS] [extensions=N]
//! [BOOK|] band LOW HIGH | mark PRICE | index PRICE | auction [KIND] [until=SECONDS] | uncross REFERENCE | delist
//! clock SECONDS | snapshot
//! ```
//! Book 1 when none is named; a book is listed when it is first named. Orders are numbered from 1 in the order of their lines, refused ones
//! too. Orders without an account have one of their own. A stop waits for the price to move against its side, a take for the opposite.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::Expect;
use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, OrderId, Price, Qty, Side};
use matching_engine::{
    Allocation, Amend, AuctionKind, Bands, BookMode, BookTerms, Breaker, Call, NewOrder, OrderKind,
    PostOnly, PriceSource, StpMode, TimeInForce, Trigger, TriggerWhen,
};

use crate::naive::Command;
use crate::pair::Pair;
use crate::report::Report;

/// Runs a script on an empty engine and compares the events and the books that are left.
#[track_caller]
pub(crate) fn check(script: &str, expected: Expect) {
    expected.assert_eq(&run(script));
}

fn run(script: &str) -> String {
    let mut desk = Desk {
        pair: Pair::new(),
        listed: BTreeSet::new(),
        accounts: BTreeMap::new(),
        placed: 0,
        report: Report::default(),
    };
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        desk.line(line);
        desk.pair.check();
    }
    desk.report.books(&desk.pair);
    desk.report.out
}

struct Desk {
    pair: Pair,
    listed: BTreeSet<InstrumentId>,
    accounts: BTreeMap<String, AccountId>,
    placed: u64,
    report: Report,
}

impl Desk {
    fn line(&mut self, line: &str) {
        let (book, rest) = line.split_once('|').unwrap_or(("1", line));
        let book = InstrumentId(number(book.trim()));
        let (account, command) = rest.trim().split_once(": ").unwrap_or(("", rest));
        let words: Vec<&str> = command.split_whitespace().collect();
        if let ["terms", terms @ ..] = words.as_slice() {
            return self.list(book, terms_of(terms));
        }
        if !self.listed.contains(&book) && book != InstrumentId(99) {
            self.list(book, BookTerms::continuous(price_of("100")));
        }
        let command = match words.as_slice() {
            ["buy" | "sell", ..] => {
                self.placed += 1;
                Command::Place(book, order_of(&words, self.account(account)))
            }
            ["cancel", id] => Command::Cancel(self.id_of(id)),
            ["amend", id, change @ ..] => Command::Amend(self.id_of(id), amend_of(change)),
            ["band", low, high] => {
                Command::SetBands(book, Bands { low: bound(low), high: bound(high) })
            }
            ["mark", price] => Command::SetPrice(book, PriceSource::Mark, price_of(price)),
            ["index", price] => Command::SetPrice(book, PriceSource::Index, price_of(price)),
            ["auction", words @ ..] => {
                let until = value(words, "until=").map(|at| Nanos::from_seconds(number(at)));
                Command::OpenAuction(book, kind_of(words), until)
            }
            ["uncross", reference] => Command::Uncross(book, price_of(reference)),
            ["clock", at] => Command::Advance(Nanos::from_seconds(number(at))),
            ["delist"] => {
                self.listed.remove(&book);
                Command::Delist(book)
            }
            ["snapshot"] => return self.pair.restore(),
            _ => panic!("cannot read `{line}`"),
        };
        let events = self.pair.apply(&command);
        self.report.events(&command, self.placed, &events);
    }

    fn list(&mut self, book: InstrumentId, terms: BookTerms) {
        assert!(self.listed.insert(book), "book {} is listed already", book.0);
        self.pair.apply(&Command::List(book, terms));
    }

    fn account(&mut self, name: &str) -> AccountId {
        if name.is_empty() {
            return AccountId(1000 + self.placed);
        }
        if let Some(digits) = name.strip_prefix("account ") {
            return AccountId(number(digits));
        }
        let next = AccountId(1 + u64::try_from(self.accounts.len()).unwrap());
        *self.accounts.entry(name.to_owned()).or_insert(next)
    }

    /// An order that was never accepted has an id that names nothing.
    fn id_of(&mut self, word: &str) -> OrderId {
        let label = number(word.strip_prefix('#').unwrap());
        let unknown = OrderId(((1 << 39) + label) << 24);
        let known = self.report.labels.iter().find(|(_, known)| **known == label);
        let id = known.map_or(unknown, |(id, _)| *id);
        self.report.labels.insert(id, label);
        id
    }
}

fn order_of(words: &[&str], account: AccountId) -> NewOrder {
    let side = if words[0] == "buy" { Side::Buy } else { Side::Sell };
    let price = words.iter().position(|word| *word == "@").map(|at| price_of(words[at + 1]));
    let kind = price.map_or(OrderKind::Market, OrderKind::Limit);
    let waits = |word, when| value(words, word).map(|text| trigger_of(text, when));
    let (against, along) = match side {
        Side::Buy => (TriggerWhen::Rises, TriggerWhen::Falls),
        Side::Sell => (TriggerWhen::Falls, TriggerWhen::Rises),
    };
    NewOrder {
        account,
        side,
        kind,
        qty: qty_of(words[1]),
        time_in_force: time_in_force_of(words),
        post_only: if words.contains(&"post") {
            PostOnly::Reject
        } else if words.contains(&"slide") {
            PostOnly::Slide
        } else {
            PostOnly::No
        },
        stp: match value(words, "stp=") {
            None => StpMode::None,
            Some("newest") => StpMode::CancelNewest,
            Some("oldest") => StpMode::CancelOldest,
            Some("both") => StpMode::CancelBoth,
            Some("decrement") => StpMode::Decrement,
            Some(other) => panic!("no self-trade mode `{other}`"),
        },
        stp_token: value(words, "token=").map_or(0, number),
        display: value(words, "display=").map(qty_of),
        trigger: waits("stop=", against).or_else(|| waits("take=", along)),
        ceiling: value(words, "ceiling=").map(price_of),
    }
}

fn time_in_force_of(words: &[&str]) -> TimeInForce {
    if let Some(at) = value(words, "gtd=") {
        return TimeInForce::Gtd(Nanos::from_seconds(number(at)));
    }
    let named = [
        ("ioc", TimeInForce::Ioc),
        ("fok", TimeInForce::Fok),
        ("gfa", TimeInForce::Gfa),
        ("gfn", TimeInForce::Gfn),
    ];
    let found = named.into_iter().find(|(name, _)| words.contains(name));
    found.map_or(TimeInForce::Gtc, |(_, force)| force)
}

fn trigger_of(text: &str, when: TriggerWhen) -> Trigger {
    let (source, price) = text.split_once(':').unwrap_or(("last", text));
    let source = match source {
        "last" => PriceSource::Last,
        "mark" => PriceSource::Mark,
        "index" => PriceSource::Index,
        other => panic!("no price `{other}`"),
    };
    Trigger { source, when, price: price_of(price) }
}

fn amend_of(mut words: &[&str]) -> Amend {
    let mut amend = Amend::default();
    loop {
        words = match words {
            [] => return amend,
            ["@", price, rest @ ..] => {
                amend.price = Some(price_of(price));
                rest
            }
            [word, rest @ ..] => {
                match word.strip_prefix("trigger=") {
                    Some(price) => amend.trigger = Some(price_of(price)),
                    None => amend.total = Some(qty_of(word)),
                }
                rest
            }
        };
    }
}

fn terms_of(words: &[&str]) -> BookTerms {
    let span = |word| NanosSpan::from_seconds(value(words, word).map_or(0, number));
    let min = value(words, "prorata=");
    BookTerms {
        allocation: min.map_or(Allocation::Fifo, |min| Allocation::ProRata {
            min: qty_of(min),
            top: words.contains(&"top"),
        }),
        mode: match value(words, "batch=") {
            Some(_) => BookMode::Batch { every: span("batch=") },
            None => BookMode::Continuous,
        },
        reference: price_of(value(words, "reference=").unwrap_or("100")),
        window: 64,
        breaker: value(words, "width=").map(|width| Breaker {
            width: number(width),
            window: span("window="),
            call: Call { length: span("length="), random: span("random=") },
            extensions: value(words, "extensions=").map_or(0, |most| most.parse().unwrap()),
        }),
    }
}

fn kind_of(words: &[&str]) -> AuctionKind {
    match words.first() {
        Some(&"opening") => AuctionKind::Opening,
        Some(&"volatility") => AuctionKind::Volatility,
        Some(&"restart") => AuctionKind::Restart,
        _ => AuctionKind::Call,
    }
}

fn value<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(name))
}

fn bound(word: &str) -> Option<Price> {
    (word != "-").then(|| price_of(word))
}

fn number(word: &str) -> u64 {
    word.parse().unwrap()
}

fn price_of(word: &str) -> Price {
    Price::from_ticks(word.parse().unwrap())
}

fn qty_of(word: &str) -> Qty {
    Qty::from_lots(number(word))
}
