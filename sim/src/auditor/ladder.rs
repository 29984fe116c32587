//! The auditor's view of everything beside intervals and hours: acceptance, outages, who stands in, prefunding, invoices.

use std::collections::BTreeMap;

use exchange::{CloseOutEvent, IntervalOutcome};
use instruments::rounding::{div_ceil, div_floor};
use instruments::{AccountId, GradeId, MicroUsd, Nanos, ObligationId, Qty, launch_grades};
use settlement::Verdict;

use super::deliveries::{Duty, Way};

const BUYER_DEFAULT_PPM: i128 = 100_000;
const QUALITY_FLOOR_PPM: i64 = 900_000;
const WHOLE: i128 = 1_000_000;
const HOUR_NANOS: i128 = 3_600_000_000_000;

/// Who has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    Asked { seller: bool, buyer: bool },
    Yes,
    Lapsed,
}

impl Accepted {
    pub(super) fn of(is_asked: bool) -> Self {
        if is_asked { Self::Asked { seller: false, buyer: false } } else { Self::Yes }
    }
}

/// What fails, and who delivers instead.
#[derive(Debug, Clone, Default)]
pub(super) struct Ladder {
    /// The first interval that failed, and until when it may be made good; none once somebody was called.
    outage: Option<(u32, Nanos)>,
    excused: Vec<(u32, u32)>,
    stand_ins: Vec<(AccountId, u32, u32)>,
}

impl Ladder {
    pub(super) fn stand_in(&self, interval: u32) -> Option<AccountId> {
        let covers =
            |(_, from, until): &&(AccountId, u32, u32)| (*from..*until).contains(&interval);
        self.stand_ins.iter().rev().find(covers).map(|(who, _, _)| *who)
    }

    pub(super) fn is_excused(&self, interval: u32) -> bool {
        self.excused.iter().any(|(from, until)| (*from..*until).contains(&interval))
    }

    /// From which interval on nothing is settled, because it may still be excused.
    pub(super) fn waits(&self) -> Option<u32> {
        self.outage.map(|(first, _)| first)
    }

    /// Who stands in from `next` on or later.
    pub(super) fn active(&self, next: u32) -> impl Iterator<Item = AccountId> {
        let active = self.stand_ins.iter().filter(move |(_, _, until)| next < *until);
        active.map(|(who, _, _)| *who)
    }

    /// What an interval's end does to an outage.
    pub(super) fn note(&mut self, interval: u32, outcome: IntervalOutcome) {
        let is_sellers = self.stand_in(interval).is_none();
        let is_later = self.outage.is_some_and(|(first, _)| first < interval);
        if is_sellers && is_later && matches!(outcome, IntervalOutcome::Delivered { .. }) {
            self.outage = None;
        }
    }

    /// The seller is there again.
    pub(super) fn recover(&mut self) {
        self.outage = None;
    }

    /// Nothing can be made good any more.
    pub(super) fn pass(&mut self, now: Nanos) {
        if self.outage.is_some_and(|(_, by)| by <= now) {
            self.outage = None;
        }
    }
}

/// Who stands by.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    offers: BTreeMap<AccountId, Offer>,
}

#[derive(Debug, Clone)]
struct Offer {
    grade: GradeId,
    gpus: i128,
    fee: MicroUsd,
    since: Nanos,
    paid_until: Nanos,
}

impl Pool {
    pub(super) fn offer(
        &mut self,
        account: AccountId,
        grade: &GradeId,
        (gpus, fee): (Qty, MicroUsd),
        now: Nanos,
    ) {
        self.drop(account);
        if !gpus.is_zero() {
            let (grade, gpus) = (grade.clone(), i128::from(gpus.lots()));
            let offer = Offer { grade, gpus, fee, since: now, paid_until: now };
            self.offers.insert(account, offer);
        }
    }

    pub(super) fn drop(&mut self, account: AccountId) {
        self.offers.remove(&account);
    }

    /// Whether a payment is at most what the provider asked for since the last one.
    pub(super) fn pays(&mut self, account: AccountId, amount: MicroUsd, now: Nanos) -> bool {
        let Some(offer) = self.offers.get_mut(&account) else { return false };
        let nanos = i128::from(now.since(offer.paid_until).nanos());
        offer.paid_until = now;
        let asked = i128::from(offer.fee.micros()) * offer.gpus * nanos;
        i128::from(amount.micros()) <= div_floor(asked, HOUR_NANOS)
    }

    /// Who must be called for an obligation.
    pub(super) fn first(
        &self,
        duty: &Duty,
        called: &BTreeMap<AccountId, i128>,
        can_sign: impl Fn(AccountId) -> bool,
    ) -> Option<AccountId> {
        let sold = launch_grades().into_iter().find(|grade| grade.id == duty.terms.grade);
        let delivers = |grade: &GradeId| {
            *grade == duty.terms.grade
                || sold.as_ref().is_some_and(|sold| sold.substitutes.contains(grade))
        };
        let idle = |account: &AccountId, offer: &Offer| {
            offer.gpus - called.get(account).copied().unwrap_or(0)
        };
        let can = |(account, offer): &(&AccountId, &Offer)| {
            **account != duty.seller
                && **account != duty.buyer
                && delivers(&offer.grade)
                && duty.lots <= idle(account, offer)
                && can_sign(**account)
        };
        let order = |(account, offer): &(&AccountId, &Offer)| (offer.fee, offer.since, **account);
        self.offers.iter().filter(can).min_by_key(order).map(|(account, _)| *account)
    }
}

/// About which obligation an event is.
pub(super) fn obligation_of(event: &CloseOutEvent) -> Option<ObligationId> {
    match event {
        CloseOutEvent::AcceptanceOpened { obligation }
        | CloseOutEvent::DeliveryAccepted { obligation, .. }
        | CloseOutEvent::BurnInJudged { obligation, .. }
        | CloseOutEvent::AcceptanceEnded { obligation, .. }
        | CloseOutEvent::OutageDeclared { obligation, .. }
        | CloseOutEvent::FailureWeighed { obligation, .. }
        | CloseOutEvent::OutageBegan { obligation, .. }
        | CloseOutEvent::Substituted { obligation, .. }
        | CloseOutEvent::StandbyCalled { obligation, .. }
        | CloseOutEvent::StandbyDismissed { obligation, .. }
        | CloseOutEvent::BoughtIn { obligation, .. }
        | CloseOutEvent::Prefunded { obligation, .. }
        | CloseOutEvent::PrefundingEnded { obligation, .. }
        | CloseOutEvent::InvoiceDisputed { obligation, .. } => Some(*obligation),
        CloseOutEvent::Invoiced(invoice) => Some(invoice.obligation),
        CloseOutEvent::HourSettled(hour) => Some(hour.obligation),
        CloseOutEvent::Nominated { .. }
        | CloseOutEvent::MatchReported { .. }
        | CloseOutEvent::AssignmentPublished(_)
        | CloseOutEvent::StandbyOffered { .. }
        | CloseOutEvent::StandbyPaid { .. } => None,
    }
}

impl Duty {
    /// Books the event. Whether it follows on what was before.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the exhaustive match is in `obligation_of`"
    )]
    pub(super) fn go_on(&mut self, event: &CloseOutEvent, now: Nanos) -> bool {
        match event {
            CloseOutEvent::AcceptanceOpened { .. } => {
                matches!(self.acceptance, Accepted::Asked { .. })
                    && self.terms.schedule.close_out.accept_from <= now
            }
            CloseOutEvent::DeliveryAccepted { .. }
            | CloseOutEvent::BurnInJudged { .. }
            | CloseOutEvent::AcceptanceEnded { .. } => self.accept(event, now),
            CloseOutEvent::FailureWeighed { challenge, is_soft, .. } => {
                let here = (&self.terms.schedule, now);
                self.meter.as_mut().is_some_and(|meter| meter.weigh(*challenge, *is_soft, here))
            }
            CloseOutEvent::OutageBegan { interval, substitute_by, .. } => {
                self.fail(*interval, *substitute_by, now)
            }
            CloseOutEvent::Substituted { grade, excused_from, excused_until, .. } => {
                self.substitute(grade, (*excused_from, *excused_until), now)
            }
            CloseOutEvent::StandbyCalled { provider, from, until, .. } => {
                let per_day = self.terms.schedule.close_out.intervals_per_day;
                let tomorrow = (from / per_day).saturating_add(1).saturating_mul(per_day);
                let is_free = self.ladder.stand_in(*from).is_none();
                self.ladder.outage = None;
                self.ladder.stand_ins.push((*provider, *from, *until));
                is_free && *from == self.next() && *until == tomorrow.min(self.count)
            }
            CloseOutEvent::StandbyDismissed { provider, until, .. } => {
                let next = self.next();
                let active = |it: &&mut (AccountId, u32, u32)| it.0 == *provider && next < it.2;
                let Some(stand_in) = self.ladder.stand_ins.iter_mut().rev().find(active) else {
                    return false;
                };
                stand_in.2 = next;
                *until == next
            }
            CloseOutEvent::BoughtIn { bought, .. } => {
                let price = i128::from(self.terms.per_hour(self.price).micros());
                let limit = price + price / 2;
                bought.iter().all(|part| i128::from(part.price.micros()) <= limit)
            }
            CloseOutEvent::Prefunded { until, amount, .. } => self.prefund(*until, *amount, now),
            CloseOutEvent::PrefundingEnded { until, given_up, paid, .. } => {
                let value = self.share(self.count) - self.share(self.funded);
                let tenth = div_ceil(value * BUYER_DEFAULT_PPM, WHOLE);
                let follows = *until == self.funded
                    && i128::from(given_up.micros()) == value
                    && i128::from(paid.micros()) <= tenth;
                self.unsettled -= value;
                self.count = self.funded;
                follows
            }
            CloseOutEvent::Invoiced(invoice) => {
                let since = self.sums.since(&self.invoiced);
                self.invoiced = self.sums;
                self.invoices += 1;
                invoice.number == self.invoices
                    && invoice.total == self.sums
                    && invoice.since == since
            }
            CloseOutEvent::InvoiceDisputed { account, invoice, .. } => {
                *invoice == self.invoices && (*account == self.seller || *account == self.buyer)
            }
            _ => true,
        }
    }

    fn next(&self) -> u32 {
        u32::try_from(self.intervals.len()).unwrap_or(u32::MAX)
    }

    fn accept(&mut self, event: &CloseOutEvent, now: Nanos) -> bool {
        let close_out = &self.terms.schedule.close_out;
        let in_window = (close_out.accept_from..close_out.accept_until).contains(&now);
        match (event, self.acceptance) {
            (
                CloseOutEvent::DeliveryAccepted { account, .. },
                Accepted::Asked { seller, buyer },
            ) => {
                let (by_seller, by_buyer) = (*account == self.seller, *account == self.buyer);
                let (seller_now, buyer_now) = (seller || by_seller, buyer || by_buyer);
                self.acceptance = if seller_now && buyer_now {
                    Accepted::Yes
                } else {
                    Accepted::Asked { seller: seller_now, buyer: buyer_now }
                };
                in_window && (by_seller && !seller || by_buyer && !buyer)
            }
            (CloseOutEvent::DeliveryAccepted { account, .. }, Accepted::Lapsed) => {
                self.acceptance = Accepted::Yes;
                self.ladder.outage = None;
                *account == self.seller
            }
            (CloseOutEvent::BurnInJudged { .. }, Accepted::Asked { .. }) => in_window,
            (
                CloseOutEvent::AcceptanceEnded { is_accepted, .. },
                Accepted::Asked { seller, .. },
            ) => {
                self.acceptance = if *is_accepted { Accepted::Yes } else { Accepted::Lapsed };
                let is_over = close_out.accept_until <= now;
                // Before that only a burn-in ends it, and never well.
                if is_over { *is_accepted == seller } else { !is_accepted && in_window }
            }
            _ => false,
        }
    }

    fn fail(&mut self, interval: u32, substitute_by: Nanos, now: Nanos) -> bool {
        let close_out = &self.terms.schedule.close_out;
        let day = |interval: u32| interval / close_out.intervals_per_day;
        let is_used = self.ladder.excused.iter().any(|(from, _)| day(*from) == day(interval));
        let may = !is_used && self.acceptance != Accepted::Lapsed;
        let by = if may { now + close_out.substitute_within } else { now };
        if let Some(meter) = &self.meter {
            // Where there were too many failures nothing is waited for.
            let is_outage = now < substitute_by && meter.fails(self.seller);
            self.ladder.outage = is_outage.then_some((interval, by));
            return meter.has_failed(self.seller) && (substitute_by == by || substitute_by == now);
        }
        let has_failed = self.intervals.get(&interval) == Some(&Way::Settled)
            && self.counted.get(&interval) == Some(&0);
        self.ladder.outage = (now < by).then_some((interval, by));
        has_failed && substitute_by == by && self.ladder.stand_in(interval).is_none()
    }

    fn substitute(&mut self, grade: &GradeId, range: (u32, u32), now: Nanos) -> bool {
        let sold = launch_grades().into_iter().find(|it| it.id == self.terms.grade);
        let is_par =
            *grade == self.terms.grade || sold.is_some_and(|sold| sold.substitutes.contains(grade));
        let is_open = |(first, by)| now < by && range == (first, self.next());
        let in_time = self.ladder.outage.is_some_and(is_open);
        self.ladder.outage = None;
        self.ladder.excused.push(range);
        is_par && in_time
    }

    fn prefund(&mut self, until: u32, amount: MicroUsd, now: Nanos) -> bool {
        let close_out = &self.terms.schedule.close_out;
        let wanted = self.funded.saturating_add(close_out.intervals_per_day).min(self.count);
        let value = self.share(until) - self.share(self.funded);
        let day = self.funded / close_out.intervals_per_day + 1 - close_out.prefund_days;
        let begins = day.saturating_mul(close_out.intervals_per_day);
        let in_time = self.terms.schedule.interval_starts_at(begins) <= now;
        self.escrow += value;
        self.funded = until;
        until == wanted && i128::from(amount.micros()) == value && in_time
    }
}

/// Whether a burn-in of that verdict has failed.
pub(super) fn has_failed(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Valid { quality } => quality.ppm() < QUALITY_FLOOR_PPM,
        Verdict::Invalid => true,
        Verdict::Unverifiable => false,
    }
}
