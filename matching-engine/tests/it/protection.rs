//! Market-maker protection, rule by rule.

use expect_test::expect;
use instruments::{AccountId, NanosSpan};
use matching_engine::{Capacity, Engine, GROUPS_MAX, Limits};

use crate::quote_script::check;

const LOOSE: Limits = Limits {
    window: NanosSpan::new(1),
    frozen_for: None,
    qty_max: 0,
    delta_max: 0,
    vega_max: 0,
    trades_max: 0,
};

#[test]
fn match_068_all_trades_of_one_command_count_before_a_group_is_tripped() {
    check(
        "
        a.1 protect qty=6 frozen=5
        a.2 protect qty=5
        at 20
        a.1 quote 2 5@90 5@101, 1 5@99 5@101, 3 5@99 -
        a.2 quote 1 - 5@102
        b sell 2@99 in 1
        b buy 3@101 in 1
        c buy 7@102 in 1
        ",
        expect![[r#"
            2 #1 accepted @ 90
            2 #2 accepted @ 101
            1 #3 accepted @ 99
            1 #4 accepted @ 101
            3 #5 accepted @ 99
            1 #6 accepted @ 102
            1 #7 accepted @ 99
            1 #7 takes 2 from #3 @ 99
            1 #8 accepted @ 101
            1 #8 takes 3 from #4 @ 101
            1 #9 accepted @ 102
            1 #9 takes 2 from #4 @ 101
            1 #9 takes 5 from #6 @ 102
            a.1 tripped until 25
            1 #3 loses 3: mmp
            2 #1 loses 5: mmp
            2 #2 loses 5: mmp
            3 #5 loses 5: mmp
            a.2 tripped until reset
        "#]],
    );
}

#[test]
fn match_068_the_trades_of_orders_that_a_trade_triggers_count_too() {
    check(
        "
        a.1 protect trades=2
        a.1 quote 1 1@90 3@101
        b buy 1@102 in 1 stop=101
        b buy 1@101 in 1
        a.1 protect trades=1
        a.1 reset
        a.1 quote 1 - 2@103
        b buy 1@104 in 1 stop=101
        ",
        expect![[r#"
            1 #1 accepted @ 90
            1 #2 accepted @ 101
            1 #3 accepted @ 102
            1 #4 accepted @ 101
            1 #4 takes 1 from #2 @ 101
            1 #3 triggered
            1 #3 takes 1 from #2 @ 101
            a.1 tripped until reset
            1 #1 loses 1: mmp
            1 #2 loses 1: mmp
            1 #5 accepted @ 103
            1 #6 accepted @ 104
            1 #6 triggered
            1 #6 takes 1 from #5 @ 103
            a.1 tripped until reset
            1 #5 loses 1: mmp
        "#]],
    );
}

#[test]
fn match_068_pro_rata_fills_and_auction_fills_count() {
    check(
        "
        a.1 protect qty=3
        a.1 quote 3 - 4@101
        c sell 4@101 in 3
        b buy 2@101 in 3
        b buy 4@101 in 3
        a.1 reset
        a.1 protect qty=4
        a.1 quote 1 2@99 2@101
        auction 1
        b buy 2@101 in 1
        c sell 2@99 in 1
        uncross 1 100
        a.1 quote 1 9@99 9@101
        auction 1
        b buy 7@101 in 1
        uncross 1 100
        ",
        expect![[r#"
            3 #1 accepted @ 101
            3 #2 accepted @ 101
            3 #3 accepted @ 101
            3 #3 takes 1 from #1 @ 101
            3 #3 takes 1 from #2 @ 101
            3 #4 accepted @ 101
            3 #4 takes 2 from #1 @ 101
            3 #4 takes 2 from #2 @ 101
            a.1 tripped until reset
            3 #1 loses 1: mmp
            1 #5 accepted @ 99
            1 #6 accepted @ 101
            1 auction
            1 #7 accepted @ 101
            1 #8 accepted @ 99
            1 #8 takes 2 from #7 @ 100
            1 auction over
            1 #5 amended to 9 @ 99
            1 #6 amended to 9 @ 101
            1 auction
            1 #9 accepted @ 101
            1 #9 takes 7 from #6 @ 101
            1 auction over
            a.1 tripped until reset
            1 #5 loses 9: mmp
            1 #6 loses 2: mmp
        "#]],
    );
}

#[test]
fn match_068_auctions_that_one_instant_ends_count_together() {
    check(
        "
        a.1 protect qty=2
        a.1 quote 1 2@99 2@101, 2 2@99 3@101
        auction 1 10
        auction 2 10
        b buy 2@101 in 1
        b buy 2@101 in 2
        at 10
        ",
        expect![[r#"
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            2 #3 accepted @ 99
            2 #4 accepted @ 101
            1 auction
            2 auction
            1 #5 accepted @ 101
            2 #6 accepted @ 101
            1 #5 takes 2 from #2 @ 101
            1 auction over
            2 #6 takes 2 from #4 @ 101
            2 auction over
            a.1 tripped until reset
            1 #1 loses 2: mmp
            2 #3 loses 2: mmp
            2 #4 loses 1: mmp
        "#]],
    );
}

#[test]
fn match_068_trades_through_the_legs_of_a_spread_count() {
    check(
        "
        link 3 1 2
        a.1 protect trades=2
        a.1 quote 1 - 5@105, 2 5@100 -, 3 1@5 6@7
        b buy 1@6 in 3
        a.1 reset
        a.1 quote 3 - 5@7, 2 - 5@100
        b buy 1@107 in 1
        ",
        expect![[r#"
            1 #1 accepted @ 105
            2 #2 accepted @ 100
            3 refused: post_only_would_cross
            3 #3 accepted @ 7
            3 #4 accepted @ 6
            1 #4 takes 1 from #1 @ 105
            2 #4 takes 1 from #2 @ 100
            3 #4 gets 1 @ 5
            a.1 tripped until reset
            1 #1 loses 4: mmp
            2 #2 loses 4: mmp
            3 #3 loses 6: mmp
            3 #5 accepted @ 7
            2 #6 accepted @ 100
            1 #7 accepted @ 107
            1 #7 takes 1 from #5 @ 107
            2 #5 takes 1 from #6 @ 100
            3 #5 gets 1 @ 7
            a.1 tripped until reset
            2 #6 loses 4: mmp
            3 #5 loses 4: mmp
        "#]],
    );
}

#[test]
fn match_069_a_trip_pulls_the_group_in_all_books_and_no_other_group() {
    check(
        "
        a.1 protect trades=1
        a.2 protect trades=1
        b.1 protect trades=1
        a.1 quote 2 1@90 1@110, 1 1@90 1@110
        a.2 quote 1 1@91 1@109
        b.1 quote 1 1@91 1@108
        a buy 1@80 in 1
        c buy 2@109 in 1
        a.1 quote 1 2@90 -
        ",
        expect![[r#"
            2 #1 accepted @ 90
            2 #2 accepted @ 110
            1 #3 accepted @ 90
            1 #4 accepted @ 110
            1 #5 accepted @ 91
            1 #6 accepted @ 109
            1 #7 accepted @ 91
            1 #8 accepted @ 108
            1 #9 accepted @ 80
            1 #10 accepted @ 109
            1 #10 takes 1 from #8 @ 108
            1 #10 takes 1 from #6 @ 109
            a.2 tripped until reset
            1 #5 loses 1: mmp
            b.1 tripped until reset
            1 #7 loses 1: mmp
            1 #3 amended to 2 @ 90
            1 #4 loses 1: user
        "#]],
    );
}

#[test]
fn match_070_a_fill_counts_with_the_greeks_of_its_moment_and_the_quotes_side() {
    check(
        "
        a.1 protect delta=3000000 vega=40
        a.1 quote 1 9@99 9@101, 2 9@99 9@101
        b buy 2@101 in 1
        greeks 2 500000 -10
        b sell 2@99 in 2
        greeks 2 500000 0
        b buy 2@101 in 2
        b buy 1@101 in 1
        a.1 reset
        greeks 1 0 10
        a.1 quote 1 9@99 9@101
        greeks 1 0 20
        b buy 2@101 in 1
        ",
        expect![[r#"
            1 #1 accepted @ 99
            1 #2 accepted @ 101
            2 #3 accepted @ 99
            2 #4 accepted @ 101
            1 #5 accepted @ 101
            1 #5 takes 2 from #2 @ 101
            2 #6 accepted @ 99
            2 #6 takes 2 from #3 @ 99
            2 #7 accepted @ 101
            2 #7 takes 2 from #4 @ 101
            1 #8 accepted @ 101
            1 #8 takes 1 from #2 @ 101
            a.1 tripped until reset
            1 #1 loses 9: mmp
            1 #2 loses 6: mmp
            2 #3 loses 7: mmp
            2 #4 loses 7: mmp
            1 #9 accepted @ 99
            1 #10 accepted @ 101
            1 #11 accepted @ 101
            1 #11 takes 2 from #10 @ 101
            a.1 tripped until reset
            1 #9 loses 9: mmp
            1 #10 loses 7: mmp
        "#]],
    );
}

#[test]
fn match_071_a_reset_lets_the_group_quote_again_with_nothing_counted() {
    check(
        "
        a.1 protect qty=4
        a.1 quote 1 - 9@101
        b buy 3@101 in 1
        a.1 reset
        b buy 3@101 in 1
        b buy 1@101 in 1
        at 1000000
        a.1 quote 1 - 9@101
        a.1 reset
        a.1 quote 1 - 9@101
        ",
        expect![[r#"
            1 #1 accepted @ 101
            1 #2 accepted @ 101
            1 #2 takes 3 from #1 @ 101
            1 #3 accepted @ 101
            1 #3 takes 3 from #1 @ 101
            1 #4 accepted @ 101
            1 #4 takes 1 from #1 @ 101
            a.1 tripped until reset
            1 #1 loses 2: mmp
            1 refused: group_frozen
            1 #5 accepted @ 101
        "#]],
    );
}

#[test]
fn match_072_other_limits_hold_from_the_next_fill_on() {
    check(
        "
        a.1 protect qty=9
        a.1 quote 1 - 9@101
        b buy 3@101 in 1
        a.1 protect qty=2
        c buy 1@80 in 1
        b buy 1@101 in 1
        a.1 protect qty=9
        a.1 quote 1 - 9@101
        ",
        expect![[r#"
            1 #1 accepted @ 101
            1 #2 accepted @ 101
            1 #2 takes 3 from #1 @ 101
            1 #3 accepted @ 80
            1 #4 accepted @ 101
            1 #4 takes 1 from #1 @ 101
            a.1 tripped until reset
            1 #1 loses 5: mmp
            1 refused: group_frozen
        "#]],
    );
}

#[test]
fn match_072_an_account_has_so_many_groups() {
    let mut engine = Engine::new(Capacity { orders: 0 });
    let groups = u32::try_from(GROUPS_MAX).unwrap();
    assert!((1..=groups).all(|group| engine.set_protection(AccountId(1), group, LOOSE)));
    assert!(!engine.set_protection(AccountId(1), 0, LOOSE));
    assert!(engine.set_protection(AccountId(1), 1, LOOSE));
    assert!(engine.set_protection(AccountId(2), 0, LOOSE));
    assert!(!engine.set_protection(AccountId(1 << 32), 0, LOOSE));
    assert!(!engine.reset_protection(AccountId(1), 0));
    assert_eq!(engine.protection(AccountId(1), 1).map(|it| *it.limits()), Some(LOOSE));
}
