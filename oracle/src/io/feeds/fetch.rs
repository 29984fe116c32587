//! Fetches one body from one venue: no key, no cookie, no redirect, no retry. When to fetch is the caller's affair.
//!
//! Every wait and every byte has a bound. What comes back is only a body: whether it means anything is for the parser.

use std::time::Duration;

use ureq::Agent;

use super::json::BODY_LEN_MAX;
use super::source::Source;

/// What we say we are, so that a venue can tell us to stop.
pub const USER_AGENT: &str = concat!("tenor-oracle/", env!("CARGO_PKG_VERSION"));

/// How long a venue may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first packet to the last byte.
    pub whole: Duration,
    /// Until the connection stands.
    pub connect: Duration,
    /// The longest body that is read.
    pub body_len: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let (whole, connect) = (Duration::from_secs(30), Duration::from_secs(10));
        Self { whole, connect, body_len: BODY_LEN_MAX }
    }
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The venue answered, but not with a book.
    #[error("{url} answered {status}")]
    Status {
        /// Where.
        url: String,
        /// What it answered.
        status: u16,
    },
    /// The body is longer than any book.
    #[error("{url} sent more than {limit} bytes")]
    TooLong {
        /// Where.
        url: String,
        /// The most that is read.
        limit: usize,
    },
    /// No connection, no certificate, no time, or no HTTP.
    #[error("cannot fetch {url}")]
    Failed {
        /// Where.
        url: String,
        /// What failed.
        source: Box<ureq::Error>,
    },
}

/// The body that `source` gives now.
///
/// # Errors
/// [`FetchError`] for anything but one whole answer of status 200.
pub fn fetch(source: Source, limits: &Limits) -> Result<Vec<u8>, FetchError> {
    fetch_at(source, source.request().url, limits)
}

/// The same from another address, like a mirror of one's own.
///
/// # Errors
/// [`FetchError`] for anything but one whole answer of status 200.
pub fn fetch_at(source: Source, url: &str, limits: &Limits) -> Result<Vec<u8>, FetchError> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(limits.whole))
        .timeout_connect(Some(limits.connect))
        .max_redirects(0)
        // The body comes from the venue, not from whatever an environment variable names.
        .proxy(None)
        .http_status_as_error(false)
        .user_agent(USER_AGENT)
        .build()
        .into();
    let failed =
        |source: ureq::Error| FetchError::Failed { url: url.to_owned(), source: Box::new(source) };
    let answer = match source.request().body {
        Some(body) => {
            agent.post(url).header("content-type", "application/json").send(body.as_bytes())
        }
        None => agent.get(url).header("accept", "application/json").call(),
    };
    let mut answer = answer.map_err(failed)?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(FetchError::Status { url: url.to_owned(), status });
    }
    // One byte more than is taken, so that a body of exactly the limit passes.
    let limit = u64::try_from(limits.body_len).unwrap_or(u64::MAX).saturating_add(1);
    let body = answer.body_mut().with_config().limit(limit).read_to_vec();
    let too_long = || FetchError::TooLong { url: url.to_owned(), limit: limits.body_len };
    match body {
        Ok(body) if limits.body_len < body.len() => Err(too_long()),
        Ok(body) => Ok(body),
        Err(ureq::Error::BodyExceedsLimit(_)) => Err(too_long()),
        Err(error) => Err(failed(error)),
    }
}
