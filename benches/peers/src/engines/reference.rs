//! The reference book: two ordered maps.

use crate::engine::{Engine, Room, add};
use benches::reference::{Fill, Reference};
use benches::tally::Tally;
use matching_engine::stream::StreamCommand;

/// Plainly right.
pub(crate) struct Plain {
    reference: Reference,
    fills: Vec<Fill>,
}

impl Engine for Plain {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        Self { reference: Reference::new(room.header.books), fills: Vec::new() }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        let is_known = self.reference.apply(command, &mut self.fills);
        for fill in self.fills.drain(..) {
            add::<CHECKS>(tally, fill.maker, fill.price, fill.qty);
        }
        tally.rejected += u64::from(!is_known);
    }
}
