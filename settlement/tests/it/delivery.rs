//! DELIV: the states of an interval, and the chain of receipts.

use instruments::{MicroUsd, Nanos, ObligationId, Ppm};
use settlement::{
    Assignment, DeliveryReceipt, FailCause, IllegalStep, IntervalState, Obligation, ReceiptError,
    Step, Verdict,
};

use crate::world::{BUYER, SELLER, lots, obligation, series, ticks, usd};

const ANSWER_BY: Nanos = Nanos::from_seconds(60);
const VERDICT_BY: Nanos = Nanos::from_seconds(300);
const NOW: Nanos = Nanos::new(1);
const CHALLENGE: Step = Step::Challenge { answer_by: ANSWER_BY };
const RECEIPT: Step = Step::Receipt { verdict_by: VERDICT_BY };

fn valid(ppm: i64) -> Step {
    Step::Verdict(Verdict::Valid { quality: Ppm::new(ppm) })
}

/// Every state with every step: the whole table, and nothing else.
#[test]
fn deliv_001_a_step_that_is_not_in_the_table_is_refused_and_changes_nothing() {
    let delivered = IntervalState::Delivered { quality: Ppm::ONE, unjudged: Ppm::ZERO };
    let failed = |cause| IntervalState::Failed { cause, unjudged: Ppm::ZERO };
    let challenged = IntervalState::Challenged { answer_by: ANSWER_BY };
    let claimed = IntervalState::Claimed { verdict_by: VERDICT_BY };
    let (invalid, unverifiable) =
        (Step::Verdict(Verdict::Invalid), Step::Verdict(Verdict::Unverifiable));
    let table = [
        (IntervalState::Pending, Step::Open, IntervalState::Open),
        (IntervalState::Open, CHALLENGE, challenged),
        (IntervalState::Open, Step::Deadline, IntervalState::Unverified),
        (IntervalState::Open, Step::Unready, failed(FailCause::NotReady)),
        (challenged, RECEIPT, claimed),
        (challenged, Step::Deadline, failed(FailCause::Silent)),
        (claimed, valid(1_000_000), delivered),
        (claimed, invalid, failed(FailCause::Refuted)),
        (claimed, unverifiable, IntervalState::Unverified),
        (claimed, Step::Deadline, IntervalState::Unverified),
    ];
    let paths: [(IntervalState, &[Step]); 7] = [
        (IntervalState::Pending, &[]),
        (IntervalState::Open, &[Step::Open]),
        (challenged, &[Step::Open, CHALLENGE]),
        (claimed, &[Step::Open, CHALLENGE, RECEIPT]),
        (delivered, &[Step::Open, CHALLENGE, RECEIPT, valid(1_000_000)]),
        (failed(FailCause::Refuted), &[Step::Open, CHALLENGE, RECEIPT, invalid]),
        (IntervalState::Unverified, &[Step::Open, Step::Deadline]),
    ];
    let judged = [valid(1_000_000), invalid, unverifiable];
    let others = [Step::Open, CHALLENGE, RECEIPT, Step::Deadline, Step::Unready];
    let steps = others.into_iter().chain(judged);
    for (state, path) in paths {
        for step in steps.clone() {
            let mut duty = obligation(&series(24, 4), 8, 2_500);
            for step in path {
                duty.step(2, *step).expect("on the way");
            }
            let before = duty.clone();
            assert_eq!(before.interval(2), Some(state));
            let entry = table.iter().find(|(from, by, _)| (*from, *by) == (state, step));
            match entry {
                Some((_, _, next)) => {
                    assert_eq!(duty.step(2, step), Ok(*next));
                    assert_eq!(duty.ended, u32::from(next.has_ended()));
                }
                None => {
                    assert_eq!(duty.step(2, step), Err(IllegalStep::NotNext { state, step }));
                    assert_eq!(duty, before, "{state:?} {step:?}");
                }
            }
        }
    }
}

#[test]
fn deliv_001_an_interval_that_does_not_exist_takes_no_step() {
    let mut duty = obligation(&series(24, 4), 8, 2_500);
    let before = duty.clone();
    let refused = Err(IllegalStep::NoSuchInterval { interval: 4, intervals: 4 });
    assert_eq!(duty.step(4, Step::Open), refused);
    assert_eq!(duty, before);
    assert_eq!(duty.interval(4), None);
}

#[test]
fn deliv_002_silence_past_the_deadline_fails_the_interval() {
    let mut duty = obligation(&series(24, 4), 8, 2_500);
    duty.step(0, Step::Open).expect("pending");
    let state = duty.step(0, CHALLENGE).expect("open");
    assert_eq!(state.deadline(), Some(ANSWER_BY));
    let failed = IntervalState::Failed { cause: FailCause::Silent, unjudged: Ppm::ZERO };
    assert_eq!(duty.step(0, Step::Deadline), Ok(failed));
    assert_eq!(failed.deadline(), None);
}

#[test]
fn deliv_003_what_nobody_challenged_is_unverified() {
    let mut duty = obligation(&series(24, 4), 8, 2_500);
    duty.step(0, Step::Open).expect("pending");
    assert_eq!(duty.step(0, Step::Deadline), Ok(IntervalState::Unverified));
}

#[test]
fn deliv_004_a_verdict_that_never_comes_is_not_the_providers_fault() {
    let mut duty = obligation(&series(24, 4), 8, 2_500);
    for step in [Step::Open, CHALLENGE, RECEIPT] {
        duty.step(0, step).expect("on the way");
    }
    assert_eq!(duty.step(0, Step::Deadline), Ok(IntervalState::Unverified));
    // The verdict that comes after all finds nothing to judge.
    assert!(duty.step(0, valid(1_000_000)).is_err());
}

#[test]
fn deliv_006_quality_counts_in_full_from_97_percent_and_not_at_all_below_90() {
    let delivered = |ppm| IntervalState::Delivered { quality: Ppm::new(ppm), unjudged: Ppm::ZERO };
    let below_grade = IntervalState::Failed { cause: FailCause::BelowGrade, unjudged: Ppm::ZERO };
    for (measured, state) in [
        (2_000_000, delivered(1_000_000)),
        (1_000_000, delivered(1_000_000)),
        (970_000, delivered(1_000_000)),
        (969_999, delivered(969_999)),
        (900_000, delivered(900_000)),
        (899_999, below_grade),
        (0, below_grade),
        (-1, below_grade),
    ] {
        let claimed = IntervalState::Claimed { verdict_by: VERDICT_BY };
        assert_eq!(claimed.after(valid(measured)), Some(state), "{measured} ppm");
    }
}

#[test]
fn deliv_007_a_claim_outlives_the_end_of_its_interval() {
    let mut duty = obligation(&series(24, 4), 8, 2_500);
    for step in [Step::Open, CHALLENGE, RECEIPT] {
        duty.step(0, step).expect("on the way");
    }
    // The next interval is already challenged and answered, out of order.
    for step in [Step::Open, CHALLENGE, RECEIPT, valid(1_000_000)] {
        duty.step(1, step).expect("on the way");
    }
    assert!(matches!(duty.step(0, valid(1_000_000)), Ok(IntervalState::Delivered { .. })));
    assert_eq!((duty.ended, duty.has_ended()), (2, false));
}

#[test]
fn deliv_008_the_values_of_the_intervals_sum_to_the_notional() {
    // 2.501 * 24 * 7 = 420.168 dollars in 864 intervals of 0.486305..., none of which is a whole micro-dollar.
    let duty = obligation(&series(24, 864), 7, 2_501);
    assert_eq!(duty.notional, usd("420.168"));
    let values: Vec<MicroUsd> = (0..864).map(|index| duty.interval_value(index)).collect();
    assert_eq!(values.iter().copied().sum::<MicroUsd>(), duty.notional);
    assert!(values.iter().all(|value| (usd("0.486305")..=usd("0.486306")).contains(value)));
}

#[test]
fn an_obligation_beyond_the_ledgers_range_is_not_opened() {
    let instrument = series(24, 4);
    let open = |size: u64, price: i64| {
        let assignment = Assignment { seller: SELLER, buyer: BUYER, lots: lots(size) };
        Obligation::open(ObligationId(1), &instrument, &assignment, ticks(price))
    };
    assert!(open(1_000_000, 10_000).is_some());
    assert!(open(u64::MAX, 10_000).is_none());
    // It fits once, but not with what the seller could come to owe.
    assert!(open(10_000_000_000, 10_000).is_none());
    assert!(open(0, 2_500).is_none());
    assert!(open(8, 0).is_none());
}

fn receipt(duty: &Obligation, challenge: u32, gpu_millis: u64) -> DeliveryReceipt {
    DeliveryReceipt {
        obligation: duty.id,
        challenge,
        gpu_millis,
        challenges: duty.receipts + 1,
        work_root: [3; 32],
        prev: duty.last_receipt,
        terms: [9; 32],
    }
}

#[test]
fn deliv_015_a_receipt_continues_the_chain_or_is_refused() {
    let instrument = series(24, 4);
    let mut duty = obligation(&instrument, 8, 2_500);
    for index in [0, 1] {
        duty.step(index, Step::Open).expect("pending");
        duty.step(index, CHALLENGE).expect("open");
    }
    // Six hours of eight GPUs.
    let whole = 6 * 3_600 * 8 * 1_000;
    let first = receipt(&duty, 0, whole);
    duty.check_receipt(&instrument, &first).expect("the first");
    duty.accept_receipt(&first, [1; 32], (NOW, VERDICT_BY)).expect("challenged");

    let next = receipt(&duty, 1, 2 * whole);
    assert_eq!((next.prev, next.challenges), ([1; 32], 2));
    let check = |sent: DeliveryReceipt| duty.check_receipt(&instrument, &sent);
    let millis = |sent| ReceiptError::GpuMillis { sent, above: whole, limit: 2 * whole };
    let other = ObligationId(2);
    for (sent, refused) in [
        (
            DeliveryReceipt { obligation: other, ..next },
            ReceiptError::Obligation { sent: other, expected: duty.id },
        ),
        (DeliveryReceipt { challenge: 0, ..next }, ReceiptError::Challenge { challenge: 0 }),
        (DeliveryReceipt { challenge: 2, ..next }, ReceiptError::Challenge { challenge: 2 }),
        (DeliveryReceipt { challenge: 9, ..next }, ReceiptError::Challenge { challenge: 9 }),
        (
            DeliveryReceipt { challenges: 1, ..next },
            ReceiptError::Challenges { sent: 1, expected: 2 },
        ),
        (DeliveryReceipt { gpu_millis: whole, ..next }, millis(whole)),
        (DeliveryReceipt { gpu_millis: 2 * whole + 1, ..next }, millis(2 * whole + 1)),
        (DeliveryReceipt { prev: [0; 32], ..next }, ReceiptError::Prev),
        (DeliveryReceipt { terms: [8; 32], ..next }, ReceiptError::Terms),
    ] {
        assert_eq!(check(sent), Err(refused));
    }
    assert_eq!(check(next), Ok(()));
    let closed = Obligation { closed: true, ..duty.clone() };
    let refused = Err(ReceiptError::Challenge { challenge: 1 });
    assert_eq!(closed.check_receipt(&instrument, &next), refused);
    duty.accept_receipt(&next, [2; 32], (NOW, VERDICT_BY)).expect("challenged");
    assert_eq!((duty.receipts, duty.claimed_millis, duty.last_receipt), (2, 2 * whole, [2; 32]));

    let before = duty.clone();
    assert!(duty.accept_receipt(&next, [4; 32], (NOW, VERDICT_BY)).is_err());
    assert_eq!(duty, before);
}
