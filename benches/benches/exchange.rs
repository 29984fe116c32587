//! The whole core: a command in, its events out, with margin, holds, fees and history.

use benches::workload::{Step, day_contract, mixed_flow};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use exchange::{Command, Exchange, OpenVenue, PlaceOrder, Stamped};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NanosSpan};

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
        Step::Place(order) => Command::PlaceOrder(PlaceOrder {
            account: order.account,
            instrument: InstrumentId(1),
            side: order.side,
            kind: order.kind,
            qty: order.qty,
            time_in_force: order.time_in_force,
            post_only: false,
            reduce_only: false,
            stp: order.stp,
            label: String::new(),
        }),
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

criterion_group!(group, apply);
criterion_main!(group);
