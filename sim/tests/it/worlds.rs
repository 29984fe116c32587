//! Many seeds, short worlds.

use sim::{Scenario, run};

#[test]
fn twenty_short_worlds_hold() {
    for seed in 1..=20 {
        let report = run(&Scenario::standard(seed, 1));
        assert!(report.is_sound(), "{report}");
    }
}
