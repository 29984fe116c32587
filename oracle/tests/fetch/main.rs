//! The fetcher against a real server on this machine, that serves what it is told. Rules: `docs/rules/feed.md`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use instruments::Nanos;
use oracle::io::feeds::fetch::{FetchError, Limits, USER_AGENT, fetch_at};
use oracle::io::feeds::{Context, Source, catalogue};

const LIUM: &str = include_str!("../feeds/bodies/lium.json");
const RUNPOD: &str = include_str!("../feeds/bodies/runpod.json");

/// Answers one request with `answer` and gives back what was asked. Without an answer it holds the line until the client has gone.
fn serve(answer: Option<Vec<u8>>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut asked = Vec::new();
        let mut buffer = [0; 4_096];
        while !is_whole(&asked) {
            let read = stream.read(&mut buffer).expect("a request");
            assert_ne!(read, 0, "the client went away in the middle");
            asked.extend_from_slice(&buffer[..read]);
        }
        match answer {
            // The client may hang up before the end of what is too long.
            Some(answer) => drop(stream.write_all(&answer)),
            None => drop(stream.read(&mut buffer)),
        }
        String::from_utf8(asked).expect("text")
    });
    (address, serving)
}

fn is_whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let len = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    len.unwrap_or(0) <= body.len()
}

fn ok(body: &str) -> Option<Vec<u8>> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    Some((head + body).into_bytes())
}

fn fetched(
    source: Source,
    answer: Option<Vec<u8>>,
    limits: &Limits,
) -> (Result<Vec<u8>, FetchError>, String) {
    let (address, serving) = serve(answer);
    let body = fetch_at(source, &format!("http://{address}/book"), limits);
    (body, serving.join().expect("a server"))
}

/// FEED-012: what comes back is the body, byte for byte, and the venue is told who asks.
#[test]
fn feed_012_a_body_comes_back_as_it_was_sent() {
    let (body, asked) = fetched(Source::Lium, ok(LIUM), &Limits::default());
    let body = body.expect("a body");
    assert_eq!(body, LIUM.as_bytes());
    let asked = asked.to_lowercase();
    assert!(asked.starts_with("get /book http/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("user-agent: {USER_AGENT}\r\n")), "{asked}");
    assert!(!asked.contains("cookie") && !asked.contains("authorization"), "{asked}");
    let catalogue = catalogue().expect("a catalogue");
    let fetched_at = Nanos::from_seconds(1_795_176_000);
    let parsed = Source::Lium.parse(&body, &Context { fetched_at, catalogue: &catalogue });
    assert_eq!(parsed.expect("records").records.len(), 5);
}

/// FEED-012: a source that is asked by a query sends it.
#[test]
fn feed_012_a_query_is_posted_as_json() {
    let (body, asked) = fetched(Source::Runpod, ok(RUNPOD), &Limits::default());
    assert_eq!(body.expect("a body"), RUNPOD.as_bytes());
    assert!(asked.starts_with("POST /book HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("content-type: application/json\r\n"), "{asked}");
    assert!(asked.contains("gpuTypes { id displayName"), "{asked}");
}

/// FEED-012: a long body, another status, a redirect, silence and half an answer are no body.
#[test]
fn feed_012_every_wait_and_every_byte_has_a_bound() {
    let small = Limits { body_len: LIUM.len() - 1, ..Limits::default() };
    let (body, _) = fetched(Source::Lium, ok(LIUM), &small);
    assert!(matches!(body, Err(FetchError::TooLong { limit, .. }) if limit == LIUM.len() - 1));
    let exact = Limits { body_len: LIUM.len(), ..Limits::default() };
    assert!(fetched(Source::Lium, ok(LIUM), &exact).0.is_ok());

    // Without a length the end is the end of the connection: still bounded.
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(1_000_000)).into_bytes();
    let (body, _) = fetched(Source::Lium, Some(endless), &exact);
    assert!(matches!(body, Err(FetchError::TooLong { .. })));

    let busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    let (body, _) = fetched(Source::Lium, Some(busy), &Limits::default());
    assert!(matches!(body, Err(FetchError::Status { status: 503, .. })));
    let moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (body, _) = fetched(Source::Lium, Some(moved.to_vec()), &Limits::default());
    assert!(matches!(body, Err(FetchError::Status { status: 302, .. })));

    let short = Limits { whole: Duration::from_millis(200), ..Limits::default() };
    let (body, _) = fetched(Source::Lium, None, &short);
    assert!(matches!(body, Err(FetchError::Failed { .. })));
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"nodes\"".to_vec();
    let (body, _) = fetched(Source::Lium, Some(half), &Limits::default());
    assert!(matches!(body, Err(FetchError::Failed { .. })));
}
