//! Agents and a verifier at a real venue, over real sockets: work is delivered, lies and silence are
//! not, money moves accordingly, and connections end.

use api::client::Client;
use api::wire::{WireChallenge, WireReceipt, WireTask};
use delivery_agent::challenge::draw;
use delivery_agent::io::sign::{AgentKey, recover};
use delivery_agent::salt::{KnownSalts, NO_SECRET};
use delivery_agent::verifier::judge;
use delivery_agent::wire::openings_to_json;
use delivery_agent::worker::Engine;
use delivery_agent::{RoleError, run_agent, run_verifier};
use exchange::Event;
use instruments::{MicroUsd, NanosSpan, ObligationId};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use settlement::{DeliveryReceipt, IntervalState};

use crate::challenge_of;
use crate::floor::{Floor, INTERVALS, NOTIONAL, soon};
use delivery_agent::profile::ClassProfile;

const CHAIN_ID: u64 = 31_337;

/// WORK-026: the whole line, honestly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_026_an_honest_agent_delivers_and_is_paid() {
    let mut floor = Floor::open().await;
    let (seller, buyer) = (floor.party("seller").await, floor.party("buyer").await);
    let verifier = floor.verifier().await;
    floor.start_agent(&seller, "").await;
    floor.start_verifier(&verifier);
    floor.trade(&seller, &[&buyer]).await;
    let obligation = floor.assign(1).await[0];
    let before = (floor.balance(&seller), floor.balance(&buyer));

    assert_eq!(floor.deliver(obligation, 0).await, ["delivered"; 4]);
    assert_eq!(floor.balance(&seller) - before.0, NOTIONAL);
    assert_eq!(before.1 - floor.balance(&buyer), NOTIONAL);
    assert!(floor.venue.exchange().delivery(obligation).unwrap().obligation.closed);
    assert!(floor.venue.exchange().money_conserved());

    // The receipts are a chain, each signed by the agent's key.
    let key = AgentKey::load(&floor.role(&seller).key).unwrap();
    let (client, _) = floor.login(&buyer).await;
    assert_chain(&receipts(&client, obligation).await, &key);
}

/// WORK-026, DELIV-018: an agent accepts what it is asked to accept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_026_an_agent_accepts_and_delivers() {
    let mut floor = Floor::open_accepting().await;
    let (seller, buyer) = (floor.party("seller").await, floor.party("buyer").await);
    let verifier = floor.verifier().await;
    floor.start_agent(&seller, "").await;
    floor.start_verifier(&verifier);
    floor.trade(&seller, &[&buyer]).await;
    let obligation = floor.assign(1).await[0];
    floor.accept().await;
    assert_eq!(floor.deliver(obligation, 0).await, ["delivered"; 4]);
}

/// WORK-026: the lie costs the interval, compensation and penalty; the intervals around it are paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_026_a_lying_agent_is_refuted_and_pays_for_what_is_missing() {
    let mut floor = Floor::open().await;
    let (seller, buyer) = (floor.party("seller").await, floor.party("buyer").await);
    let verifier = floor.verifier().await;
    floor.start_agent(&seller, "lie-once:2").await;
    floor.start_verifier(&verifier);
    floor.trade(&seller, &[&buyer]).await;
    let obligation = floor.assign(1).await[0];
    let before = (floor.balance(&seller), floor.balance(&buyer));

    let outcomes = floor.deliver(obligation, 0).await;
    assert_eq!(outcomes, ["delivered", "refuted", "delivered", "delivered"]);
    // A quarter of 120 dollars is returned; replacement costs 15 % more, and the penalty is 10 %.
    let failed = floor.settled(obligation, 1);
    assert_eq!(failed.returned_to_buyer, MicroUsd::new(30_000_000));
    let missing = floor.hour(obligation, 1);
    assert_eq!(missing.compensation, MicroUsd::new(4_500_000));
    assert_eq!(missing.penalty, MicroUsd::new(3_000_000));
    let paid = MicroUsd::new(82_500_000);
    assert_eq!(floor.balance(&seller) - before.0, paid);
    assert_eq!(before.1 - floor.balance(&buyer), paid);
    assert!(floor.venue.exchange().money_conserved());
}

/// WORK-026: one challenge is passed over while another, of the same agent, is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_026_a_silent_agent_fails_the_interval_it_is_silent_in() {
    let mut floor = Floor::open().await;
    let seller = floor.party("seller").await;
    let buyers = [floor.party("buyer-one").await, floor.party("buyer-two").await];
    let verifier = floor.verifier().await;
    floor.start_agent(&seller, "silent-once:1").await;
    floor.start_verifier(&verifier);
    floor.trade(&seller, &[&buyers[0], &buyers[1]]).await;
    let obligations = floor.assign(2).await;

    floor.begin(0).await;
    assert_eq!(floor.ended(obligations[1], 0).await, "delivered");
    floor.pass_deadline(0);
    assert_eq!(floor.ended(obligations[0], 0).await, "silent");
    for interval in 1..INTERVALS {
        floor.begin(interval).await;
        for obligation in &obligations {
            assert_eq!(floor.ended(*obligation, interval).await, "delivered");
        }
    }
    assert!(floor.venue.exchange().deliveries().all(|each| each.obligation.closed));
    assert!(floor.venue.exchange().money_conserved());
}

/// WORK-023, WORK-025: two challenges of one obligation wait for an agent that comes late; it answers
/// both, the second receipt naming the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_025_two_open_challenges_are_claimed_one_after_the_other() {
    let mut floor = Floor::open_with(NanosSpan::from_seconds(10 * 3_600)).await;
    let (seller, buyer) = (floor.party("seller").await, floor.party("buyer").await);
    let verifier = floor.verifier().await;
    floor.trade(&seller, &[&buyer]).await;
    let obligation = floor.assign(1).await[0];
    floor.begin(0).await;
    floor.begin(1).await;
    floor.start_verifier(&verifier);
    floor.start_agent(&seller, "").await;
    assert_eq!(floor.ended(obligation, 0).await, "delivered");
    assert_eq!(floor.ended(obligation, 1).await, "delivered");

    // While it is connected: both challenges are told before the first receipt can be taken.
    floor.begin(2).await;
    floor.begin(3).await;
    assert_eq!(floor.ended(obligation, 2).await, "delivered");
    assert_eq!(floor.ended(obligation, 3).await, "delivered");
    let key = AgentKey::load(&floor.role(&seller).key).unwrap();
    let (client, _) = floor.login(&buyer).await;
    assert_chain(&receipts(&client, obligation).await, &key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_023_roles_come_back_when_a_venue_is_restarted() {
    // WORK-027 as well: a connection that ends is made again.
    let mut floor = Floor::open().await;
    let (seller, buyer) = (floor.party("seller").await, floor.party("buyer").await);
    let verifier = floor.verifier().await;
    floor.start_agent(&seller, "").await;
    floor.start_verifier(&verifier);
    floor.trade(&seller, &[&buyer]).await;
    let obligation = floor.assign(1).await[0];
    floor.begin(0).await;
    assert_eq!(floor.ended(obligation, 0).await, "delivered");
    // In the middle of a challenge, wherever it has come to.
    floor.begin(1).await;
    let mut floor = floor.restart().await;
    // It had been answered, or it is void, as if it had never been asked.
    let ended = floor.ended_by_state(obligation, 1).await;
    assert!(
        matches!(ended, IntervalState::Delivered { .. } | IntervalState::Unverified),
        "{ended:?}"
    );
    assert_eq!(floor.deliver(obligation, 2).await, ["delivered"; 2]);
}

/// WORK-013: an agent that is not ours commits to nothing and opens nonsense.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_013_nonsense_instead_of_openings_is_refuted() {
    let mut floor = Floor::open().await;
    let (seller, buyer) = (floor.party("seller").await, floor.party("buyer").await);
    let verifier = floor.verifier().await;
    floor.start_verifier(&verifier);
    floor.trade(&seller, &[&buyer]).await;
    let obligation = floor.assign(1).await[0];
    let key = AgentKey::ephemeral().unwrap();
    floor.begin(0).await;
    let (client, _) = floor.login(&seller).await;
    let address = format!("0x{}", hex::encode(key.address()));
    client.call("private/nominate_agent", json!({ "address": address })).await.unwrap();
    let listed: Vec<Listed> = client.call_as("private/get_obligations", "{}").await.unwrap();
    let receipt = claim(&listed[0].challenge, [1; 32]);
    submit(&client, &key, &receipt).await;
    floor.until(|event| matches!(event, Event::RowsDrawn { .. })).await;
    let rows = json!({ "obligation_id": obligation.0, "challenge": 0, "openings": { "rows": 7 } });
    client.call("private/open_rows", rows).await.unwrap();
    assert_eq!(floor.ended(obligation, 0).await, "refuted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_027_a_role_that_is_not_let_in_ends_with_the_reason() {
    let floor = Floor::open().await;
    let party = floor.party("party").await;
    let nobody = delivery_agent::Role { client_secret: "wrong".to_owned(), ..floor.role(&party) };
    let refused = soon(run_agent(nobody, "".parse().unwrap_or_default(), None)).await.unwrap_err();
    assert!(matches!(refused, RoleError::Refused { step: "login", .. }), "{refused}");
    assert!(!refused.to_string().contains("wrong"), "{refused}");

    let refused = soon(run_verifier(floor.role(&party))).await.unwrap_err();
    assert!(refused.to_string().starts_with("channel verifier.tasks was refused"), "{refused}");

    let nowhere = delivery_agent::Role { url: "ws://127.0.0.1:1".to_owned(), ..floor.role(&party) };
    let unreachable = soon(run_verifier(nowhere)).await.unwrap_err();
    assert!(matches!(unreachable, RoleError::Unreachable(_)), "{unreachable}");
}

/// Work of two slots and three segments, opened; each slot's last root has come after a millisecond, the receipt after two.
fn honest_task() -> WireTask {
    let challenge = challenge_of(ClassProfile::CI, 5);
    let mut engine = Engine::new(candle_core::Device::Cpu);
    let done = engine.run(&challenge, &mut KnownSalts(NO_SECRET)).unwrap();
    let root = done.work_root;
    let draws = draw(&[6; 32], &challenge, &root);
    let openings = engine.open(challenge.seed(), &draws).unwrap();
    let hash = |bytes: &[u8; 32]| format!("0x{}", hex::encode(bytes));
    WireTask {
        kind: "openings".to_owned(),
        obligation_id: 1,
        challenge: 2,
        slots: challenge.slots().into(),
        profile: "ci".to_owned(),
        segments: challenge.segments(),
        challenge_seed: hash(challenge.seed()),
        draw_seed: hash(&[6; 32]),
        work_root: hash(&root),
        session_seed: hash(challenge.seed()),
        salt_key: hash(&NO_SECRET),
        roots: done.roots.iter().map(|slot| format!("0x{}", hex::encode(slot.concat()))).collect(),
        root_times: done.roots.iter().map(|slot| vec![1_000; slot.len()]).collect(),
        claimed_after: 2_000,
        reference_gflops: None,
        openings: RawValue::from_string(openings_to_json(&openings).unwrap()).unwrap(),
    }
}

/// SESSION-016: two thirds as fast as the reference is two thirds of the quality; what came without its last root is timed by the receipt.
#[test]
fn session_016_quality_is_measured_from_the_times_of_the_roots() {
    let honest = honest_task();
    assert_eq!(judge(&honest).quality(), 1_000_000);
    // 3 segments are 201 MFLOP; of 200 ms 50 are the round trip's: 1.34 of 2 GFLOP/s.
    let slow = WireTask {
        root_times: vec![vec![10_000, 20_000, 30_000], vec![10_000, 20_000, 200_000]],
        claimed_after: 350_000,
        reference_gflops: Some(2),
        ..honest.clone()
    };
    let quality = judge(&slow).quality();
    assert_eq!(quality, 671_088);
    let half = |text: &String| text[..2 + 2 * 64].to_owned();
    let stalled = WireTask {
        roots: vec![slow.roots[0].clone(), half(&slow.roots[1])],
        root_times: vec![slow.root_times[0].clone(), vec![10_000, 20_000]],
        ..slow.clone()
    };
    // 300 ms instead of 150.
    let quality = judge(&stalled).quality();
    assert_eq!(quality, 335_544);
}

/// WORK-013, WORK-014: who is at fault when a task cannot be judged.
/// SESSION-016 as well.
#[test]
fn work_014_a_task_that_this_build_does_not_know_is_unverifiable() {
    let task = honest_task();
    let hash = |bytes: &[u8; 32]| format!("0x{}", hex::encode(bytes));
    assert_eq!(judge(&task).verdict(), "valid");

    let ours = [
        WireTask { profile: "a later one".to_owned(), ..task.clone() },
        WireTask { slots: 0, ..task.clone() },
        WireTask { slots: 1 << 40, ..task.clone() },
        WireTask { challenge_seed: "0x12".to_owned(), ..task.clone() },
    ];
    for task in ours {
        assert_eq!(judge(&task).verdict(), "unverifiable", "{task:?}");
    }
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let theirs = [
        WireTask { openings: raw("{}"), ..task.clone() },
        WireTask { openings: raw(r#"{"roots":["zz"],"rows":[]}"#), ..task.clone() },
        WireTask { draw_seed: hash(&[7; 32]), ..task.clone() },
        // Roots that came early, and are not what was claimed.
        WireTask {
            roots: task.roots.iter().map(|_| format!("0x{}", "11".repeat(96))).collect(),
            ..task.clone()
        },
    ];
    for task in theirs {
        assert_eq!(judge(&task).verdict(), "invalid", "{task:?}");
    }
}

#[derive(Deserialize)]
struct Listed {
    challenge: WireChallenge,
}

fn claim(challenge: &WireChallenge, work_root: [u8; 32]) -> DeliveryReceipt {
    DeliveryReceipt {
        obligation: ObligationId(challenge.obligation_id),
        challenge: challenge.number,
        gpu_millis: challenge.gpu_millis,
        challenges: challenge.challenges,
        work_root,
        prev: bytes(&challenge.prev),
        terms: bytes(&challenge.terms),
    }
}

async fn submit(client: &Client, key: &AgentKey, receipt: &DeliveryReceipt) {
    let signature = key.sign(receipt, CHAIN_ID).unwrap();
    let params = json!({
        "obligation_id": receipt.obligation.0,
        "challenge": receipt.challenge,
        "gpu_millis": receipt.gpu_millis,
        "challenges": receipt.challenges,
        "work_root": hex::encode(receipt.work_root),
        "prev": hex::encode(receipt.prev),
        "terms": hex::encode(receipt.terms),
        "signature": hex::encode(signature),
    });
    client.call("private/submit_receipt", params).await.unwrap();
}

async fn receipts(client: &Client, obligation: ObligationId) -> Vec<WireReceipt> {
    let params = json!({ "obligation_id": obligation.0 }).to_string();
    let mut receipts: Vec<WireReceipt> =
        client.call_as("private/get_receipts", &params).await.unwrap();
    receipts.sort_by_key(|receipt| receipt.challenges);
    receipts
}

/// Four receipts, each naming the one before it, claiming one interval more, and signed by the key.
fn assert_chain(receipts: &[WireReceipt], key: &AgentKey) {
    assert_eq!(receipts.len(), 4);
    let mut prev = [0; 32];
    for (wire, count) in receipts.iter().zip(1_u32..) {
        assert_eq!((wire.challenges, bytes(&wire.prev)), (count, prev));
        // Two GPUs for six hours.
        assert_eq!(wire.gpu_millis, u64::from(count) * 2 * 6 * 3_600_000);
        let receipt = DeliveryReceipt {
            obligation: ObligationId(wire.obligation_id),
            challenge: wire.challenge,
            gpu_millis: wire.gpu_millis,
            challenges: wire.challenges,
            work_root: bytes(&wire.work_root),
            prev,
            terms: bytes(&wire.terms),
        };
        let signature = bytes(&wire.signature);
        assert_eq!(recover(&receipt, CHAIN_ID, &signature).unwrap(), key.address());
        prev = bytes(&wire.digest);
    }
}

fn bytes<const LEN: usize>(text: &str) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes).unwrap();
    bytes
}
