//! A buyer's job over the wire: blobs over HTTP, the rest by messages.

use std::time::Duration;

use api::client::{Blobs, Client, ClientError, Notifications};
use api::io::sign_job::job_result_digest;
use api::venue::{Credential, JobOptions};
use api::wire::{WireJob, WireObligation};
use ethers_core::types::H256;
use ethers_signers::{LocalWallet, Signer};
use instruments::{JobId, MicroUsd, NanosSpan};
use serde_json::{Value, json};
use settlement::{JobClaim, JobTerms};

use crate::stand::{Stand, decimal, limit, refusal, soon, start_of_time};

fn hours(hours: u64) -> NanosSpan {
    NanosSpan::from_seconds(hours * 3_600)
}

/// An account, its connection, its channel and its blobs.
struct Side {
    client: Client,
    heard: Notifications,
    blobs: Blobs,
}

impl Side {
    async fn of(stand: &Stand, credential: &Credential) -> Self {
        let (client, heard) = stand.login(credential).await;
        client.subscribe(&["user.jobs"]).await.unwrap();
        let Credential { client_id, client_secret, .. } = credential;
        let blobs = Blobs::beside(&stand.url(), client_id, client_secret).unwrap();
        Self { client, heard, blobs }
    }

    async fn put(&self, text: &str) -> String {
        hex::encode(self.blobs.put(text.as_bytes()).await.unwrap())
    }

    async fn ask(&self, method: &str, params: Value) -> Result<WireJob, ClientError> {
        self.client.call_as(method, &params.to_string()).await
    }

    async fn next(&mut self) -> WireJob {
        soon(self.heard.next_of("user.jobs")).await.unwrap().read().unwrap()
    }
}

pub(crate) struct Parties {
    pub(crate) stand: Stand,
    buyer: Side,
    seller: Side,
    verifier: Side,
    key: LocalWallet,
}

impl Parties {
    /// The first of four hours of two GPUs has begun.
    pub(crate) async fn delivering() -> Self {
        let stand = Stand::open_with(|options| {
            let terms = JobTerms { fee: MicroUsd::new(5_000_000), ..JobTerms::standard() };
            options.jobs = JobOptions { terms: Some(terms), blob_keep: Duration::from_secs(60) };
        })
        .await;
        let (buyer, seller) = (stand.account(10_000).await, stand.account(10_000).await);
        let buyer = Side::of(&stand, &buyer).await;
        let seller = Side::of(&stand, &seller).await;
        let verifier = stand.verifier().await;
        let verifier = Side::of(&stand, &verifier).await;
        seller.client.sell(&limit(2, "2.5")).await.unwrap();
        buyer.client.buy(&limit(2, "2.5")).await.unwrap();
        let key = LocalWallet::from_bytes(&[9; 32]).unwrap();
        let address = json!({"address": format!("{:?}", key.address())});
        seller.client.call("private/nominate_agent", address).await.unwrap();
        stand.clock.set(start_of_time() + hours(25));
        stand.clock.set(start_of_time() + hours(26));
        let is_open = async {
            loop {
                let open =
                    seller.client.call_as::<Vec<WireObligation>>("private/get_obligations", "{}");
                if open.await.unwrap().iter().any(|it| it.challenge.is_some()) {
                    return;
                }
            }
        };
        soon(is_open).await;
        Self { stand, buyer, seller, verifier, key }
    }

    /// What the buyer sees of its jobs.
    pub(crate) async fn jobs(&self) -> Value {
        self.buyer.client.call("private/get_jobs", json!({})).await.unwrap()
    }

    pub(crate) async fn submit(&self) -> Result<WireJob, ClientError> {
        let (spec, weights) = (self.buyer.put("spec").await, self.buyer.put("weights").await);
        let params = json!({
            "obligation_id": 1, "spec": spec, "blobs": [weights], "mode": "exact",
            "gpu_seconds": 3600, "steps": 10, "stride": 2,
        });
        self.buyer.ask("private/submit_job", params).await
    }

    /// What the seller sends for a job, with a signature by some key.
    async fn claim(&self, job: &WireJob, key: &LocalWallet) -> Value {
        let result = *blake3::hash(b"result").as_bytes();
        self.seller.put("result").await;
        let replay_cost = MicroUsd::new(2_000_000);
        let claim = JobClaim { result, checkpoints: 5, replay_cost };
        let mut spec = [0; 32];
        hex::decode_to_slice(&job.spec, &mut spec).unwrap();
        let digest = job_result_digest(JobId(job.job_id), &spec, &claim);
        let signature = key.sign_hash(H256(digest)).unwrap();
        let output = self.seller.put("output").await;
        json!({
            "job_id": job.job_id, "result": hex::encode(result), "blobs": [output],
            "checkpoints": 5, "replay_cost": 2, "signature": format!("0x{signature}"),
        })
    }
}

/// DISPUTE-003, DISPUTE-007, DISPUTE-015: every step is heard by both sides, and the referee hears when it is called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispute_015_a_job_is_submitted_claimed_disputed_and_ruled_on() {
    let mut parties = Parties::delivering().await;
    let job = parties.submit().await.unwrap();
    assert_eq!((job.job_id, job.state.as_str(), job.role.as_str()), (1, "submitted", "buyer"));
    assert_eq!(job.blobs.len(), 2);
    let heard = parties.seller.next().await;
    assert_eq!((heard.role.as_str(), &heard.spec), ("prover", &job.spec));
    let forger = LocalWallet::from_bytes(&[8; 32]).unwrap();
    let forged = parties.claim(&job, &forger).await;
    let forged = parties.seller.ask("private/claim_job", forged).await;
    assert_eq!(refusal(forged).3, json!("AGENT-004"));
    let claim = parties.claim(&job, &parties.key).await;
    let stolen = parties.buyer.ask("private/claim_job", claim.clone()).await;
    assert_eq!(refusal(stolen).3, json!("DISPUTE-003"));
    parties.seller.ask("private/claim_job", claim).await.unwrap();
    assert_eq!(parties.buyer.next().await.state, "submitted");
    let claimed = parties.buyer.next().await;
    assert_eq!((claimed.state.as_str(), claimed.blobs.len()), ("claimed", 4));
    assert_eq!(claimed.claim.unwrap().replay_cost.0, decimal("2"));

    let doubt = json!({"job_id": 1, "claim": "00".repeat(32), "replay_cost": 1});
    let unknown = parties.buyer.ask("private/dispute_job", doubt).await;
    assert_eq!(refusal(unknown).1, json!("claim"));
    let pick = parties.buyer.put("the third root").await;
    let doubt = json!({"job_id": 1, "claim": pick, "replay_cost": 1});
    let disputed = parties.buyer.ask("private/dispute_job", doubt).await.unwrap();
    let dispute = disputed.dispute.unwrap();
    assert_eq!((dispute.stake.0, dispute.turn.as_deref()), (decimal("7"), Some("prover")));
    let said = parties.seller.put("the roots of its steps").await;
    let early = parties.buyer.ask("private/answer_dispute", json!({"job_id": 1, "said": said}));
    assert_eq!(refusal(early.await).3, json!("DISPUTE-003"));
    let empty = parties.seller.ask("private/answer_dispute", json!({"job_id": 1})).await;
    assert_eq!(refusal(empty).1, json!("said"));
    let said = json!({"job_id": 1, "said": said});
    parties.seller.ask("private/answer_dispute", said).await.unwrap();
    let evidence = parties.buyer.put("one row").await;
    let last = json!({"job_id": 1, "said": evidence, "referee": true});
    let called = parties.buyer.ask("private/answer_dispute", last).await.unwrap();
    assert_eq!(called.state, "called");
    let task = parties.verifier.next().await;
    assert_eq!((task.role.as_str(), task.blobs.len()), ("referee", 7));
    let waits: Vec<WireJob> =
        parties.verifier.client.call_as("private/get_jobs", "{}").await.unwrap();
    assert_eq!(waits.len(), 1);
    let moves = task.dispute.unwrap().moves;
    let mut hash = [0; 32];
    hex::decode_to_slice(&moves[1], &mut hash).unwrap();
    assert_eq!(parties.verifier.blobs.get(&hash, 100).await.unwrap(), b"one row");
    let ruling = json!({"job_id": 1, "verdict": "invalid"});
    let own = parties.seller.ask("private/rule_dispute", ruling.clone()).await;
    assert_eq!(refusal(own).3, json!("AGENT-007"));
    let ruled = parties.verifier.ask("private/rule_dispute", ruling).await.unwrap();
    assert_eq!((ruled.state.as_str(), ruled.is_owing, ruled.until), ("refuted", true, None));
}

/// DISPUTE-015: who is no party sees nothing of a job; a read-only login submits none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispute_015_a_job_is_its_parties_own() {
    let parties = Parties::delivering().await;
    let unput = json!({
        "obligation_id": 1, "spec": "11".repeat(32), "mode": "exact", "gpu_seconds": 1,
        "steps": 1, "stride": 1,
    });
    let unput = parties.buyer.ask("private/submit_job", unput).await;
    assert_eq!(refusal(unput).1, json!("spec"));
    let many = json!({
        "obligation_id": 1, "spec": parties.buyer.put("spec").await, "mode": "exact",
        "blobs": vec!["11".repeat(32); 9], "gpu_seconds": 1, "steps": 1, "stride": 1,
    });
    assert_eq!(refusal(parties.buyer.ask("private/submit_job", many).await).2, json!(8));
    let job = parties.submit().await.unwrap();
    let (stranger, _) = parties.stand.trader(0).await;
    let none = stranger.call("private/get_jobs", json!({"job_id": job.job_id})).await.unwrap();
    assert_eq!(none, json!([]));
    let decline = json!({"job_id": job.job_id});
    let stolen = stranger.call("private/decline_job", decline.clone()).await;
    assert_eq!(refusal(stolen).3, json!("DISPUTE-003"));
    let ended = parties.seller.ask("private/decline_job", decline).await.unwrap();
    assert_eq!(ended.state, "declined");
    let accept = parties.buyer.ask("private/accept_job", json!({"job_id": job.job_id})).await;
    assert_eq!(refusal(accept).3, json!("DISPUTE-003"));
}

/// DISPUTE-013, DISPUTE-014
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispute_013_blobs_are_put_and_got_by_their_hash() {
    let parties = Parties::delivering().await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let hash = parties.buyer.blobs.put(&large).await.unwrap();
    assert!(parties.seller.blobs.get(&hash, large.len()).await.unwrap() == large);
    let short = parties.seller.blobs.get(&hash, large.len() - 1).await;
    assert!(matches!(short, Err(ClientError::Unexpected { .. })), "{short:?}");
    let path = format!("/api/v2/blobs/{}", hex::encode(hash));
    let (status, refused) = parties.stand.get(&path, "").await;
    assert_eq!((status, &refused["error"]["code"]), (401, &json!(13_009)));
    let url = parties.stand.url();
    let liar = Blobs::beside(&url, "nobody", "nothing").unwrap();
    assert_eq!(liar.get(&hash, 10).await.unwrap_err().code(), Some(13_004));
    let none = parties.seller.blobs.get(&[1; 32], 10).await;
    assert_eq!(none.unwrap_err().code(), Some(13_020));
    let (status, _) = parties.stand.get("/api/v2/blobs/12", "").await;
    assert_eq!(status, 400);

    let job = parties.submit().await.unwrap();
    parties.stand.clock.set(start_of_time() + hours(27));
    parties.stand.venue.sweep_blobs();
    let gone = parties.seller.blobs.get(&hash, 10).await;
    assert_eq!(gone.unwrap_err().code(), Some(13_020), "nobody has named it");
    let mut spec = [0; 32];
    hex::decode_to_slice(&job.spec, &mut spec).unwrap();
    assert_eq!(parties.seller.blobs.get(&spec, 10).await.unwrap(), b"spec");
}
