//! The rule by which time between challenges counts: against a naive reference, its properties, and why being away does not pay.

use instruments::{Nanos, NanosSpan, Ppm};
use proptest::prelude::*;
use settlement::{ChallengeOutcome, Ended, FailCause, Mark, MarkKind, Parts, credit, marks};

const RECHECK: u64 = 60;
const END: u64 = 3_000;
const WHOLE: u128 = 1_000_000;

fn at(seconds: u64) -> Nanos {
    Nanos::from_seconds(seconds)
}

fn ended(seconds: u64, known: u64, outcome: ChallengeOutcome) -> Ended {
    Ended { at: at(seconds), known_at: at(known), outcome }
}

const PASSED: ChallengeOutcome = ChallengeOutcome::Passed { quality: Ppm::ONE };
const SILENT: ChallengeOutcome = ChallengeOutcome::Failed { cause: FailCause::Silent };
const REFUTED: ChallengeOutcome = ChallengeOutcome::Failed { cause: FailCause::Refuted };

/// The marks where two of all may be soft.
fn weighed(all: &[Ended]) -> Vec<Mark> {
    let mut left = 2;
    marks(all, NanosSpan::from_seconds(RECHECK), |_, is_used| {
        left -= u32::from(is_used);
        left
    })
}

fn of_range(all: &[Ended], from: u64, until: u64) -> Parts {
    let recheck = NanosSpan::from_seconds(RECHECK);
    credit((at(0), at(END)), &weighed(all), recheck, (at(from), at(until)))
}

/// Seconds that count, are missing, are unjudged.
type Seconds = (u128, u128, u128);

fn seconds(all: &[Ended]) -> Seconds {
    let parts = of_range(all, 0, END);
    let unit = WHOLE * 1_000_000_000;
    (parts.credited / unit, parts.missing / unit, parts.unjudged / unit)
}

/// METER-002, METER-003, METER-004, METER-005, METER-006: the table.
#[test]
fn meter_002_the_rule_case_by_case() {
    let half = ChallengeOutcome::Passed { quality: Ppm::new(900_000) };
    let unknown = ChallengeOutcome::Unknown;
    let first = ended(10, 20, PASSED);
    let last = ended(END + 10, END + 20, PASSED);
    let cases: [(&str, &[Ended], Seconds); 14] = [
        ("nobody asked", &[], (0, 0, 3_000)),
        ("both ends", &[first, last], (3_000, 0, 0)),
        ("no closing challenge", &[first], (10, 0, 2_990)),
        ("the last one is near the end", &[first, ended(2_950, 2_960, PASSED)], (3_000, 0, 0)),
        ("asked late at first", &[ended(100, 110, PASSED), last], (2_900, 0, 100)),
        (
            "the lower quality counts",
            &[first, ended(1_000, 1_010, half), last],
            (10 + 2_691, 299, 0),
        ),
        ("unknown is nothing", &[first, ended(1_000, 1_010, unknown), last], (3_000, 0, 0)),
        ("refuted", &[first, ended(1_000, 1_010, REFUTED), last], (10, 2_990, 0)),
        (
            "refuted, and back at once",
            &[first, ended(1_000, 1_010, REFUTED), ended(1_020, 1_030, PASSED), last],
            (10 + 1_980, 1_010, 0),
        ),
        (
            "silent, and back at once",
            &[first, ended(1_000, 1_060, SILENT), ended(1_100, 1_110, PASSED), last],
            (2_900, 100, 0),
        ),
        (
            "silent, and back too late",
            &[first, ended(1_000, 1_060, SILENT), ended(1_120, 1_130, PASSED), last],
            (10 + 1_880, 1_110, 0),
        ),
        (
            "silent twice",
            &[
                first,
                ended(1_000, 1_060, SILENT),
                ended(1_070, 1_130, SILENT),
                ended(1_140, 1_150, PASSED),
                last,
            ],
            (10 + 1_860, 1_130, 0),
        ),
        ("silent at the end", &[first, ended(2_990, 3_050, SILENT)], (10, 2_990, 0)),
        (
            "silent at the beginning, and back",
            &[ended(10, 70, SILENT), ended(80, 90, PASSED), last],
            (2_930, 70, 0),
        ),
    ];
    for (name, all, expected) in cases {
        assert_eq!(seconds(all), expected, "{name}");
    }
}

/// METER-004: only so many are soft.
#[test]
fn meter_004_the_third_silence_is_hard() {
    let mut all = vec![ended(10, 20, PASSED)];
    for start in [500, 1_000, 1_500] {
        all.push(ended(start, start + 10, SILENT));
        all.push(ended(start + 20, start + 30, PASSED));
    }
    all.push(ended(END + 1, END + 2, PASSED));
    // Twenty seconds each for the first two; the third takes the time back to the challenge before it, too.
    assert_eq!(seconds(&all), (3_000 - 20 - 20 - 500, 540, 0));
}

fn any_outcome() -> impl Strategy<Value = ChallengeOutcome> {
    prop_oneof![
        6 => (900_000_i64..=1_000_000)
            .prop_map(|ppm| ChallengeOutcome::Passed { quality: Ppm::new(ppm) }),
        2 => Just(SILENT),
        1 => Just(REFUTED),
        1 => Just(ChallengeOutcome::Failed { cause: FailCause::BelowGrade }),
        1 => Just(ChallengeOutcome::Unknown),
    ]
}

/// Challenges with gaps of up to five minutes, each known up to 70 seconds later.
fn any_challenges() -> impl Strategy<Value = Vec<Ended>> {
    prop::collection::vec((0..300_u64, 0..70_u64, any_outcome()), 0..20).prop_map(|gaps| {
        let mut now = 0;
        let one = |(gap, takes, outcome): (u64, u64, ChallengeOutcome)| {
            now += gap;
            ended(now, now + takes, outcome)
        };
        gaps.into_iter().map(one).collect()
    })
}

/// What one second is worth, in millionths that count and that are missing, told from the challenges alone.
fn naive(all: &[Ended], second: u64) -> (u128, u128) {
    let known: Vec<&Ended> =
        all.iter().filter(|it| it.outcome != ChallengeOutcome::Unknown).collect();
    let passed = |it: &Ended| match it.outcome {
        ChallengeOutcome::Passed { quality } => Some(u128::try_from(quality.ppm()).unwrap_or(0)),
        ChallengeOutcome::Failed { .. } | ChallengeOutcome::Unknown => None,
    };
    let mut softs = 0;
    let mut soft = vec![false; known.len()];
    for place in 0..known.len() {
        let is_back = known.get(place + 1).is_some_and(|next| {
            passed(next).is_some()
                && next.at < known[place].known_at + NanosSpan::from_seconds(RECHECK)
        });
        if known[place].outcome == SILENT && is_back && softs < 2 {
            soft[place] = true;
            softs += 1;
        }
    }
    let right = known.iter().position(|it| at(second) < it.at);
    let left = right.unwrap_or(known.len()).checked_sub(1);
    let hard = |place: usize| passed(known[place]).is_none() && !soft[place];
    if left.is_some_and(hard) || right.is_some_and(hard) {
        return (0, WHOLE);
    }
    if left.is_some_and(|place| soft[place]) {
        return (0, WHOLE);
    }
    // What stands for a soft one is the one after it.
    let quality = |place: usize| {
        passed(known[place]).unwrap_or_else(|| passed(known[place + 1]).unwrap_or(0))
    };
    let counts = match (left, right) {
        (None, None) => return (0, 0),
        (Some(one), Some(other)) => quality(one).min(quality(other)),
        (None, Some(first)) if known[first].at < at(RECHECK) => quality(first),
        (Some(last), None) if at(END) < known[last].at + NanosSpan::from_seconds(RECHECK) => {
            quality(last)
        }
        _ => return (0, 0),
    };
    (counts, WHOLE - counts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// METER-002, METER-008: second by second the rule says what the naive reference says, and nothing is counted twice or forgotten.
    #[test]
    fn meter_002_the_rule_is_the_naive_reference(
        all in any_challenges(), from in 0..END, length in 1..600_u64,
    ) {
        let until = (from + length).min(END);
        let parts = of_range(&all, from, until);
        let (mut counts, mut lacks) = (0, 0);
        for second in from..until {
            let (one, other) = naive(&all, second);
            counts += one * 1_000_000_000;
            lacks += other * 1_000_000_000;
        }
        prop_assert_eq!((parts.credited, parts.missing), (counts, lacks));
        let whole = u128::from(until - from) * 1_000_000_000 * WHOLE;
        prop_assert_eq!(parts.credited + parts.missing + parts.unjudged, whole);
        let (quality, missing) = parts.shares();
        prop_assert!(quality.ppm() + missing.ppm() <= 1_000_000);
        prop_assert_eq!(parts.cause.is_some(), 0 < parts.missing);
    }

    /// METER-002: a stretch beside a challenge that failed hard is never credited, and one without any passed challenge neither.
    #[test]
    fn meter_002_an_unpassed_stretch_is_never_credited(all in any_challenges()) {
        let marks = weighed(&all);
        for pair in marks.windows(2) {
            let is_hard = |mark: &Mark| matches!(mark.kind, MarkKind::Hard { .. });
            let is_soft = matches!(pair[0].kind, MarkKind::Soft { .. });
            if is_hard(&pair[0]) || is_hard(&pair[1]) || is_soft {
                let recheck = NanosSpan::from_seconds(RECHECK);
                let whole = (at(0), at(9_000));
                let parts = credit(whole, &marks, recheck, (pair[0].at, pair[1].at));
                prop_assert_eq!(parts.credited, 0);
            }
        }
        if !marks.iter().any(|mark| mark.quality().is_some()) {
            prop_assert_eq!(of_range(&all, 0, END).credited, 0);
        }
    }

    /// METER-008: cut into intervals, it is what it is in one piece.
    #[test]
    fn meter_008_intervals_add_up_to_the_whole(all in any_challenges(), length in 1..700_u64) {
        let mut sums = Parts::default();
        let mut from = 0;
        while from < END {
            let until = (from + length).min(END);
            let parts = of_range(&all, from, until);
            sums.credited += parts.credited;
            sums.missing += parts.missing;
            sums.unjudged += parts.unjudged;
            from = until;
        }
        let whole = of_range(&all, 0, END);
        let all_of = |parts: &Parts| (parts.credited, parts.missing, parts.unjudged);
        prop_assert_eq!(all_of(&sums), all_of(&whole));
    }
}

/// A linear congruence: fixed seeds, no luck.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Geometric gaps of this mean are the exponential's whole seconds.
    fn gap(&mut self, mean: u64) -> u64 {
        let mut gap = 1;
        while !self.next().is_multiple_of(mean) {
            gap += 1;
        }
        gap
    }
}

/// Seconds credited of a day in which the seller is away from `away.0` until `away.1`, challenged at random with this mean gap.
fn credited(dice: &mut Dice, mean: u64, away: (u64, u64)) -> u64 {
    const DAY: u64 = 20_000;
    let mut all = vec![ended(0, 1, PASSED)];
    let mut now = dice.gap(mean);
    while now < DAY {
        let is_away = (away.0..away.1).contains(&now);
        all.push(ended(now, now + 30, if is_away { SILENT } else { PASSED }));
        now += dice.gap(mean);
    }
    all.push(ended(DAY, DAY + 1, PASSED));
    let hard = marks(&all, NanosSpan::from_seconds(RECHECK), |_, _| 0);
    let whole = (at(0), at(DAY));
    let parts = credit(whole, &hard, NanosSpan::from_seconds(RECHECK), whole);
    u64::try_from(parts.credited / WHOLE / 1_000_000_000).unwrap_or(0)
}

/// METER-015: on average, being away for a time costs more credit than the time that it saves, at every rate of challenges and for every
/// length, even where being there costs a seller all that it is paid, and without any penalty.
#[test]
fn meter_015_being_away_never_pays() {
    for mean in [150, 300, 900, 3_000] {
        for away in [60_u64, 300, 900, 2_700] {
            let mut dice = Dice(mean * 31 + away);
            let trials = 1_000;
            let mut lost = 0_i64;
            for _ in 0..trials {
                let from = 8_000 + dice.next() % 2_000;
                let credited = credited(&mut dice, mean, (from, from + away));
                lost += 20_000 - i64::try_from(credited).unwrap_or(0);
            }
            let saved = trials * i64::try_from(away).unwrap_or(0);
            assert!(saved < lost, "mean {mean}, away {away}: saves {saved}, loses {lost}");
        }
    }
}
