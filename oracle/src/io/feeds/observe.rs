//! From records to what the index takes: one observation for each class and seller.
//!
//! - Only what is on demand, free and of a known class counts, restated to the reference configuration.
//! - A machine counts once, however many slices of it are listed: the largest one, then the cheapest.
//! - A book of many owners' offers is one voice: the median over its GPUs, with no owner above a third. It is evidence of tier C when at least
//!   five machines of at least three owners stand behind it.
//! - Nothing is dropped in silence: what is not used is returned with its reason.

use std::collections::{BTreeMap, BTreeSet};

use instruments::rounding::div_half_even;
use instruments::{MicroUsd, Nanos};

use super::record::{PriceKind, PriceRecord, Record};
use super::source::Source;
use crate::cluster::{ClusterId, ProviderId};
use crate::identity::{ClassKey, Identity, Unidentified};
use crate::log::NanoLog;
use crate::normalise::{Factors, Market, NotComparable};
use crate::observation::{Observation, ObservationError, Units};
use crate::tier::Tier;
use crate::votes::{Vote, weighted_median};

/// Fewer machines than this are no market.
pub(crate) const MACHINES_MIN: usize = 5;
/// Fewer owners than this are no market.
pub(crate) const OWNERS_MIN: usize = 3;
/// A GPU as a vote's mass, so that a capped owner's GPUs still weigh something.
const MASS_PER_GPU: i128 = 1_000;

/// Whose voice an offer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The venue's: one observation for a class.
    Venue,
    /// Each owner's: one for a class and owner, where the venue says who owns what.
    Owners,
}

/// How records become observations.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The tick that they are for.
    pub at: Nanos,
    /// The factors of the epoch.
    pub factors: &'a Factors,
    /// Whose voice an offer is.
    pub view: View,
}

/// What came of the records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// By class, then by provider.
    pub observations: Vec<(ClassKey, Observation)>,
    /// Prices that no observation uses.
    pub unused: Vec<Unused>,
}

/// A price that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// From where.
    pub source: Source,
    /// Which offer.
    pub offer: String,
    /// Of which class, known or its own.
    pub class: ClassKey,
    /// Why.
    pub why: WhyUnused,
}

/// Why a price is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyUnused {
    /// It is no known class.
    #[error(transparent)]
    Unidentified(#[from] Unidentified),
    /// It may be taken away, or is bound for months.
    #[error("not on demand")]
    NotOnDemand,
    /// Nobody could take it now.
    #[error("nothing free")]
    NothingFree,
    /// It is another product.
    #[error(transparent)]
    NotComparable(#[from] NotComparable),
    /// Another slice of its machine counts.
    #[error("another slice of its machine counts")]
    OtherSlice,
    /// It cannot be an observation.
    #[error(transparent)]
    Observation(#[from] ObservationError),
}

/// A price that counts.
struct Offer<'a> {
    record: &'a PriceRecord,
    price: MicroUsd,
}

/// The seller of a group of offers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seller {
    source: Source,
    desk: Option<&'static str>,
    owner: Option<String>,
}

/// Every observation that `records` make, and what they do not use.
#[must_use]
pub fn observations(records: &[Record], terms: &Terms<'_>) -> Observed {
    let mut observed = Observed::default();
    let mut groups: BTreeMap<(ClassKey, Source, Option<&'static str>), Vec<Offer<'_>>> =
        BTreeMap::new();
    for record in records {
        let Record::Price(record) = record else { continue };
        match usable(record, terms) {
            Ok((class, price)) => {
                let key = (class, record.source, record.desk);
                groups.entry(key).or_default().push(Offer { record, price });
            }
            Err(why) => observed.unused.push(unused(record, why)),
        }
    }
    for ((class, source, desk), offers) in groups {
        let (offers, slices) = by_machine(offers);
        let spare = |offer: &Offer<'_>| unused(offer.record, WhyUnused::OtherSlice);
        observed.unused.extend(slices.iter().map(spare));
        let tier = tier(&offers);
        let units = units(records, &class, source);
        for (seller, offers) in sellers(source, desk, offers, terms.view) {
            // An owner's units are its own machines', the venue's are all.
            let units = match seller.owner {
                Some(_) => units_of(offers.iter().map(|offer| offer.record)),
                None => units,
            };
            match observation(&seller, &offers, (tier, units), terms) {
                Ok(observation) => observed.observations.push((class.clone(), observation)),
                Err(why) => {
                    let refused = |offer: &Offer<'_>| unused(offer.record, why.clone().into());
                    observed.unused.extend(offers.iter().map(refused));
                }
            }
        }
    }
    observed
}

fn unused(record: &PriceRecord, why: WhyUnused) -> Unused {
    let (source, offer) = (record.source, record.offer.clone());
    Unused { source, offer, class: record.class.key().clone(), why }
}

/// The class and the reference's price, if the offer counts.
fn usable(record: &PriceRecord, terms: &Terms<'_>) -> Result<(ClassKey, MicroUsd), WhyUnused> {
    let class = match &record.class {
        Identity::Known(class) => class.clone(),
        Identity::Unknown { why, .. } => return Err(why.clone().into()),
    };
    if record.configuration.market != Market::OnDemand {
        return Err(WhyUnused::NotOnDemand);
    }
    if record.offered == 0 {
        return Err(WhyUnused::NothingFree);
    }
    let normalised = terms.factors.normalise(record.price, &record.configuration)?;
    Ok((class, normalised.price))
}

/// One offer for each machine, and the others. What has no machine counts by itself.
fn by_machine(mut offers: Vec<Offer<'_>>) -> (Vec<Offer<'_>>, Vec<Offer<'_>>) {
    offers.sort_by(|one, two| {
        let key = |it: &Offer<'_>| (u32::MAX.saturating_sub(it.record.offered), it.price);
        key(one).cmp(&key(two)).then_with(|| one.record.offer.cmp(&two.record.offer))
    });
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    offers.into_iter().partition(|offer| {
        offer.record.machine.as_deref().is_none_or(|machine| seen.insert(machine))
    })
}

/// What the offers of one class are worth as evidence.
fn tier(offers: &[Offer<'_>]) -> Tier {
    let count = offers.len();
    let owners: BTreeSet<&str> =
        offers.iter().filter_map(|offer| offer.record.owner.as_deref()).collect();
    let has_all_owners = offers.iter().all(|offer| offer.record.owner.is_some());
    let kind = offers.first().map(|offer| offer.record.kind);
    match kind {
        Some(PriceKind::Ask) if count < MACHINES_MIN => Tier::Judgement,
        Some(PriceKind::Ask) if has_all_owners && OWNERS_MIN <= owners.len() => Tier::Offered,
        // Machines enough, and whose they are is not said: no proof that one owner did not list them all.
        Some(PriceKind::Ask) if owners.is_empty() => Tier::RateCard,
        Some(PriceKind::Bid) if summed_up(offers) => Tier::RateCard,
        Some(PriceKind::List) => Tier::RateCard,
        Some(PriceKind::Ask | PriceKind::Bid) | None => Tier::Judgement,
    }
}

/// Whether the venue says that enough owners and units stand behind its sum.
fn summed_up(offers: &[Offer<'_>]) -> bool {
    let most = |of: fn(&PriceRecord) -> Option<u32>| {
        let most = offers.iter().filter_map(|offer| of(offer.record)).max();
        usize::try_from(most.unwrap_or(0)).unwrap_or(usize::MAX)
    };
    OWNERS_MIN <= most(|record| record.owners)
        && MACHINES_MIN <= most(|record| record.stock.map(|stock| stock.total))
}

/// Units of a class at a source, rented machines too; `None` where it does not say.
fn units(records: &[Record], class: &ClassKey, source: Source) -> Option<Units> {
    units_of(records.iter().filter_map(|record| match record {
        Record::Price(price) if price.source == source && price.class.known() == Some(class) => {
            Some(price)
        }
        Record::Price(_) | Record::Utilisation(_) => None,
    }))
}

fn units_of<'a>(records: impl Iterator<Item = &'a PriceRecord>) -> Option<Units> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut units = Units { total: 0, leased: 0 };
    for record in records {
        let name = record.machine.as_deref().unwrap_or(&record.offer);
        if seen.insert(name) {
            let stock = record.stock?;
            units.total = units.total.saturating_add(stock.total);
            units.leased = units.leased.saturating_add(stock.total.saturating_sub(stock.free));
        }
    }
    (0 < units.total).then_some(units)
}

fn sellers<'a>(
    source: Source,
    desk: Option<&'static str>,
    offers: Vec<Offer<'a>>,
    view: View,
) -> BTreeMap<Seller, Vec<Offer<'a>>> {
    let mut sellers: BTreeMap<Seller, Vec<Offer<'a>>> = BTreeMap::new();
    for offer in offers {
        let owner = match view {
            View::Venue => None,
            View::Owners => offer.record.owner.clone(),
        };
        sellers.entry(Seller { source, desk, owner }).or_default().push(offer);
    }
    sellers
}

fn observation(
    seller: &Seller,
    offers: &[Offer<'_>],
    (tier, units): (Tier, Option<Units>),
    terms: &Terms<'_>,
) -> Result<Observation, ObservationError> {
    let venue = seller.source.venue();
    // An owner's price is the cheapest that a buyer could have; a venue's is the median, because its cheapest may be nobody's.
    let price = match seller.owner {
        Some(_) => offers.iter().map(|offer| offer.price).min(),
        None => median(offers),
    };
    let price = price.unwrap_or(MicroUsd::ZERO);
    let configs = u32::try_from(offers.len()).unwrap_or(u32::MAX);
    let (provider, cluster) = match (&seller.owner, seller.desk) {
        (Some(owner), _) => {
            let name = owned(venue, owner);
            (ProviderId::new(&name)?, ClusterId::new(&name)?)
        }
        (None, Some(desk)) => {
            (ProviderId::new(&format!("{venue}:{desk}"))?, ClusterId::new(venue)?)
        }
        (None, None) => (ProviderId::new(venue)?, ClusterId::new(venue)?),
    };
    let observation = Observation::new(terms.at, provider, price, configs)?
        .with_cluster(cluster)
        .with_route(ClusterId::new(venue)?)
        .with_tier(tier);
    match units {
        Some(units) => observation.with_units(units),
        None => Ok(observation),
    }
}

/// The name of an owner at a venue; one too long for a name goes by its hash.
fn owned(venue: &str, owner: &str) -> String {
    let name = format!("{venue}:{owner}");
    if ProviderId::new(&name).is_ok() {
        return name;
    }
    let hash = blake3::hash(owner.as_bytes()).to_hex();
    format!("{venue}:{}", hash.chars().take(32).collect::<String>())
}

/// The price that half of the GPUs are offered at or below, with no owner's GPUs above a third.
fn median(offers: &[Offer<'_>]) -> Option<MicroUsd> {
    let owner_of = |offer: &Offer<'_>| {
        let record = offer.record;
        record.owner.clone().or_else(|| record.machine.clone()).unwrap_or(record.offer.clone())
    };
    let mut gpus: BTreeMap<String, u64> = BTreeMap::new();
    for offer in offers {
        let sum = gpus.entry(owner_of(offer)).or_default();
        *sum = sum.saturating_add(u64::from(offer.record.offered));
    }
    let cap = owner_cap(&gpus.values().copied().collect::<Vec<u64>>());
    let votes: Vec<Vote> = offers
        .iter()
        .filter_map(|offer| {
            let own = gpus.get(&owner_of(offer)).copied()?.max(1);
            let counted = i128::from(offer.record.offered)
                .saturating_mul(i128::from(own.min(cap)))
                .saturating_mul(MASS_PER_GPU);
            let mass = div_half_even(counted, i128::from(own)).max(1);
            let mass = u32::try_from(mass).unwrap_or(u32::MAX);
            Some(Vote { at: NanoLog::of(offer.price)?, mass })
        })
        .collect();
    let middle = weighted_median(&votes)?;
    // The offer itself, not its logarithm's exponential.
    offers.iter().map(|offer| offer.price).find(|&price| NanoLog::of(price) == Some(middle))
}

/// The largest number of GPUs that an owner may count with so that nobody has more than a third; with one or two owners, all that they have.
fn owner_cap(gpus: &[u64]) -> u64 {
    let most = gpus.iter().copied().max().unwrap_or(0);
    if gpus.len() < OWNERS_MIN {
        return most;
    }
    let is_a_third = |cap: u64| {
        let counted: u64 = gpus.iter().map(|&own| own.min(cap)).fold(0, u64::saturating_add);
        cap.saturating_mul(3) <= counted
    };
    // The caps that hold begin at zero and end once: halve until the last of them is found.
    let (mut holds, mut fails) = (0_u64, most.saturating_add(1));
    while holds.saturating_add(1) < fails {
        let middle = holds.midpoint(fails);
        if is_a_third(middle) { holds = middle } else { fails = middle }
    }
    holds.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FEED-009: one owner's many machines are at most a third of a venue's voice.
    #[test]
    fn no_owner_counts_for_more_than_a_third() {
        for (gpus, cap) in [
            (&[8, 8, 8][..], 8),
            (&[100, 8, 8], 8),
            (&[100, 8, 4], 4),
            (&[100, 60, 8, 8], 16),
            (&[10, 10, 10, 10], 10),
            (&[20, 10, 10, 10], 15),
            (&[100, 1], 100),
            (&[7], 7),
        ] {
            assert_eq!(owner_cap(gpus), cap, "{gpus:?}");
        }
    }
}
