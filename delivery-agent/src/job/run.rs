//! A program on a device, step after step, and what its run commits to.
//!
//! Invariants:
//! - a value is dropped as soon as nothing needs it any more;
//! - what a run commits to in integer arithmetic is the same on every device.

use candle_core::{DType, Device, Tensor};

use super::activation::{self, Activations};
use super::check::{Arithmetic, Program, Value};
use super::leaves::{BlobError, Leaves};
use super::spec::{Digest, JobResult, NumberKind};
use super::{blob, commit, exact, float};

/// A run that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What the agent signs.
    pub result: JobResult,
    /// The safetensors blob whose hash it names.
    pub blob: Vec<u8>,
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The device failed.
    #[error("device failed: {0}")]
    Device(#[from] candle_core::Error),
    /// A blob is not what the job names.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A result could not be written.
    #[error("output cannot be written: {0}")]
    Output(#[from] safetensors::SafeTensorError),
}

/// What a provider does to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobFault {
    /// Nothing.
    #[default]
    None,
    /// The first element of the output of the last step is wrong by one.
    Lie,
    /// One element is wrong by one, and what follows is computed from it.
    At(Lie),
}

/// Where a run is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie {
    /// In which step, from 1.
    pub step: u32,
    /// In the result of which node.
    pub node: usize,
    /// In which element, counted row after row.
    pub element: usize,
}

impl JobFault {
    fn lie(self, program: &Program) -> Option<Lie> {
        match self {
            Self::None => None,
            Self::Lie => {
                let node = program.output() - program.tensors();
                Some(Lie { step: program.spec().steps, node, element: 0 })
            }
            Self::At(lie) => Some(lie),
        }
    }
}

/// A program in the middle of its run. A copy of it goes on by itself and shares what has not changed.
#[derive(Clone)]
pub struct Machine<'a> {
    program: &'a Program,
    device: &'a Device,
    lie: Option<Lie>,
    /// Whole tensors as they are before the next step.
    tensors: Vec<Tensor>,
    /// The last node that needs each value.
    last_use: Vec<usize>,
    done: u32,
}

impl<'a> Machine<'a> {
    /// Moves the tensors to the device.
    ///
    /// # Errors
    /// [`RunError::Device`].
    pub fn new(
        program: &'a Program,
        leaves: &Leaves,
        device: &'a Device,
        fault: JobFault,
    ) -> Result<Self, RunError> {
        let mut tensors = Vec::with_capacity(program.tensors());
        for number in 0..program.tensors() {
            let tensor =
                Tensor::from_vec(leaves.floats(number), leaves.shape(number).as_usize(), device)?;
            let is_half = keeps_halves(program) && program.values()[number].range.is_none();
            tensors.push(if is_half { tensor.to_dtype(DType::BF16)? } else { tensor });
        }
        let lie = fault.lie(program);
        Ok(Self { program, device, lie, tensors, last_use: last_uses(program), done: 0 })
    }

    /// Steps done.
    #[must_use]
    pub const fn done(&self) -> u32 {
        self.done
    }

    /// Does one step and returns the values that the next one, the output and the activations need.
    ///
    /// # Errors
    /// [`RunError::Device`].
    pub fn step(&mut self) -> Result<Vec<Option<Tensor>>, RunError> {
        self.compute(false)
    }

    /// Does one step and returns every value of it.
    ///
    /// # Errors
    /// [`RunError::Device`].
    pub fn step_in_full(&mut self) -> Result<Vec<Tensor>, RunError> {
        Ok(self.compute(true)?.into_iter().flatten().collect())
    }

    fn compute(&mut self, keeps_all: bool) -> Result<Vec<Option<Tensor>>, RunError> {
        let step = self.done + 1;
        let mut values = self.seen_in(step)?;
        for (node, op) in self.program.ops().iter().enumerate() {
            let value = self.apply(op, &values)?;
            values.push(Some(self.as_told(step, node, value)?));
            if !keeps_all {
                let is_over = |value: &usize| self.last_use[*value] <= node;
                op.operands().filter(|value| is_over(value)).for_each(|of| values[*of] = None);
            }
        }
        for (tensor, by) in self.program.next() {
            if let Some(value) = &values[*by] {
                self.tensors[*tensor] = value.clone();
            }
        }
        self.done = step;
        Ok(values)
    }

    fn apply(&self, op: &Op, values: &[Option<Tensor>]) -> Result<Tensor, RunError> {
        let inputs: Vec<&Tensor> = op.operands().filter_map(|of| values[*of].as_ref()).collect();
        Ok(match self.program.arithmetic() {
            Arithmetic::Integer => exact::apply(self.program, op, &inputs, self.device)?,
            Arithmetic::Float => float::apply(op, &inputs)?,
        })
    }

    /// The tensors as that step sees them.
    fn seen_in(&self, step: u32) -> Result<Vec<Option<Tensor>>, RunError> {
        let mut values = Vec::with_capacity(self.program.values().len());
        for (number, tensor) in self.tensors.iter().enumerate() {
            let first = first_row(self.program, number, step) as usize;
            let rows = self.program.values()[number].shape.rows as usize;
            let seen = if rows == tensor.dim(0)? {
                tensor.clone()
            } else {
                tensor.narrow(0, first, rows)?.contiguous()?
            };
            values.push(Some(seen));
        }
        Ok(values)
    }

    fn as_told(&self, step: u32, node: usize, value: Tensor) -> Result<Tensor, RunError> {
        let Some(lie) = self.lie.filter(|lie| (lie.step, lie.node) == (step, node)) else {
            return Ok(value);
        };
        let Value { shape, range } = self.program.values()[self.program.tensors() + node];
        let mut told = value.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        if let Some(element) = told.get_mut(lie.element) {
            let is_greatest = range.is_some_and(|range| range.high as f32 <= *element);
            *element += if is_greatest { -1.0 } else { 1.0 };
        }
        let told = Tensor::from_vec(told, shape.as_usize(), self.device)?;
        Ok(told.to_dtype(value.dtype())?)
    }
}

type Op = super::op::Op<usize>;

/// The row of the whole tensor that a step sees first.
#[must_use]
pub fn first_row(program: &Program, tensor: usize, step: u32) -> u32 {
    let decl = &program.spec().tensors[tensor];
    decl.rows_per_step.map_or(0, |rows| (step - 1) % (decl.shape[0] / rows) * rows)
}

/// Runs a job from its first step to its last.
///
/// # Errors
/// [`RunError`].
pub fn run(
    program: &Program,
    leaves: &Leaves,
    device: &Device,
    fault: JobFault,
) -> Result<Finished, RunError> {
    let machine = Machine::new(program, leaves, device, fault)?;
    Ok(run_with_chain(machine, leaves, |_, _| ())?.0)
}

/// Runs a job that has not begun; also returns the chain after every step. `seen` is shown the machine
/// and its output at every checkpoint.
pub(super) fn run_with_chain<'a>(
    mut machine: Machine<'a>,
    leaves: &Leaves,
    mut seen: impl FnMut(&Machine<'a>, &Tensor),
) -> Result<(Finished, Vec<Digest>), RunError> {
    let program = machine.program;
    let (mut links, checkpoints) = (Chain::begin(program, leaves), program.checkpoints());
    let (mut chain, mut activations) = (Vec::new(), Activations::default());
    let mut output = Vec::new();
    while machine.done() < program.spec().steps {
        let values = machine.step()?;
        output = links.add(machine.done(), &values)?;
        chain.push(links.root);
        if checkpoints.binary_search(&machine.done()).is_ok()
            && let Some(output) = &values[program.output()]
        {
            seen(&machine, output);
        }
        if let Some(hidden) = program.hidden().and_then(|hidden| values[hidden].as_ref()) {
            activations.extend(&activation::of(hidden)?);
        }
    }
    let shape = program.values()[program.output()].shape;
    let blob = blob::write(program, shape, &output, &activations)?;
    let roots = checkpoints.into_iter().map(|step| chain[step as usize - 1]).collect();
    let output_root = commit::tensor_root(shape, &output);
    let output_blob = Digest::of(&blob);
    let result = JobResult { job: program.id(), roots, output_root, output_blob };
    Ok((Finished { result, blob }, chain))
}

/// The chain of step roots, as a run goes on.
pub struct Chain<'a> {
    program: &'a Program,
    /// After the last step that was added.
    pub root: Digest,
}

impl<'a> Chain<'a> {
    /// Before the first step.
    #[must_use]
    pub fn begin(program: &'a Program, leaves: &Leaves) -> Self {
        Self { program, root: commit::begin(program, &states_before(program, leaves)) }
    }

    /// Adds a step; returns the numbers of its output.
    ///
    /// # Errors
    /// [`RunError::Device`].
    pub fn add(&mut self, step: u32, values: &[Option<Tensor>]) -> Result<Vec<i32>, RunError> {
        let shape = |value: usize| self.program.values()[value].shape;
        let arithmetic = self.program.arithmetic();
        let held = |value: usize| match &values[value] {
            Some(value) => numbers(arithmetic, value),
            None => unreachable!("what is committed to is kept to the end of a step"),
        };
        let mut states = Vec::with_capacity(self.program.next().len());
        for (_, by) in self.program.next() {
            states.push(commit::tensor_root(shape(*by), &held(*by)?));
        }
        let output = held(self.program.output())?;
        let output_root = commit::tensor_root(shape(self.program.output()), &output);
        self.root = commit::after(&self.root, step, &output_root, &states);
        Ok(output)
    }
}

/// The roots of the tensors that steps replace, before the first step.
#[must_use]
pub fn states_before(program: &Program, leaves: &Leaves) -> Vec<Digest> {
    let root = |tensor: usize| {
        let numbers = match program.spec().tensors[tensor].kind {
            NumberKind::F32 | NumberKind::Bf16 => bits(leaves.floats(tensor)),
            NumberKind::I8 | NumberKind::U8 | NumberKind::I16 | NumberKind::I32 => {
                leaves.integers(tensor)
            }
        };
        commit::tensor_root(leaves.shape(tensor), &numbers)
    };
    program.next().iter().map(|(tensor, _)| root(*tensor)).collect()
}

/// Integers as they are.
///
/// # Errors
/// The device's.
pub fn integers(value: &Tensor) -> Result<Vec<i32>, RunError> {
    let values = value.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.into_iter().map(|value| value as i32).collect())
}

/// What is committed to: integers as they are, floats as their bits in single precision.
fn numbers(arithmetic: Arithmetic, value: &Tensor) -> Result<Vec<i32>, RunError> {
    match arithmetic {
        Arithmetic::Integer => integers(value),
        Arithmetic::Float => Ok(bits(value.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?)),
    }
}

fn bits(values: Vec<f32>) -> Vec<i32> {
    values.into_iter().map(|value| value.to_bits().cast_signed()).collect()
}

/// Halves are computed in where every float tensor of the job is kept in halves.
fn keeps_halves(program: &Program) -> bool {
    let kinds = program.spec().tensors.iter().map(|tensor| tensor.kind);
    let mut floats = kinds.filter(|kind| kind.integers().is_none()).peekable();
    floats.peek().is_some() && floats.all(|kind| kind == NumberKind::Bf16)
}

/// What is needed after the step is needed for ever.
fn last_uses(program: &Program) -> Vec<usize> {
    let mut last = vec![0; program.values().len()];
    for (node, op) in program.ops().iter().enumerate() {
        op.operands().for_each(|of| last[*of] = node);
    }
    let kept = program.next().iter().map(|(_, by)| *by);
    for value in kept.chain([program.output()]).chain(program.hidden()) {
        last[value] = usize::MAX;
    }
    last
}
