//! The index of one grade: quotes in, one row per tick out.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, NanosSpan};

use crate::cluster::ProviderId;
use crate::explain::Explanation;
use crate::filter::{Filter, Step};
use crate::founding::founders;
use crate::member::Quote;
use crate::observation::Observation;
use crate::params::Params;
use crate::print::{Print, Withheld};

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
    /// The order of the observations does not matter. Of a provider that is given twice the later quote counts, then the cheaper one.
    /// Quotes after the tick, or older than one cadence, are not part of it.
    ///
    /// # Panics
    /// When `tick_at` is before the last tick: the caller's time runs backwards.
    pub fn tick(&mut self, tick_at: Nanos, observations: &[Observation]) -> Print {
        assert!(self.last_tick <= Some(tick_at), "tick time runs backwards");
        let elapsed = self.last_tick.map_or(NanosSpan::ZERO, |last| tick_at.since(last));
        self.last_tick = Some(tick_at);

        let quotes = self.quotes(tick_at, observations);
        if self.filter.is_none() {
            let members = founders(&quotes, &self.params);
            self.filter = members.map(|members| Filter::new(members, tick_at, &self.params));
        }
        match &mut self.filter {
            Some(filter) => filter.tick(Step { now: tick_at, elapsed }, &quotes, &self.params),
            None => self.unfounded(tick_at, &quotes),
        }
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
        (self.tick(tick_at, observations), Explanation::default())
    }

    fn quotes(&self, tick_at: Nanos, observations: &[Observation]) -> BTreeMap<ProviderId, Quote> {
        let is_current = |observation: &&Observation| {
            observation.at() <= tick_at && tick_at.since(observation.at()) <= self.params.cadence
        };
        let mut current: Vec<&Observation> = observations.iter().filter(is_current).collect();
        // The last one of a provider wins.
        current.sort_by_key(|o| (o.at(), Reverse(o.price()), Reverse(o.configs())));
        let quote = |observation: &Observation| Quote {
            level: observation.level(),
            weight: observation.weight(&self.params),
            at: observation.at(),
        };
        current.into_iter().map(|o| (o.provider().clone(), quote(o))).collect()
    }

    fn unfounded(&self, tick_at: Nanos, quotes: &BTreeMap<ProviderId, Quote>) -> Print {
        let providers = u32::try_from(quotes.len()).unwrap_or(u32::MAX);
        let needed = self.params.providers_min;
        let reason = if providers == 0 {
            Withheld::NoObservations
        } else if providers < needed {
            Withheld::Providers { voting: providers, needed, on_probation: 0 }
        } else {
            Withheld::NoCommonLevel { providers }
        };
        Print::withheld(tick_at, reason, providers)
    }
}
