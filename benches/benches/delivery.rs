//! A challenge and its verification: in the smallest profile, and in that of data-centre GPUs; and one product with its check.
//!
//! The provider's work for a `dc` challenge is trillions of operations, so it is counted and not done here: the verifier is given work
//! that was never done. It computes against that exactly what it computes against any other, one segment on each of two cores.

use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use delivery_agent::DeviceKind;
use delivery_agent::challenge::{Challenge, draw};
use delivery_agent::freivalds::{Product, check_rows, vector};
use delivery_agent::profile::ClassProfile;
use delivery_agent::program::{Openings, Work, run, run_by};
use delivery_agent::salt::{KnownSalts, NO_SECRET};
use delivery_agent::verify::{Claimed, Verdict, verify};

#[expect(
    clippy::expect_used,
    reason = "a benchmark without a device or a challenge has nothing to measure"
)]
fn challenge(c: &mut Criterion) {
    let device = DeviceKind::Cpu.open().expect("a processor");
    let profile = ClassProfile::named("ci").expect("the ci profile");
    let challenge = Challenge::new([7; 32], profile, 1, 4).expect("a challenge");
    let work = run(&challenge, &device).expect("work");
    let (claimed, opened) = open(&challenge, &work);
    let mut group = c.benchmark_group("delivery");
    group.sample_size(20);
    group.bench_function("work_ci_4_segments", |bencher| bencher.iter(|| run(&challenge, &device)));
    group.bench_function("verify_ci_4_segments", |bencher| {
        bencher.iter(|| verify(&challenge, &claimed, &opened));
    });
    group.finish();
}

/// A claim, and the rows that are drawn after it.
fn open(challenge: &Challenge, work: &Work) -> (Claimed, Openings) {
    let (work_root, draw_seed) = (work.root(), [9; 32]);
    let claimed = Claimed { work_root, salt_key: NO_SECRET, draw_seed };
    (claimed, work.open(&draw(&draw_seed, challenge, &work_root)))
}

/// Whether every benchmark is only to run once: then the large ones are small.
fn is_smoke() -> bool {
    std::env::args().all(|argument| argument != "--bench")
}

#[expect(clippy::expect_used, reason = "there is nothing to measure otherwise")]
fn large(c: &mut Criterion) {
    let profile = if is_smoke() { ClassProfile::CI } else { ClassProfile::DC };
    let challenge = Challenge::new([7; 32], profile, 1, 2).expect("a challenge");
    let shape = *profile.shape();
    let undone = |_id, _seed: &[u8; 32]| Ok(vec![0; (shape.rows * shape.inner) as usize]);
    let work = run_by(&challenge, &mut KnownSalts(NO_SECRET), undone).expect("no device is used");
    let (claimed, opened) = open(&challenge, &work);
    let mut group = c.benchmark_group("delivery");
    group.sample_size(10);
    let mut least = u128::MAX;
    group.bench_function("verify_dc_2_segments_4_rows", |bencher| {
        bencher.iter(|| {
            let (verdict, millis) = timed(|| verify(&challenge, &claimed, &opened));
            least = least.min(millis);
            assert!(matches!(verdict, Verdict::Invalid { .. }), "nothing was made");
        });
    });
    group.finish();
    // Of every drawn segment the drawn rows; the whole challenge is all rows of all segments.
    let drawn = u64::from(shape.open_segments * shape.open_rows);
    let asked = u64::from(challenge.segments()) * u64::from(shape.rows);
    report(&format!("verify dc: least {least} ms, {drawn} of {asked} rows computed again"));
    assert!(drawn * 100 < asked || is_smoke(), "under one per cent of the arithmetic");
}

/// Freivalds' test of one product with everything it needs, beside the product itself with its commitment, in one run.
#[expect(clippy::expect_used, reason = "there is nothing to measure otherwise")]
fn product(c: &mut Criterion) {
    let n = if is_smoke() { 256 } else { 8_192 };
    let product = Product::new([3; 32], n).expect("a size");
    let device = DeviceKind::Cpu.open().expect("a processor");
    let (made, made_in) = timed(|| product.make(&device).expect("a processor never fails"));
    let (root, rows) = (made.root(), [0, n / 3, n / 2, n - 1]);
    let opened = made.open(&rows);
    let mut least = u128::MAX;
    let mut group = c.benchmark_group("delivery");
    group.sample_size(10);
    group.bench_function("freivalds_8192", |bencher| {
        bencher.iter(|| {
            let (found, millis) = timed(|| {
                let r = vector(&[5; 32], &product, &root);
                check_rows(&root, &rows, (&r, &product.image(&r)), &opened)
            });
            least = least.min(millis);
            assert_eq!(found, Ok(()));
        });
    });
    group.finish();
    report(&format!("freivalds: product {made_in} ms, least check {least} ms"));
}

#[expect(clippy::disallowed_methods, reason = "measures itself")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, u128) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed().as_millis())
}

#[expect(clippy::print_stdout, reason = "a ratio is what criterion does not print")]
fn report(line: &str) {
    println!("{line}");
}

criterion_group!(group, challenge, large, product);
criterion_main!(group);
