//! VAR: what positions gain and lose moves once a day, and sums to zero whatever anyone can pay.

use std::collections::BTreeMap;

use expect_test::expect;
use instruments::{Instrument, InstrumentId, MicroUsd, NetQty, Side};
use proptest::prelude::*;
use settlement::{
    Bucket, Covered, DefaultResolved, Ledger, Positions, SplitLine, VariationCycle, VariationDue,
    own_margin, run_variation, verify_haircut,
};

use crate::world::{account, ledger, lots, month, series, ticks, trade, usd};

/// Marks one series.
fn mark(
    ledger: &mut Ledger,
    positions: &mut Positions,
    instrument: &Instrument,
    at: i64,
) -> VariationCycle {
    run_variation(ledger, positions, &[(instrument, ticks(at))])
}

pub(crate) fn render(cycle: &VariationCycle) -> String {
    let due = |due: &VariationDue| format!("{} due {}\n", due.account, due.amount.micros());
    let mut out: String = cycle.dues.iter().map(due).collect();
    for part in &cycle.covered.defaults {
        let layers = [
            ("margin", part.own_margin),
            ("share", part.own_share),
            ("first loss", part.first_loss),
            ("insurance", part.insurance),
            ("mutual", part.mutual),
            ("haircut", part.haircut),
        ];
        let layers = layers.into_iter().filter(|(_, amount)| *amount != MicroUsd::ZERO);
        let paid: Vec<String> =
            layers.map(|(name, amount)| format!("{name} {}", amount.micros())).collect();
        let paid = paid.join(", ");
        out.push_str(&format!("{} lost {}: {paid}\n", part.account, part.lost.micros()));
    }
    for (name, split) in [("share", &cycle.covered.shares), ("received", &cycle.haircut)] {
        for line in split.iter().flat_map(|split| &split.lines) {
            let SplitLine { account, weight, floor, remainder, rank, part } = line;
            out.push_str(&format!(
                "{account} {name} {part} of {weight}: floor {floor}, remainder {remainder}, rank {rank}\n"
            ));
        }
    }
    out
}

/// One GPU for one hour with a tick of a dollar, so that a tick is a dollar per lot.
pub(crate) fn dollars() -> Instrument {
    let mut instrument = series(1, 1);
    instrument.tick_size = usd("1");
    instrument
}

/// The same with a tick of a micro-dollar.
fn micro_dollars() -> Instrument {
    let mut instrument = dollars();
    instrument.tick_size = usd("0.000001");
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
    let cycle = mark(&mut ledger, &mut positions, &instrument, 2_550);
    expect![[r#"
        A-1 due 409200000
        A-2 due -297600000
        A-3 due -111600000
    "#]]
    .assert_eq(&render(&cycle));
    assert_eq!(ledger.balance(Bucket::Cash(account(1))), usd("10409.2"));
    // Nothing is due twice.
    assert_eq!(mark(&mut ledger, &mut positions, &instrument, 2_550), VariationCycle::default());
}

#[test]
fn var_003_a_loser_pays_from_cash_then_margin_then_order_holds_then_quote_holds() {
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 1, 100);
    let loser = account(1);
    let mut ledger = ledger(&[
        (Bucket::Cash(loser), usd("10")),
        (Bucket::PositionMargin(loser), usd("20")),
        (Bucket::OrderHold(loser), usd("30")),
        (Bucket::QuoteHold(loser), usd("5")),
        (Bucket::Bond(loser), usd("40")),
    ]);
    let purse = own_margin(loser);
    for (at, left) in [
        (95, ["5", "20", "30", "5"]),
        (85, ["0", "15", "30", "5"]),
        (65, ["0", "0", "25", "5"]),
        (38, ["0", "0", "0", "3"]),
    ] {
        let cycle = mark(&mut ledger, &mut positions, &instrument, at);
        assert_eq!(cycle.covered, Covered::default());
        assert_eq!(purse.map(|bucket| ledger.balance(bucket)), left.map(usd), "at {at}");
    }

    // The bond belongs to a delivery, not to this position.
    let cycle = mark(&mut ledger, &mut positions, &instrument, 5);
    assert_eq!(cycle.covered.defaults[0].haircut, usd("30"));
    assert_eq!(ledger.balance(Bucket::Bond(loser)), usd("40"));
}

#[test]
fn var_004_insurance_pays_before_winners_are_cut() {
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 1, 100);
    let mut ledger =
        ledger(&[(Bucket::Cash(account(1)), usd("10")), (Bucket::Insurance, usd("50"))]);
    let cycle = mark(&mut ledger, &mut positions, &instrument, 60);
    expect![[r#"
        A-1 due -40000000
        A-2 due 40000000
        A-1 lost 40000000: margin 10000000, insurance 30000000
    "#]]
    .assert_eq(&render(&cycle));
    assert_eq!(ledger.balance(Bucket::Insurance), usd("20"));
}

#[test]
fn var_005_winners_are_cut_in_proportion_to_the_micro_dollar() {
    let instrument = micro_dollars();
    let mut positions = Positions::default();
    // Gains of 5, 3 and 3 micro-dollars; the loser has 7. Shares 3.18, 1.91, 1.91: floors 3, 1, 1, and the two remainders of 0.91 are served.
    trade(&mut positions, &instrument, (9, 1), 5, 11);
    trade(&mut positions, &instrument, (9, 2), 3, 11);
    trade(&mut positions, &instrument, (9, 3), 3, 11);
    let mut ledger = ledger(&[(Bucket::Cash(account(9)), MicroUsd::new(7))]);
    let cycle = mark(&mut ledger, &mut positions, &instrument, 10);
    expect![[r#"
        A-1 due 5
        A-2 due 3
        A-3 due 3
        A-9 due -11
        A-9 lost 11: margin 7, haircut 4
        A-1 received 3 of 5: floor 3, remainder 2, rank 3
        A-2 received 2 of 3: floor 1, remainder 10, rank 1
        A-3 received 2 of 3: floor 1, remainder 10, rank 2
    "#]]
    .assert_eq(&render(&cycle));
}

#[test]
fn var_005_equal_remainders_are_served_in_the_order_of_the_accounts() {
    let instrument = micro_dollars();
    let mut positions = Positions::default();
    for winner in [3, 2, 1] {
        trade(&mut positions, &instrument, (9, winner), 1, 11);
    }
    let mut ledger = ledger(&[(Bucket::Cash(account(9)), MicroUsd::new(2))]);
    mark(&mut ledger, &mut positions, &instrument, 10);
    let received = [1, 2, 3, 9].map(|id| ledger.equity(account(id)).micros());
    assert_eq!(received, [1, 1, 0, 0]);
}

#[test]
fn var_011_what_an_account_gains_in_one_series_pays_what_it_loses_in_another() {
    let (near, mut far) = (dollars(), dollars());
    far.id = instruments::InstrumentId(8);
    let mut positions = Positions::default();
    // Account 1 gains 30 from 2 in the one, and loses 25 to 3 in the other. It has no money, and needs none.
    trade(&mut positions, &near, (1, 2), 1, 100);
    trade(&mut positions, &far, (1, 3), 1, 100);
    let mut ledger = ledger(&[(Bucket::Cash(account(2)), usd("30"))]);
    let marks = [(&near, ticks(130)), (&far, ticks(75))];
    let cycle = run_variation(&mut ledger, &mut positions, &marks);
    expect![[r#"
        A-1 due 30000000
        A-2 due -30000000
        A-1 due -25000000
        A-3 due 25000000
    "#]]
    .assert_eq(&render(&cycle));
    let money = [1, 2, 3].map(|id| ledger.equity(account(id)));
    assert_eq!(money, [usd("5"), usd("0"), usd("25")]);
    // One amount for each account: 2 pays 30, 1 receives 5, 3 receives 25.
    assert_eq!(ledger.take_transfers().len(), 3);
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
    let cycle = mark(&mut ledger, &mut positions, &instrument, 55);
    assert_eq!(
        cycle.dues.iter().map(|due| due.amount).collect::<Vec<_>>(),
        [usd("40"), usd("-40")]
    );
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
    let cycle = mark(&mut ledger, &mut positions, &instrument, 1);
    let received = [2, 3].map(|id| ledger.balance(Bucket::Cash(account(id))));
    assert_eq!(received, [usd("250000000"), usd("750000000")]);
    assert_eq!((ledger.total(), cycle.dues.len()), (MicroUsd::ZERO, 3));
    let split = cycle.haircut.expect("a cut");
    assert!(0 < split.terms.shift);
    assert_eq!(split.verify(account(3)), Some(750_000_000_000_000));
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

/// Random trades of accounts 1 to 6 in two series before one variation; a seventh account has money, a share and no position.
#[derive(Debug, Clone)]
struct Cycle {
    trades: Vec<(bool, (u64, u64), u64, i64)>,
    marks: [i64; 2],
}

fn any_cycle() -> impl Strategy<Value = Cycle> {
    let pair = (1..7_u64, 1..6_u64).prop_map(|(buyer, step)| (buyer, (buyer - 1 + step) % 6 + 1));
    let trades = prop::collection::vec((any::<bool>(), pair, 1..50_u64, 1..5_000_i64), 0..24);
    (trades, [1..5_000_i64, 1..5_000_i64]).prop_map(|(trades, marks)| Cycle { trades, marks })
}

fn money_of(ledger: &Ledger) -> BTreeMap<u64, i64> {
    (1..7).map(|id| (id, ledger.equity(account(id)).micros())).collect()
}

proptest! {
    /// VAR-001, VAR-002, VAR-004, VAR-005, VAR-006, VAR-007, VAR-008, VAR-011, VAR-012, VAR-013, VAR-014: whoever is insolvent, suspense ends
    /// at zero, money is conserved, the layers pay in their order, and the cut is exact.
    #[test]
    fn variation_is_exact_whoever_is_insolvent(
        cycles in prop::collection::vec(any_cycle(), 1..4),
        purses in prop::array::uniform6(0..3_000_000_000_i64),
        shares in prop::array::uniform6(0..300_000_000_i64),
        house in prop::array::uniform3(0..2_000_000_000_i64),
    ) {
        let (near, mut far) = (month(), month());
        far.id = instruments::InstrumentId(8);
        let mut positions = Positions::default();
        let bystander = account(7);
        let mut money = ledger(&[
            (Bucket::Cash(bystander), usd("5")),
            (Bucket::DefaultFundShare(bystander), usd("7")),
            (Bucket::FirstLoss, MicroUsd::new(house[0])),
            (Bucket::Insurance, MicroUsd::new(house[1])),
            (Bucket::DefaultFund, MicroUsd::new(house[2])),
        ]);
        for (id, (cash, share)) in (1..).zip(purses.into_iter().zip(shares)) {
            for (bucket, micros) in [(Bucket::Cash(account(id)), cash), (Bucket::DefaultFundShare(account(id)), share)] {
                money.transfer(Bucket::Custody, bucket, MicroUsd::new(micros)).expect("custody");
            }
        }
        for cycle in cycles {
            for (is_far, pair, qty, price) in cycle.trades {
                trade(&mut positions, if is_far { &far } else { &near }, pair, qty, price);
            }
            for series in [&near, &far] {
                let nets: i64 = positions.of_instrument(series.id).map(|(_, p)| p.net.lots()).sum();
                let costs: i128 = positions.of_instrument(series.id).map(|(_, p)| p.cost).sum();
                prop_assert_eq!((nets, costs), (0, 0));
            }
            let before = money.clone();
            let marks = [(&near, ticks(cycle.marks[0])), (&far, ticks(cycle.marks[1]))];
            let held: Vec<u64> = (1..7).filter(|id| positions.of_account(account(*id)).next().is_some()).collect();
            let done = run_variation(&mut money, &mut positions, &marks);
            check_cycle(&before, &money, &done, &held)?;
            for (series, mark) in marks {
                for (_, position) in positions.of_instrument(series.id) {
                    prop_assert_eq!(position.unrealised(series, mark), MicroUsd::ZERO);
                    prop_assert_ne!(position.net, NetQty::ZERO);
                }
            }
        }
    }
}

fn check_cycle(
    before: &Ledger,
    after: &Ledger,
    done: &VariationCycle,
    held: &[u64],
) -> Result<(), TestCaseError> {
    let mut nets: BTreeMap<u64, i64> = BTreeMap::new();
    let mut of_series: BTreeMap<InstrumentId, i64> = BTreeMap::new();
    for due in &done.dues {
        *nets.entry(due.account.0).or_default() += due.amount.micros();
        *of_series.entry(due.instrument).or_default() += due.amount.micros();
    }
    prop_assert!(of_series.values().all(|sum| *sum == 0));
    prop_assert_eq!(after.balance(Bucket::Suspense), MicroUsd::ZERO);
    prop_assert_eq!(after.total(), MicroUsd::ZERO);
    for bucket in [Bucket::Cash(account(7)), Bucket::DefaultFundShare(account(7))] {
        prop_assert_eq!(after.balance(bucket), before.balance(bucket));
    }

    let spent = |bucket| (before.balance(bucket) - after.balance(bucket)).micros();
    let sum = |part: fn(&DefaultResolved) -> MicroUsd| -> i64 {
        done.covered.defaults.iter().map(|one| part(one).micros()).sum()
    };
    for one in &done.covered.defaults {
        let layers =
            [one.own_margin, one.own_share, one.first_loss, one.insurance, one.mutual, one.haircut];
        prop_assert_eq!(layers.into_iter().sum::<MicroUsd>(), one.lost);
        prop_assert_eq!(nets[&one.account.0], -one.lost.micros());
        for bucket in own_margin(one.account) {
            prop_assert_eq!(after.balance(bucket), MicroUsd::ZERO);
        }
        if one.own_margin + one.own_share != one.lost {
            prop_assert_eq!(after.equity(one.account), MicroUsd::ZERO);
        }
    }
    let all_shares: i64 = (1..7).map(|id| spent(Bucket::DefaultFundShare(account(id)))).sum();
    let others = all_shares - sum(|one| one.own_share);
    // Each layer pays only when the one before is empty.
    let layers = [
        (sum(|one| one.first_loss), spent(Bucket::FirstLoss), after.balance(Bucket::FirstLoss)),
        (sum(|one| one.insurance), spent(Bucket::Insurance), after.balance(Bucket::Insurance)),
        (
            sum(|one| one.mutual),
            spent(Bucket::DefaultFund) + others,
            after.balance(Bucket::DefaultFund),
        ),
        (sum(|one| one.haircut), sum(|one| one.haircut), MicroUsd::ZERO),
    ];
    for (place, (said, paid, _)) in layers.iter().enumerate() {
        prop_assert_eq!(said, paid);
        if 0 < *paid {
            prop_assert!(layers[..place].iter().all(|(_, _, left)| *left == MicroUsd::ZERO));
        }
    }
    if 0 < sum(|one| one.haircut) {
        for id in held {
            prop_assert_eq!(after.balance(Bucket::DefaultFundShare(account(*id))), MicroUsd::ZERO);
        }
    }
    check_gains(before, after, done, &nets)
}

/// Everyone else has received its gain, less its part of the cut, and paid its loss.
fn check_gains(
    before: &Ledger,
    after: &Ledger,
    done: &VariationCycle,
    nets: &BTreeMap<u64, i64>,
) -> Result<(), TestCaseError> {
    let mut cut = 0;
    for (id, net) in nets {
        let paid = money_of(after)[id] - money_of(before)[id] + others_share(done, *id);
        if 0 < *net {
            let received = done.haircut.as_ref().map_or(*net, |split| {
                i64::try_from(verify_haircut(split, account(*id)).expect("a proof that holds"))
                    .expect("money")
            });
            prop_assert_eq!(paid, received);
            prop_assert!(received <= *net);
            cut += net - received;
        } else if done.covered.defaults.iter().all(|one| one.account.0 != *id) {
            prop_assert_eq!(paid, *net);
        }
    }
    let haircut: MicroUsd = done.covered.defaults.iter().map(|one| one.haircut).sum();
    prop_assert_eq!(cut, haircut.micros());
    Ok(())
}

/// What the account's share bore of the losses of others.
fn others_share(done: &VariationCycle, id: u64) -> i64 {
    let part = done.covered.shares.as_ref().and_then(|split| split.verify(account(id)));
    part.map_or(0, |part| i64::try_from(part).expect("money"))
}
