//! The standby pool: providers who can be called to deliver in a seller's place, and are paid for being there.
//!
//! A provider's offer stands until it is changed, withdrawn, or lost by failing when called. The fee comes from the trading fees, as far
//! as they go, for what is not called, and for a tenth of the GPUs under delivery at most, the cheapest first.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_floor;
use instruments::{AccountId, GradeId, MicroUsd, Nanos, ObligationId, Ppm, Qty, is_par_or_better};
use settlement::{Bucket, Reason};

use crate::Exchange;
use crate::event::{CloseOutEvent, Event};
use crate::limits::STANDBY_OFFERS_MAX;
use crate::rehold::saturate;
use crate::reject::{CloseOutReject, Reject};

/// A fee is at most this part of the dearest index that the hardware could deliver for.
const FEE_MAX: Ppm = Ppm::new(100_000);
/// So much of what is under delivery is paid for standing by.
const POOL_PPM: u128 = 100_000;
const MILLION: u128 = 1_000_000;
const HOUR_NANOS: i128 = 3_600_000_000_000;

/// What a provider holds ready.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StandbyOffer {
    /// Of which grade.
    pub grade: GradeId,
    /// How many GPUs.
    pub gpus: Qty,
    /// Dollars per GPU-hour for holding them ready.
    pub fee: MicroUsd,
    /// Since when.
    pub since: Nanos,
}

impl Exchange {
    pub(crate) fn offer_standby(
        &mut self,
        account: AccountId,
        (grade, gpus, fee): (&GradeId, Qty, MicroUsd),
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        let sold = self.series.values().map(|series| &series.instrument.grade);
        let mut sold = sold.filter(|sold| is_par_or_better(sold, grade)).peekable();
        if sold.peek().is_none() {
            return Err(Reject::UnknownGrade);
        }
        let dearest = sold.filter_map(|sold| self.index_value(sold)).max();
        let limit = FEE_MAX.of_floor(dearest.unwrap_or(MicroUsd::ZERO));
        if fee < MicroUsd::ZERO || limit < fee {
            return Err(Reject::CloseOut(CloseOutReject::StandbyFeeOutOfRange { limit }));
        }
        let is_new = !self.close_outs.standby.contains_key(&account);
        if is_new && STANDBY_OFFERS_MAX <= self.close_outs.standby.len() {
            return Err(Reject::CloseOut(CloseOutReject::TooManyOffers {
                limit: u64::try_from(STANDBY_OFFERS_MAX).unwrap_or(u64::MAX),
            }));
        }

        // From here on nothing can fail.
        self.pay_standby(events);
        if gpus.is_zero() {
            self.close_outs.standby.remove(&account);
        } else {
            let offer = StandbyOffer { grade: grade.clone(), gpus, fee, since: self.now };
            self.close_outs.standby.insert(account, offer);
        }
        events.push(Event::CloseOut(CloseOutEvent::StandbyOffered {
            account,
            grade: grade.clone(),
            gpus,
            fee,
        }));
        Ok(())
    }

    /// Who is called for an obligation: the cheapest who can deliver all of it, then the one who has stood by longest, then by account.
    pub(crate) fn callable(&self, id: ObligationId) -> Option<AccountId> {
        let duty = &self.deliveries.get(&id)?.obligation;
        let asked = &self.series.get(&duty.instrument)?.instrument.grade;
        let can = |(account, offer): &(&AccountId, &StandbyOffer)| {
            let has_key = self.accounts.get(account).is_some_and(|it| it.signer.is_some());
            let is_party = **account == duty.seller || **account == duty.buyer;
            has_key
                && !is_party
                && is_par_or_better(asked, &offer.grade)
                && duty.lots <= self.idle(**account, offer)
        };
        let offers = self.close_outs.standby.iter().filter(can);
        let chosen = offers.min_by_key(|(account, offer)| (offer.fee, offer.since, **account));
        chosen.map(|(account, _)| *account)
    }

    /// What of an offer is not called.
    fn idle(&self, account: AccountId, offer: &StandbyOffer) -> Qty {
        let called = self.deliveries.values().filter(|delivery| {
            let duty = &delivery.obligation;
            let is_active = |it: &settlement::StandIn| {
                it.provider == account && delivery.next_interval < it.until
            };
            !duty.closed && duty.stand_ins.iter().any(is_active)
        });
        offer.gpus.saturating_sub(called.map(|delivery| delivery.obligation.lots).sum())
    }

    /// Pays who stands by since the last time.
    pub(crate) fn pay_standby(&mut self, events: &mut Vec<Event>) {
        let since = std::mem::replace(&mut self.close_outs.standby_paid_at, self.now);
        let mut offers: Vec<(AccountId, StandbyOffer)> =
            self.close_outs.standby.iter().map(|(id, offer)| (*id, offer.clone())).collect();
        offers.sort_by(|(one, a), (other, b)| {
            (&a.grade, a.fee, a.since, one).cmp(&(&b.grade, b.fee, b.since, other))
        });
        let mut left: Option<(GradeId, u64)> = None;
        for (account, offer) in offers {
            if left.as_ref().is_none_or(|(grade, _)| *grade != offer.grade) {
                left = Some((offer.grade.clone(), self.pool_of(&offer.grade)));
            }
            let Some((_, gpus_left)) = &mut left else { continue };
            let gpus = self.idle(account, &offer).lots().min(*gpus_left);
            *gpus_left = gpus_left.saturating_sub(gpus);
            let for_nanos = self.now.since(since.max(offer.since)).nanos();
            let product = i128::from(offer.fee.micros())
                .saturating_mul(i128::from(gpus))
                .saturating_mul(i128::from(for_nanos));
            let owed = saturate(div_floor(product, HOUR_NANOS));
            let cash = Bucket::Cash(account);
            let unpaid = self.ledger.because(Reason::Standby).pay(&[Bucket::Fees], cash, owed);
            let amount = owed - unpaid;
            if MicroUsd::ZERO < amount {
                events.push(Event::CloseOut(CloseOutEvent::StandbyPaid { account, amount }));
                self.rehold(account);
            }
        }
    }

    /// How many GPUs of a grade are paid for standing by: a tenth of those under delivery, rounded up.
    fn pool_of(&self, grade: &GradeId) -> u64 {
        let is_of = |duty: &settlement::Obligation| {
            let series = self.series.get(&duty.instrument);
            !duty.closed && series.is_some_and(|series| series.instrument.grade == *grade)
        };
        let duties = self.deliveries.values().map(|delivery| &delivery.obligation);
        let lots = duties.filter(|duty| is_of(duty)).map(|duty| u128::from(duty.lots.lots()));
        let lots = lots.fold(0_u128, u128::saturating_add);
        u64::try_from(lots.saturating_mul(POOL_PPM).div_ceil(MILLION)).unwrap_or(u64::MAX)
    }
}
