//! The examples of the API reference: what a running venue answers, kept in step with the page.

use std::fmt::Write as _;
use std::path::PathBuf;

use api::client::Client;
use serde_json::{Value, json};

use crate::margin::{CALL, Desk};
use crate::stand::SERIES;
use crate::wallets::owner_of;

const BEGIN: &str = "<!-- examples: made from a running venue -->\n";
const END: &str = "<!-- /examples -->";

async fn example(page: &mut String, client: &Client, method: &str, params: Value) {
    let reply = client.call_raw(method, &params.to_string()).await.unwrap();
    write!(page, "```json\n{{\"method\":\"{method}\",\"params\":{params}}}\n{reply}\n```\n\n")
        .unwrap();
}

/// API-003: with `UPDATE_EXPECT=1` the page is rewritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_003_the_examples_of_the_reference_are_answers_of_a_venue() {
    let desk = Desk::open().await;
    let client = &desk.client;
    desk.trade(SERIES, 8, "2.5").await;
    desk.trade(CALL, -2, "0.1").await;
    let mut page = String::new();
    let series = json!({"instrument_name": CALL});
    let owner = owner_of(&desk.stand, client).await;
    for (method, params) in [
        ("public/get_risk_arrays", series.clone()),
        ("public/ticker", series.clone()),
        ("private/get_positions", json!({"currency": "USDC", "kind": "option"})),
        ("private/get_margins", json!({"instrument_name": SERIES, "amount": 8, "price": 2.345})),
        ("private/simulate_portfolio", json!({"simulated_positions": {SERIES: -8}})),
        ("private/change_margin_model", json!({"margin_model": "segregated_pm"})),
        ("private/get_account_summary", json!({"currency": "USDC"})),
        ("private/withdraw", json!({"currency": "USDC", "amount": 10.5})),
        ("private/get_transaction_log", json!({"count": 2})),
        ("private/get_statement", json!({"day": "2027-01-15"})),
    ] {
        let by = if method == "private/withdraw" { &owner } else { client };
        example(&mut page, by, method, params).await;
    }
    let abandon = json!({"instrument_name": CALL, "abandon": 2});
    example(&mut page, &desk.maker, "private/instruct_exercise", abandon).await;

    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("the examples' first mark");
    let (was, tail) = rest.split_once(END).expect("the examples' last mark");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{page}{END}{tail}")).unwrap();
    } else {
        assert!(was == page, "docs/api.md is out of step: run with UPDATE_EXPECT=1");
    }
}
