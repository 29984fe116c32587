//! Calendar spreads and their legs: what an implied match is, and that the engine does what a plain search does.

use std::collections::BTreeMap;

use instruments::{AccountId, InstrumentId, OrderId, Price, Qty, Side};
use matching_engine::{
    BookEvent, BookTerms, CancelReason, Capacity, Engine, NewOrder, PostOnly, StpMode, TimeInForce,
};
use proptest::prelude::*;

const FRONT: InstrumentId = InstrumentId(1);
const BACK: InstrumentId = InstrumentId(2);
const SPREAD: InstrumentId = InstrumentId(3);

fn linked() -> Engine {
    let mut engine = Engine::new(Capacity { orders: 64 });
    for book in [FRONT, BACK, SPREAD] {
        assert!(engine.list(book, BookTerms::continuous(Price::from_ticks(0))));
    }
    assert!(engine.link(SPREAD, FRONT, BACK));
    engine
}

fn limit(account: u64, side: Side, price: i64, qty: u64) -> NewOrder {
    let (price, qty) = (Price::from_ticks(price), Qty::from_lots(qty));
    NewOrder::limit(AccountId(account), side, price, qty)
}

/// Places orders and tells what happened, orders named by the order of their placing.
fn story(orders: &[(InstrumentId, NewOrder)]) -> Vec<String> {
    let mut engine = linked();
    let (mut ids, mut told) = (BTreeMap::new(), Vec::new());
    for (number, (book, order)) in (1..).zip(orders) {
        ids.insert(engine.next_id(), number);
        let mut events = Vec::new();
        engine.place(*book, order, &mut events);
        told.extend(events.iter().filter_map(|event| tell(event, &ids)));
    }
    told
}

fn tell(event: &BookEvent, ids: &BTreeMap<OrderId, i32>) -> Option<String> {
    let name = |id: &OrderId| format!("#{}", ids[id]);
    let of =
        |book: &InstrumentId| ["", "front", "back", "spread"][usize::try_from(book.0).unwrap()];
    match event {
        BookEvent::Traded(trade) => Some(format!(
            "{}: {} {} {} from {} @ {}",
            of(&trade.book),
            name(&trade.taker),
            if trade.taker_side == Side::Buy { "buys" } else { "sells" },
            trade.qty.lots(),
            name(&trade.maker),
            trade.price.ticks()
        )),
        BookEvent::Implied { id, price, qty, .. } => {
            Some(format!("{} got {} of the spread @ {}", name(id), qty.lots(), price.ticks()))
        }
        BookEvent::Cancelled { id, qty, reason, .. } => {
            Some(format!("{} cancelled {}: {}", name(id), qty.lots(), reason.code()))
        }
        BookEvent::Rejected { reason, .. } => Some(format!("refused: {}", reason.code())),
        BookEvent::Accepted { .. } => None,
        BookEvent::Amended { .. }
        | BookEvent::Decremented { .. }
        | BookEvent::Refreshed { .. }
        | BookEvent::Triggered { .. }
        | BookEvent::AuctionOpened { .. }
        | BookEvent::AuctionExtended { .. }
        | BookEvent::AuctionEnded { .. }
        | BookEvent::Tripped { .. } => panic!("unexpected: {event:?}"),
    }
}

#[test]
fn match_080_a_spread_order_trades_with_both_legs() {
    let told = story(&[
        (FRONT, limit(1, Side::Sell, 104, 5)),
        (BACK, limit(2, Side::Buy, 100, 3)),
        (SPREAD, limit(3, Side::Buy, 4, 4)),
    ]);
    assert_eq!(
        told,
        [
            "front: #3 buys 3 from #1 @ 104",
            "back: #3 sells 3 from #2 @ 100",
            "#3 got 3 of the spread @ 4"
        ]
    );
}

#[test]
fn match_081_an_outright_trades_with_a_spread_and_the_other_leg() {
    let told = story(&[
        (SPREAD, limit(1, Side::Sell, 4, 5)),
        (BACK, limit(2, Side::Sell, 100, 3)),
        (FRONT, limit(3, Side::Buy, 105, 4)),
        (SPREAD, limit(4, Side::Buy, 3, 1)),
        (FRONT, limit(5, Side::Sell, 106, 2)),
        (BACK, limit(6, Side::Sell, 103, 2)),
    ]);
    assert_eq!(
        told,
        [
            "front: #3 buys 3 from #1 @ 104",
            "back: #1 buys 3 from #2 @ 100",
            "#1 got 3 of the spread @ 4",
        ]
    );
    // Selling the back: a seller of the spread buys it, and sells the front to its bid.
    let told = story(&[
        (SPREAD, limit(1, Side::Sell, 4, 5)),
        (FRONT, limit(2, Side::Buy, 104, 3)),
        (BACK, limit(3, Side::Sell, 99, 4)),
    ]);
    assert_eq!(
        told,
        [
            "back: #3 sells 3 from #1 @ 100",
            "front: #1 sells 3 from #2 @ 104",
            "#1 got 3 of the spread @ 4",
        ]
    );
}

#[test]
fn match_082_direct_orders_come_before_implied_ones_at_one_price() {
    let told = story(&[
        (FRONT, limit(1, Side::Sell, 104, 5)),
        (BACK, limit(2, Side::Buy, 100, 5)),
        (SPREAD, limit(3, Side::Sell, 5, 2)),
        (SPREAD, limit(6, Side::Sell, 5, 1)),
        (SPREAD, limit(4, Side::Buy, 5, 4)),
    ]);
    // The implied ask is 4, better than 5: it goes first here. At one price the spread's own orders do.
    assert_eq!(told[2], "#5 got 4 of the spread @ 4");
    let told = story(&[
        (SPREAD, limit(3, Side::Sell, 4, 2)),
        (FRONT, limit(1, Side::Sell, 104, 5)),
        (BACK, limit(2, Side::Buy, 99, 5)),
        (BACK, limit(2, Side::Buy, 100, 5)),
        (SPREAD, limit(4, Side::Buy, 4, 3)),
    ]);
    assert_eq!(told[0], "spread: #5 buys 2 from #1 @ 4");
    assert_eq!(told[3], "#5 got 1 of the spread @ 4");
}

#[test]
fn match_083_fill_or_kill_takes_direct_orders_only_and_post_only_looks_at_implied_prices() {
    let fok = NewOrder { time_in_force: TimeInForce::Fok, ..limit(3, Side::Buy, 4, 2) };
    let post = NewOrder { post_only: PostOnly::Reject, ..limit(3, Side::Buy, 4, 2) };
    let slide = NewOrder { post_only: PostOnly::Slide, ..limit(3, Side::Buy, 9, 2) };
    let told = story(&[
        (FRONT, limit(1, Side::Sell, 104, 5)),
        (BACK, limit(2, Side::Buy, 100, 5)),
        (SPREAD, fok),
        (SPREAD, post),
        (SPREAD, slide),
        (SPREAD, limit(4, Side::Sell, 3, 1)),
    ]);
    // The fifth order was never issued an id of its own: its number went to the sixth.
    assert_eq!(told[..2], ["#3 cancelled 2: fok", "refused: post_only_would_cross"]);
    assert!(told[2].starts_with("spread: #6 sells 1 from "), "{told:?}");
}

#[test]
fn match_084_self_trade_prevention_looks_at_the_orders_that_imply() {
    let own = |mode| NewOrder { stp: mode, ..limit(1, Side::Buy, 4, 2) };
    let with = |mode| {
        story(&[
            (FRONT, limit(1, Side::Sell, 104, 5)),
            (BACK, limit(2, Side::Buy, 100, 5)),
            (SPREAD, own(mode)),
        ])
    };
    assert_eq!(with(StpMode::CancelNewest), ["#3 cancelled 2: self_trade"]);
    assert_eq!(with(StpMode::Decrement), ["#3 cancelled 2: self_trade"]);
    assert_eq!(with(StpMode::CancelOldest), ["#1 cancelled 5: self_trade"]);
    assert_eq!(
        with(StpMode::CancelBoth),
        ["#1 cancelled 5: self_trade", "#3 cancelled 2: self_trade"]
    );
    assert_eq!(with(StpMode::None).len(), 3);
}

#[test]
fn match_085_after_an_auction_what_the_legs_imply_trades() {
    let mut engine = linked();
    let mut out = Vec::new();
    engine.open_auction(FRONT, matching_engine::AuctionKind::Call, None, &mut out);
    engine.place(FRONT, &limit(1, Side::Sell, 104, 5), &mut out);
    engine.place(BACK, &limit(2, Side::Buy, 100, 5), &mut out);
    engine.place(SPREAD, &limit(3, Side::Buy, 6, 2), &mut out);
    assert!(!out.iter().any(|event| matches!(event, BookEvent::Traded(_))));
    out.clear();
    engine.uncross(FRONT, Price::from_ticks(104), &mut out);
    assert!(matches!(out[0], BookEvent::AuctionEnded { price: None, .. }));
    let (price, qty) = (Price::from_ticks(4), Qty::from_lots(2));
    let is_it = |event: &&BookEvent| matches!(event, BookEvent::Implied { .. });
    let implied = out.iter().find(is_it).unwrap();
    assert!(
        matches!(implied, BookEvent::Implied { price: p, qty: q, .. } if (*p, *q) == (price, qty))
    );
    assert!(engine.book(SPREAD).unwrap().is_empty());
}

#[test]
fn match_086_three_empty_listed_books_can_be_linked_once() {
    let mut engine = linked();
    assert!(!engine.link(SPREAD, FRONT, BACK), "once");
    assert!(engine.list(InstrumentId(4), BookTerms::continuous(Price::from_ticks(0))));
    assert!(!engine.link(InstrumentId(4), FRONT, FRONT), "distinct");
    assert!(!engine.link(InstrumentId(4), FRONT, InstrumentId(9)), "listed");
    engine.place(FRONT, &limit(1, Side::Sell, 104, 5), &mut Vec::new());
    assert!(!engine.link(InstrumentId(4), FRONT, BACK), "empty");
    engine.delist(BACK, CancelReason::Expired, &mut Vec::new());
    let mut out = Vec::new();
    engine.place(SPREAD, &limit(2, Side::Buy, 900, 1), &mut out);
    assert_eq!(out.len(), 1, "a leg that is gone implies nothing");
}

/// A resting order of the plain search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plain {
    number: usize,
    side: Side,
    price: i64,
    open: u64,
}

/// Three lists of orders, each oldest first, and trades found by looking at everything.
#[derive(Default)]
struct PlainBooks {
    books: [Vec<Plain>; 3],
}

/// book, maker, taker, price, quantity
type PlainTrade = (usize, usize, usize, i64, u64);

/// A price, and the two orders behind it with their books.
type PlainImplied = (i64, (usize, Plain), (usize, Plain));

impl PlainBooks {
    fn best(&self, book: usize, side: Side) -> Option<Plain> {
        let orders = self.books[book].iter().filter(|order| order.side == side).copied();
        match side {
            Side::Buy => orders.rev().max_by_key(|order| order.price),
            Side::Sell => orders.min_by_key(|order| order.price),
        }
    }

    /// The best implied price for a taker, and the two orders behind it with their books.
    fn implied(&self, book: usize, side: Side) -> Option<PlainImplied> {
        let (buy, sell) = (side, side.opposite());
        let leg = |at: usize, side| self.best(at, side).map(|order| (at, order));
        let (one, other) = match book {
            2 => (leg(0, sell)?, leg(1, buy)?),
            0 => (leg(2, sell)?, leg(1, sell)?),
            _ => (leg(2, buy)?, leg(0, sell)?),
        };
        let price = match book {
            2 => one.1.price - other.1.price,
            0 => one.1.price + other.1.price,
            _ => other.1.price - one.1.price,
        };
        Some((price, one, other))
    }

    fn lose(&mut self, book: usize, number: usize, qty: u64) {
        let order = self.books[book].iter_mut().find(|order| order.number == number).unwrap();
        order.open -= qty;
        self.books[book].retain(|order| order.open != 0);
    }

    fn place(&mut self, book: usize, mut taker: Plain, is_ioc: bool) -> Vec<PlainTrade> {
        let mut trades = Vec::new();
        let is_better = |a: i64, b: i64| if taker.side == Side::Buy { a <= b } else { b <= a };
        while taker.open != 0 {
            let direct = self.best(book, taker.side.opposite());
            let direct = direct.filter(|order| is_better(order.price, taker.price));
            let implied = self.implied(book, taker.side);
            let implied = implied.filter(|(price, ..)| is_better(*price, taker.price));
            match (direct, implied) {
                (Some(order), implied)
                    if implied.is_none_or(|(price, ..)| is_better(order.price, price)) =>
                {
                    let qty = taker.open.min(order.open);
                    trades.push((book, order.number, taker.number, order.price, qty));
                    self.lose(book, order.number, qty);
                    taker.open -= qty;
                }
                (_, Some((price, one, other))) => {
                    let qty = taker.open.min(one.1.open).min(other.1.open);
                    let (one_book, one_order) = one;
                    let (other_book, other_order) = other;
                    if book == 2 {
                        trades.push((
                            one_book,
                            one_order.number,
                            taker.number,
                            one_order.price,
                            qty,
                        ));
                        trades.push((
                            other_book,
                            other_order.number,
                            taker.number,
                            other_order.price,
                            qty,
                        ));
                    } else {
                        trades.push((book, one_order.number, taker.number, price, qty));
                        trades.push((
                            other_book,
                            other_order.number,
                            one_order.number,
                            other_order.price,
                            qty,
                        ));
                    }
                    self.lose(one_book, one_order.number, qty);
                    self.lose(other_book, other_order.number, qty);
                    taker.open -= qty;
                }
                _ => break,
            }
        }
        if taker.open != 0 && !is_ioc {
            self.books[book].push(taker);
        }
        trades
    }
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

proptest! {
    /// MATCH-080 to MATCH-082: over random orders of three linked books the engine trades as the plain search does, and nothing that rests
    /// could trade with an implied price.
    #[test]
    fn linked_books_do_what_a_plain_search_does(
        orders in prop::collection::vec((0..3usize, side(), 0..9i64, 1..6u64, prop::bool::weighted(0.2), prop::option::weighted(0.2, 0..40usize)), 1..80),
    ) {
        let (mut engine, mut plain) = (linked(), PlainBooks::default());
        let mut ids: Vec<OrderId> = Vec::new();
        for (number, (book, side, price, qty, is_ioc, cancels)) in orders.into_iter().enumerate() {
            let mut out = Vec::new();
            let instrument = InstrumentId(1 + u64::try_from(book).unwrap());
            let price = price + [100, 96, 0][book];
            if let Some(id) = cancels.and_then(|at| ids.get(at).copied()) {
                engine.cancel(id, CancelReason::Requested, &mut Vec::new());
                let number = ids.iter().position(|other| *other == id);
                for orders in &mut plain.books {
                    orders.retain(|order| Some(order.number) != number);
                }
            }
            let time_in_force = if is_ioc { TimeInForce::Ioc } else { TimeInForce::Gtc };
            ids.push(engine.next_id());
            engine.place(instrument, &NewOrder { time_in_force, ..limit(7, side, price, qty) }, &mut out);
            let expected = plain.place(book, Plain { number, side, price, open: qty }, is_ioc);
            let number_of = |id: OrderId| ids.iter().position(|other| *other == id).unwrap();
            let mut trades: Vec<PlainTrade> = Vec::new();
            for event in &out {
                if let BookEvent::Traded(t) = event {
                    let book = usize::try_from(t.book.0).unwrap() - 1;
                    let (maker, taker) = (number_of(t.maker), number_of(t.taker));
                    trades.push((book, maker, taker, t.price.ticks(), t.qty.lots()));
                }
            }
            prop_assert_eq!(trades, expected);
            for (at, orders) in plain.books.iter().enumerate() {
                let view = engine.book(InstrumentId(1 + u64::try_from(at).unwrap())).unwrap();
                let mut resting: Vec<_> = view.orders().map(|o| (number_of(o.id), o.open.lots())).collect();
                resting.sort_unstable();
                let expected: Vec<_> = orders.iter().map(|order| (order.number, order.open)).collect();
                prop_assert_eq!(resting, expected);
                prop_assert!(!view.is_crossed());
            }
            let touch = |at, side| plain.best(at, side).map(|order| order.price);
            if let (Some(f), Some(b), Some(s)) = (touch(0, Side::Sell), touch(1, Side::Buy), touch(2, Side::Buy)) {
                prop_assert!(s < f - b, "a spread bid rests at what the legs imply");
            }
            if let (Some(f), Some(b), Some(s)) = (touch(0, Side::Buy), touch(1, Side::Sell), touch(2, Side::Sell)) {
                prop_assert!(f - b < s, "a spread ask rests at what the legs imply");
            }
        }
    }
}

#[test]
fn match_087_prices_of_linked_books_are_bounded() {
    let far = 1 << 60;
    let told = story(&[
        (FRONT, limit(1, Side::Buy, far, 1)),
        (FRONT, limit(1, Side::Buy, far + 1, 1)),
        (SPREAD, limit(1, Side::Sell, -far - 1, 1)),
    ]);
    assert_eq!(told, ["refused: price_out_of_range", "refused: price_out_of_range"]);
}
