//! The auditor's deliveries: every interval's way by its events, and what its outcome must pay.

use std::collections::{BTreeMap, BTreeSet};

use exchange::{CloseOutEvent, Event, HourSettled, IntervalOutcome, IntervalSettled};
use instruments::rounding::{div_ceil, div_floor};
use instruments::{AccountId, Instrument, MicroUsd, Nanos, ObligationId, Ppm, Price};
use settlement::{Bought, Bucket, ChallengeOutcome, DeliveryReceipt, FailCause, Sums, Verdict};

use super::hours::Record;
use super::ladder::{Accepted, Ladder, Pool, obligation_of};
use super::metered::Metered;
use super::money::{Money, Stated, money};
use super::positions::value;
use crate::finding::{Finding, IntervalFault};

const WHOLE: i128 = 1_000_000;
const BUYER_DEFAULT_PPM: i128 = 100_000;
pub(super) const QUALITY_FULL: Ppm = Ppm::new(970_000);
pub(super) const QUALITY_FLOOR: Ppm = Ppm::new(900_000);

/// Every obligation, and who signs for whom.
#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    obligations: BTreeMap<ObligationId, Duty>,
    signers: BTreeMap<AccountId, [u8; 20]>,
    records: BTreeMap<AccountId, Record>,
    pool: Pool,
}

#[derive(Debug, Clone)]
pub(super) struct Duty {
    pub(super) terms: Instrument,
    pub(super) seller: AccountId,
    pub(super) buyer: AccountId,
    pub(super) lots: i128,
    pub(super) price: Price,
    pub(super) notional: i128,
    pub(super) escrow: i128,
    pub(super) bond: i128,
    pub(super) bond_ppm: i128,
    /// How many intervals it has, and how many are prefunded.
    pub(super) count: u32,
    pub(super) funded: u32,
    /// What is not settled yet is worth.
    pub(super) unsettled: i128,
    pub(super) acceptance: Accepted,
    /// Where each begun interval is.
    pub(super) intervals: BTreeMap<u32, Way>,
    /// Its challenges, where they come at any time.
    pub(super) meter: Option<Metered>,
    /// How much of each interval counted, in millionths; absent where nobody answers for it.
    pub(super) counted: BTreeMap<u32, i128>,
    /// How much of each nobody could judge.
    pub(super) unjudged: BTreeMap<u32, i128>,
    pub(super) hours: BTreeSet<u32>,
    pub(super) tolerated: BTreeMap<u32, i128>,
    pub(super) ladder: Ladder,
    pub(super) sums: Sums,
    pub(super) invoiced: Sums,
    pub(super) invoices: u32,
    last_digest: [u8; 32],
    receipts: u32,
    claimed_millis: u64,
    pub(super) closed: bool,
    /// By agreement of its two parties.
    is_released: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Opened,
    Challenged {
        answer_by: Nanos,
    },
    Claimed {
        verdict_by: Nanos,
        drawn: bool,
    },
    Judged(Verdict),
    /// Nobody was there.
    Unready,
    Settled,
}

/// When, and at which index.
pub(super) struct Circumstance<'a> {
    pub(super) now: Nanos,
    pub(super) index: &'a BTreeMap<instruments::GradeId, Option<MicroUsd>>,
}

impl Duty {
    pub(super) fn share(&self, count: u32) -> i128 {
        div_floor(self.notional * i128::from(count), i128::from(self.terms.schedule.intervals))
    }

    /// Who delivers an interval.
    pub(super) fn deliverer(&self, interval: u32) -> AccountId {
        self.ladder.stand_in(interval).unwrap_or(self.seller)
    }

    pub(super) fn interval_seconds(&self) -> i128 {
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
        let bond_ppm = self.records.get(seller).copied().unwrap_or_default().bond_ppm();
        let bond_limit = div_ceil(notional * bond_ppm, WHOLE);
        let close_out = &terms.schedule.close_out;
        let count = terms.schedule.intervals;
        let first = close_out.prefund_days.saturating_mul(close_out.intervals_per_day).min(count);
        let prefunded = div_floor(notional * i128::from(first), i128::from(count));
        // A buyer prefunds all or nothing; a seller bonds what it has.
        let is_funded = escrow == prefunded && (0..=bond_limit).contains(&bond);
        let is_unfunded = escrow == 0 && bond == 0;
        let whole_nodes = lots % i128::from(terms.node_size) == 0;
        if !(is_funded || is_unfunded) || !whole_nodes {
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
            bond_ppm,
            count,
            funded: first,
            unsettled: notional,
            acceptance: Accepted::of(close_out.accept_from < close_out.accept_until),
            intervals: BTreeMap::new(),
            meter: close_out.meter().map(|_| Metered::default()),
            counted: BTreeMap::new(),
            unjudged: BTreeMap::new(),
            hours: BTreeSet::new(),
            tolerated: BTreeMap::new(),
            ladder: Ladder::default(),
            sums: Sums::default(),
            invoiced: Sums::default(),
            invoices: 0,
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
        let is_asked = matches!(duty.acceptance, Accepted::Asked { .. });
        if interval != next || interval >= duty.count || duty.funded <= interval || is_asked {
            return Err(fault(obligation, interval, IntervalFault::OutOfTurn));
        }
        if now < duty.terms.schedule.interval_starts_at(interval) {
            return Err(fault(obligation, interval, IntervalFault::OutOfTime));
        }
        let is_absent =
            duty.acceptance == Accepted::Lapsed && duty.deliverer(interval) == duty.seller;
        duty.intervals.insert(interval, if is_absent { Way::Unready } else { Way::Opened });
        let who = duty.deliverer(interval);
        if let Some(meter) = &mut duty.meter {
            meter.open(interval, (!is_absent).then_some(who));
        }
        Ok(())
    }

    pub(super) fn challenge(
        &mut self,
        (obligation, interval): (ObligationId, u32),
        seller: AccountId,
        answer_by: Nanos,
        now: Nanos,
    ) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        let is_open = !duty.closed;
        if answer_by != now + duty.terms.schedule.answer_within {
            return Err(fault(obligation, interval, IntervalFault::OutOfTime));
        }
        if let Some(meter) = &mut duty.meter {
            let follows = is_open && meter.issue(interval, seller, (now, answer_by));
            return in_turn(follows, obligation, interval);
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
        let (obligation, interval) = (receipt.obligation, receipt.challenge);
        let duty = self.get(obligation)?;
        let asked = duty.meter.as_ref().map(|meter| meter.who(interval));
        let nominated = asked.map_or(Some(duty.deliverer(interval)), |who| who);
        let nominated = nominated.unwrap_or(duty.seller);
        let nominated = self.signers.get(&nominated).copied();
        let duty = self.get(obligation)?;
        let whole = u64::try_from(duty.interval_seconds()).unwrap_or(u64::MAX).saturating_mul(1000);
        let limit = match &duty.meter {
            Some(meter) => meter.due(&duty.terms.schedule, whole).max(duty.claimed_millis),
            None => duty.claimed_millis.saturating_add(whole),
        };
        let is_more = duty.claimed_millis < receipt.gpu_millis
            || duty.meter.is_some() && duty.claimed_millis == receipt.gpu_millis;
        let continues = nominated == Some(signer)
            && receipt.prev == duty.last_digest
            && receipt.challenges == duty.receipts + 1
            && receipt.terms == duty.terms.grade_terms
            && is_more
            && receipt.gpu_millis <= limit;
        if !continues {
            return Err(fault(obligation, interval, IntervalFault::OutOfChain));
        }
        let verdict_by = now + duty.terms.schedule.verdict_within;
        duty.last_digest = digest;
        duty.receipts += 1;
        duty.claimed_millis = receipt.gpu_millis;
        if let Some(meter) = &mut duty.meter {
            let follows = !duty.closed && meter.receive(interval, now, verdict_by);
            return in_turn(follows, obligation, interval);
        }
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
        if let Some(meter) = &mut duty.meter {
            return in_turn(meter.draw(interval), obligation, interval);
        }
        step(obligation, interval, duty, |way| match way {
            Way::Claimed { verdict_by, drawn: false } => {
                Some(Way::Claimed { verdict_by, drawn: true })
            }
            Way::Opened
            | Way::Challenged { .. }
            | Way::Claimed { .. }
            | Way::Judged(_)
            | Way::Unready
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
        if let Some(meter) = &mut duty.meter {
            return in_turn(meter.judge(interval, verdict, now), obligation, interval);
        }
        if let Some(Way::Claimed { verdict_by, .. }) = duty.intervals.get(&interval)
            && *verdict_by <= now
        {
            return Err(fault(obligation, interval, IntervalFault::OutOfTime));
        }
        step(obligation, interval, duty, |way| {
            matches!(way, Way::Claimed { .. }).then_some(Way::Judged(verdict))
        })
    }

    /// SIM-015: a challenge ends as its answer, its verdict or its deadline has it.
    pub(super) fn end(
        &mut self,
        (obligation, challenge): (ObligationId, u32),
        outcome: ChallengeOutcome,
        now: Nanos,
    ) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        let seller = duty.seller;
        let Some(meter) = &mut duty.meter else { return Ok(()) };
        let follows = meter.end(challenge, outcome, now);
        if meter.who(challenge) == Some(seller) && !meter.fails(seller) {
            duty.ladder.recover();
        }
        let unsupported = fault(obligation, challenge, IntervalFault::Unsupported);
        if follows { Ok(()) } else { Err(unsupported) }
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
        let deliverer = duty.deliverer(interval);
        let stand_in = Some(deliverer).filter(|account| *account != duty.seller);
        if duty.meter.is_none() {
            duty.ladder.note(interval, settled.outcome);
        }
        if settled.stand_in != stand_in || !pay(duty, settled) {
            return Err(fault(obligation, interval, IntervalFault::WrongMoney));
        }
        stated.gain(deliverer, settled.paid);
        stated.gain(duty.buyer, -settled.paid);
        let seconds = duty.interval_seconds();
        let counts = duty.counted.get(&interval).copied().unwrap_or(0);
        self.records.entry(deliverer).or_default().verified += div_floor(seconds * counts, WHOLE);
        Ok(())
    }

    /// SIM-015: an hour is settled once all of it has ended, for what is missing of it, to the micro-dollar.
    pub(super) fn settle_hour(
        &mut self,
        event: &HourSettled,
        bought: &[Bought],
        here: &Circumstance<'_>,
        stated: &mut Stated,
    ) -> Result<(), Finding> {
        let (obligation, hour) = (event.obligation, event.hour);
        let duty = self.get(obligation)?;
        let wrong = fault(obligation, hour, IntervalFault::WrongHour);
        duty.ladder.pass(here.now);
        if let Some(meter) = &duty.meter
            && meter.is_hopeless(duty.seller, &duty.terms.schedule, here.now)
        {
            duty.ladder.recover();
        }
        if duty.closed || !duty.may_settle(hour, here.now) {
            return Err(wrong);
        }
        let missed = duty.settle_hour(event, bought, here).ok_or(wrong)?;
        for (account, amount) in &event.settled.received {
            stated.gain(*account, *amount);
        }
        let received: MicroUsd = event.settled.received.iter().map(|(_, amount)| *amount).sum();
        stated.gain(duty.seller, event.settled.insured - received);
        stated.house(-event.settled.insured);
        let seller = duty.seller;
        self.records.entry(seller).or_default().missed += missed;
        Ok(())
    }

    /// Everything else that happens to an obligation on its way to the close.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the exhaustive match is in `obligation_of`"
    )]
    pub(super) fn go_on(
        &mut self,
        event: &CloseOutEvent,
        now: Nanos,
        stated: &mut Stated,
    ) -> Result<(), Finding> {
        match event {
            CloseOutEvent::StandbyOffered { account, grade, gpus, fee } => {
                self.pool.offer(*account, grade, (*gpus, *fee), now);
                return Ok(());
            }
            CloseOutEvent::StandbyPaid { account, amount } => {
                stated.gain(*account, *amount);
                stated.house(-*amount);
                let is_owed = self.pool.pays(*account, *amount, now);
                return if is_owed { Ok(()) } else { Err(Finding::Standby { account: *account }) };
            }
            _ => {}
        }
        let Some(obligation) = obligation_of(event) else { return Ok(()) };
        let wrong = fault(obligation, 0, IntervalFault::WrongLadder);
        let called: BTreeMap<AccountId, i128> = self.called();
        let signers = &self.signers;
        let unannounced = Finding::Unannounced { kind: "obligation", id: obligation.0 };
        let duty = self.obligations.get_mut(&obligation).ok_or(unannounced)?;
        if duty.closed {
            return Err(wrong);
        }
        if let CloseOutEvent::StandbyCalled { provider, .. } = event {
            let can_sign = |account: AccountId| signers.contains_key(&account);
            if self.pool.first(duty, &called, can_sign) != Some(*provider) {
                return Err(Finding::Standby { account: *provider });
            }
        }
        if let CloseOutEvent::StandbyDismissed { provider, .. } = event {
            self.pool.drop(*provider);
        }
        if let CloseOutEvent::PrefundingEnded { paid, .. } = event {
            stated.gain(duty.buyer, -*paid);
            stated.gain(duty.seller, *paid);
        }
        if duty.go_on(event, now) { Ok(()) } else { Err(wrong) }
    }

    /// How many GPUs each provider is called for.
    fn called(&self) -> BTreeMap<AccountId, i128> {
        let mut called: BTreeMap<AccountId, i128> = BTreeMap::new();
        for duty in self.obligations.values().filter(|duty| !duty.closed) {
            let next = u32::try_from(duty.intervals.len()).unwrap_or(u32::MAX);
            for provider in duty.ladder.active(next) {
                *called.entry(provider).or_default() += duty.lots;
            }
        }
        called
    }

    /// The parties release each other before the delivery begins: nothing is delivered, nothing is owed.
    pub(super) fn release(&mut self, obligation: ObligationId, now: Nanos) -> Result<(), Finding> {
        let duty = self.get(obligation)?;
        if duty.closed || duty.terms.schedule.deliver_from <= now {
            return Err(Finding::Agreement { what: "comes too late" });
        }
        duty.is_released = true;
        duty.sums.returned_to_buyer += money(duty.escrow);
        duty.escrow = 0;
        Ok(())
    }

    /// SIM-016: an obligation ends with the sums of its intervals, and gives back what is left of the bond.
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
            && u32::try_from(duty.intervals.len()) == Ok(duty.count);
        let said = Sums {
            intervals_delivered: *intervals_delivered,
            intervals_failed: *intervals_failed,
            intervals_unverified: *intervals_unverified,
            paid_to_seller: *paid_to_seller,
            shortfall_paid: *shortfall_paid,
            ..duty.sums
        };
        let all_told = duty.invoiced == duty.sums && duty.owes_no_hour();
        let is_complete = all_settled && all_told && said == duty.sums;
        let said = Sums { intervals_unverified: 0, ..said };
        let is_released = duty.is_released && said == duty.sums;
        if !(is_complete || is_released) || duty.escrow != 0 || duty.closed {
            return Err(Finding::Closing { obligation: *obligation });
        }
        duty.bond = 0;
        duty.closed = true;
        Ok(())
    }

    /// SIM-016: what is set aside is what the open obligations hold, beside what claims against fixings are backed with.
    pub(super) fn check(
        &self,
        ledger: &Money,
        mut owed: BTreeMap<Bucket, i128>,
    ) -> Result<(), Finding> {
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

    /// What a lost argument about a job has taken of a seller's bond.
    pub(super) fn take_of_bond(
        &mut self,
        obligation: ObligationId,
        amount: MicroUsd,
    ) -> Result<(), Finding> {
        self.get(obligation)?.bond -= i128::from(amount.micros());
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

pub(super) fn fault(obligation: ObligationId, interval: u32, what: IntervalFault) -> Finding {
    Finding::Interval { obligation, interval, what }
}

fn in_turn(follows: bool, obligation: ObligationId, interval: u32) -> Result<(), Finding> {
    if follows { Ok(()) } else { Err(fault(obligation, interval, IntervalFault::OutOfTurn)) }
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
    if let (Some(meter), Way::Opened) = (&duty.meter, way) {
        let next = u32::try_from(duty.intervals.len()).unwrap_or(u32::MAX);
        let schedule = &duty.terms.schedule;
        let expected = meter.outcome(interval, schedule, (next, duty.count), now);
        return expected == Some(settled.outcome);
    }
    let ends_at = || duty.terms.schedule.interval_starts_at(interval + 1);
    match (settled.outcome, way) {
        (
            IntervalOutcome::Delivered { quality, unjudged: Ppm::ZERO },
            Way::Judged(Verdict::Valid { quality: judged }),
        ) => {
            let counts = if QUALITY_FULL <= judged { Ppm::ONE } else { judged };
            QUALITY_FLOOR <= judged && quality == counts
        }
        (
            IntervalOutcome::Failed { cause: FailCause::Silent, .. },
            Way::Challenged { answer_by },
        ) => answer_by <= now,
        (IntervalOutcome::Failed { cause: FailCause::Refuted, .. }, Way::Judged(verdict)) => {
            verdict == Verdict::Invalid
        }
        (
            IntervalOutcome::Failed { cause: FailCause::BelowGrade, .. },
            Way::Judged(Verdict::Valid { quality }),
        ) => quality < QUALITY_FLOOR,
        (IntervalOutcome::Failed { cause: FailCause::NotReady, .. }, Way::Unready) => true,
        (IntervalOutcome::Unverified, Way::Judged(verdict)) => verdict == Verdict::Unverifiable,
        (IntervalOutcome::Unverified, Way::Claimed { verdict_by, .. }) => verdict_by <= now,
        (IntervalOutcome::Unverified, Way::Opened) => ends_at() <= now,
        _ => false,
    }
}

/// Books an interval's money. Whether every amount is what the rule book gives.
fn pay(duty: &mut Duty, settled: &IntervalSettled) -> bool {
    let quality = match settled.outcome {
        IntervalOutcome::Delivered { quality, .. } => i128::from(quality.ppm()),
        IntervalOutcome::Failed { .. } | IntervalOutcome::Unverified => 0,
    };
    let of = |amount: MicroUsd| i128::from(amount.micros());
    let worth = duty.share(settled.interval + 1) - duty.share(settled.interval);
    let paid = div_floor(worth * quality, WHOLE);
    duty.escrow -= worth;
    duty.unsettled -= worth;
    let is_sellers = duty.deliverer(settled.interval) == duty.seller;
    let to =
        if is_sellers { &mut duty.sums.paid_to_seller } else { &mut duty.sums.paid_to_stand_ins };
    *to += money(paid);
    duty.sums.returned_to_buyer += money(worth - paid);
    let counted = div_floor(duty.interval_seconds() * quality, WHOLE);
    duty.sums.delivered += instruments::GpuSeconds::new(u64::try_from(counted).unwrap_or(0));
    match settled.outcome {
        IntervalOutcome::Unverified => duty.sums.intervals_unverified += 1,
        IntervalOutcome::Delivered { .. } => duty.sums.intervals_delivered += 1,
        IntervalOutcome::Failed { .. } => duty.sums.intervals_failed += 1,
    }
    if settled.outcome != IntervalOutcome::Unverified {
        duty.counted.insert(settled.interval, quality);
        let unjudged = match settled.outcome {
            IntervalOutcome::Delivered { unjudged, .. }
            | IntervalOutcome::Failed { unjudged, .. } => unjudged,
            IntervalOutcome::Unverified => Ppm::ZERO,
        };
        duty.unjudged.insert(settled.interval, i128::from(unjudged.ppm()));
    }
    of(settled.paid) == paid && of(settled.returned_to_buyer) == worth - paid
}
