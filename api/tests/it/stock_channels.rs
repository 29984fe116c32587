//! Channels and connection methods that stock clients use: what is left out, what is told, what ends with a session.

use serde_json::{Value, json};

use crate::stand::{SERIES, Socket, Stand, limit, soon};

async fn logged_in(stand: &Stand, dollars: i64) -> Socket {
    let credential = stand.account(dollars).await;
    let mut socket = stand.socket().await;
    let keys = json!({
        "grant_type": "client_credentials", "client_id": credential.client_id,
        "client_secret": credential.client_secret,
    });
    let reply = socket.ask("public/auth", keys).await;
    assert!(reply["result"]["access_token"].is_string(), "{reply}");
    socket
}

/// A number's own digits.
fn text(value: &Value) -> String {
    value.to_string()
}

/// The next message of a channel that holds; what others say is passed over.
async fn told(socket: &mut Socket, channel: &str, holds: impl Fn(&Value) -> bool) -> Value {
    loop {
        let message = socket.next().await.unwrap();
        if message["params"]["channel"] == channel && holds(&message["params"]["data"]) {
            return message["params"]["data"].clone();
        }
    }
}

/// API-032
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_032_a_currency_that_is_not_here_is_left_out() {
    let stand = Stand::open().await;
    let mut socket = logged_in(&stand, 100).await;
    let channels = ["BTC", "ETH", "SOL", "USDC"].map(|name| format!("user.portfolio.{name}"));
    let reply = socket.ask("private/subscribe", json!({"channels": channels})).await;
    assert_eq!(reply["result"], json!(["user.portfolio.USDC"]), "{reply}");
    let money = told(&mut socket, "user.portfolio.USDC", |_| true).await;
    assert_eq!(
        (&money["currency"], money["equity"].to_string()),
        (&json!("USDC"), "100".to_owned())
    );
    for (channel, code) in [("user.portfolio.nonsense!", 13017), ("user.portfolio", 13017)] {
        let reply = socket.ask("private/subscribe", json!({"channels": [channel]})).await;
        assert_eq!(reply["error"]["code"], json!(code), "{reply}");
    }
    let mut stranger = stand.socket().await;
    let reply =
        stranger.ask("private/subscribe", json!({"channels": ["user.portfolio.USDC"]})).await;
    assert_eq!(reply["error"]["code"], json!(13009), "{reply}");
}

/// API-073
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_073_the_newest_state_is_told_and_what_one_command_changed() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let mut socket = logged_in(&stand, 100_000).await;
    let [quote, window, chart, ticker] = [
        format!("quote.{SERIES}"),
        format!("book.{SERIES}.10.1.100ms"),
        format!("chart.trades.{SERIES}.1"),
        format!("incremental_ticker.{SERIES}"),
    ];
    let changes = "user.changes.any.any.raw";
    let channels = json!({"channels": [quote, window, chart, ticker, changes, "platform_state"]});
    let reply = socket.ask("private/subscribe", channels.clone()).await;
    assert_eq!(reply["result"], channels["channels"]);
    for price in ["2.503", "2.507", "2.512"] {
        maker.sell(&limit(2, price)).await.unwrap();
    }
    let state = told(&mut socket, &quote, |data| text(&data["best_ask_price"]) == "2.503").await;
    assert_eq!((&state["best_bid_price"], &state["best_bid_amount"]), (&Value::Null, &json!(0)));
    // Two prices in one level of ten ticks, rounded up; the third is beyond the depth.
    let asks = json!([["2.51", "4"]]);
    let levels =
        |data: &Value| json!([[data["asks"][0][0].to_string(), data["asks"][0][1].to_string()]]);
    told(&mut socket, &window, |data| levels(data) == asks).await;

    let buy = json!({"instrument_name": SERIES, "amount": 1, "price": 2.503, "label": "x"});
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "private/buy", "params": buy});
    socket.send(request.to_string()).await;
    let changed = told(&mut socket, changes, |_| true).await;
    assert_eq!(changed["orders"][0]["order_state"], json!("filled"));
    assert_eq!(changed["trades"][0]["label"], json!("x"));
    assert_eq!(changed["positions"][0]["size"].to_string(), "1");
    told(&mut socket, &chart, |data| text(&data["volume"]) == "1").await;
    told(&mut socket, &ticker, |data| {
        data["type"] == "change"
            && text(&data["last_price"]) == "2.503"
            && data.get("state").is_none()
    })
    .await;
}

/// API-074
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_074_a_heartbeat_has_an_interval() {
    let stand = Stand::open().await;
    let mut socket = stand.socket().await;
    for (interval, param) in [(9, json!("interval")), (3_601, json!("interval"))] {
        let reply = socket.ask("public/set_heartbeat", json!({"interval": interval})).await;
        assert_eq!(reply["error"]["data"]["param"], param, "{reply}");
    }
    for (method, params) in
        [("public/set_heartbeat", json!({"interval": 10})), ("public/disable_heartbeat", json!({}))]
    {
        assert_eq!(socket.ask(method, params).await["result"], json!("ok"));
    }
}

/// API-075
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_075_what_was_placed_over_a_session_ends_with_it_where_asked_for() {
    let stand = Stand::open().await;
    let credential = stand.account(100_000).await;
    let (watcher, mut orders) = stand.login(&credential).await;
    watcher.subscribe(&["user.orders.any.any.raw"]).await.unwrap();
    let (session, _) = stand.login(&credential).await;
    let kept = session.buy(&limit(1, "2.1")).await.unwrap().order.order_id;
    let state = |enabled: bool| json!({"scope": "connection", "enabled": enabled});
    assert_eq!(
        session.call("private/get_cancel_on_disconnect", json!({})).await.unwrap(),
        state(false)
    );
    session.call("private/enable_cancel_on_disconnect", json!({})).await.unwrap();
    assert_eq!(
        session.call("private/get_cancel_on_disconnect", json!({})).await.unwrap(),
        state(true)
    );
    let nobody = session.call("private/enable_cancel_on_disconnect", json!({"scope": "nobody"}));
    assert_eq!(crate::stand::refusal(nobody.await).0, -32602);
    let placed = [
        session.buy(&limit(1, "2.2")).await.unwrap().order.order_id,
        session.sell(&limit(1, "2.9")).await.unwrap().order.order_id,
    ];
    let others = watcher.buy(&limit(1, "2.3")).await.unwrap().order.order_id;
    drop(session);
    let mut cancelled = Vec::new();
    while cancelled.len() < placed.len() {
        let told: Value = soon(orders.next()).await.unwrap().read().unwrap();
        if told["order_state"] == "cancelled" {
            cancelled.push(told["order_id"].as_str().unwrap().to_owned());
        }
    }
    cancelled.sort_unstable();
    assert_eq!(cancelled, placed);
    let open = watcher.call("private/get_open_orders", json!({})).await.unwrap();
    let open: Vec<&str> =
        open.as_array().unwrap().iter().map(|it| it["order_id"].as_str().unwrap()).collect();
    assert_eq!(open, [kept, others]);
}

/// API-076
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_076_a_book_asked_for_again_deletes_what_has_gone() {
    let stand = Stand::open().await;
    let (trader, _) = stand.trader(100_000).await;
    let gone = trader.buy(&limit(1, "2.4")).await.unwrap().order.order_id;
    trader.buy(&limit(2, "2.3")).await.unwrap();
    let channel = format!("book.{SERIES}.100ms");
    let mut socket = stand.socket().await;
    let subscribe = json!({"channels": [channel]});
    socket.ask("public/subscribe", subscribe.clone()).await;
    let first = told(&mut socket, &channel, |_| true).await;
    assert_eq!(first["bids"].to_string(), r#"[["new",2.4,1],["new",2.3,2]]"#);
    trader.cancel(&gone).await.unwrap();
    told(&mut socket, &channel, |data| data["type"] == "change").await;
    let request =
        json!({"jsonrpc": "2.0", "id": 2, "method": "public/subscribe", "params": subscribe});
    socket.send(request.to_string()).await;
    // As if that had been lost: the snapshot alone makes the client's book the venue's.
    let mut has: std::collections::BTreeMap<String, String> =
        [("2.4", "1"), ("2.3", "2")].map(|(price, lots)| (price.into(), lots.into())).into();
    let snapshot = told(&mut socket, &channel, |data| data["type"] == "snapshot").await;
    for level in snapshot["bids"].as_array().unwrap() {
        match level[0].as_str().unwrap() {
            "delete" => has.remove(&level[1].to_string()),
            _ => has.insert(level[1].to_string(), level[2].to_string()),
        };
    }
    assert_eq!(has.into_iter().collect::<Vec<_>>(), [("2.3".to_owned(), "2".to_owned())]);
}

/// API-077
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_077_a_label_names_one_order_to_edit_and_any_to_cancel() {
    let stand = Stand::open().await;
    let (trader, _) = stand.trader(100_000).await;
    let order = trader.buy(&limit(1, "2.1").label("a")).await.unwrap().order.order_id;
    trader.buy(&limit(1, "2.2").label("b")).await.unwrap();
    let edit = |label: &str| {
        let params = json!({"instrument_name": SERIES, "label": label, "amount": 2, "price": 2.15});
        trader.call("private/edit_by_label", params)
    };
    let edited = edit("a").await.unwrap();
    assert_eq!(
        (&edited["order"]["order_id"], edited["order"]["price"].to_string()),
        (&json!(order), "2.15".to_owned())
    );
    assert_eq!(crate::stand::refusal(edit("c").await).0, 10004);
    trader.buy(&limit(1, "2.12").label("a")).await.unwrap();
    assert_eq!(crate::stand::refusal(edit("a").await).0, 11050);
    let cancel = |params| trader.call("private/cancel_by_label", params);
    assert_eq!(cancel(json!({"label": "a", "currency": "USDC"})).await.unwrap(), json!(2));
    assert_eq!(crate::stand::refusal(cancel(json!({})).await).1, json!("label"));
    let rest = trader.call("private/cancel_all_by_currency", json!({"currency": "USDC"})).await;
    assert_eq!(rest.unwrap(), json!(1));
}
