//! An order's life, as its account sees it.

use api::client::{Edit, NewOrder};
use api::wire::{WireOrder, WireUserTrade};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, decimal, limit, refusal, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_007_an_order_lives_from_buy_to_cancel() {
    let stand = Stand::open().await;
    let (maker, mut own) = stand.trader(100_000).await;
    let (taker, _) = stand.trader(100_000).await;
    let channels = ["user.orders.any.any.raw", &format!("user.trades.{SERIES}.raw")];
    maker.subscribe(&channels).await.unwrap();

    let placed = maker.sell(&limit(10, "2.5").label("desk/1").post_only()).await.unwrap();
    let order = &placed.order;
    assert_eq!((order.order_state.as_str(), order.direction.as_str()), ("open", "sell"));
    assert!(order.post_only && order.reject_post_only && !order.replaced);
    assert!(placed.trades.is_empty());
    let open: Vec<WireOrder> = maker.call_as("private/get_open_orders", "{}").await.unwrap();
    assert_eq!(open, std::slice::from_ref(order));

    let edit = Edit {
        order_id: order.order_id.clone(),
        amount: Some(decimal("8").into()),
        price: Some(decimal("2.499").into()),
    };
    let edited = maker.edit(&edit).await.unwrap().order;
    assert!(edited.replaced && edited.order_id == order.order_id);
    assert_eq!((edited.price, edited.amount), (decimal("2.499").into(), decimal("8").into()));
    assert_eq!(refusal(maker.edit(&edit).await).3, json!("ORDER-017"));

    let bought = taker.buy(&limit(3, "2.6").immediate_or_cancel()).await.unwrap();
    assert_eq!(bought.order.order_state, "filled");
    assert_eq!(bought.order.average_price, decimal("2.499").into());
    let [trade] = bought.trades.as_slice() else { panic!("one trade: {:?}", bought.trades) };
    assert_eq!((trade.liquidity.as_str(), trade.direction.as_str()), ("T", "buy"));
    assert_eq!((trade.price, trade.amount), (decimal("2.499").into(), decimal("3").into()));
    // 3 lots of 24 hours at 2.499, five basis points.
    assert_eq!(trade.fee, decimal("0.089964").into());

    let state: WireOrder = maker
        .call_as("private/get_order_state", &json!({"order_id": order.order_id}).to_string())
        .await
        .unwrap();
    assert_eq!((state.order_state.as_str(), state.filled_amount), ("open", decimal("3").into()));
    let labelled: Vec<WireOrder> = maker
        .call_as("private/get_order_state_by_label", r#"{"currency":"USDC","label":"desk/1"}"#)
        .await
        .unwrap();
    assert_eq!(labelled, [state]);
    let stolen = json!({"order_id": order.order_id});
    assert_eq!(refusal(taker.call("private/get_order_state", stolen).await).0, 10004);
    assert_eq!(refusal(taker.cancel(&order.order_id).await).0, 10004);

    let cancelled = maker.cancel(&order.order_id).await.unwrap();
    assert_eq!(cancelled.order_state, "cancelled");
    assert_eq!(cancelled.cancel_reason.as_deref(), Some("user_request"));
    assert_eq!(refusal(maker.cancel(&order.order_id).await).0, 10004);

    let mut states = Vec::new();
    let mut fills = 0;
    while states.last().map(String::as_str) != Some("cancelled") {
        let message = soon(own.next()).await.unwrap();
        if message.channel == channels[0] {
            states.push(message.read::<WireOrder>().unwrap().order_state);
        } else {
            let trades: Vec<WireUserTrade> = message.read().unwrap();
            assert_eq!((trades.len(), trades[0].liquidity.as_str()), (1, "M"));
            assert_eq!(trades[0].label, "desk/1");
            fills += 1;
        }
    }
    assert_eq!(fills, 1);
    // A message shows the order as it is when it is sent: an earlier state may have been overtaken.
    assert_eq!(states.len(), 4, "{states:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn immediate_market_and_post_only_orders_never_surprise() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let (taker, _) = stand.trader(100_000).await;
    maker.sell(&limit(2, "2.5")).await.unwrap();

    let refused = refusal(taker.buy(&limit(1, "2.5").post_only()).await);
    assert_eq!((refused.0, refused.3), (11054, json!("ORDER-015")));
    let killed = taker.buy(&limit(3, "2.5").fill_or_kill()).await.unwrap();
    assert_eq!(killed.order.order_state, "cancelled");
    assert_eq!(killed.order.cancel_reason.as_deref(), Some("fill_or_kill"));
    let taken = taker.buy(&limit(3, "2.5").immediate_or_cancel()).await.unwrap();
    assert_eq!(taken.order.filled_amount, decimal("2").into());
    assert_eq!(taken.order.cancel_reason.as_deref(), Some("immediate_or_cancel"));
    let alone = taker.buy(&NewOrder::market(SERIES, 1)).await.unwrap();
    assert_eq!(alone.order.order_type, "market");
    assert_eq!(alone.order.cancel_reason.as_deref(), Some("immediate_or_cancel"));

    maker.sell(&limit(1, "2.51")).await.unwrap();
    maker.sell(&limit(1, "2.52")).await.unwrap();
    let own = maker.buy(&limit(1, "2.6")).await.unwrap();
    assert_eq!(own.order.cancel_reason.as_deref(), Some("self_trade"));
    let swept = taker.buy(&NewOrder::market(SERIES, 2)).await.unwrap();
    assert_eq!(swept.order.average_price, decimal("2.515").into());
    assert_eq!(swept.trades.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_wait_fire_and_are_told_by_their_names() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let (taker, _) = stand.trader(100_000).await;
    maker.sell(&limit(5, "2.6")).await.unwrap();
    let stop = json!({
        "instrument_name": SERIES, "amount": 2, "type": "stop_limit", "price": 2.7,
        "trigger": "last_price", "trigger_price": 2.55, "ceiling_price": 2.8, "stp_token": 7,
        "time_in_force": "good_til_day", "label": "guard",
    });
    let placed = taker.call("private/buy", stop).await.unwrap();
    let order = &placed["order"];
    assert_eq!(order["order_state"], "untriggered");
    assert_eq!(order["order_type"], "stop_limit");
    assert_eq!((&order["trigger"], &order["triggered"]), (&json!("last_price"), &json!(false)));
    assert_eq!((&order["stp"], &order["stp_token"]), (&json!("cancel_newest"), &json!(7)));
    assert_eq!(order["time_in_force"], "good_til_day");
    let id = order["order_id"].clone();
    let edit = json!({"order_id": id, "amount": 2, "trigger_price": 2.6});
    let edited = taker.call("private/edit", edit).await.unwrap();
    assert_eq!(edited["order"]["trigger_price"].to_string(), "2.6");
    let open = async |kind: &str| {
        let params = json!({"instrument_name": SERIES, "type": kind});
        let open = taker.call("private/get_open_orders_by_instrument", params).await.unwrap();
        open.as_array().unwrap().len()
    };
    assert_eq!((open("trigger_all").await, open("limit").await, open("all").await), (1, 0, 1));

    let (other, _) = stand.trader(100_000).await;
    other.buy(&limit(1, "2.6")).await.unwrap();
    let now = taker.call("private/get_order_state", json!({"order_id": id})).await.unwrap();
    assert_eq!((&now["order_state"], &now["triggered"]), (&json!("filled"), &json!(true)));
    let late = json!({"order_id": id, "amount": 2, "trigger_price": 2.6});
    assert_eq!(refusal(taker.call("private/edit", late).await).0, 10004);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn icebergs_slides_filters_and_deadlines_are_on_the_wire() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let iceberg = maker.sell(&limit(5, "2.6").showing(2)).await.unwrap().order;
    assert_eq!(iceberg.display_amount, Some(decimal("2").into()));
    let book = json!({"instrument_name": SERIES});
    let book = maker.call("public/get_order_book", book).await.unwrap();
    assert_eq!(book["asks"], json!([[2.6, 2]]));
    let sliding = json!({
        "instrument_name": SERIES, "amount": 1, "price": 2.7, "post_only": true,
        "reject_post_only": false,
    });
    let slid = maker.call("private/buy", sliding).await.unwrap();
    assert_eq!(slid["order"]["price"].to_string(), "2.599");
    assert_eq!(slid["order"]["reject_post_only"], false);
    let late = json!({"instrument_name": SERIES, "amount": 1, "price": 2.5, "valid_until": 1});
    let refused = refusal(maker.call("private/buy", late).await);
    assert_eq!((refused.0, refused.1), (13888, json!("valid_until")));
    let sells = json!({"direction": "sell"});
    assert_eq!(maker.call("private/cancel_all", sells).await.unwrap(), 1);
    assert_eq!(maker.call("private/cancel_all", json!({"type": "trigger_all"})).await.unwrap(), 0);
    assert_eq!(maker.call("private/cancel_all", json!({})).await.unwrap(), 1);
}

/// BAND-001: on the wire with the band's edge, which the ticker has too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_beyond_the_band_is_refused_with_the_edge() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(100_000).await;
    let refused = refusal(client.buy(&limit(1, "4.501")).await);
    assert_eq!(refused, (10007, json!("price"), json!(4.5), json!("BAND-001")));
    let refused = refusal(client.sell(&limit(1, "0.499")).await);
    assert_eq!(refused, (10005, json!("price"), json!(0.5), json!("BAND-001")));
    let order = client.buy(&limit(1, "2.5")).await.unwrap().order;
    let edit = json!({"order_id": order.order_id, "amount": 1, "price": 4.501});
    assert_eq!(refusal(client.call("private/edit", edit).await).2, json!(4.5));
    let ticker = client.call("public/ticker", json!({"instrument_name": SERIES})).await.unwrap();
    assert_eq!((&ticker["min_price"], &ticker["max_price"]), (&json!(0.5), &json!(4.5)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_008_requests_are_sequenced_in_the_order_they_were_sent() {
    let stand = Stand::open().await;
    let credential = stand.account(100_000).await;
    let mut socket = stand.socket().await;
    let login = json!({
        "grant_type": "client_credentials",
        "client_id": credential.client_id,
        "client_secret": credential.client_secret,
    });
    assert!(socket.ask("public/auth", login).await["result"].is_object());
    // Three times as many as may be under way at once, sent before a reply is read.
    for id in 0..200 {
        let params =
            json!({"instrument_name": SERIES, "amount": 1, "price": 1, "label": id.to_string()});
        let request =
            json!({"jsonrpc": "2.0", "id": id, "method": "private/buy", "params": params});
        socket.send(request.to_string()).await;
    }
    let mut placed = Vec::new();
    for _ in 0..200 {
        let reply = socket.next().await.unwrap();
        let order_id = reply["result"]["order"]["order_id"].as_str().expect("an order");
        let number: u64 = order_id.trim_start_matches("T-").parse().unwrap();
        placed.push((number, reply["id"].as_u64().unwrap()));
    }
    placed.sort_unstable();
    let sent: Vec<u64> = placed.into_iter().map(|(_, id)| id).collect();
    assert_eq!(sent, (0..200).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_are_listed_newest_first_and_page_by_their_place() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let (taker, _) = stand.trader(100_000).await;
    for price in ["2.5", "2.51", "2.51", "2.49"] {
        maker.sell(&limit(1, price)).await.unwrap();
        taker.buy(&limit(1, price)).await.unwrap();
    }
    let ask =
        async |params: Value| taker.call("public/get_last_trades_by_instrument", params).await;
    let of = |reply: &Value, field: &str| -> Vec<f64> {
        let trades = reply["trades"].as_array().unwrap();
        trades.iter().map(|trade| trade[field].as_f64().unwrap()).collect()
    };
    let all = ask(json!({"instrument_name": SERIES})).await.unwrap();
    assert_eq!(of(&all, "price"), [2.49, 2.51, 2.51, 2.5]);
    assert_eq!(of(&all, "tick_direction"), [2.0, 1.0, 0.0, 1.0]);
    assert_eq!(all["has_more"], false);
    let page = ask(json!({"instrument_name": SERIES, "count": 2, "sorting": "asc", "end_seq": 3}))
        .await
        .unwrap();
    assert_eq!((of(&page, "trade_seq"), &page["has_more"]), (vec![2.0, 3.0], &json!(true)));

    let own = json!({"instrument_name": SERIES, "count": 1});
    let own = maker.call("private/get_user_trades_by_instrument", own).await.unwrap();
    assert_eq!(own["trades"][0]["liquidity"], "M");
    assert_eq!(own["trades"][0]["direction"], "sell");
    assert_eq!(own["has_more"], true);
    for (field, value) in [("count", json!(0)), ("count", json!(1_001)), ("sorting", json!("up"))] {
        let refused = refusal(ask(json!({"instrument_name": SERIES, field: value})).await);
        assert_eq!((refused.0, refused.1), (-32602, json!(field)));
    }
}
