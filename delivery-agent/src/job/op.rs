//! The operations that a job may name, and nothing else.
//!
//! Every tensor is a matrix: rows and columns. Integer semantics stand beside each operation; how a
//! device computes them is `exact`, how a referee checks one row is `row`.

use serde::{Deserialize, Serialize};

/// One operation. `R` is how it names its operands: by name in a spec, by number in a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op<R> {
    /// `floor(a b / 2^shift)`; floats have shift 0.
    Matmul {
        /// Left.
        a: R,
        /// Right.
        b: R,
        /// Low bits of each sum that are dropped.
        #[serde(default)]
        shift: u8,
    },
    /// `a + b`; `b` has as many rows as `a`, or one, which is added to each.
    Add {
        /// Left.
        a: R,
        /// Right.
        b: R,
    },
    /// `a - b`, rows as in [`Op::Add`].
    Sub {
        /// Left.
        a: R,
        /// Right.
        b: R,
    },
    /// Element by element, rows as in [`Op::Add`].
    Mul {
        /// Left.
        a: R,
        /// Right.
        b: R,
    },
    /// `a by / 2^shift`; integers have shift 0.
    Scale {
        /// Of what.
        a: R,
        /// Factor.
        by: i32,
        /// Power of two that it is divided by.
        #[serde(default)]
        shift: u8,
    },
    /// `floor(a / 2^shift)`, then brought within `low..=high`. Integers only.
    Rescale {
        /// Of what.
        a: R,
        /// Low bits dropped.
        shift: u8,
        /// Least value.
        low: i32,
        /// Greatest value.
        high: i32,
    },
    /// Bits `shift .. shift + bits` of `a`, centred on zero. Integers only.
    Renorm {
        /// Of what.
        a: R,
        /// Lowest bit kept.
        shift: u8,
        /// Bits kept.
        bits: u8,
    },
    /// -1, 0 or 1. Integers only.
    Sign {
        /// Of what.
        a: R,
    },
    /// `table[a - first]`; the table is one row. Integers only.
    Table {
        /// What is looked up.
        a: R,
        /// Where.
        table: R,
        /// The value that the table begins with.
        first: i32,
    },
    /// The column of each row's greatest value, the leftmost of equals. Integers only.
    ArgMax {
        /// Of what.
        a: R,
    },
    /// 1 in the column that the row's only value names, 0 elsewhere. Integers only.
    OneHot {
        /// One column.
        a: R,
        /// Columns of the result.
        width: u32,
    },
    /// The rows of `table` that the only column of `ids` names.
    Gather {
        /// Rows to choose from.
        table: R,
        /// Which.
        ids: R,
    },
    /// Rows become columns.
    Transpose {
        /// Of what.
        a: R,
    },
    /// The same elements, row after row, in another shape.
    Reshape {
        /// Of what.
        a: R,
        /// Rows and columns.
        shape: [u32; 2],
    },
    /// A part.
    Slice {
        /// Of what.
        a: R,
        /// First row and how many.
        rows: [u32; 2],
        /// First column and how many.
        columns: [u32; 2],
    },
    /// `b` to the right of `a`.
    Concat {
        /// Left.
        a: R,
        /// Right.
        b: R,
    },
    /// Gaussian error linear unit. Floats only, as are all below.
    Gelu {
        /// Of what.
        a: R,
    },
    /// `a / (1 + exp(-a))`.
    Silu {
        /// Of what.
        a: R,
    },
    /// Over each row.
    Softmax {
        /// Of what.
        a: R,
    },
    /// Each row less its mean, over its standard deviation.
    LayerNorm {
        /// Of what.
        a: R,
    },
    /// Each row over its root mean square.
    RmsNorm {
        /// Of what.
        a: R,
    },
}

/// Every operation by its name in a spec.
pub const NAMES: [&str; 21] = [
    "matmul",
    "add",
    "sub",
    "mul",
    "scale",
    "rescale",
    "renorm",
    "sign",
    "table",
    "arg_max",
    "one_hot",
    "gather",
    "transpose",
    "reshape",
    "slice",
    "concat",
    "gelu",
    "silu",
    "softmax",
    "layer_norm",
    "rms_norm",
];

impl<R> Op<R> {
    /// Its name in a spec.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        NAMES[self.number()]
    }

    const fn number(&self) -> usize {
        match self {
            Self::Matmul { .. } => 0,
            Self::Add { .. } => 1,
            Self::Sub { .. } => 2,
            Self::Mul { .. } => 3,
            Self::Scale { .. } => 4,
            Self::Rescale { .. } => 5,
            Self::Renorm { .. } => 6,
            Self::Sign { .. } => 7,
            Self::Table { .. } => 8,
            Self::ArgMax { .. } => 9,
            Self::OneHot { .. } => 10,
            Self::Gather { .. } => 11,
            Self::Transpose { .. } => 12,
            Self::Reshape { .. } => 13,
            Self::Slice { .. } => 14,
            Self::Concat { .. } => 15,
            Self::Gelu { .. } => 16,
            Self::Silu { .. } => 17,
            Self::Softmax { .. } => 18,
            Self::LayerNorm { .. } => 19,
            Self::RmsNorm { .. } => 20,
        }
    }

    /// Whether it is defined on integers.
    #[must_use]
    pub const fn is_for_integers(&self) -> bool {
        self.number() <= 15
    }

    /// Whether it is defined on floats.
    #[must_use]
    pub const fn is_for_floats(&self) -> bool {
        !matches!(self.number(), 5..=10)
    }

    /// Its operands, in the order of its fields.
    pub fn operands(&self) -> impl Iterator<Item = &R> {
        let (first, second) = match self {
            Self::Matmul { a, b, .. }
            | Self::Add { a, b }
            | Self::Sub { a, b }
            | Self::Mul { a, b }
            | Self::Concat { a, b }
            | Self::Table { a, table: b, .. }
            | Self::Gather { table: a, ids: b } => (a, Some(b)),
            Self::Scale { a, .. }
            | Self::Rescale { a, .. }
            | Self::Renorm { a, .. }
            | Self::Sign { a }
            | Self::ArgMax { a }
            | Self::OneHot { a, .. }
            | Self::Transpose { a }
            | Self::Reshape { a, .. }
            | Self::Slice { a, .. }
            | Self::Gelu { a }
            | Self::Silu { a }
            | Self::Softmax { a }
            | Self::LayerNorm { a }
            | Self::RmsNorm { a } => (a, None),
        };
        std::iter::once(first).chain(second)
    }

    /// The same operation with its operands named otherwise.
    ///
    /// # Errors
    /// The first that `name` gives.
    pub fn named<S, E>(&self, mut name: impl FnMut(&R) -> Result<S, E>) -> Result<Op<S>, E> {
        Ok(match self {
            Self::Matmul { a, b, shift } => Op::Matmul { a: name(a)?, b: name(b)?, shift: *shift },
            Self::Add { a, b } => Op::Add { a: name(a)?, b: name(b)? },
            Self::Sub { a, b } => Op::Sub { a: name(a)?, b: name(b)? },
            Self::Mul { a, b } => Op::Mul { a: name(a)?, b: name(b)? },
            Self::Scale { a, by, shift } => Op::Scale { a: name(a)?, by: *by, shift: *shift },
            Self::Rescale { a, shift, low, high } => {
                Op::Rescale { a: name(a)?, shift: *shift, low: *low, high: *high }
            }
            Self::Renorm { a, shift, bits } => {
                Op::Renorm { a: name(a)?, shift: *shift, bits: *bits }
            }
            Self::Sign { a } => Op::Sign { a: name(a)? },
            Self::Table { a, table, first } => {
                Op::Table { a: name(a)?, table: name(table)?, first: *first }
            }
            Self::ArgMax { a } => Op::ArgMax { a: name(a)? },
            Self::OneHot { a, width } => Op::OneHot { a: name(a)?, width: *width },
            Self::Gather { table, ids } => Op::Gather { table: name(table)?, ids: name(ids)? },
            Self::Transpose { a } => Op::Transpose { a: name(a)? },
            Self::Reshape { a, shape } => Op::Reshape { a: name(a)?, shape: *shape },
            Self::Slice { a, rows, columns } => {
                Op::Slice { a: name(a)?, rows: *rows, columns: *columns }
            }
            Self::Concat { a, b } => Op::Concat { a: name(a)?, b: name(b)? },
            Self::Gelu { a } => Op::Gelu { a: name(a)? },
            Self::Silu { a } => Op::Silu { a: name(a)? },
            Self::Softmax { a } => Op::Softmax { a: name(a)? },
            Self::LayerNorm { a } => Op::LayerNorm { a: name(a)? },
            Self::RmsNorm { a } => Op::RmsNorm { a: name(a)? },
        })
    }
}
