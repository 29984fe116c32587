//! OPS: what operators do to a running venue, and that nobody else can.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use api::client::Client;
use serde_json::{Value, json};

use crate::running::{Keys, Server, create_account, tenor};

/// What `tenor admin` says.
fn admin(dir: &Path, words: &[&str]) -> Output {
    tenor().args(["admin", "--dir"]).arg(dir).args(words).output().expect("runs")
}

/// The JSON that `tenor admin` answers with.
fn told(dir: &Path, words: &[&str]) -> Value {
    let output = admin(dir, words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Why `tenor admin` fails.
fn refused(dir: &Path, words: &[&str]) -> String {
    let output = admin(dir, words);
    assert!(!output.status.success(), "{words:?} was done");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn authority(server: &Server) -> &str {
    server.url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address")
}

/// An HTTP answer: its status and its body.
fn http(authority: &str, request_line: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(authority).expect("connects");
    let request = format!(
        "{request_line} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
    (status.expect("a status"), body.to_owned())
}

async fn trader(server: &Server, keys: &Keys) -> (Client, String) {
    let (client, _) = Client::connect(&server.url).await.expect("connects");
    client.auth(&keys.client_id, &keys.client_secret).await.expect("logs in");
    let query = json!({ "currency": "any", "kind": "future" });
    let listed = client.call("public/get_instruments", query).await.expect("instruments");
    let names = listed.as_array().expect("a list").iter();
    let mut names = names.filter_map(|one| one["instrument_name"].as_str());
    let name = names.find(|name| name.starts_with("H100_USDC")).expect("an H100 month").to_owned();
    (client, name)
}

async fn buy(client: &Client, name: &str, label: &str) -> Result<Value, String> {
    let order = json!({ "instrument_name": name, "amount": 1, "price": 2.0, "label": label });
    client.call("private/buy", order).await.map_err(|error| error.to_string())
}

/// OPS-010, OPS-012, OPS-014: a halt and a kill come through `kill -9` and through an orderly end.
#[tokio::test(flavor = "multi_thread")]
async fn ops_010_a_halted_venue_restarts_halted() {
    let dir = tempfile::tempdir().expect("a directory");
    let (alice, bob) = (create_account(dir.path(), "alice"), create_account(dir.path(), "bob"));
    let server = Server::start(dir.path());
    let (client, name) = trader(&server, &alice).await;
    buy(&client, &name, "first").await.expect("taken");
    assert_eq!(told(dir.path(), &["halt"])["done"], true);
    assert_eq!(told(dir.path(), &["kill", "bob"])["done"], true);
    let error = buy(&client, &name, "second").await.expect_err("halted");
    assert!(error.contains("halted"), "{error}");
    server.kill();

    let server = Server::start(dir.path());
    let status = told(dir.path(), &["status"]);
    assert_eq!(status["status"]["state"], "halted");
    assert_eq!(status["killed"], json!(["bob"]));
    let ready = http(authority(&server), "GET /ready", "");
    assert_eq!(ready.0, 503, "{}", ready.1);
    assert_eq!(http(authority(&server), "GET /health", "").0, 200);
    let (client, name) = trader(&server, &alice).await;
    buy(&client, &name, "third").await.expect_err("halted still");
    let cancelled = client.call("private/cancel_all", json!({})).await.expect("cancels pass");
    assert_eq!(cancelled, 1);
    assert!(server.terminate(), "an orderly end");

    let server = Server::start(dir.path());
    assert_eq!(told(dir.path(), &["open"])["done"], true);
    assert_eq!(http(authority(&server), "GET /ready", "").0, 200);
    let (client, name) = trader(&server, &alice).await;
    buy(&client, &name, "fourth").await.expect("open again");
    let (client, name) = trader(&server, &bob).await;
    let error = buy(&client, &name, "fifth").await.expect_err("killed still");
    assert!(error.contains("operator"), "{error}");
    assert_eq!(told(dir.path(), &["revive", "bob"])["done"], true);
    buy(&client, &name, "sixth").await.expect("revived");
    assert_eq!(told(dir.path(), &["halt", "--series", &name])["done"], true);
    let error = buy(&client, &name, "seventh").await.expect_err("stopped");
    assert!(error.contains("series"), "{error}");
    let sessions = told(dir.path(), &["sessions"]);
    assert_eq!(sessions["sessions"][1]["account"], "bob", "{sessions}");
    assert_eq!(told(dir.path(), &["queues"])["inbox"]["waiting"], 0);
    assert!(refused(dir.path(), &["halt", "--series", "NONE"]).contains("no such series"));
    assert!(refused(dir.path(), &["kill", "nobody"]).contains("no account"));
    assert_eq!(told(dir.path(), &["drain"])["done"], true);
    assert!(server.ended(), "the venue ended in order");
}

/// OPS-013: the operators' door is a socket of the directory's owner, and the public port has no such route.
#[test]
fn ops_013_the_public_listener_has_no_admin_route() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let socket = dir.path().join("operator.sock");
    let mode = std::fs::metadata(&socket).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let halt = r#"{"action":"halt"}"#;
    for path in ["/do", "/status", "/queues", "/sessions", "/series", "/admin", "/metrics"] {
        for verb in ["GET", "POST", "PUT"] {
            let (status, body) = http(authority(&server), &format!("{verb} {path}"), halt);
            assert!((400..500).contains(&status), "{verb} {path}: {status} {body}");
        }
        for verb in ["GET", "POST"] {
            let line = format!("{verb} /api/v2{path}");
            let (status, body) = http(authority(&server), &line, halt);
            assert!((400..500).contains(&status), "{line}: {status} {body}");
        }
    }
    assert_eq!(told(dir.path(), &["status"])["status"]["state"], "open");
    assert_eq!(listening(server.pid()).len(), 1, "one port is listened to, the public one");
}

/// The TCP ports on which a process listens.
fn listening(pid: u32) -> BTreeSet<String> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors");
    let inodes: BTreeSet<String> = descriptors
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let of = |table: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default()
    };
    let tables = of("tcp") + &of("tcp6");
    let listens = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_ours = inodes.contains(*words.get(9)?);
        (words.get(3) == Some(&"0A") && is_ours).then(|| words[1].to_owned())
    };
    tables.lines().filter_map(listens).collect()
}

/// OPS-015, OPS-016: a port needs a token, and what lets more through needs two of them.
#[test]
fn ops_016_two_operators_open_what_one_has_halted() {
    let dir = tempfile::tempdir().expect("a directory");
    let start = |more: &[&str]| {
        let more: Vec<&std::ffi::OsStr> = more.iter().map(std::ffi::OsStr::new).collect();
        tenor()
            .args(["serve", "--testnet", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.path())
            .args(more)
            .stdout(Stdio::null())
            .output()
            .expect("runs")
    };
    let lone = start(&["--two-person"]);
    assert!(String::from_utf8_lossy(&lone.stderr).contains("two operators"));
    let open = start(&["--operator-listen", "127.0.0.1:0"]);
    assert!(String::from_utf8_lossy(&open.stderr).contains("token"));
    let token = |name: &str| {
        let output = admin(dir.path(), &["add-operator", name]);
        let file = dir.path().join(format!("{name}.token"));
        std::fs::write(&file, &output.stdout).expect("kept");
        file.to_str().expect("a path").to_owned()
    };
    let (alice, bob) = (token("alice"), token("bob"));
    let far = start(&["--operator-listen", "0.0.0.0:0"]);
    assert!(String::from_utf8_lossy(&far.stderr).contains("loopback"));
    let server = Server::start_with(dir.path(), &["--two-person".as_ref()]);
    assert_eq!(told(dir.path(), &["halt"])["done"], true, "one may stop");
    assert!(refused(dir.path(), &["open"]).contains("two operators"));
    let by = |token: &str, word: &str| told(dir.path(), &["--token-file", token, word]);
    assert_eq!(by(&alice, "open")["done"], false);
    assert_eq!(by(&alice, "open")["done"], false, "one is one, however often");
    assert_eq!(told(dir.path(), &["status"])["status"]["state"], "halted");
    assert_eq!(by(&bob, "open")["done"], true);
    assert_eq!(told(dir.path(), &["status"])["status"]["state"], "open");
    std::fs::write(dir.path().join("wrong"), "guess").expect("kept");
    let wrong = dir.path().join("wrong");
    let wrong = wrong.to_str().expect("a path");
    assert!(refused(dir.path(), &["--token-file", wrong, "halt"]).contains("token"));
    server.kill();
}

/// OPS-017, OPS-021: whatever clients send, an event is one line, in text and in JSON, and says nothing of secrets.
#[tokio::test(flavor = "multi_thread")]
async fn ops_021_no_client_can_forge_a_line_of_the_log() {
    for json_lines in [false, true] {
        let dir = tempfile::tempdir().expect("a directory");
        let keys = create_account(dir.path(), "alice");
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenor"))
            .args(["serve", "--testnet", "--listen", "127.0.0.1:0", "--log", "warn", "--data"])
            .arg(dir.path())
            .args(json_lines.then_some("--log-json"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let stdout = child.stdout.take().expect("a pipe");
        let line = BufReader::new(stdout).lines().next().expect("a line").expect("text");
        let url = line.split_whitespace().find(|word| word.starts_with("ws://"));
        let url = url.expect("an address").to_owned();
        assert_eq!(told(dir.path(), &["log", "trace,hyper=off,tungstenite=off"])["done"], true);
        refused(dir.path(), &["log", "api=loud"]);
        let long = "a,".repeat(600);
        assert!(refused(dir.path(), &["log", &long]).contains("1024 bytes"));
        attack(&url, &keys).await;
        assert_eq!(told(dir.path(), &["halt"])["done"], true);
        assert_eq!(told(dir.path(), &["drain"])["done"], true);
        let mut stderr = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
        assert!(child.wait().expect("reaped").success());
        assert!(stderr.contains("audit"), "operators' actions are told: {stderr}");
        assert!(!stderr.contains(&keys.client_secret), "a secret was logged");
        for line in stderr.lines() {
            assert!(!line.contains(|letter: char| letter.is_control()), "{line:?}");
            if json_lines {
                serde_json::from_str::<Value>(line)
                    .unwrap_or_else(|error| panic!("{line}: {error}"));
            } else {
                assert!(line.starts_with("20"), "a line that is no event: {line:?}");
            }
        }
    }
}

/// Sends what would look like an event of its own, wherever a text may stand.
async fn attack(url: &str, keys: &Keys) {
    let forged = "x\n2026-01-01T00:00:00Z ERROR venue: forged\r\u{1b}[2J\u{2028}\u{0}";
    let (client, _) = Client::connect(url).await.expect("connects");
    let wrong =
        json!({ "grant_type": "client_credentials", "client_id": forged, "client_secret": forged });
    client.call("public/auth", wrong).await.expect_err("no such client");
    client.call(forged, json!({ forged: forged })).await.expect_err("no such method");
    client.auth(&keys.client_id, &keys.client_secret).await.expect("logs in");
    let order = json!({ "instrument_name": forged, "amount": 1, "price": 2.0, "label": forged });
    client.call("private/buy", order).await.expect_err("no such series");
    let channels = json!({ "channels": [forged] });
    client.call("public/subscribe", channels).await.expect_err("no such channel");
    let authority = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("one");
    for letters in
        ["GET /%0aERROR%20forged", "GET /api/v2/public/x%0d%0aERROR?a=%1b%5b2J", "BREW /\u{1}"]
    {
        let mut stream = TcpStream::connect(authority).expect("connects");
        let request = format!("{letters} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
    }
}
