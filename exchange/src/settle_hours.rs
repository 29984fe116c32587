//! The money of deliveries: intervals as they end, hours once all of theirs have, days by top-up and invoice, and the close.

use instruments::{AccountId, MicroUsd, ObligationId, Ppm};
use settlement::{IntervalState, Replacement, TopUp};

use crate::Exchange;
use crate::delivery::Due;
use crate::event::{CloseOutEvent, Event, HourSettled, IntervalOutcome, IntervalSettled};

/// What a replacement costs against the index when none was bought in, in millionths.
const REPLACEMENT_PPM: Ppm = Ppm::new(1_150_000);

impl Exchange {
    /// Pays for an interval that has just ended, and for every hour that ends with it.
    pub(crate) fn settle_interval(
        &mut self,
        id: ObligationId,
        interval: u32,
        outcome: IntervalOutcome,
        events: &mut Vec<Event>,
    ) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let terms = &series.instrument;
        let duty = &mut delivery.obligation;
        let stand_in = duty.stand_in(interval);
        let settled = settlement::settle_interval(&mut self.ledger, duty, terms, interval);
        events.push(Event::IntervalSettled(Box::new(IntervalSettled {
            obligation: id,
            interval,
            outcome,
            stand_in,
            paid: settled.paid,
            returned_to_buyer: settled.returned_to_buyer,
        })));
        let parties = [settled.deliverer, duty.buyer];
        if duty.has_ended() {
            delivery.ended_at = Some(self.now);
        }
        let record = self.close_outs.records.entry(settled.deliverer).or_default();
        record.verified += settled.counted;
        self.note_outcome(id, interval, outcome, events);
        self.settle_hours(id, events);
        for account in parties {
            self.rehold(account);
        }
        self.conclude(id, events);
    }

    /// Settles the hours of which every interval has ended, but for those that a substitution may still excuse.
    pub(crate) fn settle_hours(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        loop {
            let Some(delivery) = self.deliveries.get(&id) else { return };
            let duty = &delivery.obligation;
            let Some(series) = self.series.get(&duty.instrument) else { return };
            let terms = &series.instrument;
            let hour_of = |interval: u32| terms.schedule.close_out.hour_of(interval);
            let waiting = duty.outage.filter(|outage| !outage.is_called);
            let waits_from = waiting.map_or(u32::MAX, |outage| hour_of(outage.first));
            let until = hour_of(delivery.next_interval).saturating_add(1).min(waits_from);
            let Some(hour) =
                (delivery.hours_from..until).find(|hour| duty.can_settle(terms, *hour))
            else {
                return;
            };
            self.settle_hour(id, hour, events);
        }
    }

    fn settle_hour(&mut self, id: ObligationId, hour: u32, events: &mut Vec<Event>) {
        let Some(delivery) = self.deliveries.get(&id) else { return };
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let uncovered = delivery.obligation.shortfall(&series.instrument, hour).uncovered();
        let bought =
            if 0 < uncovered { self.buy_in(id, hour, uncovered, events) } else { Vec::new() };
        self.charge_hour(id, hour, &bought, events);
        if 0 < uncovered {
            self.call_again(id, events);
        }
    }

    /// Moves the damages of an hour for which nothing more is bought.
    fn charge_hour(
        &mut self,
        id: ObligationId,
        hour: u32,
        bought: &[settlement::Bought],
        events: &mut Vec<Event>,
    ) {
        let price = self.replacement_price(id);
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let terms = &series.instrument;
        let duty = &mut delivery.obligation;
        let replacement = Replacement { price, bought };
        let settled = settlement::settle_hour(&mut self.ledger, duty, terms, hour, &replacement);
        while delivery.hours_from < u32::MAX
            && duty.is_settled(delivery.hours_from)
            && usize::try_from(delivery.hours_from).is_ok_and(|at| at < duty.hours.len())
        {
            delivery.hours_from = delivery.hours_from.saturating_add(1);
        }
        let mut touched = vec![duty.seller, duty.buyer];
        touched.extend(settled.received.iter().map(|(account, _)| *account));
        let record = self.close_outs.records.entry(duty.seller).or_default();
        record.missed += settled.missing;
        events.push(Event::CloseOut(CloseOutEvent::HourSettled(Box::new(HourSettled {
            obligation: id,
            hour,
            replacement: price,
            settled,
        }))));
        for account in touched {
            self.rehold(account);
        }
    }

    /// Dollars per GPU-hour of a replacement that nobody has bought: the index and 15 % of it; where there is no index, the settlement price
    /// and 15 % of it.
    fn replacement_price(&self, id: ObligationId) -> MicroUsd {
        let Some(delivery) = self.deliveries.get(&id) else { return MicroUsd::ZERO };
        let duty = &delivery.obligation;
        let Some(series) = self.series.get(&duty.instrument) else { return MicroUsd::ZERO };
        let terms = &series.instrument;
        let index = self.indices.get(&terms.grade).and_then(|history| history.last.value);
        REPLACEMENT_PPM.of_ceil(index.unwrap_or_else(|| terms.per_hour(duty.settlement_price)))
    }

    /// The buyer prefunds one day more, or the obligation ends with what is prefunded.
    pub(crate) fn top_up(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let close_out = &series.instrument.schedule.close_out;
        let duty = &mut delivery.obligation;
        let until = duty.funded.saturating_add(close_out.intervals_per_day);
        let parties = [duty.seller, duty.buyer];
        events.push(match settlement::top_up(&mut self.ledger, duty, until) {
            TopUp::Prefunded { until, amount } => {
                Event::CloseOut(CloseOutEvent::Prefunded { obligation: id, until, amount })
            }
            TopUp::Ended { until, given_up, paid } => {
                Event::CloseOut(CloseOutEvent::PrefundingEnded {
                    obligation: id,
                    until,
                    given_up,
                    paid,
                })
            }
        });
        if duty.has_ended() && delivery.ended_at.is_none() {
            delivery.ended_at = Some(self.now);
        }
        for account in parties {
            self.rehold(account);
        }
        self.conclude(id, events);
    }

    /// Makes the last invoice and closes, where neither has to wait.
    pub(crate) fn conclude(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        let has_ended = |exchange: &Self| {
            exchange.deliveries.get(&id).is_some_and(|delivery| delivery.ended_at.is_some())
        };
        while let Some((_, due @ (Due::Invoice | Due::Close))) = self.step_due(id)
            && has_ended(self)
        {
            self.run_delivery(id, due, events);
        }
    }

    pub(crate) fn make_invoice(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.invoiced_at = self.now;
        let days_left = delivery.obligation.invoices.saturating_add(1);
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return };
        let count = delivery.obligation.interval_count();
        let ends = series.instrument.schedule.close_out.day_starts_at(days_left, count);
        delivery.is_invoiced = count <= ends;
        events.push(Event::CloseOut(CloseOutEvent::Invoiced(Box::new(
            delivery.obligation.invoice(),
        ))));
    }

    pub(crate) fn close_with_parties(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        let Some(delivery) = self.deliveries.get(&id) else { return };
        let parties: [AccountId; 2] = [delivery.obligation.seller, delivery.obligation.buyer];
        self.close_obligation(id, events);
        for account in parties {
            self.rehold(account);
        }
    }

    /// Ends an obligation: what has not ended of it by now is unpaid and unpunished. The caller adjusts the parties' holds.
    pub(crate) fn close_obligation(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        for hour in self.hours_failed(id) {
            self.charge_hour(id, hour, &[], events);
        }
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.under_way.clear();
        let duty = &mut delivery.obligation;
        settlement::close(&mut self.ledger, duty);
        if duty.sums() != duty.invoiced {
            events.push(Event::CloseOut(CloseOutEvent::Invoiced(Box::new(duty.invoice()))));
        }
        let judged = duty.delivered_count.saturating_add(duty.failed);
        events.push(Event::ObligationClosed {
            obligation: id,
            intervals_delivered: duty.delivered_count,
            intervals_failed: duty.failed,
            // Those that the close has overtaken too.
            intervals_unverified: duty.interval_count().saturating_sub(judged),
            paid_to_seller: duty.paid_to_seller,
            shortfall_paid: duty.shortfall_paid,
        });
    }

    /// The hours that the close overtakes, and in which something has failed.
    fn hours_failed(&self, id: ObligationId) -> Vec<u32> {
        let Some(delivery) = self.deliveries.get(&id) else { return Vec::new() };
        let duty = &delivery.obligation;
        let Some(series) = self.series.get(&duty.instrument) else { return Vec::new() };
        let terms = &series.instrument;
        let last = terms.schedule.close_out.hour_of(delivery.next_interval);
        let has_ended = |hour: &u32| {
            let (from, until) = duty.intervals_of(terms, *hour);
            let ended = |index| duty.interval(index).is_some_and(IntervalState::has_ended);
            (from..until).any(ended)
        };
        let open = (delivery.hours_from..=last).filter(|hour| !duty.is_settled(*hour));
        open.filter(has_ended).collect()
    }
}
