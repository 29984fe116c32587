//! The bits: exactness, renormalisation, row subsets, kernels, golden vectors.

use candle_core::Device;
use delivery_agent::challenge::Challenge;
use delivery_agent::expand::{first_rows, layer_order, pool_matrix, segment_seed};
use delivery_agent::profile::{ClassProfile, Exactness, PROFILES, ProfileError, Renorm, Shape};
use delivery_agent::program::{self, SegmentProgram};
use delivery_agent::stream;
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::tiny;

/// The specification, in i64 and nothing else: every row, no tricks.
fn model(seed: &[u8; 32], segment_seed: &[u8; 32], profile: &ClassProfile) -> Vec<i16> {
    let Shape { rows, inner, renorm, .. } = *profile.shape();
    let (rows, inner) = (rows as usize, inner as usize);
    let all: Vec<u32> = (0..profile.shape().rows).collect();
    let mut x = first_rows(segment_seed, &all, profile);
    for matrix in layer_order(segment_seed, profile.shape()) {
        let mut bytes = vec![0; inner * inner];
        pool_matrix(seed, matrix).fill(&mut bytes);
        let sum = |row: usize, column: usize| -> i64 {
            let weight = |k: usize| i64::from(bytes[k * inner + column]) - 128;
            (0..inner).map(|k| i64::from(x[row * inner + k]) * weight(k)).sum()
        };
        let kept = |sum: i64| {
            let window = sum.div_euclid(1 << renorm.shift).rem_euclid(1 << renorm.bits);
            i16::try_from(window - (1 << (renorm.bits - 1))).expect("at most nine bits")
        };
        x = (0..rows * inner).map(|at| kept(sum(at / inner, at % inner))).collect();
    }
    x
}

fn any_profile() -> impl Strategy<Value = ClassProfile> {
    let numbers = (1..20u32, 1..4u32, 1..4u32, 1..4u32, 1..8u32, 2..10u32);
    numbers.prop_filter_map("within the bounds", |(rows, blocks, steps, pool, shift, bits)| {
        let shape = Shape {
            rows,
            inner: blocks * 64,
            steps,
            pool,
            open_rows: 1,
            open_segments: 1,
            renorm: Renorm { shift, bits },
        };
        ClassProfile::new("any", shape).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// WORK-002, WORK-004: in any profile that can exist, f32 on the device, the streaming
    /// integers and the i64 model give the same rows.
    #[test]
    fn device_stream_and_model_agree(profile in any_profile(), seed: [u8; 32]) {
        let segment_seed = segment_seed(&seed, 1, 2, &[3; 32]);
        let all: Vec<u32> = (0..profile.shape().rows).collect();
        let program = SegmentProgram::load(&seed, &profile, &Device::Cpu).unwrap();
        let on_device = program.finished_rows(&segment_seed, &all).unwrap();
        prop_assert_eq!(&on_device, &model(&seed, &segment_seed, &profile));
        prop_assert_eq!(&on_device, &stream::finished_rows(&seed, &segment_seed, &all, &profile));
    }

    /// WORK-003: rows computed alone are the rows of the full run.
    #[test]
    fn a_row_subset_is_the_full_run(rows in prop::collection::vec(0..13u32, 1..6), seed: [u8; 32]) {
        let profile = tiny();
        let inner = profile.shape().inner as usize;
        let segment_seed = segment_seed(&seed, 0, 0, &[0; 32]);
        let program = SegmentProgram::load(&seed, &profile, &Device::Cpu).unwrap();
        let all: Vec<u32> = (0..13).collect();
        let full = program.finished_rows(&segment_seed, &all).unwrap();
        let some = program.finished_rows(&segment_seed, &rows).unwrap();
        for (row, values) in rows.iter().zip(some.chunks_exact(inner)) {
            prop_assert_eq!(values, &full[*row as usize * inner..][..inner]);
        }
    }

    /// WORK-005: the renormalisation is a window of the sum's bits, centred on zero.
    #[test]
    fn renormalisation_is_a_centred_window(sum: i32, shift in 1..16u32, bits in 2..10u32) {
        let window = i64::from(sum).div_euclid(1 << shift).rem_euclid(1 << bits);
        let kept = i64::from(Renorm { shift, bits }.apply(sum));
        prop_assert_eq!(kept, window - (1 << (bits - 1)));
    }
}

#[test]
fn work_002_no_profile_may_leave_the_exact_range() {
    for profile in PROFILES {
        match profile.exactness() {
            Exactness::Always => assert_eq!(profile.name(), "ci"),
            Exactness::Sigmas(sigmas) => assert!(16 <= sigmas, "{} {sigmas}", profile.name()),
        }
    }
    let wide =
        Shape { inner: 16_384, renorm: Renorm { shift: 9, bits: 9 }, ..*ClassProfile::DC.shape() };
    let sigmas = ClassProfile::new("wide", wide).map(|profile| profile.exactness());
    assert_eq!(sigmas, Ok(Exactness::Sigmas(11)));
    let ten_bits = Shape { renorm: Renorm { shift: 8, bits: 10 }, ..*ClassProfile::DC.shape() };
    let refused = ClassProfile::new("ten bits", ten_bits).unwrap_err();
    assert_eq!(refused, ProfileError::OutOfRange { field: "bits", value: 10, limit: 9 });
}

#[test]
fn work_002_sums_of_the_dc_profile_keep_their_distance() {
    // One row of one step in i64, against the 17 standard deviations the profile claims.
    let (seed, profile) = ([9; 32], ClassProfile::DC);
    let inner = profile.shape().inner as usize;
    let x = first_rows(&[8; 32], &[0], &profile);
    let mut stream = pool_matrix(&seed, 0);
    let (mut sums, mut weights) = (vec![0_i64; inner], vec![0; inner]);
    // A sixteenth of the terms has a quarter of the spread.
    for value in &x[..inner / 16] {
        stream.fill(&mut weights);
        for (sum, weight) in sums.iter_mut().zip(&weights) {
            *sum += i64::from(*value) * (i64::from(*weight) - 128);
        }
    }
    let largest = sums.iter().map(|sum| sum.abs()).max().unwrap();
    assert!(largest < (1 << 24) / 4 / 2, "{largest}");
}

#[test]
fn work_006_a_step_that_keeps_the_low_bits_is_refused() {
    let shape = Shape { renorm: Renorm { shift: 0, bits: 9 }, ..*ClassProfile::CI.shape() };
    assert_eq!(ClassProfile::new("linear", shape), Err(ProfileError::Linear));
}

/// WORK-006: why. With shift 0 two steps equal one step with the product of the two matrices,
/// made in advance; with a real shift they do not.
#[test]
fn work_006_low_bits_would_let_products_be_made_in_advance() {
    let survives = |renorm: Renorm| {
        let (a, b, x) = ([[3, -5], [7, 11]], [[-2, 9], [4, 6]], [100, -77]);
        let times = |x: [i32; 2], m: [[i32; 2]; 2]| {
            [0, 1].map(|column| x[0] * m[0][column] + x[1] * m[1][column])
        };
        // Centring shifts by a constant; the attack is shown on the uncentred window.
        let window = |sum: i32| (sum >> renorm.shift) & ((1 << renorm.bits) - 1);
        let step_by_step = times(times(x, a).map(window), b).map(window);
        let combined = a.map(|row| times(row, b));
        step_by_step == times(x, combined).map(window)
    };
    assert!(survives(Renorm { shift: 0, bits: 9 }));
    assert!(!survives(Renorm { shift: 3, bits: 9 }));
}

#[test]
fn work_007_every_segment_depends_on_the_root_before_it() {
    let seed = segment_seed(&[1; 32], 0, 1, &[2; 32]);
    assert_ne!(seed, segment_seed(&[1; 32], 0, 1, &[3; 32]));
    assert_ne!(seed, segment_seed(&[1; 32], 1, 1, &[2; 32]));
    assert_ne!(seed, segment_seed(&[1; 32], 0, 2, &[2; 32]));
    assert_ne!(seed, segment_seed(&[4; 32], 0, 1, &[2; 32]));
}

#[test]
fn work_001_golden_roots_of_the_ci_profile() {
    golden(
        ClassProfile::CI,
        2,
        3,
        &expect![[r#"
        seed 7dcf0f3abaaf4b9ec2ba81bf2153ebb760598302bf04a8cc1c8bae36e9a42ed3
        0c70e78ac4c065f04fd7ac03d7bcf4a8c5159f911fb16d484856d1544da08864
        d69d175b8166d880d4c983a27f52f4e41aa33d62658ad345d5055e1ec0e20701
        fcf090129039849412b3e1637132ee27903cfa9d09a9419361f216e99ee915a5
        b8e97157bbe4a0d9a7fd535bbb9361490774b88678e96ab6b66f5ee5826c36ce
        a589442ce31a92580477d5ba19d17df6e8333bb3b93ea30f56cbbe8b7eb2db6d
        ef8b7fd6266a5c3d2ccbcca769dc6a5a5c002e281687a7a60a668f419e42b6df
        work 22c4e7343d6a88e177bce81c020b16818586285fef457bdf926ffe2feae31705
    "#]],
    );
}

#[test]
fn work_001_golden_roots_of_the_cpu_profile() {
    golden(
        ClassProfile::CPU,
        1,
        2,
        &expect![[r#"
        seed 7dcf0f3abaaf4b9ec2ba81bf2153ebb760598302bf04a8cc1c8bae36e9a42ed3
        e569795af3980a28d4fbc53e33979cd021ec62ca9b0429966afc800c745446cf
        08ac588b87d165b6264e4c21d828e9364256f602e90520ab56992df2f0daaf93
        work ebce6c7b0c1629fdd4e67abc8adcfd45c90ffcbd50c428955a82ca6ce56cce2a
    "#]],
    );
}

#[track_caller]
fn golden(profile: ClassProfile, slots: u16, segments: u16, expected: &Expect) {
    let seed = *blake3::hash(b"tenor golden vector").as_bytes();
    let challenge = Challenge::new(seed, profile, slots, segments).expect("not empty");
    let work = program::run(&challenge, &Device::Cpu).expect("a cpu never fails");
    let roots: String =
        work.roots().iter().flatten().map(|root| hex::encode(root) + "\n").collect();
    expected.assert_eq(&format!(
        "seed {}\n{roots}work {}\n",
        hex::encode(seed),
        hex::encode(work.root())
    ));
}
