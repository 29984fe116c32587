//! Challenges that come at any time: who is asked, and what the answers make of intervals and of outages. The rule is in `settlement/src/credit.rs`.
//!
//! ```text
//! IssueChallenge -> SubmitReceipt -> DrawRows -> SubmitVerdict -> ChallengeEnded -> FailureWeighed, IntervalSettled
//! ```

use instruments::ObligationId;
use settlement::{ChallengeState, ChallengeStep, Finding, Step};

use crate::Exchange;
use crate::delivery::UnderWay;
use crate::event::{CloseOutEvent, Event};
use crate::limits::CHALLENGES_IN_FLIGHT_MAX;
use crate::reject::{CloseOutReject, Reject};
use crate::run_timers::later;

impl Exchange {
    /// Demands work of whoever delivers now, or has just delivered.
    pub(crate) fn ask_between(
        &mut self,
        obligation: ObligationId,
        seed: [u8; 32],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let now = self.now;
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let series = self.series.get(&delivery.obligation.instrument);
        let terms = &series.ok_or(Reject::UnknownObligation)?.instrument;
        let duty = &delivery.obligation;
        let of = delivery.meter_terms(terms, now).ok_or(Reject::WrongStep)?;
        let meter = duty.meter.as_ref().ok_or(Reject::WrongStep)?;
        let session = meter.whom(&of, |interval| duty.is_declared(interval));
        let is_over = duty.closed || terms.schedule.close_at <= now;
        let session = session.filter(|_| !is_over).ok_or(Reject::WrongStep)?;
        if !meter.has_room(session) {
            return Err(Reject::CloseOut(CloseOutReject::TooManyChallenges {
                limit: CHALLENGES_IN_FLIGHT_MAX,
            }));
        }

        // From here on nothing can fail.
        let answer_by = later(now, terms.schedule.answer_within);
        let Some(delivery) = self.deliveries.get_mut(&obligation) else { return Ok(()) };
        let duty = &mut delivery.obligation;
        let asked = duty.meter.as_mut().and_then(|meter| meter.ask(session, now, answer_by));
        let Some((challenge, seller)) = asked else { return Ok(()) };
        let under_way = UnderWay { issued_at: now, seed: Some(seed), ..UnderWay::default() };
        delivery.under_way.insert(challenge, under_way);
        delivery.session_seed.get_or_insert(seed);
        let lots = duty.lots;
        events.push(Event::ChallengeIssued {
            obligation,
            challenge,
            seller,
            lots,
            seed,
            answer_by,
        });
        Ok(())
    }

    /// Takes one step of one challenge and, when that ends it, reads the meter.
    ///
    /// # Panics
    /// On a step that the callers' checks have ruled out.
    pub(crate) fn step_challenge(
        &mut self,
        id: ObligationId,
        challenge: u32,
        step: ChallengeStep,
        events: &mut Vec<Event>,
    ) {
        let now = self.now;
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let Some(meter) = &mut delivery.obligation.meter else { return };
        let stepped = meter.step(challenge, step, now);
        assert!(stepped.is_some(), "a checked step: {step:?} of challenge {challenge}");
        if let Some(ChallengeState::Ended(outcome)) = stepped {
            delivery.under_way.remove(&challenge);
            events.push(Event::ChallengeEnded { obligation: id, challenge, outcome });
            self.read_meter(id, events);
        }
    }

    /// Acts on everything that has become clear of an obligation's hours.
    pub(crate) fn read_meter(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        while let Some(found) = self.find(id) {
            match found {
                Finding::Passed { deliverer } => self.end_outage(id, deliverer, events),
                Finding::Failed { challenge, deliverer, is_soft, interval, is_last_straw } => {
                    events.push(Event::CloseOut(CloseOutEvent::FailureWeighed {
                        obligation: id,
                        challenge,
                        is_soft,
                    }));
                    if !is_soft {
                        self.fail(id, deliverer, (interval, is_last_straw), events);
                    }
                }
                Finding::Silent { deliverer, interval } => {
                    self.fail(id, deliverer, (interval, true), events);
                }
                Finding::Measured { interval, measured } => {
                    self.step_interval(id, interval, Step::Measured(measured), events);
                }
            }
        }
    }

    fn find(&mut self, id: ObligationId) -> Option<Finding> {
        let delivery = self.deliveries.get_mut(&id)?;
        let series = self.series.get(&delivery.obligation.instrument)?;
        let terms = delivery.meter_terms(&series.instrument, self.now)?;
        if delivery.obligation.closed {
            return None;
        }
        delivery.obligation.meter.as_mut()?.find(&terms)
    }
}
