//! The tensors a job begins with, read from two safetensors blobs.
//!
//! Invariants:
//! - the hash of a blob is checked before anything in it is looked at;
//! - header, number of tensors, offsets and lengths are within our limits, not only the format's;
//! - every tensor that the job declares is there as declared, every value within its declared range,
//!   and nothing else is there.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorView};

use super::check::{Program, Range, Shape};
use super::spec::{BlobName, Digest, NumberKind, TENSORS_MAX, TensorDecl};

/// Longest header of a blob; the format allows a hundred times as much.
pub const HEADER_LEN_MAX: u64 = 1 << 20;
/// Bytes that say how long the header is.
const PREFIX: usize = 8;

/// Why a blob cannot be used. Each names the blob.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Not the blob that the job names.
    #[error("{blob} has hash {found}, the job names {wanted}")]
    Hash {
        /// Which.
        blob: &'static str,
        /// Of these bytes.
        found: Digest,
        /// In the spec.
        wanted: Digest,
    },
    /// The header is longer than ours may be, or than the blob.
    #[error("{blob} has a header of {len} bytes, limit {limit}")]
    Header {
        /// Which.
        blob: &'static str,
        /// What the prefix says.
        len: u64,
        /// At most.
        limit: u64,
    },
    /// Too many tensors.
    #[error("{blob} has {count} tensors, limit {TENSORS_MAX}")]
    Tensors {
        /// Which.
        blob: &'static str,
        /// How many.
        count: usize,
    },
    /// Not safetensors: header, offsets or lengths do not agree.
    #[error("{blob} is not safetensors: {source}")]
    Format {
        /// Which.
        blob: &'static str,
        /// What the reader says.
        source: safetensors::SafeTensorError,
    },
    /// A tensor that the job declares is missing or otherwise, or one is there that it does not.
    #[error("{blob}: tensor `{name}` {why}")]
    Tensor {
        /// Which.
        blob: &'static str,
        /// The tensor.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A value is outside what is declared.
    #[error("{blob}: `{name}` holds {value}, declared {low}..={high}")]
    Value {
        /// Which.
        blob: &'static str,
        /// The tensor.
        name: String,
        /// The first such value.
        value: i64,
        /// Least declared.
        low: i64,
        /// Greatest declared.
        high: i64,
    },
}

/// Both blobs and where each tensor lies in them.
#[derive(Debug, Clone)]
pub struct Leaves {
    weights: Vec<u8>,
    inputs: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    blob: BlobName,
    first: usize,
    kind: NumberKind,
    /// Whole, whatever a step sees of it.
    shape: Shape,
}

impl Leaves {
    /// Reads both blobs of a job.
    ///
    /// # Errors
    /// [`BlobError`], the first that applies.
    pub fn read(program: &Program, weights: Vec<u8>, inputs: Vec<u8>) -> Result<Self, BlobError> {
        let spec = program.spec();
        let mut places = vec![None; spec.tensors.len()];
        for (blob, bytes, wanted) in
            [(BlobName::Weights, &weights, spec.weights), (BlobName::Inputs, &inputs, spec.inputs)]
        {
            find_tensors(blob, bytes, wanted, &spec.tensors, &mut places)?;
        }
        let missing = |(place, tensor): (Option<Place>, &TensorDecl)| {
            let (blob, name) = (tensor.blob.name(), tensor.name.clone());
            place.ok_or(BlobError::Tensor { blob, name, why: "is missing" })
        };
        let places =
            places.into_iter().zip(&spec.tensors).map(missing).collect::<Result<_, _>>()?;
        let leaves = Self { weights, inputs, places };
        leaves.check_values(&spec.tensors)?;
        Ok(leaves)
    }

    /// The shape of a whole tensor.
    #[must_use]
    pub fn shape(&self, tensor: usize) -> Shape {
        self.places[tensor].shape
    }

    /// A whole tensor of integers, row after row.
    #[must_use]
    pub fn integers(&self, tensor: usize) -> Vec<i32> {
        let place = self.places[tensor];
        let mut values = Vec::new();
        integers(self.bytes(place, 0, place.shape.rows), place.kind, &mut values);
        values
    }

    /// One row of a tensor of integers, into `values`.
    pub fn row(&self, tensor: usize, row: u32, values: &mut Vec<i32>) {
        let place = self.places[tensor];
        integers(self.bytes(place, row, 1), place.kind, values);
    }

    /// A whole tensor as the device sees it.
    #[must_use]
    pub fn floats(&self, tensor: usize) -> Vec<f32> {
        let place = self.places[tensor];
        let bytes = self.bytes(place, 0, place.shape.rows);
        match place.kind {
            NumberKind::F32 => {
                bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            NumberKind::Bf16 => {
                let widened = |bytes: &[u8; 2]| u32::from(u16::from_le_bytes(*bytes)) << 16;
                bytes.as_chunks().0.iter().map(|bytes| f32::from_bits(widened(bytes))).collect()
            }
            NumberKind::I8 | NumberKind::U8 | NumberKind::I16 | NumberKind::I32 => {
                self.integers(tensor).into_iter().map(|value| value as f32).collect()
            }
        }
    }

    fn bytes(&self, place: Place, row: u32, rows: u32) -> &[u8] {
        let bytes = match place.blob {
            BlobName::Weights => &self.weights,
            BlobName::Inputs => &self.inputs,
        };
        let row_len = place.shape.columns as usize * place.kind.width() as usize;
        &bytes[place.first + row as usize * row_len..][..rows as usize * row_len]
    }

    fn check_values(&self, tensors: &[TensorDecl]) -> Result<(), BlobError> {
        let mut values = Vec::new();
        for (number, tensor) in tensors.iter().enumerate() {
            let Some(kind) = tensor.kind.integers() else { continue };
            let low = tensor.low.map_or(kind.low, i64::from);
            let high = tensor.high.map_or(kind.high, i64::from);
            if (Range { low, high }) == kind {
                continue;
            }
            for row in 0..self.shape(number).rows {
                self.row(number, row, &mut values);
                let outside = |value: &i64| *value < low || high < *value;
                if let Some(value) = values.iter().map(|value| i64::from(*value)).find(outside) {
                    let (blob, name) = (tensor.blob.name(), tensor.name.clone());
                    return Err(BlobError::Value { blob, name, value, low, high });
                }
            }
        }
        Ok(())
    }
}

/// Finds the declared tensors of one blob in it.
fn find_tensors(
    blob: BlobName,
    bytes: &[u8],
    wanted: Digest,
    tensors: &[TensorDecl],
    places: &mut [Option<Place>],
) -> Result<(), BlobError> {
    let found = Digest::of(bytes);
    if found != wanted {
        return Err(BlobError::Hash { blob: blob.name(), found, wanted });
    }
    let held = open(blob.name(), bytes)?;
    for (name, view) in held.iter() {
        let refused = |why| BlobError::Tensor { blob: blob.name(), name: name.to_owned(), why };
        let is_it = |tensor: &TensorDecl| tensor.blob == blob && tensor.name == name;
        let number = tensors.iter().position(is_it).ok_or(refused("is not declared"))?;
        let tensor = &tensors[number];
        let shape = matrix(view.shape()).ok_or(refused("has not one or two dimensions"))?;
        if [shape.rows, shape.columns] != tensor.shape {
            return Err(refused("has another shape than declared"));
        }
        if kind_of(view.dtype()) != Some(tensor.kind) {
            return Err(refused("has another kind of numbers than declared"));
        }
        let first = offset(bytes, &view);
        places[number] = Some(Place { blob, first, kind: tensor.kind, shape });
    }
    Ok(())
}

/// Opens a blob: our limits first, then the format's own checks, which leave no gap between tensors,
/// none after them, and no length that does not follow from shape and kind.
pub(super) fn open<'a>(blob: &'static str, bytes: &'a [u8]) -> Result<SafeTensors<'a>, BlobError> {
    let prefix = bytes.first_chunk::<PREFIX>().map_or(u64::MAX, |len| u64::from_le_bytes(*len));
    let limit = HEADER_LEN_MAX.min((bytes.len() as u64).saturating_sub(PREFIX as u64));
    if limit < prefix {
        return Err(BlobError::Header { blob, len: prefix, limit });
    }
    let format = |source| BlobError::Format { blob, source };
    let (_, metadata): (usize, Metadata) = SafeTensors::read_metadata(bytes).map_err(format)?;
    let count = metadata.tensors().len();
    if TENSORS_MAX < count {
        return Err(BlobError::Tensors { blob, count });
    }
    SafeTensors::deserialize(bytes).map_err(format)
}

fn offset(bytes: &[u8], view: &TensorView<'_>) -> usize {
    let first = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
    assert!(first <= bytes.len(), "a view lies in its blob");
    first
}

fn matrix(shape: &[usize]) -> Option<Shape> {
    let (rows, columns) = match shape {
        [columns] => (1, *columns),
        [rows, columns] => (*rows, *columns),
        _ => return None,
    };
    Some(Shape { rows: rows.try_into().ok()?, columns: columns.try_into().ok()? })
}

fn kind_of(dtype: Dtype) -> Option<NumberKind> {
    let pairs = [
        (Dtype::I8, NumberKind::I8),
        (Dtype::U8, NumberKind::U8),
        (Dtype::I16, NumberKind::I16),
        (Dtype::I32, NumberKind::I32),
        (Dtype::F32, NumberKind::F32),
        (Dtype::BF16, NumberKind::Bf16),
    ];
    pairs.into_iter().find(|(known, _)| *known == dtype).map(|(_, kind)| kind)
}

/// Floats are no integers and give none.
fn integers(bytes: &[u8], kind: NumberKind, values: &mut Vec<i32>) {
    values.clear();
    match kind {
        NumberKind::I8 => values.extend(bytes.iter().map(|byte| i32::from(byte.cast_signed()))),
        NumberKind::U8 => values.extend(bytes.iter().map(|byte| i32::from(*byte))),
        NumberKind::I16 => {
            let pairs = bytes.as_chunks().0.iter();
            values.extend(pairs.map(|pair| i32::from(i16::from_le_bytes(*pair))));
        }
        NumberKind::I32 => {
            values.extend(bytes.as_chunks().0.iter().map(|four| i32::from_le_bytes(*four)));
        }
        NumberKind::F32 | NumberKind::Bf16 => {}
    }
}
