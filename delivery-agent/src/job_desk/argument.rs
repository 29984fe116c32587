//! How a side finds its next word, and how the referee reads them all.
//!
//! At the exchange the two take turns strictly, the challenger with the word that opens the dispute. In
//! the game a choice of one is no move, so a side may have to show twice in a row: then the other
//! passes in between. Passing when something is due is silence.
//!
//! Invariants:
//! - the same words give the same ruling, whoever reads them;
//! - the job is run once for an argument, however many moves that has.

use std::sync::mpsc;
use std::thread;

use candle_core::Device;
use tokio::sync::oneshot;

use super::documents::{Case, Said, Trouble};
use crate::job::bisect::{Dispute, Move, Player, Ruling, Side, Turn};
use crate::job::run::{JobFault, RunError};
use crate::job::{JobResult, Leaves, Program};

/// What a side does when it is its turn at the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Says this.
    Say {
        /// What.
        said: Said,
        /// Whether it decides the matter.
        is_last: bool,
    },
    /// Calls the referee: the matter is decided.
    Call(Side),
    /// Nothing: its own run says the same as the result.
    Nothing,
}

/// Plays every word again. Who spoke is told by its place: the challenger first, then in turn.
pub fn play_all(dispute: &mut Dispute<'_>, words: &[Vec<u8>]) {
    let mut side = Side::Challenger;
    for word in words {
        let is_due = is_due(dispute, side);
        match borsh::from_slice(word) {
            Ok(Said::Move(made)) => dispute.play(side, made),
            // What cannot be read, and passing when something is due, is silence.
            Ok(Said::Pass) | Err(_) if is_due => dispute.silent(),
            Ok(Said::Pass) | Err(_) => {}
        }
        side = side.other();
    }
}

fn is_due(dispute: &Dispute<'_>, side: Side) -> bool {
    match dispute.turn() {
        Turn::Challenger => side == Side::Challenger,
        Turn::Prover => side == Side::Prover,
        Turn::Over(_) => false,
    }
}

/// Who is right, as the referee sees it: whoever called it before the matter was decided is not.
#[must_use]
pub fn rule(
    program: &Program,
    leaves: &Leaves,
    result: &JobResult,
    (words, caller): (&[Vec<u8>], Option<Side>),
) -> Ruling {
    let mut dispute = Dispute::open(program, leaves, result);
    play_all(&mut dispute, words);
    if let (Turn::Challenger | Turn::Prover, Some(caller)) = (dispute.turn(), caller) {
        let why = crate::job::bisect::Why::Foul;
        return Ruling { winner: caller.other(), why };
    }
    // After the last possible word: whoever's turn it still is has had its time.
    dispute.silent();
    match dispute.turn() {
        Turn::Over(ruling) => ruling,
        Turn::Challenger | Turn::Prover => unreachable!("silence ends a dispute"),
    }
}

struct Question {
    words: Vec<Vec<u8>>,
    reply: oneshot::Sender<Result<Next, Trouble>>,
}

/// One side of one argument, on a thread of its own: the job is run there.
pub struct Arguer {
    questions: mpsc::Sender<Question>,
}

impl Arguer {
    /// Begins to run the job.
    #[must_use]
    pub fn start(
        case: Case,
        result: JobResult,
        side: Side,
        (device, fault): (Device, JobFault),
    ) -> Self {
        let (questions, asked) = mpsc::channel();
        thread::spawn(move || argue(&case, &result, side, (&device, fault), &asked));
        Self { questions }
    }

    /// What is to be done after these words.
    ///
    /// # Errors
    /// [`Trouble::Device`], [`Trouble::Stopped`].
    pub async fn next(&self, words: Vec<Vec<u8>>) -> Result<Next, Trouble> {
        let (reply, answer) = oneshot::channel();
        self.questions.send(Question { words, reply }).map_err(|_gone| Trouble::Stopped)?;
        answer.await.map_err(|_gone| Trouble::Stopped)?
    }
}

fn argue(
    case: &Case,
    result: &JobResult,
    side: Side,
    (device, fault): (&Device, JobFault),
    questions: &mpsc::Receiver<Question>,
) {
    let mut player = Player::new(&case.program, &case.leaves, device, fault);
    for Question { words, reply } in questions {
        let mut dispute = Dispute::open(&case.program, &case.leaves, result);
        play_all(&mut dispute, &words);
        let next = match &mut player {
            Ok(player) => next(player, &mut dispute, side),
            Err(error) => Err(Trouble::Device(error.to_string())),
        };
        // Whoever asked may no longer wait.
        drop(reply.send(next));
    }
}

fn next(player: &mut Player<'_>, dispute: &mut Dispute<'_>, side: Side) -> Result<Next, Trouble> {
    let failed = |error: RunError| Trouble::Device(error.to_string());
    if let Turn::Over(ruling) = dispute.turn() {
        return Ok(Next::Call(ruling.winner));
    }
    if !is_due(dispute, side) {
        return Ok(Next::Say { said: Said::Pass, is_last: false });
    }
    let Some(made) = player.next_move(dispute).map_err(failed)? else { return Ok(Next::Nothing) };
    let is_last = matches!(made, Move::Evidence(_));
    Ok(Next::Say { said: Said::Move(made), is_last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::bisect::Why;
    use crate::job::demo::{DemoKind, demo_job};
    use crate::job_desk::documents::said_to_bytes;

    fn case() -> Case {
        let job = demo_job(DemoKind::Inference, 1, u64::MAX);
        let program = job.spec.clone().check().unwrap();
        let leaves = Leaves::read(&program, job.weights.clone(), job.inputs.clone()).unwrap();
        Case {
            spec: job.spec,
            program: program.into(),
            leaves: leaves.into(),
            weights: job.weights.into(),
            inputs: job.inputs.into(),
        }
    }

    fn result(case: &Case, fault: JobFault) -> JobResult {
        crate::job::run::run(&case.program, &case.leaves, &Device::Cpu, fault).unwrap().result
    }

    /// Both take turns until one of them calls the referee; the words, and who called.
    async fn argue(case: &Case, fault: JobFault) -> (Vec<Vec<u8>>, Side) {
        let claimed = result(case, fault);
        let side =
            |side, fault| Arguer::start(case.clone(), claimed.clone(), side, (Device::Cpu, fault));
        let sides = [side(Side::Challenger, JobFault::None), side(Side::Prover, fault)];
        let names = [Side::Challenger, Side::Prover];
        let mut words = Vec::new();
        loop {
            let turn = words.len() % 2;
            match sides[turn].next(words.clone()).await.unwrap() {
                Next::Say { said, is_last } => {
                    words.push(said_to_bytes(&said));
                    if is_last {
                        return (words, names[turn]);
                    }
                }
                Next::Call(_) => return (words, names[turn]),
                Next::Nothing => panic!("something differs"),
            }
        }
    }

    /// DISPUTE-016: a lie is found in one row, and the words alone say so to anyone.
    #[tokio::test]
    async fn dispute_016_a_liar_loses_by_one_row() {
        let case = case();
        let (words, caller) = argue(&case, JobFault::Lie).await;
        let claimed = result(&case, JobFault::Lie);
        let ruling = rule(&case.program, &case.leaves, &claimed, (&words, Some(caller)));
        assert_eq!((ruling.winner, ruling.why), (Side::Challenger, Why::RowRefuted));
        assert!(words.len() <= 20, "{} words", words.len());
    }

    /// DISPUTE-016: against an honest prover there is nothing to say, and whoever calls too early has lost.
    #[tokio::test]
    async fn dispute_016_an_honest_prover_is_not_accused_and_an_early_call_loses() {
        let case = case();
        let honest = result(&case, JobFault::None);
        let side = Side::Challenger;
        let challenger =
            Arguer::start(case.clone(), honest.clone(), side, (Device::Cpu, JobFault::None));
        assert_eq!(challenger.next(Vec::new()).await.unwrap(), Next::Nothing);
        let pick = said_to_bytes(&Said::Move(Move::Pick { number: 0 }));
        let words = [pick.clone()];
        let early = |caller| rule(&case.program, &case.leaves, &honest, (&words, Some(caller)));
        assert_eq!(early(Side::Challenger).winner, Side::Prover);
        assert_eq!(early(Side::Prover).winner, Side::Challenger);
        let passed = [pick, said_to_bytes(&Said::Pass)];
        let silent = rule(&case.program, &case.leaves, &honest, (&passed, None));
        assert_eq!((silent.winner, silent.why), (Side::Challenger, Why::Silence));
        let noise = [b"?".to_vec()];
        let foul = rule(&case.program, &case.leaves, &honest, (&noise, None));
        assert_eq!(foul.winner, Side::Prover);
    }
}
