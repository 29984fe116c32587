//! One decoder a test: bytes in, a value or a refusal out.

use std::sync::OnceLock;

use crate::job::blob::{activations, output_numbers};
use crate::job::check::Program;
use crate::job::demo::{DemoJob, DemoKind, demo_job};
use crate::job::leaves::Leaves;
use crate::job::spec::JobSpec;
use crate::transcript;
use crate::wire::{openings_from_json, openings_to_json};

/// Inputs of each test in one run of all tests; the kept ones come on top.
const INPUTS: usize = 2_000;
/// Bytes of an input.
const LEN_MAX: usize = 4_096;

/// API-130: what a prover opens.
#[test]
fn api_130_any_openings_are_read_or_refused() {
    bolero::check!().with_iterations(INPUTS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        let Ok(text) = str::from_utf8(bytes) else { return };
        let Ok(openings) = openings_from_json(text) else { return };
        let written = openings_to_json(&openings).expect("what was read can be written");
        assert_eq!(openings_from_json(&written).expect("and read again"), openings);
    });
}

/// API-130: a buyer's job, up to the program that is run.
#[test]
fn api_130_any_job_is_checked_or_refused() {
    bolero::check!().with_iterations(INPUTS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        let Ok(text) = str::from_utf8(bytes) else { return };
        let Ok(spec) = JobSpec::from_json(text) else { return };
        let again = JobSpec::from_json(&spec.to_json()).expect("a spec reads its own text");
        assert_eq!(again.id(), spec.id());
        if let Ok(program) = spec.check() {
            assert!(program.output() < program.values().len());
        }
    });
}

fn demo() -> &'static (Program, DemoJob) {
    static DEMO: OnceLock<(Program, DemoJob)> = OnceLock::new();
    DEMO.get_or_init(|| {
        let job = demo_job(DemoKind::Inference, 1, 1);
        let program = job.spec.clone().check().expect("the demo job holds");
        (program, job)
    })
}

/// API-130: a buyer's weights, a seller's output.
#[test]
fn api_130_any_blob_is_read_or_refused() {
    bolero::check!().with_iterations(INPUTS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        let (program, job) = demo();
        if let Ok(leaves) = Leaves::read(program, bytes.to_vec(), job.inputs.clone()) {
            assert_eq!(leaves.integers(0).len() as u64, leaves.shape(0).elements());
        }
        if let Ok(numbers) = output_numbers(program, bytes) {
            let shape = program.values()[program.output()].shape;
            assert_eq!(numbers.len() as u64, shape.elements());
        }
        if let Ok(activations) = activations(bytes) {
            assert!(activations.chunks().all(|chunk| !chunk.is_empty()));
        }
    });
}

/// API-130: what a venue has published about a delivery.
#[test]
fn api_130_any_transcript_is_checked_or_refused() {
    bolero::check!().with_iterations(INPUTS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        if let Err(error) = transcript::check(bytes, true, |_| {}) {
            assert!(!error.to_string().is_empty());
        }
    });
}
