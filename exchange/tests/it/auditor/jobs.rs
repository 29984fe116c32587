//! Jobs: who may be asked what, in which order, and what it may cost.

use exchange::JobEvent;
use instruments::JobId;
use settlement::{JobOutcome, Party};

use super::*;

/// A job as its events tell it.
pub(super) struct Task {
    obligation: ObligationId,
    prover: AccountId,
    buyer: AccountId,
    value: i128,
    replay: i128,
    own_replay: i128,
    stake: i128,
    /// What a prover that lost is still to pay for the dispute.
    fee: i128,
    /// Whose turn it is; none where nobody argues.
    turn: Option<Party>,
    moves: u32,
    is_called: bool,
    is_claimed: bool,
    outcome: Option<JobOutcome>,
    returned: Option<i128>,
}

impl Auditor {
    /// What is staked, by account.
    pub(super) fn stakes(&self) -> Vec<(AccountId, i128)> {
        self.jobs.values().map(|job| (job.buyer, job.stake)).collect()
    }

    #[track_caller]
    pub(super) fn job_event(&mut self, input: &Stamped, event: &JobEvent) {
        let Some(id) = event.job() else { return };
        if let JobEvent::Submitted { obligation, buyer, prover, value, claim_by, .. } = event {
            assert_eq!(id.0, u64::try_from(self.jobs.len()).unwrap() + 1, "ids without gaps");
            assert!(input.at < *claim_by && buyer != prover);
            assert_eq!(self.duty(*obligation).buyer, *buyer);
            let open = self.jobs.values().filter(|job| {
                job.obligation == *obligation && (job.outcome.is_none() || job.owes())
            });
            assert!(open.count() < 16, "sixteen at a time");
            let job = Task {
                obligation: *obligation,
                prover: *prover,
                buyer: *buyer,
                value: micros(*value),
                replay: 0,
                own_replay: 0,
                stake: 0,
                fee: 0,
                turn: None,
                moves: 0,
                is_called: false,
                is_claimed: false,
                outcome: None,
                returned: None,
            };
            self.jobs.insert(id, job);
            return;
        }
        self.told(input, id, event);
    }

    #[track_caller]
    fn told(&mut self, input: &Stamped, id: JobId, event: &JobEvent) {
        let job = self.jobs.get_mut(&id).expect("a job that was submitted");
        let is_over = job.outcome.is_some();
        assert!(matches!(event, JobEvent::HoursReturned { .. }) == is_over, "{event:?}");
        match event {
            JobEvent::TermsSet(_) | JobEvent::Submitted { .. } => {}
            JobEvent::Declined { .. } => assert!(!job.is_claimed),
            JobEvent::Claimed { claim, accept_by, .. } => {
                assert!(!job.is_claimed && input.at < *accept_by);
                job.is_claimed = true;
                job.replay = micros(claim.replay_cost);
                assert!((0..=job.value).contains(&job.replay));
            }
            JobEvent::Disputed { replay_cost, stake, .. } => {
                assert!(job.is_claimed && job.turn.is_none());
                job.turn = Some(Party::Prover);
                job.own_replay = micros(*replay_cost);
                job.stake = micros(*stake);
                assert!((0..=job.value).contains(&job.own_replay) && job.replay <= job.stake);
            }
            JobEvent::Moved { party, number, .. } => {
                assert_eq!((job.turn, job.moves), (Some(*party), *number), "in turn");
                assert!(!job.is_called && *number < 64);
                job.turn = Some(party.other());
                job.moves += 1;
            }
            JobEvent::RefereeCalled { by, .. } => {
                assert!(!job.is_called && job.turn.is_some());
                let last = job.turn.map(Party::other);
                assert!(
                    by.is_none() == (job.moves == 64)
                        && (by.is_none() || *by == job.turn || *by == last)
                );
                job.is_called = true;
            }
            JobEvent::Ruled { verifier, .. } => {
                assert!(job.is_called && *verifier != job.buyer && *verifier != job.prover);
            }
            JobEvent::Ended { outcome, paid, obligation, .. } => {
                assert_eq!((*obligation, micros(paid.stake)), (job.obligation, job.stake));
                job.ends(*outcome, micros(paid.replay), micros(paid.fee), micros(paid.unpaid));
                let from_bond = micros(paid.from_bond);
                self.bond_pays(*obligation, from_bond);
            }
            JobEvent::HoursReturned { hours, obligation, .. } => {
                let (owed, returned) = (micros(hours.owed), micros(hours.returned));
                let (fee, unpaid) = (micros(hours.fee), micros(hours.unpaid));
                assert!(job.owes() && returned <= owed && owed <= job.value);
                assert_eq!(returned + fee + unpaid, owed + job.fee, "owed is paid or not");
                assert!(fee == 0 || returned == owed, "the buyer before the fund");
                job.returned = Some(returned);
                let from_bond = micros(hours.from_bond);
                assert!(from_bond <= returned + fee);
                self.bond_pays(*obligation, from_bond);
                self.returned_at_most_what_was_paid(*obligation);
            }
        }
    }

    /// DISPUTE-009: an hour comes back once.
    #[track_caller]
    fn returned_at_most_what_was_paid(&self, obligation: ObligationId) {
        let of = self.jobs.values().filter(|job| job.obligation == obligation);
        let returned: i128 = of.filter_map(|job| job.returned).sum();
        let paid = self.duties[&obligation].paid_to_all;
        assert!(returned <= paid, "{returned} came back of {paid}");
    }

    /// A bond may pay after the obligation is closed only where it is gone, which is nothing.
    #[track_caller]
    fn bond_pays(&mut self, obligation: ObligationId, amount: i128) {
        let duty = self.duties.get_mut(&obligation).expect("an obligation");
        duty.bond -= amount;
        assert!(0 <= duty.bond, "the bond is not overdrawn");
    }
}

impl Task {
    fn owes(&self) -> bool {
        let comes_back = matches!(self.outcome, Some(JobOutcome::Refuted | JobOutcome::Missed));
        comes_back && self.returned.is_none()
    }

    /// DISPUTE-008, DISPUTE-011: the loser pays the fee and the winner's replay, or as much as it has; without a loser nobody pays.
    #[track_caller]
    fn ends(&mut self, outcome: JobOutcome, replay: i128, fee: i128, unpaid: i128) {
        let full = self.stake - self.replay;
        match outcome {
            JobOutcome::Refuted => {
                assert_eq!((replay + unpaid, fee), (self.own_replay, 0));
                self.fee = full;
            }
            JobOutcome::Upheld => assert_eq!((replay, fee, unpaid), (self.replay, full, 0)),
            JobOutcome::Accepted
            | JobOutcome::Declined
            | JobOutcome::Missed
            | JobOutcome::Unruled => assert_eq!((replay, fee, unpaid), (0, 0, 0)),
        }
        assert_eq!(
            self.turn.is_some(),
            matches!(outcome, JobOutcome::Refuted | JobOutcome::Upheld | JobOutcome::Unruled)
        );
        self.stake = 0;
        self.outcome = Some(outcome);
    }
}
