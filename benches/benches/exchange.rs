//! The whole core: a command in, its events out, with margin, holds, fees and history.

use std::hint::black_box;

use benches::workload::{Step, day_contract, mixed_flow, place};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use exchange::{Command, Event, Exchange, OpenVenue, Stamped};
use instruments::{AccountId, MicroUsd, Nanos, NanosSpan, OrderId, Price, Qty, Side};
use matching_engine::{NewOrder, OrderKind, StpMode, TimeInForce};

const STEPS: u64 = 5_000;

fn commands() -> (Vec<Command>, Vec<Command>) {
    let opening = OpenVenue {
        testnet: true,
        rules: exchange::RULES_VERSION,
        variation_from: Nanos::from_seconds(3_000_000_000),
        variation_every: NanosSpan::from_seconds(86_400),
    };
    let mut before =
        vec![Command::OpenVenue(opening), Command::ListInstrument(Box::new(day_contract()))];
    for account in 1..=64 {
        before.push(Command::OpenAccount { name: format!("a{account}"), is_verifier: false });
        let (account, amount) = (AccountId(account), MicroUsd::new(100_000_000_000_000));
        before.push(Command::Deposit { account, amount });
    }
    let flow = mixed_flow(7, STEPS).into_iter().map(|step| match step {
        Step::Place(order) => place(order),
        // Ids are issued in the order of acceptance, so many of these are gone or another account's: refusals are flow, too.
        Step::Cancel(order) => Command::CancelOrder { account: AccountId(1 + order.0 % 64), order },
    });
    (before, flow.collect())
}

fn run(exchange: &mut Exchange, commands: &[Command]) {
    let mut events = Vec::new();
    for command in commands {
        events.clear();
        let seq = exchange.last_seq().next();
        let at = Nanos::from_seconds(2_000_000_000);
        exchange.apply(&Stamped { seq, at, command: command.clone() }, &mut events);
    }
}

fn apply(c: &mut Criterion) {
    let (before, flow) = commands();
    let mut opened = Exchange::new();
    run(&mut opened, &before);
    let mut group = c.benchmark_group("exchange");
    group.throughput(Throughput::Elements(STEPS));
    group.sample_size(20);
    group.bench_function("apply_mixed_flow", |bencher| {
        bencher.iter_batched(
            || opened.clone(),
            |mut exchange| {
                run(&mut exchange, &flow);
                exchange
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
    run(&mut opened, &flow);
    c.bench_function("exchange/state_hash_after_it", |bencher| {
        bencher.iter(|| opened.state_hash());
    });
}

/// An order that nobody in the flow trades with.
fn far_bid() -> NewOrder {
    NewOrder {
        id: OrderId(0),
        account: AccountId(3),
        side: Side::Buy,
        kind: OrderKind::Limit(Price::from_ticks(2_000)),
        qty: Qty::from_lots(3),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        stp: StpMode::CancelNewest,
    }
}

fn next(exchange: &mut Exchange, command: Command, events: &mut Vec<Event>) {
    let seq = exchange.last_seq().next();
    exchange.apply(&Stamped { seq, at: exchange.now(), command }, events);
}

/// Two commands: an order that rests, and its end. The book holds what the flow has left in it.
fn place_and_cancel(c: &mut Criterion) {
    let (before, flow) = commands();
    let (mut exchange, mut events) = (Exchange::new(), Vec::new());
    run(&mut exchange, &before);
    run(&mut exchange, &flow);
    c.bench_function("exchange/place_and_cancel", |bencher| {
        bencher.iter(|| {
            events.clear();
            next(&mut exchange, place(far_bid()), &mut events);
            let Some(Event::OrderAccepted(accepted)) = events.first() else { return };
            let (account, order) = (accepted.account, accepted.order);
            next(&mut exchange, Command::CancelOrder { account, order }, &mut events);
        });
    });
    let is_refused = matches!(events.first(), Some(Event::Rejected(_)));
    assert!(!is_refused, "{events:?}");
}

/// Four commands, two trades: there and back, so that no position grows.
fn place_and_take(c: &mut Criterion) {
    let (before, _) = commands();
    let (mut exchange, mut events) = (Exchange::new(), Vec::new());
    run(&mut exchange, &before);
    c.bench_function("exchange/place_and_take_twice", |bencher| {
        bencher.iter(|| {
            events.clear();
            for (maker, taker) in [(1, 2), (2, 1)] {
                let rests = NewOrder { account: AccountId(maker), ..far_bid() };
                let account = AccountId(taker);
                let (side, time_in_force) = (Side::Sell, TimeInForce::Ioc);
                let takes = NewOrder { account, side, time_in_force, ..rests };
                next(&mut exchange, place(rests), &mut events);
                next(&mut exchange, place(takes), &mut events);
            }
            black_box(events.len())
        });
    });
    let is_refused = events.iter().any(|event| matches!(event, Event::Rejected(_)));
    assert!(!is_refused, "{events:?}");
}

criterion_group!(group, apply, place_and_cancel, place_and_take);
criterion_main!(group);
