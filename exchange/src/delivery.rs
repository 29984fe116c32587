//! An obligation, the intervals of it that are under way, and what each of them waits for.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Instrument, Nanos, ObligationId, Qty};
use settlement::{ChallengeState, IntervalState, MeterTerms, Obligation};

use crate::run_timers::later;

/// An obligation and the intervals of it that are under way.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delivery {
    /// Who owes what to whom, and what has come of it.
    pub obligation: Obligation,
    /// The first interval that has not begun.
    pub(crate) next_interval: u32,
    /// Intervals that have begun and not ended.
    pub(crate) under_way: BTreeMap<u32, UnderWay>,
    /// The seed of its first challenge: what stays on its devices for as long as it lasts is derived from it.
    pub session_seed: Option<[u8; 32]>,
    /// Whether its parties were asked to accept.
    pub(crate) is_asked: bool,
    /// The first hour whose money has not moved.
    pub(crate) hours_from: u32,
    /// When the last interval had ended.
    pub(crate) ended_at: Option<Nanos>,
    /// Whether its last invoice is made.
    pub(crate) is_invoiced: bool,
    /// When its newest invoice was made.
    pub(crate) invoiced_at: Nanos,
    /// Whether one of its invoices is disputed: then it stays open until the close of its series.
    pub(crate) is_disputed: bool,
}

/// What the timer can have to do for an obligation, in the order in which it is done where several are due at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// Both sides may accept from now on.
    AcceptanceOpens,
    /// Who has not accepted by now has not.
    AcceptanceEnds,
    /// A challenge, or an interval that is judged by one, ends by itself.
    Deadline(u32),
    /// Time alone makes something of the hours clear.
    Meter,
    /// The seller has brought nothing in place of what fails.
    Standby,
    /// The buyer prefunds the next day.
    TopUp,
    /// The next interval begins.
    Open,
    /// An invoice is made.
    Invoice,
    /// Nothing is left to do.
    Close,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct UnderWay {
    /// When its challenge was issued.
    pub issued_at: Nanos,
    pub seed: Option<[u8; 32]>,
    pub work_root: Option<[u8; 32]>,
    pub draw_seed: Option<[u8; 32]>,
}

/// A challenge that has not been judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenChallenge {
    /// Of which obligation.
    pub obligation: ObligationId,
    /// Its number.
    pub challenge: u32,
    /// Who must work.
    pub seller: AccountId,
    /// How many GPUs must work.
    pub lots: Qty,
    /// What the work is derived from.
    pub seed: [u8; 32],
    /// The seed of the obligation's first challenge.
    pub session_seed: [u8; 32],
    /// When it was issued.
    pub issued_at: Nanos,
    /// The first interval of the run of intervals that it speaks for; zero where every interval has its own.
    pub session: u32,
    /// Where it stands.
    pub state: ChallengeState,
    /// The root of the claimed work, once claimed.
    pub work_root: Option<[u8; 32]>,
    /// What the opened rows are derived from, once drawn.
    pub draw_seed: Option<[u8; 32]>,
}

impl Delivery {
    pub(crate) fn new(obligation: Obligation) -> Self {
        Self {
            obligation,
            next_interval: 0,
            under_way: BTreeMap::new(),
            session_seed: None,
            is_asked: false,
            hours_from: 0,
            ended_at: None,
            is_invoiced: false,
            invoiced_at: Nanos::default(),
            is_disputed: false,
        }
    }

    /// When a challenge, or an interval that is judged by one, ends by itself.
    fn deadline(&self, number: u32, terms: &Instrument) -> Option<Nanos> {
        if let Some(meter) = &self.obligation.meter {
            return meter.asked(number)?.state.deadline();
        }
        match self.obligation.interval(number)? {
            IntervalState::Open => {
                Some(terms.schedule.interval_starts_at(number.saturating_add(1)))
            }
            IntervalState::Challenged { answer_by } => Some(answer_by),
            IntervalState::Claimed { verdict_by } => Some(verdict_by),
            IntervalState::Pending
            | IntervalState::Delivered { .. }
            | IntervalState::Failed { .. }
            | IntervalState::Unverified => None,
        }
    }

    /// Whether anything is awaited of a challenge at `now`. The timer may be late; deadlines are not, and after the close nothing is.
    fn is_awaited(&self, number: u32, terms: &Instrument, now: Nanos) -> bool {
        let by = self.deadline(number, terms).map(|by| by.min(terms.schedule.close_at));
        !self.obligation.closed && by.is_some_and(|by| now < by)
    }

    /// What a challenge waits for at `now`.
    pub(crate) fn awaits(
        &self,
        challenge: u32,
        terms: &Instrument,
        now: Nanos,
    ) -> Option<ChallengeState> {
        self.challenge_state(challenge).filter(|_| self.is_awaited(challenge, terms, now))
    }

    /// The interval that waits for its one challenge at `now`.
    pub(crate) fn unasked(&self, terms: &Instrument, now: Nanos) -> Option<u32> {
        let is_open = |interval: &u32| {
            self.obligation.interval(*interval) == Some(IntervalState::Open)
                && self.is_awaited(*interval, terms, now)
        };
        self.under_way.keys().copied().find(is_open)
    }

    /// How it is metered between challenges, if it is.
    pub(crate) fn meter_terms<'a>(
        &self,
        terms: &'a Instrument,
        now: Nanos,
    ) -> Option<MeterTerms<'a>> {
        let schedule = &terms.schedule;
        let between = schedule.close_out.meter()?;
        let (next_interval, count) = (self.next_interval, self.obligation.interval_count());
        Some(MeterTerms { schedule, between, now, next_interval, count })
    }

    /// When time alone makes something of its hours clear.
    fn meter_due(&self, terms: &Instrument, now: Nanos) -> Option<(Nanos, Due)> {
        let of = self.meter_terms(terms, now)?;
        let due = self.obligation.meter.as_ref()?.next_due(&of)?;
        Some((due, Due::Meter))
    }

    /// The next instant at which the timer has something to do here, and what.
    pub(crate) fn next_due(&self, terms: &Instrument, now: Nanos) -> Option<(Nanos, Due)> {
        let duty = &self.obligation;
        if duty.closed {
            return None;
        }
        let schedule = &terms.schedule;
        let acceptance = duty.acceptance.is_open().then_some(if self.is_asked {
            (schedule.close_out.accept_until, Due::AcceptanceEnds)
        } else {
            (schedule.close_out.accept_from, Due::AcceptanceOpens)
        });
        let deadline = |index: &u32| Some((self.deadline(*index, terms)?, Due::Deadline(*index)));
        let deadlines = self.under_way.keys().filter_map(deadline);
        let waiting = duty.outage.filter(|outage| !outage.is_called);
        let standby = waiting.map(|outage| (outage.substitute_by, Due::Standby));
        let opens = (self.next_interval < duty.interval_count())
            .then(|| (schedule.interval_starts_at(self.next_interval), Due::Open));
        let (top_up, last) = (self.top_up_due(terms), self.last_due(terms));
        let single = [acceptance, standby, self.meter_due(terms, now), top_up, opens, last];
        deadlines.chain(single.into_iter().flatten()).min()
    }

    /// When the buyer prefunds more: at the beginning of each day that is not the first.
    fn top_up_due(&self, terms: &Instrument) -> Option<(Nanos, Due)> {
        let duty = &self.obligation;
        if duty.interval_count() <= duty.funded {
            return None;
        }
        let close_out = &terms.schedule.close_out;
        let begun = close_out.day_of(duty.funded).saturating_sub(close_out.prefund_days);
        let starts = close_out.day_starts_at(begun.saturating_add(1), duty.funded);
        Some((terms.schedule.interval_starts_at(starts), Due::TopUp))
    }

    /// When the next invoice is made: some time after the end of each day, and after the end of everything; then the close.
    fn last_due(&self, terms: &Instrument) -> Option<(Nanos, Due)> {
        let (duty, close_out) = (&self.obligation, &terms.schedule.close_out);
        let day_ends =
            close_out.day_starts_at(duty.invoices.saturating_add(1), duty.interval_count());
        if day_ends < duty.interval_count() {
            let ends_at = terms.schedule.interval_starts_at(day_ends);
            return Some((later(ends_at, close_out.invoice_after), Due::Invoice));
        }
        let invoice_at = later(self.ended_at?, close_out.invoice_after);
        if !self.is_invoiced {
            return Some((invoice_at, Due::Invoice));
        }
        let close_at = later(self.invoiced_at, close_out.dispute_within);
        (!self.is_disputed).then_some((close_at, Due::Close))
    }

    /// The challenges that have not been judged.
    pub fn open_challenges(&self) -> impl Iterator<Item = OpenChallenge> {
        self.under_way.iter().filter_map(|(number, under_way)| {
            Some(OpenChallenge {
                obligation: self.obligation.id,
                challenge: *number,
                seller: self.challenged(*number),
                lots: self.obligation.lots,
                seed: under_way.seed?,
                session_seed: self.session_seed?,
                issued_at: under_way.issued_at,
                session: self
                    .obligation
                    .meter
                    .as_ref()
                    .map_or(0, |meter| meter.asked(*number).map_or(0, |asked| asked.session)),
                state: self.challenge_state(*number)?,
                work_root: under_way.work_root,
                draw_seed: under_way.draw_seed,
            })
        })
    }

    /// Who must answer a challenge.
    pub(crate) fn challenged(&self, number: u32) -> AccountId {
        let asked = self.obligation.meter.as_ref().and_then(|meter| meter.asked(number));
        asked.map_or_else(|| self.obligation.deliverer(number), |asked| asked.deliverer)
    }

    fn challenge_state(&self, number: u32) -> Option<ChallengeState> {
        if let Some(meter) = &self.obligation.meter {
            return meter.asked(number).filter(|asked| asked.is_open()).map(|asked| asked.state);
        }
        match self.obligation.interval(number)? {
            IntervalState::Challenged { answer_by } => {
                Some(ChallengeState::Challenged { answer_by })
            }
            IntervalState::Claimed { verdict_by } => Some(ChallengeState::Claimed { verdict_by }),
            IntervalState::Pending
            | IntervalState::Open
            | IntervalState::Delivered { .. }
            | IntervalState::Failed { .. }
            | IntervalState::Unverified => None,
        }
    }

    /// The cumulative claim that the next receipt makes: one whole interval more or, between challenges, all until the newest of them.
    #[must_use]
    pub fn next_claim_millis(&self, terms: &Instrument) -> u64 {
        self.obligation.claim_limit_millis(terms)
    }
}
