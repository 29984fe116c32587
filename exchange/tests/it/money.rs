//! LEDGER: money that leaves, the exchange's own, and the audit of all of it.

use exchange::{AuditFinding, Exchange};
use expect_test::expect;
use instruments::{MicroUsd, ObligationId};
use settlement::{Bucket, HoldKey, LedgerFinding};

use crate::inspector::State;
use crate::script::{Desk, check};

#[test]
fn ledger_014_only_free_money_is_taken_out() {
    check(
        "
        open test
        list H100D
        account alice
        account bob
        deposit alice 100
        deposit bob 100
        withdraw nobody 1
        withdraw alice 0
        withdraw alice -1
        withdraw alice 100.000001
        withdraw alice 25.5
        alice buy 2 @ 2.5
        show alice
        withdraw alice 60
        bob sell 2 @ 2.5
        index H100 2.1
        show alice
        withdraw alice 35.140001
        withdraw alice 35.14
        show alice
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            refused ACCOUNT-001 UnknownAccount
            refused LEDGER-014 WithdrawalOutOfRange
            refused LEDGER-014 WithdrawalOutOfRange
            refused LEDGER-014 WithdrawalOutOfRange
            #1 alice buy 2 @ 2.5
            alice: cash 50.44 orders 24.06
            refused LEDGER-014 WithdrawalOutOfRange
            #2 bob sell 2 @ 2.5
            #2 bob sells 2 @ 2.5 with #1 alice, fee 0.06
            H100 index 2.1
            H100D mark 2.1
            alice: cash 54.34 margin 20.16 +2 H100D (-19.2)
            refused LEDGER-014 WithdrawalOutOfRange
            alice: cash 19.2 margin 20.16 +2 H100D (-19.2)
        "#]],
    );
}

#[test]
fn ledger_014_the_limit_is_what_is_free() {
    let mut desk = Desk::morning();
    desk.run("alice buy 5 @ 2.5");
    let alice = desk.world.exchange.account_by_name("alice").unwrap();
    let free = desk.world.exchange.withdrawable(alice).unwrap();
    let command = exchange::Command::Withdraw { account: alice, amount: free + MicroUsd::new(1) };
    let refused = desk.world.apply(command);
    let reason = exchange::Reject::WithdrawalOutOfRange { limit: free };
    assert_eq!(refused, [exchange::Event::Rejected(reason)]);
    desk.world.apply(exchange::Command::Withdraw { account: alice, amount: free });
    assert_eq!(desk.world.exchange.withdrawable(alice), Some(MicroUsd::ZERO));
}

#[test]
fn ledger_015_the_house_puts_money_up_for_losses_alone() {
    check(
        "
        open test
        fund fees 1
        fund insurance 0
        fund insurance 1000000000.000001
        fund insurance 5
        fund first-loss 6.25
        fund default-fund 7
        show house
        ",
        expect![[r#"
            venue open
            refused LEDGER-015 NotAHouseFund
            refused ACCOUNT-006 DepositOutOfRange
            refused ACCOUNT-006 DepositOutOfRange
            house: custody -18.25 firstloss 6.25 insurance 5 defaultfund 7
        "#]],
    );
    check(
        "
        open real
        fund insurance 5
        ",
        expect![[r#"
            venue open
            refused ACCOUNT-005 TestMoneyClosed
        "#]],
    );
}

/// LEDGER-016: a state in which one thing was changed behind the exchange's back.
#[test]
fn ledger_016_the_audit_names_what_does_not_add_up() {
    let mut desk = Desk::morning();
    desk.run(
        "
        alice buy 5 @ 2.5
        bob sell 3 @ 2.5
        run 3h
        list A100D grade A100 trade 9h assign 10h from 11h until 35h close 36h
        alice buy 2 @ 2.5 in A100D
        bob sell 1 @ 2.5 in A100D
        ",
    );
    let exchange = &desk.world.exchange;
    assert_eq!(exchange.audit(), Ok(()));
    let alice = exchange.account_by_name("alice").unwrap();
    let tampered = |change: &dyn Fn(&mut State)| {
        let mut state = State::read(&exchange.snapshot());
        change(&mut state);
        let _moved = state.ledger.take_transfers();
        let bytes = borsh::to_vec(&state).unwrap();
        Exchange::restore(&bytes).unwrap().audit().unwrap_err()
    };
    let one = MicroUsd::new(1);
    let stuck = tampered(&|state| {
        state.ledger.transfer(Bucket::Cash(alice), Bucket::Suspense, one).unwrap();
    });
    assert_eq!(stuck, AuditFinding::Ledger(LedgerFinding::Suspense { stuck: one }));
    let hold = tampered(&|state| {
        let held = Bucket::PositionMargin(alice);
        state.ledger.transfer(held, Bucket::Cash(alice), one).unwrap();
    });
    assert!(matches!(hold, AuditFinding::Hold { key: HoldKey::Positions(_), .. }), "{hold}");
    let one_sided = tampered(&|state| {
        let open = state.positions.of_account(alice).next().map(|(instrument, _)| instrument);
        state.positions.close(open.unwrap(), alice);
    });
    assert!(matches!(one_sided, AuditFinding::Positions { lots: -1, .. }), "{one_sided}");
    let miscounted = tampered(&|state| state.open_orders.clear());
    assert!(matches!(miscounted, AuditFinding::OpenOrders { .. }), "{miscounted}");
    let first = ObligationId(1);
    let set_aside = tampered(&|state| {
        state.deliveries.get_mut(&first).unwrap().obligation.escrow += one;
    });
    assert!(matches!(set_aside, AuditFinding::SetAside { .. }), "{set_aside}");
    let orphan = tampered(&|state| {
        let key = HoldKey::Bond(ObligationId(99), alice);
        state.ledger.hold(key, &[Bucket::Cash(alice)], one).unwrap();
    });
    assert!(matches!(orphan, AuditFinding::Orphan { .. }), "{orphan}");
}
