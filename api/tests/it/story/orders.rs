//! A hedger's orders, and what becomes of them.

use serde_json::{Value, json};

use super::{Scribe, Session};
use crate::stand::{SERIES, Stand, start_of_time};

pub(super) async fn tell(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let mut maker = Session::trader(&stand, 100_000).await;
    let mut hedger = Session::trader(&stand, 100_000).await;
    let offer = json!({
        "instrument_name": SERIES, "amount": 10, "price": 2.5, "post_only": true, "label": "ladder-1",
        "client_order_id": "ladder-1-a",
    });
    scribe.ask(&mut maker, "private/sell", offer).await;
    let named = json!({"client_order_id": "ladder-1-a"});
    scribe.ask(&mut maker, "private/get_order_state_by_client_order_id", named).await;
    scribe.ask(&mut maker, "private/cancel_all_after", json!({"timeout": 60_000})).await;
    scribe.ask(&mut maker, "private/get_cancel_all_after", json!({})).await;
    let hedge = json!({
        "instrument_name": SERIES, "amount": 4, "price": 2.51, "time_in_force": "immediate_or_cancel",
        "label": "hedge-7",
    });
    let bought = scribe.ask(&mut hedger, "private/buy", hedge).await;
    let bid = resting(&mut hedger, "bid-1").await;
    let edit = json!({"order_id": bid, "amount": 3, "price": 2.45});
    scribe.ask(&mut hedger, "private/edit", edit).await;
    let by_label = json!({"label": "bid-1", "instrument_name": SERIES, "amount": 2, "price": 2.46});
    scribe.ask(&mut hedger, "private/edit_by_label", by_label).await;
    open(scribe, &mut hedger, &bid).await;
    scribe.ask(&mut hedger, "private/cancel", json!({"order_id": bid})).await;
    resting(&mut hedger, "bid-2").await;
    let labelled = json!({"label": "bid-2", "currency": "USDC"});
    scribe.ask(&mut hedger, "private/cancel_by_label", labelled).await;
    resting(&mut hedger, "bid-3").await;
    scribe.ask(&mut hedger, "private/cancel_all", json!({"direction": "buy"})).await;
    resting(&mut hedger, "bid-4").await;
    let one = json!({"instrument_name": SERIES, "type": "limit"});
    scribe.ask(&mut hedger, "private/cancel_all_by_instrument", one).await;
    resting(&mut hedger, "bid-5").await;
    let all = json!({"currency": "USDC"});
    scribe.ask(&mut hedger, "private/cancel_all_by_currency", all).await;
    past(scribe, &mut hedger, &bought["order"]["order_id"]).await;
}

async fn resting(who: &mut Session, label: &str) -> Value {
    let order = json!({"instrument_name": SERIES, "amount": 2, "price": 2.4, "label": label});
    who.ask("private/buy", order).await["order"]["order_id"].clone()
}

async fn open(scribe: &mut Scribe, who: &mut Session, bid: &Value) {
    let any = json!({"kind": "future", "type": "all"});
    scribe.ask(who, "private/get_open_orders", any).await;
    let one = json!({"instrument_name": SERIES});
    scribe.ask(who, "private/get_open_orders_by_instrument", one).await;
    let of = json!({"currency": "USDC"});
    scribe.ask(who, "private/get_open_orders_by_currency", of).await;
    scribe.ask(who, "private/get_order_state", json!({"order_id": bid})).await;
    let labelled = json!({"currency": "USDC", "label": "bid-1"});
    scribe.ask(who, "private/get_order_state_by_label", labelled).await;
}

async fn past(scribe: &mut Scribe, who: &mut Session, bought: &Value) {
    let from = start_of_time().millis();
    let of = || json!({"instrument_name": SERIES, "count": 1});
    let all = || json!({"currency": "USDC", "count": 1});
    let timed = |mut params: Value| {
        params["start_timestamp"] = json!(from);
        params["end_timestamp"] = json!(from + 60_000);
        params
    };
    scribe.ask(who, "private/get_order_history_by_instrument", of()).await;
    scribe.ask(who, "private/get_order_history_by_currency", all()).await;
    scribe.ask(who, "private/get_user_trades_by_instrument", of()).await;
    scribe.ask(who, "private/get_user_trades_by_instrument_and_time", timed(of())).await;
    scribe.ask(who, "private/get_user_trades_by_currency", all()).await;
    scribe.ask(who, "private/get_user_trades_by_currency_and_time", timed(all())).await;
    scribe.ask(who, "private/get_user_trades_by_order", json!({"order_id": bought})).await;
}
