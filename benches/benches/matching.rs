//! The engine on the canonical streams, beside a plain book of ordered maps.

use std::hint::black_box;

use benches::reference::Reference;
use benches::streams::{Kind, SEED, generate};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use instruments::{AccountId, InstrumentId, OrderId, Price, Qty};
use matching_engine::stream::{Header, Op, StreamCommand};
use matching_engine::{
    Amend, BookEvent, BookTerms, CancelReason, Capacity, Engine, NewOrder, OrderKind, StpMode,
    TimeInForce,
};

/// How many commands are measured, besides those that fill the books.
const COMMANDS: u32 = 20_000;

/// The engine and what a session keeps beside it: the engine's id of each order.
#[derive(Clone)]
struct Desk {
    engine: Engine,
    ids: Vec<OrderId>,
    out: Vec<BookEvent>,
}

impl Desk {
    fn new(header: &Header) -> Self {
        let mut engine = Engine::new(Capacity { orders: 200_000 });
        let middle = i64::from(u32::midpoint(header.price_low, header.price_high));
        let window = if header.books == 1 { 4_096 } else { 256 };
        let terms = BookTerms { window, ..BookTerms::continuous(Price::from_ticks(middle)) };
        for book in 1..=u64::from(header.books) {
            engine.list(InstrumentId(book), terms);
        }
        let ids = vec![OrderId(0); header.id_high as usize + 1];
        Self { engine, ids, out: Vec::with_capacity(4_096) }
    }

    fn apply(&mut self, command: &StreamCommand) {
        self.out.clear();
        let id = command.id as usize;
        let price = Price::from_ticks(i64::from(command.price));
        let qty = Qty::from_lots(u64::from(command.qty));
        match command.op {
            Op::Cancel => {
                self.engine.cancel(self.ids[id], CancelReason::Requested, &mut self.out);
            }
            Op::Modify => {
                let filled = self.engine.order(self.ids[id]).map_or(Qty::ZERO, |o| o.filled);
                let amend = Amend { price: Some(price), total: Some(filled + qty), trigger: None };
                self.engine.amend(self.ids[id], &amend, &mut self.out);
            }
            Op::Add | Op::Ioc | Op::Market => {
                let account = AccountId(u64::from(command.id));
                let mut order = NewOrder::limit(account, command.side, price, qty);
                order.stp = StpMode::CancelNewest;
                if command.op != Op::Add {
                    order.time_in_force = TimeInForce::Ioc;
                }
                if command.op == Op::Market {
                    order.kind = OrderKind::Market;
                }
                self.ids[id] = self.engine.next_id();
                let book = InstrumentId(u64::from(command.book) + 1);
                self.engine.place(book, &order, &mut self.out);
            }
        }
        black_box(&self.out);
    }
}

fn streams(c: &mut Criterion) {
    let mut group = c.benchmark_group("matching");
    group.throughput(Throughput::Elements(u64::from(COMMANDS)));
    group.sample_size(20);
    for kind in Kind::ALL {
        let (header, commands) = generate(kind, SEED, COMMANDS);
        let (warmup, clocked) = commands.split_at(commands.len() - COMMANDS as usize);
        let mut desk = Desk::new(&header);
        warmup.iter().for_each(|command| desk.apply(command));
        group.bench_function(kind.name(), |bencher| {
            let replay = |mut desk: Desk| {
                clocked.iter().for_each(|command| desk.apply(command));
                desk
            };
            bencher.iter_batched(|| desk.clone(), replay, BatchSize::LargeInput);
        });
        let mut plain = Reference::new(header.books);
        let mut fills = Vec::new();
        for command in warmup {
            plain.apply(command, &mut fills);
            fills.clear();
        }
        group.bench_function(format!("{}/plain", kind.name()), |bencher| {
            let replay = |mut plain: Reference| {
                let mut fills = Vec::new();
                for command in clocked {
                    plain.apply(command, &mut fills);
                    fills.clear();
                }
                plain
            };
            bencher.iter_batched(|| plain.clone(), replay, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(group, streams);
criterion_main!(group);
