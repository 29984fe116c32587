//! Everything that is demanded of one agent, and how far each demand has come.
//!
//! ```text
//! Waiting --work--> Done --receipt taken--> Claimed --rows drawn, opened--> Ready --sent--> Opened
//!    |                                         ^                                              |
//!    +--> Abandoned                            +------- the venue asks for the rows again ----+
//! ```
//!
//! Knows neither a socket nor a device. A duty lives until its challenge is judged.
//!
//! Invariants:
//! - a demand that is heard twice is one duty, whatever happened to the connection in between;
//! - rows are opened before new work is begun, and the most urgent work is begun first;
//! - the roots of finished segments are told before the work is claimed, each once;
//! - work that failed is never claimed.

use std::collections::BTreeMap;

use super::demand::{Claim, Demand, Drawn, Key};
use super::relay::Salts;
use crate::challenge::{Challenge, SegmentId};
use crate::expand::Bytes32;
use crate::fault::{Fault, FaultPlan};

use api::venue::ROOTS_MAX;

/// Bounds the demands an agent remembers; one that comes when all are open is left to the next
/// time the agent asks what is open.
pub(super) const DUTIES_MAX: usize = 4_096;

/// Duties by obligation and challenge.
#[derive(Debug, Default)]
pub(super) struct Duties {
    duties: BTreeMap<Key, Duty>,
    faults: FaultPlan,
    /// Challenges so far; the fault plan counts them.
    seen: u32,
}

#[derive(Debug)]
struct Duty {
    demand: Demand,
    fault: Fault,
    stage: Stage,
    draw_seed: Option<Bytes32>,
    /// Those that are known.
    salts: Salts,
    /// Of the segments that are finished, slot by slot.
    roots: Vec<Vec<Bytes32>>,
    /// How many of them the venue has taken.
    told: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// No work is done yet.
    Waiting,
    /// The work is done; no receipt has been taken.
    Done { work_root: Bytes32 },
    /// A receipt has been taken.
    Claimed { work_root: Bytes32 },
    /// The drawn rows are opened, and not yet sent.
    Ready { work_root: Bytes32, openings: String },
    /// The drawn rows are with the venue.
    Opened { work_root: Bytes32 },
    /// Nothing more will be answered.
    Abandoned,
}

/// Something for the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// For which duty.
    pub(super) key: Key,
    /// What is computed.
    pub(super) challenge: Challenge,
    /// As honestly as this allows.
    pub(super) fault: Fault,
    /// Which rows to open, if the work is done.
    pub(super) opens: Option<Opens>,
    /// The salts that are known.
    pub(super) salts: Salts,
    /// When its answer is due, in milliseconds since 1970; zero where nobody has said.
    pub(super) answer_by: u64,
}

/// Rows to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opens {
    /// What was claimed.
    pub(super) work_root: Bytes32,
    /// What the rows are drawn with.
    pub(super) draw_seed: Bytes32,
}

/// Something for the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is consumed at once")]
pub(super) enum Answer {
    /// Roots of finished segments of one slot to send.
    Roots { key: Key, slot: u16, first_segment: usize, roots: Vec<Bytes32> },
    /// A claim to sign and send.
    Claim { demand: Demand, work_root: Bytes32 },
    /// Opened rows to send.
    Openings { key: Key, openings: String },
}

impl Duties {
    pub(super) fn new(faults: FaultPlan) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Takes in a challenge; whether it was news.
    pub(super) fn challenge(&mut self, demand: Demand, salts: Salts) -> bool {
        if let Some(duty) = self.duties.get_mut(&demand.key) {
            duty.demand.claim = demand.claim;
            return false;
        }
        if !self.make_room() {
            tracing::error!(key = %demand.key, limit = DUTIES_MAX, "too many open challenges");
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        let fault = self.faults.of_challenge(self.seen);
        let stage = if fault.answers() { Stage::Waiting } else { Stage::Abandoned };
        self.duties.insert(demand.key, Duty::new(demand, fault, stage, salts));
        true
    }

    /// Takes in a draw; whether it was news. Of work that this process has not done it takes what is needed to do it again.
    pub(super) fn draw(&mut self, drawn: Drawn) -> bool {
        let Drawn { key, challenge, work_root, draw_seed, salts } = drawn;
        if !self.duties.contains_key(&key) {
            if !self.make_room() {
                tracing::error!(%key, limit = DUTIES_MAX, "too many open challenges");
                return false;
            }
            let claim = Claim { gpu_millis: 0, challenges: 0, prev: [0; 32], terms: [0; 32] };
            let demand = Demand { key, challenge, answer_by: 0, claim };
            let stage = Stage::Claimed { work_root };
            self.duties.insert(key, Duty::new(demand, Fault::None, stage, Salts::new()));
        }
        let Some(duty) = self.duties.get_mut(&key) else { return false };
        duty.salts.extend(salts);
        // Drawn again when the venue was started again and has lost what it held.
        if let Stage::Opened { work_root } = duty.stage {
            duty.stage = Stage::Claimed { work_root };
        } else if duty.draw_seed == Some(draw_seed) {
            return false;
        }
        duty.draw_seed = Some(draw_seed);
        true
    }

    /// A challenge has ended.
    pub(super) fn judged(&mut self, key: Key) {
        self.duties.remove(&key);
    }

    /// An obligation has ended.
    pub(super) fn closed(&mut self, obligation: u64) {
        self.duties.retain(|key, _| key.obligation != obligation);
    }

    /// What the worker should do next.
    pub(super) fn next_job(&self) -> Option<Job> {
        let opening = self.duties.values().find_map(Duty::opening_job);
        opening.or_else(|| {
            let waiting = self.duties.values().filter(|duty| duty.stage == Stage::Waiting);
            let urgent = waiting.min_by_key(|duty| (duty.demand.answer_by, duty.demand.key));
            urgent.map(|duty| duty.job(None))
        })
    }

    /// What the venue should hear next.
    pub(super) fn next_answer(&self) -> Option<Answer> {
        self.duties.iter().find_map(|(key, duty)| duty.untold(*key)).or_else(|| self.next_word())
    }

    fn next_word(&self) -> Option<Answer> {
        self.duties.iter().find_map(|(key, duty)| match &duty.stage {
            Stage::Done { work_root } => {
                Some(Answer::Claim { demand: duty.demand, work_root: *work_root })
            }
            Stage::Ready { openings, .. } => {
                Some(Answer::Openings { key: *key, openings: openings.clone() })
            }
            Stage::Waiting | Stage::Claimed { .. } | Stage::Opened { .. } | Stage::Abandoned => {
                None
            }
        })
    }

    /// The work is done. What nobody waits for any more is forgotten.
    pub(super) fn worked(&mut self, key: Key, work_root: Bytes32) {
        if let Some(stage) = self.stage(key)
            && *stage == Stage::Waiting
        {
            *stage = Stage::Done { work_root };
        }
    }

    /// A segment is finished. Work that is done again has the same roots.
    pub(super) fn finished(&mut self, key: Key, id: SegmentId, root: Bytes32) {
        let Some(duty) = self.duties.get_mut(&key).filter(|duty| duty.stage == Stage::Waiting)
        else {
            return;
        };
        if let Some(slot) = duty.roots.get_mut(usize::from(id.slot))
            && slot.len() == usize::from(id.segment)
        {
            slot.push(root);
        }
    }

    /// The venue has so many roots of a slot, and has given these salts for them.
    pub(super) fn told(&mut self, key: Key, (slot, count): (u16, usize), salts: &Salts) {
        let Some(duty) = self.duties.get_mut(&key) else { return };
        if let Some(told) = duty.told.get_mut(usize::from(slot)) {
            *told = count;
        }
        duty.salts.extend(salts);
    }

    /// The venue does not wait for roots of it any more.
    pub(super) fn tell_no_more(&mut self, key: Key) {
        if let Some(duty) = self.duties.get_mut(&key) {
            duty.told.fill(usize::MAX);
        }
    }

    /// Whether anybody waits for the work of a challenge, or for its rows.
    pub(super) fn wants(&self, key: Key) -> bool {
        self.duties.get(&key).is_some_and(|duty| match duty.stage {
            Stage::Waiting | Stage::Claimed { .. } => true,
            Stage::Done { .. } | Stage::Ready { .. } | Stage::Opened { .. } | Stage::Abandoned => {
                false
            }
        })
    }

    /// The claim is with the venue.
    pub(super) fn claimed(&mut self, key: Key) {
        if let Some(stage) = self.stage(key)
            && let Stage::Done { work_root } = *stage
        {
            *stage = Stage::Claimed { work_root };
        }
    }

    /// The rows are opened.
    pub(super) fn opened(&mut self, key: Key, openings: String) {
        if let Some(stage) = self.stage(key)
            && let Stage::Claimed { work_root } = *stage
        {
            *stage = Stage::Ready { work_root, openings };
        }
    }

    /// The opened rows are with the venue.
    pub(super) fn shown(&mut self, key: Key) {
        if let Some(stage) = self.stage(key)
            && let Stage::Ready { work_root, .. } = *stage
        {
            *stage = Stage::Opened { work_root };
        }
    }

    /// It cannot be answered.
    pub(super) fn abandon(&mut self, key: Key) {
        if let Some(stage) = self.stage(key) {
            *stage = Stage::Abandoned;
        }
    }

    fn stage(&mut self, key: Key) -> Option<&mut Stage> {
        self.duties.get_mut(&key).map(|duty| &mut duty.stage)
    }

    /// Whether one more duty may be remembered; forgets one that is answered if it must.
    fn make_room(&mut self) -> bool {
        if self.duties.len() < DUTIES_MAX {
            return true;
        }
        let is_over = |duty: &Duty| matches!(duty.stage, Stage::Opened { .. } | Stage::Abandoned);
        let over = self.duties.iter().find(|(_, duty)| is_over(duty)).map(|(key, _)| *key);
        over.is_some_and(|key| self.duties.remove(&key).is_some())
    }
}

impl Duty {
    fn new(demand: Demand, fault: Fault, stage: Stage, salts: Salts) -> Self {
        let slots = usize::from(demand.challenge.slots());
        let (roots, told) = (vec![Vec::new(); slots], vec![0; slots]);
        Self { demand, fault, stage, draw_seed: None, salts, roots, told }
    }

    /// Roots that the venue does not have yet: while it waits for them, which ends with the claim.
    fn untold(&self, key: Key) -> Option<Answer> {
        if !matches!(self.stage, Stage::Waiting | Stage::Done { .. }) {
            return None;
        }
        let slots = (0_u16..).zip(self.roots.iter().zip(&self.told));
        slots.into_iter().find_map(|(slot, (roots, told))| {
            let untold = roots.get(*told..).filter(|untold| !untold.is_empty())?;
            let roots = untold.iter().take(ROOTS_MAX).copied().collect();
            Some(Answer::Roots { key, slot, first_segment: *told, roots })
        })
    }

    fn opening_job(&self) -> Option<Job> {
        match (&self.stage, self.draw_seed) {
            (Stage::Claimed { work_root }, Some(draw_seed)) => {
                Some(self.job(Some(Opens { work_root: *work_root, draw_seed })))
            }
            _ => None,
        }
    }

    fn job(&self, opens: Option<Opens>) -> Job {
        let Demand { key, challenge, answer_by, .. } = self.demand;
        Job { key, challenge, fault: self.fault, opens, salts: self.salts.clone(), answer_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ClassProfile;

    const ROOT: Bytes32 = [7; 32];
    const DRAW: Bytes32 = [9; 32];

    fn key(challenge: u32) -> Key {
        Key { obligation: 1, challenge }
    }

    fn demand(number: u32, answer_by: u64) -> Demand {
        let seed = [u8::try_from(number).unwrap(); 32];
        let challenge = Challenge::new(seed, ClassProfile::CI, 1, 1).unwrap();
        let claim = Claim { gpu_millis: 1, challenges: 1, prev: [0; 32], terms: [0; 32] };
        Demand { key: key(number), challenge, answer_by, claim }
    }

    fn challenge(duties: &mut Duties, demand: Demand) -> bool {
        duties.challenge(demand, Salts::new())
    }

    fn drawn(number: u32) -> Drawn {
        let Demand { key, challenge, .. } = demand(number, 0);
        let salts = Salts::from([(SegmentId { slot: 0, segment: 0 }, [5; 32])]);
        Drawn { key, challenge, work_root: ROOT, draw_seed: DRAW, salts }
    }

    fn at_work_on(duties: &Duties) -> Option<u32> {
        duties.next_job().map(|job| job.key.challenge)
    }

    #[test]
    fn work_024_rows_are_opened_before_new_work_and_the_most_urgent_work_comes_first() {
        let mut duties = Duties::default();
        challenge(&mut duties, demand(0, 300));
        challenge(&mut duties, demand(1, 100));
        challenge(&mut duties, demand(2, 200));
        assert_eq!(at_work_on(&duties), Some(1));
        duties.worked(key(1), ROOT);
        duties.claimed(key(1));
        assert_eq!(at_work_on(&duties), Some(2));
        duties.draw(drawn(1));
        let opening = duties.next_job().unwrap();
        assert_eq!((opening.key, opening.opens.unwrap().work_root), (key(1), ROOT));
        duties.opened(key(1), "{}".to_owned());
        assert_eq!(at_work_on(&duties), Some(2));
    }

    #[test]
    fn work_023_a_demand_heard_twice_is_one_duty() {
        let mut duties = Duties::default();
        assert!(challenge(&mut duties, demand(0, 100)));
        duties.worked(key(0), ROOT);
        let again = demand(0, 100);
        let again = Demand { claim: Claim { challenges: 5, ..again.claim }, ..again };
        assert!(!challenge(&mut duties, again));
        // The claim is the newest, the work is not done again.
        assert_eq!(duties.next_job(), None);
        assert_eq!(duties.next_answer(), Some(Answer::Claim { demand: again, work_root: ROOT }));
        duties.claimed(key(0));
        assert!(duties.draw(drawn(0)));
        assert!(!duties.draw(drawn(0)));
        assert_eq!(duties.next_answer(), None);
    }

    #[test]
    fn work_023_rows_that_a_venue_has_lost_are_opened_again() {
        let mut duties = Duties::default();
        challenge(&mut duties, demand(0, 100));
        duties.worked(key(0), ROOT);
        duties.claimed(key(0));
        duties.draw(drawn(0));
        duties.opened(key(0), "{}".to_owned());
        duties.shown(key(0));
        assert_eq!((duties.next_job(), duties.next_answer()), (None, None));
        assert!(duties.draw(drawn(0)));
        assert_eq!(at_work_on(&duties), Some(0));
    }

    #[test]
    fn work_022_work_that_failed_is_never_claimed() {
        let mut duties = Duties::default();
        challenge(&mut duties, demand(0, 100));
        duties.abandon(key(0));
        challenge(&mut duties, demand(0, 100));
        duties.draw(drawn(0));
        assert_eq!((duties.next_job(), duties.next_answer()), (None, None));
    }

    #[test]
    fn what_has_ended_is_forgotten_even_while_it_is_worked_on() {
        let mut duties = Duties::default();
        challenge(&mut duties, demand(0, 100));
        challenge(&mut duties, demand(1, 100));
        duties.judged(key(0));
        duties.worked(key(0), ROOT);
        assert_eq!(duties.next_answer(), None);
        assert_eq!(at_work_on(&duties), Some(1));
        duties.closed(1);
        assert_eq!(duties.next_job(), None);
    }

    #[test]
    fn only_what_is_answered_makes_room() {
        let mut duties = Duties::default();
        for number in 0..4_096 {
            let demand = Demand { key: key(number), ..demand(0, 100) };
            assert!(challenge(&mut duties, demand));
        }
        assert!(!challenge(&mut duties, Demand { key: key(5_000), ..demand(0, 100) }));
        duties.abandon(key(17));
        assert!(challenge(&mut duties, Demand { key: key(5_000), ..demand(0, 100) }));
        assert_eq!(duties.duties.len(), DUTIES_MAX);
    }

    #[test]
    fn a_fault_has_the_number_of_the_challenge_as_it_came() {
        let mut duties = Duties::new("silent-once:2".parse().unwrap());
        challenge(&mut duties, demand(5, 100));
        challenge(&mut duties, demand(3, 50));
        challenge(&mut duties, demand(3, 50));
        challenge(&mut duties, demand(4, 70));
        assert_eq!(at_work_on(&duties), Some(4));
        duties.abandon(key(4));
        assert_eq!(at_work_on(&duties), Some(5));
    }

    /// SESSION-012: in the order of the segments, before the claim, each once.
    #[test]
    fn session_012_roots_are_told_before_the_claim_and_each_once() {
        let mut duties = Duties::default();
        let seed = [1; 32];
        let two = Challenge::new(seed, ClassProfile::CI, 2, 2).unwrap();
        let demand = Demand { challenge: two, ..demand(0, 100) };
        let id = |slot, segment| SegmentId { slot, segment };
        challenge(&mut duties, demand);
        duties.finished(key(0), id(1, 0), [2; 32]);
        let roots = |slot, first_segment, roots: &[u8]| {
            let roots = roots.iter().map(|byte| [*byte; 32]).collect();
            Some(Answer::Roots { key: key(0), slot, first_segment, roots })
        };
        assert_eq!(duties.next_answer(), roots(1, 0, &[2]));
        let salts = Salts::from([(id(1, 1), [8; 32])]);
        duties.told(key(0), (1, 1), &salts);
        assert_eq!(duties.next_answer(), None);
        assert_eq!(duties.next_job().unwrap().salts, salts);
        // A worker that has died does it all again, with the same roots.
        duties.finished(key(0), id(1, 0), [2; 32]);
        duties.finished(key(0), id(0, 0), [1; 32]);
        duties.finished(key(0), id(1, 1), [4; 32]);
        duties.finished(key(0), id(0, 1), [3; 32]);
        duties.worked(key(0), ROOT);
        assert_eq!(duties.next_answer(), roots(0, 0, &[1, 3]));
        duties.told(key(0), (0, 2), &Salts::new());
        assert_eq!(duties.next_answer(), roots(1, 1, &[4]));
        duties.told(key(0), (1, 2), &Salts::new());
        assert_eq!(duties.next_answer(), Some(Answer::Claim { demand, work_root: ROOT }));
    }

    /// SESSION-013: all it takes comes with the draw.
    #[test]
    fn session_013_an_agent_that_has_lost_its_work_can_do_it_again_for_the_draw() {
        let mut duties = Duties::default();
        assert!(duties.draw(drawn(3)));
        assert!(!duties.draw(drawn(3)));
        let job = duties.next_job().unwrap();
        assert_eq!(
            (job.opens, job.salts),
            (Some(Opens { work_root: ROOT, draw_seed: DRAW }), drawn(3).salts)
        );
        assert!(duties.wants(key(3)));
        duties.opened(key(3), "{}".to_owned());
        assert!(!duties.wants(key(3)));
    }
}
