//! How much one client, one address and all of them together may ask of the server.
//!
//! Every number is an operator's, up to a bound that is compiled in. A lifted limit is at its bound, so nothing is ever unlimited.

mod bucket;
mod class;
mod meter;
mod network;

use std::time::{Duration, Instant};

use thiserror::Error;

pub(crate) use bucket::Bucket;
pub(crate) use class::{Charge, Class};
pub(crate) use meter::{Breach, Meter, Meters};
pub(crate) use network::Network;

/// Connections that a server may be told to take.
pub const CONNECTIONS_BOUND: u32 = 65_536;
/// New connections a second that it may be told to take.
pub const ACCEPTS_BOUND: u32 = 100_000;
/// Credits a second, and credits saved up, that a rate may be told to give.
pub const RATE_BOUND: u32 = 1_000_000;
/// Refusals for want of credit after which a session may be told to end.
pub const STRIKES_BOUND: u32 = 1_000_000;
/// How long any patience of the server may be told to last.
pub const PATIENCE_BOUND: Duration = Duration::from_secs(600);
/// Bytes that may be told to wait for one client's socket.
pub const OUTBOUND_BYTES_BOUND: usize = 16 << 20;

/// Bytes of the head of an HTTP request.
pub(crate) const HEADER_LEN_MAX: usize = 16_384;
/// Lines in the head of an HTTP request.
pub(crate) const HEADERS_MAX: usize = 64;

/// How fast credits come back, and how many can be saved up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Credits that come back in a second.
    pub per_second: u32,
    /// Credits there can be at once.
    pub burst: u32,
}

impl Rate {
    /// As much as may be told.
    pub const LIFTED: Self = Self { per_second: RATE_BOUND, burst: RATE_BOUND };

    /// So many a second, and five seconds' worth saved up.
    #[must_use]
    pub const fn per_second(per_second: u32) -> Self {
        Self { per_second, burst: per_second.saturating_mul(5) }
    }
}

/// What each class of requests may cost an account, or an address from which nobody has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// New orders and changes of orders. A fifth of what can be saved up is kept for orders that only reduce.
    pub orders: Rate,
    /// Cancels, which no order can use up.
    pub cancels: Rate,
    /// Quotes, each one of a mass quote.
    pub quotes: Rate,
    /// Questions.
    pub queries: Rate,
    /// Channels subscribed to.
    pub subscriptions: Rate,
    /// Whatever else is journaled.
    pub commands: Rate,
}

impl Rates {
    /// The standard rates with so many orders a second: as many quotes, twice as many cancels.
    #[must_use]
    pub const fn of_orders(per_second: u32) -> Self {
        Self {
            orders: Rate::per_second(per_second),
            cancels: Rate::per_second(per_second.saturating_mul(2)),
            quotes: Rate::per_second(per_second),
            queries: Rate::per_second(200),
            subscriptions: Rate::per_second(200),
            commands: Rate::per_second(100),
        }
    }

    const LIFTED: Self = Self {
        orders: Rate::LIFTED,
        cancels: Rate::LIFTED,
        quotes: Rate::LIFTED,
        queries: Rate::LIFTED,
        subscriptions: Rate::LIFTED,
        commands: Rate::LIFTED,
    };

    const fn all(&self) -> [(&'static str, Rate); 6] {
        let Self { orders, cancels, quotes, queries, subscriptions, commands } = *self;
        [
            ("orders", orders),
            ("cancels", cancels),
            ("quotes", quotes),
            ("queries", queries),
            ("subscriptions", subscriptions),
            ("commands", commands),
        ]
    }
}

/// A limit beyond what is compiled in, or one that would let nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("limit {name} is {value}, it may be 1 to {bound}")]
pub struct LimitsError {
    /// Which.
    pub name: &'static str,
    /// What it was to be.
    pub value: u128,
    /// What it may be at most.
    pub bound: u128,
}

/// How much may be asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// Connections at once from one address; of IPv6, from one network of 64 bits.
    pub connections_per_ip: u32,
    /// New connections a second; others wait in the system's queue.
    pub accepts_per_second: u32,
    /// How long the head of a request, that of a WebSocket included, may take.
    pub header_within: Duration,
    /// How long the body of a request, or a frame that has begun, may take.
    pub body_within: Duration,
    /// How long a connection may stay silent between two requests.
    pub keep_alive: Duration,
    /// What requests cost.
    pub rates: Rates,
    /// Refusals for want of credit after which the session ends. One is forgotten every second.
    pub strikes: u32,
    /// For how long nothing but cancels is taken from whoever went that far.
    pub ban_for: Duration,
    /// How old what waits for the sequencer may be when a new order comes.
    pub shed_orders_after: Duration,
    /// The same of a cancel, and of an order that only reduces.
    pub shed_cancels_after: Duration,
    /// Bytes that may wait for one client's socket.
    pub outbound_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 5_000,
            connections_per_ip: 64,
            accepts_per_second: 500,
            header_within: Duration::from_secs(5),
            body_within: Duration::from_secs(10),
            keep_alive: Duration::from_secs(30),
            rates: Rates::of_orders(200),
            strikes: 500,
            ban_for: Duration::from_secs(60),
            shed_orders_after: Duration::from_millis(50),
            shed_cancels_after: Duration::from_millis(500),
            outbound_bytes: 1 << 20,
        }
    }
}

impl Limits {
    /// Every number that stands in a client's way at its bound: for load generators, and for tests of something else.
    #[must_use]
    pub fn lifted() -> Self {
        Self {
            connections: CONNECTIONS_BOUND,
            connections_per_ip: CONNECTIONS_BOUND,
            accepts_per_second: ACCEPTS_BOUND,
            rates: Rates::LIFTED,
            strikes: STRIKES_BOUND,
            shed_orders_after: PATIENCE_BOUND,
            shed_cancels_after: PATIENCE_BOUND,
            ..Self::default()
        }
    }

    /// Whether every number is within its bound.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), LimitsError> {
        let counts = [
            ("connections", self.connections, CONNECTIONS_BOUND),
            ("connections_per_ip", self.connections_per_ip, CONNECTIONS_BOUND),
            ("accepts_per_second", self.accepts_per_second, ACCEPTS_BOUND),
            ("strikes", self.strikes, STRIKES_BOUND),
        ];
        for (name, value, bound) in counts {
            within(name, value.into(), bound.into())?;
        }
        for (name, Rate { per_second, burst }) in self.rates.all() {
            within(name, per_second.into(), RATE_BOUND.into())?;
            within(name, burst.into(), RATE_BOUND.into())?;
        }
        let times = [
            ("header_within", self.header_within),
            ("body_within", self.body_within),
            ("keep_alive", self.keep_alive),
            ("ban_for", self.ban_for),
            ("shed_orders_after", self.shed_orders_after),
            ("shed_cancels_after", self.shed_cancels_after),
        ];
        for (name, value) in times {
            within(name, value.as_micros(), PATIENCE_BOUND.as_micros())?;
        }
        let bytes = |count: usize| u128::try_from(count).unwrap_or(u128::MAX);
        within("outbound_bytes", bytes(self.outbound_bytes), bytes(OUTBOUND_BYTES_BOUND))
    }
}

/// What time it is for credits and patience. Nothing of it is journaled.
#[expect(
    clippy::disallowed_methods,
    reason = "credits come back in real time, whatever the venue's clock is"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

const fn within(name: &'static str, value: u128, bound: u128) -> Result<(), LimitsError> {
    if value == 0 || bound < value {
        return Err(LimitsError { name, value, bound });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_001_no_number_is_beyond_its_bound() {
        assert_eq!(Limits::default().check(), Ok(()));
        assert_eq!(Limits::lifted().check(), Ok(()));
        let refused = |change: fn(&mut Limits)| {
            let mut limits = Limits::default();
            change(&mut limits);
            limits.check().map_err(|error| error.to_string()).unwrap_err()
        };
        assert_eq!(
            refused(|limits| limits.connections = CONNECTIONS_BOUND + 1),
            "limit connections is 65537, it may be 1 to 65536"
        );
        assert_eq!(
            refused(|limits| limits.connections_per_ip = 0),
            "limit connections_per_ip is 0, it may be 1 to 65536"
        );
        assert_eq!(
            refused(|limits| limits.rates = Rates::of_orders(RATE_BOUND)),
            "limit orders is 5000000, it may be 1 to 1000000"
        );
        assert_eq!(
            refused(|limits| limits.keep_alive = PATIENCE_BOUND * 2),
            "limit keep_alive is 1200000000, it may be 1 to 600000000"
        );
        assert_eq!(
            refused(|limits| limits.outbound_bytes = usize::MAX),
            format!("limit outbound_bytes is {}, it may be 1 to 16777216", usize::MAX)
        );
    }
}
