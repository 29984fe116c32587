//! Clients that mean no good: each is told or cut, what it holds of the server is bounded, and the others notice nothing.

use std::time::Duration;

use api::limits::Limits;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stand::{Stand, is_alone, resident, soon};

const HANDSHAKE: &str = "GET /ws/api/v2 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const TEXT: u8 = 1;
const PING: u8 = 9;
const LAST: u8 = 0x80;

/// Lifted, but for patience that a test can wait for.
fn impatient() -> Limits {
    let short = Duration::from_millis(300);
    Limits { header_within: short, body_within: short, keep_alive: short, ..Limits::lifted() }
}

async fn stand() -> Stand {
    Stand::open_with(|options| options.limits = impatient()).await
}

async fn connect(stand: &Stand) -> TcpStream {
    soon(TcpStream::connect(stand.address)).await.unwrap()
}

/// Everything until the other side closes; a reset is an end too.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(read @ 1..) = soon(stream.read(&mut chunk)).await {
        bytes.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A WebSocket whose frames are written by hand.
struct Raw(TcpStream);

impl Raw {
    async fn open(stand: &Stand) -> Self {
        let mut stream = connect(stand).await;
        soon(stream.write_all(HANDSHAKE.as_bytes())).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        // The example of RFC 6455.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self(stream)
    }

    async fn send(&mut self, bytes: &[u8]) {
        // The server may have cut it by now: what it said before is still to be read.
        drop(soon(self.0.write_all(bytes)).await);
    }

    /// A frame's first byte and payload.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let first = soon(self.0.read_u8()).await.unwrap();
        let len = match soon(self.0.read_u8()).await.unwrap() {
            126 => u64::from(soon(self.0.read_u16()).await.unwrap()),
            127 => soon(self.0.read_u64()).await.unwrap(),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        soon(self.0.read_exact(&mut payload)).await.unwrap();
        (first, payload)
    }

    /// What it says before it closes, and why it does.
    async fn ending(mut self) -> (Vec<Value>, u16, String) {
        let mut said = Vec::new();
        loop {
            let (first, payload) = self.frame().await;
            match first & 0x0f {
                1 => said.push(serde_json::from_slice(&payload).unwrap()),
                8 => {
                    let code = u16::from_be_bytes([payload[0], payload[1]]);
                    return (said, code, String::from_utf8(payload[2..].to_vec()).unwrap());
                }
                _ => {}
            }
        }
    }
}

/// A frame whose mask is zero, with as much of its payload as is given.
fn frame(first: u8, len: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..126 => bytes.push(0x80 | u8::try_from(len).unwrap()),
        126..65_536 => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(0xff);
            bytes.extend(len.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// LIMIT-005, LIMIT-007: `TENOR_HOSTILE_PEERS=1000` is the row F16 of the fault matrix.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_005_a_head_that_trickles_is_cut_and_the_others_notice_nothing() {
    if !is_alone(
        "limits_hostile::limit_005_a_head_that_trickles_is_cut_and_the_others_notice_nothing",
    ) {
        return;
    }
    let peers = std::env::var("TENOR_HOSTILE_PEERS").map_or(200, |peers| peers.parse().unwrap());
    let stand = stand().await;
    let (bystander, _) = stand.stranger().await;
    let mut slow = Vec::new();
    let before = resident();
    for peer in 0..peers {
        let mut stream = connect(&stand).await;
        // Every second one pretends to open a WebSocket.
        let head = if peer % 2 == 0 { "GET / HTTP/1.1\r\nx: " } else { &HANDSHAKE[..90] };
        soon(stream.write_all(head.as_bytes())).await.unwrap();
        slow.push(stream);
    }
    let trickling = join_all(slow.iter_mut().map(|stream| async {
        let mut byte = [0];
        loop {
            let wait = Duration::from_millis(20);
            match tokio::time::timeout(wait, stream.read(&mut byte)).await {
                // One more byte, as long as it is taken.
                Err(_silence) => drop(stream.write_all(b"y").await),
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(_)) => panic!("half a head was answered"),
            }
        }
    }));
    let (mut held, mut calls) = (0, 0);
    let cut = async {
        let mut trickling = std::pin::pin!(soon(trickling));
        loop {
            held = held.max(resident().saturating_sub(before));
            tokio::select! {
                biased;
                () = async { drop(trickling.as_mut().await) } => return,
                answer = bystander.call("public/test", json!({})) => drop(answer.unwrap()),
            }
            calls += 1;
        }
    };
    cut.await;
    println!("{peers} peers, {} bytes each, {calls} calls answered", held / peers);
    assert!(held / peers < 65_536, "{} bytes for each", held / peers);
    assert!(0 < calls);
}

/// LIMIT-005
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_005_a_connection_that_asks_nothing_more_is_closed() {
    let stand = stand().await;
    let mut stream = connect(&stand).await;
    for _ in 0..2 {
        soon(stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")).await.unwrap();
    }
    let answers = rest_of(&mut stream).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
}

/// LIMIT-006
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_006_a_head_and_a_body_have_their_limits() {
    let stand = stand().await;
    let answer = async |request: String| {
        let mut stream = connect(&stand).await;
        drop(soon(stream.write_all(request.as_bytes())).await);
        rest_of(&mut stream).await
    };
    let long = answer(format!("GET /health HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(17_000))).await;
    assert!(long.starts_with("HTTP/1.1 431"), "{long}");
    let lines = answer(format!("GET /health HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(65))).await;
    assert!(lines.starts_with("HTTP/1.1 431"), "{lines}");
    let slow = "POST /api/v2 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    let slow = answer(slow.to_owned()).await;
    assert!(slow.starts_with("HTTP/1.1 408") && slow.contains("must come within"), "{slow}");
}

/// LIMIT-021
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_021_a_frame_of_64_mib_is_refused_by_its_head() {
    let stand = stand().await;
    let mut raw = Raw::open(&stand).await;
    raw.send(&frame(LAST | TEXT, 64 << 20, b"")).await;
    let (said, code, reason) = raw.ending().await;
    assert_eq!((said[0]["error"]["code"].clone(), code), (json!(-32600), 1009), "{reason}");
    assert_eq!(said[0]["error"]["data"]["limit"], 65_536);
    assert_eq!(reason, "a frame has at most 65536 bytes, this one has 67108864");
}

/// LIMIT-021, LIMIT-022
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_022_a_fragment_that_never_ends_ends_the_session() {
    let stand = stand().await;
    let mut raw = Raw::open(&stand).await;
    raw.send(&frame(TEXT, 0, b"")).await;
    for _ in 0..100 {
        raw.send(&frame(0, 0, b"")).await;
    }
    let (_, code, reason) = raw.ending().await;
    assert_eq!((code, reason.as_str()), (1008, "a message has at most 16 fragments"));
    let mut raw = Raw::open(&stand).await;
    raw.send(&frame(TEXT, 10_000, &[b' '; 10_000])).await;
    for _ in 0..10 {
        raw.send(&frame(0, 10_000, &[b' '; 10_000])).await;
    }
    let (_, code, reason) = raw.ending().await;
    assert_eq!(code, 1009, "{reason}");
}

/// LIMIT-023
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_023_frames_are_masked_and_text_is_utf_8() {
    let stand = stand().await;
    let mut raw = Raw::open(&stand).await;
    raw.send(&[LAST | TEXT, 2, b'{', b'}']).await;
    let (_, code, reason) = raw.ending().await;
    assert_eq!((code, reason.as_str()), (1002, "a client's frames must be masked"));
    let mut raw = Raw::open(&stand).await;
    raw.send(&frame(LAST | TEXT, 2, &[0xc3, 0x28])).await;
    let (_, code, reason) = raw.ending().await;
    assert_eq!(code, 1002, "{reason}");
}

/// LIMIT-024
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_024_a_flood_of_pings_ends_the_session_with_a_word() {
    let stand = stand().await;
    let mut raw = Raw::open(&stand).await;
    for _ in 0..1_000 {
        raw.send(&frame(LAST | PING, 4, b"ping")).await;
    }
    let (_, code, reason) = raw.ending().await;
    assert_eq!(code, 1008);
    assert_eq!(reason, "at most 1 ping or pong a second, and 10 at once");
}

/// LIMIT-025
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_025_a_frame_that_has_begun_is_finished_in_time() {
    let stand = stand().await;
    for begun in [frame(LAST | TEXT, 100, b"{"), frame(TEXT, 1, b"{"), vec![LAST | TEXT]] {
        let mut raw = Raw::open(&stand).await;
        raw.send(&begun).await;
        let (_, code, reason) = raw.ending().await;
        assert_eq!(code, 1008);
        assert!(reason.starts_with("a frame or message that has begun"), "{reason}");
    }
}
