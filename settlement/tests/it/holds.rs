//! LEDGER: money set aside, and transfers that stand or fall together.

use std::collections::BTreeMap;

use expect_test::expect;
use instruments::{AccountId, MicroUsd, ObligationId};
use proptest::prelude::*;
use settlement::{Bucket, HoldError, HoldKey, Ledger, LedgerFinding, Reason, Transfer, TransferId};

use crate::ledger_script::check;
use crate::world::{account, ledger, usd};

#[test]
fn ledger_008_ids_have_no_gaps_and_a_refused_transfer_takes_none() {
    check(
        "
        deposit 10 a
        move 11 a.cash b.cash
        for premium move 4 a.cash b.cash
        move 0 a.cash b.cash
        pay 9 a.cash,b.cash fees
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 10
            refused: Cash(AccountId(1)) is 1000000 micro-dollars short
            M-2 premium: a.Cash -> b.Cash 4
            M-3 fee: a.Cash -> fees 6
            M-4 fee: b.Cash -> fees 3
        "#]],
    );
}

#[test]
fn ledger_009_a_chain_that_fails_is_undone_and_leaves_no_trace() {
    check(
        "
        deposit 100 a
        deposit 30 b
        chain for premium move 40 a.cash b.cash ; move 1 a.cash fees ; hold 50 a.escrow#1 from a.cash ; move 70 b.cash a.cash ; move 1 b.cash fees
        balances
        chain for premium move 40 a.cash b.cash ; move 1 a.cash fees
        balances
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 100
            M-2 deposit: custody -> b.Cash 30
            refused: Cash(AccountId(2)) is 1000000 micro-dollars short
              custody -130
              a.Cash 100
              b.Cash 30
            M-3 premium: a.Cash -> b.Cash 40
            M-4 of M-3 fee: a.Cash -> fees 1
              custody -130
              a.Cash 59
              b.Cash 70
              fees 1
        "#]],
    );
}

#[test]
fn ledger_009_a_chain_within_a_chain_fails_alone_and_ends_with_the_other() {
    check(
        "
        deposit 10 a
        chain move 1 a.cash fees ; chain move 2 a.cash fees ; move 3 a.cash fees
        chain move 1 a.cash fees ; chain move 2 a.cash fees ; move 30 a.cash fees
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 10
            M-2 fee: a.Cash -> fees 1
            M-3 of M-2 fee: a.Cash -> fees 2
            M-4 of M-2 fee: a.Cash -> fees 3
            refused: Cash(AccountId(1)) is 29000000 micro-dollars short
        "#]],
    );
    let (cash, fees) = (Bucket::Cash(account(1)), Bucket::Fees);
    let mut ledger = ledger(&[(cash, usd("10"))]);
    let mut outer = ledger.chain();
    outer.transfer(cash, fees, usd("1")).unwrap();
    let mut inner = outer.chain();
    inner.transfer(cash, fees, usd("2")).unwrap();
    drop(inner);
    outer.transfer(cash, fees, usd("3")).unwrap();
    outer.commit();
    let moved = ledger.take_transfers();
    let ids: Vec<_> = moved.iter().map(|part| (part.id.0, part.chain.0, part.amount)).collect();
    assert_eq!(ids, [(2, 2, usd("1")), (3, 2, usd("3"))]);
}

#[test]
fn ledger_010_a_hold_is_posted_in_two_parts_and_the_rest_given_back() {
    check(
        "
        deposit 100 a
        move 30 a.cash a.margin
        hold 80 a.escrow#1 from a.margin,a.cash
        balances
        post 25 a.escrow#1 b.cash
        post 5.5 a.escrow#1 b.cash
        post 50 a.escrow#1 b.cash
        void a.escrow#1
        void a.escrow#1
        post 0 a.escrow#1 b.cash
        balances
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 100
            M-2 position_margin: a.Cash -> a.PositionMargin 30
            M-3 delivery_escrow: a.PositionMargin -> a.DeliveryEscrow 30
            M-4 delivery_escrow: a.Cash -> a.DeliveryEscrow 50
              custody -100
              a.Cash 20
              a.DeliveryEscrow 80
              open: Escrow(ObligationId(1), AccountId(1)) 80
            M-5 delivery_pay: a.DeliveryEscrow -> b.Cash 25
            M-6 delivery_pay: a.DeliveryEscrow -> b.Cash 5.5
            refused: DeliveryEscrow(AccountId(1)) is 500000 micro-dollars short
            M-7 delivery_escrow: a.DeliveryEscrow -> a.Cash 49.5
            refused: Escrow(ObligationId(1), AccountId(1)) is not held
            refused: Escrow(ObligationId(1), AccountId(1)) is not held
              custody -100
              a.Cash 69.5
              b.Cash 30.5
        "#]],
    );
}

#[test]
fn ledger_010_a_hold_takes_what_there_is_and_is_opened_once() {
    check(
        "
        deposit 7 a
        hold 9 a.bond#4 from a.cash
        hold 1 a.bond#4 from a.cash
        post 7 a.bond#4 b.cash
        post 1 a.bond#4 b.cash
        void a.bond#4
        balances
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 7
            M-2 bond: a.Cash -> a.Bond 7
            refused: 2 are lacking
            refused: Bond(ObligationId(4), AccountId(1)) is held already
            M-3 damages: a.Bond -> b.Cash 7
            refused: Bond(AccountId(1)) is 1000000 micro-dollars short
              custody -7
              b.Cash 7
        "#]],
    );
}

#[test]
fn ledger_010_an_open_hold_is_topped_up_as_far_as_the_money_goes() {
    check(
        "
        deposit 10 a
        top_up 1 a.escrow#1 from a.cash
        hold 4 a.escrow#1 from a.cash
        post 4 a.escrow#1 b.cash
        top_up 5 a.escrow#1 from a.cash
        chain top_up 1 a.escrow#1 from a.cash ; move 9 a.cash fees
        top_up 3 a.escrow#1 from a.cash
        top_up 1 a.orders from a.cash
        void a.escrow#1
        top_up 1 a.escrow#1 from a.cash
        balances
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 10
            refused: Escrow(ObligationId(1), AccountId(1)) is not held
            M-2 delivery_escrow: a.Cash -> a.DeliveryEscrow 4
            M-3 delivery_pay: a.DeliveryEscrow -> b.Cash 4
            M-4 delivery_escrow: a.Cash -> a.DeliveryEscrow 5
            refused: Cash(AccountId(1)) is 9000000 micro-dollars short
            M-5 delivery_escrow: a.Cash -> a.DeliveryEscrow 1
            refused: 2 are lacking
            refused: Orders(AccountId(1)) is not held
            M-6 delivery_escrow: a.DeliveryEscrow -> a.Cash 6
            refused: Escrow(ObligationId(1), AccountId(1)) is not held
              custody -10
              a.Cash 6
              b.Cash 4
        "#]],
    );
}

#[test]
fn ledger_012_an_accounts_own_holds_are_resized_together() {
    check(
        "
        deposit 10 a
        set 4 a.positions 6 a.orders
        set 7 a.positions 3 a.orders
        set 9 a.orders
        post 2 a.orders fees
        void a.positions
        set 1 a.quotes
        hold 1 a.orders from a.cash
        balances
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 10
            M-2 position_margin: a.Cash -> a.PositionMargin 4
            M-3 order_hold: a.Cash -> a.OrderHold 6
            M-4 order_hold: a.OrderHold -> a.Cash 3
            M-5 position_margin: a.Cash -> a.PositionMargin 3
            refused: 6 are lacking
            M-6 fee: a.OrderHold -> fees 2
            M-7 position_margin: a.PositionMargin -> a.Cash 7
            M-8 quote_hold: a.Cash -> a.QuoteHold 1
            refused: Orders(AccountId(1)) is held already
              custody -10
              a.Cash 6
              a.OrderHold 1
              a.QuoteHold 1
              fees 2
        "#]],
    );
}

#[test]
fn ledger_013_a_transfer_says_what_it_is_for() {
    check(
        "
        deposit 100 a
        move 2 custody insurance
        move 1 a.cash custody
        move 5 a.cash a.share
        move 1 a.cash fees
        chain move 3 a.cash suspense ; move 3 suspense b.cash
        move 1 insurance b.cash
        hold 10 a.bond#1 from a.cash
        post 4 a.bond#1 b.cash
        post 3 a.bond#1 a.cash
        for damages post 1 a.bond#1 b.cash
        for liquidation_fee pay 1 a.cash insurance
        move 1 a.cash b.cash
        ",
        &expect![[r#"
            M-1 deposit: custody -> a.Cash 100
            M-2 house_funding: custody -> insurance 2
            M-3 withdrawal: a.Cash -> custody 1
            M-4 fund_contribution: a.Cash -> a.DefaultFundShare 5
            M-5 fee: a.Cash -> fees 1
            M-6 variation: a.Cash -> suspense 3
            M-7 of M-6 variation: suspense -> b.Cash 3
            M-8 default: insurance -> b.Cash 1
            M-9 bond: a.Cash -> a.Bond 10
            M-10 damages: a.Bond -> b.Cash 4
            M-11 bond: a.Bond -> a.Cash 3
            M-12 damages: a.Bond -> b.Cash 1
            M-13 liquidation_fee: a.Cash -> insurance 1
            M-14 unstated: a.Cash -> b.Cash 1
        "#]],
    );
}

/// LEDGER-001, LEDGER-003, LEDGER-009, LEDGER-011: what no call can lead to, written as bytes.
#[test]
fn the_ledgers_own_audit_sees_what_does_not_add_up() {
    let (one, cash) = (account(1), Bucket::Cash(account(1)));
    let bond = HoldKey::Bond(ObligationId(1), one);
    let audit = |balances: &[(Bucket, i64)], holds: &[(HoldKey, i64)]| {
        let balances: BTreeMap<_, _> = balances.iter().copied().collect();
        let holds: BTreeMap<_, _> = holds.iter().copied().collect();
        let bytes = borsh::to_vec(&(balances, holds, 9_u64)).expect("encodes");
        borsh::from_slice::<Ledger>(&bytes).expect("a ledger").audit()
    };
    let custody = Bucket::Custody;
    let (bucket, money) = (Bucket::Bond(one), MicroUsd::new);
    assert_eq!(audit(&[(custody, -5), (cash, 3), (bucket, 2)], &[(bond, 2)]), Ok(()));
    let total = Err(LedgerFinding::Total { total: money(-1) });
    assert_eq!(audit(&[(custody, -5), (cash, 4)], &[]), total);
    let below_zero = Err(LedgerFinding::BelowZero { bucket: Bucket::Fees, balance: money(-1) });
    assert_eq!(audit(&[(custody, -5), (cash, 6), (Bucket::Fees, -1)], &[]), below_zero);
    let stuck = Err(LedgerFinding::Suspense { stuck: money(2) });
    assert_eq!(audit(&[(custody, -5), (cash, 3), (Bucket::Suspense, 2)], &[]), stuck);
    let held = |balance, held| {
        Err(LedgerFinding::Held { bucket, balance: money(balance), held: money(held) })
    };
    assert_eq!(audit(&[(custody, -5), (cash, 3), (bucket, 2)], &[(bond, 1)]), held(2, 1));
    assert_eq!(audit(&[(custody, -5), (cash, 3), (bucket, 2)], &[]), held(2, 0));
    assert_eq!(audit(&[(custody, -5), (cash, 5)], &[(bond, 1)]), held(0, 1));
}

#[test]
fn names_of_reasons_are_one_each() {
    let names: std::collections::BTreeSet<_> = Reason::ALL.map(Reason::name).into();
    assert_eq!(names.len(), Reason::ALL.len());
}

/// Something that is tried.
#[derive(Debug, Clone)]
enum Try {
    Transfer(Bucket, Bucket, i64),
    Pay(Vec<Bucket>, Bucket, i64),
    Hold(HoldKey, Vec<Bucket>, i64),
    TopUp(HoldKey, Vec<Bucket>, i64),
    Post(HoldKey, Bucket, i64),
    Void(HoldKey),
    Set(Vec<(HoldKey, i64)>),
    /// Fails after its parts when told to, or with the first of them that fails.
    Chain(Vec<Try>, bool),
}

fn any_account() -> impl Strategy<Value = AccountId> {
    (1..4_u64).prop_map(account)
}

fn any_bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![
        3 => any_account().prop_map(Bucket::Cash),
        1 => any_account().prop_map(Bucket::OrderHold),
        1 => any_account().prop_map(Bucket::PositionMargin),
        1 => any_account().prop_map(Bucket::DefaultFundShare),
        1 => prop::sample::select(vec![Bucket::Custody, Bucket::Fees, Bucket::Insurance, Bucket::Rounding]),
    ]
}

fn any_own() -> impl Strategy<Value = HoldKey> {
    prop_oneof![
        any_account().prop_map(HoldKey::Orders),
        any_account().prop_map(HoldKey::Positions),
        any_account().prop_map(HoldKey::Quotes),
    ]
}

fn any_key() -> impl Strategy<Value = HoldKey> {
    let obligation = || (1..4_u64).prop_map(ObligationId);
    prop_oneof![
        2 => (obligation(), any_account()).prop_map(|(id, account)| HoldKey::Escrow(id, account)),
        2 => (obligation(), any_account()).prop_map(|(id, account)| HoldKey::Bond(id, account)),
        1 => any_own(),
    ]
}

fn any_step() -> impl Strategy<Value = Try> {
    let micros = || 0..1_000_i64;
    let purse = || prop::collection::vec(any_bucket(), 0..3);
    prop_oneof![
        3 => (any_bucket(), any_bucket(), micros()).prop_map(|(from, to, x)| Try::Transfer(from, to, x)),
        1 => (purse(), any_bucket(), micros()).prop_map(|(from, to, x)| Try::Pay(from, to, x)),
        2 => (any_key(), purse(), micros()).prop_map(|(key, from, x)| Try::Hold(key, from, x)),
        1 => (any_key(), purse(), micros()).prop_map(|(key, from, x)| Try::TopUp(key, from, x)),
        2 => (any_key(), any_bucket(), 0..400_i64).prop_map(|(key, to, x)| Try::Post(key, to, x)),
        1 => any_key().prop_map(Try::Void),
        1 => prop::collection::vec((any_own(), micros()), 1..3).prop_map(Try::Set),
    ]
}

fn any_try() -> impl Strategy<Value = Try> {
    any_step().prop_recursive(2, 16, 4, |inner| {
        (prop::collection::vec(inner, 0..5), any::<bool>())
            .prop_map(|(parts, fails)| Try::Chain(parts, fails))
    })
}

/// Whether it succeeded.
fn attempt(ledger: &mut Ledger, what: &Try) -> bool {
    let money = |micros: &i64| MicroUsd::new(*micros);
    match what {
        Try::Transfer(from, to, micros) => ledger.transfer(*from, *to, money(micros)).is_ok(),
        Try::Pay(from, to, micros) => {
            ledger.pay(from, *to, money(micros));
            true
        }
        Try::Hold(key, from, micros) => ledger.hold(*key, from, money(micros)).is_ok(),
        Try::TopUp(key, from, micros) => ledger.top_up(*key, from, money(micros)).is_ok(),
        Try::Post(key, to, micros) => ledger.post(*key, *to, money(micros)).is_ok(),
        Try::Void(key) => ledger.void(*key).is_ok(),
        Try::Set(targets) => {
            let targets: Vec<_> = targets.iter().map(|(key, x)| (*key, money(x))).collect();
            ledger.set_holds(&targets);
            true
        }
        Try::Chain(parts, fails) => {
            let mut chain = ledger.chain();
            // A chain within it that fails is undone alone, and the others go on.
            let is_inner = |part: &Try| matches!(part, Try::Chain(..));
            if parts.iter().all(|part| attempt(&mut chain, part) || is_inner(part)) && !fails {
                chain.commit();
                return true;
            }
            false
        }
    }
}

proptest! {
    /// LEDGER-001, LEDGER-002, LEDGER-003, LEDGER-006, LEDGER-008, LEDGER-009, LEDGER-010, LEDGER-011: whatever is tried, in chains or not, what failed has not happened,
    /// the ids have no gaps, the buckets are what the transfers add up to, and the holds are what their buckets hold.
    #[test]
    fn whatever_is_tried_the_books_balance(tries in prop::collection::vec(any_try(), 1..48)) {
        let mut ledger = ledger(&[(Bucket::Cash(account(1)), MicroUsd::new(2_000)), (Bucket::Cash(account(2)), MicroUsd::new(500))]);
        let mut sums: BTreeMap<Bucket, i64> = ledger.balances().map(|(bucket, balance)| (bucket, balance.micros())).collect();
        let mut last = ledger.last_transfer();
        for what in &tries {
            let before = ledger.clone();
            let is_done = attempt(&mut ledger, what);
            if !is_done {
                prop_assert_eq!(&ledger, &before, "{:?}", what);
            }
            prop_assert_eq!(ledger.audit(), Ok(()));
            let moved = ledger.take_transfers();
            let first = moved.first().map(|transfer| transfer.id);
            for Transfer { id, chain, from, to, amount, .. } in moved {
                prop_assert_eq!(id, TransferId(last.0 + 1));
                last = id;
                let is_chain = matches!(what, Try::Chain(..));
                prop_assert_eq!(Some(chain), if is_chain { first } else { Some(id) });
                prop_assert!(MicroUsd::ZERO < amount);
                *sums.entry(from).or_default() -= amount.micros();
                *sums.entry(to).or_default() += amount.micros();
            }
            prop_assert_eq!(ledger.last_transfer(), last);
        }
        sums.retain(|_, sum| *sum != 0);
        let balances: BTreeMap<_, _> = ledger.balances().map(|(bucket, balance)| (bucket, balance.micros())).collect();
        prop_assert_eq!(balances, sums);

        // A snapshot forgets nothing, and what is asked of it next has the same answer.
        let bytes = borsh::to_vec(&ledger).unwrap();
        let mut restored: Ledger = borsh::from_slice(&bytes).unwrap();
        prop_assert_eq!(&restored, &ledger);
        for what in &tries {
            prop_assert_eq!(attempt(&mut restored, what), attempt(&mut ledger, what));
        }
        prop_assert_eq!(restored, ledger);
    }

    /// LEDGER-010: what a hold pays and what it gives back are what was set aside, and it does each once.
    #[test]
    fn a_hold_pays_out_what_it_took_in(
        asked in 0..1_000_i64,
        parts in prop::collection::vec(0..400_i64, 0..6),
    ) {
        let (owner, other) = (account(1), Bucket::Cash(account(2)));
        let cash = Bucket::Cash(owner);
        let mut ledger = ledger(&[(cash, MicroUsd::new(600))]);
        let key = HoldKey::Bond(ObligationId(1), owner);
        let lack = ledger.hold(key, &[cash], MicroUsd::new(asked)).unwrap();
        let taken = MicroUsd::new(asked) - lack;
        let mut paid = MicroUsd::ZERO;
        for part in parts.into_iter().map(MicroUsd::new) {
            if ledger.post(key, other, part).is_ok() {
                paid += part;
            }
            prop_assert_eq!(ledger.held(key), taken - paid);
        }
        prop_assert_eq!(ledger.void(key), Ok(taken - paid));
        prop_assert_eq!(ledger.void(key), Err(HoldError::NotOpen(key)));
        prop_assert_eq!(ledger.post(key, other, MicroUsd::ZERO), Err(HoldError::NotOpen(key)));
        prop_assert_eq!(ledger.balance(cash) + paid, MicroUsd::new(600));
        prop_assert_eq!(ledger.balance(other), paid);
    }
}
