//! The largest numbers that the rules let in: nothing overflows, nothing panics.

use exchange::{Command, IndexPrint, SeriesState, limits};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, NanosSpan, Ppm, Price, Side,
};

use crate::world::{World, day_future, limit, refusal};

const DOLLAR: i64 = 1_000_000;

/// Two years of a million GPUs, bought at a tenth of a cent by alice from bob, both with ten billion dollars.
fn two_years() -> (World, [InstrumentId; 2], [AccountId; 2]) {
    let mut world = World::open();
    let year = |name: &str| Instrument {
        hours_per_lot: 8_760,
        reference: Price::from_ticks(1),
        ..day_future(name, "H100")
    };
    let series = [world.list(year("H100Y1")), world.list(year("H100Y2"))];
    let accounts = ["alice", "bob"].map(|name| {
        let account = world.account(name, 0);
        for _ in 0..10 {
            world.apply(Command::Deposit { account, amount: limits::DEPOSIT_MAX });
        }
        account
    });
    let [alice, bob] = accounts;
    for instrument in series {
        let buy = limit(alice, instrument, Side::Buy, 1_000_000, 1);
        assert_eq!(refusal(&world.apply(Command::PlaceOrder(buy))), None);
        let sell = limit(bob, instrument, Side::Sell, 1_000_000, 1);
        assert_eq!(refusal(&world.apply(Command::PlaceOrder(sell))), None);
    }
    (world, series, accounts)
}

fn print(world: &mut World, dollars: i64) {
    world.wait(NanosSpan::from_seconds(1));
    let events = world.apply(Command::PublishIndex(IndexPrint {
        grade: GradeId::new("H100").unwrap(),
        observed_at: world.now,
        value: Some(MicroUsd::new(dollars * DOLLAR)),
        conf: Ppm::ZERO,
        state: oracle::State::Ok,
    }));
    assert_eq!(refusal(&events), None);
}

/// MARK-007: a mark may run to where no ledger can hold what it is worth; then everything an account has is held.
#[test]
fn mark_007_a_mark_may_run_away_by_seven_powers_of_ten() {
    let (mut world, [first, _], [alice, bob]) = two_years();
    print(&mut world, 10_000);
    let summary = world.exchange.account_summary(bob).unwrap();
    assert_eq!(summary.cash, MicroUsd::ZERO);
    assert_eq!(summary.available, MicroUsd::ZERO);
    assert!(summary.equity < MicroUsd::ZERO);
    assert!(MicroUsd::ZERO < world.exchange.account_summary(alice).unwrap().unrealised);
    let more = limit(alice, first, Side::Sell, 1, 10_000_000);
    assert_eq!(refusal(&world.apply(Command::PlaceOrder(more))), Some("ORDER-013"));

    // Bob owes more than there is. He pays all he has, and alice receives that.
    world.run(NanosSpan::from_seconds(86_400));
    let of = |account| world.exchange.account_summary(account).unwrap().equity.micros();
    assert_eq!(of(bob), 0);
    let fees = world.exchange.ledger().balance(settlement::Bucket::Fees).micros();
    assert_eq!(of(alice), 20 * limits::DEPOSIT_MAX.micros() - fees);

    // Beyond the ledger's range nothing is delivered.
    world.run(NanosSpan::from_seconds(86_400));
    assert_eq!(world.exchange.deliveries().count(), 0);
    assert!(world.exchange.series().all(|series| series.state == SeriesState::Closed));
    assert!(world.exchange.positions().next().is_none());
}

/// MARK-007: holds, orders and summaries survive the way there and back, and a market order with them.
#[test]
fn mark_007_there_and_back_again() {
    let (mut world, [first, second], [alice, bob]) = two_years();
    for dollars in [1, 100, 10_000, 500, 1, 10_000] {
        print(&mut world, dollars);
        for instrument in [first, second] {
            for (account, side) in [(alice, Side::Sell), (bob, Side::Buy)] {
                let mut order = limit(account, instrument, side, 1_000_000, 1);
                order.kind = matching_engine::OrderKind::Market;
                world.apply(Command::PlaceOrder(order.clone()));
                order.kind = matching_engine::OrderKind::Limit(Instrument::PRICE_MAX);
                world.apply(Command::PlaceOrder(order));
                world.apply(Command::CancelAll {
                    account,
                    filter: exchange::CancelFilter::default(),
                });
            }
        }
        world.restart();
    }
}

/// ORDER-012: positions of a million lots in a dozen series at ten thousand dollars an hour add up without wrapping.
#[test]
fn order_012_a_dozen_full_positions_add_up() {
    let mut world = World::open();
    let (alice, bob) = (world.account("alice", 1_000_000_000), world.account("bob", 1_000_000_000));
    for number in 0..12 {
        let month = Instrument {
            hours_per_lot: 744,
            reference: Price::from_ticks(1),
            ..day_future(&format!("H100M{number}"), "H100")
        };
        let instrument = world.list(month);
        for (account, side) in [(alice, Side::Buy), (bob, Side::Sell)] {
            let order = limit(account, instrument, side, 1_000_000, 1);
            assert_eq!(refusal(&world.apply(Command::PlaceOrder(order))), None);
        }
    }
    print(&mut world, 10_000);
    let summary = world.exchange.account_summary(bob).unwrap();
    assert_eq!(summary.margin_initial, MicroUsd::new(i64::MAX), "17.8 trillion dollars");
    assert_eq!(summary.position_margin, summary.balance);
    world.run(NanosSpan::from_seconds(3 * 86_400));
    assert!(world.exchange.money_conserved());
}
