//! One book and many who follow it: all see the same messages in the same order, and what a follower costs.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::floor::Floor;
use crate::load::{self, Flow};
use crate::socket::{self, Reader};

/// How long followers may take to see the last change.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing may come for the book to have come to rest.
const QUIET: Duration = Duration::from_millis(300);
/// The stack of a follower's thread.
const STACK: usize = 131_072;

/// What a follower has seen.
#[derive(Default)]
struct Seen {
    messages: u64,
    snapshots: u64,
    gaps: u64,
    digest: u64,
}

/// The newest change that each follower has seen.
type Newest = Arc<Vec<AtomicU64>>;

/// Opens the followers, lets the book change, and compares what they saw.
pub(crate) fn run(followers: u32, changes_per_second: u32, seconds: u32) {
    let floor = Floor::open(1);
    let series = load::series(floor.address);
    let newest: Newest = Arc::new((0..followers).map(|_| AtomicU64::new(0)).collect());
    let before = resident_kib();
    let readers: Vec<Reader> = (0..followers).map(|_| follow(floor.address, &series)).collect();
    let threads: Vec<_> = readers
        .into_iter()
        .enumerate()
        .map(|(number, reader)| {
            let newest = Arc::clone(&newest);
            let watching = move || watch(reader, &newest[number]);
            thread::Builder::new().stack_size(STACK).spawn(watching).expect("a thread")
        })
        .collect();
    let connected = resident_kib();
    let lasts = Duration::from_secs(seconds.into());
    let flow = Flow { per_second: changes_per_second, connections: 1, lasts };
    let started = Instant::now();
    let times = load::run(&flow, floor.address, Some(&floor.credentials));
    let behind = wait(&newest);
    let took = started.elapsed();
    let peak = resident_kib();
    drop(floor);
    let seen: Vec<Seen> =
        threads.into_iter().map(|thread| thread.join().expect("a follower ends")).collect();
    let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>();
    let streams: BTreeSet<u64> = seen.iter().map(|seen| seen.digest).collect();
    let each = |kib: u64| kib.saturating_sub(before) as f64 / f64::from(followers);
    println!(
        "{followers} followers, {changes_per_second} orders/s for {seconds} s: {} messages ({:.0} a second), {} snapshots, {} gaps, \
         {behind} behind at the end, {} different streams; order p99 {:.0} us; KiB a follower: {:.1} connected, {:.1} at the end, \
         both ends of the socket together",
        sum(|seen| seen.messages),
        sum(|seen| seen.messages) as f64 / took.as_secs_f64(),
        sum(|seen| seen.snapshots),
        sum(|seen| seen.gaps),
        streams.len(),
        times.at(990).as_secs_f64() * 1e6,
        each(connected),
        each(peak),
    );
    assert_eq!((behind, sum(|seen| seen.gaps)), (0, 0), "every follower is in step");
}

fn follow(address: SocketAddr, series: &str) -> Reader {
    let (mut writer, reader) = socket::open(address).expect("a socket");
    let request = format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"public/subscribe","params":{{"channels":["book.{series}.raw"]}}}}"#
    );
    writer.write(&request).expect("a request is written");
    reader
}

/// Reads to the end of the connection.
fn watch(mut reader: Reader, newest: &AtomicU64) -> Seen {
    let mut seen = Seen::default();
    let mut digest = DefaultHasher::new();
    let mut last = None;
    while let Ok(Some(text)) = reader.text() {
        let Some(change) = number_after(text, r#""change_id":"#) else { continue };
        match number_after(text, r#""prev_change_id":"#) {
            None => seen.snapshots += 1,
            Some(previous) => {
                seen.gaps += u64::from(last.is_some_and(|last| last != previous));
                digest.write(text.as_bytes());
            }
        }
        last = Some(change);
        seen.messages += 1;
        newest.store(change, Ordering::Release);
    }
    seen.digest = digest.finish();
    seen
}

/// Waits until all have seen the same change and no other has come for a while; how many have not.
fn wait(newest: &Newest) -> usize {
    let until = Instant::now() + PATIENCE;
    let mut before = 0;
    loop {
        thread::park_timeout(QUIET);
        let last = newest.iter().map(|seen| seen.load(Ordering::Acquire)).max().unwrap_or(0);
        let behind = newest.iter().filter(|seen| seen.load(Ordering::Acquire) < last).count();
        if (behind == 0 && before == last) || until < Instant::now() {
            return behind;
        }
        before = last;
    }
}

/// The number behind a name that no other name ends with.
pub(crate) fn number_after(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// This process's memory, as the kernel counts it.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
