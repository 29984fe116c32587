//! Integer operations on a candle device: every value is an integer that f32 holds.
//!
//! Invariants:
//! - each operation gives what [`super::row`] says in integers, bit for bit, on every device: sums are
//!   exact in any order, and all other steps are powers of two, floors and comparisons;
//! - candle's random generator and its `argmax`, which leaves ties to the device, are not used.

use candle_core::{DType, Device, Result, Tensor};

use super::check::{Program, Range, Value, block_of};
use super::op::Op;

/// Computes one node. `inputs` are its operands, in the order of [`Op::operands`].
///
/// # Errors
/// The device's.
pub(super) fn apply(
    program: &Program,
    op: &Op<usize>,
    inputs: &[&Tensor],
    device: &Device,
) -> Result<Tensor> {
    let first = inputs[0];
    let second = inputs.get(1).copied().unwrap_or(first);
    match op {
        Op::Matmul { a, b, shift } => {
            let (a, b) = (program.values()[*a], program.values()[*b]);
            product(first, second, block(a, b), *shift)
        }
        Op::Add { .. } => first.broadcast_add(second),
        Op::Sub { .. } => first.broadcast_sub(second),
        Op::Mul { .. } => first.broadcast_mul(second),
        Op::Scale { by, .. } => first.affine(f64::from(*by), 0.0),
        Op::Rescale { shift, low, high, .. } => {
            shifted(first, *shift)?.clamp(f64::from(*low), f64::from(*high))
        }
        Op::Renorm { shift, bits, .. } => {
            let kept = shifted(first, *shift)?;
            let window = f64::from(1_u32 << bits);
            let wrapped = (&kept - ((&kept * window.recip())?.floor()? * window)?)?;
            wrapped - window / 2.0
        }
        Op::Sign { .. } => first.clamp(-1.0, 1.0),
        Op::Table { first: begin, .. } => {
            let at = first.affine(1.0, -f64::from(*begin))?.flatten_all()?.to_dtype(DType::U32)?;
            second.flatten_all()?.index_select(&at, 0)?.reshape(first.shape())
        }
        Op::ArgMax { .. } => leftmost_greatest(first, device),
        Op::OneHot { width, .. } => {
            first.broadcast_eq(&columns(*width, device)?)?.to_dtype(DType::F32)
        }
        Op::Gather { .. } => gather(first, second),
        Op::Transpose { .. } => first.t()?.contiguous(),
        Op::Reshape { shape: [rows, columns], .. } => {
            first.reshape((*rows as usize, *columns as usize))
        }
        Op::Slice { rows, columns, .. } => {
            let [rows, columns] = [rows, columns].map(|part| part.map(|number| number as usize));
            let part = first.narrow(0, rows[0], rows[1])?;
            part.narrow(1, columns[0], columns[1])?.contiguous()
        }
        Op::Concat { .. } => Tensor::cat(&[first, second], 1),
        Op::Gelu { .. }
        | Op::Silu { .. }
        | Op::Softmax { .. }
        | Op::LayerNorm { .. }
        | Op::RmsNorm { .. } => unreachable!("a program of integers has no such operation"),
    }
}

/// The rows of a table that ids name.
pub(super) fn gather(table: &Tensor, ids: &Tensor) -> Result<Tensor> {
    table.contiguous()?.index_select(&ids.flatten_all()?.to_dtype(DType::U32)?, 0)
}

/// How many products are summed at a time: all of them, mostly.
fn block(a: Value, b: Value) -> usize {
    let none = Range { low: 0, high: 0 };
    let (inner, a, b) = (a.shape.columns, a.range.unwrap_or(none), b.range.unwrap_or(none));
    block_of(a, b, inner) as usize
}

/// `floor(a b / 2^shift)`.
///
/// One block is a product as it stands. Of several, each is taken apart at the shift: what lies above
/// is summed, what lies below is summed, and what the lower sum carries is added to the upper.
fn product(a: &Tensor, b: &Tensor, block: usize, shift: u8) -> Result<Tensor> {
    let inner = a.dim(1)?;
    if inner <= block {
        return shifted(&a.contiguous()?.matmul(&b.contiguous()?)?, shift);
    }
    let scale = f64::from(1_u32 << shift);
    let (mut upper, mut lower): (Option<Tensor>, Option<Tensor>) = (None, None);
    for first in (0..inner).step_by(block) {
        let len = block.min(inner - first);
        let left = a.narrow(1, first, len)?.contiguous()?;
        let sum = left.matmul(&b.narrow(0, first, len)?.contiguous()?)?;
        let above = shifted(&sum, shift)?;
        let below = (&sum - (&above * scale)?)?;
        upper = Some(upper.map_or(Ok(above.clone()), |upper| upper + &above)?);
        lower = Some(lower.map_or(Ok(below.clone()), |lower| lower + &below)?);
    }
    match (upper, lower) {
        (Some(upper), Some(lower)) => upper + shifted(&lower, shift)?,
        (_, _) => unreachable!("a product has at least one block"),
    }
}

fn shifted(a: &Tensor, shift: u8) -> Result<Tensor> {
    if shift == 0 {
        return Ok(a.clone());
    }
    (a * f64::from(1_u32 << shift).recip())?.floor()
}

/// Value and place as one number, so that the greatest is unique.
fn leftmost_greatest(a: &Tensor, device: &Device) -> Result<Tensor> {
    let width = a.dim(1)?;
    let places = width.next_power_of_two() as f64;
    let from_the_right = columns(width as u32, device)?.affine(-1.0, places - 1.0)?;
    let keys = (a * places)?.broadcast_add(&from_the_right)?;
    let greatest = keys.max_keepdim(1)?;
    let value = ((&greatest * places.recip())?.floor()? * places)?;
    (greatest - value)?.affine(-1.0, places - 1.0)
}

/// 0, 1, 2 .. as one row.
fn columns(width: u32, device: &Device) -> Result<Tensor> {
    let numbers: Vec<f32> = (0..width).map(|number| number as f32).collect();
    Tensor::from_vec(numbers, (1, width as usize), device)
}
