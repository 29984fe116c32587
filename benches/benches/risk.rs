//! Portfolio margin at random among 10,000 accounts and 800 series, and the engine with it on. `peers risk` measures the same beside the bare
//! limit book, whose unsafe code this workspace forbids.

use std::hint::black_box;

use benches::desk::{Replay, RiskDesk, arrays};
use benches::draw::Draw;
use benches::streams::{Kind, SEED, generate};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use instruments::{AccountId, InstrumentId, MicroUsd, NetQty, Qty, Side};
use settlement::{Leg, RiskBook, RiskOrder};

const ACCOUNTS: u64 = 10_000;
const SERIES: u64 = 800;
/// Series of which each account has lots.
const LEGS: u64 = 30;
/// The account that is built anew has more.
const LEGS_REBUILT: u64 = 100;
const REBUILT: AccountId = AccountId(ACCOUNTS + 1);
/// Orders that are asked about, one after the other.
const ORDERS: usize = 1 << 16;
const COMMANDS: u32 = 20_000;

fn side(draw: &mut Draw) -> Side {
    if draw.below(2) == 0 { Side::Buy } else { Side::Sell }
}

/// All accounts with their legs, and orders of accounts at random in series of which they have lots.
fn market() -> (RiskBook, Vec<RiskOrder>) {
    let mut book = arrays(SERIES);
    let mut draw = Draw::new(SEED);
    let mut legs = Vec::new();
    for account in (1..=ACCOUNTS).chain([REBUILT.0]).map(AccountId) {
        for _ in 0..if account == REBUILT { LEGS_REBUILT } else { LEGS } {
            let instrument = InstrumentId(1 + draw.below(SERIES));
            let net = i64::try_from(draw.below(200)).unwrap_or(0) - 100;
            let leg = Leg::new(
                NetQty::from_lots(net),
                Qty::from_lots(draw.below(20)),
                Qty::from_lots(draw.below(20)),
            );
            book.set_leg(account, instrument, leg);
            legs.push((account, instrument));
        }
    }
    let orders = (0..ORDERS).map(|_| {
        let (account, instrument) = legs[usize::try_from(draw.below(300_000)).unwrap_or(0)];
        RiskOrder { account, instrument, side: side(&mut draw), qty: Qty::from_lots(1) }
    });
    let orders = orders.collect();
    (book, orders)
}

fn book(c: &mut Criterion) {
    let (mut book, orders) = market();
    let mut next = orders.iter().cycle();
    let mut group = c.benchmark_group("risk");
    // With room a bound is enough; whoever has nothing left is looked at in every scenario.
    for (name, available) in [("check_with_room", 1_000_000_000_000_000), ("check_36_scenarios", 0)]
    {
        let available = MicroUsd::new(available);
        group.bench_function(name, |bencher| {
            bencher.iter(|| next.next().map(|order| book.check(order, black_box(available))));
        });
    }
    // A fill and, the next time round, its opposite: positions stay where they are.
    let mut lap = 0_usize;
    group.bench_function("fill", |bencher| {
        bencher.iter(|| {
            let order = orders[lap % ORDERS];
            let side =
                if (lap / ORDERS).is_multiple_of(2) { order.side } else { order.side.opposite() };
            lap += 1;
            book.filled(&RiskOrder { side, ..order });
        });
    });
    let mut lap = 0_usize;
    group.bench_function("order_opened_or_closed", |bencher| {
        bencher.iter(|| {
            let order = &orders[lap % ORDERS];
            if (lap / ORDERS).is_multiple_of(2) {
                book.order_opened(order)
            } else {
                book.order_closed(order)
            }
            lap += 1;
        });
    });
    group.bench_function("rebuild_100_legs", |bencher| {
        bencher.iter(|| book.rebuild(black_box(REBUILT)));
    });
    group.finish();
}

/// The engine with a check of every order, on the streams.
fn desk(c: &mut Criterion) {
    let mut group = c.benchmark_group("risk/desk");
    group.throughput(Throughput::Elements(u64::from(COMMANDS)));
    group.sample_size(20);
    for kind in [Kind::Tight, Kind::Mix, Kind::Multi] {
        let (header, commands) = generate(kind, SEED, COMMANDS);
        let (warmup, clocked) = commands.split_at(commands.len() - COMMANDS as usize);
        let mut desk = RiskDesk::new(&header);
        for command in warmup {
            black_box(desk.apply(command));
        }
        group.bench_function(kind.name(), |bencher| {
            let replay = |mut desk: RiskDesk| {
                for command in clocked {
                    black_box(desk.apply(command));
                }
                desk
            };
            bencher.iter_batched(|| desk.clone(), replay, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(group, book, desk);
criterion_main!(group);
