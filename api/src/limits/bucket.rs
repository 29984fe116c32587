//! A bucket of credits that fills as time passes.
//!
//! It counts in nano-credits: a nanosecond at a rate of one a second gives exactly one, so nothing is ever rounded, however often it is
//! asked.

use std::time::{Duration, Instant};

use super::Rate;

const NANOS: u64 = 1_000_000_000;

/// The credits of one class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    nano_credits: u64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        Self { nano_credits: capacity(rate), at: now }
    }

    /// Takes `cost` and leaves at least `reserve`; or says how long it would take until that is possible, and takes nothing. What costs
    /// more than there can ever be takes everything there can be.
    pub(crate) fn take(
        &mut self,
        rate: Rate,
        (cost, reserve): (u32, u32),
        now: Instant,
    ) -> Result<(), Duration> {
        self.fill(rate, now);
        let room = capacity(rate).saturating_sub(nanos(reserve));
        let cost = nanos(cost).min(room);
        let needed = cost.saturating_add(nanos(reserve));
        if self.nano_credits < needed {
            let lacking = needed.saturating_sub(self.nano_credits);
            // Rounded up: whoever comes back then finds the credit.
            let wait = lacking.div_ceil(u64::from(rate.per_second.max(1)));
            return Err(Duration::from_nanos(wait));
        }
        self.nano_credits = self.nano_credits.saturating_sub(cost);
        Ok(())
    }

    /// Whole credits, rounded down.
    pub(crate) fn credits(&self) -> u32 {
        u32::try_from(self.nano_credits.div_euclid(NANOS)).unwrap_or(u32::MAX)
    }

    /// Whether it is as a new one would be.
    pub(crate) fn is_full(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.nano_credits == capacity(rate)
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_nanos();
        let gained = passed.saturating_mul(rate.per_second.into());
        let gained = u64::try_from(gained).unwrap_or(u64::MAX);
        self.nano_credits = self.nano_credits.saturating_add(gained).min(capacity(rate));
        self.at = self.at.max(now);
    }
}

fn nanos(credits: u32) -> u64 {
    u64::from(credits).saturating_mul(NANOS)
}

fn capacity(rate: Rate) -> u64 {
    nanos(rate.burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 20 };

    #[test]
    fn limit_010_a_bucket_gives_its_burst_and_then_its_rate() {
        let start = crate::limits::now();
        let mut bucket = Bucket::full(RATE, start);
        for _ in 0..20 {
            assert_eq!(bucket.take(RATE, (1, 0), start), Ok(()));
        }
        assert_eq!(bucket.take(RATE, (1, 0), start), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(RATE, (3, 0), start), Err(Duration::from_millis(300)));
        let later = start + Duration::from_millis(99);
        assert_eq!(bucket.take(RATE, (1, 0), later), Err(Duration::from_millis(1)));
        let later = start + Duration::from_millis(100);
        assert_eq!(bucket.take(RATE, (1, 0), later), Ok(()));
        assert_eq!(bucket.credits(), 0);
        let later = start + Duration::from_secs(3_600);
        assert!(bucket.is_full(RATE, later));
        assert_eq!(bucket.credits(), 20);
    }

    #[test]
    fn limit_010_asking_often_neither_gains_nor_loses() {
        let start = crate::limits::now();
        let mut bucket = Bucket::full(RATE, start);
        assert_eq!(bucket.take(RATE, (20, 0), start), Ok(()));
        let mut served = 0;
        // Every 7 microseconds for a second.
        for step in 0..142_858_u64 {
            let now = start + Duration::from_micros(step * 7);
            served += u32::from(bucket.take(RATE, (1, 0), now).is_ok());
        }
        assert_eq!(served, 9, "the tenth comes back 6 microseconds later");
        assert_eq!(bucket.take(RATE, (1, 0), start + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn limit_011_a_reserve_is_left_untouched() {
        let start = crate::limits::now();
        let mut bucket = Bucket::full(RATE, start);
        for _ in 0..16 {
            assert_eq!(bucket.take(RATE, (1, 4), start), Ok(()));
        }
        assert_eq!(bucket.take(RATE, (1, 4), start), Err(Duration::from_millis(100)));
        for _ in 0..4 {
            assert_eq!(bucket.take(RATE, (1, 0), start), Ok(()));
        }
        assert_eq!(bucket.take(RATE, (1, 0), start), Err(Duration::from_millis(100)));
    }

    #[test]
    fn limit_010_what_costs_more_than_there_can_be_waits_for_all_of_it() {
        let start = crate::limits::now();
        let mut bucket = Bucket::full(RATE, start);
        assert_eq!(bucket.take(RATE, (1_000, 0), start), Ok(()));
        assert_eq!(bucket.take(RATE, (1_000, 0), start), Err(Duration::from_secs(2)));
    }
}
