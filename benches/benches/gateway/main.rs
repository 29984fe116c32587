//! What the door costs: orders over WebSocket until their replies are back, journal durable, beside a bare echo of the same frames in the
//! same run; and a book that a thousand subscribers follow.
//!
//! ```text
//! cargo bench -p benches --bench gateway -- [--orders-per-second N] [--connections N] [--seconds N] [--subscribers N]
//! ```
//!
//! Everything runs in this one process: the server on a runtime of its own, the clients on plain threads. A client's clock starts when it
//! writes a frame and ends when the reply has been read; a schedule says when to write, and how late the writes were is printed too.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod floor;
mod load;
mod socket;
mod spread;

use std::time::Duration;

use floor::{Echo, Floor};
use load::{Flow, Times};

/// What to do, from the command line.
struct Choice {
    orders_per_second: u32,
    connections: u32,
    seconds: u32,
    subscribers: u32,
    changes_per_second: u32,
}

impl Choice {
    /// Unknown words are cargo's.
    fn read() -> Self {
        let words: Vec<String> = std::env::args().collect();
        // As with the other benchmarks: `cargo bench` says so, `cargo test` runs them once.
        let is_test = !words.iter().any(|word| word == "--bench");
        let of = |name: &str, usual: u32, brief: u32| {
            let place = words.iter().position(|word| word == name);
            let said = place.and_then(|place| words.get(place + 1)?.parse().ok());
            said.unwrap_or(if is_test { brief } else { usual })
        };
        Self {
            orders_per_second: of("--orders-per-second", 10_000, 200),
            connections: of("--connections", 64, 4),
            seconds: of("--seconds", 10, 1),
            subscribers: of("--subscribers", 1_000, 10),
            changes_per_second: of("--changes-per-second", 50, 50),
        }
    }
}

fn main() {
    let choice = Choice::read();
    let flow = Flow {
        per_second: choice.orders_per_second,
        connections: choice.connections,
        lasts: Duration::from_secs(choice.seconds.into()),
    };
    println!(
        "{} orders/s from {} connections for {} s",
        flow.per_second, flow.connections, choice.seconds
    );
    for _ in 0..2 {
        let echo = Echo::open();
        let echoed = load::run(&flow, echo.address, None);
        drop(echo);
        let floor = Floor::open(choice.connections);
        let placed = load::run(&flow, floor.address, Some(&floor.credentials));
        floor.check();
        drop(floor);
        report("echo", &echoed);
        report("order", &placed);
        let ratio = placed.at(990).as_secs_f64() / echoed.at(990).as_secs_f64();
        println!("order p99 / echo p99: {ratio:.1}");
    }
    spread::run(choice.subscribers, choice.changes_per_second, choice.seconds);
}

fn report(name: &str, times: &Times) {
    let micros = |permille| times.at(permille).as_secs_f64() * 1e6;
    println!(
        "{name:<6} {:>8} replies, {} errors; us: p50 {:.0}, p90 {:.0}, p99 {:.0}, p99.9 {:.0}, worst {:.0}; written late by p99 {:.0}",
        times.count(),
        times.errors,
        micros(500),
        micros(900),
        micros(990),
        micros(999),
        micros(1_000),
        times.late.as_secs_f64() * 1e6,
    );
}
