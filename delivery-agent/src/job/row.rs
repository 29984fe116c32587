//! One row of one operation in plain integers: the specification, and all that a referee computes.
//!
//! Invariants:
//! - for a product this is one pass over the right operand: n^2 work, row after row, nothing kept;
//! - rows of operands are asked for, never assumed: who asks has checked them.

use super::check::{Program, Shape, shift_down};
use super::op::Op;

/// Pairs of products of two factors of at most 2^11 whose sum fits 32 bits.
const PAIRS: u32 = 128;

/// Where operands' rows come from.
pub trait Rows {
    /// Why a row is not to be had.
    type Missing;

    /// Puts row `row` of the `operand`-th operand into `values`.
    ///
    /// # Errors
    /// When there is no such row.
    fn row(&mut self, operand: usize, row: u32, values: &mut Vec<i32>)
    -> Result<(), Self::Missing>;
}

/// Row `row` of node `node`.
///
/// # Errors
/// The source's.
pub fn compute<R: Rows>(
    program: &Program,
    node: usize,
    row: u32,
    rows: &mut R,
) -> Result<Vec<i32>, R::Missing> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let shape_of = |value: &usize| program.values()[*value].shape;
    match &program.ops()[node] {
        Op::Matmul { a, b, shift } => {
            rows.row(0, row, &mut first)?;
            first.resize(shape_of(a).columns as usize, 0);
            let sums = sums(rows, &first, shape_of(b).columns as usize)?;
            Ok(sums.into_iter().map(|sum| narrow(shift_down(sum, *shift))).collect())
        }
        Op::Add { b, .. } => of_two(rows, row, shape_of(b), i32::wrapping_add),
        Op::Sub { b, .. } => of_two(rows, row, shape_of(b), i32::wrapping_sub),
        Op::Mul { b, .. } => of_two(rows, row, shape_of(b), i32::wrapping_mul),
        Op::Table { first: begin, .. } => {
            rows.row(0, row, &mut first)?;
            rows.row(1, 0, &mut second)?;
            let held = |value: &i32| usize::try_from(value.wrapping_sub(*begin)).ok();
            Ok(first.iter().map(|value| entry(&second, held(value))).collect())
        }
        Op::Gather { table, .. } => {
            rows.row(1, row, &mut first)?;
            let id = first.first().and_then(|id| u32::try_from(*id).ok()).unwrap_or_default();
            rows.row(0, id.min(shape_of(table).rows - 1), &mut second)?;
            Ok(second)
        }
        Op::Concat { .. } => {
            rows.row(0, row, &mut first)?;
            rows.row(1, row, &mut second)?;
            first.extend(second);
            Ok(first)
        }
        Op::Transpose { a } => column(rows, row, shape_of(a).rows),
        Op::Reshape { a, shape } => reshaped(rows, row, shape_of(a).columns, shape[1]),
        Op::Slice { rows: [from, _], columns: [left, width], .. } => {
            rows.row(0, from + row, &mut first)?;
            Ok(first[*left as usize..][..*width as usize].to_vec())
        }
        op @ (Op::Scale { .. }
        | Op::Rescale { .. }
        | Op::Renorm { .. }
        | Op::Sign { .. }
        | Op::ArgMax { .. }
        | Op::OneHot { .. }
        | Op::Gelu { .. }
        | Op::Silu { .. }
        | Op::Softmax { .. }
        | Op::LayerNorm { .. }
        | Op::RmsNorm { .. }) => {
            rows.row(0, row, &mut first)?;
            Ok(alone(op, &first))
        }
    }
}

/// Element by element, with one row of `b` for all or one for each.
fn of_two<R: Rows>(
    rows: &mut R,
    row: u32,
    b: Shape,
    of: fn(i32, i32) -> i32,
) -> Result<Vec<i32>, R::Missing> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    rows.row(0, row, &mut left)?;
    rows.row(1, if b.rows == 1 { 0 } else { row }, &mut right)?;
    Ok(left.iter().zip(&right).map(|(a, b)| of(*a, *b)).collect())
}

fn column<R: Rows>(rows: &mut R, column: u32, count: u32) -> Result<Vec<i32>, R::Missing> {
    let (mut values, mut out) = (Vec::new(), Vec::with_capacity(count as usize));
    for row in 0..count {
        rows.row(0, row, &mut values)?;
        out.push(entry(&values, Some(column as usize)));
    }
    Ok(out)
}

fn reshaped<R: Rows>(
    rows: &mut R,
    row: u32,
    width: u32,
    columns: u32,
) -> Result<Vec<i32>, R::Missing> {
    let (mut values, mut out) = (Vec::new(), Vec::with_capacity(columns as usize));
    let (mut at, width) = (u64::from(row) * u64::from(columns), width as usize);
    while out.len() < columns as usize {
        let (from, skipped) = (at / width as u64, (at % width as u64) as usize);
        rows.row(0, u32::try_from(from).unwrap_or(u32::MAX), &mut values)?;
        let wanted = columns as usize - out.len();
        let part = &values[skipped..width.min(skipped + wanted)];
        out.extend_from_slice(part);
        at += part.len() as u64;
    }
    Ok(out)
}

/// Operations of which a row needs only the same row of one operand.
fn alone(op: &Op<usize>, row: &[i32]) -> Vec<i32> {
    let each = |value: &dyn Fn(i32) -> i32| row.iter().map(|of| value(*of)).collect();
    match op {
        Op::Scale { by, .. } => each(&|value| value.wrapping_mul(*by)),
        Op::Rescale { shift, low, high, .. } => each(&|value| {
            narrow(shift_down(value.into(), *shift).clamp((*low).into(), (*high).into()))
        }),
        Op::Renorm { shift, bits, .. } => each(&|value| {
            let kept = shift_down(value.into(), *shift).rem_euclid(1 << bits);
            narrow(kept - (1 << (bits - 1)))
        }),
        Op::Sign { .. } => each(&i32::signum),
        Op::ArgMax { .. } => {
            let greatest = row.iter().max();
            let at = row.iter().position(|value| Some(value) == greatest);
            vec![at.and_then(|at| i32::try_from(at).ok()).unwrap_or_default()]
        }
        Op::OneHot { width, .. } => {
            let hot = row.first().copied().unwrap_or_default();
            (0..*width).map(|column| i32::from(i64::from(column) == i64::from(hot))).collect()
        }
        Op::Matmul { .. }
        | Op::Add { .. }
        | Op::Sub { .. }
        | Op::Mul { .. }
        | Op::Table { .. }
        | Op::Gather { .. }
        | Op::Transpose { .. }
        | Op::Reshape { .. }
        | Op::Slice { .. }
        | Op::Concat { .. }
        | Op::Gelu { .. }
        | Op::Silu { .. }
        | Op::Softmax { .. }
        | Op::LayerNorm { .. }
        | Op::RmsNorm { .. } => unreachable!("{} is not of one row of integers", op.name()),
    }
}

/// One row of a product: `left` times the rows of the second operand, two at a time.
///
/// Factors have eleven bits and a sign, so a pair of them is one instruction on every x86-64, and as
/// many pairs as [`PAIRS`] fit 32 bits.
fn sums<R: Rows>(rows: &mut R, left: &[i32], columns: usize) -> Result<Vec<i64>, R::Missing> {
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let mut pairs = vec![[0_i16; 2]; columns];
    let (mut near, mut far) = (vec![0_i32; columns], vec![0_i64; columns]);
    for (number, factors) in (0_u32..).zip(left.chunks(2)) {
        rows.row(1, 2 * number, &mut upper)?;
        lower.clear();
        if let [_, _] = factors {
            rows.row(1, 2 * number + 1, &mut lower)?;
        }
        lower.resize(columns, 0);
        for ((pair, upper), lower) in pairs.iter_mut().zip(&upper).zip(&lower) {
            *pair = [*upper as i16, *lower as i16];
        }
        let factor = |at: usize| factors.get(at).map_or(0, |factor| i32::from(*factor as i16));
        let (first, second) = (factor(0), factor(1));
        for (sum, [upper, lower]) in near.iter_mut().zip(&pairs) {
            let both = first.wrapping_mul(i32::from(*upper));
            *sum = sum.wrapping_add(both.wrapping_add(second.wrapping_mul(i32::from(*lower))));
        }
        if number % PAIRS == PAIRS - 1 {
            carry(&mut near, &mut far);
        }
    }
    carry(&mut near, &mut far);
    Ok(far)
}

fn carry(near: &mut [i32], far: &mut [i64]) {
    for (far, near) in far.iter_mut().zip(near) {
        *far = far.wrapping_add(i64::from(std::mem::take(near)));
    }
}

/// Zero where a program that was checked never looks.
fn entry(row: &[i32], at: Option<usize>) -> i32 {
    at.and_then(|at| row.get(at)).copied().unwrap_or_default()
}

/// A value of a program has at most 25 bits.
fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or_default()
}
