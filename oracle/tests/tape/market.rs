//! A small market, and the tapes it leaves.

use std::fs;
use std::path::Path;

use instruments::{MicroUsd, Nanos, NanosSpan};
use oracle::io::tape::{Body, Clock, Evidence, Label, Recorder, Shown};
use oracle::{Observation, ProviderId};

pub(crate) const CADENCE: NanosSpan = NanosSpan::from_seconds(1_800);
pub(crate) const FIRST_TICK: Nanos = Nanos::from_seconds(1_767_225_600);
const PROVIDERS: [&str; 6] = ["alder", "birch", "cedar", "elm", "hazel", "larch"];

pub(crate) fn grade(name: &str) -> Label {
    Label::new(name).expect("sound")
}

/// The time of a tick.
pub(crate) fn at(tick: u64) -> Nanos {
    FIRST_TICK + NanosSpan::new(CADENCE.nanos() * tick)
}

pub(crate) fn public(fetched_at: Nanos) -> Evidence {
    let source = grade("test feed");
    Evidence::Public(Body { source, fetched_at, body_hash: [7; 32] })
}

/// What every provider asks at a tick: levels apart, moving a little, one of them away now and then.
pub(crate) fn shown(tick: u64) -> Shown {
    let quote = |(index, name): (u64, &&str)| {
        let price = 2_000_000 + 100_000 * index + 1_000 * (tick * (index + 1) % 7);
        let provider = ProviderId::new(name).expect("sound");
        let price = MicroUsd::new(i64::try_from(price).expect("sound"));
        (Observation::new(at(tick), provider, price, 3).expect("sound"), public(at(tick)))
    };
    let present = (0..).zip(&PROVIDERS).filter(|(index, _)| !(tick + index).is_multiple_of(5));
    Shown::from([(grade("H100"), present.map(quote).collect())])
}

/// A closed tape of `ticks` ticks.
pub(crate) fn record(dir: &Path, ticks: u64) {
    let (mut recorder, _) = Recorder::open(dir, FIRST_TICK, Clock::Ticks).expect("sound");
    for tick in 0..ticks {
        recorder.tick(at(tick), at(tick), &shown(tick)).expect("sound");
    }
    recorder.close().expect("sound");
}

/// A copy of a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("sound");
    for entry in fs::read_dir(from).expect("sound") {
        let (path, target) = {
            let entry = entry.expect("sound");
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("sound");
        }
    }
}
