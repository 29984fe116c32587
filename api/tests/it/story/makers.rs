//! A market maker's quotes, and what happens when they are hit too often.

use serde_json::{Value, json};

use super::{Scribe, Session};
use crate::stand::{SERIES, Stand};

pub(super) async fn tell(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let mut maker = Session::trader(&stand, 100_000).await;
    let mut taker = Session::trader(&stand, 100_000).await;
    let channel = "user.mmp_trigger.h100_usd";
    maker.ask("private/subscribe", json!({"channels": [channel]})).await;
    let config = json!({
        "index_name": "h100_usd", "mmp_group": "front", "interval": 5, "frozen_time": 60,
        "quantity_limit": 3, "delta_limit": 2.5, "max_quote_quantity": 10,
    });
    scribe.ask(&mut maker, "private/set_mmp_config", config).await;
    let group = || json!({"index_name": "h100_usd", "mmp_group": "front"});
    scribe.ask(&mut maker, "private/get_mmp_config", group()).await;
    scribe.ask(&mut maker, "private/mass_quote", quotes("q-1")).await;
    let set = json!({"cancel_type": "quote_set_id", "quote_set_id": "days", "mmp_group": "front"});
    scribe.ask(&mut maker, "private/cancel_quotes", set).await;
    maker.ask("private/mass_quote", quotes("q-2")).await;
    let taken = json!({"instrument_name": SERIES, "amount": 4, "price": 2.6});
    taker.ask("private/buy", taken).await;
    scribe.hear(&mut maker, channel).await;
    scribe.ask(&mut maker, "private/get_mmp_status", group()).await;
    scribe.ask(&mut maker, "private/reset_mmp", group()).await;
}

fn quotes(id: &str) -> Value {
    json!({
        "mmp_group": "front", "quote_id": id, "quotes": [{
            "instrument_name": SERIES, "quote_set_id": "days",
            "bid": {"price": 2.4, "amount": 5}, "ask": {"price": 2.6, "amount": 5},
        }],
    })
}
