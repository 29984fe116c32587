//! One seller's duty to one buyer, interval by interval. This file says what state it is in; `shortfall.rs` moves the money.
//!
//! One interval:
//!
//! ```text
//! Pending --open--> Open --challenge--> Challenged --receipt--> Claimed --valid------------> Delivered
//!                    |                      |                    | | |---- below grade ----> Failed(BelowGrade)
//!                    |                      |                    | +------ invalid --------> Failed(Refuted)
//!                    |                      +---- deadline ------|-------------------------> Failed(Silent)
//!                    |                                           +-------- unverifiable ---> Unverified
//!                    | |                                         +-------- deadline -------> Unverified
//!                    | +------ unready ------------------------------------------------------> Failed(NotReady)
//!                    +------- deadline ------------------------------------------------------> Unverified
//! ```
//!
//! The deadline of a challenge bounds the receipt; the deadline of a claim bounds our own verdict. So the seller pays for its own silence
//! and never for ours: an interval that nobody challenged, or that nobody judged in time, is unpaid and unpunished.
//!
//! Invariants:
//! - an illegal step changes nothing;
//! - the escrow is the value of the intervals that are prefunded and not settled yet;
//! - once closed, escrow and bond are zero and nothing steps any more.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{
    AccountId, GpuSeconds, Instrument, InstrumentId, MicroUsd, Nanos, ObligationId, Ppm, Price, Qty,
};
use thiserror::Error;

use crate::acceptance::Acceptance;
use crate::assignment::Assignment;
use crate::challenge::ChallengeOutcome;
use crate::hour::Tolerated;
use crate::invoice::Sums;
use crate::meter::{Measured, Meter};
use crate::stand_in::{Outage, StandIn};

/// The bond of a seller without a record, as a part of what is still to be delivered.
pub(crate) const BOND_RATE_FIRST: Ppm = Ppm::new(250_000);

/// Where one interval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum IntervalState {
    /// It has not begun.
    Pending,
    /// It has begun; no work was demanded yet.
    Open,
    /// Work was demanded.
    Challenged {
        /// A receipt must have arrived before this instant.
        answer_by: Nanos,
    },
    /// The work is claimed and waits for its verdict.
    Claimed {
        /// The verdict must have arrived before this instant.
        verdict_by: Nanos,
    },
    /// It counts.
    Delivered {
        /// How much of it.
        quality: Ppm,
        /// How much of it nobody could judge: that is unpaid, and not missing either.
        unjudged: Ppm,
    },
    /// It does not count, and costs the seller.
    Failed {
        /// Why.
        cause: FailCause,
        /// How much of it nobody could judge.
        unjudged: Ppm,
    },
    /// Nobody could judge it: unpaid, without penalty.
    Unverified,
}

impl IntervalState {
    /// When [`Step::Deadline`] is due; `None` while nothing is awaited.
    #[must_use]
    pub const fn deadline(self) -> Option<Nanos> {
        match self {
            Self::Challenged { answer_by } => Some(answer_by),
            Self::Claimed { verdict_by } => Some(verdict_by),
            Self::Pending
            | Self::Open
            | Self::Delivered { .. }
            | Self::Failed { .. }
            | Self::Unverified => None,
        }
    }

    /// Whether nothing more can happen to it.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Delivered { .. } | Self::Failed { .. } | Self::Unverified => true,
            Self::Pending | Self::Open | Self::Challenged { .. } | Self::Claimed { .. } => false,
        }
    }

    /// The state after `step`; the table is the whole rule. `None` when it has no such entry.
    #[must_use]
    pub fn after(self, step: Step) -> Option<Self> {
        Some(match (self, step) {
            (Self::Pending, Step::Open) => Self::Open,
            (Self::Open, Step::Unready) => Self::failed(FailCause::NotReady),
            (Self::Open, Step::Declared) => Self::failed(FailCause::Declared),
            (Self::Open, Step::Measured(measured)) => Self::measured(&measured),
            (Self::Open, Step::Challenge { answer_by }) => Self::Challenged { answer_by },
            (Self::Challenged { .. }, Step::Receipt { verdict_by }) => Self::Claimed { verdict_by },
            (Self::Challenged { .. }, Step::Deadline) => Self::failed(FailCause::Silent),
            (Self::Claimed { .. }, Step::Verdict(verdict)) => {
                Self::judged(ChallengeOutcome::of(verdict))
            }
            // Nobody asked, or nobody judged: our silence, not the seller's.
            (Self::Open | Self::Claimed { .. }, Step::Deadline)
            | (Self::Challenged { .. } | Self::Claimed { .. }, Step::Void) => Self::Unverified,
            _ => return None,
        })
    }

    const fn failed(cause: FailCause) -> Self {
        Self::Failed { cause, unjudged: Ppm::ZERO }
    }

    /// What its one challenge makes of it.
    const fn judged(outcome: ChallengeOutcome) -> Self {
        match outcome {
            ChallengeOutcome::Passed { quality } => {
                Self::Delivered { quality, unjudged: Ppm::ZERO }
            }
            ChallengeOutcome::Failed { cause } => Self::failed(cause),
            ChallengeOutcome::Unknown => Self::Unverified,
        }
    }

    /// What the challenges around it make of it.
    fn measured(measured: &Measured) -> Self {
        let unjudged = measured.unjudged();
        match measured.cause {
            _ if Ppm::ZERO < measured.quality => {
                Self::Delivered { quality: measured.quality, unjudged }
            }
            Some(cause) if unjudged < Ppm::ONE => Self::Failed { cause, unjudged },
            Some(_) | None => Self::Unverified,
        }
    }
}

/// Why an interval does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FailCause {
    /// No receipt came in time.
    Silent,
    /// The rows that were opened are not the work that was demanded.
    Refuted,
    /// The work is right, but slower than the grade allows.
    BelowGrade,
    /// The seller had not accepted the delivery, and nobody stood in for it.
    NotReady,
    /// The seller had said in time that it would be missing, and nobody stood in for it.
    Declared,
}

/// What can happen to an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Step {
    /// It begins.
    Open,
    /// Nobody is there of whom work could be demanded.
    Unready,
    /// The seller has said in time that nobody would be.
    Declared,
    /// All is known of it that the challenges around it say.
    Measured(Measured),
    /// Work is demanded.
    Challenge {
        /// The receipt must arrive before this instant.
        answer_by: Nanos,
    },
    /// The work is claimed.
    Receipt {
        /// The verdict must arrive before this instant.
        verdict_by: Nanos,
    },
    /// The claim is judged.
    Verdict(Verdict),
    /// What was awaited did not come.
    Deadline,
    /// The venue cannot go on with it, through no fault of the seller.
    Void,
}

/// A verifier's judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Verdict {
    /// The work was done.
    Valid {
        /// Measured speed against the grade's reference; above the whole it counts as the whole.
        quality: Ppm,
    },
    /// The work was not done: the rows differ.
    Invalid,
    /// The verifier cannot say. Never fraud.
    Unverifiable,
}

/// Why a step was refused. The obligation is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IllegalStep {
    /// It is over.
    #[error("obligation {obligation} is closed")]
    Closed {
        /// Which.
        obligation: ObligationId,
    },
    /// It has fewer intervals.
    #[error("interval {interval} is not below {intervals}")]
    NoSuchInterval {
        /// What was asked.
        interval: u32,
        /// How many there are.
        intervals: u32,
    },
    /// No challenge of that number waits for that.
    #[error("challenge {challenge} does not wait for that")]
    NotChallenged {
        /// Which.
        challenge: u32,
    },
    /// The table has no such entry.
    #[error("step {step:?} does not follow on {state:?}")]
    NotNext {
        /// Where the interval is.
        state: IntervalState,
        /// What was asked.
        step: Step,
    },
}

/// One seller's duty to one buyer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Obligation {
    /// Its identity.
    pub id: ObligationId,
    /// Of which series.
    pub instrument: InstrumentId,
    /// Who delivers.
    pub seller: AccountId,
    /// Who receives.
    pub buyer: AccountId,
    /// How many GPUs.
    pub lots: Qty,
    /// At which price.
    pub settlement_price: Price,
    /// What all of it costs.
    pub notional: MicroUsd,
    /// Where each interval is.
    pub intervals: Vec<IntervalState>,
    /// How many of them have ended.
    pub ended: u32,
    /// Into how many the notional is divided: fewer are left once the buyer has stopped prefunding.
    pub whole: u32,
    /// How many the buyer prefunds at a time.
    pub ahead: u32,
    /// How many it has prefunded.
    pub funded: u32,
    /// What those that are not settled yet are worth, prefunded or not.
    pub unsettled: MicroUsd,
    /// Whether both sides have accepted.
    pub acceptance: Acceptance,
    /// What is failing now.
    pub outage: Option<Outage>,
    /// Intervals that failed and were made good for free: from the first until before the last, oldest first.
    pub excused: Vec<(u32, u32)>,
    /// Who delivers in the seller's place, and when, oldest first.
    pub stand_ins: Vec<StandIn>,
    /// Which hours are settled.
    pub hours: Vec<bool>,
    /// Intervals that the seller has said will be missing: from the first until before the last.
    pub declared: Vec<(u32, u32)>,
    /// What its challenges say, where they come at any time.
    pub meter: Option<Meter>,
    /// What was tolerated of each day.
    pub tolerated: Tolerated,
    /// What is missing and too little to buy in, in millionths of GPU-seconds.
    pub unbought: u128,
    /// The buyer's money that is set aside for it.
    pub escrow: MicroUsd,
    /// The seller's money that is set aside for it.
    pub bond: MicroUsd,
    /// The bond it began with.
    pub bond_initial: MicroUsd,
    /// How much of what is still to be delivered the bond is.
    pub bond_rate: Ppm,
    /// Compute that counted, rounded down per interval.
    pub delivered: GpuSeconds,
    /// Compute that is missing through the seller's fault.
    pub missed: GpuSeconds,
    /// Intervals that counted.
    pub delivered_count: u32,
    /// Intervals that failed.
    pub failed: u32,
    /// Intervals that nobody could judge.
    pub unverified: u32,
    /// What the seller has received from the escrow.
    pub paid_to_seller: MicroUsd,
    /// What the buyer has received back from the escrow.
    pub returned_to_buyer: MicroUsd,
    /// What those who stood in have received from the escrow.
    pub paid_to_stand_ins: MicroUsd,
    /// What the seller has come to owe for replacements.
    pub compensation: MicroUsd,
    /// What it has come to owe on top of that.
    pub penalty: MicroUsd,
    /// What the seller has paid for what was missing.
    pub shortfall_paid: MicroUsd,
    /// What the insurance fund has paid for it.
    pub insured: MicroUsd,
    /// What nobody has paid.
    pub unpaid: MicroUsd,
    /// The hash of the newest receipt; zero before the first.
    pub last_receipt: [u8; 32],
    /// Receipts accepted.
    pub receipts: u32,
    /// GPU-milliseconds claimed by the newest receipt.
    pub claimed_millis: u64,
    /// What the invoices so far have said.
    pub invoiced: Sums,
    /// How many invoices there were.
    pub invoices: u32,
    /// Whether it is over.
    pub closed: bool,
}

impl Obligation {
    /// A duty that nobody has funded yet. `None` when the price is not above zero, or when a multiple of what it is worth, which the
    /// seller may come to owe, does not fit into the ledger.
    #[must_use]
    pub fn open(
        id: ObligationId,
        instrument: &Instrument,
        assignment: &Assignment,
        settlement_price: Price,
    ) -> Option<Self> {
        let notional = instrument.notional(settlement_price, assignment.lots)?;
        // Replacement up to three times the price, and the penalty, are owed at worst.
        let bounded = notional.micros().checked_mul(4).is_some();
        if notional <= MicroUsd::ZERO || !bounded {
            return None;
        }
        let schedule = &instrument.schedule;
        let terms = &schedule.close_out;
        let intervals = usize::try_from(schedule.intervals).ok()?;
        let hours = schedule.intervals.div_ceil(terms.intervals_per_hour.max(1));
        Some(Self {
            id,
            instrument: instrument.id,
            seller: assignment.seller,
            buyer: assignment.buyer,
            lots: assignment.lots,
            settlement_price,
            notional,
            intervals: vec![IntervalState::Pending; intervals],
            ended: 0,
            whole: schedule.intervals,
            ahead: terms.prefund_days.saturating_mul(terms.intervals_per_day),
            funded: 0,
            unsettled: notional,
            acceptance: Acceptance::of(terms.has_acceptance()),
            outage: None,
            excused: Vec::new(),
            stand_ins: Vec::new(),
            hours: vec![false; usize::try_from(hours).ok()?],
            declared: Vec::new(),
            meter: terms.meter().map(|_| Meter::default()),
            tolerated: Tolerated::default(),
            unbought: 0,
            escrow: MicroUsd::ZERO,
            bond: MicroUsd::ZERO,
            bond_initial: MicroUsd::ZERO,
            bond_rate: BOND_RATE_FIRST,
            delivered: GpuSeconds::ZERO,
            missed: GpuSeconds::ZERO,
            delivered_count: 0,
            failed: 0,
            unverified: 0,
            paid_to_seller: MicroUsd::ZERO,
            returned_to_buyer: MicroUsd::ZERO,
            paid_to_stand_ins: MicroUsd::ZERO,
            compensation: MicroUsd::ZERO,
            penalty: MicroUsd::ZERO,
            shortfall_paid: MicroUsd::ZERO,
            insured: MicroUsd::ZERO,
            unpaid: MicroUsd::ZERO,
            last_receipt: [0; 32],
            receipts: 0,
            claimed_millis: 0,
            invoiced: Sums::default(),
            invoices: 0,
            closed: false,
        })
    }

    /// Where an interval is; `None` beyond the last.
    #[must_use]
    pub fn interval(&self, index: u32) -> Option<IntervalState> {
        self.intervals.get(usize::try_from(index).ok()?).copied()
    }

    /// Whether every interval has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended == self.interval_count()
    }

    /// What one interval costs. All of them together cost exactly the notional.
    ///
    /// # Panics
    /// Beyond the last interval.
    #[must_use]
    pub fn interval_value(&self, index: u32) -> MicroUsd {
        let count = self.interval_count();
        assert!(index < count, "interval {index} of {count}");
        self.value_of(index, index.saturating_add(1))
    }

    /// What the intervals from `from` until before `until` cost together.
    #[must_use]
    pub fn value_of(&self, from: u32, until: u32) -> MicroUsd {
        let whole = i128::from(self.whole.max(1));
        let of = |count: u32| self.notional.share_floor(i128::from(count), whole);
        of(until) - of(from)
    }

    /// Takes one step of one interval and returns where it is now.
    ///
    /// When the interval has ended, the caller settles it at once.
    ///
    /// # Errors
    /// [`IllegalStep`]; nothing has changed then.
    pub fn step(&mut self, index: u32, step: Step) -> Result<IntervalState, IllegalStep> {
        if self.closed {
            return Err(IllegalStep::Closed { obligation: self.id });
        }
        let intervals = self.interval_count();
        let place = usize::try_from(index).ok().and_then(|at| self.intervals.get_mut(at));
        let Some(place) = place else {
            return Err(IllegalStep::NoSuchInterval { interval: index, intervals });
        };
        let state = *place;
        let Some(next) = state.after(step) else {
            return Err(IllegalStep::NotNext { state, step });
        };

        // From here on nothing can fail.
        *place = next;
        self.ended = self.ended.saturating_add(u32::from(next.has_ended()));
        Ok(next)
    }

    /// The compute in one interval of all lots.
    #[must_use]
    pub fn interval_compute(&self, instrument: &Instrument) -> GpuSeconds {
        let per_lot = instrument.interval_seconds().seconds();
        GpuSeconds::new(per_lot.saturating_mul(self.lots.lots()))
    }

    /// How many intervals it has.
    #[must_use]
    pub fn interval_count(&self) -> u32 {
        u32::try_from(self.intervals.len()).unwrap_or(u32::MAX)
    }
}
