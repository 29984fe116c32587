//! A small attack table with fixed seeds: what may be promised of the index, and what may not. The large one is in `docs/attacks.md`.

use instruments::Ppm;
use oracle::Estimator;
use sim::attack::{Cell, Evidence, Kind, Plan, Row, run};

const PERCENT: u64 = 10_000;

fn plan(worlds: u64, kinds: &[Kind]) -> Plan {
    Plan {
        worlds,
        seed: 1,
        shares: vec![Ppm::new(200_000)],
        ticks: 48,
        evidence: Evidence::Leases,
        kinds: kinds.to_vec(),
        estimators: vec![Estimator::Ours],
    }
}

fn ours(rows: &[Row], kind: Kind) -> &Cell {
    let row = rows.iter().find(|row| row.kind == kind).expect("a row of this kind");
    &row.cells[0]
}

/// ATTACK-003: crude and stealthy quotes of a fifth of the leased hours for a day move the fixing by 2.5 % at most in the median market.
#[test]
fn attack_003_a_fifth_of_the_market_moves_a_fixing_by_little() {
    let kinds = [Kind::Tenfold, Kind::Tenth, Kind::Stealth, Kind::Leave];
    let rows = run(&plan(2, &kinds), &|_, _| {});
    for kind in [Kind::Tenfold, Kind::Tenth, Kind::Stealth] {
        let cell = ours(&rows, kind);
        assert!(cell.median <= 25 * PERCENT / 10, "{}: {cell:?}", kind.name());
        assert!(cell.p95 <= 4 * PERCENT, "{}: {cell:?}", kind.name());
        assert_eq!(cell.unsettled, 0);
    }
    let left = ours(&rows, Kind::Leave);
    assert!(left.p95 < 15 * PERCENT / 10, "{left:?}");
}

/// ATTACK-003: the same attacks move the plain averages further.
#[test]
fn attack_003_plain_averages_are_moved_further() {
    let estimators = Estimator::ALL.to_vec();
    let rows = run(&Plan { estimators, ..plan(2, &[Kind::Tenfold]) }, &|_, _| {});
    let cells = &rows[0].cells;
    let ours = cells[0].median;
    for cell in &cells[1..] {
        assert!(2 * ours < cell.median, "{}: {cell:?}, ours {ours}", cell.estimator.name());
    }
}

/// ATTACK-004: names cost nothing, so they may not count: ten of one owner instead of one change the effect by less than 0.2 points.
#[test]
fn attack_004_more_names_of_one_owner_win_nothing() {
    let asks = Plan { evidence: Evidence::Asks, ..plan(2, &[Kind::OwnNames, Kind::ClonesOwned]) };
    let rows = run(&asks, &|_, _| {});
    let (one, ten) = (ours(&rows, Kind::OwnNames), ours(&rows, Kind::ClonesOwned));
    assert!(ten.median.abs_diff(one.median) < PERCENT / 5, "{ten:?}, one name {one:?}");
}

/// ATTACK-004: one quote of a million times the price, where all others agree, moves no print further than the winsor band.
#[test]
fn attack_004_one_wild_quote_stays_within_the_band() {
    for evidence in [Evidence::Leases, Evidence::Asks] {
        let rows = run(&Plan { evidence, ..plan(1, &[Kind::OneWild]) }, &|_, _| {});
        let cell = ours(&rows, Kind::OneWild);
        assert!(cell.worst_step <= 5 * PERCENT, "{evidence:?}: {cell:?}");
        assert!(cell.p95 <= 5 * PERCENT, "{evidence:?}: {cell:?}");
    }
}

/// ATTACK-002: the table is the same whatever the other rows, and depends on its seed.
#[test]
fn attack_002_a_table_follows_from_its_plan() {
    let one = run(&plan(1, &[Kind::Stealth]), &|_, _| {});
    let among = run(&plan(1, &[Kind::Tenth, Kind::Stealth]), &|_, _| {});
    assert_eq!(one[0], among[1]);
    let other = run(&Plan { seed: 2, ..plan(1, &[Kind::Stealth]) }, &|_, _| {});
    assert_ne!(one, other);
}
