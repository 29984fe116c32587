//! Puts together what an [`Explanation`] holds, from the same ballots and the same state as the print.

use instruments::MicroUsd;

use crate::ballot::{Ballot, coalition_share, ratio, weighed};
use crate::explain::{Explanation, Ignored, Voice, WhyIgnored};
use crate::filter::{Filter, Outcome, Step, anchor_log};
use crate::log::NanoLog;
use crate::params::Params;

/// All that a tick was made of.
pub(crate) struct Told<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) ballots: &'a [Ballot<'a>],
    pub(crate) step: Step,
    pub(crate) params: &'a Params,
}

/// Tells one tick. What was shown and never reached the filter has been told already.
pub(crate) fn tell(told: &mut Explanation, whole: &Told<'_>, outcome: Option<&Outcome>) {
    for (provider, member) in &whole.filter.members {
        let why = if !member.is_voter() {
            WhyIgnored::OnProbation
        } else if member.raw_mass() == 0 {
            WhyIgnored::NoWeight
        } else {
            continue;
        };
        if member.is_present {
            told.ignored.push(Ignored { provider: provider.clone(), why });
        }
    }
    told.coalition_share = coalition_share(whole.ballots, whole.params);
    told.transactions = transactions(whole.ballots);
    let Some(outcome) = outcome else { return };
    told.center = outcome.estimate.center;
    told.band = outcome.estimate.band;
    told.fast = outcome.estimate.fast;
    told.level = outcome.estimate.level;
    told.anchor = anchor_log(outcome.anchor);
    told.price_leg = outcome.price_leg.price();
    if let Some(reading) = outcome.reading {
        told.utilisation_leg = reading.leg.and_then(NanoLog::price);
        told.utilisation = Some(reading.share);
        told.utilisation_weight = reading.weight;
    }
    told.voices = voices(whole, outcome);
}

fn voices(whole: &Told<'_>, outcome: &Outcome) -> Vec<Voice> {
    let all_raw = whole.ballots.iter().fold(0_u64, |sum, one| sum.saturating_add(one.raw));
    let all: u64 = whole.ballots.iter().map(|one| u64::from(one.mass)).sum();
    let voice = |ballot: &Ballot<'_>| {
        let member = ballot.member;
        let estimate = &outcome.estimate;
        let winsorised = ballot.residual.within(estimate.center, estimate.band);
        Voice {
            provider: ballot.provider.clone(),
            cluster: member.cluster.clone(),
            tier: member.tier(),
            is_administered: member.is_administered(),
            price: member.quote.price,
            level: member.level,
            spread: member.spread().unwrap_or_default(),
            residual: ballot.residual,
            winsorised,
            is_winsorised: winsorised != ballot.residual,
            share_before_cap: ratio(ballot.raw, all_raw),
            share: ratio(u64::from(ballot.mass), all),
            effect: outcome.value.minus(without(whole, ballot).unwrap_or(outcome.value)),
        }
    };
    whole.ballots.iter().map(voice).collect()
}

/// The index as it would be if one voice had been silent for long.
fn without(whole: &Told<'_>, voice: &Ballot<'_>) -> Option<NanoLog> {
    let others = whole.ballots.iter().filter(|one| one.provider != voice.provider);
    let others = weighed(others.copied().collect(), whole.params);
    Some(whole.filter.outcome(&others, whole.step, whole.params)?.value)
}

/// The mean of the recent leases by volume: a second opinion, never mixed with asks.
fn transactions(ballots: &[Ballot<'_>]) -> Option<MicroUsd> {
    let leased = ballots.iter().filter(|one| one.member.is_transacted());
    let leased = leased.filter_map(|one| one.member.leases.recent());
    let (sum, all) = leased.fold((0_i128, 0_i128), |(sum, all), (mean, volume)| {
        let volume = i128::from(volume);
        let weighted = i128::from(mean.nanos()).saturating_mul(volume);
        (sum.saturating_add(weighted), all.saturating_add(volume))
    });
    if all == 0 {
        return None;
    }
    let mean = instruments::rounding::div_half_even(sum, all);
    NanoLog::new(i64::try_from(mean).ok()?).price()
}
