//! Random days at the exchange: sense and nonsense, in any order, with jumps in time.
//!
//! Acts are drawn without knowing the exchange; what they mean (the third open order, a challenge that waits for its receipt) is found out
//! when they are applied.

mod crash;

pub(crate) use crash::any_crash_day;

use exchange::{
    AmendOrder, AuctionReason, BatchItem, CancelFilter, CancelKind, Command, Exchange, IndexPrint,
    Instruction, MarginMode, Node, Nomination, OptionGreeks, OptionRisk, PlaceOrder, QuoteCommand,
    TimeInForce,
};
use instruments::{
    AccountId, Between, BreakerTerms, CloseOut, GradeId, Guards, Instrument, InstrumentId,
    Metering, MicroUsd, Nanos, NanosSpan, ObligationId, OrderId, Period, Ppm, Price, Product, Qty,
    Region, Right, Schedule, Side, Style,
};
use matching_engine::{OrderKind, PostOnly, PriceSource, StpMode, Trigger, TriggerWhen};
use proptest::prelude::*;
use settlement::{Bucket, ChallengeState, DefaultTerms, Verdict};

use crate::any_quote::{self, any_quote};
use crate::world::{START, World, day_future, limit, next_receipt, open_venue};

/// Who trades: the last one is a verifier with money, who may trade too.
const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "vera"];
const DEPOSITS: [i64; 5] = [60, 300, 2_000, 100_000, 1_000];

/// Something that is tried.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Wait(NanosSpan),
    Tick,
    Run(NanosSpan),
    Place(PlaceOrder),
    Amend {
        who: u64,
        nth: usize,
        price: Option<i64>,
        qty: Option<u64>,
        trigger: Option<i64>,
    },
    Cancel {
        who: u64,
        nth: usize,
    },
    CancelAll {
        who: u64,
        filter: CancelFilter,
    },
    Batch {
        who: u64,
        parts: Vec<Act>,
    },
    Deposit {
        who: u64,
        micros: i64,
    },
    Withdraw {
        who: u64,
        micros: i64,
    },
    FundHouse {
        bucket: Bucket,
        micros: i64,
    },
    Index {
        grade: &'static str,
        cents: Option<i64>,
    },
    Challenge {
        nth: usize,
    },
    Receipt {
        nth: usize,
        is_good: bool,
    },
    Draw {
        nth: usize,
    },
    Judge {
        who: u64,
        nth: usize,
        verdict: Verdict,
    },
    Nominate {
        who: u64,
        key: u8,
    },
    Instruct {
        who: u64,
        option: u64,
        abandon: u64,
        exercise: u64,
    },
    Default(Box<Command>),
    /// What a market maker asks.
    Quote(Box<QuoteCommand>),
    /// A bid for the newest portfolio on offer, or the one before.
    Bid {
        who: u64,
        back: u64,
        micros: i64,
    },
    /// An order of dave's so many ticks from the mark, away from it where it is negative.
    Near {
        series: u64,
        side: Side,
        ticks: i64,
        lots: u64,
    },
    Nonsense(Box<Command>),
    Absence(Box<Command>),
    /// What parties say beside delivering, about the nth obligation.
    Say {
        who: u64,
        nth: usize,
        word: Word,
    },
}

/// Something said about a close-out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Word {
    Nominate(Option<Region>),
    Accept { is_seller: bool },
    BurnIn(Verdict),
    Substitute(&'static str),
    StandBy { gpus: u64, fee: i64 },
    Dispute { is_seller: bool },
    Miss { from: u32, until: u32 },
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn any_who() -> impl Strategy<Value = u64> {
    prop_oneof![40 => 1..=4_u64, 2 => 0..9_u64]
}

fn any_ticks() -> impl Strategy<Value = i64> {
    prop_oneof![
        30 => 2_497..2_504_i64,
        6 => 2_200..2_800_i64,
        1 => prop::sample::select(vec![i64::MIN, -1, 0, 1, 2, 10_000_000, 10_000_001, i64::MAX]),
    ]
}

fn any_lots() -> impl Strategy<Value = u64> {
    prop_oneof![
        30 => 1..6_u64,
        2 => 6..200_u64,
        1 => prop::sample::select(vec![0, 100_000, 1_000_000, 1_000_001, u64::MAX]),
    ]
}

fn any_kind() -> impl Strategy<Value = OrderKind> {
    prop_oneof![
        5 => any_ticks().prop_map(|ticks| OrderKind::Limit(Price::from_ticks(ticks))),
        1 => Just(OrderKind::Market),
    ]
}

fn any_instant() -> impl Strategy<Value = Nanos> {
    (0..120_000_u64).prop_map(|millis| START + NanosSpan::from_millis(millis))
}

fn any_time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        50 => Just(TimeInForce::Gtc),
        5 => Just(TimeInForce::Ioc),
        5 => Just(TimeInForce::Fok),
        4 => any_instant().prop_map(TimeInForce::Gtd),
        1 => Just(TimeInForce::Day),
        2 => Just(TimeInForce::Gfa),
        2 => Just(TimeInForce::Gfn),
    ]
}

fn any_trigger() -> impl Strategy<Value = Trigger> {
    let source =
        prop::sample::select(vec![PriceSource::Last, PriceSource::Mark, PriceSource::Index]);
    let when = prop::sample::select(vec![TriggerWhen::Rises, TriggerWhen::Falls]);
    (source, when, any_ticks()).prop_map(|(source, when, ticks)| {
        let price = Price::from_ticks(ticks);
        Trigger { source, when, price }
    })
}

/// What makes an order special: most have nothing of it.
fn any_extras() -> impl Strategy<Value = PlaceOrder> {
    let post_only = prop_oneof![
        25 => Just(PostOnly::No),
        1 => Just(PostOnly::Reject),
        1 => Just(PostOnly::Slide),
    ];
    let display = prop::option::weighted(0.07, (0..4_u64).prop_map(Qty::from_lots));
    let trigger = prop::option::weighted(0.1, any_trigger());
    let ceiling = prop::option::weighted(0.06, any_ticks().prop_map(Price::from_ticks));
    let valid_until = prop::option::weighted(0.03, any_instant());
    let reduce_only = prop::bool::weighted(0.12);
    let label = prop::sample::select(vec!["", "a", "b"]);
    (post_only, display, trigger, ceiling, valid_until, reduce_only, 0..2_u64, label).prop_map(
        |(post_only, display, trigger, ceiling, valid_until, reduce_only, stp_token, label)| {
            PlaceOrder {
                post_only,
                display,
                trigger,
                ceiling,
                valid_until,
                reduce_only,
                stp_token,
                label: label.to_owned(),
                ..limit(AccountId(0), InstrumentId(0), Side::Buy, 1, 1)
            }
        },
    )
}

fn any_order() -> impl Strategy<Value = PlaceOrder> {
    let stp = prop::sample::select(vec![
        StpMode::None,
        StpMode::CancelNewest,
        StpMode::CancelOldest,
        StpMode::CancelBoth,
        StpMode::Decrement,
    ]);
    let series = prop_oneof![12 => Just(1), 8 => Just(2), 4 => Just(3), 8 => 4..6_u64, 8 => 7..9_u64, 6 => 9..13_u64, 1 => 0..15_u64];
    // Few ids, so that they come again.
    let id = prop::sample::select(vec!["a", "b", "c", "d", "", "not visible"]);
    let id = prop::option::weighted(0.1, id.prop_map(str::to_owned));
    let place = (any_who(), series, any_side(), id, prop::option::weighted(0.1, 0..3_u64));
    (place, any_kind(), any_lots(), any_time_in_force(), any_extras(), stp).prop_map(
        |((who, series, side, id, session), kind, qty, time_in_force, extras, stp)| PlaceOrder {
            client_order_id: id,
            session,
            account: AccountId(who),
            instrument: InstrumentId(series),
            side,
            kind,
            qty: Qty::from_lots(qty),
            time_in_force,
            stp,
            ..extras
        },
    )
}

fn any_filter() -> impl Strategy<Value = CancelFilter> {
    let kind =
        prop::sample::select(vec![CancelKind::All, CancelKind::Resting, CancelKind::Waiting]);
    let label = prop::sample::select(vec!["", "a", "b"]).prop_map(str::to_owned);
    let instrument = prop::option::of((0..5_u64).prop_map(InstrumentId));
    (instrument, prop::option::weighted(0.2, any_side()), prop::option::weighted(0.2, label), kind)
        .prop_map(|(instrument, side, label, kind)| CancelFilter { instrument, side, label, kind })
}

fn any_span() -> impl Strategy<Value = NanosSpan> {
    prop_oneof![
        6 => (0..2_000_u64).prop_map(NanosSpan::from_millis),
        3 => (2..8_u64).prop_map(NanosSpan::from_seconds),
        1 => (8..60_u64).prop_map(NanosSpan::from_seconds),
    ]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        (880_000..1_000_001_i64).prop_map(|ppm| Verdict::Valid { quality: Ppm::new(ppm) }),
        (-1..1_100_000_i64).prop_map(|ppm| Verdict::Valid { quality: Ppm::new(ppm) }),
        Just(Verdict::Invalid),
        Just(Verdict::Unverifiable),
    ]
}

fn any_nonsense() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(open_venue(true, NanosSpan::from_seconds(1))),
        Just(Command::ListInstrument(Box::new(day_future("H100D", "H100")))),
        Just(Command::OpenAccount { name: "alice".to_owned(), is_verifier: true }),
        (0..5_u64, any_instant()).prop_map(|(id, until)| Command::OpenAuction {
            instrument: InstrumentId(id),
            reason: AuctionReason::Call,
            until,
        }),
        (0..9_u64, any::<[u8; 32]>()).prop_map(|(id, seed)| {
            Command::IssueChallenge { obligation: ObligationId(id), seed }
        }),
        (0..9_u64, 0..5_u32, any::<[u8; 32]>()).prop_map(|(id, challenge, seed)| {
            Command::DrawRows { obligation: ObligationId(id), challenge, seed }
        }),
    ]
}

fn any_word() -> impl Strategy<Value = Act> {
    let region = prop::sample::select(vec![None, Some(Region::Europe), Some(Region::AsiaPacific)]);
    let word = prop_oneof![
        2 => region.prop_map(Word::Nominate),
        4 => prop::bool::weighted(0.7).prop_map(|is_seller| Word::Accept { is_seller }),
        1 => any_verdict().prop_map(Word::BurnIn),
        6 => prop::sample::select(vec!["A100", "H100", "RTX4090"]).prop_map(Word::Substitute),
        3 => (0..20_u64, -1..300_000_i64).prop_map(|(gpus, fee)| Word::StandBy { gpus, fee }),
        1 => any::<bool>().prop_map(|is_seller| Word::Dispute { is_seller }),
        2 => (0..5_u32, 0..6_u32).prop_map(|(from, until)| Word::Miss { from, until }),
    ];
    (any_who(), 0..6_usize, word).prop_map(|(who, nth, word)| Act::Say { who, nth, word })
}

/// How margin is computed: modes, what can be delivered, arrays.
fn any_margin() -> impl Strategy<Value = Command> {
    let mode = prop::sample::select(vec![
        MarginMode::Portfolio,
        MarginMode::Portfolio,
        MarginMode::Standard,
    ]);
    let grade = prop::sample::select(vec!["H100", "A100", "B200"]);
    let gpus = prop_oneof![1 => Just(0), 4 => 1..400_u64, 1 => Just(u64::MAX)];
    let lanes = prop::collection::vec(-9_000_000..9_000_000_i64, settlement::LANES);
    prop_oneof![
        6 => (any_who(), mode).prop_map(|(who, mode)| {
            Command::SetMarginMode { account: AccountId(who), mode }
        }),
        2 => (any_who(), grade, gpus).prop_map(|(who, grade, gpus)| Command::RegisterCapacity {
            account: AccountId(who),
            grade: GradeId::new(grade).unwrap(),
            gpus,
        }),
        1 => (2..6_u64, 0..9_i64, lanes).prop_map(|(series, ticks, lanes)| {
            let instrument = InstrumentId(series);
            let (mark, iv) = (Price::from_ticks(ticks * 50), Ppm::new(800_000));
            let array = lanes.try_into().unwrap();
            let greeks = OptionGreeks::default();
            Command::PublishRisk {
                risks: vec![OptionRisk { instrument, mark, iv, greeks, array }],
            }
        }),
    ]
}

fn any_amend() -> impl Strategy<Value = Act> {
    let ticks = || prop::option::of(any_ticks());
    let trigger = prop::option::weighted(0.2, any_ticks());
    (any_who(), 0..6_usize, ticks(), prop::option::of(any_lots()), trigger)
        .prop_map(|(who, nth, price, qty, trigger)| Act::Amend { who, nth, price, qty, trigger })
}

fn any_batch() -> impl Strategy<Value = Act> {
    let part = prop_oneof![
        4 => any_order().prop_map(Act::Place),
        2 => any_amend(),
        1 => (any_who(), 0..6_usize).prop_map(|(who, nth)| Act::Cancel { who, nth }),
    ];
    (any_who(), prop::collection::vec(part, 0..6))
        .prop_map(|(who, parts)| Act::Batch { who, parts })
}

fn any_fund() -> impl Strategy<Value = Bucket> {
    prop::sample::select(vec![
        Bucket::FirstLoss,
        Bucket::Insurance,
        Bucket::DefaultFund,
        Bucket::Suspense,
    ])
}

/// What members do about defaults, and terms that are sound or not.
fn any_default() -> impl Strategy<Value = Command> {
    let amount = || (-1..60_000_000_i64).prop_map(MicroUsd::new);
    let account = || any_who().prop_map(AccountId);
    let terms = (1..5_000_u64, 0..60_000_i64, 1..1_100_000_i64).prop_map(|(millis, ppm, least)| {
        let rate = Ppm::new(ppm);
        Command::SetDefaultTerms(DefaultTerms {
            fee: rate,
            slippage: rate,
            least: Ppm::new(least),
            ..terms_of_defaults(millis)
        })
    });
    prop_oneof![
        3 => (account(), amount())
            .prop_map(|(account, amount)| Command::ContributeDefaultFund { account, amount }),
        2 => (account(), amount())
            .prop_map(|(account, amount)| Command::WithdrawDefaultFund { account, amount }),
        3 => (account(), prop::sample::select(vec![-1, 0, 5_000_000, 10_000_000_000_i64]))
            .prop_map(|(account, capacity)| Command::RegisterBackstop {
                account,
                capacity: MicroUsd::new(capacity),
            }),
        3 => (account(), 0..4_u64, -20_000_000..20_000_000_i64).prop_map(|(account, auction, ask)| {
            Command::BidBackstop { account, auction, ask: MicroUsd::new(ask) }
        }),
        1 => terms,
    ]
}

fn terms_of_defaults(millis: u64) -> DefaultTerms {
    let span = NanosSpan::from_millis(millis);
    let auction_for = NanosSpan::from_millis(2 * millis);
    let notice = NanosSpan::from_millis(5 * millis);
    DefaultTerms { slice_every: span, auction_for, notice, ..DefaultTerms::standard() }
}

fn any_trading() -> impl Strategy<Value = Act> {
    let nth = || 0..6_usize;
    prop_oneof![
        30 => any_order().prop_map(Act::Place),
        5 => any_amend(),
        2 => (any_who(), nth()).prop_map(|(who, nth)| Act::Cancel { who, nth }),
        1 => (any_who(), any_filter()).prop_map(|(who, filter)| Act::CancelAll { who, filter }),
        1 => any_batch(),
        1 => (any_who(), 4..6_u64, 0..3_u64, 0..3_u64).prop_map(|(who, option, abandon, exercise)| {
            Act::Instruct { who, option, abandon, exercise }
        }),
        1 => (any_who(), -1..50_000_000_i64).prop_map(|(who, micros)| Act::Deposit { who, micros }),
        1 => (any_who(), -1..50_000_000_i64).prop_map(|(who, micros)| Act::Withdraw { who, micros }),
        1 => (any_fund(), -1..50_000_000_i64).prop_map(|(bucket, micros)| Act::FundHouse { bucket, micros }),
        2 => (any_grade(), prop::option::weighted(0.9, 200..300_i64))
            .prop_map(|(grade, cents)| Act::Index { grade, cents }),
        2 => any_default().prop_map(|command| Act::Default(Box::new(command))),
        2 => any_span().prop_map(Act::Wait),
        1 => Just(Act::Tick),
        1 => any_nonsense().prop_map(|command| Act::Nonsense(Box::new(command))),
        1 => any_word(),
        1 => crate::absence::any_absence(any_who).prop_map(|command| Act::Absence(Box::new(command))),
        2 => any_margin().prop_map(|command| Act::Nonsense(Box::new(command))),
        8 => any_quote(1..=4_u64, any_order()).prop_map(|command| Act::Quote(Box::new(command))),
    ]
}

fn any_delivery() -> impl Strategy<Value = Act> {
    let nth = || 0..6_usize;
    prop_oneof![
        6 => any_span().prop_map(Act::Run),
        3 => any_span().prop_map(Act::Wait),
        1 => Just(Act::Tick),
        10 => nth().prop_map(|nth| Act::Challenge { nth }),
        9 => (nth(), prop::bool::weighted(0.9)).prop_map(|(nth, is_good)| Act::Receipt { nth, is_good }),
        9 => nth().prop_map(|nth| Act::Draw { nth }),
        8 => (prop_oneof![9 => Just(5), 1 => any_who()], nth(), any_verdict())
            .prop_map(|(who, nth, verdict)| Act::Judge { who, nth, verdict }),
        1 => (any_who(), any::<u8>()).prop_map(|(who, key)| Act::Nominate { who, key: key % 8 / 7 }),
        6 => any_word(),
        5 => any_trading(),
    ]
}

fn any_grade() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["H100", "A100", "B200"])
}

/// A day's acts: most trading first, most deliveries later.
pub(crate) fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    let morning = prop::collection::vec(any_trading(), 10..100);
    let noon = (76..100_u64).prop_map(|seconds| Act::Run(NanosSpan::from_seconds(seconds)));
    let afternoon = prop::collection::vec(any_delivery(), 10..100);
    (morning, noon, afternoon).prop_map(|(morning, noon, afternoon)| {
        morning.into_iter().chain([noon]).chain(afternoon).collect()
    })
}

/// A venue with a cycle every half minute, twelve series, five accounts with money.
pub(crate) fn morning() -> World {
    let mut world = World::unopened();
    world.apply(open_venue(true, NanosSpan::from_seconds(30)));
    // The first closes before its last verdicts can be due; the third never ends; the last is not cleared.
    let quick = (60, 70, 80, 140, 150);
    let steady = (100, 100, 110, 230, 400);
    // The first trips its breaker at every opportunity, the third is guarded by nothing.
    let guards = |width| Guards {
        breaker: Some(BreakerTerms {
            width: Ppm::new(width),
            window: NanosSpan::from_seconds(20),
            call: NanosSpan::from_seconds(3),
            random: NanosSpan::from_seconds(2),
            extensions: 2,
        }),
        ..Guards::standard()
    };
    let quick = compressed("H100D", "H100", 1, 3, quick);
    world.list(Instrument { guards: guards(1_600), ..quick });
    let mut nodes = compressed("A100D", "A100", 24, 4, steady);
    nodes.schedule.close_out = CloseOut {
        nominate_until: START + NanosSpan::from_seconds(100),
        accept_from: START + NanosSpan::from_seconds(102),
        accept_until: START + NanosSpan::from_seconds(108),
        intervals_per_hour: 2,
        intervals_per_day: 2,
        tolerance: Ppm::new(5_000),
        substitute_within: NanosSpan::from_seconds(12),
        invoice_after: NanosSpan::from_seconds(5),
        dispute_within: NanosSpan::from_seconds(20),
        metering: Metering::Between(Between {
            recheck_within: NanosSpan::from_seconds(9),
            soft_fails_per_day: 1,
            hard_fails_max: 2,
            silence_max: NanosSpan::from_seconds(25),
        }),
        ..CloseOut::NONE
    };
    let mut nodes = Instrument { node_size: 2, guards: guards(4_000), ..nodes };
    nodes.schedule.ladder_step = NanosSpan::from_seconds(12);
    world.list(nodes);
    world.list(day_future("H100W", "H100"));
    let strike = Price::from_ticks(2_500);
    let option = |underlying, right, ends: u64, future: Instrument| {
        let last_trade_at = START + NanosSpan::from_seconds(ends);
        Instrument {
            product: Product::Option { underlying: InstrumentId(underlying), strike, right },
            schedule: Schedule { last_trade_at, ..future.schedule },
            reference: Price::from_ticks(100),
            guards: Guards::NONE,
            ..future
        }
    };
    world.list(option(3, Right::Call, 80, day_future("H100CALL", "H100")));
    let put = compressed("H100PUT", "H100", 1, 3, (60, 70, 80, 140, 150));
    world.list(option(1, Right::Put, 50, put));
    let product = Product::Spread { near: InstrumentId(1), far: InstrumentId(3) };
    world.list(Instrument { product, ..day_future("H100SPREAD", "H100") });
    list_longer(&mut world);
    world.apply(Command::SetDefaultTerms(terms_of_defaults(1_000)));
    for (name, deposit) in NAMES.into_iter().zip(DEPOSITS) {
        let is_verifier = name == "vera";
        world.apply(Command::OpenAccount { name: name.to_owned(), is_verifier });
        let account = world.exchange.account_by_name(name).unwrap();
        let amount = MicroUsd::new(deposit * 1_000_000);
        world.apply(Command::Deposit { account, amount });
        world.apply(Command::NominateAgent { account, signer: [0; 20] });
    }
    world
}

/// A cash future and a cap on four days of two hours, and a quarter with its months.
fn list_longer(world: &mut World) {
    let month = |style| Product::Future { style, period: Period::Month };
    let days = compressed("H100X", "H100", 8, 4, (95, 95, 20, 100, 120));
    world.list(Instrument { product: month(Style::Cash), ..days.clone() });
    let strike = Price::from_ticks(2_500);
    let cap = Instrument { name: "H100CAP".to_owned(), product: Product::Cap { strike }, ..days };
    world.list(Instrument { reference: Price::from_ticks(60), ..cap });
    for (place, hours) in [(0, 31), (1, 28), (2, 31)] {
        let (from, name) = (110 + place * 20, format!("A100M{place}"));
        let terms = compressed(&name, "A100", hours, 4, (90, 95, from, from + 20, 200));
        world.list(Instrument { product: month(Style::Physical), ..terms });
    }
    let quarter = Product::Future { style: Style::Physical, period: Period::Quarter };
    let terms = compressed("A100Q", "A100", 90, 4, (45, 50, 110, 170, 200));
    world.list(Instrument { product: quarter, ..terms });
}

fn compressed(
    name: &str,
    grade: &str,
    hours_per_lot: u32,
    intervals: u32,
    seconds: (u64, u64, u64, u64, u64),
) -> Instrument {
    let after = |seconds: u64| START + NanosSpan::from_seconds(seconds);
    let (last_trade, assign, from, until, close) = seconds;
    Instrument {
        hours_per_lot,
        schedule: Schedule {
            last_trade_at: after(last_trade),
            ladder_step: NanosSpan::ZERO,
            assign_at: after(assign),
            deliver_from: after(from),
            deliver_until: after(until),
            intervals,
            answer_within: NanosSpan::from_seconds(8),
            verdict_within: NanosSpan::from_seconds(15),
            close_at: after(close),
            close_out: instruments::CloseOut::NONE,
        },
        ..day_future(name, grade)
    }
}

/// Does what the act means here and now.
pub(crate) fn act(world: &mut World, act: &Act) {
    match act {
        Act::Wait(span) => world.wait(*span),
        Act::Run(span) => {
            world.run(*span);
        }
        _ => {
            let command = command(&world.exchange, act);
            let events = world.apply(command);
            assert!(
                !events.is_empty()
                    || matches!(
                        act,
                        Act::Tick | Act::CancelAll { .. } | Act::Absence(_) | Act::Quote(_)
                    ),
                "{act:?}"
            );
        }
    }
}

fn command(exchange: &Exchange, act: &Act) -> Command {
    match act {
        Act::Wait(_) | Act::Run(_) | Act::Tick => Command::Tick,
        Act::Place(order) => Command::PlaceOrder(priced(exchange, order)),
        Act::Amend { who, nth, price, qty, trigger } => Command::AmendOrder(AmendOrder {
            account: AccountId(*who),
            order: nth_order(exchange, *who, *nth),
            price: price.map(Price::from_ticks),
            qty: qty.map(Qty::from_lots),
            trigger: trigger.map(Price::from_ticks),
            valid_until: None,
        }),
        Act::Cancel { who, nth } => Command::CancelOrder {
            account: AccountId(*who),
            order: nth_order(exchange, *who, *nth),
        },
        Act::CancelAll { who, filter } => {
            Command::CancelAll { account: AccountId(*who), filter: filter.clone() }
        }
        Act::Batch { who, parts } => batch(exchange, AccountId(*who), parts),
        Act::Deposit { who, micros } => {
            Command::Deposit { account: AccountId(*who), amount: MicroUsd::new(*micros) }
        }
        Act::Withdraw { who, micros } => {
            Command::Withdraw { account: AccountId(*who), amount: MicroUsd::new(*micros) }
        }
        Act::FundHouse { bucket, micros } => {
            Command::FundHouse { bucket: *bucket, amount: MicroUsd::new(*micros) }
        }
        Act::Index { grade, cents } => print(exchange, grade, *cents),
        Act::Nominate { who, key } => {
            Command::NominateAgent { account: AccountId(*who), signer: [*key; 20] }
        }
        Act::Instruct { who, option, abandon, exercise } => Command::InstructExercise {
            account: AccountId(*who),
            instrument: InstrumentId(*option),
            instruction: Instruction {
                abandon: Qty::from_lots(*abandon),
                exercise: Qty::from_lots(*exercise),
            },
        },
        Act::Bid { who, back, micros } => Command::BidBackstop {
            account: AccountId(*who),
            auction: exchange.defaults().auctions.saturating_sub(*back),
            ask: MicroUsd::new(*micros),
        },
        Act::Near { series, side, ticks, lots } => {
            let instrument = InstrumentId(*series);
            let mark = exchange.series_by_id(instrument).map_or(0, |it| it.mark.ticks());
            let price = if *side == Side::Buy { mark + ticks } else { mark - ticks };
            Command::PlaceOrder(limit(AccountId(4), instrument, *side, *lots, price))
        }
        Act::Quote(command) => any_quote::priced(exchange, command),
        Act::Default(command) | Act::Nonsense(command) | Act::Absence(command) => {
            (**command).clone()
        }
        Act::Say { who, nth, word } => say(exchange, AccountId(*who), *nth, *word),
        Act::Challenge { .. } | Act::Receipt { .. } | Act::Draw { .. } | Act::Judge { .. } => {
            delivery_command(exchange, act)
        }
    }
}

/// A premium is a small part of what a future costs.
fn priced(exchange: &Exchange, order: &PlaceOrder) -> PlaceOrder {
    let series = exchange.series_by_id(order.instrument);
    let scaled = |price: Price| {
        let ticks = price.ticks();
        Price::from_ticks(if ticks < 1_000_000 { ticks.saturating_sub(2_400) } else { ticks })
    };
    if !series.is_some_and(|series| series.instrument.is_premium_style()) {
        return order.clone();
    }
    let kind = match order.kind {
        OrderKind::Limit(price) => OrderKind::Limit(scaled(price)),
        OrderKind::Market => OrderKind::Market,
    };
    PlaceOrder { kind, ceiling: order.ceiling.map(scaled), ..order.clone() }
}

/// What the parts mean when the batch arrives; nearly always all of one account.
fn batch(exchange: &Exchange, account: AccountId, parts: &[Act]) -> Command {
    let item = |(place, part): (usize, &Act)| match command(exchange, part) {
        Command::PlaceOrder(order) if place == 4 => BatchItem::Place(order),
        Command::PlaceOrder(order) => BatchItem::Place(PlaceOrder { account, ..order }),
        Command::AmendOrder(amend) => BatchItem::Amend(AmendOrder { account, ..amend }),
        Command::CancelOrder { order, .. } => BatchItem::Cancel(order),
        other => panic!("not part of a batch: {other:?}"),
    };
    Command::Batch { account, items: parts.iter().enumerate().map(item).collect() }
}

fn say(exchange: &Exchange, account: AccountId, nth: usize, word: Word) -> Command {
    let mut open = exchange.deliveries().filter(|delivery| !delivery.obligation.closed);
    let duty = open.nth(nth % 3).map(|delivery| &delivery.obligation);
    let obligation = duty.map_or(ObligationId(99), |duty| duty.id);
    let party = |is_seller: bool| {
        duty.map_or(account, |duty| if is_seller { duty.seller } else { duty.buyer })
    };
    let grade = |name: &str| GradeId::new(name).unwrap();
    match word {
        Word::Nominate(region) => {
            let nomination = Box::new(Nomination { region, ..Nomination::default() });
            let instrument = InstrumentId(1 + u64::try_from(nth % 3).unwrap());
            Command::Nominate { account, instrument, nomination }
        }
        Word::Accept { is_seller } => {
            Command::AcceptDelivery { account: party(is_seller), obligation }
        }
        Word::BurnIn(verdict) => {
            Command::JudgeBurnIn { account: AccountId(5), obligation, verdict }
        }
        Word::Substitute(name) => Command::Substitute {
            account: party(true),
            obligation,
            grade: grade(name),
            nodes: vec![Node { name: "spare".to_owned(), digest: [1; 32] }],
        },
        Word::Miss { from, until } => {
            Command::DeclareOutage { account: party(true), obligation, from, until }
        }
        Word::StandBy { gpus, fee } => {
            let (gpus, fee) = (Qty::from_lots(gpus), MicroUsd::new(fee));
            let grade = grade(if nth < 3 { "A100" } else { "H100" });
            Command::OfferStandby { account, grade, gpus, fee }
        }
        Word::Dispute { is_seller } => {
            Command::DisputeInvoice { account: party(is_seller), obligation }
        }
    }
}

fn delivery_command(exchange: &Exchange, act: &Act) -> Command {
    let is_challenged = |state| matches!(state, ChallengeState::Challenged { .. });
    let is_claimed = |state| matches!(state, ChallengeState::Claimed { .. });
    match act {
        Act::Receipt { nth, is_good } => {
            let (obligation, challenge, account) = nth_challenge(exchange, *nth, is_challenged);
            let mut receipt = next_receipt(exchange, obligation, challenge);
            receipt.gpu_millis += u64::from(!is_good);
            let digest = [u8::try_from(receipt.challenges % 256).unwrap(); 32];
            Command::SubmitReceipt { account, signer: [0; 20], digest, receipt, signature: vec![7] }
        }
        Act::Draw { nth } => {
            let (obligation, challenge, _) = nth_challenge(exchange, *nth, is_claimed);
            Command::DrawRows { obligation, challenge, seed: [5; 32] }
        }
        Act::Judge { who, nth, verdict } => {
            let (obligation, challenge, _) = nth_challenge(exchange, *nth, is_claimed);
            let (account, verdict) = (AccountId(*who), *verdict);
            Command::SubmitVerdict { account, obligation, challenge, verdict }
        }
        Act::Challenge { nth } => {
            let open = exchange.deliveries().map(|delivery| &delivery.obligation);
            let open: Vec<_> = open.filter(|duty| !duty.closed).collect();
            let chosen = open.get(nth % open.len().max(1)).map(|duty| duty.id);
            let obligation = chosen.unwrap_or(ObligationId(u64::try_from(*nth).unwrap()));
            Command::IssueChallenge { obligation, seed: [6; 32] }
        }
        other => panic!("not part of a delivery: {other:?}"),
    }
}

/// The account's `nth` open order; now and then somebody else's, or none.
fn nth_order(exchange: &Exchange, who: u64, nth: usize) -> OrderId {
    let open = exchange.open_orders_of(AccountId(who), None);
    let chosen = open.get(nth % open.len().max(1)).map(|view| view.order);
    chosen.unwrap_or(OrderId(u64::try_from(nth).unwrap()))
}

/// The `nth` challenge of all that are in a state, and whose it is; else one that is not.
fn nth_challenge(
    exchange: &Exchange,
    nth: usize,
    is_wanted: impl Fn(ChallengeState) -> bool,
) -> (ObligationId, u32, AccountId) {
    let open = exchange.open_challenges().filter(|open| is_wanted(open.state));
    let found: Vec<_> = open.map(|open| (open.obligation, open.challenge, open.seller)).collect();
    let chosen = found.get(nth % found.len().max(1)).copied();
    chosen.unwrap_or((ObligationId(u64::try_from(nth).unwrap()), 0, AccountId(1)))
}

fn print(exchange: &Exchange, grade: &str, cents: Option<i64>) -> Command {
    let none = oracle::State::Withheld(oracle::Withheld::NoObservations);
    Command::PublishIndex(IndexPrint {
        grade: GradeId::new(grade).unwrap(),
        observed_at: exchange.now(),
        value: cents.map(|cents| MicroUsd::new(cents * 10_000)),
        conf: Ppm::new(20_000),
        state: if cents.is_some() { oracle::State::Ok } else { none },
    })
}
