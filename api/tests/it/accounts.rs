//! Money and positions.

use instruments::MicroUsd;
use serde_json::json;

use crate::stand::{SERIES, Stand, decimal, limit, refusal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_and_its_margin_show_in_the_summary() {
    let stand = Stand::open().await;
    let (seller, _) = stand.trader(1_000).await;
    let (buyer, _) = stand.trader(1_000).await;
    seller.sell(&limit(2, "2.5")).await.unwrap();
    buyer.buy(&limit(2, "2.5")).await.unwrap();

    let positions = seller.positions().await.unwrap();
    let [position] = positions.as_slice() else { panic!("one position: {positions:?}") };
    assert_eq!((position.direction.as_str(), position.size), ("sell", decimal("-2").into()));
    assert_eq!(position.size_currency, decimal("-48").into());
    assert_eq!(position.average_price, decimal("2.5").into());

    let summary = buyer.account_summary().await.unwrap();
    // The taker paid five basis points of 120 dollars.
    assert_eq!(summary.balance, decimal("999.94").into());
    let held = summary.cash.0 + summary.position_margin.0 + summary.order_hold.0;
    assert_eq!(held, summary.balance.0);
    assert!(summary.initial_margin > decimal("0").into());

    let all = buyer.call("private/get_account_summaries", json!({"extended": true})).await.unwrap();
    assert_eq!(all["summaries"][0]["balance"], json!(999.94));

    let flat = json!({"instrument_name": SERIES});
    let (stranger, _) = stand.trader(0).await;
    let position = stranger.call("private/get_position", flat).await.unwrap();
    assert_eq!((&position["direction"], &position["size"]), (&json!("zero"), &json!(0)));
    let refused =
        refusal(stranger.call("private/get_positions", json!({"currency": "b t c"})).await);
    assert_eq!((refused.0, refused.1), (-32602, json!("currency")));
    let bitcoin = stranger.call("private/get_positions", json!({"currency": "BTC"})).await;
    assert_eq!(bitcoin.unwrap(), json!([]), "nobody has any");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_009_test_money_comes_from_the_faucet_exactly_and_within_the_limit() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(0).await;
    let faucet = async |amount: &str| {
        client.call_raw("private/faucet", &format!(r#"{{"amount":{amount}}}"#)).await
    };
    let credited = faucet("0.1").await.unwrap();
    assert_eq!(credited.get(), r#"{"amount":0.1,"balance":0.1}"#);
    let credited = faucet("0.2").await.unwrap();
    assert_eq!(credited.get(), r#"{"amount":0.2,"balance":0.3}"#);
    for (amount, code) in
        [("0", 10021), ("-1", 10021), ("1000000000.000001", 10021), ("0.0000001", -32602)]
    {
        let refused = refusal(faucet(amount).await);
        assert_eq!((refused.0, refused.1), (code, json!("amount")), "{amount}");
    }
    assert_eq!(client.account_summary().await.unwrap().balance, decimal("0.3").into());
    assert_eq!(stand.venue.exchange().ledger().total(), MicroUsd::ZERO);
}
