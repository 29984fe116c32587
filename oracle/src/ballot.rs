//! Who votes in a tick, with what weight, and what the votes say.
//!
//! Invariants:
//! - weights add up: one provider under many names of one cluster weighs what it weighed under one, and the cap is the cluster's;
//! - no weight depends on a price of this tick.

use std::collections::BTreeMap;

use instruments::rounding::{div_floor, div_half_even};
use instruments::{Nanos, NanosSpan, Ppm};

use crate::cluster::{ClusterId, ProviderId};
use crate::confidence::sigma;
use crate::founding::level_of;
use crate::log::NanoLog;
use crate::member::Member;
use crate::params::Params;
use crate::votes::{
    Vote, cap, deviation, interquantile_mean, spread_out, voices, weighted_median, winsorised,
};

const PPM_PER_ONE: i128 = 1_000_000;
/// The heaviest vote of a tick: fine enough for weights a billion apart, and a sum of all fits everywhere.
const HEAVIEST: i128 = 1 << 30;

/// One voter.
#[derive(Clone, Copy)]
pub(crate) struct Ballot<'a> {
    pub(crate) provider: &'a ProviderId,
    pub(crate) member: &'a Member,
    /// Its owner's number in this tick.
    pub(crate) owner: u32,
    pub(crate) residual: NanoLog,
    /// What it weighs before its cluster is capped.
    pub(crate) raw: u64,
    /// How much of that is for its listings, which a name costs nothing to have.
    pub(crate) listed: u64,
    /// What it weighs; only ratios matter.
    pub(crate) mass: u32,
}

/// What one tick's votes say.
pub(crate) struct Estimate {
    pub(crate) center: NanoLog,
    pub(crate) band: NanoLog,
    pub(crate) fast: NanoLog,
    pub(crate) level: NanoLog,
    pub(crate) deviation: NanoLog,
    pub(crate) age: NanosSpan,
    /// The winsorised votes.
    pub(crate) votes: Vec<Vote>,
}

/// A number for every member's owner, in the order of the members: names are compared once a tick, not in every sum.
pub(crate) fn owners<'a>(members: impl Iterator<Item = &'a Member>) -> Vec<u32> {
    let mut numbers: BTreeMap<&ClusterId, u32> = BTreeMap::new();
    let number = |member: &'a Member| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(&member.cluster).or_insert(next)
    };
    members.map(number).collect()
}

/// The voters among `members` that `counts`, weighed.
pub(crate) fn ballots<'a>(
    members: &'a BTreeMap<ProviderId, Member>,
    owners: &[u32],
    counts: impl Fn(&Member) -> bool,
    params: &Params,
) -> Vec<Ballot<'a>> {
    let ballot = |((provider, member), &owner): ((&'a ProviderId, &'a Member), &u32)| {
        let (raw, residual) = (member.raw_mass(), member.residual()?);
        let listed = member.listed_mass().min(raw);
        let ballot = Ballot { provider, member, owner, residual, raw, listed, mass: 0 };
        (0 < raw && counts(member)).then_some(ballot)
    };
    weighed(members.iter().zip(owners).filter_map(ballot).collect(), params)
}

/// The same voters, each with its share.
pub(crate) fn weighed<'a>(mut ballots: Vec<Ballot<'a>>, params: &Params) -> Vec<Ballot<'a>> {
    let raw = ballots.iter().map(|one| (one.owner, one.raw, one.listed));
    let masses = shares(raw, params);
    for (ballot, mass) in ballots.iter_mut().zip(masses) {
        ballot.mass = mass;
    }
    ballots
}

/// What one owner's names weigh.
#[derive(Clone, Copy, Default)]
struct Owned {
    raw: u64,
    listed: u64,
    most_listed: u64,
}

impl Owned {
    /// The listings of its most listed name count once; under ten names they would count ten times.
    fn weight(self) -> u64 {
        self.raw.saturating_sub(self.listed.saturating_sub(self.most_listed))
    }
}

/// By the owners' numbers, which are dense.
fn owned(raw: impl Iterator<Item = (u32, u64, u64)>) -> Vec<Owned> {
    let mut owners: Vec<Owned> = Vec::new();
    for (owner, weight, listed) in raw {
        let place = usize::try_from(owner).unwrap_or(usize::MAX);
        if owners.len() <= place {
            owners.resize(place.saturating_add(1), Owned::default());
        }
        let Some(owner) = owners.get_mut(place) else { continue };
        owner.raw = owner.raw.saturating_add(weight);
        owner.listed = owner.listed.saturating_add(listed);
        owner.most_listed = owner.most_listed.max(listed);
    }
    owners
}

/// Masses in proportion to the raw weights, where no owner is above the cap: of each its owner, its raw weight, and how much of that is for
/// listings.
pub(crate) fn shares(
    raw: impl Iterator<Item = (u32, u64, u64)> + Clone,
    params: &Params,
) -> Vec<u32> {
    let owners = owned(raw.clone());
    let most = cap(owners.iter().map(|owner| owner.weight()), params);
    let capped: Vec<i128> = raw
        .map(|(owner, weight, _)| {
            let place = usize::try_from(owner).unwrap_or(usize::MAX);
            let owner = owners.get(place).copied().unwrap_or_default();
            let kept = i128::from(weight).saturating_mul(i128::from(owner.weight().min(most)));
            div_floor(kept.saturating_mul(PPM_PER_ONE), i128::from(owner.raw.max(1)))
        })
        .collect();
    let heaviest = capped.iter().copied().max().unwrap_or(0).max(1);
    let mass = |weight: i128| div_floor(weight.saturating_mul(HEAVIEST), heaviest);
    capped.into_iter().map(|weight| u32::try_from(mass(weight)).unwrap_or(u32::MAX)).collect()
}

/// What each key of the ballots weighs together.
pub(crate) fn by<'a, K: Ord>(
    ballots: &[Ballot<'a>],
    key: impl Fn(&Ballot<'a>) -> Option<K>,
) -> BTreeMap<K, u64> {
    let mut sums = BTreeMap::new();
    for ballot in ballots {
        if let Some(key) = key(ballot) {
            let sum: &mut u64 = sums.entry(key).or_default();
            *sum = sum.saturating_add(u64::from(ballot.mass));
        }
    }
    sums
}

/// What all ballots weigh together.
pub(crate) fn total(ballots: &[Ballot<'_>]) -> u64 {
    ballots.iter().fold(0, |sum, ballot| sum.saturating_add(u64::from(ballot.mass)))
}

/// A part of a whole in millionths, rounded down.
pub(crate) fn ratio(part: u64, whole: u64) -> Ppm {
    let ppm = div_floor(i128::from(part).saturating_mul(PPM_PER_ONE), i128::from(whole.max(1)));
    Ppm::new(i64::try_from(ppm).unwrap_or(i64::MAX))
}

/// The fast and the slow estimate of the present and the fading votes, with the deviation that was usual until now.
pub(crate) fn estimate(
    ballots: &[Ballot<'_>],
    usual: NanoLog,
    now: Nanos,
    params: &Params,
) -> Option<Estimate> {
    let vote = |at, ballot: &Ballot<'_>| Vote { at, mass: ballot.mass };
    let mut residuals: Vec<Vote> = ballots.iter().map(|one| vote(one.residual, one)).collect();
    let mut levels: Vec<Vote> = ballots.iter().map(|one| vote(one.member.level, one)).collect();
    // Every average sorts; what is in order already costs it one pass.
    residuals.sort_unstable();
    levels.sort_unstable();
    let center = weighted_median(&residuals)?;
    let band = NanoLog::new(sigma(usual).nanos().saturating_mul(4))
        .clamp(params.band_min, params.band_max);
    let mut votes = spread_out(&winsorised(&residuals, center, band), params.vote_halfwidth);
    votes.sort_unstable();
    Some(Estimate {
        center,
        band,
        fast: interquantile_mean(&votes, params.central_half)?,
        level: level_of(&levels, params)?,
        deviation: deviation(&residuals, center)?,
        age: mean_age(ballots, now),
        votes,
    })
}

/// How many equal voices the clusters are worth, in millionths of a voice.
pub(crate) fn cluster_voices(clusters: &BTreeMap<u32, u64>) -> Ppm {
    voices(clusters.values().copied())
}

/// The share of the capped weight that a coalition would have which holds a fifth of the raw weight, all others as they are now.
///
/// x / (x + Σ min(w, κ)): what the caps take from honest clusters makes a coalition of many small ones heavier.
pub(crate) fn coalition_share(ballots: &[Ballot<'_>], params: &Params) -> Ppm {
    let owners = owned(ballots.iter().map(|one| (one.owner, one.raw, one.listed)));
    let weights = || owners.iter().map(|owner| owner.weight());
    let most = cap(weights(), params);
    let all = weights().fold(0_u64, u64::saturating_add);
    let honest = weights().fold(0_u64, |sum, weight| sum.saturating_add(weight.min(most)));
    // A fifth beside four fifths: a quarter of the others' raw weight.
    let coalition = all.div_euclid(4);
    ratio(coalition, coalition.saturating_add(honest))
}

fn mean_age(ballots: &[Ballot<'_>], now: Nanos) -> NanosSpan {
    let (sum, mass) = ballots.iter().fold((0_i128, 0_i128), |(sum, all), ballot| {
        let age = i128::from(now.since(ballot.member.quote.at).nanos());
        let weighted = age.saturating_mul(i128::from(ballot.mass));
        (sum.saturating_add(weighted), all.saturating_add(i128::from(ballot.mass)))
    });
    NanosSpan::new(u64::try_from(div_half_even(sum, mass.max(1))).unwrap_or(u64::MAX))
}
