//! API keys: made, narrowed, rotated, bound to addresses, expired, revoked, also while they are in use.

use std::time::Duration;

use api::client::{Client, ClientError};
use api::venue::AuthOptions;
use instruments::NanosSpan;
use serde_json::{Value, json};

use crate::stand::{Stand, limit, refusal, soon, start_of_time};

async fn call(client: &Client, method: &str, params: Value) -> Value {
    client.call(method, params).await.unwrap()
}

async fn log_in(stand: &Stand, key: &Value) -> (Client, Result<Value, ClientError>) {
    let (client, _) = stand.stranger().await;
    let params = json!({
        "grant_type": "client_credentials",
        "client_id": key["client_id"],
        "client_secret": key["client_secret"],
    });
    let granted = client.call("public/auth", params).await;
    (client, granted)
}

async fn in_use(stand: &Stand, key: &Value) -> Client {
    let (client, granted) = log_in(stand, key).await;
    granted.unwrap();
    client
}

/// How many orders the account has.
async fn open_orders(client: &Client) -> usize {
    call(client, "private/get_open_orders", json!({})).await.as_array().unwrap().len()
}

/// AUTH-006, AUTH-010
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_010_a_key_is_made_changed_listed_and_removed() {
    let stand = Stand::open().await;
    let (owner, _) = stand.trader(1_000).await;
    let made = json!({
        "max_scope": "trade:read account:read", "name": "dashboard",
        "ip_whitelist": ["127.0.0.0/8"], "expires_at": start_of_time().millis() + 1_000,
        "cancel_on_revoke": true,
    });
    let key = call(&owner, "private/create_api_key", made).await;
    assert_eq!(key["max_scope"], "account:read trade:read wallet:none");
    assert_eq!(key["client_secret"].as_str().unwrap().len(), 64);
    let listed = call(&owner, "private/list_api_keys", json!({})).await;
    let mut shown = key.clone();
    shown.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(listed[1], shown, "a secret is told once");

    let (client, granted) = log_in(&stand, &key).await;
    assert_eq!(granted.unwrap()["scope"], "connection account:read trade:read wallet:none");
    assert_eq!(refusal(client.buy(&limit(1, "2.5")).await).0, 13021);
    let id = json!({"id": key["id"], "name": "screen"});
    let renamed = call(&owner, "private/change_api_key_name", id).await;
    assert_eq!((&renamed["name"], &renamed["enabled"]), (&json!("screen"), &json!(true)));
    // What a key may is asked for at every request, and a wider one is not a wider login.
    let wider = json!({"id": key["id"], "max_scope": "trade:read_write"});
    call(&owner, "private/change_scope_in_api_key", wider).await;
    assert!(client.buy(&limit(1, "2.5")).await.is_err());
    assert!(client.call("private/get_positions", json!({})).await.is_err());

    let id = json!({"id": key["id"]});
    assert_eq!(call(&owner, "private/remove_api_key", id.clone()).await, json!("ok"));
    assert_eq!(refusal(owner.call("private/enable_api_key", id).await).0, 13020);
    assert_eq!(refusal(log_in(&stand, &key).await.1).0, 13004);
    for (field, value) in [
        ("max_scope", json!("everything")),
        ("max_scope", json!("session:x trade:read")),
        ("name", json!("x".repeat(65))),
        ("name", json!("a\u{1b}[2J")),
        ("ip_whitelist", json!(["10.0.0.1/8"])),
        ("ip_whitelist", json!(vec!["10.0.0.1"; 17])),
        ("expires_at", json!(1)),
    ] {
        let mut params = json!({"max_scope": "trade:read"});
        params[field] = value;
        let refused = refusal(owner.call("private/create_api_key", params).await);
        assert_eq!((refused.0, refused.1), (-32602, json!(field)));
    }
    for _ in 0..15 {
        call(&owner, "private/create_api_key", json!({"max_scope": "trade:read"})).await;
    }
    let more = owner.call("private/create_api_key", json!({"max_scope": "trade:read"})).await;
    assert_eq!((refusal(more).0), 10028);
}

/// AUTH-011: by whatever way, a key makes none that may more than itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_011_no_key_makes_or_takes_over_a_stronger_one() {
    let stand = Stand::open().await;
    let (owner, _) = stand.trader(1_000).await;
    let all = json!({"max_scope": "account:read_write trade:read_write", "name": "all"});
    let strong = call(&owner, "private/create_api_key", all).await;
    let weak = json!({
        "max_scope": "account:read_write trade:read", "ip_whitelist": ["127.0.0.1"],
        "expires_at": start_of_time().millis() + 5_000,
    });
    let weak = in_use(&stand, &call(&owner, "private/create_api_key", weak).await).await;
    let refused = async |method: &str, params: Value| refusal(weak.call(method, params).await);
    let made = refused("private/create_api_key", json!({"max_scope": "trade:read_write"})).await;
    assert_eq!((made.0, made.1), (13021, json!("max_scope")));
    let elsewhere = json!({"max_scope": "trade:read", "ip_whitelist": ["127.0.0.0/8"]});
    let made = refused("private/create_api_key", elsewhere).await;
    assert_eq!((made.0, made.1), (13021, json!("ip_whitelist")));
    for (method, params) in [
        ("private/reset_api_key", json!({"id": strong["id"]})),
        ("private/edit_api_key", json!({"id": strong["id"], "name": "mine"})),
        ("private/enable_api_key", json!({"id": strong["id"]})),
        ("private/change_scope_in_api_key", json!({"id": strong["id"], "max_scope": "trade:read"})),
    ] {
        assert_eq!(refused(method, params).await.0, 13021, "{method}");
    }
    let same = json!({"max_scope": "trade:read", "expires_at": start_of_time().millis() + 9_000});
    let child = call(&weak, "private/create_api_key", same).await;
    assert_eq!(child["ip_whitelist"], json!(["127.0.0.1"]));
    assert_eq!(child["expires_at"], json!(start_of_time().millis() + 5_000));
    // To take away is always allowed.
    call(&weak, "private/disable_api_key", json!({"id": strong["id"]})).await;
    assert_eq!(refusal(log_in(&stand, &strong).await.1).0, 13004);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_012_a_rotated_secret_overlaps_and_then_ends_its_sessions() {
    let stand = Stand::open().await;
    let (owner, _) = stand.trader(1_000).await;
    let old =
        call(&owner, "private/create_api_key", json!({"max_scope": "trade:read_write"})).await;
    let before = in_use(&stand, &old).await;
    let rotate = json!({"id": old["id"], "overlap": 60});
    let new = call(&owner, "private/reset_api_key", rotate).await;
    assert_eq!(new["client_id"], old["client_id"]);
    assert_ne!(new["client_secret"], old["client_secret"]);
    let (by_old, by_new) = (in_use(&stand, &old).await, in_use(&stand, &new).await);
    for client in [&before, &by_old, &by_new] {
        client.buy(&limit(1, "2.4")).await.unwrap();
    }
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(60));
    assert_eq!(refusal(log_in(&stand, &old).await.1).0, 13004);
    for client in [&before, &by_old] {
        assert!(client.buy(&limit(1, "2.4")).await.is_err());
    }
    by_new.buy(&limit(1, "2.4")).await.unwrap();
    // Without an overlap it is now.
    call(&owner, "private/reset_api_key", json!({"id": old["id"]})).await;
    assert!(by_new.buy(&limit(1, "2.4")).await.is_err());
}

/// Until the server ends the session by itself.
async fn ended(mut socket: crate::stand::Socket) -> (u16, String) {
    let silence = async {
        loop {
            if let Err(ending) = socket.next().await {
                return ending;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(1), silence).await.expect("within a second")
}

/// AUTH-013: S8. A session that only listens, one that trades, a token and a signature, and the orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_013_a_revoked_key_is_gone_within_a_second_and_its_orders_with_it() {
    let stand = Stand::open().await;
    let (owner, _) = stand.trader(1_000).await;
    for (how, cancels) in [
        ("private/remove_api_key", true),
        ("private/disable_api_key", true),
        ("private/remove_api_key", false),
    ] {
        let made = json!({"max_scope": "trade:read_write", "cancel_on_revoke": cancels});
        let key = call(&owner, "private/create_api_key", made).await;
        let mut listener = stand.socket().await;
        let login = json!({
            "grant_type": "client_credentials", "client_id": key["client_id"],
            "client_secret": key["client_secret"],
        });
        assert!(listener.ask("public/auth", login).await["result"]["access_token"].is_string());
        let trader = in_use(&stand, &key).await;
        trader.buy(&limit(1, "2.4")).await.unwrap();
        let path = format!(
            "/api/v2/public/auth?grant_type=client_credentials&client_id={}&client_secret={}",
            key["client_id"].as_str().unwrap(),
            key["client_secret"].as_str().unwrap()
        );
        let (_, granted) = stand.get(&path, "").await;
        let token = granted["result"]["access_token"].as_str().unwrap().to_owned();
        let refresh = granted["result"]["refresh_token"].as_str().unwrap().to_owned();
        let bearer = format!("authorization: bearer {token}\r\n");
        let ask = "/api/v2/private/get_open_orders";
        assert_eq!(stand.get(ask, &bearer).await.0, 200);
        let orders = open_orders(&owner).await;

        call(&owner, how, json!({"id": key["id"]})).await;
        assert!(trader.buy(&limit(1, "2.4")).await.is_err(), "at once");
        assert_eq!(stand.get(ask, &bearer).await.0, 401);
        let refresh =
            format!("/api/v2/public/auth?grant_type=refresh_token&refresh_token={refresh}");
        assert_eq!(stand.get(&refresh, "").await.0, 401);
        let (code, reason) = ended(listener).await;
        assert_eq!(code, 1008);
        assert!(reason.contains("revoked or has expired"), "{reason}");
        let left = if cancels { 0 } else { orders };
        assert_eq!(open_orders(&owner).await, left, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_013_an_expired_key_ends_its_session_and_its_orders() {
    let stand = Stand::open().await;
    let (owner, _) = stand.trader(1_000).await;
    let made = json!({
        "max_scope": "trade:read_write", "cancel_on_revoke": true,
        "expires_at": start_of_time().millis() + 60_000,
    });
    let key = call(&owner, "private/create_api_key", made).await;
    let mut listener = stand.socket().await;
    let login = json!({
        "grant_type": "client_credentials", "client_id": key["client_id"],
        "client_secret": key["client_secret"],
    });
    assert!(listener.ask("public/auth", login).await["result"]["access_token"].is_string());
    in_use(&stand, &key).await.buy(&limit(1, "2.4")).await.unwrap();
    assert_eq!(open_orders(&owner).await, 1);
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(60));
    assert_eq!(ended(listener).await.0, 1008);
    assert_eq!(refusal(log_in(&stand, &key).await.1).0, 13004);
    let gone = async { while 0 < open_orders(&owner).await {} };
    soon(gone).await;
}

/// AUTH-007, AUTH-008: a key's list, a login's own, and a proxy that is trusted or is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_007_a_key_is_good_at_its_addresses_only() {
    let stand = Stand::open_with(|options| {
        options.auth = AuthOptions {
            trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
            ..AuthOptions::default()
        };
    })
    .await;
    let (owner, _) = stand.trader(1_000).await;
    let made = json!({"max_scope": "account:read", "ip_whitelist": ["203.0.113.0/24"]});
    let key = call(&owner, "private/create_api_key", made).await;
    let refused = refusal(log_in(&stand, &key).await.1);
    assert_eq!((refused.0, refused.1), (13021, json!("ip")));
    let login = format!(
        "/api/v2/public/auth?grant_type=client_credentials&client_id={}&client_secret={}&scope=",
        key["client_id"].as_str().unwrap(),
        key["client_secret"].as_str().unwrap()
    );
    let from = |address: &str| format!("x-forwarded-for: {address}\r\n");
    assert_eq!(stand.get(&login, &from("198.51.100.1")).await.0, 403);
    let (status, granted) = stand.get(&login, &from("203.0.113.9")).await;
    assert_eq!(status, 200, "{granted}");
    let bearer = |granted: &Value| {
        let token = granted["result"]["access_token"].as_str().unwrap();
        format!("authorization: bearer {token}\r\n")
    };
    let ask = async |granted: &Value, address: &str| {
        let headers = bearer(granted) + &from(address);
        stand.get("/api/v2/private/get_positions", &headers).await.0
    };
    assert_eq!(ask(&granted, "203.0.113.10").await, 200);
    assert_eq!(ask(&granted, "198.51.100.1").await, 403, "at every request");
    let narrow = format!("{login}ip:203.0.113.9");
    let (_, granted) = stand.get(&narrow, &from("203.0.113.9")).await;
    assert_eq!(ask(&granted, "203.0.113.9").await, 200);
    assert_eq!(ask(&granted, "203.0.113.10").await, 403, "the login's own list");
    assert_eq!(stand.get(&narrow, &from("203.0.113.10")).await.0, 403);
    // A list that is put on a key holds for sessions that it has already.
    let list = json!({"max_scope": "account:read"});
    let key = call(&owner, "private/create_api_key", list).await;
    let client = in_use(&stand, &key).await;
    let list = json!({"id": key["id"], "ip_whitelist": ["203.0.113.0/24"]});
    call(&owner, "private/edit_api_key", list).await;
    assert!(client.call("private/get_positions", json!({})).await.is_err());
}

/// AUTH-008: who connects directly cannot say that it is somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_008_without_a_trusted_proxy_the_header_is_nothing() {
    let stand = Stand::open().await;
    let (owner, _) = stand.trader(1_000).await;
    let made = json!({"max_scope": "account:read", "ip_whitelist": ["203.0.113.0/24"]});
    let key = call(&owner, "private/create_api_key", made).await;
    let login = format!(
        "/api/v2/public/auth?grant_type=client_credentials&client_id={}&client_secret={}",
        key["client_id"].as_str().unwrap(),
        key["client_secret"].as_str().unwrap()
    );
    let (status, _) = stand.get(&login, "x-forwarded-for: 203.0.113.9\r\n").await;
    assert_eq!(status, 403);
}

/// AUTH-009: a token of a connection is nothing elsewhere, a named session's is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_009_a_token_is_good_on_its_own_connection_only() {
    let stand = Stand::open().await;
    let credential = stand.account(100).await;
    let key = json!({
        "client_id": credential.client_id, "client_secret": credential.client_secret,
    });
    for (scope, elsewhere) in [("", 401), ("connection", 401), ("session:desk", 200)] {
        let (client, _) = stand.stranger().await;
        let mut login = json!({"grant_type": "client_credentials", "scope": scope});
        for field in ["client_id", "client_secret"] {
            login[field] = key[field].clone();
        }
        let granted = call(&client, "public/auth", login).await;
        let bearer =
            format!("authorization: bearer {}\r\n", granted["access_token"].as_str().unwrap());
        let ask = "/api/v2/private/get_positions";
        assert_eq!(stand.get(ask, &bearer).await.0, elsewhere, "{scope}");
        let refresh = json!({
            "grant_type": "refresh_token", "refresh_token": granted["refresh_token"],
        });
        let (other, _) = stand.stranger().await;
        let refreshed = other.call("public/auth", refresh).await;
        assert_eq!(refreshed.is_ok(), elsewhere == 200, "{scope}");
    }
}
