//! An exchange under a virtual clock, watched after every command.

use exchange::{
    Command, Event, Exchange, OpenVenue, PlaceOrder, RULES_VERSION, Stamped, Statement, Statements,
};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, ObligationId, Period,
    Price, Product, Qty, Schedule, Side, Style,
};
use settlement::DeliveryReceipt;

use crate::auditor::Auditor;
use crate::inspector;

/// 2026-12-01 00:00 UTC, when every test begins.
pub(crate) const START: Nanos = Nanos::from_seconds(1_796_083_200);

/// An exchange, its clock and its journal.
pub(crate) struct World {
    pub exchange: Exchange,
    pub now: Nanos,
    pub journal: Vec<Stamped>,
    pub auditor: Auditor,
    pub statements: Statements,
    /// The statements of the days that have ended.
    pub drawn_up: Vec<Statement>,
    /// Whether the whole state is compared after every command; costs a snapshot each time. Events are always added up.
    pub is_watched: bool,
    /// Whether the sums of the state are audited after every command even so; costs a walk over it each time.
    pub is_summed: bool,
}

impl World {
    /// A venue before its first command.
    pub(crate) fn unopened() -> Self {
        Self {
            exchange: Exchange::new(),
            now: START,
            journal: Vec::new(),
            auditor: Auditor::default(),
            statements: Statements::new(),
            drawn_up: Vec::new(),
            is_watched: true,
            is_summed: false,
        }
    }

    /// A test venue with a variation cycle every day.
    pub(crate) fn open() -> Self {
        let mut world = Self::unopened();
        world.apply(open_venue(true, NanosSpan::from_seconds(86_400)));
        world
    }

    /// Stamps, applies and audits one command.
    #[track_caller]
    pub(crate) fn apply(&mut self, command: Command) -> Vec<Event> {
        let input = Stamped { seq: self.exchange.last_seq().next(), at: self.now, command };
        let before = self.is_watched.then(|| self.exchange.snapshot());
        let mut events = Vec::new();
        self.exchange.apply(&input, &mut events);
        self.auditor.watch(&input, &events);
        self.drawn_up.extend(self.statements.observe(self.now, &events));
        if self.is_watched || self.is_summed {
            assert_eq!(self.exchange.audit(), Ok(()), "after {input:?}");
            assert!(self.exchange.money_conserved(), "money or suspense after {input:?}");
        }
        if let Some(before) = before {
            self.auditor.compare(&self.exchange);
            inspector::inspect(&self.exchange, &input, &before, &events);
        }
        self.journal.push(input);
        events
    }

    /// Lets time pass. Nothing happens by itself.
    pub(crate) fn wait(&mut self, span: NanosSpan) {
        self.now = self.now + span;
    }

    /// Lets time pass, with a tick at every instant that asks for one.
    pub(crate) fn run(&mut self, span: NanosSpan) -> Vec<Event> {
        let until = self.now + span;
        let mut events = Vec::new();
        while let Some(at) = self.exchange.next_due().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            events.extend(self.apply(Command::Tick));
        }
        self.now = until;
        events
    }

    /// The exchange that a restart from a snapshot gives.
    pub(crate) fn restart(&mut self) {
        let restored = Exchange::restore(&self.exchange.snapshot()).unwrap();
        assert!(restored == self.exchange, "a snapshot forgets something");
        self.exchange = restored;
    }

    #[track_caller]
    pub(crate) fn account(&mut self, name: &str, deposit: i64) -> AccountId {
        self.apply(Command::OpenAccount { name: name.to_owned(), is_verifier: false });
        let account = self.exchange.account_by_name(name).unwrap();
        if 0 < deposit {
            let amount = MicroUsd::new(deposit * 1_000_000);
            self.apply(Command::Deposit { account, amount });
        }
        account
    }

    #[track_caller]
    pub(crate) fn list(&mut self, terms: Instrument) -> InstrumentId {
        let name = terms.name.clone();
        self.apply(Command::ListInstrument(Box::new(terms)));
        self.exchange.series_by_name(&name).unwrap().instrument.id
    }
}

/// The first command of a journal.
pub(crate) fn open_venue(testnet: bool, variation_every: NanosSpan) -> Command {
    Command::OpenVenue(OpenVenue {
        testnet,
        rules: RULES_VERSION,
        variation_from: START + variation_every,
        variation_every,
    })
}

/// A day of one grade: trades for an hour, is assigned an hour later, delivers from the third to the 27th in two intervals.
pub(crate) fn day_future(name: &str, grade: &str) -> Instrument {
    let after = |hours: u64| START + NanosSpan::from_seconds(hours * 3_600);
    Instrument {
        id: InstrumentId(0),
        name: name.to_owned(),
        grade: GradeId::new(grade).unwrap(),
        grade_terms: [9; 32],
        node_size: 1,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 24,
        schedule: Schedule {
            last_trade_at: after(1),
            ladder_step: NanosSpan::ZERO,
            assign_at: after(2),
            deliver_from: after(3),
            deliver_until: after(27),
            intervals: 2,
            answer_within: NanosSpan::from_seconds(60),
            verdict_within: NanosSpan::from_seconds(300),
            close_at: after(28),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: instruments::Guards::NONE,
    }
}

/// A limit order that rests, with nothing special about it.
pub(crate) fn limit(
    account: AccountId,
    instrument: InstrumentId,
    side: Side,
    qty: u64,
    ticks: i64,
) -> PlaceOrder {
    PlaceOrder::limit(account, instrument, side, Price::from_ticks(ticks), Qty::from_lots(qty))
}

/// The receipt that continues the chain, with every challenge claimed in full.
pub(crate) fn next_receipt(
    exchange: &Exchange,
    obligation: ObligationId,
    challenge: u32,
) -> DeliveryReceipt {
    let mut receipt = DeliveryReceipt {
        obligation,
        challenge,
        gpu_millis: 1,
        challenges: 1,
        work_root: [3; 32],
        prev: [0; 32],
        terms: [9; 32],
    };
    if let Some(delivery) = exchange.delivery(obligation) {
        let duty = &delivery.obligation;
        let series = exchange.series_by_id(duty.instrument).unwrap();
        receipt.gpu_millis = delivery.next_claim_millis(&series.instrument);
        receipt.challenges = duty.receipts + 1;
        receipt.prev = duty.last_receipt;
        receipt.terms = series.instrument.grade_terms;
    }
    receipt
}

/// The rule by which a command was refused.
pub(crate) fn refusal(events: &[Event]) -> Option<&'static str> {
    match events {
        [Event::Rejected(reason)] => Some(reason.rule()),
        _ => None,
    }
}
