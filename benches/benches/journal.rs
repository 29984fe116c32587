//! What durability costs: one frame and one sync per group of commands, on the disk below the temporary directory.

use std::error::Error;
use std::hint::black_box;

use benches::workload::{SEED, Venue};
use criterion::{Criterion, Throughput};
use exchange::RULES_VERSION;
use exchange::io::{DataDir, Journal, RealDisk, Record, Settings};
use instruments::{Nanos, Seq};

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let (_, commands) = Venue::with_stream(SEED, 0, 64);
    let mut payloads = Vec::new();
    for stamped in &commands {
        payloads.push(borsh::to_vec(&stamped.command)?);
    }
    let mut group = criterion.benchmark_group("journal");
    for size in [1, 16, 64] {
        let root = tempfile::tempdir()?;
        let place = DataDir::new(RealDisk, root.path());
        let mut journal = Journal::create(place, Settings::new(RULES_VERSION), Nanos::new(1))?;
        let mut last = 0;
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("append and sync a group of {size}"), |bencher| {
            bencher.iter(|| {
                let count = usize::try_from(size).unwrap_or(1);
                let numbered = (last + 1..).zip(payloads.iter().take(count));
                let records: Vec<Record<'_>> = numbered
                    .map(|(seq, payload)| {
                        let (seq, at) = (Seq(seq), Nanos::new(seq));
                        Record::Command { seq, at, payload: payload.as_slice() }
                    })
                    .collect();
                let end = journal.append(black_box(&records));
                assert!(end.is_ok(), "{end:?}");
                last += size;
            });
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
