//! A client of `/api/v2/blobs`: puts bytes, gets them by their hash, and believes nothing that it has not hashed.
//!
//! One connection for each request, over plain HTTP as the WebSocket beside it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ClientError;
use crate::venue::BlobHash;

/// How long one blob may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of an answer's head.
const HEAD_LEN_MAX: usize = 16 * 1_024;
/// Bytes of an answer that is an error.
const ERROR_LEN_MAX: usize = 64 * 1_024;

/// Where blobs are, and whose they are.
#[derive(Clone)]
pub struct Blobs {
    host: String,
    authorization: String,
}

impl Blobs {
    /// The blobs of the venue whose WebSocket is at `ws://HOST:PORT/ws/api/v2`.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when the URL is another.
    pub fn beside(url: &str, client_id: &str, secret: &str) -> Result<Self, ClientError> {
        let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
        let host = host.filter(|host| !host.is_empty()).ok_or_else(|| ClientError::Connect {
            url: url.to_owned(),
            reason: "blobs are put and got beside ws://HOST:PORT".to_owned(),
        })?;
        let authorization = format!("basic {}", base64(format!("{client_id}:{secret}").as_bytes()));
        Ok(Self { host: host.to_owned(), authorization })
    }

    /// Puts bytes, and returns their hash.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put(&self, bytes: &[u8]) -> Result<BlobHash, ClientError> {
        let hash = *blake3::hash(bytes).as_bytes();
        let head = self.head("PUT", &hash, Some(bytes.len()));
        self.exchange(&hash, (head.as_bytes(), bytes), ERROR_LEN_MAX).await.map(|_answer| hash)
    }

    /// Gets the bytes that have this hash, at most so many.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Unexpected`] where they are too many or have another hash.
    pub async fn get(&self, hash: &BlobHash, limit: usize) -> Result<Vec<u8>, ClientError> {
        let head = self.head("GET", hash, None);
        let bytes = self.exchange(hash, (head.as_bytes(), &[]), limit).await?;
        if blake3::hash(&bytes).as_bytes() == hash {
            return Ok(bytes);
        }
        Err(unexpected(hash, "the bytes have another hash"))
    }

    fn head(&self, verb: &str, hash: &BlobHash, len: Option<usize>) -> String {
        let Self { host, authorization } = self;
        let len = len.map_or_else(String::new, |len| format!("content-length: {len}\r\n"));
        let path = path_of(hash);
        format!(
            "{verb} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\n{len}\
             connection: close\r\n\r\n"
        )
    }

    async fn exchange(
        &self,
        hash: &BlobHash,
        (head, body): (&[u8], &[u8]),
        limit: usize,
    ) -> Result<Vec<u8>, ClientError> {
        let exchange = async {
            let mut socket = TcpStream::connect(&self.host).await?;
            socket.write_all(head).await?;
            // A server that has refused closes before all of it is written; its answer says why.
            let written = socket.write_all(body).await;
            let mut answer = Vec::new();
            let most = HEAD_LEN_MAX.saturating_add(limit.max(ERROR_LEN_MAX));
            let most = u64::try_from(most).unwrap_or(u64::MAX);
            let read = (&mut socket).take(most).read_to_end(&mut answer).await;
            if answer.is_empty() {
                written?;
                read?;
            }
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(TIMEOUT, exchange)
            .await
            .map_err(|_late| ClientError::Timeout { method: path_of(hash), after: TIMEOUT })?;
        let answer = answer.map_err(|error| ClientError::Closed { reason: error.to_string() })?;
        read_answer(hash, &answer, limit)
    }
}

fn path_of(hash: &BlobHash) -> String {
    format!("/api/v2/blobs/{}", hex::encode(hash))
}

fn unexpected(hash: &BlobHash, reason: &str) -> ClientError {
    ClientError::Unexpected { method: path_of(hash), reason: reason.to_owned() }
}

fn read_answer(hash: &BlobHash, answer: &[u8], limit: usize) -> Result<Vec<u8>, ClientError> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| unexpected(hash, "the answer has no end of its head"))?;
    let (head, rest) = answer.split_at(end);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let body = rest.get(4..).unwrap_or_default();
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(refusal(hash, status, body));
    }
    let len = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let len: usize = len.and_then(|text| text.trim().parse().ok()).unwrap_or(usize::MAX);
    if limit < len {
        return Err(unexpected(hash, &format!("has {len} bytes, the limit is {limit}")));
    }
    if body.len() != len {
        return Err(unexpected(hash, "the answer is cut short"));
    }
    Ok(body.to_vec())
}

/// What a server says that does not say 200.
fn refusal(hash: &BlobHash, status: &str, body: &[u8]) -> ClientError {
    #[derive(serde::Deserialize)]
    struct Refused {
        error: Error,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        code: i64,
        message: String,
        #[serde(default)]
        data: serde_json::Value,
    }
    match serde_json::from_slice::<Refused>(body) {
        Ok(Refused { error: Error { code, message, data } }) => {
            ClientError::Rpc { code, message, data }
        }
        Err(_other) => unexpected(hash, &format!("HTTP status {status}")),
    }
}

/// Standard base64, padded.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..three.len()].copy_from_slice(three);
        let [a, b, c] = group;
        let places = [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        for (place, letter) in places.into_iter().enumerate() {
            let is_padding = three.len() < place;
            text.push(if is_padding { '=' } else { char::from(LETTERS[usize::from(letter)]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (encoded, text) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")]
        {
            assert_eq!(base64(text.as_bytes()), encoded, "{text}");
        }
    }

    #[test]
    fn an_answer_is_whole_or_it_is_none() {
        let read = |answer: &[u8], limit| read_answer(&[0; 32], answer, limit);
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(read(whole, 3).unwrap(), b"abc");
        assert!(matches!(read(whole, 2), Err(ClientError::Unexpected { .. })));
        assert!(matches!(read(&whole[..whole.len() - 1], 3), Err(ClientError::Unexpected { .. })));
        assert!(matches!(read(b"HTTP/1.1 200 OK\r\n", 3), Err(ClientError::Unexpected { .. })));
        let refused =
            b"HTTP/1.1 404 x\r\n\r\n{\"error\":{\"code\":13020,\"message\":\"not_found\"}}";
        assert_eq!(read(refused, 3).unwrap_err().code(), Some(13_020));
        assert!(matches!(read(b"HTTP/1.1 502 x\r\n\r\n<", 3), Err(ClientError::Unexpected { .. })));
    }
}
