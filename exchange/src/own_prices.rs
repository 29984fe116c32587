//! What our own sellers were really paid for what they really delivered: the best evidence that the oracle can have. A pure reader of the events.
//!
//! The price is the one at which the seller has sold on the book, the average over its own sales in the series, and not what the buyer pays
//! at delivery: that is the settlement price, which the index has made, and an index must not hear itself. The amount is what was delivered
//! and judged since the seller's previous observation, less what did not count of it.
//!
//! Absent: trades that two parties agreed elsewhere, which nobody else could have taken part in; and deliveries of who has not sold in the series
//! itself, like a stand-in or a position that came out of a longer one. The latter are counted as unpriced.

use std::collections::BTreeMap;

use instruments::rounding::{div_floor, div_half_even};
use instruments::{
    AccountId, GpuSeconds, GradeId, Instrument, InstrumentId, MicroUsd, Nanos, ObligationId, Ppm,
    Product, Qty, Side, Style,
};
use oracle::{ClusterId, Lease, Observation, ObservationError, ProviderId, Tier};

use crate::event::{Event, IntervalOutcome, IntervalSettled, Traded};

const PPM_PER_ONE: i128 = 1_000_000;

/// GPU-hours sold, and micro-dollars for them.
#[derive(Debug, Clone, Copy, Default)]
struct Sold {
    gpu_hours: i128,
    micros: i128,
}

impl Sold {
    /// Dollars per GPU-hour, half to even.
    fn price(self) -> Option<MicroUsd> {
        if self.gpu_hours <= 0 {
            return None;
        }
        MicroUsd::from_i128(div_half_even(self.micros, self.gpu_hours))
    }
}

/// What was delivered since the last observation, and its worth at the seller's own price.
#[derive(Debug, Clone, Copy, Default)]
struct Delivered {
    seconds: u64,
    micro_usd_seconds: i128,
}

/// Who owes what.
#[derive(Debug, Clone)]
struct Duty {
    instrument: InstrumentId,
    seller: AccountId,
    lots: Qty,
}

/// Reads events in their order and makes observations of what was sold and delivered.
#[derive(Debug, Clone, Default)]
pub struct OwnPrices {
    names: BTreeMap<AccountId, String>,
    terms: BTreeMap<InstrumentId, Instrument>,
    sold: BTreeMap<(InstrumentId, AccountId), Sold>,
    duties: BTreeMap<ObligationId, Duty>,
    delivered: BTreeMap<(GradeId, AccountId), Delivered>,
    unpriced: u64,
}

impl OwnPrices {
    /// A reader before the first event.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one command's events.
    pub fn observe(&mut self, events: &[Event]) {
        for event in events {
            self.read(event);
        }
    }

    /// Compute that was delivered by who has not sold in its series, since the beginning.
    #[must_use]
    pub const fn unpriced(&self) -> GpuSeconds {
        GpuSeconds::new(self.unpriced)
    }

    /// One observation for each grade and provider that has delivered since the last call; nothing is told twice. `owner` says to whom a
    /// provider's name belongs, if to somebody else.
    ///
    /// # Errors
    /// [`ObservationError`] for an account whose name is no provider's; what was delivered is kept then.
    pub fn take(
        &mut self,
        at: Nanos,
        owner: impl Fn(&str) -> Option<ClusterId>,
    ) -> Result<Vec<(GradeId, Observation)>, ObservationError> {
        let mut taken = Vec::new();
        for ((grade, account), delivered) in &self.delivered {
            let seconds = i128::from(delivered.seconds);
            let price = div_half_even(delivered.micro_usd_seconds, seconds.max(1));
            let price = MicroUsd::from_i128(price).unwrap_or(MicroUsd::ZERO);
            let name = self.names.get(account).cloned().unwrap_or_default();
            let cluster = owner(&name);
            let lease = Lease { price, gpu_seconds: GpuSeconds::new(delivered.seconds) };
            let observation = Observation::new(at, ProviderId::new(&name)?, price, 1)?
                .with_tier(Tier::Settled)
                .with_lease(lease)?;
            let observation = match cluster {
                Some(cluster) => observation.with_cluster(cluster),
                None => observation,
            };
            taken.push((grade.clone(), observation));
        }

        // From here on nothing can fail.
        self.delivered.clear();
        let is_over = |terms: &Instrument| terms.schedule.close_at < at;
        self.terms.retain(|_, terms| !is_over(terms));
        self.sold.retain(|(instrument, _), _| self.terms.contains_key(instrument));
        Ok(taken)
    }

    fn read(&mut self, event: &Event) {
        if let Event::AccountOpened { account, name } = event {
            self.names.insert(*account, name.clone());
        } else if let Event::InstrumentListed(terms) = event {
            if matches!(terms.product, Product::Future { style: Style::Physical, .. }) {
                self.terms.insert(terms.id, (**terms).clone());
            }
        } else if let Event::Traded(traded) = event {
            self.sell(traded);
        } else if let Event::ObligationAssigned { obligation, instrument, seller, lots, .. } = event
        {
            let duty = Duty { instrument: *instrument, seller: *seller, lots: *lots };
            self.duties.insert(*obligation, duty);
        } else if let Event::IntervalSettled(settled) = event {
            self.deliver(settled);
        } else if let Event::ObligationClosed { obligation, .. } = event {
            self.duties.remove(obligation);
        }
    }

    fn sell(&mut self, traded: &Traded) {
        let Some(terms) = self.terms.get(&traded.instrument) else { return };
        let (seller, buyer) = match traded.taker_side {
            Side::Sell => (traded.taker.account, traded.maker.account),
            Side::Buy => (traded.maker.account, traded.taker.account),
        };
        // Who sells to itself has sold nothing.
        if seller == buyer {
            return;
        }
        let hours = i128::from(terms.hours_per_lot).saturating_mul(i128::from(traded.qty.lots()));
        let per_hour = i128::from(terms.per_hour(traded.price).micros());
        let sold = self.sold.entry((traded.instrument, seller)).or_default();
        sold.gpu_hours = sold.gpu_hours.saturating_add(hours);
        sold.micros = sold.micros.saturating_add(hours.saturating_mul(per_hour));
    }

    fn deliver(&mut self, settled: &IntervalSettled) {
        let IntervalOutcome::Delivered { quality, .. } = settled.outcome else { return };
        let Some(duty) = self.duties.get(&settled.obligation) else { return };
        let Some(terms) = self.terms.get(&duty.instrument) else { return };
        let per_lot = terms.interval_seconds().seconds();
        let whole = i128::from(per_lot).saturating_mul(i128::from(duty.lots.lots()));
        let counted = div_floor(whole.saturating_mul(share(quality)), PPM_PER_ONE);
        let seconds = u64::try_from(counted).unwrap_or(u64::MAX);
        let deliverer = settled.stand_in.unwrap_or(duty.seller);
        let sold = self.sold.get(&(duty.instrument, deliverer)).copied();
        let Some(price) = sold.and_then(Sold::price) else {
            self.unpriced = self.unpriced.saturating_add(seconds);
            return;
        };
        let worth = i128::from(price.micros()).saturating_mul(i128::from(seconds));
        let delivered = self.delivered.entry((terms.grade.clone(), deliverer)).or_default();
        delivered.seconds = delivered.seconds.saturating_add(seconds);
        delivered.micro_usd_seconds = delivered.micro_usd_seconds.saturating_add(worth);
    }
}

/// At most all of it.
fn share(quality: Ppm) -> i128 {
    i128::from(quality.ppm()).clamp(0, PPM_PER_ONE)
}
