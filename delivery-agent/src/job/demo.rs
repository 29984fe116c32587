//! Two small jobs in integers, built from a seed: a transformer block that runs, and a network that
//! learns. For the demonstration, the tests, and whoever writes a spec for the first time.

use std::fs;
use std::io;
use std::path::Path;

use candle_core::Device;
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};

use super::leaves::Leaves;
use super::op::Op;
use super::run::{self, JobFault, RunError};
use super::spec::{BlobName, Digest, JobSpec, Limits, Mode, Node, NumberKind, TensorDecl, VERSION};

/// Steps of either job.
const STEPS: u32 = 8;
/// Positions of the block, examples of a batch.
const ROWS: u32 = 32;
/// Width of both networks.
const WIDTH: u32 = 64;
/// Width of the block's inner layer.
const INNER: u32 = 256;
/// Tokens that the block knows.
const TOKENS: u32 = 64;
/// Classes that the network learns to tell apart.
const CLASSES: u32 = 16;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoKind {
    /// Attention and two layers over 32 tokens; every step replaces the tokens by what it predicts.
    Inference,
    /// Forward, backward, and every weight moved by the sign of its gradient.
    Training,
}

/// A job with its blobs.
#[derive(Debug, Clone)]
pub struct DemoJob {
    /// What is declared.
    pub spec: JobSpec,
    /// The blob whose hash it names as weights.
    pub weights: Vec<u8>,
    /// The blob whose hash it names as inputs.
    pub inputs: Vec<u8>,
}

/// Builds a job.
#[must_use]
pub fn demo_job(kind: DemoKind, nonce: u64, expires_at_ms: u64) -> DemoJob {
    let mut draft = match kind {
        DemoKind::Inference => inference(),
        DemoKind::Training => training(),
    };
    draft.spec.nonce = nonce;
    draft.spec.expires_at_ms = expires_at_ms;
    draft.finish()
}

/// Writes `spec.json`, `weights.safetensors` and `inputs.safetensors` into a directory.
///
/// # Errors
/// The disk's.
pub fn write(dir: &Path, job: &DemoJob) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("spec.json"), job.spec.to_json())?;
    fs::write(dir.join("weights.safetensors"), &job.weights)?;
    fs::write(dir.join("inputs.safetensors"), &job.inputs)
}

/// Whether a device gives the bits of both jobs that the processor gives.
///
/// It also makes a driver load every kernel that jobs use.
///
/// # Errors
/// [`RunError::Device`].
pub fn holds_on(device: &Device) -> Result<bool, RunError> {
    for kind in [DemoKind::Inference, DemoKind::Training] {
        let DemoJob { spec, weights, inputs } = demo_job(kind, 0, 0);
        let Ok(program) = spec.check() else { unreachable!("a job of our own") };
        let leaves = Leaves::read(&program, weights, inputs)?;
        let here = run::run(&program, &leaves, device, JobFault::None)?;
        if here != run::run(&program, &leaves, &Device::Cpu, JobFault::None)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn inference() -> Draft {
    let mut draft = Draft::new("logits");
    draft.state("tokens", [ROWS, 1], "predicted", |number| number % TOKENS);
    draft.input("mask", [ROWS, ROWS], |at| u32::from(at % ROWS <= at / ROWS));
    // Half a bell: what is alike attends, what is not does not.
    draft.input("attends", [1, 256], |at| (at.saturating_sub(96) * at.saturating_sub(96)) / 208);
    draft.input("bend", [1, 256], |at| at.saturating_sub(128));
    draft.weights("embed", [TOKENS, WIDTH]);
    for name in ["w_query", "w_key", "w_value"] {
        draft.weights(name, [WIDTH, WIDTH]);
    }
    draft.weights("w_up", [WIDTH, INNER]);
    draft.weights("w_down", [INNER, WIDTH]);
    draft.weights("w_out", [WIDTH, TOKENS]);

    draft.node("x", Op::Gather { table: s("embed"), ids: s("tokens") });
    for (name, by) in [("query", "w_query"), ("key", "w_key"), ("value", "w_value")] {
        draft.product(name, "x", by, 8);
    }
    draft.node("key_across", Op::Transpose { a: s("key") });
    draft.product("alike", "query", "key_across", 10);
    draft.node("weight", Op::Table { a: s("alike"), table: s("attends"), first: -128 });
    draft.node("past", Op::Mul { a: s("weight"), b: s("mask") });
    draft.product("mixed", "past", "value", 10);
    draft.node("sum", Op::Add { a: s("x"), b: s("mixed") });
    draft.node("h", rescale("sum", 1));
    draft.product("up", "h", "w_up", 8);
    draft.node("bent", Op::Table { a: s("up"), table: s("bend"), first: -128 });
    draft.product("down", "bent", "w_down", 9);
    draft.node("sum_2", Op::Add { a: s("h"), b: s("down") });
    draft.node("y", rescale("sum_2", 0));
    draft.node("logits", Op::Matmul { a: s("y"), b: s("w_out"), shift: 4 });
    draft.node("predicted", Op::ArgMax { a: s("logits") });
    draft
}

fn training() -> Draft {
    let mut draft = Draft::new("learned");
    let numbers = noise("examples", ROWS * STEPS * WIDTH);
    let centred: Vec<i32> = numbers.iter().map(|byte| i32::from(byte.cast_signed())).collect();
    // The class of an example is where the first sixteen of its numbers are greatest.
    let classes = centred.chunks_exact(WIDTH as usize).map(|example| {
        let greatest = (0..CLASSES as usize).max_by_key(|at| (example[*at], CLASSES as usize - at));
        greatest.unwrap_or_default() as u8
    });
    let classes: Vec<u8> = classes.collect();
    draft.batches("examples", WIDTH, numbers);
    draft.batches("classes", 1, classes);
    for (name, shape, next) in
        [("w_1", [WIDTH, WIDTH], "w_1_next"), ("w_2", [WIDTH, CLASSES], "w_2_next")]
    {
        draft.weights(name, shape);
        draft.last().next = Some(s(next));
    }

    draft.node("in", Op::Matmul { a: s("examples"), b: s("w_1"), shift: 7 });
    draft.node("h", Op::Rescale { a: s("in"), shift: 0, low: 0, high: 127 });
    draft.product("told", "h", "w_2", 8);
    draft.node("is", Op::OneHot { a: s("classes"), width: CLASSES });
    draft.node("wanted", Op::Scale { a: s("is"), by: 100, shift: 0 });
    draft.node("error", Op::Sub { a: s("told"), b: s("wanted") });

    draft.node("h_across", Op::Transpose { a: s("h") });
    draft.node("slope_2", Op::Matmul { a: s("h_across"), b: s("error"), shift: 9 });
    draft.node("w_2_across", Op::Transpose { a: s("w_2") });
    draft.node("back", Op::Matmul { a: s("error"), b: s("w_2_across"), shift: 6 });
    draft.node("back_small", Op::Rescale { a: s("back"), shift: 0, low: -1023, high: 1023 });
    draft.node("was_on", Op::Sign { a: s("h") });
    draft.node("through", Op::Mul { a: s("back_small"), b: s("was_on") });
    draft.node("in_across", Op::Transpose { a: s("examples") });
    draft.node("slope_1", Op::Matmul { a: s("in_across"), b: s("through"), shift: 11 });
    for (number, weights) in [("1", "w_1"), ("2", "w_2")] {
        let [slope, way, moved] = ["slope_", "way_", "moved_"].map(|name| name.to_owned() + number);
        draft.node(&way, Op::Sign { a: slope });
        draft.node(&moved, Op::Sub { a: s(weights), b: way.clone() });
        let next = format!("{weights}_next");
        draft.node(&next, Op::Rescale { a: moved, shift: 0, low: -127, high: 127 });
    }
    draft.node("learned", Op::Concat { a: s("w_1_next"), b: s("w_2_next") });
    draft
}

/// A spec that grows, and the bytes of its tensors.
struct Draft {
    spec: JobSpec,
    bytes: Vec<Vec<u8>>,
}

impl Draft {
    fn new(output: &str) -> Self {
        let none = Digest::default();
        let limits = Limits { parameters: 0, flop: 1, bytes: 1, seconds: 60 };
        let spec = JobSpec {
            version: VERSION,
            mode: Mode::Exact,
            nonce: 0,
            expires_at_ms: 0,
            weights: none,
            inputs: none,
            tensors: Vec::new(),
            nodes: Vec::new(),
            output: s(output),
            hidden: None,
            steps: STEPS,
            stride: 2,
            limits,
        };
        Self { spec, bytes: Vec::new() }
    }

    fn tensor(&mut self, name: &str, blob: BlobName, shape: [u32; 2], bytes: Vec<u8>) {
        let (name, kind) = (s(name), NumberKind::I8);
        let (low, high) = (Some(-127), Some(127));
        let (next, rows_per_step) = (None, None);
        let decl = TensorDecl { name, blob, kind, shape, low, high, next, rows_per_step };
        self.spec.tensors.push(decl);
        self.bytes.push(bytes);
    }

    fn last(&mut self) -> &mut TensorDecl {
        match self.spec.tensors.last_mut() {
            Some(last) => last,
            None => unreachable!("asked for after a tensor was added"),
        }
    }

    fn weights(&mut self, name: &str, shape: [u32; 2]) {
        let mut bytes = noise(name, shape[0] * shape[1]);
        // Symmetric: -128 has no counterpart.
        bytes.iter_mut().filter(|byte| **byte == 0x80).for_each(|byte| *byte = 0);
        self.tensor(name, BlobName::Weights, shape, bytes);
    }

    fn input(&mut self, name: &str, shape: [u32; 2], of: impl Fn(u32) -> u32) {
        let bytes: Vec<u8> = (0..shape[0] * shape[1]).map(|at| of(at) as u8).collect();
        let greatest = bytes.iter().max().copied().unwrap_or_default();
        self.tensor(name, BlobName::Inputs, shape, bytes);
        let last = self.last();
        (last.kind, last.low, last.high) = (NumberKind::U8, Some(0), Some(greatest.into()));
    }

    fn state(&mut self, name: &str, shape: [u32; 2], next: &str, of: impl Fn(u32) -> u32) {
        let drawn = noise(name, shape[0] * shape[1]);
        self.input(name, shape, |at| of(drawn[at as usize].into()));
        let last = self.last();
        (last.next, last.high) = (Some(s(next)), Some(TOKENS.cast_signed() - 1));
    }

    fn batches(&mut self, name: &str, columns: u32, bytes: Vec<u8>) {
        self.tensor(name, BlobName::Inputs, [ROWS * STEPS, columns], bytes);
        let last = self.last();
        (last.low, last.high) = (None, None);
        last.rows_per_step = Some(ROWS);
    }

    fn node(&mut self, name: &str, op: Op<String>) {
        self.spec.nodes.push(Node { name: s(name), op });
    }

    /// A product brought back to eight bits.
    fn product(&mut self, name: &str, a: &str, b: &str, shift: u8) {
        let sum = format!("{name}_sum");
        self.node(&sum, Op::Matmul { a: s(a), b: s(b), shift });
        self.node(name, rescale(&sum, 0));
    }

    fn finish(mut self) -> DemoJob {
        let weights = self.blob(BlobName::Weights);
        let inputs = self.blob(BlobName::Inputs);
        (self.spec.weights, self.spec.inputs) = (Digest::of(&weights), Digest::of(&inputs));
        let elements = |tensor: &TensorDecl| u64::from(tensor.shape[0] * tensor.shape[1]);
        let tensors = self.spec.tensors.iter().filter(|of| of.blob == BlobName::Weights);
        self.spec.limits.parameters = tensors.map(elements).sum();
        self.spec.limits.flop = 200_000_000;
        self.spec.limits.bytes = 16 << 20;
        DemoJob { spec: self.spec, weights, inputs }
    }

    fn blob(&self, blob: BlobName) -> Vec<u8> {
        let tensors = self.spec.tensors.iter().zip(&self.bytes);
        let views = tensors.filter(|(tensor, _)| tensor.blob == blob).map(|(tensor, bytes)| {
            let kind = if tensor.kind == NumberKind::U8 { Dtype::U8 } else { Dtype::I8 };
            let shape = tensor.shape.map(|side| side as usize).to_vec();
            let view = TensorView::new(kind, shape, bytes);
            (tensor.name.as_str(), view.unwrap_or_else(|error| unreachable!("{error}")))
        });
        serialize(views, None).unwrap_or_else(|error| unreachable!("tensors of our own: {error}"))
    }
}

/// Brought back to eight bits.
fn rescale(of: &str, shift: u8) -> Op<String> {
    Op::Rescale { a: s(of), shift, low: -127, high: 127 }
}

/// Bytes that anyone can make again from the tensor's name.
fn noise(name: &str, len: u32) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_derive_key("tenor job: tensors of the demo v1");
    hasher.update(name.as_bytes());
    let mut bytes = vec![0; len as usize];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

fn s(name: &str) -> String {
    name.to_owned()
}
