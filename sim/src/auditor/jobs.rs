//! Buyers' jobs: what is staked on arguments about them, and who pays whom when they are over.

use exchange::JobEvent;
use instruments::{AccountId, MicroUsd};
use settlement::JobOutcome;

use super::{Auditor, Sheet};
use crate::finding::Finding;

/// A job as its events tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    prover: AccountId,
    pub(super) buyer: AccountId,
    value: MicroUsd,
    replay: MicroUsd,
    pub(super) stake: MicroUsd,
    owes: bool,
    fee: MicroUsd,
}

impl Auditor {
    /// SIM-016, SIM-022: stakes are held until an argument is over, and its loser pays no more than it says.
    pub(super) fn read_job(&mut self, event: &JobEvent, sheet: &mut Sheet) -> Result<(), Finding> {
        sheet.has_delivery = true;
        let Some(id) = event.job() else { return Ok(()) };
        if let JobEvent::Submitted { prover, buyer, value, .. } = event {
            let none = MicroUsd::ZERO;
            let (prover, buyer, value) = (*prover, *buyer, *value);
            let told =
                Told { prover, buyer, value, replay: none, stake: none, owes: false, fee: none };
            self.claims.jobs.insert(id, told);
            return self.next_id("job", id.0);
        }
        let wrong = Finding::Unannounced { kind: "job", id: id.0 };
        let Some(told) = self.claims.jobs.get_mut(&id) else { return Err(wrong) };
        let stated = &mut sheet.stated;
        match event {
            JobEvent::Claimed { claim, .. } => told.replay = claim.replay_cost,
            JobEvent::Disputed { stake, .. } => told.stake = *stake,
            JobEvent::Ended { outcome, paid, obligation, .. } => {
                let fee = if MicroUsd::ZERO < told.stake {
                    told.stake - told.replay
                } else {
                    MicroUsd::ZERO
                };
                let (loser, winner, charged) = match outcome {
                    JobOutcome::Upheld => (told.buyer, told.prover, fee),
                    JobOutcome::Refuted => (told.prover, told.buyer, MicroUsd::ZERO),
                    JobOutcome::Accepted
                    | JobOutcome::Declined
                    | JobOutcome::Missed
                    | JobOutcome::Unruled => {
                        let is_free = paid.replay == MicroUsd::ZERO && paid.fee == MicroUsd::ZERO;
                        return self.end_free(event, is_free);
                    }
                };
                let is_right = paid.fee == charged
                    && paid.replay <= told.value
                    && (loser != told.buyer || paid.replay == told.replay);
                stated.gain(loser, -(paid.replay + paid.fee));
                stated.gain(winner, paid.replay);
                stated.house(paid.fee);
                told.owes = *outcome == JobOutcome::Refuted;
                told.fee = fee;
                told.stake = MicroUsd::ZERO;
                self.deliveries.take_of_bond(*obligation, paid.from_bond)?;
                if !is_right {
                    return Err(wrong);
                }
            }
            JobEvent::HoursReturned { hours, obligation, .. } => {
                let is_right = told.owes
                    && hours.owed <= told.value
                    && hours.returned + hours.fee + hours.unpaid == hours.owed + told.fee;
                stated.gain(told.buyer, hours.returned);
                stated.gain(told.prover, -(hours.returned + hours.fee));
                stated.house(hours.fee);
                told.owes = false;
                self.deliveries.take_of_bond(*obligation, hours.from_bond)?;
                if !is_right {
                    return Err(wrong);
                }
            }
            JobEvent::TermsSet(_)
            | JobEvent::Submitted { .. }
            | JobEvent::Declined { .. }
            | JobEvent::Moved { .. }
            | JobEvent::RefereeCalled { .. }
            | JobEvent::Ruled { .. } => {}
        }
        Ok(())
    }

    /// A job that nobody has lost.
    fn end_free(&mut self, event: &JobEvent, is_free: bool) -> Result<(), Finding> {
        let JobEvent::Ended { job, outcome, .. } = event else { return Ok(()) };
        if let Some(told) = self.claims.jobs.get_mut(job) {
            told.stake = MicroUsd::ZERO;
            told.owes = *outcome == JobOutcome::Missed;
        }
        if is_free { Ok(()) } else { Err(Finding::Unannounced { kind: "job", id: job.0 }) }
    }
}
