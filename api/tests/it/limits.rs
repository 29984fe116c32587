//! Each limit holds, says so, and lets the others live. Those of single requests are in `bad_input.rs`.

use api::client::{Client, ClientError};
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

/// API-050
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_050_the_257th_connection_is_told_and_the_others_live() {
    let stand = Stand::open().await;
    let (client, _) = stand.stranger().await;
    let mut idle = Vec::new();
    for _ in 0..255 {
        idle.push(soon(TcpStream::connect(stand.address)).await.unwrap());
    }
    let (status, body) = stand.http("GET /health HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()).await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""code":10028"#) && body.contains(r#""limit":256"#), "{body}");
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
