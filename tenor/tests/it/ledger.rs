//! What `tenor ledger` says about a venue, from a journal on a real disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use exchange::io::{DataDir, Journal, RealDisk, Record, Settings};
use exchange::{Exchange, RULES_VERSION};
use expect_test::expect;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sim::Scenario;

use crate::running::tenor;

fn run(args: &[&str], dir: &Path) -> Output {
    tenor().args(args).arg("--data").arg(dir).output().expect("runs")
}

#[track_caller]
fn said(args: &[&str], dir: &Path) -> String {
    let output = run(args, dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Writes the journal of a simulated world that has traded, settled, delivered and defaulted, and says what it came to.
fn journaled(dir: &Path) -> Exchange {
    let (report, journal) = sim::run_with_journal(&Scenario::standard(3, 1));
    assert!(report.is_sound(), "{report}");
    let place = DataDir::new(RealDisk, dir);
    let begun_at = journal.first().expect("commands").at;
    let mut on_disk =
        Journal::create(place, Settings::new(RULES_VERSION), begun_at).expect("a new journal");
    let (mut exchange, mut events) = (Exchange::new(), Vec::new());
    for stamped in &journal {
        let payload = borsh::to_vec(&stamped.command).expect("encodes");
        let record = Record::Command { seq: stamped.seq, at: stamped.at, payload: &payload };
        on_disk.append(&[record]).expect("written");
        events.clear();
        exchange.apply(stamped, &mut events);
    }
    on_disk.close().expect("closed");
    exchange
}

fn decimal(value: &Value) -> Decimal {
    value.to_string().parse().expect("a number")
}

/// LEDGER-018: what the statements of all accounts say at last, and what the house has by the export, is what custody owes.
#[test]
fn the_statements_of_all_accounts_add_up_to_custody() {
    let home = tempfile::tempdir().expect("a directory");
    let exchange = journaled(home.path());
    let export = said(&["ledger", "export", "--format", "json"], home.path());
    let mut house = BTreeMap::<String, Decimal>::new();
    let (mut last, mut chain) = (0, 0);
    for line in export.lines() {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let id = row["transfer"].as_u64().expect("an id");
        assert_eq!(id, last + 1, "gapless: {row}");
        let of = row["chain"].as_u64().expect("an id");
        assert!(of == id || of == chain, "{row}");
        (last, chain) = (id, of);
        assert_ne!(row["reason"], json!("unstated"), "{row}");
        let amount = decimal(&row["amount"]);
        for (end, whose, change) in
            [("from", "from_account", -amount), ("to", "to_account", amount)]
        {
            if row[whose] == Value::Null {
                let bucket = row[end].as_str().expect("text").to_owned();
                *house.entry(bucket).or_default() += change;
            }
        }
    }
    assert_eq!(last, exchange.ledger().last_transfer().0);
    let house: Decimal = house.into_values().sum();

    let mut equities = BTreeMap::<Option<String>, Decimal>::new();
    for line in said(&["ledger", "statement", "--json"], home.path()).lines() {
        let page: Value = serde_json::from_str(line).expect("JSON");
        let whose = page["account"].as_str().map(str::to_owned);
        let equity = equities.entry(whose).or_default();
        assert_eq!(decimal(&page["equity_opening"]), *equity, "{page}");
        let net = page["net"].as_object().expect("an object");
        *equity += net.values().map(decimal).sum::<Decimal>();
        assert_eq!(decimal(&page["equity_closing"]), *equity, "{page}");
    }
    for (account, record) in exchange.accounts() {
        let equity = equities.get(&Some(record.name.clone())).copied().unwrap_or_default();
        let ours = Decimal::new(exchange.ledger().equity(account).micros(), 6);
        assert_eq!(equity, ours, "{}", record.name);
    }
    assert_eq!(equities[&None], house, "the house's own statement is what the export says");
    assert_eq!(equities.into_values().sum::<Decimal>(), Decimal::ZERO, "custody included");
}

#[test]
fn an_export_begins_where_it_is_told_and_is_the_same_in_both_formats() {
    let home = tempfile::tempdir().expect("a directory");
    journaled(home.path());
    let csv = said(&["ledger", "export"], home.path());
    let head: Vec<&str> = csv.lines().take(3).collect();
    expect![[r#"
        seq,at,transfer,chain,reason,from_account,from,to_account,to,amount
        4,2026-11-23T00:00:00.000000000Z,1,1,deposit,,custody,maker 0,cash,200000.000000
        6,2026-11-23T00:00:00.000000000Z,2,2,deposit,,custody,maker 1,cash,200000.000000"#]]
    .assert_eq(&head.join("\n"));
    let times: Vec<&str> = csv.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert!(times.iter().all(|time| time.len() == times[0].len()) && times.is_sorted());
    let json = said(&["ledger", "export", "--format", "json"], home.path());
    assert_eq!(csv.lines().count(), json.lines().count() + 1);
    let seq = |line: &str| line.split(',').next().and_then(|seq| seq.parse::<u64>().ok());
    let middle = csv.lines().filter_map(seq).nth(1_000).expect("many transfers");
    let tail = said(&["ledger", "export", "--from", &middle.to_string()], home.path());
    let expected = csv.lines().skip(1).filter(|line| seq(line) >= Some(middle));
    assert!(tail.lines().skip(1).eq(expected));
}

#[test]
fn a_statement_is_of_one_day_and_one_account() {
    let home = tempfile::tempdir().expect("a directory");
    journaled(home.path());
    let name = "maker 0";
    let pages = said(&["ledger", "statement", "--json", "--account", name], home.path());
    let days: Vec<String> = pages
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["day"]
                .as_str()
                .expect("text")
                .to_owned()
        })
        .collect();
    let statement = ["ledger", "statement", "--account", name, "--day"];
    let page = said(&[&statement[..], &[&days[0]]].concat(), home.path());
    assert!(page.starts_with(&format!("{name}, {} (UTC)\n", days[0])), "{page}");
    assert!(page.contains("deposit received"), "{page}");

    let before = said(&[&statement[..], &["1999-12-31", "--json"]].concat(), home.path());
    let before: Value = serde_json::from_str(&before).expect("JSON");
    assert_eq!((&before["movements"], &before["equity_closing"]), (&json!([]), &json!(0)));
    let everybody = said(&["ledger", "statement", "--json", "--day", &days[0]], home.path());
    let equity =
        |line| decimal(&serde_json::from_str::<Value>(line).expect("JSON")["equity_closing"]);
    assert_eq!(everybody.lines().map(equity).sum::<Decimal>(), Decimal::ZERO);
    let refused = |day: &str| {
        let output = run(&[&statement[..], &[day]].concat(), home.path());
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused("2200-01-01").contains("ends on"), "{}", refused("2200-01-01"));
    assert!(refused("2026-02-30").contains("calendar"), "{}", refused("2026-02-30"));
    let nobody = run(&["ledger", "statement", "--account", "nobody"], home.path());
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no account is named nobody"));
}
