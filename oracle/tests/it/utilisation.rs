//! The second leg of the index, the gates, and what stands in for quotes.

use oracle::{Gate, GateName, State, Tier};

use crate::book::{TICKS_PER_DAY, micros, moved, worst_step};
use crate::market::Market;

const SIX: [i64; 6] = [1_900_000, 2_000_000, 2_050_000, 2_100_000, 2_200_000, 2_400_000];

/// ORACLE-037: both legs are printed, and nothing is where nobody reports units.
#[test]
fn oracle_037_both_legs_are_printed() {
    let silent = Market::of(&SIX).after(3);
    assert_eq!((silent.utilisation, silent.utilisation_leg), (None, None));
    assert_eq!(silent.price_leg, silent.value);
    let told = Market::of(&SIX).with_units(70).after(3);
    assert_eq!(told.utilisation.map(|share| share.ppm()), Some(700_000));
    assert!(told.utilisation_leg.is_some());
    assert_eq!(told.price_leg, told.value, "the first day weighs nothing");
}

/// ORACLE-037: all units leased at once move the index by no more than five per cent, whatever utilisation alone would say.
#[test]
fn oracle_037_a_rush_for_gpus_moves_the_index_by_five_per_cent_at_most() {
    let mut market = Market::of(&SIX).with_units(60);
    let before = micros(&market.after(10 * TICKS_PER_DAY));
    market.sellers.iter_mut().for_each(|seller| seller.units = Some((100, 99)));
    let print = market.tick();
    let leg = print.utilisation_leg.expect("a leg").micros();
    assert!(2 * before < leg, "by utilisation alone {leg}");
    let value = micros(&print);
    assert!((40_000..=51_300).contains(&moved(before, value)), "{before} to {value}");
    assert_eq!(print.price_leg.map(|price| moved(before, price.micros()) < 100), Some(true));
}

/// ORACLE-037: one owner's units are its own word, and those of a giant count as those of its capped weight.
#[test]
fn oracle_037_the_units_of_one_owner_do_not_make_utilisation() {
    let mut market = Market::of(&SIX);
    market.sellers[0].units = Some((100, 50));
    assert_eq!(market.after(3).utilisation, None);
    market = market.with_units(50);
    market.sellers[0].units = Some((1_000_000, 1_000_000));
    let share = market.after(3).utilisation.expect("units").ppm();
    assert!(share < 1_000_000 && 500_000 < share, "{share}");
}

/// ORACLE-039: those who report units may leave without a step.
#[test]
fn oracle_039_utilisation_leaves_without_a_step() {
    let mut market = Market::of(&SIX).with_units(60);
    market.ticks(10 * TICKS_PER_DAY);
    market.sellers.iter_mut().for_each(|seller| seller.units = Some((100, 95)));
    market.ticks(3);
    for seller in market.sellers.iter_mut().skip(4) {
        seller.units = None;
    }
    let mut prints = market.ticks(2);
    for seller in &mut market.sellers[..2] {
        seller.is_silent = true;
    }
    prints.extend(market.ticks(2 * TICKS_PER_DAY));
    assert!(worst_step(&prints) <= 15_000, "{}", worst_step(&prints));
}

fn gate(market: &mut Market, name: GateName) -> (State, Option<Gate>) {
    let (print, told) = market.explained();
    (print.state, told.gates.into_iter().find(|gate| gate.name == name))
}

/// ORACLE-035: more than half of the weight by one aggregator is one failure away from nothing.
#[test]
fn oracle_035_one_route_for_half_of_the_weight_is_low_conf() {
    let mut market = Market::of(&SIX);
    for seller in &mut market.sellers[..3] {
        seller.route = "aggregator".to_owned();
    }
    market.ticks(2);
    assert_eq!(market.tick().state, State::Ok);
    market.sellers[3].route = "aggregator".to_owned();
    let (state, route) = gate(&mut market, GateName::Route);
    assert_eq!(state, State::LowConf);
    let route = route.expect("it is asked");
    assert_eq!((route.is_open, route.limit), (false, 500_000));
    assert_eq!(route.is / 1_000, 666);
}

/// ORACLE-035: two owners with transactions are needed where anybody has any, and none where nobody has.
#[test]
fn oracle_035_transactions_come_from_two_owners_or_none() {
    let mut market = Market::of(&SIX);
    market.ticks(2);
    assert_eq!(gate(&mut market, GateName::Transacted), (State::Ok, None));
    market.sellers[0].tier = Tier::Settled;
    let (state, transacted) = gate(&mut market, GateName::Transacted);
    assert_eq!(state, State::LowConf);
    assert_eq!(transacted.map(|gate| (gate.is, gate.limit)), Some((1, 2)));
    market.sellers[1].tier = Tier::Settled;
    market.ticks(TICKS_PER_DAY);
    market.sellers[2].tier = Tier::Settled;
    market.ticks(4 * TICKS_PER_DAY);
    assert_eq!(market.tick().state, State::Ok);
}

/// ORACLE-040: with too few asks two owners with transactions carry the index, without a step.
#[test]
fn oracle_040_transactions_alone_are_the_second_rung() {
    let mut market = Market::leasing(&SIX, 100);
    let before = market.after(TICKS_PER_DAY);
    market.sellers[2..].iter_mut().for_each(|seller| seller.is_silent = true);
    market.wait(12);
    let print = market.tick();
    assert_eq!(print.state, State::Fallback(2));
    assert!(moved(micros(&before), micros(&print)) <= 10_000);
    market.sellers[1].is_silent = true;
    assert_eq!(market.tick().state.to_string(), "WITHHELD(1 of 4 providers)");
}

/// ORACLE-040: a futures mark stands in for a day, wider by the rung and by the hour.
#[test]
fn oracle_040_a_mark_moves_the_last_value_when_quotes_fail() {
    let mut market = Market::of(&SIX);
    market.ticks(2);
    market.mark(2_000_000);
    let before = market.tick();
    market.sellers.iter_mut().for_each(|seller| seller.is_silent = true);
    market.mark(2_060_000);
    let print = market.tick();
    assert_eq!(print.state, State::Fallback(3));
    assert_eq!(moved(micros(&before), micros(&print)) / 1_000, 30);
    assert!(2 * before.conf.ppm() < print.conf.ppm(), "{before:?} {print:?}");
    market.wait(24);
    market.mark(2_060_000);
    assert_eq!(market.tick().state.to_string(), "WITHHELD(no observations)");
}

/// ORACLE-040: after the mark utilisation stands in, as long as two owners still report it.
#[test]
fn oracle_040_utilisation_moves_the_last_full_value_after_that() {
    let mut market = Market::of(&SIX).with_units(70);
    let before = market.after(TICKS_PER_DAY);
    assert_eq!(before.state, State::Ok);
    market.sellers[2..].iter_mut().for_each(|seller| seller.is_silent = true);
    market.wait(20);
    market.sellers[..2].iter_mut().for_each(|seller| seller.units = Some((100, 90)));
    let print = market.tick();
    assert_eq!(print.state, State::Fallback(4));
    assert!(micros(&before) < micros(&print));
    market.wait(60);
    assert_eq!(market.tick().state.to_string(), "WITHHELD(2 of 4 providers)");
}

/// ORACLE-041: the explained print is the print, and its voices say what they did.
#[test]
fn oracle_041_an_explanation_adds_up_and_changes_nothing() {
    let mut market = Market::leasing(&SIX, 10).with_units(80);
    market.ticks(3 * TICKS_PER_DAY);
    market.sellers[5].price *= 10;
    market.sellers[5].lease = Some((market.sellers[5].price, 10_000));
    let mut other = market.clone();
    let (print, told) = market.explained();
    assert_eq!(other.tick(), print);
    assert_eq!(borsh::to_vec(&other.index).unwrap(), borsh::to_vec(&market.index).unwrap());
    let shares: i64 = told.voices.iter().map(|voice| voice.share.ppm()).sum();
    assert!((999_990..=1_000_000).contains(&shares));
    let wild = told.voices.iter().find(|voice| voice.is_winsorised).expect("the wild one");
    assert_eq!(wild.provider.as_str(), "seller-5");
    assert!(0 < wild.effect.nanos() && wild.effect <= told.band);
    assert!(told.transactions.is_some() && told.utilisation.is_some());
    assert!(199_990 <= told.coalition_share.ppm());
}
