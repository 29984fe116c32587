//! The engines by name.

mod limit;
mod limitbook;
mod lobster;
mod matchcore;
mod melin;
mod nanobook;
mod orderbook_rs;
mod reference;
mod rust_ob;
mod tenor;
mod tenor_risk;
mod venue;

pub(crate) use limit::Bare;
pub(crate) use venue::Venue;

use crate::measure::{Effort, Figures, Flow, measure};
use benches::streams::Kind;
use matching_engine::stream::StreamCommand;

type Measure = fn(&Flow<'_, StreamCommand>, &Effort) -> Figures;

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

const fn peer(name: &'static str, about: &'static str, measure: Measure) -> Entry {
    Entry { name, about, is_peer: true, measure }
}

/// All of them, in the order of the tables.
pub(crate) const ALL: [Entry; 13] = [
    ours("limit", "the bare limit book: the yardstick", measure::<limit::Bare>),
    ours("tenor", "the engine of this repository, with everything on", measure::<tenor::Plain>),
    ours("tenor-tokens", "the same, each order with a self-trade token", measure::<tenor::Tokens>),
    ours("tenor-risk", "the same, portfolio margin on every order", measure::<tenor_risk::Risk>),
    ours("reference", "ordered maps: plainly right", measure::<reference::Plain>),
    peer("orderbook-rs", "0.15.3, MIT", measure::<orderbook_rs::OrderbookRs>),
    peer("matchcore", "0.4.0, MIT or Apache-2.0", measure::<matchcore::Matchcore>),
    peer("rust_ob", "2.5.3, MIT", measure::<rust_ob::RustOb>),
    peer("lobster", "0.7.0, ISC", measure::<lobster::Lobster>),
    peer("nanobook", "0.19.3, MIT", measure::<nanobook::Nanobook>),
    peer("limitbook", "0.1.0, Apache-2.0", measure::<limitbook::Limitbook>),
    peer(
        "melin-book",
        "melin-exchange-core 0.15.0, BUSL-1.1: the book alone",
        measure::<melin::MelinBook>,
    ),
    peer(
        "melin",
        "melin-exchange-core 0.15.0, BUSL-1.1: with accounts",
        measure::<melin::MelinExchange>,
    ),
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
    println!("stream auction, tenor only\nstream quotes, tenor only");
    Ok(())
}
