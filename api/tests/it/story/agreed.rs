//! What two agree elsewhere and both sign.

use ethers_core::types::transaction::eip712::TypedData;
use ethers_signers::{LocalWallet, Signer};
use exchange::Command;
use instruments::{BlockTerms, CloseOut, NanosSpan, Ppm, Qty};
use serde_json::{Value, json};

use super::{Scribe, Session};
use crate::stand::{Stand, start_of_time, terms};

const BLOCKS: &str = "H100_USDC-17JAN27";

struct Pair {
    stand: Stand,
    seller: Session,
    buyer: Session,
    keys: [LocalWallet; 2],
    ids: [Value; 2],
}

pub(super) async fn tell(scribe: &mut Scribe) {
    let mut pair = open(scribe).await;
    let at = pair.stand.clock.now().millis();
    let trades =
        json!([{"instrument_name": BLOCKS, "direction": "sell", "amount": 30, "price": 2.6}]);
    let block = |role: &str, other: &Value| {
        json!({
            "role": role, "counterparty": other, "trades": trades, "nonce": 1,
            "valid_until": at + 60_000,
        })
    };
    let (maker, taker) = (block("maker", &pair.ids[1]), block("taker", &pair.ids[0]));
    let signed = pair.sign(scribe, "private/verify_block_trade", maker).await;
    let brought = with(taker, &signed);
    let names = ["block_trade_confirmations", "block_trade_confirmations.USDC"];
    pair.seller.ask("private/subscribe", json!({"channels": names})).await;
    let block = scribe.ask(&mut pair.buyer, "private/execute_block_trade", brought).await;
    for name in names {
        scribe.hear(&mut pair.seller, name).await;
    }
    let of = json!({"id": block["id"]});
    scribe.ask(&mut pair.seller, "private/get_block_trade", of).await;
    let newest = || json!({"currency": "USDC", "count": 10});
    scribe.ask(&mut pair.seller, "private/get_block_trades", newest()).await;
    let last = "private/get_last_block_trades_by_currency";
    scribe.ask(&mut pair.seller, last, newest()).await;

    pair.stand.clock.set(start_of_time() + NanosSpan::from_seconds(24 * 3_600));
    pair.stand.submit(Command::Tick).await;
    let until = start_of_time().millis() + 26 * 3_600_000;
    let lots = |role: &str, other: &Value| {
        json!({
            "role": role, "counterparty": other, "instrument_name": BLOCKS, "amount": 8,
            "nonce": 2, "valid_until": until,
        })
    };
    let (seller, buyer) = (lots("seller", &pair.ids[1]), lots("buyer", &pair.ids[0]));
    let signed = pair.sign(scribe, "private/verify_delivery_agreement", seller).await;
    let brought = with(buyer, &signed);
    scribe.ask(&mut pair.buyer, "private/execute_delivery_agreement", brought).await;
    let nomination = json!({
        "instrument_name": BLOCKS, "region": "EU", "endpoint": "https://gpu.example",
        "nodes": [{"name": "node-1"}],
    });
    scribe.ask(&mut pair.seller, "private/nominate", nomination).await;
    pair.stand.clock.set(start_of_time() + NanosSpan::from_seconds(25 * 3_600));
    pair.stand.submit(Command::Tick).await;
    let series = json!({"instrument_name": BLOCKS});
    scribe.ask(&mut pair.buyer, "public/get_assignment", series).await;
}

async fn open(scribe: &mut Scribe) -> Pair {
    let stand = Stand::open().await;
    let mut blocks = terms(BLOCKS);
    let block = BlockTerms { band: Ppm::new(200_000), lots_min: Qty::from_lots(10) };
    blocks.guards.block = Some(block);
    let after = |seconds| blocks.schedule.last_trade_at + NanosSpan::from_seconds(seconds);
    blocks.schedule.close_out =
        CloseOut { nominate_until: after(600), match_until: after(1_800), ..CloseOut::NONE };
    stand.list(blocks).await;
    let mut seller = Session::trader(&stand, 100_000).await;
    let mut buyer = Session::trader(&stand, 100_000).await;
    let keys = [5, 6].map(|seed| LocalWallet::from_bytes(&[seed; 32]).unwrap());
    for (who, key) in [(&mut seller, &keys[0]), (&mut buyer, &keys[1])] {
        let address = json!({"address": format!("{:?}", key.address())});
        scribe.ask(who, "private/register_trading_key", address).await;
    }
    let ids = [seller.number().await, buyer.number().await];
    Pair { stand, seller, buyer, keys, ids }
}

impl Pair {
    /// Both parties' signatures under what the seller is shown.
    async fn sign(&mut self, scribe: &mut Scribe, method: &str, params: Value) -> [String; 2] {
        let shown = scribe.ask(&mut self.seller, method, params).await;
        let typed: TypedData = serde_json::from_value(shown["typed_data"].clone()).unwrap();
        let mut signatures = Vec::new();
        for key in &self.keys {
            signatures.push(format!("0x{}", key.sign_typed_data(&typed).await.unwrap()));
        }
        signatures.try_into().unwrap()
    }
}

/// The buyer brings what both have signed.
fn with(mut params: Value, [seller, buyer]: &[String; 2]) -> Value {
    params["signature"] = json!(buyer);
    params["counterparty_signature"] = json!(seller);
    params
}
