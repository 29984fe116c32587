//! Four reporters in one process under a clock and a network of the test: messages are late, lost, doubled and out of order as a seed says.

use std::collections::{BTreeMap, BTreeSet};

use instruments::{GradeId, MicroUsd, Nanos, NanosSpan, Ppm};
use oracle::io::reporter::{
    Decision, Endorsement, List, Message, Method, OfferRefusal, Offered, Output, Patience,
    Proposal, Reporter, Settings, Signed, Stage, Vote,
};
use oracle::io::sign::{SignedObservation, SignedReport, SigningKey, cluster_id};
use oracle::{
    ClusterId, Params, ProviderId, PublicationTerms, Registered, Registry, ReporterSet, StateKind,
    Statement, StatementTerms, Trigger,
};

use proptest::prelude::*;

use crate::sign::key;

const REPORTERS: usize = 4;
const PROVIDERS: u8 = 6;
const CADENCE: u64 = 60;
/// A tick.
const START: u64 = 1_795_200_000;
const MILLIS: u64 = 1_000_000;

pub(crate) fn settings() -> Settings {
    let registered = |byte: u8| {
        let name = format!("provider-{byte}");
        let registered = Registered {
            provider: ProviderId::new(&name).expect("a name"),
            cluster: ClusterId::new(&name).expect("a name"),
            stake: Ppm::ONE,
        };
        (provider(byte).address(), registered)
    };
    let classes = BTreeMap::from([(1, GradeId::new("H100").expect("a name"))]);
    let registry = Registry::new((1..=PROVIDERS).map(registered).collect(), classes);
    let reporters = (0..REPORTERS).map(|at| reporter_key(at).address()).collect();
    let method = Method {
        params: Params::default(),
        terms: StatementTerms {
            age_max: NanosSpan::from_seconds(600),
            epoch: NanosSpan::from_seconds(3_600),
        },
        publication: PublicationTerms::default(),
        cadence: NanosSpan::from_seconds(CADENCE),
    };
    let reporters = ReporterSet::new(reporters).expect("four");
    Settings::new((31_337, [7; 32]), registry.expect("small"), reporters, method)
}

fn provider(byte: u8) -> SigningKey {
    key(byte)
}

fn reporter_key(at: usize) -> SigningKey {
    key(100 + u8::try_from(at).expect("four"))
}

const PATIENCE: Patience = Patience {
    grace: NanosSpan::new(500 * MILLIS),
    round: NanosSpan::new(1_000 * MILLIS),
    repeat: NanosSpan::new(4_000 * MILLIS),
};

fn statement(byte: u8, micros: u64, at: Nanos, nonce: u64) -> SignedObservation {
    let settings = settings();
    let statement = Statement {
        schema: 1,
        provider: provider(byte).address(),
        cluster_id: cluster_id(&format!("provider-{byte}")),
        class: 1,
        region: 0,
        total_units: 64,
        leased_units: 48,
        ask_micros: micros,
        lease_price_micros: 0,
        lease_gpu_seconds: 0,
        window_gpu_seconds: 0,
        window_notional_micros: 0,
        receipts_root: [0; 32],
        observed_at: at,
        epoch: settings.method.terms.epoch_of(at),
        nonce,
    };
    SignedObservation::sign(statement, &settings.intake.domain, &provider(byte)).expect("signs")
}

/// What one message did on its way.
struct Flight {
    at: Nanos,
    to: usize,
    message: Message,
}

/// The world: reporters, their disks, and messages in flight.
struct World {
    now: Nanos,
    reporters: Vec<Option<Reporter>>,
    saved: Vec<Option<Vec<u8>>>,
    kept: Vec<BTreeMap<u64, Decision>>,
    published: Vec<Vec<SignedReport>>,
    flights: Vec<Flight>,
    /// Every vote and list that was ever sent, to see that nobody honest says two things.
    votes: BTreeMap<(u8, u64, u32, Stage), Option<[u8; 32]>>,
    lying: BTreeSet<usize>,
    /// A reporter that the test speaks for, and the lists and values it has heard of.
    byzantine: Option<usize>,
    heard_lists: Vec<Signed<List>>,
    heard_values: Vec<[u8; 32]>,
    loss_percent: u64,
    delay_max: u64,
    draw: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            now: Nanos::from_seconds(START - 5),
            reporters: Vec::new(),
            saved: vec![None; REPORTERS],
            kept: vec![BTreeMap::new(); REPORTERS],
            published: vec![Vec::new(); REPORTERS],
            flights: Vec::new(),
            votes: BTreeMap::new(),
            lying: BTreeSet::new(),
            byzantine: None,
            heard_lists: Vec::new(),
            heard_values: Vec::new(),
            loss_percent: 0,
            delay_max: 50 * MILLIS,
            draw: seed | 1,
        };
        world.reporters = (0..REPORTERS).map(|at| Some(world.start(at))).collect();
        // The tick before the beginning has no statements: its report is the first, and says so.
        world.run_for(3);
        world
    }

    fn start(&self, at: usize) -> Reporter {
        let saved = self.saved[at].as_deref();
        let started = Reporter::new(settings(), PATIENCE, reporter_key(at), saved);
        started.expect("its own state")
    }

    /// xorshift: the test's own dice.
    fn draw(&mut self, below: u64) -> u64 {
        self.draw ^= self.draw << 13;
        self.draw ^= self.draw >> 7;
        self.draw ^= self.draw << 17;
        self.draw % below.max(1)
    }

    fn lie(&mut self, at: usize) {
        self.lying.insert(at);
        self.reporters[at] = self.reporters[at].take().map(Reporter::lying);
    }

    fn kill(&mut self, at: usize) {
        self.reporters[at] = None;
    }

    fn restart(&mut self, at: usize) {
        self.reporters[at] = Some(self.start(at));
    }

    fn offer(&mut self, to: usize, signed: SignedObservation) -> Result<Offered, OfferRefusal> {
        let now = self.now;
        let reporter = self.reporters[to].as_mut().expect("alive");
        let (offered, outputs) = reporter.offer(&signed, now);
        self.carry_out(to, outputs);
        offered
    }

    /// Every provider says its price to some reporter.
    fn offer_all(&mut self, micros: u64, nonce: u64) {
        // The last one is the accomplice of a reporter that contradicts itself.
        let honest = if self.byzantine.is_some() { PROVIDERS - 1 } else { PROVIDERS };
        for byte in 1..=honest {
            let alive: Vec<usize> =
                (0..REPORTERS).filter(|at| self.reporters[*at].is_some()).collect();
            let to = alive[usize::from(byte) % alive.len()];
            let more = u64::from(byte) * 10_000;
            let signed = statement(byte, micros + more, self.now, nonce);
            assert_eq!(self.offer(to, signed), Ok(Offered::Taken));
        }
    }

    fn run_for(&mut self, seconds: u64) {
        let end = self.now + NanosSpan::from_seconds(seconds);
        while self.now < end {
            self.now = self.now + NanosSpan::new(50 * MILLIS);
            let now = self.now;
            let mut due = Vec::new();
            let mut at = 0;
            while at < self.flights.len() {
                if self.flights[at].at <= now {
                    due.push(self.flights.swap_remove(at));
                } else {
                    at += 1;
                }
            }
            for Flight { to, message, .. } in due {
                if self.byzantine == Some(to) {
                    self.misbehave(to, &message);
                    continue;
                }
                // Over the wire and back: what cannot be written and read is no message.
                let message = Message::read(&message.write()).expect("a message");
                if let Some(reporter) = &mut self.reporters[to] {
                    let outputs = reporter.receive(message, now);
                    self.carry_out(to, outputs);
                }
            }
            for at in 0..REPORTERS {
                if let Some(reporter) = &mut self.reporters[at] {
                    let outputs = reporter.wake(now);
                    self.carry_out(at, outputs);
                }
            }
        }
    }

    fn carry_out(&mut self, from: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Save => {
                    let reporter = self.reporters[from].as_ref().expect("it just spoke");
                    self.saved[from] = Some(reporter.save());
                }
                Output::Broadcast(message) => {
                    self.watch(from, &message);
                    (0..REPORTERS).filter(|to| *to != from).for_each(|to| self.send(to, &message));
                }
                Output::Send(to, message) => self.send(usize::from(to), &message),
                Output::SendDecision(to, height) => {
                    if let Some(decision) = self.kept[from].get(&height).cloned() {
                        self.send(usize::from(to), &Message::Decision(decision));
                    }
                }
                Output::Keep(decision) => {
                    self.kept[from].insert(decision.inputs.height, decision);
                }
                Output::Publish(report) => self.published[from].push(report),
            }
        }
    }

    fn send(&mut self, to: usize, message: &Message) {
        if self.draw(100) < self.loss_percent {
            return;
        }
        let copies = if self.loss_percent != 0 && self.draw(10) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            let delay = self.draw(self.delay_max);
            let at = self.now + NanosSpan::new(delay);
            self.flights.push(Flight { at, to, message: message.clone() });
        }
    }

    /// Answers everything with what is signed and should not be: other lists, other proposals and other votes to everybody.
    fn misbehave(&mut self, me: usize, message: &Message) {
        let domain = settings().intake.domain;
        let key = reporter_key(me);
        let (height, round) = match message {
            Message::List(list) => {
                self.heard_lists.push(list.clone());
                (list.body.height, 0)
            }
            Message::Proposal(it) => (it.body.height, it.body.round),
            Message::Vote(vote) => {
                self.heard_values.extend(vote.body.value);
                (vote.body.height, vote.body.round)
            }
            Message::Observation(_)
            | Message::Proof(_)
            | Message::Decision(_)
            | Message::Endorsement(_) => return,
        };
        self.heard_lists.retain(|list| height <= list.body.height);
        // It answers often enough to be heard in every round, not every time.
        if self.draw(6) != 0 {
            return;
        }
        let newest = self.heard_lists.iter().map(|list| list.body.tick_at).max();
        let Some(tick_at) = newest else { return };
        for to in (0..REPORTERS).filter(|to| *to != me) {
            let more = u32::try_from(self.draw(2)).expect("small");
            let round = round + more;
            // Of the others' lists another pair for everybody, and a list of its own with other statements.
            let (ask, nonce) = (1_000_000 + self.draw(9) * 500_000, self.now.millis());
            let statements = vec![statement(PROVIDERS, ask, tick_at, nonce)];
            let own = List { height, tick_at, statements, proofs: Vec::new() };
            let own = Signed::new(own, &domain, &key).expect("signs");
            let mut lists: BTreeMap<_, _> = BTreeMap::new();
            for list in self.heard_lists.iter().filter(|list| list.body.tick_at == tick_at) {
                let author = list.author(&domain, &settings().reporters).expect("a reporter");
                lists.insert(author, list.clone());
            }
            let skip = usize::try_from(self.draw(2)).expect("small");
            let mut lists: Vec<_> = lists.into_values().skip(skip).take(2).collect();
            lists.push(own.clone());
            let proposal = Proposal { height, round, lists, prepared: None };
            let bodies: Vec<&List> = proposal.lists.iter().map(|list| &list.body).collect();
            let honest = self.reporters.iter().flatten().next().expect("one");
            let inputs = honest.chain().resolve(&settings(), &bodies);
            self.heard_values.extend(inputs.map(|inputs| inputs.hash()));
            let mut messages = vec![
                Message::List(own),
                Message::Proposal(Signed::new(proposal, &domain, &key).expect("signs")),
            ];
            for stage in [Stage::Prepare, Stage::Commit] {
                let count = u64::try_from(self.heard_values.len()).expect("few");
                let any = usize::try_from(self.draw(count + 1)).expect("few");
                let value = self.heard_values.get(any).copied();
                let vote = Vote { height, round, stage, value };
                messages.push(Message::Vote(Signed::new(vote, &domain, &key).expect("signs")));
            }
            messages.iter().for_each(|message| self.send(to, message));
        }
        let old = self.heard_values.len().saturating_sub(8);
        self.heard_values.drain(..old);
    }

    /// Nobody votes twice in one stage of one round, not even after a restart.
    fn watch(&mut self, from: usize, message: &Message) {
        let Message::Vote(Signed { body: Vote { height, round, stage, value }, .. }) = message
        else {
            return;
        };
        let place = u8::try_from(from).expect("four");
        let said = *self.votes.entry((place, *height, *round, *stage)).or_insert(*value);
        assert_eq!(said, *value, "reporter {from} votes twice in round {round} of {height}");
    }

    /// All that was decided or published anywhere is the same everywhere, and verifies.
    fn check(&self) {
        let settings = settings();
        let mut by_height: BTreeMap<u64, &Decision> = BTreeMap::new();
        for kept in self.kept.iter().flatten() {
            let first = by_height.entry(*kept.0).or_insert(kept.1);
            assert_eq!(first.inputs, kept.1.inputs, "two decisions of tick {}", kept.0);
        }
        let mut by_name = BTreeMap::new();
        for published in self.published.iter().flatten() {
            let domain = &settings.intake.domain;
            published.verify(domain, &settings.reporters).expect("2f + 1 signatures");
            let report = &published.report;
            let first = by_name.entry((report.height, report.grade.clone())).or_insert(report);
            assert_eq!(*first, report);
        }
    }

    fn last(&self, at: usize) -> &SignedReport {
        self.published[at].last().expect("a report")
    }
}

#[test]
fn report_013_four_honest_reporters_publish_the_same() {
    let mut world = World::new(1);
    world.offer_all(2_000_000, 1);
    world.run_for(10);
    world.check();
    for at in 0..REPORTERS {
        let published: Vec<_> = world.published[at].iter().map(|it| &it.report).collect();
        assert_eq!(published.len(), 2, "reporter {at}");
        assert_eq!(
            (published[0].state, published[0].trigger),
            (StateKind::Withheld, Trigger::First)
        );
        assert_eq!(published[1].inputs, u32::from(PROVIDERS));
        assert_eq!(published[1].value_at, Nanos::from_seconds(START));
        assert_eq!(published[1].trigger, Trigger::State);
        let value = published[1].value.expect("six providers");
        assert!(MicroUsd::new(2_010_000) < value && value < MicroUsd::new(2_060_000), "{value:?}");
    }
    // Nothing moves: the next report is the heartbeat's, five minutes later.
    world.run_for(6 * CADENCE);
    world.check();
    assert_eq!(world.published[0].len(), 3);
    assert_eq!(world.last(0).report.trigger, Trigger::Heartbeat);
    assert_eq!(world.last(0).report.height, 7);
}

#[test]
fn report_010_when_the_providers_are_silent_the_reports_say_so() {
    let mut world = World::new(2);
    world.run_for(6 * CADENCE);
    world.check();
    let report = &world.last(0).report;
    assert_eq!((report.state, report.value), (StateKind::Withheld, None));
    assert_eq!((report.reason.as_str(), report.inputs), ("no observations", 0));
    assert_eq!(report.trigger, Trigger::Heartbeat);
    // Once they have spoken and fall silent again, what stands in is no index.
    world.offer_all(2_000_000, 1);
    world.run_for(15 * CADENCE);
    world.check();
    assert_eq!(world.last(0).report.inputs, 0);
    assert!(!matches!(world.last(0).report.state, StateKind::Ok));
}

/// REPORT-014: with one of four dead, whoever leads, every tick is decided.
#[test]
fn report_014_one_of_four_may_be_dead() {
    for dead in 0..REPORTERS {
        let mut world = World::new(3);
        world.kill(dead);
        world.offer_all(2_000_000, 1);
        world.run_for(5 * CADENCE);
        world.check();
        for at in (0..REPORTERS).filter(|at| *at != dead) {
            let height = world.reporters[at].as_ref().unwrap().chain().next_height();
            assert_eq!(height, 7, "reporter {at} without {dead}");
            assert!(!world.published[at].is_empty());
        }
    }
}

#[test]
fn report_014_two_of_four_decide_nothing_and_go_on_when_a_third_is_back() {
    let mut world = World::new(4);
    world.offer_all(2_000_000, 1);
    world.run_for(10);
    world.kill(0);
    world.kill(1);
    world.run_for(3 * CADENCE);
    assert_eq!(world.kept[2].len(), 2);
    world.restart(0);
    world.run_for(2 * CADENCE);
    world.check();
    assert!(3 < world.kept[2].len());
    // The ticks that passed meanwhile are gone, not made up.
    let last = world.kept[2].values().last().unwrap().inputs.tick_at;
    let first = world.kept[2].values().next().unwrap().inputs.tick_at;
    let gone = last.since(first).nanos() / (CADENCE * 1_000_000_000);
    assert!(u64::try_from(world.kept[2].len()).unwrap() - 1 < gone);
}

#[test]
fn report_015_one_of_four_may_lie_about_the_value() {
    let mut world = World::new(5);
    world.lie(2);
    world.offer_all(2_000_000, 1);
    world.run_for(10);
    world.check();
    let settings = settings();
    for at in [0, 1, 3] {
        let signers = world.last(at).verify(&settings.intake.domain, &settings.reporters).unwrap();
        assert!(!signers.contains(&reporter_key(2).address()));
        let seen = world.reporters[at].as_ref().unwrap().disagreements();
        assert_eq!(seen, [(2, 1)], "reporter {at}");
    }
}

/// REPORT-005: each reporter hears another statement; all find out, and the provider is not heard any more.
#[test]
fn report_005_a_provider_that_says_two_things_is_struck() {
    let mut world = World::new(6);
    world.offer_all(2_000_000, 1);
    let (one, other) =
        (statement(1, 3_000_000, world.now, 2), statement(1, 1_000_000, world.now, 2));
    assert_eq!(world.offer(0, one), Ok(Offered::Taken));
    assert_eq!(world.offer(1, other), Ok(Offered::Taken));
    world.run_for(10);
    world.check();
    let decision = &world.kept[3][&2];
    assert_eq!(decision.inputs.proofs.len(), 1);
    assert_eq!(decision.inputs.proofs[0].accused(), provider(1).address());
    assert_eq!(world.last(3).report.inputs, u32::from(PROVIDERS) - 1);
    let again = world.offer(2, statement(1, 2_000_000, world.now, 3));
    assert!(matches!(again, Err(OfferRefusal::Struck { .. })), "{again:?}");
}

#[test]
fn report_016_a_late_statement_counts_in_the_next_tick_or_never() {
    let mut world = World::new(7);
    world.offer_all(2_000_000, 1);
    world.run_for(10);
    let observed_at = Nanos::from_seconds(START - 1);
    assert_eq!(world.offer(0, statement(1, 2_500_000, observed_at, 2)), Ok(Offered::Taken));
    assert_eq!(world.offer(0, statement(1, 2_500_000, observed_at, 2)), Ok(Offered::Repeated));
    let reused = world.offer(0, statement(1, 2_600_000, observed_at, 1));
    assert!(matches!(
        reused,
        Err(OfferRefusal::Equivocation { .. } | OfferRefusal::NonceReused { .. })
    ));
    world.run_for(CADENCE);
    world.check();
    let asks = |height: u64| {
        let statements = &world.kept[1][&height].inputs.statements;
        let of_one = statements.iter().find(|it| it.statement.provider == provider(1).address());
        of_one.map(|it| it.statement.ask_micros)
    };
    assert_eq!((asks(2), asks(3)), (Some(2_010_000), Some(2_500_000)));
    world.run_for(10 * CADENCE);
    let stale = world.offer(0, statement(2, 2_500_000, observed_at, 2)).unwrap_err().to_string();
    assert!(stale.contains("is more than 600000000000 ns before"), "{stale}");
    let future = Nanos::new(world.now.nanos() + 1);
    let future = world.offer(0, statement(2, 2_500_000, future, 2)).unwrap_err().to_string();
    assert!(future.contains("is after"), "{future}");
}

/// REPORT-017: messages are lost, doubled and late; reporters die and come back from their disks at any moment. Nothing is decided twice, and when
/// the network heals everybody has every tick.
#[test]
fn report_017_nothing_is_decided_twice_in_a_bad_network() {
    let seeds = std::env::var("TENOR_REPORTER_SEEDS").ok().and_then(|it| it.parse().ok());
    for seed in 1..=seeds.unwrap_or(2) {
        let mut world = World::new(seed * 7_919);
        world.loss_percent = 20;
        world.delay_max = 3_000 * MILLIS;
        for nonce in 1..=3 {
            world.offer_all(2_000_000 + nonce * 9_000, nonce);
            let victim = usize::try_from(world.draw(4)).unwrap();
            let (before, dead) = (world.draw(CADENCE), world.draw(CADENCE));
            world.run_for(before);
            world.kill(victim);
            world.run_for(dead);
            world.restart(victim);
        }
        world.loss_percent = 0;
        world.delay_max = 50 * MILLIS;
        world.run_for(3 * CADENCE);
        world.check();
        let heights: BTreeSet<u64> =
            world.reporters.iter().flatten().map(|it| it.chain().next_height()).collect();
        assert_eq!(heights.len(), 1, "seed {seed}: {heights:?}");
        assert!(4 < *heights.first().unwrap(), "seed {seed}: {heights:?}");
    }
}

/// REPORT-018: a leader that sends different proposals, and votes for all of them, splits nobody.
#[test]
fn report_018_a_leader_that_proposes_two_things_decides_at_most_one() {
    let mut world = World::new(9);
    // The leader of the first round of the second tick stands third; the test speaks for it.
    world.kill(2);
    world.offer_all(2_000_000, 1);
    let settings = settings();
    let domain = settings.intake.domain;
    let key = reporter_key(2);
    let before = world.now;
    world.now = Nanos::from_seconds(START) + PATIENCE.grace;
    let tick_at = Nanos::from_seconds(START);
    let all: Vec<_> = (1..=PROVIDERS).map(|byte| statement(byte, 2_000_000, before, 1)).collect();
    let list = |at: usize, statements: &[SignedObservation]| {
        let body = List { height: 2, tick_at, statements: statements.to_vec(), proofs: Vec::new() };
        Signed::new(body, &domain, &reporter_key(at)).unwrap()
    };
    // Lists that only a coalition of three could sign give a second proposal that is in order: the worst case.
    for (to, statements) in [(0, &all[..]), (1, &all[..]), (3, &all[..4])] {
        let lists = [0, 1, 2].map(|at| list(at, statements)).to_vec();
        let proposal = Proposal { height: 2, round: 0, lists, prepared: None };
        let proposal = Signed::new(proposal, &domain, &key).unwrap();
        let value = world.reporters[0].as_ref().unwrap().chain().resolve(
            &settings,
            &proposal.body.lists.iter().map(|list| &list.body).collect::<Vec<_>>(),
        );
        let value = value.map(|inputs| inputs.hash());
        let now = world.now;
        world.flights.push(Flight { at: now, to, message: Message::Proposal(proposal) });
        for stage in [Stage::Prepare, Stage::Commit] {
            let vote = Signed::new(Vote { height: 2, round: 0, stage, value }, &domain, &key);
            let message = Message::Vote(vote.unwrap());
            world.flights.push(Flight { at: now, to, message });
        }
    }
    world.run_for(2 * CADENCE);
    world.check();
    assert!([0, 1, 3].iter().all(|at| world.kept[*at].contains_key(&2)));
}

/// REPORT-018: one reporter says something else to everybody, in lists, proposals and votes, in a network that loses one message in ten.
#[test]
fn report_018_a_reporter_that_contradicts_itself_in_everything_stops_nobody() {
    let seeds = std::env::var("TENOR_REPORTER_SEEDS").ok().and_then(|it| it.parse().ok());
    for seed in 1..=seeds.unwrap_or(2) {
        let mut world = World::new(seed * 104_729);
        let byzantine = usize::try_from(seed % 4).unwrap();
        world.kill(byzantine);
        world.byzantine = Some(byzantine);
        world.loss_percent = 10;
        world.delay_max = 300 * MILLIS;
        for nonce in 1..=2 {
            world.offer_all(2_000_000 + nonce * 9_000, nonce);
            world.run_for(CADENCE);
        }
        world.check();
        for kept in world.kept.iter().enumerate().filter(|(at, _)| *at != byzantine) {
            assert!(2 <= kept.1.len(), "seed {seed}: reporter {} has {}", kept.0, kept.1.len());
        }
    }
}

/// REPORT-019: bytes of anybody are a message or an error, and a message of a stranger changes nothing.
#[test]
fn report_019_strangers_are_not_heard() {
    let mut world = World::new(10);
    world.offer_all(2_000_000, 1);
    let settings = settings();
    let domain = settings.intake.domain;
    let stranger = key(99);
    let vote = Vote { height: 2, round: 9, stage: Stage::Commit, value: Some([1; 32]) };
    let list = List {
        height: 2,
        tick_at: Nanos::from_seconds(START),
        statements: Vec::new(),
        proofs: Vec::new(),
    };
    let endorsement = Endorsement {
        height: 2,
        grade: GradeId::new("H100").unwrap(),
        digest: [1; 32],
        signature: stranger.sign(&[1; 32]).unwrap(),
        wants_answer: true,
    };
    let now = world.now;
    let reporter = world.reporters[0].as_mut().unwrap();
    let before = reporter.save();
    let messages = [
        Message::Vote(Signed::new(vote, &domain, &stranger).unwrap()),
        Message::List(Signed::new(list, &domain, &stranger).unwrap()),
        Message::Endorsement(Signed::new(endorsement, &domain, &stranger).unwrap()),
    ];
    for message in messages {
        assert_eq!(reporter.receive(message, now), []);
    }
    assert_eq!(reporter.save(), before);
    assert!(Message::read(&[]).is_err() && Message::read(&[255; 64]).is_err());
    let whole = Message::Observation(statement(1, 1, now, 1)).write();
    assert!(Message::read(&whole[..whole.len() - 1]).is_err());

    let other =
        Settings::new((1, [7; 32]), settings.intake.registry, settings.reporters, settings.method);
    let refused = Reporter::new(other.clone(), PATIENCE, reporter_key(0), Some(&before));
    assert!(refused.unwrap_err().to_string().contains("another chain"));
    assert!(Reporter::new(other, PATIENCE, stranger, None).is_err());
}

proptest! {
    /// REPORT-019: no bytes bring a reader down, and whatever is read is written as it was.
    #[test]
    fn report_019_any_bytes_are_a_message_or_an_error(
        mut bytes in prop::collection::vec(any::<u8>(), 0..600),
        kind in 0..7_u8,
    ) {
        bytes.insert(0, kind);
        if let Ok(message) = Message::read(&bytes) {
            prop_assert_eq!(message.write(), bytes.clone());
        }
        if let Ok(signed) = borsh::from_slice::<SignedObservation>(&bytes[1..]) {
            prop_assert!(settings().intake.take(&signed, Nanos::from_seconds(START)).is_err());
        }
    }
}
