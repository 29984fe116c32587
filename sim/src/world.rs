//! One seeded world: participants, an oracle, deliveries and faults around the real exchange, under a clock that is only a number.
//!
//! There is one loop, [`World::run`]. It does whatever is due next, either the exchange's timer or an entry of the agenda, and everything it asks
//! goes through [`World::submit`]: stamped, applied, audited, kept. Nothing here reads a clock or any chance but the scenario's seed.

mod close_out;
mod deliver;
mod meter;
mod opening;
mod strike;

use std::collections::BTreeMap;

use exchange::{Command, Event, Exchange, SeriesState, Stamped};
use instruments::{AccountId, MicroUsd, Nanos, NanosSpan, ObligationId, Ppm, Seq};

pub(crate) use close_out::Errand;

use crate::agenda::{Action, Agenda};
use crate::auditor::Auditor;
use crate::cast::{Participant, Request};
use crate::feed::{CADENCE, Feed, Weather};
use crate::finding::Finding;
use crate::report::{Report, Tally, Violation};
use crate::scenario::Scenario;
use crate::seed::Stream;
use crate::work::Agent;

/// How often the auditor compares its books with the exchange's view.
const COMPARE_EVERY: u64 = 64;
/// More commands than this for one day of trading, and something goes round in circles.
const COMMANDS_PER_DAY_MAX: u64 = 100_000;
const DAY: NanosSpan = NanosSpan::from_seconds(86_400);

pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    exchange: Exchange,
    auditor: Auditor,
    /// Every command that was ever applied.
    journal: Vec<Stamped>,
    /// After each command, the hash of all events up to it.
    histories: Vec<[u8; 32]>,
    snapshot: Snapshot,
    agenda: Agenda,
    clock: Clock,
    cast: Vec<Box<dyn Participant>>,
    feeds: Vec<Feed>,
    agents: BTreeMap<AccountId, Agent>,
    verifier: AccountId,
    desk: Stream,
    measured: BTreeMap<(ObligationId, u32), Ppm>,
    trouble: Trouble,
    tally: Tally,
    finding: Option<Finding>,
}

/// The last snapshot, from which a crash recovers.
struct Snapshot {
    bytes: Vec<u8>,
    /// How many commands it holds.
    commands: usize,
    /// After how many commands the next one is taken.
    next: usize,
}

/// What the venue's machine believes the time to be.
struct Clock {
    /// The time in the world.
    now: Nanos,
    /// The sequencer's clock stands at its last reading until then.
    stands_until: Nanos,
    /// The venue is down until then.
    down_until: Nanos,
    /// The timer does not run before this.
    timer_from: Nanos,
}

/// What is wrong at the moment.
#[derive(Default)]
struct Trouble {
    silent_until: Nanos,
    dark_until: Nanos,
    spike: (Nanos, u64),
    duplicate_next: bool,
    delay_next: bool,
    verifier_until: Nanos,
    unreachable: BTreeMap<AccountId, Nanos>,
    challenges_until: Nanos,
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        let exchange = Exchange::new();
        let snapshot = Snapshot { bytes: exchange.snapshot(), commands: 0, next: 100 };
        let feeds = opening::feeds(scenario);
        Self {
            scenario,
            exchange,
            auditor: Auditor::new(),
            journal: Vec::new(),
            histories: Vec::new(),
            snapshot,
            agenda: Agenda::default(),
            clock: Clock {
                now: scenario.begins_at,
                stands_until: Nanos::default(),
                down_until: Nanos::default(),
                timer_from: Nanos::default(),
            },
            cast: Vec::new(),
            feeds,
            agents: BTreeMap::new(),
            verifier: AccountId(0),
            desk: Stream::new(scenario.seed, "desk"),
            measured: BTreeMap::new(),
            trouble: Trouble::default(),
            tally: Tally::default(),
            finding: None,
        }
    }

    /// Lives through the whole scenario and reports.
    pub(crate) fn run(mut self) -> (Report, Vec<Stamped>) {
        let _guard = SaysHowToReproduce(self.scenario);
        self.open();
        while self.finding.is_none() && self.step() {}
        if self.finding.is_none() {
            self.finding = self.last_audit().err();
        }
        let violation = self
            .finding
            .take()
            .map(|finding| Violation { command: self.exchange.last_seq(), finding });
        let tally = std::mem::take(&mut self.tally);
        let checks = self.auditor.checks();
        let report = Report::new(self.scenario, tally, &self.exchange, checks, violation);
        (report, self.journal)
    }

    /// Does what is due next. Whether there was anything.
    fn step(&mut self) -> bool {
        let timer = self.exchange.next_due().map(|due| due.max(self.clock.timer_from));
        let entry = self.agenda.next_at();
        if entry.is_none() && self.is_over() {
            return false;
        }
        match (timer, entry) {
            (Some(due), entry) if entry.is_none_or(|at| due <= at) => {
                self.clock.now = self.clock.now.max(due);
                self.submit(Command::Tick);
                self.check_timer();
            }
            (_, Some(at)) => {
                self.clock.now = self.clock.now.max(at);
                if let Some(action) = self.agenda.next() {
                    self.act(action);
                }
            }
            (_, None) => return false,
        }
        true
    }

    /// Whether nobody trades any more and everything that was owed has been delivered.
    fn is_over(&self) -> bool {
        self.exchange.series().all(|series| series.state == SeriesState::Closed)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Wake(place) => self.wake(place),
            Action::Observe => self.observe(),
            Action::Print(print) => {
                self.submit(Command::PublishIndex(print));
            }
            Action::List => self.list(),
            Action::GoHome => self.go_home(),
            Action::Challenge(obligation, interval) => self.challenge(obligation, interval),
            Action::Check(obligation) => self.check(obligation),
            Action::Meter(obligation) => self.meter(obligation),
            Action::Answer(obligation, number) => self.answer(obligation, number),
            Action::Draw(obligation, number) => self.draw(obligation, number),
            Action::Judge(obligation, number, quality) => {
                self.judge(obligation, number, quality);
            }
            Action::Run(errand) => self.run_errand(errand),
            Action::Strike(fault) => self.strike(fault),
        }
    }

    fn wake(&mut self, place: usize) {
        let Some(participant) = self.cast.get_mut(place) else { return };
        let mut wants = Vec::new();
        let again = participant.wake(&self.exchange, self.clock.now, &mut wants);
        for Request { command, is_nonsense } in wants {
            let is_refused = self.submit(command);
            if is_nonsense && is_refused == Some(false) {
                self.finding = Some(Finding::NonsenseAccepted);
            }
        }
        let again = self.clock.now + again;
        if again < self.scenario.ends_at() {
            self.agenda.enter(again, Action::Wake(place));
        }
    }

    /// Asks the sources, lets the index print, and sends the prints off.
    fn observe(&mut self) {
        let now = self.clock.now;
        let (spike_until, factor) = self.trouble.spike;
        let weather = Weather {
            is_dark: now < self.trouble.dark_until,
            factor_ppm: if now < spike_until { factor } else { 1_000_000 },
        };
        let prints: Vec<_> = self.feeds.iter_mut().map(|feed| feed.print(now, weather)).collect();
        let is_silent = now < self.trouble.silent_until;
        for print in prints.into_iter().filter(|_| !is_silent) {
            self.tally.prints += 1;
            self.tally.withheld += u64::from(print.value.is_none());
            let delay = self.desk.between(200, 5_000);
            if std::mem::take(&mut self.trouble.duplicate_next) {
                let later = now + NanosSpan::from_millis(delay + 1_000);
                self.agenda.enter(later, Action::Print(print.clone()));
            }
            let held_back = std::mem::take(&mut self.trouble.delay_next);
            let mut arrives_at = now + NanosSpan::from_millis(delay);
            if held_back {
                arrives_at = arrives_at + CADENCE + NanosSpan::from_seconds(60);
            }
            self.agenda.enter(arrives_at, Action::Print(print));
        }
        if now + CADENCE < self.scenario.calm_from() {
            self.agenda.enter(now + CADENCE, Action::Observe);
        }
    }

    /// Stamps a command, applies it, has it audited, and lets the world react. Whether it was refused; `None` while the venue is down.
    fn submit(&mut self, command: Command) -> Option<bool> {
        if self.finding.is_some() {
            return None;
        }
        if self.is_down() {
            self.tally.lost += 1;
            return None;
        }
        let last = self.journal.last();
        let at = match last {
            Some(last) if self.clock.now < self.clock.stands_until => last.at,
            Some(last) => last.at.max(self.clock.now),
            None => self.clock.now,
        };
        let seq = last.map_or(Seq(1), |last| last.seq.next());
        let stamped = Stamped { seq, at, command };
        let mut events = Vec::new();
        self.exchange.apply(&stamped, &mut events);
        self.tally.count(&stamped, &events);
        self.histories.push(self.exchange.history_hash());
        let audit = self.auditor.observe(&stamped, &events);
        self.journal.push(stamped);
        self.finding = audit.and_then(|()| self.checkpoint()).err();
        if self.finding.is_none() {
            self.react(&events);
        }
        Some(events.iter().any(|event| matches!(event, Event::Rejected(_))))
    }

    fn is_down(&self) -> bool {
        self.clock.now < self.clock.down_until
    }

    /// Now and then: our books against the exchange's, and a snapshot that must restore to what it saved.
    fn checkpoint(&mut self) -> Result<(), Finding> {
        let commands = self.journal.len();
        if u64::try_from(commands).unwrap_or(0).is_multiple_of(COMPARE_EVERY) {
            self.auditor.compare(&self.exchange)?;
        }
        if commands < self.snapshot.next {
            return Ok(());
        }
        let bytes = self.exchange.snapshot();
        match Exchange::restore(&bytes) {
            Ok(restored) if restored == self.exchange => {}
            Ok(_) | Err(_) => return Err(Finding::Snapshot),
        }
        let gap = usize::try_from(self.desk.between(50, 1_500)).unwrap_or(500);
        self.snapshot = Snapshot { bytes, commands, next: commands + gap };
        self.tally.snapshots += 1;
        Ok(())
    }

    /// SIM-021: what the timer was woken for is done.
    fn check_timer(&mut self) {
        let Some(at) = self.journal.last().map(|last| last.at) else { return };
        let limit = COMMANDS_PER_DAY_MAX * u64::from(self.scenario.days + 1);
        let is_endless = usize::try_from(limit).is_ok_and(|limit| limit < self.journal.len());
        let left = self.exchange.next_due().filter(|due| *due <= at || is_endless);
        if let Some(due) = left
            && self.finding.is_none()
        {
            self.finding = Some(Finding::TimerStuck { due, at });
        }
    }

    /// SIM-017 and SIM-018: everything has ended, and the whole journal gives the same events and the same state again.
    fn last_audit(&mut self) -> Result<(), Finding> {
        self.auditor.compare(&self.exchange)?;
        self.auditor.finish()?;
        let replayed = self.replay(Exchange::new(), 0)?;
        if replayed.state_hash() != self.exchange.state_hash() {
            return Err(Finding::Replay { at: self.exchange.last_seq() });
        }
        Ok(())
    }

    /// Applies the journal behind its first `from` commands, each of which must do what it did before.
    fn replay(&self, mut exchange: Exchange, from: usize) -> Result<Exchange, Finding> {
        let mut events = Vec::new();
        for (stamped, history) in self.journal.iter().zip(&self.histories).skip(from) {
            events.clear();
            exchange.apply(stamped, &mut events);
            if exchange.history_hash() != *history {
                return Err(Finding::Replay { at: stamped.seq });
            }
        }
        Ok(exchange)
    }
}

/// An assertion of the exchange ends the process or the test; the seed must be known all the same.
struct SaysHowToReproduce<'a>(&'a Scenario);

impl Drop for SaysHowToReproduce<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("reproduce with: {}", self.0.reproduce());
        }
    }
}

/// What everybody brings, by role.
pub(crate) const fn dollars(amount: i64) -> MicroUsd {
    MicroUsd::new(amount * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    struct Pretender(AccountId);

    impl Participant for Pretender {
        fn wake(&mut self, _: &Exchange, _: Nanos, wants: &mut Vec<Request>) -> NanosSpan {
            let command = Command::Deposit { account: self.0, amount: dollars(1) };
            wants.push(Request { command, is_nonsense: true });
            DAY
        }
    }

    /// A world that has lived for a while.
    fn world(scenario: &Scenario) -> World<'_> {
        let mut world = World::new(scenario);
        world.open();
        while world.journal.len() < 700 {
            assert!(world.step() && world.finding.is_none(), "{:?}", world.finding);
        }
        world
    }

    #[test]
    fn sim_018_a_command_that_replays_differently_is_seen() {
        let scenario = Scenario::standard(4, 1);
        let mut world = world(&scenario);
        world.histories[30] = [7; 32];
        let found = world.replay(Exchange::new(), 0).err();
        assert_eq!(found, Some(Finding::Replay { at: Seq(31) }));
        assert!(30 < world.snapshot.commands);
        assert_eq!(world.crash(), Ok(()), "the snapshot is behind it");
    }

    #[test]
    fn sim_019_a_snapshot_that_does_not_restore_is_seen() {
        let scenario = Scenario::standard(4, 1);
        let mut world = world(&scenario);
        world.snapshot.bytes.truncate(1_000);
        world.strike(Fault::Crash { down_for: DAY });
        assert_eq!(world.finding, Some(Finding::Snapshot));
    }

    #[test]
    fn sim_020_nonsense_that_is_not_refused_is_seen() {
        let scenario = Scenario { faults: Vec::new(), ..Scenario::standard(4, 1) };
        let mut world = world(&scenario);
        world.cast.push(Box::new(Pretender(AccountId(2))));
        world.wake(world.cast.len() - 1);
        assert_eq!(world.finding, Some(Finding::NonsenseAccepted));
    }
}
