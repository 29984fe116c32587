//! The whole core: a command in, its events out, with margin, holds, fees and history.

use std::hint::black_box;

use benches::workload::{Step, day_contract, mixed_flow};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use exchange::{Command, Event, Exchange, OpenVenue, PlaceOrder, Stamped, TimeInForce};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NanosSpan, OrderId, Price, Qty, Side};

const STEPS: usize = 5_000;

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
    let flow = resolved(&before, mixed_flow(7, STEPS));
    (before, flow)
}

/// The flow as commands: it is lived through once, because ids are the exchange's to issue. A cancel of what has ended is refused.
fn resolved(before: &[Command], flow: Vec<Step>) -> Vec<Command> {
    let mut exchange = Exchange::new();
    run(&mut exchange, before);
    let mut orders: Vec<Option<(AccountId, OrderId)>> = Vec::new();
    let mut commands = Vec::new();
    for step in flow {
        let mut events = Vec::new();
        let command = match step {
            Step::Place(order) => Command::PlaceOrder(order),
            Step::Cancel(earlier) => {
                let (account, order) =
                    orders.get(earlier).copied().flatten().unwrap_or((AccountId(1), OrderId(0)));
                Command::CancelOrder { account, order }
            }
        };
        next(&mut exchange, command.clone(), &mut events);
        orders.push(accepted(&events));
        commands.push(command);
    }
    commands
}

fn accepted(events: &[Event]) -> Option<(AccountId, OrderId)> {
    events.iter().find_map(|event| {
        if let Event::OrderAccepted(order) = event {
            Some((order.account, order.order))
        } else {
            None
        }
    })
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
    group.throughput(Throughput::Elements(STEPS as u64));
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
fn far_bid() -> PlaceOrder {
    let (price, qty) = (Price::from_ticks(2_000), Qty::from_lots(3));
    PlaceOrder::limit(AccountId(3), InstrumentId(1), Side::Buy, price, qty)
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
            next(&mut exchange, Command::PlaceOrder(far_bid()), &mut events);
            let Some((account, order)) = accepted(&events) else { return };
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
                let rests = PlaceOrder { account: AccountId(maker), ..far_bid() };
                let account = AccountId(taker);
                let (side, time_in_force) = (Side::Sell, TimeInForce::Ioc);
                let takes = PlaceOrder { account, side, time_in_force, ..rests.clone() };
                next(&mut exchange, Command::PlaceOrder(rests), &mut events);
                next(&mut exchange, Command::PlaceOrder(takes), &mut events);
            }
            black_box(events.len())
        });
    });
    let is_refused = events.iter().any(|event| matches!(event, Event::Rejected(_)));
    assert!(!is_refused, "{events:?}");
}

criterion_group!(group, apply, place_and_cancel, place_and_take);
criterion_main!(group);
