//! One tick of the index over eight providers.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use instruments::{MicroUsd, Nanos};
use oracle::{Index, Observation, Params, ProviderId};

#[expect(clippy::expect_used, reason = "the constants below are good observations")]
fn observations(tick: u64) -> (Nanos, Vec<Observation>) {
    let at = Nanos::from_seconds(1_800 * (1_000_000 + tick));
    let observed = (0..8_u64).map(|provider| {
        let name = ProviderId::new(&format!("provider-{provider}")).expect("a name");
        let wobble = (tick * 7 + provider * 13) % 50;
        let price = 2_000_000 + 100_000 * provider + 1_000 * wobble;
        let price = MicroUsd::new(i64::try_from(price).unwrap_or(i64::MAX));
        Observation::new(at, name, price, 4).expect("an observation")
    });
    (at, observed.collect())
}

fn tick(c: &mut Criterion) {
    let mut index = Index::new(Params::default());
    for at in 0..480 {
        let (at, observed) = observations(at);
        index.tick(at, &observed);
    }
    let (at, observed) = observations(480);
    c.bench_function("oracle/tick_8_providers", |bencher| {
        bencher.iter_batched(
            || index.clone(),
            |mut index| index.tick(at, &observed),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(group, tick);
criterion_main!(group);
