//! From a spec to a program: every name resolved, every shape known, every value bounded.
//!
//! Invariants (checked here, so no [`Program`] exists without them):
//! - operands come before what uses them, so a step has an end;
//! - every value's range follows from the declared ranges by interval arithmetic, and stays within
//!   [`EXACT`] in integer arithmetic, partial sums included;
//! - what replaces a tensor after a step keeps its shape and range, so the ranges hold for any number
//!   of steps;
//! - the arithmetic and memory are counted before anything runs, and are within what is declared.

use std::collections::BTreeMap;
use std::fmt;

use super::activation::CHUNK_ROWS;
use super::op::Op;
use super::spec::{
    BYTES_MAX, BlobName, CHECKPOINTS_MAX, CHUNKS_MAX, COLUMNS_MAX, Digest, ELEMENTS_MAX, FLOP_MAX,
    JobSpec, Mode, NAME_LEN_MAX, NODES_MAX, NumberKind, OUTPUT_ELEMENTS_MAX, PARAMETERS_MAX,
    ROWS_MAX, SECONDS_MAX, SHOWN_ELEMENTS_MAX, STATES_MAX, STEPS_MAX, STRIDE_MAX, SpecError,
    TENSORS_MAX, TensorDecl, VERSION,
};

mod infer;

pub(crate) use infer::{block_of, shift_down};

/// f32 holds every integer up to here.
pub const EXACT: i64 = 1 << 24;
/// Operands of an integer product: TF32 reads eleven bits.
pub const OPERAND_MAX: i64 = 1 << 11;

/// Rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// How many rows.
    pub rows: u32,
    /// How many columns.
    pub columns: u32,
}

impl Shape {
    /// How many elements.
    #[must_use]
    pub fn elements(self) -> u64 {
        u64::from(self.rows) * u64::from(self.columns)
    }

    /// For indices.
    #[must_use]
    pub fn as_usize(self) -> (usize, usize) {
        (self.rows as usize, self.columns as usize)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.rows, self.columns)
    }
}

/// Between which values an integer lies, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// Least.
    pub low: i64,
    /// Greatest.
    pub high: i64,
}

impl Range {
    /// The greatest magnitude.
    #[must_use]
    pub fn magnitude(self) -> i64 {
        self.low.abs().max(self.high.abs())
    }

    /// Whether the other lies inside.
    #[must_use]
    pub fn holds(self, other: Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }
}

/// What a job computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// Integers that f32 holds exactly.
    Integer,
    /// Floats, which round.
    Float,
}

impl Arithmetic {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integers",
            Self::Float => "floats",
        }
    }
}

/// What is known of a value before anything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Its shape in one step.
    pub shape: Shape,
    /// Its range; of floats only that of ids is known.
    pub range: Option<Range>,
}

/// A job that has been checked. Values are numbered: the tensors first, then the nodes.
#[derive(Debug, Clone)]
pub struct Program {
    spec: JobSpec,
    id: Digest,
    arithmetic: Arithmetic,
    values: Vec<Value>,
    ops: Vec<Op<usize>>,
    /// Tensor and the value that replaces it after a step.
    next: Vec<(usize, usize)>,
    output: usize,
    hidden: Option<usize>,
    flop: u64,
    bytes: u64,
}

impl Program {
    /// What was declared.
    #[must_use]
    pub const fn spec(&self) -> &JobSpec {
        &self.spec
    }

    /// The job's id.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// What it computes in.
    #[must_use]
    pub const fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Tensors, then nodes.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// How many tensors it begins with: the number of the first node's value.
    #[must_use]
    pub fn tensors(&self) -> usize {
        self.spec.tensors.len()
    }

    /// The nodes of a step.
    #[must_use]
    pub fn ops(&self) -> &[Op<usize>] {
        &self.ops
    }

    /// Tensors that a step replaces, each with the value that replaces it, in order of the tensors.
    #[must_use]
    pub fn next(&self) -> &[(usize, usize)] {
        &self.next
    }

    /// The value that is the result.
    #[must_use]
    pub const fn output(&self) -> usize {
        self.output
    }

    /// The value whose activations are kept.
    #[must_use]
    pub const fn hidden(&self) -> Option<usize> {
        self.hidden
    }

    /// Arithmetic of all steps.
    #[must_use]
    pub const fn flop(&self) -> u64 {
        self.flop
    }

    /// Memory that it needs.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The last step of every stretch between checkpoints, the last step of all among them.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<u32> {
        let (steps, stride) = (self.spec.steps, self.spec.stride);
        (1..=steps.div_ceil(stride)).map(|number| (number * stride).min(steps)).collect()
    }
}

impl JobSpec {
    /// Checks everything that can be checked without the blobs.
    ///
    /// # Errors
    /// [`SpecError`], the first that applies.
    pub fn check(self) -> Result<Program, SpecError> {
        self.check_numbers()?;
        let arithmetic = self.arithmetic()?;
        let mut names = BTreeMap::new();
        let mut values = Vec::with_capacity(self.tensors.len() + self.nodes.len());
        for (number, tensor) in self.tensors.iter().enumerate() {
            let field = format!("tensors[{number}]");
            take(&mut names, &field, &tensor.name, number)?;
            values.push(tensor.value(&field, arithmetic)?);
        }
        let mut ops = Vec::with_capacity(self.nodes.len());
        for (number, node) in self.nodes.iter().enumerate() {
            let field = format!("nodes[{number}]");
            let op = node.op.named(|name| find(&names, &field, name))?;
            let value = infer::value_of(&field, &op, arithmetic, &values)?;
            take(&mut names, &field, &node.name, values.len())?;
            values.push(value);
            ops.push(op);
        }
        let next = self.replacements(&names, &values)?;
        let output = find(&names, "output", &self.output)?;
        let hidden = self.hidden.as_ref().map(|name| find(&names, "hidden", name)).transpose()?;
        self.check_mode(output, hidden)?;
        self.check_output(output, hidden, &values)?;
        if arithmetic == Arithmetic::Integer {
            self.check_shown(&ops, &values)?;
        }
        let flop = self.needed_flop(&ops, &values);
        let bytes = self.needed_bytes(&values);
        let program = Program {
            id: self.id(),
            arithmetic,
            values,
            ops,
            next,
            output,
            hidden,
            flop,
            bytes,
            spec: self,
        };
        program.check_declared()?;
        Ok(program)
    }

    fn check_numbers(&self) -> Result<(), SpecError> {
        let limits = &self.limits;
        let (steps, stride) = (u64::from(self.steps), u64::from(self.stride));
        within("version", u64::from(self.version), VERSION.into(), VERSION.into())?;
        within("tensors", self.tensors.len() as u64, 1, TENSORS_MAX as u64)?;
        within("nodes", self.nodes.len() as u64, 1, NODES_MAX as u64)?;
        within("steps", steps, 1, STEPS_MAX.into())?;
        within("stride", stride, 1, STRIDE_MAX.min(self.steps).into())?;
        within("checkpoints", steps.div_ceil(stride), 1, CHECKPOINTS_MAX.into())?;
        within("limits.parameters", limits.parameters, 0, PARAMETERS_MAX)?;
        within("limits.flop", limits.flop, 1, FLOP_MAX)?;
        within("limits.bytes", limits.bytes, 1, BYTES_MAX)?;
        within("limits.seconds", limits.seconds.into(), 1, SECONDS_MAX.into())
    }

    /// Floats as soon as one tensor has them; a mode may forbid either.
    fn arithmetic(&self) -> Result<Arithmetic, SpecError> {
        let is_float = |tensor: &TensorDecl| tensor.kind.integers().is_none();
        let has_floats = self.tensors.iter().any(is_float);
        let arithmetic = if has_floats { Arithmetic::Float } else { Arithmetic::Integer };
        let what = match (self.mode, arithmetic) {
            (Mode::Exact, Arithmetic::Float) => "exact",
            (Mode::Tolerant, Arithmetic::Integer) => "tolerant",
            (Mode::Exact, Arithmetic::Integer)
            | (Mode::Tolerant, Arithmetic::Float)
            | (Mode::Redundant, _) => return Ok(arithmetic),
        };
        let (field, what) = ("mode".to_owned(), what.to_owned());
        Err(SpecError::Arithmetic { field, what, arithmetic: arithmetic.name() })
    }

    fn replacements(
        &self,
        names: &BTreeMap<String, usize>,
        values: &[Value],
    ) -> Result<Vec<(usize, usize)>, SpecError> {
        let mut next = Vec::new();
        for (number, tensor) in self.tensors.iter().enumerate() {
            let Some(name) = &tensor.next else { continue };
            let field = format!("tensors[{number}].next");
            if tensor.rows_per_step.is_some() {
                let why = "cannot replace a tensor that is seen in parts";
                return Err(SpecError::Field { field, why });
            }
            let by = find(names, &field, name)?;
            if by < self.tensors.len() {
                return Err(SpecError::Field { field, why: "is a tensor and no node" });
            }
            let (old, new) = (values[number], values[by]);
            if old.shape != new.shape {
                let (a, b) = (old.shape.to_string(), new.shape.to_string());
                return Err(SpecError::ShapeMismatch { field, op: "next", a, b });
            }
            if let (Some(old), Some(new)) = (old.range, new.range)
                && !old.holds(new)
            {
                return Err(infer::out_of(&field, new, &tensor.name, old));
            }
            next.push((number, by));
        }
        within("tensors with next", next.len() as u64, 0, STATES_MAX as u64)?;
        Ok(next)
    }

    /// What a dispute may have to show whole fits a blob: what is multiplied by, and what is turned, if
    /// it is in no blob already.
    fn check_shown(&self, ops: &[Op<usize>], values: &[Value]) -> Result<(), SpecError> {
        for (number, op) in ops.iter().enumerate() {
            let (Op::Matmul { b: whole, .. } | Op::Transpose { a: whole }) = op else { continue };
            let is_given = self.tensors.get(*whole).is_some_and(|tensor| tensor.next.is_none());
            if !is_given {
                let field = format!("elements that nodes[{number}] reads");
                within(&field, values[*whole].shape.elements(), 1, SHOWN_ELEMENTS_MAX)?;
            }
        }
        Ok(())
    }

    fn check_mode(&self, output: usize, hidden: Option<usize>) -> Result<(), SpecError> {
        let is_node = |value: usize| self.tensors.len() <= value;
        let refused = |field: &str, why| Err(SpecError::Field { field: field.to_owned(), why });
        match (self.mode, hidden) {
            _ if !is_node(output) => refused("output", "is a tensor and no node"),
            (Mode::Tolerant, None) => refused("hidden", "is missing in mode tolerant"),
            (Mode::Exact | Mode::Redundant, Some(_)) => refused("hidden", "is for mode tolerant"),
            (Mode::Tolerant, Some(hidden)) if !is_node(hidden) => {
                refused("hidden", "is a tensor and no node")
            }
            (Mode::Tolerant, Some(_)) | (Mode::Exact | Mode::Redundant, None) => Ok(()),
        }
    }

    /// What leaves the job's process must fit its one frame.
    fn check_output(
        &self,
        output: usize,
        hidden: Option<usize>,
        values: &[Value],
    ) -> Result<(), SpecError> {
        within("elements of output", values[output].shape.elements(), 1, OUTPUT_ELEMENTS_MAX)?;
        let Some(hidden) = hidden else { return Ok(()) };
        let chunks = u64::from(values[hidden].shape.rows).div_ceil(CHUNK_ROWS as u64);
        within("chunks of hidden", chunks * u64::from(self.steps), 1, CHUNKS_MAX)
    }

    /// Saturating: beyond the largest number is beyond every limit.
    fn needed_flop(&self, ops: &[Op<usize>], values: &[Value]) -> u64 {
        let nodes = values.iter().skip(self.tensors.len());
        let step = ops.iter().zip(nodes).map(|(op, value)| {
            let inner = if let Op::Matmul { a, .. } = op { values[*a].shape.columns } else { 0 };
            let each = (2 * u64::from(inner)).max(1);
            value.shape.elements().saturating_mul(each)
        });
        step.fold(0, u64::saturating_add).saturating_mul(self.steps.into())
    }

    /// Whole tensors, every value of a step, a copy of the widest of all, and the parts of the widest
    /// node while it is computed; four bytes an element, twice for what is read from a blob.
    fn needed_bytes(&self, values: &[Value]) -> u64 {
        let whole = |tensor: &TensorDecl| u64::from(tensor.shape[0]) * u64::from(tensor.shape[1]);
        let tensors = self.tensors.iter().map(whole).fold(0, u64::saturating_add);
        let elements = values.iter().map(|value| value.shape.elements());
        let widest = elements.clone().max().unwrap_or_default();
        let widest_node = elements.clone().skip(self.tensors.len()).max().unwrap_or_default();
        let all = elements.fold(0, u64::saturating_add);
        let counted = tensors.saturating_mul(2).saturating_add(all).saturating_add(widest);
        counted.saturating_add(widest_node.saturating_mul(8)).saturating_mul(4)
    }
}

impl Program {
    fn check_declared(&self) -> Result<(), SpecError> {
        let limits = &self.spec.limits;
        let weights = self.spec.tensors.iter().filter(|tensor| tensor.blob == BlobName::Weights);
        let whole = |tensor: &TensorDecl| u64::from(tensor.shape[0]) * u64::from(tensor.shape[1]);
        let parameters = weights.map(whole).fold(0, u64::saturating_add);
        let counted = [
            ("parameters", limits.parameters, parameters),
            ("flop", limits.flop, self.flop),
            ("bytes", limits.bytes, self.bytes),
        ];
        for (field, declared, needed) in counted {
            if declared < needed {
                return Err(SpecError::Declared { field, declared, needed });
            }
        }
        Ok(())
    }
}

impl NumberKind {
    /// What it can hold, if integers.
    #[must_use]
    pub fn integers(self) -> Option<Range> {
        let (low, high) = match self {
            Self::I8 => (-128, 127),
            Self::U8 => (0, 255),
            Self::I16 => (-32_768, 32_767),
            Self::I32 => (i32::MIN.into(), i32::MAX.into()),
            Self::F32 | Self::Bf16 => return None,
        };
        Some(Range { low, high })
    }

    /// Bytes of one number.
    #[must_use]
    pub const fn width(self) -> u64 {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::Bf16 => 2,
            Self::I32 | Self::F32 => 4,
        }
    }
}

impl TensorDecl {
    fn value(&self, field: &str, arithmetic: Arithmetic) -> Result<Value, SpecError> {
        let [rows, columns] = self.shape;
        let whole = checked_shape(field, rows, columns)?;
        let range = self.range(field, arithmetic)?;
        let Some(part) = self.rows_per_step else {
            return Ok(Value { shape: whole, range });
        };
        within(&format!("{field}.rows_per_step"), part.into(), 1, rows.into())?;
        if !rows.is_multiple_of(part) {
            let (a, b) = (whole.to_string(), format!("{part} rows a step"));
            return Err(SpecError::ShapeMismatch { field: field.to_owned(), op: "division", a, b });
        }
        Ok(Value { shape: Shape { rows: part, columns }, range })
    }

    fn range(&self, field: &str, arithmetic: Arithmetic) -> Result<Option<Range>, SpecError> {
        let Some(kind) = self.kind.integers() else {
            if self.low.is_none() && self.high.is_none() {
                return Ok(None);
            }
            let why = "has bounds, which floats have not";
            return Err(SpecError::Field { field: field.to_owned(), why });
        };
        let range = Range {
            low: self.low.map_or(kind.low, i64::from),
            high: self.high.map_or(kind.high, i64::from),
        };
        if !kind.holds(range) || range.high < range.low {
            return Err(infer::out_of(field, range, "its kind", kind));
        }
        // Beside floats, integers are ids of rows, which are never computed with.
        if arithmetic == Arithmetic::Integer && EXACT < range.magnitude() {
            let (field, bound) = (field.to_owned(), range.magnitude());
            return Err(SpecError::NotExact { field, bound, limit: EXACT });
        }
        Ok(Some(range))
    }
}

fn within(field: &str, value: u64, low: u64, limit: u64) -> Result<(), SpecError> {
    if (low..=limit).contains(&value) {
        return Ok(());
    }
    Err(SpecError::OutOfRange { field: field.to_owned(), value, low, limit })
}

fn checked_shape(field: &str, rows: u32, columns: u32) -> Result<Shape, SpecError> {
    within(&format!("{field} rows"), rows.into(), 1, ROWS_MAX.into())?;
    within(&format!("{field} columns"), columns.into(), 1, COLUMNS_MAX.into())?;
    let shape = Shape { rows, columns };
    if ELEMENTS_MAX < shape.elements() {
        let (field, elements) = (field.to_owned(), shape.elements());
        return Err(SpecError::Elements { field, rows, columns, elements });
    }
    Ok(shape)
}

fn take(
    names: &mut BTreeMap<String, usize>,
    field: &str,
    name: &str,
    number: usize,
) -> Result<(), SpecError> {
    let may_stand = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    let (field, name) = (field.to_owned(), name.to_owned());
    if name.is_empty() || NAME_LEN_MAX < name.len() || !name.bytes().all(may_stand) {
        let name = name.chars().take(NAME_LEN_MAX).collect();
        return Err(SpecError::Name { field, name });
    }
    if names.contains_key(&name) {
        return Err(SpecError::Taken { field, name });
    }
    names.insert(name, number);
    Ok(())
}

fn find(names: &BTreeMap<String, usize>, field: &str, name: &str) -> Result<usize, SpecError> {
    names.get(name).copied().ok_or_else(|| {
        let name = name.chars().take(NAME_LEN_MAX).collect();
        SpecError::NotBefore { field: field.to_owned(), name }
    })
}
