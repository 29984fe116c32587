//! When work is demanded of whom: at moments that nobody can foresee, and at both ends of a delivery.
//!
//! Every grade has one Poisson process, and at each of its instants all sessions of the grade are challenged together, because one GPU
//! cannot serve two contracts at once. Beside that a session is challenged alone as it begins, as it ends, around a declared outage, and
//! soon after it was silent.
//!
//! Invariants:
//! - what comes next does not depend on what has been: the gaps of a process are exponential, also after a pause of the venue;
//! - nobody is challenged while its hardware is declared missing, before its session or long after it;
//! - a session that is at work is passed over by its grade's process; a challenge of its own waits for it.
//!
//! It knows neither a clock nor an exchange nor where random numbers come from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use instruments::{GradeId, Nanos, NanosSpan, ObligationId};

/// Instants at which one session is challenged alone: two ends, two for each of sixteen outages, and what failures add.
const OWN_MAX: usize = 64;

/// One delivery as the schedule sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// With whom it is challenged.
    pub(super) grade: GradeId,
    /// When it begins.
    pub(super) from: Nanos,
    /// When it ends.
    pub(super) until: Nanos,
    /// How soon a challenge must follow another, or an end, to belong to it.
    pub(super) recheck_within: NanosSpan,
    /// From when until when its hardware is declared missing.
    pub(super) outages: Vec<(Nanos, Nanos)>,
}

/// Where random numbers come from.
pub(super) type Draw<'a> = &'a mut dyn FnMut() -> u64;

/// All sessions and their instants.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// From one instant of a process to the next, on average.
    mean_gap: NanosSpan,
    arrivals: BTreeMap<GradeId, Nanos>,
    sessions: BTreeMap<ObligationId, Planned>,
}

#[derive(Debug)]
struct Planned {
    session: Session,
    /// Instants of its own.
    own: BTreeSet<Nanos>,
}

impl Schedule {
    pub(super) fn new(mean_gap: NanosSpan) -> Self {
        Self { mean_gap, ..Self::default() }
    }

    /// Takes in a session, or what has become of one. A new one is asked as it begins, at once when it has, and as it ends.
    pub(super) fn set(&mut self, id: ObligationId, session: Session, now: Nanos) {
        let known = self.sessions.remove(&id);
        let is_new = known.is_none();
        let mut own = known.map(|known| known.own).unwrap_or_default();
        if is_new {
            own.extend([session.from.max(now), session.until]);
        }
        for (from, until) in &session.outages {
            // The last word before the hardware goes, and the first when it is back.
            let before = Nanos::new(from.nanos().saturating_sub(session.recheck_within.nanos()));
            let around = [before.max(session.from), *until];
            own.extend(around.into_iter().filter(|at| now < *at && *at < session.until));
        }
        self.sessions.insert(id, Planned { session, own });
    }

    /// A session is over.
    pub(super) fn end(&mut self, id: ObligationId) {
        self.sessions.remove(&id);
    }

    /// Whether there is nobody to be asked.
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// A session is asked alone at that instant.
    pub(super) fn ask_at(&mut self, id: ObligationId, at: Nanos) {
        if let Some(planned) = self.sessions.get_mut(&id)
            && planned.own.len() < OWN_MAX
        {
            planned.own.insert(at);
        }
    }

    /// A session was silent, or nobody could judge it: it is asked again after a twelfth to eleven twelfths of the time in which an answer
    /// makes good for silence.
    pub(super) fn again(&mut self, id: ObligationId, failed_at: Nanos, draw: Draw<'_>) {
        let Some(planned) = self.sessions.get(&id) else { return };
        let within = planned.session.recheck_within.nanos();
        let twelfth = within.div_euclid(12);
        let spread = twelfth.saturating_mul(10).max(1);
        let after = twelfth.saturating_add(draw().checked_rem(spread).unwrap_or(0));
        self.ask_at(id, failed_at + NanosSpan::new(after));
    }

    /// Who must be challenged now, of those who are not at work. Each is named once.
    pub(super) fn due(
        &mut self,
        now: Nanos,
        is_at_work: impl Fn(ObligationId) -> bool,
        draw: Draw<'_>,
    ) -> Vec<ObligationId> {
        let arrived = self.arrived(now, draw);
        let mut due = Vec::new();
        for (id, planned) in &mut self.sessions {
            let Planned { session, own } = planned;
            if !session.may_be_asked(now) {
                // What would have been asked while the hardware is declared missing is not asked later.
                own.retain(|at| now < *at);
                continue;
            }
            let is_together = arrived.contains(&session.grade) && now < session.until;
            let is_alone = own.first().is_some_and(|at| *at <= now);
            if (is_together || is_alone) && !is_at_work(*id) {
                own.retain(|at| now < *at);
                due.push(*id);
            }
        }
        due
    }

    /// The grades whose process has an instant now, and their next one.
    fn arrived(&mut self, now: Nanos, draw: Draw<'_>) -> BTreeSet<GradeId> {
        let is_open = |planned: &&Planned| now < planned.session.until;
        let open: BTreeSet<&GradeId> =
            self.sessions.values().filter(is_open).map(|planned| &planned.session.grade).collect();
        self.arrivals.retain(|grade, _| open.contains(grade));
        let mut arrived = BTreeSet::new();
        for grade in open {
            let next = self.arrivals.get(grade).copied();
            if next.is_none_or(|next| next <= now) {
                // From now, not from the instant that was due: a venue that has slept does not catch up, and need not, because the
                // process has no memory.
                self.arrivals.insert(grade.clone(), now + exponential(self.mean_gap, draw()));
            }
            if next.is_some_and(|next| next <= now) {
                arrived.insert(grade.clone());
            }
        }
        arrived
    }
}

impl Session {
    /// Whether a challenge may be issued at that instant.
    fn may_be_asked(&self, now: Nanos) -> bool {
        let is_out = self.outages.iter().any(|(from, until)| *from <= now && now < *until);
        self.from <= now && now < self.until + self.recheck_within && !is_out
    }
}

/// An exponential span of that mean, from 64 random bits.
fn exponential(mean: NanosSpan, bits: u64) -> NanosSpan {
    let [a, b, c, d, ..] = bits.to_be_bytes();
    // In (0, 1], so that the logarithm is finite: a gap is at most 22 means long.
    let uniform = (f64::from(u32::from_be_bytes([a, b, c, d])) + 1.0) / 4_294_967_296.0;
    let gap = Duration::from_nanos(mean.nanos()).mul_f64(-uniform.ln());
    NanosSpan::new(u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEAN: NanosSpan = NanosSpan::from_seconds(300);
    const MINUTE: NanosSpan = NanosSpan::from_seconds(60);

    /// Good enough bits, the same each time.
    fn draws(mut state: u64) -> impl FnMut() -> u64 {
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = state;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^ (bits >> 31)
        }
    }

    fn at(seconds: u64) -> Nanos {
        Nanos::from_seconds(seconds)
    }

    fn session(grade: &str, from: u64, until: u64) -> Session {
        let grade = GradeId::new(grade).unwrap();
        let (from, until) = (at(from), at(until));
        Session { grade, from, until, recheck_within: MINUTE, outages: Vec::new() }
    }

    const fn idle(_: ObligationId) -> bool {
        false
    }

    /// Who is challenged when, second by second.
    fn asked(
        schedule: &mut Schedule,
        seconds: std::ops::Range<u64>,
        draw: Draw<'_>,
    ) -> Vec<(u64, Vec<u64>)> {
        let mut asked = Vec::new();
        for second in seconds {
            let due = schedule.due(at(second), idle, draw);
            if !due.is_empty() {
                asked.push((second, due.iter().map(|id| id.0).collect()));
            }
        }
        asked
    }

    fn share(gaps: &[f64], over: f64) -> f64 {
        let longer = u32::try_from(gaps.iter().filter(|gap| over < **gap).count()).unwrap();
        f64::from(longer) / f64::from(u32::try_from(gaps.len()).unwrap())
    }

    #[test]
    fn session_001_the_gaps_of_a_process_are_exponential_and_have_no_memory() {
        let mut draw = draws(1);
        let gaps: Vec<f64> = (0..100_000)
            .map(|_| Duration::from_nanos(exponential(MEAN, draw()).nanos()).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / 100_000.0;
        assert!((mean - 300.0).abs() < 4.0, "{mean}");
        for means in [0.1_f64, 0.5, 1.0, 2.0, 4.0] {
            let (found, expected) = (share(&gaps, 300.0 * means), (-means).exp());
            assert!((found - expected).abs() < 0.006, "{means}: {found}, not {expected}");
        }
        // Whoever has waited for 200 seconds waits as long again as anybody.
        let waited: Vec<f64> =
            gaps.iter().filter(|gap| 200.0 < **gap).map(|gap| gap - 200.0).collect();
        for over in [30.0, 300.0, 900.0] {
            let (fresh, waited) = (share(&gaps, over), share(&waited, over));
            assert!((fresh - waited).abs() < 0.01, "{over}: {waited}, not {fresh}");
        }
    }

    #[test]
    fn session_001_a_process_that_nobody_looked_at_does_not_catch_up() {
        let mut schedule = Schedule::new(MEAN);
        let mut draw = draws(2);
        schedule.set(ObligationId(1), session("H100", 0, 1_000_000), at(0));
        assert_eq!(schedule.due(at(0), idle, &mut draw), [ObligationId(1)]);
        // A day later there is one challenge, not three hundred, and the next is a gap away.
        assert_eq!(schedule.due(at(86_400), idle, &mut draw), [ObligationId(1)]);
        assert_eq!(schedule.due(at(86_400), idle, &mut draw), []);
        let rest = asked(&mut schedule, 86_401..172_800, &mut draw);
        assert!((200..400).contains(&rest.len()), "{}", rest.len());
    }

    #[test]
    fn session_002_all_sessions_of_a_grade_are_challenged_at_one_instant() {
        let mut schedule = Schedule::new(MEAN);
        let mut draw = draws(3);
        for id in 1..=3 {
            schedule.set(ObligationId(id), session("H100", 0, 100_000), at(0));
        }
        schedule.set(ObligationId(4), session("H200", 0, 100_000), at(0));
        // One that begins later joins the process that runs.
        schedule.set(ObligationId(5), session("H100", 50_000, 100_000), at(0));
        let asked = asked(&mut schedule, 0..100_000, &mut draw);
        let h100: Vec<&Vec<u64>> = asked
            .iter()
            .filter(|(at, ids)| *at != 50_000 && ids[0] != 4)
            .map(|(_, ids)| ids)
            .collect();
        assert!(200 < h100.len(), "{}", h100.len());
        let together = |ids: &&&Vec<u64>| {
            let of_grade: Vec<u64> = ids.iter().copied().filter(|id| *id != 4).collect();
            of_grade == [1, 2, 3] || of_grade == [1, 2, 3, 5]
        };
        assert_eq!(h100.iter().filter(together).count(), h100.len());
        // The other grade has instants of its own.
        let alone = asked.iter().filter(|(_, ids)| ids[..] == [4]).count();
        assert!(200 < alone, "{alone}");
    }

    #[test]
    fn session_003_a_session_is_challenged_as_it_begins_and_as_it_ends() {
        let mut schedule = Schedule::new(NanosSpan::from_seconds(100_000_000));
        let mut draw = draws(4);
        schedule.set(ObligationId(1), session("H100", 100, 500), at(0));
        schedule.set(ObligationId(2), session("H100", 100, 700), at(0));
        // One that was under way when the venue came up is asked at once.
        schedule.set(ObligationId(3), session("H100", 10, 500), at(50));
        let asked = asked(&mut schedule, 50..2_000, &mut draw);
        assert_eq!(asked, [(50, vec![3]), (100, vec![1, 2]), (500, vec![1, 3]), (700, vec![2])]);
        // Told again, it is not asked again; what is over is not asked at all.
        schedule.set(ObligationId(1), session("H100", 100, 500), at(2_000));
        assert_eq!(schedule.due(at(2_000), idle, &mut draw), []);
    }

    #[test]
    fn session_003_the_closing_challenge_comes_in_time_or_not_at_all() {
        let mut schedule = Schedule::new(NanosSpan::from_seconds(100_000_000));
        let mut draw = draws(5);
        schedule.set(ObligationId(1), session("H100", 0, 500), at(0));
        schedule.due(at(0), idle, &mut draw);
        assert_eq!(schedule.due(at(560), idle, &mut draw), []);
        schedule.set(ObligationId(2), session("H100", 0, 500), at(0));
        schedule.due(at(0), idle, &mut draw);
        assert_eq!(schedule.due(at(559), idle, &mut draw), [ObligationId(2)]);
    }

    #[test]
    fn session_004_who_was_silent_is_asked_again_within_5_to_60_seconds() {
        let mut draw = draws(6);
        let mut waits = BTreeSet::new();
        for _ in 0..500 {
            let mut schedule = Schedule::new(NanosSpan::from_seconds(100_000_000));
            schedule.set(ObligationId(1), session("H100", 0, 10_000), at(0));
            schedule.due(at(0), idle, &mut draw);
            schedule.again(ObligationId(1), at(100), &mut draw);
            let asked = asked(&mut schedule, 100..400, &mut draw);
            let [(second, _)] = asked[..] else { panic!("{asked:?}") };
            waits.insert(second - 100);
        }
        let (first, last) = (waits.first().unwrap(), waits.last().unwrap());
        assert!((5..8).contains(first) && (52..57).contains(last), "{waits:?}");
        // In a compressed calendar the minute is shorter, and so is the wait.
        let mut schedule = Schedule::new(MEAN);
        let short =
            Session { recheck_within: NanosSpan::from_millis(1_200), ..session("H100", 0, 60) };
        schedule.set(ObligationId(1), short, at(0));
        schedule.due(at(0), idle, &mut draw);
        schedule.again(ObligationId(1), at(10), &mut draw);
        let soonest = at(10) + NanosSpan::from_millis(99);
        assert_eq!(schedule.due(soonest, idle, &mut draw), []);
        let latest = at(10) + NanosSpan::from_millis(1_100);
        assert_eq!(schedule.due(latest, idle, &mut draw), [ObligationId(1)]);
    }

    #[test]
    fn session_005_nobody_is_asked_while_its_hardware_is_declared_missing() {
        let mut schedule = Schedule::new(MEAN);
        let mut draw = draws(7);
        let out =
            Session { outages: vec![(at(20_000), at(60_000))], ..session("H100", 0, 100_000) };
        schedule.set(ObligationId(1), session("H100", 0, 100_000), at(0));
        schedule.set(ObligationId(2), session("H100", 0, 100_000), at(0));
        schedule.due(at(0), idle, &mut draw);
        // Declared while it runs: the last word is a minute before, the first as it ends.
        schedule.set(ObligationId(1), out, at(10));
        schedule.again(ObligationId(1), at(19_990), &mut draw);
        let asked = asked(&mut schedule, 1..100_000, &mut draw);
        let of = |id: u64| {
            asked.iter().filter(|(_, ids)| ids.contains(&id)).map(|(at, _)| *at).collect::<Vec<_>>()
        };
        assert!(of(1).iter().all(|second| !(20_000..60_000).contains(second)));
        assert!(of(1).contains(&19_940) && of(1).contains(&60_000), "{:?}", of(1));
        assert!(of(2).iter().any(|second| (20_000..60_000).contains(second)));
    }

    #[test]
    fn session_006_who_is_at_work_is_passed_over_and_its_own_challenge_waits() {
        let mut schedule = Schedule::new(MEAN);
        let mut draw = draws(8);
        schedule.set(ObligationId(1), session("H100", 0, 100_000), at(0));
        schedule.due(at(0), idle, &mut draw);
        let busy = |_| true;
        for second in 1..10_000 {
            assert_eq!(schedule.due(at(second), busy, &mut draw), []);
        }
        // Nothing of what was passed over is made up for.
        let rest = asked(&mut schedule, 10_000..20_000, &mut draw);
        assert!(rest.len() < 60 && rest[0].0 != 10_000, "{rest:?}");
        schedule.ask_at(ObligationId(1), at(20_000));
        assert_eq!(schedule.due(at(20_005), busy, &mut draw), []);
        assert_eq!(schedule.due(at(20_006), idle, &mut draw), [ObligationId(1)]);
    }
}
