//! The engines by name.

mod limit;
mod reference;
mod tenor;

pub(crate) use limit::Bare;

use crate::engine::Room;
use crate::measure::{Effort, Figures, measure};
use benches::streams::Kind;
use matching_engine::stream::StreamCommand;

type Measure = fn(&Room, &[StreamCommand], &Effort) -> Result<Figures, String>;

/// An engine that can be measured.
pub(crate) struct Entry {
    /// What it is called here.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// Whether it is somebody else's, so that ours should be ahead of it.
    pub(crate) is_peer: bool,
    /// Runs it.
    pub(crate) measure: Measure,
}

const fn ours(name: &'static str, about: &'static str, measure: Measure) -> Entry {
    Entry { name, about, is_peer: false, measure }
}

/// All of them, in the order of the tables.
pub(crate) const ALL: [Entry; 3] = [
    ours("limit", "the bare limit book: the yardstick", measure::<limit::Bare>),
    ours("tenor", "the engine of this repository, with everything on", measure::<tenor::Tenor>),
    ours("reference", "ordered maps: plainly right", measure::<reference::Plain>),
];

/// The engine of a name.
pub(crate) fn find(name: &str) -> Result<&'static Entry, String> {
    let names = || ALL.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
    let found = ALL.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| format!("no engine `{name}`; there are {}", names()))
}

/// Prints the engines and the streams.
pub(crate) fn list() -> Result<(), String> {
    for entry in &ALL {
        println!("engine {:<14} {}", entry.name, entry.about);
    }
    for kind in Kind::ALL {
        println!("stream {}", kind.name());
    }
    Ok(())
}
