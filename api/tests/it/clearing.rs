//! Money out and on record.

use instruments::{Date, NanosSpan};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, decimal, limit, refusal, start_of_time};
use crate::wallets::owner_of;

/// Adds up numbers of a reply exactly, as they are written.
fn micros(value: &Value) -> i128 {
    let dollars = decimal(&value.to_string());
    (dollars * decimal("1000000")).normalize().to_string().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_takes_what_is_free_and_no_more() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(100).await;
    let owner = owner_of(&stand, &client).await;
    client.buy(&limit(1, "2.5")).await.unwrap();
    let free = client.account_summary().await.unwrap().available_withdrawal_funds;
    let withdraw = async |amount: &str| {
        owner.call_raw("private/withdraw", &format!(r#"{{"amount":{amount}}}"#)).await
    };
    let refused = refusal(withdraw("99").await);
    assert_eq!((refused.0, refused.1), (10021, json!("amount")));
    assert_eq!(refused.2.to_string(), free.to_string(), "the limit is what is free");
    for amount in ["0", "-1"] {
        assert_eq!(refusal(withdraw(amount).await).0, 10021, "{amount}");
    }
    assert_eq!(refusal(withdraw("0.0000001").await).0, -32602);
    let address = json!({"currency": "USDC", "amount": 1, "address": "0x00"});
    let refused = refusal(owner.call("private/withdraw", address).await);
    assert_eq!((refused.0, refused.1), (-32602, json!("address")));

    let left = owner.call("private/withdraw", json!({"currency": "USDC", "amount": 10.5})).await;
    let left = left.unwrap();
    assert_eq!((&left["state"], &left["balance"]), (&json!("completed"), &json!(89.5)));
    let log = client.call("private/get_transaction_log", json!({})).await.unwrap();
    assert_eq!(log["logs"][0]["id"], left["id"]);
    assert_eq!(log["logs"][0]["type"], json!("withdrawal"));
}

/// What the log says adds up to the balance, page by page and over any part of time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_adds_up_page_by_page() {
    let stand = Stand::open().await;
    let (seller, _) = stand.trader(1_000).await;
    let (buyer, _) = stand.trader(1_000).await;
    for _ in 0..7 {
        stand.clock.set(stand.clock.now() + NanosSpan::from_seconds(60));
        seller.sell(&limit(1, "2.5")).await.unwrap();
        buyer.buy(&limit(1, "2.5")).await.unwrap();
    }
    let page = async |params: Value| buyer.call("private/get_transaction_log", params).await;
    let all = page(json!({})).await.unwrap();
    assert_eq!(all["continuation"], Value::Null);
    let rows = all["logs"].as_array().unwrap();
    assert_eq!(rows.len(), 8, "a deposit and seven fees");
    let sum: i128 = rows.iter().map(|row| micros(&row["change"])).sum();
    assert_eq!(sum, micros(&rows[0]["balance"]));
    let balance = buyer.account_summary().await.unwrap().balance;
    assert_eq!(rows[0]["balance"].to_string(), balance.to_string());

    let (mut paged, mut params) = (Vec::new(), json!({"count": 3}));
    loop {
        let page = page(params.clone()).await.unwrap();
        paged.extend(page["logs"].as_array().unwrap().clone());
        if page["continuation"].is_null() {
            break;
        }
        params["continuation"] = page["continuation"].clone();
    }
    assert_eq!(&paged, rows);

    let millis = |minutes: u64| start_of_time().millis() + minutes * 60_000;
    let between = json!({"start_timestamp": millis(2), "end_timestamp": millis(4)});
    let between = page(between).await.unwrap();
    let times: Vec<&Value> =
        between["logs"].as_array().unwrap().iter().map(|row| &row["timestamp"]).collect();
    assert_eq!(times, [&json!(millis(4)), &json!(millis(3)), &json!(millis(2))]);
    let none = page(json!({"end_timestamp": millis(0) - 1})).await.unwrap();
    assert_eq!(none["logs"], json!([]));
    for (field, value) in [("count", json!(0)), ("count", json!(1001)), ("currency", json!("BTC"))]
    {
        let refused = refusal(page(json!({field: value})).await);
        assert_eq!((refused.0, refused.1), (-32602, json!(field)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_goes_from_its_opening_to_its_closing() {
    let stand = Stand::open().await;
    let (seller, _) = stand.trader(1_000).await;
    let (buyer, _) = stand.trader(1_000).await;
    seller.sell(&limit(2, "2.5")).await.unwrap();
    buyer.buy(&limit(2, "2.5")).await.unwrap();
    let today = Date::of(start_of_time());
    let day = |days: u64| {
        let Date { year, month, day } = Date::from_days(today.days() + days);
        json!({"day": format!("{year:04}-{month:02}-{day:02}")})
    };
    let statement = async |params: Value| buyer.call("private/get_statement", params).await;
    let first = statement(day(0)).await.unwrap();
    assert_eq!((&first["opening"], &first["is_open"]), (&json!({}), &json!(true)));
    assert_eq!(first["closing"], json!({"margin_balance": 999.94}));
    let traded = json!([{"instrument_name": SERIES, "trades": 1, "bought": 2, "sold": 0,
                         "fees": 0.06}]);
    assert_eq!(first["trades"], traded);
    let moved = first["movements"].as_array().unwrap().iter();
    let moved: i128 = moved.map(|row| micros(&row["received"]) - micros(&row["paid"])).sum();
    assert_eq!(moved, 999_940_000);

    stand.clock.set(stand.clock.now() + NanosSpan::from_seconds(17 * 3_600));
    let owner = owner_of(&stand, &buyer).await;
    owner.call("private/withdraw", json!({"amount": 1})).await.unwrap();
    let second = statement(day(1)).await.unwrap();
    assert_eq!(second["opening"], first["closing"]);
    assert_eq!(second["closing"], json!({"margin_balance": 998.94}));
    let first = statement(day(0)).await.unwrap();
    assert_eq!(first["is_open"], json!(false));
    let refused = refusal(statement(day(2)).await);
    assert_eq!((refused.0, refused.1), (-32602, json!("day")), "a day that has not begun");
    for nonsense in ["2027-02-29", "2027-2-28", "today", "1969-12-31", "2027-+1-01"] {
        let refused = refusal(statement(json!({"day": nonsense})).await);
        assert_eq!((refused.0, refused.1), (-32602, json!("day")), "{nonsense}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_to_be_instructed_or_nominated_is_refused() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000).await;
    let future = json!({"instrument_name": SERIES, "abandon": 1});
    assert_eq!(refusal(client.call("private/instruct_exercise", future).await).0, 10020);
    let early = json!({"instrument_name": SERIES, "region": "EU", "nodes": [{"name": "a"}]});
    let refused = refusal(client.call("private/nominate", early).await);
    assert_eq!((refused.0, refused.1), (11050, json!("instrument_name")));
    for (params, field) in [
        (json!({"instrument_name": SERIES, "region": "MOON"}), "region"),
        (json!({"instrument_name": SERIES, "nodes": [{"nam": "a"}]}), "nodes"),
        (json!({"instrument_name": SERIES, "nodes": [{"name": "a", "digest": "0x1"}]}), "nodes"),
    ] {
        let refused = refusal(client.call("private/nominate", params).await);
        assert_eq!((refused.0, refused.1), (-32602, json!(field)));
    }
    let refused =
        refusal(client.call("public/get_assignment", json!({"instrument_name": SERIES})).await);
    assert_eq!((refused.0, refused.1), (13020, json!("instrument_name")));
}
