//! DISPUTE: any job, argued about in any way by anyone, with intervals that are delivered or not. The auditor, the inspector and the sums of
//! the ledger are asked after every command.

use exchange::{Answer, Command, Exchange};
use instruments::{AccountId, GpuSeconds, JobId, MicroUsd, NanosSpan, ObligationId, Ppm};
use proptest::prelude::*;
use settlement::{Bucket, JobClaim, JobMode, JobTask, JobTerms, Verdict};

use crate::script::Desk;
use crate::world::World;

#[derive(Debug, Clone)]
enum Act {
    Say(Box<Command>),
    Wait(u64),
    /// An interval goes through, or its claim is refuted.
    Interval {
        quality: Option<i64>,
    },
    Restart,
}

/// alice, bob, carol, vera, and nobody.
fn any_who() -> impl Strategy<Value = AccountId> {
    (1..6_u64).prop_map(AccountId)
}

fn any_job() -> impl Strategy<Value = JobId> {
    (1..5_u64).prop_map(JobId)
}

fn any_cost() -> impl Strategy<Value = MicroUsd> {
    prop_oneof![4 => 0..3_000_000_i64, 1 => Just(-1), 1 => Just(i64::MAX)].prop_map(MicroUsd::new)
}

fn any_task() -> impl Strategy<Value = JobTask> {
    let mode = prop_oneof![6 => Just(JobMode::Exact), 1 => Just(JobMode::Tolerant)];
    let compute = prop_oneof![8 => 1..40_000_u64, 1 => Just(u64::MAX)].prop_map(GpuSeconds::new);
    let steps = prop_oneof![8 => Just(10_u32), 1 => any::<u32>()];
    (mode, compute, steps).prop_map(|(mode, compute, steps)| JobTask {
        spec: [8; 32],
        mode,
        compute,
        steps,
        stride: 2,
    })
}

fn any_terms() -> impl Strategy<Value = JobTerms> {
    let seconds = || (1..4_000_u64).prop_map(NanosSpan::from_seconds);
    let fee = (0..900_000_000_i64).prop_map(MicroUsd::new);
    (seconds(), seconds(), seconds(), seconds(), fee).prop_map(
        |(start_within, accept_within, move_within, rule_within, fee)| JobTerms {
            start_within,
            accept_within,
            move_within,
            rule_within,
            fee,
        },
    )
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Valid { quality: Ppm::ONE }),
        Just(Verdict::Invalid),
        Just(Verdict::Unverifiable)
    ]
}

fn any_say() -> impl Strategy<Value = Command> {
    let claim = (any_cost(), prop_oneof![9 => Just(5_u32), 1 => any::<u32>()]);
    let claim = claim.prop_map(|(replay_cost, checkpoints)| JobClaim {
        result: [5; 32],
        checkpoints,
        replay_cost,
    });
    let answer = prop_oneof![
        4 => any::<bool>().prop_map(|last| Answer::Move { said: [7; 32], is_last: last }),
        1 => Just(Answer::Referee),
    ];
    let alice = || prop_oneof![9 => Just(AccountId(1)), 1 => any_who()];
    let bob = || prop_oneof![9 => Just(AccountId(2)), 1 => any_who()];
    let vera = prop_oneof![9 => Just(AccountId(4)), 1 => any_who()];
    prop_oneof![
        3 => (alice(), any_task()).prop_map(|(account, task)| {
            Command::SubmitJob { account, obligation: ObligationId(1), task }
        }),
        4 => (bob(), any_job(), claim, 0..9_u8).prop_map(|(account, job, claim, key)| {
            let signer = [if key == 0 { 0xbb } else { 0xaa }; 20];
            Command::ClaimJob { account, job, claim, signer, signature: vec![4; 65] }
        }),
        1 => (bob(), any_job()).prop_map(|(account, job)| Command::DeclineJob { account, job }),
        1 => (alice(), any_job()).prop_map(|(account, job)| Command::AcceptJob { account, job }),
        4 => (alice(), any_job(), any_cost()).prop_map(|(account, job, replay_cost)| {
            Command::OpenDispute { account, job, claim: [6; 32], replay_cost }
        }),
        8 => (prop_oneof![alice(), bob()], any_job(), answer)
            .prop_map(|(account, job, answer)| Command::AnswerDispute { account, job, answer }),
        3 => (vera, any_job(), any_verdict())
            .prop_map(|(account, job, verdict)| Command::RuleDispute { account, job, verdict }),
        1 => any_terms().prop_map(Command::SetJobTerms),
        1 => (any_who(), 0..400_000_000_i64).prop_map(|(account, micros)| Command::Withdraw {
            account,
            amount: MicroUsd::new(micros),
        }),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        16 => any_say().prop_map(|command| Act::Say(Box::new(command))),
        3 => prop_oneof![4 => 1..100_u64, 1 => 100..9_000_u64].prop_map(Act::Wait),
        2 => prop::option::weighted(0.9, 880_000..1_000_001_i64)
            .prop_map(|quality| Act::Interval { quality }),
        1 => Just(Act::Restart),
    ]
}

/// Two lots of a day of 24 intervals, from bob to alice; the first interval has begun.
fn delivering() -> World {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        list H100D intervals 24 perhour 1
        account alice
        account bob
        account carol
        account vera verifier
        deposit alice 1000
        deposit bob 500
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        bob nominates aa
        run 3h
        ",
    );
    desk.world
}

fn interval(world: World, quality: Option<i64>) -> World {
    let hours = (world.now.since(crate::world::START).nanos() / 3_600_000_000_000).min(26);
    let place = format!("D-1/{}", hours.saturating_sub(3));
    let verdict = quality.map_or("invalid".to_owned(), |ppm| format!("valid {ppm}"));
    let mut desk = Desk { world, out: String::new() };
    desk.run(&format!("challenge {place}\nbob receipt {place}\ndraw {place}"));
    desk.run(&format!("vera verdict {place} {verdict}"));
    desk.world
}

fn live(acts: &[Act]) -> World {
    let mut world = delivering();
    for act in acts {
        match act {
            Act::Say(command) => {
                world.apply((**command).clone());
            }
            Act::Wait(seconds) => {
                world.run(NanosSpan::from_seconds(*seconds));
            }
            Act::Interval { quality } => world = interval(world, *quality),
            Act::Restart => world.restart(),
        }
    }
    // Whatever the terms, everything ends: an argument has 64 moves.
    world.run(NanosSpan::from_seconds(40 * 86_400));
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// DISPUTE-006, DISPUTE-008, DISPUTE-009, DISPUTE-011: money is conserved, stakes are held and given back, everything ends, and the
    /// journal gives the same again.
    #[test]
    fn any_argument_passes_the_audit(acts in prop::collection::vec(any_act(), 1..60)) {
        let world = live(&acts);
        let exchange = &world.exchange;
        prop_assert!(exchange.jobs().iter().all(|job| job.state.has_ended() && !job.is_owing));
        for (account, _) in exchange.accounts() {
            prop_assert_eq!(exchange.ledger().balance(Bucket::Bond(account)).micros(), 0);
        }
        let mut again = Exchange::new();
        for input in &world.journal {
            again.apply(input, &mut Vec::new());
        }
        prop_assert_eq!(again.state_hash(), exchange.state_hash());
        prop_assert!(again == world.exchange);
    }
}
