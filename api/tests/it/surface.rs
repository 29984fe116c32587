//! The rest of Deribit's surface: a day's figures, trades of many series, ends of series, what is not here.

use instruments::{Instrument, InstrumentId, NanosSpan, Price, Product, Right};
use serde_json::{Value, json};

use crate::stand::{SERIES, Socket, Stand, refusal, soon, start_of_time, terms};

const LATER: &str = "H100_USDC-20JAN27";

/// A series that trades for four days.
fn later() -> Instrument {
    let mut terms = terms(LATER);
    let schedule = &mut terms.schedule;
    for at in [
        &mut schedule.last_trade_at,
        &mut schedule.assign_at,
        &mut schedule.deliver_from,
        &mut schedule.deliver_until,
        &mut schedule.close_at,
    ] {
        *at = *at + NanosSpan::from_seconds(3 * 86_400);
    }
    terms
}

fn call_on(future: InstrumentId) -> Instrument {
    let strike = Price::from_ticks(2_500);
    let product = Product::Option { underlying: future, strike, right: Right::Call };
    Instrument { product, name: format!("{LATER}-2d5-C"), ..later() }
}

async fn trade(stand: &Stand, series: &str, lots: u64, price: f64) {
    let [(seller, _), (buyer, _)] = [stand.trader(100_000).await, stand.trader(100_000).await];
    let order = json!({"instrument_name": series, "amount": lots, "price": price});
    seller.call("private/sell", order.clone()).await.unwrap();
    buyer.call("private/buy", order).await.unwrap();
}

fn figures(stats: &Value) -> [String; 5] {
    ["volume", "volume_usd", "high", "low", "price_change"].map(|name| stats[name].to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_123_a_ticker_tells_of_the_last_24_hours_alone() {
    let stand = Stand::open().await;
    stand.list(later()).await;
    let (client, _) = stand.stranger().await;
    let ask = |method: &'static str| {
        let series = json!({"instrument_name": LATER});
        let client = &client;
        async move { client.call(method, series).await.unwrap() }
    };
    let none = ["0", "0", "null", "null", "null"];
    assert_eq!(figures(&ask("public/ticker").await["stats"]), none);
    trade(&stand, LATER, 2, 2.5).await;
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(3 * 3_600));
    trade(&stand, LATER, 1, 2.6).await;
    // 24 hours a lot.
    let all = ["3", "182.4", "2.6", "2.5", "4"];
    assert_eq!(figures(&ask("public/ticker").await["stats"]), all);
    assert_eq!(figures(&ask("public/get_order_book").await["stats"]), all);
    let summary = ask("public/get_book_summary_by_instrument").await;
    assert_eq!(figures(&summary[0]), all);
    let volumes = client.call("public/get_trade_volumes", json!({})).await.unwrap();
    assert_eq!(volumes[0]["currency"], json!("H100"), "{volumes}");
    assert_eq!(volumes[0]["futures_volume"].to_string(), "3");
    assert_eq!(volumes[0]["volume_usd"].to_string(), "182.4");

    // A day after the first trade, to five minutes, only the second is left; then none.
    for (seconds, left) in
        [(24 * 3_600 + 301, ["1", "62.4", "2.6", "2.6", "0"]), (27 * 3_600 + 301, none)]
    {
        stand.clock.set(start_of_time() + NanosSpan::from_seconds(seconds));
        assert_eq!(figures(&ask("public/ticker").await["stats"]), left, "{seconds}");
    }
}

/// The messages of a channel, until so many rows have come.
async fn rows(socket: &mut Socket, channel: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    while found.len() < count {
        let message = soon(socket.next()).await.unwrap();
        if message["params"]["channel"] == channel {
            found.extend(message["params"]["data"].as_array().unwrap().iter().cloned());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_124_trades_of_many_series_come_over_one_channel() {
    let stand = Stand::open().await;
    let future = stand.list(later()).await;
    let option = stand.list(call_on(future)).await;
    let mut socket = stand.socket().await;
    let all = ["trades.any.any.raw", "trades.future.H100.100ms", "trades.option.USDC.agg2"];
    let marks = "markprice.options.h100_usd";
    let channels = json!({"channels": [all[0], all[1], all[2], "trades.any.BTC.raw", marks]});
    let reply = socket.ask("public/subscribe", channels).await;
    assert_eq!(reply["result"], json!([all[0], all[1], all[2], marks]), "{reply}");
    let first = rows(&mut socket, marks, 1).await;
    let name = stand.venue.exchange().series_by_id(option).unwrap().instrument.name.clone();
    assert_eq!((&first[0]["instrument_name"], &first[0]["iv"]), (&json!(name), &Value::Null));

    let names = |rows: Vec<Value>| {
        rows.iter()
            .map(|row| row["instrument_name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // What comes over one channel is passed over while another is awaited: each has its own socket.
    let mut sockets = Vec::new();
    for channel in all {
        let mut socket = stand.socket().await;
        socket.ask("public/subscribe", json!({"channels": [channel]})).await;
        sockets.push(socket);
    }
    trade(&stand, &name, 1, 2.5).await;
    trade(&stand, SERIES, 1, 2.5).await;
    trade(&stand, LATER, 1, 2.6).await;
    let expected = [vec![name.as_str(), SERIES, LATER], vec![SERIES, LATER], vec![name.as_str()]];
    for ((socket, channel), expected) in sockets.iter_mut().zip(all).zip(expected) {
        assert_eq!(names(rows(socket, channel, expected.len()).await), expected, "{channel}");
    }
    let mut stranger = stand.socket().await;
    for channel in ["trades.perpetual.USDC.raw", "trades.any.nothing!.raw"] {
        let reply = stranger.ask("public/subscribe", json!({"channels": [channel]})).await;
        assert_eq!(reply["error"]["code"], json!(13017), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_126_ends_of_series_are_told_and_what_is_not_here_says_why() {
    let stand = Stand::open().await;
    stand.list(later()).await;
    let (client, _) = stand.trader(100).await;
    let index = json!({"index_name": "h100_usd"});
    let none = client.call("public/get_delivery_prices", index.clone()).await.unwrap();
    assert_eq!(none, json!({"data": [], "records_total": 0}));
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(26 * 3_600));
    stand.submit(exchange::Command::Tick).await;
    let prices = client.call("public/get_delivery_prices", index).await.unwrap();
    assert_eq!(prices["records_total"], json!(1), "{prices}");
    let row = &prices["data"][0];
    assert_eq!(
        (&row["instrument_name"], &row["date"], row["delivery_price"].to_string()),
        (&json!(SERIES), &json!("2027-01-16"), "2.5".to_owned())
    );
    let refused = client.call("public/get_delivery_prices", json!({"index_name": "btc_usd"})).await;
    assert_eq!(refusal(refused).1, json!("index_name"));
    let size = json!({"instrument_name": LATER});
    let size = client.call("public/get_contract_size", size).await.unwrap();
    assert_eq!(size, json!({"contract_size": 24}));

    for (method, params) in [
        ("public/get_combos", json!({"currency": "USDC"})),
        ("public/get_combo_ids", json!({"currency": "USDC"})),
        ("public/get_combo_details", json!({"combo_id": "x"})),
        ("private/create_combo", json!({"trades": []})),
        ("public/get_volatility_index_data", json!({"currency": "BTC"})),
    ] {
        assert_eq!(refusal(client.call(method, params).await).0, 10033, "{method}");
    }
    let channels = json!({"channels": ["deribit_volatility_index.btc_usd"]});
    assert_eq!(refusal(client.call("public/subscribe", channels).await).0, 13017);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_127_a_page_is_cut_from_what_a_filter_lets_through() {
    let stand = Stand::open().await;
    let future = stand.list(later()).await;
    let name = call_on(future).name.clone();
    stand.list(call_on(future)).await;
    let [(maker, _), (client, _)] = [stand.trader(100_000).await, stand.trader(100_000).await];
    for (series, price) in [(name.as_str(), 2.5), (SERIES, 2.5), (name.as_str(), 2.5), (LATER, 2.5)]
    {
        let order = json!({"instrument_name": series, "amount": 1, "price": price});
        maker.call("private/sell", order.clone()).await.unwrap();
        client.call("private/buy", order).await.unwrap();
    }
    let ask = |method: &'static str, params: Value| {
        let client = &client;
        async move { client.call(method, params).await.unwrap() }
    };
    let names = |rows: &Value| {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["instrument_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let options = json!({"currency": "USDC", "kind": "option", "count": 2});
    let trades = ask("private/get_user_trades_by_currency", options.clone()).await;
    assert_eq!(names(&trades["trades"]), [name.as_str(), name.as_str()]);
    assert_eq!(trades["has_more"], json!(false));
    let futures = json!({"currency": "H100", "kind": "future", "count": 1});
    let trades = ask("private/get_user_trades_by_currency", futures.clone()).await;
    assert_eq!(
        (names(&trades["trades"]), &trades["has_more"]),
        (vec![LATER.to_owned()], &json!(true))
    );
    let orders = ask("private/get_order_history_by_currency", options).await;
    assert_eq!(names(&orders), [name.as_str(), name.as_str()]);
    let mut second = futures;
    second["offset"] = json!(1);
    assert_eq!(names(&ask("private/get_order_history_by_currency", second).await), [SERIES]);
    let open = json!({"instrument_name": SERIES, "amount": 1, "price": 2.4});
    client.call("private/buy", open).await.unwrap();
    let of = |kind: &str| ask("private/get_open_orders", json!({"kind": kind}));
    assert_eq!(names(&of("future").await), [SERIES]);
    assert_eq!(of("option").await, json!([]));
}
