//! Each limit holds, says so, and lets the others live. Those of single requests are in `bad_input.rs`.

use api::client::{Client, ClientError};
use api::limits::Limits;
use serde_json::json;
use tokio::net::TcpStream;

use crate::stand::{SERIES, Stand, refusal, soon, terms};

/// API-006
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_006_a_body_and_a_path_have_their_limits_too() {
    let stand = Stand::open().await;
    let (status, reply) = stand.post("/api/v2", "", &"x".repeat(1 << 20)).await;
    assert_eq!((status, &reply["error"]["data"]["limit"]), (413, &json!(65_536)));
    let path = format!("/api/v2/public/test?x={}", "y".repeat(8_192));
    let (status, reply) = stand.get(&path, "").await;
    assert_eq!((status, &reply["error"]["data"]["limit"]), (400, &json!(8_192)));
}

/// API-050, LIMIT-002, LIMIT-003
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_050_one_connection_too_many_is_told_and_the_others_live() {
    let of_all = Limits { connections: 8, ..Limits::lifted() };
    told_and_free_again(of_all, "the venue has 8 connections, the most it takes").await;
    let of_each = Limits { connections_per_ip: 8, ..Limits::lifted() };
    told_and_free_again(of_each, "your address has 8 connections, the most it takes").await;
}

async fn told_and_free_again(limits: Limits, reason: &str) {
    let stand = Stand::open_with(|options| options.limits = limits).await;
    let (client, _) = stand.stranger().await;
    let mut idle = Vec::new();
    for _ in 0..7 {
        idle.push(soon(TcpStream::connect(stand.address)).await.unwrap());
    }
    let (status, body) = stand.http("GET /health HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()).await;
    assert_eq!(status, 503);
    let told = body.contains(r#""code":10028"#) && body.contains(r#""limit":8"#);
    assert!(told && body.contains(reason), "{body}");
    assert!(matches!(Client::connect(&stand.url()).await, Err(ClientError::Connect { .. })));
    assert!(client.call("public/test", json!({})).await.is_ok());
    drop(idle);
    // Their places are free again as soon as the server has seen them go.
    let free = async {
        loop {
            match Client::connect(&stand.url()).await {
                Ok(connected) => break connected,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let (client, _) = soon(free).await;
    assert!(client.call("public/test", json!({})).await.is_ok());
}

/// API-051
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_051_a_session_has_500_subscriptions() {
    let stand = Stand::open().await;
    let (client, _messages) = stand.stranger().await;
    let mut channels = Vec::new();
    for count in 0..84 {
        let name = format!("H100_USDC-X{count}");
        stand.list(terms(&name)).await;
        for topic in ["book", "ticker", "trades"] {
            channels.extend(["raw", "100ms"].map(|pace| format!("{topic}.{name}.{pace}")));
        }
    }
    let most: Vec<&str> = channels.iter().take(500).map(String::as_str).collect();
    client.subscribe(&most).await.unwrap();
    let refused = refusal(client.subscribe(&[&format!("book.{SERIES}.raw")]).await);
    assert_eq!((refused.0, refused.1, refused.2), (10028, json!("channels"), json!(500)));
    client.subscribe(&most).await.expect("subscribed already, so no more than before");
    client.call("public/unsubscribe_all", json!({})).await.unwrap();
    client.subscribe(&[&format!("book.{SERIES}.raw")]).await.unwrap();
}

/// API-052
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_052_a_server_that_stops_says_so_to_every_session() {
    let mut stand = Stand::open().await;
    let mut socket = stand.socket().await;
    socket.assert_lives().await;
    let (client, mut messages) = stand.stranger().await;
    stand.stop().await;
    let (code, _) = socket.next().await.unwrap_err();
    assert_eq!(code, 1001);
    assert!(soon(messages.next()).await.is_none());
    assert!(client.is_closed());
    let gone = client.call("public/test", json!({})).await.unwrap_err();
    assert!(matches!(gone, ClientError::Closed { .. }), "{gone}");
}

/// LIMIT-032: whatever was taken is answered before the session ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_032_what_is_under_way_is_answered_before_the_server_stops() {
    let mut stand = Stand::open().await;
    let credential = stand.account(1_000_000).await;
    let mut socket = stand.socket().await;
    let login = json!({"grant_type": "client_credentials", "client_id": credential.client_id,
        "client_secret": credential.client_secret});
    assert!(socket.ask("public/auth", login).await["result"].is_object());
    for id in 0..200 {
        let buy = json!({"jsonrpc": "2.0", "id": id, "method": "private/buy",
            "params": {"instrument_name": SERIES, "amount": 1, "price": 1}});
        socket.send(buy.to_string()).await;
    }
    // The first is under way, the last probably not.
    assert!(socket.next().await.unwrap()["result"].is_object());
    stand.stop().await;
    let mut answered = 1;
    let code = loop {
        match socket.next().await {
            Ok(reply) => answered += usize::from(reply["result"].is_object()),
            Err((code, _)) => break code,
        }
    };
    assert_eq!(code, 1001);
    let exchange = stand.venue.exchange();
    let taken = exchange.open_orders_of(credential.account, None).len();
    assert_eq!(answered, taken, "an order was taken and not answered");
}

/// LIMIT-033, LIMIT-034, LIMIT-035, and what API-002 and API-004 say of the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_033_what_json_may_look_like() {
    let stand = Stand::open().await;
    let credential = stand.account(1_000).await;
    let mut socket = stand.socket().await;
    let login = json!({"grant_type": "client_credentials", "client_id": credential.client_id,
        "client_secret": credential.client_secret});
    assert!(socket.ask("public/auth", login).await["result"].is_object());
    let before = stand.journaled();
    let deep = "[".repeat(7) + &"]".repeat(7);
    for (params, code, param) in [
        (format!(r#"{{"label":{deep}}}"#), -32600, ""),
        (r#"{"price":1e999999999}"#.to_owned(), -32602, "price"),
        (r#"{"price":1e-999999999}"#.to_owned(), -32602, "price"),
        (r#"{"price":0.00000000000000000000000000001}"#.to_owned(), -32602, "price"),
        (r#"{"price":79228162514264337593543950336}"#.to_owned(), -32602, "price"),
        (format!(r#"{{"price":1{}}}"#, "0".repeat(64)), -32600, ""),
        (r#"{"price":1,"price":2}"#.to_owned(), -32602, "price"),
        (r#"{"price":1,"pri\u0063e":2}"#.to_owned(), -32602, "price"),
        (r#"{"price":"1"}"#.to_owned(), -32602, "price"),
        (r#"{"price":1,"leverage":{"x":{"a":1,"a":2}}}"#.to_owned(), -32602, "a"),
        (r#"{"leverage":2}"#.to_owned(), -32602, "leverage"),
    ] {
        let fields = params.trim_start_matches('{');
        let more = if fields.contains("\"price\"") { "" } else { "\"price\":1," };
        let request = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"private/buy","params":{{"instrument_name":"{SERIES}","amount":1,{more}{fields}}}"#
        );
        socket.send(request.clone()).await;
        let reply = socket.next().await.unwrap();
        let error = &reply["error"];
        let named = error["data"]["param"].as_str().unwrap_or_default();
        assert_eq!((error["code"].as_i64(), named), (Some(code), param), "{request}: {reply}");
        assert_eq!(reply["id"], 1);
    }
    assert_eq!(stand.journaled(), before, "nothing was journaled");
    socket.assert_lives().await;
}
