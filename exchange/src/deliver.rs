//! Physical delivery: intervals, and challenge, receipt, draw, verdict. Its money is in `settle_hours.rs`; where challenges come at any time,
//! what they make of the intervals is in `read_meter.rs`. Where each interval has its own:
//!
//! ```text
//! IntervalOpened -> IssueChallenge -> SubmitReceipt -> DrawRows -> SubmitVerdict -> IntervalSettled
//!       |                 |                |                             ^
//!       |                 |                +-- no verdict in time: unverified
//!       |                 +-- no receipt in time: failed
//!       +-- no challenge before the interval ends: unverified, because that is the venue's own fault
//! ```

use std::collections::BTreeSet;

use instruments::{AccountId, GpuSeconds, MicroUsd, Nanos, ObligationId, Ppm};
use settlement::{
    Acceptance, ChallengeOutcome, ChallengeState, ChallengeStep, DeliveryReceipt, IntervalState,
    ReceiptError, Step, Verdict,
};

use crate::Exchange;
use crate::command::Command;
use crate::delivery::{Delivery, Due, UnderWay};
use crate::event::{Event, IntervalOutcome};
use crate::reject::{ReceiptField, Reject};
use crate::run_timers::later;

impl Exchange {
    /// Opens the intervals that have begun and ends those whose deadline has passed, in the order in which that was due.
    pub(crate) fn run_deliveries(&mut self, events: &mut Vec<Event>) {
        let next = |id: &ObligationId| self.step_due(*id).map(|(at, due)| (at, *id, due));
        let mut due: BTreeSet<(Nanos, ObligationId, Due)> =
            self.deliveries.keys().filter_map(next).collect();
        while let Some((_, id, step)) = due.pop_first() {
            self.run_delivery(id, step, events);
            due.extend(self.step_due(id).map(|(at, step)| (at, id, step)));
        }
    }

    /// The next step of an obligation, if it was due.
    pub(crate) fn step_due(&self, id: ObligationId) -> Option<(Nanos, Due)> {
        let delivery = self.deliveries.get(&id)?;
        let series = self.series.get(&delivery.obligation.instrument)?;
        delivery.next_due(&series.instrument, self.now).filter(|(at, _)| *at <= self.now)
    }

    /// What a challenge waits for now.
    fn awaited(&self, delivery: &Delivery, challenge: u32) -> Option<ChallengeState> {
        let series = self.series.get(&delivery.obligation.instrument)?;
        delivery.awaits(challenge, &series.instrument, self.now)
    }

    /// Takes the one step of one obligation that was due.
    pub(crate) fn run_delivery(&mut self, id: ObligationId, due: Due, events: &mut Vec<Event>) {
        match due {
            Due::AcceptanceOpens => self.open_acceptance(id, events),
            Due::AcceptanceEnds => self.end_acceptance(id, events),
            Due::Deadline(number) => self.pass_deadline(id, number, events),
            Due::Meter => self.read_meter(id, events),
            Due::Standby => self.call_standby(id, events),
            Due::TopUp => self.top_up(id, events),
            Due::Open => self.open_interval(id, events),
            Due::Invoice => self.make_invoice(id, events),
            Due::Close => self.close_with_parties(id, events),
        }
    }

    fn open_interval(&mut self, id: ObligationId, events: &mut Vec<Event>) {
        // A seller who has not accepted, or says that it will not be there, needs somebody in its place.
        let absence = |exchange: &Self| {
            let delivery = exchange.deliveries.get(&id)?;
            let (duty, interval) = (&delivery.obligation, delivery.next_interval);
            match duty.acceptance {
                _ if duty.stand_in(interval).is_some() => None,
                Acceptance::Lapsed => Some(Step::Unready),
                _ if duty.is_declared(interval) => Some(Step::Declared),
                Acceptance::Assigned
                | Acceptance::SellerReady
                | Acceptance::BuyerReady
                | Acceptance::Accepted => None,
            }
        };
        if absence(self).is_some() {
            self.call_pool(id, events);
        }
        let absence = absence(self);
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let interval = delivery.next_interval;
        delivery.next_interval = interval.saturating_add(1);
        let duty = &mut delivery.obligation;
        let deliverer = duty.deliverer(interval);
        match &mut duty.meter {
            Some(meter) if absence.is_none() => meter.begin(interval, deliverer),
            Some(_) => {}
            None => drop(delivery.under_way.insert(interval, UnderWay::default())),
        }
        events.push(Event::IntervalOpened { obligation: id, interval });
        self.step_interval(id, interval, Step::Open, events);
        if let Some(absence) = absence {
            self.step_interval(id, interval, absence, events);
        }
        self.read_meter(id, events);
    }

    /// Nobody has answered, or judged, in time.
    fn pass_deadline(&mut self, id: ObligationId, number: u32, events: &mut Vec<Event>) {
        let is_metered = self.deliveries.get(&id).is_some_and(|it| it.obligation.meter.is_some());
        if is_metered {
            self.step_challenge(id, number, ChallengeStep::Deadline, events);
        } else {
            self.step_interval(id, number, Step::Deadline, events);
        }
    }

    /// Ends every open challenge as if it had never been.
    pub(crate) fn void_challenges(&mut self, events: &mut Vec<Event>) {
        let open: Vec<_> =
            self.open_challenges().map(|open| (open.obligation, open.challenge)).collect();
        for (id, number) in open {
            let is_metered =
                self.deliveries.get(&id).is_some_and(|it| it.obligation.meter.is_some());
            if is_metered {
                self.step_challenge(id, number, ChallengeStep::Void, events);
            } else {
                self.step_interval(id, number, Step::Void, events);
            }
        }
    }

    pub(crate) fn issue_challenge(
        &mut self,
        obligation: ObligationId,
        seed: [u8; 32],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let series = self.series.get(&delivery.obligation.instrument);
        let terms = &series.ok_or(Reject::UnknownObligation)?.instrument;
        if terms.schedule.close_out.meter().is_some() {
            return self.ask_between(obligation, seed, events);
        }
        let challenge = delivery.unasked(terms, self.now).ok_or(Reject::WrongStep)?;

        // From here on nothing can fail.
        let answer_by = later(self.now, terms.schedule.answer_within);
        let duty = &delivery.obligation;
        let (seller, lots) = (duty.deliverer(challenge), duty.lots);
        let issued_at = self.now;
        self.under_way(obligation, challenge, |under_way| {
            under_way.seed = Some(seed);
            under_way.issued_at = issued_at;
        });
        if let Some(delivery) = self.deliveries.get_mut(&obligation) {
            delivery.session_seed.get_or_insert(seed);
        }
        self.step_interval(obligation, challenge, Step::Challenge { answer_by }, events);
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

    /// Takes in the claim of a [`Command::SubmitReceipt`].
    pub(crate) fn submit_receipt(
        &mut self,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let Command::SubmitReceipt { account, signer, digest, receipt, signature } = command else {
            return Ok(());
        };
        self.check_receipt(*account, *signer, receipt)?;

        // From here on nothing can fail.
        let DeliveryReceipt { obligation, challenge, work_root, .. } = *receipt;
        let Some(delivery) = self.deliveries.get_mut(&obligation) else { return Ok(()) };
        let Some(series) = self.series.get(&delivery.obligation.instrument) else { return Ok(()) };
        let verdict_by = later(self.now, series.instrument.schedule.verdict_within);
        let accepted = delivery.obligation.accept_receipt(receipt, *digest, (self.now, verdict_by));
        assert!(accepted.is_ok(), "a checked receipt: {accepted:?}");
        self.under_way(obligation, challenge, |under_way| under_way.work_root = Some(work_root));
        events.push(Event::ReceiptAccepted {
            receipt: *receipt,
            digest: *digest,
            signer: *signer,
            signature: signature.clone(),
        });
        Ok(())
    }

    fn check_receipt(
        &self,
        account: AccountId,
        signer: [u8; 20],
        receipt: &DeliveryReceipt,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&receipt.obligation).ok_or(Reject::UnknownObligation)?;
        let obligation = &delivery.obligation;
        if delivery.challenged(receipt.challenge) != account {
            return Err(Reject::NotTheSeller);
        }
        let awaited = self.awaited(delivery, receipt.challenge);
        if !matches!(awaited, Some(ChallengeState::Challenged { .. })) {
            return Err(Reject::WrongStep);
        }
        let nominated = self.accounts.get(&account).and_then(|record| record.signer);
        if nominated != Some(signer) {
            return Err(Reject::WrongSigner);
        }
        let series = self.series.get(&obligation.instrument).ok_or(Reject::UnknownObligation)?;
        obligation.check_receipt(&series.instrument, receipt).map_err(|error| match error {
            ReceiptError::Obligation { .. } => Reject::UnknownObligation,
            ReceiptError::Challenge { .. } => Reject::WrongStep,
            ReceiptError::Challenges { expected, .. } => {
                Reject::ReceiptOutOfChain { field: ReceiptField::Challenges { expected } }
            }
            ReceiptError::GpuMillis { limit, .. } => {
                Reject::ReceiptOutOfChain { field: ReceiptField::GpuMillis { limit } }
            }
            ReceiptError::Prev => Reject::ReceiptOutOfChain { field: ReceiptField::Prev },
            ReceiptError::Terms => Reject::ReceiptOutOfChain { field: ReceiptField::Terms },
        })
    }

    pub(crate) fn draw_rows(
        &mut self,
        obligation: ObligationId,
        challenge: u32,
        seed: [u8; 32],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        if !matches!(self.awaited(delivery, challenge), Some(ChallengeState::Claimed { .. })) {
            return Err(Reject::WrongStep);
        }
        let under_way = delivery.under_way.get(&challenge);
        if under_way.is_some_and(|under_way| under_way.draw_seed.is_some()) {
            return Err(Reject::RowsDrawn);
        }

        // From here on nothing can fail.
        let seller = delivery.challenged(challenge);
        self.under_way(obligation, challenge, |under_way| under_way.draw_seed = Some(seed));
        events.push(Event::RowsDrawn { obligation, challenge, seller, seed });
        Ok(())
    }

    pub(crate) fn submit_verdict(
        &mut self,
        account: AccountId,
        (obligation, challenge): (ObligationId, u32),
        verdict: Verdict,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let verifier = self.accounts.get(&account).ok_or(Reject::UnknownAccount)?;
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        if !matches!(self.awaited(delivery, challenge), Some(ChallengeState::Claimed { .. })) {
            return Err(Reject::WrongStep);
        }
        // Whoever knows what was done knows it from drawn rows.
        let under_way = delivery.under_way.get(&challenge);
        let draw_seed = under_way.and_then(|under_way| under_way.draw_seed);
        if draw_seed.is_none() && verdict != Verdict::Unverifiable {
            return Err(Reject::WrongStep);
        }
        let duty = &delivery.obligation;
        let parties = [duty.seller, duty.buyer, delivery.challenged(challenge)];
        if !verifier.is_verifier || parties.contains(&account) {
            return Err(Reject::NotAVerifier);
        }
        if let Verdict::Valid { quality } = verdict
            && !(Ppm::ZERO..=Ppm::ONE).contains(&quality)
        {
            return Err(Reject::QualityOutOfRange);
        }

        // From here on nothing can fail.
        let is_metered = duty.meter.is_some();
        events.push(Event::VerdictRecorded { obligation, challenge, verifier: account, verdict });
        if is_metered {
            self.step_challenge(obligation, challenge, ChallengeStep::Verdict(verdict), events);
        } else {
            self.step_interval(obligation, challenge, Step::Verdict(verdict), events);
        }
        Ok(())
    }

    /// Takes one step of one interval and, when that ends it, moves its money.
    ///
    /// # Panics
    /// On a step that the callers' checks have ruled out.
    pub(crate) fn step_interval(
        &mut self,
        id: ObligationId,
        interval: u32,
        step: Step,
        events: &mut Vec<Event>,
    ) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let stepped = delivery.obligation.step(interval, step);
        assert!(stepped.is_ok(), "a checked step: {stepped:?}");
        let outcome = match stepped {
            Ok(IntervalState::Delivered { quality, unjudged }) => {
                IntervalOutcome::Delivered { quality, unjudged }
            }
            Ok(IntervalState::Failed { cause, unjudged }) => {
                IntervalOutcome::Failed { cause, unjudged }
            }
            Ok(IntervalState::Unverified) => IntervalOutcome::Unverified,
            Ok(
                IntervalState::Pending
                | IntervalState::Open
                | IntervalState::Challenged { .. }
                | IntervalState::Claimed { .. },
            )
            | Err(_) => return,
        };
        let is_metered = delivery.obligation.meter.is_some();
        let own = (!is_metered).then(|| delivery.under_way.remove(&interval)).flatten();
        if own.is_some_and(|it| it.seed.is_some()) {
            let outcome = match outcome {
                IntervalOutcome::Delivered { quality, .. } => ChallengeOutcome::Passed { quality },
                IntervalOutcome::Failed { cause, .. } => ChallengeOutcome::Failed { cause },
                IntervalOutcome::Unverified => ChallengeOutcome::Unknown,
            };
            events.push(Event::ChallengeEnded { obligation: id, challenge: interval, outcome });
        }
        self.settle_interval(id, interval, outcome, events);
    }

    pub(crate) fn under_way(
        &mut self,
        obligation: ObligationId,
        interval: u32,
        change: impl FnOnce(&mut UnderWay),
    ) {
        let delivery = self.deliveries.get_mut(&obligation);
        if let Some(under_way) = delivery.and_then(|delivery| delivery.under_way.get_mut(&interval))
        {
            change(under_way);
        }
    }

    /// All compute that was delivered and paid for.
    #[must_use]
    pub fn delivered(&self) -> GpuSeconds {
        self.deliveries
            .values()
            .fold(GpuSeconds::ZERO, |sum, delivery| sum + delivery.obligation.delivered)
    }

    /// All that sellers have paid for what was missing.
    #[must_use]
    pub fn shortfall_paid(&self) -> MicroUsd {
        self.deliveries.values().map(|delivery| delivery.obligation.shortfall_paid).sum()
    }
}
