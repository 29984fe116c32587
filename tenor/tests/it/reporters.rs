//! Four reporter processes over real sockets. Rules: `docs/rules/report.md`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use api::client::Client;
use oracle::io::sign::SigningKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::running::{Server, tenor};

const REPORTERS: usize = 4;
const PROVIDERS: usize = 6;
/// A tick is due every second; a machine that is busy with other tests is not waited for for ever.
const PATIENCE: Duration = Duration::from_secs(90);

/// Four reporters, six providers, and their files.
struct Oracle {
    ports: Vec<u16>,
    reporters: Vec<Option<Process>>,
    /// Last, so that it goes after those who write into it.
    dir: TempDir,
}

/// A running reporter, ended with the value, and the lines it prints.
struct Process {
    child: Child,
    lines: Receiver<Value>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already reaped when the test killed it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    fn start(config: &Path, lie: bool) -> Self {
        let mut command = tenor();
        command.args(["oracle", "reporter", "--config"]).arg(config);
        if lie {
            command.arg("--lie");
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the reporter starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = stdout.next().expect("a line").expect("text");
        assert!(first.contains("listens on"), "{first}");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("JSON lines");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for a line.
    fn wait_for(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if is_it(&line) => return line,
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no {what} in {PATIENCE:?}; last of {}: {:?}", seen.len(), seen.last())
                }
            }
        }
    }

    /// Waits for a report with a value.
    fn wait_for_value(&self) -> Value {
        self.wait_for("report with a value", |line| line["value_micros"].is_string())
    }
}

impl Oracle {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        // All ports at once, so that no two are the same.
        let sockets: Vec<TcpListener> = (0..2 * REPORTERS)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
            .collect();
        let port = |socket: &TcpListener| socket.local_addr().expect("an address").port();
        let ports: Vec<u16> = sockets.iter().map(port).collect();
        drop(sockets);
        let oracle = Self { dir, ports, reporters: Vec::new() };
        let mut text = "chain_id = 31337\noracle = \"test\"\ncadence_ms = 1000\nage_max_ms = 120000\n\
            epoch_ms = 3600000\nheartbeat_ms = 3000\ngrace_ms = 200\nround_ms = 400\nrepeat_ms = 300\n\
            [[grades]]\nclass = 1\nname = \"H100\"\n"
            .to_owned();
        for at in 0..PROVIDERS {
            let address = oracle.key(&format!("provider-{at}"), 1 + at);
            text += &format!(
                "[[providers]]\naddress = \"{address}\"\nname = \"p{at}\"\ncluster = \"c{at}\"\n"
            );
        }
        for at in 0..REPORTERS {
            let address = oracle.key(&format!("reporter-{at}"), 100 + at);
            let port = oracle.ports[at];
            text +=
                &format!("[[reporters]]\naddress = \"{address}\"\nlisten = \"127.0.0.1:{port}\"\n");
            let own = format!(
                "listen = \"127.0.0.1:{port}\"\nhttp = \"{}\"\nkey = \"reporter-{at}.key\"\n\
                 data = \"reporter-{at}\"\noracle = \"oracle.toml\"\n",
                oracle.http(at)
            );
            oracle.write(&format!("reporter-{at}.toml"), &own);
        }
        oracle.write("oracle.toml", &text);
        oracle
    }

    /// Writes a key file and says whose it is.
    fn key(&self, name: &str, byte: usize) -> String {
        let bytes = [u8::try_from(byte).expect("small"); 32];
        self.write(&format!("{name}.key"), &hex::encode(bytes));
        SigningKey::from_bytes(&bytes).expect("below the order").address().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn http(&self, at: usize) -> String {
        format!("127.0.0.1:{}", self.ports[REPORTERS + at])
    }

    fn start(&mut self, liar: Option<usize>) {
        let start = |at| {
            let config = self.path(&format!("reporter-{at}.toml"));
            Some(Process::start(&config, liar == Some(at)))
        };
        self.reporters = (0..REPORTERS).map(start).collect();
    }

    fn reporter(&self, at: usize) -> &Process {
        self.reporters[at].as_ref().expect("alive")
    }

    /// `tenor oracle observe`, to some reporters.
    fn observe(&self, provider: usize, ask: &str, to: &[usize], more: &[&str]) -> Output {
        let mut command = self.command("observe");
        command.args(["--grade", "H100", "--total", "64", "--leased", "48", "--ask", ask]);
        command.arg("--key").arg(self.path(&format!("provider-{provider}.key"))).args(more);
        for at in to {
            command.args(["--to", &self.http(*at)]);
        }
        command.output().expect("runs")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = tenor();
        command.args(["oracle", name, "--oracle"]).arg(self.path("oracle.toml"));
        command
    }

    fn observe_all(&self, alive: &[usize]) {
        for provider in 0..PROVIDERS {
            let to = alive[provider % alive.len()];
            let ask = format!("2.{provider:02}");
            let said = self.observe(provider, &ask, &[to], &[]);
            assert!(said.status.success(), "{}", text(&said));
        }
    }

    fn get(&self, at: usize, path: &str) -> Value {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.http(at)).expect("connects");
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("asks");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("is answered");
        let (_, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        serde_json::from_str(body).expect("JSON")
    }

    /// `tenor oracle report` on what a reporter has written.
    fn check_reports(&self, at: usize) -> String {
        let mut command = self.command("report");
        let checked = command.arg(self.path(&format!("reporter-{at}/reports.jsonl"))).output();
        let checked = checked.expect("runs");
        assert!(checked.status.success(), "{}", text(&checked));
        String::from_utf8(checked.stdout).expect("text")
    }
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    format!("{out}{err}")
}

/// REPORT-013, REPORT-016, REPORT-002: four honest processes publish the same reports; what is late or unknown is refused by name.
#[test]
fn report_013_four_processes_publish_the_same_report() {
    let mut oracle = Oracle::new();
    oracle.start(None);
    oracle.observe_all(&[0, 1, 2, 3]);
    let of_all = |line: &Value| line["inputs"] == PROVIDERS && line["value_micros"].is_string();
    let first = oracle.reporter(0).wait_for("report of all providers", of_all);
    for at in 1..REPORTERS {
        let same = |line: &Value| line["digest"] == first["digest"];
        let report = oracle.reporter(at).wait_for("the same report", same);
        assert_eq!(report["value_micros"], first["value_micros"]);
    }
    let value: i64 = first["value_micros"].as_str().unwrap().parse().unwrap();
    assert!((2_000_000..2_050_001).contains(&value), "{value}");
    let last = oracle.get(1, "/reports");
    assert!(last["H100"]["height"].as_u64() >= first["height"].as_u64(), "{last}");

    // A minute and a half late counts while it is fresh; three minutes late, and from the future, never.
    let now: u64 = first["written_at_ns"].as_str().unwrap().parse().unwrap();
    let at = |nanos: u64| nanos.to_string();
    let stale = oracle.observe(1, "2.5", &[2], &["--observed-at", &at(now - 180_000_000_000)]);
    assert!(text(&stale).contains("more than 120000000000 ns before"), "{}", text(&stale));
    let future = oracle.observe(1, "2.5", &[2], &["--observed-at", &at(now + 600_000_000_000)]);
    assert!(text(&future).contains(" is after "), "{}", text(&future));
    let behind = oracle.observe(1, "2.5", &[2], &["--observed-at", &at(now - 90_000_000_000)]);
    assert!(text(&behind).contains("is not after nonce"), "{}", text(&behind));
    assert!(!stale.status.success() && !future.status.success() && !behind.status.success());

    oracle.key("provider-0", 77);
    let unknown = oracle.observe(0, "2.5", &[2], &[]);
    assert!(text(&unknown).contains("not in the registry"), "{}", text(&unknown));
    let checked = oracle.check_reports(3);
    assert!(checked.contains("signed by 3 of 4 reporters or more"), "{checked}");
}

/// REPORT-014, REPORT-017: one process is killed, the others go on; it comes back with its directory and has every tick.
#[test]
fn report_014_a_killed_process_comes_back_and_catches_up() {
    let mut oracle = Oracle::new();
    oracle.start(None);
    oracle.observe_all(&[0, 1, 2, 3]);
    let of_all = |line: &Value| line["inputs"] == PROVIDERS && line["value_micros"].is_string();
    let last = oracle.reporter(2).wait_for("report of all providers", of_all);
    oracle.reporters[2] = None;

    let killed_at = last["height"].as_u64().unwrap();
    // Four ticks, so that the dead one would have led one of them.
    let is_later = |line: &Value| killed_at + 5 <= line["tick"].as_u64().unwrap_or(0);
    let tick = oracle.reporter(0).wait_for("tick without the dead one", is_later);
    let without = |line: &Value| {
        killed_at < line["height"].as_u64().unwrap_or(0) && line["inputs"] == PROVIDERS
    };
    oracle.reporter(1).wait_for("report without the dead one", without);

    let config = oracle.path("reporter-2.toml");
    oracle.reporters[2] = Some(Process::start(&config, false));
    let last = &oracle.get(2, "/reports")["H100"];
    assert!(last["height"].as_u64() >= Some(killed_at), "what it had published is there: {last}");
    let same = |line: &Value| line["inputs_hash"] == tick["inputs_hash"];
    oracle.reporter(2).wait_for("tick it had missed", same);
    let report = oracle.reporter(2).wait_for_value();
    let digest = |line: &Value| line["digest"] == report["digest"];
    oracle.reporter(3).wait_for("report that the returned one has signed too", digest);
    oracle.check_reports(2);
}

/// REPORT-015, REPORT-005, REPORT-004: one process lies about the value and one provider says two things at once.
#[test]
fn report_015_a_lying_process_and_an_equivocating_provider_change_nothing() {
    let mut oracle = Oracle::new();
    oracle.start(Some(3));
    oracle.observe_all(&[0, 1, 2]);
    let of_all = |line: &Value| line["inputs"] == PROVIDERS && line["value_micros"].is_string();
    let honest = oracle.reporter(0).wait_for("report of all providers", of_all);
    let value: i64 = honest["value_micros"].as_str().unwrap().parse().unwrap();
    assert!((2_000_000..2_050_001).contains(&value), "{value}");
    let status = oracle.get(0, "/status");
    assert_eq!(status["disagreements"][0]["reporter"], 3, "{status}");

    let now = honest["written_at_ns"].as_str().unwrap();
    let place = ["--observed-at", now, "--nonce", "9000000000000"];
    let one = oracle.observe(5, "9.00", &[0], &place);
    assert!(one.status.success(), "{}", text(&one));
    // Whether the second one's reporter has heard of the first or not: in the end all know.
    drop(oracle.observe(5, "0.50", &[1], &place));
    let is_struck = |line: &Value| line["struck"].as_array().is_some_and(|it| !it.is_empty());
    let tick = oracle.reporter(2).wait_for("tick that strikes the provider", is_struck);
    assert_eq!(tick["inputs"], PROVIDERS - 1);
    let again = oracle.observe(5, "2.05", &[2], &[]);
    assert!(text(&again).contains("said two things at once"), "{}", text(&again));

    let provider = tick["struck"][0].as_str().unwrap();
    let proof = oracle.path(&format!("reporter-2/equivocations/{provider}.json"));
    let check = |file: &Path| {
        let checked = tenor().args(["oracle", "equivocation"]).arg(file).output().expect("runs");
        (checked.status.success(), text(&checked))
    };
    let (holds, said) = check(&proof);
    assert!(holds && said.contains(provider), "{said}");
    let forged = std::fs::read_to_string(&proof).unwrap().replacen(
        "\"chain_id\":31337",
        "\"chain_id\":1",
        1,
    );
    oracle.write("forged.json", &forged);
    let (holds, said) = check(&oracle.path("forged.json"));
    assert!(!holds && said.contains("signed for another domain"), "{said}");

    // The liar's signature is under no report.
    let liar = SigningKey::from_bytes(&[103; 32]).unwrap().address();
    let lines = std::fs::read_to_string(oracle.path("reporter-1/reports.jsonl")).unwrap();
    let with_value = lines.lines().filter(|line| !line.contains("\"value_micros\":null"));
    for line in with_value {
        let line: Value = serde_json::from_str(line).unwrap();
        let digest: Vec<u8> = hex::decode(line["digest"].as_str().unwrap()).unwrap();
        for signature in line["signatures"].as_array().unwrap() {
            let signature = hex::decode(signature.as_str().unwrap()).unwrap();
            let (digest, signature) = (digest[..].try_into(), signature[..].try_into());
            let signer = oracle::io::sign::recover(digest.unwrap(), signature.unwrap()).unwrap();
            assert_ne!(signer, liar);
        }
    }
    oracle.check_reports(1);
}

/// REPORT-020: the venue's index is the reporters', and none when they are gone.
#[test]
fn report_020_a_venue_follows_reporters_and_withholds_when_they_are_silent() {
    let mut oracle = Oracle::new();
    oracle.start(None);
    oracle.observe_all(&[0, 1, 2, 3]);
    let of_all = |line: &Value| line["inputs"] == PROVIDERS && line["value_micros"].is_string();
    let report = oracle.reporter(0).wait_for("report of all providers", of_all);
    let settings = format!(
        "[index]\noracle = {:?}\nreporters = [\"{}\", \"{}\"]\npoll_ms = 100\ngrace_ms = 4000\n",
        oracle.path("oracle.toml"),
        oracle.http(0),
        oracle.http(1)
    );
    oracle.write("serve.toml", &settings);
    let config = oracle.path("serve.toml");
    let server = Server::start_with(&oracle.path("venue"), &["--config".as_ref(), config.as_ref()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    runtime.block_on(async {
        let (client, mut notifications) = Client::connect(&server.url).await.expect("connects");
        let query = serde_json::json!({ "currency": "any", "kind": "future" });
        let listed = client.call("public/get_instruments", query).await.expect("instruments");
        let mut names =
            listed.as_array().unwrap().iter().filter_map(|it| it["instrument_name"].as_str());
        let name = names.find(|name| name.starts_with("H100_")).expect("an H100 series");
        let channels = serde_json::json!({ "channels": [format!("ticker.{name}.raw")] });
        client.call("public/subscribe", channels).await.expect("subscribes");
        let mut next_index = async || {
            let ticker = tokio::time::timeout(PATIENCE, notifications.next()).await;
            let ticker: Value = ticker.expect("in time").expect("a ticker").read().expect("JSON");
            ticker["index_price"].as_f64()
        };
        let value: f64 = report["value_micros"].as_str().unwrap().parse().unwrap();
        let shown = loop {
            if let Some(shown) = next_index().await {
                break shown;
            }
        };
        assert!((shown - value / 1e6).abs() < 0.05, "{shown} and {value}");

        oracle.reporters.clear();
        while next_index().await.is_some() {}
        let asked = serde_json::json!({ "index_name": "h100_usd" });
        let refused = client.call("public/get_index_price", asked).await.unwrap_err().to_string();
        assert!(refused.contains("withheld"), "{refused}");
    });
    assert!(server.terminate());
}
