//! Replays one canonical stream and prints what does not depend on the machine's mood: commands, events, allocations, the engine's hash.
//!
//! `counts STREAM COMMANDS`. `cargo xtask counts` runs it, by itself and under an instruction counter that is told to look at [`measured`]
//! alone.

#![expect(clippy::print_stdout, reason = "figures are what this prints")]

use std::hint::black_box;
use std::process::ExitCode;

use benches::desk::{Desk, Replay, VenueDesk};
use benches::streams::{Kind, SEED, auctions, generate, quotes};

/// What was counted, after the books were filled.
#[derive(Default)]
struct Counts {
    commands: usize,
    events: usize,
    allocations: u64,
    hash: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let counts = match arguments.as_slice() {
        [stream, commands] => commands.parse().ok().and_then(|commands| count(stream, commands)),
        _ => None,
    };
    let Some(Counts { commands, events, allocations, hash }) = counts else {
        println!("counts STREAM COMMANDS, and not `{}`", arguments.join(" "));
        return ExitCode::FAILURE;
    };
    println!(
        "{{\"commands\":{commands},\"events\":{events},\"allocations\":{allocations},\"hash\":\"{hash:016x}\"}}"
    );
    ExitCode::SUCCESS
}

/// `None` when there is no such stream.
fn count(stream: &str, commands: u32) -> Option<Counts> {
    // A venue's streams begin with empty books.
    let warmup = commands / 10;
    let venue = match stream {
        "auction" => auctions(SEED, warmup + commands),
        "quotes" => quotes(SEED, warmup + commands),
        _ => {
            let (header, commands) = generate(Kind::of(stream)?, SEED, commands);
            let warmup = usize::try_from(header.warmup).ok()?;
            return Some(replay(Desk::new(&header), commands.split_at(warmup)));
        }
    };
    Some(replay(VenueDesk::new(&venue), venue.split_at(warmup as usize)))
}

fn replay<D: Replay>(mut desk: D, (warmup, counted): (&[D::Command], &[D::Command])) -> Counts {
    for command in warmup {
        black_box(desk.apply(command));
    }
    let mut events = 0;
    let made = allocation_counter::measure(|| events = measured(&mut desk, counted));
    Counts { commands: counted.len(), events, allocations: made.count_total, hash: desk.hash() }
}

/// What is counted, and nothing else: a function of its own, by whose name the counter of instructions is switched on and off.
#[inline(never)]
fn measured<D: Replay>(desk: &mut D, commands: &[D::Command]) -> usize {
    let mut events = 0;
    for command in commands {
        events += desk.apply(command);
    }
    events
}
