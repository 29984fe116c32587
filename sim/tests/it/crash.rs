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
    let titled = |begins: &str| -> Vec<&Table> {
        report.tables().iter().filter(|table| table.title.starts_with(begins)).collect()
    };
    let [losses] = titled("what losers")[..] else { panic!("one table of losers") };
    let [fund] = titled("shares of")[..] else { panic!("one table of the fund") };
    let [dollars] = titled("every dollar")[..] else { panic!("one table of everything") };
    let winners = titled("winners of");
    for layer in ["own margin", "own share", "first loss", "insurance", "mutual", "winners cut"] {
        assert!(0 < cell(losses, "together", layer), "{layer} was not reached\n{report}");
    }
    let cut: i128 = winners.iter().map(|table| cell(table, "together", "cut")).sum();
    assert_eq!(cut, cell(losses, "together", "winners cut"));
    assert!(cell(fund, "together", "paid") < cell(losses, "together", "mutual"));
    let cut = winners.iter().flat_map(|table| &table.rows);
    assert!(fund.rows.iter().chain(cut).all(|(name, _)| !name.starts_with("bystander")));
    assert_eq!(cell(dollars, "bystander", "holds at the end"), 50_000_000_000);
    for word in ["closes", "takes", "is closed out", "the oracle is not sure"] {
        assert!(report.timeline().iter().any(|line| line.contains(word)), "{word}\n{report}");
    }
}

/// SIM-045: from prices, lots and trades alone every variation can be redone, and every cut from what was gained in its own variation.
#[test]
fn sim_045_every_variation_and_every_cut_can_be_redone_by_hand() {
    let mut with_two = 0;
    for seed in [1, 55] {
        let report = crash(seed);
        assert!(report.is_sound(), "{report}");
        let says = |line: &str| report.timeline().iter().any(|said| said == line);
        assert!(says("00:00 index 2.500000") && says("60:00 index 7.500000"), "{report}");
        let mut winners = 0;
        for table in report.tables() {
            let rows = table.rows.split_last().map_or(&[][..], |(_, rows)| rows);
            if let Some(rest) = table.title.strip_prefix("variation ") {
                let (_, rest) = rest.split_once(": ").expect("a price");
                let words: Vec<&str> = rest.split(' ').collect();
                let (price, hours) = (words[0].replace('.', ""), words[3]);
                let ticks: i128 = price.parse().expect("thousandths of a dollar");
                let hours: i128 = hours.parse().expect("hours");
                for ((name, cells), lots) in rows.iter().zip(&table.lots) {
                    let worth = i128::from(*lots) * hours * ticks * 1_000;
                    assert_eq!(cells[0], worth, "{seed} {} {name}", table.title);
                }
            } else if table.title.starts_with("winners of variation ") {
                winners += 1;
                let (cut, gained) =
                    (cell(table, "together", "cut"), cell(table, "together", "gained"));
                for (name, cells) in rows {
                    let even = cut * cells[2] / gained;
                    assert!((even..=even + 1).contains(&cells[1]), "{seed} {name}");
                }
            }
        }
        with_two += usize::from(winners == 2);
    }
    assert!(0 < with_two, "two variations in which winners are cut are told apart");
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
