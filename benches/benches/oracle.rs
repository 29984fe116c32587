//! One tick of the index over eight providers that ask, and over a thousand that ask, lease and report units.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use instruments::{GpuSeconds, MicroUsd, Nanos};
use oracle::{ClusterId, Index, Lease, Observation, Params, ProviderId, Tier, Units};

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

/// A thousand providers of 334 owners: every price moves in every tick, and every provider has leased.
#[expect(clippy::expect_used, reason = "the constants below are good observations")]
fn crowd(tick: u64) -> (Nanos, Vec<Observation>) {
    let at = Nanos::from_seconds(1_800 * (1_000_000 + tick));
    let observed = (0..1_000_u64).map(|provider| {
        let name = ProviderId::new(&format!("provider-{provider}")).expect("a name");
        let owner = ClusterId::new(&format!("owner-{}", provider / 3)).expect("a name");
        let price =
            2_000_000 + provider * 7_919 % 700_000 + (tick * 7 + provider * 13) % 50 * 1_000;
        let price = MicroUsd::new(i64::try_from(price).unwrap_or(i64::MAX));
        let leased = u32::try_from((tick + provider) % 64).unwrap_or(0);
        Observation::new(at, name, price, 4)
            .and_then(|one| one.with_units(Units { total: 64, leased }))
            .and_then(|one| one.with_lease(Lease { price, gpu_seconds: GpuSeconds::new(72_000) }))
            .expect("an observation")
            .with_cluster(owner)
            .with_tier(Tier::Leased)
    });
    (at, observed.collect())
}

fn tick_of_a_thousand(c: &mut Criterion) {
    let mut index = Index::new(Params::default());
    for at in 0..500 {
        let (at, observed) = crowd(at);
        index.tick(at, &observed);
    }
    let (at, observed) = crowd(500);
    c.bench_function("oracle/tick_1000_providers", |bencher| {
        bencher.iter_batched(
            || index.clone(),
            |mut index| index.tick(at, &observed),
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(group, tick, tick_of_a_thousand);
criterion_main!(group);
