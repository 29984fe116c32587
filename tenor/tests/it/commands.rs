//! What the subcommands say and how they end.

use std::path::Path;
use std::process::Output;

use matching_engine::stream::{Header, Op, StreamCommand, write};
use serde_json::{Value, json};

use crate::running::{Server, create_account, tenor};

fn run(args: &[&str], dir: &Path) -> Output {
    tenor().args(args).arg("--data").arg(dir).output().expect("runs")
}

fn error_of(output: &Output) -> String {
    assert!(!output.status.success(), "it should have failed");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_flipped_byte_anywhere_in_a_cleanly_ended_journal_is_found() {
    let home = tempfile::tempdir().expect("a directory");
    create_account(home.path(), "one");
    let whole = run(&["journal", "verify", "--json"], home.path());
    let report: Value = serde_json::from_slice(&whole.stdout).expect("JSON");
    assert_eq!((&report["ok"], &report["commands"]), (&json!(true), &json!(3)), "{report}");

    let segments = std::fs::read_dir(home.path().join("journal")).expect("segments");
    let segment = segments.into_iter().next().expect("one").expect("readable").path();
    let bytes = std::fs::read(&segment).expect("bytes");
    for offset in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1;
        std::fs::write(&segment, &flipped).expect("written");
        let said = error_of(&run(&["journal", "verify"], home.path()));
        assert!(said.contains(".seg") && said.contains("offset"), "{offset}: {said}");
    }
    std::fs::write(&segment, &bytes).expect("written");
    assert!(run(&["journal", "verify"], home.path()).status.success());
}

#[test]
fn a_journal_that_was_cut_after_a_crash_has_a_torn_tail_and_goes_on() {
    let home = tempfile::tempdir().expect("a directory");
    Server::start(home.path()).kill();
    let segments = std::fs::read_dir(home.path().join("journal")).expect("segments");
    let segment = segments.into_iter().next().expect("one").expect("readable").path();
    let bytes = std::fs::read(&segment).expect("bytes");
    let used = bytes.iter().rposition(|byte| *byte != 0).expect("something was written") + 1;
    for (len, is_torn) in
        [(bytes.len() - 100, false), (bytes.len() - 4096, false), (used - 40, true)]
    {
        std::fs::write(&segment, &bytes[..len]).expect("written");
        let verified = run(&["journal", "verify", "--json"], home.path());
        let report: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
        assert_eq!(report["ok"], json!(true), "{len}: {report}");
        assert_eq!(report["torn_tail_bytes"] != json!(0), is_torn, "{len}: {report}");
    }
    // Only the store, which is behind the cut, would have noticed.
    std::fs::remove_dir_all(home.path().join("store")).expect("removed");
    assert!(Server::start(home.path()).terminate(), "it goes on from what is left");
    assert!(run(&["journal", "verify"], home.path()).status.success());
}

#[test]
fn an_account_is_refused_with_its_reason() {
    let home = tempfile::tempdir().expect("a directory");
    create_account(home.path(), "one");
    let create = ["account", "create", "--testnet", "--json", "--name"];
    let twice = run(&[&create[..], &["one"]].concat(), home.path());
    assert!(error_of(&twice).contains("ACCOUNT-003"), "{}", error_of(&twice));
    let cents = run(&[&create[..], &["two", "--deposit", "0.0000001"]].concat(), home.path());
    assert!(error_of(&cents).contains("6 decimals"), "{}", error_of(&cents));

    let server = Server::start(home.path());
    let busy = run(&[&create[..], &["three"]].concat(), home.path());
    assert!(error_of(&busy).contains("another process"), "{}", error_of(&busy));
    assert!(server.terminate(), "a polite end");

    let real = tempfile::tempdir().expect("a directory");
    let money = run(&["account", "create", "--name", "one", "--deposit", "5"], real.path());
    assert!(error_of(&money).contains("ACCOUNT-005"), "{}", error_of(&money));
}

#[test]
fn nonsense_is_refused_with_the_field() {
    let home = tempfile::tempdir().expect("a directory");
    let missing = run(&["journal", "verify"], &home.path().join("nowhere"));
    assert!(error_of(&missing).contains("nowhere"), "{}", error_of(&missing));
    let config = home.path().join("config.toml");
    std::fs::write(&config, "[delivery]\nprofil = \"ci\"\n").expect("written");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--config"];
    let config = config.to_str().expect("a path");
    let unknown = run(&[&serve[..], &[config]].concat(), &home.path().join("venue"));
    assert!(error_of(&unknown).contains("profil"), "{}", error_of(&unknown));
    let full = tenor().args(["demo", "--once", "--data"]).arg(home.path()).output().expect("runs");
    assert!(error_of(&full).contains("not empty"), "{}", error_of(&full));
}

#[test]
fn a_book_is_replayed_from_lines_and_from_a_stream() {
    let home = tempfile::tempdir().expect("a directory");
    let file = |name: &str, bytes: &[u8]| {
        let path = home.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let replay = |path: &Path, more: &[&str]| {
        tenor().args(["book", "replay"]).arg(path).args(more).output().expect("runs")
    };
    let order = r#"{"place":{"id":1,"account":"a","side":"buy","price":"99","qty":3,"display":2}}"#;
    let lines = file("orders.jsonl", order.as_bytes());
    let said = String::from_utf8(replay(&lines, &["--all-events"]).stdout).expect("text");
    assert_eq!(said, "{\"accepted\":{\"id\":1}}\n{\"book\":{\"bids\":[[\"99\",2]],\"asks\":[]}}\n");

    let (op, side) = (Op::Add, instruments::Side::Buy);
    let commands = [StreamCommand { op, side, book: 0, qty: 3, id: 1, price: 99 }];
    let header =
        Header { books: 1, commands: 1, warmup: 0, price_low: 99, price_high: 99, id_high: 1 };
    let bytes = write(&header, &commands);
    let stream = file("flow.cdx", &bytes);
    let said = replay(&stream, &["--stream", "--json"]).stdout;
    let report: Value = serde_json::from_slice(&said).expect("JSON");
    assert_eq!((&report["commands"], &report["resting"]), (&json!(1), &json!(1)), "{report}");

    let cut = file("cut.cdx", &bytes[..bytes.len() - 1]);
    let said = error_of(&replay(&cut, &["--stream"]));
    assert!(said.contains("cut.cdx") && said.contains("length"), "{said}");
    assert!(!replay(&lines, &["--json"]).status.success(), "--json is about streams");
}

/// Who reads as much as it wants, as `head` does, leaves no error behind.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let piped = std::process::Stdio::piped;
    let command = ["sim", "crash", "--seed", "1"];
    let mut child =
        tenor().args(command).stdout(piped()).stderr(piped()).spawn().expect("a process");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("error"), "{said}");
}
