//! What durability costs: one frame and one sync for a group of commands, on the disk below the temporary directory.

use std::hint::black_box;

use benches::workload::{Step, mixed_flow};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use exchange::io::{DataDir, Journal, RealDisk, Record, Settings};
use exchange::{Command, RULES_VERSION};
use instruments::{Nanos, Seq};

/// Commands in a group: one alone, and what a busy sequencer finds waiting.
const GROUPS: [u64; 3] = [1, 16, 64];

/// The flow's orders as they are journaled.
#[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
fn payloads() -> Vec<Vec<u8>> {
    let orders = mixed_flow(7, 1_000).into_iter().filter_map(|step| match step {
        Step::Place(order) => Some(Command::PlaceOrder(order)),
        Step::Cancel(_) => None,
    });
    orders.map(|command| borsh::to_vec(&command).expect("a command encodes")).collect()
}

#[expect(clippy::expect_used, reason = "a benchmark without a disk has nothing to measure")]
fn append(c: &mut Criterion) {
    let payloads = payloads();
    let mut group = c.benchmark_group("journal");
    group.sample_size(20);
    for size in GROUPS {
        let root = tempfile::tempdir().expect("a directory");
        let place = DataDir::new(RealDisk, root.path());
        let settings = Settings::new(RULES_VERSION);
        let mut journal = Journal::create(place, settings, Nanos::new(1)).expect("a journal");
        let mut last = 0;
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("append_and_sync_{size}"), |bencher| {
            bencher.iter(|| {
                let records: Vec<Record<'_>> = (last + 1..=last + size)
                    .zip(&payloads)
                    .map(|(seq, payload)| {
                        let (seq, at) = (Seq(seq), Nanos::new(seq));
                        Record::Command { seq, at, payload: payload.as_slice() }
                    })
                    .collect();
                journal.append(black_box(&records)).expect("an append");
                last += size;
            });
        });
    }
    group.finish();
}

criterion_group!(group, append);
criterion_main!(group);
