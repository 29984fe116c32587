//! The auditor's assignments: what was published against his own positions, by sums; which seller meets which buyer is the exchange's.

use std::collections::BTreeMap;

use exchange::{CloseOutEvent, Nomination, PublishedAssignment};
use instruments::{AccountId, Instrument, InstrumentId, Qty, Region};
use settlement::Assignment;

use super::positions::Positions;
use crate::finding::Finding;

/// What is known of assignments to come, and the newest that was made.
#[derive(Debug, Clone, Default)]
pub(super) struct Assignments {
    regions: BTreeMap<(InstrumentId, AccountId), Option<Region>>,
    matches: BTreeMap<InstrumentId, Vec<Assignment>>,
    published: Vec<(InstrumentId, Assignment)>,
}

impl Assignments {
    pub(super) fn nominate(
        &mut self,
        instrument: InstrumentId,
        account: AccountId,
        nomination: &Nomination,
    ) {
        self.regions.insert((instrument, account), nomination.region);
    }

    pub(super) fn agree(&mut self, instrument: InstrumentId, agreed: Assignment) {
        self.matches.entry(instrument).or_default().push(agreed);
    }

    /// SIM-014: the inputs are everybody's holdings and words, and the assignment gives each its share of the nodes.
    pub(super) fn publish(
        &mut self,
        published: &PublishedAssignment,
        terms: &Instrument,
        positions: &Positions,
    ) -> Result<(), Finding> {
        let inputs = &published.inputs;
        let instrument = terms.id;
        let unfair = Err(Finding::Unfair { instrument });
        let told = inputs
            .holders
            .iter()
            .map(|holder| (holder.account, i128::from(holder.net.lots()), holder.region));
        let region = |account| self.regions.get(&(instrument, account)).copied().flatten();
        let ours = positions.in_series(instrument);
        let ours = ours.map(|(account, lots)| (account, lots, region(account)));
        let matches = self.matches.remove(&instrument).unwrap_or_default();
        if !told.eq(ours) || inputs.matches != matches || inputs.node_size != terms.node_size {
            return unfair;
        }
        let mut left: BTreeMap<AccountId, i128> = positions.in_series(instrument).collect();
        for part in &published.assigned.matched {
            *left.entry(part.seller).or_default() += i128::from(part.lots.lots());
            *left.entry(part.buyer).or_default() -= i128::from(part.lots.lots());
        }
        if !is_fair(&left, &published.assigned.pairs, i128::from(terms.node_size)) {
            return unfair;
        }
        let pairs = published.assigned.pairs.iter();
        self.published = pairs.map(|pair| (instrument, *pair)).collect();
        Ok(())
    }

    /// SIM-014: an obligation is the next pair that was published.
    pub(super) fn oblige(
        &mut self,
        instrument: InstrumentId,
        (seller, buyer, lots): (AccountId, AccountId, Qty),
    ) -> Result<(), Finding> {
        let pair = (instrument, Assignment { seller, buyer, lots });
        let place = self.published.iter().position(|published| *published == pair);
        let Some(place) = place else { return Err(Finding::Unfair { instrument }) };
        // What was passed over is beyond the ledger's range.
        self.published.drain(..=place);
        Ok(())
    }
}

/// Whether every pair is of whole nodes, all that can be delivered is, and nobody's share is a node or more beside its part.
fn is_fair(held: &BTreeMap<AccountId, i128>, pairs: &[Assignment], node: i128) -> bool {
    let node = node.max(1);
    let mut nodes: BTreeMap<AccountId, i128> = BTreeMap::new();
    for pair in pairs {
        let lots = i128::from(pair.lots.lots());
        if lots % node != 0 {
            return false;
        }
        *nodes.entry(pair.seller).or_default() -= lots / node;
        *nodes.entry(pair.buyer).or_default() += lots / node;
    }
    let side =
        |sign: i128| held.values().map(move |lots| (lots * sign).max(0) / node).sum::<i128>();
    let (long, short) = (side(1), side(-1));
    let assigned = long.min(short);
    let given: i128 = nodes.values().map(|nodes| (*nodes).max(0)).sum();
    let is_share = |(account, lots): (&AccountId, &i128)| {
        let has = lots / node;
        let got = nodes.get(account).copied().unwrap_or(0);
        let whole = if 0 < has { long } else { short };
        got.signum() * has.signum() >= 0
            && got.abs() <= has.abs()
            && (got.abs() * whole - has.abs() * assigned).abs() < whole.max(1)
    };
    given == assigned && held.iter().all(is_share)
}

/// What was agreed on, from its event.
pub(super) fn agreed(event: &CloseOutEvent) -> Option<(InstrumentId, Assignment)> {
    let CloseOutEvent::MatchReported { instrument, seller, buyer, lots } = event else {
        return None;
    };
    Some((*instrument, Assignment { seller: *seller, buyer: *buyer, lots: *lots }))
}
