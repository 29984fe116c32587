//! Open-loop load: orders are written when the schedule says, whether or not earlier ones have been answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use api::venue::Credential;

use crate::socket::{self, Reader, Writer};
use crate::spread::number_after;

/// The series that is traded.
const SERIES_KIND: &str = "_USDC-";

/// How much, from how many, how long.
pub(crate) struct Flow {
    pub(crate) per_second: u32,
    pub(crate) connections: u32,
    pub(crate) lasts: Duration,
}

/// What was measured.
pub(crate) struct Times {
    /// Sorted.
    replies: Vec<Duration>,
    pub(crate) errors: usize,
    /// How late writes were, at the 99th percentile.
    pub(crate) late: Duration,
}

impl Times {
    /// The time that so many of a thousand replies did not exceed.
    pub(crate) fn at(&self, permille: usize) -> Duration {
        let last = self.replies.len().saturating_sub(1);
        self.replies.get(last * permille / 1_000).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.replies.len()
    }
}

/// When each frame was written, by its id, in nanoseconds since the start; zero before.
type Written = Arc<Vec<AtomicU64>>;

/// The name of the first future that is listed.
pub(crate) fn series(address: SocketAddr) -> String {
    let text = ask(
        address,
        r#"{"jsonrpc":"2.0","id":0,"method":"public/get_instruments","params":{"currency":"USDC","kind":"future"}}"#,
    );
    let found =
        text.split('"').find(|word| word.contains(SERIES_KIND) && word.starts_with("H100_"));
    found.expect("a listed future").to_owned()
}

fn ask(address: SocketAddr, request: &str) -> String {
    let (mut writer, mut reader) = socket::open(address).expect("a socket");
    writer.write(request).expect("a request is written");
    reader.text().expect("a reply").unwrap_or_default().to_owned()
}

/// One order: sides alternate, prices lie within ten ticks, so that about half trade at once and the rest soon.
fn order(id: usize, series: &str) -> String {
    let side = if id.is_multiple_of(2) { "buy" } else { "sell" };
    // A multiplicative hash spreads the prices without a generator to share.
    let tick = (id.wrapping_mul(2_654_435_761) >> 16) % 11;
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"private/{side}","params":{{"instrument_name":"{series}","amount":1,"price":2.{:03},"label":"load"}}}}"#,
        470 + tick * 5
    )
}

/// Runs the flow; orders where there are credentials, else the same frames for an echo.
pub(crate) fn run(flow: &Flow, address: SocketAddr, credentials: Option<&[Credential]>) -> Times {
    let count = usize::try_from(u64::from(flow.per_second) * flow.lasts.as_secs()).unwrap_or(0);
    let series = credentials.map_or_else(|| "H100_USDC-27NOV26".to_owned(), |_| series(address));
    let start = Instant::now();
    let written: Written = Arc::new((0..count).map(|_| AtomicU64::new(0)).collect());
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    let connections = usize::try_from(flow.connections).unwrap_or(1);
    for number in 0..connections {
        let (mut writer, mut reader) = socket::open(address).expect("a socket");
        if let Some(credential) = credentials.and_then(|all| all.get(number)) {
            log_in(&mut writer, &mut reader, credential);
        }
        writers.push(writer);
        let written = Arc::clone(&written);
        // Id `n` goes to connection `n % connections`.
        let expected = (number..count).step_by(connections).count();
        readers.push(thread::spawn(move || read(reader, expected, &written, start)));
    }
    let late = write(&mut writers, &written, (flow, &series), start);
    let mut times = Times { replies: Vec::with_capacity(count), errors: 0, late };
    for reader in readers {
        let (replies, errors) = reader.join().expect("a reader ends");
        times.replies.extend(replies);
        times.errors += errors;
    }
    times.replies.sort_unstable();
    times
}

fn log_in(writer: &mut Writer, reader: &mut Reader, credential: &Credential) {
    let Credential { client_id, client_secret, .. } = credential;
    let client_secret: &str = client_secret;
    let request = format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"public/auth","params":{{"grant_type":"client_credentials","client_id":"{client_id}","client_secret":"{client_secret}"}}}}"#
    );
    writer.write(&request).expect("a login is written");
    let reply = reader.text().expect("a reply").unwrap_or_default();
    assert!(reply.contains("access_token"), "{reply}");
}

/// Writes each order at its time; how late, at the 99th percentile.
fn write(
    writers: &mut [Writer],
    written: &Written,
    (flow, series): (&Flow, &str),
    start: Instant,
) -> Duration {
    let orders: Vec<String> = (0..written.len()).map(|id| order(id, series)).collect();
    let begin = Instant::now() + Duration::from_millis(100);
    let step = Duration::from_secs(1) / flow.per_second;
    let connections = writers.len();
    let mut late = Vec::with_capacity(orders.len());
    let mut due = begin;
    for (id, text) in orders.iter().enumerate() {
        let now = Instant::now();
        if now < due {
            thread::park_timeout(due - now);
        }
        late.push(Instant::now().saturating_duration_since(due));
        let at = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        written[id].store(at, Ordering::Release);
        writers[id % connections].write(text).expect("an order is written");
        due += step;
    }
    late.sort_unstable();
    late.get(late.len() * 99 / 100).copied().unwrap_or_default()
}

/// Reads so many replies; their times and how many were refusals.
fn read(
    mut reader: Reader,
    expected: usize,
    written: &Written,
    start: Instant,
) -> (Vec<Duration>, usize) {
    let mut times = Vec::with_capacity(expected);
    let mut errors = 0;
    while times.len() < expected {
        let Some(text) = reader.text().expect("the socket is read") else { break };
        let now = start.elapsed();
        let Some(id) = id_of(text) else { continue };
        if text.contains(r#""error":"#) {
            errors += 1;
            if errors == 1 {
                println!("{}", text.chars().take(300).collect::<String>());
            }
        }
        let at = written.get(id).map_or(0, |at| at.load(Ordering::Acquire));
        times.push(now.saturating_sub(Duration::from_nanos(at)));
    }
    assert_eq!(times.len(), expected, "every order is answered");
    (times, errors)
}

/// The id of a frame: the first there is.
fn id_of(text: &str) -> Option<usize> {
    number_after(text, r#""id":"#).and_then(|id| usize::try_from(id).ok())
}
