//! The tape from outside: recorded, killed, damaged, asked.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::running::tenor;

const KILLS: usize = 12;
const TICKS: u64 = 240;

/// Half-hours of six providers that reprice now and then.
fn observations(dir: &Path) -> PathBuf {
    let mut csv = "ts,gpu_class,provider,configs,min,avg\n".to_owned();
    for tick in 0..TICKS {
        let (day, minute) = (1 + tick / 48, tick % 48 * 30);
        let at = format!("2026-01-{day:02}T{:02}:{:02}:00Z", minute / 60, minute % 60);
        for provider in (0..6).filter(|provider| !(tick + provider).is_multiple_of(11)) {
            let cents = 200 + 7 * provider + tick / 9 % (2 + provider);
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            csv += &format!("{at},H100_80GB_SXM5,p{provider},3,{price},{price}\n");
        }
    }
    let path = dir.join("observations.csv");
    fs::write(&path, csv).expect("written");
    path
}

fn run(arguments: &[&str], tape: &Path) -> Output {
    tenor().args(arguments).arg("--tape").arg(tape).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn verified(tape: &Path) -> (bool, Value) {
    let output = run(&["oracle", "verify", "--json"], tape);
    let found = serde_json::from_slice(&output.stdout);
    (output.status.success(), found.unwrap_or_else(|_| panic!("{}", text(&output.stderr))))
}

fn record(observations: &Path, tape: &Path) -> Output {
    let observations = observations.to_str().expect("text");
    let output = run(&["oracle", "record", "--as-if-live", "--observations", observations], tape);
    assert!(output.status.success(), "{}", text(&output.stderr));
    output
}

/// TAPE-020: what was acknowledged is there after a kill at any moment, and the recording goes on to the same tape, bit for bit.
#[test]
fn tape_020_no_acknowledged_tick_is_lost_in_twelve_kills() {
    let root = tempfile::tempdir().expect("a directory");
    let observations = observations(root.path());
    let (whole, killed) = (root.path().join("whole"), root.path().join("killed"));
    record(&observations, &whole);
    let mut acknowledged = 0;
    for round in 0..KILLS {
        let mut child = tenor()
            .args(["oracle", "record", "--as-if-live", "--each", "--observations"])
            .args([observations.as_path(), Path::new("--tape"), killed.as_path()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        // The first ones at once, while it still opens; the others after some ticks, wherever it is then.
        for line in lines.by_ref().take(round * 2) {
            let line: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
            acknowledged = line["last_row"].as_u64().expect("a row");
        }
        child.kill().expect("killed");
        child.wait().expect("reaped");
        // What it said before it died, and nobody had read yet.
        for line in lines {
            let Ok(line) = serde_json::from_str::<Value>(&line.expect("text")) else { break };
            acknowledged = line["last_row"].as_u64().unwrap_or(acknowledged);
        }
        if killed.join("rows.log").exists() {
            let (is_sound, found) = verified(&killed);
            assert!(is_sound, "round {round}: {found}");
            let rows = found["rows"].as_u64().expect("a count");
            assert!(acknowledged <= rows, "round {round}: {acknowledged} of {rows}");
        }
    }
    assert!(0 < acknowledged);
    let summary = text(&record(&observations, &killed).stdout);
    assert!(summary.contains("not read again"), "{summary}");
    let log = |dir: &Path| fs::read(dir.join("rows.log")).expect("a log");
    assert_eq!(log(&whole), log(&killed));
    let (is_sound, found) = verified(&killed);
    assert!(is_sound && found["sealed"] == Value::Bool(true), "{found}");
}

/// TAPE-002: one wrong bit, and the exit code is 1, and the row is named.
#[test]
fn tape_002_verify_names_the_row_and_exits_with_one() {
    let root = tempfile::tempdir().expect("a directory");
    let observations = observations(root.path());
    let tape = root.path().join("tape");
    record(&observations, &tape);
    let log = tape.join("rows.log");
    let mut bytes = fs::read(&log).expect("a log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&log, bytes).expect("written");
    let output = run(&["oracle", "verify"], &tape);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("rows.log: row") && said.ends_with("NOT OK\n"), "{said}");
    let refused = run(&["oracle", "tape", "show", "H100"], &tape);
    assert!(text(&refused.stderr).contains("was not touched"), "{}", text(&refused.stderr));
}

/// TAPE-011: asked as of a time, the tape knows what had been written by then.
#[test]
fn tape_011_show_and_export_give_what_was_known() {
    let root = tempfile::tempdir().expect("a directory");
    let observations = observations(root.path());
    let tape = root.path().join("tape");
    record(&observations, &tape);
    let arguments = [
        "oracle",
        "tape",
        "show",
        "H100",
        "--json",
        "--from",
        "2026-01-02T00:00:00Z",
        "--to",
        "2026-01-03T00:00:00Z",
        "--as-of",
        "2026-01-02T02:15:00Z",
    ];
    let shown = run(&arguments, &tape);
    let prints: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let ticks: Vec<&str> =
        prints.as_array().expect("a list").iter().filter_map(|it| it["ts"].as_str()).collect();
    assert_eq!(ticks.len(), 5);
    assert_eq!((ticks[0], ticks[4]), ("2026-01-02T00:00:00Z", "2026-01-02T02:00:00Z"));
    let file = observations.to_str().expect("text");
    let other = run(&["oracle", "record", "--observations", file], &tape);
    assert!(text(&other.stderr).contains("with --as-if-live"), "{}", text(&other.stderr));
    let exported = text(&run(&["oracle", "tape", "export", "H100"], &tape).stdout);
    assert_eq!(exported.lines().count(), 241);
}

/// TAPE-014: a print is explained the same from its tape as from its file, and outside the ticks the range is named.
#[test]
fn tape_014_explain_says_the_same_from_tape_and_file() {
    let root = tempfile::tempdir().expect("a directory");
    let observations = observations(root.path());
    let tape = root.path().join("tape");
    record(&observations, &tape);
    let question = ["oracle", "explain", "H100", "2026-01-03T10:07:00Z"];
    let from_tape = run(&question, &tape);
    let from_file = tenor().args(question).arg("--observations").arg(&observations).output();
    let from_file = text(&from_file.expect("runs").stdout);
    let mut from_tape: Vec<String> =
        text(&from_tape.stdout).lines().map(ToOwned::to_owned).collect();
    assert!(from_tape.remove(1).starts_with("row "), "{from_tape:?}");
    assert_eq!(from_tape, from_file.lines().collect::<Vec<_>>());
    assert!(from_tape[0].starts_with("H100 at 2026-01-03T10:00:00Z"), "{from_tape:?}");

    let outside = run(&["oracle", "explain", "H100", "2027-01-01T00:00:00Z"], &tape);
    assert_eq!(outside.status.code(), Some(1));
    let error = text(&outside.stderr);
    assert!(error.contains("2026-01-01T00:00:00Z and 2026-01-05T23:30:00Z"), "{error}");
    let mut unknown = tenor();
    unknown.args(["oracle", "explain", "B300", "2026-01-02T00:00:00Z", "--observations"]);
    let error = text(&unknown.arg(&observations).output().expect("runs").stderr);
    assert!(error.contains("there are H100"), "{error}");
}

/// TAPE-013: without a tape, the prints of a file are made again from its observations.
#[test]
fn tape_013_a_plain_pair_of_files_is_verified_line_by_line() {
    let root = tempfile::tempdir().expect("a directory");
    let observations = observations(root.path());
    let index = root.path().join("index.csv");
    let pair = |command: &str, flag: &str| {
        let mut tenor = tenor();
        tenor.args(["oracle", command, "--observations"]).arg(&observations).arg(flag).arg(&index);
        tenor.output().expect("runs")
    };
    assert!(pair("index", "--out").status.success());
    let sound = pair("verify", "--index");
    assert_eq!(text(&sound.stdout), "240 rows, 0 mismatches\nok\n");
    let prints = fs::read_to_string(&index).expect("prints").replacen(",OK,", ",LOW_CONF,", 1);
    fs::write(&index, prints).expect("written");
    let wrong = pair("verify", "--index");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        text(&wrong.stdout).contains("240 rows, 1 mismatches\nline "),
        "{}",
        text(&wrong.stdout)
    );
}
