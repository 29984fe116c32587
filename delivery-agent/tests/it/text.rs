//! Openings as text.

use candle_core::Device;
use delivery_agent::challenge::{Challenge, draw};
use delivery_agent::fault::Fault;
use delivery_agent::profile::{ClassProfile, PROFILES};
use delivery_agent::program::{self, OpenedRow, Openings};
use delivery_agent::wire::{Malformed, OPENINGS_MAX, openings_from_json, openings_to_json};
use expect_test::expect;
use proptest::prelude::*;

fn any_openings() -> impl Strategy<Value = Openings> {
    let hashes = || prop::collection::vec(any::<[u8; 32]>(), 0..4);
    let row = (any::<u16>(), any::<u16>(), any::<u32>(), hashes())
        .prop_map(|(slot, segment, row, path)| OpenedRow { slot, segment, row, path });
    (prop::collection::vec(hashes(), 0..4), prop::collection::vec(row, 0..4))
        .prop_map(|(roots, rows)| Openings { roots, rows })
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
        .assert_eq(&refused(r#"{"roots":["zz"],"rows":[]}"#));
    expect!["path is not a sequence of 32-byte hashes in hexadecimal"]
        .assert_eq(&refused(r#"{"roots":[],"rows":[{"slot":0,"segment":0,"row":0,"path":"00"}]}"#));
    let unknown = openings_from_json(r#"{"roots":[],"rows":[],"work":1}"#);
    assert!(matches!(unknown, Err(Malformed::Json(_))));
    let long = openings_from_json(&" ".repeat(OPENINGS_MAX + 1));
    assert!(matches!(long, Err(Malformed::TooLong { len: 61_441 })));
}

#[test]
fn work_021_openings_of_every_profile_fit_the_wire() {
    // Widths depend on the shape alone, so paths of the right length stand for real ones.
    let sizes = PROFILES.map(|profile| {
        let challenge = Challenge::new([1; 32], profile, 4, 16).unwrap();
        let rows = draw(&[2; 32], &challenge, &[3; 32]);
        let levels = profile.shape().rows.ilog2() as usize;
        let opened = |draw: &delivery_agent::challenge::Draw| {
            let (slot, segment) = (draw.slot, draw.segment);
            let path = vec![[0; 32]; levels];
            let row = |row: &u32| OpenedRow { slot, segment, row: *row, path: path.clone() };
            draw.rows.iter().map(row).collect::<Vec<_>>()
        };
        let openings = Openings {
            roots: vec![vec![[0; 32]; 16]; 4],
            rows: rows.iter().flat_map(opened).collect(),
        };
        (profile.name(), openings_to_json(&openings).map(|text| text.len() < OPENINGS_MAX))
    });
    assert!(sizes.iter().all(|(_, fits)| matches!(fits, Ok(true))), "{sizes:?}");
    let challenge = Challenge::new([1; 32], ClassProfile::CI, 1, 2).unwrap();
    let work = program::run_with_fault(&challenge, &Device::Cpu, Fault::Lie).unwrap();
    let openings = work.open(&draw(&[2; 32], &challenge, &work.root()));
    assert_eq!(openings.rows[0].path.len(), 8);
}
