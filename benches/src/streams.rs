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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;
    use std::fmt::Write;

    /// How many commands after those that fill the books are pinned.
    const PINNED: u32 = 20_000;

    fn hash_of(words: impl Iterator<Item = u64>) -> u64 {
        words.fold(0, |hash, word| {
            let mixed = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 32)
        })
    }

    fn describe(kind: Kind) -> String {
        let (header, commands) = generate(kind, SEED, PINNED);
        let bytes = matching_engine::stream::write(&header, &commands);
        assert!(matching_engine::stream::read(&bytes).is_ok(), "{}", kind.name());
        let (words, _) = bytes.as_chunks::<8>();
        let hash = hash_of(words.iter().map(|word| u64::from_le_bytes(*word)));
        let (mut reference, mut fills) = (Reference::new(header.books), Vec::new());
        let late = commands.iter().filter(|command| !reference.apply(command, &mut fills)).count();
        format!("{:<7} {hash:016x} {} trades, {late} late", kind.name(), fills.len())
    }

    /// A difference here means that no figure can be compared with an older one: then say so where figures are published.
    #[test]
    fn the_streams_do_not_drift() {
        let mut said = String::new();
        for kind in Kind::ALL {
            writeln!(said, "{}", describe(kind)).expect("a string");
        }
        for (name, stream) in
            [("auction", auctions(SEED, PINNED)), ("quotes", quotes(SEED, PINNED))]
        {
            let hash = hash_of(stream.iter().flat_map(venue::VenueCommand::words));
            writeln!(said, "{name:<7} {hash:016x} {} commands", stream.len()).expect("a string");
        }
        assert_eq!(said, PINS);
    }

    const PINS: &str = "\
tight   12fde759d9ed2f82 3466 trades, 88 late
mix     cf09e3e6562d015b 9656 trades, 193 late
swing   94b401d4e073b6cf 11250 trades, 65 late
sweep   9c393c18027b358c 16571 trades, 60 late
modify  0bdc37e50b5e2594 2673 trades, 52 late
multi   ddb14fa07d057fcb 10009 trades, 313 late
auction d18926eb6bbb29fb 20278 commands
quotes  10948a31569cda9d 20005 commands
";

    #[test]
    fn another_seed_is_another_stream() {
        let (_, one) = generate(Kind::Tight, 1, 1_000);
        let (_, two) = generate(Kind::Tight, 2, 1_000);
        assert_ne!(one, two);
        assert_eq!(Kind::of("tight"), Some(Kind::Tight));
        assert_eq!(Kind::of("loose"), None);
    }
}
