//! Quotes of market makers and their protection, rule by rule.

use exchange::{
    Command, GroupName, MassQuote, OptionGreeks, OptionRisk, ProtectionTerms, QuoteCommand,
    QuoteEntry, QuoteFilter,
};
use expect_test::expect;
use instruments::{AccountId, GradeId, InstrumentId, NanosSpan, Ppm, Price, Qty, Side};
use proptest::prelude::*;
use settlement::LANES;

use crate::script::check_morning;
use crate::world::{World, day_future, limit};

#[test]
fn quote_014_each_side_of_each_entry_is_set_by_itself() {
    // MATCH-062, MATCH-063, MATCH-064: as the engine's own mass quotes.
    check_morning(
        "
        list H100E
        alice protects g qty 100
        bob sell 5 @ 2.51
        alice quotes g id=1 H100D 2@2.50 2@2.52 set=front ; H100E 3@2.50 3@2.60 set=back
        alice quotes g id=2 H100D 1@2.50 2@2.53 ; H100E 3@2.50 3@2.60
        alice quotes g id=3 H100D 1@2.51 1@2.55
        bob buy 1 @ 2.55
        show book
        ",
        expect![[r#"
            H100E listed
            alice protects g of H100
            #1 bob sell 5 @ 2.51
            #2 alice buy 2 @ 2.5
            #2 is a quote of g 1/front
            0: #2 stands
            #3 alice sell 2 @ 2.52
            #3 is a quote of g 1/front
            0: #3 stands
            #4 alice buy 3 @ 2.5
            #4 is a quote of g 1/back
            1: #4 stands
            #5 alice sell 3 @ 2.6
            #5 is a quote of g 1/back
            1: #5 stands
            #2 now 1 @ 2.5
            #2 is a quote of g 2/
            0: #2 stands
            #3 now 2 @ 2.53
            #3 is a quote of g 2/
            0: #3 stands
            #4 is a quote of g 2/
            1: #4 stands
            #5 is a quote of g 2/
            1: #5 stands
            #3 now 1 @ 2.55
            #3 is a quote of g 3/
            0: #3 stands
            0: buy refused ORDER-015 PostOnlyWouldCross
            #2 cancelled 1: quote
            #6 bob buy 1 @ 2.55
            #6 cancelled 1: self_trade
            H100D bids [] asks [2.51x5 2.55x1]
        "#]],
    );
}

#[test]
fn quote_015_a_refused_side_leaves_nothing_and_a_side_that_is_not_wanted_is_cancelled() {
    // QUOTE-005, QUOTE-007, QUOTE-008.
    check_morning(
        "
        list A100D grade A100
        alice protects g qty 100 max 4
        alice quotes g H100D 2@2.50 2@2.52
        alice quotes g H100D 2@2.53 2@2.52
        alice quotes g H100D 2@2.50 2@2.52 ; A100D 1@2.50 1@2.60
        alice quotes g H100D 5@2.50 2@2.52
        alice quotes g H100D 0@2.50 -
        ",
        expect![[r#"
            A100D listed
            alice protects g of H100
            #1 alice buy 2 @ 2.5
            #1 is a quote of g q/
            0: #1 stands
            #2 alice sell 2 @ 2.52
            #2 is a quote of g q/
            0: #2 stands
            0: buy refused QUOTE-007 QuoteCrossed
            #1 cancelled 2: quote
            0: sell refused QUOTE-007 QuoteCrossed
            #2 cancelled 2: quote
            #3 alice buy 2 @ 2.5
            #3 is a quote of g q/
            0: #3 stands
            #4 alice sell 2 @ 2.52
            #4 is a quote of g q/
            0: #4 stands
            1: buy refused QUOTE-005 OtherGrade
            1: sell refused QUOTE-005 OtherGrade
            0: buy refused QUOTE-008 AboveQuoteMax
            #3 cancelled 2: quote
            #4 is a quote of g q/
            0: #4 stands
            #4 cancelled 2: user
        "#]],
    );
}

#[test]
fn quote_016_a_quote_holds_what_an_order_holds() {
    let held = |script: &str| {
        let mut desk = crate::script::Desk::morning();
        desk.run(script);
        let alice = desk.account("alice");
        desk.world
            .exchange
            .account_summary(alice)
            .map(|summary| (summary.order_hold, summary.margin_initial, summary.available))
    };
    let quoted = held("alice protects g qty 9\n alice quotes g H100D 3@2.40 2@2.60");
    assert_eq!(quoted, held("alice buy 3 @ 2.40 post\n alice sell 2 @ 2.60 post"));
    assert!(quoted.is_some_and(|(hold, ..)| 0 < hold.micros()));
    // The side that the account cannot carry is refused, the other stands.
    check_morning(
        "
        alice protects g qty 9
        alice quotes g H100D 2@2.40 90@2.60
        show alice
        ",
        expect![[r#"
            alice protects g of H100
            #1 alice buy 2 @ 2.4
            #1 is a quote of g q/
            0: #1 stands
            0: sell refused ORDER-014 InsufficientMargin, needs 1058.808, has 975.94
            alice: cash 975.94 orders 24.06
        "#]],
    );
}

#[test]
fn quote_004_a_group_that_was_pulled_is_away_with_all_that_is_open_in_it() {
    // QUOTE-022: with all that is open in it, and with nothing else.
    check_morning(
        "
        alice protects g qty 3 frozen 10s
        alice protects h qty 3
        alice sell 1 @ 2.70
        alice joins g sell 4 @ 2.60
        alice quotes h H100D 1@2.30 1@2.80
        alice quotes g H100D 2@2.40 2@2.50
        bob buy 3 @ 2.60
        alice quotes g H100D 2@2.40 2@2.50
        bob buy 2 @ 2.60
        alice quotes g H100D 2@2.40 2@2.50
        alice joins g buy 1 @ 2.30
        show book
        ",
        expect![[r#"
            alice protects g of H100
            alice protects h of H100
            #1 alice sell 1 @ 2.7
            #2 alice sell 4 @ 2.6
            #2 is a member of g /
            #3 alice buy 1 @ 2.3
            #3 is a quote of h q/
            0: #3 stands
            #4 alice sell 1 @ 2.8
            #4 is a quote of h q/
            0: #4 stands
            #5 alice buy 2 @ 2.4
            #5 is a quote of g q/
            0: #5 stands
            #6 alice sell 2 @ 2.5
            #6 is a quote of g q/
            0: #6 stands
            #7 bob buy 3 @ 2.6
            #7 bob buys 2 @ 2.5 with #6 alice, fee 0.06
            #7 bob buys 1 @ 2.6 with #2 alice, fee 0.0312
            alice g tripped until +10s
            #5 cancelled 2: mmp
            #2 cancelled 3: mmp
            refused QUOTE-004 GroupFrozen
            #8 bob buy 2 @ 2.6
            refused QUOTE-004 GroupFrozen
            refused QUOTE-004 GroupFrozen
            H100D bids [2.3x1 2.6x2] asks [2.7x1 2.8x1]
        "#]],
    );
}

#[test]
fn quote_004_a_group_is_back_when_its_time_is_over_or_it_is_reset() {
    check_morning(
        "
        alice protects g trades 1 frozen 10s
        alice quotes g H100D 2@2.40 2@2.50
        bob buy 1 @ 2.50
        +10s
        alice quotes g H100D 2@2.40 2@2.50
        alice protects g trades 1
        bob sell 1 @ 2.40
        +10m
        alice quotes g H100D 2@2.40 2@2.50
        alice resets g
        alice quotes g H100D 2@2.40 -
        ",
        expect![[r#"
            alice protects g of H100
            #1 alice buy 2 @ 2.4
            #1 is a quote of g q/
            0: #1 stands
            #2 alice sell 2 @ 2.5
            #2 is a quote of g q/
            0: #2 stands
            #3 bob buy 1 @ 2.5
            #3 bob buys 1 @ 2.5 with #2 alice, fee 0.03
            alice g tripped until +10s
            #1 cancelled 2: mmp
            #2 cancelled 1: mmp
            #4 alice buy 2 @ 2.4
            #4 is a quote of g q/
            0: #4 stands
            #5 alice sell 2 @ 2.5
            #5 is a quote of g q/
            0: #5 stands
            alice protects g of H100
            #6 bob sell 1 @ 2.4
            #6 bob sells 1 @ 2.4 with #4 alice, fee 0.0288
            alice g tripped until it is reset
            #4 cancelled 1: mmp
            #5 cancelled 2: mmp
            refused QUOTE-004 GroupFrozen
            alice resets g
            #7 alice buy 2 @ 2.4
            #7 is a quote of g q/
            0: #7 stands
        "#]],
    );
}

#[test]
fn quote_023_a_member_counts_when_it_is_taken_and_not_when_it_takes() {
    check_morning(
        "
        alice protects *H100 trades 2
        bob sell 2 @ 2.50
        alice joins *H100 buy 5 @ 2.50
        bob sell 1 @ 2.50
        bob sell 1 @ 2.50
        ",
        expect![[r#"
            alice protects *H100 of H100
            #1 bob sell 2 @ 2.5
            #2 alice buy 5 @ 2.5
            #2 is a member of *H100 /
            #2 alice buys 2 @ 2.5 with #1 bob, fee 0.06
            #3 bob sell 1 @ 2.5
            #3 bob sells 1 @ 2.5 with #2 alice, fee 0.03
            #4 bob sell 1 @ 2.5
            #4 bob sells 1 @ 2.5 with #2 alice, fee 0.03
            alice *H100 tripped until it is reset
            #2 cancelled 1: mmp
        "#]],
    );
}

#[test]
fn quote_009_what_waits_for_a_price_is_no_member() {
    check_morning(
        "
        alice protects g qty 3
        alice joins g buy 1 @ 2.50 when mark falls 2.4
        alice joins h buy 1 @ 2.50
        ",
        expect![[r#"
            alice protects g of H100
            refused QUOTE-009 MemberWaits
            refused QUOTE-003 UnknownGroup
        "#]],
    );
}

#[test]
fn quote_018_quotes_are_cancelled_by_group_series_set_grade_kind_and_delta() {
    check_morning(
        "
        list H100E
        list OPT option
        alice protects g qty 100
        alice protects h qty 100
        alice quotes g H100D 1@2.40 1@2.60 set=a ; H100E 1@2.41 1@2.61 set=b ; OPT 1@0.10 - set=a
        alice quotes h H100D 1@2.39 -
        alice pulls options
        alice pulls delta=0..999999
        alice pulls set=b
        alice pulls group=h
        alice pulls grade=A100
        alice pulls series=H100E
        alice pulls futures delta=1000000..1000000
        alice pulls
        alice pulls group=x
        alice pulls series=NONE
        ",
        expect![[r#"
            H100E listed
            OPT listed
            alice protects g of H100
            alice protects h of H100
            #1 alice buy 1 @ 2.4
            #1 is a quote of g q/a
            0: #1 stands
            #2 alice sell 1 @ 2.6
            #2 is a quote of g q/a
            0: #2 stands
            #3 alice buy 1 @ 2.41
            #3 is a quote of g q/b
            1: #3 stands
            #4 alice sell 1 @ 2.61
            #4 is a quote of g q/b
            1: #4 stands
            #5 alice buy 1 @ 0.1
            #5 is a quote of g q/a
            2: #5 stands
            #6 alice buy 1 @ 2.39
            #6 is a quote of h q/
            0: #6 stands
            #5 cancelled 1: user
            #3 cancelled 1: user
            #4 cancelled 1: user
            #6 cancelled 1: user
            #1 cancelled 1: user
            #2 cancelled 1: user
            refused QUOTE-003 UnknownGroup
            refused ORDER-001 UnknownInstrument
        "#]],
    );
}

#[test]
fn quote_019_quotes_above_a_smaller_largest_quote_are_cancelled() {
    check_morning(
        "
        alice protects g qty 100
        alice quotes g H100D 1@2.40 5@2.60
        alice protects g qty 100 max 4
        alice unprotects g
        alice unprotects g
        ",
        expect![[r#"
            alice protects g of H100
            #1 alice buy 1 @ 2.4
            #1 is a quote of g q/
            0: #1 stands
            #2 alice sell 5 @ 2.6
            #2 is a quote of g q/
            0: #2 stands
            alice protects g of H100
            #2 cancelled 5: quote
            #1 cancelled 1: user
            alice unprotects g
            refused QUOTE-003 UnknownGroup
        "#]],
    );
}

#[test]
fn quote_024_ending_a_group_ends_all_that_is_open_in_it() {
    check_morning(
        "
        alice protects g qty 100
        alice buy 1 @ 2.30
        alice joins g buy 1 @ 2.31
        alice quotes g H100D 1@2.40 5@2.60
        alice unprotects g
        alice quotes g H100D 1@2.40 5@2.60
        alice protects g qty 100
        alice quotes g H100D 1@2.40 5@2.60
        ",
        expect![[r#"
            alice protects g of H100
            #1 alice buy 1 @ 2.3
            #2 alice buy 1 @ 2.31
            #2 is a member of g /
            #3 alice buy 1 @ 2.4
            #3 is a quote of g q/
            0: #3 stands
            #4 alice sell 5 @ 2.6
            #4 is a quote of g q/
            0: #4 stands
            #3 cancelled 1: user
            #4 cancelled 5: user
            #2 cancelled 1: user
            alice unprotects g
            refused QUOTE-003 UnknownGroup
            alice protects g of H100
            #5 alice buy 1 @ 2.4
            #5 is a quote of g q/
            0: #5 stands
            #6 alice sell 5 @ 2.6
            #6 is a quote of g q/
            0: #6 stands
        "#]],
    );
}

#[test]
fn quote_003_nobody_quotes_without_protection() {
    check_morning(
        "
        alice quotes g H100D 1@2.40 5@2.60
        alice protects g qty 100 grade B200
        alice protects g
        alice protects g qty 1 window 2h
        alice protects g qty 1 frozen 2h
        alice protects g qty 1 max 0
        alice protects g qty 1 max 9999999
        alice protects g qty 1
        list A100D grade A100
        alice protects g qty 1 grade A100
        alice resets h
        nobody protects g qty 1
        alice quotes g valid=0s H100D 1@2.40 5@2.60
        +1s
        alice quotes g valid=0s H100D 1@2.40 5@2.60
        bob quotes g H100D 1@2.40 5@2.60
        ",
        expect![[r#"
            refused QUOTE-003 UnknownGroup
            refused INDEX-001 UnknownGrade
            refused QUOTE-011 BadTerms
            refused QUOTE-011 BadTerms
            refused QUOTE-011 BadTerms
            refused QUOTE-012 QuoteMaxOutOfRange
            refused QUOTE-012 QuoteMaxOutOfRange
            alice protects g of H100
            A100D listed
            refused QUOTE-005 OtherGrade
            refused QUOTE-003 UnknownGroup
            refused ACCOUNT-001 UnknownAccount
            #1 alice buy 1 @ 2.4
            #1 is a quote of g q/
            0: #1 stands
            #2 alice sell 5 @ 2.6
            #2 is a quote of g q/
            0: #2 stands
            refused ORDER-027 TooLate
            refused QUOTE-003 UnknownGroup
        "#]],
    );
}

fn group(name: &str) -> GroupName {
    GroupName::Named(name.to_owned())
}

fn terms() -> ProtectionTerms {
    ProtectionTerms {
        window: NanosSpan::from_seconds(1),
        frozen_for: Some(NanosSpan::from_seconds(5)),
        qty_max: Qty::from_lots(5),
        delta_max: 0,
        vega_max: 0,
        trades_max: 0,
        quote_max: Qty::from_lots(8),
    }
}

fn rules_of(events: &[exchange::Event]) -> Vec<&'static str> {
    let rule = |event: &exchange::Event| match event {
        exchange::Event::Rejected(reason) => Some(reason.rule()),
        _ => None,
    };
    events.iter().filter_map(rule).collect()
}

#[test]
fn quote_001_quotes_words_and_groups_are_bounded() {
    // QUOTE-001, QUOTE-002, QUOTE-006, QUOTE-010, QUOTE-011, QUOTE-012, QUOTE-013.
    let mut world = World::open();
    world.list(day_future("H100D", "H100"));
    let account = world.account("alice", 1_000);
    let grade = GradeId::new("H100").unwrap();
    let protect = |group: GroupName| {
        let (grade, terms) = (grade.clone(), terms());
        Command::Quoting(QuoteCommand::Protect { account, group, grade, terms })
    };
    assert_eq!(rules_of(&world.apply(protect(group("")))), ["QUOTE-010"]);
    assert_eq!(rules_of(&world.apply(protect(group(&"x".repeat(65))))), ["QUOTE-010"]);
    for number in 0..matching_engine::GROUPS_MAX {
        assert_eq!(rules_of(&world.apply(protect(group(&number.to_string())))), [""; 0]);
    }
    assert_eq!(rules_of(&world.apply(protect(group("more")))), ["QUOTE-013"]);
    let end = QuoteCommand::Unprotect { account, group: group("7") };
    world.apply(Command::Quoting(end));
    assert_eq!(rules_of(&world.apply(protect(group("more")))), [""; 0]);

    let quotes = |count: usize, word: &str| {
        let entry = QuoteEntry {
            instrument: InstrumentId(1),
            set: String::new(),
            bid: Some((Price::from_ticks(2_400), Qty::from_lots(1))),
            ask: None,
        };
        Command::Quoting(QuoteCommand::MassQuote(MassQuote {
            session: None,
            account,
            group: group("more"),
            quote_id: word.to_owned(),
            valid_until: None,
            quotes: vec![entry; count],
        }))
    };
    assert_eq!(rules_of(&world.apply(quotes(0, ""))), ["QUOTE-001"]);
    assert_eq!(rules_of(&world.apply(quotes(65, ""))), ["QUOTE-001"]);
    assert_eq!(rules_of(&world.apply(quotes(64, &"x".repeat(65)))), ["QUOTE-002"]);
    assert_eq!(rules_of(&world.apply(quotes(64, "x"))), [""; 0]);
    assert_eq!(world.exchange.open_orders_of(account, None).len(), 1);
    world.restart();
}

#[test]
fn quote_006_a_group_quotes_in_so_many_series() {
    let mut world = World::open();
    world.is_watched = false;
    let most = matching_engine::GROUP_BOOKS_MAX;
    for number in 0..=most {
        world.list(day_future(&format!("H100-{number}"), "H100"));
    }
    let account = world.account("alice", 10_000);
    let (name, grade, terms) = (group("g"), GradeId::new("H100").unwrap(), terms());
    world.apply(Command::Quoting(QuoteCommand::Protect { account, group: name, grade, terms }));
    let entry = |number: usize| QuoteEntry {
        instrument: InstrumentId(u64::try_from(number).unwrap()),
        set: String::new(),
        bid: Some((Price::from_ticks(2_400), Qty::from_lots(1))),
        ask: None,
    };
    let quote = |world: &mut World, numbers: Vec<usize>| {
        let events = world.apply(Command::Quoting(QuoteCommand::MassQuote(MassQuote {
            session: None,
            account,
            group: group("g"),
            quote_id: String::new(),
            valid_until: None,
            quotes: numbers.into_iter().map(entry).collect(),
        })));
        let refused = |event: &exchange::Event| match event {
            exchange::Event::Quote(exchange::QuoteEvent::QuoteRefused { reason, .. }) => {
                Some(reason.rule())
            }
            _ => None,
        };
        events.iter().filter_map(refused).collect::<Vec<_>>()
    };
    for first in (1..=most).step_by(64) {
        assert_eq!(quote(&mut world, (first..first + 64).collect()), [""; 0]);
    }
    assert_eq!(quote(&mut world, vec![most + 1, most]), ["QUOTE-006"]);
    assert_eq!(world.exchange.open_orders_of(account, None).len(), most);
}

fn any_quote() -> impl Strategy<Value = Option<(Price, Qty)>> {
    let quote = (2_395..2_605_i64, 0..6_u64);
    prop::option::weighted(
        0.8,
        quote.prop_map(|(ticks, lots)| (Price::from_ticks(ticks), Qty::from_lots(lots))),
    )
}

fn any_entry() -> impl Strategy<Value = QuoteEntry> {
    (1..=3_u64, any_quote(), any_quote()).prop_map(|(instrument, bid, ask)| QuoteEntry {
        instrument: InstrumentId(instrument),
        set: instrument.to_string(),
        bid,
        ask,
    })
}

fn any_command() -> impl Strategy<Value = Command> {
    let account = || (1..=3_u64).prop_map(AccountId);
    let name = || prop_oneof![4 => Just(group("a")), 1 => Just(group("b"))];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let order = (account(), 1..=2_u64, side, 1..6_u64, 2_395..2_605_i64).prop_map(
        |(account, instrument, side, lots, ticks)| {
            limit(account, InstrumentId(instrument), side, lots, ticks)
        },
    );
    let quoting = prop_oneof![
        1 => (account(), name(), 0..12_u64).prop_map(|(account, group, most)| {
            let terms = ProtectionTerms { quote_max: Qty::from_lots(most), ..terms() };
            let grade = GradeId::new("H100").unwrap();
            QuoteCommand::Protect { account, group, grade, terms }
        }),
        1 => (account(), name()).prop_map(|(account, group)| {
            QuoteCommand::Unprotect { account, group }
        }),
        2 => (account(), name()).prop_map(|(account, group)| {
            QuoteCommand::Reset { account, group }
        }),
        12 => (account(), name(), prop::collection::vec(any_entry(), 1..4)).prop_map(
            |(account, group, quotes)| QuoteCommand::MassQuote(MassQuote {
            session: None,
                account,
                group,
                quote_id: "q".to_owned(),
                valid_until: None,
                quotes,
            })
        ),
        2 => (account(), prop::option::of(1..=3_u64)).prop_map(|(account, only)| {
            let instrument = only.map(InstrumentId);
            let filter = QuoteFilter { instrument, ..QuoteFilter::default() };
            QuoteCommand::Cancel { account, filter }
        }),
        3 => (order.clone(), name()).prop_map(|(order, group)| QuoteCommand::Place { order, group }),
    ];
    prop_oneof![
        3 => quoting.prop_map(Command::Quoting),
        1 => order.prop_map(Command::PlaceOrder),
        1 => Just(Command::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// QUOTE-020: whatever is quoted, taken, pulled and forgotten, marks, groups, holds and money add up, and a restart forgets nothing.
    #[test]
    fn quote_020_quotes_and_their_marks_add_up(commands in prop::collection::vec(any_command(), 1..60)) {
        let mut world = World::open();
        for name in ["H100D", "H100E"] {
            world.list(day_future(name, "H100"));
        }
        world.list(day_future("A100D", "A100"));
        for name in ["alice", "bob", "carol"] {
            let account = world.account(name, 1_000);
            for name in ["a", "b"] {
                let (group, grade, terms) = (group(name), GradeId::new("H100").unwrap(), terms());
                let protect = QuoteCommand::Protect { account, group, grade, terms };
                world.apply(Command::Quoting(protect));
            }
        }
        for command in commands {
            world.apply(command);
            world.wait(NanosSpan::from_seconds(1));
        }
        world.restart();
    }
}

#[test]
fn quote_021_a_fill_of_an_option_counts_with_the_greeks_that_were_published() {
    let trips = |delta_max: u64, vega_max: u64| {
        let mut desk = crate::script::Desk::morning();
        desk.run("list OPT option");
        let greeks = OptionGreeks { delta: 500_000, vega: 30, ..OptionGreeks::default() };
        let (mark, iv) = (Price::from_ticks(100), Ppm::new(800_000));
        let instrument = InstrumentId(2);
        let risk = OptionRisk { instrument, mark, iv, greeks, array: [0; LANES] };
        desk.world.apply(Command::PublishRisk { risks: vec![risk] });
        desk.run(&format!("alice protects g delta {delta_max} vega {vega_max}"));
        desk.world.restart();
        desk.run("alice quotes g OPT - 3@0.10");
        desk.run("bob buy 2 @ 0.10 in OPT");
        assert!(desk.out.contains("#2 bob buys 2"), "{}", desk.out);
        desk.out.contains("tripped")
    };
    // Half a lot each; 30 micro-dollars an hour for 24 hours each.
    assert!(trips(1_000_000, 0));
    assert!(!trips(1_000_001, 0));
    assert!(trips(0, 2 * 30 * 24));
    assert!(!trips(0, 2 * 30 * 24 + 1));
}
