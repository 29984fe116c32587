//! The delivery desk: every interval is challenged, every claim is drawn, every opening reaches a verifier, and a restart voids what was open.

use std::path::Path;

use api::venue::{ChallengeTask, OPENINGS_LEN_MAX, OpeningsError, Outcome, Venue};
use exchange::{Command, Event};
use instruments::{AccountId, NanosSpan, ObligationId, Ppm, Side};
use settlement::{ChallengeOutcome, DeliveryReceipt, IntervalState, Verdict};
use tokio::sync::broadcast;

use crate::world::{
    DELIVER_FROM, LAST_TRADE_AT, World, answers, copy_of, open_empty_account, options, wait_for,
};

const AGENT: [u8; 20] = [7; 20];
const ONE: ObligationId = ObligationId(1);

/// A world in which the maker owes the taker two lots, and the first interval has been challenged.
fn challenged() -> (World, AccountId, broadcast::Receiver<Outcome>) {
    let (world, verifier, mut feed) = open_intervals(World::new());
    wait_for(&mut feed, |event| matches!(event, Event::ChallengeIssued { .. }).then_some(()));
    (world, verifier, feed)
}

/// The same when the first interval has begun.
fn open_intervals(world: World) -> (World, AccountId, broadcast::Receiver<Outcome>) {
    let verifier = open_empty_account(&world.venue, "vera", true);
    let mut feed = world.venue.subscribe();
    world.place(world.maker, Side::Sell, 2, 2_500);
    world.place(world.taker, Side::Buy, 2, 2_500);
    let nominate = Command::NominateAgent { account: world.maker, signer: AGENT };
    world.venue.submit_blocking(nominate).unwrap();
    world.clock.set(LAST_TRADE_AT);
    wait_for(&mut feed, |event| matches!(event, Event::SeriesExpired { .. }).then_some(()));
    world.clock.set(LAST_TRADE_AT + NanosSpan::from_seconds(10));
    wait_for(&mut feed, |event| matches!(event, Event::ObligationAssigned { .. }).then_some(()));
    world.clock.set(DELIVER_FROM);
    wait_for(&mut feed, |event| matches!(event, Event::IntervalOpened { .. }).then_some(()));
    (world, verifier, feed)
}

fn claim(venue: &Venue, task: &ChallengeTask) {
    let receipt = DeliveryReceipt {
        obligation: task.obligation,
        challenge: task.challenge,
        gpu_millis: task.gpu_millis,
        challenges: task.challenges,
        work_root: [9; 32],
        prev: task.prev,
        terms: task.terms,
    };
    let outcome = venue
        .submit_blocking(Command::SubmitReceipt {
            account: task.seller,
            signer: AGENT,
            digest: [u8::try_from(task.challenge).unwrap() + 1; 32],
            receipt,
            signature: vec![1; 65],
        })
        .unwrap();
    assert_eq!(outcome.refusal(), None);
}

fn drawn(feed: &mut broadcast::Receiver<Outcome>) -> [u8; 32] {
    wait_for(
        feed,
        |event| {
            if let Event::RowsDrawn { seed, .. } = event { Some(*seed) } else { None }
        },
    )
}

#[test]
fn an_interval_goes_from_challenge_to_countersigned_receipt() {
    let (world, verifier, mut feed) = challenged();
    let mut tasks = world.venue.subscribe_verifier_tasks();
    let task = world.venue.challenge(ONE, 0).unwrap();
    assert_eq!(world.venue.challenges_of(world.maker), std::slice::from_ref(&task));
    assert_eq!(world.venue.challenges_of(world.taker), []);
    assert_eq!((task.slots, task.challenges, task.prev), (2, 1, [0; 32]));
    assert_eq!(task.gpu_millis, 2 * 12 * 3_600 * 1_000);
    assert!(task.answer_by.is_some());

    claim(&world.venue, &task);
    let draw_seed = drawn(&mut feed);
    assert_ne!(draw_seed, task.seed);
    assert_eq!(world.venue.challenge(ONE, 0).unwrap().draw_seed, Some(draw_seed));
    world.venue.relay_openings(world.maker, ONE, 0, "{\"rows\":[]}".to_owned()).unwrap();
    assert!(world.venue.is_opened(ONE, 0));

    let relayed = tasks.blocking_recv().unwrap();
    assert_eq!(world.venue.open_verifier_tasks(), std::slice::from_ref(&relayed));
    assert_eq!((relayed.challenge_seed, relayed.draw_seed), (task.seed, draw_seed));
    assert_eq!((relayed.work_root, relayed.openings.as_str()), ([9; 32], "{\"rows\":[]}"));

    let verdict = Command::SubmitVerdict {
        account: verifier,
        obligation: ONE,
        challenge: 0,
        verdict: Verdict::Valid { quality: Ppm::ONE },
    };
    assert_eq!(world.venue.submit_blocking(verdict).unwrap().refusal(), None);
    let receipts = world.venue.history().receipts(ONE, 10);
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].outcome, Some(ChallengeOutcome::Passed { quality: Ppm::ONE }));
    assert_eq!(receipts[0].signature, [1; 65]);
    let signature = receipts[0].countersignature.as_deref().unwrap();
    let signature = ethers_core::types::Signature::try_from(signature).unwrap();
    let signer = signature.recover(ethers_core::types::H256(receipts[0].digest)).unwrap();
    assert_eq!(signer.0, world.venue.exchange_address());

    // The second interval is the next; what was held for the first is let go.
    world.clock.set(DELIVER_FROM + NanosSpan::from_seconds(20));
    wait_for(&mut feed, |event| matches!(event, Event::ChallengeIssued { .. }).then_some(()));
    assert!(world.venue.open_verifier_tasks().is_empty());
    let next = world.venue.challenge(ONE, 1).unwrap();
    assert_eq!((next.challenges, next.prev, next.gpu_millis), (2, [1; 32], task.gpu_millis * 2));
    assert_ne!(next.seed, task.seed);
}

#[test]
fn a_challenge_may_come_at_a_random_moment() {
    let within = NanosSpan::from_seconds(5);
    let (world, _, mut feed) =
        open_intervals(World::with(|options| options.delivery.challenge_within = within));
    world.clock.set(DELIVER_FROM + within);
    wait_for(&mut feed, |event| matches!(event, Event::ChallengeIssued { .. }).then_some(()));
    assert!(world.venue.challenge(ONE, 0).is_some());
}

#[test]
fn openings_are_refused_by_size_seller_and_step() {
    let (world, _, mut feed) = challenged();
    let relay = |account, challenge, text: String| {
        world.venue.relay_openings(account, ONE, challenge, text).unwrap_err()
    };
    let (len, limit) = (OPENINGS_LEN_MAX + 1, OPENINGS_LEN_MAX);
    let too_large = relay(world.maker, 0, "x".repeat(len));
    assert_eq!(too_large, OpeningsError::TooLarge { len, limit });
    let foreign = relay(world.taker, 0, String::new());
    assert_eq!(foreign, OpeningsError::NotTheSeller { obligation: ONE });
    let early = relay(world.maker, 0, String::new());
    assert_eq!(early, OpeningsError::NotDrawn { obligation: ONE, challenge: 0 });

    claim(&world.venue, &world.venue.challenge(ONE, 0).unwrap());
    drawn(&mut feed);
    world.venue.relay_openings(world.maker, ONE, 0, String::new()).unwrap();
    let twice = relay(world.maker, 0, String::new());
    assert_eq!(twice, OpeningsError::Opened { obligation: ONE, challenge: 0 });
}

/// SESSION-011: the salts of a challenge live as long as the venue's process, so what was open when it ended is nobody's fault.
#[test]
fn session_011_what_was_open_when_the_venue_went_down_is_void() {
    let (world, verifier, mut feed) = challenged();
    let task = world.venue.challenge(ONE, 0).unwrap();
    let is_void = |crashed: &Path| {
        let venue = Venue::open(options(crashed, &world.clock)).unwrap();
        // Whatever a venue does first when it starts is done when this is.
        venue.submit_blocking(Command::Tick).unwrap();
        let state = venue.exchange().delivery(ONE).unwrap().obligation.interval(0);
        assert_eq!(state, Some(IntervalState::Unverified));
        assert!(venue.challenge(ONE, 0).is_none());
    };
    is_void(copy_of(world.path()).path());
    claim(&world.venue, &task);
    is_void(copy_of(world.path()).path());

    drawn(&mut feed);
    let verdict = Verdict::Unverifiable;
    let judge =
        Command::SubmitVerdict { account: verifier, obligation: ONE, challenge: 0, verdict };
    assert_eq!(world.venue.submit_blocking(judge).unwrap().refusal(), None);
    assert_eq!(world.venue.history().receipts(ONE, 1)[0].countersignature, None);
    let asked = answers(&world.venue, &world);
    world.venue.clone().close().unwrap();
    std::fs::remove_dir_all(world.path().join("store")).unwrap();
    assert_eq!(answers(&world.reopen(), &world), asked);
}

#[test]
fn api_061_a_claim_whose_rows_nobody_opens_goes_to_the_verifiers_without_rows() {
    let (world, _, mut feed) = challenged();
    let mut tasks = world.venue.subscribe_verifier_tasks();
    claim(&world.venue, &world.venue.challenge(ONE, 0).unwrap());
    drawn(&mut feed);
    assert!(world.venue.open_verifier_tasks().is_empty());

    world.clock.set(DELIVER_FROM + NanosSpan::from_seconds(5));
    let relayed = tasks.blocking_recv().unwrap();
    assert_eq!((relayed.challenge, relayed.openings.as_str()), (0, "{}"));
    let late = world.venue.relay_openings(world.maker, ONE, 0, "{\"rows\":[]}".to_owned());
    assert_eq!(late, Err(OpeningsError::Opened { obligation: ONE, challenge: 0 }));
}
