//! Both sides accept a delivery before it begins, and may dispute what was invoiced for it.

use instruments::{AccountId, ObligationId, Ppm};
use settlement::{Acceptance, AcceptanceStep, Outage, Verdict};

use crate::Exchange;
use crate::event::{CloseOutEvent, Event};
use crate::reject::{CloseOutReject, Reject};
use crate::run_timers::later;

/// Below this quality a burn-in has failed.
const QUALITY_FLOOR: Ppm = Ppm::new(900_000);

impl Exchange {
    /// A seller who has let its time pass may still accept: it delivers from the next interval that nobody stands in for.
    pub(crate) fn accept_delivery(
        &mut self,
        account: AccountId,
        obligation: ObligationId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let duty = &delivery.obligation;
        let step = match account {
            _ if account == duty.seller => AcceptanceStep::Seller,
            _ if account == duty.buyer => AcceptanceStep::Buyer,
            _ => return Err(Reject::CloseOut(CloseOutReject::NotAParty)),
        };
        let series = self.series.get(&duty.instrument).ok_or(Reject::UnknownObligation)?;
        let close_out = &series.instrument.schedule.close_out;
        let in_time = close_out.accept_from <= self.now
            && (self.now < close_out.accept_until || duty.acceptance == Acceptance::Lapsed);
        let next = duty.acceptance.after(step).filter(|_| in_time && !duty.closed);
        let next = next.ok_or(Reject::CloseOut(CloseOutReject::NothingToAccept))?;

        // From here on nothing can fail.
        if let Some(delivery) = self.deliveries.get_mut(&obligation) {
            let was_late = delivery.obligation.acceptance == Acceptance::Lapsed;
            delivery.obligation.acceptance = next;
            if was_late {
                delivery.obligation.outage = None;
            }
        }
        events.push(Event::CloseOut(CloseOutEvent::DeliveryAccepted { obligation, account }));
        Ok(())
    }

    /// A verifier says what the burn-in has shown.
    pub(crate) fn judge_burn_in(
        &mut self,
        account: AccountId,
        obligation: ObligationId,
        verdict: Verdict,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let verifier = self.accounts.get(&account).ok_or(Reject::UnknownAccount)?;
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let duty = &delivery.obligation;
        let series = self.series.get(&duty.instrument).ok_or(Reject::UnknownObligation)?;
        let close_out = &series.instrument.schedule.close_out;
        let in_time = (close_out.accept_from..close_out.accept_until).contains(&self.now);
        if !in_time || !duty.acceptance.is_open() || duty.closed {
            return Err(Reject::CloseOut(CloseOutReject::NothingToAccept));
        }
        if !verifier.is_verifier || account == duty.seller || account == duty.buyer {
            return Err(Reject::NotAVerifier);
        }

        // From here on nothing can fail.
        let is_failed = match verdict {
            Verdict::Valid { quality } => quality < QUALITY_FLOOR,
            Verdict::Invalid => true,
            Verdict::Unverifiable => false,
        };
        events.push(Event::CloseOut(CloseOutEvent::BurnInJudged {
            obligation,
            verifier: account,
            verdict,
        }));
        if is_failed {
            self.step_acceptance(obligation, AcceptanceStep::BurnInFailed, events);
        }
        Ok(())
    }

    /// The burn-in begins, and both sides are asked.
    pub(crate) fn open_acceptance(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.is_asked = true;
        events.push(Event::CloseOut(CloseOutEvent::AcceptanceOpened { obligation: id }));
    }

    /// Whoever has not accepted by now has not.
    pub(crate) fn end_acceptance(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        self.step_acceptance(id, AcceptanceStep::WindowEnds, events);
    }

    fn step_acceptance(&mut self, id: ObligationId, step: AcceptanceStep, events: &mut Vec<Event>) {
        let now = self.now;
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let duty = &mut delivery.obligation;
        let Some(next) = duty.acceptance.after(step) else { return };
        duty.acceptance = next;
        let is_accepted = next == Acceptance::Accepted;
        events
            .push(Event::CloseOut(CloseOutEvent::AcceptanceEnded { obligation: id, is_accepted }));
        if !is_accepted {
            duty.outage =
                Some(Outage { since: now, first: 0, substitute_by: now, is_called: true });
            self.call_pool(id, events);
        }
    }

    /// A party disputes the newest invoice: bond and escrow stay where they are until the series closes.
    pub(crate) fn dispute_invoice(
        &mut self,
        account: AccountId,
        obligation: ObligationId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let duty = &delivery.obligation;
        if account != duty.seller && account != duty.buyer {
            return Err(Reject::CloseOut(CloseOutReject::NotAParty));
        }
        let series = self.series.get(&duty.instrument).ok_or(Reject::UnknownObligation)?;
        let within = series.instrument.schedule.close_out.dispute_within;
        let until = later(delivery.invoiced_at, within);
        if duty.invoices == 0 || until <= self.now || duty.closed || delivery.is_disputed {
            return Err(Reject::CloseOut(CloseOutReject::NothingToDispute));
        }

        // From here on nothing can fail.
        let invoice = duty.invoices;
        if let Some(delivery) = self.deliveries.get_mut(&obligation) {
            delivery.is_disputed = true;
        }
        events.push(Event::CloseOut(CloseOutEvent::InvoiceDisputed {
            obligation,
            account,
            invoice,
        }));
        Ok(())
    }
}
