//! What clients send wrong: each gets its error with field and limit, the session lives, nothing is journaled for what is not a message,
//! and no money moves.

use api::client::NewOrder;
use instruments::NanosSpan;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::stand::{SERIES, Stand, decimal, limit, refusal, soon, start_of_time};

const NULL: Value = Value::Null;

/// API-001
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_001_what_is_not_json_is_answered_and_the_session_lives() {
    let stand = Stand::open().await;
    let mut socket = stand.socket().await;
    let before = stand.journaled();
    for (text, code) in [
        ("{\"jsonrpc\":\"2.0\",\"id\":1", -32700),
        ("not json", -32700),
        ("[]", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"public/nothing"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"public/test","params":[]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"public/test","params":{"x":1}}"#, -32602),
    ] {
        socket.send(text).await;
        let reply = socket.next().await.unwrap();
        assert_eq!(reply["error"]["code"], code, "{text}: {reply}");
        assert!(reply["error"]["data"]["reason"].is_string(), "{reply}");
        assert!(reply["usDiff"].is_u64() && reply["testnet"] == true, "{reply}");
    }
    socket.send_message(Message::Binary(vec![0, 1, 2].into())).await;
    assert_eq!(socket.next().await.unwrap()["error"]["code"], -32700);
    socket.assert_lives().await;
    assert_eq!(stand.journaled(), before, "nothing was journaled");
}

/// API-004
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_004_an_unknown_field_is_refused_by_name() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000).await;
    let before = stand.journaled();
    let order = |extra: Value| {
        let mut order = json!({"instrument_name": SERIES, "amount": 1, "price": 2.5});
        order.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        order
    };
    for (extra, code, field) in [
        (json!({"trigger": "index_price"}), 11047, "trigger"),
        (json!({"trigger_price": 2.4}), 11047, "trigger_price"),
        (json!({"valid_until": -1}), -32602, "valid_until"),
        (json!({"valid_until": 1.5}), -32602, "valid_until"),
        (json!({"trigger_offset": 1}), -32602, "trigger_offset"),
        (json!({"display_amount": 0.5}), 10027, "display_amount"),
        (json!({"stp": "maybe"}), -32602, "stp"),
        (json!({"account": 7}), -32602, "account"),
        (json!({"contracts": 1}), 11047, "contracts"),
        (json!({"type": "trailing_stop"}), 10033, "type"),
        (json!({"type": "stop_limit", "trigger_price": 2.4}), -32602, "trigger"),
        (json!({"type": "stop_limit", "trigger": "last_price"}), -32602, "trigger_price"),
        (
            json!({"type": "take_limit", "trigger": "last_price", "trigger_price": 2.40001}),
            10043,
            "trigger_price",
        ),
        (json!({"time_in_force": "good_til_week"}), -32602, "time_in_force"),
        (json!({"time_in_force": "good_til_date"}), -32602, "good_til"),
        (json!({"good_til": 1}), 11047, "good_til"),
        (json!({"reject_post_only": true}), 11047, "reject_post_only"),
        (json!({"post_only": "yes"}), -32602, "post_only"),
        (json!({"label": 7}), -32602, "label"),
        (json!({"type": "market"}), 11047, "price"),
    ] {
        let refused = refusal(client.call("private/buy", order(extra.clone())).await);
        assert_eq!((refused.0, refused.1), (code, json!(field)), "{extra}");
    }
    assert_eq!(stand.journaled(), before, "nothing was journaled");
}

/// API-002
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_002_prices_and_amounts_are_exact_or_refused() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000).await;
    let before = stand.journaled();
    let buy = async |amount: &str, price: &str| {
        let order =
            format!(r#"{{"instrument_name":"{SERIES}","amount":{amount},"price":{price}}}"#);
        client.call_raw("private/buy", &order).await
    };
    for (amount, price, expected) in [
        ("1", "2.3455", (10043, json!("price"), json!(0.001), NULL)),
        ("1", "2.3450000000000000000000001", (10043, json!("price"), json!(0.001), NULL)),
        ("1", "0.30000000000000004", (10043, json!("price"), json!(0.001), NULL)),
        ("1", "0", (10023, json!("price"), json!(0.001), NULL)),
        ("1", "-2.5", (10023, json!("price"), json!(0.001), NULL)),
        ("1", "10000.001", (10007, json!("price"), json!(10000), NULL)),
        ("1", "1e400", (-32602, json!("price"), NULL, NULL)),
        ("1", "\"2.5\"", (-32602, json!("price"), NULL, NULL)),
        ("0", "2.5", (10002, json!("amount"), json!(1), NULL)),
        ("-1", "2.5", (10002, json!("amount"), json!(1), NULL)),
        ("1.5", "2.5", (10027, json!("amount"), json!(1), NULL)),
        ("1000001", "2.5", (10021, json!("amount"), json!(1_000_000), NULL)),
        ("1e20", "2.5", (10021, json!("amount"), json!(1_000_000), NULL)),
    ] {
        assert_eq!(refusal(buy(amount, price).await), expected, "{amount} @ {price}");
    }
    assert_eq!(stand.journaled(), before, "nothing was journaled");

    let placed = buy("1e0", "234.5e-2").await.unwrap();
    assert!(placed.get().contains(r#""price":2.345,"amount":1,"#), "{placed}");
    // What a float would make of 0.1 + 0.2 lies between two ticks; 0.3 does not.
    assert!(buy("1", "0.3").await.is_ok());
}

/// API-005
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_005_a_refusal_of_the_exchange_names_its_rule_and_moves_no_money() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(10).await;
    let before = client.account_summary().await.unwrap();
    let refused = client.buy(&limit(1_000, "2.5")).await.unwrap_err();
    let api::client::ClientError::Rpc { code, message, data } = refused else { panic!() };
    assert_eq!((code, message.as_str()), (10009, "not_enough_funds"));
    assert_eq!(data["rule"], "ORDER-014");
    assert_eq!(data["available"], 10);
    assert!(10.0 < data["required"].as_f64().unwrap(), "{data}");

    let long = "x".repeat(65);
    let refused = refusal(client.buy(&limit(1, "2.5").label(&long)).await);
    assert_eq!(refused, (-32602, json!("label"), json!(64), json!("ORDER-009")));
    let refused = refusal(client.buy(&limit(1, "2.5").post_only().fill_or_kill()).await);
    assert_eq!(refused, (11047, json!("post_only"), NULL, json!("ORDER-008")));
    let refused = refusal(client.sell(&limit(1, "2.5").immediate_or_cancel().reduce_only()).await);
    assert_eq!(refused, (11030, json!("reduce_only"), json!(0), json!("ORDER-011")));
    let refused = refusal(client.cancel("T-999").await);
    assert_eq!(refused, (10004, json!("order_id"), NULL, json!("ORDER-016")));
    let refused = refusal(client.buy(&NewOrder::limit("H100_USDC-1JAN99", 1, decimal("1"))).await);
    assert_eq!(refused, (10020, json!("instrument_name"), NULL, json!("ORDER-001")));
    for order_id in ["T-01", "t-1", "1", "T-", "T-1 ", "T-18446744073709551616"] {
        let refused = refusal(client.cancel(order_id).await);
        assert_eq!((refused.0, refused.1), (-32602, json!("order_id")), "{order_id}");
    }
    assert_eq!(client.account_summary().await.unwrap(), before, "no money moved");
    assert!(stand.venue.exchange().money_conserved());
}

/// API-005
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_005_an_expired_series_takes_no_orders() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000).await;
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(86_400));
    let refused = refusal(client.buy(&limit(1, "2.5")).await);
    assert_eq!(refused, (10012, json!("instrument_name"), NULL, json!("ORDER-003")));
}

/// API-006
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_006_a_frame_of_a_megabyte_is_answered_and_the_session_ends() {
    let stand = Stand::open().await;
    let before = stand.journaled();
    let (bystander, _) = stand.stranger().await;
    for length in [65_537, 1 << 20] {
        let mut socket = stand.socket().await;
        let filler = "x".repeat(length);
        socket.send(filler).await;
        let reply = socket.next().await.unwrap();
        assert_eq!(reply["error"]["code"], -32600, "{reply}");
        assert_eq!(reply["error"]["data"]["limit"], 65_536);
        let (code, reason) = socket.next().await.unwrap_err();
        assert_eq!(code, 1009, "{reason}");
    }
    // The largest frame that is read: a request padded with white space.
    let mut socket = stand.socket().await;
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"public/test"}"#;
    socket.send(request.to_owned() + &" ".repeat(65_536 - request.len())).await;
    assert!(socket.next().await.unwrap()["result"].is_object());
    assert!(bystander.call("public/test", json!({})).await.is_ok());
    assert_eq!(stand.journaled(), before, "nothing was journaled");
}

/// API-005
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_005_of_10_000_orders_5_000_stay_open() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000_000_000).await;
    let mut placed = Vec::new();
    for _ in 0..100 {
        let orders = (0..100).map(|_| {
            let client = client.clone();
            async move { client.buy(&limit(1, "1")).await }
        });
        placed.extend(soon(futures_util::future::join_all(orders)).await);
    }
    let (accepted, refused): (Vec<_>, Vec<_>) = placed.into_iter().partition(Result::is_ok);
    assert_eq!((accepted.len(), refused.len()), (5_000, 5_000));
    for refused in refused {
        assert_eq!(
            refusal(refused),
            (10013, json!("open_orders"), json!(5_000), json!("ORDER-010"))
        );
    }
    assert_eq!(client.cancel_all().await.unwrap(), 5_000);
    assert!(client.buy(&limit(1, "1")).await.is_ok());
}
