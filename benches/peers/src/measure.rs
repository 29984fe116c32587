//! Measures one engine on one stream.
//!
//! The stream is replayed in passes, each with a new engine, and each cut into slices; a slice's time is the least of all passes, and the
//! figure is the sum over slices. A pass of the yardstick comes before each pass of the engine, so that the ratio of the two is fair on a
//! machine that others use as well. Passes of their own count allocations, check the trades and take the time of single commands.

use crate::allocations;
use crate::engine::{Engine, Room};
use crate::engines::Bare;
use benches::tally::Tally;
use clap::Args;
use matching_engine::stream::StreamCommand;
use std::hint::black_box;
use std::time::{Duration, Instant};

const SLICES: usize = 100;

/// How long to measure.
#[derive(Args, Clone, Debug)]
pub(crate) struct Effort {
    /// How many passes at most
    #[arg(long, default_value_t = 7)]
    pub(crate) passes: u32,
    /// Start no further pass after so many seconds, once there have been two
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Nanoseconds a command.
    pub(crate) ns: f64,
    /// Those of the yardstick, in between; zero where it cannot run.
    pub(crate) limit_ns: f64,
    /// Median, 99th and 99.9th percentile of single commands, less the clock's own time.
    pub(crate) percentiles: [u32; 3],
    /// What reading the clock takes, in nanoseconds.
    pub(crate) clock_ns: u32,
    /// Allocations a command, once the books are filled.
    pub(crate) allocations: f64,
    /// What the trades of the whole stream add up to.
    pub(crate) tally: Tally,
}

/// A stream to replay.
pub(crate) struct Flow<'a, C> {
    /// What an engine may be told beforehand.
    pub(crate) room: &'a Room,
    /// What fills the books.
    pub(crate) warmup: &'a [C],
    /// What is measured.
    pub(crate) clocked: &'a [C],
}

/// Measures an engine and, in between, the yardstick.
pub(crate) fn measure<E: Engine<Command = StreamCommand>>(
    flow: &Flow<'_, StreamCommand>,
    effort: &Effort,
) -> Figures {
    figures::<E>(flow, effort, |best| replay::<Bare>(flow, best))
}

/// Measures an engine on a stream that the yardstick does not understand.
pub(crate) fn measure_alone<E: Engine>(flow: &Flow<'_, E::Command>, effort: &Effort) -> Figures {
    figures::<E>(flow, effort, |best| best.fill(Duration::ZERO))
}

fn figures<E: Engine>(
    flow: &Flow<'_, E::Command>,
    effort: &Effort,
    yardstick: impl Fn(&mut [Duration]),
) -> Figures {
    let started = now();
    let (tally, allocations) = check::<E>(flow);
    let mut best = vec![Duration::MAX; SLICES];
    let mut limit_best = best.clone();
    for pass in 0..effort.passes.max(1) {
        if 2 <= pass && effort.seconds < started.elapsed().as_secs() {
            break;
        }
        yardstick(&mut limit_best);
        replay::<E>(flow, &mut best);
    }
    let each = |slices: &[Duration]| {
        slices.iter().sum::<Duration>().as_nanos() as f64 / flow.clocked.len().max(1) as f64
    };
    let clock_ns = clock_cost();
    let percentiles = single::<E>(flow, clock_ns);
    let (ns, limit_ns) = (each(&best), each(&limit_best));
    Figures { ns, limit_ns, percentiles, clock_ns, allocations, tally }
}

#[expect(clippy::disallowed_methods, reason = "to take the time is what this is for")]
fn now() -> Instant {
    Instant::now()
}

fn fill<E: Engine>(flow: &Flow<'_, E::Command>) -> E {
    let (mut engine, mut tally) = (E::new(flow.room), Tally::default());
    for command in flow.warmup {
        engine.apply::<false>(command, &mut tally);
    }
    black_box(&tally);
    engine
}

/// Trades of the whole stream, and allocations a command after it has warmed up.
fn check<E: Engine>(flow: &Flow<'_, E::Command>) -> (Tally, f64) {
    let (mut engine, mut tally) = (E::new(flow.room), Tally::default());
    for command in flow.warmup.iter().chain(flow.clocked) {
        engine.apply::<true>(command, &mut tally);
    }
    drop(engine);
    let mut engine = fill::<E>(flow);
    let (before, mut count) = (allocations::so_far(), Tally::default());
    for command in flow.clocked {
        engine.apply::<false>(command, &mut count);
    }
    black_box(&count);
    let made = allocations::so_far() - before;
    (tally, made as f64 / flow.clocked.len().max(1) as f64)
}

/// One pass; keeps the least time of each slice.
fn replay<E: Engine>(flow: &Flow<'_, E::Command>, best: &mut [Duration]) {
    let mut engine = fill::<E>(flow);
    run_clocked(&mut engine, flow.clocked, best);
}

/// What is measured, and nothing else: a function of its own, so that a profiler can be told to look at it alone.
#[inline(never)]
fn run_clocked<E: Engine>(engine: &mut E, clocked: &[E::Command], best: &mut [Duration]) {
    let mut tally = Tally::default();
    let mut slices = clocked.chunks(clocked.len().div_ceil(SLICES).max(1));
    for least in best {
        let slice = slices.next().unwrap_or_default();
        let started = now();
        for command in slice {
            engine.apply::<false>(command, &mut tally);
        }
        *least = started.elapsed().min(*least);
    }
    black_box(&tally);
}

/// The time between two readings of the clock with nothing in between: the median of many.
fn clock_cost() -> u32 {
    let mut costs: Vec<u128> = (0..10_001).map(|_| now().elapsed().as_nanos()).collect();
    costs.sort_unstable();
    costs[costs.len() / 2] as u32
}

/// Percentiles of the time of single commands.
fn single<E: Engine>(flow: &Flow<'_, E::Command>, clock_ns: u32) -> [u32; 3] {
    let mut engine = fill::<E>(flow);
    let mut tally = Tally::default();
    let mut times = vec![1_u32; flow.clocked.len()];
    for (command, time) in flow.clocked.iter().zip(&mut times) {
        let started = now();
        engine.apply::<false>(command, &mut tally);
        *time = started.elapsed().as_nanos().min(u128::from(u32::MAX)) as u32;
    }
    black_box(&tally);
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let at = |share: usize| times.get(last * share / 1_000).copied().unwrap_or(0);
    [500, 990, 999].map(|share| at(share).saturating_sub(clock_ns))
}
