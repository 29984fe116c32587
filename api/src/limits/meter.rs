//! The buckets of every account, and of every address from which nobody has logged in.
//!
//! Invariants:
//! - an order never takes a credit that is kept for cancels or for orders that only reduce;
//! - a meter is forgotten only when it is as a new one would be, so forgetting it gives nobody anything;
//! - when there is no room for one more, newcomers share one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use instruments::AccountId;
use parking_lot::Mutex;

use super::bucket::Bucket;
use super::{Charge, Class, Limits, Network, Rate, Rates};
use crate::wire::Credits;

/// Meters of each kind that are kept at once.
const METERS_MAX: usize = 65_536;
/// How often at most all of them are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A request that there was no credit for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) class: Class,
    pub(crate) retry_after: Duration,
    pub(crate) credits: Credits,
    /// Whether it is one too many: the session ends.
    pub(crate) ends: bool,
}

/// What one account or address has left.
#[derive(Debug)]
pub(crate) struct Meter {
    order: Bucket,
    cancel: Bucket,
    quote: Bucket,
    query: Bucket,
    subscribe: Bucket,
    command: Bucket,
    strikes: Bucket,
    banned_until: Option<Instant>,
}

impl Meter {
    fn new(limits: &Limits, now: Instant) -> Self {
        let Rates { orders, cancels, quotes, queries, subscriptions, commands } = limits.rates;
        Self {
            order: Bucket::full(orders, now),
            cancel: Bucket::full(cancels, now),
            quote: Bucket::full(quotes, now),
            query: Bucket::full(queries, now),
            subscribe: Bucket::full(subscriptions, now),
            command: Bucket::full(commands, now),
            strikes: Bucket::full(strikes(limits), now),
            banned_until: None,
        }
    }

    const fn of(&mut self, class: Class, limits: &Limits) -> (&mut Bucket, Rate) {
        let rates = &limits.rates;
        match class {
            Class::Order => (&mut self.order, rates.orders),
            Class::Cancel => (&mut self.cancel, rates.cancels),
            Class::Quote => (&mut self.quote, rates.quotes),
            Class::Query => (&mut self.query, rates.queries),
            Class::Subscribe => (&mut self.subscribe, rates.subscriptions),
            Class::Command => (&mut self.command, rates.commands),
        }
    }

    /// Takes what a request costs.
    pub(crate) fn charge(
        &mut self,
        limits: &Limits,
        charge: Charge,
        now: Instant,
    ) -> Result<Credits, Breach> {
        let Charge { class, cost, reduces } = charge;
        let banned = self.ban(now).filter(|_| class != Class::Cancel);
        let (bucket, rate) = self.of(class, limits);
        let reserve = if reduces { 0 } else { reserve(class, rate) };
        let taken = match banned {
            Some(left) => Err(left),
            None => bucket.take(rate, (cost, reserve), now),
        };
        let credits = Credits {
            class: class.name(),
            remaining: bucket.credits().saturating_sub(reserve),
            limit: rate.burst.saturating_sub(reserve),
        };
        let Err(retry_after) = taken else { return Ok(credits) };
        let mut breach = Breach { class, retry_after, credits, ends: false };
        if self.strikes.take(strikes(limits), (1, 0), now).is_err() {
            breach.ends = true;
            breach.retry_after = limits.ban_for.max(retry_after);
            self.banned_until = Some(now + limits.ban_for);
            // It starts with a clean sheet.
            self.strikes = Bucket::full(strikes(limits), now);
        }
        Err(breach)
    }

    /// How long nothing but cancels is taken; `None` when that is not so.
    pub(crate) fn ban(&self, now: Instant) -> Option<Duration> {
        let until = self.banned_until?;
        Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Whether it is as a new one would be.
    fn is_new(&mut self, limits: &Limits, now: Instant) -> bool {
        let is_full = |class: &Class| {
            let (bucket, rate) = self.of(*class, limits);
            bucket.is_full(rate, now)
        };
        Class::ALL.iter().all(is_full)
            && self.strikes.is_full(strikes(limits), now)
            && self.ban(now).is_none()
    }
}

/// What orders may not use up.
const fn reserve(class: Class, rate: Rate) -> u32 {
    match class {
        Class::Order => rate.burst.div_euclid(5),
        Class::Cancel | Class::Quote | Class::Query | Class::Subscribe | Class::Command => 0,
    }
}

const fn strikes(limits: &Limits) -> Rate {
    Rate { per_second: 1, burst: limits.strikes }
}

/// The meters of one kind.
#[derive(Debug)]
struct Kept<K> {
    meters: BTreeMap<K, Arc<Mutex<Meter>>>,
    /// Shared by those for whom there is no room.
    crowd: Arc<Mutex<Meter>>,
    swept_at: Option<Instant>,
}

impl<K: Ord + Copy> Kept<K> {
    fn new(limits: &Limits, now: Instant) -> Self {
        let crowd = Arc::new(Mutex::new(Meter::new(limits, now)));
        Self { meters: BTreeMap::new(), crowd, swept_at: None }
    }

    fn of(&mut self, limits: &Limits, key: K, now: Instant, room: usize) -> Arc<Mutex<Meter>> {
        if let Some(meter) = self.meters.get(&key) {
            return Arc::clone(meter);
        }
        let is_due = self.swept_at.is_none_or(|swept| swept + SWEEP_EVERY <= now);
        if room <= self.meters.len() && is_due {
            self.swept_at = Some(now);
            // One that somebody holds will be used again.
            self.meters.retain(|_, meter| {
                1 < Arc::strong_count(meter) || !meter.lock().is_new(limits, now)
            });
        }
        if room <= self.meters.len() {
            return Arc::clone(&self.crowd);
        }
        let meter = Arc::new(Mutex::new(Meter::new(limits, now)));
        self.meters.insert(key, Arc::clone(&meter));
        meter
    }
}

/// The meters of a server.
#[derive(Debug)]
pub(crate) struct Meters {
    limits: Limits,
    accounts: Mutex<Kept<AccountId>>,
    networks: Mutex<Kept<Network>>,
    breaches: AtomicU64,
    bans: AtomicU64,
}

impl Meters {
    pub(crate) fn new(limits: Limits) -> Self {
        let now = crate::limits::now();
        Self {
            limits,
            accounts: Mutex::new(Kept::new(&limits, now)),
            networks: Mutex::new(Kept::new(&limits, now)),
            breaches: AtomicU64::new(0),
            bans: AtomicU64::new(0),
        }
    }

    /// The meter of whoever is logged in.
    pub(crate) fn of_account(&self, account: AccountId) -> Arc<Mutex<Meter>> {
        self.accounts.lock().of(&self.limits, account, crate::limits::now(), METERS_MAX)
    }

    /// The meter of whoever is not.
    pub(crate) fn of_network(&self, network: Network) -> Arc<Mutex<Meter>> {
        self.networks.lock().of(&self.limits, network, crate::limits::now(), METERS_MAX)
    }

    /// Takes what a request costs, and counts what there was no credit for.
    pub(crate) fn charge(&self, meter: &Mutex<Meter>, charge: Charge) -> Result<Credits, Breach> {
        let charged = meter.lock().charge(&self.limits, charge, crate::limits::now());
        if let Err(breach) = &charged {
            self.breaches.fetch_add(1, Ordering::Relaxed);
            if breach.ends {
                self.bans.fetch_add(1, Ordering::Relaxed);
            }
        }
        charged
    }

    /// Requests refused for want of credit, and bans, since the server was started.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.breaches.load(Ordering::Relaxed), self.bans.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let rates = Rates {
            orders: Rate { per_second: 10, burst: 10 },
            cancels: Rate { per_second: 20, burst: 20 },
            ..Rates::of_orders(100)
        };
        Limits { rates, strikes: 3, ban_for: Duration::from_secs(60), ..Limits::default() }
    }

    const ORDER: Charge = Charge::one(Class::Order);
    const CANCEL: Charge = Charge::one(Class::Cancel);
    const REDUCING: Charge = Charge { reduces: true, ..ORDER };

    fn spend(meter: &mut Meter, charge: Charge, now: Instant) -> u32 {
        let mut spent = 0;
        while meter.charge(&limits(), charge, now).is_ok() {
            spent += 1;
        }
        spent
    }

    #[test]
    fn limit_011_new_orders_leave_what_is_kept_for_cancels_and_for_reducing() {
        let now = crate::limits::now();
        let mut meter = Meter::new(&limits(), now);
        assert_eq!(spend(&mut meter, ORDER, now), 8);
        let refused = meter.charge(&limits(), ORDER, now).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_millis(100));
        assert_eq!(refused.credits, Credits { class: "order", remaining: 0, limit: 8 });
        assert!(!refused.ends);
        assert_eq!(spend(&mut meter, REDUCING, now), 2);
        let mut meter = Meter::new(&limits(), now);
        assert_eq!(spend(&mut meter, ORDER, now), 8);
        assert_eq!(spend(&mut meter, CANCEL, now), 20);
    }

    #[test]
    fn limit_013_who_does_not_stop_is_banned_for_all_but_cancels_and_then_forgiven() {
        let now = crate::limits::now();
        let mut meter = Meter::new(&limits(), now);
        assert_eq!(spend(&mut meter, ORDER, now), 8);
        let ends = |meter: &mut Meter| meter.charge(&limits(), ORDER, now).unwrap_err().ends;
        // `spend` ended with the first refusal.
        assert_eq!([ends(&mut meter), ends(&mut meter), ends(&mut meter)], [false, false, true]);
        let query = Charge::one(Class::Query);
        let refused = meter.charge(&limits(), query, now).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(60));
        assert!(meter.charge(&limits(), CANCEL, now).is_ok());
        let later = now + Duration::from_secs(60);
        assert!(meter.charge(&limits(), query, later).is_ok());
        assert!(meter.charge(&limits(), ORDER, later).is_ok());
        // Once a second is forgiven for ever.
        for second in 1..100 {
            let now = later + Duration::from_secs(second);
            spend(&mut meter, ORDER, now);
            assert_eq!(meter.ban(now), None);
        }
    }

    #[test]
    fn limit_014_only_a_meter_that_is_as_new_is_forgotten() {
        let (now, limits) = (crate::limits::now(), limits());
        let mut kept = Kept::new(&limits, now);
        let spent = kept.of(&limits, 1, now, 2);
        assert_eq!(spend(&mut spent.lock(), ORDER, now), 8);
        drop(spent);
        drop(kept.of(&limits, 2, now, 2));
        let is_spent =
            |meter: Arc<Mutex<Meter>>, now| meter.lock().charge(&limits, ORDER, now).is_err();
        // There is room again by forgetting the second, never the first.
        let third = kept.of(&limits, 3, now, 2);
        assert!(kept.meters.contains_key(&1) && !kept.meters.contains_key(&2));
        assert!(is_spent(kept.of(&limits, 1, now, 2), now));
        // The third is held, the first not yet new: the fourth and the fifth share one.
        let soon = now + Duration::from_millis(100);
        assert_eq!(spend(&mut kept.of(&limits, 4, soon, 2).lock(), ORDER, soon), 8);
        assert!(is_spent(kept.of(&limits, 5, soon, 2), soon));
        drop(third);
        let later = now + Duration::from_secs(10);
        assert!(!is_spent(kept.of(&limits, 5, later, 2), later));
        assert!(kept.meters.len() <= 2);
    }
}
