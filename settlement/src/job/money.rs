//! Who pays for a dispute, and what comes back of a job that was not done.
//!
//! A challenger stakes the fee and the prover's replay before it may speak. A prover stakes nothing more: its bond is there. Whoever loses
//! pays the winner's replay to the winner and the fee to the insurance fund, so that nobody but the fund gains by arguing. The hours of a
//! result that was refuted, or never came, go back to the buyer; insurance pays nothing of them, or two who know each other would earn it.
//!
//! What a prover owes is collected in this order: the replay at once; the hours, once all of the job's intervals have ended and it is known
//! what was paid for them; last the fee.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, MicroUsd};

use super::{Job, JobOutcome, JobTerms};
use crate::ledger::{Bucket, HoldKey, Ledger, Reason};
use crate::obligation::{IntervalState, Obligation};

/// How the money of a dispute moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DisputePaid {
    /// What the challenger had staked; it is no longer held.
    pub stake: MicroUsd,
    /// To the winner, for its replay.
    pub replay: MicroUsd,
    /// From a challenger that lost to the insurance fund; a prover that lost pays it after the hours.
    pub fee: MicroUsd,
    /// The part of the replay that came out of the seller's bond.
    pub from_bond: MicroUsd,
    /// What a prover that lost did not have of it.
    pub unpaid: MicroUsd,
}

/// What came back of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HoursReturned {
    /// What was owed: the declared hours, or what was paid in the job's time where that is less.
    pub owed: MicroUsd,
    /// What the buyer received.
    pub returned: MicroUsd,
    /// From a prover that has lost a dispute to the insurance fund.
    pub fee: MicroUsd,
    /// The part of both that came out of the seller's bond.
    pub from_bond: MicroUsd,
    /// What the prover did not have of both.
    pub unpaid: MicroUsd,
}

/// What a challenger must stake: the fee and what the prover's replay costs.
#[must_use]
pub fn stake_of(job: &Job, terms: &JobTerms) -> MicroUsd {
    let replay = job.claim.map_or(MicroUsd::ZERO, |claim| claim.replay_cost);
    terms.fee + replay
}

/// Takes the challenger's stake out of its free money.
///
/// # Panics
/// When it has less, or a stake of this job is held: the caller has looked.
pub fn open_dispute(ledger: &mut Ledger, job: &Job, stake: MicroUsd) {
    let from = [Bucket::Cash(job.buyer)];
    let lack = ledger.hold(stake_key(job), &from, stake);
    assert!(lack == Ok(MicroUsd::ZERO), "a challenger's stake is free money");
}

/// Ends a dispute: the loser pays, where there is one, and the stake is given back or spent.
///
/// # Panics
/// When the job was not disputed.
pub fn end_dispute(
    ledger: &mut Ledger,
    job: &Job,
    obligation: &mut Obligation,
    outcome: JobOutcome,
) -> DisputePaid {
    let Some(dispute) = &job.dispute else { return DisputePaid::default() };
    let (key, stake) = (stake_key(job), dispute.stake);
    let mut paid = DisputePaid { stake, ..DisputePaid::default() };
    match outcome {
        JobOutcome::Refuted => {
            let buyer = Bucket::Cash(job.buyer);
            let to_buyer = collect(ledger, job, obligation, buyer, dispute.replay_cost);
            paid.replay = to_buyer.received;
            paid.from_bond = to_buyer.from_bond;
            paid.unpaid = dispute.replay_cost - paid.replay;
        }
        JobOutcome::Upheld => {
            paid.fee = fee_of(job);
            paid.replay = stake - paid.fee;
            spend(ledger, key, Bucket::Cash(job.prover), paid.replay);
            spend(ledger, key, Bucket::Insurance, paid.fee);
        }
        JobOutcome::Unruled | JobOutcome::Accepted | JobOutcome::Declined | JobOutcome::Missed => {}
    }
    let voided = ledger.void(key);
    assert!(voided.is_ok(), "a challenger's stake is held");
    paid
}

/// What the prover was paid for the job's intervals; `None` while one of them has not ended.
#[must_use]
pub fn hours_paid(job: &Job, obligation: &Obligation) -> Option<MicroUsd> {
    let (first, last) = job.intervals;
    let last = last.min(obligation.interval_count().saturating_sub(1));
    let awaited = |index: &u32| {
        let state = obligation.interval(*index);
        !obligation.closed && state.is_some_and(|state| !state.has_ended())
    };
    // The newest first: it is asked after every command.
    if (first..=last).rev().any(|index| awaited(&index)) {
        return None;
    }
    let mut paid = MicroUsd::ZERO;
    for index in first..=last {
        let state = obligation.interval(index)?;
        if let IntervalState::Delivered { quality, .. } = state
            && obligation.deliverer(index) == job.prover
        {
            paid += quality.of_floor(obligation.interval_value(index));
        }
    }
    Some(paid)
}

/// The fee of the day on which it was staked: the terms may have changed since.
fn fee_of(job: &Job) -> MicroUsd {
    let replay = job.claim.map_or(MicroUsd::ZERO, |claim| claim.replay_cost);
    job.dispute.as_ref().map_or(MicroUsd::ZERO, |dispute| dispute.stake - replay)
}

/// Gives the buyer back what it has paid for hours that went into nothing, and charges for the dispute, where there was one.
pub fn return_hours(
    ledger: &mut Ledger,
    job: &Job,
    obligation: &mut Obligation,
    paid: MicroUsd,
) -> HoursReturned {
    let (owed, fee) = (job.value.min(paid), fee_of(job));
    let hours = collect(ledger, job, obligation, Bucket::Cash(job.buyer), owed);
    let charged = collect(ledger, job, obligation, Bucket::Insurance, fee);
    HoursReturned {
        owed,
        returned: hours.received,
        fee: charged.received,
        from_bond: hours.from_bond + charged.from_bond,
        unpaid: owed + fee - hours.received - charged.received,
    }
}

struct Got {
    received: MicroUsd,
    from_bond: MicroUsd,
}

/// Collects from a prover: the bond where it is the seller, then its cash, its position margin and last its order holds.
fn collect(
    ledger: &mut Ledger,
    job: &Job,
    obligation: &mut Obligation,
    to: Bucket,
    owed: MicroUsd,
) -> Got {
    let prover: AccountId = job.prover;
    let is_bonded = prover == obligation.seller;
    let from_bond = if is_bonded { owed.min(obligation.bond) } else { MicroUsd::ZERO };
    let mut damages = ledger.because(Reason::Damages);
    if MicroUsd::ZERO < from_bond {
        spend(&mut damages, HoldKey::Bond(obligation.id, prover), to, from_bond);
        obligation.bond -= from_bond;
    }
    let purse = [Bucket::Cash(prover), Bucket::PositionMargin(prover), Bucket::OrderHold(prover)];
    let unpaid = damages.pay(&purse, to, owed - from_bond);
    Got { received: owed - unpaid, from_bond }
}

/// Pays money that is known to be held.
fn spend(ledger: &mut Ledger, key: HoldKey, to: Bucket, amount: MicroUsd) {
    let moved = ledger.post(key, to, amount);
    assert!(moved.is_ok(), "what is staked or bonded is held");
}

const fn stake_key(job: &Job) -> HoldKey {
    HoldKey::Stake(job.id, job.buyer)
}
