//! Float operations on a candle device, for tolerant and redundant jobs.
//!
//! Invariant: nothing here is ever compared bit for bit between devices that are not alike.

use candle_core::{D, DType, Result, Tensor};

use super::exact::gather;
use super::op::Op;

/// Keeps the norms of a row of zeros finite.
const EPSILON: f64 = 1e-5;

/// Computes one node. `inputs` are its operands, in the order of [`Op::operands`].
///
/// # Errors
/// The device's.
pub(super) fn apply(op: &Op<usize>, inputs: &[&Tensor]) -> Result<Tensor> {
    let first = inputs[0];
    let second = inputs.get(1).copied().unwrap_or(first);
    match op {
        Op::Matmul { .. } => first.contiguous()?.matmul(&second.contiguous()?),
        Op::Add { .. } => first.broadcast_add(second),
        Op::Sub { .. } => first.broadcast_sub(second),
        Op::Mul { .. } => first.broadcast_mul(second),
        Op::Scale { by, shift, .. } => {
            first.affine(f64::from(*by) / f64::from(1_u32 << shift), 0.0)
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
        Op::Gelu { .. } => first.gelu(),
        Op::Silu { .. } => first.silu(),
        Op::Softmax { .. } => by_rows(first, |row| {
            let raised = row.broadcast_sub(&row.max_keepdim(D::Minus1)?)?.exp()?;
            raised.broadcast_div(&raised.sum_keepdim(D::Minus1)?)
        }),
        Op::LayerNorm { .. } => by_rows(first, |row| {
            over_root_mean_square(&row.broadcast_sub(&row.mean_keepdim(D::Minus1)?)?)
        }),
        Op::RmsNorm { .. } => by_rows(first, over_root_mean_square),
        Op::Rescale { .. }
        | Op::Renorm { .. }
        | Op::Sign { .. }
        | Op::Table { .. }
        | Op::ArgMax { .. }
        | Op::OneHot { .. } => unreachable!("a program of floats has no such operation"),
    }
}

fn over_root_mean_square(row: &Tensor) -> Result<Tensor> {
    let mean_square = row.sqr()?.mean_keepdim(D::Minus1)?;
    row.broadcast_div(&(mean_square + EPSILON)?.sqrt()?)
}

/// Sums over a row are taken in single precision whatever the rows are kept in.
fn by_rows(a: &Tensor, of: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    of(&a.to_dtype(DType::F32)?)?.to_dtype(a.dtype())
}
