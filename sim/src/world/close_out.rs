//! What people do between the last trade and the close, beside delivering: they nominate, accept, bring other hardware, stand by, dispute.

use exchange::{CloseOutEvent, Command, Event, Node, Nomination};
use instruments::{
    AccountId, InstrumentId, MicroUsd, Nanos, NanosSpan, ObligationId, Ppm, Qty, Region,
};
use settlement::Verdict;

use super::World;
use crate::agenda::Action;

/// What people do about a close-out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Errand {
    /// Those who hold a series say where they deliver or want to receive.
    Nominate(InstrumentId),
    /// A party accepts.
    Accept(AccountId, ObligationId),
    /// The verifier judges the burn-in.
    BurnIn(ObligationId),
    /// The seller brings other hardware.
    Substitute(ObligationId),
    /// A provider offers to stand by.
    StandBy(AccountId),
    /// The buyer disputes an invoice.
    Dispute(ObligationId),
}

/// One seller in this many forgets to accept, one burn-in is worse than the grade, one outage is not made good, one invoice is disputed;
/// in millionths.
const FORGETS_PPM: u64 = 80_000;
const BURN_IN_PPM: u64 = 60_000;
const HELPLESS_PPM: u64 = 500_000;
const DISPUTED_PPM: u64 = 30_000;

impl World<'_> {
    /// Plans what an event makes people do.
    pub(super) fn plan_errands(&mut self, event: &Event) {
        if let Event::SeriesExpired { instrument, .. } = event {
            self.plan(self.clock.now + NanosSpan::from_seconds(600), Errand::Nominate(*instrument));
        }
        if let Event::ObligationAssigned { obligation, instrument, seller, buyer, .. } = event {
            self.plan_acceptance(*obligation, *instrument, [*seller, *buyer]);
        }
        if let Event::CloseOut(CloseOutEvent::OutageBegan { obligation, substitute_by, .. }) = event
            && self.clock.now < *substitute_by
            && !self.desk.chance(HELPLESS_PPM)
        {
            let millis = self.desk.between(60_000, 1_000_000);
            self.plan(
                self.clock.now + NanosSpan::from_millis(millis),
                Errand::Substitute(*obligation),
            );
        }
        if let Event::CloseOut(CloseOutEvent::Invoiced(invoice)) = event
            && self.desk.chance(DISPUTED_PPM)
        {
            let at = self.clock.now + NanosSpan::from_seconds(3_600);
            self.plan(at, Errand::Dispute(invoice.obligation));
        }
    }

    fn plan(&mut self, at: Nanos, errand: Errand) {
        self.agenda.enter(at, Action::Run(errand));
    }

    fn plan_acceptance(
        &mut self,
        obligation: ObligationId,
        instrument: InstrumentId,
        [seller, buyer]: [AccountId; 2],
    ) {
        let Some(series) = self.exchange.series_by_id(instrument) else { return };
        let from = series.instrument.schedule.close_out.accept_from.max(self.clock.now);
        let within =
            |world: &mut Self| NanosSpan::from_millis(world.desk.between(60_000, 9_000_000));
        if self.desk.chance(BURN_IN_PPM) {
            self.plan(from + NanosSpan::from_seconds(30), Errand::BurnIn(obligation));
        }
        if !self.desk.chance(FORGETS_PPM) {
            let at = from + within(self);
            self.plan(at, Errand::Accept(seller, obligation));
        } else if self.desk.chance(500_000) {
            // It comes half a day too late.
            self.plan(from + NanosSpan::from_seconds(60_000), Errand::Accept(seller, obligation));
        }
        if self.desk.chance(400_000) {
            let at = from + within(self);
            self.plan(at, Errand::Accept(buyer, obligation));
        }
    }

    /// Providers say once a day that they stand by.
    pub(super) fn plan_standby(&mut self, account: AccountId) {
        let mut at = self.scenario.begins_at + NanosSpan::from_seconds(30_000);
        while at < self.scenario.calm_from() {
            self.plan(at, Errand::StandBy(account));
            at = at + NanosSpan::from_seconds(86_400);
        }
    }

    pub(super) fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Nominate(instrument) => self.nominate(instrument),
            Errand::Accept(account, obligation) => {
                self.submit(Command::AcceptDelivery { account, obligation });
            }
            Errand::BurnIn(obligation) => {
                let quality =
                    Ppm::new(i64::try_from(self.desk.between(850_000, 1_000_000)).unwrap_or(0));
                let (account, verdict) = (self.verifier, Verdict::Valid { quality });
                self.submit(Command::JudgeBurnIn { account, obligation, verdict });
            }
            Errand::Substitute(obligation) => self.substitute(obligation),
            Errand::StandBy(account) => {
                let Some(grade) = self.scenario.grades.first() else { return };
                let Some(grade) = instruments::GradeId::new(grade) else { return };
                let gpus = Qty::from_lots(8 * self.desk.between(1, 4));
                let fee = MicroUsd::new(i64::try_from(self.desk.between(0, 50_000)).unwrap_or(0));
                self.submit(Command::OfferStandby { account, grade, gpus, fee });
            }
            Errand::Dispute(obligation) => {
                let Some(delivery) = self.exchange.delivery(obligation) else { return };
                let account = delivery.obligation.buyer;
                self.submit(Command::DisputeInvoice { account, obligation });
            }
        }
    }

    fn nominate(&mut self, instrument: InstrumentId) {
        let held = self.exchange.positions().filter(|(of, _, _)| *of == instrument);
        let holders: Vec<AccountId> = held.map(|(_, account, _)| account).collect();
        for account in holders {
            if self.desk.chance(300_000) {
                continue;
            }
            let region =
                self.desk.pick(&[Region::NorthAmerica, Region::Europe, Region::AsiaPacific]);
            let node = Node { name: format!("rack-{}", account.0), digest: self.desk.bytes() };
            let nomination = Box::new(Nomination {
                region: Some(region),
                endpoint: "203.0.113.7:443".to_owned(),
                nodes: vec![node],
            });
            self.submit(Command::Nominate { account, instrument, nomination });
        }
    }

    fn substitute(&mut self, obligation: ObligationId) {
        let Some(delivery) = self.exchange.delivery(obligation) else { return };
        let (account, instrument) = (delivery.obligation.seller, delivery.obligation.instrument);
        let Some(series) = self.exchange.series_by_id(instrument) else { return };
        let grade = series.instrument.grade.clone();
        let nodes = vec![Node { name: "spare".to_owned(), digest: self.desk.bytes() }];
        self.submit(Command::Substitute { account, obligation, grade, nodes });
    }
}
