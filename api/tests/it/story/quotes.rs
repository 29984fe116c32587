//! A market maker's quotes, and the protection that pulls them.

use serde_json::json;

use super::{Scribe, Session};
use crate::stand::{SERIES, Stand};

pub(super) async fn tell(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let mut maker = Session::trader(&stand, 100_000).await;
    let mut hedger = Session::trader(&stand, 100_000).await;
    let protection = json!({
        "index_name": "h100_usd", "mmp_group": "desk", "interval": 5, "frozen_time": 10,
        "quantity_limit": 3, "delta_limit": 100, "vega_limit": 0, "trade_limit": 10,
        "max_quote_quantity": 20,
    });
    scribe.ask(&mut maker, "private/set_mmp_config", protection).await;
    let group = || json!({"index_name": "h100_usd", "mmp_group": "desk"});
    scribe.ask(&mut maker, "private/get_mmp_config", group()).await;
    let names = ["user.mmp_trigger.h100_usd", "trades.future.H100.raw"];
    maker.ask("private/subscribe", json!({"channels": names})).await;
    let quotes = |quote: &str| {
        json!({
            "mmp_group": "desk", "quote_id": quote, "valid_until": 1_900_000_000_000_u64,
            "quotes": [{
                "instrument_name": SERIES, "quote_set_id": "day",
                "bid": {"price": 2.49, "amount": 5}, "ask": {"price": 2.51, "amount": 5},
            }],
        })
    };
    scribe.ask(&mut maker, "private/mass_quote", quotes("q-1")).await;
    let one = json!({"cancel_type": "instrument", "mmp_group": "desk", "instrument_name": SERIES});
    let others = ["quote_set_id", "kind", "currency", "min_delta", "max_delta"];
    scribe.ask_but(&mut maker, "private/cancel_quotes", one, &others).await;
    cancelled(scribe, &mut maker).await;
    maker.ask("private/mass_quote", quotes("q-2")).await;
    let taken = json!({"instrument_name": SERIES, "amount": 4, "price": 2.51});
    hedger.ask("private/buy", taken).await;
    for name in names {
        scribe.hear(&mut maker, name).await;
    }
    scribe.ask(&mut maker, "private/get_mmp_status", group()).await;
    scribe.ask(&mut maker, "private/reset_mmp", group()).await;
    scribe.ask(&mut hedger, "public/get_trade_volumes", json!({"extended": true})).await;
    let series = json!({"instrument_name": SERIES});
    scribe.ask(&mut hedger, "public/get_contract_size", series).await;
    let ended = json!({"index_name": "h100_usd", "offset": 0, "count": 5});
    scribe.ask(&mut hedger, "public/get_delivery_prices", ended).await;
}

/// The other ways to say which quotes are meant.
async fn cancelled(scribe: &mut Scribe, maker: &mut Session) {
    let all = ["quote_set_id", "instrument_name", "kind", "currency", "min_delta", "max_delta"];
    for (meant, read) in [
        (json!({"cancel_type": "quote_set_id", "quote_set_id": "day"}), &["quote_set_id"][..]),
        (
            json!({"cancel_type": "kind", "kind": "future", "currency": "H100"}),
            &["kind", "currency"],
        ),
        (
            json!({"cancel_type": "delta", "min_delta": 0.1, "max_delta": 0.4}),
            &["min_delta", "max_delta"],
        ),
    ] {
        let others: Vec<&str> = all.iter().copied().filter(|name| !read.contains(name)).collect();
        scribe.ask_but(maker, "private/cancel_quotes", meant, &others).await;
    }
}
