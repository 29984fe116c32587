//! DELIV: hours, tolerance, replacements, prefunding, bonds by record, invoices; worked out by hand.

use instruments::{CloseOut, GpuSeconds, Instrument, MicroUsd, Nanos, Ppm};
use proptest::prelude::*;
use settlement::{
    Acceptance, AcceptanceStep, BondRates, Bought, Bucket, FailCause, HourSettled, IntervalState,
    Ledger, Obligation, Record, Replacement, StandIn, Step, Sums, TopUp, Verdict, close, fund,
    settle_hour, settle_interval, top_up,
};

use crate::world::{BUYER, SELLER, account, ledger, month, obligation, series, usd};

const STAND_IN: u64 = 3;

/// The terms of the real calendar.
fn real(mut instrument: Instrument) -> Instrument {
    instrument.schedule.close_out = CloseOut {
        intervals_per_hour: 12,
        intervals_per_day: 288,
        prefund_days: 3,
        tolerance: Ppm::new(5_000),
        ..CloseOut::NONE
    };
    instrument
}

/// 8 GPUs for a month at 2.50, with everybody rich.
struct Delivery {
    instrument: Instrument,
    ledger: Ledger,
    duty: Obligation,
}

impl Delivery {
    fn of(instrument: Instrument) -> Self {
        let rich = usd("1000000");
        let mut ledger = ledger(&[(Bucket::Cash(SELLER), rich), (Bucket::Cash(BUYER), rich)]);
        let mut duty = obligation(&instrument, 8, 2_500);
        fund(&mut ledger, &mut duty);
        Self { instrument, ledger, duty }
    }

    fn end(&mut self, interval: u32, last: Step) {
        let way = [
            Step::Open,
            Step::Challenge { answer_by: Nanos::new(1) },
            Step::Receipt { verdict_by: Nanos::new(2) },
        ];
        for step in way.into_iter().chain([last]) {
            self.duty.step(interval, step).expect("on the way");
        }
        settle_interval(&mut self.ledger, &mut self.duty, &self.instrument, interval);
    }

    /// Ends an hour of which the first `failed` intervals fail and the others are delivered.
    fn hour(&mut self, hour: u32, failed: u32, replacement: &Replacement<'_>) -> HourSettled {
        let (from, until) = self.duty.intervals_of(&self.instrument, hour);
        for interval in from..until {
            assert!(!self.duty.can_settle(&self.instrument, hour));
            let fails = interval < from + failed;
            self.end(interval, if fails { invalid() } else { valid() });
        }
        assert!(self.duty.can_settle(&self.instrument, hour));
        let (ledger, duty) = (&mut self.ledger, &mut self.duty);
        settle_hour(ledger, duty, &self.instrument, hour, replacement)
    }
}

fn valid() -> Step {
    Step::Verdict(Verdict::Valid { quality: Ppm::ONE })
}

fn invalid() -> Step {
    Step::Verdict(Verdict::Invalid)
}

fn index(price: &str) -> Replacement<'static> {
    Replacement { price: usd(price), bought: &[] }
}

/// DELIV-024, DELIV-025: an hour with a buy-in, by hand.
///
/// - 3 of 12 intervals fail: 8 GPUs * 15 minutes = 2 GPU-hours are missing, and 8 * 2.5 * 0.25 = 5 dollars go back to the buyer.
/// - 0.5 % of the day is tolerated: 0.005 * 8 * 24 = 0.96 GPU-hours. So u = 1.04.
/// - 1 GPU-hour was bought in at 3.10; the other 0.04 cost 1.15 * 2.50 = 2.875. Compensation 1 * 0.60 + 0.04 * 0.375 = 0.615.
/// - Penalty 10 % of 2.50 * 1.04 = 0.26. The buyer receives 0.875.
/// - The bond of 3720 pays that and drains: a quarter of the remaining 14880 - 20 is 3715.
#[test]
fn deliv_025_an_hour_with_a_buy_in_by_hand() {
    let mut delivery = Delivery::of(real(month()));
    let bought = [Bought { compute: GpuSeconds::new(3_600), price: usd("3.1") }];
    let settled = delivery.hour(0, 3, &Replacement { price: usd("2.875"), bought: &bought });
    assert_eq!(
        settled,
        HourSettled {
            missing: GpuSeconds::new(3_744),
            tolerated: GpuSeconds::new(3_456),
            stood_in: GpuSeconds::ZERO,
            compensation: usd("0.615"),
            penalty: usd("0.26"),
            received: vec![(BUYER, usd("0.875"))],
            insured: MicroUsd::ZERO,
            unpaid: MicroUsd::ZERO,
            bond_released: usd("4.125"),
        }
    );
    assert_eq!(delivery.duty.bond, usd("3715"));
    assert_eq!(
        (delivery.duty.paid_to_seller, delivery.duty.returned_to_buyer),
        (usd("15"), usd("5"))
    );
    // More than is missing was bought: what is beyond is not the seller's.
    let bought = [
        Bought { compute: GpuSeconds::new(3_600), price: usd("2.6") },
        Bought { compute: GpuSeconds::new(86_400), price: usd("9") },
    ];
    let settled = delivery.hour(1, 3, &Replacement { price: usd("2.875"), bought: &bought });
    // 1 * 0.1 and 1 * (7.5 - 2.5), because of the cap; the day's tolerance is used up.
    assert_eq!((settled.missing, settled.compensation), (GpuSeconds::new(7_200), usd("5.1")));
}

/// DELIV-024: the tolerance is the day's, and every day has its own.
#[test]
fn deliv_024_half_a_percent_of_a_day_may_be_missing() {
    let mut delivery = Delivery::of(real(month()));
    let tolerated = |settled: HourSettled| (settled.tolerated.seconds(), settled.missing.seconds());
    // One interval of 8 GPUs is 2,400 s; a day tolerates 3,456.
    assert_eq!(tolerated(delivery.hour(0, 1, &index("3"))), (2_400, 0));
    assert_eq!(delivery.duty.penalty, MicroUsd::ZERO);
    assert_eq!(tolerated(delivery.hour(1, 1, &index("3"))), (1_056, 1_344));
    assert_eq!(tolerated(delivery.hour(2, 1, &index("3"))), (0, 2_400));
    assert_eq!(tolerated(delivery.hour(24, 1, &index("3"))), (2_400, 0));
    // What is tolerated is not paid either.
    assert_eq!(delivery.duty.returned_to_buyer, usd("6.666664"));
}

/// DELIV-032: half of an hour fails, half of that was stood in for: whoever stood in has delivered at the settlement price and receives what
/// the seller owes for a replacement, the buyer the penalty and what nobody delivered.
///
/// u = 8 * 0.5 = 4 GPU-hours, of which 2 were stood in for. 2 * 0.5 = 1 goes to the stand-in, 2 * 0.5 + 10 % of 2.50 * 4 = 2 to the buyer.
#[test]
fn deliv_032_what_the_seller_owes_goes_to_whoever_delivered() {
    let mut terms = real(month());
    terms.schedule.close_out.tolerance = Ppm::ZERO;
    let mut delivery = Delivery::of(terms);
    let provider = account(STAND_IN);
    delivery.duty.stand_ins.push(StandIn { provider, from: 3, until: 6 });
    let ends = |interval| if interval < 3 { invalid() } else { valid() };
    for interval in 0..12 {
        delivery.end(interval, ends(interval));
    }
    let settled =
        settle_hour(&mut delivery.ledger, &mut delivery.duty, &delivery.instrument, 0, &index("3"));
    assert_eq!(settled.stood_in, GpuSeconds::new(7_200));
    assert_eq!((settled.compensation, settled.penalty), (usd("2"), usd("1")));
    assert_eq!(settled.received, [(provider, usd("1")), (BUYER, usd("2"))]);
    // 2 GPU-hours at 2.50, and 6 for the seller's part.
    let cash = |id| delivery.ledger.balance(Bucket::Cash(id));
    assert_eq!(cash(provider), usd("6"));
    assert_eq!(delivery.duty.paid_to_seller, usd("10"));
    assert_eq!(delivery.duty.paid_to_stand_ins, usd("5"));
}

/// DELIV-027: what is excused is unpaid and free of damages.
#[test]
fn deliv_027_excused_intervals_are_not_missing() {
    let mut delivery = Delivery::of(real(month()));
    delivery.duty.excused.push((0, 3));
    let settled = delivery.hour(0, 3, &index("9"));
    let bond_released = usd("5");
    assert_eq!(settled, HourSettled { bond_released, ..HourSettled::default() });
    assert_eq!((delivery.duty.failed, delivery.duty.returned_to_buyer), (3, usd("5")));
}

/// DELIV-011: nine hours of 8 GPUs are missing on each of three days, less 0.12 hours that are tolerated: the third crosses 24 hours.
#[test]
fn deliv_011_the_hours_of_a_month_count_after_what_is_tolerated() {
    let mut delivery = Delivery::of(real(month()));
    let mut penalties = Vec::new();
    for hour in (0..9).chain(24..33).chain(48..57) {
        penalties.push(delivery.hour(hour, 12, &index("2.5")).penalty);
    }
    // 26.64 hours per GPU in all; the 25th to be charged is the seventh of the third day: 8.88 + 8.88 + 6.88 = 24.64.
    assert_eq!(delivery.duty.missed, GpuSeconds::new(8 * 3_600 * 2_664 / 100));
    let first = usd("1.76");
    let (rest, long) = (usd("2"), usd("5"));
    assert_eq!(
        (penalties[0], penalties[1], penalties[23], penalties[24]),
        (first, rest, rest, long)
    );
}

/// EXPIRY-006, DELIV-037: three days of 24 hours of 8 GPUs at 2.50 are 1,440; each day another 480.
#[test]
fn deliv_037_three_days_are_prefunded_and_then_one_by_one() {
    let mut delivery = Delivery::of(real(month()));
    assert_eq!((delivery.duty.escrow, delivery.duty.funded), (usd("1440"), 864));
    assert_eq!(delivery.duty.bond, usd("3720"));
    let until = 864 + 288;
    let added = top_up(&mut delivery.ledger, &mut delivery.duty, until);
    assert_eq!(added, TopUp::Prefunded { until, amount: usd("480") });
    assert_eq!(delivery.ledger.balance(Bucket::DeliveryEscrow(BUYER)), usd("1920"));
    // The last one is as long as what is left.
    let added = top_up(&mut delivery.ledger, &mut delivery.duty, 10_000);
    assert_eq!(added, TopUp::Prefunded { until: 8_928, amount: usd("12960") });
}

/// DELIV-038: 28 of 31 days are given up: 13,440 dollars, a tenth of which is owed.
#[test]
fn deliv_038_a_buyer_who_cannot_pay_the_next_day_owes_a_tenth_of_the_rest() {
    let mut delivery = Delivery::of(real(month()));
    let all = delivery.ledger.balance(Bucket::Cash(BUYER));
    let left = usd("479.999999");
    let transfer = delivery.ledger.transfer(Bucket::Cash(BUYER), Bucket::Custody, all - left);
    assert_eq!(transfer, Ok(()));
    let before = delivery.ledger.balance(Bucket::Cash(SELLER));
    let ended = top_up(&mut delivery.ledger, &mut delivery.duty, 1_152);
    assert_eq!(ended, TopUp::Ended { until: 864, given_up: usd("13440"), paid: left });
    assert_eq!(delivery.ledger.balance(Bucket::Cash(SELLER)) - before, left);
    assert_eq!((delivery.duty.interval_count(), delivery.duty.unsettled), (864, usd("1440")));
    // What is prefunded is delivered and paid as before.
    delivery.hour(0, 0, &index("3"));
    assert_eq!(delivery.duty.paid_to_seller, usd("20"));
    close(&mut delivery.ledger, &mut delivery.duty);
    assert_eq!(delivery.ledger.balance(Bucket::Cash(BUYER)), usd("1420"));
}

/// DELIV-041, by hand: 60,000 GPU-hours verified and 100 missing count as 58,000.
#[test]
fn deliv_041_the_bond_falls_with_the_record() {
    let hours = |hours: u64| GpuSeconds::new(hours * 3_600);
    let rate = |verified, missed| {
        let record = Record { verified: hours(verified), missed: hours(missed) };
        BondRates::standard().of(&record).ppm()
    };
    assert_eq!(rate(0, 0), 250_000);
    assert_eq!(rate(9_999, 0), 250_000);
    assert_eq!(rate(10_000, 0), 200_000);
    assert_eq!(rate(60_000, 100), 150_000);
    assert_eq!(rate(60_000, 501), 200_000);
    assert_eq!(rate(200_000, 0), 100_000);
    assert_eq!(rate(200_000, 20_000), 250_000);
}

/// DELIV-013, by hand: at 10 % a bond of 1,488 drains to a tenth of what is left until that is the floor, a twentieth: half the month.
#[test]
fn deliv_013_a_bond_of_a_tenth_drains_to_its_floor() {
    let instrument = series(120, 10);
    let rich = usd("1000000");
    let mut money = ledger(&[(Bucket::Cash(SELLER), rich), (Bucket::Cash(BUYER), rich)]);
    let mut duty = obligation(&instrument, 2, 2_500);
    duty.bond_rate = Ppm::new(100_000);
    fund(&mut money, &mut duty);
    let mut delivery = Delivery { instrument, ledger: money, duty };
    let mut bonds = vec![delivery.duty.bond];
    for hour in 0..10 {
        delivery.hour(hour, 0, &index("2.5"));
        bonds.push(delivery.duty.bond);
    }
    let expected = ["60", "54", "48", "42", "36", "30", "30", "30", "30", "30", "30"];
    assert_eq!(bonds, expected.map(usd));
}

/// DELIV-039, by hand: two hours until the first invoice, one of them with the shortfall above; one hour until the second.
#[test]
fn deliv_039_invoices_are_what_has_moved_since_the_last() {
    let mut delivery = Delivery::of(real(month()));
    delivery.hour(0, 3, &index("3.1"));
    delivery.hour(1, 0, &index("3.1"));
    let first = delivery.duty.invoice();
    // 15 + 20 to the seller; u = 1.04: 1.04 * 0.60 and 10 % of 2.60.
    let expected = Sums {
        delivered: GpuSeconds::new(8 * 7_200 - 7_200),
        missed: GpuSeconds::new(3_744),
        intervals_delivered: 21,
        intervals_failed: 3,
        paid_to_seller: usd("35"),
        returned_to_buyer: usd("5"),
        compensation: usd("0.624"),
        penalty: usd("0.26"),
        shortfall_paid: usd("0.884"),
        ..Sums::default()
    };
    assert_eq!((first.number, first.since, first.total), (1, expected, expected));
    delivery.hour(2, 0, &index("3.1"));
    let second = delivery.duty.invoice();
    let since = Sums {
        delivered: GpuSeconds::new(8 * 3_600),
        intervals_delivered: 12,
        paid_to_seller: usd("20"),
        ..Sums::default()
    };
    assert_eq!((second.number, second.since), (2, since));
    assert_eq!(second.total, delivery.duty.sums());
}

/// The whole table of an acceptance, and nothing else.
#[test]
fn deliv_018_an_acceptance_goes_by_its_table() {
    use Acceptance::{Accepted, Assigned, BuyerReady, Lapsed, SellerReady};
    use AcceptanceStep::{BurnInFailed, Buyer, Seller, WindowEnds};
    let table = [
        (Assigned, Seller, SellerReady),
        (Assigned, Buyer, BuyerReady),
        (Assigned, BurnInFailed, Lapsed),
        (Assigned, WindowEnds, Lapsed),
        (SellerReady, Buyer, Accepted),
        (SellerReady, WindowEnds, Accepted),
        (SellerReady, BurnInFailed, Lapsed),
        (BuyerReady, Seller, Accepted),
        (BuyerReady, BurnInFailed, Lapsed),
        (BuyerReady, WindowEnds, Lapsed),
        (Lapsed, Seller, Accepted),
    ];
    for state in [Assigned, SellerReady, BuyerReady, Accepted, Lapsed] {
        for step in [Seller, Buyer, BurnInFailed, WindowEnds] {
            let entry = table.iter().find(|(from, by, _)| (*from, *by) == (state, step));
            assert_eq!(state.after(step), entry.map(|(_, _, to)| *to), "{state:?} {step:?}");
        }
    }
}

/// DELIV-021: nobody is there of whom work could be demanded.
#[test]
fn deliv_021_an_interval_without_anybody_fails() {
    let mut duty = obligation(&series(24, 4), 8, 2_500);
    duty.step(0, Step::Open).expect("pending");
    let failed = IntervalState::Failed { cause: FailCause::NotReady, unjudged: Ppm::ZERO };
    assert_eq!(duty.step(0, Step::Unready), Ok(failed));
    assert!(duty.step(1, Step::Unready).is_err());
}

/// What can be tried on an obligation of four days of six intervals, two to an hour.
#[derive(Debug, Clone, Copy)]
enum Try {
    End { interval: u32, step: Step, price: i64 },
    TopUp { days: u32 },
    StandIn { from: u32, until: u32 },
    Excuse { from: u32, until: u32 },
    Invoice,
}

fn any_try() -> impl Strategy<Value = Try> {
    let step = prop_oneof![
        5 => (880_000..1_000_001_i64)
            .prop_map(|ppm| Step::Verdict(Verdict::Valid { quality: Ppm::new(ppm) })),
        3 => Just(invalid()),
        1 => Just(Step::Verdict(Verdict::Unverifiable)),
    ];
    prop_oneof![
        20 => (0..24_u32, step, 0..9_000_000_i64)
            .prop_map(|(interval, step, price)| Try::End { interval, step, price }),
        3 => (1..5_u32).prop_map(|days| Try::TopUp { days }),
        2 => (0..24_u32, 0..24_u32).prop_map(|(from, until)| Try::StandIn { from, until }),
        1 => (0..24_u32, 0..24_u32).prop_map(|(from, until)| Try::Excuse { from, until }),
        2 => Just(Try::Invoice),
    ]
}

/// An obligation, and what its invoices have said.
struct Life {
    money: Ledger,
    duty: Obligation,
    told: Sums,
    /// What its hours have moved.
    moved: MicroUsd,
}

impl Life {
    fn attempt(&mut self, instrument: &Instrument, attempt: Try) -> Result<(), TestCaseError> {
        let duty = &mut self.duty;
        match attempt {
            Try::End { interval, step, price } => {
                let is_new = duty.interval(interval) == Some(IntervalState::Pending);
                if is_new && interval < duty.funded {
                    self.end(instrument, interval, step, price)?;
                }
            }
            Try::TopUp { days } => {
                top_up(&mut self.money, duty, days * 6);
            }
            Try::StandIn { from, until } => {
                // Nobody stands in where it has ended already.
                let has_ended = |it| duty.interval(it).is_some_and(IntervalState::has_ended);
                if !(from..until).any(has_ended) {
                    let provider = account(STAND_IN);
                    duty.stand_ins.push(StandIn { provider, from, until });
                }
            }
            Try::Excuse { from, until } => duty.excused.push((from, until)),
            Try::Invoice => self.invoice(),
        }
        Ok(())
    }

    fn end(
        &mut self,
        instrument: &Instrument,
        interval: u32,
        last: Step,
        price: i64,
    ) -> Result<(), TestCaseError> {
        let (money, duty) = (&mut self.money, &mut self.duty);
        let way = [
            Step::Open,
            Step::Challenge { answer_by: Nanos::new(1) },
            Step::Receipt { verdict_by: Nanos::new(2) },
            last,
        ];
        for step in way {
            duty.step(interval, step).expect("on the way");
        }
        settle_interval(money, duty, instrument, interval);
        let hour = interval / 2;
        if duty.can_settle(instrument, hour) {
            let compute = GpuSeconds::new(7_200);
            let bought = [Bought { compute, price: MicroUsd::new(price) }];
            let price = MicroUsd::new(9_000_000 - price);
            let replacement = Replacement { price, bought: &bought };
            let hour = settle_hour(money, duty, instrument, hour, &replacement);
            let received: MicroUsd = hour.received.iter().map(|(_, part)| *part).sum();
            prop_assert_eq!(received + hour.unpaid, hour.compensation + hour.penalty);
            self.moved += received;
        }
        Ok(())
    }

    fn invoice(&mut self) {
        let since = self.duty.invoice().since;
        self.told.paid_to_seller += since.paid_to_seller;
        self.told.paid_to_stand_ins += since.paid_to_stand_ins;
        self.told.returned_to_buyer += since.returned_to_buyer;
        self.told.shortfall_paid += since.shortfall_paid + since.insured;
    }

    fn check_held(&self) -> Result<(), TestCaseError> {
        let Self { money, duty, .. } = self;
        prop_assert_eq!(money.total(), MicroUsd::ZERO);
        prop_assert_eq!(money.balance(Bucket::DeliveryEscrow(BUYER)), duty.escrow);
        prop_assert_eq!(money.balance(Bucket::Bond(SELLER)), duty.bond);
        let settled = duty.paid_to_seller + duty.paid_to_stand_ins + duty.returned_to_buyer;
        prop_assert_eq!(duty.value_of(0, duty.funded), settled + duty.escrow);
        Ok(())
    }
}

proptest! {
    /// DELIV-008, DELIV-016, DELIV-017, DELIV-039: whatever happens in whatever order, money is conserved, nothing is held in the end, what
    /// was prefunded is what was paid and returned, and the invoices are all of it.
    #[test]
    fn deliv_039_any_history_of_hours_is_invoiced_to_the_last_millionth(
        tries in prop::collection::vec(any_try(), 0..90),
        purses in prop::array::uniform3(0..900_000_000_i64),
        insurance in 0..5_000_000_i64,
        price in 1..4_000_i64,
    ) {
        let mut instrument = series(96, 24);
        instrument.schedule.close_out = CloseOut {
            intervals_per_hour: 2,
            intervals_per_day: 6,
            prefund_days: 2,
            tolerance: Ppm::new(5_000),
            ..CloseOut::NONE
        };
        let mut money = ledger(&[(Bucket::Insurance, MicroUsd::new(insurance))]);
        for (id, micros) in (1..).zip(purses) {
            let cash = Bucket::Cash(account(id));
            money.transfer(Bucket::Custody, cash, MicroUsd::new(micros)).expect("custody");
        }
        let mut duty = obligation(&instrument, 3, price);
        prop_assume!(!fund(&mut money, &mut duty).buyer_defaulted());
        let mut life = Life { money, duty, told: Sums::default(), moved: MicroUsd::ZERO };
        for attempt in tries {
            life.attempt(&instrument, attempt)?;
            life.check_held()?;
        }
        close(&mut life.money, &mut life.duty);
        life.invoice();
        let Life { money, duty, told, moved } = life;
        prop_assert_eq!((duty.escrow, duty.bond), (MicroUsd::ZERO, MicroUsd::ZERO));
        let prefunded = duty.value_of(0, duty.funded);
        prop_assert_eq!(told.paid_to_seller + told.paid_to_stand_ins + told.returned_to_buyer, prefunded);
        prop_assert_eq!(told.shortfall_paid, moved);
        let left: MicroUsd = (1..4).map(|id| money.equity(account(id))).sum();
        prop_assert_eq!(left + money.balance(Bucket::Insurance), -money.balance(Bucket::Custody));
    }
}
