//! The first tick with enough providers: it sets the level, and how far each founder is from it.

use std::collections::BTreeMap;

use crate::cluster::ProviderId;
use crate::log::NanoLog;
use crate::member::{Member, Quote};
use crate::params::Params;
use crate::votes::{Vote, cap, interquantile_mean, weighted_median, winsorised};

/// The founding members, or `None` while too few providers quote about the same thing.
///
/// Until then there is no published value to protect, so nobody is on probation.
pub(crate) fn founders(
    quotes: &BTreeMap<ProviderId, Quote>,
    params: &Params,
) -> Option<BTreeMap<ProviderId, Member>> {
    let center = weighted_median(&levels(quotes.values()))?;
    let plausible = |quote: &Quote| quote.level.minus(center).abs() <= params.spread_max;
    let count = quotes.values().filter(|quote| plausible(quote)).count();
    if u32::try_from(count).unwrap_or(u32::MAX) < params.providers_min {
        return None;
    }
    let votes = capped(levels(quotes.values().filter(|quote| plausible(quote))), params);
    let level = level_of(&votes, params)?;
    let member = |quote: &Quote| {
        if plausible(quote) {
            Member::founder(*quote, level)
        } else {
            Member::newcomer(*quote, quote.at)
        }
    };
    let founders = quotes.iter().take(params.members_max.try_into().unwrap_or(usize::MAX));
    Some(founders.map(|(provider, quote)| (provider.clone(), member(quote))).collect())
}

/// The level of the market: levels far from their median count as if they were nearer, the middle fifth is averaged.
pub(crate) fn level_of(votes: &[Vote], params: &Params) -> Option<NanoLog> {
    let center = weighted_median(votes)?;
    interquantile_mean(&winsorised(votes, center, params.level_band), params.central_half)
}

/// No cluster above the cap.
pub(crate) fn capped(mut votes: Vec<Vote>, params: &Params) -> Vec<Vote> {
    let most = cap(votes.iter().map(|vote| vote.mass), params.cluster_cap);
    for vote in &mut votes {
        vote.mass = vote.mass.min(most);
    }
    votes
}

fn levels<'a>(quotes: impl Iterator<Item = &'a Quote>) -> Vec<Vote> {
    let vote = |quote: &Quote| Vote {
        at: quote.level,
        mass: u32::try_from(quote.weight.ppm()).unwrap_or(u32::MAX),
    };
    quotes.map(vote).collect()
}
