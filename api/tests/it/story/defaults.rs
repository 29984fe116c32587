//! Somebody cannot pay: a portfolio on offer, and what others bear.

use exchange::Command;
use instruments::NanosSpan;
use serde_json::{Value, json};

use super::{Scribe, Session, publish};
use crate::stand::{SERIES, Stand, start_of_time};

pub(super) async fn tell(scribe: &mut Scribe) {
    auctioned(scribe).await;
    cut(scribe).await;
}

async fn trade(lots: u64, seller: &mut Session, buyer: &mut Session) {
    let order = json!({"instrument_name": SERIES, "amount": lots, "price": 2.5});
    seller.ask("private/sell", order.clone()).await;
    buyer.ask("private/buy", order).await;
}

/// The index rises, and the timer sees what that did.
async fn rise(stand: &Stand, seconds: u64, micros: i64) {
    let at = start_of_time() + NanosSpan::from_seconds(seconds);
    publish(stand, at, micros).await;
    stand.clock.set(at + NanosSpan::from_seconds(11));
    stand.submit(Command::Tick).await;
}

async fn auctioned(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let mut short = Session::trader(&stand, 130).await;
    let mut long = Session::trader(&stand, 1_000).await;
    let mut backstop = Session::trader(&stand, 10_000).await;
    rise(&stand, 1, 2_500_000).await;
    trade(10, &mut short, &mut long).await;
    backstop.ask("private/register_backstop", json!({"amount": 1_000})).await;
    rise(&stand, 20, 3_000_000).await;
    let offered = scribe.ask(&mut backstop, "private/get_backstop_auctions", json!({})).await;
    let bid = json!({"auction_id": offered[0]["auction_id"], "amount": -3.5});
    scribe.ask(&mut backstop, "private/bid_backstop", bid).await;
}

async fn cut(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let mut short = Session::trader(&stand, 400).await;
    let mut long = Session::trader(&stand, 1_000).await;
    trade(30, &mut short, &mut long).await;
    for seconds in [1, 12] {
        publish(&stand, start_of_time() + NanosSpan::from_seconds(seconds), 10_000_000).await;
        stand.submit(Command::Tick).await;
    }
    let own = json!({"currency": "USDC", "count": 2});
    let splits: Value = scribe.ask(&mut long, "private/get_loss_splits", own).await;
    let split = json!({"split_id": splits["splits"][0]["split_id"]});
    scribe.ask(&mut long, "private/get_loss_split", split).await;
}
