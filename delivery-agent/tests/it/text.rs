//! Openings as text.

use delivery_agent::challenge::{Challenge, ChallengeError, draw};
use delivery_agent::profile::{ClassProfile, PROFILES};
use delivery_agent::program::{Openings, run_by};
use delivery_agent::salt::{KnownSalts, NO_SECRET};
use delivery_agent::wire::{
    Malformed, OPENINGS_MAX, openings_from_json, openings_len_max, openings_to_json,
};
use expect_test::expect;
use proptest::prelude::*;

use crate::tiny;

fn any_openings() -> impl Strategy<Value = Openings> {
    let hashes = || prop::collection::vec(any::<[u8; 32]>(), 0..4);
    (hashes(), hashes(), prop::collection::vec(hashes(), 0..4))
        .prop_map(|(roots, path, rows)| Openings { roots, path, rows })
}

proptest! {
    /// WORK-021: what was written is read back equal.
    #[test]
    fn openings_survive_the_wire(openings in any_openings()) {
        let text = openings_to_json(&openings).unwrap();
        prop_assert_eq!(openings_from_json(&text).unwrap(), openings);
    }

    /// WORK-021: anything else is refused, whatever it is.
    #[test]
    fn a_damaged_text_is_read_as_nothing_or_as_other_openings(
        openings in any_openings(), at: prop::sample::Index, byte in 32..127u8,
    ) {
        let mut text = openings_to_json(&openings).unwrap().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        if let Ok(read) = openings_from_json(&text) {
            prop_assert_eq!(openings_from_json(&openings_to_json(&read).unwrap()).unwrap(), read);
        }
    }
}

#[test]
fn work_021_what_is_not_openings_is_named() {
    let refused = |text: &str| openings_from_json(text).unwrap_err().to_string();
    expect!["openings are not the expected json: expected value at line 1 column 1"]
        .assert_eq(&refused("work"));
    expect!["roots is not a sequence of 32-byte hashes in hexadecimal"]
        .assert_eq(&refused(r#"{"roots":"zz","path":"","rows":[]}"#));
    expect!["path is not a sequence of 32-byte hashes in hexadecimal"]
        .assert_eq(&refused(r#"{"roots":"","path":"00","rows":[]}"#));
    expect!["rows is not a sequence of 32-byte hashes in hexadecimal"]
        .assert_eq(&refused(r#"{"roots":"","path":"","rows":["","abc"]}"#));
    let unknown = openings_from_json(r#"{"roots":"","path":"","rows":[],"work":1}"#);
    assert!(matches!(unknown, Err(Malformed::Json(_))));
    let long = openings_from_json(&" ".repeat(OPENINGS_MAX + 1));
    assert!(matches!(long, Err(Malformed::TooLong { len: 61_441 })));
}

/// A challenge whose openings could be too long does not exist; this is the widest kind there is.
#[test]
fn work_021_openings_of_every_profile_fit_the_wire() {
    for profile in PROFILES {
        let shape = profile.shape();
        let fits = openings_len_max(shape, 64, 16) <= OPENINGS_MAX;
        assert!(fits && Challenge::new([1; 32], profile, 64, 16).is_ok(), "{}", profile.name());
    }
    let wide = Challenge::new([1; 32], ClassProfile::DC, 64, 64).unwrap_err();
    assert!(matches!(wide, ChallengeError::TooWide { slots: 64, segments: 64, .. }), "{wide}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// WORK-021: what is opened is never longer than was foreseen.
    #[test]
    fn openings_are_as_long_as_foreseen_at_most(
        seed: [u8; 32], slots in 1..13u16, segments in 1..7u16,
    ) {
        let challenge = Challenge::new(seed, tiny(), slots, segments).unwrap();
        // Their length depends on the draw, not on the rows.
        let rows = |_id, _seed: &[u8; 32]| Ok(vec![0; 13 * 64]);
        let work = run_by(&challenge, &mut KnownSalts(NO_SECRET), rows).unwrap();
        let openings = work.open(&draw(&[2; 32], &challenge, &work.root()));
        let len = openings_to_json(&openings).unwrap().len();
        prop_assert!(len <= openings_len_max(tiny().shape(), slots, segments));
    }
}
