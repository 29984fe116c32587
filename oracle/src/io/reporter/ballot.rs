//! One tick's votes: who said what in which round, and what follows from it. Counts and remembers; decides nothing by itself.
//!
//! Invariant: of one reporter, one stage and one round there is at most one vote, the first that came.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Nanos;

use super::message::{InputSet, List, Place, Prepared, Proposal, Signed, Stage, Vote};

/// Votes of rounds further than this from ours are not kept.
const ROUNDS_KEPT: u32 = 16;

/// The state of one reporter in one tick.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Ballot {
    /// Which tick.
    pub(super) height: u64,
    /// In which round we are.
    pub(super) round: u32,
    /// Since when; not before our list is out.
    pub(super) entered_at: Option<Nanos>,
    /// Our last vote of the round.
    pub(super) voted: Option<Stage>,
    /// Since when `2f + 1` have voted in our round, by stage.
    pub(super) full_at: BTreeMap<Stage, Nanos>,
    /// The newest list of each reporter.
    pub(super) lists: BTreeMap<Place, Signed<List>>,
    /// The proposals of our round and those after it.
    pub(super) proposals: BTreeMap<u32, Signed<Proposal>>,
    /// What `2f + 1` prepared and we committed to: we prepare nothing else, unless a later round prepared it.
    pub(super) locked: Option<(u32, [u8; 32])>,
    /// The newest thing we saw prepared: what we propose when we lead.
    pub(super) prepared: Option<Standing>,
    votes: BTreeMap<(u32, Stage, Place), Signed<Vote>>,
    /// The highest round each reporter was heard in.
    heard: BTreeMap<Place, u32>,
}

/// Inputs that were prepared, and how they came about.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Standing {
    pub(super) inputs: InputSet,
    pub(super) lists: Vec<Signed<List>>,
    pub(super) proof: Prepared,
}

impl Ballot {
    pub(super) const fn new(height: u64) -> Self {
        Self {
            height,
            round: 0,
            entered_at: None,
            voted: None,
            full_at: BTreeMap::new(),
            lists: BTreeMap::new(),
            proposals: BTreeMap::new(),
            locked: None,
            prepared: None,
            votes: BTreeMap::new(),
            heard: BTreeMap::new(),
        }
    }

    /// Keeps the newest list of a reporter.
    pub(super) fn hear_list(&mut self, from: Place, list: Signed<List>) {
        let is_newer = |before: &Signed<List>| before.body.tick_at < list.body.tick_at;
        if self.lists.get(&from).is_none_or(is_newer) {
            self.lists.insert(from, list);
        }
    }

    /// Keeps a proposal of this round or the next ones. The caller has checked that its author leads that round.
    pub(super) fn hear_proposal(&mut self, from: Place, proposal: Signed<Proposal>) {
        let round = proposal.body.round;
        self.heard_in(from, round);
        // One ahead is enough: the leader of our round says it again as long as it is undecided.
        if self.round <= round && round <= self.round.saturating_add(1) {
            self.proposals.entry(round).or_insert(proposal);
        }
    }

    pub(super) fn hear_vote(&mut self, from: Place, vote: Signed<Vote>) {
        let Vote { round, stage, .. } = vote.body;
        self.heard_in(from, round);
        if self.round.abs_diff(round) <= ROUNDS_KEPT {
            self.votes.entry((round, stage, from)).or_insert(vote);
        }
    }

    fn heard_in(&mut self, from: Place, round: u32) {
        let heard = self.heard.entry(from).or_insert(round);
        *heard = round.max(*heard);
    }

    /// The votes of a stage of a round.
    pub(super) fn votes(&self, round: u32, stage: Stage) -> impl Iterator<Item = &Signed<Vote>> {
        let (first, last) = ((round, stage, Place::MIN), (round, stage, Place::MAX));
        self.votes.range(first..=last).map(|(_, vote)| vote)
    }

    /// How many voted in a stage of a round, for whatever.
    pub(super) fn count(&self, round: u32, stage: Stage) -> usize {
        self.votes(round, stage).count()
    }

    /// How many voted for one thing.
    pub(super) fn count_for(&self, round: u32, stage: Stage, value: Option<[u8; 32]>) -> usize {
        self.votes(round, stage).filter(|vote| vote.body.value == value).count()
    }

    /// Their votes.
    pub(super) fn votes_for(&self, round: u32, stage: Stage, value: [u8; 32]) -> Vec<Signed<Vote>> {
        let for_it = |vote: &&Signed<Vote>| vote.body.value == Some(value);
        self.votes(round, stage).filter(for_it).cloned().collect()
    }

    /// The round and value that have `quorum` commits.
    pub(super) fn committed(&self, quorum: usize) -> Option<(u32, [u8; 32])> {
        let commits = self.votes.values().filter(|vote| vote.body.stage == Stage::Commit);
        let named = commits.filter_map(|vote| Some((vote.body.round, vote.body.value?)));
        let mut counts: BTreeMap<(u32, [u8; 32]), usize> = BTreeMap::new();
        for name in named {
            let count = counts.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        counts.into_iter().find(|(_, count)| quorum <= *count).map(|(name, _)| name)
    }

    /// The highest round in or above which `needed` reporters were heard, if it is above ours.
    pub(super) fn round_ahead(&self, needed: usize) -> Option<u32> {
        let mut rounds: Vec<u32> = self.heard.values().copied().collect();
        rounds.sort_unstable_by(|a, b| b.cmp(a));
        let ahead = *rounds.get(needed.saturating_sub(1))?;
        (self.round < ahead).then_some(ahead)
    }

    /// Leaves a round.
    pub(super) fn enter(&mut self, round: u32, now: Nanos) {
        self.round = round;
        self.entered_at = Some(now);
        self.voted = None;
        self.full_at.clear();
        self.proposals = self.proposals.split_off(&round);
        let oldest = round.saturating_sub(ROUNDS_KEPT);
        self.votes = self.votes.split_off(&(oldest, Stage::Prepare, Place::MIN));
    }

    /// What a reporter has voted in our round and the one before, to be said again.
    pub(super) fn own_votes(&self, me: Place) -> Vec<Signed<Vote>> {
        let from = self.round.saturating_sub(1);
        let recent = self.votes.range((from, Stage::Prepare, Place::MIN)..);
        recent.filter(|((_, _, of), _)| *of == me).map(|(_, vote)| vote.clone()).collect()
    }
}
