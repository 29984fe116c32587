//! Measures one engine on one stream.
//!
//! The stream is replayed in passes, each with a new engine, and each cut into slices; a slice's time is the least of all passes, and the
//! figure is the sum over slices. A pass of the yardstick comes before each pass of the engine, so that the ratio of the two is fair on a
//! machine that others use as well. Passes of their own count allocations, check the trades and take the time of single commands.

use crate::allocations;
use crate::engine::{Engine, Room};
use crate::engines::{self, Bare};
use crate::flow::{self, Choice};
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
    #[arg(long, default_value_t = 5)]
    pub(crate) passes: u32,
    /// Start no further pass after so many seconds, once there have been two
    #[arg(long, default_value_t = 12)]
    pub(crate) seconds: u64,
}

/// `peers run`.
#[derive(Args)]
pub(crate) struct Run {
    /// The engine's name
    #[arg(long)]
    engine: String,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    effort: Effort,
    /// Print the figures as one object
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Nanoseconds a command.
    pub(crate) ns: f64,
    /// Those of the yardstick, in between.
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

impl Run {
    /// Measures and prints.
    pub(crate) fn carry_out(&self) -> Result<(), String> {
        let entry = engines::find(&self.engine)?;
        let (header, commands) = flow::load(&self.choice)?;
        let expected = flow::expect(&header, &commands);
        let figures = (entry.measure)(&expected.room, &commands, &self.effort)?;
        let difference = figures.tally.difference(&expected.tally);
        let verdict = difference.map_or_else(
            || "agrees".to_owned(),
            |(what, found, wanted)| format!("{what} {found}, reference {wanted}"),
        );
        if self.json {
            println!("{}", figures.json(&self.engine, &self.choice.stream, &verdict));
        } else {
            println!("{} on {}: {verdict}\n{figures:#?}", self.engine, self.choice.stream);
            println!("{:.2} times the limit", figures.ns / figures.limit_ns);
        }
        Ok(())
    }
}

impl Figures {
    fn json(&self, engine: &str, stream: &str, verdict: &str) -> String {
        let [p50, p99, p999] = self.percentiles;
        let Tally { trades, volume, notional, checksum, rejected } = self.tally;
        format!(
            "{{\"engine\":\"{engine}\",\"stream\":\"{stream}\",\"verdict\":\"{verdict}\",\
             \"ns\":{:.2},\"limit_ns\":{:.2},\"p50\":{p50},\"p99\":{p99},\"p999\":{p999},\
             \"clock_ns\":{},\"allocations\":{:.4},\"trades\":{trades},\"volume\":{volume},\
             \"notional\":{notional},\"checksum\":\"{checksum:016x}\",\"rejected\":{rejected}}}",
            self.ns, self.limit_ns, self.clock_ns, self.allocations
        )
    }
}

/// Measures one engine.
pub(crate) fn measure<E: Engine>(
    room: &Room,
    commands: &[StreamCommand],
    effort: &Effort,
) -> Result<Figures, String> {
    let started = Instant::now();
    let (warmup, clocked) = commands.split_at(room.header.warmup as usize);
    if clocked.len() < SLICES {
        return Err(format!("{} commands are too few to measure", clocked.len()));
    }
    let mut figures = Figures::default();
    (figures.tally, figures.allocations) = check::<E>(room, warmup, clocked);
    let mut best = vec![Duration::MAX; SLICES];
    let mut limit_best = best.clone();
    let enough = Duration::from_secs(effort.seconds);
    for pass in 0..effort.passes.max(1) {
        if 2 <= pass && enough < started.elapsed() {
            break;
        }
        replay::<Bare>(room, warmup, clocked, &mut limit_best);
        replay::<E>(room, warmup, clocked, &mut best);
    }
    let each = |slices: &[Duration]| {
        slices.iter().sum::<Duration>().as_nanos() as f64 / clocked.len() as f64
    };
    (figures.ns, figures.limit_ns) = (each(&best), each(&limit_best));
    figures.clock_ns = clock_cost();
    figures.percentiles = single::<E>(room, warmup, clocked, figures.clock_ns);
    Ok(figures)
}

fn fill<E: Engine>(room: &Room, warmup: &[StreamCommand]) -> E {
    let (mut engine, mut tally) = (E::new(room), Tally::default());
    for command in warmup {
        engine.apply::<false>(command, &mut tally);
    }
    black_box(&tally);
    engine
}

/// Trades of the whole stream, and allocations a command after it has warmed up.
fn check<E: Engine>(
    room: &Room,
    warmup: &[StreamCommand],
    clocked: &[StreamCommand],
) -> (Tally, f64) {
    let (mut engine, mut tally) = (E::new(room), Tally::default());
    for command in warmup {
        engine.apply::<true>(command, &mut tally);
    }
    for command in clocked {
        engine.apply::<true>(command, &mut tally);
    }
    drop(engine);
    let mut engine = fill::<E>(room, warmup);
    let (before, mut count) = (allocations::so_far(), Tally::default());
    for command in clocked {
        engine.apply::<false>(command, &mut count);
    }
    black_box(&count);
    let made = allocations::so_far() - before;
    (tally, made as f64 / clocked.len() as f64)
}

/// One pass; keeps the least time of each slice.
fn replay<E: Engine>(
    room: &Room,
    warmup: &[StreamCommand],
    clocked: &[StreamCommand],
    best: &mut [Duration],
) {
    let mut engine = fill::<E>(room, warmup);
    let mut tally = Tally::default();
    let size = clocked.len().div_ceil(SLICES);
    for (slice, least) in clocked.chunks(size).zip(best.iter_mut()) {
        let started = Instant::now();
        for command in slice {
            engine.apply::<false>(command, &mut tally);
        }
        *least = started.elapsed().min(*least);
    }
    for least in best.iter_mut().skip(clocked.len().div_ceil(size)) {
        *least = Duration::ZERO;
    }
    black_box(&tally);
}

/// The time between two readings of the clock with nothing in between: the median of many.
fn clock_cost() -> u32 {
    let mut costs: Vec<u128> = (0..10_001)
        .map(|_| {
            let started = Instant::now();
            started.elapsed().as_nanos()
        })
        .collect();
    costs.sort_unstable();
    costs[costs.len() / 2] as u32
}

/// Percentiles of the time of single commands.
fn single<E: Engine>(
    room: &Room,
    warmup: &[StreamCommand],
    clocked: &[StreamCommand],
    clock_ns: u32,
) -> [u32; 3] {
    let mut engine = fill::<E>(room, warmup);
    let mut tally = Tally::default();
    let mut times = vec![1_u32; clocked.len()];
    for (command, time) in clocked.iter().zip(&mut times) {
        let started = Instant::now();
        engine.apply::<false>(command, &mut tally);
        *time = started.elapsed().as_nanos().min(u128::from(u32::MAX)) as u32;
    }
    black_box(&tally);
    times.sort_unstable();
    [500, 990, 999].map(|share| times[(times.len() - 1) * share / 1_000].saturating_sub(clock_ns))
}
