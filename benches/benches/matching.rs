//! The book alone, on the mixed flow.

use std::hint::black_box;

use benches::workload::{Step, mixed_flow};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use matching_engine::{Book, CancelReason};

const STEPS: u64 = 10_000;

fn mixed(c: &mut Criterion) {
    let flow = mixed_flow(7, STEPS);
    let mut group = c.benchmark_group("matching");
    group.throughput(Throughput::Elements(STEPS));
    group.bench_function("mixed_flow", |bencher| {
        bencher.iter_batched(
            || (Book::new(), Vec::with_capacity(64)),
            |(mut book, mut out)| {
                for step in &flow {
                    out.clear();
                    match *step {
                        Step::Place(order) => book.place(order, &mut out),
                        Step::Cancel(id) => book.cancel(id, CancelReason::Requested, &mut out),
                    }
                    black_box(&out);
                }
                book
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(group, mixed);
criterion_main!(group);
