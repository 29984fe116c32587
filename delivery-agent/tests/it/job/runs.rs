//! What is computed: device against row, golden roots, training, tolerant and redundant runs.

use std::convert::Infallible;

use candle_core::Device;
use delivery_agent::job::activation::{self, Activations, Advice};
use delivery_agent::job::blob::{OutputError, activations, output_matches, output_numbers};
use delivery_agent::job::demo::{self, DemoJob, DemoKind, demo_job};
use delivery_agent::job::row::{self, Rows};
use delivery_agent::job::run::{self, JobFault, Machine};
use delivery_agent::job::{Difference, Digest, JobSpec, Leaves, Program};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};

use super::Ready;
use super::graph::{every_op, every_op_with};

/// A step's values, for whoever asks for the rows of one node's operands.
struct Held<'a> {
    program: &'a Program,
    node: usize,
    values: &'a [Vec<i32>],
}

impl Rows for Held<'_> {
    type Missing = Infallible;

    fn row(&mut self, operand: usize, row: u32, out: &mut Vec<i32>) -> Result<(), Infallible> {
        let value = *self.program.ops()[self.node].operands().nth(operand).unwrap();
        let columns = self.program.values()[value].shape.columns as usize;
        out.clear();
        out.extend(&self.values[value][row as usize * columns..][..columns]);
        Ok(())
    }
}

/// A row and a matrix of two columns.
struct Two<'a>(&'a [i32], &'a [[i32; 2]]);

impl Rows for Two<'_> {
    type Missing = Infallible;

    fn row(&mut self, operand: usize, row: u32, out: &mut Vec<i32>) -> Result<(), Infallible> {
        out.clear();
        out.extend(if operand == 0 { self.0 } else { &self.1[row as usize] });
        Ok(())
    }
}

/// Every row of every node of every step, in integers, against what the device gave.
fn rows_are_the_devices(ready: &Ready) {
    let Ready { program, leaves } = ready;
    let mut machine = Machine::new(program, leaves, &Device::Cpu, JobFault::None).unwrap();
    while machine.done() < program.spec().steps {
        let values = machine.step_in_full().unwrap();
        let values: Vec<_> = values.iter().map(|value| run::integers(value).unwrap()).collect();
        for (node, value) in (0..).zip(program.tensors()..values.len()) {
            let about = program.values()[value];
            let columns = about.shape.columns as usize;
            for (row, expected) in (0..about.shape.rows).zip(values[value].chunks(columns)) {
                let mut held = Held { program, node, values: &values };
                let Ok(computed) = row::compute(program, node, row, &mut held);
                assert_eq!(computed, expected, "row {row} of {:?}", program.ops()[node]);
                let range = about.range.unwrap();
                let is_inside =
                    |value: &i32| range.low <= (*value).into() && i64::from(*value) <= range.high;
                assert!(computed.iter().all(is_inside), "{range:?}: {computed:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// JOB-011: a row's sums are those of 64-bit integers, however long and however large.
    #[test]
    fn a_long_sum_does_not_overflow(
        factors in prop::collection::vec((factor(), factor(), factor()), 1..1_500),
        shift in 11..14u8,
    ) {
        let left: Vec<i32> = factors.iter().map(|(left, ..)| *left).collect();
        let right: Vec<[i32; 2]> = factors.iter().map(|(_, one, two)| [*one, *two]).collect();
        let text = LONG_SUM.replace("INNER", &left.len().to_string());
        let spec = JobSpec::from_json(&text.replace("SHIFT", &shift.to_string())).unwrap();
        let program = spec.check().unwrap();
        let Ok(computed) = row::compute(&program, 0, 0, &mut Two(&left, &right));
        let sum = |column: usize| -> i64 {
            let pairs = left.iter().zip(&right);
            pairs.map(|(left, right)| i64::from(*left) * i64::from(right[column])).sum()
        };
        let expected = [0, 1].map(|column| i32::try_from(sum(column) >> shift).unwrap());
        prop_assert_eq!(computed, expected);
    }

    /// JOB-011, JOB-006: the device and the integers of the specification give the same rows, within the
    /// ranges that were worked out before.
    #[test]
    fn the_device_gives_what_a_row_alone_gives(seed: u8) {
        rows_are_the_devices(&Ready::new(every_op_with(seed, 4, 2)));
    }
}

/// Often one of the greatest.
fn factor() -> impl Strategy<Value = i32> {
    prop_oneof![Just(2_048), Just(-2_048), -2_048..=2_048]
}

const LONG_SUM: &str = r#"{"version":1,"mode":"exact","nonce":0,"expires_at_ms":0,
"weights":"0000000000000000000000000000000000000000000000000000000000000000",
"inputs":"0000000000000000000000000000000000000000000000000000000000000000",
"tensors":[{"name":"x","blob":"inputs","kind":"i16","low":-2048,"high":2048,"shape":[1,INNER]},
{"name":"w","blob":"weights","kind":"i16","low":-2048,"high":2048,"shape":[INNER,2]}],
"nodes":[{"name":"y","op":{"matmul":{"a":"x","b":"w","shift":SHIFT}}}],
"output":"y","steps":1,"stride":1,
"limits":{"parameters":9999,"flop":1000000,"bytes":1000000,"seconds":60}}"#;

#[test]
fn job_011_the_demonstrations_rows_are_the_devices() {
    for kind in [DemoKind::Inference, DemoKind::Training] {
        rows_are_the_devices(&Ready::demo(kind));
    }
}

#[test]
fn job_011_golden_roots() {
    golden(
        &Ready::new(every_op(1)),
        &expect![[r#"
        job 293c9ffa57b30f3ba7871bdb8850a0e6d764d2be4702c99f3b4857b59ff31774
        b9b99aec1a9aad3d5143d4f976cc690fda13a095ade52409f1f9670635913940
        05fa09b3dbcfd8c564897d7501efb2bee3a8e3e7d305bdafb2987c84848d7ca0
        12d6bb6d0bb630d05d395167623b1553df58ce16bf63ff5725660a204254d4ef
        output 3cb43abef83bbac3c5b347f04e3d3af042b7138e779d3e9e97e984c0e40d0984
        blob 9f0388a9ff13a47a414d731b09fac361598cc3c1036f8fa04f88681572406ded
    "#]],
    );
    golden(
        &Ready::demo(DemoKind::Inference),
        &expect![[r#"
        job a97ba76f2e82e61f30ce090eb245f8075cccee12c3eaaec19ddb36d9e4964146
        e894c382043321f5af21dfa5536fcae3c629f7f4e9879ced6a5c1f1c418f1ed5
        e4058f93dbdaa072cbaa4596b6b1af0c4e777c783ae7472f287bb592628e9ba1
        529f4f1d6fe00e1b02063c153ad387572a0d0c5348b31c32ec78c8e17da049b7
        18c95eda2d2fe7cc628cd7ad3d5488d887493f0ac587b811187fcae8d0b39435
        output 3639542a65c3602762395f3bdb11027ef82770bda2a33762c21ad63c3aeaedc7
        blob 23a67a56f9dc5856ab1864676dafd2fb02c4f1c3e8e2f951b057afea3318db60
    "#]],
    );
    golden(
        &Ready::demo(DemoKind::Training),
        &expect![[r#"
        job e54d0b6248c528ec5ccd117ffc125bd90df0db753fb2bf2831b964ab9d77a32a
        c34cf0ec32bb6fc25862babbc5de48af254a522d9d99141a20e5a38de79b5b21
        42517ed830d08d96e81ba9a165902f214369a8712c94f3f34f910eb73bb1d0bf
        2b2f4c15620811e61bc938bfe045ea529e8e1d81f74d10fe31217d9da5ce5256
        132f0152169c598a24bcedc3d4bee8dcfcaf5c1163a4cbdbcc37c55d09cfb805
        output 7715fa0cbef80f52653f6ccb4f339bc39179c4434eaaf5ed2171905ed485bc18
        blob af578ee2302f56b507fd15d3db2dc37852504120fca5e6821e94c0d9b2209049
    "#]],
    );
}

#[track_caller]
fn golden(ready: &Ready, expected: &Expect) {
    let result = ready.run(JobFault::None).result;
    let roots: String = result.roots.iter().map(|root| format!("{root}\n")).collect();
    let ends = format!("output {}\nblob {}\n", result.output_root, result.output_blob);
    expected.assert_eq(&format!("job {}\n{roots}{ends}", result.job));
}

#[test]
fn job_017_the_demonstration_is_small_and_learns() {
    for kind in [DemoKind::Inference, DemoKind::Training] {
        let DemoJob { weights, inputs, .. } = demo_job(kind, 1, 1);
        assert!(weights.len() + inputs.len() < 1 << 20);
    }
    let mut job = demo_job(DemoKind::Training, 1, 1);
    (job.spec.steps, job.spec.stride, job.spec.limits.flop) = (128, 8, 1 << 40);
    let ready = Ready::new(job);
    let error = ready.program.spec().nodes.iter().position(|node| node.name == "error").unwrap();
    let value = ready.program.tensors() + error;
    let mut machine =
        Machine::new(&ready.program, &ready.leaves, &Device::Cpu, JobFault::None).unwrap();
    let mut errors = Vec::new();
    while machine.done() < 128 {
        let values = machine.step_in_full().unwrap();
        let error = run::integers(&values[value]).unwrap();
        errors.push(error.iter().map(|error| i64::from(error.abs())).sum::<i64>());
    }
    let (first, last): (i64, i64) = (errors[..8].iter().sum(), errors[120..].iter().sum());
    assert!(last * 2 < first, "{first} at first, {last} at last");
}

#[test]
fn a_job_is_written_to_a_directory_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let job = demo_job(DemoKind::Inference, 1, 1);
    demo::write(dir.path(), &job).unwrap();
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    let spec = JobSpec::from_json(&String::from_utf8(read("spec.json")).unwrap()).unwrap();
    assert_eq!(spec.id(), job.spec.id());
    let program = spec.check().unwrap();
    Leaves::read(&program, read("weights.safetensors"), read("inputs.safetensors")).unwrap();
}

#[test]
fn job_018_the_blob_holds_the_output_that_was_committed_to() {
    let ready = Ready::demo(DemoKind::Inference);
    let honest = ready.run(JobFault::None);
    let (blob, root) = (&honest.blob, &honest.result.output_root);
    assert_eq!(Digest::of(blob), honest.result.output_blob);
    output_matches(&ready.program, blob, root).unwrap();
    let other = output_matches(&ready.program, blob, &Digest::of(b"another")).unwrap_err();
    assert!(matches!(other, OutputError::Root { .. }), "{other}");
    let mut changed = blob.clone();
    *changed.last_mut().unwrap() ^= 1;
    let other = output_matches(&ready.program, &changed, root).unwrap_err();
    assert!(matches!(other, OutputError::Root { .. }), "{other}");
    let lie = ready.run(JobFault::Lie);
    let [told, is] = [&lie, &honest].map(|run| output_numbers(&ready.program, &run.blob).unwrap());
    assert_eq!(told.iter().zip(&is).filter(|(told, is)| told != is).count(), 1);
    assert!(output_matches(&ready.program, &[1, 2, 3], root).is_err());
}

/// JOB-019: a second result is the same, or it is said from where on it is not.
#[test]
fn job_019_a_second_result_is_the_same_or_says_where_it_parts() {
    let ready = Ready::demo(DemoKind::Training);
    let result = ready.run(JobFault::None).result;
    assert_eq!(result.difference(&ready.run(JobFault::None).result), None);
    let lie = ready.run(JobFault::Lie).result;
    assert_eq!(result.difference(&lie), Some(Difference::From { checkpoint: 3 }));
    let mut output = result.clone();
    output.output_blob = Digest::of(b"another");
    assert_eq!(result.difference(&output), Some(Difference::Output));
    let another = Ready::demo(DemoKind::Inference).run(JobFault::None).result;
    assert_eq!(result.difference(&another), Some(Difference::NotComparable));
}

/// A network of every float operation, its weights drawn from a seed and kept in so many bits.
pub(super) fn floats(seed: u8, kind: Dtype, bits: u32) -> Ready {
    let is_whole = kind == Dtype::F32;
    let name = if is_whole { "f32" } else { "bf16" };
    let drawn = |name: &str, len: usize| {
        let mut bytes = vec![0; 4 * len];
        let mut hasher = blake3::Hasher::new_keyed(&[seed; 32]);
        hasher.update(name.as_bytes()).finalize_xof().fill(&mut bytes);
        let words: Vec<u32> =
            bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let steps = f64::from(1_u32 << bits);
        let uniform = |word: u32| {
            let value = f64::from(word) / f64::from(u32::MAX) - 0.5;
            ((value * steps).round() / steps * 0.5) as f32
        };
        words.into_iter().map(uniform).collect::<Vec<f32>>()
    };
    let upper = |value: f32| ((value.to_bits() + 0x8000) >> 16) as u16;
    let bytes = |values: Vec<f32>| -> Vec<u8> {
        if is_whole {
            values.into_iter().flat_map(f32::to_le_bytes).collect()
        } else {
            values.into_iter().flat_map(|value| upper(value).to_le_bytes()).collect()
        }
    };
    let shapes = [
        ("embed", [64_usize, 48_usize]),
        ("w_q", [48, 48]),
        ("w_k", [48, 48]),
        ("w_up", [48, 96]),
        ("w_down", [96, 48]),
        ("gain", [1, 48]),
    ];
    let tensors: Vec<_> = shapes
        .iter()
        .map(|(name, shape)| (*name, *shape, bytes(drawn(name, shape[0] * shape[1]))))
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (*name, TensorView::new(kind, shape.to_vec(), bytes).unwrap()));
    let weights = serialize(views, None).unwrap();
    let ids: Vec<u8> = (0..64_u8).map(|at| at.wrapping_mul(37) % 64).collect();
    let ids = [("ids", TensorView::new(Dtype::U8, vec![64, 1], &ids).unwrap())];
    let inputs = serialize(ids, None).unwrap();
    let mut spec = JobSpec::from_json(&FLOATS.replace("KIND", name)).unwrap();
    (spec.weights, spec.inputs) = (Digest::of(&weights), Digest::of(&inputs));
    Ready::new(DemoJob { spec, weights, inputs })
}

const FLOATS: &str = r#"{
"version":1,"mode":"tolerant","nonce":7,"expires_at_ms":9000000000000,
"weights":"0000000000000000000000000000000000000000000000000000000000000000",
"inputs":"0000000000000000000000000000000000000000000000000000000000000000",
"tensors":[
{"name":"embed","blob":"weights","kind":"KIND","shape":[64,48]},
{"name":"w_q","blob":"weights","kind":"KIND","shape":[48,48]},
{"name":"w_k","blob":"weights","kind":"KIND","shape":[48,48]},
{"name":"w_up","blob":"weights","kind":"KIND","shape":[48,96]},
{"name":"w_down","blob":"weights","kind":"KIND","shape":[96,48]},
{"name":"gain","blob":"weights","kind":"KIND","shape":[1,48]},
{"name":"ids","blob":"inputs","kind":"u8","shape":[64,1],"high":63}],
"nodes":[
{"name":"x","op":{"gather":{"table":"embed","ids":"ids"}}},
{"name":"even","op":{"layer_norm":{"a":"x"}}},
{"name":"q","op":{"matmul":{"a":"even","b":"w_q"}}},
{"name":"k","op":{"matmul":{"a":"even","b":"w_k"}}},
{"name":"k_across","op":{"transpose":{"a":"k"}}},
{"name":"alike","op":{"matmul":{"a":"q","b":"k_across"}}},
{"name":"scaled","op":{"scale":{"a":"alike","by":9,"shift":6}}},
{"name":"weight","op":{"softmax":{"a":"scaled"}}},
{"name":"mixed","op":{"matmul":{"a":"weight","b":"even"}}},
{"name":"sum","op":{"add":{"a":"x","b":"mixed"}}},
{"name":"up","op":{"matmul":{"a":"sum","b":"w_up"}}},
{"name":"left","op":{"slice":{"a":"up","rows":[0,64],"columns":[0,48]}}},
{"name":"right","op":{"slice":{"a":"up","rows":[0,64],"columns":[48,48]}}},
{"name":"bent","op":{"gelu":{"a":"left"}}},
{"name":"bent_2","op":{"silu":{"a":"right"}}},
{"name":"wide","op":{"concat":{"a":"bent","b":"bent_2"}}},
{"name":"down","op":{"matmul":{"a":"wide","b":"w_down"}}},
{"name":"less","op":{"sub":{"a":"down","b":"gain"}}},
{"name":"times","op":{"mul":{"a":"less","b":"less"}}},
{"name":"all","op":{"add":{"a":"less","b":"times"}}},
{"name":"hidden","op":{"rms_norm":{"a":"all"}}},
{"name":"flat","op":{"reshape":{"a":"hidden","shape":[32,96]}}}],
"output":"flat","hidden":"hidden","steps":2,"stride":1,
"limits":{"parameters":20000,"flop":20000000,"bytes":2000000,"seconds":10}}"#;

fn kept(ready: &Ready) -> Activations {
    activations(&ready.run(JobFault::None).blob).unwrap()
}

#[test]
fn job_028_a_run_of_the_same_model_is_alike_and_of_another_is_not() {
    let trusted = kept(&floats(1, Dtype::F32, 24));
    assert_eq!(trusted.chunks().len(), 4);
    assert_eq!(activation::compare(&trusted, &kept(&floats(1, Dtype::F32, 24))), Advice::Alike);
    // Another kind of number for weights and sums: what another device's rounding comes to at most.
    assert_eq!(activation::compare(&trusted, &kept(&floats(1, Dtype::BF16, 24))), Advice::Alike);
    // Weights in two bits, and another model.
    for other in [floats(1, Dtype::F32, 2), floats(2, Dtype::F32, 24)] {
        let advice = activation::compare(&trusted, &kept(&other));
        assert!(matches!(advice, Advice::Unlike { chunks: 4 }), "{advice:?}");
    }
    let shorter = Activations::default();
    assert_eq!(activation::compare(&trusted, &shorter), Advice::NotComparable);
}

#[test]
fn job_028_one_chunk_alone_and_one_threshold_alone_reject_nothing() {
    let trusted = kept(&floats(1, Dtype::F32, 24));
    let other = kept(&floats(2, Dtype::F32, 24));
    let distances: Vec<_> = trusted
        .chunks()
        .zip(other.chunks())
        .map(|(trusted, other)| activation::distance(trusted, other))
        .collect();
    assert!(distances.iter().all(activation::Distance::is_off), "{distances:?}");
    let mut one = distances[0];
    (one.mantissa_mean, one.mantissa_median) = (0.0, 0.0);
    assert!(!one.is_off());
    one.mantissa_median = 127.0;
    assert!(one.is_off());
}
