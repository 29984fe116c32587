//! The crash: every layer is reached, every dollar explained, and nobody without a position touched.

use exchange::{DefaultEvent, Event, Exchange};
use instruments::MicroUsd;
use sim::{Auditor, DefaultFault, Finding, Table, crash, crash_with_journal};

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

/// What an auditor finds who is told of the crash with the first event changed that `tamper` wants to change.
fn found(tamper: impl Fn(&mut DefaultEvent) -> bool) -> Finding {
    let (_, journal) = crash_with_journal(1);
    let (mut exchange, mut auditor, mut is_tampered) = (Exchange::new(), Auditor::new(), false);
    for stamped in journal {
        let mut events = Vec::new();
        exchange.apply(&stamped, &mut events);
        for event in &mut events {
            if let Event::Default(told) = event {
                is_tampered = is_tampered || tamper(told);
            }
        }
        if let Err(finding) = auditor.observe(&stamped, &events) {
            assert!(is_tampered, "{finding}");
            return finding;
        }
    }
    panic!("tampering goes unseen");
}

#[test]
fn sim_043_a_slice_that_costs_more_than_its_rate_is_seen() {
    let finding = found(|event| match event {
        DefaultEvent::LiquidationSlice { fee, .. } => {
            *fee += MicroUsd::new(1_000_000_000);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Liquidation { what: DefaultFault::Slice, .. }), "{finding}");
}

#[test]
fn sim_040_a_layer_that_paid_something_else_is_seen() {
    let finding = found(|event| match event {
        DefaultEvent::DefaultResolved(part) if part.insurance != MicroUsd::ZERO => {
            part.insurance += MicroUsd::new(-1);
            part.haircut += MicroUsd::new(1);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Waterfall { .. }), "{finding}");
}

#[test]
fn sim_041_a_haircut_that_is_not_pro_rata_is_seen() {
    let finding = found(|event| match event {
        DefaultEvent::LossSplit { page, .. } if 1 < page.lines.len() => {
            page.lines[0].part += 1;
            page.lines[1].part -= 1;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Split { .. }), "{finding}");
}
