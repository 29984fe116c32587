//! One reporter of `n = 3f + 1`, as a state machine: messages and the time in, messages and reports out.
//!
//! For every tick the reporters first agree on its inputs, then each computes the index and signs the report.
//!
//! ```text
//! list      at the tick and a grace, every reporter sends the statements it holds
//! propose   the leader of the round sends the lists of 2f + 1; the inputs follow from them alone
//! prepare   who finds the same inputs votes for them, unless it is locked on others
//! commit    who sees 2f + 1 prepares locks on them and votes again
//! decide    2f + 1 commits of one round decide; every reporter applies the inputs to its chain
//! endorse   every reporter signs the reports that follow; 2f + 1 equal signatures are a report
//! ```
//!
//! A round that does not decide in time is followed by one with the next leader and more time. This is the agreement of Tendermint
//! (Buchman, Kwon, Milosevic, 2018), with inputs that are checked against lists of `2f + 1`.
//!
//! Invariants, with at most `f` reporters that are dead, late or lying:
//! - of one tick at most one set of inputs is decided, at whatever speed messages travel;
//! - a statement that every honest reporter held when it sent its list is among the inputs;
//! - what is sent with our signature can be saved before it is sent, and after a restart nothing else is said in its place.
//!
//! Absent: clocks, sockets and files. The caller has them, saves [`Reporter::save`] whenever [`Output::Save`] says so, before it sends what follows.

mod ballot;
mod chain;
mod endorsements;
mod message;
mod pool;
mod steps;

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ethers_core::utils::keccak256;
use instruments::{MicroUsd, Nanos, NanosSpan, Ppm};
use thiserror::Error;

pub use chain::{Chain, Method, Settings};
pub use message::{
    Decision, Endorsement, InputSet, Kind, List, MESSAGE_LEN_MAX, Message, PROOFS_MAX,
    PROVIDER_SERIES_MAX, Place, Prepared, Proposal, STATEMENTS_MAX, Signed, Stage, Vote,
};
pub use pool::{OfferRefusal, Offered};

use crate::io::sign::{
    EquivocationProof, SignedObservation, SignedReport, SigningKey, bytes, report_digest,
};
use crate::report::Report;
use crate::statement::Address;
use ballot::Ballot;
use endorsements::Endorsements;
use pool::Pool;

/// A round never waits longer than this many times the first.
const PATIENCE_MAX: u64 = 32;

/// How long a reporter waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After a tick, for statements that are still on their way.
    pub grace: NanosSpan,
    /// In the first round, for a proposal, and for the last votes; in round `r`, `r + 1` times as long.
    pub round: NanosSpan,
    /// Before it says again what it said, to who may have missed it.
    pub repeat: NanosSpan,
}

/// What the caller has to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Save the state, before anything that follows is sent.
    Save,
    /// Send to every other reporter.
    Broadcast(Message),
    /// Send to one reporter.
    Send(Place, Message),
    /// Send the decision of this tick to a reporter, if it is kept.
    SendDecision(Place, u64),
    /// Keep the decision of a tick.
    Keep(Decision),
    /// A report is complete.
    Publish(SignedReport),
}

/// Why a reporter cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The key is of nobody in the set.
    #[error("the key is of {0}, who is no reporter")]
    Stranger(Address),
    /// The saved state is damaged or of another version.
    #[error("the saved state cannot be read: {0}")]
    Saved(std::io::Error),
    /// It was saved under other settings.
    #[error("the saved state is of another chain, oracle, methodology or set of reporters")]
    OtherSettings,
}

/// One reporter.
#[derive(Debug)]
pub struct Reporter {
    settings: Settings,
    patience: Patience,
    key: SigningKey,
    me: Place,
    is_lying: bool,
    state: State,
    said_at: Nanos,
    out: Vec<Output>,
}

#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct State {
    made_for: [u8; 32],
    chain: Chain,
    ballot: Ballot,
    pool: Pool,
    endorsements: Endorsements,
}

impl Reporter {
    /// A reporter that starts, or goes on from what it saved.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(
        settings: Settings,
        patience: Patience,
        key: SigningKey,
        saved: Option<&[u8]>,
    ) -> Result<Self, StartError> {
        let address = key.address();
        let place = settings.reporters.position(&address).and_then(|it| Place::try_from(it).ok());
        let me = place.ok_or(StartError::Stranger(address))?;
        let made_for = made_for(&settings);
        let state = match saved {
            Some(saved) => borsh::from_slice(saved).map_err(StartError::Saved)?,
            None => State {
                made_for,
                chain: Chain::default(),
                ballot: Ballot::new(1),
                pool: Pool::default(),
                endorsements: Endorsements::default(),
            },
        };
        if state.made_for != made_for {
            return Err(StartError::OtherSettings);
        }
        let (is_lying, said_at, out) = (false, Nanos::new(0), Vec::new());
        Ok(Self { settings, patience, key, me, is_lying, state, said_at, out })
    }

    /// From now on it signs reports with a tenth more than it found. For tests of the others.
    #[must_use]
    pub fn lying(self) -> Self {
        Self { is_lying: true, ..self }
    }

    /// Everything it must not forget.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        bytes(&self.state)
    }

    /// Its place in the set.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.me
    }

    /// The ticks decided so far.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.state.chain
    }

    /// The newest complete report of each grade.
    pub fn newest_reports(&self) -> impl Iterator<Item = &SignedReport> {
        self.state.endorsements.newest()
    }

    /// How often each reporter has signed something else than what this one found.
    #[must_use]
    pub fn disagreements(&self) -> Vec<(Place, u64)> {
        let counts = self.state.endorsements.disagreements();
        counts.iter().map(|(place, count)| (*place, *count)).collect()
    }

    /// A provider's statement, from the provider.
    ///
    /// # Errors
    /// [`OfferRefusal`]; an equivocation is remembered all the same, see the outputs.
    pub fn offer(
        &mut self,
        signed: &SignedObservation,
        now: Nanos,
    ) -> (Result<Offered, OfferRefusal>, Vec<Output>) {
        let offered = self.hear_statement(signed, now);
        if matches!(offered, Ok(Offered::Taken)) {
            self.out.push(Output::Broadcast(Message::Observation(*signed)));
        }
        (offered, std::mem::take(&mut self.out))
    }

    /// A message of anybody. What is not in order is dropped.
    pub fn receive(&mut self, message: Message, now: Nanos) -> Vec<Output> {
        match message {
            Message::Observation(signed) => {
                // The provider was told by whoever it sent this to.
                drop(self.hear_statement(&signed, now));
            }
            Message::Proof(proof) => self.hear_proof(&proof),
            Message::List(list) => self.hear_list(list),
            Message::Proposal(proposal) => self.hear_proposal(proposal),
            Message::Vote(vote) => self.hear_vote(vote),
            Message::Decision(decision) => self.hear_decision(&decision),
            Message::Endorsement(endorsement) => self.hear_endorsement(&endorsement),
        }
        self.go_on(now)
    }

    /// Time has passed. To be called a few times in the shortest of the waiting times.
    pub fn wake(&mut self, now: Nanos) -> Vec<Output> {
        if self.patience.repeat <= now.since(self.said_at) {
            self.said_at = now;
            self.repeat();
        }
        self.go_on(now)
    }

    fn hear_statement(
        &mut self,
        signed: &SignedObservation,
        now: Nanos,
    ) -> Result<Offered, OfferRefusal> {
        let common = (&self.settings, &self.state.chain);
        let offered = self.state.pool.offer(common, signed, now);
        if let Err(OfferRefusal::Equivocation { provider }) = &offered
            && let Some(proof) = self.state.pool.proof(provider)
        {
            self.out.push(Output::Broadcast(Message::Proof(Box::new(*proof))));
        }
        offered
    }

    fn hear_proof(&mut self, proof: &EquivocationProof) {
        let common = (&self.settings, &self.state.chain);
        if let Ok(true) = self.state.pool.prove(common, proof) {
            self.out.push(Output::Broadcast(Message::Proof(Box::new(*proof))));
        }
    }

    fn hear_list(&mut self, list: Signed<List>) {
        let Some(from) = self.author(&list) else { return };
        let height = list.body.height;
        if height < self.state.ballot.height {
            // It has missed something: what was decided, and our word for what follows from it.
            self.out.push(Output::SendDecision(from, height));
            self.answer(from, height);
        } else if height == self.state.ballot.height {
            self.state.ballot.hear_list(from, list);
        }
    }

    fn hear_proposal(&mut self, proposal: Signed<Proposal>) {
        let Some(from) = self.author(&proposal) else { return };
        let Proposal { height, round, .. } = proposal.body;
        if height == self.state.ballot.height && from == self.leader(height, round) {
            self.state.ballot.hear_proposal(from, proposal);
        }
    }

    fn hear_vote(&mut self, vote: Signed<Vote>) {
        let Some(from) = self.author(&vote) else { return };
        if vote.body.height == self.state.ballot.height {
            self.state.ballot.hear_vote(from, vote);
        }
    }

    fn hear_decision(&mut self, decision: &Decision) {
        let hash = decision.inputs.hash();
        let Some(first) = decision.votes.first() else { return };
        let vote = Vote {
            height: self.state.ballot.height,
            round: first.body.round,
            stage: Stage::Commit,
            value: Some(hash),
        };
        if self.are_quorum(&decision.votes, &vote) {
            self.decide(decision.clone());
        }
    }

    fn hear_endorsement(&mut self, said: &Signed<Endorsement>) {
        let Some(from) = self.author(said) else { return };
        let is_listed =
            self.settings.intake.registry.grades().any(|(_, it)| *it == said.body.grade);
        if !is_listed {
            return;
        }
        let common = (&self.settings.reporters, self.state.ballot.height);
        self.state.endorsements.hear(common, from, &said.body);
        if said.body.wants_answer {
            self.answer(from, said.body.height);
        }
    }

    fn answer(&mut self, to: Place, height: u64) {
        for ours in self.state.endorsements.of(self.me, height) {
            if let Some(message) = self.signed(ours).map(Message::Endorsement) {
                self.out.push(Output::Send(to, message));
            }
        }
    }

    /// Takes every step that can be taken now. Each one changes the state so that it is not taken again.
    fn go_on(&mut self, now: Nanos) -> Vec<Output> {
        while self.list(now)
            || self.decide_if_committed()
            || self.jump(now)
            || self.propose()
            || self.prepare(now)
            || self.lock()
            || self.commit(now)
            || self.next_round(now)
        {}
        let complete = self.state.endorsements.complete(&self.settings.reporters, now);
        if !complete.is_empty() {
            self.out.push(Output::Save);
        }
        self.out.extend(complete.into_iter().map(Output::Publish));
        std::mem::take(&mut self.out)
    }

    /// Sends our list when a tick is due that we have not sent one for. The first one opens the vote.
    fn list(&mut self, now: Nanos) -> bool {
        let since = Nanos::new(now.nanos().saturating_sub(self.patience.grace.nanos()));
        let due = self.settings.method.tick_before(since);
        let listed = self.state.ballot.lists.get(&self.me).map(|list| list.body.tick_at);
        if Some(due) <= self.state.chain.tick_at() || Some(due) <= listed {
            return false;
        }
        let common = (&self.settings, &self.state.chain);
        self.state.pool.tidy(common, due);
        let list = List {
            height: self.state.ballot.height,
            tick_at: due,
            statements: self.state.pool.statements(due),
            proofs: self.state.pool.proofs(),
        };
        let Some(list) = self.signed(list) else { return false };
        self.state.ballot.hear_list(self.me, list.clone());
        self.state.ballot.entered_at.get_or_insert(now);
        self.say(Message::List(list));
        true
    }

    fn decide_if_committed(&mut self) -> bool {
        let ballot = &self.state.ballot;
        let Some((round, value)) = ballot.committed(self.quorum()) else { return false };
        let standing = ballot.prepared.as_ref().filter(|it| it.inputs.hash() == value);
        let proposed = || {
            let proposal = ballot.proposals.get(&round)?;
            self.inputs_of(&proposal.body.lists).filter(|it| it.hash() == value)
        };
        let Some(inputs) = standing.map(|it| it.inputs.clone()).or_else(proposed) else {
            // Others have decided something that we have not seen. Their answer to our list brings it.
            return false;
        };
        let votes = ballot.votes_for(round, Stage::Commit, value);
        self.decide(Decision { inputs, votes });
        true
    }

    fn decide(&mut self, decision: Decision) {
        let Some(reports) = self.state.chain.apply(&self.settings, &decision.inputs) else {
            return;
        };
        self.state.ballot = Ballot::new(self.state.chain.next_height());
        let common = (&self.settings, &self.state.chain);
        self.state.pool.tidy(common, decision.inputs.tick_at);
        self.out.push(Output::Keep(decision));
        self.out.push(Output::Save);
        for report in reports {
            self.endorse(report);
        }
    }

    fn endorse(&mut self, report: Report) {
        let domain = self.settings.intake.domain;
        let digest = report_digest(&report, &domain);
        let said =
            if self.is_lying { report_digest(&lie(report.clone()), &domain) } else { digest };
        let (height, grade) = (report.height, report.grade.clone());
        self.state.endorsements.found(report, digest);
        let Ok(signature) = self.key.sign(&said) else { return };
        let ours = Endorsement { height, grade, digest: said, signature, wants_answer: false };
        let common = (&self.settings.reporters, self.state.ballot.height);
        self.state.endorsements.hear(common, self.me, &ours);
        if let Some(message) = self.signed(ours) {
            self.out.push(Output::Broadcast(Message::Endorsement(message)));
        }
    }

    fn vote(&mut self, stage: Stage, value: Option<[u8; 32]>) -> bool {
        let Ballot { height, round, .. } = self.state.ballot;
        let Some(vote) = self.signed(Vote { height, round, stage, value }) else { return false };
        self.state.ballot.voted = Some(stage);
        self.state.ballot.hear_vote(self.me, vote.clone());
        self.say(Message::Vote(vote));
        true
    }

    /// Says again what may have been lost.
    fn repeat(&mut self) {
        let ballot = &self.state.ballot;
        let mut messages: Vec<Message> = Vec::new();
        messages.extend(ballot.lists.get(&self.me).cloned().map(Message::List));
        if self.leader(ballot.height, ballot.round) == self.me {
            messages.extend(ballot.proposals.get(&ballot.round).cloned().map(Message::Proposal));
        }
        messages.extend(ballot.own_votes(self.me).into_iter().map(Message::Vote));
        for waiting in self.state.endorsements.waiting(self.me) {
            let asking = self.signed(Endorsement { wants_answer: true, ..waiting });
            messages.extend(asking.map(Message::Endorsement));
        }
        self.out.extend(messages.into_iter().map(Output::Broadcast));
    }

    /// Sends what binds us, after it is saved.
    fn say(&mut self, message: Message) {
        self.out.push(Output::Save);
        self.out.push(Output::Broadcast(message));
    }

    /// A body with our signature. The curve refuses no key that was read.
    fn signed<T: Kind>(&self, body: T) -> Option<Signed<T>> {
        Signed::new(body, &self.settings.intake.domain, &self.key).ok()
    }

    fn author<T: Kind>(&self, signed: &Signed<T>) -> Option<Place> {
        signed.author(&self.settings.intake.domain, &self.settings.reporters)
    }

    /// Whether these are `2f + 1` reporters' votes, and all of them this one.
    fn are_quorum(&self, votes: &[Signed<Vote>], vote: &Vote) -> bool {
        let is_it = |it: &&Signed<Vote>| it.body == *vote;
        let authors: BTreeSet<Place> = votes
            .iter()
            .take(self.settings.reporters.addresses().len())
            .filter(is_it)
            .filter_map(|vote| self.author(vote))
            .collect();
        self.quorum() <= authors.len()
    }

    fn leader(&self, height: u64, round: u32) -> Place {
        let count = u64::try_from(self.settings.reporters.addresses().len()).unwrap_or(u64::MAX);
        let place = height.wrapping_add(round.into()).checked_rem(count).unwrap_or(0);
        Place::try_from(place).unwrap_or(0)
    }

    fn quorum(&self) -> usize {
        self.settings.reporters.quorum()
    }

    /// How long this round waits.
    fn wait(&self) -> NanosSpan {
        let times = u64::from(self.state.ballot.round).saturating_add(1).min(PATIENCE_MAX);
        NanosSpan::new(self.patience.round.nanos().saturating_mul(times))
    }
}

/// What a saved state belongs to.
fn made_for(settings: &Settings) -> [u8; 32] {
    let all = (&settings.intake, &settings.reporters, &settings.method);
    keccak256(bytes(&all))
}

/// A tenth more.
fn lie(report: Report) -> Report {
    let more = |micros: i64| micros.saturating_add(micros.checked_div(10).unwrap_or(0));
    let value = report.value.map(|value| MicroUsd::new(more(value.micros())));
    Report { value, conf: Ppm::ZERO, ..report }
}
