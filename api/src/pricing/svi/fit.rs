//! From quoted volatilities to a smile.
//!
//! For a given turn `(m, s)` the curve is linear in the rest, `w = a + d y + c sqrt(y^2 + 1)` with `y = (k - m)/s` (De Marco and Martini,
//! 2009), so that part is solved, not searched: least squares on the faces of what the formula allows, the best face wins. The turn is
//! searched by Nelder and Mead's simplex from three fixed starts. A quote far from its neighbours, and then one far from the curve,
//! loses its weight (Tukey's biweight), and the curve is fitted again: a wrong quote in the end pulls at nothing.
//! A curve that can be traded against costs more than any misfit; if the best one still can, there is no smile.
//!
//! The number of steps is fixed, there is no random start and no clock: the same quotes give the same smile.

use thiserror::Error;

use super::{Smile, Svi, SviError};

/// The most quotes of one expiry.
pub const QUOTES_MAX: usize = 1_000;

/// A curve has five parameters; with fewer different strikes the smile before keeps its shape.
const STRIKES_MIN: usize = 5;

/// Steps of the simplex from each start.
const SIMPLEX_STEPS: u32 = 120;

/// Steps from the curve before.
const NEAR_STEPS: u32 = 50;

/// Fits after the first, each with the quotes weighed by how well they fitted before.
const REWEIGHTS: u32 = 8;

/// A quote off by so many median misfits no longer counts.
const OUTLIER: f64 = 7.0;

/// As far from the five around it a quote's volatility may be without losing weight in the first fit: 10 percentage points.
const NEIGHBOURLY: f64 = 0.1;

/// The median misfit counts at least as this: 0.2 percentage points.
const NOISE: f64 = 2e-3;

/// The largest weighted root mean square misfit, in volatility.
const MISFIT_MAX: f64 = 0.15;

/// Points at which a candidate's density is looked at during the search.
const DENSITY_POINTS: u32 = 48;

/// A volatility somebody quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote {
    /// `ln(K/F)`.
    pub k: f64,
    /// Its volatility, 1 = 100 % a year.
    pub iv: f64,
    /// How much it counts beside the others.
    pub weight: f64,
}

/// Why there is no new smile.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum FitError {
    /// Nobody quotes.
    #[error("no quotes")]
    NoQuotes,
    /// More than anyone quotes.
    #[error("{count} quotes, at most {QUOTES_MAX}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A figure of a quote that is no number, or makes no sense.
    #[error("quote {index}: {field} {value}: expected {expected}")]
    Quote {
        /// From 0.
        index: usize,
        /// Which figure.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// The quotes lie on no such curve.
    #[error("misfit {misfit} in volatility, at most {MISFIT_MAX}")]
    Misfit {
        /// Root mean square.
        misfit: f64,
    },
    /// The best curve can be traded against.
    #[error(transparent)]
    Arbitrage(#[from] SviError),
}

/// Fits the smile of one expiry. `before` gives the shape where there are too few quotes for one.
///
/// # Errors
/// [`FitError`]; then `before` is the smile to go on with.
pub fn fit(quotes: &[Quote], years: f64, before: Option<&Smile>) -> Result<Smile, FitError> {
    check(quotes, years)?;
    let mut strikes: Vec<f64> = quotes.iter().map(|quote| quote.k).collect();
    strikes.sort_by(f64::total_cmp);
    strikes.dedup();
    if strikes.len() < STRIKES_MIN {
        return level(quotes, years, before);
    }
    let mut points: Vec<Point> = quotes.iter().map(|quote| Point::of(quote, years)).collect();
    for (point, distance) in points.iter_mut().zip(distances_from_neighbours(quotes)) {
        point.weight *= (NEIGHBOURLY / distance.max(NEIGHBOURLY)).powi(4);
    }
    let mut best = search(&points);
    for _ in 0..REWEIGHTS {
        let misfits = quotes.iter().map(|quote| misfit(&best, quote, years).abs());
        let misfits: Vec<f64> = misfits.collect();
        let limit = OUTLIER * median(misfits.clone()).max(NOISE);
        for ((point, quote), misfit) in points.iter_mut().zip(quotes).zip(misfits) {
            let trust = 1.0 - (misfit / limit).powi(2);
            point.weight = quote.weight * trust.max(0.0).powi(2);
        }
        best = search_near(&points, &best);
    }
    let total: f64 = points.iter().map(|point| point.weight).sum();
    let squares = quotes.iter().zip(&points);
    let squares = squares.map(|(quote, point)| point.weight * misfit(&best, quote, years).powi(2));
    let misfit = (squares.sum::<f64>() / total).sqrt();
    if misfit <= MISFIT_MAX { Ok(best.check()?) } else { Err(FitError::Misfit { misfit }) }
}

/// How far each quote is from the median of the five around it.
fn distances_from_neighbours(quotes: &[Quote]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..quotes.len()).collect();
    order.sort_by(|&one, &other| quotes[one].k.total_cmp(&quotes[other].k));
    let mut distances = vec![0.0; quotes.len()];
    for (place, &at) in order.iter().enumerate() {
        let around = &order[place.saturating_sub(2)..(place + 3).min(order.len())];
        let median = median(around.iter().map(|&near| quotes[near].iv).collect());
        distances[at] = (quotes[at].iv - median).abs();
    }
    distances
}

fn check(quotes: &[Quote], years: f64) -> Result<(), FitError> {
    if quotes.is_empty() {
        return Err(FitError::NoQuotes);
    }
    if QUOTES_MAX < quotes.len() {
        return Err(FitError::TooMany { count: quotes.len() });
    }
    for (quote, index) in quotes.iter().zip(0..) {
        let positive = |value: f64, high: f64| 0.0 < value && value <= high;
        for (field, value, holds, expected) in [
            ("k", quote.k, quote.k.abs() <= 10.0, "-10 to 10"),
            ("iv", quote.iv, positive(quote.iv, 100.0), "above 0 and at most 100"),
            ("weight", quote.weight, positive(quote.weight, 1e9), "above 0 and at most 1e9"),
            ("T", years, positive(years, 1_000.0), "above 0 and at most 1000 years"),
        ] {
            if !holds {
                return Err(FitError::Quote { index, field, value, expected });
            }
        }
    }
    Ok(())
}

/// The smile before, moved up or down as a whole to where the few quotes are.
fn level(quotes: &[Quote], years: f64, before: Option<&Smile>) -> Result<Smile, FitError> {
    let shape = before.map_or_else(|| Svi::flat(1.0, years), |smile| *smile.svi());
    let ratios = quotes.iter().map(|it| it.iv * it.iv * years / shape.variance(it.k));
    Ok(shape.scaled(median(ratios.collect())).check()?)
}

fn misfit(curve: &Svi, quote: &Quote, years: f64) -> f64 {
    (curve.variance(quote.k).max(0.0) / years).sqrt() - quote.iv
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), values.len() % 2) {
        (Some(high), 0) => 0.5 * (values[half - 1] + high),
        (Some(middle), _) => *middle,
        (None, _) => 0.0,
    }
}

/// A quote as total variance.
#[derive(Debug, Clone, Copy)]
struct Point {
    k: f64,
    variance: f64,
    /// Of a squared misfit in volatility.
    weight: f64,
    /// Of a squared misfit in variance: a volatility is the flatter function of it the higher it is.
    variance_weight: f64,
}

impl Point {
    fn of(quote: &Quote, years: f64) -> Self {
        let slope = 2.0 * quote.iv * years;
        Self {
            k: quote.k,
            variance: quote.iv * quote.iv * years,
            weight: quote.weight,
            variance_weight: (slope * slope).recip(),
        }
    }

    fn effective(&self) -> f64 {
        self.weight * self.variance_weight
    }
}

/// The best curve over all starts.
fn search(points: &[Point]) -> Svi {
    let low = points.iter().map(|point| point.k).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.k).fold(f64::NEG_INFINITY, f64::max);
    let width = (high - low).max(0.01);
    let lowest = points.iter().min_by(|one, other| one.variance.total_cmp(&other.variance));
    let turn = lowest.map_or(0.0, |point| point.k);
    let starts = [(turn, 0.3), (0.5 * (low + high), 1.0), (0.0, 0.1)];
    let found = starts.map(|(m, part)| {
        let start = [m, (part * width).ln()];
        simplex(&|turn| cost(points, turn), start, [0.3 * width, 0.7], SIMPLEX_STEPS)
    });
    let best = found.iter().min_by(|one, other| one.0.total_cmp(&other.0));
    best.map_or_else(|| Svi::flat(1.0, 1.0), |(_, svi)| *svi)
}

/// The best curve near another.
fn search_near(points: &[Point], other: &Svi) -> Svi {
    let start = [other.m, other.s.ln()];
    simplex(&|turn| cost(points, turn), start, [0.3 * other.s, 0.3], NEAR_STEPS).1
}

fn cost(points: &[Point], [m, log_s]: [f64; 2]) -> (f64, Svi) {
    let curve = solve(points, m.clamp(-10.0, 10.0), log_s.clamp(-7.0, 3.0).exp());
    (curve.cost + curve.penalty(points), curve.svi)
}

/// Nelder and Mead's search over two numbers, with a fixed number of steps.
fn simplex(
    cost: &impl Fn([f64; 2]) -> (f64, Svi),
    start: [f64; 2],
    size: [f64; 2],
    steps: u32,
) -> (f64, Svi) {
    let along = |from: [f64; 2], to: [f64; 2], part: f64| {
        [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])]
    };
    let corner = |at: [f64; 2]| (cost(at), at);
    let [m, log_s] = start;
    let mut corners = [start, [m + size[0], log_s], [m, log_s + size[1]]].map(corner);
    for _ in 0..steps {
        corners.sort_by(|one, other| one.0.0.total_cmp(&other.0.0));
        let [best, good, bad] = corners;
        let middle = along(best.1, good.1, 0.5);
        let reflected = corner(along(middle, bad.1, -1.0));
        corners[2] = if reflected.0.0 < best.0.0 {
            let expanded = corner(along(middle, bad.1, -2.0));
            if expanded.0.0 < reflected.0.0 { expanded } else { reflected }
        } else if reflected.0.0 < good.0.0 {
            reflected
        } else {
            let contracted = corner(along(middle, bad.1, 0.5));
            if contracted.0.0 < bad.0.0 {
                contracted
            } else {
                corners[1] = corner(along(best.1, good.1, 0.5));
                corner(along(best.1, bad.1, 0.5))
            }
        };
    }
    corners.sort_by(|one, other| one.0.0.total_cmp(&other.0.0));
    corners[0].0
}

/// A curve with the sum of its weighted squared misfits.
struct Solved {
    svi: Svi,
    cost: f64,
}

impl Solved {
    /// More than any misfit, for a density below zero near the quotes.
    fn penalty(&self, points: &[Point]) -> f64 {
        let total: f64 = points.iter().map(|point| point.weight).sum();
        // `sinh z` at even steps of `z`, by multiplying `exp z`.
        let end = (3.0 / self.svi.s).asinh();
        let factor = (2.0 * end / f64::from(DENSITY_POINTS)).exp();
        let places = std::iter::successors(Some((-end).exp()), |exp| Some(exp * factor));
        let lowest = places
            .take(DENSITY_POINTS as usize + 1)
            .map(|exp| self.svi.g(self.svi.m + 0.5 * self.svi.s * (exp - exp.recip())));
        // A little above zero, so that what lies between the points is above it, too.
        let short = (1e-3 - lowest.fold(f64::INFINITY, f64::min)).max(0.0);
        total * short * (1.0 + short)
    }
}

/// What the unknown parts of `w = a + p up + q down` are multiplied by at one point.
struct Row {
    features: [f64; 3],
    variance: f64,
    weight: f64,
}

/// The curve with this turn, best in the rest: on the inside of what is allowed, or on one of its faces.
fn solve(points: &[Point], m: f64, s: f64) -> Solved {
    // Slopes of both wings stay below Lee's bound with room to spare, the variance above zero.
    let wing_max = 0.95 * s;
    let rows: Vec<Row> = points.iter().map(|point| Row::of(point, m, s)).collect();
    let normal = normal_equations(&rows);
    let total = normal[0][0];
    let least = points.iter().map(|it| it.variance).fold(f64::INFINITY, f64::min);
    let mut best = Solved { svi: Svi::flat(1.0, 1.0), cost: f64::INFINITY };
    for free in [[true, true, true], [true, true, false], [true, false, true], [true, false, false]]
    {
        let [_, p, q] = solution(&normal, free);
        // A NaN, of points that all lie in one place, becomes nothing.
        let (p, q) = (p.max(0.0).min(wing_max), q.max(0.0).min(wing_max));
        let [_, up, down, level] = normal[0];
        let a = ((level - p * up - q * down) / total).max(0.02 * least - 2.0 * (p * q).sqrt());
        let cost = rows.iter().map(|row| {
            let [_, up, down] = row.features;
            row.weight * (a + p * up + q * down - row.variance).powi(2)
        });
        let cost = cost.sum();
        if cost < best.cost {
            let b = (p + q) / s;
            let rho = if 0.0 < b { ((p - q) / (p + q)).clamp(-0.999, 0.999) } else { 0.0 };
            best = Solved { svi: Svi { a, b, rho, m, s }, cost };
        }
    }
    best
}

impl Row {
    /// `up` and `down` are the two branches of the hyperbola, at least 0 each: `c = p + q`, `d = p - q`.
    fn of(point: &Point, m: f64, s: f64) -> Self {
        let y = (point.k - m) / s;
        let root = (y * y + 1.0).sqrt();
        Self {
            features: [1.0, root + y, root - y],
            variance: point.variance,
            weight: point.effective(),
        }
    }
}

/// Of weighted least squares in three unknowns, with a ridge of one part in a trillion for those that nothing tells apart.
fn normal_equations(rows: &[Row]) -> [[f64; 4]; 3] {
    let mut normal = [[0.0; 4]; 3];
    for Row { features, variance, weight } in rows {
        for (equation, feature) in normal.iter_mut().zip(features) {
            let by = features.iter().chain([variance]);
            equation.iter_mut().zip(by).for_each(|(sum, other)| *sum += weight * feature * other);
        }
    }
    let scale = normal[0][0].max(normal[1][1]).max(normal[2][2]);
    for (at, equation) in normal.iter_mut().enumerate() {
        equation[at] += 1e-12 * scale;
    }
    normal
}

/// The unknowns, with those that are not free at zero.
fn solution(normal: &[[f64; 4]; 3], free: [bool; 3]) -> [f64; 3] {
    let mut normal = *normal;
    for at in (0..3).filter(|at| !free[*at]) {
        normal.iter_mut().for_each(|equation| equation[at] = 0.0);
        normal[at] = [0.0; 4];
        normal[at][at] = 1.0;
    }
    for pivot in 0..3 {
        for row in pivot + 1..3 {
            let (above, below) = normal.split_at_mut(row);
            let part = below[0][pivot] / above[pivot][pivot];
            for (left, taken) in below[0].iter_mut().zip(above[pivot]) {
                *left -= part * taken;
            }
        }
    }
    let mut unknown = [0.0; 3];
    for row in (0..3).rev() {
        let known: f64 = (row + 1..3).map(|column| normal[row][column] * unknown[column]).sum();
        unknown[row] = (normal[row][3] - known) / normal[row][row];
    }
    unknown
}
