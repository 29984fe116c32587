//! OPS: what everybody is told of the venue's state, and what operators see of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use api::venue::WatchOptions;
use exchange::{Command, IndexPrint, StateScope, TradingState};
use instruments::{GradeId, MicroUsd, NanosSpan, Ppm};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, limit, refusal, soon, start_of_time};

async fn set(stand: &Stand, scope: StateScope, state: TradingState) {
    stand.submit(Command::SetTradingState { scope, state }).await;
}

/// OPS-012: every change of the venue's state is told, and whoever asks is told the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_012_the_state_of_the_venue_is_published() {
    let stand = Stand::open().await;
    let (client, mut notifications) = stand.trader(1_000).await;
    let channels = json!({ "channels": ["platform_state", "instrument.state.any.any"] });
    client.call("public/subscribe", channels).await.unwrap();
    let id = stand.venue.exchange().series_by_name(SERIES).unwrap().instrument.id;
    set(&stand, StateScope::Restart, TradingState::CancelOnly).await;
    let told = soon(notifications.next_of("platform_state")).await.unwrap();
    let data: Value = told.read().unwrap();
    assert_eq!(
        (&data["state"], &data["venue"], &data["restart"], &data["locked"], &data["maintenance"]),
        (&json!("cancel_only"), &json!("open"), &json!("cancel_only"), &json!(true), &json!(true))
    );
    let (code, _, _, rule) = refusal(client.buy(&limit(1, "2.5")).await);
    assert_eq!((code, rule), (11_051, json!("OPS-003")));
    set(&stand, StateScope::Restart, TradingState::PostOnly).await;
    client.buy(&limit(1, "2.5")).await.unwrap();
    set(&stand, StateScope::Restart, TradingState::Open).await;
    set(&stand, StateScope::Series(id), TradingState::Halted).await;
    let told = soon(notifications.next_of("instrument.state.any.any")).await.unwrap();
    let data: Value = told.read().unwrap();
    assert_eq!((&data["instrument_name"], &data["state"]), (&json!(SERIES), &json!("halted")));
    let (code, param, _, _) = refusal(client.buy(&limit(1, "2.5")).await);
    assert_eq!((code, param), (10_012, json!("instrument_name")));
    let status = client.call("public/status", json!({})).await.unwrap();
    assert_eq!(status["locked"], "partial");
    assert_eq!(status["series"], json!([{ "instrument_name": SERIES, "state": "halted" }]));
    assert_eq!(status["state"], "open");
}

/// OPS-012: whoever listens hears that the venue is about to end before its session does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_012_a_drain_is_told_before_sessions_end() {
    let mut stand = Stand::open().await;
    let (client, mut notifications) = stand.stranger().await;
    client.call("public/subscribe", json!({ "channels": ["platform_state"] })).await.unwrap();
    stand.venue.begin_drain().await;
    let told = soon(notifications.next_of("platform_state")).await.unwrap();
    assert_eq!(told.read::<Value>().unwrap()["state"], "draining");
    let (status, body) = stand.get("/ready", "").await;
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    stand.stop().await;
}

/// OPS-018: ready is who takes orders, with an index as fresh as was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_018_ready_is_who_takes_orders() {
    let stand = Stand::open_with(|options| {
        let index_age_max = Some(Duration::from_secs(60));
        options.watch = WatchOptions { index_age_max, ..WatchOptions::default() };
    })
    .await;
    let (status, body) = stand.get("/ready", "").await;
    assert_eq!((status, &body["reasons"]), (503, &json!(["the index of H100 is not fresh"])));
    print(&stand).await;
    assert_eq!(stand.get("/ready", "").await.0, 200);
    set(&stand, StateScope::Venue, TradingState::PostOnly).await;
    let (status, body) = stand.get("/ready", "").await;
    assert_eq!((status, &body["reasons"]), (503, &json!(["the venue is post_only"])));
    set(&stand, StateScope::Venue, TradingState::Open).await;
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(62));
    assert_eq!(stand.get("/ready", "").await.0, 503);
    let (status, body) = stand.get("/health", "").await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")), "alive it is");
    let (status, _) = stand
        .http("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned())
        .await;
    assert_eq!(status, 404, "figures are the operators'");
}

async fn print(stand: &Stand) {
    let print = IndexPrint {
        grade: GradeId::new("H100").unwrap(),
        observed_at: start_of_time() + NanosSpan::from_seconds(1),
        value: Some(MicroUsd::new(2_500_000)),
        conf: Ppm::new(1_000),
        state: oracle::State::Ok,
    };
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(1));
    stand.submit(Command::PublishIndex(print)).await;
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_part =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter));
    words.filter(|word| word.starts_with("tenor_")).map(str::to_owned).collect()
}

fn docs(path: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// OPS-019, OPS-020: what a real server exports is what is documented, and all that the dashboard asks for; no label names anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_019_every_figure_is_exported_documented_and_names_nobody() {
    let stand = Stand::open_with(|options| {
        options.watch = WatchOptions { public_metrics: true, ..WatchOptions::default() };
    })
    .await;
    print(&stand).await;
    let (alice, _) = stand.trader(1_000).await;
    let (bob, _) = stand.trader(1_000).await;
    alice.sell(&limit(3, "2.5")).await.unwrap();
    bob.buy(&limit(2, "2.5")).await.unwrap();
    refusal(bob.buy(&limit(0, "2.5")).await);
    let wrong =
        json!({ "grant_type": "client_credentials", "client_id": "x", "client_secret": "y" });
    refusal(bob.call("public/auth", wrong).await);
    let ask = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned();
    let (status, text) = stand.http(ask).await;
    assert_eq!(status, 200);
    for line in [
        "tenor_commands_total{kind=\"place_order\"} 2",
        "tenor_logins_total{result=\"ok\"} 2",
        "tenor_logins_total{result=\"failed\"} 1",
        "tenor_refusals_total{code=\"10002\"} 1",
        "tenor_refusals_total{code=\"13004\"} 1",
        "tenor_open_orders 1",
        "tenor_open_interest_lots{grade=\"H100\"} 2",
        "tenor_order_ack_seconds_count 2",
        "tenor_sessions 2",
        "tenor_trading_state 0",
    ] {
        assert!(text.lines().any(|it| it == line), "no line {line:?} in {text}");
    }
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let exported: BTreeSet<String> =
        types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    let documented = named(&docs("operations.md"));
    let missing: Vec<_> = exported.difference(&documented).collect();
    assert!(missing.is_empty(), "not in docs/operations.md: {missing:?}");
    let stale: Vec<_> = documented.difference(&exported).collect();
    assert!(stale.is_empty(), "in docs/operations.md, but not exported: {stale:?}");
    let dashboard = docs("grafana/tenor.json");
    serde_json::from_str::<Value>(&dashboard).expect("a dashboard is JSON");
    for name in named(&dashboard) {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_known = exported.contains(&name) || base.is_some_and(|base| exported.contains(base));
        assert!(is_known, "the dashboard asks for {name}");
    }
    let labels: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('{')?.1.split_once('='))
        .map(|(label, _)| label)
        .collect();
    let bounded = ["code", "action", "grade", "kind", "le", "result", "version"];
    assert!(labels.iter().all(|label| bounded.contains(label)), "{labels:?}");
}
