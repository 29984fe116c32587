//! Where a request comes from.
//!
//! The socket says so, unless it is a trusted proxy's: then the last address that the proxy itself has put into `X-Forwarded-For` counts.
//! What anybody else writes there is nothing.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::auth::Network;

const FORWARDED: &str = "x-forwarded-for";

/// The other end of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// Who is asking: the socket's other end, or whom a trusted proxy names.
    pub(crate) fn origin(self, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
        let is_trusted = |address: IpAddr| trusted.iter().any(|proxy| proxy.contains(address));
        if !is_trusted(self.0) {
            return self.0;
        }
        let lines = headers.get_all(FORWARDED).iter().rev();
        let mut nearest = self.0;
        for line in lines {
            for entry in line.to_str().unwrap_or("").rsplit(',') {
                // What a proxy of ours did not write as an address, nobody believes.
                let Ok(address) = entry.trim().parse::<IpAddr>() else { return nearest };
                nearest = address.to_canonical();
                if !is_trusted(nearest) {
                    return nearest;
                }
            }
        }
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_008_only_a_trusted_proxy_says_whom_it_speaks_for() {
        let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        let origin = |peer: &str, forwarded: &[&str], trusted: &[Network]| {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(FORWARDED, line.parse().unwrap());
            }
            Peer(peer.parse().unwrap()).origin(&headers, trusted).to_string()
        };
        assert_eq!(origin("192.0.2.1", &["203.0.113.9"], &trusted), "192.0.2.1");
        assert_eq!(origin("10.0.0.1", &["203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(origin("10.0.0.1", &["203.0.113.9"], &[]), "10.0.0.1");
        assert_eq!(origin("10.0.0.1", &[], &trusted), "10.0.0.1");
        // Whatever stands before the entry of our own proxy, its client has made up.
        assert_eq!(origin("10.0.0.1", &["198.51.100.1, 203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(origin("10.0.0.1", &["198.51.100.1", "203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(origin("10.0.0.1", &["203.0.113.9, 10.0.0.7"], &trusted), "203.0.113.9");
        assert_eq!(origin("10.0.0.1", &["203.0.113.9, unknown"], &trusted), "10.0.0.1");
    }
}
