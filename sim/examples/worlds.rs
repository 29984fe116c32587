//! Runs a range of seeds, prints what did not hold, and adds the figures up: `cargo run --release -p sim --example worlds -- FIRST LAST DAYS`.

use std::collections::BTreeMap;
use std::env;

#[expect(clippy::print_stdout, reason = "a program that prints")]
fn main() {
    let numbers: Vec<u64> = env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let at = |place: usize, otherwise| numbers.get(place).copied().unwrap_or(otherwise);
    let days = u32::try_from(at(2, 1)).unwrap_or(1);
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in at(0, 1)..=at(1, 20) {
        let report = sim::run(&sim::Scenario::standard(seed, days));
        for (name, figure) in report.figures() {
            let whole = figure.split('.').next().and_then(|text| text.parse::<u64>().ok());
            *totals.entry(name).or_default() += whole.unwrap_or(0);
        }
        if !report.is_sound() || at(0, 1) == at(1, 20) {
            println!("{report}");
        }
    }
    for (name, total) in totals.iter().filter(|(name, _)| **name != "state_hash") {
        println!("{name:<30} {total:>20}");
    }
}
