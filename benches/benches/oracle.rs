//! One tick of the index over eight providers, and a forward curve of two years.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use instruments::{MicroUsd, Nanos};
use oracle::{Contract, Curve, CurveParams, Days, Index, Observation, Params, ProviderId, Shape};

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

/// A spot day, 24 months, 7 quarters and a year, and a conf for each month.
#[expect(clippy::expect_used, reason = "the constants below are good contracts")]
fn curve(c: &mut Criterion) {
    let months = (0..24).map(|month| (30 * month, 30));
    let quarters = (1..8).map(|quarter| (90 * quarter, 90));
    let periods = std::iter::once((0, 1)).chain(months).chain(quarters).chain([(365, 365)]);
    let contracts: Vec<Contract> = periods
        .map(|(first, count)| Contract {
            days: Days { first, count },
            price: MicroUsd::new(2_400_000 - 700 * i64::from(first)),
            half_spread: MicroUsd::new(20_000),
        })
        .collect();
    let (params, shape) = (CurveParams::default(), Shape::default().logs(730).expect("a shape"));
    c.bench_function("oracle/curve_730_days_33_contracts", |bencher| {
        bencher.iter(|| Curve::fit(&params, &shape, &contracts).expect("a curve"));
    });
    let curve = Curve::fit(&params, &shape, &contracts).expect("a curve");
    c.bench_function("oracle/curve_conf_of_a_month", |bencher| {
        bencher.iter(|| curve.conf(Days { first: 690, count: 30 }));
    });
}

criterion_group!(group, tick, curve);
criterion_main!(group);
