//! API-100..104: a client learns what became of its orders, and decides what becomes of them without it.

use api::client::NewOrder;
use api::wire::{WireOrder, WirePlaced};
use instruments::NanosSpan;
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, limit, refusal, soon, start_of_time};

fn named(order: &NewOrder, id: &str) -> String {
    let mut params = serde_json::to_value(order).unwrap();
    params["client_order_id"] = json!(id);
    params.to_string()
}

fn later(stand: &Stand, seconds: u64) {
    stand.clock.set(stand.clock.now() + NanosSpan::from_seconds(seconds));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_100_an_order_sent_again_is_answered_with_the_one_that_was_placed() {
    let stand = Stand::open().await;
    let credential = stand.account(100_000).await;
    let (client, mut own) = stand.login(&credential).await;
    client.subscribe(&["user.orders.any.any.raw"]).await.unwrap();
    let (other, _) = stand.trader(100_000).await;
    let buy = named(&limit(5, "2.4"), "q-1");
    let first: WirePlaced = client.call_as("private/buy", &buy).await.unwrap();
    assert_eq!(first.order.client_order_id.as_deref(), Some("q-1"));
    assert!(!first.duplicate && first.trades.is_empty());
    other.sell(&limit(2, "2.4")).await.unwrap();

    // Over another session, and long after it.
    let (again, _) = stand.login(&credential).await;
    let second: WirePlaced = again.call_as("private/buy", &buy).await.unwrap();
    assert!(second.duplicate);
    assert_eq!(second.order.order_id, first.order.order_id);
    assert_eq!(second.order.filled_amount.to_string(), "2");
    let [trade] = second.trades.as_slice() else { panic!("one trade: {:?}", second.trades) };
    assert_eq!((trade.liquidity.as_str(), trade.client_order_id.as_deref()), ("M", Some("q-1")));
    again.cancel(&first.order.order_id).await.unwrap();
    later(&stand, 3_600);
    let late = buy.replace("\"amount\"", "\"valid_until\":1,\"amount\"");
    let third: WirePlaced = again.call_as("private/buy", &late).await.unwrap();
    assert!(third.duplicate && third.order.order_state == "cancelled");
    assert_eq!(third.trades, second.trades);

    let more = named(&limit(6, "2.4"), "q-1");
    let refused = refusal(again.call_raw("private/buy", &more).await);
    assert_eq!(
        (refused.0, refused.1, refused.3),
        (11050, json!("client_order_id"), json!("ORDER-062"))
    );
    let refused =
        refusal(again.call_raw("private/sell", &named(&limit(5, "2.4"), "no space")).await);
    assert_eq!(
        (refused.0, refused.1, refused.3),
        (-32602, json!("client_order_id"), json!("ORDER-060"))
    );
    let open = client.call("private/get_open_orders", json!({})).await.unwrap();
    assert_eq!(open, json!([]));
    // Another account's ids are its own.
    let others: WirePlaced = other.call_as("private/buy", &buy).await.unwrap();
    assert!(!others.duplicate && others.order.order_id != first.order.order_id);
    let told: WireOrder = soon(own.next()).await.unwrap().read().unwrap();
    assert_eq!(told.client_order_id.as_deref(), Some("q-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_101_an_order_is_found_by_the_id_its_account_gave_it() {
    let stand = Stand::open().await;
    let credential = stand.account(100_000).await;
    let (client, _) = stand.login(&credential).await;
    let find = async |id: &str| {
        let params = json!({"client_order_id": id}).to_string();
        client.call_as::<WireOrder>("private/get_order_state_by_client_order_id", &params).await
    };
    assert_eq!(refusal(find("q-1").await).0, 10004);
    let buy = named(&limit(5, "2.4"), "q-1");
    let placed: WirePlaced = client.call_as("private/buy", &buy).await.unwrap();
    assert_eq!(find("q-1").await.unwrap(), placed.order);
    let cancelled = client.cancel(&placed.order.order_id).await.unwrap();
    assert_eq!(find("q-1").await.unwrap(), cancelled);
    // A day later the id is free, and still leads to the newest order that had it.
    later(&stand, 86_400);
    assert_eq!(find("q-1").await.unwrap(), cancelled);
    let (stranger, _) = stand.trader(0).await;
    let params = json!({"client_order_id": "q-1"});
    let asked = stranger.call("private/get_order_state_by_client_order_id", params).await;
    assert_eq!(refusal(asked).0, 10004);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_102_a_timer_cancels_everything_when_nobody_renews_it() {
    let stand = Stand::open().await;
    let (client, mut own) = stand.trader(100_000).await;
    client.subscribe(&["user.orders.any.any.raw"]).await.unwrap();
    let after = async |millis: u64| {
        client.call("private/cancel_all_after", json!({"timeout": millis})).await
    };
    for millis in [1, 999, 3_600_001, u64::MAX] {
        let refused = refusal(after(millis).await);
        assert_eq!(
            (refused.0, refused.2, refused.3),
            (-32602, json!(3_600_000), json!("ORDER-066"))
        );
    }
    let at = start_of_time().millis() + 10_000;
    assert_eq!(after(10_000).await.unwrap(), json!({"cancel_at": at}));
    let asked = client.call("private/get_cancel_all_after", json!({})).await.unwrap();
    assert_eq!(asked, json!({"cancel_at": at}));
    let order = client.buy(&limit(1, "2.4")).await.unwrap().order;
    assert_eq!(order.order_state, "open");
    later(&stand, 10);
    // The venue's own timer does it, without any request.
    let ended = loop {
        let told: WireOrder = soon(own.next()).await.unwrap().read().unwrap();
        if told.order_state != "open" {
            break told;
        }
    };
    assert_eq!(ended.cancel_reason.as_deref(), Some("cancel_all_after"));
    let asked = client.call("private/get_cancel_all_after", json!({})).await.unwrap();
    assert_eq!(asked, json!({"cancel_at": null}));
    assert_eq!(after(0).await.unwrap(), json!({"cancel_at": null}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_103_an_account_can_ask_once_for_all_its_sessions() {
    let stand = Stand::open().await;
    let credential = stand.account(100_000).await;
    let (watcher, mut own) = stand.login(&credential).await;
    watcher.subscribe(&["user.orders.any.any.raw"]).await.unwrap();
    let account = json!({"scope": "account"});
    let (asking, _) = stand.login(&credential).await;
    asking.call("private/enable_cancel_on_disconnect", account.clone()).await.unwrap();
    let state = asking.call("private/get_cancel_on_disconnect", account.clone()).await.unwrap();
    assert_eq!(state, json!({"scope": "account", "enabled": true}));
    let (session, _) = stand.login(&credential).await;
    let state = session.call("private/get_cancel_on_disconnect", json!({})).await.unwrap();
    assert_eq!(state, json!({"scope": "connection", "enabled": true}));

    let of_session = session.buy(&limit(1, "2.1")).await.unwrap().order.order_id;
    let of_asking = asking.buy(&limit(1, "2.2")).await.unwrap().order.order_id;
    let kept = watcher.buy(&limit(1, "2.3")).await.unwrap().order.order_id;
    drop((session, asking));
    let mut ended = Vec::new();
    while ended.len() < 2 {
        let told: WireOrder = soon(own.next()).await.unwrap().read().unwrap();
        if told.order_state == "cancelled" {
            assert_eq!(told.cancel_reason.as_deref(), Some("cancel_on_disconnect"));
            ended.push(told.order_id);
        }
    }
    ended.sort_unstable();
    assert_eq!(ended, [of_session, of_asking]);
    let open = watcher.call("private/get_open_orders", json!({})).await.unwrap();
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!(open[0]["order_id"], kept);

    // Whoever logs out, or says so, leaves its orders; the next session ends with its own again.
    let (leaving, _) = stand.login(&credential).await;
    let left = leaving.buy(&limit(1, "2.2")).await.unwrap().order.order_id;
    leaving.call("private/disable_cancel_on_disconnect", json!({})).await.unwrap();
    let (out, _) = stand.login(&credential).await;
    let out_left = out.buy(&limit(1, "2.1")).await.unwrap().order.order_id;
    out.call("private/logout", json!({})).await.unwrap();
    drop((leaving, out));
    let login = json!({
        "grant_type": "client_credentials",
        "client_id": credential.client_id,
        "client_secret": credential.client_secret,
        "scope": "session:desk",
    });
    let login = watcher.call("public/auth", login).await.unwrap();
    let token = login["access_token"].as_str().unwrap();
    let authorization = format!("authorization: bearer {token}\r\n");
    let path = "/api/v2/private/disable_cancel_on_disconnect?scope=account";
    assert_eq!(stand.get(path, &authorization).await.1["result"], json!("ok"));
    let path = "/api/v2/private/disable_cancel_on_disconnect";
    assert_eq!(stand.get(path, &authorization).await.1["error"]["code"], json!(10030));
    let (last, _) = stand.login(&credential).await;
    let state = last.call("private/get_cancel_on_disconnect", json!({})).await.unwrap();
    assert_eq!(state, json!({"scope": "connection", "enabled": false}));
    let open = watcher.call("private/get_open_orders", json!({})).await.unwrap();
    let mut open: Vec<Value> =
        open.as_array().unwrap().iter().map(|it| it["order_id"].clone()).collect();
    open.sort_unstable_by_key(ToString::to_string);
    let mut expected = vec![json!(kept), json!(left), json!(out_left)];
    expected.sort_unstable_by_key(ToString::to_string);
    assert_eq!(open, expected, "{SERIES}");
}
