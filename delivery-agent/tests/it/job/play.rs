//! Disputes: an honest side never loses, whatever the other does, in at most ten moves.

use candle_core::Device;
use delivery_agent::job::bisect::{
    Dispute, MOVES_MAX, Move, Player, Ruling, Shown, Side, Turn, Why,
};
use delivery_agent::job::demo::{DemoJob, DemoKind};
use delivery_agent::job::run::{JobFault, Lie};
use delivery_agent::job::{Digest, JobResult, JobSpec};
use proptest::prelude::*;
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};

use super::Ready;
use super::graph::{every_op, every_op_with};

const REFUTED: Ruling = Ruling { winner: Side::Challenger, why: Why::RowRefuted };

fn player(ready: &Ready, fault: JobFault) -> Player<'_> {
    Player::new(&ready.program, &ready.leaves, &Device::Cpu, fault).unwrap()
}

/// Plays to the end; `None` when the challenger sees nothing to challenge.
fn play<'a>(
    ready: &'a Ready,
    result: &JobResult,
    prover: &mut Player<'a>,
    challenger: &mut Player<'a>,
    twist: &mut dyn FnMut(u32, Side, Move) -> Move,
) -> Option<Ruling> {
    let mut dispute = Dispute::open(&ready.program, &ready.leaves, result);
    loop {
        let (side, player) = match dispute.turn() {
            Turn::Challenger => (Side::Challenger, &mut *challenger),
            Turn::Prover => (Side::Prover, &mut *prover),
            Turn::Over(ruling) => {
                assert!(dispute.moves() <= MOVES_MAX, "{} moves", dispute.moves());
                return Some(ruling);
            }
        };
        match player.next_move(&dispute).unwrap() {
            Some(made) => dispute.play(side, twist(dispute.moves(), side, made)),
            None if dispute.moves() == 0 => return None,
            None => dispute.silent(),
        }
    }
}

fn straight(_: u32, _: Side, made: Move) -> Move {
    made
}

/// Whoever believes one of these lies loses, as prover and as challenger.
fn lies_lose(ready: &Ready, lies: impl Iterator<Item = Lie>) -> (u32, u32) {
    let (mut seen, mut without_effect) = (0, 0);
    let mut honest = player(ready, JobFault::None);
    let truth = honest.finished().result.clone();
    for lie in lies {
        let mut liar = player(ready, JobFault::At(lie));
        let claimed = liar.finished().result.clone();
        let ruling = play(ready, &claimed, &mut liar, &mut honest, &mut straight);
        let reversed = play(ready, &truth, &mut honest, &mut liar, &mut straight);
        if claimed == truth {
            assert_eq!((ruling, reversed), (None, None), "{lie:?}");
            without_effect += 1;
            continue;
        }
        assert_eq!(ruling, Some(REFUTED), "{lie:?}");
        let holds = Ruling { winner: Side::Prover, why: Why::Unproven };
        let kept = Ruling { winner: Side::Prover, why: Why::RowHolds };
        assert!([Some(holds), Some(kept)].contains(&reversed), "{lie:?}: {reversed:?}");
        seen += 1;
    }
    (seen, without_effect)
}

fn all_lies(ready: &Ready) -> Vec<Lie> {
    let nodes = ready.program.values()[ready.program.tensors()..].iter().enumerate();
    let elements = nodes.flat_map(|(node, value)| {
        (0..value.shape.elements() as usize).map(move |element| (node, element))
    });
    let elements: Vec<_> = elements.collect();
    let steps = 1..=ready.program.spec().steps;
    steps
        .flat_map(|step| {
            elements.iter().map(move |(node, element)| Lie { step, node: *node, element: *element })
        })
        .collect()
}

/// JOB-013, too: who challenges the truth because he believes the lie loses.
#[test]
fn job_012_every_lie_of_one_element_loses_by_one_row() {
    let ready = Ready::new(every_op_with(3, 2, 2));
    let lies = all_lies(&ready);
    let (seen, without_effect) = lies_lose(&ready, lies.iter().copied());
    assert_eq!(seen + without_effect, u32::try_from(lies.len()).unwrap());
    assert!(without_effect < seen, "{seen} seen, {without_effect} without effect");
}

/// JOB-012: a value of more rows than one answer shows is reached in two.
#[test]
fn job_012_the_ends_of_every_part_are_found() {
    let rows: Vec<u8> = (0..1_200_u32).map(|at| (at * 7 % 251) as u8).collect();
    let view = TensorView::new(Dtype::U8, vec![600, 2], &rows).unwrap();
    let inputs = serialize([("x", view)], None).unwrap();
    let weights = serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap();
    let mut spec = JobSpec::from_json(LONG).unwrap();
    (spec.weights, spec.inputs) = (Digest::of(&weights), Digest::of(&inputs));
    let ready = Ready::new(DemoJob { spec, weights, inputs });
    let ends =
        [0, 255, 256, 511, 512, 599].map(|row| Lie { step: 2, node: 0, element: row * 2 + 1 });
    assert_eq!(lies_lose(&ready, ends.into_iter()), (6, 0));
}

const LONG: &str = r#"{
"version":1,"mode":"exact","nonce":7,"expires_at_ms":9000000000000,
"weights":"0000000000000000000000000000000000000000000000000000000000000000",
"inputs":"0000000000000000000000000000000000000000000000000000000000000000",
"tensors":[{"name":"x","blob":"inputs","kind":"u8","shape":[600,2],"next":"out"}],
"nodes":[{"name":"more","op":{"scale":{"a":"x","by":3}}},
{"name":"out","op":{"rescale":{"a":"more","shift":1,"low":0,"high":255}}},
{"name":"sum","op":{"add":{"a":"more","b":"out"}}}],
"output":"sum","steps":4,"stride":2,
"limits":{"parameters":0,"flop":100000,"bytes":100000,"seconds":10}}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// JOB-012, on other data and with other stretches.
    #[test]
    fn a_lie_anywhere_loses(seed: u8, steps in 1..8u32, stride in 1..4u32, at: prop::sample::Index) {
        let ready = Ready::new(every_op_with(seed, steps, stride.min(steps)));
        let lies = all_lies(&ready);
        lies_lose(&ready, std::iter::once(lies[at.index(lies.len())]));
    }

    /// JOB-013: a prover who is right wins against any choices.
    #[test]
    fn an_honest_prover_never_loses(
        seed: u8,
        picks in prop::collection::vec(0..40u32, 10),
        at: prop::sample::Index,
        break_at in 0..10u32,
    ) {
        let ready = Ready::new(every_op(seed));
        let lies = all_lies(&ready);
        let mut honest = player(&ready, JobFault::None);
        let mut liar = player(&ready, JobFault::At(lies[at.index(lies.len())]));
        let truth = honest.finished().result.clone();
        let mut dispute = Dispute::open(&ready.program, &ready.leaves, &truth);
        let mut picks = picks.into_iter();
        loop {
            match dispute.turn() {
                Turn::Over(ruling) => {
                    prop_assert_eq!(ruling.winner, Side::Prover);
                    break;
                }
                Turn::Prover => {
                    let made = honest.next_move(&dispute).unwrap().unwrap();
                    dispute.play(Side::Prover, made);
                }
                Turn::Challenger => {
                    let own = match liar.next_move(&dispute).unwrap() {
                        Some(Move::Evidence(evidence)) => Move::Evidence(evidence),
                        _ => Move::Pick { number: picks.next().unwrap() % 26 % (break_at + 1) },
                    };
                    dispute.play(Side::Challenger, own);
                }
            }
        }
        prop_assert!(dispute.moves() <= MOVES_MAX);
    }

    /// JOB-014: a prover cannot save a wrong result by showing something else than he committed to.
    #[test]
    fn a_liar_who_shows_other_hashes_loses(seed: u8, at: prop::sample::Index, when in 0..8u32, which: prop::sample::Index) {
        let ready = Ready::new(every_op(seed));
        let lies = all_lies(&ready);
        let mut honest = player(&ready, JobFault::None);
        let mut liar = player(&ready, JobFault::At(lies[at.index(lies.len())]));
        let claimed = liar.finished().result.clone();
        prop_assume!(claimed != honest.finished().result);
        let ruling = play(&ready, &claimed, &mut liar, &mut honest, &mut |number, side, made| {
            if side == Side::Prover && number == when { twisted(made, &which) } else { made }
        });
        prop_assert_eq!(ruling.unwrap().winner, Side::Challenger);
    }

    /// JOB-014: nor a result in which one root, or the output's, was made up.
    #[test]
    fn a_root_that_was_made_up_loses(seed: u8, at in 0..4usize) {
        let ready = Ready::new(every_op(seed));
        let mut honest = player(&ready, JobFault::None);
        let mut prover = player(&ready, JobFault::None);
        let mut claimed = honest.finished().result.clone();
        match claimed.roots.get_mut(at) {
            Some(root) => root.0[7] ^= 1,
            None => claimed.output_root.0[7] ^= 1,
        }
        let ruling = play(&ready, &claimed, &mut prover, &mut honest, &mut straight).unwrap();
        prop_assert_eq!(ruling, Ruling { winner: Side::Challenger, why: Why::Unproven });
    }

    /// JOB-013: evidence in which one number was changed proves nothing.
    #[test]
    fn changed_evidence_loses(seed: u8, at: prop::sample::Index, which: prop::sample::Index) {
        let ready = Ready::new(every_op(seed));
        let lies = all_lies(&ready);
        let mut honest = player(&ready, JobFault::None);
        let mut liar = player(&ready, JobFault::At(lies[at.index(lies.len())]));
        let truth = honest.finished().result.clone();
        let ruling = play(&ready, &truth, &mut honest, &mut liar, &mut |_, _, made| {
            twisted_evidence(made, &which)
        });
        prop_assert!(ruling.is_none_or(|ruling| ruling.winner == Side::Prover), "{ruling:?}");
    }
}

fn twisted(made: Move, which: &prop::sample::Index) -> Move {
    let flip = |hashes: &mut Vec<Digest>| {
        let at = which.index(hashes.len());
        hashes[at].0[0] ^= 1;
    };
    match made {
        Move::Steps { mut roots } => {
            flip(&mut roots);
            Move::Steps { roots }
        }
        Move::Nodes { before, mut roots } => {
            flip(&mut roots);
            Move::Nodes { before, roots }
        }
        Move::Leaves { mut hashes } => {
            flip(&mut hashes);
            Move::Leaves { hashes }
        }
        other @ (Move::Pick { .. } | Move::Evidence(_)) => other,
    }
}

fn twisted_evidence(made: Move, which: &prop::sample::Index) -> Move {
    let Move::Evidence(mut evidence) = made else { return made };
    for shown in &mut evidence.operands {
        match shown {
            Shown::Nothing => {}
            Shown::Rows(rows) => {
                let at = which.index(rows.len());
                let values = &mut rows[at].values;
                let at = which.index(values.len());
                values[at] ^= 1;
            }
            Shown::Whole(values) => {
                let at = which.index(values.len());
                values[at] ^= 1;
            }
        }
    }
    Move::Evidence(evidence)
}

#[test]
fn job_015_silence_and_other_moves_than_the_due_one_lose() {
    let ready = Ready::new(every_op(1));
    let mut prover = player(&ready, JobFault::None);
    let result = prover.finished().result.clone();
    let open = || Dispute::open(&ready.program, &ready.leaves, &result);
    let ended = |dispute: &Dispute<'_>, winner, why| {
        assert_eq!(dispute.turn(), Turn::Over(Ruling { winner, why }));
    };

    let mut dispute = open();
    dispute.silent();
    ended(&dispute, Side::Prover, Why::Silence);

    let mut dispute = open();
    dispute.play(Side::Challenger, Move::Pick { number: 3 });
    ended(&dispute, Side::Prover, Why::Foul);

    let mut dispute = open();
    // Not his turn: as if it had not been said.
    dispute.play(Side::Prover, Move::Steps { roots: Vec::new() });
    assert_eq!((dispute.turn(), dispute.moves()), (Turn::Challenger, 0));
    dispute.play(Side::Challenger, Move::Pick { number: 0 });
    dispute.play(Side::Prover, Move::Leaves { hashes: Vec::new() });
    ended(&dispute, Side::Challenger, Why::Foul);

    let mut dispute = open();
    dispute.play(Side::Challenger, Move::Pick { number: 0 });
    dispute.play(Side::Prover, prover.next_move(&dispute).unwrap().unwrap());
    dispute.silent();
    ended(&dispute, Side::Prover, Why::Silence);

    let other = JobResult { job: Digest::of(b"another"), ..result.clone() };
    let dispute = Dispute::open(&ready.program, &ready.leaves, &other);
    ended(&dispute, Side::Challenger, Why::Malformed);
    let short = JobResult { roots: Vec::new(), ..result.clone() };
    let dispute = Dispute::open(&ready.program, &ready.leaves, &short);
    ended(&dispute, Side::Challenger, Why::Malformed);
}

#[test]
fn job_029_a_job_in_floats_is_not_disputed() {
    let ready = super::runs::floats(1, Dtype::F32, 24);
    let result = ready.run(JobFault::Lie).result;
    let dispute = Dispute::open(&ready.program, &ready.leaves, &result);
    assert_eq!(dispute.turn(), Turn::Over(Ruling { winner: Side::Prover, why: Why::NotExact }));
}

/// JOB-012: the demonstration's lie, and what it costs the referee to find it out.
#[test]
fn job_016_the_referee_reads_the_right_operand_once() {
    for kind in [DemoKind::Inference, DemoKind::Training] {
        let ready = Ready::demo(kind);
        let mut honest = player(&ready, JobFault::None);
        let products = ready.program.ops().iter().enumerate();
        let products = products.filter(|(_, op)| op.name() == "matmul").map(|(node, _)| node);
        for node in products.take(6) {
            let fault = JobFault::At(Lie { step: 5, node, element: 70 });
            let mut liar = player(&ready, fault);
            let claimed = liar.finished().result.clone();
            let mut dispute = Dispute::open(&ready.program, &ready.leaves, &claimed);
            if honest.next_move(&dispute).unwrap().is_none() {
                continue;
            }
            while !matches!(dispute.turn(), Turn::Over(_)) {
                let is_provers = dispute.turn() == Turn::Prover;
                let side = if is_provers { Side::Prover } else { Side::Challenger };
                let player = if is_provers { &mut liar } else { &mut honest };
                dispute.play(side, player.next_move(&dispute).unwrap().unwrap());
            }
            assert_eq!(dispute.turn(), Turn::Over(REFUTED));
            let mut operands = ready.program.ops()[node].operands();
            let [left, right] = [(); 2].map(|()| *operands.next().unwrap());
            let shape = |value: usize| ready.program.values()[value].shape;
            assert_eq!(dispute.work(), shape(right).elements() + u64::from(shape(left).columns));
        }
    }
}
