//! ACCOUNT: opening accounts and crediting test money.

use std::collections::BTreeMap;

use exchange::{Account, Command, Exchange, limits};
use expect_test::expect;
use instruments::{AccountId, MicroUsd};

use crate::inspector::State;
use crate::script::check;
use crate::world::{START, World, refusal};

#[test]
fn account_001_who_has_no_account_does_nothing() {
    check(
        "
        open test
        list H100D
        deposit nobody 1
        nobody buy 1 @ 2.5
        nobody cancel all
        nobody nominates aa
        ",
        expect![[r#"
            venue open
            H100D listed
            refused ACCOUNT-001 UnknownAccount
            refused ACCOUNT-001 UnknownAccount
            refused ACCOUNT-001 UnknownAccount
            refused ACCOUNT-001 UnknownAccount
        "#]],
    );
}

#[test]
fn account_002_a_name_has_1_to_64_bytes() {
    let mut world = World::open();
    let mut open =
        |name: String| refusal(&world.apply(Command::OpenAccount { name, is_verifier: false }));
    assert_eq!(open(String::new()), Some("ACCOUNT-002"));
    assert_eq!(open("a".repeat(65)), Some("ACCOUNT-002"));
    assert_eq!(open("é".repeat(33)), Some("ACCOUNT-002"), "bytes, not letters");
    assert_eq!(open("a".repeat(64)), None);
    assert_eq!(open("é".repeat(32)), None);
}

#[test]
fn account_003_a_name_is_given_once() {
    check(
        "
        open test
        account alice
        account alice verifier
        account Alice
        ",
        expect![[r#"
            venue open
            alice opened
            refused ACCOUNT-003 AccountNameTaken
            Alice opened
        "#]],
    );
}

#[test]
fn account_004_a_million_accounts_and_not_one_more() {
    let world = World::open();
    let mut state = State::read(&world.exchange.snapshot());
    let name = String::new();
    let (signer, margin_mode) = (None, exchange::MarginMode::Standard);
    let nobody = Account { name, is_verifier: false, signer, open_orders: 0, margin_mode };
    let limit = u64::try_from(limits::ACCOUNTS_MAX).unwrap();
    state.accounts =
        (1..limit).map(|id| (AccountId(id), nobody.clone())).collect::<BTreeMap<_, _>>();
    state.issued[1] = limit - 1;
    let mut exchange = Exchange::restore(&borsh::to_vec(&state).unwrap()).unwrap();
    let mut open = |name: &str| {
        let command = Command::OpenAccount { name: name.to_owned(), is_verifier: false };
        let seq = exchange.last_seq().next();
        let mut events = Vec::new();
        exchange.apply(&exchange::Stamped { seq, at: START, command }, &mut events);
        refusal(&events)
    };
    assert_eq!(open("the last one"), None);
    assert_eq!(open("one more"), Some("ACCOUNT-004"));
}

#[test]
fn account_005_test_money_is_for_test_venues() {
    check(
        "
        open real
        account alice
        deposit alice 1
        show alice
        ",
        expect![[r#"
            venue open
            alice opened
            refused ACCOUNT-005 TestMoneyClosed
            alice:
        "#]],
    );
}

#[test]
fn account_006_a_deposit_is_above_zero_and_at_most_a_billion() {
    check(
        "
        open test
        account alice
        deposit alice 0
        deposit alice -1
        deposit alice 1000000000.000001
        deposit alice 0.000001
        deposit alice 1000000000
        show alice
        ",
        expect![[r#"
            venue open
            alice opened
            refused ACCOUNT-006 DepositOutOfRange
            refused ACCOUNT-006 DepositOutOfRange
            refused ACCOUNT-006 DepositOutOfRange
            alice: cash 1000000000.000001
        "#]],
    );
}

#[test]
fn account_007_an_account_is_worth_ten_billion_at_most_and_all_of_them_four_trillion() {
    let mut world = World::open();
    world.is_watched = false;
    let amount = limits::DEPOSIT_MAX;
    for number in 0..400 {
        let account = world.account(&format!("account {number}"), 0);
        for _ in 0..10 {
            let events = world.apply(Command::Deposit { account, amount });
            assert_eq!(refusal(&events), None);
        }
        let one = MicroUsd::new(1);
        let events = world.apply(Command::Deposit { account, amount: one });
        assert_eq!(refusal(&events), Some("ACCOUNT-007"));
    }
    let account = world.account("late", 0);
    let events = world.apply(Command::Deposit { account, amount: MicroUsd::new(1) });
    assert_eq!(refusal(&events), Some("ACCOUNT-007"), "four trillion are in");
}

/// ACCOUNT-008: what an account lacks for its holds is taken from the next money it gets.
#[test]
fn account_008_a_deposit_tops_up_what_the_holds_lack() {
    check(
        "
        open test
        list H100D
        account alice
        account bob
        deposit alice 30
        deposit bob 1000
        alice buy 2 @ 2.5
        bob sell 2 @ 2.5
        show alice
        index H100 5
        bob sell 1 @ 5
        show alice
        deposit alice 10
        show alice
        deposit alice 100
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 alice buy 2 @ 2.5
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.06
            alice: cash 6 margin 24 +2 H100D
            H100 index 5
            H100D mark 5
            #3 bob sell 1 @ 5
            alice: margin 30 +2 H100D (120)
            alice: margin 40 +2 H100D (120)
            alice: cash 92 margin 48 +2 H100D (120)
        "#]],
    );
}
