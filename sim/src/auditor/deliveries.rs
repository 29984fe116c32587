//! The auditor's deliveries: every interval's way by its events, and what its outcome must pay.

use std::collections::BTreeMap;

use exchange::{Event, IntervalOutcome, IntervalSettled};
use instruments::rounding::{div_ceil, div_floor};
use instruments::{AccountId, Instrument, MicroUsd, Nanos, ObligationId, Ppm, Price};
use settlement::{Bucket, DeliveryReceipt, FailCause, Verdict};

use super::money::{Money, Stated, money};
use super::positions::value;
use crate::finding::{Finding, IntervalFault};

const WHOLE: i128 = 1_000_000;
const BOND_PPM: i128 = 250_000;
const BOND_FLOOR_PPM: i128 = 50_000;
const BUYER_DEFAULT_PPM: i128 = 100_000;
const REPLACEMENT_PPM: i128 = 1_150_000;
const REPLACEMENT_CAP: i128 = 3;
const PENALTY_PPM: i128 = 100_000;
const PENALTY_LONG_PPM: i128 = 250_000;
const PENALTY_STEP_SECONDS: i128 = 86_400;
const QUALITY_FULL: Ppm = Ppm::new(970_000);
const QUALITY_FLOOR: Ppm = Ppm::new(900_000);

/// Every obligation, and who signs for whom.
#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    obligations: BTreeMap<ObligationId, Duty>,
    signers: BTreeMap<AccountId, [u8; 20]>,
}

#[derive(Debug, Clone)]
struct Duty {
    terms: Instrument,
    seller: AccountId,
    buyer: AccountId,
    lots: i128,
    price: Price,
    notional: i128,
    escrow: i128,
    bond: i128,
    /// Where each begun interval is.
    intervals: BTreeMap<u32, Way>,
    sums: Sums,
    last_digest: [u8; 32],
    receipts: u32,
    claimed_millis: u64,
    closed: bool,
    /// By agreement of its two parties.
    is_released: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    delivered: u32,
    failed: u32,
    unverified: u32,
    paid: i128,
    shortfall: i128,
    missed_seconds: i128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Opened,
    Challenged { answer_by: Nanos },
    Claimed { verdict_by: Nanos, drawn: bool },
    Judged(Verdict),
    Settled,
}

/// When, and at which index.
pub(super) struct Circumstance<'a> {
    pub(super) now: Nanos,
    pub(super) index: &'a BTreeMap<instruments::GradeId, Option<MicroUsd>>,
}

impl Duty {
    fn share(&self, count: u32) -> i128 {
        div_floor(self.notional * i128::from(count), i128::from(self.terms.schedule.intervals))
    }

    fn interval_seconds(&self) -> i128 {
        i128::from(self.terms.interval_seconds().seconds()) * self.lots
    }
}

impl Deliveries {
    pub(super) fn nominate(&mut self, account: AccountId, signer: [u8; 20]) {
        self.signers.insert(account, signer);
    }

    /// Takes in a new obligation from its event.
    pub(super) fn assign(&mut self, event: &Event, terms: &Instrument) -> Result<(), Finding> {
        let Event::ObligationAssigned {
            obligation,
            seller,
            buyer,
            lots,
            settlement_price,
            escrow,
            bond,
            ..
        } = event
        else {
            return Ok(());
        };
        let lots = i128::from(lots.lots());
        let notional = value(terms, *settlement_price, lots);
        let (escrow, bond) = (i128::from(escrow.micros()), i128::from(bond.micros()));
        let bond_limit = div_ceil(notional * BOND_PPM, WHOLE);
        // A buyer prefunds all or nothing; a seller bonds what it has.
        let funded = escrow == notional && (0..=bond_limit).contains(&bond);
        let unfunded = escrow == 0 && bond == 0;
        let whole_nodes = lots % i128::from(terms.node_size) == 0;
        if !(funded || unfunded) || !whole_nodes {
            return Err(fault(*obligation, 0, IntervalFault::WrongMoney));
        }
        let duty = Duty {
            terms: terms.clone(),
            seller: *seller,
            buyer: *buyer,
            lots,
            price: *settlement_price,
            notional,
            escrow,
            bond,
            intervals: BTreeMap::new(),
            sums: Sums::default(),
            last_digest: [0; 32],
            receipts: 0,
            claimed_millis: 0,
            closed: false,
            is_released: false,
        };
        self.obligations.insert(*obligation, duty);
        Ok(())
    }

    /// A buyer who could not prefund pays at most a tenth, and the obligation is over.
    pub(super) fn buyer_defaulted(
        &mut self,
        obligation: ObligationId,
        paid: MicroUsd,
        stated: &mut Stated,
    ) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        let owed = div_ceil(duty.notional * BUYER_DEFAULT_PPM, WHOLE);
        if duty.escrow != 0 || owed < i128::from(paid.micros()) {
            return Err(fault(obligation, 0, IntervalFault::WrongMoney));
        }
        duty.closed = true;
        stated.gain(duty.buyer, -paid);
        stated.gain(duty.seller, paid);
        Ok(())
    }

    pub(super) fn open(
        &mut self,
        obligation: ObligationId,
        interval: u32,
        now: Nanos,
    ) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        let next = u32::try_from(duty.intervals.len()).unwrap_or(u32::MAX);
        if interval != next || interval >= duty.terms.schedule.intervals {
            return Err(fault(obligation, interval, IntervalFault::OutOfTurn));
        }
        if now < duty.terms.schedule.interval_starts_at(interval) {
            return Err(fault(obligation, interval, IntervalFault::OutOfTime));
        }
        duty.intervals.insert(interval, Way::Opened);
        Ok(())
    }

    pub(super) fn challenge(
        &mut self,
        (obligation, interval): (ObligationId, u32),
        answer_by: Nanos,
        now: Nanos,
    ) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        if answer_by != now + duty.terms.schedule.answer_within {
            return Err(fault(obligation, interval, IntervalFault::OutOfTime));
        }
        let next = Way::Challenged { answer_by };
        step(obligation, interval, duty, |way| (way == Way::Opened).then_some(next))
    }

    pub(super) fn receive(
        &mut self,
        receipt: &DeliveryReceipt,
        digest: [u8; 32],
        signer: [u8; 20],
        now: Nanos,
    ) -> Result<(), Finding> {
        let (obligation, interval) = (receipt.obligation, receipt.interval);
        let nominated = self.get(obligation)?.seller;
        let nominated = self.signers.get(&nominated).copied();
        let duty = self.get(obligation)?;
        let whole = u64::try_from(duty.interval_seconds()).unwrap_or(u64::MAX).saturating_mul(1000);
        let limit = duty.claimed_millis.saturating_add(whole);
        let continues = nominated == Some(signer)
            && receipt.prev == duty.last_digest
            && receipt.challenges == duty.receipts + 1
            && receipt.terms == duty.terms.grade_terms
            && duty.claimed_millis < receipt.gpu_millis
            && receipt.gpu_millis <= limit;
        if !continues {
            return Err(fault(obligation, interval, IntervalFault::OutOfChain));
        }
        let verdict_by = now + duty.terms.schedule.verdict_within;
        duty.last_digest = digest;
        duty.receipts += 1;
        duty.claimed_millis = receipt.gpu_millis;
        if let Some(Way::Challenged { answer_by }) = duty.intervals.get(&interval)
            && *answer_by <= now
        {
            return Err(fault(obligation, interval, IntervalFault::OutOfTime));
        }
        let next = Way::Claimed { verdict_by, drawn: false };
        step(obligation, interval, duty, |way| {
            matches!(way, Way::Challenged { .. }).then_some(next)
        })
    }

    pub(super) fn draw(&mut self, obligation: ObligationId, interval: u32) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        step(obligation, interval, duty, |way| match way {
            Way::Claimed { verdict_by, drawn: false } => {
                Some(Way::Claimed { verdict_by, drawn: true })
            }
            Way::Opened
            | Way::Challenged { .. }
            | Way::Claimed { .. }
            | Way::Judged(_)
            | Way::Settled => None,
        })
    }

    pub(super) fn judge(
        &mut self,
        (obligation, interval): (ObligationId, u32),
        verdict: Verdict,
        now: Nanos,
    ) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        if let Some(Way::Claimed { verdict_by, .. }) = duty.intervals.get(&interval)
            && *verdict_by <= now
        {
            return Err(fault(obligation, interval, IntervalFault::OutOfTime));
        }
        step(obligation, interval, duty, |way| {
            matches!(way, Way::Claimed { .. }).then_some(Way::Judged(verdict))
        })
    }

    /// SIM-015: the outcome is what the interval's way supports, and the money is what the outcome gives.
    pub(super) fn settle(
        &mut self,
        settled: &IntervalSettled,
        here: &Circumstance<'_>,
        stated: &mut Stated,
    ) -> Result<(), Finding> {
        let (obligation, interval) = (settled.obligation, settled.interval);
        let duty = self.get(obligation)?;
        let way = duty.intervals.get(&interval).copied();
        let supported = way.is_some_and(|way| supports(duty, interval, way, settled, here.now));
        if !supported || duty.closed {
            return Err(fault(obligation, interval, IntervalFault::Unsupported));
        }
        duty.intervals.insert(interval, Way::Settled);
        if !pay(duty, settled, here) {
            return Err(fault(obligation, interval, IntervalFault::WrongMoney));
        }
        let owed = settled.compensation + settled.penalty;
        let collected = owed - settled.insured - settled.unpaid;
        stated.gain(duty.seller, settled.paid_to_seller - collected);
        stated.gain(duty.buyer, owed - settled.unpaid - settled.paid_to_seller);
        stated.house(-settled.insured);
        Ok(())
    }

    /// SIM-016: an obligation ends with the sums of its intervals, and gives back what is left of the bond.
    /// The parties release each other before the delivery begins: nothing is delivered, nothing is owed.
    pub(super) fn release(&mut self, obligation: ObligationId, now: Nanos) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        if duty.closed || duty.terms.schedule.deliver_from <= now {
            return Err(Finding::Agreement { what: "comes too late" });
        }
        duty.is_released = true;
        duty.escrow = 0;
        Ok(())
    }

    pub(super) fn close(&mut self, event: &Event) -> Result<(), Finding> {
        let Event::ObligationClosed {
            obligation,
            intervals_delivered,
            intervals_failed,
            intervals_unverified,
            paid_to_seller,
            shortfall_paid,
        } = event
        else {
            return Ok(());
        };
        let duty = self.get(*obligation)?;
        let all_settled = duty.intervals.values().all(|way| *way == Way::Settled)
            && u32::try_from(duty.intervals.len()) == Ok(duty.terms.schedule.intervals);
        let said = Sums {
            delivered: *intervals_delivered,
            failed: *intervals_failed,
            unverified: *intervals_unverified,
            paid: i128::from(paid_to_seller.micros()),
            shortfall: i128::from(shortfall_paid.micros()),
            missed_seconds: duty.sums.missed_seconds,
        };
        let said = if duty.is_released { Sums { unverified: 0, ..said } } else { said };
        let has_ended = all_settled || duty.is_released;
        if !has_ended || said != duty.sums || duty.escrow != 0 || duty.closed {
            return Err(Finding::Closing { obligation: *obligation });
        }
        duty.bond = 0;
        duty.closed = true;
        Ok(())
    }

    /// SIM-016: what is set aside is what the open obligations hold.
    pub(super) fn check(&self, ledger: &Money) -> Result<(), Finding> {
        let mut owed: BTreeMap<Bucket, i128> = BTreeMap::new();
        for duty in self.obligations.values() {
            *owed.entry(Bucket::DeliveryEscrow(duty.buyer)).or_default() += duty.escrow;
            *owed.entry(Bucket::Bond(duty.seller)).or_default() += duty.bond;
        }
        for (bucket, owed) in owed {
            let (held, owed) = (ledger.balance(bucket), money(owed));
            if held != owed {
                return Err(Finding::SetAside { bucket, held, owed });
            }
        }
        Ok(())
    }

    /// SIM-017: every obligation has ended.
    pub(super) fn check_ended(&self) -> Result<(), Finding> {
        let open = self.obligations.iter().find(|(_, duty)| !duty.closed);
        open.map_or(Ok(()), |(obligation, _)| Err(Finding::Endless { obligation: *obligation }))
    }

    fn get(&mut self, obligation: ObligationId) -> Result<&mut Duty, Finding> {
        let unannounced = Finding::Unannounced { kind: "obligation", id: obligation.0 };
        self.obligations.get_mut(&obligation).ok_or(unannounced)
    }
}

fn fault(obligation: ObligationId, interval: u32, what: IntervalFault) -> Finding {
    Finding::Interval { obligation, interval, what }
}

fn step(
    obligation: ObligationId,
    interval: u32,
    duty: &mut Duty,
    next: impl FnOnce(Way) -> Option<Way>,
) -> Result<(), Finding> {
    let way = duty.intervals.get_mut(&interval).filter(|_| !duty.closed);
    let out_of_turn = fault(obligation, interval, IntervalFault::OutOfTurn);
    let Some(way) = way else { return Err(out_of_turn) };
    let Some(next) = next(*way) else { return Err(out_of_turn) };
    *way = next;
    Ok(())
}

/// Whether what happened to an interval leads to the outcome that was settled.
fn supports(duty: &Duty, interval: u32, way: Way, settled: &IntervalSettled, now: Nanos) -> bool {
    let ends_at = || duty.terms.schedule.interval_starts_at(interval + 1);
    match (settled.outcome, way) {
        (
            IntervalOutcome::Delivered { quality },
            Way::Judged(Verdict::Valid { quality: judged }),
        ) => {
            let counts = if QUALITY_FULL <= judged { Ppm::ONE } else { judged };
            QUALITY_FLOOR <= judged && quality == counts
        }
        (IntervalOutcome::Failed { cause: FailCause::Silent }, Way::Challenged { answer_by }) => {
            answer_by <= now
        }
        (IntervalOutcome::Failed { cause: FailCause::Refuted }, Way::Judged(verdict)) => {
            verdict == Verdict::Invalid
        }
        (
            IntervalOutcome::Failed { cause: FailCause::BelowGrade },
            Way::Judged(Verdict::Valid { quality }),
        ) => quality < QUALITY_FLOOR,
        (IntervalOutcome::Unverified, Way::Judged(verdict)) => verdict == Verdict::Unverifiable,
        (IntervalOutcome::Unverified, Way::Claimed { verdict_by, .. }) => verdict_by <= now,
        (IntervalOutcome::Unverified, Way::Opened) => ends_at() <= now,
        _ => false,
    }
}

/// Books an interval's money. Whether every amount is what the rule book gives.
fn pay(duty: &mut Duty, settled: &IntervalSettled, here: &Circumstance<'_>) -> bool {
    let quality = match settled.outcome {
        IntervalOutcome::Delivered { quality } => i128::from(quality.ppm()),
        IntervalOutcome::Failed { .. } | IntervalOutcome::Unverified => 0,
    };
    let of = |amount: MicroUsd| i128::from(amount.micros());
    let worth = duty.share(settled.interval + 1) - duty.share(settled.interval);
    let paid = div_floor(worth * quality, WHOLE);
    let mut right =
        of(settled.paid_to_seller) == paid && of(settled.returned_to_buyer) == worth - paid;
    duty.escrow -= worth;
    duty.sums.paid += paid;

    let seconds = duty.interval_seconds();
    let counted = div_floor(seconds * quality, WHOLE);
    let (mut compensation, mut penalty) = (0, 0);
    match settled.outcome {
        IntervalOutcome::Unverified => duty.sums.unverified += 1,
        IntervalOutcome::Delivered { .. } => duty.sums.delivered += 1,
        IntervalOutcome::Failed { .. } => duty.sums.failed += 1,
    }
    if settled.outcome != IntervalOutcome::Unverified {
        duty.sums.missed_seconds += seconds - counted;
        (compensation, penalty) = damages(duty, quality, here);
    }
    right &= of(settled.compensation) == compensation && of(settled.penalty) == penalty;

    let owed = compensation + penalty;
    let collected = owed - of(settled.insured) - of(settled.unpaid);
    right &= (0..=owed).contains(&collected);
    duty.sums.shortfall += collected;
    duty.bond -= owed.min(duty.bond);
    let needed = div_ceil(duty.escrow * BOND_PPM, WHOLE)
        .max(div_ceil(duty.notional * BOND_FLOOR_PPM, WHOLE));
    let released = match settled.outcome {
        IntervalOutcome::Delivered { .. } => (duty.bond - needed).max(0),
        IntervalOutcome::Failed { .. } | IntervalOutcome::Unverified => 0,
    };
    duty.bond -= released;
    right && of(settled.bond_released) == released
}

/// Compensation and penalty for what is missing of one interval.
fn damages(duty: &Duty, quality: i128, here: &Circumstance<'_>) -> (i128, i128) {
    let price = i128::from(duty.terms.per_hour(duty.price).micros());
    let index = here.index.get(&duty.terms.grade).copied().flatten();
    let index = index.map_or(price, |value| i128::from(value.micros()));
    let replacement = div_ceil(index * REPLACEMENT_PPM, WHOLE).min(price * REPLACEMENT_CAP);
    let missing = duty.interval_seconds() * (WHOLE - quality);
    let is_long = PENALTY_STEP_SECONDS * duty.lots < duty.sums.missed_seconds;
    let rate = if is_long { PENALTY_LONG_PPM } else { PENALTY_PPM };
    let per_hour = 3_600 * WHOLE;
    (
        div_floor(missing * (replacement - price).max(0), per_hour),
        div_floor(missing * price * rate, per_hour * WHOLE),
    )
}
