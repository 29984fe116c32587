//! Sessions, series, books and prices.

use exchange::{Command, StateScope, TradingState};
use instruments::NanosSpan;
use serde_json::json;

use super::{Scribe, Session, login, publish};
use crate::margin::{CALL, option, risk_of};
use crate::stand::{SERIES, Stand, start_of_time, terms};

pub(super) async fn tell(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let underlying = stand.venue.exchange().series_by_name(SERIES).unwrap().instrument.id;
    let call = stand.list(option(underlying)).await;
    stand.submit(Command::PublishRisk { risks: vec![risk_of(call, 100)] }).await;
    publish(&stand, start_of_time() + NanosSpan::from_seconds(1), 2_500_000).await;
    session(scribe, &stand).await;
    channels(scribe, &stand).await;
    let mut maker = Session::trader(&stand, 100_000).await;
    let mut hedger = Session::trader(&stand, 100_000).await;
    for (lots, price) in [(4, 2.501), (6, 2.505)] {
        let order = json!({"instrument_name": SERIES, "amount": lots, "price": price});
        maker.ask("private/sell", order).await;
    }
    let bid = json!({"instrument_name": SERIES, "amount": 5, "price": 2.498});
    maker.ask("private/buy", bid).await;
    let taken = json!({"instrument_name": SERIES, "amount": 2, "price": 2.501});
    hedger.ask("private/buy", taken).await;
    prices(scribe, &mut hedger).await;
    absent(scribe, &mut hedger).await;
}

async fn session(scribe: &mut Scribe, stand: &Stand) {
    let credential = stand.account(1_000).await;
    let mut who = Session::open(stand).await;
    let hello = json!({"client_name": "desk", "client_version": "1.4"});
    scribe.ask(&mut who, "public/hello", hello).await;
    scribe.ask(&mut who, "public/test", json!({})).await;
    let mut asked = login(&credential);
    asked["scope"] = json!("account:read trade:read_write expires:3600");
    scribe.ask(&mut who, "public/auth", asked).await;
    scribe.ask(&mut who, "public/set_heartbeat", json!({"interval": 30})).await;
    scribe.ask(&mut who, "public/disable_heartbeat", json!({})).await;
    let connection = || json!({"scope": "connection"});
    scribe.ask(&mut who, "private/enable_cancel_on_disconnect", connection()).await;
    scribe.ask(&mut who, "private/get_cancel_on_disconnect", connection()).await;
    scribe.ask(&mut who, "private/disable_cancel_on_disconnect", connection()).await;
    let tape = format!("trades.{SERIES}.raw");
    let public = json!({"channels": [format!("book.{SERIES}.100ms"), tape]});
    scribe.ask(&mut who, "public/subscribe", public).await;
    scribe.ask(&mut who, "public/unsubscribe", json!({"channels": [tape]})).await;
    scribe.ask(&mut who, "public/unsubscribe_all", json!({})).await;
    let own = json!({"channels": ["user.orders.any.any.raw", "user.portfolio.USDC"]});
    scribe.ask(&mut who, "private/subscribe", own).await;
    let one = json!({"channels": ["user.portfolio.USDC"]});
    scribe.ask(&mut who, "private/unsubscribe", one).await;
    scribe.ask(&mut who, "private/unsubscribe_all", json!({})).await;
    scribe.ask(&mut who, "private/logout", json!({"invalidate_token": true})).await;
}

/// Somebody listens to everything while two others trade.
async fn channels(scribe: &mut Scribe, stand: &Stand) {
    let mut maker = Session::trader(stand, 100_000).await;
    let mut hedger = Session::trader(stand, 100_000).await;
    let resting = json!({"instrument_name": SERIES, "amount": 8, "price": 2.5});
    maker.ask("private/sell", resting).await;
    let names = [
        format!("book.{SERIES}.raw"),
        format!("book.{SERIES}.none.10.100ms"),
        format!("ticker.{SERIES}.raw"),
        format!("incremental_ticker.{SERIES}"),
        format!("quote.{SERIES}"),
        format!("trades.{SERIES}.raw"),
        format!("chart.trades.{SERIES}.1"),
        "deribit_price_index.h100_usd".to_owned(),
        "markprice.options.h100_usd".to_owned(),
        "instrument.state.any.any".to_owned(),
        "user.portfolio.USDC".to_owned(),
        format!("user.changes.{SERIES}.raw"),
        "user.changes.any.any.raw".to_owned(),
        format!("user.orders.{SERIES}.raw"),
        "user.orders.any.any.100ms".to_owned(),
        format!("user.trades.{SERIES}.raw"),
        "user.trades.any.any.100ms".to_owned(),
        "user.reports".to_owned(),
    ];
    hedger.ask("private/subscribe", json!({"channels": names})).await;
    let taken = json!({"instrument_name": SERIES, "amount": 3, "price": 2.5, "label": "hedge"});
    hedger.ask("private/buy", taken).await;
    stand.list(terms("H100_USDC-17JAN27")).await;
    for name in &names {
        scribe.hear(&mut hedger, name).await;
    }
    let tape = json!({"channel": format!("trades.{SERIES}.raw"), "from_seq": 1, "count": 10});
    scribe.ask(&mut hedger, "public/replay", tape).await;
    let reports = json!({"from_user_seq": 1, "count": 2});
    scribe.ask_but(&mut hedger, "private/replay", reports, &["channel", "from_seq"]).await;
    let own = json!({"channel": "user.reports", "from_seq": 1});
    scribe.ask_but(&mut hedger, "private/replay", own, &["from_user_seq"]).await;
    hedger.ask("public/subscribe", json!({"channels": ["platform_state"]})).await;
    for state in [TradingState::CancelOnly, TradingState::Open] {
        let scope = StateScope::Venue;
        stand.submit(Command::SetTradingState { scope, state }).await;
    }
    scribe.hear(&mut hedger, "platform_state").await;
}

async fn prices(scribe: &mut Scribe, who: &mut Session) {
    let series = || json!({"instrument_name": SERIES});
    scribe.ask(who, "public/status", json!({})).await;
    scribe.ask(who, "public/get_time", json!({})).await;
    scribe.ask(who, "public/get_currencies", json!({})).await;
    let listed = json!({"currency": "USDC", "kind": "future", "expired": false});
    scribe.ask(who, "public/get_instruments", listed).await;
    scribe.ask(who, "public/get_instrument", series()).await;
    scribe.ask(who, "public/ticker", series()).await;
    scribe.ask(who, "public/get_order_book", json!({"instrument_name": SERIES, "depth": 5})).await;
    let trades = json!({"instrument_name": SERIES, "count": 2});
    scribe.ask(who, "public/get_last_trades_by_instrument", trades).await;
    let from = start_of_time().millis();
    let timed = json!({
        "instrument_name": SERIES, "start_timestamp": from, "end_timestamp": from + 60_000, "count": 1,
    });
    scribe.ask(who, "public/get_last_trades_by_instrument_and_time", timed).await;
    let of = json!({"currency": "USDC", "kind": "option"});
    scribe.ask(who, "public/get_book_summary_by_currency", of).await;
    scribe.ask(who, "public/get_book_summary_by_instrument", series()).await;
    let chart = json!({
        "instrument_name": SERIES, "start_timestamp": from, "end_timestamp": from + 60_000,
        "resolution": "1",
    });
    scribe.ask(who, "public/get_tradingview_chart_data", chart).await;
    scribe.ask(who, "public/get_index_price", json!({"index_name": "h100_usd"})).await;
    scribe.ask(who, "public/get_index_price_names", json!({})).await;
    scribe.ask(who, "public/get_risk_arrays", json!({"instrument_name": CALL})).await;
}

/// What Deribit has and this venue does not.
async fn absent(scribe: &mut Scribe, who: &mut Session) {
    let money = || json!({"currency": "USDC", "amount": 10, "destination": 7});
    let dates = || json!({"instrument_name": SERIES, "start_timestamp": 1, "end_timestamp": 2});
    for (method, params) in [
        ("public/get_funding_rate_value", dates()),
        ("public/get_funding_rate_history", dates()),
        ("public/get_historical_volatility", json!({"currency": "USDC"})),
        (
            "public/get_volatility_index_data",
            json!({
                "currency": "H100", "start_timestamp": 1, "end_timestamp": 2, "resolution": "60",
            }),
        ),
        ("public/get_combos", json!({"currency": "USDC"})),
        ("public/get_combo_ids", json!({"currency": "USDC", "state": "active"})),
        ("public/get_combo_details", json!({"combo_id": "H100-FS"})),
        ("private/create_combo", json!({"trades": {}})),
        ("private/get_current_deposit_address", json!({"currency": "USDC"})),
        ("private/create_deposit_address", json!({"currency": "USDC"})),
        ("private/submit_transfer_to_subaccount", money()),
        ("private/submit_transfer_to_user", money()),
    ] {
        scribe.refused(who, method, params).await;
    }
}
