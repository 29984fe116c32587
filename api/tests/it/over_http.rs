//! The same methods over HTTP.

use serde_json::json;

use crate::stand::{SERIES, Stand};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_040_a_method_is_asked_by_get_or_post() {
    let stand = Stand::open().await;
    let (status, health) = stand.get("/health", "").await;
    assert_eq!((status, &health["status"], &health["testnet"]), (200, &json!("ok"), &json!(true)));

    let (status, reply) = stand.get("/api/v2/public/test", "").await;
    assert_eq!((status, &reply["jsonrpc"], &reply["id"]), (200, &json!("2.0"), &json!(null)));
    let book = format!("/api/v2/public/get_order_book?instrument_name={SERIES}&depth=5");
    let (status, reply) = stand.get(&book, "").await;
    assert_eq!((status, &reply["result"]["instrument_name"]), (200, &json!(SERIES)));
    let ask = r#"{"jsonrpc":"2.0","id":"x","method":"public/get_time"}"#;
    for path in ["/api/v2", "/api/v2/", "/api/v2/public/get_time"] {
        let (status, reply) = stand.post(path, "", ask).await;
        assert_eq!((status, &reply["id"]), (200, &json!("x")), "{path}");
        assert!(reply["result"].is_u64());
    }
    let (status, reply) = stand.post("/api/v2/public/test", "", ask).await;
    assert_eq!((status, &reply["error"]["code"]), (400, &json!(-32600)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_040_what_is_wrong_is_answered_as_json() {
    let stand = Stand::open().await;
    for (path, status, code) in [
        ("/api/v2/public/nothing", 404, -32601),
        ("/api/v2/public/test?x=1", 400, -32602),
        ("/api/v2/public/ticker", 400, -32602),
        ("/api/v2/public/ticker?instrument_name=a&instrument_name=b", 400, -32602),
        ("/api/v2/public/ticker?instrument_name=a", 404, 10020),
        ("/api/v2/public/subscribe?channels=book", 400, 10030),
        ("/api/v2/private/buy", 401, 13009),
        ("/elsewhere", 400, -32600),
    ] {
        let (was, reply) = stand.get(path, "").await;
        assert_eq!((was, &reply["error"]["code"]), (status, &json!(code)), "{path}: {reply}");
    }
    let (status, reply) = stand.post("/api/v2", "", "{").await;
    assert_eq!((status, &reply["error"]["code"]), (400, &json!(-32700)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_040_an_order_lives_over_http() {
    let stand = Stand::open().await;
    let credential = stand.account(1_000).await;
    let login = format!(
        "/api/v2/public/auth?grant_type=client_credentials&client_id={}&client_secret={}",
        credential.client_id, &*credential.client_secret
    );
    let (_, granted) = stand.get(&login, "").await;
    let token = granted["result"]["access_token"].as_str().unwrap();
    let bearer = format!("authorization: bearer {token}\r\n");
    let buy = format!(
        "/api/v2/private/buy?instrument_name={SERIES}&amount=2&price=2.345&type=limit\
         &post_only=true&label=over%20http"
    );
    let (status, placed) = stand.get(&buy, &bearer).await;
    assert_eq!(status, 200, "{placed}");
    let order = &placed["result"]["order"];
    assert_eq!((&order["label"], &order["price"]), (&json!("over http"), &json!(2.345)));
    let cancel = json!({
        "jsonrpc": "2.0", "id": 5, "method": "private/cancel",
        "params": {"order_id": order["order_id"]},
    });
    let (status, reply) = stand.post("/api/v2", &bearer, &cancel.to_string()).await;
    assert_eq!((status, &reply["result"]["order_state"]), (200, &json!("cancelled")));
    let (status, reply) = stand.post("/api/v2", &bearer, &cancel.to_string()).await;
    assert_eq!((status, &reply["error"]["code"]), (404, &json!(10004)));
}
