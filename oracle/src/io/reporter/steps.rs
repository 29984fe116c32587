//! The steps of a round: propose, prepare, lock, commit, and on to the next. Each is taken when it can be, and changes the state so that it is not
//! taken again.

use std::collections::BTreeSet;

use instruments::Nanos;

use super::ballot::Standing;
use super::{InputSet, List, Message, Place, Prepared, Proposal, Reporter, Signed, Stage, Vote};

impl Reporter {
    /// Follows `f + 1` others, of whom one is honest, to their round.
    pub(super) fn jump(&mut self, now: Nanos) -> bool {
        let needed = self.settings.reporters.faults().saturating_add(1);
        let Some(round) = self.state.ballot.round_ahead(needed) else { return false };
        if self.state.ballot.entered_at.is_none() {
            return false;
        }
        self.state.ballot.enter(round, now);
        true
    }

    /// Proposes what was prepared before, or else what follows from the lists there are.
    pub(super) fn propose(&mut self) -> bool {
        let ballot = &self.state.ballot;
        let round = ballot.round;
        let is_leader = self.leader(ballot.height, round) == self.me;
        if ballot.entered_at.is_none() || !is_leader || ballot.proposals.contains_key(&round) {
            return false;
        }
        let (lists, prepared) = match &ballot.prepared {
            Some(standing) => (standing.lists.clone(), Some(standing.proof.clone())),
            None => (self.quorum_of_lists(), None),
        };
        if lists.len() < self.quorum() {
            return false;
        }
        let height = ballot.height;
        let Some(proposal) = self.signed(Proposal { height, round, lists, prepared }) else {
            return false;
        };
        self.state.ballot.hear_proposal(self.me, proposal.clone());
        self.say(Message::Proposal(proposal));
        true
    }

    /// Lists of `2f + 1` for the newest tick for which there are so many; none otherwise.
    fn quorum_of_lists(&self) -> Vec<Signed<List>> {
        let lists = &self.state.ballot.lists;
        let mut ticks: Vec<Nanos> = lists.values().map(|list| list.body.tick_at).collect();
        ticks.sort_unstable_by(|a, b| b.cmp(a));
        ticks.dedup();
        let of = |tick: Nanos| lists.values().filter(move |list| list.body.tick_at == tick);
        let full = ticks.into_iter().find(|tick| self.quorum() <= of(*tick).count());
        full.map(|tick| of(tick).take(self.quorum()).cloned().collect()).unwrap_or_default()
    }

    /// Votes on the proposal of the round, or for nothing when it does not come in time.
    pub(super) fn prepare(&mut self, now: Nanos) -> bool {
        let ballot = &self.state.ballot;
        let Some(entered_at) = ballot.entered_at.filter(|_| ballot.voted.is_none()) else {
            return false;
        };
        let value = match ballot.proposals.get(&ballot.round) {
            Some(proposal) => self.judge(&proposal.body),
            None if now.since(entered_at) < self.wait() => return false,
            None => None,
        };
        self.vote(Stage::Prepare, value)
    }

    /// What we prepare of a proposal: its inputs, or nothing when they are not in order or we are locked on others.
    fn judge(&self, proposal: &Proposal) -> Option<[u8; 32]> {
        let value = self.inputs_of(&proposal.lists)?.hash();
        let ballot = &self.state.ballot;
        let Some((locked_round, locked)) = ballot.locked else { return Some(value) };
        if locked == value {
            return Some(value);
        }
        let prepared = proposal.prepared.as_ref()?;
        let vote = Vote {
            height: proposal.height,
            round: prepared.round,
            stage: Stage::Prepare,
            value: Some(value),
        };
        let is_newer = locked_round < prepared.round && prepared.round < proposal.round;
        (is_newer && self.are_quorum(&prepared.votes, &vote)).then_some(value)
    }

    /// What follows from lists, if they are of `2f + 1` reporters.
    pub(super) fn inputs_of(&self, lists: &[Signed<List>]) -> Option<InputSet> {
        let authors: Option<BTreeSet<Place>> = lists.iter().map(|list| self.author(list)).collect();
        let is_quorum = lists.len() == self.quorum() && authors?.len() == lists.len();
        let bodies: Vec<&List> = lists.iter().map(|list| &list.body).collect();
        is_quorum.then(|| self.state.chain.resolve(&self.settings, &bodies)).flatten()
    }

    /// Remembers the inputs that `2f + 1` have prepared in our round, locks on them and commits.
    pub(super) fn lock(&mut self) -> bool {
        let ballot = &self.state.ballot;
        let round = ballot.round;
        let Some(proposal) = ballot.proposals.get(&round) else { return false };
        let is_known = ballot.prepared.as_ref().is_some_and(|it| it.proof.round == round);
        let named = ballot.votes(round, Stage::Prepare).filter_map(|vote| vote.body.value);
        let is_prepared =
            |it: &[u8; 32]| self.quorum() <= ballot.count_for(round, Stage::Prepare, Some(*it));
        let value = named.into_iter().find(is_prepared);
        let Some(value) = value.filter(|_| ballot.entered_at.is_some() && !is_known) else {
            return false;
        };
        let lists = proposal.body.lists.clone();
        let Some(inputs) = self.inputs_of(&lists).filter(|it| it.hash() == value) else {
            return false;
        };
        let votes = ballot.votes_for(round, Stage::Prepare, value);
        let may_commit = ballot.voted != Some(Stage::Commit);
        self.state.ballot.prepared =
            Some(Standing { inputs, lists, proof: Prepared { round, votes } });
        if may_commit {
            self.state.ballot.locked = Some((round, value));
            self.vote(Stage::Commit, Some(value));
        }
        true
    }

    /// Commits to nothing when the round prepared nothing, or nothing in time.
    pub(super) fn commit(&mut self, now: Nanos) -> bool {
        let round = self.state.ballot.round;
        let is_open = self.state.ballot.voted == Some(Stage::Prepare);
        let is_for_nothing =
            self.quorum() <= self.state.ballot.count_for(round, Stage::Prepare, None);
        if is_open && (is_for_nothing || self.is_over(Stage::Prepare, now)) {
            return self.vote(Stage::Commit, None);
        }
        false
    }

    pub(super) fn next_round(&mut self, now: Nanos) -> bool {
        if !self.is_over(Stage::Commit, now) {
            return false;
        }
        let round = self.state.ballot.round.saturating_add(1);
        self.state.ballot.enter(round, now);
        true
    }

    /// Whether `2f + 1` have voted in a stage of our round, and the others have had their time.
    fn is_over(&mut self, stage: Stage, now: Nanos) -> bool {
        let ballot = &self.state.ballot;
        if ballot.entered_at.is_none() || ballot.count(ballot.round, stage) < self.quorum() {
            return false;
        }
        let wait = self.wait();
        let full_at = *self.state.ballot.full_at.entry(stage).or_insert(now);
        wait <= now.since(full_at)
    }
}
