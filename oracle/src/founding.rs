//! The first tick with enough providers: it sets the level, and how far each founder is from it.

use std::collections::BTreeMap;

use crate::ballot::{owners, shares};
use crate::cluster::ProviderId;
use crate::filter::{Seens, Step};
use crate::log::NanoLog;
use crate::member::Member;
use crate::params::Params;
use crate::votes::{Vote, interquantile_mean, weighted_median, winsorised};

/// The founding members, or `None` while too few owners quote about the same thing.
///
/// Until then there is no published value to protect, so nobody is on probation.
pub(crate) fn founders(
    seens: &Seens<'_>,
    step: &Step,
    params: &Params,
) -> Option<BTreeMap<ProviderId, Member>> {
    let room = params.members_max.try_into().unwrap_or(usize::MAX);
    let mut members: BTreeMap<ProviderId, Member> = BTreeMap::new();
    for &(provider, ref seen) in seens.iter().take(room) {
        let mut member = Member::newcomer(seen, seen.quote.at, params);
        member.attend(Some(seen), step, params);
        members.insert(provider.clone(), member);
    }
    let center = weighted_median(&levels(members.values(), params))?;
    let is_near = |member: &Member| member.level.minus(center).abs() <= params.spread_max;
    let near = || members.values().filter(|member| is_near(member));
    let owners: std::collections::BTreeSet<_> = near().map(|member| &member.cluster).collect();
    if u32::try_from(owners.len()).unwrap_or(u32::MAX) < params.providers_min {
        return None;
    }
    let level = level_of(&levels(near(), params), params)?;
    for member in members.values_mut() {
        if member.level.minus(center).abs() <= params.spread_max {
            member.found(level);
        }
    }
    Some(members)
}

/// The level of the market: levels far from their median count as if they were nearer, the middle half is averaged.
pub(crate) fn level_of(votes: &[Vote], params: &Params) -> Option<NanoLog> {
    let center = weighted_median(votes)?;
    interquantile_mean(&winsorised(votes, center, params.level_band), params.level_half)
}

fn levels<'a>(members: impl Iterator<Item = &'a Member>, params: &Params) -> Vec<Vote> {
    let members: Vec<&Member> = members.collect();
    let owners = owners(members.iter().copied());
    let raw = members.iter().zip(owners).map(|(one, owner)| (owner, one.weight(), one.listed()));
    let masses = shares(raw, params);
    let votes = members.iter().zip(masses);
    votes.map(|(member, mass)| Vote { at: member.level, mass }).collect()
}
