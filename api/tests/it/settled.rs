//! What is on record of settlements, of losses that others bore, and of what can be delivered.

use exchange::{Command, IndexPrint};
use instruments::{GradeId, MicroUsd, NanosSpan, Ppm};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, limit, refusal, start_of_time};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settlements_are_told_newest_first_with_what_they_were_made_of() {
    let stand = Stand::open().await;
    let (seller, _) = stand.trader(10_000).await;
    let (buyer, _) = stand.trader(10_000).await;
    let ask = async |params: Value| {
        let method = "public/get_last_settlements_by_instrument";
        seller.call(method, params).await
    };
    let none = ask(json!({"instrument_name": SERIES})).await.unwrap();
    assert_eq!(none, json!({"settlements": [], "continuation": null}));

    // Ten lots in five trades within the last half-hour make the day's price.
    let last_trade_at = start_of_time() + NanosSpan::from_seconds(24 * 3_600);
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(24 * 3_600 - 60));
    for _ in 0..5 {
        seller.sell(&limit(2, "2.5")).await.unwrap();
        buyer.buy(&limit(2, "2.5")).await.unwrap();
    }
    stand.clock.set(last_trade_at);
    stand.submit(Command::Tick).await;
    let all = ask(json!({"instrument_name": SERIES})).await.unwrap();
    let rows = all["settlements"].as_array().unwrap();
    let last = json!({
        "type": "delivery", "timestamp": last_trade_at.millis(), "instrument_name": SERIES,
        "mark_price": 2.5,
        "source": {"type": "trades", "trades": 5, "amount": 10, "value": "25000"},
    });
    assert_eq!(rows[0], last);
    assert_eq!(rows.len(), 2, "{all}");
    assert_eq!(rows[1]["type"], json!("settlement"));

    let first = ask(json!({"instrument_name": SERIES, "count": 1})).await.unwrap();
    assert_eq!(first["settlements"], json!([rows[0]]));
    let next = json!({"instrument_name": SERIES, "continuation": first["continuation"]});
    assert_eq!(ask(next).await.unwrap()["settlements"], json!([rows[1]]));
    let days = ask(json!({"instrument_name": SERIES, "type": "settlement"})).await.unwrap();
    assert_eq!(days["settlements"], json!([rows[1]]));
    for (field, value, code) in [
        ("type", json!("haircut"), -32602),
        ("count", json!(0), -32602),
        ("continuation", json!("1"), -32602),
        ("continuation", json!("01-2"), -32602),
        ("instrument_name", json!("none"), 10020),
    ] {
        let mut params = json!({"instrument_name": SERIES});
        params[field] = value;
        let refused = refusal(ask(params).await);
        assert_eq!((refused.0, refused.1), (code, json!(field)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn liq_029_whoever_is_cut_gets_the_proof_and_nobody_else() {
    let stand = Stand::open().await;
    let (short, _) = stand.trader(400).await;
    let longs = [stand.trader(1_000).await, stand.trader(1_000).await].map(|(client, _)| client);
    let (stranger, _) = stand.trader(1_000).await;
    for (lots, long) in [(10, &longs[0]), (20, &longs[1])] {
        short.sell(&limit(lots, "2.5")).await.unwrap();
        long.buy(&limit(lots, "2.5")).await.unwrap();
    }
    // Four times the price: the loss of 5,400 is far beyond what there is.
    for seconds in [1, 12] {
        let at = start_of_time() + NanosSpan::from_seconds(seconds);
        stand.clock.set(at);
        let print = IndexPrint {
            grade: GradeId::new("H100").unwrap(),
            observed_at: at,
            value: Some(MicroUsd::new(10_000_000)),
            conf: Ppm::new(1_000),
            state: oracle::State::Ok,
        };
        stand.submit(Command::PublishIndex(print)).await;
        stand.submit(Command::Tick).await;
    }
    let splits = async |client: &api::client::Client| {
        client.call("private/get_loss_splits", json!({})).await.unwrap()["splits"].clone()
    };
    assert_eq!(splits(&stranger).await, json!([]));
    let own = splits(&longs[1]).await;
    let haircut = own.as_array().unwrap().iter().find(|row| row["purpose"] == "haircut").unwrap();
    assert_eq!((&haircut["page"], &haircut["pages"]), (&json!(1), &json!(1)));

    let ask = json!({"split_id": haircut["split_id"]});
    let page = longs[0].call("private/get_loss_split", ask.clone()).await.unwrap();
    assert_eq!(page["format"], json!("tenor-split-1"));
    let lines = page["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(&lines[1], &haircut["line"]);
    let sum: u64 = lines.iter().map(|line| line["part"].as_u64().unwrap()).sum();
    assert_eq!(page["amount"], json!(sum), "the parts are the whole");
    assert!(0 < sum && sum < 5_400_000_000);

    let refused = refusal(stranger.call("private/get_loss_split", ask.clone()).await);
    assert_eq!((refused.0, refused.1), (13020, json!("split_id")));
    for (field, value, code) in [
        ("page", json!(2), 13020),
        ("page", json!(-1), -32602),
        ("split_id", json!("last"), -32602),
        ("split_id", Value::Null, -32602),
    ] {
        let mut params = ask.clone();
        params[field] = value;
        let refused = refusal(longs[0].call("private/get_loss_split", params).await);
        assert_eq!((refused.0, refused.1), (code, json!(field)));
    }
    let more = json!({"count": 1});
    let first = longs[0].call("private/get_loss_splits", more).await.unwrap();
    let rest = json!({"continuation": first["continuation"]});
    let rest = longs[0].call("private/get_loss_splits", rest).await.unwrap();
    let all = splits(&longs[0]).await.as_array().unwrap().len();
    assert_eq!(1 + rest["splits"].as_array().unwrap().len(), all);
    assert!(stand.venue.exchange().money_conserved());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_063_a_verifier_says_what_another_can_deliver() {
    let stand = Stand::open().await;
    let (provider, _) = stand.trader(100).await;
    let (verifier, _) = stand.login(&stand.verifier().await).await;
    let id = async |client: &api::client::Client| {
        client.call("private/get_account_summary", json!({})).await.unwrap()["id"].clone()
    };
    let (account, own) = (id(&provider).await, id(&verifier).await);
    let ask =
        |account: &Value, gpus: u64| json!({"account": account, "grade": "H100", "gpus": gpus});
    let method = "private/register_capacity";
    for (client, params) in [(&provider, ask(&account, 8)), (&verifier, ask(&own, 8))] {
        let refused = refusal(client.call(method, params).await);
        assert_eq!((refused.0, refused.1, refused.3), (13021, json!("account"), json!("API-063")));
    }
    let registered = verifier.call(method, ask(&account, 8)).await.unwrap();
    assert_eq!((&registered["gpus"], &registered["deliverable"]), (&json!(8), &json!(8)));
    let risk = provider.call("public/get_risk_arrays", json!({"grade": "H100"})).await.unwrap();
    assert_eq!(risk["deliverable"], json!(8));

    let refused = refusal(verifier.call(method, ask(&account, 10_000_001)).await);
    assert_eq!(refused, (-32602, json!("gpus"), json!(10_000_000), json!("MARGIN-015")));
    let refused = refusal(verifier.call(method, ask(&json!(77), 8)).await);
    assert_eq!((refused.0, refused.3), (13020, json!("ACCOUNT-001")));
    let mut other = ask(&account, 8);
    other["grade"] = json!("H9000");
    let refused = refusal(verifier.call(method, other).await);
    assert_eq!((refused.0, refused.1, refused.3), (-32602, json!("grade"), json!("INDEX-001")));
}
