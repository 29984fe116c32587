//! An engine and its bytes.

use expect_test::expect;
use matching_engine::Engine;
use proptest::prelude::*;

use crate::drafts::{any_draft, opened};
use crate::script::check;

#[test]
fn match_025_an_engine_goes_on_from_its_snapshot_as_if_nothing_had_happened() {
    check(
        "
        terms width=5 window=60 length=10 extensions=1
        2| terms prorata=1 top
        sell 9 @ 101 display=2
        sell 3 @ 100 post
        sell 1 @ 100 gfn
        buy  1 @ 99 stop=101
        2| sell 2 @ 100
        2| sell 8 @ 100
        snapshot
        buy  1 @ 100
        amend #2 5 @ 100
        2| buy 4 @ 100
        snapshot
        buy  9 @ 101
        snapshot
        sell 1 @ 120
        buy  6 @ 120
        snapshot
        clock 10
        snapshot
        clock 40
        ",
        expect![[r#"
            #7 takes 1 from #2 @ 100
            #2 amended to 5 @ 100
            2| #8 takes 2 from #5 @ 100
            2| #8 takes 2 from #6 @ 100
            #9 takes 1 from #3 @ 100
            #9 takes 4 from #2 @ 100
            #9 takes 2 from #1 @ 101
            #1 shows 2
            #9 takes 2 from #1 @ 101
            #1 shows 2
            #4 triggered
            #11 takes 2 from #1 @ 101
            #1 shows 2
            #11 takes 2 from #1 @ 101
            #1 shows 1
            #11 takes 1 from #1 @ 101
            volatility auction until 10
            auction extended until 40
            #11 takes 1 from #10 @ 120
            auction over: 1 @ 120
            bid 99 #4x1
            2| ask 100 #6x6
        "#]],
    );
}

proptest! {
    /// MATCH-025: what is read back equals what was written, has the same bytes, and goes on as the naive engine does.
    #[test]
    fn a_snapshot_goes_on_like_the_engine(
        before in prop::collection::vec(any_draft(), 0..80),
        after in prop::collection::vec(any_draft(), 0..80),
    ) {
        let mut pair = opened();
        for draft in before {
            for command in draft.settle(&pair).into_iter().flatten() {
                pair.apply(&command);
            }
        }
        let (bytes, hash) = (borsh::to_vec(&pair.real).unwrap(), pair.real.hash());
        pair.restore();
        prop_assert_eq!(&borsh::to_vec(&pair.real).unwrap(), &bytes);
        prop_assert_eq!(pair.real.hash(), hash);
        pair.check();
        for draft in after {
            for command in draft.settle(&pair).into_iter().flatten() {
                pair.apply(&command);
                pair.check();
            }
        }
    }

    /// MATCH-025: whatever the bytes are, they are a sound engine or an error.
    #[test]
    fn damage_anywhere_is_an_error_or_a_sound_engine(
        drafts in prop::collection::vec(any_draft(), 1..40),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let mut pair = opened();
        for draft in &drafts {
            for command in draft.settle(&pair).into_iter().flatten() {
                pair.apply(&command);
            }
        }
        let mut bytes = borsh::to_vec(&pair.real).unwrap();
        for (at, flip) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        if let Ok(read) = borsh::from_slice::<Engine>(&bytes) {
            prop_assert_eq!(borsh::to_vec(&read).unwrap(), bytes);
            for book in read.instruments() {
                let view = read.book(book).unwrap();
                let is_continuous = view.phase() == matching_engine::Phase::Continuous;
                prop_assert!(!is_continuous || !view.is_crossed());
            }
        }
    }
}
