//! The index of one grade: quotes in, one row per tick out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Nanos, NanosSpan};

use crate::cluster::{ClusterId, ProviderId};
use crate::explain::{Explanation, Ignored, WhyIgnored};
use crate::filter::{Filter, Seens, Step};
use crate::founding::founders;
use crate::log::NanoLog;
use crate::member::{Quote, Seen};
use crate::observation::Observation;
use crate::params::Params;
use crate::print::{Print, Withheld};
use crate::tier::Tier;

/// The index of one grade in US dollars per GPU-hour.
///
/// Its whole state is canonical bytes: an index restored from them goes on exactly as the original would have.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Index {
    params: Params,
    last_tick: Option<Nanos>,
    filter: Option<Filter>,
}

impl Index {
    /// An index that has seen nothing.
    #[must_use]
    pub const fn new(params: Params) -> Self {
        Self { params, last_tick: None, filter: None }
    }

    /// Takes what was observed for one tick and says what the index is. Always says something: a value or a reason.
    ///
    /// The order of the observations does not matter. Of a provider that is given twice the later quote counts, then the one of the better
    /// tier, then the cheaper one. Quotes after the tick, or older than one cadence, are not part of it, and judgements never are.
    ///
    /// # Panics
    /// When `tick_at` is before the last tick: the caller's time runs backwards.
    pub fn tick(&mut self, tick_at: Nanos, observations: &[Observation]) -> Print {
        self.advance(tick_at, observations, None)
    }

    /// The same print and the same state afterwards, and why.
    ///
    /// # Panics
    /// When `tick_at` is before the last tick: the caller's time runs backwards.
    pub fn tick_explained(
        &mut self,
        tick_at: Nanos,
        observations: &[Observation],
    ) -> (Print, Explanation) {
        let mut told =
            Explanation { ignored: self.unseen(tick_at, observations), ..<_>::default() };
        let print = self.advance(tick_at, observations, Some(&mut told));
        (print, told)
    }

    /// Takes a futures mark from outside. It is no quote and counts only when there are too few of them; older ones change nothing.
    pub fn set_mark(&mut self, at: Nanos, mark: MicroUsd) {
        if let (Some(filter), Some(mark)) = (&mut self.filter, NanoLog::of(mark)) {
            filter.set_mark(at, mark);
        }
    }

    fn advance(
        &mut self,
        tick_at: Nanos,
        observations: &[Observation],
        told: Option<&mut Explanation>,
    ) -> Print {
        assert!(self.last_tick <= Some(tick_at), "tick time runs backwards");
        let elapsed = self.last_tick.map_or(NanosSpan::ZERO, |last| tick_at.since(last));
        self.last_tick = Some(tick_at);

        let step = Step::new(tick_at, elapsed, &self.params);
        let seens = self.seens(tick_at, observations);
        let params = &self.params;
        if self.filter.as_ref().is_none_or(|filter| filter.is_forsaken(tick_at, params)) {
            // Of an index that has been silent for long, those found a new one who have been watched long enough.
            let is_known = |provider: &ProviderId| {
                let filter = self.filter.as_ref();
                filter.is_none_or(|filter| filter.has_served(provider, tick_at, params))
            };
            let known: Seens<'_> = seens.iter().filter(|(it, _)| is_known(it)).cloned().collect();
            if let Some(members) = founders(&known, &step, params) {
                self.filter = Some(Filter::new(members, tick_at, params));
            }
        }
        match &mut self.filter {
            Some(filter) => filter.tick(step, &seens, &self.params, told),
            None => self.unfounded(tick_at, &seens),
        }
    }

    fn is_current(&self, tick_at: Nanos, observation: &Observation) -> bool {
        observation.at() <= tick_at && tick_at.since(observation.at()) <= self.params.cadence
    }

    /// Of every provider the one observation that counts.
    pub(crate) fn counted<'a>(
        &self,
        tick_at: Nanos,
        observations: &'a [Observation],
    ) -> BTreeMap<&'a ProviderId, &'a Observation> {
        let counts =
            |one: &&Observation| self.is_current(tick_at, one) && one.tier() != Tier::Judgement;
        let mut counted: BTreeMap<&ProviderId, &Observation> = BTreeMap::new();
        for observation in observations.iter().filter(counts) {
            counted
                .entry(observation.provider())
                .and_modify(|best| *best = later(best, observation))
                .or_insert(observation);
        }
        counted
    }

    fn seens<'a>(&self, tick_at: Nanos, observations: &'a [Observation]) -> Seens<'a> {
        let seen = |observation: &'a Observation| Seen {
            quote: Quote::of(observation, &self.params),
            cluster: observation.cluster(),
            route: observation.route(),
        };
        let counted = self.counted(tick_at, observations);
        counted.into_iter().map(|(provider, observation)| (provider, seen(observation))).collect()
    }

    /// What was shown and does not even reach the filter.
    fn unseen(&self, tick_at: Nanos, observations: &[Observation]) -> Vec<Ignored> {
        let counted = self.counted(tick_at, observations);
        let room = usize::try_from(self.params.members_max).unwrap_or(usize::MAX);
        let members = self.filter.as_ref().map(|filter| &filter.members);
        let is_known =
            |provider: &ProviderId| members.is_some_and(|one| one.contains_key(provider));
        let is_full = members.is_some_and(|members| room <= members.len());
        let why = |one: &Observation| {
            if tick_at < one.at() {
                Some(WhyIgnored::NotYet)
            } else if !self.is_current(tick_at, one) {
                Some(WhyIgnored::Stale)
            } else if one.tier() == Tier::Judgement {
                Some(WhyIgnored::Judgement)
            } else if counted.get(one.provider()).is_some_and(|best| !std::ptr::eq(*best, one)) {
                Some(WhyIgnored::Superseded)
            } else if is_full && !is_known(one.provider()) {
                Some(WhyIgnored::NoRoom)
            } else {
                None
            }
        };
        let ignored = |one: &Observation| {
            why(one).map(|why| Ignored { provider: one.provider().clone(), why })
        };
        let mut ignored: Vec<Ignored> = observations.iter().filter_map(ignored).collect();
        ignored.sort_by(|one, other| (&one.provider, one.why).cmp(&(&other.provider, other.why)));
        ignored
    }

    fn unfounded(&self, tick_at: Nanos, seens: &Seens<'_>) -> Print {
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        let owners: BTreeSet<&ClusterId> = seens.iter().map(|(_, seen)| seen.cluster).collect();
        let (providers, owners) = (count(seens.len()), count(owners.len()));
        let needed = self.params.providers_min;
        let reason = if providers == 0 {
            Withheld::NoObservations
        } else if providers < needed {
            Withheld::Providers { voting: providers, needed, on_probation: 0 }
        } else if owners < needed {
            Withheld::Clusters { voting: owners, needed, on_probation: 0 }
        } else {
            Withheld::NoCommonLevel { providers }
        };
        Print::withheld(tick_at, reason, providers)
    }
}

/// Of two observations of one provider the one that counts. Of two that differ in nothing that counts either will do.
fn later<'a>(one: &'a Observation, other: &'a Observation) -> &'a Observation {
    let rank = |observation: &Observation| {
        let lease = observation.lease().map(|lease| (lease.gpu_seconds, Reverse(lease.price)));
        let units = observation.units().map(|units| (units.total, units.leased));
        let tier = (Reverse(observation.tier()), Reverse(observation.price()));
        let rest = (Reverse(observation.configs()), lease, units, observation.stake());
        (observation.at(), tier, rest)
    };
    let names = |observation: &'a Observation| (observation.cluster(), observation.route());
    let order = rank(one).cmp(&rank(other)).then_with(|| names(other).cmp(&names(one)));
    if order.is_lt() { other } else { one }
}
