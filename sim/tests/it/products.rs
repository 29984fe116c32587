//! Options, caps, cash futures and cascades under random trading: the auditor follows every premium, exercise, day and child.

use exchange::{
    Command, Event, Exchange, IndexPrint, Instruction, OpenVenue, PlaceOrder, RULES_VERSION,
    SeriesState, Stamped,
};
use instruments::{
    AccountId, GradeId, Guards, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Period, Ppm,
    Price, Product, Qty, Right, Schedule, Side, Style,
};
use sim::Auditor;

const START: Nanos = Nanos::from_seconds(1_796_083_200);

/// Numbers that look random: a multiplicative generator, the seed's and nobody else's.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

struct Desk {
    exchange: Exchange,
    auditor: Auditor,
    now: Nanos,
    seen: std::collections::BTreeMap<&'static str, u32>,
}

impl Desk {
    #[track_caller]
    fn apply(&mut self, command: Command) {
        let input = Stamped { seq: self.exchange.last_seq().next(), at: self.now, command };
        let mut events = Vec::new();
        self.exchange.apply(&input, &mut events);
        for event in &events {
            *self.seen.entry(crate::stream::kind(event)).or_default() += 1;
        }
        let context = |finding| panic!("{finding} after {input:?}: {events:?}");
        self.auditor.observe(&input, &events).unwrap_or_else(context);
        self.auditor.compare(&self.exchange).unwrap_or_else(context);
    }
}

fn at(minutes: u64) -> Nanos {
    START + NanosSpan::from_seconds(minutes * 60)
}

/// A series that delivers between two minutes and trades until a third.
fn series(name: &str, product: Product, hours: u32, [until, from, end]: [u64; 3]) -> Instrument {
    Instrument {
        id: InstrumentId(0),
        name: name.to_owned(),
        grade: GradeId::new("H100").expect("a name"),
        grade_terms: [1; 32],
        node_size: 1,
        product,
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: hours,
        schedule: Schedule {
            ladder_step: NanosSpan::ZERO,
            last_trade_at: at(until),
            assign_at: at(until),
            deliver_from: at(from),
            deliver_until: at(end),
            intervals: 4,
            answer_within: NanosSpan::from_seconds(60),
            verdict_within: NanosSpan::from_seconds(60),
            close_at: at(end + 5),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: Guards::NONE,
    }
}

fn listed() -> Vec<Instrument> {
    let future = |style, period| Product::Future { style, period };
    let month = future(Style::Physical, Period::Month);
    let strike = Price::from_ticks(2_500);
    let option = |right| Product::Option { underlying: InstrumentId(1), strike, right };
    let premium = |terms: Instrument| Instrument { reference: Price::from_ticks(90), ..terms };
    vec![
        series("H100_M1", month, 744, [60, 70, 80]),
        series("H100_M2", month, 672, [60, 80, 90]),
        series("H100_M3", month, 744, [60, 90, 100]),
        series("H100Q", future(Style::Physical, Period::Quarter), 2_160, [30, 70, 100]),
        premium(series("H100_C", option(Right::Call), 744, [40, 70, 80])),
        premium(series("H100_P", option(Right::Put), 744, [45, 70, 80])),
        series("H100X", future(Style::Cash, Period::Month), 24, [55, 20, 60]),
        premium(series("H100CAP", Product::Cap { strike }, 24, [55, 20, 60])),
    ]
}

fn live(seed: u64, seen: &mut std::collections::BTreeMap<&'static str, u32>) {
    let mut draw = Draw(seed);
    let mut desk = Desk {
        exchange: Exchange::new(),
        auditor: Auditor::new(),
        now: START,
        seen: std::mem::take(seen),
    };
    desk.apply(Command::OpenVenue(OpenVenue {
        testnet: true,
        rules: RULES_VERSION,
        variation_from: at(7),
        variation_every: NanosSpan::from_seconds(420),
    }));
    for terms in listed() {
        desk.apply(Command::ListInstrument(Box::new(terms)));
    }
    for (name, dollars) in [("a", 3_000), ("b", 20_000), ("c", 90_000), ("d", 400_000)] {
        desk.apply(Command::OpenAccount { name: name.to_owned(), is_verifier: false });
        let account = desk.exchange.account_by_name(name).expect("open");
        let amount = MicroUsd::new(dollars * 1_000_000);
        desk.apply(Command::Deposit { account, amount });
    }
    while desk.now < at(120) {
        desk.now = desk.now + NanosSpan::from_seconds(draw.below(40));
        let command = any_command(&desk.exchange, &mut draw, desk.now);
        desk.apply(command);
    }
    desk.apply(Command::Tick);
    for series in desk.exchange.series() {
        assert_eq!(series.state, SeriesState::Closed, "{}", series.instrument.name);
    }
    desk.auditor.finish().unwrap_or_else(|finding| panic!("{finding} in the end"));
    *seen = desk.seen;
}

fn any_command(exchange: &Exchange, draw: &mut Draw, now: Nanos) -> Command {
    let account = AccountId(1 + draw.below(4));
    match draw.below(12) {
        0 | 1 => Command::Tick,
        2 => Command::PublishIndex(IndexPrint {
            grade: GradeId::new("H100").expect("a name"),
            observed_at: now,
            value: Some(MicroUsd::new(
                i64::try_from(2_300_000 + draw.below(400_000)).expect("small"),
            )),
            conf: Ppm::new(10_000),
            state: oracle::State::Ok,
        }),
        3 => Command::InstructExercise {
            account,
            instrument: InstrumentId(5 + draw.below(2)),
            instruction: Instruction {
                abandon: Qty::from_lots(draw.below(2)),
                exercise: Qty::from_lots(draw.below(2)),
            },
        },
        _ => {
            let instrument = InstrumentId(1 + draw.below(8));
            let series = exchange.series_by_id(instrument).expect("listed");
            let around = series.mark.ticks() + i64::try_from(draw.below(21)).expect("small") - 10;
            let side = if draw.below(2) == 0 { Side::Buy } else { Side::Sell };
            let qty = Qty::from_lots(1 + draw.below(4));
            let price = Price::from_ticks(around.max(1));
            Command::PlaceOrder(PlaceOrder::limit(account, instrument, side, price, qty))
        }
    }
}

/// SIM-003, SIM-008, SIM-013, SIM-014, SIM-023 and SIM-024 for what is not a physical month: CASCADE-001, CASCADE-002, CASH-001, CASH-003,
/// CASH-004, CASH-006 and CASH-007.
#[test]
fn every_product_adds_up_under_random_trading() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..12 {
        live(seed, &mut seen);
    }
    for kind in
        ["OptionExercised", "SeriesCascaded", "DaySettled", "SeriesSettled", "PositionClosed"]
    {
        assert!(12 <= seen.get(kind).copied().unwrap_or(0), "{kind}: {seen:?}");
    }
    let event = Event::VenueOpened;
    assert_eq!(seen[crate::stream::kind(&event)], 12);
}
