//! A challenge and its verification, in the smallest profile.

use criterion::{Criterion, criterion_group, criterion_main};
use delivery_agent::DeviceKind;
use delivery_agent::challenge::{Challenge, draw};
use delivery_agent::profile::ClassProfile;
use delivery_agent::program::run;
use delivery_agent::salt::NO_SECRET;
use delivery_agent::verify::{Claimed, verify};

#[expect(
    clippy::expect_used,
    reason = "a benchmark without a device or a challenge has nothing to measure"
)]
fn challenge(c: &mut Criterion) {
    let device = DeviceKind::Cpu.open().expect("a processor");
    let profile = ClassProfile::named("ci").expect("the ci profile");
    let challenge = Challenge::new([7; 32], profile, 1, 4).expect("a challenge");
    let work = run(&challenge, &device).expect("work");
    let (work_root, draw_seed) = (work.root(), [9; 32]);
    let claimed = Claimed { work_root, salt_key: NO_SECRET, draw_seed };
    let opened = work.open(&draw(&draw_seed, &challenge, &work_root));
    let mut group = c.benchmark_group("delivery");
    group.sample_size(20);
    group.bench_function("work_ci_4_segments", |bencher| bencher.iter(|| run(&challenge, &device)));
    group.bench_function("verify_ci_4_segments", |bencher| {
        bencher.iter(|| verify(&challenge, &claimed, &opened));
    });
    group.finish();
}

criterion_group!(group, challenge);
criterion_main!(group);
