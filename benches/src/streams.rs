//! The canonical streams: order flow of eight kinds, from a seed, in integers only.
//!
//! Six are streams of plain commands that any engine can replay ([`Kind`], made by [`generate`]); auctions and quotes are commands that only
//! a venue has ([`venue`]). A test pins the bytes of each, so that figures from different days are figures of the same work.

mod auction;
mod flow;
mod quotes;
mod shape;
pub mod venue;

use matching_engine::stream::{Header, StreamCommand};

pub use auction::auctions;
pub use quotes::quotes;

/// The seed of every published figure.
pub const SEED: u64 = 7;

/// A stream of plain commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A thousand orders close to the touch: all of it fits the first cache.
    Tight,
    /// 47,000 orders, near and far: a book that fits the second cache or does not.
    Mix,
    /// Prices that trend over tens of thousands of ticks.
    Swing,
    /// Takers that eat a hundred orders over tens of levels.
    Sweep,
    /// Reprices and resizes that never cross.
    Modify,
    /// A thousand books, few of them busy.
    Multi,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 6] =
        [Self::Tight, Self::Mix, Self::Swing, Self::Sweep, Self::Modify, Self::Multi];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tight => "tight",
            Self::Mix => "mix",
            Self::Swing => "swing",
            Self::Sweep => "sweep",
            Self::Modify => "modify",
            Self::Multi => "multi",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A stream: what fills the books, then so many commands more.
#[must_use]
pub fn generate(kind: Kind, seed: u64, commands: u32) -> (Header, Vec<StreamCommand>) {
    flow::Flow::new(shape::of(kind), seed).run(commands)
}
