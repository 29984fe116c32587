//! Places for connections: of the server, and of each address.
//!
//! No more addresses are kept than there are connections: one that has none is forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{Limits, Network};

/// All places of a server.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    limit: u32,
    taken: Mutex<BTreeMap<Network, u32>>,
    limit_each: u32,
}

/// There is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    /// Whose places are all taken.
    pub(super) whose: &'static str,
    /// How many it has.
    pub(super) limit: u32,
}

/// A place that is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: Network,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        let limit = limits.connections;
        Self {
            all: Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(0))),
            limit,
            taken: Mutex::default(),
            limit_each: limits.connections_per_ip,
        }
    }

    pub(super) fn take(self: &Arc<Self>, network: Network) -> Result<Place, Full> {
        let of_all = Arc::clone(&self.all).try_acquire_owned();
        let of_all = of_all.map_err(|_taken| Full { whose: "the venue", limit: self.limit })?;
        let mut taken = self.taken.lock();
        let count = taken.get(&network).copied().unwrap_or(0);
        if self.limit_each <= count {
            return Err(Full { whose: "your address", limit: self.limit_each });
        }
        taken.insert(network, count.saturating_add(1));
        drop(taken);
        Ok(Place { places: Arc::clone(self), network, _of_all: of_all })
    }

    /// Returns when all are free.
    pub(super) async fn all_free(&self) {
        drop(self.all.acquire_many(self.limit).await);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        match taken.get_mut(&self.network) {
            Some(count) if 1 < *count => *count = count.saturating_sub(1),
            _ => drop(taken.remove(&self.network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_003_each_address_has_its_places_and_gives_them_back() {
        let limits = Limits { connections: 5, connections_per_ip: 2, ..Limits::default() };
        let places = Arc::new(Places::new(&limits));
        let take = |host: u32| places.take(Network::V4(host));
        let (a, b) = (take(1).unwrap(), take(1).unwrap());
        let full = Full { whose: "your address", limit: 2 };
        assert_eq!(take(1).unwrap_err(), full);
        let others = [take(2).unwrap(), take(3).unwrap(), take(4).unwrap()];
        assert_eq!(take(5).unwrap_err(), Full { whose: "the venue", limit: 5 });
        drop(a);
        drop(take(1).unwrap());
        drop((b, others));
        assert!(places.taken.lock().is_empty(), "who has none is forgotten");
        assert_eq!(places.all.available_permits(), 5);
    }
}
