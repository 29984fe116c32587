//! The crash: every layer is reached, every dollar explained, and nobody without a position touched.

use sim::{Table, crash};

fn cell(table: &Table, row: &str, column: &str) -> i128 {
    let at = table.columns.iter().position(|name| *name == column).expect("a column");
    let (_, cells) = table.rows.iter().find(|(name, _)| name == row).expect("a row");
    cells[at]
}

/// SIM-045: the standard crash reaches every layer.
#[test]
fn sim_045_a_crash_runs_down_every_layer_and_explains_each_dollar() {
    let report = crash(1);
    assert!(report.is_sound(), "{report}");
    let [losses, fund, winners, dollars] = report.tables() else { panic!("four tables") };
    for layer in ["own margin", "own share", "first loss", "insurance", "mutual", "winners cut"] {
        assert!(0 < cell(losses, "together", layer), "{layer} was not reached\n{report}");
    }
    assert_eq!(cell(winners, "together", "cut"), cell(losses, "together", "winners cut"));
    assert!(cell(fund, "together", "paid") < cell(losses, "together", "mutual"));
    assert!(fund.rows.iter().chain(&winners.rows).all(|(name, _)| name != "bystander"));
    assert_eq!(cell(dollars, "bystander", "holds at the end"), 50_000_000_000);
    for word in ["closes", "takes", "is closed out", "the oracle is not sure"] {
        assert!(report.timeline().iter().any(|line| line.contains(word)), "{word}\n{report}");
    }
}

/// SIM-025, SIM-045: another seed is another crash that adds up; the same seed is the same one.
#[test]
fn sim_045_any_crash_adds_up() {
    for seed in 2..8 {
        let report = crash(seed);
        assert!(report.is_sound(), "{report}");
    }
    assert_eq!(crash(3), crash(3));
}
