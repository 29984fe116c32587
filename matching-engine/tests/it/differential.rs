//! The real book and the naive one side by side, over random commands with every feature.

use instruments::{AccountId, OrderId, Price, Qty, Side};
use matching_engine::{Book, NewOrder, OrderKind, Phase, StpMode, TimeInForce};
use proptest::prelude::*;

use crate::naive::{Command, NaiveBook, Venue};

fn any_price() -> impl Strategy<Value = Price> {
    (95..106i64).prop_map(Price::from_ticks)
}

fn any_id() -> impl Strategy<Value = OrderId> {
    (0..24u64).prop_map(OrderId)
}

fn any_qty() -> impl Strategy<Value = Qty> {
    (0..8u64).prop_map(Qty::from_lots)
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

prop_compose! {
    fn any_order()(
        id in any_id(),
        account in (1..4u64).prop_map(AccountId),
        side in prop_oneof![Just(Side::Buy), Just(Side::Sell)],
        kind in prop_oneof![
            9 => any_price().prop_map(OrderKind::Limit),
            1 => Just(OrderKind::Market),
        ],
        qty in any_qty(),
        time_in_force in prop_oneof![
            6 => Just(TimeInForce::Gtc),
            1 => Just(TimeInForce::Ioc),
            1 => Just(TimeInForce::Fok),
        ],
        post_only in prop::bool::weighted(0.1),
        stp in any_stp(),
    ) -> NewOrder {
        NewOrder { id, account, side, kind, qty, time_in_force, post_only, stp }
    }
}

/// Ids are few, so that they are refused as duplicates, reused after their end, and named after their end.
pub(crate) fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        24 => any_order().prop_map(Command::Place),
        4 => any_id().prop_map(Command::Cancel),
        6 => (any_id(), prop::option::of(any_price()), prop::option::of(any_qty()))
            .prop_map(|(id, price, total)| Command::Amend(id, price, total)),
        1 => Just(Command::OpenAuction),
        2 => (90..111i64).prop_map(|ticks| Command::Uncross(Price::from_ticks(ticks))),
    ]
}

proptest! {
    /// MATCH-001 to MATCH-024: the same commands give the same events and the same book, and it is never crossed outside an auction.
    #[test]
    fn the_book_does_what_the_naive_book_does(
        commands in prop::collection::vec(any_command(), 1..120),
    ) {
        let (mut book, mut naive) = (Book::new(), NaiveBook::default());
        for command in commands {
            let (mut events, mut naive_events) = (Vec::new(), Vec::new());
            book.apply(command, &mut events);
            naive.apply(command, &mut naive_events);
            prop_assert_eq!(events, naive_events, "after {:?}", command);
            prop_assert_eq!(book.resting(), naive.resting(), "after {:?}", command);
            prop_assert!(book.phase() == Phase::Auction || !book.is_crossed());
        }
    }

    /// MATCH-025: a book read back from its bytes is equal, and goes on with the same events.
    #[test]
    fn a_snapshot_goes_on_like_the_book(
        before in prop::collection::vec(any_command(), 0..60),
        after in prop::collection::vec(any_command(), 0..60),
    ) {
        let mut book = Book::new();
        let mut events = Vec::new();
        for command in before {
            book.apply(command, &mut events);
        }
        let bytes = borsh::to_vec(&book).unwrap();
        let mut restored: Book = borsh::from_slice(&bytes).unwrap();
        prop_assert_eq!(&book, &restored);
        for command in after {
            let (mut events, mut restored_events) = (Vec::new(), Vec::new());
            book.apply(command, &mut events);
            restored.apply(command, &mut restored_events);
            prop_assert_eq!(events, restored_events);
            prop_assert_eq!(borsh::to_vec(&book).unwrap(), borsh::to_vec(&restored).unwrap());
        }
    }
}
