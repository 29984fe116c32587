//! The desk's thread: follows what is published, and asks the exchange for what is due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use exchange::{CloseOutEvent, Command, Event, Exchange, OpenChallenge};
use instruments::{Nanos, NanosSpan, ObligationId, Schedule as Calendar};
use parking_lot::RwLock;
use settlement::{ChallengeOutcome, ChallengeState, FailCause, IntervalState, Obligation};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use super::record::{self, Judged, asked_when};
use super::schedule::{Schedule, Session};
use super::work::{Issued, Work};
use super::{DeliveryDesk, open_challenge};
use crate::venue::clock::VenueClock;
use crate::venue::directory::random_bytes;
use crate::venue::history::History;
use crate::venue::key::VenueKey;
use crate::venue::publish::Outcome;
use crate::venue::sequencer::Inbox;

/// How long the desk waits before it looks again whether something is due.
const LOOK_AFTER: Duration = Duration::from_millis(100);
/// How long a demand that the exchange has not taken is remembered.
const ASKED_FOR: NanosSpan = NanosSpan::from_seconds(60);

/// The desk's thread.
pub(crate) struct DeskThread {
    pub(crate) desk: Arc<DeliveryDesk>,
    pub(crate) exchange: Arc<RwLock<Exchange>>,
    pub(crate) history: Arc<History>,
    pub(crate) key: Arc<VenueKey>,
    pub(crate) inbox: Inbox,
    pub(crate) clock: VenueClock,
    pub(crate) feed: broadcast::Receiver<Outcome>,
    /// A token for every time the feed has something new; closed when the publisher ends.
    pub(crate) wake: Receiver<()>,
}

/// What is still to be asked of the exchange, and when.
struct Plan {
    /// Of an obligation, for an interval or about a challenge; where every interval is judged by itself these have the same numbers.
    owed: BTreeMap<(ObligationId, u32), (Nanos, Step)>,
    /// Where time between challenges is metered.
    schedule: Schedule,
    /// Whether a line of a transcript is not on disk yet.
    is_dirty: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Challenge,
    Draw,
    /// Rows that were drawn are not opened: that is for the verifiers to judge.
    Unopened,
}

impl DeskThread {
    /// Works until the publisher ends.
    pub(crate) fn run(mut self) {
        let mut plan = self.fresh_plan();
        loop {
            self.read_feed(&mut plan);
            self.pay(&mut plan);
            self.write_down(&mut plan);
            let woken = if plan.owed.is_empty() && plan.schedule.is_empty() {
                self.wake.recv().map_err(|_ended| RecvTimeoutError::Disconnected)
            } else {
                self.wake.recv_timeout(LOOK_AFTER)
            };
            if woken == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn read_feed(&mut self, plan: &mut Plan) {
        loop {
            match self.feed.try_recv() {
                Ok(outcome) => {
                    for event in &outcome.events {
                        self.note(event, outcome.at, plan);
                    }
                }
                Err(TryRecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "delivery desk fell behind, starts afresh");
                    *plan = self.fresh_plan();
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the desk hears of deliveries only")]
    fn note(&self, event: &Event, at: Nanos, plan: &mut Plan) {
        match event {
            Event::IntervalOpened { obligation, interval } => {
                if self.is_metered_between(*obligation) {
                    self.refresh(*obligation, plan);
                } else {
                    let opens = self.moment_after(at);
                    plan.owed.insert((*obligation, *interval), (opens, Step::Challenge));
                }
            }
            Event::ChallengeIssued { obligation, challenge, seed, answer_by, .. } => {
                let now = self.clock.now();
                let open = open_challenge(&self.exchange.read(), *obligation, *challenge);
                let session = open.map_or(0, |open| open.session);
                if let Some(work) = self.desk.works.lock().get_mut(seed) {
                    let (challenge, answer_by) = (*challenge, *answer_by);
                    work.issued = Some(Issued { challenge, session, issued_at: at, answer_by });
                    work.send(now);
                }
            }
            Event::ReceiptAccepted { receipt, .. } => {
                let place = (receipt.obligation, receipt.challenge);
                self.claimed(place, at);
                plan.owed.insert(place, (at, Step::Draw));
            }
            Event::RowsDrawn { obligation, challenge, .. } => {
                let due = open_by(&self.exchange.read(), *obligation);
                plan.owed.insert((*obligation, *challenge), (due, Step::Unopened));
            }
            Event::ChallengeEnded { obligation, challenge, outcome } => {
                self.ended((*obligation, *challenge), *outcome, at, plan);
            }
            Event::IntervalSettled(settled) => {
                plan.owed.remove(&(settled.obligation, settled.interval));
                self.state(settled.obligation, plan);
            }
            Event::ObligationClosed { obligation, .. } => {
                self.refresh(*obligation, plan);
                self.state(*obligation, plan);
            }
            Event::ObligationAssigned { obligation, .. }
            | Event::BuyerDefaulted { obligation, .. } => self.refresh(*obligation, plan),
            Event::CloseOut(CloseOutEvent::OutageDeclared { obligation, from, until }) => {
                self.refresh(*obligation, plan);
                let exchange = self.exchange.read();
                let (read, of) = ((&*exchange, &*self.history), (*obligation, at));
                let written = record::outage(&self.desk, read, of, (*from, *until));
                plan.is_dirty |= written.is_ok();
                if let Err(error) = written {
                    tracing::error!(%error, %obligation, "no line in the transcript");
                }
            }
            Event::CloseOut(CloseOutEvent::StandbyCalled { obligation, .. }) => {
                self.refresh(*obligation, plan);
                plan.schedule.ask_at(*obligation, at);
            }
            _ => {}
        }
    }

    /// A challenge is over: its transcript gets a line, and who was silent or could not be judged is asked again soon.
    fn ended(
        &self,
        place: (ObligationId, u32),
        outcome: ChallengeOutcome,
        at: Nanos,
        plan: &mut Plan,
    ) {
        plan.owed.remove(&place);
        let task = self.desk.held.lock().remove(&place);
        let lost = self.desk.lost.lock().remove(&place);
        let mut works = self.desk.works.lock();
        let is_this = |work: &Work| {
            work.obligation == place.0
                && work.issued.is_some_and(|issued| issued.challenge == place.1)
        };
        let seed = works.iter().find(|(_, work)| is_this(work)).map(|(seed, _)| *seed);
        let work = seed.and_then(|seed| Some((seed, works.remove(&seed)?)));
        drop(works);
        let judged = Judged { place, outcome, at, work, task, lost };
        let history = &self.history;
        let written = judged.write(&self.desk, &self.exchange.read(), history);
        plan.is_dirty |= written.is_ok();
        if let Err(error) = written {
            tracing::error!(%error, obligation = %place.0, challenge = place.1, "no line in the transcript");
        }
        let is_to_be_repeated = match outcome {
            ChallengeOutcome::Failed { cause } => cause == FailCause::Silent,
            ChallengeOutcome::Unknown => true,
            ChallengeOutcome::Passed { .. } => false,
        };
        if is_to_be_repeated {
            plan.schedule.again(place.0, at, &mut random_bits);
        }
    }

    /// Ends a transcript with what was credited, once all of it is known.
    fn state(&self, obligation: ObligationId, plan: &mut Plan) {
        match self.desk.state(&self.exchange.read(), &self.key, obligation) {
            Ok(is_written) => plan.is_dirty |= is_written,
            Err(error) => {
                tracing::error!(%error, %obligation, "no statement in the transcript");
            }
        }
    }

    fn claimed(&self, place: (ObligationId, u32), at: Nanos) {
        let mut works = self.desk.works.lock();
        let of_place = works.values_mut().find(|work| {
            work.obligation == place.0
                && work.issued.is_some_and(|issued| issued.challenge == place.1)
        });
        if let Some(work) = of_place {
            work.claimed_at = Some(at);
        }
    }

    fn is_metered_between(&self, obligation: ObligationId) -> bool {
        session(&self.exchange.read(), obligation).is_some()
    }

    /// Reads again what the schedule must know of an obligation.
    fn refresh(&self, obligation: ObligationId, plan: &mut Plan) {
        match session(&self.exchange.read(), obligation) {
            Some(session) => plan.schedule.set(obligation, session, self.clock.now()),
            None => plan.schedule.end(obligation),
        }
    }

    /// All that the exchange waits for, read from its state.
    fn fresh_plan(&self) -> Plan {
        let exchange = self.exchange.read();
        let mut plan = Plan {
            owed: BTreeMap::new(),
            schedule: Schedule::new(self.desk.options.mean_gap),
            is_dirty: true,
        };
        for delivery in exchange.deliveries().filter(|delivery| !delivery.obligation.closed) {
            let id = delivery.obligation.id;
            if let Some(session) = session(&exchange, id) {
                plan.schedule.set(id, session, self.clock.now());
            } else {
                for (interval, state) in (0_u32..).zip(&delivery.obligation.intervals) {
                    if *state == IntervalState::Open {
                        plan.owed.insert((id, interval), (exchange.now(), Step::Challenge));
                    }
                }
            }
            for challenge in delivery.open_challenges() {
                self.rebind(&exchange, &challenge);
                let is_claimed = matches!(challenge.state, ChallengeState::Claimed { .. });
                let place = (id, challenge.challenge);
                if is_claimed && challenge.draw_seed.is_none() {
                    plan.owed.insert(place, (exchange.now(), Step::Draw));
                } else if is_claimed {
                    plan.owed.insert(place, (open_by(&exchange, id), Step::Unopened));
                }
            }
        }
        // What ended while nobody looked is not held any longer.
        let is_open = |id: ObligationId, number: u32| {
            let delivery = exchange.delivery(id);
            delivery.is_some_and(|delivery| {
                delivery.open_challenges().any(|challenge| challenge.challenge == number)
            })
        };
        self.desk.held.lock().retain(|(id, number), _| is_open(*id, *number));
        self.desk.works.lock().retain(|_, work| {
            work.issued.is_none_or(|issued| is_open(work.obligation, issued.challenge))
        });
        plan
    }

    /// What the events would have said of a challenge, had none been missed.
    fn rebind(&self, exchange: &Exchange, open: &OpenChallenge) {
        let mut works = self.desk.works.lock();
        let Some(work) = works.get_mut(&open.seed) else { return };
        let (answer_by, issued_at) = asked_when(exchange, open);
        let (challenge, session) = (open.challenge, open.session);
        work.issued.get_or_insert(Issued { challenge, session, issued_at, answer_by });
        if matches!(open.state, ChallengeState::Claimed { .. }) {
            work.claimed_at.get_or_insert(exchange.now());
        }
    }

    /// The moment at which everything that opened at `at` is challenged: all at once, because one GPU cannot serve two contracts.
    fn moment_after(&self, at: Nanos) -> Nanos {
        let within = self.desk.options.challenge_within.nanos();
        at + NanosSpan::new(random_bits().checked_rem(within).unwrap_or(0))
    }

    /// Asks for all that is due. What the inbox does not take stays owed.
    fn pay(&self, plan: &mut Plan) {
        let now = self.clock.now();
        plan.owed.retain(|(obligation, number), (due, step)| {
            now < *due || self.ask(*obligation, *number, *step).is_none()
        });
        let mut works = self.desk.works.lock();
        works.retain(|_, work| work.issued.is_some() || now < work.asked_at + ASKED_FOR);
        let at_work: std::collections::BTreeSet<ObligationId> = works
            .values()
            .filter(|work| work.is_at_work(now))
            .map(|work| work.obligation)
            .collect();
        drop(works);
        let is_at_work = |id: ObligationId| at_work.contains(&id);
        let due = plan.schedule.due(now, is_at_work, &mut random_bits);
        if !due.is_empty() && self.inbox.send(Command::Tick).is_err() {
            tracing::debug!("no tick before the challenges");
        }
        // An interval begins when a timer runs, and before it has nobody can be asked for it: hence the tick.
        for obligation in due {
            if self.challenge(obligation).is_none() {
                plan.schedule.ask_at(obligation, now);
            }
        }
    }

    fn ask(&self, obligation: ObligationId, number: u32, step: Step) -> Option<()> {
        match step {
            Step::Challenge => self.challenge(obligation),
            Step::Unopened => self.desk.relay_nothing(&self.exchange.read(), (obligation, number)),
            Step::Draw => {
                let seed = random()?;
                let command = Command::DrawRows { obligation, challenge: number, seed };
                self.inbox.send(command).map(drop).ok()
            }
        }
    }

    /// Demands work. The outcome comes by the feed; a refusal means that nobody is to be asked any more.
    fn challenge(&self, obligation: ObligationId) -> Option<()> {
        let (seed, salt_key) = (random()?, random()?);
        let lots = self.exchange.read().delivery(obligation)?.obligation.lots;
        let shape = self.desk.options.shape(lots);
        let work = Work::new(obligation, shape, salt_key, self.clock.now());
        if !self.desk.begin(seed, work) {
            tracing::error!(limit = super::WORKS_MAX, "too much work is under way");
            return None;
        }
        let sent = self.inbox.send(Command::IssueChallenge { obligation, seed });
        if sent.is_err() {
            self.desk.works.lock().remove(&seed);
        }
        sent.map(drop).ok()
    }

    /// Makes the transcripts durable.
    fn write_down(&self, plan: &mut Plan) {
        if !std::mem::take(&mut plan.is_dirty) {
            return;
        }
        if let Err(error) = self.desk.transcripts.flush() {
            tracing::error!(%error, "transcripts are not on disk");
        }
    }
}

/// When the rows that have just been drawn must be opened: after half the time that the verdict has.
fn open_by(exchange: &Exchange, obligation: ObligationId) -> Nanos {
    let delivery = exchange.delivery(obligation);
    let series = delivery.and_then(|d| exchange.series_by_id(d.obligation.instrument));
    let within = series.map_or(0, |series| series.instrument.schedule.verdict_within.nanos());
    exchange.now() + NanosSpan::new(within.div_euclid(2))
}

/// What the schedule must know of an obligation; `None` where there is nothing to schedule, or nothing any more.
fn session(exchange: &Exchange, obligation: ObligationId) -> Option<Session> {
    let delivery = exchange.delivery(obligation)?;
    let duty = &delivery.obligation;
    let terms = &exchange.series_by_id(duty.instrument)?.instrument;
    let schedule = &terms.schedule;
    let recheck_within = schedule.close_out.meter()?.recheck_within;
    if duty.closed {
        return None;
    }
    Some(Session {
        grade: terms.grade.clone(),
        from: schedule.deliver_from,
        // Fewer intervals are left once the buyer has stopped prefunding.
        until: schedule.interval_starts_at(duty.interval_count()),
        recheck_within,
        outages: outages(duty, schedule),
    })
}

/// From when until when nobody is there: what is declared missing and nobody stands in for.
fn outages(duty: &Obligation, calendar: &Calendar) -> Vec<(Nanos, Nanos)> {
    let mut missing: Vec<(u32, u32)> = Vec::new();
    let declared = duty.declared.iter().flat_map(|(from, until)| *from..*until);
    for interval in declared.filter(|interval| duty.stand_in(*interval).is_none()) {
        let next = interval.saturating_add(1);
        match missing.last_mut() {
            Some((_, until)) if *until == interval => *until = next,
            Some(_) | None => missing.push((interval, next)),
        }
    }
    let starts = |interval: u32| calendar.interval_starts_at(interval.min(calendar.intervals));
    missing.into_iter().map(|(from, until)| (starts(from), starts(until))).collect()
}

fn random() -> Option<[u8; 32]> {
    random_bytes().inspect_err(|error| tracing::error!(%error, "no randomness, no challenge")).ok()
}

fn random_bits() -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = random().unwrap_or_default();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
