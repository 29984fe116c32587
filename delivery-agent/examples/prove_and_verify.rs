//! One challenge from seed to verdict, with the time of each part.
//!
//! ```text
//! cargo run --release -p delivery-agent --example prove_and_verify -- PROFILE SEGMENTS [cpu|cuda] [lie]
//! ```
//!
//! `lie` commits without doing the products, so that the verifier's cost can be measured for a
//! profile this machine could not run: a liar is computed against exactly like anyone else.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use delivery_agent::challenge::{Challenge, draw};
use delivery_agent::device::DeviceKind;
use delivery_agent::fault::Fault;
use delivery_agent::profile::ClassProfile;
use delivery_agent::program::SegmentProgram;
use delivery_agent::salt::{KnownSalts, NO_SECRET};
use delivery_agent::verify::{Claimed, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let at = |n: usize| arguments.get(n).map(String::as_str);
    let profile =
        at(0).and_then(ClassProfile::named).ok_or("PROFILE is ci, cpu, dc, bw or grade")?;
    let segments = at(1).ok_or("SEGMENTS is missing")?.parse()?;
    let device = at(2).unwrap_or("cpu").parse::<DeviceKind>()?.open()?;
    let fault = if at(3) == Some("lie") { Fault::Lie } else { Fault::None };

    let seed = *blake3::hash(b"tenor golden vector").as_bytes();
    let challenge = Challenge::new(seed, profile, 1, segments)?;
    let mut asker = KnownSalts(NO_SECRET);
    let (pool, took) = timed(|| SegmentProgram::load(challenge.pool_seed(), &profile, &device));
    let pool = pool?;
    report("fill, ms", &took.as_millis().to_string());
    let (work, took) = timed(|| pool.run(&challenge, &mut asker, fault));
    let work = work?;
    report("work root", &hex::encode(work.root()));
    report("work, GFLOP", &(challenge.flop() / 1_000_000_000).to_string());
    report("run, ms", &took.as_millis().to_string());

    let draws = draw(&[1; 32], &challenge, &work.root());
    let (openings, took) = timed(|| work.open(&draws));
    report("open, ms", &took.as_millis().to_string());

    let claimed = Claimed { work_root: work.root(), salt_key: NO_SECRET, draw_seed: [1; 32] };
    let (verdict, took) = timed(|| verify(&challenge, &claimed, &openings));
    report("verify, ms", &took.as_millis().to_string());
    report("verdict", &format!("{verdict:?}"));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measures itself")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed())
}

#[expect(clippy::print_stdout, reason = "a program that prints")]
fn report(what: &str, value: &str) {
    println!("{what:<12} {value}");
}
