//! The real engine and the naive one side by side, over random commands with every feature.

use instruments::InstrumentId;
use matching_engine::{Capacity, Engine};
use proptest::prelude::*;

use crate::drafts::{BOOKS, Draft, any_draft, any_draft_of_one_book, opened, terms};
use crate::naive::{Command, Venue};
use crate::pair::Pair;

/// The commands that the drafts became, with the real engine's ids.
fn follow(pair: &mut Pair, drafts: &[Draft]) -> Vec<Command> {
    let mut commands = Vec::new();
    for draft in drafts {
        for command in draft.settle(pair).into_iter().flatten() {
            commands.push(pair.real_command(&command));
            pair.apply(&command);
            pair.check();
        }
    }
    commands
}

proptest! {
    /// MATCH-001 to MATCH-059 and MATCH-090 to MATCH-103: the same commands give the same events and the same books, and none is crossed
    /// outside an auction.
    #[test]
    fn the_engine_does_what_the_naive_engine_does(
        drafts in prop::collection::vec(any_draft(), 1..120),
    ) {
        follow(&mut opened(), &drafts);
    }

    /// The same with most commands on one book.
    #[test]
    fn a_crowded_book_does_what_the_naive_book_does(drafts in any_draft_of_one_book()) {
        follow(&mut opened(), &drafts);
    }

    /// MATCH-102: the same commands give the same ids, events and hash, however much room the engine was given.
    #[test]
    fn the_same_commands_give_the_same_hash(
        drafts in prop::collection::vec(any_draft(), 1..120),
        orders in 0..2_000_usize,
    ) {
        let mut pair = opened();
        let commands = follow(&mut pair, &drafts);
        let mut other = Engine::new(Capacity { orders });
        for book in (1..=BOOKS).map(InstrumentId) {
            other.list(book, terms(book));
        }
        let mut events = Vec::new();
        for command in &commands {
            other.apply(command, &mut events);
        }
        prop_assert_eq!(other.hash(), pair.real.hash());
        prop_assert_eq!(other.next_id(), pair.real.next_id());
        prop_assert_eq!(other.resting(), pair.real.resting());
        // A command more that says something is another story.
        other.place(InstrumentId(0), &NOTHING, &mut events);
        prop_assert_ne!(other.hash(), pair.real.hash());
    }
}

/// Refused everywhere.
const NOTHING: matching_engine::NewOrder = matching_engine::NewOrder::limit(
    instruments::AccountId(1),
    instruments::Side::Buy,
    instruments::Price::from_ticks(1),
    instruments::Qty::ZERO,
);
