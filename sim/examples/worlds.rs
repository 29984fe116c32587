//! Runs a range of seeds and prints what did not hold: `cargo run --release -p sim --example worlds -- FIRST LAST DAYS`.

use std::env;

#[expect(clippy::print_stdout, reason = "a program that prints")]
fn main() {
    let numbers: Vec<u64> = env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let at = |place: usize, otherwise| numbers.get(place).copied().unwrap_or(otherwise);
    let days = u32::try_from(at(2, 1)).unwrap_or(1);
    for seed in at(0, 1)..=at(1, 20) {
        let report = sim::run(&sim::Scenario::standard(seed, days));
        if !report.is_sound() || at(0, 1) == at(1, 20) {
            println!("{report}");
        }
    }
}
