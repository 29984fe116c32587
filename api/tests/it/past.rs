//! What an account and anybody ask about the past: ended orders, trades by time, candles, money from outside.

use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, limit, refusal, start_of_time};
use crate::wallets::owner_of;

/// A text out of each row.
fn column(rows: &Value, name: &str) -> Vec<String> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned))
        .collect()
}

/// API-070
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_070_every_ended_order_and_every_trade_is_found_again() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let (taker, _) = stand.trader(100_000).await;
    let mut resting = Vec::new();
    for minute in 0..3_u64 {
        resting.push(maker.sell(&limit(4, "2.5")).await.unwrap().order.order_id);
        taker.buy(&limit(3, "2.5").immediate_or_cancel()).await.unwrap();
        stand.clock.set(start_of_time() + instruments::NanosSpan::from_seconds(60 * (minute + 1)));
    }
    taker.buy(&limit(1, "2.4").immediate_or_cancel()).await.unwrap();
    maker.cancel_all().await.unwrap();

    let ask = async |client: &api::client::Client, method: &str, params: Value| {
        client.call(&format!("private/{method}"), params).await.unwrap()
    };
    // Of three orders of four lots, nine lots were taken: two ended full, one was cancelled in part.
    let in_series = json!({"instrument_name": SERIES});
    let ended = ask(&maker, "get_order_history_by_instrument", in_series.clone()).await;
    assert_eq!(
        column(&ended, "order_id"),
        [&resting[2], &resting[1], &resting[0]].map(String::clone)
    );
    assert_eq!(column(&ended, "order_state"), ["cancelled", "filled", "filled"]);
    let page = json!({"currency": "USDC", "count": 1, "offset": 1});
    let one = ask(&maker, "get_order_history_by_currency", page).await;
    assert_eq!(column(&one, "order_id"), [resting[1].as_str()]);
    let traded = ask(&taker, "get_order_history_by_currency", json!({"currency": "USDC"})).await;
    assert_eq!(traded.as_array().unwrap().len(), 3, "what never traded is left out");
    let all = json!({"currency": "USDC", "include_unfilled": true});
    let all = ask(&taker, "get_order_history_by_currency", all).await;
    assert_eq!(column(&all, "filled_amount"), ["0", "3", "3", "3"]);
    let bitcoin = json!({"currency": "BTC", "include_unfilled": true});
    assert_eq!(ask(&taker, "get_order_history_by_currency", bitcoin).await, json!([]));

    // Newest first, or from a time on.
    let newest = json!({"instrument_name": SERIES, "count": 2});
    let newest = ask(&taker, "get_user_trades_by_instrument", newest).await;
    assert_eq!(newest["has_more"], json!(true));
    let from = start_of_time().millis() + 60_000;
    let since = json!({"currency": "any", "start_timestamp": from, "count": 10});
    let since = ask(&taker, "get_user_trades_by_currency_and_time", since).await;
    let times = column(&since["trades"], "timestamp");
    assert!(times.iter().all(|at| from.to_string() <= *at), "{times:?}");
    assert!(times.is_sorted() && since["has_more"] == json!(false), "{times:?}");
    let until = json!({"instrument_name": SERIES, "end_timestamp": from - 1});
    let until = ask(&taker, "get_user_trades_by_instrument_and_time", until).await;
    assert_eq!(column(&until["trades"], "trade_id"), ["X-1"]);
    let public = json!({"instrument_name": SERIES, "start_timestamp": from, "count": 1});
    let public = taker.call("public/get_last_trades_by_instrument_and_time", public).await.unwrap();
    assert_eq!(
        (column(&public["trades"], "trade_id"), &public["has_more"]),
        (vec!["X-2".to_owned()], &json!(true))
    );

    let of_order = json!({"order_id": resting[0]});
    let of_order = ask(&maker, "get_user_trades_by_order", of_order.clone()).await;
    assert_eq!(column(&of_order, "amount"), ["1", "3"]);
    let stolen =
        taker.call("private/get_user_trades_by_order", json!({"order_id": resting[0]})).await;
    assert_eq!(refusal(stolen).0, 10004);
}

/// API-071
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_071_candles_are_what_the_book_traded_at() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let (taker, _) = stand.trader(100_000).await;
    let ask = async |resolution: &str, minutes: u64| {
        let start = start_of_time().millis();
        let params = json!({
            "instrument_name": SERIES, "resolution": resolution, "start_timestamp": start,
            "end_timestamp": start + minutes * 60_000,
        });
        taker.call("public/get_tradingview_chart_data", params).await.unwrap()
    };
    assert_eq!(ask("1", 5).await["status"], json!("no_data"));
    let trades = [(0, "2.5", 2), (10, "2.52", 1), (20, "2.49", 3), (130, "2.51", 4)];
    for (second, price, lots) in trades {
        stand.clock.set(start_of_time() + instruments::NanosSpan::from_seconds(second));
        maker.sell(&limit(lots, price)).await.unwrap();
        taker.buy(&limit(lots, price)).await.unwrap();
    }
    let minutes = ask("1", 5).await;
    assert_eq!(minutes["status"], json!("ok"));
    let of = |name: &str| minutes[name].to_string();
    assert_eq!(of("open"), "[2.5,2.49,2.51]");
    assert_eq!(of("high"), "[2.52,2.49,2.51]");
    assert_eq!(of("low"), "[2.49,2.49,2.51]");
    // Nothing was traded in the second minute: the price is where it was.
    assert_eq!(of("close"), "[2.49,2.49,2.51]");
    assert_eq!(of("volume"), "[6,0,4]");
    // Lots of 24 hours.
    assert_eq!(of("cost"), "[359.76,0,240.96]");
    for (resolution, volumes) in [("3", "[10]"), ("5", "[10]"), ("60", "[10]"), ("1D", "[10]")] {
        assert_eq!(ask(resolution, 5).await["volume"].to_string(), volumes, "{resolution}");
    }
    let params = json!({"instrument_name": SERIES, "resolution": "7", "start_timestamp": 0, "end_timestamp": 1});
    let refused = refusal(taker.call("public/get_tradingview_chart_data", params).await);
    assert_eq!((refused.0, refused.1), (-32602, json!("resolution")));
}

/// API-072
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_072_what_is_not_here_is_refused_and_not_made_up() {
    let stand = Stand::open().await;
    let (trader, _) = stand.trader(250).await;
    for (method, params) in [
        ("private/get_current_deposit_address", json!({"currency": "USDC"})),
        (
            "private/submit_transfer_to_user",
            json!({"currency": "USDC", "amount": 1, "destination": "x"}),
        ),
        ("public/get_funding_rate_value", json!({"instrument_name": SERIES})),
        ("public/get_historical_volatility", json!({"currency": "USDC"})),
    ] {
        assert_eq!(refusal(trader.call(method, params).await).0, 10033, "{method}");
    }
    let money = json!({"currency": "USDC"});
    let deposits = trader.call("private/get_deposits", money.clone()).await.unwrap();
    assert_eq!(
        (&deposits["count"], deposits["data"][0]["amount"].to_string()),
        (&json!(1), "250".to_owned())
    );
    let owner = owner_of(&stand, &trader).await;
    owner.call("private/withdraw", json!({"currency": "USDC", "amount": 10.5})).await.unwrap();
    let withdrawals = trader.call("private/get_withdrawals", money.clone()).await.unwrap();
    assert_eq!(withdrawals["data"][0]["amount"].to_string(), "10.5");
    assert_eq!(trader.call("private/get_deposits", money.clone()).await.unwrap(), deposits);
    assert_eq!(
        trader.call("private/get_transfers", money).await.unwrap(),
        json!({"count": 0, "data": []})
    );
    let bankruptcies = json!({"instrument_name": SERIES, "type": "bankruptcy"});
    let none = trader
        .call("private/get_settlement_history_by_instrument", bankruptcies.clone())
        .await
        .unwrap();
    assert_eq!(none["settlements"], json!([]));
    let none =
        trader.call("public/get_last_settlements_by_instrument", bankruptcies).await.unwrap();
    assert_eq!(none["settlements"], json!([]));
}
