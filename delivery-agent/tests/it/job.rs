//! Buyers' jobs: what is refused, what is computed, and who wins a dispute. JOB- rules.

mod graph;
mod hostile;
mod play;
mod refusals;
mod runs;

use candle_core::Device;
use delivery_agent::job::demo::{DemoJob, DemoKind, demo_job};
use delivery_agent::job::run::{self, Finished, JobFault};
use delivery_agent::job::{Leaves, Program};

/// A job that is read, checked and has its tensors.
struct Ready {
    program: Program,
    leaves: Leaves,
}

impl Ready {
    fn new(job: DemoJob) -> Self {
        let program = job.spec.check().unwrap();
        let leaves = Leaves::read(&program, job.weights, job.inputs).unwrap();
        Self { program, leaves }
    }

    fn demo(kind: DemoKind) -> Self {
        Self::new(demo_job(kind, 1, u64::MAX))
    }

    fn run(&self, fault: JobFault) -> Finished {
        run::run(&self.program, &self.leaves, &Device::Cpu, fault).unwrap()
    }
}
