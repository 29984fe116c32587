//! A WebSocket: its handshake, its limits, and the stream below it that is watched frame by frame.

mod frames;
mod guard;

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

pub(crate) use frames::Violation;
pub(crate) use guard::violation;
pub(crate) use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use guard::Guarded;

/// Bytes of one message: the largest request, 60 KiB of opened rows, fits.
pub(crate) const FRAME_LEN_MAX: usize = 65_536;
/// Frames that one message may come in.
pub(crate) const FRAGMENTS_MAX: u32 = 16;
/// Pings and pongs a second, and how many may be saved up.
pub(crate) const PINGS_PER_SECOND: u32 = 1;
/// How many may come at once after a quiet time.
pub(crate) const PINGS_SAVED: u32 = 10;
/// Bytes that are read at a time.
const READ_BUFFER: usize = 8_192;
/// Bytes that are gathered before they are written.
const WRITE_BUFFER: usize = 16_384;
/// Bytes of the largest message that may be written, with what is gathered before it.
pub(crate) const WRITE_BUFFER_MAX: usize = 16 << 20;

/// Why a session ends, as a number.
pub(crate) mod close_code {
    /// The server is going away.
    pub(crate) const AWAY: u16 = 1001;
    /// What came is not the protocol.
    pub(crate) const PROTOCOL: u16 = 1002;
    /// The client does what it may not.
    pub(crate) const POLICY: u16 = 1008;
    /// A message is too large.
    pub(crate) const SIZE: u16 = 1009;
    /// Come back later.
    pub(crate) const AGAIN: u16 = 1013;
}

/// An open WebSocket.
pub(crate) type WebSocket = WebSocketStream<Guarded<TokioIo<Upgraded>>>;

/// What is set, and that it is set: the library's own limits are a thousand times as wide, or absent.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(Some(FRAME_LEN_MAX))
        .max_frame_size(Some(FRAME_LEN_MAX))
        .accept_unmasked_frames(false)
}

/// The answer to a handshake, and the socket that comes of it once the answer is sent; or what is wrong with the request.
pub(crate) fn accept(
    request: &mut Request,
    message_within: Duration,
) -> Result<(Response<Body>, impl Future<Output = Option<WebSocket>> + use<>), &'static str> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err("a WebSocket begins with GET");
    }
    if !has_word(headers, header::CONNECTION, "upgrade")
        || !has_word(headers, header::UPGRADE, "websocket")
    {
        return Err("a WebSocket begins with `Connection: Upgrade` and `Upgrade: websocket`");
    }
    if !has_word(headers, header::SEC_WEBSOCKET_VERSION, "13") {
        return Err("the version of a WebSocket is 13");
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or("Sec-WebSocket-Key is missing")?;
    let accepted = derive_accept_key(key.as_bytes());
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or("the connection cannot become a WebSocket")?;
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accepted)
        .body(Body::empty())
        .map_err(|_header| "Sec-WebSocket-Key is not one")?;
    let opening = async move {
        // The client may have gone before it had its answer.
        let stream = Guarded::new(TokioIo::new(upgrade.await.ok()?), message_within);
        Some(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await)
    };
    Ok((response, opening))
}

fn has_word(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|entry| entry.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_020_every_limit_of_the_websocket_library_is_set() {
        let config = config();
        assert_eq!(config.max_frame_size, Some(65_536));
        assert_eq!(config.max_message_size, Some(65_536));
        assert_eq!(config.max_write_buffer_size, 16_777_216);
        assert_eq!((config.read_buffer_size, config.write_buffer_size), (8_192, 16_384));
        assert!(!config.accept_unmasked_frames);
    }
}
