//! What a referee computes: one row of a product of 8,192 by 8,192, its right side in a blob or shown.

use std::convert::Infallible;

use criterion::{Criterion, criterion_group, criterion_main};
use delivery_agent::job::row::{self, Rows};
use delivery_agent::job::{Program, Shape, commit};

const SIDE: u32 = 8_192;

const PRODUCT: &str = r#"{"version":1,"mode":"exact","nonce":0,"expires_at_ms":0,
"weights":"0000000000000000000000000000000000000000000000000000000000000000",
"inputs":"0000000000000000000000000000000000000000000000000000000000000000",
"tensors":[{"name":"x","blob":"inputs","kind":"i8","shape":[1,8192]},
{"name":"w","blob":"weights","kind":"i8","shape":[8192,8192]}],
"nodes":[{"name":"y","op":{"matmul":{"a":"x","b":"w","shift":9}}}],
"output":"y","steps":1,"stride":1,
"limits":{"parameters":67108864,"flop":1000000000,"bytes":2000000000,"seconds":60}}"#;

/// The right side as it lies in a blob: bytes.
struct InBlob(Vec<u8>);

/// The right side as a challenger shows it: whole numbers.
struct Shown(Vec<i32>);

impl Rows for InBlob {
    type Missing = Infallible;

    fn row(&mut self, _: usize, row: u32, values: &mut Vec<i32>) -> Result<(), Infallible> {
        let side = SIDE as usize;
        values.clear();
        let bytes = &self.0[row as usize * side..][..side];
        values.extend(bytes.iter().map(|byte| i32::from(byte.cast_signed())));
        Ok(())
    }
}

impl Rows for Shown {
    type Missing = Infallible;

    fn row(&mut self, _: usize, row: u32, values: &mut Vec<i32>) -> Result<(), Infallible> {
        let side = SIDE as usize;
        values.clear();
        values.extend_from_slice(&self.0[row as usize * side..][..side]);
        Ok(())
    }
}

#[expect(clippy::expect_used, reason = "a benchmark without a job has nothing to measure")]
fn referee(c: &mut Criterion) {
    let spec = delivery_agent::job::JobSpec::from_json(PRODUCT).expect("a spec");
    let program: Program = spec.check().expect("a program");
    let mut bytes = vec![0; (SIDE * SIDE) as usize];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    let values: Vec<i32> = bytes.iter().map(|byte| i32::from(byte.cast_signed())).collect();
    let (mut in_blob, mut shown) = (InBlob(bytes), Shown(values));
    let shape = Shape { rows: SIDE, columns: SIDE };
    let mut group = c.benchmark_group("job");
    group.sample_size(10);
    group.bench_function("row_of_8192_from_a_blob", |bencher| {
        bencher.iter(|| row::compute(&program, 0, 0, &mut in_blob));
    });
    group.bench_function("row_of_8192_from_what_is_shown", |bencher| {
        bencher.iter(|| {
            let root = commit::tensor_root(shape, &shown.0);
            (root, row::compute(&program, 0, 0, &mut shown))
        });
    });
    group.finish();
}

criterion_group!(group, referee);
criterion_main!(group);
