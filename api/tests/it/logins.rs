//! Logging in: secrets, signatures, nonces, tokens, scopes, over WebSocket and HTTP.

use api::venue::Credential;
use hmac::{Hmac, KeyInit, Mac};
use instruments::NanosSpan;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::stand::{Stand, limit, refusal, start_of_time};

fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// A signed login at the stand's time.
fn signed(credential: &Credential, secret: &str, nonce: &str) -> Value {
    let timestamp = start_of_time().millis();
    json!({
        "grant_type": "client_signature",
        "client_id": credential.client_id,
        "timestamp": timestamp,
        "nonce": nonce,
        "data": "hello",
        "signature": hmac(secret, &format!("{timestamp}\n{nonce}\nhello")),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_010_a_wrong_signature_and_a_replayed_nonce_are_refused() {
    let stand = Stand::open().await;
    let credential = stand.account(100).await;
    let (client, _) = stand.stranger().await;
    let login = async |params| client.call("public/auth", params).await;

    let wrong = login(signed(&credential, "not the secret", "n1")).await;
    assert_eq!(refusal(wrong).0, 13004);
    let unknown = Credential { client_id: "nobody".to_owned(), ..credential.clone() };
    let wrong = login(signed(&unknown, &credential.client_secret, "n1")).await;
    assert_eq!(refusal(wrong).0, 13004);
    assert_eq!(refusal(client.call("private/get_positions", json!({})).await).0, 13009);

    let right = signed(&credential, &credential.client_secret, "n1");
    let granted = login(right.clone()).await.unwrap();
    assert_eq!(granted["token_type"], "bearer");
    assert!(client.call("private/get_positions", json!({})).await.is_ok());
    let replayed = refusal(login(right.clone()).await);
    assert_eq!((replayed.0, replayed.1), (13004, json!("nonce")));
    // The session lives, and a recording is of no use elsewhere either.
    assert!(client.call("private/get_positions", json!({})).await.is_ok());
    let (thief, _) = stand.stranger().await;
    assert_eq!(refusal(thief.call("public/auth", right).await).0, 13004);

    let stale = json!({
        "grant_type": "client_signature", "client_id": credential.client_id, "timestamp": 1,
        "nonce": "n2", "signature": hmac(&credential.client_secret, "1\nn2\n"),
    });
    let refused = refusal(login(stale).await);
    assert_eq!((refused.0, refused.1, refused.2), (13004, json!("timestamp"), json!(5_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_013_tokens_are_refreshed_once_and_end_with_the_logout() {
    let stand = Stand::open().await;
    let credential = stand.account(100).await;
    let (client, _) = stand.stranger().await;
    let secret = json!({
        "grant_type": "client_credentials",
        "client_id": credential.client_id,
        "client_secret": "wrong",
    });
    assert_eq!(refusal(client.call("public/auth", secret).await).0, 13004);
    client.auth(&credential.client_id, &credential.client_secret).await.unwrap();

    let login = format!(
        "/api/v2/public/auth?grant_type=client_credentials&client_id={}&client_secret={}",
        credential.client_id, &*credential.client_secret
    );
    let (status, granted) = stand.get(&login, "").await;
    assert_eq!(status, 200, "{granted}");
    let token =
        |granted: &Value, which: &str| granted["result"][which].as_str().unwrap().to_owned();
    let bearer_of = |token: &str| format!("authorization: Bearer {token}\r\n");
    let bearer = bearer_of(&token(&granted, "access_token"));
    let (status, _) = stand.get("/api/v2/private/get_positions", &bearer).await;
    assert_eq!(status, 200);

    let refresh = format!(
        "/api/v2/public/auth?grant_type=refresh_token&refresh_token={}",
        token(&granted, "refresh_token")
    );
    let (status, refreshed) = stand.get(&refresh, "").await;
    assert_eq!(status, 200, "{refreshed}");
    let (status, again) = stand.get(&refresh, "").await;
    assert_eq!((status, &again["error"]["code"]), (401, &json!(13009)));
    let (status, _) = stand.get("/api/v2/private/get_positions", &bearer).await;
    assert_eq!(status, 401, "the refreshed login replaces the old one");
    let token = token(&refreshed, "access_token");
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(3_600));
    let (status, _) = stand.get("/api/v2/private/get_positions", &bearer_of(&token)).await;
    assert_eq!(status, 401, "a token expires");
    // A session's login does not.
    assert!(client.call("private/get_positions", json!({})).await.is_ok());

    client.call("private/logout", json!({})).await.unwrap();
    assert_eq!(refusal(client.call("private/get_positions", json!({})).await).0, 13009);
    assert!(client.call("public/test", json!({})).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_014_a_login_that_may_read_may_not_trade() {
    let stand = Stand::open().await;
    let credential = stand.account(100).await;
    let (client, _) = stand.stranger().await;
    let login = json!({
        "grant_type": "client_credentials",
        "client_id": credential.client_id,
        "client_secret": credential.client_secret,
        "scope": "session:reader trade:read account:read",
    });
    let granted = client.call("public/auth", login).await.unwrap();
    assert_eq!(granted["scope"], "account:read trade:read wallet:read");
    assert!(client.call("private/get_open_orders", json!({})).await.is_ok());
    let refused = refusal(client.buy(&limit(1, "2.5")).await);
    assert_eq!((refused.0, refused.1), (13021, json!("scope")));
    assert_eq!(refusal(client.faucet(5).await).0, 13021);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_010_http_requests_are_signed_one_by_one() {
    let stand = Stand::open().await;
    let credential = stand.account(100).await;
    let path = "/api/v2/private/get_account_summary?currency=USDC";
    let timestamp = start_of_time().millis();
    let header = |nonce: &str, signed_path: &str| {
        let payload = format!("{timestamp}\n{nonce}\nGET\n{signed_path}\n\n");
        format!(
            "authorization: deri-hmac-sha256 id={},ts={timestamp},sig={},nonce={nonce}\r\n",
            credential.client_id,
            hmac(&credential.client_secret, &payload)
        )
    };
    let (status, reply) = stand.get(path, &header("a", path)).await;
    assert_eq!((status, &reply["result"]["equity"]), (200, &json!(100)), "{reply}");
    let (status, reply) = stand.get(path, &header("a", path)).await;
    assert_eq!((status, &reply["error"]["data"]["param"]), (401, &json!("nonce")));
    let (status, reply) = stand.get(path, &header("b", "/api/v2/private/buy")).await;
    assert_eq!((status, &reply["error"]["code"]), (401, &json!(13004)));
    let (status, _) = stand.get(path, "").await;
    assert_eq!(status, 401);

    let pair = format!("{}:{}", credential.client_id, &*credential.client_secret);
    let basic = format!("authorization: Basic {}\r\n", base64(pair.as_bytes()));
    let (status, reply) = stand.get(path, &basic).await;
    assert_eq!(status, 200, "{reply}");
    for wrong in ["Bearer nothing", "Basic !!", "Digest x", "deri-hmac-sha256 id=1,id=1", "x"] {
        let (status, reply) = stand.get(path, &format!("authorization: {wrong}\r\n")).await;
        assert_eq!(status, 401, "{wrong}: {reply}");
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            let letters = [18, 12, 6, 0]
                .map(|shift| char::from(LETTERS[usize::try_from(bits >> shift & 63).unwrap()]));
            letters.into_iter().take(chunk.len() + 1).collect::<Vec<_>>()
        })
        .collect()
}
