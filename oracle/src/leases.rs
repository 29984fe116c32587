//! What a provider was really paid, and what that says about its asks.
//!
//! ```text
//! y = ω · ln lease + (1 − ω) · (ln ask + ρ)      ω = V / (V + 200 GPU-hours)
//! ```
//!
//! V is the leased volume with a half-life of a day, the lease price its mean by volume, ρ the usual distance of a lease from the ask.
//!
//! Invariant: ω and ρ are from before the tick's ask, so that the price never falls when the ask or the lease rises.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Nanos;
use instruments::rounding::div_half_even;

use crate::filter::Step;
use crate::log::{Closing, NanoLog};
use crate::member::Quote;
use crate::params::Params;

/// The leases of one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Leases {
    /// Their mean log price by volume.
    mean: NanoLog,
    /// Their volume in thousandths of a GPU-second, decaying.
    volume: i64,
    /// ρ: how far a lease usually is from the ask.
    discount: NanoLog,
    last_at: Option<Nanos>,
}

/// One lease as the filter sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Leased {
    /// Its log price.
    pub(crate) level: NanoLog,
    /// Its GPU-seconds.
    pub(crate) seconds: u64,
}

impl Leases {
    /// Whether there was ever one.
    pub(crate) const fn is_none(&self) -> bool {
        self.last_at.is_none()
    }

    /// The mean log price of the leases, and their volume in thousandths of a GPU-second, while there is any.
    pub(crate) fn recent(&self) -> Option<(NanoLog, i64)> {
        (0 < self.volume).then_some((self.mean, self.volume))
    }

    /// Forgets a tick's worth of the volume.
    pub(crate) fn fade(&mut self, closing: Closing) {
        if 0 < self.volume {
            self.volume = self.volume.saturating_sub(closing.of_gap(self.volume)).max(0);
        }
    }

    /// Takes a lease into the mean.
    pub(crate) fn take(&mut self, lease: Leased) {
        let added = i64::try_from(lease.seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
        let volume = self.volume.saturating_add(added);
        let weighed =
            |log: NanoLog, by: i64| i128::from(log.nanos()).saturating_mul(i128::from(by));
        let sum = weighed(self.mean, self.volume).saturating_add(weighed(lease.level, added));
        let mean = div_half_even(sum, i128::from(volume.max(1)));
        self.mean = NanoLog::new(i64::try_from(mean).unwrap_or(0));
        self.volume = volume;
    }

    /// Learns the discount of a lease on the ask, after the tick has used the old one.
    pub(crate) fn learn(&mut self, lease: Leased, quote: &Quote, step: &Step, params: &Params) {
        let most = params.discount_max.nanos();
        let seen = lease.level.minus(quote.ask).nanos().clamp(most.saturating_neg(), 0);
        let gap = seen.saturating_sub(self.discount.nanos());
        let since = self.last_at.map_or(params.lease_half_life, |last| quote.at.since(last));
        let closing = if since == step.elapsed {
            step.discounts
        } else {
            Closing::of(since.min(params.lease_half_life), params.discount_half_life)
        };
        self.discount = self.discount.plus(NanoLog::new(closing.of_gap(gap)));
        self.last_at = Some(quote.at);
    }

    /// The provider's log price: its lease and its ask, each for what it is worth.
    pub(crate) fn level(&self, ask: NanoLog, params: &Params) -> NanoLog {
        let ask = ask.plus(self.discount);
        if self.volume == 0 {
            return ask;
        }
        let leased = i128::from(self.volume);
        let asked = i128::from(params.lease_hours).saturating_mul(3_600_000);
        let sum = i128::from(self.mean.nanos())
            .saturating_mul(leased)
            .saturating_add(i128::from(ask.nanos()).saturating_mul(asked));
        let mean = div_half_even(sum, leased.saturating_add(asked).max(1));
        NanoLog::new(i64::try_from(mean).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use instruments::{MicroUsd, NanosSpan};

    use super::*;
    use crate::cluster::ProviderId;
    use crate::observation::Observation;

    const DOLLAR: MicroUsd = MicroUsd::new(1_000_000);
    const ASK: NanoLog = NanoLog::new(1_000_000_000);

    fn lease(below: i64, hours: u64) -> Leased {
        Leased { level: ASK.minus(NanoLog::new(below)), seconds: hours * 3_600 }
    }

    /// ORACLE-030: two hundred leased GPU-hours weigh as much as the ask.
    #[test]
    fn oracle_030_a_lease_counts_by_its_volume_against_the_ask() {
        let params = Params::default();
        let after = |hours| {
            let mut leases = Leases::default();
            leases.take(lease(200_000_000, hours));
            ASK.minus(leases.level(ASK, &params)).nanos()
        };
        assert_eq!(Leases::default().level(ASK, &params), ASK);
        assert_eq!(after(50), 40_000_000, "a fifth of the way");
        assert_eq!(after(200), 100_000_000, "half of it");
        assert_eq!(after(1_800), 180_000_000, "nine tenths");
    }

    /// ORACLE-030: without new leases the ask is what remains, less the discount that leases used to have.
    #[test]
    fn oracle_030_the_usual_discount_remains_when_the_leases_have_faded() {
        let params = Params::default();
        let mut leases = Leases::default();
        let day = NanosSpan::from_seconds(86_400);
        let mut at = Nanos::from_seconds(1_800_000_000);
        let mut learn = |leases: &mut Leases, below| {
            let observation =
                Observation::new(at, ProviderId::new("a").unwrap(), DOLLAR, 1).unwrap();
            let quote = Quote { ask: ASK, ..Quote::of(&observation, &params) };
            leases.learn(lease(below, 200), &quote, &Step::new(at, day, &params), &params);
            at = at + day;
        };
        for _ in 0..14 {
            leases.take(lease(200_000_000, 200));
            learn(&mut leases, 200_000_000);
        }
        for _ in 0..60 {
            leases.fade(Closing::of(day, params.lease_half_life));
        }
        let discount = ASK.minus(leases.level(ASK, &params)).nanos();
        assert!((99_000_000..101_000_000).contains(&discount), "half of it in 14 days: {discount}");
        for _ in 0..400 {
            learn(&mut leases, 2_000_000_000);
        }
        let discount = ASK.minus(leases.level(ASK, &params)).nanos();
        assert!((345_000_000..=350_000_000).contains(&discount), "at most 35 %: {discount}");
    }
}
