//! What a real venue publishes of a real delivery holds, to the last check.

use api::client::Client;
use api::io::sign_transcript::{ReceiptAcceptance, acceptance_digest};
use delivery_agent::io::sign::AgentKey;
use delivery_agent::transcript::{TranscriptError, check};
use instruments::ObligationId;
use serde::Deserialize;
use serde_json::json;

use crate::floor::{Floor, soon};

#[derive(Deserialize)]
struct Page {
    lines: Vec<String>,
}

async fn lines(client: &Client, obligation: ObligationId) -> Vec<String> {
    let params = json!({ "obligation_id": obligation.0 }).to_string();
    client.call_as::<Page>("public/get_transcript", &params).await.unwrap().lines
}

/// The transcript once it has a line that begins so; the desk writes it after the event that it is about.
async fn until(
    client: &Client,
    obligation: ObligationId,
    begins: &str,
    count: usize,
) -> Vec<String> {
    loop {
        let lines = lines(client, obligation).await;
        if count <= lines.iter().filter(|line| line.starts_with(begins)).count() {
            return lines;
        }
        tokio::task::yield_now().await;
    }
}

/// TRANS-005: with a lie in it, which the checker refutes by its own arithmetic.
/// TRANS-006 as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trans_005_the_transcript_of_a_real_delivery_holds() {
    let mut floor = Floor::open().await;
    let (seller, buyer) = (floor.party("seller").await, floor.party("buyer").await);
    let verifier = floor.verifier().await;
    floor.start_agent(&seller, "lie-once:2").await;
    floor.start_verifier(&verifier);
    floor.trade(&seller, &[&buyer]).await;
    let obligation = floor.assign(1).await[0];

    floor.begin(0).await;
    assert_eq!(floor.ended(obligation, 0).await, "delivered");
    let (client, _) = floor.login(&buyer).await;
    soon(until(&client, obligation, r#"{"challenge""#, 1)).await;
    countersign(&client, obligation).await;

    let outcomes = floor.deliver(obligation, 1).await;
    assert_eq!(outcomes, ["refuted", "delivered", "delivered"]);
    let lines = soon(until(&client, obligation, r#"{"statement""#, 1)).await;
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    let mut verdicts = Vec::new();
    let summary = check(text.as_bytes(), false, |it| verdicts.push(it.verdict.clone())).unwrap();
    assert_eq!(verdicts, ["valid", "invalid", "valid", "valid"]);
    // Two GPUs for six hours each.
    let whole = 2 * 6 * 3_600_000;
    assert_eq!(summary.credited.gpu_millis, [whole, 0, whole, whole]);
    assert_eq!((summary.receipts, summary.countersigned, summary.accepted_by_silence), (4, 1, 0));
    assert!(summary.is_stated);

    let forged = text.replacen(r#""verdict":"invalid""#, r#""verdict":"valid""#, 1);
    assert!(matches!(check(forged.as_bytes(), false, |_| {}), Err(TranscriptError::Wrong(_))));
    // The transcript has ended.
    let late = json!({
        "obligation_id": obligation.0, "challenge": 0, "signature": format!("0x{}", "11".repeat(65)),
    });
    assert!(client.call("private/countersign_receipt", late).await.is_err());
}

/// The buyer's key must be the nominated one, and signs each receipt once.
async fn countersign(client: &Client, obligation: ObligationId) {
    let receipts: Vec<api::wire::WireReceipt> = client
        .call_as("private/get_receipts", &json!({ "obligation_id": obligation.0 }).to_string())
        .await
        .unwrap();
    let mut receipt = [0; 32];
    hex::decode_to_slice(&receipts[0].digest[2..], &mut receipt).unwrap();
    let key = AgentKey::ephemeral().unwrap();
    let digest = acceptance_digest(&ReceiptAcceptance { obligation, challenge: 0, receipt });
    let signature = format!("0x{}", hex::encode(key.sign_digest(digest).unwrap()));
    let params =
        || json!({ "obligation_id": obligation.0, "challenge": 0, "signature": signature });
    let refused = client.call("private/countersign_receipt", params()).await.unwrap_err();
    assert!(refused.to_string().contains("nominated"), "{refused}");
    let address = format!("0x{}", hex::encode(key.address()));
    client.call("private/nominate_agent", json!({ "address": address })).await.unwrap();
    client.call("private/countersign_receipt", params()).await.unwrap();
    let again = client.call("private/countersign_receipt", params()).await.unwrap_err();
    assert!(again.to_string().contains("countersigned before"), "{again}");
}
