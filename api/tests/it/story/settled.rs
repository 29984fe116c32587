//! The end of a series: how its price stands, who doubts it, who rules.

use exchange::Command;
use instruments::NanosSpan;
use serde_json::json;

use super::{Scribe, Session, publish};
use crate::stand::{SERIES, Stand, start_of_time};

pub(super) async fn tell(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let mut seller = Session::trader(&stand, 100_000).await;
    let mut buyer = Session::trader(&stand, 100_000).await;
    let order = json!({"instrument_name": SERIES, "amount": 4, "price": 2.5});
    seller.ask("private/sell", order.clone()).await;
    buyer.ask("private/buy", order).await;
    for half_hour in 0..48 {
        publish(&stand, start_of_time() + NanosSpan::from_seconds(1_800 * half_hour), 2_500_000)
            .await;
    }
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(86_400));
    stand.submit(Command::Tick).await;
    let series = || json!({"instrument_name": SERIES});
    let last = json!({"instrument_name": SERIES, "count": 1});
    scribe.ask(&mut buyer, "public/get_last_settlements_by_instrument", last).await;
    let own = json!({"instrument_name": SERIES, "type": "settlement", "count": 1});
    scribe.ask(&mut buyer, "private/get_settlement_history_by_instrument", own).await;
    scribe.ask(&mut buyer, "public/get_settlement_fixing", series()).await;
    let doubt = json!({"instrument_name": SERIES, "partition": 7, "value": 3});
    scribe.ask(&mut buyer, "private/dispute_settlement", doubt).await;
    let mut verifier = Session::verifier(&stand).await;
    let ruling = json!({"instrument_name": SERIES, "partition": 7, "upheld": true});
    scribe.ask(&mut verifier, "private/rule_on_settlement", ruling).await;
}
