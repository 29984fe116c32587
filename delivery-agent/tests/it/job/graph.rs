//! A job with every integer operation in it, small enough to be disputed in every element.

use delivery_agent::job::demo::DemoJob;
use delivery_agent::job::{Digest, JobSpec};
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};

/// Every operation on integers, two states, one tensor seen in parts; five steps, two a checkpoint.
pub(super) fn every_op(seed: u8) -> DemoJob {
    every_op_with(seed, 5, 2)
}

/// Other data, other stretches.
pub(super) fn every_op_with(seed: u8, steps: u32, stride: u32) -> DemoJob {
    let noise = |name: &str, len: usize| {
        let mut bytes = vec![0; len];
        let mut hasher = blake3::Hasher::new_keyed(&[seed; 32]);
        hasher.update(name.as_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    };
    let small = |name: &str, len: usize, below: u8| {
        noise(name, len).into_iter().map(|byte| byte % below).collect::<Vec<u8>>()
    };
    let weights = [
        ("w", Dtype::I8, [6, 4], noise("w", 24)),
        ("table", Dtype::I8, [1, 16], noise("table", 16)),
        ("wide", Dtype::I8, [80, 3], noise("wide", 240)),
    ];
    let inputs = [
        ("x", Dtype::U8, [9, 6], noise("x", 54)),
        ("ids", Dtype::U8, [3, 1], small("ids", 3, 6)),
        ("bias", Dtype::I8, [1, 4], noise("bias", 4)),
        ("long", Dtype::I16, [3, 80], small("long", 480, 8)),
    ];
    let blob = |tensors: &[(&str, Dtype, [usize; 2], Vec<u8>)]| {
        let views = tensors.iter().map(|(name, kind, shape, bytes)| {
            (*name, TensorView::new(*kind, shape.to_vec(), bytes).unwrap())
        });
        serialize(views, None).unwrap()
    };
    let (weights, inputs) = (blob(&weights), blob(&inputs));
    let mut spec = JobSpec::from_json(GRAPH).unwrap();
    (spec.steps, spec.stride) = (steps, stride);
    (spec.weights, spec.inputs) = (Digest::of(&weights), Digest::of(&inputs));
    DemoJob { spec, weights, inputs }
}

/// `long` times `wide` is summed in two blocks: 80 products of up to 2,047 by 128 pass 2^24.
pub(super) const GRAPH: &str = r#"{
"version":1,"mode":"exact","nonce":7,"expires_at_ms":9000000000000,
"weights":"0000000000000000000000000000000000000000000000000000000000000000",
"inputs":"0000000000000000000000000000000000000000000000000000000000000000",
"tensors":[
{"name":"w","blob":"weights","kind":"i8","shape":[6,4],"next":"w_next"},
{"name":"table","blob":"weights","kind":"i8","shape":[1,16]},
{"name":"wide","blob":"weights","kind":"i8","shape":[80,3]},
{"name":"x","blob":"inputs","kind":"u8","shape":[9,6],"rows_per_step":3},
{"name":"ids","blob":"inputs","kind":"u8","shape":[3,1],"high":5,"next":"ids_next"},
{"name":"bias","blob":"inputs","kind":"i8","shape":[1,4]},
{"name":"long","blob":"inputs","kind":"i16","shape":[3,80],"low":-2047,"high":2047}],
"nodes":[
{"name":"xw","op":{"matmul":{"a":"x","b":"w","shift":3}}},
{"name":"biased","op":{"add":{"a":"xw","b":"bias"}}},
{"name":"lw","op":{"matmul":{"a":"long","b":"wide","shift":6}}},
{"name":"four","op":{"renorm":{"a":"biased","shift":2,"bits":4}}},
{"name":"looked","op":{"table":{"a":"four","table":"table","first":-8}}},
{"name":"square","op":{"mul":{"a":"looked","b":"looked"}}},
{"name":"root","op":{"rescale":{"a":"square","shift":7,"low":-100,"high":100}}},
{"name":"most","op":{"arg_max":{"a":"root"}}},
{"name":"hot","op":{"one_hot":{"a":"most","width":4}}},
{"name":"hotter","op":{"scale":{"a":"hot","by":-9}}},
{"name":"less","op":{"sub":{"a":"root","b":"hotter"}}},
{"name":"part","op":{"slice":{"a":"less","rows":[1,2],"columns":[1,3]}}},
{"name":"flat","op":{"reshape":{"a":"part","shape":[3,2]}}},
{"name":"sign","op":{"sign":{"a":"lw"}}},
{"name":"both","op":{"concat":{"a":"flat","b":"sign"}}},
{"name":"across","op":{"transpose":{"a":"both"}}},
{"name":"chosen","op":{"gather":{"table":"w","ids":"ids"}}},
{"name":"x_across","op":{"transpose":{"a":"x"}}},
{"name":"slope","op":{"matmul":{"a":"x_across","b":"chosen","shift":9}}},
{"name":"way","op":{"sign":{"a":"slope"}}},
{"name":"moved","op":{"sub":{"a":"w","b":"way"}}},
{"name":"w_next","op":{"rescale":{"a":"moved","shift":0,"low":-128,"high":127}}},
{"name":"more","op":{"add":{"a":"ids","b":"most"}}},
{"name":"ids_next","op":{"rescale":{"a":"more","shift":0,"low":0,"high":5}}},
{"name":"across_small","op":{"rescale":{"a":"across","shift":0,"low":-128,"high":127}}},
{"name":"out","op":{"matmul":{"a":"across_small","b":"chosen"}}}],
"output":"out","steps":5,"stride":2,
"limits":{"parameters":280,"flop":100000,"bytes":100000,"seconds":10}}"#;
