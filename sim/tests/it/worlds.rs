//! Many seeds, short worlds. One that fails prints the command line that shows it again.

use std::collections::BTreeMap;

use sim::{Fault, Report, Scenario, run};

/// Runs on two threads: the seeds have nothing to do with each other.
fn twenty_worlds() -> Vec<Report> {
    let run_every_other = |first: u64| {
        let seeds = (first..=20).step_by(2);
        seeds.map(|seed| run(&Scenario::standard(seed, 1))).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let odd = scope.spawn(|| run_every_other(1));
        let mut reports = run_every_other(2);
        reports.extend(odd.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        reports
    })
}

/// SIM-018, SIM-019, SIM-021, DELIV-031: replay, snapshots, recoveries and timers hold in every world; so does all that the auditor checks.
#[test]
fn sim_026_twenty_short_worlds_hold_and_everything_happens_in_them() {
    let reports = twenty_worlds();
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for report in &reports {
        assert!(report.is_sound(), "{report}");
        for (name, figure) in report.figures() {
            *totals.entry(name).or_default() += figure.parse().unwrap_or(0);
        }
    }
    let happens = [
        "trades",
        "amends",
        "lost_while_down",
        "index_withheld",
        "series_expired",
        "buyer_defaults",
        "intervals_delivered",
        "intervals_failed_silent",
        "intervals_failed_refuted",
        "intervals_failed_below_grade",
        "intervals_unverified",
        "intervals_failed_not_ready",
        "not_accepted",
        "substituted",
        "stood_in",
        "top_ups",
        "invoices",
        "snapshots_restored",
        "recoveries",
    ];
    for name in happens.iter().chain(Fault::NAMES.iter()) {
        assert!(0 < totals.get(name).copied().unwrap_or(0), "{name} never happened: {totals:?}");
    }
    assert_eq!(totals["obligations"], totals["obligations_closed"]);
    let most_refused = reports.iter().filter_map(|report| {
        report.figures().get("refusal_rules").and_then(|rules| rules.parse::<u64>().ok())
    });
    assert!(20 <= most_refused.max().unwrap(), "nonsense of few kinds");
}

/// SIM-026, DELIV-026, DELIV-041: in a world of one day nobody trades any more when deliveries fail; in a longer one what is missing is bought in.
#[test]
fn sim_026_a_longer_world_buys_in_what_is_missing() {
    let report = run(&Scenario::standard(2, 3));
    assert!(report.is_sound(), "{report}");
    assert_ne!(report.figures()["bought_in"], "0", "{report}");
}

#[test]
fn sim_025_the_same_seed_gives_the_same_report() {
    let [first, again, other] =
        [5, 5, 6].map(|seed| sim::run_with_journal(&Scenario::standard(seed, 1)));
    assert_eq!(first, again);
    assert_eq!(first.0.to_string(), again.0.to_string());
    assert_ne!(first.1, other.1);
}

#[test]
fn a_report_says_how_to_see_it_again() {
    let report = run(&Scenario::standard(9, 1));
    assert_eq!(report.reproduce(), "tenor sim run --seed 9 --days 1");
    assert_eq!(report.figures()["seed"], "9");
    assert!(report.to_string().contains("intervals_delivered"));
}
