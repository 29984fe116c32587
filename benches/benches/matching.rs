//! The engine on the canonical streams, beside a plain book of ordered maps.

use std::hint::black_box;

use benches::desk::{Desk, Replay};
use benches::reference::Reference;
use benches::streams::{Kind, SEED, generate};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// How many commands are measured, besides those that fill the books.
const COMMANDS: u32 = 20_000;

fn streams(c: &mut Criterion) {
    let mut group = c.benchmark_group("matching");
    group.throughput(Throughput::Elements(u64::from(COMMANDS)));
    group.sample_size(20);
    for kind in Kind::ALL {
        let (header, commands) = generate(kind, SEED, COMMANDS);
        let (warmup, clocked) = commands.split_at(commands.len() - COMMANDS as usize);
        let mut desk = Desk::new(&header);
        for command in warmup {
            black_box(desk.apply(command));
        }
        group.bench_function(kind.name(), |bencher| {
            let replay = |mut desk: Desk| {
                for command in clocked {
                    black_box(desk.apply(command));
                }
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
