//! What an option costs the venue in time: its price, its volatility, its risk array, a smile, and a whole market's step.
//!
//! Strikes and volatilities vary inside a measurement, as they do in a chain: the solver's cost depends on where it is asked.

use std::hint::black_box;

use api::pricing::array::lanes;
use api::pricing::publisher::{Market, OptionState, Publisher};
use api::pricing::scenarios::{Contract, Scenarios};
use api::pricing::svi::Svi;
use api::pricing::svi::fit::{Quote, fit};
use api::pricing::{European, Terms};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use instruments::{GradeId, InstrumentId, MicroUsd, Nanos, NanosSpan, Price, Right};

const OPTIONS: i32 = 64;

fn chain() -> Vec<(European, f64)> {
    let option = |at: i32| {
        let part = f64::from(at) / f64::from(OPTIONS);
        let right = if at % 2 == 0 { Right::Call } else { Right::Put };
        let strike = 2.5 * (0.5 + part);
        let terms = Terms { right, forward: 2.5, strike, years: 0.02 + part, rate: 0.0 };
        (European::new(terms).expect("terms"), 0.5 + 0.8 * part)
    };
    (0..OPTIONS).map(option).collect()
}

fn options(criterion: &mut Criterion) {
    let chain = chain();
    let mut group = criterion.benchmark_group("option");
    group.throughput(Throughput::Elements(chain.len() as u64));
    group.bench_function("price", |bencher| {
        bencher.iter(|| {
            chain.iter().map(|(it, iv)| it.price(black_box(*iv)).unwrap_or(0.0)).sum::<f64>()
        });
    });
    group.bench_function("price and greeks", |bencher| {
        bencher.iter(|| {
            let values = chain.iter().filter_map(|(it, iv)| it.value(black_box(*iv)).ok());
            values.map(|value| value.price + value.theta).sum::<f64>()
        });
    });
    let prices: Vec<f64> = chain.iter().map(|(it, iv)| it.price(*iv).expect("a price")).collect();
    group.bench_function("implied volatility", |bencher| {
        bencher.iter(|| {
            let solved = chain.iter().zip(&prices);
            solved
                .map(|((it, _), price)| it.implied_vol(black_box(*price)).unwrap_or(0.0))
                .sum::<f64>()
        });
    });
    let scenarios = Scenarios::default();
    group.bench_function("risk array", |bencher| {
        bencher.iter(|| {
            for (it, iv) in &chain {
                let terms = it.terms();
                let contract =
                    Contract::Option { right: terms.right, strike: terms.strike, iv: *iv };
                let vector = scenarios.vector(&contract, terms.forward, 365.0 * terms.years);
                black_box(lanes(&vector.expect("a vector"), 744).expect("an array"));
            }
        });
    });
    group.finish();
}

fn smiles(criterion: &mut Criterion) {
    let svi = Svi { a: 0.04, b: 0.1, rho: -0.3, m: 0.05, s: 0.3 };
    let quote = |at: i32| {
        let k = 0.08 * f64::from(at);
        let noise = if at % 2 == 0 { 1.01 } else { 0.99 };
        Quote { k, iv: noise * (svi.variance(k) / 0.25).sqrt(), weight: 1.0 }
    };
    let quotes: Vec<Quote> = (-10..=10).map(quote).collect();
    criterion.bench_function("smile/check", |bencher| bencher.iter(|| black_box(svi).check()));
    criterion.bench_function("smile/fit of 21 quotes", |bencher| {
        bencher.iter(|| fit(black_box(&quotes), 0.25, None));
    });
}

/// 13 months of 21 strikes, a call and a put each, half of them quoted.
fn market(seconds: u64, forward: i64) -> Market {
    let at = Nanos::from_seconds(1_700_000_000) + NanosSpan::from_seconds(seconds);
    let mut options = Vec::new();
    for (month, strike) in
        (1..=13u64).flat_map(|month| (0..21i64).map(move |at| (month, 1_500 + 100 * at)))
    {
        for right in [Right::Call, Right::Put] {
            let expires_at = Nanos::from_seconds(1_700_000_000 + month * 2_592_000);
            let years = 30.0 * f64::from(u32::try_from(month).expect("small")) / 365.0;
            let terms =
                Terms { right, forward: 2.5, strike: strike as f64 / 1e3, years, rate: 0.0 };
            let price = European::new(terms).expect("terms").price(0.8).expect("a price");
            let ticks = (1e3 * price) as i64;
            let is_quoted = (right == Right::Call) == (2_500 <= strike);
            options.push(OptionState {
                instrument: InstrumentId(options.len() as u64 + 1),
                family: "H100_USDC".to_owned(),
                grade: GradeId::new("H100").expect("a grade"),
                right,
                forward: Price::from_ticks(forward),
                strike: Price::from_ticks(strike),
                tick_size: MicroUsd::new(1_000),
                hours_per_lot: 744,
                expires_at,
                bid: is_quoted.then(|| Price::from_ticks((ticks - 3).max(1))),
                ask: is_quoted.then(|| Price::from_ticks(ticks + 3)),
                trades: 0,
                last_trade: None,
            });
        }
    }
    Market { at, options }
}

fn step(criterion: &mut Criterion) {
    let markets = [market(0, 2_500), market(1, 2_510)];
    let mut group = criterion.benchmark_group("publisher");
    group.sample_size(20).throughput(Throughput::Elements(markets[0].options.len() as u64));
    group.bench_function("step of 546 options that all moved", |bencher| {
        let mut publisher = Publisher::default();
        let mut turn = 0;
        bencher.iter(|| {
            turn += 1;
            publisher.step(&markets[turn % 2])
        });
    });
    group.finish();
}

criterion_group!(benches, options, smiles, step);
criterion_main!(benches);
