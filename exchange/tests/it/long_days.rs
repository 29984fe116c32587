//! Many random days, one after the other: how many, the environment says.
//!
//! After every command the auditor has added up its events (nobody without a position has borne anything of a default), money is conserved, suspense is
//! empty, positions sum to zero, holds are what they must be. After every day its journal gives the same events, state and history again. Of
//! every sixteenth day the auditor and the inspector compare the whole state after every command too.

use std::collections::BTreeMap;

use exchange::{DefaultEvent, Event, Exchange, QuoteEvent, SplitPurpose};
use instruments::NanosSpan;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::any_day::{Act, act, any_acts, any_crash_day, morning};

/// Of so many days one is compared as a whole.
const COMPARED_EVERY: u64 = 16;

/// The acts of a day, by its number alone. Two of three days are plain, on the third prices run away.
fn acts_of(day: u64) -> Vec<Act> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&day.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let acts = if day % 3 == 2 {
        any_crash_day().new_tree(&mut runner).map(|tree| tree.current())
    } else {
        any_acts().new_tree(&mut runner).map(|tree| tree.current())
    };
    acts.expect("a day")
}

/// What is counted of a day, so that a run can say what it has seen.
fn count(events: &[Event], seen: &mut BTreeMap<&'static str, u64>) {
    for event in events {
        let what = match event {
            Event::Rejected(_) => "refusals",
            Event::Traded(_) => "trades",
            Event::VariationEnded => "variation cycles",
            Event::SeriesExpired { .. } => "expiries",
            Event::OptionExercised { .. } => "exercises",
            Event::SeriesCascaded { .. } => "cascades",
            Event::DaySettled { .. } => "days rolled off",
            Event::ObligationClosed { .. } => "deliveries ended",
            Event::IntervalSettled(_) => "intervals settled",
            Event::Quote(QuoteEvent::QuoteSet { .. }) => "quotes",
            Event::Quote(QuoteEvent::QuoteRefused { .. }) => "quotes refused",
            Event::Quote(QuoteEvent::ProtectionTripped { .. }) => "groups pulled",
            Event::Default(DefaultEvent::DefaultResolved(_)) => "defaults",
            Event::Default(DefaultEvent::LossSplit { purpose: SplitPurpose::Haircut, .. }) => {
                "haircuts"
            }
            Event::Default(DefaultEvent::LiquidationSlice { .. }) => "liquidation slices",
            Event::Default(DefaultEvent::BackstopTaken { .. }) => "portfolios taken over",
            Event::Default(DefaultEvent::ClosedOut { .. }) => "portfolios closed out",
            _ => continue,
        };
        *seen.entry(what).or_default() += 1;
    }
}

/// REPLAY-001, REPLAY-003, VAR-006, QUOTE-020: `TENOR_DAYS` days from `TENOR_DAYS_FROM` on; a day that fails is named, and is the same day again.
#[test]
fn days_in_a_row_conserve_everything_and_replay() {
    let from_env = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (first, days) = (from_env("TENOR_DAYS_FROM", 1), from_env("TENOR_DAYS", 12));
    let (mut commands, mut seen) = (0, BTreeMap::new());
    for day in first..first + days {
        // Shown when the day fails, and only then.
        println!("day {day}");
        let mut world = morning();
        world.is_watched = day % COMPARED_EVERY == 0;
        world.is_summed = true;
        for one in &acts_of(day) {
            act(&mut world, one);
        }
        world.run(NanosSpan::from_seconds(500));
        let (mut again, mut events) = (Exchange::new(), Vec::new());
        for input in &world.journal {
            again.apply(input, &mut events);
        }
        assert_eq!(again.state_hash(), world.exchange.state_hash(), "day {day} again");
        assert_eq!(again.history_hash(), world.exchange.history_hash(), "day {day} again");
        commands += world.journal.len();
        count(&events, &mut seen);
    }
    println!("{commands} commands on {days} days from {first}: {seen:?}");
    assert!(0 < commands || days == 0);
}
