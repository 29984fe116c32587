//! A buyer's own job: a declared graph of known operations over tensors named by hash. Never code.
//!
//! ```text
//! JobSpec --check--> Program --run (in a sandbox)--> JobResult --dispute--> one row of one product
//! ```
//!
//! Read [`spec`], then [`check`], then [`run`]; then [`bisect`], the game about a wrong result, and
//! [`sandbox`], the process that a job runs in.
//!
//! Invariants:
//! - a job that is not within every limit of [`spec`] does not become a [`Program`];
//! - in integer arithmetic a program gives the same bits on every device: no value can leave the 24
//!   bits in which f32 is exact, whatever the data;
//! - bytes of a blob are used only after their hash was found to be the one that the job names.

pub mod activation;
pub mod bisect;
pub mod blob;
pub mod check;
pub mod commit;
pub mod demo;
mod exact;
mod float;
pub mod leaves;
pub mod op;
pub mod register;
pub mod row;
pub mod run;
pub mod sandbox;
pub mod spec;

pub use check::{Arithmetic, Program, Range, Shape, Value};
pub use leaves::{BlobError, Leaves};
pub use op::Op;
pub use spec::{
    BlobName, Difference, Digest, JobResult, JobSpec, Limits, Mode, Node, NumberKind, SpecError,
    TensorDecl,
};
