//! What an account's positions and orders require, computed a second time: in plain arithmetic, from nothing but orders, positions, marks
//! and what was registered and published.

use std::collections::BTreeMap;

use exchange::{MarginMode, OpenOrder, Series};
use instruments::{AccountId, InstrumentId, Product, Right, Side, Style};

use crate::inspector::{State, lot_value, rate_up};

/// A grade's numbers, in ppm, as the rule book has them.
struct Terms {
    initial: i128,
    slope: i128,
    scale_from: i128,
    scale_to: i128,
    option: [i128; 2],
    deliver: [i128; 2],
    range: i128,
    roll: i128,
    contingency: (i128, i128),
    least: i128,
}

const LIQUID: Terms = Terms {
    initial: 200_000,
    slope: 1_000_000,
    scale_from: 250_000,
    scale_to: 750_000,
    option: [250_000, 150_000],
    deliver: [1_000_000, 400_000],
    range: 200_000,
    roll: 60_000,
    contingency: (6_000, 1_000_000_000_000),
    least: 10_000,
};

const THIN: Terms = Terms {
    initial: 300_000,
    slope: 2_000_000,
    scale_from: 150_000,
    scale_to: 500_000,
    option: [400_000, 300_000],
    deliver: [1_000_000, 600_000],
    range: 300_000,
    roll: 150_000,
    contingency: (12_000, 250_000_000_000),
    least: 20_000,
};

const LADDER: [i128; 6] = [0, 100_000, 250_000, 450_000, 700_000, 1_000_000];
const ONE: i128 = 1_000_000;

/// Lots held, and open on either side, with their reserves.
#[derive(Clone, Copy, Default)]
struct Stake {
    net: i128,
    buys: i128,
    sells: i128,
    reserve: i128,
}

fn terms(series: &Series) -> &'static Terms {
    match series.instrument.grade.as_str() {
        "H100" | "A100" | "H200" | "RTX4090" => &LIQUID,
        _ => &THIN,
    }
}

fn up(amount: i128, whole: i128) -> i128 {
    (amount + whole - 1).div_euclid(whole)
}

fn deliverable(state: &State, series: &Series) -> i128 {
    // What is settled in money is not bound by what there is.
    if !matches!(series.instrument.product, Product::Future { style: Style::Physical, .. }) {
        return 0;
    }
    let grade = state.margins.grade(&series.instrument.grade).expect("a grade with terms");
    grade.capacity.values().map(|gpus| i128::from(*gpus)).sum()
}

/// The initial rate of so many lots.
fn rate(state: &State, series: &Series, lots: i128, is_long: bool) -> i128 {
    let (terms, whole) = (terms(series), deliverable(state, series));
    let slope = if whole == 0 { 0 } else { up(lots * terms.slope, whole) };
    let plain = (terms.initial + slope).min(ONE);
    let scaled = plain + up((ONE - plain) * i128::from(series.scale.ppm()), ONE);
    let target = terms.deliver[usize::from(!is_long)];
    scaled.max(up(LADDER[usize::from(series.ladder_step)] * target, ONE))
}

/// The scale that follows from the open interest now.
pub(crate) fn scale_now(state: &State, series: &Series) -> i128 {
    let (terms, whole) = (terms(series), deliverable(state, series));
    if whole == 0 {
        return 0;
    }
    let held = state.positions.of_instrument(series.instrument.id);
    let long: i128 = held.map(|(_, position)| i128::from(position.net.lots()).max(0)).sum();
    let above = long * ONE - whole * terms.scale_from;
    up(above * ONE, (terms.scale_to - terms.scale_from) * whole).clamp(0, ONE)
}

fn stake(state: &State, account: AccountId, instrument: InstrumentId) -> Stake {
    let position = state.positions.get(instrument, account);
    let net = position.map_or(0, |position| i128::from(position.net.lots()));
    let mut stake = Stake { net, ..Stake::default() };
    let mine = |record: &&OpenOrder| (record.account, record.instrument) == (account, instrument);
    for record in state.orders.values().filter(mine) {
        let lots = i128::from(record.open().lots());
        match record.side {
            Side::Buy => stake.buys += lots,
            Side::Sell => stake.sells += lots,
        }
        stake.reserve += lots * i128::from(record.reserve_per_lot.micros());
    }
    stake
}

/// What a future asks for by itself: all of it, or what the plain rate does not.
fn of_future(state: &State, series: &Series, stake: Stake, less: i128) -> Option<(i128, i128)> {
    let value = lot_value(series, series.mark);
    let amount = |lots: i128, is_long| {
        let lots = lots.max(0);
        rate_up(rate(state, series, lots, is_long), value * lots) - rate_up(less, value * lots)
    };
    let position = amount(stake.net.abs(), 0 <= stake.net);
    let if_bought = amount(stake.net + stake.buys, true);
    let worst = if_bought.max(amount(stake.sells - stake.net, false));
    i64::try_from(worst.max(position)).ok()?;
    Some((position, worst - position + stake.reserve))
}

/// What an option or a cap asks for beyond its value.
fn of_option(state: &State, series: &Series, stake: Stake) -> Option<(i128, i128)> {
    let [at_money, least] = terms(series).option;
    let (right, now, strike) = match series.instrument.product {
        Product::Option { underlying, strike, right } => {
            let future = &state.series[&underlying];
            (right, lot_value(future, future.mark), lot_value(future, strike))
        }
        Product::Cap { strike } => {
            let index = state.indices.get(&series.instrument.grade);
            let index = index.and_then(|history| history.last.value);
            let now = index.map_or(strike, |value| series.instrument.nearest_price(value));
            (Right::Call, lot_value(series, now), lot_value(series, strike))
        }
        Product::Future { .. } | Product::Spread { .. } => return None,
    };
    let out = if right == Right::Call { strike - now } else { now - strike };
    let kept = if right == Right::Call { 0 } else { lot_value(series, series.mark) };
    let kept = kept.max(now) * (at_money - least);
    let margin = (at_money * now - out.max(0) * ONE).max(least * now);
    let margin = if right == Right::Call { margin } else { margin.max(kept) };
    let amount = |lots: i128| up(margin * lots.max(0), ONE);
    let position = amount(-stake.net);
    Some((position, amount(stake.sells - stake.net) - position + stake.reserve))
}

/// What a lot gains in each of 35 scenarios, and its delta.
fn array(state: &State, series: &Series) -> Option<Vec<i128>> {
    if let Some(published) = state.margins.options.get(&series.instrument.id) {
        return Some(published.array.map(i128::from).to_vec());
    }
    if !matches!(series.instrument.product, Product::Future { .. }) {
        return None;
    }
    let value = lot_value(series, series.mark);
    let at = |step: i128| {
        let (moved, whole) = (value * terms(series).range * step, 4 * ONE);
        let floor = moved.div_euclid(whole);
        let twice = 2 * moved.rem_euclid(whole);
        let is_above = whole < twice || twice == whole && floor.rem_euclid(2) == 1;
        floor + i128::from(is_above)
    };
    let mut lanes: Vec<i128> = (-4..=4).flat_map(|step| [at(step); 3]).collect();
    lanes.extend([at(-4), at(-4)]);
    lanes.extend([at(4); 6]);
    lanes.push(value);
    Some(lanes)
}

/// A portfolio's margin with the orders' lots, or without.
fn of_portfolio(state: &State, all: &[(&Series, Stake)]) -> Option<i128> {
    let terms = terms(all.first()?.0);
    let mut lanes = vec![0_i128; 35];
    let mut expiries: BTreeMap<InstrumentId, (i128, i128)> = BTreeMap::new();
    let (mut high, mut low, mut least) = (0, 0, 0);
    for (series, stake) in all {
        let array = array(state, series)?;
        let (buys, sells) = (stake.net + stake.buys, stake.net - stake.sells);
        for (lane, gain) in lanes.iter_mut().zip(&array) {
            *lane += (buys * gain).min(sells * gain);
        }
        let expiry = match series.instrument.product {
            Product::Option { underlying, .. } => {
                let future = &state.series[&underlying];
                let value = lot_value(future, future.mark);
                least += (-sells).max(0) * rate_up(terms.least, value);
                underlying
            }
            _ => series.instrument.id,
        };
        let delta = array[35];
        let (top, bottom) = ((buys * delta).max(sells * delta), (buys * delta).min(sells * delta));
        let entry = expiries.entry(expiry).or_default();
        *entry = (entry.0 + top, entry.1 + bottom);
        high += top;
        low += bottom;
    }
    let scan = lanes.iter().map(|lane| -lane).max()?.max(0);
    let long: i128 = expiries.values().map(|(top, _)| (*top).max(0)).sum();
    let short: i128 = expiries.values().map(|(_, bottom)| (-bottom).max(0)).sum();
    let larger = expiries.values().map(|(top, bottom)| (*top).max(-bottom).max(0));
    let larger: Vec<i128> = larger.filter(|side| *side != 0).collect();
    let either = if larger.len() < 2 { 0 } else { larger.iter().sum() };
    let roll = rate_up(terms.roll, (2 * long.min(short)).min(either));
    let (contingency, from) = terms.contingency;
    let contingency = rate_up(contingency, (high.max(-low) - from).max(0));
    Some((scan + roll + contingency).max(least))
}

/// What must be held for positions and for orders. `None` beyond the ledger's range.
pub(crate) fn required(state: &State, account: AccountId) -> Option<(i128, i128)> {
    let mode = state.accounts[&account].margin_mode;
    let (mut position, mut orders, mut reserves, mut value) = (0_i128, 0_i128, 0_i128, 0_i128);
    let mut grades: BTreeMap<&str, Vec<(&Series, Stake)>> = BTreeMap::new();
    for series in state.series.values() {
        let stake = stake(state, account, series.instrument.id);
        if stake.net == 0 && stake.buys == 0 && stake.sells == 0 {
            continue;
        }
        let is_option = series.instrument.is_premium_style();
        let is_cap = matches!(series.instrument.product, Product::Cap { .. });
        let part = match (is_option, mode) {
            (true, _) if is_cap => of_option(state, series, stake)?,
            (true, MarginMode::Standard) => of_option(state, series, stake)?,
            (true, MarginMode::Portfolio) => (0, stake.reserve),
            (false, MarginMode::Standard) => of_future(state, series, stake, 0)?,
            (false, MarginMode::Portfolio) => {
                of_future(state, series, stake, terms(series).initial)?
            }
        };
        position += part.0;
        orders += part.1;
        reserves += stake.reserve;
        value += if is_option { stake.net * lot_value(series, series.mark) } else { 0 };
        if !is_cap {
            grades.entry(series.instrument.grade.as_str()).or_default().push((series, stake));
        }
    }
    for all in grades.into_values().filter(|_| mode == MarginMode::Portfolio) {
        let alone =
            all.iter().map(|(series, stake)| (*series, Stake { buys: 0, sells: 0, ..*stake }));
        let alone = of_portfolio(state, &alone.collect::<Vec<_>>())?;
        position += alone;
        orders += of_portfolio(state, &all)? - alone;
    }
    let left_over = (value - position).max(0);
    let held = (position - value).max(0);
    Some((held, reserves + (orders - reserves - left_over).max(0)))
}
