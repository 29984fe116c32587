//! The auditor's own meter: what counts of an interval, told from challenges and verdicts alone, one moment at a time.
//!
//! It shares no code with the exchange: it asks of each moment which challenges stand on its two sides, and adds the moments up.

use std::collections::{BTreeMap, BTreeSet};

use exchange::IntervalOutcome;
use instruments::{AccountId, Between, Nanos, Ppm, Schedule};
use settlement::{ChallengeOutcome, FailCause, Verdict};

use super::deliveries::{QUALITY_FLOOR, QUALITY_FULL};

const WHOLE: u128 = 1_000_000;
const IN_FLIGHT_MAX: usize = 4;
/// Nanoseconds: a deadline that nobody looked at for longer was slept through.
const SLEPT: u64 = 5_000_000_000;

/// Every challenge of an obligation, and who delivered when.
#[derive(Debug, Clone, Default)]
pub(super) struct Metered {
    asked: Vec<Asked>,
    /// Who was there for each interval that has begun; absent where nobody was.
    present: BTreeMap<u32, AccountId>,
    /// Failures that were said to be hard.
    hard: BTreeSet<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Nanos,
    who: AccountId,
    answer_by: Nanos,
    verdict_by: Option<Nanos>,
    is_drawn: bool,
    verdict: Option<Verdict>,
    ended: Option<(Nanos, ChallengeOutcome)>,
}

/// How a challenge counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passed(Ppm),
    Soft(Ppm),
    Hard(FailCause),
    Nothing,
    Open,
}

impl Metered {
    pub(super) fn open(&mut self, interval: u32, who: Option<AccountId>) {
        if let Some(who) = who {
            self.present.insert(interval, who);
        }
    }

    /// A challenge is issued. Whether that follows.
    pub(super) fn issue(
        &mut self,
        number: u32,
        who: AccountId,
        (now, answer_by): (Nanos, Nanos),
    ) -> bool {
        let in_flight = self.asked.iter().filter(|asked| asked.ended.is_none()).count();
        let follows = usize::try_from(number) == Ok(self.asked.len())
            && in_flight < IN_FLIGHT_MAX
            && self.present.values().any(|one| *one == who);
        self.asked.push(Asked {
            at: now,
            who,
            answer_by,
            verdict_by: None,
            is_drawn: false,
            verdict: None,
            ended: None,
        });
        follows
    }

    fn get(&mut self, number: u32) -> Option<&mut Asked> {
        let asked = usize::try_from(number).ok().and_then(|at| self.asked.get_mut(at));
        asked.filter(|asked| asked.ended.is_none())
    }

    pub(super) fn who(&self, number: u32) -> Option<AccountId> {
        usize::try_from(number).ok().and_then(|at| self.asked.get(at)).map(|asked| asked.who)
    }

    pub(super) fn receive(&mut self, number: u32, now: Nanos, verdict_by: Nanos) -> bool {
        let Some(asked) = self.get(number) else { return false };
        let follows = asked.verdict_by.is_none() && now < asked.answer_by;
        asked.verdict_by = Some(verdict_by);
        follows
    }

    pub(super) fn draw(&mut self, number: u32) -> bool {
        let Some(asked) = self.get(number) else { return false };
        let follows = asked.verdict_by.is_some() && !asked.is_drawn;
        asked.is_drawn = true;
        follows
    }

    pub(super) fn judge(&mut self, number: u32, verdict: Verdict, now: Nanos) -> bool {
        let Some(asked) = self.get(number) else { return false };
        let in_time = asked.verdict_by.is_some_and(|by| now < by);
        let follows = in_time && asked.verdict.is_none();
        asked.verdict = Some(verdict);
        follows && (asked.is_drawn || verdict == Verdict::Unverifiable)
    }

    /// A challenge has ended. Whether so.
    pub(super) fn end(&mut self, number: u32, outcome: ChallengeOutcome, now: Nanos) -> bool {
        let Some(asked) = self.get(number) else { return false };
        asked.ended = Some((now, outcome));
        let expected = match (asked.verdict, asked.verdict_by) {
            (Some(Verdict::Valid { quality }), _) if quality < QUALITY_FLOOR => {
                ChallengeOutcome::Failed { cause: FailCause::BelowGrade }
            }
            (Some(Verdict::Valid { quality }), _) => {
                let quality = if quality < QUALITY_FULL { quality } else { Ppm::ONE };
                ChallengeOutcome::Passed { quality }
            }
            (Some(Verdict::Invalid), _) => ChallengeOutcome::Failed { cause: FailCause::Refuted },
            (Some(Verdict::Unverifiable), _) => ChallengeOutcome::Unknown,
            (None, Some(by)) => return by <= now && outcome == ChallengeOutcome::Unknown,
            (None, None) if asked.answer_by + instruments::NanosSpan::new(SLEPT) < now => {
                ChallengeOutcome::Unknown
            }
            (None, None) => {
                let silent = ChallengeOutcome::Failed { cause: FailCause::Silent };
                return asked.answer_by <= now && outcome == silent;
            }
        };
        outcome == expected
    }

    /// A failure is said to be soft or hard. Whether it is.
    pub(super) fn weigh(
        &mut self,
        number: u32,
        is_soft: bool,
        (schedule, now): (&Schedule, Nanos),
    ) -> bool {
        if !is_soft {
            self.hard.insert(number);
        }
        let Some(between) = schedule.close_out.meter() else { return false };
        let kinds = self.kinds(schedule, between, now);
        let kind = usize::try_from(number).ok().and_then(|at| kinds.get(at)).copied();
        match kind {
            Some(Kind::Soft(_)) => is_soft,
            Some(Kind::Hard(_)) => !is_soft,
            Some(Kind::Passed(_) | Kind::Nothing | Kind::Open) | None => false,
        }
    }

    /// Whether one of this seller's challenges has failed hard, and none that came later was passed.
    pub(super) fn fails(&self, seller: AccountId) -> bool {
        let of = |number: &&u32| self.who(**number) == Some(seller);
        let Some(last) = self.hard.iter().rev().find(of) else { return false };
        let after = usize::try_from(*last).map_or(usize::MAX, |at| at + 1);
        let passed = |asked: &Asked| {
            asked.who == seller && matches!(asked.ended, Some((_, ChallengeOutcome::Passed { .. })))
        };
        !self.asked.iter().skip(after).any(passed)
    }

    /// Whether a seller has failed so often today, or for so long, that nothing is waited for.
    pub(super) fn is_hopeless(&self, seller: AccountId, schedule: &Schedule, now: Nanos) -> bool {
        let Some(between) = schedule.close_out.meter() else { return false };
        let day_of = |at| schedule.interval_at(at) / schedule.close_out.intervals_per_day;
        let own: Vec<(usize, &Asked)> =
            self.asked.iter().enumerate().filter(|(_, asked)| asked.who == seller).collect();
        let is_hard = |place: usize| u32::try_from(place).is_ok_and(|it| self.hard.contains(&it));
        let hard: Vec<Nanos> =
            own.iter().filter(|(place, _)| is_hard(*place)).map(|(_, asked)| asked.at).collect();
        let Some(last) = hard.last() else { return false };
        let today = hard.iter().filter(|at| day_of(**at) == day_of(*last)).count();
        let passed =
            |asked: &Asked| matches!(asked.ended, Some((_, ChallengeOutcome::Passed { .. })));
        let last_passed = own.iter().rev().find(|(_, asked)| passed(asked));
        let since = last_passed.map_or(Nanos::new(0), |(_, asked)| asked.at);
        let first = hard.iter().find(|at| since < **at);
        u32::try_from(today).is_ok_and(|today| between.hard_fails_max <= today)
            || first.is_some_and(|at| *at + between.silence_max <= now)
    }

    pub(super) fn has_failed(&self, seller: AccountId) -> bool {
        self.hard.iter().any(|number| self.who(*number) == Some(seller))
    }

    /// GPU-milliseconds due until the newest challenge, of so many an interval.
    pub(super) fn due(&self, schedule: &Schedule, whole: u64) -> u64 {
        let window = u128::from(schedule.deliver_until.since(schedule.deliver_from).nanos());
        let newest = self.asked.last().map_or(schedule.deliver_from, |asked| asked.at);
        let gone = u128::from(newest.since(schedule.deliver_from).nanos()).min(window);
        let all = u128::from(whole) * u128::from(schedule.intervals);
        u64::try_from(all * gone / window.max(1)).unwrap_or(u64::MAX)
    }

    /// How each challenge counts.
    fn kinds(&self, schedule: &Schedule, between: &Between, now: Nanos) -> Vec<Kind> {
        let mut softs: BTreeMap<u32, u32> = BTreeMap::new();
        let mut kinds = Vec::new();
        for (place, asked) in self.asked.iter().enumerate() {
            let Some((known_at, outcome)) = asked.ended else {
                kinds.push(Kind::Open);
                continue;
            };
            kinds.push(match outcome {
                ChallengeOutcome::Unknown => Kind::Nothing,
                ChallengeOutcome::Passed { quality } => Kind::Passed(quality),
                ChallengeOutcome::Failed { cause: FailCause::Silent } => {
                    let day = schedule.interval_at(asked.at) / schedule.close_out.intervals_per_day;
                    let used = softs.entry(day).or_default();
                    let kind = if *used < between.soft_fails_per_day {
                        self.silence(place, (schedule, between), known_at, now)
                    } else {
                        Kind::Hard(FailCause::Silent)
                    };
                    *used += u32::from(matches!(kind, Kind::Soft(_)));
                    kind
                }
                ChallengeOutcome::Failed { cause } => Kind::Hard(cause),
            });
        }
        kinds
    }

    fn silence(
        &self,
        place: usize,
        (schedule, between): (&Schedule, &Between),
        known_at: Nanos,
        now: Nanos,
    ) -> Kind {
        let until = known_at + between.recheck_within;
        let run = self.run_of(place, schedule);
        let unknown = |asked: &Asked| matches!(asked.ended, Some((_, ChallengeOutcome::Unknown)));
        let later = (place + 1..self.asked.len()).filter(|at| self.run_of(*at, schedule) == run);
        let mut later = later.filter(|at| !unknown(&self.asked[*at]));
        let hard = Kind::Hard(FailCause::Silent);
        let Some(next) = later.next().map(|at| self.asked[at]) else {
            return if now < until { Kind::Open } else { hard };
        };
        match next.ended {
            _ if until <= next.at => hard,
            None => Kind::Open,
            Some((_, ChallengeOutcome::Passed { quality })) => Kind::Soft(quality),
            Some(_) => hard,
        }
    }

    /// The turn of its deliverer to which a challenge belongs: the latest that had begun, by its first interval.
    fn run_of(&self, place: usize, schedule: &Schedule) -> Option<u32> {
        let asked = self.asked.get(place)?;
        let mut begun = None;
        for (interval, who) in &self.present {
            if asked.at < schedule.interval_starts_at(*interval) {
                break;
            }
            if *who == asked.who {
                begun = Some(*interval);
            }
        }
        begun.map(|interval| self.turn(interval).0)
    }

    /// The intervals around one that its deliverer has had without a gap: the first, and the first that is no more.
    fn turn(&self, interval: u32) -> (u32, u32) {
        let who = self.present.get(&interval);
        let same = |other: u32| self.present.get(&other) == who;
        let mut from = interval;
        while 0 < from && same(from - 1) {
            from -= 1;
        }
        let mut until = interval + 1;
        while same(until) {
            until += 1;
        }
        (from, until)
    }

    /// What an interval must end as; `None` when nothing can be said yet. `next` is the first that has not begun, of so many.
    pub(super) fn outcome(
        &self,
        interval: u32,
        schedule: &Schedule,
        (next, count): (u32, u32),
        now: Nanos,
    ) -> Option<IntervalOutcome> {
        let between = schedule.close_out.meter()?;
        self.present.get(&interval)?;
        let (from, until) = self.turn(interval);
        let bounds = (schedule.interval_starts_at(from), schedule.interval_starts_at(until));
        let range =
            (schedule.interval_starts_at(interval), schedule.interval_starts_at(interval + 1));
        let kinds = self.kinds(schedule, between, now);
        let own: Vec<(Nanos, Kind)> = (0..self.asked.len())
            .filter(|place| self.run_of(*place, schedule) == Some(from))
            .map(|place| (self.asked[place].at, kinds[place]))
            .filter(|(_, kind)| *kind != Kind::Nothing)
            .collect();
        let closes = own.iter().position(|(at, _)| range.1 <= *at);
        let is_over = until < next || count <= until;
        let is_late = bounds.1 + between.recheck_within <= now;
        let needed = closes.map_or(own.len(), |at| at + 1);
        let known = own[..needed].iter().all(|(_, kind)| *kind != Kind::Open);
        if !known || closes.is_none() && !(is_over && is_late) {
            return None;
        }
        let mut cuts: BTreeSet<Nanos> = own.iter().map(|(at, _)| *at).collect();
        cuts.retain(|at| range.0 < *at && *at < range.1);
        cuts.extend([range.0, range.1]);
        let cuts: Vec<Nanos> = cuts.into_iter().collect();
        let (mut counts, mut lacks, mut cause) = (0, 0, None);
        for piece in cuts.windows(2) {
            let nanos = u128::from(piece[1].since(piece[0]).nanos());
            let (one, other, why) = worth(&own, piece[0], bounds, between);
            counts += nanos * one;
            lacks += nanos * other;
            cause = cause.or(why.filter(|_| 0 < other));
        }
        let whole = u128::from(range.1.since(range.0).nanos()).max(1);
        let ppm = |part: u128| Ppm::new(i64::try_from(part / whole).unwrap_or(0));
        let (quality, missing) = (ppm(counts), ppm(lacks));
        let unjudged = Ppm::new(1_000_000 - quality.ppm() - missing.ppm());
        Some(match cause {
            _ if Ppm::ZERO < quality => IntervalOutcome::Delivered { quality, unjudged },
            Some(cause) if unjudged < Ppm::ONE => IntervalOutcome::Failed { cause, unjudged },
            Some(_) | None => IntervalOutcome::Unverified,
        })
    }
}

/// What a moment is worth in millionths: what counts, what is missing, and why.
fn worth(
    own: &[(Nanos, Kind)],
    moment: Nanos,
    bounds: (Nanos, Nanos),
    between: &Between,
) -> (u128, u128, Option<FailCause>) {
    let before = own.iter().rev().find(|(at, _)| *at <= moment);
    let after = own.iter().find(|(at, _)| moment < *at);
    for (_, kind) in before.into_iter().chain(after) {
        if let Kind::Hard(cause) = kind {
            return (0, WHOLE, Some(*cause));
        }
    }
    if let Some((_, Kind::Soft(_))) = before {
        return (0, WHOLE, Some(FailCause::Silent));
    }
    let quality = |kind: &Kind| match kind {
        Kind::Passed(quality) | Kind::Soft(quality) => Some(*quality),
        Kind::Hard(_) | Kind::Nothing | Kind::Open => None,
    };
    let counts = match (before, after) {
        (Some((_, one)), Some((_, other))) => quality(one).min(quality(other)),
        (None, Some((at, kind))) if *at < bounds.0 + between.recheck_within => quality(kind),
        (Some((at, kind)), None) if bounds.1 < *at + between.recheck_within => quality(kind),
        _ => None,
    };
    let Some(counts) = counts else { return (0, 0, None) };
    let counts = u128::try_from(counts.ppm()).unwrap_or(0);
    (counts, WHOLE - counts, Some(FailCause::BelowGrade))
}
