//! A provider delivers what it sold, and works for the hedger that bought it.

use std::time::Duration;

use api::client::Blobs;
use api::io::sign_job::job_result_digest;
use api::io::sign_transcript::{ReceiptAcceptance, acceptance_digest};
use api::venue::{Credential, JobOptions, MockVerdict};
use api::wire::WireChallenge;
use ethers_core::types::H256;
use ethers_signers::{LocalWallet, Signer};
use exchange::Command;
use instruments::{CloseOut, JobId, MicroUsd, Nanos, NanosSpan, ObligationId};
use serde_json::{Value, json};
use settlement::{JobClaim, JobTerms};

use super::{Scribe, Session, publish};
use crate::delivery::receipt;
use crate::stand::{Stand, start_of_time, terms};

/// Accepted after a burn-in of half an hour, delivered in four hours, invoiced every two.
const NODES: &str = "H100_USDC-17JAN27";

struct Parties {
    stand: Stand,
    provider: Session,
    hedger: Session,
    verifier: Session,
    puts: [Blobs; 2],
    keys: [LocalWallet; 2],
}

pub(super) async fn tell(scribe: &mut Scribe) {
    let mut parties = open(scribe).await;
    assigned(scribe, &mut parties).await;
    let challenge = challenged(scribe, &mut parties).await;
    judged(scribe, &mut parties, &challenge).await;
    jobs(scribe, &mut parties).await;
    dispute(scribe, &mut parties).await;
    failed(scribe, &mut parties).await;
    dry_run(scribe, &mut parties).await;
}

fn at(hours: u64, seconds: u64) -> Nanos {
    start_of_time() + NanosSpan::from_seconds(hours * 3_600 + seconds)
}

async fn open(scribe: &mut Scribe) -> Parties {
    let stand = Stand::open_with(|options| {
        let terms = JobTerms { fee: MicroUsd::new(5_000_000), ..JobTerms::standard() };
        options.jobs = JobOptions { terms: Some(terms), blob_keep: Duration::from_secs(60) };
        options.judge_mock = Some(|_| MockVerdict {
            verdict: "valid",
            reason: "the rows are those of the work".to_owned(),
            rate_gflops: 41_500,
            quality: 1_000_000,
        });
    })
    .await;
    let mut nodes = terms(NODES);
    nodes.schedule.close_out = CloseOut {
        accept_from: at(25, 0),
        accept_until: at(25, 1_800),
        intervals_per_day: 2,
        prefund_days: 2,
        substitute_within: NanosSpan::from_seconds(14_400),
        dispute_within: NanosSpan::from_seconds(1_800),
        ..CloseOut::NONE
    };
    stand.list(nodes).await;
    publish(&stand, at(0, 1), 2_500_000).await;
    let (provider, hedger) = (stand.account(10_000).await, stand.account(10_000).await);
    let puts = [&provider, &hedger].map(|credential: &Credential| {
        let Credential { client_id, client_secret, .. } = credential;
        Blobs::beside(&stand.url(), client_id, client_secret).unwrap()
    });
    let mut provider = Session::login(&stand, &provider).await;
    let mut hedger = Session::login(&stand, &hedger).await;
    let mut verifier = Session::verifier(&stand).await;
    let keys = [9, 10].map(|seed| LocalWallet::from_bytes(&[seed; 32]).unwrap());
    for (who, key) in [(&mut provider, &keys[0]), (&mut hedger, &keys[1])] {
        let address = json!({"address": format!("{:?}", key.address())});
        scribe.ask(who, "private/nominate_agent", address).await;
        let own = json!({"channels": ["user.delivery", "user.jobs"]});
        who.ask("private/subscribe", own).await;
    }
    verifier.ask("private/subscribe", json!({"channels": ["verifier.tasks"]})).await;
    let order = json!({"instrument_name": NODES, "amount": 2, "price": 2.5});
    provider.ask("private/sell", order.clone()).await;
    hedger.ask("private/buy", order).await;
    Parties { stand, provider, hedger, verifier, puts, keys }
}

fn is(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |message| message["type"] == wanted
}

/// The hardware is looked at, and both sides accept.
async fn assigned(scribe: &mut Scribe, parties: &mut Parties) {
    parties.stand.clock.set(at(24, 0));
    parties.stand.submit(Command::Tick).await;
    parties.stand.clock.set(at(25, 0));
    parties.stand.submit(Command::Tick).await;
    parties.provider.hear("user.delivery", is("acceptance_opened")).await;
    let burnt = json!({"obligation_id": 1, "verdict": "valid", "quality": 1});
    scribe.ask(&mut parties.verifier, "private/judge_burn_in", burnt).await;
    for who in [&mut parties.provider, &mut parties.hedger] {
        scribe.ask(who, "private/accept_delivery", json!({"obligation_id": 1})).await;
    }
    let mut other = Session::trader(&parties.stand, 1_000).await;
    let standby = json!({"grade": "H100", "amount": 8, "fee": 0.01});
    scribe.ask(&mut other, "private/offer_standby", standby).await;
}

async fn challenged(scribe: &mut Scribe, parties: &mut Parties) -> WireChallenge {
    parties.stand.clock.set(at(26, 0));
    let demand = scribe.hear_of(&mut parties.provider, "user.delivery", is("challenge")).await;
    let challenge: WireChallenge = serde_json::from_value(demand).expect("a challenge");
    scribe.ask(&mut parties.provider, "private/get_obligations", json!({})).await;
    let missing = json!({"obligation_id": 1, "from": 2, "until": 3});
    scribe.ask(&mut parties.provider, "private/declare_outage", missing).await;
    let root = |byte: &str| format!("0x{}", byte.repeat(32));
    let roots = json!({
        "obligation_id": 1, "challenge": 0, "slot": 0, "first_segment": 0,
        "roots": [root("11"), root("12")],
    });
    scribe.ask(&mut parties.provider, "private/submit_segment_roots", roots).await;
    challenge
}

async fn judged(scribe: &mut Scribe, parties: &mut Parties, challenge: &WireChallenge) {
    let (claim, digest) = receipt(challenge, &parties.keys[0]);
    scribe.ask(&mut parties.provider, "private/submit_receipt", claim).await;
    parties.provider.hear("user.delivery", is("draw")).await;
    let rows = json!({"obligation_id": 1, "challenge": 0, "openings": {"rows": [1, 2.5]}});
    scribe.ask(&mut parties.provider, "private/open_rows", rows).await;
    scribe.hear(&mut parties.verifier, "verifier.tasks").await;
    let verdict = json!({
        "obligation_id": 1, "challenge": 0, "verdict": "valid", "quality": 0.98,
        "reason": "98 % of the grade",
    });
    scribe.ask(&mut parties.verifier, "private/submit_verdict", verdict).await;
    parties.hedger.hear("user.delivery", is("settled")).await;
    let of = || json!({"obligation_id": 1});
    scribe.ask(&mut parties.hedger, "private/get_receipts", of()).await;
    let acceptance =
        ReceiptAcceptance { obligation: ObligationId(1), challenge: 0, receipt: digest };
    let signature = parties.keys[1].sign_hash(H256(acceptance_digest(&acceptance))).unwrap();
    let word = json!({"obligation_id": 1, "challenge": 0, "signature": format!("0x{signature}")});
    scribe.ask(&mut parties.hedger, "private/countersign_receipt", word).await;
    let lines = json!({"obligation_id": 1, "from": 0, "count": 2});
    scribe.ask(&mut parties.hedger, "public/get_transcript", lines).await;
}

impl Parties {
    async fn put(&self, by: usize, text: &str) -> String {
        hex::encode(self.puts[by].put(text.as_bytes()).await.unwrap())
    }

    async fn job(&self) -> Value {
        json!({
            "obligation_id": 1, "spec": self.put(1, "spec").await,
            "blobs": [self.put(1, "weights").await], "mode": "exact", "gpu_seconds": 600,
            "steps": 10, "stride": 2,
        })
    }

    async fn claim(&self, job: u64) -> Value {
        let result = *blake3::hash(b"result").as_bytes();
        self.put(0, "result").await;
        let claim = JobClaim { result, checkpoints: 5, replay_cost: MicroUsd::new(250_000) };
        let digest = job_result_digest(JobId(job), blake3::hash(b"spec").as_bytes(), &claim);
        let signature = self.keys[0].sign_hash(H256(digest)).unwrap();
        json!({
            "job_id": job, "result": hex::encode(result), "blobs": [self.put(0, "output").await],
            "checkpoints": 5, "replay_cost": 0.25, "signature": format!("0x{signature}"),
        })
    }
}

/// One that is declined, one that is taken.
async fn jobs(scribe: &mut Scribe, parties: &mut Parties) {
    let asked = parties.job().await;
    let job = scribe.ask(&mut parties.hedger, "private/submit_job", asked.clone()).await;
    let id = || json!({"job_id": job["job_id"]});
    scribe.ask(&mut parties.provider, "private/decline_job", id()).await;
    let is_declined = |it: &Value| it["state"] == "declined";
    scribe.hear_of(&mut parties.hedger, "user.jobs", is_declined).await;
    scribe.ask(&mut parties.hedger, "private/get_jobs", id()).await;
    let job = parties.hedger.ask("private/submit_job", asked).await;
    let claim = parties.claim(job["job_id"].as_u64().unwrap()).await;
    scribe.ask(&mut parties.provider, "private/claim_job", claim).await;
    let id = json!({"job_id": job["job_id"]});
    scribe.ask(&mut parties.hedger, "private/accept_job", id).await;
}

async fn dispute(scribe: &mut Scribe, parties: &mut Parties) {
    let asked = parties.job().await;
    let job = parties.hedger.ask("private/submit_job", asked).await["job_id"].clone();
    let claim = parties.claim(job.as_u64().unwrap()).await;
    parties.provider.ask("private/claim_job", claim).await;
    let pick = parties.put(1, "the third root").await;
    let doubt = json!({"job_id": job, "claim": pick, "replay_cost": 0.25});
    scribe.ask(&mut parties.hedger, "private/dispute_job", doubt).await;
    let said = parties.put(0, "the roots of its steps").await;
    let said = json!({"job_id": job, "said": said});
    scribe.ask(&mut parties.provider, "private/answer_dispute", said).await;
    let evidence = parties.put(1, "one row").await;
    let last = json!({"job_id": job, "said": evidence, "referee": true});
    parties.hedger.ask("private/answer_dispute", last).await;
    let ruling = json!({"job_id": job, "verdict": "valid", "quality": 1});
    scribe.ask(&mut parties.verifier, "private/rule_dispute", ruling).await;
}

/// The second hour is missing: other hardware is brought, and the invoice is doubted.
async fn failed(scribe: &mut Scribe, parties: &mut Parties) {
    parties.stand.clock.set(at(27, 0));
    parties.provider.hear("user.delivery", |message| message["number"] == json!(1)).await;
    parties.stand.clock.set(at(27, 1_200));
    let is_second = |it: &Value| it["type"] == "settled" && it["interval"] == json!(1);
    parties.provider.hear("user.delivery", is_second).await;
    let other = json!({"obligation_id": 1, "grade": "H100", "nodes": ["node-2"]});
    scribe.ask(&mut parties.provider, "private/substitute", other).await;
    parties.stand.clock.set(at(28, 0));
    parties.hedger.hear("user.delivery", is("invoice")).await;
    let of = json!({"obligation_id": 1});
    scribe.ask(&mut parties.hedger, "private/dispute_invoice", of).await;
}

async fn dry_run(scribe: &mut Scribe, parties: &mut Parties) {
    let (who, method) = (&mut parties.provider, "private/mock_session");
    let begin = json!({"step": "begin", "amount": 1, "count": 1, "grade": "H100"});
    scribe.ask_but(who, method, begin, &["work_root", "openings"]).await;
    who.ask(method, json!({"step": "challenge"})).await;
    let root = format!("0x{}", "07".repeat(32));
    let claim = json!({"step": "claim", "work_root": root});
    scribe.ask_but(who, method, claim, &["openings"]).await;
    let open = json!({"step": "open", "openings": {"rows": []}});
    scribe.ask(who, method, open).await;
}
