//! VAR: what positions gain and lose moves once a day, and sums to zero whatever anyone can pay.

use std::collections::BTreeMap;

use expect_test::expect;
use instruments::{Instrument, MicroUsd, NetQty, Side};
use proptest::prelude::*;
use settlement::{Bucket, Ledger, Positions, VariationMoved, run_variation};

use crate::world::{account, ledger, lots, month, series, ticks, trade, usd};

fn render(moved: &[VariationMoved]) -> String {
    let line = |part: &VariationMoved| {
        format!(
            "{} due {} unpaid {} haircut {} moved {}\n",
            part.account,
            part.amount.micros(),
            part.unpaid.micros(),
            part.haircut.micros(),
            part.moved().micros()
        )
    };
    moved.iter().map(line).collect()
}

/// One GPU for one hour with a tick of a dollar, so that a tick is a dollar per lot.
fn dollars() -> Instrument {
    let mut instrument = series(1, 1);
    instrument.tick_size = usd("1");
    instrument
}

#[test]
fn var_001_a_gain_is_somebodys_loss() {
    let instrument = month();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 8, 2_500);
    trade(&mut positions, &instrument, (3, 1), 3, 2_600);
    let mut ledger = ledger(&[
        (Bucket::Cash(account(1)), usd("10000")),
        (Bucket::Cash(account(2)), usd("10000")),
        (Bucket::Cash(account(3)), usd("10000")),
    ]);
    // To 2.55: account 1 bought 8 at 2.50 and sold 3 at 2.60: (5 * 0.05 + 3 * 0.10) * 744 = 409.20.
    // Account 2 sold 8 at 2.50: -8 * 0.05 * 744 = -297.60. Account 3 bought 3 at 2.60: -3 * 0.05 * 744 = -111.60.
    let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(2_550));
    expect![[r#"
        A-1 due 409200000 unpaid 0 haircut 0 moved 409200000
        A-2 due -297600000 unpaid 0 haircut 0 moved -297600000
        A-3 due -111600000 unpaid 0 haircut 0 moved -111600000
    "#]]
    .assert_eq(&render(&moved));
    assert_eq!(ledger.balance(Bucket::Cash(account(1))), usd("10409.2"));
    // Nothing is due twice.
    assert_eq!(run_variation(&mut ledger, &mut positions, &instrument, ticks(2_550)), []);
}

#[test]
fn var_003_a_loser_pays_from_cash_then_margin_then_order_holds() {
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 1, 100);
    let loser = account(1);
    let mut ledger = ledger(&[
        (Bucket::Cash(loser), usd("10")),
        (Bucket::PositionMargin(loser), usd("20")),
        (Bucket::OrderHold(loser), usd("30")),
        (Bucket::Bond(loser), usd("40")),
    ]);
    let purse = [Bucket::Cash(loser), Bucket::PositionMargin(loser), Bucket::OrderHold(loser)];
    for (mark, left) in [(95, ["5", "20", "30"]), (85, ["0", "15", "30"]), (65, ["0", "0", "25"])] {
        let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(mark));
        assert_eq!(moved[0].unpaid, usd("0"));
        assert_eq!(purse.map(|bucket| ledger.balance(bucket)), left.map(usd), "at {mark}");
    }

    // The bond belongs to a delivery, not to this position.
    let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(5));
    assert_eq!(moved[0].unpaid, usd("35"));
    assert_eq!(ledger.balance(Bucket::Bond(loser)), usd("40"));
}

#[test]
fn var_004_insurance_pays_before_winners_are_cut() {
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 1, 100);
    let mut ledger =
        ledger(&[(Bucket::Cash(account(1)), usd("10")), (Bucket::Insurance, usd("50"))]);
    let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(60));
    expect![[r#"
        A-1 due -40000000 unpaid 30000000 haircut 0 moved -10000000
        A-2 due 40000000 unpaid 0 haircut 0 moved 40000000
    "#]]
    .assert_eq(&render(&moved));
    assert_eq!(ledger.balance(Bucket::Insurance), usd("20"));
}

#[test]
fn var_005_winners_are_cut_in_proportion_to_the_micro_dollar() {
    let mut instrument = dollars();
    instrument.tick_size = usd("0.000001");
    let mut positions = Positions::default();
    // Gains of 5, 3 and 3 micro-dollars; the loser has 7. Shares 3.18, 1.91, 1.91: floors 3, 1, 1, and the two remainders of 0.91 are served.
    trade(&mut positions, &instrument, (9, 1), 5, 11);
    trade(&mut positions, &instrument, (9, 2), 3, 11);
    trade(&mut positions, &instrument, (9, 3), 3, 11);
    let mut ledger = ledger(&[(Bucket::Cash(account(9)), MicroUsd::new(7))]);
    let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(10));
    expect![[r#"
        A-1 due 5 unpaid 0 haircut 2 moved 3
        A-2 due 3 unpaid 0 haircut 1 moved 2
        A-3 due 3 unpaid 0 haircut 1 moved 2
        A-9 due -11 unpaid 4 haircut 0 moved -7
    "#]]
    .assert_eq(&render(&moved));
}

#[test]
fn var_005_equal_remainders_are_served_in_the_order_of_the_accounts() {
    let mut instrument = dollars();
    instrument.tick_size = usd("0.000001");
    let mut positions = Positions::default();
    for winner in [3, 2, 1] {
        trade(&mut positions, &instrument, (9, winner), 1, 11);
    }
    let mut ledger = ledger(&[(Bucket::Cash(account(9)), MicroUsd::new(2))]);
    let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(10));
    let received: Vec<i64> = moved.iter().map(|part| part.moved().micros()).collect();
    assert_eq!(received, [1, 1, 0, -2]);
}

#[test]
fn var_007_a_closed_position_is_paid_once_and_gone() {
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 4, 100);
    trade(&mut positions, &instrument, (2, 1), 4, 110);
    assert_eq!(positions.open_interest(instrument.id), lots(0));
    assert_eq!(positions.of_instrument(instrument.id).count(), 2);

    let mut ledger = ledger(&[(Bucket::Cash(account(2)), usd("100"))]);
    let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(55));
    assert_eq!(moved.iter().map(|part| part.amount).collect::<Vec<_>>(), [usd("40"), usd("-40")]);
    assert_eq!(positions, Positions::default());
}

#[test]
fn var_009_the_average_price_is_the_average_cost_of_the_open_lots() {
    let instrument = month();
    let mut positions = Positions::default();
    let average = |positions: &Positions| {
        positions.get(instrument.id, account(1)).and_then(|held| held.average_price(&instrument))
    };
    let steps = [
        (Side::Buy, 2, 2_500, Some("2.5")),
        (Side::Buy, 1, 2_560, Some("2.52")),
        // A reduction keeps the average.
        (Side::Sell, 2, 3_000, Some("2.52")),
        // Through zero: the rest stands at its own price.
        (Side::Sell, 4, 2_400, Some("2.4")),
        (Side::Sell, 1, 2_200, Some("2.35")),
        (Side::Buy, 4, 2_300, None),
    ];
    for (side, qty, price, expected) in steps {
        positions.trade(&instrument, account(1), side, lots(qty), ticks(price));
        assert_eq!(average(&positions), expected.map(usd), "after {side:?} {qty} @ {price}");
    }
}

#[test]
fn var_010_losses_beyond_the_ledgers_range_stop_nothing() {
    let instrument = dollars();
    let mut positions = Positions::default();
    // Forty billion billion dollars change hands on paper, a billion in the ledger.
    trade(&mut positions, &instrument, (1, 2), 1_000_000_000_000, 10_000_000);
    trade(&mut positions, &instrument, (1, 3), 3_000_000_000_000, 10_000_000);
    let mut ledger = ledger(&[(Bucket::Cash(account(1)), usd("1000000000"))]);
    let moved = run_variation(&mut ledger, &mut positions, &instrument, ticks(1));
    let received = [2, 3].map(|id| ledger.balance(Bucket::Cash(account(id))));
    assert_eq!(received, [usd("250000000"), usd("750000000")]);
    assert_eq!((ledger.total(), moved.len()), (MicroUsd::ZERO, 3));
}

#[test]
fn positions_are_found_by_series_and_by_account() {
    let (near, mut far) = (month(), month());
    far.id = instruments::InstrumentId(8);
    let mut positions = Positions::default();
    trade(&mut positions, &near, (1, 2), 4, 2_500);
    trade(&mut positions, &far, (3, 1), 2, 2_600);
    let nets = |account_id: u64| -> Vec<(u64, i64)> {
        let held = positions.of_account(account(account_id));
        held.map(|(series, position)| (series.0, position.net.lots())).collect()
    };
    assert_eq!((nets(1), nets(2), nets(3)), (vec![(7, 4), (8, -2)], vec![(7, -4)], vec![(8, 2)]));
    let unrealised = |id: u64| {
        let held = positions.get(far.id, account(id)).expect("held");
        held.unrealised(&far, ticks(2_500))
    };
    assert_eq!((unrealised(1), unrealised(3)), (usd("148.8"), usd("-148.8")));

    let closed = positions.close(near.id, account(1)).expect("held");
    assert_eq!(closed.net, NetQty::from_lots(4));
    assert_eq!(positions.of_account(account(1)).count(), 1);
    assert!(positions.may_trade(&near, account(2), Side::Sell, lots(1_000)));
    assert!(!positions.may_trade(&near, account(2), Side::Sell, lots(10_000_000)));
    assert!(!positions.may_trade(&near, account(2), Side::Sell, lots(u64::MAX)));
}

/// Random trades of accounts 1 to 6 before one variation; a seventh account has money and no position.
#[derive(Debug, Clone)]
struct Cycle {
    trades: Vec<((u64, u64), u64, i64)>,
    mark: i64,
}

fn any_cycle() -> impl Strategy<Value = Cycle> {
    let pair = (1..7_u64, 1..6_u64).prop_map(|(buyer, step)| (buyer, (buyer - 1 + step) % 6 + 1));
    let trades = prop::collection::vec((pair, 1..50_u64, 1..5_000_i64), 0..24);
    (trades, 1..5_000_i64).prop_map(|(trades, mark)| Cycle { trades, mark })
}

fn cash(ledger: &Ledger) -> BTreeMap<u64, i64> {
    (1..7).map(|id| (id, ledger.equity(account(id)).micros())).collect()
}

proptest! {
    /// VAR-001, VAR-002, VAR-004, VAR-005, VAR-006, VAR-007, VAR-008: whoever is insolvent, suspense ends at zero, money is conserved,
    /// and the cut is exact.
    #[test]
    fn variation_is_exact_whoever_is_insolvent(
        cycles in prop::collection::vec(any_cycle(), 1..4),
        purses in prop::array::uniform6(0..3_000_000_000_i64),
        insurance in 0..2_000_000_000_i64,
    ) {
        let instrument = month();
        let mut positions = Positions::default();
        let bystander = Bucket::Cash(account(7));
        let mut money = ledger(&[(bystander, usd("5")), (Bucket::Insurance, MicroUsd::new(insurance))]);
        for (id, micros) in (1..).zip(purses) {
            money.transfer(Bucket::Custody, Bucket::Cash(account(id)), MicroUsd::new(micros)).expect("custody");
        }
        for cycle in cycles {
            for (pair, qty, price) in cycle.trades {
                trade(&mut positions, &instrument, pair, qty, price);
                let nets: i64 = positions.of_instrument(instrument.id).map(|(_, p)| p.net.lots()).sum();
                let costs: i128 = positions.of_instrument(instrument.id).map(|(_, p)| p.cost).sum();
                prop_assert_eq!((nets, costs), (0, 0));
            }
            let (before, insured) = (cash(&money), money.balance(Bucket::Insurance));
            let mark = ticks(cycle.mark);
            let moved = run_variation(&mut money, &mut positions, &instrument, mark);

            let sum = |part: fn(&VariationMoved) -> MicroUsd| moved.iter().map(part).sum::<MicroUsd>();
            let (unpaid, haircut) = (sum(|part| part.unpaid), sum(|part| part.haircut));
            let insurance_paid = insured - money.balance(Bucket::Insurance);
            prop_assert_eq!(sum(|part| part.amount), MicroUsd::ZERO);
            prop_assert_eq!(unpaid, insurance_paid + haircut);
            prop_assert_eq!(insurance_paid, unpaid.min(insured));
            prop_assert_eq!(money.balance(Bucket::Suspense), MicroUsd::ZERO);
            prop_assert_eq!(money.total(), MicroUsd::ZERO);
            prop_assert_eq!(money.balance(bystander), usd("5"));

            let after = cash(&money);
            let gains = sum(|part| part.amount.max(MicroUsd::ZERO)).micros();
            for part in &moved {
                let id = part.account.0;
                prop_assert_eq!(after[&id] - before[&id], part.moved().micros());
                if MicroUsd::ZERO < part.amount {
                    // Within one micro-dollar of the exact share, and never above the gain.
                    let exact = i128::from(haircut.micros()) * i128::from(part.amount.micros());
                    let really = i128::from(part.haircut.micros()) * i128::from(gains);
                    prop_assert!((exact - really).abs() < i128::from(gains));
                    prop_assert!(MicroUsd::ZERO <= part.haircut && part.haircut <= part.amount);
                } else if part.unpaid != MicroUsd::ZERO {
                    prop_assert_eq!(after[&id], 0);
                }
            }
            for (_, position) in positions.of_instrument(instrument.id) {
                prop_assert_eq!(position.unrealised(&instrument, mark), MicroUsd::ZERO);
                prop_assert_ne!(position.net, NetQty::ZERO);
            }
        }
    }
}
