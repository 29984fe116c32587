//! Positions, money and margin.

use exchange::Command;
use instruments::NanosSpan;
use serde_json::json;

use super::{Scribe, Session};
use crate::margin::{CALL, option, risk_of};
use crate::stand::{SERIES, Stand, start_of_time};

pub(super) async fn tell(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let underlying = stand.venue.exchange().series_by_name(SERIES).unwrap().instrument.id;
    let call = stand.list(option(underlying)).await;
    stand.submit(Command::PublishRisk { risks: vec![risk_of(call, 100)] }).await;
    let mut maker = Session::trader(&stand, 1_000_000).await;
    let mut hedger = Session::trader(&stand, 10_000).await;
    for (series, lots, price) in [(SERIES, 4, 2.5), (CALL, 2, 0.1)] {
        let order = json!({"instrument_name": series, "amount": lots, "price": price});
        maker.ask("private/sell", order.clone()).await;
        hedger.ask("private/buy", order).await;
    }
    let mut owner = super::keys::owner(&stand, &mut hedger).await;
    let out = json!({"currency": "USDC", "amount": 10.5});
    scribe.ask(&mut owner, "private/withdraw", out).await;
    held(scribe, &mut hedger).await;
    margin(scribe, &mut hedger).await;
    let mut verifier = Session::verifier(&stand).await;
    let capacity = json!({"account": maker.number().await, "grade": "H100", "gpus": 64});
    scribe.ask(&mut verifier, "private/register_capacity", capacity).await;
    let abandon = json!({"instrument_name": CALL, "abandon": 1});
    scribe.ask(&mut hedger, "private/instruct_exercise", abandon).await;
    fund(scribe, &stand).await;
}

async fn held(scribe: &mut Scribe, who: &mut Session) {
    let usdc = || json!({"currency": "USDC"});
    scribe.ask(who, "private/get_positions", json!({"currency": "USDC", "kind": "future"})).await;
    scribe.ask(who, "private/get_position", json!({"instrument_name": CALL})).await;
    scribe.ask(who, "private/get_account_summary", usdc()).await;
    scribe.ask(who, "private/get_account_summaries", json!({"extended": true})).await;
    scribe.ask(who, "private/get_subaccounts", json!({"with_portfolio": false})).await;
    scribe.ask(who, "private/faucet", json!({"amount": 500})).await;
    scribe.ask(who, "private/get_deposits", json!({"currency": "USDC", "count": 1})).await;
    scribe.ask(who, "private/get_withdrawals", usdc()).await;
    scribe.ask(who, "private/get_transfers", usdc()).await;
    scribe.ask(who, "private/get_transaction_log", json!({"count": 2})).await;
    scribe.ask(who, "private/get_statement", json!({"day": "2027-01-15"})).await;
}

async fn margin(scribe: &mut Scribe, who: &mut Session) {
    let order = json!({"instrument_name": SERIES, "amount": 8, "price": 2.345});
    scribe.ask(who, "private/get_margins", order).await;
    let more = json!({"currency": "USDC", "simulated_positions": {SERIES: -8}});
    scribe.ask(who, "private/simulate_portfolio", more).await;
    let model = json!({"margin_model": "segregated_pm", "dry_run": true});
    scribe.ask(who, "private/change_margin_model", model).await;
}

/// Somebody stands behind others, and takes its money out again after the time of notice.
async fn fund(scribe: &mut Scribe, stand: &Stand) {
    let mut who = Session::trader(stand, 10_000).await;
    let share = json!({"currency": "USDC", "amount": 40.25});
    scribe.ask(&mut who, "private/contribute_default_fund", share).await;
    scribe.ask(&mut who, "private/get_default_fund", json!({})).await;
    scribe.ask(&mut who, "private/register_backstop", json!({"amount": 500})).await;
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(5 * 86_400));
    let back = json!({"currency": "USDC", "amount": 40});
    scribe.ask(&mut who, "private/withdraw_default_fund", back).await;
}
