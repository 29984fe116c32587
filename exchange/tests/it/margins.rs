//! MARGIN: modes, arrays, what can be delivered, the ladder. After every command the inspector computes every hold again.

use exchange::{CancelFilter, Command, Event, MarginMode, OptionGreeks, OptionRisk};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, NanosSpan, NetQty, Ppm, Price, Product,
    Qty, Right, Side,
};
use settlement::{Bucket, LANES, RiskArray, RiskComponents};

use crate::world::{World, day_future, limit, refusal};

const HOUR: NanosSpan = NanosSpan::from_seconds(3_600);

/// A day of H100 at 2.50: 60 dollars a lot.
fn market() -> (World, InstrumentId, [AccountId; 2]) {
    let mut world = World::open();
    let series = world.list(day_future("H100D", "H100"));
    let accounts = [world.account("alice", 100_000), world.account("bob", 100_000)];
    (world, series, accounts)
}

fn usd(dollars: i64) -> MicroUsd {
    MicroUsd::new(dollars * 1_000_000)
}

#[track_caller]
fn trade(
    world: &mut World,
    series: InstrumentId,
    (buyer, seller): (AccountId, AccountId),
    lots: u64,
) {
    world.apply(Command::PlaceOrder(limit(seller, series, Side::Sell, lots, 2_500)));
    let events = world.apply(Command::PlaceOrder(limit(buyer, series, Side::Buy, lots, 2_500)));
    assert!(events.iter().any(|event| matches!(event, Event::Traded(_))), "{events:?}");
}

fn set_mode(world: &mut World, account: AccountId, mode: MarginMode) -> Vec<Event> {
    world.apply(Command::SetMarginMode { account, mode })
}

fn register(world: &mut World, account: AccountId, grade: &str, gpus: u64) -> Vec<Event> {
    let grade = GradeId::new(grade).unwrap();
    world.apply(Command::RegisterCapacity { account, grade, gpus })
}

fn position_margin(world: &World, account: AccountId) -> MicroUsd {
    world.exchange.ledger().balance(Bucket::PositionMargin(account))
}

/// An option on a future, not cleared yet.
fn option(name: &str, underlying: InstrumentId) -> Instrument {
    let product =
        Product::Option { underlying, strike: Price::from_ticks(3_000), right: Right::Call };
    Instrument { product, ..day_future(name, "H100") }
}

fn risk(instrument: InstrumentId, mark: i64) -> OptionRisk {
    let mut array = [0; LANES];
    for (lane, gain) in array.iter_mut().zip(-13_i64..) {
        *lane = gain * 100_000;
    }
    let (mark, iv) = (Price::from_ticks(mark), Ppm::new(900_000));
    let greeks = OptionGreeks { delta: 300_000, gamma: 400_000, vega: 3_000, theta: -1_000 };
    OptionRisk { instrument, mark, iv, greeks, array }
}

#[test]
fn margin_007_a_position_of_more_of_what_can_be_delivered_costs_more() {
    let (mut world, series, [alice, bob]) = market();
    trade(&mut world, series, (alice, bob), 10);
    assert_eq!(position_margin(&world, alice), usd(120));
    // 10 of 200 are 5 %, which is added to the 20 %; the open interest is 5 % as well, which adds nothing.
    register(&mut world, bob, "H100", 200);
    assert_eq!(position_margin(&world, alice), usd(150));
    register(&mut world, bob, "H100", 0);
    assert_eq!(position_margin(&world, alice), usd(120));
}

#[test]
fn margin_008_the_initial_rate_goes_to_the_whole_as_open_interest_does() {
    let (mut world, series, [alice, bob]) = market();
    let [carol, dave] = ["carol", "dave"].map(|name| world.account(name, 100_000));
    register(&mut world, bob, "H100", 40);
    trade(&mut world, series, (alice, bob), 10);
    trade(&mut world, series, (carol, dave), 10);
    // Trades alone move no rate: the open interest counts with the next mark.
    assert_eq!(position_margin(&world, alice), MicroUsd::new(270_000_000));
    world.run(NanosSpan::from_seconds(2));
    // 20 of 40 lots are half the way from 25 % to 75 %. Alice holds a quarter: 45 %, and half of what is missing to 100 %.
    let scaled = world.exchange.series_by_id(series).unwrap().scale;
    assert_eq!(scaled, Ppm::new(500_000));
    assert_eq!(position_margin(&world, alice), MicroUsd::new(435_000_000));
}

#[test]
fn margin_009_nobody_holds_more_than_a_quarter_of_what_is_about_to_be_delivered() {
    let (mut world, series, [alice, bob]) = market();
    register(&mut world, bob, "H100", 40);
    let order = |side, lots| Command::PlaceOrder(limit(alice, series, side, lots, 2_500));
    assert_eq!(refusal(&world.apply(order(Side::Buy, 11))), Some("MARGIN-009"));
    trade(&mut world, series, (alice, bob), 10);
    assert_eq!(refusal(&world.apply(order(Side::Buy, 1))), Some("MARGIN-009"));
    // Selling what one has, and as much beyond, is no larger position.
    assert_eq!(refusal(&world.apply(order(Side::Sell, 20))), None);
    assert_eq!(refusal(&world.apply(order(Side::Sell, 1))), Some("MARGIN-009"));
}

#[test]
fn margin_010_the_ladder_climbs_to_the_whole_before_delivery() {
    let mut world = World::open();
    let mut terms = day_future("H100D", "H100");
    terms.schedule.ladder_step = NanosSpan::from_seconds(600);
    let series = world.list(terms);
    let [alice, bob] = ["alice", "bob"].map(|name| world.account(name, 10_000));
    trade(&mut world, series, (alice, bob), 10);
    // Ten minutes before each step the margin of the one before: 600 dollars long, 600 short.
    let mut seen = Vec::new();
    for _ in 0..6 {
        world.run(NanosSpan::from_seconds(0));
        let held =
            [alice, bob].map(|account| position_margin(&world, account).micros() / 1_000_000);
        let step = world.exchange.series_by_id(series).unwrap().ladder_step;
        seen.push((step, held));
        world.run(NanosSpan::from_seconds(600));
    }
    let buyer_and_seller = [
        (0, [120, 120]),
        (1, [120, 120]),
        (2, [150, 120]),
        (3, [270, 120]),
        (4, [420, 168]),
        (5, [600, 240]),
    ];
    assert_eq!(seen, buyer_and_seller);
}

#[test]
fn margin_012_risk_is_published_of_options_in_bounded_lists() {
    let (mut world, series, _) = market();
    let call = world.list(option("H100D-3d0-C", series));
    let publish = |world: &mut World, risks: Vec<OptionRisk>| {
        let events = world.apply(Command::PublishRisk { risks });
        refusal(&events)
    };
    assert_eq!(publish(&mut world, Vec::new()), Some("MARGIN-012"));
    assert_eq!(publish(&mut world, vec![risk(call, 100); 257]), Some("MARGIN-012"));
    assert_eq!(publish(&mut world, vec![risk(InstrumentId(9), 100)]), Some("ORDER-001"));
    assert_eq!(publish(&mut world, vec![risk(call, 0)]), Some("ORDER-006"));
    assert_eq!(world.exchange.risk_array(call), None);
    assert_eq!(publish(&mut world, vec![risk(call, 100)]), None);
    assert_eq!(world.exchange.risk_array(call), RiskArray::new(risk(call, 100).array));
    assert_eq!(world.exchange.series_by_id(call).unwrap().mark, Price::from_ticks(100));
    assert_eq!(world.exchange.option_risk(call), Some(&risk(call, 100)));
}

#[test]
fn margin_013_a_futures_array_follows_from_its_mark_alone() {
    let (mut world, series, _) = market();
    let risks = vec![risk(series, 100)];
    assert_eq!(refusal(&world.apply(Command::PublishRisk { risks })), Some("MARGIN-013"));
    let array = world.exchange.risk_array(series).unwrap();
    assert_eq!((array.lanes()[0], array.delta()), (-12_000_000, 60_000_000));
}

#[test]
fn margin_014_a_number_beyond_the_range_refuses_the_whole_publication() {
    let (mut world, series, _) = market();
    let calls = ["A", "B"].map(|name| world.list(option(&format!("H100D-{name}-C"), series)));
    let mut risks = calls.map(|call| risk(call, 100)).to_vec();
    risks[1].array[20] = RiskArray::LANE_MAX + 1;
    assert_eq!(refusal(&world.apply(Command::PublishRisk { risks })), Some("MARGIN-014"));
    assert_eq!(world.exchange.risk_array(calls[0]), None);
}

#[test]
fn margin_015_capacity_is_registered_within_bounds_and_of_grades_that_are_listed() {
    let (mut world, _, [alice, _]) = market();
    let far = world.exchange.margins().grades.len();
    assert_eq!(far, 1);
    assert_eq!(refusal(&register(&mut world, AccountId(99), "H100", 1)), Some("ACCOUNT-001"));
    assert_eq!(refusal(&register(&mut world, alice, "B200", 1)), Some("INDEX-001"));
    assert_eq!(refusal(&register(&mut world, alice, "H100", 10_000_001)), Some("MARGIN-015"));
    register(&mut world, alice, "H100", 8);
    let grade = GradeId::new("H100").unwrap();
    let terms = world.exchange.margins().grade(&grade).unwrap();
    assert_eq!(terms.deliverable(), Qty::from_lots(8));
}

#[test]
fn margin_011_a_venue_margins_32_grades() {
    let mut world = World::open();
    world.is_watched = false;
    for grade in 0..32 {
        let grade = format!("G{grade}");
        world.list(day_future(&format!("{grade}D"), &grade));
    }
    let terms = Box::new(day_future("G32D", "G32"));
    assert_eq!(refusal(&world.apply(Command::ListInstrument(terms))), Some("MARGIN-011"));
    let terms = Box::new(day_future("G31X", "G31"));
    assert_eq!(refusal(&world.apply(Command::ListInstrument(terms))), None);
}

/// MARGIN-016, MARGIN-017: a mode is changed to another one, and only if the account could carry what it has in it.
#[test]
fn margin_017_a_mode_is_taken_only_if_it_can_be_carried() {
    let (mut world, series, [_, bob]) = market();
    let later = world.list(day_future("H100D-LATER", "H100"));
    let carol = world.account("carol", 0);
    let amount = usd(90);
    world.apply(Command::Deposit { account: carol, amount });
    assert_eq!(refusal(&set_mode(&mut world, carol, MarginMode::Standard)), Some("MARGIN-016"));
    set_mode(&mut world, carol, MarginMode::Portfolio);
    assert_eq!(refusal(&set_mode(&mut world, carol, MarginMode::Portfolio)), Some("MARGIN-016"));
    trade(&mut world, series, (carol, bob), 6);
    // Six lots of 60 dollars cost 72. As much sold a day later leaves nothing but the roll: 6 % of both sides, 43.20.
    assert_eq!(position_margin(&world, carol), usd(72));
    trade(&mut world, later, (bob, carol), 1);
    world.apply(Command::Deposit { account: carol, amount });
    trade(&mut world, later, (bob, carol), 5);
    assert_eq!(position_margin(&world, carol), MicroUsd::new(43_200_000));
    // Apart they would cost 144.
    world.run(HOUR);
    let cash = world.exchange.ledger().balance(Bucket::Cash(carol));
    assert!(usd(100) < cash, "{cash:?}");
    assert_eq!(refusal(&set_mode(&mut world, carol, MarginMode::Standard)), None);
}

#[test]
fn margin_017_what_only_a_portfolio_can_carry_stays_one() {
    let (mut world, series, [alice, bob]) = market();
    let later = world.list(day_future("H100D-LATER", "H100"));
    world.apply(Command::Deposit { account: bob, amount: usd(100_000) });
    set_mode(&mut world, alice, MarginMode::Portfolio);
    trade(&mut world, series, (alice, bob), 4_000);
    trade(&mut world, later, (bob, alice), 4_000);
    // Margin is 28,800 as a portfolio, and would be 96,000; fees and a first loss leave less.
    assert_eq!(position_margin(&world, alice), usd(28_800));
    assert_eq!(refusal(&set_mode(&mut world, alice, MarginMode::Standard)), None);
    set_mode(&mut world, alice, MarginMode::Portfolio);
    trade(&mut world, series, (alice, bob), 400);
    trade(&mut world, later, (bob, alice), 400);
    assert_eq!(refusal(&set_mode(&mut world, alice, MarginMode::Standard)), Some("MARGIN-017"));
    // A restart makes the same portfolios from positions and orders.
    world.apply(Command::PlaceOrder(limit(alice, series, Side::Buy, 7, 2_400)));
    world.restart();
    let health = world.exchange.health(alice);
    assert_eq!(health.maintenance, 31_680_000_000 * 8 / 10);
}

/// MARGIN-022: orders of a portfolio are held for as the worst way in which they may fill.
#[test]
fn margin_022_an_order_of_a_portfolio_is_held_for_until_it_is_gone() {
    let (mut world, series, [alice, bob]) = market();
    set_mode(&mut world, alice, MarginMode::Portfolio);
    let held = |world: &World| world.exchange.ledger().balance(Bucket::OrderHold(alice));
    world.apply(Command::PlaceOrder(limit(alice, series, Side::Buy, 10, 2_500)));
    // 120 of margin and 0.30 for the fee of 600.
    assert_eq!(held(&world), MicroUsd::new(120_300_000));
    world.apply(Command::PlaceOrder(limit(bob, series, Side::Sell, 4, 2_500)));
    assert_eq!(
        (held(&world), position_margin(&world, alice)),
        (MicroUsd::new(72_180_000), usd(48))
    );
    // A sell of less than what is bought anyway needs its reserve alone.
    world.apply(Command::PlaceOrder(limit(alice, series, Side::Sell, 4, 2_600)));
    assert_eq!(held(&world), MicroUsd::new(72_304_800));
    world.apply(Command::CancelAll { account: alice, filter: exchange::CancelFilter::default() });
    assert_eq!(held(&world), MicroUsd::ZERO);
    let too_much = limit(alice, series, Side::Buy, 9_000, 2_500);
    assert_eq!(refusal(&world.apply(Command::PlaceOrder(too_much))), Some("ORDER-014"));
}

/// MARGIN-021: what an account would require can be asked before it trades.
#[test]
fn margin_021_a_portfolio_that_does_not_exist_can_be_asked_about() {
    let (mut world, series, [alice, bob]) = market();
    let later = world.list(day_future("H100D-LATER", "H100"));
    let lots = NetQty::from_lots;
    let found = world.exchange.simulate(alice, &[(series, lots(10)), (later, lots(-10))]).unwrap();
    assert_eq!(found.standard.position, usd(240));
    let (_, parts) = &found.portfolios[0];
    assert_eq!((parts.scan, parts.roll, parts.initial), (usd(0), usd(72), usd(72)));
    assert_eq!(parts.maintenance, MicroUsd::new(57_600_000));
    // What was asked is what comes of it.
    set_mode(&mut world, alice, MarginMode::Portfolio);
    trade(&mut world, series, (alice, bob), 10);
    trade(&mut world, later, (bob, alice), 10);
    assert_eq!(position_margin(&world, alice), usd(72));
    assert_eq!(world.exchange.simulate(alice, &[(InstrumentId(99), lots(1))]), None);
    let (qty, price) = (Qty::from_lots(10), Price::from_ticks(2_600));
    let margins = world.exchange.margins_of_order((bob, series), qty, price).unwrap();
    // A buy at 2.60 may lose 24 dollars against the mark and pays a fee of 0.312.
    assert_eq!(margins.buy, MicroUsd::new(144_312_000));
    assert_eq!(margins.sell, MicroUsd::new(120_312_000));
}

/// MARGIN-021: what an order would hold by itself is what it holds, in either mode.
#[test]
fn margin_021_what_an_order_would_hold_is_asked_in_the_accounts_own_mode() {
    let (mut world, series, _) = market();
    let call = world.list(option("H100D-3d0-C", series));
    world.apply(Command::PublishRisk { risks: vec![risk(call, 100)] });
    let (qty, lots, ticks) = (Qty::from_lots(10), 10, 2_500);
    let account = world.account("carol", 100_000);
    for mode in [MarginMode::Standard, MarginMode::Portfolio] {
        if mode == MarginMode::Portfolio {
            set_mode(&mut world, account, mode);
        }
        for (instrument, ticks) in [(series, ticks), (call, 110)] {
            let price = Price::from_ticks(ticks);
            let told = world.exchange.margins_of_order((account, instrument), qty, price).unwrap();
            for (side, told) in [(Side::Buy, told.buy), (Side::Sell, told.sell)] {
                let order = limit(account, instrument, side, lots, ticks);
                let events = world.apply(Command::PlaceOrder(order));
                assert_eq!(refusal(&events), None);
                let money = world.exchange.account_summary(account).unwrap();
                assert_eq!(money.order_hold, told, "{mode:?} {instrument} {side:?}");
                world.apply(Command::CancelAll { account, filter: CancelFilter::instrument(None) });
            }
        }
    }
}

/// MARGIN-030: an account whose margin nobody can compute is asked for all it has, and shows no number that is none.
#[test]
fn margin_030_what_cannot_be_computed_is_never_shown_as_money() {
    let (mut world, series, _) = market();
    let account = world.account("carol", 100_000);
    set_mode(&mut world, account, MarginMode::Portfolio);
    let lots = NetQty::from_lots(-1_000_000_000);
    let found = world.exchange.simulate(account, &[(series, lots)]).unwrap();
    let (_, parts) = &found.portfolios[0];
    assert!(parts.is_beyond());
    let lots = NetQty::from_lots(-1_000_000);
    let found = world.exchange.simulate(account, &[(series, lots)]).unwrap();
    let (_, parts) = &found.portfolios[0];
    assert!(!parts.is_beyond() && parts.total() <= RiskComponents::GROSS_MAX);
}

/// MARGIN-029: an account that lacks margin may do what does not make it lack more.
#[test]
fn margin_029_a_portfolio_under_water_can_be_made_smaller() {
    let (mut world, series, [_, bob]) = market();
    let carol = world.account("carol", 50);
    set_mode(&mut world, carol, MarginMode::Portfolio);
    trade(&mut world, series, (carol, bob), 4);
    // The index falls to 2.00: 48 dollars are lost, 2 are left, and 38.40 would be required.
    let print = exchange::IndexPrint {
        grade: GradeId::new("H100").unwrap(),
        observed_at: world.now,
        value: Some(usd(2)),
        conf: Ppm::ZERO,
        state: oracle::State::Ok,
    };
    world.apply(Command::PublishIndex(print));
    let order = |side, lots, ticks| Command::PlaceOrder(limit(carol, series, side, lots, ticks));
    assert_eq!(refusal(&world.apply(order(Side::Buy, 1, 2_200))), Some("LIQ-003"));
    let events = world.apply(order(Side::Sell, 4, 2_200));
    assert_eq!(refusal(&events), None, "{events:?}");
    // A ninth lot would turn the position into a larger one the other way round.
    assert_eq!(refusal(&world.apply(order(Side::Sell, 5, 2_200))), Some("LIQ-003"));
}
