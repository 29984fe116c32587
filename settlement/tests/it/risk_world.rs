//! Option prices in floating point, as the shell has them, and arrays made from them.

use settlement::{LANES, RiskArray, RiskParameters};

/// One option, in dollars per GPU-hour and days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionTerms {
    pub is_call: bool,
    pub strike: f64,
    pub future: f64,
    pub iv: f64,
    pub days: f64,
}

/// The share of a standard normal distribution below `x`, by Simpson's rule.
fn below(x: f64) -> f64 {
    let steps = 2_000;
    let width = x / f64::from(steps);
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let inner: f64 = (1..steps)
        .map(|step| density(width * f64::from(step)) * if step % 2 == 1 { 4.0 } else { 2.0 })
        .sum();
    0.5 + (density(0.0) + inner + density(x)) * width / 3.0
}

/// Black's formula without discount.
pub(crate) fn price(option: OptionTerms) -> f64 {
    let OptionTerms { is_call, strike, future, iv, days } = option;
    let spread = iv * (days / 365.0).sqrt();
    let d1 = ((future / strike).ln() + spread * spread / 2.0) / spread;
    let d2 = d1 - spread;
    if is_call {
        future * below(d1) - strike * below(d2)
    } else {
        strike * below(-d2) - future * below(-d1)
    }
}

fn ppm(rate: instruments::Ppm) -> f64 {
    rate.ppm() as f64 / 1e6
}

/// An option's array for lots of one hour.
pub(crate) fn array(parameters: &RiskParameters, option: OptionTerms) -> RiskArray {
    let power = if option.days < 30.0 { parameters.power_near } else { parameters.power_far };
    let scale = (30.0 / option.days.max(1.0)).powf(ppm(power));
    let floor = ppm(parameters.vol_up_floor);
    let up = option.iv + option.iv.max(floor) * ppm(parameters.vol_up) * scale;
    let down = (option.iv * (1.0 - ppm(parameters.vol_down) * scale)).max(0.01);
    let now = price(option);
    let gain = |moved: f64, iv: f64| {
        let future = option.future * (1.0 + moved);
        price(OptionTerms { future, iv, ..option }) - now
    };
    let range = ppm(parameters.price_range);
    let mut gains = Vec::new();
    for step in -4..=4 {
        let moved = range * f64::from(step) / 4.0;
        gains.extend([down, option.iv, up].map(|iv| gain(moved, iv)));
    }
    for moved in parameters.extended_moves.map(ppm) {
        gains.push(gain(moved, up) * range / moved.abs());
    }
    let nudge = 1e-4;
    gains.push((gain(nudge, option.iv) - gain(-nudge, option.iv)) / (2.0 * nudge));
    let mut lanes = [0; LANES];
    for (lane, gain) in lanes.iter_mut().zip(gains) {
        *lane = (gain * 1e6).round() as i64;
    }
    RiskArray::new(lanes).expect("in range")
}
