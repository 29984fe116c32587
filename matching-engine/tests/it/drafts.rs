//! Commands in the making: they name orders and instants by where these stand now, so that most of them mean something.

use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, OrderId, Price, Qty, Side};
use matching_engine::{
    Allocation, Amend, AuctionKind, Bands, BookMode, BookTerms, Breaker, Call, NewOrder, OrderKind,
    PostOnly, PriceSource, StpMode, TimeInForce, Trigger, TriggerWhen,
};
use proptest::prelude::*;

use crate::naive::{Command, Venue};
use crate::pair::Pair;

/// Books that are listed; one number more is a book that is not.
pub(crate) const BOOKS: u64 = 5;

/// A command before it is known what rests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Draft {
    /// Instants in it count from now.
    Place(InstrumentId, NewOrder),
    Cancel(Pick),
    Amend(Pick, Amend),
    SetPrice(InstrumentId, PriceSource, Price),
    SetBands(InstrumentId, Bands),
    Advance(NanosSpan),
    OpenAuction(InstrumentId, AuctionKind, Option<NanosSpan>),
    Uncross(InstrumentId, Price),
    /// Delists the book and lists it again.
    Relist(InstrumentId),
}

/// An order to be found: one that lives, or any number that was or was not issued.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pick {
    pub(crate) lives: bool,
    pub(crate) nth: u64,
}

const fn seconds(seconds: u64) -> NanosSpan {
    NanosSpan::from_seconds(seconds)
}

fn call(length: u64, random: u64) -> Call {
    Call { length: seconds(length), random: NanosSpan::new(random) }
}

/// One book of each kind.
pub(crate) fn terms(book: InstrumentId) -> BookTerms {
    let plain = BookTerms { window: 64, ..BookTerms::continuous(Price::from_ticks(100)) };
    let breaker = |width, window, call, extensions| {
        Some(Breaker { width, window: seconds(window), call, extensions })
    };
    match book.0 {
        1 => plain,
        2 => BookTerms { breaker: breaker(3, 6, call(10, 0), 2), ..plain },
        3 => BookTerms {
            allocation: Allocation::ProRata { min: Qty::from_lots(2), top: false },
            ..plain
        },
        4 => BookTerms {
            allocation: Allocation::ProRata { min: Qty::from_lots(1), top: true },
            breaker: breaker(5, 2, call(5, 9_000_000_000), 1),
            ..plain
        },
        _ => BookTerms { mode: BookMode::Batch { every: seconds(10) }, ..plain },
    }
}

/// Both engines with every book listed.
pub(crate) fn opened() -> Pair {
    let mut pair = Pair::new();
    for book in (1..=BOOKS).map(InstrumentId) {
        pair.apply(&Command::List(book, terms(book)));
    }
    pair
}

impl Draft {
    /// The commands it stands for, now.
    pub(crate) fn settle(self, pair: &Pair) -> [Option<Command>; 2] {
        let from_now = |span: NanosSpan| pair.now() + span;
        let command = match self {
            Self::Place(book, mut order) => {
                if let TimeInForce::Gtd(at) = &mut order.time_in_force {
                    *at = from_now(NanosSpan::new(at.nanos()));
                }
                Command::Place(book, order)
            }
            Self::Cancel(pick) => Command::Cancel(pick.find(pair)),
            Self::Amend(pick, amend) => Command::Amend(pick.find(pair), amend),
            Self::SetPrice(book, source, price) => Command::SetPrice(book, source, price),
            Self::SetBands(book, bands) => Command::SetBands(book, bands),
            Self::Advance(span) => Command::Advance(from_now(span)),
            Self::OpenAuction(book, kind, until) => {
                Command::OpenAuction(book, kind, until.map(from_now))
            }
            Self::Uncross(book, reference) => Command::Uncross(book, reference),
            Self::Relist(book) => {
                return [Some(Command::Delist(book)), Some(Command::List(book, terms(book)))];
            }
        };
        [Some(command), None]
    }
}

impl Pick {
    fn find(self, pair: &Pair) -> OrderId {
        let issued = pair.real.next_id().0 >> 24;
        let any = OrderId((self.nth % (issued + 2)) << 24);
        let live = pair.naive.resting();
        match usize::try_from(self.nth).unwrap().checked_rem(live.len()) {
            Some(at) if self.lives => live[at].id,
            _ => any,
        }
    }
}

/// Near each other, and now and then outside of what a ladder has close together.
fn any_price() -> impl Strategy<Value = Price> {
    let far = (-9..10i64).prop_map(|step| 100 + 31 * step);
    prop_oneof![25 => 95..106i64, 1 => far].prop_map(Price::from_ticks)
}

fn any_book() -> impl Strategy<Value = InstrumentId> {
    prop_oneof![20 => (1..=BOOKS).prop_map(InstrumentId), 1 => Just(InstrumentId(BOOKS + 1))]
}

fn any_qty() -> impl Strategy<Value = Qty> {
    let lots = prop_oneof![30 => 1..9u64, 1 => Just(0), 1 => 1..4_000u64, 1 => Just(u64::MAX - 5)];
    lots.prop_map(Qty::from_lots)
}

fn any_span() -> impl Strategy<Value = NanosSpan> {
    let short = (0..50u64).prop_map(|steps| NanosSpan::new(70_000_000 * steps));
    prop_oneof![(0..25u64).prop_map(seconds), short]
}

fn any_stp() -> impl Strategy<Value = StpMode> {
    prop_oneof![
        Just(StpMode::None),
        Just(StpMode::CancelNewest),
        Just(StpMode::CancelOldest),
        Just(StpMode::CancelBoth),
        Just(StpMode::Decrement),
    ]
}

fn any_time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        8 => Just(TimeInForce::Gtc),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
        1 => Just(TimeInForce::Gfa),
        1 => Just(TimeInForce::Gfn),
        1 => any_span().prop_map(|span| TimeInForce::Gtd(Nanos::new(span.nanos()))),
    ]
}

fn any_source() -> impl Strategy<Value = PriceSource> {
    prop_oneof![Just(PriceSource::Last), Just(PriceSource::Mark), Just(PriceSource::Index)]
}

prop_compose! {
    fn any_trigger()(
        source in any_source(),
        when in prop_oneof![Just(TriggerWhen::Rises), Just(TriggerWhen::Falls)],
        price in any_price(),
    ) -> Trigger {
        Trigger { source, when, price }
    }
}

prop_compose! {
    fn any_order()(
        account in prop_oneof![60 => 1..4u64, 1 => Just(1 << 32)],
        side in prop_oneof![Just(Side::Buy), Just(Side::Sell)],
        kind in prop_oneof![
            9 => any_price().prop_map(OrderKind::Limit),
            1 => Just(OrderKind::Market),
        ],
        qty in any_qty(),
        time_in_force in any_time_in_force(),
        post_only in prop_oneof![
            8 => Just(PostOnly::No),
            1 => Just(PostOnly::Reject),
            1 => Just(PostOnly::Slide),
        ],
        stp in any_stp(),
        (stp_token, display, trigger, ceiling) in (
            prop_oneof![3 => Just(0), 1 => 1..3u64],
            prop::option::weighted(0.2, (0..4u64).prop_map(Qty::from_lots)),
            prop::option::weighted(0.2, any_trigger()),
            prop::option::weighted(0.1, any_price()),
        ),
    ) -> NewOrder {
        NewOrder {
            account: AccountId(account),
            side,
            kind,
            qty,
            time_in_force,
            post_only,
            stp,
            stp_token,
            display,
            trigger,
            ceiling,
        }
    }
}

prop_compose! {
    fn any_amend()(
        price in prop::option::of(any_price()),
        total in prop::option::of(any_qty()),
        trigger in prop::option::weighted(0.1, any_price()),
    ) -> Amend {
        Amend { price, total, trigger }
    }
}

fn any_pick() -> impl Strategy<Value = Pick> {
    (prop::bool::weighted(0.8), 0..1_000u64).prop_map(|(lives, nth)| Pick { lives, nth })
}

/// An auction that may be extended lasts a second at least: else two random ends could be drawn in one command, and only one is seen.
fn any_auction() -> impl Strategy<Value = (AuctionKind, Option<NanosSpan>)> {
    let short = || prop::option::of(any_span());
    let long = prop::option::of((1..25u64).prop_map(seconds));
    prop_oneof![
        (Just(AuctionKind::Opening), short()),
        (Just(AuctionKind::Restart), short()),
        (Just(AuctionKind::Call), short()),
        (Just(AuctionKind::Volatility), long),
    ]
}

prop_compose! {
    fn any_bands()(
        low in prop::option::of((90..104i64).prop_map(Price::from_ticks)),
        high in prop::option::of((97..110i64).prop_map(Price::from_ticks)),
    ) -> Bands {
        Bands { low, high }
    }
}

/// Commands over every feature, often on few prices, accounts and orders, so that they meet.
pub(crate) fn any_draft() -> impl Strategy<Value = Draft> {
    prop_oneof![
        48 => (any_book(), any_order()).prop_map(|(book, order)| Draft::Place(book, order)),
        6 => any_pick().prop_map(Draft::Cancel),
        12 => (any_pick(), any_amend()).prop_map(|(pick, amend)| Draft::Amend(pick, amend)),
        3 => (any_book(), any_source(), any_price())
            .prop_map(|(book, source, price)| Draft::SetPrice(book, source, price)),
        1 => (any_book(), any_bands()).prop_map(|(book, bands)| Draft::SetBands(book, bands)),
        6 => any_span().prop_map(Draft::Advance),
        2 => (any_book(), any_auction())
            .prop_map(|(book, (kind, until))| Draft::OpenAuction(book, kind, until)),
        3 => (any_book(), any_price()).prop_map(|(book, price)| Draft::Uncross(book, price)),
        1 => (1..=BOOKS).prop_map(|book| Draft::Relist(InstrumentId(book))),
    ]
}

/// Mostly one book, so that cascades and queues grow long.
pub(crate) fn any_draft_of_one_book() -> impl Strategy<Value = Vec<Draft>> {
    let book = (1..=BOOKS).prop_map(InstrumentId);
    (book, prop::collection::vec(any_draft(), 1..150)).prop_map(|(book, mut drafts)| {
        for draft in &mut drafts {
            match draft {
                Draft::Place(other, _)
                | Draft::SetPrice(other, ..)
                | Draft::SetBands(other, _)
                | Draft::OpenAuction(other, ..)
                | Draft::Uncross(other, _)
                | Draft::Relist(other) => *other = book,
                Draft::Cancel(_) | Draft::Amend(..) | Draft::Advance(_) => {}
            }
        }
        drafts
    })
}
