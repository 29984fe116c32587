//! Shape and range of one operation's result, from those of its operands.
//!
//! Invariant: a range that is returned holds for every value the operands' ranges allow.

use super::{Arithmetic, EXACT, OPERAND_MAX, Range, Shape, Value, checked_shape, within};
use crate::job::op::Op;
use crate::job::spec::{COLUMNS_MAX, SpecError};

/// Longest shift: beyond it nothing of an exact value is left.
const SHIFT_MAX: u64 = 24;

/// What is known of `op`'s result.
pub(super) fn value_of(
    field: &str,
    op: &Op<usize>,
    arithmetic: Arithmetic,
    values: &[Value],
) -> Result<Value, SpecError> {
    let is_defined = match arithmetic {
        Arithmetic::Integer => op.is_for_integers(),
        Arithmetic::Float => op.is_for_floats(),
    };
    if !is_defined {
        return Err(misplaced(field, op.name(), arithmetic));
    }
    let at = At { field, op };
    let shape = at.shape(values)?;
    let range = match arithmetic {
        Arithmetic::Integer => Some(at.range(values)?),
        Arithmetic::Float => at.of_floats(values)?,
    };
    if let Some(range) = range
        && EXACT < range.magnitude()
        && arithmetic == Arithmetic::Integer
    {
        return Err(at.not_exact(range.magnitude(), EXACT));
    }
    Ok(Value { shape, range })
}

pub(super) fn out_of(field: &str, inner: Range, taker: &str, outer: Range) -> SpecError {
    SpecError::Range {
        field: field.to_owned(),
        low: inner.low,
        high: inner.high,
        taker: taker.to_owned(),
        taker_low: outer.low,
        taker_high: outer.high,
    }
}

fn misplaced(field: &str, what: &str, arithmetic: Arithmetic) -> SpecError {
    let (field, what) = (field.to_owned(), what.to_owned());
    SpecError::Arithmetic { field, what, arithmetic: arithmetic.name() }
}

/// `floor(value / 2^shift)`.
pub(crate) fn shift_down(value: i64, shift: u8) -> i64 {
    value >> shift.min(63)
}

/// Products that may be summed in f32 before the sum is taken apart; at least one.
pub(crate) fn block_of(a: Range, b: Range, inner: u32) -> u32 {
    let product = a.magnitude().saturating_mul(b.magnitude()).max(1);
    u32::try_from(EXACT / product).unwrap_or(u32::MAX).clamp(1, inner)
}

/// One node, for its errors' sake.
struct At<'a> {
    field: &'a str,
    op: &'a Op<usize>,
}

impl At<'_> {
    fn shape(&self, values: &[Value]) -> Result<Shape, SpecError> {
        let of = |value: &usize| values[*value].shape;
        let shape = match self.op {
            Op::Matmul { a, b, .. } => {
                let (a, b) = (of(a), of(b));
                self.fits(a.columns == b.rows, a, b)?;
                Shape { rows: a.rows, columns: b.columns }
            }
            Op::Add { a, b } | Op::Sub { a, b } | Op::Mul { a, b } => {
                let (a, b) = (of(a), of(b));
                let is_broadcast = b.rows == 1 || a.rows == b.rows;
                self.fits(a.columns == b.columns && is_broadcast, a, b)?;
                a
            }
            Op::Scale { a, .. }
            | Op::Rescale { a, .. }
            | Op::Renorm { a, .. }
            | Op::Sign { a }
            | Op::Gelu { a }
            | Op::Silu { a }
            | Op::Softmax { a }
            | Op::LayerNorm { a }
            | Op::RmsNorm { a } => of(a),
            Op::Table { a, table, .. } => {
                self.fits(of(table).rows == 1, of(a), of(table))?;
                of(a)
            }
            Op::ArgMax { a } => Shape { rows: of(a).rows, columns: 1 },
            Op::OneHot { a, width } => {
                let wanted = Shape { rows: of(a).rows, columns: *width };
                self.fits(of(a).columns == 1, of(a), wanted)?;
                wanted
            }
            Op::Gather { table, ids } => {
                self.fits(of(ids).columns == 1, of(table), of(ids))?;
                Shape { rows: of(ids).rows, columns: of(table).columns }
            }
            Op::Transpose { a } => Shape { rows: of(a).columns, columns: of(a).rows },
            Op::Reshape { a, shape: [rows, columns] } => {
                let wanted = Shape { rows: *rows, columns: *columns };
                self.fits(of(a).elements() == wanted.elements(), of(a), wanted)?;
                wanted
            }
            Op::Slice { a, rows, columns } => {
                let (a, wanted) = (of(a), Shape { rows: rows[1], columns: columns[1] });
                let ends = |[first, count]: [u32; 2], all: u32| {
                    first.checked_add(count).is_some_and(|end| end <= all)
                };
                self.fits(ends(*rows, a.rows) && ends(*columns, a.columns), a, wanted)?;
                wanted
            }
            Op::Concat { a, b } => {
                let (a, b) = (of(a), of(b));
                self.fits(a.rows == b.rows, a, b)?;
                Shape { rows: a.rows, columns: a.columns.saturating_add(b.columns) }
            }
        };
        checked_shape(self.field, shape.rows, shape.columns)
    }

    fn range(&self, values: &[Value]) -> Result<Range, SpecError> {
        let of = |value: &usize| values[*value].range.unwrap_or(Range { low: 0, high: 0 });
        Ok(match self.op {
            Op::Matmul { a, b, shift } => {
                self.shift_within("shift", *shift, 0)?;
                self.product(of(a), of(b), values[*a].shape.columns, *shift)?
            }
            Op::Add { a, b } => Range { low: of(a).low + of(b).low, high: of(a).high + of(b).high },
            Op::Sub { a, b } => Range { low: of(a).low - of(b).high, high: of(a).high - of(b).low },
            Op::Mul { a, b } => products(of(a), of(b)),
            Op::Scale { a, by, shift } => {
                within(&format!("{}.shift", self.field), (*shift).into(), 0, 0)?;
                let by = i64::from(*by);
                products(of(a), Range { low: by, high: by })
            }
            Op::Rescale { a, shift, low, high } => {
                self.shift_within("shift", *shift, 0)?;
                let (a, low, high) = (of(a), i64::from(*low), i64::from(*high));
                let bounds = Range { low, high };
                if high < low {
                    return Err(out_of(self.field, bounds, "rescale", bounds));
                }
                let brought = |value: i64| shift_down(value, *shift).clamp(low, high);
                Range { low: brought(a.low), high: brought(a.high) }
            }
            Op::Renorm { shift, bits, .. } => {
                self.shift_within("shift", *shift, 0)?;
                self.shift_within("bits", *bits, 1)?;
                let half = 1_i64 << (bits - 1);
                Range { low: -half, high: half - 1 }
            }
            Op::Sign { a } => Range { low: of(a).low.signum(), high: of(a).high.signum() },
            Op::Table { a, table, first } => {
                let first = i64::from(*first);
                let last = first + i64::from(values[*table].shape.columns) - 1;
                self.takes(of(a), "table", Range { low: first, high: last })?;
                of(table)
            }
            Op::ArgMax { a } => {
                let columns = i64::from(values[*a].shape.columns);
                let key = (of(a).magnitude() + 1) * (columns as u64).next_power_of_two() as i64;
                if EXACT < key {
                    return Err(self.not_exact(key, EXACT));
                }
                Range { low: 0, high: columns - 1 }
            }
            Op::OneHot { .. } => Range { low: 0, high: 1 },
            Op::Gather { table, ids } => {
                self.ids(values, *table, of(ids))?;
                of(table)
            }
            Op::Transpose { a } | Op::Reshape { a, .. } | Op::Slice { a, .. } => of(a),
            Op::Concat { a, b } => {
                Range { low: of(a).low.min(of(b).low), high: of(a).high.max(of(b).high) }
            }
            Op::Gelu { .. }
            | Op::Silu { .. }
            | Op::Softmax { .. }
            | Op::LayerNorm { .. }
            | Op::RmsNorm { .. } => {
                return Err(misplaced(self.field, self.op.name(), Arithmetic::Integer));
            }
        })
    }

    /// A sum of `inner` products, summed in blocks that stay exact, shifted down.
    ///
    /// Several blocks are summed as upper and lower parts, split at the shift, and each part of the
    /// sum must be exact by itself.
    fn product(&self, a: Range, b: Range, inner: u32, shift: u8) -> Result<Range, SpecError> {
        let operand = a.magnitude().max(b.magnitude());
        if OPERAND_MAX < operand {
            return Err(self.not_exact(operand, OPERAND_MAX));
        }
        let (each, terms) = (products(a, b), i64::from(inner));
        let blocks = i64::from(inner.div_ceil(block_of(a, b, inner)));
        if 1 < blocks {
            let lower = blocks << shift;
            let upper = (shift_down(each.magnitude() * terms, shift) + 1) + blocks;
            let bound = if shift == 0 { each.magnitude() * terms } else { lower.max(upper) };
            if EXACT < bound {
                return Err(self.not_exact(bound, EXACT));
            }
        }
        // A partial sum may pass through zero, so the range begins there.
        let (low, high) = (each.low.min(0) * terms, each.high.max(0) * terms);
        Ok(Range { low: shift_down(low, shift), high: shift_down(high, shift) })
    }

    /// Floats have no ranges; the ids of rows keep theirs.
    fn of_floats(&self, values: &[Value]) -> Result<Option<Range>, SpecError> {
        let has_range = |value: &usize| values[*value].range.is_some();
        if let Op::Gather { table, ids } = self.op {
            let Some(range) = values[*ids].range.filter(|_| !has_range(table)) else {
                return Err(misplaced(self.field, "gather by such ids", Arithmetic::Float));
            };
            self.ids(values, *table, range)?;
            return Ok(None);
        }
        if self.op.operands().any(has_range) {
            let what = "an integer operand other than the ids of a gather";
            return Err(misplaced(self.field, what, Arithmetic::Float));
        }
        if let Op::Matmul { shift, .. } = self.op {
            within(&format!("{}.shift", self.field), (*shift).into(), 0, 0)?;
        }
        if let Op::Scale { shift, .. } = self.op {
            self.shift_within("shift", *shift, 0)?;
        }
        Ok(None)
    }

    fn ids(&self, values: &[Value], table: usize, ids: Range) -> Result<(), SpecError> {
        let last = i64::from(values[table].shape.rows) - 1;
        self.takes(ids, "gather", Range { low: 0, high: last })
    }

    fn takes(&self, given: Range, taker: &str, taken: Range) -> Result<(), SpecError> {
        if taken.holds(given) { Ok(()) } else { Err(out_of(self.field, given, taker, taken)) }
    }

    fn fits(&self, is_fit: bool, a: Shape, b: Shape) -> Result<(), SpecError> {
        if is_fit {
            return Ok(());
        }
        let (field, op) = (self.field.to_owned(), self.op.name());
        Err(SpecError::ShapeMismatch { field, op, a: a.to_string(), b: b.to_string() })
    }

    fn shift_within(&self, what: &str, value: u8, low: u64) -> Result<(), SpecError> {
        within(&format!("{}.{what}", self.field), value.into(), low, SHIFT_MAX)
    }

    fn not_exact(&self, bound: i64, limit: i64) -> SpecError {
        SpecError::NotExact { field: self.field.to_owned(), bound, limit }
    }
}

/// The range of a product.
fn products(a: Range, b: Range) -> Range {
    let ends = [a.low, a.high].map(|left| [b.low, b.high].map(|right| left.saturating_mul(right)));
    let ends = ends.as_flattened();
    let low = ends.iter().copied().min().unwrap_or_default();
    let high = ends.iter().copied().max().unwrap_or_default();
    Range { low, high }
}

const _: () = assert!(COLUMNS_MAX as i64 <= EXACT, "a column's number is exact");
