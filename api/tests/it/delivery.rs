//! One delivery over the wire: an agent and a verifier that know nothing but their messages.

use api::client::{Client, ClientError, Notifications};
use api::io::sign::receipt_digest;
use api::wire::{WireChallenge, WireDraw, WireObligation, WireReceipt, WireTask};
use ethers_core::types::H256;
use ethers_signers::{LocalWallet, Signer};
use instruments::{NanosSpan, ObligationId};
use serde::de::DeserializeOwned;
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
pub(crate) fn receipt(challenge: &WireChallenge, key: &LocalWallet) -> (Value, [u8; 32]) {
    let receipt = DeliveryReceipt {
        obligation: ObligationId(challenge.obligation_id),
        challenge: challenge.number,
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
        "challenge": challenge.number,
        "gpu_millis": challenge.gpu_millis,
        "challenges": challenge.challenges,
        "work_root": format!("0x{}", "07".repeat(32)),
        "prev": challenge.prev,
        "terms": challenge.terms,
        "signature": format!("0x{signature}"),
    });
    (params, digest)
}

/// A trade between two parties, who listen, and its series a day later.
struct Parties {
    stand: Stand,
    seller: Client,
    to_seller: Notifications,
    buyer: Client,
    to_buyer: Notifications,
    stranger: Client,
}

impl Parties {
    async fn assigned() -> Self {
        let stand = Stand::open().await;
        let (seller, to_seller) = stand.trader(10_000).await;
        let (buyer, mut to_buyer) = stand.trader(10_000).await;
        seller.sell(&limit(2, "2.5")).await.unwrap();
        buyer.buy(&limit(2, "2.5")).await.unwrap();
        for client in [&seller, &buyer] {
            client.subscribe(&["user.delivery"]).await.unwrap();
        }
        stand.clock.set(start_of_time() + hours(25));
        let assigned = soon(to_buyer.next()).await.unwrap().read::<Value>().unwrap();
        assert_eq!((&assigned["type"], &assigned["role"]), (&json!("assigned"), &json!("buyer")));
        let (stranger, _) = stand.trader(0).await;
        Self { stand, seller, to_seller, buyer, to_buyer, stranger }
    }

    async fn verifier(&self) -> (Client, Notifications) {
        let verifier = self.stand.verifier().await;
        let (verifier, tasks) = self.stand.login(&verifier).await;
        verifier.subscribe(&["verifier.tasks"]).await.unwrap();
        (verifier, tasks)
    }

    async fn submit(&self, receipt: Value) -> Result<Value, ClientError> {
        self.seller.call("private/submit_receipt", receipt).await
    }
}

/// The next message of one type.
async fn next<T: DeserializeOwned>(messages: &mut Notifications, wanted: &str) -> T {
    loop {
        let message = soon(messages.next()).await.unwrap();
        if message.read::<Value>().unwrap()["type"] == wanted {
            return message.read().unwrap();
        }
    }
}

/// Claims the work of a challenge, after others have tried to.
async fn claim(parties: &Parties, challenge: &WireChallenge, key: &LocalWallet) -> [u8; 32] {
    let (claim, digest) = receipt(challenge, key);
    let forger = LocalWallet::from_bytes(&[8; 32]).unwrap();
    let forged = refusal(parties.submit(receipt(challenge, &forger).0).await);
    assert_eq!((forged.0, forged.1, forged.3), (13021, json!("signature"), json!("AGENT-004")));
    let greedy = WireChallenge { gpu_millis: challenge.gpu_millis + 1, ..challenge.clone() };
    let refused = refusal(parties.submit(receipt(&greedy, key).0).await);
    assert_eq!((refused.0, refused.1, refused.3), (11050, json!("gpu_millis"), json!("AGENT-005")));
    let stolen = parties.stranger.call("private/submit_receipt", claim.clone()).await;
    assert_eq!(refusal(stolen).0, 13021);
    parties.submit(claim.clone()).await.unwrap();
    assert_eq!(refusal(parties.submit(claim).await).3, json!("AGENT-003"));
    digest
}

/// API-060
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_060_a_delivery_is_demanded_claimed_opened_judged_and_paid() {
    let mut parties = Parties::assigned().await;
    let (verifier, mut tasks) = parties.verifier().await;
    let key = LocalWallet::from_bytes(&[9; 32]).unwrap();
    let address = json!({"address": format!("{:?}", key.address())});
    parties.seller.call("private/nominate_agent", address).await.unwrap();
    parties.stand.clock.set(start_of_time() + hours(26));
    let challenge: WireChallenge = next(&mut parties.to_seller, "challenge").await;
    assert_eq!((challenge.lots, challenge.slots, challenge.number), (2, 2, 0));
    assert_eq!((challenge.profile.as_str(), challenge.segments), ("ci", 2));
    let own = parties.seller.call_as::<Vec<WireObligation>>("private/get_obligations", "{}");
    let own = own.await.unwrap();
    assert_eq!(own[0].challenge.as_ref(), Some(&challenge), "an agent that reconnects finds it");

    let digest = claim(&parties, &challenge, &key).await;
    let draw: WireDraw = next(&mut parties.to_seller, "draw").await;
    let open = |openings: Value| json!({"obligation_id": draw.obligation_id, "challenge": 0, "openings": openings});
    let huge = open(json!({"rows": "x".repeat(61_440)}));
    assert_eq!(refusal(parties.seller.call("private/open_rows", huge).await).2, json!(61_440));
    let stolen = parties.stranger.call("private/open_rows", open(json!({}))).await;
    assert_eq!(refusal(stolen).0, 13021);
    parties.seller.call("private/open_rows", open(json!({"rows": [1, 2.50]}))).await.unwrap();
    let task: WireTask = soon(tasks.next()).await.unwrap().read().unwrap();
    assert_eq!((&task.challenge_seed, &task.draw_seed), (&challenge.seed, &draw.draw_seed));
    assert_eq!(task.openings.get(), r#"{"rows":[1,2.5]}"#);

    let verdict = json!({
        "obligation_id": draw.obligation_id, "challenge": 0, "verdict": "valid", "quality": 0.95,
    });
    let refused = parties.seller.call("private/submit_verdict", verdict.clone()).await;
    assert_eq!(refusal(refused).3, json!("AGENT-007"));
    verifier.call("private/submit_verdict", verdict).await.unwrap();
    let settled: Value = next(&mut parties.to_buyer, "settled").await;
    assert_eq!((&settled["outcome"], &settled["quality"]), (&json!("delivered"), &json!(0.95)));
    assert_kept(&parties, draw.obligation_id, digest).await;
}

/// What is kept of a delivery that was found valid, and who may see it.
async fn assert_kept(parties: &Parties, obligation_id: u64, digest: [u8; 32]) {
    let asked = json!({"obligation_id": obligation_id}).to_string();
    let kept = parties.buyer.call_as::<Vec<WireReceipt>>("private/get_receipts", &asked);
    let kept = kept.await.unwrap();
    assert_eq!(kept[0].digest, format!("0x{}", hex::encode(digest)));
    assert_eq!(kept[0].verdict.as_deref(), Some("valid"));
    let venue = hex::decode(kept[0].venue_signature.as_ref().unwrap().trim_start_matches("0x"));
    let countersigner = api::io::sign::recover_digest(digest, &venue.unwrap());
    assert_eq!(countersigner, Ok(parties.stand.venue.exchange_address()));
    let hidden = parties.stranger.call("private/get_receipts", json!({"obligation_id": 1})).await;
    assert_eq!(refusal(hidden).0, 13020);
    let own = parties.seller.call_as::<Vec<WireObligation>>("private/get_obligations", "{}");
    let own = own.await.unwrap();
    assert_eq!((own[0].intervals_delivered, own[0].challenge.as_ref()), (1, None));
    assert!(decimal("0") < own[0].paid_to_seller.0);
}
