//! A seller says in time that whole intervals will be missing: nothing is asked of it then, and the penalty is a fifth.

use instruments::{AccountId, Nanos, ObligationId, Schedule};
use settlement::OUTAGES_MAX;

use crate::Exchange;
use crate::event::{CloseOutEvent, Event};
use crate::reject::{CloseOutReject, Reject};
use crate::run_timers::later;

impl Exchange {
    pub(crate) fn declare_outage(
        &mut self,
        (account, obligation): (AccountId, ObligationId),
        (from, until): (u32, u32),
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let duty = &delivery.obligation;
        if duty.seller != account {
            return Err(Reject::NotTheSeller);
        }
        let series = self.series.get(&duty.instrument).ok_or(Reject::UnknownObligation)?;
        let schedule = &series.instrument.schedule;
        let count = duty.interval_count();
        let earliest = earliest(schedule, self.now).max(delivery.next_interval);
        let overlaps = |span: &(u32, u32)| from < span.1 && span.0 < until;
        let is_in_range = earliest <= from && from < until && until <= count;
        if duty.closed || !is_in_range || duty.declared.iter().any(overlaps) {
            return Err(Reject::CloseOut(CloseOutReject::OutageOutOfRange {
                from: earliest,
                limit: count,
            }));
        }
        if OUTAGES_MAX <= duty.declared.len() {
            return Err(Reject::CloseOut(CloseOutReject::TooManyOutages {
                limit: u64::try_from(OUTAGES_MAX).unwrap_or(u64::MAX),
            }));
        }

        // From here on nothing can fail.
        if let Some(delivery) = self.deliveries.get_mut(&obligation) {
            delivery.obligation.declared.push((from, until));
        }
        events.push(Event::CloseOut(CloseOutEvent::OutageDeclared { obligation, from, until }));
        Ok(())
    }
}

/// The first interval that does not begin before the length of one has passed.
fn earliest(schedule: &Schedule, now: Nanos) -> u32 {
    let length = schedule.interval_starts_at(1).since(schedule.deliver_from);
    let ahead = later(now, length);
    let there = schedule.interval_at(ahead);
    let has_begun = schedule.deliver_from < ahead && schedule.interval_starts_at(there) < ahead;
    there.saturating_add(u32::from(has_begun))
}
