//! An obligation, the intervals of it that are under way, and what each of them waits for.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Instrument, Nanos, ObligationId, Qty};
use settlement::{IntervalState, Obligation};

/// An obligation and the intervals of it that are under way.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delivery {
    /// Who owes what to whom, and what has come of it.
    pub obligation: Obligation,
    /// The first interval that has not begun.
    pub(crate) next_interval: u32,
    /// Intervals that have begun and not ended.
    pub(crate) under_way: BTreeMap<u32, UnderWay>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct UnderWay {
    pub seed: Option<[u8; 32]>,
    pub work_root: Option<[u8; 32]>,
    pub draw_seed: Option<[u8; 32]>,
}

/// A challenge that has not been judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenChallenge {
    /// Of which obligation.
    pub obligation: ObligationId,
    /// For which interval.
    pub interval: u32,
    /// Who must work.
    pub seller: AccountId,
    /// How many GPUs must work.
    pub lots: Qty,
    /// What the work is derived from.
    pub seed: [u8; 32],
    /// Where it stands.
    pub state: IntervalState,
    /// The root of the claimed work, once claimed.
    pub work_root: Option<[u8; 32]>,
    /// What the opened rows are derived from, once drawn.
    pub draw_seed: Option<[u8; 32]>,
}

impl Delivery {
    pub(crate) fn new(obligation: Obligation) -> Self {
        Self { obligation, next_interval: 0, under_way: BTreeMap::new() }
    }

    /// When an interval under way ends by itself.
    pub(crate) fn deadline(&self, interval: u32, terms: &Instrument) -> Option<Nanos> {
        match self.obligation.interval(interval)? {
            IntervalState::Open => {
                Some(terms.schedule.interval_starts_at(interval.saturating_add(1)))
            }
            IntervalState::Challenged { answer_by } => Some(answer_by),
            IntervalState::Claimed { verdict_by } => Some(verdict_by),
            IntervalState::Pending
            | IntervalState::Delivered { .. }
            | IntervalState::Failed { .. }
            | IntervalState::Unverified => None,
        }
    }

    /// What the interval waits for at `now`. The timer may be late; deadlines are not, and after the close nothing is awaited.
    pub(crate) fn awaits(
        &self,
        interval: u32,
        terms: &Instrument,
        now: Nanos,
    ) -> Option<IntervalState> {
        let by = self.deadline(interval, terms)?.min(terms.schedule.close_at);
        let is_awaited = !self.obligation.closed && now < by;
        self.obligation.interval(interval).filter(|_| is_awaited)
    }

    /// The next instant at which the timer has something to do here.
    pub(crate) fn next_due(&self, terms: &Instrument) -> Option<Nanos> {
        if self.obligation.closed {
            return None;
        }
        let opens = (self.next_interval < terms.schedule.intervals)
            .then(|| terms.schedule.interval_starts_at(self.next_interval));
        let deadlines = self.under_way.keys().filter_map(|index| self.deadline(*index, terms));
        deadlines.chain(opens).min()
    }

    /// The challenges that have not been judged.
    pub fn open_challenges(&self) -> impl Iterator<Item = OpenChallenge> {
        self.under_way.iter().filter_map(|(interval, under_way)| {
            Some(OpenChallenge {
                obligation: self.obligation.id,
                interval: *interval,
                seller: self.obligation.seller,
                lots: self.obligation.lots,
                seed: under_way.seed?,
                state: self.obligation.interval(*interval)?,
                work_root: under_way.work_root,
                draw_seed: under_way.draw_seed,
            })
        })
    }

    /// The cumulative claim that a receipt for one more whole interval makes.
    #[must_use]
    pub fn next_claim_millis(&self, terms: &Instrument) -> u64 {
        let whole = self.obligation.interval_compute(terms).seconds().saturating_mul(1000);
        self.obligation.claimed_millis.saturating_add(whole)
    }
}
