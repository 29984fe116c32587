//! Credits: what is left is told, what is too much is refused in words, and cancels always find some.

use std::time::Duration;

use api::limits::{Limits, Rate, Rates};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stand::{SERIES, Stand, limit, refusal, soon};

/// So slow that nothing comes back during a test.
const fn slow(burst: u32) -> Rate {
    Rate { per_second: 1, burst }
}

async fn stand(change: impl FnOnce(&mut Limits)) -> Stand {
    let rates = Rates { orders: slow(300), cancels: slow(600), ..Limits::lifted().rates };
    let mut limits = Limits { rates, ..Limits::lifted() };
    change(&mut limits);
    Stand::open_with(|options| options.limits = limits).await
}

fn order(extra: Value) -> Value {
    let mut order = json!({"instrument_name": SERIES, "amount": 1, "price": 1});
    order.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    order
}

/// LIMIT-010, LIMIT-011, LIMIT-015
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_011_an_account_without_credit_can_cancel_and_reduce() {
    let stand = stand(|_| {}).await;
    let credential = stand.account(1_000_000).await;
    let (trader, _) = stand.login(&credential).await;
    let (other, _) = stand.trader(1_000_000).await;
    let mut placed = Vec::new();
    let refused = loop {
        match trader.buy(&limit(1, "1")).await {
            Ok(order) => placed.push(order),
            refused => break refusal(refused),
        }
    };
    assert_eq!((refused.0, refused.2), (10028, json!(240)));
    // A fifth of 300 is kept; a slow machine gets some back meanwhile.
    assert!((240..290).contains(&placed.len()), "{}", placed.len());
    // Another session of the account has none either; another account has all.
    let (second, _) = stand.login(&credential).await;
    let again = second.call("private/sell", order(json!({"price": 9}))).await;
    assert_eq!(refusal(again).0, 10028);
    other.buy(&limit(1, "1")).await.unwrap();
    // What reduces is not stopped by want of credit, only by having nothing to reduce.
    let reducing = trader.call("private/sell", order(json!({"reduce_only": true}))).await;
    assert_eq!(refusal(reducing).3, json!("ORDER-011"));
    assert_eq!(trader.cancel_all().await.unwrap(), u64::try_from(placed.len()).unwrap());
}

/// LIMIT-015
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_015_every_reply_says_what_is_left() {
    let stand = stand(|limits| limits.rates.queries = slow(20)).await;
    let mut socket = stand.socket().await;
    // The first of them was the session itself.
    let reply = socket.ask("public/test", json!({})).await;
    let credits = &reply["credits"];
    assert_eq!((&credits["class"], &credits["limit"]), (&json!("query"), &json!(20)));
    assert!((17..=19).contains(&credits["remaining"].as_u64().unwrap()), "{reply}");
    let refused = loop {
        let reply = socket.ask("public/get_instruments", json!({"currency": "USDC"})).await;
        if reply.get("error").is_some() {
            break reply;
        }
    };
    assert_eq!(refused["error"]["code"], 10028, "{refused}");
    let wait = refused["error"]["data"]["retry_after"].as_u64().unwrap();
    assert!((1..=5_000).contains(&wait), "{refused}");
    assert!(refused["credits"]["remaining"].as_u64().unwrap() < 5, "{refused}");
    // The session lives, and what cannot be read costs as much as what can.
    socket.send("nonsense").await;
    let reply = socket.next().await.unwrap();
    assert!([json!(-32700), json!(10028)].contains(&reply["error"]["code"]), "{reply}");
    let (head, body) = get(&stand, "/api/v2/public/get_instruments?currency=USDC").await;
    assert!(head.starts_with("HTTP/1.1 429"), "{head}");
    assert!(
        head.contains("x-tenor-credits-remaining: ") && head.contains("retry-after: "),
        "{head}"
    );
    assert!(body.contains(r#""retry_after":"#), "{body}");
}

async fn get(stand: &Stand, path: &str) -> (String, String) {
    let mut stream = soon(TcpStream::connect(stand.address)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    soon(stream.write_all(request.as_bytes())).await.unwrap();
    let mut reply = String::new();
    soon(stream.read_to_string(&mut reply)).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// LIMIT-013
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_013_a_session_that_does_not_stop_is_ended_with_a_word() {
    let stand = stand(|limits| {
        limits.rates.commands = slow(1);
        limits.strikes = 10;
        limits.ban_for = Duration::from_secs(60);
    })
    .await;
    let credential = stand.account(1_000).await;
    let (trader, _) = stand.login(&credential).await;
    let placed = trader.buy(&limit(1, "1")).await.unwrap();
    let mut socket = stand.socket().await;
    let login = json!({"grant_type": "client_credentials", "client_id": credential.client_id,
        "client_secret": credential.client_secret});
    assert!(socket.ask("public/auth", login).await["result"].is_object());
    let mut refused = 0;
    let (code, reason) = loop {
        let faucet = json!({"jsonrpc": "2.0", "id": 1, "method": "private/faucet",
            "params": {"amount": 1}});
        socket.send(faucet.to_string()).await;
        match socket.next().await {
            Ok(reply) => refused += u32::from(reply["error"]["code"] == 10028),
            Err(ending) => break ending,
        }
        if reply_was_last(refused) {
            break socket.next().await.unwrap_err();
        }
    };
    assert_eq!((refused, code), (11, 1008));
    assert_eq!(reason, "10 requests too many; for 60 seconds nothing but cancels is taken");
    // It is the account that is banned, wherever it asks from, and it can still leave.
    assert_eq!(refusal(trader.buy(&limit(1, "1")).await).0, 10028);
    assert_eq!(refusal(trader.call("private/get_positions", json!({})).await).0, 10028);
    trader.cancel(&placed.order.order_id).await.unwrap();
    stand.trader(1_000).await.0.buy(&limit(1, "1")).await.unwrap();
}

/// Ten are let pass, the eleventh ends it.
const fn reply_was_last(refused: u32) -> bool {
    refused == 11
}
