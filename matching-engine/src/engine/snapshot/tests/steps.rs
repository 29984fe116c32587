//! Random commands of every kind.

use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, OrderId, Price, Qty, Side};

use crate::order::{
    Amend, NewOrder, OrderKind, PostOnly, PriceSource, StpMode, TimeInForce, Trigger, TriggerWhen,
};
use crate::terms::{Allocation, AuctionKind, Bands, BookMode, BookTerms, Breaker, Call, Capacity};
use crate::{BookEvent, CancelReason, Engine, Greeks, Limits, Quote};

/// One command.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Place(InstrumentId, NewOrder),
    Cancel(OrderId),
    Amend(OrderId, Amend),
    Price(InstrumentId, PriceSource, Price),
    Bands(InstrumentId, Bands),
    Advance(Nanos),
    Open(InstrumentId, AuctionKind, Option<Nanos>),
    Uncross(InstrumentId, Price),
    List(InstrumentId),
    Delist(InstrumentId),
    Quote(AccountId, u32, Vec<Quote>),
    Protect(AccountId, u32, Limits),
    Reset(AccountId, u32),
    Pull(AccountId, Option<u32>),
    Greeks(InstrumentId, Greeks),
    Link([InstrumentId; 3]),
}

impl Step {
    pub(super) fn apply(&self, engine: &mut Engine, out: &mut Vec<BookEvent>) {
        match self {
            Self::Place(book, order) => engine.place(*book, order, out),
            Self::Cancel(id) => engine.cancel(*id, CancelReason::Requested, out),
            Self::Amend(id, amend) => engine.amend(*id, amend, out),
            Self::Price(book, source, price) => engine.set_price(*book, *source, *price, out),
            Self::Bands(book, bands) => engine.set_bands(*book, *bands),
            Self::Advance(now) => engine.advance(*now, out),
            Self::Open(book, kind, until) => engine.open_auction(*book, *kind, *until, out),
            Self::Uncross(book, reference) => engine.uncross(*book, *reference, out),
            Self::List(book) => {
                engine.list(*book, terms(book.0));
            }
            Self::Quote(account, group, quotes) => engine.mass_quote(*account, *group, quotes, out),
            Self::Protect(account, group, limits) => {
                engine.set_protection(*account, *group, *limits);
            }
            Self::Reset(account, group) => {
                engine.reset_protection(*account, *group);
            }
            Self::Pull(account, group) => {
                engine.cancel_quotes(*account, *group, CancelReason::Requested, out);
            }
            Self::Greeks(book, greeks) => engine.set_greeks(*book, *greeks),
            Self::Link([spread, front, back]) => {
                engine.link(*spread, *front, *back);
            }
            Self::Delist(book) => engine.delist(*book, CancelReason::Expired, out),
        }
    }
}

const BOOKS: u64 = 8;

/// The spread of the two books before it, whose prices lie around nothing.
const SPREAD: u64 = 8;

fn terms(book: u64) -> BookTerms {
    let breaker = Breaker {
        width: 12,
        window: NanosSpan::new(6_000),
        call: Call { length: NanosSpan::new(300), random: NanosSpan::new(100) },
        extensions: 2,
    };
    let pro_rata = Allocation::ProRata { min: Qty::from_lots(2), top: true };
    let (allocation, mode, breaker) = match book {
        2 => (Allocation::Fifo, BookMode::Continuous, Some(breaker)),
        3 => (pro_rata, BookMode::Continuous, None),
        4 => (Allocation::Fifo, BookMode::Batch { every: NanosSpan::new(700) }, None),
        5 | 7 => (pro_rata, BookMode::Continuous, Some(breaker)),
        _ => (Allocation::Fifo, BookMode::Continuous, None),
    };
    let reference = Price::from_ticks(if book == SPREAD { 0 } else { 100 });
    BookTerms { allocation, mode, reference, window: 64, breaker }
}

/// An engine with a book of each kind.
pub(super) fn listed() -> Engine {
    let mut engine = Engine::new(Capacity { orders: 16 });
    for book in 1..=BOOKS {
        assert!(engine.list(InstrumentId(book), terms(book)));
    }
    assert!(engine.link(InstrumentId(SPREAD), InstrumentId(6), InstrumentId(7)));
    engine
}

/// Seeded chance.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.roll(choices.len().try_into().unwrap())).unwrap()]
    }

    fn maybe<T>(&mut self, times: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.once_in(times).then(|| make(self))
    }

    fn price(&mut self) -> Price {
        let near = 90 + i64::try_from(self.roll(20)).unwrap();
        let far = i64::try_from(self.roll(600)).unwrap() - 200;
        let ticks = match self.roll(40) {
            0 => self.pick(&[i64::MIN, i64::MAX, 0, -1]),
            1..=3 => far,
            _ => near,
        };
        Price::from_ticks(ticks)
    }

    fn qty(&mut self) -> Qty {
        Qty::from_lots(match self.roll(200) {
            0 => u64::MAX / 2,
            1 => 0,
            _ => 1 + self.roll(20),
        })
    }

    fn book(&mut self) -> InstrumentId {
        InstrumentId(1 + self.roll(BOOKS))
    }

    fn source(&mut self) -> PriceSource {
        self.pick(&[PriceSource::Last, PriceSource::Mark, PriceSource::Index])
    }

    fn trigger(&mut self) -> Trigger {
        let when = self.pick(&[TriggerWhen::Rises, TriggerWhen::Falls]);
        Trigger { source: self.source(), when, price: self.price() }
    }

    fn time_in_force(&mut self, now: Nanos) -> TimeInForce {
        match self.roll(12) {
            0 => TimeInForce::Ioc,
            1 => TimeInForce::Fok,
            2 | 3 => TimeInForce::Gtd(Nanos::new(now.nanos().saturating_add(self.roll(3_000)))),
            4 => TimeInForce::Gfa,
            5 => TimeInForce::Gfn,
            _ => TimeInForce::Gtc,
        }
    }

    fn order(&mut self, now: Nanos) -> NewOrder {
        let side = self.pick(&[Side::Buy, Side::Sell]);
        let price = self.price();
        let modes = [
            StpMode::None,
            StpMode::CancelNewest,
            StpMode::CancelOldest,
            StpMode::CancelBoth,
            StpMode::Decrement,
        ];
        NewOrder {
            account: AccountId(1 + self.roll(4)),
            side,
            kind: if self.once_in(12) { OrderKind::Market } else { OrderKind::Limit(price) },
            qty: self.qty(),
            time_in_force: self.time_in_force(now),
            post_only: self.pick(&[
                PostOnly::No,
                PostOnly::No,
                PostOnly::No,
                PostOnly::Reject,
                PostOnly::Slide,
            ]),
            stp: self.pick(&modes),
            stp_token: self.pick(&[0, 0, 0, 9]),
            display: self.maybe(4, |dice| Qty::from_lots(1 + dice.roll(5))),
            trigger: self.maybe(6, Self::trigger),
            ceiling: self.maybe(10, |dice| {
                let off = i64::try_from(dice.roll(4)).unwrap();
                let off = if side == Side::Buy { off } else { -off };
                Price::from_ticks(price.ticks().saturating_add(off))
            }),
        }
    }

    /// An order that lives, in half of all books' order; one that does not when there is none.
    fn id(&mut self, engine: &Engine) -> OrderId {
        let book = self.book();
        let Some(view) = engine.book(book).filter(|view| !view.is_empty()) else {
            return OrderId(self.roll(1 << 30));
        };
        let nth = usize::try_from(self.roll(view.len().try_into().unwrap())).unwrap();
        view.orders().chain(view.waiting()).nth(nth).map_or(OrderId(0), |order| order.id)
    }

    fn amend(&mut self) -> Amend {
        Amend {
            price: self.maybe(2, Self::price),
            total: self.maybe(2, Self::qty),
            trigger: self.maybe(5, Self::price),
        }
    }

    fn time(&mut self, engine: &Engine, most: u64) -> Nanos {
        Nanos::new(engine.now().nanos().saturating_add(self.roll(most)))
    }

    /// A command that is about quotes.
    fn quoting(&mut self) -> Step {
        let (account, group) = (AccountId(1 + self.roll(3)), u32::try_from(self.roll(2)).unwrap());
        match self.roll(20) {
            0..3 => {
                let limits = Limits {
                    window: NanosSpan::new(self.roll(800)),
                    frozen_for: self.maybe(2, |dice| NanosSpan::new(dice.roll(900))),
                    qty_max: self.roll(60),
                    delta_max: self.roll(40_000_000),
                    vega_max: self.roll(100),
                    trades_max: u32::try_from(self.roll(12)).unwrap(),
                };
                Step::Protect(account, group, limits)
            }
            3 | 4 => Step::Reset(account, group),
            5 => Step::Pull(account, self.maybe(2, |_| group)),
            6 => {
                let (delta, vega) = (self.price().ticks(), self.price().ticks());
                Step::Greeks(self.book(), Greeks { delta, vega })
            }
            _ => {
                let count = 1 + self.roll(4);
                let quotes = (0..count).map(|_| {
                    let (book, low, high) = (self.book(), self.price(), self.price());
                    let bid = self.maybe(2, Self::qty).map(|qty| (low.min(high), qty));
                    let ask = self.maybe(2, Self::qty).map(|qty| (high.max(low), qty));
                    Quote { book, bid, ask }
                });
                Step::Quote(account, group, quotes.collect())
            }
        }
    }

    fn place(&mut self, engine: &Engine) -> Step {
        let book = self.book();
        let mut order = self.order(engine.now());
        if book.0 == SPREAD {
            let down = |price: Price| Price::from_ticks(price.ticks().saturating_sub(100));
            order.ceiling = order.ceiling.map(down);
            if let OrderKind::Limit(price) = order.kind {
                order.kind = OrderKind::Limit(down(price));
            }
        }
        Step::Place(book, order)
    }

    /// A command of any kind.
    pub(super) fn step(&mut self, engine: &Engine) -> Step {
        match self.roll(100) {
            0..43 => self.place(engine),
            43..55 => self.quoting(),
            55..65 => Step::Cancel(self.id(engine)),
            65..77 => Step::Amend(self.id(engine), self.amend()),
            77..84 => Step::Price(self.book(), self.source(), self.price()),
            84..86 => {
                let (low, high) = (Price::from_ticks(80), Price::from_ticks(115));
                let bands = Bands { low: self.maybe(4, |_| low), high: self.maybe(4, |_| high) };
                Step::Bands(self.book(), bands)
            }
            86..92 => Step::Advance(self.time(engine, 400)),
            92..95 => {
                let kind = self.pick(&[AuctionKind::Call, AuctionKind::Volatility]);
                Step::Open(self.book(), kind, self.maybe(2, |dice| dice.time(engine, 500)))
            }
            95..98 => Step::Uncross(self.book(), self.price()),
            98 if self.once_in(3) => Step::Link([SPREAD, 6, 7].map(InstrumentId)),
            98 => Step::List(self.book()),
            _ if self.once_in(4) => Step::Delist(self.book()),
            _ => Step::Cancel(OrderId(self.roll(1 << 40))),
        }
    }

    /// A command that seldom takes anything away.
    pub(super) fn growing_step(&mut self, engine: &Engine) -> Step {
        let step = self.step(engine);
        let takes_away = matches!(step, Step::Cancel(_) | Step::Delist(_) | Step::Uncross(..));
        if takes_away { self.place(engine) } else { step }
    }
}
