//! One delivery over the wire: an agent and a verifier that know nothing but their messages.

use api::io::sign::receipt_digest;
use api::wire::{WireChallenge, WireDraw, WireObligation, WireReceipt, WireTask};
use ethers_core::types::H256;
use ethers_signers::{LocalWallet, Signer};
use instruments::{NanosSpan, ObligationId};
use serde_json::{Value, json};
use settlement::DeliveryReceipt;

use crate::stand::{Stand, decimal, limit, refusal, soon, start_of_time};

fn hours(hours: u64) -> NanosSpan {
    NanosSpan::from_seconds(hours * 3_600)
}

fn bytes(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes).unwrap();
    bytes
}

/// What an agent sends for a challenge: all of it from the challenge, but for the root.
fn receipt(challenge: &WireChallenge, key: &LocalWallet) -> (Value, [u8; 32]) {
    let receipt = DeliveryReceipt {
        obligation: ObligationId(challenge.obligation_id),
        interval: challenge.interval,
        gpu_millis: challenge.gpu_millis,
        challenges: challenge.challenges,
        work_root: [7; 32],
        prev: bytes(&challenge.prev),
        terms: bytes(&challenge.terms),
    };
    let digest = receipt_digest(&receipt);
    let signature = key.sign_hash(H256(digest)).unwrap();
    let params = json!({
        "obligation_id": challenge.obligation_id,
        "interval": challenge.interval,
        "gpu_millis": challenge.gpu_millis,
        "challenges": challenge.challenges,
        "work_root": format!("0x{}", "07".repeat(32)),
        "prev": challenge.prev,
        "terms": challenge.terms,
        "signature": format!("0x{signature}"),
    });
    (params, digest)
}

/// API-060
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_060_a_delivery_is_demanded_claimed_opened_judged_and_paid() {
    let stand = Stand::open().await;
    let [seller_keys, buyer_keys] = [stand.account(10_000).await, stand.account(10_000).await];
    let (seller, mut to_seller) = stand.login(&seller_keys).await;
    let (buyer, mut to_buyer) = stand.login(&buyer_keys).await;
    seller.sell(&limit(2, "2.5")).await.unwrap();
    buyer.buy(&limit(2, "2.5")).await.unwrap();
    for client in [&seller, &buyer] {
        client.subscribe(&["user.delivery"]).await.unwrap();
    }
    let key = LocalWallet::from_bytes(&[9; 32]).unwrap();
    let address = json!({"address": format!("{:?}", key.address())});
    seller.call("private/nominate_agent", address).await.unwrap();

    stand.clock.set(start_of_time() + hours(25));
    let assigned = soon(to_buyer.next()).await.unwrap().read::<Value>().unwrap();
    assert_eq!((&assigned["type"], &assigned["role"]), (&json!("assigned"), &json!("buyer")));
    stand.clock.set(start_of_time() + hours(26));
    // A day later every login has expired; subscriptions have not.
    for (client, keys) in [(&seller, &seller_keys), (&buyer, &buyer_keys)] {
        client.auth(&keys.client_id, &keys.client_secret).await.unwrap();
    }
    let verifier = stand.verifier().await;
    let (verifier, mut tasks) = stand.login(&verifier).await;
    verifier.subscribe(&["verifier.tasks"]).await.unwrap();
    let (stranger, _) = stand.trader(0).await;
    let challenge: WireChallenge = loop {
        let message = soon(to_seller.next()).await.unwrap();
        if message.read::<Value>().unwrap()["type"] == "challenge" {
            break message.read().unwrap();
        }
    };
    assert_eq!((challenge.lots, challenge.slots, challenge.interval), (2, 2, 0));
    assert_eq!((challenge.profile.as_str(), challenge.segments), ("ci", 2));
    let own: Vec<WireObligation> = seller.call_as("private/get_obligations", "{}").await.unwrap();
    assert_eq!(own[0].challenge.as_ref(), Some(&challenge), "an agent that reconnects finds it");

    let (claim, digest) = receipt(&challenge, &key);
    let forger = LocalWallet::from_bytes(&[8; 32]).unwrap();
    let submit = async |params: Value| seller.call("private/submit_receipt", params).await;
    let forged = refusal(submit(receipt(&challenge, &forger).0).await);
    assert_eq!((forged.0, forged.1, forged.3), (13021, json!("signature"), json!("AGENT-004")));
    let greedy = WireChallenge { gpu_millis: challenge.gpu_millis + 1, ..challenge.clone() };
    let refused = refusal(submit(receipt(&greedy, &key).0).await);
    assert_eq!((refused.0, refused.1, refused.3), (11050, json!("gpu_millis"), json!("AGENT-005")));
    assert_eq!(refusal(stranger.call("private/submit_receipt", claim.clone()).await).0, 13021);
    submit(claim.clone()).await.unwrap();
    assert_eq!(refusal(submit(claim).await).3, json!("AGENT-003"));

    let draw: WireDraw = loop {
        let message = soon(to_seller.next()).await.unwrap();
        if message.read::<Value>().unwrap()["type"] == "draw" {
            break message.read().unwrap();
        }
    };
    let open = |openings: Value| json!({"obligation_id": draw.obligation_id, "interval": 0, "openings": openings});
    let huge = open(json!({"rows": "x".repeat(61_440)}));
    assert_eq!(refusal(seller.call("private/open_rows", huge).await).2, json!(61_440));
    assert_eq!(refusal(stranger.call("private/open_rows", open(json!({}))).await).0, 13021);
    seller.call("private/open_rows", open(json!({"rows": [1, 2.50]}))).await.unwrap();

    let task: WireTask = soon(tasks.next()).await.unwrap().read().unwrap();
    assert_eq!((task.challenge_seed, task.draw_seed), (challenge.seed, draw.draw_seed));
    assert_eq!(task.openings.get(), r#"{"rows":[1,2.5]}"#);
    let verdict = json!({
        "obligation_id": draw.obligation_id, "interval": 0, "verdict": "valid", "quality": 0.95,
    });
    let refused = refusal(seller.call("private/submit_verdict", verdict.clone()).await);
    assert_eq!((refused.0, refused.3), (13021, json!("AGENT-007")));
    verifier.call("private/submit_verdict", verdict).await.unwrap();

    let settled = loop {
        let message = soon(to_buyer.next()).await.unwrap().read::<Value>().unwrap();
        if message["type"] == "settled" {
            break message;
        }
    };
    assert_eq!((&settled["outcome"], &settled["quality"]), (&json!("delivered"), &json!(0.95)));
    let asked = json!({"obligation_id": draw.obligation_id}).to_string();
    let kept: Vec<WireReceipt> = buyer.call_as("private/get_receipts", &asked).await.unwrap();
    assert_eq!(kept[0].digest, format!("0x{}", hex::encode(digest)));
    assert_eq!(kept[0].verdict.as_deref(), Some("valid"));
    let venue = hex::decode(kept[0].venue_signature.as_ref().unwrap().trim_start_matches("0x"));
    let countersigner = api::io::sign::recover_digest(digest, &venue.unwrap());
    assert_eq!(countersigner, Ok(stand.venue.exchange_address()));
    let hidden = stranger.call("private/get_receipts", json!({"obligation_id": 1})).await;
    assert_eq!(refusal(hidden).0, 13020);
    let own: Vec<WireObligation> = seller.call_as("private/get_obligations", "{}").await.unwrap();
    assert_eq!((own[0].intervals_delivered, own[0].challenge.as_ref()), (1, None));
    assert!(decimal("0") < own[0].paid_to_seller.0);
}
