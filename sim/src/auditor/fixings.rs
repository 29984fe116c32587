//! Claims against fixings: what each is backed with, and what the price is once they are ruled on.

use std::collections::BTreeMap;

use exchange::{FixingEvent, SettlementSource};
use instruments::{AccountId, InstrumentId, JobId, MicroUsd};
use settlement::Bucket;

use super::Auditor;
use super::jobs::Told;
use super::prices::fixing;
use crate::finding::Finding;

/// Open claims.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    open: BTreeMap<(InstrumentId, AccountId), Claim>,
    /// Buyers' jobs, which are staked on as claims are.
    pub(super) jobs: BTreeMap<JobId, Told>,
}

#[derive(Debug, Clone, Copy)]
struct Claim {
    partition: u32,
    value: Option<MicroUsd>,
    bond: MicroUsd,
}

impl Claims {
    /// What they are backed with, by bucket.
    pub(super) fn bonds(&self) -> BTreeMap<Bucket, i128> {
        let mut owed: BTreeMap<Bucket, i128> = BTreeMap::new();
        for ((_, account), claim) in &self.open {
            *owed.entry(Bucket::Bond(*account)).or_default() += i128::from(claim.bond.micros());
        }
        for job in self.jobs.values() {
            *owed.entry(Bucket::Bond(job.buyer)).or_default() += i128::from(job.stake.micros());
        }
        owed
    }
}

impl Auditor {
    /// SIM-024: what is revised is the fixing of the partitions as the upheld claims have them.
    pub(super) fn read_fixing(&mut self, event: &FixingEvent) -> Result<(), Finding> {
        match *event {
            FixingEvent::Opened { .. } | FixingEvent::Finalised { .. } => Ok(()),
            FixingEvent::Disputed { instrument, account, partition, value, bond } => {
                let claim = Claim { partition, value, bond };
                self.claims.open.insert((instrument, account), claim);
                Ok(())
            }
            FixingEvent::Lapsed { instrument, account } => {
                self.claims.open.remove(&(instrument, account));
                Ok(())
            }
            FixingEvent::Ruled { instrument, account, partition, is_upheld } => {
                let claim = self.claims.open.remove(&(instrument, account));
                let claim = claim.filter(|claim| claim.partition == partition);
                let unannounced = Finding::Unannounced { kind: "claim", id: account.0 };
                let claim = claim.ok_or(unannounced)?;
                if let Some((_, SettlementSource::Index { values, .. })) =
                    self.closing.get_mut(&instrument)
                    && let Some(value) = values.get_mut(partition as usize)
                    && is_upheld
                {
                    *value = claim.value;
                }
                Ok(())
            }
            FixingEvent::Revised { instrument, price } => {
                let (terms, _) = self.prices.settled(instrument)?;
                let ours = match self.closing.get(&instrument) {
                    Some((_, SettlementSource::Index { values, .. })) => fixing(values),
                    Some(_) | None => None,
                };
                let ours = ours.map(|value| terms.nearest_price(value));
                if ours != Some(price) {
                    return Err(Finding::SettlementPrice { instrument, ours, theirs: price });
                }
                self.prices.settle(instrument, price);
                Ok(())
            }
        }
    }
}
