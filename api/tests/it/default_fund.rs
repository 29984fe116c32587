//! Who stands behind others: shares of the default fund, and a portfolio that a backstop takes over.

use exchange::{Command, IndexPrint};
use instruments::{GradeId, MicroUsd, Nanos, NanosSpan, Ppm};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, limit, refusal, start_of_time};

const FIVE_DAYS: u64 = 5 * 86_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_the_default_fund_is_free_money_and_stays_for_the_time_of_notice() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(100).await;
    let none = client.call("private/get_default_fund", json!({})).await.unwrap();
    assert_eq!(none["default_fund_share"], json!(0));
    assert_eq!(none["notice_until"], Value::Null);

    let contribute =
        async |amount: Value| client.call("private/contribute_default_fund", amount).await;
    let refused = refusal(contribute(json!({"amount": 100.5})).await);
    assert_eq!(refused, (10021, json!("amount"), json!(100), json!("LIQ-021")));
    for amount in [json!({"amount": 0}), json!({"amount": -1})] {
        assert_eq!(refusal(contribute(amount).await).3, json!("LIQ-021"));
    }
    let refused = refusal(contribute(json!({"amount": 1, "currency": "BTC"})).await);
    assert_eq!((refused.0, refused.1), (-32602, json!("currency")));
    let share = contribute(json!({"currency": "USDC", "amount": 40.25})).await.unwrap();
    assert_eq!(share["default_fund_share"], json!(40.25));
    assert_eq!(share["notice_until"], json!(start_of_time().millis() + FIVE_DAYS * 1_000));
    let summary = client.call("private/get_account_summary", json!({})).await.unwrap();
    assert_eq!(summary["available_withdrawal_funds"], json!(59.75));

    let withdraw = async |amount: Value| client.call("private/withdraw_default_fund", amount).await;
    let refused = refusal(withdraw(json!({"amount": 41})).await);
    assert_eq!(refused, (10021, json!("amount"), json!(40.25), json!("LIQ-021")));
    let refused = refusal(withdraw(json!({"amount": 40})).await);
    assert_eq!((refused.0, refused.3), (11030, json!("LIQ-023")));
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(FIVE_DAYS));
    let left = withdraw(json!({"amount": 40})).await.unwrap();
    assert_eq!(left["default_fund_share"], json!(0.25));
    let log = client.call("private/get_transaction_log", json!({"count": 1})).await.unwrap();
    assert_eq!(log["logs"][0]["from"], json!("default_fund_share"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_stays_while_there_is_a_position() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000).await;
    let (other, _) = stand.trader(1_000).await;
    client.call("private/contribute_default_fund", json!({"amount": 10})).await.unwrap();
    client.sell(&limit(1, "2.5")).await.unwrap();
    other.buy(&limit(1, "2.5")).await.unwrap();
    let withdraw = client.call("private/withdraw_default_fund", json!({"amount": 10})).await;
    let refused = refusal(withdraw);
    assert_eq!((refused.0, refused.3), (11030, json!("LIQ-022")));
}

async fn publish(stand: &Stand, at: Nanos, dollars: i64) {
    stand.clock.set(at);
    let print = IndexPrint {
        grade: GradeId::new("H100").unwrap(),
        observed_at: at,
        value: Some(MicroUsd::new(dollars)),
        conf: Ppm::new(1_000),
        state: oracle::State::Ok,
    };
    stand.submit(Command::PublishIndex(print)).await;
    stand.clock.set(at + NanosSpan::from_seconds(11));
    stand.submit(Command::Tick).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backstop_sees_what_is_on_offer_bids_and_takes_it_over() {
    let stand = Stand::open().await;
    let (short, _) = stand.trader(130).await;
    let (long, _) = stand.trader(1_000).await;
    let (backstop, _) = stand.trader(10_000).await;
    let at = |seconds: u64| start_of_time() + NanosSpan::from_seconds(seconds);
    publish(&stand, at(1), 2_500_000).await;
    short.sell(&limit(10, "2.5")).await.unwrap();
    long.buy(&limit(10, "2.5")).await.unwrap();

    let register = async |amount: Value| backstop.call("private/register_backstop", amount).await;
    let refused = refusal(register(json!({"amount": -1})).await);
    assert_eq!((refused.0, refused.1, refused.3), (10021, json!("amount"), json!("LIQ-024")));
    let registered = register(json!({"amount": 500})).await.unwrap();
    assert_eq!(registered["backstop_capacity"], json!(500));

    // A fifth up: what is left of 130 dollars is below two thirds of maintenance.
    publish(&stand, at(20), 3_000_000).await;
    let offered = async |client: &api::client::Client| {
        client.call("private/get_backstop_auctions", json!({})).await.unwrap()
    };
    assert_eq!(offered(&long).await, json!([]), "who takes nothing over sees nothing");
    let auctions = offered(&backstop).await;
    let positions = json!([{"instrument_name": SERIES, "size": -10, "mark_price": 3}]);
    assert_eq!(auctions[0]["positions"], positions);
    assert_eq!((&auctions[0]["notional"], &auctions[0]["premiums"]), (&json!(720), &json!(0)));
    assert_eq!(auctions[0]["own_bid"], Value::Null);

    let id = auctions[0]["auction_id"].clone();
    let bid = async |client: &api::client::Client, id: &Value, amount: Value| {
        let params = json!({"auction_id": id, "amount": amount});
        client.call("private/bid_backstop", params).await
    };
    let refused = refusal(bid(&backstop, &json!(77), json!(1)).await);
    assert_eq!((refused.0, refused.1, refused.3), (13020, json!("auction_id"), json!("LIQ-026")));
    let refused = refusal(bid(&long, &id, json!(1)).await);
    assert_eq!((refused.0, refused.1, refused.3), (13021, json!("auction_id"), json!("LIQ-027")));
    let refused = refusal(bid(&backstop, &id, json!(1)).await);
    assert_eq!(refused, (11030, json!("auction_id"), json!(500), json!("LIQ-028")));
    register(json!({"amount": 1_000})).await.unwrap();
    assert_eq!(bid(&backstop, &id, json!(-3.5)).await.unwrap(), json!("ok"));
    assert_eq!(offered(&backstop).await[0]["own_bid"], json!(-3.5));

    publish(&stand, at(120), 3_000_000).await;
    assert_eq!(offered(&backstop).await, json!([]));
    let position = json!({"instrument_name": SERIES});
    let position = backstop.call("private/get_position", position).await.unwrap();
    assert_eq!((&position["size"], &position["average_price"]), (&json!(-10), &json!(3)));
    let paid = backstop.account_summary().await.unwrap();
    assert_eq!(paid.balance.to_string(), "9996.5", "it paid for the portfolio");
    assert!(stand.venue.exchange().money_conserved());
}
