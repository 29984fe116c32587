//! Draws, openings and verdicts; providers that cheat.

use delivery_agent::challenge::{Challenge, ChallengeError, SLOTS_DRAWN_MAX, SegmentId, draw};
use delivery_agent::fault::Fault;
use delivery_agent::profile::ClassProfile;
use delivery_agent::program::Openings;
use delivery_agent::salt::NO_SECRET;
use delivery_agent::verify::{self, Claimed, Kernel, Refutation, Verdict};
use proptest::prelude::*;

use crate::{challenge_of, tiny, work_of};

const DRAW_SEED: [u8; 32] = [77; 32];

/// The root a provider with `fault` commits to, and what it opens.
fn answer(challenge: &Challenge, fault: Fault) -> ([u8; 32], Openings) {
    let work = work_of(challenge, fault);
    let draws = draw(&DRAW_SEED, challenge, &work.root());
    (work.root(), work.open(&draws))
}

fn judge(challenge: &Challenge, (root, openings): &([u8; 32], Openings)) -> Result<(), Refutation> {
    let claimed = Claimed { work_root: *root, salt_key: NO_SECRET, draw_seed: DRAW_SEED };
    let verdicts = [Kernel::Streaming, Kernel::Candle]
        .map(|kernel| verify::verify_on(kernel, challenge, &claimed, openings));
    let [streaming, candle] = verdicts.map(|verdict| match verdict {
        Verdict::Valid => Ok(()),
        Verdict::Invalid { why } => Err(why),
        Verdict::Unverifiable { why } => panic!("{why}"),
    });
    assert_eq!(streaming, candle);
    streaming
}

#[test]
fn work_008_every_slot_is_drawn_from_after_the_commitment() {
    let challenge = Challenge::new([1; 32], ClassProfile::CI, 3, 5).unwrap();
    let draws = draw(&DRAW_SEED, &challenge, &[2; 32]);
    let drawn: Vec<u16> = draws.iter().map(|draw| draw.id.slot).collect();
    assert_eq!(drawn, [0, 0, 1, 1, 2, 2]);
    assert_ne!(draws, draw(&DRAW_SEED, &challenge, &[3; 32]));
    assert_ne!(draws, draw(&[78; 32], &challenge, &[2; 32]));
    assert_eq!(draws, draw(&DRAW_SEED, &challenge, &[2; 32]));
}

/// WORK-032: of many slots only some are drawn, but it may be any of them.
#[test]
fn work_032_of_many_slots_eight_are_drawn_and_none_is_favoured() {
    let challenge = Challenge::new([1; 32], tiny(), 24, 1).unwrap();
    let mut times = [0_u32; 24];
    for round in 0..600_u16 {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&round.to_le_bytes());
        let draws = draw(&seed, &challenge, &[0; 32]);
        assert_eq!(draws.len(), usize::from(SLOTS_DRAWN_MAX));
        draws.iter().for_each(|draw| times[usize::from(draw.id.slot)] += 1);
    }
    // 4,800 slots over 24 places: 200 each, standard deviation below 14.
    assert!(times.iter().all(|drawn| (130..270).contains(drawn)), "{times:?}");
}

proptest! {
    /// WORK-008: a draw has the asked number of different rows, ascending and in range.
    #[test]
    fn a_draw_is_distinct_and_in_range(seed: [u8; 32], slots in 1..4u16, segments in 1..6u16) {
        let challenge = Challenge::new([1; 32], tiny(), slots, segments).unwrap();
        let draws = draw(&seed, &challenge, &[0; 32]);
        prop_assert_eq!(draws.len(), usize::from(slots) * usize::from(segments.min(2)));
        prop_assert!(draws.is_sorted_by(|a, b| a.id < b.id));
        for draw in draws {
            prop_assert!(draw.id.slot < slots && draw.id.segment < segments);
            prop_assert_eq!(draw.rows.len(), 3);
            prop_assert!(draw.rows.is_sorted_by(|a, b| a < b) && draw.rows.iter().all(|row| *row < 13));
        }
    }
}

#[test]
fn work_008_no_row_is_favoured() {
    let challenge = Challenge::new([1; 32], tiny(), 1, 1).unwrap();
    let mut times = [0_u32; 13];
    for round in 0..4_000_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&round.to_le_bytes());
        for draw in draw(&seed, &challenge, &[0; 32]) {
            draw.rows.iter().for_each(|row| times[*row as usize] += 1);
        }
    }
    // 12,000 rows over 13 places: 923 each, standard deviation below 30.
    assert!(times.iter().all(|drawn| (773..1_073).contains(drawn)), "{times:?}");
}

#[test]
fn a_challenge_of_nothing_or_of_too_much_is_refused() {
    let empty = Challenge::new([0; 32], ClassProfile::CI, 0, 4).unwrap_err();
    assert_eq!(empty, ChallengeError::Empty { slots: 0, segments: 4 });
    let large = Challenge::new([0; 32], ClassProfile::DC, 8, 1_000).unwrap_err();
    assert_eq!(large, ChallengeError::TooLarge { leaves: 65_536_000 });
}

/// WORK-004: for every kernel, see `judge`.
#[test]
fn work_011_an_honest_answer_is_valid() {
    for profile in [tiny(), ClassProfile::CI] {
        let challenge = challenge_of(profile, 5);
        assert_eq!(judge(&challenge, &answer(&challenge, Fault::None)), Ok(()));
    }
}

#[test]
fn work_011_a_liar_is_caught_although_its_trees_hold() {
    let challenge = challenge_of(ClassProfile::CI, 6);
    let refuted = judge(&challenge, &answer(&challenge, Fault::Lie));
    assert!(
        matches!(refuted, Err(Refutation::WrongRows { id: SegmentId { slot: 0, .. } })),
        "{refuted:?}"
    );
}

#[test]
fn work_011_skipped_rows_are_caught_when_drawn() {
    let caught = |percent: u8| {
        let provider = |seed: u8| {
            let challenge = challenge_of(tiny(), seed);
            judge(&challenge, &answer(&challenge, Fault::SkipRows(percent)))
        };
        (0..40).map(provider).filter(Result::is_err).count()
    };
    // Twelve rows are opened: 30 % skipped escapes once in seventy challenges.
    assert!(36 <= caught(30));
    assert_eq!(caught(0), 0);
}

#[test]
fn work_012_old_work_does_not_answer_a_new_challenge() {
    let challenge = challenge_of(tiny(), 7);
    let refuted = judge(&challenge, &answer(&challenge, Fault::Replay));
    assert!(matches!(refuted, Err(Refutation::WrongRows { .. })), "{refuted:?}");
    // Honest work for another seed, opened under this one's draw.
    let other = answer(&challenge_of(tiny(), 8), Fault::None);
    assert!(judge(&challenge, &other).is_err());
}

#[test]
fn work_013_whatever_is_wrong_with_an_answer_is_the_providers() {
    let challenge = challenge_of(tiny(), 9);
    let (root, honest) = answer(&challenge, Fault::None);
    let with = |change: &dyn Fn(&mut Openings)| {
        let mut openings = honest.clone();
        change(&mut openings);
        judge(&challenge, &(root, openings)).unwrap_err()
    };
    let count = |what, shown, drawn| Refutation::WrongCount { what, shown, drawn };
    let roots = honest.roots.len();
    assert_eq!(with(&|openings| openings.roots.clear()), count("roots", 0, roots));
    assert_eq!(with(&|openings| drop(openings.rows.pop())), count("segments", 3, 4));
    assert_eq!(with(&|openings| openings.roots[1][0] ^= 1), Refutation::RootsNotCommitted);
    assert_eq!(with(&|openings| openings.path[0][0] ^= 1), Refutation::RootsNotCommitted);
    assert_eq!(with(&|openings| openings.path.push([0; 32])), Refutation::RootsNotCommitted);
    for change in [
        &|openings: &mut Openings| openings.rows[3][1][7] ^= 1,
        &|openings: &mut Openings| openings.rows[3].clear(),
        &|openings: &mut Openings| openings.rows[3].push([0; 32]),
        &|openings: &mut Openings| openings.rows.swap(0, 1),
    ] as [&dyn Fn(&mut Openings); 4]
    {
        let refuted = with(change);
        assert!(matches!(refuted, Refutation::WrongRows { .. }), "{refuted:?}");
    }
}
