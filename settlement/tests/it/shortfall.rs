//! DELIV, EXPIRY: the money of an obligation.

use expect_test::{Expect, expect};
use instruments::{GpuSeconds, Instrument, MicroUsd, Nanos, ObligationId, Ppm};
use proptest::prelude::*;
use settlement::{
    Assignment, Bucket, Funding, IllegalStep, IntervalState, Ledger, Obligation, Replacement, Step,
    Verdict, close, default_buyer, fund, settle_hour, settle_interval,
};

use crate::world::{BUYER, SELLER, account, ledger, lots, month, obligation, series, ticks, usd};

const SELLER_CASH: Bucket = Bucket::Cash(SELLER);
const BUYER_CASH: Bucket = Bucket::Cash(BUYER);

fn valid(ppm: i64) -> Step {
    Step::Verdict(Verdict::Valid { quality: Ppm::new(ppm) })
}

/// How the money of an interval moved, and of the hour that it is.
#[derive(Debug, Default, PartialEq, Eq)]
struct IntervalSettled {
    paid_to_seller: MicroUsd,
    returned_to_buyer: MicroUsd,
    compensation: MicroUsd,
    penalty: MicroUsd,
    insured: MicroUsd,
    unpaid: MicroUsd,
    bond_released: MicroUsd,
}

fn settle_both(
    ledger: &mut Ledger,
    duty: &mut Obligation,
    instrument: &Instrument,
    index: u32,
    price: MicroUsd,
) -> IntervalSettled {
    let interval = settle_interval(ledger, duty, instrument, index);
    let hour = settle_hour(ledger, duty, instrument, index, &Replacement { price, bought: &[] });
    assert_eq!(interval.deliverer, duty.seller);
    IntervalSettled {
        paid_to_seller: interval.paid,
        returned_to_buyer: interval.returned_to_buyer,
        compensation: hour.compensation,
        penalty: hour.penalty,
        insured: hour.insured,
        unpaid: hour.unpaid,
        bond_released: hour.bond_released,
    }
}

/// A funded duty with everything around it.
struct Duty {
    instrument: Instrument,
    ledger: Ledger,
    obligation: Obligation,
}

impl Duty {
    /// Both sides have a million dollars.
    fn funded(instrument: Instrument, size: u64, price: i64) -> Self {
        let rich = usd("1000000");
        let mut ledger = ledger(&[(SELLER_CASH, rich), (BUYER_CASH, rich)]);
        let mut obligation = obligation(&instrument, size, price);
        let funding = fund(&mut ledger, &mut obligation);
        assert_eq!((funding.buyer_short, funding.seller_short), (MicroUsd::ZERO, MicroUsd::ZERO));
        Self { instrument, ledger, obligation }
    }

    /// Takes an interval from its beginning through `steps` after its claim, and settles it.
    fn settle(&mut self, index: u32, last: Step, replacement: &str) -> IntervalSettled {
        let claim = [
            Step::Open,
            Step::Challenge { answer_by: Nanos::new(1) },
            Step::Receipt { verdict_by: Nanos::new(2) },
        ];
        for step in claim.into_iter().chain([last]) {
            self.obligation.step(index, step).expect("on the way");
        }
        let (ledger, duty) = (&mut self.ledger, &mut self.obligation);
        settle_both(ledger, duty, &self.instrument, index, usd(replacement))
    }

    fn balances(&self, expected: &Expect) {
        let line = |(bucket, balance): (Bucket, MicroUsd)| {
            format!(
                "{bucket:?} {}.{:06}\n",
                balance.micros() / 1_000_000,
                balance.micros() % 1_000_000
            )
        };
        let all: String = self
            .ledger
            .balances()
            .filter(|(bucket, _)| *bucket != Bucket::Custody)
            .map(line)
            .collect();
        expected.assert_eq(&all);
    }
}

#[test]
fn expiry_006_the_buyer_prefunds_the_whole_and_the_seller_bonds_a_quarter() {
    // 2.5 dollars * 744 hours * 8 GPUs.
    let mut duty = obligation(&month(), 8, 2_500);
    let mut ledger = ledger(&[
        (Bucket::PositionMargin(BUYER), usd("2976")),
        (BUYER_CASH, usd("11000")),
        (Bucket::OrderHold(BUYER), usd("1000")),
        (Bucket::PositionMargin(SELLER), usd("2976")),
        (SELLER_CASH, usd("1000")),
    ]);
    let funding = fund(&mut ledger, &mut duty);
    let none = MicroUsd::ZERO;
    let (escrowed, bonded) = (usd("14880"), usd("3720"));
    assert_eq!(funding, Funding { escrowed, bonded, buyer_short: none, seller_short: none });
    assert_eq!((duty.escrow, duty.bond, duty.bond_initial), (escrowed, bonded, bonded));
    // Position margin first, order holds last.
    let left = [Bucket::PositionMargin(BUYER), BUYER_CASH, Bucket::OrderHold(BUYER), SELLER_CASH];
    assert_eq!(left.map(|bucket| ledger.balance(bucket)), [none, none, usd("96"), usd("256")]);
}

/// EXPIRY-006, EXPIRY-007: a notional of which neither a quarter nor a tenth is whole.
#[test]
fn bond_and_default_are_rounded_up() {
    let odd = || Obligation { notional: usd("0.000741"), ..obligation(&series(1, 1), 1, 1) };
    let mut rich = ledger(&[(BUYER_CASH, usd("1")), (SELLER_CASH, usd("1"))]);
    assert_eq!(fund(&mut rich, &mut odd()).bonded, usd("0.000186"));

    let mut duty = odd();
    let mut poor = ledger(&[(BUYER_CASH, usd("0.0005")), (SELLER_CASH, usd("1"))]);
    assert!(fund(&mut poor, &mut duty).buyer_defaulted());
    assert_eq!(default_buyer(&mut poor, &mut duty), usd("0.000075"));
}

#[test]
fn expiry_006_a_seller_bonds_what_it_has() {
    let mut duty = obligation(&month(), 8, 2_500);
    let mut ledger = ledger(&[(BUYER_CASH, usd("14880")), (SELLER_CASH, usd("700"))]);
    let funding = fund(&mut ledger, &mut duty);
    assert_eq!((funding.bonded, funding.seller_short), (usd("700"), usd("3020")));
    assert!(!funding.buyer_defaulted());
}

#[test]
fn expiry_007_a_buyer_who_cannot_prefund_pays_a_tenth_and_is_out() {
    let mut duty = obligation(&month(), 8, 2_500);
    let mut ledger = ledger(&[(BUYER_CASH, usd("14879.999999")), (SELLER_CASH, usd("5000"))]);
    let before = ledger.clone();
    let funding = fund(&mut ledger, &mut duty);
    assert!(funding.buyer_defaulted());
    assert_eq!((funding.buyer_short, funding.bonded), (usd("0.000001"), MicroUsd::ZERO));
    assert_eq!(ledger, before, "nothing is set aside");

    assert_eq!(default_buyer(&mut ledger, &mut duty), usd("1488"));
    assert_eq!(ledger.balance(SELLER_CASH), usd("6488"));
    assert!(duty.closed);
    let refused = Err(IllegalStep::Closed { obligation: duty.id });
    assert_eq!(duty.step(0, Step::Open), refused);
}

#[test]
fn expiry_007_a_buyer_with_less_than_a_tenth_pays_what_it_has() {
    let mut duty = obligation(&month(), 8, 2_500);
    let mut ledger = ledger(&[(BUYER_CASH, usd("30")), (Bucket::OrderHold(BUYER), usd("12"))]);
    assert!(fund(&mut ledger, &mut duty).buyer_defaulted());
    assert_eq!(default_buyer(&mut ledger, &mut duty), usd("42"));
    assert_eq!(ledger.equity(BUYER), MicroUsd::ZERO);
}

/// DELIV-009: a worked example. 8 GPUs for a month at 2.50; one five-minute interval fails while compute costs 3.10.
///
/// - The interval costs 2.50 * 8 / 12 = 1.666666 (rounded down; the odd millionth is in a later interval), all of it returned.
/// - u = 8 / 12 GPU-hours. Compensation 8/12 * 0.60 = 0.40; penalty 10 % * 2.50 * 8/12 = 0.166666.
/// - The bond of 3720 pays both and does not drain after a failure.
#[test]
fn deliv_009_a_failed_interval_in_numbers() {
    let mut duty = Duty::funded(month(), 8, 2_500);
    let settled = duty.settle(0, Step::Verdict(Verdict::Invalid), "3.1");
    expect![[r#"
        IntervalSettled {
            paid_to_seller: MicroUsd(
                0,
            ),
            returned_to_buyer: MicroUsd(
                1666666,
            ),
            compensation: MicroUsd(
                400000,
            ),
            penalty: MicroUsd(
                166666,
            ),
            insured: MicroUsd(
                0,
            ),
            unpaid: MicroUsd(
                0,
            ),
            bond_released: MicroUsd(
                0,
            ),
        }
    "#]]
    .assert_debug_eq(&settled);
    duty.balances(&expect![[r#"
        Cash(AccountId(1)) 996280.000000
        Cash(AccountId(2)) 985122.233332
        DeliveryEscrow(AccountId(2)) 14878.333334
        Bond(AccountId(1)) 3719.433334
    "#]]);
    assert_eq!(duty.obligation.missed, GpuSeconds::new(2_400));
    assert_eq!(duty.obligation.shortfall_paid, usd("0.566666"));
}

/// DELIV-006, DELIV-009, DELIV-010: numbers worked out by hand from the formula, at six-hour intervals of one GPU.
#[test]
fn deliv_009_damages_follow_the_formula() {
    let invalid = Step::Verdict(Verdict::Invalid);
    for (price, last, replacement, compensation, penalty) in [
        // u = 6 h: 6 * (3.1 - 2.5), 10 % * 2.5 * 6.
        (2_500, invalid, "3.1", "3.6", "1.5"),
        // Cheaper elsewhere: the penalty alone.
        (2_500, invalid, "2.4", "0", "1.5"),
        (2_500, invalid, "2.5", "0", "1.5"),
        // The cap: 7.5 and not 100, so 6 * 5.
        (2_500, invalid, "7.5", "30", "1.5"),
        (2_500, invalid, "100", "30", "1.5"),
        // q = 0.95: u = 0.3 h.
        (2_500, valid(950_000), "3.1", "0.18", "0.075"),
        // q = 0.933333: u = 0.400002 h: 0.2400012 and 0.1000005, down.
        (2_500, valid(933_333), "3.1", "0.240001", "0.1"),
        // Below grade: as if nothing had come.
        (2_500, valid(899_999), "3.1", "3.6", "1.5"),
        // In full from 97 %.
        (2_500, valid(970_000), "3.1", "0", "0"),
        (351, invalid, "0.622", "1.626", "0.2106"),
    ] {
        let mut duty = Duty::funded(series(24, 4), 1, price);
        let settled = duty.settle(0, last, replacement);
        assert_eq!(
            (settled.compensation, settled.penalty),
            (usd(compensation), usd(penalty)),
            "S {price} {last:?} R {replacement}"
        );
    }
}

#[test]
fn deliv_005_an_unverifiable_interval_is_unpaid_and_unpunished() {
    let mut duty = Duty::funded(series(24, 4), 8, 2_500);
    let settled = duty.settle(0, Step::Verdict(Verdict::Unverifiable), "100");
    let returned_to_buyer = usd("120");
    assert_eq!(settled, IntervalSettled { returned_to_buyer, ..IntervalSettled::default() });
    assert_eq!((duty.obligation.unverified, duty.obligation.failed), (1, 0));
    assert_eq!(duty.obligation.missed, GpuSeconds::ZERO);
    assert_eq!(duty.obligation.bond, duty.obligation.bond_initial);
}

#[test]
fn deliv_006_a_slower_interval_is_paid_by_its_quality() {
    let mut duty = Duty::funded(series(24, 4), 8, 2_500);
    let settled = duty.settle(0, valid(912_345), "2.5");
    // 120 dollars for six hours of eight GPUs.
    let expected = (usd("109.4814"), usd("10.5186"));
    assert_eq!((settled.paid_to_seller, settled.returned_to_buyer), expected);
    // 172,800 GPU-seconds: 157,653.216 counted, rounded down; the rest is missing.
    assert_eq!(duty.obligation.delivered, GpuSeconds::new(157_653));
    assert_eq!(duty.obligation.missed, GpuSeconds::new(15_147));
}

#[test]
fn deliv_011_the_penalty_rises_once_more_than_24_hours_per_gpu_are_missing() {
    let invalid = Step::Verdict(Verdict::Invalid);
    // Twelve-hour intervals of two GPUs: 10 % of 60 dollars is 6, 25 % is 15.
    let mut duty = Duty::funded(series(120, 10), 2, 2_500);
    let penalties: Vec<MicroUsd> =
        (0..4).map(|index| duty.settle(index, invalid, "2.5").penalty).collect();
    // Exactly 24 hours are missing after the second.
    assert_eq!(penalties, [usd("6"), usd("6"), usd("15"), usd("15")]);
    assert_eq!(duty.obligation.missed, GpuSeconds::new(4 * 12 * 3_600 * 2));
    assert_eq!(duty.settle(4, valid(1_000_000), "2.5").penalty, MicroUsd::ZERO);
}

#[test]
fn deliv_012_damages_are_collected_from_bond_cash_margin_and_insurance_in_this_order() {
    let instrument = series(24, 4);
    let margin = Bucket::PositionMargin(SELLER);
    // Owed for the only GPU's six hours: 6 * 5 + 1.5 = 31.5. The bond is a quarter of 60.
    for (cash, in_margin, insurance, left, insured, unpaid) in [
        ("20", "20", "20", ["3.5", "20", "20"], "0", "0"),
        ("10", "20", "20", ["0", "13.5", "20"], "0", "0"),
        ("10", "1", "20", ["0", "0", "14.5"], "5.5", "0"),
        ("0", "0", "10", ["0", "0", "0"], "10", "6.5"),
    ] {
        // What margin holds, an order's hold would give as well.
        let mut books = ledger(&[(SELLER_CASH, usd("15")), (BUYER_CASH, usd("60"))]);
        let mut duty = obligation(&instrument, 1, 2_500);
        assert_eq!(fund(&mut books, &mut duty).bonded, usd("15"));
        for (bucket, amount) in
            [(SELLER_CASH, cash), (margin, in_margin), (Bucket::Insurance, insurance)]
        {
            books.transfer(Bucket::Custody, bucket, usd(amount)).expect("custody");
        }
        let mut duty = Duty { instrument: instrument.clone(), ledger: books, obligation: duty };
        let settled = duty.settle(0, Step::Verdict(Verdict::Invalid), "9");
        let now =
            [SELLER_CASH, margin, Bucket::Insurance].map(|bucket| duty.ledger.balance(bucket));
        assert_eq!(now, left.map(usd));
        assert_eq!((settled.insured, settled.unpaid), (usd(insured), usd(unpaid)));
        assert_eq!(duty.obligation.bond, MicroUsd::ZERO);
        let owed = settled.compensation + settled.penalty;
        assert_eq!(duty.obligation.shortfall_paid, owed - settled.insured - settled.unpaid);
        // 15 of the interval's price came back as well.
        assert_eq!(duty.ledger.balance(BUYER_CASH), usd("15") + owed - settled.unpaid);
    }
}

#[test]
fn deliv_012_one_obligation_never_touches_the_bond_of_another() {
    let instrument = series(24, 4);
    let mut books = ledger(&[(SELLER_CASH, usd("30")), (BUYER_CASH, usd("120"))]);
    let mut first = obligation(&instrument, 1, 2_500);
    let mut second = Obligation { id: ObligationId(2), ..obligation(&instrument, 1, 2_500) };
    fund(&mut books, &mut first);
    fund(&mut books, &mut second);
    let mut duty = Duty { instrument, ledger: books, obligation: first };
    let settled = duty.settle(0, Step::Verdict(Verdict::Invalid), "9");
    assert_eq!(settled.unpaid, usd("16.5"));
    assert_eq!(duty.ledger.balance(Bucket::Bond(SELLER)), second.bond);
}

#[test]
fn deliv_013_the_bond_drains_with_delivery_down_to_its_floor() {
    // 10 intervals of 60 dollars: notional 600, bond 150, floor 30.
    let mut duty = Duty::funded(series(120, 10), 2, 2_500);
    let mut bonds = vec![duty.obligation.bond];
    for index in 0..10 {
        let settled = duty.settle(index, valid(1_000_000), "2.5");
        let before = bonds[bonds.len() - 1];
        assert_eq!(settled.bond_released, before - duty.obligation.bond);
        bonds.push(duty.obligation.bond);
    }
    let expected = ["150", "135", "120", "105", "90", "75", "60", "45", "30", "30", "30"];
    assert_eq!(bonds, expected.map(usd));
    assert_eq!(duty.ledger.balance(SELLER_CASH), usd("1000570"));
    close(&mut duty.ledger, &mut duty.obligation);
    assert_eq!(duty.ledger.balance(SELLER_CASH), usd("1000600"));
}

#[test]
fn deliv_013_only_a_delivered_interval_frees_the_bond() {
    let mut duty = Duty::funded(series(120, 10), 2, 2_500);
    duty.settle(0, Step::Verdict(Verdict::Unverifiable), "2.5");
    assert_eq!(duty.obligation.bond, usd("150"));
    duty.settle(1, Step::Verdict(Verdict::Invalid), "2.5");
    assert_eq!(duty.obligation.bond, usd("144"));
    // 7 intervals are left: a quarter of 420.
    assert_eq!(duty.settle(2, valid(1_000_000), "2.5").bond_released, usd("39"));
    assert_eq!(duty.obligation.bond, usd("105"));
}

#[test]
fn deliv_014_a_closed_obligation_holds_nothing_and_steps_no_more() {
    let mut duty = Duty::funded(series(120, 10), 2, 2_500);
    duty.settle(0, valid(1_000_000), "2.5");
    duty.obligation.step(1, Step::Open).expect("pending");
    close(&mut duty.ledger, &mut duty.obligation);
    assert_eq!(duty.obligation.step(1, Step::Deadline).ok(), None);
    assert_eq!((duty.obligation.escrow, duty.obligation.bond), (MicroUsd::ZERO, MicroUsd::ZERO));
    // What was never delivered is back with the buyer.
    duty.balances(&expect![[r#"
        Cash(AccountId(1)) 1000060.000000
        Cash(AccountId(2)) 999940.000000
    "#]]);
    let closed = duty.obligation.clone();
    close(&mut duty.ledger, &mut duty.obligation);
    assert_eq!(duty.obligation, closed);
}

/// What can be tried on one of three obligations.
#[derive(Debug, Clone, Copy)]
struct Try {
    duty: usize,
    interval: u32,
    step: Step,
    replacement: i64,
}

fn any_try() -> impl Strategy<Value = Try> {
    let step = prop_oneof![
        3 => Just(Step::Open),
        3 => Just(Step::Challenge { answer_by: Nanos::new(1) }),
        3 => Just(Step::Receipt { verdict_by: Nanos::new(2) }),
        3 => (850_000..1_100_000_i64).prop_map(valid),
        1 => Just(Step::Verdict(Verdict::Invalid)),
        1 => Just(Step::Verdict(Verdict::Unverifiable)),
        1 => Just(Step::Deadline),
    ];
    (0..3_usize, 0..7_u32, step, 0..20_000_000_i64)
        .prop_map(|(duty, interval, step, replacement)| Try { duty, interval, step, replacement })
}

/// The buckets of an account are the sums over its open obligations.
fn check_held(ledger: &Ledger, duties: &[Obligation]) -> Result<(), TestCaseError> {
    prop_assert_eq!(ledger.total(), MicroUsd::ZERO);
    for id in 1..4 {
        let party = account(id);
        let bought = duties.iter().filter(|duty| duty.buyer == party);
        let sold = duties.iter().filter(|duty| duty.seller == party);
        let escrow: MicroUsd = bought.map(|duty| duty.escrow).sum();
        let bond: MicroUsd = sold.map(|duty| duty.bond).sum();
        prop_assert_eq!(ledger.balance(Bucket::DeliveryEscrow(party)), escrow);
        prop_assert_eq!(ledger.balance(Bucket::Bond(party)), bond);
    }
    Ok(())
}

fn check_settled(
    duty: &Obligation,
    before: &Obligation,
    settled: &IntervalSettled,
    index: u32,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(settled.paid_to_seller + settled.returned_to_buyer, duty.interval_value(index));
    prop_assert_eq!(duty.escrow + duty.paid_to_seller + duty.returned_to_buyer, duty.notional);
    let from_seller = duty.shortfall_paid - before.shortfall_paid;
    let owed = settled.compensation + settled.penalty;
    prop_assert_eq!(from_seller + settled.insured + settled.unpaid, owed);
    prop_assert!(duty.bond <= before.bond);
    if settled.bond_released != MicroUsd::ZERO {
        let floor = Ppm::new(50_000).of_ceil(duty.notional);
        let share = Ppm::new(250_000).of_ceil(duty.escrow);
        prop_assert_eq!(duty.bond, floor.max(share));
    }
    let is_unverified = duty.interval(index) == Some(IntervalState::Unverified);
    prop_assert!(!is_unverified || owed == MicroUsd::ZERO);
    Ok(())
}

proptest! {
    /// DELIV-001, DELIV-005, DELIV-008, DELIV-013, DELIV-014, DELIV-016, DELIV-017: whatever is tried in whatever order, by whomever is poor.
    #[test]
    fn deliv_016_any_history_conserves_money_and_ends_with_nothing_held(
        tries in prop::collection::vec(any_try(), 0..160),
        purses in prop::array::uniform3(0..2_000_000_000_i64),
        insurance in 0..50_000_000_i64,
        sizes in prop::array::uniform3(1..9_u64),
        price in 1..4_000_i64,
    ) {
        // Seven intervals that divide neither the notional nor each other's value.
        let instrument = series(14, 7);
        let mut money = ledger(&[(Bucket::Insurance, MicroUsd::new(insurance))]);
        for (id, micros) in (1..).zip(purses) {
            money.transfer(Bucket::Custody, Bucket::Cash(account(id)), MicroUsd::new(micros)).expect("custody");
        }
        let parties = [(1, 2), (2, 3), (1, 3)];
        let mut duties: Vec<Obligation> = Vec::new();
        for ((id, (seller, buyer)), size) in (1..).zip(parties).zip(sizes) {
            let assignment =
                Assignment { seller: account(seller), buyer: account(buyer), lots: lots(size) };
            let duty = Obligation::open(ObligationId(id), &instrument, &assignment, ticks(price));
            let mut duty = duty.expect("in range");
            if fund(&mut money, &mut duty).buyer_defaulted() {
                let paid = default_buyer(&mut money, &mut duty);
                prop_assert!(paid <= Ppm::new(100_000).of_ceil(duty.notional));
            }
            duties.push(duty);
            check_held(&money, &duties)?;
        }
        for attempt in tries {
            let before = duties[attempt.duty].clone();
            let duty = &mut duties[attempt.duty];
            match duty.step(attempt.interval, attempt.step) {
                Err(_) => prop_assert_eq!(&*duty, &before),
                Ok(state) if state.has_ended() => {
                    let replacement = MicroUsd::new(attempt.replacement);
                    let index = attempt.interval;
                    let settled = settle_both(&mut money, duty, &instrument, index, replacement);
                    check_settled(duty, &before, &settled, index)?;
                }
                Ok(_) => {}
            }
            check_held(&money, &duties)?;
        }
        for duty in &mut duties {
            let was_funded = !duty.closed;
            close(&mut money, duty);
            prop_assert_eq!((duty.escrow, duty.bond), (MicroUsd::ZERO, MicroUsd::ZERO));
            if was_funded {
                prop_assert_eq!(duty.paid_to_seller + duty.returned_to_buyer, duty.notional);
            }
            let ended = duty.delivered_count + duty.failed + duty.unverified;
            prop_assert_eq!(ended, duty.ended);
        }
        check_held(&money, &duties)?;
        let cash: MicroUsd = (1..4).map(|id| money.equity(account(id))).sum();
        prop_assert_eq!(cash + money.balance(Bucket::Insurance), -money.balance(Bucket::Custody));
    }
}
