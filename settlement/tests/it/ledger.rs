//! LEDGER: money moves, and is neither made nor lost.

use instruments::{MicroUsd, ObligationId, Ppm};
use proptest::prelude::*;
use settlement::{Bucket, FeeRates, HoldKey, Insufficient, Ledger};

use crate::world::{account, ledger, usd};

fn any_bucket() -> impl Strategy<Value = Bucket> {
    let owner = (1..4_u64).prop_map(account);
    prop_oneof![
        Just(Bucket::Custody),
        owner.clone().prop_map(Bucket::Cash),
        owner.clone().prop_map(Bucket::OrderHold),
        owner.prop_map(Bucket::PositionMargin),
        Just(Bucket::Fees),
        Just(Bucket::Insurance),
        Just(Bucket::Suspense),
        Just(Bucket::Rounding),
    ]
}

proptest! {
    /// LEDGER-001, LEDGER-002, LEDGER-003, LEDGER-006.
    #[test]
    fn money_is_conserved_and_every_change_is_on_record(
        transfers in prop::collection::vec((any_bucket(), any_bucket(), 0..1_000_i64), 1..64),
    ) {
        let mut ledger = Ledger::default();
        let mut recorded = Ledger::default();
        for (from, to, micros) in transfers {
            let before = ledger.clone();
            if ledger.transfer(from, to, MicroUsd::new(micros)).is_err() {
                prop_assert_eq!(&ledger, &before);
            }
            prop_assert_eq!(ledger.total(), MicroUsd::ZERO);
            for (bucket, balance) in ledger.balances() {
                prop_assert!(bucket == Bucket::Custody || MicroUsd::ZERO < balance);
            }
            for moved in ledger.take_transfers() {
                prop_assert!(MicroUsd::ZERO < moved.amount);
                recorded.transfer(moved.from, moved.to, moved.amount).expect("it was possible");
            }
        }
        prop_assert_eq!(ledger.balances().collect::<Vec<_>>(), recorded.balances().collect::<Vec<_>>());
    }

    /// LEDGER-004: what is paid and what is left unpaid are what was asked.
    #[test]
    fn a_payment_takes_all_there_is_and_no_more(
        deposits in prop::collection::vec((any_bucket(), 0..1_000_i64), 0..16),
        from in prop::collection::vec(any_bucket(), 0..4),
        micros in 0..2_000_i64,
    ) {
        let to = Bucket::Cash(account(9));
        let mut ledger = Ledger::default();
        for (bucket, micros) in deposits {
            ledger.transfer(Bucket::Custody, bucket, MicroUsd::new(micros)).expect("custody");
        }
        let unpaid = ledger.pay(&from, to, MicroUsd::new(micros));
        prop_assert_eq!(ledger.balance(to) + unpaid, MicroUsd::new(micros));
        prop_assert_eq!(ledger.total(), MicroUsd::ZERO);
        if unpaid != MicroUsd::ZERO {
            prop_assert!(from.iter().all(|bucket| ledger.balance(*bucket) <= MicroUsd::ZERO));
        }
    }
}

#[test]
fn ledger_002_a_refused_transfer_says_which_bucket_lacks_how_much() {
    let cash = Bucket::Cash(account(1));
    let mut ledger = ledger(&[(cash, usd("10"))]);
    let before = ledger.clone();
    let refused = ledger.transfer(cash, Bucket::Fees, usd("10.25"));
    assert_eq!(refused, Err(Insufficient { bucket: cash, shortfall: usd("0.25") }));
    assert_eq!(ledger, before);
}

#[test]
fn ledger_003_only_custody_may_be_below_zero() {
    let mut ledger = ledger(&[(Bucket::Cash(account(1)), usd("10"))]);
    assert_eq!(ledger.balance(Bucket::Custody), usd("-10"));
    for empty in [Bucket::Fees, Bucket::Insurance, Bucket::Suspense, Bucket::Rounding] {
        assert!(ledger.transfer(empty, Bucket::Cash(account(1)), usd("0.000001")).is_err());
    }
}

#[test]
fn ledger_004_a_payment_drains_its_buckets_in_their_order() {
    let (cash, margin) = (Bucket::Cash(account(1)), Bucket::PositionMargin(account(1)));
    let mut ledger = ledger(&[(cash, usd("3")), (margin, usd("4"))]);
    assert_eq!(ledger.pay(&[margin, cash], Bucket::Fees, usd("5")), usd("0"));
    assert_eq!((ledger.balance(margin), ledger.balance(cash)), (usd("0"), usd("2")));
    assert_eq!(ledger.pay(&[margin, cash], Bucket::Fees, usd("5")), usd("3"));
    assert_eq!(ledger.balance(Bucket::Fees), usd("7"));
}

#[test]
fn ledger_004_custody_pays_nothing() {
    let mut ledger = ledger(&[]);
    assert_eq!(ledger.pay(&[Bucket::Custody], Bucket::Fees, usd("1")), usd("1"));
}

#[test]
fn ledger_005_equal_balances_holds_and_last_ids_have_equal_bytes() {
    let (a, b) = (Bucket::Cash(account(1)), Bucket::Cash(account(2)));
    let mut there_and_back = ledger(&[(a, usd("1"))]);
    there_and_back.transfer(a, b, usd("1")).expect("funded");
    there_and_back.transfer(b, a, usd("1")).expect("funded");
    let mut in_parts = ledger(&[(b, usd("0.5")), (a, usd("0.5"))]);
    in_parts.transfer(b, a, usd("0.5")).expect("funded");
    let bytes = |ledger: &Ledger| borsh::to_vec(ledger).expect("encodes");
    assert_eq!(bytes(&there_and_back), bytes(&in_parts));
    assert_ne!(bytes(&there_and_back), bytes(&ledger(&[(a, usd("1"))])), "another last id");

    let read: Ledger = borsh::from_slice(&bytes(&there_and_back)).expect("decodes");
    assert_eq!(read.balance(a), usd("1"));
}

#[test]
fn ledger_006_a_transfer_of_nothing_is_not_recorded() {
    let mut ledger = ledger(&[]);
    ledger.transfer(Bucket::Fees, Bucket::Insurance, MicroUsd::ZERO).expect("nothing moves");
    assert_eq!(ledger.take_transfers(), []);
}

#[test]
fn ledger_007_a_fee_is_rounded_up() {
    let rates = FeeRates::standard();
    assert_eq!(rates.taker_fee(usd("14880")), usd("7.44"));
    // 500 ppm of 0.001999 dollars is 0.0000009995.
    assert_eq!(rates.taker_fee(usd("0.001999")), usd("0.000001"));
    assert_eq!(rates.maker_fee(usd("14880")), usd("0"));
    let maker_pays = FeeRates { maker: Ppm::new(1), ..FeeRates::standard() };
    assert_eq!(maker_pays.maker_fee(usd("1.000001")), usd("0.000002"));
}

/// FEE-001, FEE-002.
#[test]
fn fee_001_and_002_a_trade_costs_its_rate_and_a_delivery_half_the_takers() {
    let rates = FeeRates::standard();
    // Eight lots of a 744-hour month at 2.50: 14,880 dollars.
    assert_eq!(
        (rates.maker_fee(usd("14880")), rates.taker_fee(usd("14880"))),
        (usd("0"), usd("7.44"))
    );
    assert_eq!(rates.delivery_fee(usd("14880")), usd("3.72"));
    // 250 ppm of 0.012001 dollars is 0.00000300025; half of an odd rate is not rounded by itself.
    assert_eq!(rates.delivery_fee(usd("0.012001")), usd("0.000004"));
    let odd = FeeRates { taker: Ppm::new(501), ..FeeRates::standard() };
    assert_eq!(odd.delivery_fee(usd("1000")), usd("0.2505"));
    assert_eq!(odd.delivery_fee(usd("0")), usd("0"));
}

#[test]
fn equity_is_all_the_money_of_an_account() {
    let one = account(1);
    let buckets = [
        Bucket::Cash(one),
        Bucket::OrderHold(one),
        Bucket::PositionMargin(one),
        Bucket::QuoteHold(one),
        Bucket::DefaultFundShare(one),
        Bucket::Cash(account(2)),
    ];
    let deposits: Vec<_> = buckets.into_iter().map(|bucket| (bucket, usd("1.5"))).collect();
    let mut ledger = ledger(&deposits);
    let obligation = ObligationId(1);
    for key in [HoldKey::Escrow(obligation, one), HoldKey::Bond(obligation, one)] {
        ledger.hold(key, &[Bucket::Cash(one)], usd("0.5")).expect("opened once");
    }
    assert_eq!(ledger.equity(one), usd("7.5"));
    assert_eq!(Bucket::Bond(one).account(), Some(one));
    assert_eq!(Bucket::Insurance.account(), None);
}
