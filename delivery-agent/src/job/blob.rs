//! The blob that a run leaves behind: its output, and the activations of a tolerant one.

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, serialize};

use super::activation::Activations;
use super::check::{Arithmetic, Program, Shape};
use super::commit;
use super::leaves::{self, BlobError};
use super::spec::Digest;

/// The tensor that is the result.
pub const OUTPUT: &str = "output";
/// Where in its chunk each kept activation stands.
pub const ACTIVATION_INDEX: &str = "activations.index";
/// The kept activations.
pub const ACTIVATION_VALUE: &str = "activations.value";

/// Why a blob is not what its result says.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It cannot be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A tensor is missing or otherwise than the job declares.
    #[error("tensor `{name}` of the output is missing or has another shape or kind")]
    Tensor {
        /// Which.
        name: &'static str,
    },
    /// Its rows have another root.
    #[error("output has root {found}, the result names {wanted}")]
    Root {
        /// Of these rows.
        found: Digest,
        /// In the result.
        wanted: Digest,
    },
}

/// Writes the blob. Numbers are as in a commitment: integers, or the bits of floats.
pub(super) fn write(
    program: &Program,
    shape: Shape,
    numbers: &[i32],
    activations: &Activations,
) -> Result<Vec<u8>, SafeTensorError> {
    let kind = kind(program);
    let output: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let (rows, columns) = shape.as_usize();
    let mut tensors = vec![(OUTPUT, TensorView::new(kind, vec![rows, columns], &output)?)];
    let (index, value) = activations.to_bytes();
    if program.hidden().is_some() {
        let shape = activations.shape();
        tensors.push((ACTIVATION_INDEX, TensorView::new(Dtype::U32, shape.clone(), &index)?));
        tensors.push((ACTIVATION_VALUE, TensorView::new(Dtype::BF16, shape, &value)?));
    }
    serialize(tensors, None)
}

/// Whether a blob holds the output that a result commits to.
///
/// # Errors
/// [`OutputError`], the first that applies.
pub fn output_matches(program: &Program, blob: &[u8], wanted: &Digest) -> Result<(), OutputError> {
    let shape = program.values()[program.output()].shape;
    let numbers = output_numbers(program, blob)?;
    let found = commit::tensor_root(shape, &numbers);
    if found == *wanted { Ok(()) } else { Err(OutputError::Root { found, wanted: *wanted }) }
}

/// The output in a blob, row after row; floats as their bits.
///
/// # Errors
/// [`OutputError::Blob`], [`OutputError::Tensor`].
pub fn output_numbers(program: &Program, blob: &[u8]) -> Result<Vec<i32>, OutputError> {
    let (rows, columns) = program.values()[program.output()].shape.as_usize();
    let held = leaves::open(OUTPUT, blob)?;
    let other = OutputError::Tensor { name: OUTPUT };
    let Ok(view) = held.tensor(OUTPUT) else { return Err(other) };
    if view.shape() != [rows, columns] || view.dtype() != kind(program) {
        return Err(other);
    }
    Ok(view.data().as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
}

/// The activations in the blob of a tolerant job.
///
/// # Errors
/// [`OutputError::Blob`], [`OutputError::Tensor`].
pub fn activations(blob: &[u8]) -> Result<Activations, OutputError> {
    let held = leaves::open(OUTPUT, blob)?;
    let part = |name: &'static str, kind: Dtype| {
        let view = held.tensor(name).ok().filter(|view| view.dtype() == kind);
        view.ok_or(OutputError::Tensor { name })
    };
    let (index, value) =
        (part(ACTIVATION_INDEX, Dtype::U32)?, part(ACTIVATION_VALUE, Dtype::BF16)?);
    Activations::from_bytes(index.data(), value.data())
        .ok_or(OutputError::Tensor { name: ACTIVATION_INDEX })
}

fn kind(program: &Program) -> Dtype {
    match program.arithmetic() {
        Arithmetic::Integer => Dtype::I32,
        Arithmetic::Float => Dtype::F32,
    }
}
