//! Mass quotes and market-maker protection over the wire.

use serde_json::{Value, json};

use crate::stand::{SERIES, Socket, Stand, refusal, soon, terms};

const LATER: &str = "H100_USDC-17JAN27";

fn config() -> Value {
    json!({
        "index_name": "h100_usd", "mmp_group": "front", "interval": 5, "frozen_time": 60,
        "quantity_limit": 3, "delta_limit": 2.5, "max_quote_quantity": 10,
    })
}

fn side(price: f64, amount: u64) -> Value {
    json!({"price": price, "amount": amount})
}

fn quotes(id: &str, quotes: Value) -> Value {
    json!({"mmp_group": "front", "quote_id": id, "quotes": quotes, "detailed": true})
}

fn entry(series: &str, set: &str, bid: Value, ask: Value) -> Value {
    json!({"instrument_name": series, "quote_set_id": set, "bid": bid, "ask": ask})
}

async fn logged_in(stand: &Stand) -> Socket {
    let credential = stand.account(100_000).await;
    let mut socket = stand.socket().await;
    let keys = json!({
        "grant_type": "client_credentials", "client_id": credential.client_id,
        "client_secret": credential.client_secret,
    });
    let reply = socket.ask("public/auth", keys).await;
    assert!(reply["result"]["access_token"].is_string(), "{reply}");
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_120_a_mass_quote_tells_of_each_side_what_became_of_it() {
    let stand = Stand::open().await;
    stand.list(terms(LATER)).await;
    let (maker, _) = stand.trader(100_000).await;
    let no_group = quotes("1", json!([entry(SERIES, "a", side(2.4, 1), side(2.6, 1))]));
    let refused = refusal(maker.call("private/mass_quote", no_group).await);
    assert_eq!((refused.0, refused.1, refused.3), (13020, json!("mmp_group"), json!("QUOTE-003")));

    let echoed = maker.call("private/set_mmp_config", config()).await.unwrap();
    for (name, value) in config().as_object().unwrap() {
        assert_eq!(echoed[name].to_string(), value.to_string(), "{name}");
    }
    let set = quotes(
        "1",
        json!([
            entry(SERIES, "a", side(2.4, 2), side(2.6, 3)),
            entry(LATER, "b", side(2.7, 1), side(2.6, 1)),
            entry(LATER, "c", side(2.4, 11), side(2.7, 1)),
        ]),
    );
    let reply = maker.call("private/mass_quote", set).await.unwrap();
    let order = &reply["orders"][0];
    for (name, value) in [
        ("quote", json!(true)),
        ("mmp", json!(true)),
        ("mmp_group", json!("front")),
        ("quote_id", json!("1")),
        ("quote_set_id", json!("a")),
        ("order_state", json!("open")),
        ("post_only", json!(true)),
        ("direction", json!("buy")),
    ] {
        assert_eq!(order[name], value, "{name} in {order}");
    }
    assert_eq!(reply["orders"].as_array().unwrap().len(), 3, "{reply}");
    assert_eq!(reply["trades"], json!([]));
    let errors: Vec<(Value, Value, Value)> = reply["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            let rule = error["error"]["data"]["rule"].clone();
            (error["entry"].clone(), error["side"].clone(), rule)
        })
        .collect();
    let crossed = json!("QUOTE-007");
    assert_eq!(
        errors,
        [
            (json!(1), json!("bid"), crossed.clone()),
            (json!(1), json!("ask"), crossed),
            (json!(2), json!("bid"), json!("QUOTE-008")),
        ]
    );
    assert_eq!(reply["errors_count"], json!(3));
    assert_eq!(reply["errors"][2]["error"]["code"], json!(10021));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_120_what_cannot_be_read_refuses_the_whole_and_names_its_entry() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    maker.call("private/set_mmp_config", config()).await.unwrap();
    let first = entry(SERIES, "a", side(2.4, 1), Value::Null);
    let set = quotes("1", json!([first.clone()]));
    let reply = maker.call("private/mass_quote", set).await.unwrap();
    let order = &reply["orders"][0];
    let wrong =
        |quote: Value| maker.call("private/mass_quote", quotes("2", json!([first.clone(), quote])));
    let cases = [
        (entry("BTC-1", "", Value::Null, Value::Null), 10020, "quotes[1].instrument_name"),
        (entry(SERIES, "", side(2.400_1, 1), Value::Null), 10043, "quotes[1].bid.price"),
        (entry(SERIES, "", Value::Null, json!({"amount": 1})), -32602, "quotes[1].ask.price"),
        (
            entry(SERIES, "", json!({"price": 2.4, "amount": 1, "post_only": false}), Value::Null),
            10033,
            "quotes[1].bid.post_only",
        ),
    ];
    for (quote, code, param) in cases {
        let refused = refusal(wrong(quote).await);
        assert_eq!((refused.0, refused.1), (code, json!(param)));
    }
    let many = vec![entry(SERIES, "", side(2.4, 1), Value::Null); 65];
    let refused = refusal(maker.call("private/mass_quote", quotes("2", json!(many))).await);
    assert_eq!((refused.0, refused.1, refused.2), (-32602, json!("quotes"), json!(64)));
    let open = maker.call("private/get_open_orders", json!({})).await.unwrap();
    assert_eq!(open.as_array().unwrap().len(), 1, "{open}");

    // Late is refused, and a message that comes in time replaces what stands.
    let mut late = quotes("3", json!([entry(SERIES, "a", side(2.41, 1), Value::Null)]));
    late["valid_until"] = json!(stand.clock.now().millis() - 1);
    assert_eq!(refusal(maker.call("private/mass_quote", late.clone()).await).0, 13888);
    late["valid_until"] = json!(stand.clock.now().millis() + 10_000);
    late["detailed"] = json!(false);
    let reply = maker.call("private/mass_quote", late).await.unwrap();
    assert_eq!(reply["orders"].as_array().unwrap().len(), 1);
    assert_eq!(reply["orders"][0]["order_id"], order["order_id"]);
    assert_eq!(reply["orders"][0]["price"], Value::Null);
    let ticker = maker.call("public/ticker", json!({"instrument_name": SERIES})).await.unwrap();
    assert_eq!(ticker["best_bid_price"].to_string(), "2.41");
    assert_eq!(ticker["best_ask_amount"].to_string(), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_121_a_group_that_is_hit_too_often_is_pulled_and_told() {
    let stand = Stand::open().await;
    let (taker, _) = stand.trader(100_000).await;
    let mut maker = logged_in(&stand).await;
    let channels = json!({"channels": ["user.mmp_trigger.h100_usd", "user.mmp_trigger.any"]});
    maker.ask("private/subscribe", channels).await;
    maker.ask("private/set_mmp_config", config()).await;
    let member = json!({
        "instrument_name": SERIES, "amount": 5, "price": 2.3, "mmp": true, "mmp_group": "front",
    });
    let reply = maker.ask("private/buy", member.clone()).await;
    let placed = &reply["result"]["order"];
    assert_eq!((&placed["mmp"], &placed["quote"]), (&json!(true), &Value::Null), "{reply}");
    let own = json!({"instrument_name": SERIES, "amount": 5, "price": 2.29});
    maker.ask("private/buy", own).await;
    let set = quotes("7", json!([entry(SERIES, "a", side(2.4, 2), side(2.6, 3))]));
    let reply = maker.ask("private/mass_quote", set.clone()).await;
    assert_eq!(reply["result"]["errors_count"], json!(0), "{reply}");

    let hit = json!({"instrument_name": SERIES, "amount": 3, "price": 2.6});
    taker.call("private/buy", hit).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        let message = soon(maker.next()).await.unwrap();
        if message["method"] == "subscription" {
            told.push(message["params"]["data"].clone());
        }
    }
    let until = stand.clock.now().millis() + 60_000;
    let tripped = json!({"index_name": "h100_usd", "mmp_group": "front", "frozen_until": until});
    assert_eq!(told, [tripped.clone(), tripped.clone()]);
    let status = maker.ask("private/get_mmp_status", json!({"index_name": "h100_usd"})).await;
    assert_eq!(status["result"], json!([tripped]));

    let open = maker.ask("private/get_open_orders", json!({})).await;
    let left: Vec<String> =
        open["result"].as_array().unwrap().iter().map(|order| order["price"].to_string()).collect();
    assert_eq!(left, ["2.29"]);
    let trades = json!({"instrument_name": SERIES});
    let trades = maker.ask("private/get_user_trades_by_instrument", trades).await;
    let trade = &trades["result"]["trades"][0];
    assert_eq!(
        (&trade["quote_id"], &trade["mmp_group"]),
        (&json!("7"), &json!("front")),
        "{trades}"
    );
    let ended = maker.ask("private/get_order_state", json!({"order_id": placed["order_id"]})).await;
    assert_eq!(ended["result"]["cancel_reason"], json!("mmp_trigger"), "{ended}");

    let refused = maker.ask("private/mass_quote", set.clone()).await;
    assert_eq!(refused["error"]["data"]["rule"], json!("QUOTE-004"), "{refused}");
    assert_eq!(refused["error"]["code"], json!(11030));
    let refused = maker.ask("private/sell", member).await;
    assert_eq!(refused["error"]["data"]["rule"], json!("QUOTE-004"), "{refused}");
    let group = json!({"index_name": "h100_usd", "mmp_group": "front"});
    let reply = maker.ask("private/reset_mmp", group.clone()).await;
    assert_eq!(reply["result"], json!("ok"), "{reply}");
    let reply = maker.ask("private/mass_quote", set).await;
    assert_eq!(reply["result"]["errors_count"], json!(0), "{reply}");
    let status = maker.ask("private/get_mmp_status", json!({})).await;
    assert_eq!(status["result"], json!([]));

    let listed = maker.ask("private/get_mmp_config", group.clone()).await;
    assert_eq!(listed["result"][0]["quantity_limit"], json!(3), "{listed}");
    let end = json!({"index_name": "h100_usd", "mmp_group": "front", "interval": 0});
    let ended = maker.ask("private/set_mmp_config", end).await;
    assert_eq!(ended["result"]["interval"], json!(0), "{ended}");
    let listed = maker.ask("private/get_mmp_config", json!({})).await;
    assert_eq!(listed["result"], json!([]));
    let reply = maker.ask("private/reset_mmp", group).await;
    assert_eq!(reply["error"]["data"]["rule"], json!("QUOTE-003"), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_122_quotes_are_cancelled_by_what_they_have_in_common_and_end_with_their_session() {
    let stand = Stand::open().await;
    stand.list(terms(LATER)).await;
    let credential = stand.account(100_000).await;
    let (maker, _) = stand.login(&credential).await;
    let (watcher, _) = stand.login(&credential).await;
    maker.call("private/set_mmp_config", config()).await.unwrap();
    maker.call("private/enable_cancel_on_disconnect", json!({})).await.unwrap();
    let set = || {
        let entries = json!([
            entry(SERIES, "a", side(2.4, 2), side(2.6, 3)),
            entry(LATER, "b", side(2.4, 1), side(2.6, 1)),
        ]);
        maker.call("private/mass_quote", quotes("1", entries))
    };
    for (filter, count) in [
        (json!({"cancel_type": "all"}), 4),
        (json!({"cancel_type": "quote_set_id", "quote_set_id": "b"}), 2),
        (json!({"cancel_type": "instrument", "instrument_name": SERIES}), 2),
        (json!({"cancel_type": "kind", "kind": "future", "currency": "USDC"}), 4),
        (json!({"cancel_type": "kind", "kind": "option"}), 0),
        (json!({"cancel_type": "currency", "currency": "H100"}), 4),
        (json!({"cancel_type": "delta", "min_delta": 0.5, "max_delta": 1}), 4),
        (json!({"cancel_type": "delta", "min_delta": 0, "max_delta": 0.9}), 0),
        (json!({"cancel_type": "all", "mmp_group": "front"}), 4),
    ] {
        set().await.unwrap();
        let cancelled = maker.call("private/cancel_quotes", filter.clone()).await.unwrap();
        assert_eq!(cancelled, json!(count), "{filter}");
        maker.call("private/cancel_quotes", json!({"cancel_type": "all"})).await.unwrap();
    }
    for (filter, code, param) in [
        (json!({}), -32602, "cancel_type"),
        (json!({"cancel_type": "some"}), -32602, "cancel_type"),
        (json!({"cancel_type": "all", "kind": "future"}), 11047, "kind"),
        (json!({"cancel_type": "delta", "min_delta": 0}), -32602, "max_delta"),
        (json!({"cancel_type": "all", "mmp_group": "none"}), 13020, "mmp_group"),
    ] {
        let refused = refusal(maker.call("private/cancel_quotes", filter).await);
        assert_eq!((refused.0, refused.1), (code, json!(param)));
    }
    set().await.unwrap();
    let detailed = json!({"cancel_type": "instrument", "instrument_name": LATER, "detailed": true});
    let cancelled = maker.call("private/cancel_quotes", detailed).await.unwrap();
    let reasons: Vec<&Value> =
        cancelled.as_array().unwrap().iter().map(|order| &order["cancel_reason"]).collect();
    assert_eq!(reasons, [&json!("user_request"), &json!("user_request")]);

    set().await.unwrap();
    drop(maker);
    let left = async || {
        let open = watcher.call("private/get_open_orders", json!({})).await.unwrap();
        open.as_array().unwrap().len()
    };
    soon(async {
        while left().await != 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
