//! What venues may say, and what comes of it. The bodies are written by hand, in the shapes that the venues document; nothing in them is
//! anybody's data. Rules: `docs/rules/feed.md`.

mod bytes;
mod estimate;
mod identity;
mod mutations;
mod normalise;
mod observe;
mod parsed;

use std::sync::LazyLock;

use instruments::Nanos;
use oracle::Catalogue;
use oracle::io::feeds::{Context, FeedError, Parsed, Record, Source, catalogue};

/// Read once: the tests parse thousands of bodies.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| catalogue().expect("a catalogue"));

/// 2026-11-20T12:00:00Z, when all the bodies were fetched.
const FETCHED_AT: Nanos = Nanos::from_seconds(1_795_176_000);

fn body_of(source: Source) -> &'static str {
    match source {
        Source::Lium => include_str!("bodies/lium.json"),
        Source::Vast => include_str!("bodies/vast.json"),
        Source::Runpod => include_str!("bodies/runpod.json"),
        Source::AkashPrices => include_str!("bodies/akash-prices.json"),
        Source::AkashCapacity => include_str!("bodies/akash-capacity.json"),
        Source::AkashBreakdown => include_str!("bodies/akash-breakdown.json"),
        Source::Clore => include_str!("bodies/clore.json"),
        Source::GolemOnline => include_str!("bodies/golem-online.json"),
        Source::GolemUtilisation => include_str!("bodies/golem-utilisation.json"),
    }
}

fn parse(source: Source, body: &[u8]) -> Result<Parsed, FeedError> {
    source.parse(body, &Context { fetched_at: FETCHED_AT, catalogue: &CATALOGUE })
}

/// One line for each record and each row that was left out.
fn lines(parsed: &Parsed) -> Vec<String> {
    let number = |it: Option<u32>| it.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let record = |record: &Record| match record {
        Record::Price(it) => {
            let stock = it
                .stock
                .map_or_else(String::new, |stock| format!(" {}/{} free", stock.free, stock.total));
            format!(
                "{} {} {:?} {} micro-USD, {} GPUs, {} offered{stock}",
                it.offer,
                it.class.key(),
                it.configuration.market,
                it.price.micros(),
                it.configuration.gpus,
                it.offered,
            )
        }
        Record::Utilisation(it) => {
            let class = it.class.as_ref().map_or("all", |class| class.as_str());
            let (total, busy, owners) = (number(it.total), number(it.busy), number(it.owners));
            format!("{class} {busy} of {total} busy, {} pending, {owners} owners", it.pending)
        }
    };
    let skipped =
        parsed.skipped.iter().map(|it| format!("left out {}: {}", it.field, it.why.name()));
    parsed.records.iter().map(record).chain(skipped).collect()
}
