//! What is still to happen, by instant; what was put down first happens first.

use std::collections::BTreeMap;

use exchange::IndexPrint;
use instruments::{Nanos, ObligationId, Ppm};

use crate::fault::Fault;
use crate::world::Errand;

/// Something that is to happen.
#[derive(Debug)]
pub(crate) enum Action {
    /// A participant wakes, by its place in the cast.
    Wake(usize),
    /// The sources are asked.
    Observe,
    /// A print reaches the venue.
    Print(IndexPrint),
    /// A new day's series are listed.
    List,
    /// Everybody withdraws what still rests.
    GoHome,
    /// The desk demands work for an interval.
    Challenge(ObligationId, u32),
    /// The desk demands work once.
    Check(ObligationId),
    /// The desk demands work, and again after a while.
    Meter(ObligationId),
    /// An agent answers.
    Answer(ObligationId, u32),
    /// The desk draws rows.
    Draw(ObligationId, u32),
    /// The verifier judges what it measured.
    Judge(ObligationId, u32, Ppm),
    /// Somebody does something about a close-out.
    Run(Errand),
    /// Something goes wrong.
    Strike(Fault),
}

/// Everything that is still to happen.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    entries: BTreeMap<(Nanos, u64), Action>,
    entered: u64,
}

impl Agenda {
    pub(crate) fn enter(&mut self, at: Nanos, action: Action) {
        self.entered += 1;
        self.entries.insert((at, self.entered), action);
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<Nanos> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn next(&mut self) -> Option<Action> {
        self.entries.pop_first().map(|(_, action)| action)
    }
}
