//! The bits: exactness, renormalisation, row subsets, kernels, golden vectors.

use candle_core::Device;
use delivery_agent::challenge::{Challenge, SegmentId};
use delivery_agent::device::Path;
use delivery_agent::expand::{Layer, first_rows, layer_order, pool_matrix, segment_seed};
use delivery_agent::fault::Fault;
use delivery_agent::profile::{
    ClassProfile, Exactness, PROFILES, ProfileError, Renorm, Shape, Weights,
};
use delivery_agent::program::{self, SegmentProgram, run_by};
use delivery_agent::salt::KnownSalts;
use delivery_agent::stream;
use delivery_agent::vectors::{self, Vector};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::tiny;

/// The specification, in i64 and nothing else: every row, no tricks.
fn model(seed: &[u8; 32], segment_seed: &[u8; 32], profile: &ClassProfile) -> Vec<i16> {
    let Shape { rows, inner, renorm, .. } = *profile.shape();
    let (rows, inner) = (rows as usize, inner as usize);
    let all: Vec<u32> = (0..profile.shape().rows).collect();
    let mut x = first_rows(segment_seed, &all, profile);
    for layer in layer_order(segment_seed, profile.shape()) {
        let bytes = |matrix: u32| {
            let mut bytes = vec![0; inner * inner];
            pool_matrix(seed, matrix).fill(&mut bytes);
            bytes.into_iter().map(i64::from)
        };
        let weights: Vec<i64> = match layer {
            Layer::Byte(matrix) => bytes(matrix).map(|byte| byte - 128).collect(),
            Layer::Difference(plus, minus) => {
                bytes(plus).zip(bytes(minus)).map(|(plus, minus)| plus - minus).collect()
            }
        };
        let sum = |row: usize, column: usize| -> i64 {
            (0..inner).map(|k| i64::from(x[row * inner + k]) * weights[k * inner + column]).sum()
        };
        let kept = |sum: i64| {
            let window = sum.div_euclid(1 << renorm.shift).rem_euclid(1 << renorm.bits);
            i16::try_from(window - (1 << (renorm.bits - 1))).expect("at most nine bits")
        };
        x = (0..rows * inner).map(|at| kept(sum(at / inner, at % inner))).collect();
    }
    x
}

/// CUDA-004: a path changes the rate of the work and nothing else, for bytes and for their differences.
#[test]
fn cuda_004_every_path_finishes_the_same_rows() {
    for profile in PROFILES.into_iter().filter(|profile| profile.shape().inner <= 1_024) {
        let rows = [0, 1, 100, 255];
        let by = |path: Path| {
            let program = SegmentProgram::load(&[4; 32], &profile, &Device::Cpu).unwrap().by(path);
            program.finished_rows(&[6; 32], &rows).unwrap()
        };
        let expected = stream::finished_rows(&[4; 32], &[6; 32], &rows, &profile);
        for path in Path::ALL {
            assert_eq!(by(path), expected, "{} by {}", profile.name(), path.name());
        }
    }
}

const fn id(slot: u16, segment: u16) -> SegmentId {
    SegmentId { slot, segment }
}

fn any_profile() -> impl Strategy<Value = ClassProfile> {
    let numbers = (1..20u32, 1..4u32, 1..4u32, 1..4u32, 1..8u32, 2..10u32);
    let weights = prop_oneof![Just(Weights::Byte), Just(Weights::Difference)];
    (numbers, weights).prop_filter_map("within the bounds", |(numbers, weights)| {
        let (rows, blocks, steps, pool, shift, bits) = numbers;
        let shape = Shape {
            rows,
            inner: blocks * 64,
            steps,
            pool,
            weights,
            open_rows: 1,
            open_segments: 1,
            salt_delay: 1,
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
    fn device_stream_and_model_agree(
        profile in any_profile(),
        seed: [u8; 32],
        path in prop::sample::select(Path::ALL.to_vec()),
    ) {
        let segment_seed = segment_seed(&seed, id(1, 2), &[3; 32], &[4; 32]);
        let all: Vec<u32> = (0..profile.shape().rows).collect();
        let program = SegmentProgram::load(&seed, &profile, &Device::Cpu).unwrap().by(path);
        let on_device = program.finished_rows(&segment_seed, &all).unwrap();
        prop_assert_eq!(&on_device, &model(&seed, &segment_seed, &profile));
        prop_assert_eq!(&on_device, &stream::finished_rows(&seed, &segment_seed, &all, &profile));
    }

    /// WORK-003: rows computed alone are the rows of the full run.
    #[test]
    fn a_row_subset_is_the_full_run(rows in prop::collection::vec(0..13u32, 1..6), seed: [u8; 32]) {
        let profile = tiny();
        let inner = profile.shape().inner as usize;
        let segment_seed = segment_seed(&seed, id(0, 0), &[0; 32], &[0; 32]);
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
            Exactness::Sigmas(sigmas) => assert!(11 <= sigmas, "{} {sigmas}", profile.name()),
        }
    }
    let ten_bits = Shape { renorm: Renorm { shift: 8, bits: 10 }, ..*ClassProfile::DC.shape() };
    let refused = ClassProfile::new("ten bits", ten_bits).unwrap_err();
    assert_eq!(refused, ProfileError::OutOfRange { field: "bits", value: 10, limit: 9 });
}

/// Largest operands, as powers of two, that no data can carry past 2^24.
#[test]
fn work_002_the_worst_case_rule_is_the_number_of_terms_times_both_operands() {
    let exactness = |inner: u32, bits: u32| {
        let renorm = Renorm { shift: 1, bits };
        let shape = Shape { inner, renorm, open_rows: 1, ..*ClassProfile::CI.shape() };
        ClassProfile::new("table", shape).map(|profile| profile.exactness())
    };
    // K * 2^(bits - 1) * 128 <= 2^24, at the limit and one bit beyond it.
    for (inner, bits) in [(256, 9), (512, 9), (1_024, 8), (2_048, 7), (4_096, 6), (16_384, 4)] {
        assert_eq!(exactness(inner, bits), Ok(Exactness::Always), "{inner} terms of {bits} bits");
        let beyond = exactness(inner, bits + 1);
        assert_ne!(beyond, Ok(Exactness::Always), "{inner} terms of {} bits", bits + 1);
    }
    // A difference of two bytes reaches 255: half as many terms.
    let weights = Weights::Difference;
    let shape = Shape { weights, ..*ClassProfile::CI.shape() };
    let of = |inner| ClassProfile::new("table", Shape { inner, ..shape }).map(|p| p.exactness());
    assert_eq!(of(256), Ok(Exactness::Always));
    assert!(matches!(of(512), Ok(Exactness::Sigmas(_))));
}

/// Distances to 2^24 by hand: a sum's standard deviation is sqrt(K (N^2/2 + 1) (256^2/2 + 1)) / 6.
#[test]
fn work_002_the_statistical_rule_counts_standard_deviations() {
    let sigmas = |profile: ClassProfile| match profile.exactness() {
        Exactness::Always => u64::MAX,
        Exactness::Sigmas(sigmas) => sigmas,
    };
    let found = PROFILES.map(|profile| (profile.name(), sigmas(profile)));
    let expected = [("ci", u64::MAX), ("cpu", 47), ("dc", 16), ("bw", 16), ("grade", 12)];
    assert_eq!(found, expected);
    // Nine bits on both sides over 16,384 terms: 8.5 standard deviations are too few.
    let renorm = Renorm { shift: 11, bits: 9 };
    let wide = Shape { inner: 16_384, renorm, ..*ClassProfile::GRADE.shape() };
    let refused = ClassProfile::new("wide", wide).unwrap_err();
    assert_eq!(refused, ProfileError::NotExact { inner: 16_384, sigmas: 8 });
    let alone = Shape { pool: 1, ..*ClassProfile::GRADE.shape() };
    assert_eq!(ClassProfile::new("alone", alone).unwrap_err(), ProfileError::NoDifference);
}

/// The sums themselves, in i64: spread as foreseen, and far from the limit.
#[test]
fn work_002_sums_of_the_large_profiles_keep_their_distance() {
    for (profile, foreseen) in [(ClassProfile::DC, 988_000.0), (ClassProfile::GRADE, 1_398_000.0)] {
        let inner = profile.shape().inner as usize;
        let x = first_rows(&[8; 32], &[0], &profile);
        let [mut plus, mut minus] = [0, 1].map(|matrix| pool_matrix(&[9; 32], matrix));
        let (mut sums, mut p, mut m) = (vec![0_i64; inner], vec![0; inner], vec![0; inner]);
        // A sixteenth of the terms has a quarter of the spread.
        for value in &x[..inner / 16] {
            plus.fill(&mut p);
            minus.fill(&mut m);
            if profile == ClassProfile::DC {
                m.fill(128);
            }
            for (sum, (plus, minus)) in sums.iter_mut().zip(p.iter().zip(&m)) {
                *sum += i64::from(*value) * (i64::from(*plus) - i64::from(*minus));
            }
        }
        let largest = sums.iter().map(|sum| sum.abs()).max().unwrap();
        assert!(largest < (1 << 24) / 4 / 2, "{largest}");
        let square = sums.iter().map(|sum| (*sum as f64).powi(2)).sum::<f64>() / inner as f64;
        let spread = 4.0 * square.sqrt();
        assert!((spread / foreseen - 1.0).abs() < 0.15, "{} {spread}", profile.name());
    }
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
    let of = |seed: u8, id: SegmentId, root: u8, salt: u8| {
        segment_seed(&[seed; 32], id, &[root; 32], &[salt; 32])
    };
    let seed = of(1, id(0, 1), 2, 3);
    assert_ne!(seed, of(4, id(0, 1), 2, 3));
    assert_ne!(seed, of(1, id(1, 1), 2, 3));
    assert_ne!(seed, of(1, id(0, 2), 2, 3));
    assert_ne!(seed, of(1, id(0, 1), 4, 3));
    // WORK-030: and on its salt.
    assert_ne!(seed, of(1, id(0, 1), 2, 4));
}

#[test]
fn work_001_golden_roots_of_the_ci_profile() {
    golden(
        ClassProfile::CI,
        2,
        3,
        &expect![[r#"
            seed 7dcf0f3abaaf4b9ec2ba81bf2153ebb760598302bf04a8cc1c8bae36e9a42ed3
            ced5c4359992dbf2664d6495e1d7062eb9f1db56a23d1fda444c0399934d6f58
            83c4f0c4edc300009bdad82302b7c6d6c00ba1b81d614e14e63818be1eb9b940
            3c2f0a13460126195327ee00a33f721be8635e07e401dcba34ea4afbae2d8c7a
            56da17bfc731f7fcba57044ee80e970b2f50df4fe23b5f0b3a504a4a92f02c77
            046c4d20ddf9144fc7263a8b6f9fe4c9ca00bb2324045d8abd20131ee5bf38f3
            0407bc3c712dcbd19927e95220fb6ae4fa202f67a57e80d6886843eedbfab8ab
            work f63a4b8d7935f606708c7129bb4f1f14e5d67637f3621b91060a64df50683e17
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
            12af3a0204ce31a6953d882326cc52a20acc8f37baee7be99790309751009eac
            7cf07082d409a9fddfc5c7ec6332159fc5d80aaf821d3c19ecc8d1445ef3bb1d
            work 65812a3d0faff1c8ea4c9a061bc6593b83520b40c476da87959ca720579890b7
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// WORK-001: the same seed gives the same roots on one thread and on many, and they are those of the
    /// streaming kernel and of the model.
    #[test]
    fn roots_do_not_depend_on_threads(profile in any_profile(), seed: [u8; 32], key: [u8; 32]) {
        let challenge = Challenge::new(seed, profile, 2, 2).unwrap();
        let roots_on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let program = SegmentProgram::load(challenge.pool_seed(), &profile, &Device::Cpu);
                let work = program.unwrap().run(&challenge, &mut KnownSalts(key), Fault::None);
                work.unwrap().roots()
            })
        };
        let alone = roots_on(1);
        for threads in [2, 3, 8] {
            prop_assert_eq!(&roots_on(threads), &alone);
        }
        let all: Vec<u32> = (0..profile.shape().rows).collect();
        let streamed = run_by(&challenge, &mut KnownSalts(key), |_id, seed| {
            Ok(stream::finished_rows(challenge.pool_seed(), seed, &all, &profile))
        });
        prop_assert_eq!(&streamed.unwrap().roots(), &alone);
        let modelled = run_by(&challenge, &mut KnownSalts(key), |_id, seed| {
            Ok(model(challenge.pool_seed(), seed, &profile))
        });
        prop_assert_eq!(&modelled.unwrap().roots(), &alone);
    }
}

/// WORK-001: the files that anyone may check another agent with. The whole of the large ones takes
/// minutes, so here the streaming kernel computes their rows; `ci` and `cpu` are run.
#[test]
fn work_001_golden_vectors_hold() {
    let vectors = vectors::all().unwrap();
    let names: Vec<&str> =
        vectors.iter().map(|vector| vector.challenge().profile().name()).collect();
    assert_eq!(names, ["ci", "cpu", "bw", "dc", "grade"]);
    for vector in &vectors[..2] {
        let (challenge, device) = (vector.challenge(), &Device::Cpu);
        let pool = SegmentProgram::load(challenge.pool_seed(), challenge.profile(), device);
        vector.check(&pool.unwrap()).unwrap();
        vector.check_rows().unwrap();
        assert_eq!(&Vector::parse(&vector.to_json().unwrap()).unwrap(), vector);
    }
}

#[test]
fn what_is_not_a_vector_is_named() {
    let refused = |text: &str| Vector::parse(text).unwrap_err().to_string();
    let ci = vectors::all().unwrap().swap_remove(0).to_json().unwrap();
    let with = |from: &str, to: &str| refused(&ci.replacen(from, to, 1));
    assert_eq!(with("\"ci\"", "\"abacus\""), "profile `abacus` is not known to this build");
    assert_eq!(with("\"pool\": 4", "\"pool\": 0"), "pool is 0, outside 1..=4096");
    assert_eq!(with("\"slots\": 2", "\"slots\": 3"), "roots are not 3 slots of 3 segments");
    assert_eq!(with("7dcf", "7dcg"), "seed is not 32 bytes in hexadecimal");
    assert!(with("{", "[").starts_with("not a golden vector"));
}

/// WORK-001: a device that gives other bits is told which segment it is.
#[test]
fn a_root_that_differs_is_named() {
    let vector = &vectors::all().unwrap()[0];
    let work = program::run(vector.challenge(), &Device::Cpu).unwrap();
    let mut roots = work.roots();
    vector.compare_roots(&roots, &work.root()).unwrap();
    roots[1][2][0] ^= 1;
    let found = vector.compare_roots(&roots, &work.root()).unwrap_err().to_string();
    assert!(found.starts_with("segment 2 of slot 1 has root 05"), "{found}");
    let found = vector.compare_roots(&work.roots(), &[0; 32]).unwrap_err().to_string();
    assert!(found.starts_with("work root is 00"), "{found}");
}
