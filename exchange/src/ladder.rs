//! What is done about a seller who fails: it may bring other hardware, then the standby pool is called, then compute is bought in
//! (`buy_in.rs`), and what is then missing is money (`settle_hours.rs`).
//!
//! ```text
//! an interval fails -> substitute_by: other hardware, for free, once a day
//!                      |
//!                      +-> the standby pool delivers in the seller's place until the end of the day
//!                          |
//!                          +-> each hour: bought in, and money for the rest
//! ```

use instruments::{AccountId, GradeId, Instrument, Nanos, ObligationId, is_par_or_better};
use settlement::{Acceptance, FailCause, Outage, StandIn};

use crate::Exchange;
use crate::event::{CloseOutEvent, Event, IntervalOutcome};
use crate::nominate::{Node, check_nodes};
use crate::reject::{CloseOutReject, Reject};
use crate::run_timers::later;

impl Exchange {
    /// Climbs the ladder after a failure, and comes down after a delivery.
    pub(crate) fn note_outcome(
        &mut self,
        id: ObligationId,
        interval: u32,
        outcome: IntervalOutcome,
        events: &mut Vec<Event>,
    ) {
        let now = self.now;
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let next = delivery.next_interval;
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let duty = &mut delivery.obligation;
        // Between challenges it is they that fail, and who has said that it would fail does nothing about it.
        let is_declared =
            matches!(outcome, IntervalOutcome::Failed { cause: FailCause::Declared, .. });
        if duty.meter.is_some() || is_declared {
            return;
        }
        let stand_in = duty.stand_in(interval);
        match (outcome, stand_in) {
            (IntervalOutcome::Delivered { .. }, None) => {
                if duty.outage.is_some_and(|outage| outage.first < interval) {
                    duty.outage = None;
                }
            }
            (IntervalOutcome::Failed { .. }, Some(provider)) => {
                self.dismiss(id, provider, events);
            }
            (IntervalOutcome::Failed { .. }, None) => {
                let is_met = duty.is_excused(interval)
                    || duty.stand_in(next).is_some()
                    || duty.outage.is_some();
                if is_met {
                    return;
                }
                let substitute_by = may_substitute_until(duty, &series.instrument, interval, now);
                duty.outage =
                    Some(Outage { since: now, first: interval, substitute_by, is_called: false });
                events.push(Event::CloseOut(CloseOutEvent::OutageBegan {
                    obligation: id,
                    interval,
                    substitute_by,
                }));
                if substitute_by <= now {
                    self.call_pool(id, events);
                }
            }
            (IntervalOutcome::Delivered { .. }, Some(_)) | (IntervalOutcome::Unverified, _) => {}
        }
    }

    /// A challenge has failed, and not for a moment only. Where it was the last straw nothing is waited for.
    pub(crate) fn fail(
        &mut self,
        id: ObligationId,
        deliverer: AccountId,
        (interval, is_last_straw): (u32, bool),
        events: &mut Vec<Event>,
    ) {
        let now = self.now;
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let next = delivery.next_interval;
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let duty = &mut delivery.obligation;
        if deliverer != duty.seller {
            return self.dismiss(id, deliverer, events);
        }
        let is_called = duty.outage.is_some_and(|outage| outage.is_called);
        if is_called || duty.stand_in(next).is_some() || duty.is_excused(interval) {
            return;
        }
        if duty.outage.is_none() {
            let by = may_substitute_until(duty, &series.instrument, interval, now);
            let substitute_by = if is_last_straw { now } else { by };
            duty.outage =
                Some(Outage { since: now, first: interval, substitute_by, is_called: false });
            events.push(Event::CloseOut(CloseOutEvent::OutageBegan {
                obligation: id,
                interval,
                substitute_by,
            }));
            if now < substitute_by {
                return;
            }
        } else if !is_last_straw {
            return;
        }
        self.call_standby(id, events);
    }

    /// A challenge was passed: where it was the seller's, it is there again.
    pub(crate) fn end_outage(
        &mut self,
        id: ObligationId,
        deliverer: AccountId,
        events: &mut Vec<Event>,
    ) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let duty = &mut delivery.obligation;
        if deliverer == duty.seller && duty.outage.take().is_some() {
            self.settle_hours(id, events);
        }
    }

    /// The seller brings other hardware in place of what fails: what has failed since then is unpaid and unpunished.
    pub(crate) fn substitute(
        &mut self,
        (account, obligation): (AccountId, ObligationId),
        grade: &GradeId,
        nodes: &[Node],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let duty = &delivery.obligation;
        if duty.seller != account {
            return Err(Reject::NotTheSeller);
        }
        let open = duty.outage.filter(|outage| !duty.closed && !outage.is_called);
        let outage = open
            .filter(|outage| self.now < outage.substitute_by)
            .ok_or(Reject::CloseOut(CloseOutReject::NoSubstitution))?;
        let series = self.series.get(&duty.instrument).ok_or(Reject::UnknownObligation)?;
        if !is_par_or_better(&series.instrument.grade, grade) {
            return Err(Reject::CloseOut(CloseOutReject::LowerGrade));
        }
        check_nodes(nodes)?;

        // From here on nothing can fail.
        let excused = (outage.first, delivery.next_interval);
        if let Some(delivery) = self.deliveries.get_mut(&obligation) {
            delivery.obligation.excused.push(excused);
            delivery.obligation.outage = None;
            if let Some(meter) = &mut delivery.obligation.meter {
                meter.forgive();
            }
        }
        events.push(Event::CloseOut(CloseOutEvent::Substituted {
            obligation,
            grade: grade.clone(),
            nodes: nodes.to_vec(),
            excused_from: excused.0,
            excused_until: excused.1,
        }));
        self.settle_hours(obligation, events);
        self.conclude(obligation, events);
        Ok(())
    }

    /// The time for a substitution is over.
    pub(crate) fn call_standby(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        self.call_pool(id, events);
        self.settle_hours(id, events);
        self.conclude(id, events);
    }

    /// Asks the pool again, if nobody stands in for a seller who still fails.
    pub(crate) fn call_again(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        let duty = self.deliveries.get(&id).map(|delivery| &delivery.obligation);
        if duty.is_some_and(|duty| duty.outage.is_some_and(|outage| outage.is_called)) {
            self.call_pool(id, events);
        }
    }

    /// Has the first provider of the pool that can, if one can, deliver in the seller's place from the next interval until its day ends.
    pub(crate) fn call_pool(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        let provider = self.callable(id);
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let (duty, from) = (&mut delivery.obligation, delivery.next_interval);
        if let Some(outage) = &mut duty.outage {
            outage.is_called = true;
        }
        let close_out = &series.instrument.schedule.close_out;
        let tomorrow = close_out.day_of(from).saturating_add(1);
        let mut until = close_out.day_starts_at(tomorrow, duty.interval_count());
        // Who has said in time when it will be away comes back by itself.
        let away = duty.declared.iter().find(|(one, other)| (*one..*other).contains(&from));
        if let (Some((_, back)), None) = (away, duty.outage) {
            until = until.min(*back);
        }
        if let Some(provider) = provider
            && from < until
            && duty.stand_in(from).is_none()
        {
            duty.outage = None;
            duty.stand_ins.push(StandIn { provider, from, until });
            events.push(Event::CloseOut(CloseOutEvent::StandbyCalled {
                obligation: id,
                provider,
                from,
                until,
            }));
        }
    }

    /// A provider that stands in has failed: its offer is gone, and the next one is called.
    fn dismiss(&mut self, id: ObligationId, provider: AccountId, events: &mut Vec<Event>) {
        let now = self.now;
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let (duty, next) = (&mut delivery.obligation, delivery.next_interval);
        let is_active = |it: &&mut StandIn| it.provider == provider && next < it.until;
        let Some(stand_in) = duty.stand_ins.iter_mut().rev().find(is_active) else { return };
        stand_in.until = next;
        // The seller is in charge again, and the pool has been called.
        let first = next;
        let outage = Outage { since: now, first, substitute_by: now, is_called: true };
        duty.outage.get_or_insert(outage);
        self.close_outs.standby.remove(&provider);
        events.push(Event::CloseOut(CloseOutEvent::StandbyDismissed {
            obligation: id,
            provider,
            until: next,
        }));
        self.call_pool(id, events);
    }
}

/// Until when a seller may bring other hardware: at once it is too late where it has done so today, or has not accepted at all.
fn may_substitute_until(
    duty: &settlement::Obligation,
    terms: &Instrument,
    interval: u32,
    now: Nanos,
) -> Nanos {
    let close_out = &terms.schedule.close_out;
    let today = close_out.day_of(interval);
    let is_used = duty.excused.iter().any(|(from, _)| close_out.day_of(*from) == today);
    if is_used || duty.acceptance == Acceptance::Lapsed {
        return now;
    }
    later(now, close_out.substitute_within)
}
