//! Logins over a kill, a server that keeps its secrets to itself, and its audit log.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use api::client::Client;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::running::{Keys, Server, create_account, tenor};

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(test)
}

async fn connect(url: &str) -> Client {
    Client::connect(url).await.expect("connects").0
}

/// A signed login at the server's time.
async fn signed(client: &Client, keys: &Keys, nonce: &str) -> Value {
    let timestamp = client.call("public/get_time", json!({})).await.expect("a time");
    let mut mac = Hmac::<Sha256>::new_from_slice(keys.client_secret.as_bytes()).expect("a key");
    mac.update(format!("{timestamp}\n{nonce}\n").as_bytes());
    json!({
        "grant_type": "client_signature", "client_id": keys.client_id, "timestamp": timestamp,
        "nonce": nonce, "signature": hex::encode(mac.finalize().into_bytes()),
    })
}

/// AUTH-014: S2 of the requirements. Recorded, the server killed, sent again within its window.
#[test]
fn auth_014_a_recorded_login_is_refused_after_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let keys = create_account(dir.path(), "alice");
    let mut recorded: Vec<Value> = Vec::new();
    for round in 0..4 {
        let server = Server::start(dir.path());
        run(async {
            for old in &recorded {
                let client = connect(&server.url).await;
                let refused = client.call("public/auth", old.clone()).await.expect_err("refused");
                assert_eq!(refused.code(), Some(13_004), "{refused}");
            }
            let client = connect(&server.url).await;
            // A restart costs nobody a login: what was signed before it and never sent is as good as ever.
            let login = signed(&client, &keys, &format!("n{round}")).await;
            client.call("public/auth", login.clone()).await.expect("logs in");
            recorded.push(login);
        });
        server.kill();
    }
}

/// A server whose log, at its most talkative, is read to its end.
fn talkative(dir: &Path) -> (Child, String) {
    let log = std::fs::File::create(dir.join("log")).expect("a file");
    let mut child = tenor()
        .args(["serve", "--testnet", "--listen", "127.0.0.1:0", "--data"])
        .arg(dir)
        .env("TENOR_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut said = Vec::new();
    let mut byte = [0];
    while byte != *b"\n" {
        stdout.read_exact(&mut byte).expect("a line");
        said.extend(byte);
    }
    let said = String::from_utf8(said).expect("text");
    let url = said.split_whitespace().find(|word| word.starts_with("ws://")).expect("an address");
    (child, url.to_owned())
}

/// AUTH-031: S9. Secrets that were used, guessed, drawn and rotated, over both ways in, right and wrong.
#[test]
fn auth_031_no_secret_is_in_the_log_the_audit_log_or_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let keys = create_account(dir.path(), "alice");
    let path = dir.path().join("credentials.json");
    let canary = "canary-0123456789abcdef-canary";
    let text = std::fs::read_to_string(&path).expect("credentials");
    std::fs::write(&path, text.replace(&keys.client_secret, canary)).expect("written");
    let keys = Keys { client_id: keys.client_id, client_secret: canary.to_owned() };
    let (mut server, url) = talkative(dir.path());
    let (mut told, mut secrets) = (String::new(), vec![canary.to_owned()]);
    run(async {
        let client = connect(&url).await;
        let wrong = format!("{canary}-guess");
        for secret in [canary, &wrong] {
            let params = json!({
                "grant_type": "client_credentials", "client_id": keys.client_id,
                "client_secret": secret, "surplus": canary,
            });
            told += &format!("{:?}", client.call("public/auth", params.clone()).await);
            let mut params = params;
            params.as_object_mut().expect("fields").remove("surplus");
            drop(
                client
                    .call("public/auth", params)
                    .await
                    .map_err(|error| told += &error.to_string()),
            );
        }
        client.call("public/auth", signed(&client, &keys, "n").await).await.expect("logs in");
        let mut keep = |key: Value| {
            secrets.push(key["client_secret"].as_str().expect("a secret").to_owned());
            key["id"].clone()
        };
        let made = client.call("private/create_api_key", json!({"max_scope": "trade:read"})).await;
        let id = keep(made.expect("a key"));
        keep(client.call("private/reset_api_key", json!({"id": id})).await.expect("a secret"));
        let listed = client.call("private/list_api_keys", json!({})).await.expect("keys");
        told += &listed.to_string();
    });
    let pid = server.id().to_string();
    let stopped = std::process::Command::new("kill").args(["-TERM", &pid]).status();
    assert!(stopped.expect("kill runs").success());
    assert!(server.wait().expect("reaped").success());
    told += &std::fs::read_to_string(dir.path().join("log")).expect("a log");
    assert!(told.contains("alice") || told.len() > 100, "the log says something");
    for entry in std::fs::read_dir(dir.path().join("audit")).expect("an audit log") {
        told += &std::fs::read_to_string(entry.expect("a file").path()).expect("text");
    }
    for secret in &secrets {
        assert!(!told.contains(secret.as_str()), "{secret} was told");
    }
}

/// AUTH-030: S10.
#[test]
fn auth_030_a_server_does_not_start_on_secrets_that_others_can_read() {
    let dir = tempfile::tempdir().expect("a directory");
    create_account(dir.path(), "alice");
    for name in ["credentials.json", "venue.key"] {
        let path = dir.path().join(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        let refused = tenor()
            .args(["serve", "--testnet", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.path())
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success());
        assert!(said.contains(name) && said.contains("mode 0644"), "{said}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    assert!(Server::start(dir.path()).terminate());
}

fn verify_audit(dir: &Path, more: &[&str]) -> Output {
    tenor().args(["verify", "audit"]).arg(dir.join("audit")).args(more).output().expect("runs")
}

/// AUTH-034, AUTH-037: what happened is in the log, also after a kill, and a log that was changed is found out.
#[test]
fn auth_034_the_audit_log_says_who_did_what_and_is_checked_offline() {
    let dir = tempfile::tempdir().expect("a directory");
    let keys = create_account(dir.path(), "alice");
    let wallet = format!("0x{}", "ab".repeat(20));
    let link = |name: &str| {
        let data = dir.path().to_str().expect("text");
        let words = ["account", "link-wallet", "--data", data, "--name", name, "--wallet", &wallet];
        tenor().args(words).output().expect("runs").status.success()
    };
    assert!(link("alice"));
    assert!(!link("alice"), "it is linked already");
    assert!(!link("nobody"));
    let server = Server::start(dir.path());
    run(async {
        let client = connect(&server.url).await;
        client.auth(&keys.client_id, "wrong").await.expect_err("refused");
        client.auth(&keys.client_id, &keys.client_secret).await.expect("logs in");
        client.call("private/withdraw", json!({"amount": 1})).await.expect_err("refused");
        let made = json!({"max_scope": "trade:read"});
        client.call("private/create_api_key", made).await.expect("a key");
    });
    server.kill();
    let server = Server::start(dir.path());
    let head = run(async {
        let client = connect(&server.url).await;
        client.call("public/get_audit_head", json!({})).await.expect("a head")
    });
    assert!(server.terminate());
    let text = std::fs::read_to_string(dir.path().join("audit/00000000000000000001.jsonl"));
    let text = text.expect("a log");
    for said in [
        r#""action":"key.issue""#,
        r#""action":"wallet.link""#,
        r#""action":"login","object":"from 127.0.0.1","result":"client id, secret or signature is not right""#,
        r#""action":"login","object":"from 127.0.0.1","result":"ok""#,
        r#""action":"private/withdraw","object":"from 127.0.0.1","result":"the login's scope is wallet:read"#,
        r#""action":"key.create""#,
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    let kept = dir.path().join("kept.json");
    std::fs::write(&kept, head["head"].to_string()).expect("written");
    let signer = head["signer"].as_str().expect("an address");
    let more = ["--signer", signer, "--head", kept.to_str().expect("text")];
    let sound = verify_audit(dir.path(), &more);
    assert!(sound.status.success(), "{}", String::from_utf8_lossy(&sound.stderr));
    let path = dir.path().join("audit/00000000000000000001.jsonl");
    for (what, changed) in [
        ("edited", text.replacen("is not right", "is right", 1)),
        ("cut short", text.lines().take(3).flat_map(|line| [line, "\n"]).collect()),
        ("without a line", text.lines().skip(1).flat_map(|line| [line, "\n"]).collect()),
    ] {
        std::fs::write(&path, changed).expect("written");
        assert!(!verify_audit(dir.path(), &more).status.success(), "{what}");
    }
    let stranger = format!("0x{}", "11".repeat(20));
    std::fs::write(&path, text).expect("written");
    assert!(!verify_audit(dir.path(), &["--signer", &stranger]).status.success());
    assert!(verify_audit(dir.path(), &[]).status.success());
}
