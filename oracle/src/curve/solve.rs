//! The arithmetic of the curve: a tridiagonal system once, a small positive matrix, both in fixed point.
//!
//! Every product is checked. Right shifts round down, which is less than one part in 2^40 of a unit wherever they stand.

use instruments::rounding::div_half_even;

use super::Days;

/// Fraction bits of answers, of their sums, and of variances.
pub(super) const FRACTION: i32 = 40;
/// Fraction bits of numbers between minus one and one.
const UNIT: i32 = 62;
const ONE: i128 = 1 << UNIT;
/// Fraction bits of the ones' half-solved vector.
const ONES: i32 = 50;
/// Bits that the largest gap is given, so that products with it fit.
const GAP_BITS: u32 = 46;

/// A number with so many more fraction bits, or fewer when negative, rounded down then. `None` when it does not fit.
pub(super) fn shifted(value: i128, by: i32) -> Option<i128> {
    let bits = by.unsigned_abs();
    if by < 0 {
        return Some(value.checked_shr(bits).unwrap_or(if value < 0 { -1 } else { 0 }));
    }
    if value == 0 {
        return Some(0);
    }
    1_i128.checked_shl(bits).filter(|power| 0 < *power)?.checked_mul(value)
}

/// A product that has lost so many fraction bits, rounded down.
fn product(a: i128, b: i128, lost: i32) -> Option<i128> {
    shifted(a.checked_mul(b)?, lost.saturating_neg())
}

/// `Σ a·b`, with so many fraction bits lost, rounded down once.
fn dot<'a>(
    a: impl IntoIterator<Item = &'a i128>,
    b: impl IntoIterator<Item = &'a i128>,
    lost: i32,
) -> Option<i128> {
    let mut sum = 0_i128;
    for (a, b) in a.into_iter().zip(b) {
        sum = sum.checked_add(a.checked_mul(*b)?)?;
    }
    shifted(sum, lost.saturating_neg())
}

/// The quadratic form of the daily steps, factored: `Σ (u[t] − u[t−1])² + Σ u[t]² / H²`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Steps {
    /// One over each pivot, with [`UNIT`] fraction bits.
    inverse: Vec<i128>,
}

impl Steps {
    /// For a curve of so many days: one step less.
    pub(super) fn new(days: usize, slope_days: u32) -> Option<Self> {
        let count = days.saturating_sub(1);
        let slope = i128::from(slope_days).checked_mul(i128::from(slope_days))?;
        let slope = div_half_even(ONE, slope.max(1));
        let mut inverse: Vec<i128> = Vec::with_capacity(count);
        for place in 0..count {
            let is_end = place == 0 || place.saturating_add(1) == count;
            let neighbours = if count == 1 { 0 } else { 2_i128.saturating_sub(i128::from(is_end)) };
            let diagonal = neighbours.checked_mul(ONE)?.checked_add(slope)?;
            let pivot = diagonal.checked_sub(inverse.last().copied().unwrap_or(0))?;
            inverse.push(div_half_even(shifted(ONE, UNIT)?, pivot.max(1)));
        }
        Some(Self { inverse })
    }

    /// The steps that a pull of one at a mean over days makes.
    pub(super) fn answer(&self, days: Days) -> Option<Vec<i128>> {
        let count = i128::from(days.count).max(1);
        let mut partial = Vec::with_capacity(self.inverse.len());
        let mut last = 0_i128;
        let places = 0_i128..;
        for (inverse, place) in self.inverse.iter().zip(places) {
            // How many of the days come after this step.
            let after = i128::from(days.end()).saturating_sub(1).saturating_sub(place);
            let pull = div_half_even(shifted(after.clamp(0, count), FRACTION)?, count);
            last = pull.checked_add(last)?;
            partial.push(last);
            last = product(last, *inverse, UNIT)?;
        }
        let mut next = 0_i128;
        for (answer, inverse) in partial.iter_mut().zip(&self.inverse).rev() {
            *answer = product(answer.checked_add(next)?, *inverse, UNIT)?;
            next = *answer;
        }
        Some(partial)
    }

    /// How much a mean over days varies before anything is quoted, around the first day.
    pub(super) fn variance(&self, days: Days) -> Option<i128> {
        mean_of(&sums(&self.answer(days)?), days)
    }
}

/// Sums over days of sums of steps: the mean over any days is a difference of two of them.
pub(super) fn sums(steps: &[i128]) -> Vec<i128> {
    let mut sums = Vec::with_capacity(steps.len().saturating_add(2));
    let (mut level, mut sum) = (0_i128, 0_i128);
    sums.push(sum);
    for step in std::iter::once(&0).chain(steps) {
        level = level.saturating_add(*step);
        sum = sum.saturating_add(level);
        sums.push(sum);
    }
    sums
}

/// The mean over days, rounded half to even.
pub(super) fn mean_of(sums: &[i128], days: Days) -> Option<i128> {
    let first = sums.get(usize::try_from(days.first).ok()?)?;
    let end = sums.get(usize::try_from(days.end()).ok()?)?;
    (0 < days.count).then_some(())?;
    Some(div_half_even(end.checked_sub(*first)?, i128::from(days.count)))
}

/// A positive matrix, scaled by powers of two to a diagonal below one and factored: `S (K + W) S = L Lᵀ`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matrix {
    /// By how many bits each row and column was made smaller.
    scale: Vec<i32>,
    /// The lower triangle, with [`UNIT`] fraction bits.
    lower: Vec<Vec<i128>>,
    /// `L⁻¹ S 1`, with [`ONES`] fraction bits.
    ones: Vec<i128>,
    /// The length of that, squared, with as many.
    ones_squared: i128,
}

impl Matrix {
    /// Of a lower triangle with [`FRACTION`] fraction bits.
    pub(super) fn new(rows: &[Vec<i128>]) -> Option<Self> {
        let scale: Option<Vec<i32>> =
            rows.iter().map(|row| row.last().map(|own| bits(*own))).collect();
        let scale = scale?;
        let mut lower: Vec<Vec<i128>> = Vec::with_capacity(rows.len());
        for (row, row_scale) in rows.iter().zip(&scale) {
            let mut new: Vec<i128> = Vec::with_capacity(row.len());
            for (place, (given, column_scale)) in row.iter().zip(&scale).enumerate() {
                let by = UNIT.saturating_sub(FRACTION).saturating_sub(*row_scale);
                let given = shifted(*given, by.saturating_sub(*column_scale))?;
                let other = lower.get(place).unwrap_or(&new);
                let rest = given.checked_sub(dot(new.iter(), other.iter().take(place), UNIT)?)?;
                let is_diagonal = place.saturating_add(1) == row.len();
                let number = if is_diagonal {
                    shifted(rest, UNIT)?.checked_isqrt().filter(|root| 0 < *root)?
                } else {
                    div_half_even(shifted(rest, UNIT)?, *other.get(place)?)
                };
                new.push(number);
            }
            lower.push(new);
        }
        let mut matrix = Self { scale, lower, ones: Vec::new(), ones_squared: 0 };
        let ones: Option<Vec<i128>> =
            matrix.scale.iter().map(|scale| shifted(1, ONES.saturating_sub(*scale))).collect();
        matrix.ones = matrix.forward(&ones?)?;
        matrix.ones_squared = dot(&matrix.ones, &matrix.ones, ONES)?;
        (0 < matrix.ones_squared).then_some(matrix)
    }

    /// `L⁻¹ v`.
    fn forward(&self, right: &[i128]) -> Option<Vec<i128>> {
        let mut solved: Vec<i128> = Vec::with_capacity(right.len());
        for (row, right) in self.lower.iter().zip(right) {
            let rest = right.checked_sub(dot(row, &solved, UNIT)?)?;
            solved.push(div_half_even(shifted(rest, UNIT)?, *row.last()?));
        }
        Some(solved)
    }

    /// `L⁻ᵀ v`.
    fn backward(&self, right: &[i128]) -> Option<Vec<i128>> {
        let mut rest = right.to_vec();
        for (place, row) in self.lower.iter().enumerate().rev() {
            let own = rest.get_mut(place)?;
            *own = div_half_even(shifted(*own, UNIT)?, *row.last()?);
            let own = *own;
            for (rest, number) in rest.iter_mut().take(place).zip(row) {
                *rest = rest.checked_sub(product(*number, own, UNIT)?)?;
            }
        }
        Some(rest)
    }

    /// What is added to each day so that the gaps close as far as their spreads ask: `α + Σ ν·answer`, rounded half to even.
    ///
    /// With `(K + W) ν + α 1 = gaps` and `Σ ν = 0`: the level `α` is free, and all pulls together leave it alone.
    pub(super) fn added(&self, gaps: &[i128], answers: &[Vec<i128>]) -> Option<Vec<i128>> {
        let widest = gaps.iter().map(|gap| gap.unsigned_abs()).max()?;
        let used = u128::BITS.saturating_sub(widest.leading_zeros());
        let fraction = i32::try_from(GAP_BITS.saturating_sub(used)).ok()?.min(30);
        let scaled = gaps.iter().zip(&self.scale);
        let scaled = scaled.map(|(gap, scale)| shifted(*gap, fraction.saturating_sub(*scale)));
        let half_solved = self.forward(&scaled.collect::<Option<Vec<_>>>()?)?;
        let level = shifted(dot(&self.ones, &half_solved, 0)?, 0)?;
        let level = div_half_even(level, self.ones_squared);
        let rest = half_solved
            .iter()
            .zip(&self.ones)
            .map(|(half, one)| half.checked_sub(product(level, *one, ONES)?));
        let pulls = self.backward(&rest.collect::<Option<Vec<_>>>()?)?;

        let steps = answers.first().map_or(0, Vec::len);
        let mut total = vec![0_i128; steps];
        for ((pull, scale), answer) in pulls.iter().zip(&self.scale).zip(answers) {
            for (total, step) in total.iter_mut().zip(answer) {
                *total = total.checked_add(product(*pull, *step, *scale)?)?;
            }
        }
        let all = fraction.saturating_add(FRACTION);
        let unit = shifted(1, all)?;
        let mut at = shifted(level, FRACTION)?;
        let mut added = Vec::with_capacity(steps.saturating_add(1));
        added.push(div_half_even(at, unit));
        for step in total {
            at = at.checked_add(step)?;
            added.push(div_half_even(at, unit));
        }
        Some(added)
    }

    /// What is left of a mean's variance once the contracts are known: `own − kᵀ(K + W)⁻¹k + (1 − 1ᵀ(K + W)⁻¹k)² / 1ᵀ(K + W)⁻¹1`.
    ///
    /// Takes and gives [`FRACTION`] fraction bits.
    pub(super) fn variance_left(&self, own: i128, shared: &[i128]) -> Option<i128> {
        let scale = bits(own.max(1));
        let by =
            |other: i32| UNIT.saturating_sub(FRACTION).saturating_sub(scale).saturating_sub(other);
        let scaled = shared.iter().zip(&self.scale);
        let scaled = scaled.map(|(shared, other)| shifted(*shared, by(*other)));
        let known = self.forward(&scaled.collect::<Option<Vec<_>>>()?)?;
        let left = shifted(own, by(scale))?.checked_sub(dot(&known, &known, UNIT)?)?.max(0);
        let left = shifted(left, by(scale).saturating_neg())?;

        let level = shifted(dot(&known, &self.ones, UNIT)?, scale)?;
        let unknown = shifted(1, ONES)?.checked_sub(level)?;
        let unknown = div_half_even(unknown.checked_mul(unknown)?, self.ones_squared);
        left.checked_add(shifted(unknown, FRACTION.saturating_sub(ONES))?)
    }
}

/// The least power of four, as a number of bits of its root, that is above a number with [`FRACTION`] fraction bits.
fn bits(own: i128) -> i32 {
    let used = i128::BITS.saturating_sub(own.max(1).leading_zeros());
    let above = i32::try_from(used).unwrap_or(i32::MAX).saturating_sub(FRACTION);
    above.saturating_add(1).div_euclid(2)
}
