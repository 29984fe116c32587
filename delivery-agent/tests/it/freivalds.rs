//! One-shot products: what passes Freivalds' test, and what two published designs would let pass.

use candle_core::Device;
use delivery_agent::freivalds::{Factor, Made, P, Product, Wrong, check_rows, vector};
use proptest::prelude::*;
use rayon::prelude::*;

const N: usize = 64;

/// A row of one factor, centred.
fn centred(product: &Product, factor: Factor, row: usize) -> Vec<i64> {
    let mut bytes = vec![0; product.n() as usize];
    product.row(factor, u32::try_from(row).expect("small"), &mut bytes);
    bytes.into_iter().map(|byte| i64::from(byte) - 128).collect()
}

fn product_of(seed: u32) -> Product {
    let seed = *blake3::hash(&seed.to_le_bytes()).as_bytes();
    Product::new(seed, 64).expect("a size")
}

fn numbers(seed: u32) -> impl FnMut(u32) -> u32 {
    let mut stream = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    move |below| {
        let mut bytes = [0; 8];
        stream.fill(&mut bytes);
        u32::try_from(u64::from_le_bytes(bytes) % u64::from(below)).expect("below a u32")
    }
}

#[test]
fn proof_001_the_product_is_that_of_the_integers() {
    let product = product_of(1);
    let made = product.make(&Device::Cpu).unwrap();
    let right: Vec<Vec<i64>> = (0..N).map(|row| centred(&product, Factor::Right, row)).collect();
    for (row, values) in made.values().chunks_exact(N).enumerate() {
        let left = centred(&product, Factor::Left, row);
        let entry = |column: usize| (0..N).map(|k| left[k] * right[k][column]).sum::<i64>();
        assert!((0..N).all(|column| i64::from(values[column]) == entry(column)));
    }
    let r = vector(&[1; 32], &product, &made.root());
    let z = product.image(&r);
    for (row, values) in made.values().chunks_exact(N).enumerate() {
        let exact: i128 =
            values.iter().zip(&r).map(|(value, r)| i128::from(*value) * i128::from(*r)).sum();
        assert_eq!(i128::from(z[row]), exact.rem_euclid(i128::from(P)));
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for n in [0, 63, 65, 16_448] {
        let refused = Product::new([0; 32], n).unwrap_err().to_string();
        assert_eq!(refused, format!("n is {n}, not a multiple of 64 in 64..=16384"));
    }
}

/// PROOF-002: every opened row that is not the product's is found, and no other.
#[test]
fn proof_002_a_forged_row_is_caught_in_ten_thousand_trials_and_an_honest_one_never() {
    let trial = |trial: u32| {
        let (product, mut below) = (product_of(trial), numbers(trial));
        let honest = product.make(&Device::Cpu).expect("a cpu never fails");
        let row = below(64);
        let judge = |made: &Made| {
            let root = made.root();
            let r = vector(&[9; 32], &product, &root);
            let z = product.image(&r);
            check_rows(&root, &[row], (&r, &z), &made.open(&[row]))
        };
        assert_eq!(judge(&honest), Ok(()), "trial {trial}");
        let mut values = honest.values().to_vec();
        let at = row as usize * N;
        // From one entry that is off by one to a whole row of another matrix.
        match trial % 3 {
            0 => values[at + below(64) as usize] += 1,
            1 => {
                // Two errors that would cancel if all of r were equal.
                let (one, other) = (below(32) as usize, 32 + below(32) as usize);
                let off = i32::try_from(1 + below(1_000)).expect("small");
                values[at + one] += off;
                values[at + other] -= off;
            }
            _ => values[at..at + N].iter_mut().for_each(|value| *value = below(2_000) as i32),
        }
        let forged = judge(&Made::commit(values, N));
        assert_eq!(forged, Err(Wrong::NotTheProduct { row }), "trial {trial}");
    };
    (0..10_000).into_par_iter().for_each(trial);
}

#[test]
fn proof_002_an_entry_that_differs_by_the_modulus_is_out_of_range() {
    let product = product_of(3);
    let honest = product.make(&Device::Cpu).unwrap();
    let mut values = honest.values().to_vec();
    // The same residue: only the bound on entries can tell.
    values[70] = if values[70] < 0 { values[70] + P as i32 } else { values[70] - P as i32 };
    let forged = Made::commit(values, N);
    let r = vector(&[9; 32], &product, &forged.root());
    let found = check_rows(&forged.root(), &[1], (&r, &product.image(&r)), &forged.open(&[1]));
    assert_eq!(found, Err(Wrong::OutOfRange { row: 1 }));
}

#[test]
fn proof_003_rows_that_were_not_committed_or_not_drawn_are_named() {
    let product = product_of(4);
    let made = product.make(&Device::Cpu).unwrap();
    let root = made.root();
    let r = vector(&[9; 32], &product, &root);
    let z = product.image(&r);
    let rows = [3, 8, 63];
    let opened = made.open(&rows);
    assert_eq!(check_rows(&root, &rows, (&r, &z), &opened), Ok(()));
    let found = check_rows(&root, &[3, 8], (&r, &z), &opened);
    assert_eq!(found, Err(Wrong::Count { shown: 192, drawn: 128 }));
    assert_eq!(check_rows(&root, &[3, 9, 63], (&r, &z), &opened), Err(Wrong::NotCommitted));
    let mut changed = opened;
    changed.values[0] ^= 1;
    assert_eq!(check_rows(&root, &rows, (&r, &z), &changed), Err(Wrong::NotCommitted));
    // Another commitment has another vector.
    assert_ne!(r, vector(&[9; 32], &product, &[0; 32]));
}

proptest! {
    /// PROOF-001: the vector is of residues.
    #[test]
    fn a_vector_is_of_residues(draw_seed: [u8; 32], seed: u32) {
        let product = product_of(seed);
        prop_assert!(vector(&draw_seed, &product, &[0; 32]).iter().all(|residue| *residue < P));
    }
}

/// PROOF-004: a published design draws entries and challenge vector uniform in [0, 1) and compares
/// `C r` with `A (B r)` to a relative 5e-4 (its default size is 16,384). There a forecast of C from the
/// row sums of A and the column sums of B, which costs no product at all, passes from n = 4,096 on.
#[test]
fn proof_004_a_forecast_passes_a_tolerance_and_never_an_exact_comparison() {
    const RTOL: f64 = 5e-4;
    assert!(RTOL < forecast_error(1_024));
    assert!(forecast_error(4_096) < RTOL);
    // Ours: the same forecast, made of the same sums, in centred integers.
    for seed in 0..100 {
        let product = product_of(seed);
        let rows = |factor| (0..N).map(move |row| centred(&product, factor, row));
        let left: Vec<i64> = rows(Factor::Left).map(|row| row.iter().sum()).collect();
        let right = rows(Factor::Right).fold(vec![0; N], |mut sums: Vec<i64>, row| {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            sums
        });
        let forecast = |i: usize, j: usize| (left[i] * right[j]) / 64;
        let values = (0..N * N).map(|at| forecast(at / N, at % N) as i32).collect();
        let forged = Made::commit(values, N);
        let r = vector(&[7; 32], &product, &forged.root());
        let all: Vec<u32> = (0..64).collect();
        let found = check_rows(&forged.root(), &all, (&r, &product.image(&r)), &forged.open(&all));
        assert_eq!(found, Err(Wrong::NotTheProduct { row: 0 }));
    }
}

/// The largest relative error of `C~ r` over all rows, with C~ the forecast.
fn forecast_error(n: u32) -> f64 {
    let size = n as usize;
    let uniform = |matrix: u8| -> Vec<f32> {
        let mut bytes = vec![0; 2 * size * size];
        blake3::Hasher::new().update(&[matrix]).finalize_xof().fill(&mut bytes);
        let value = |pair: &[u8; 2]| f32::from(u16::from_le_bytes(*pair)) / 65_536.0;
        bytes.as_chunks::<2>().0.iter().map(value).collect()
    };
    let (a, b, r) = (uniform(1), uniform(2), uniform(3));
    let r: Vec<f64> = r[..size].iter().copied().map(f64::from).collect();
    let times = |matrix: &[f32], vector: &[f64]| -> Vec<f64> {
        let row = |row: &[f32]| row.iter().zip(vector).map(|(m, v)| f64::from(*m) * v).sum();
        matrix.par_chunks_exact(size).map(row).collect()
    };
    let truth = times(&a, &times(&b, &r));
    // C~_ij = (row sum of A)_i / 2 + (column sum of B)_j / 2 - n / 4: every factor has the mean 1/2.
    let ones = vec![1.0; size];
    let (row_sums, sum_r) = (times(&a, &ones), r.iter().sum::<f64>());
    let mut column_sums = vec![0.0; size];
    for row in b.chunks_exact(size) {
        column_sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let of_columns: f64 = column_sums.iter().zip(&r).map(|(sum, r)| sum * r / 2.0).sum();
    let forecast = |row_sum: &f64| (row_sum / 2.0 - f64::from(n) / 4.0) * sum_r + of_columns;
    let error = |(row_sum, truth): (&f64, &f64)| (forecast(row_sum) / truth - 1.0).abs();
    row_sums.iter().zip(&truth).map(error).fold(0.0, f64::max)
}

/// PROOF-005: another published design makes the entry in row i and column j from a state that is the
/// seed plus i plus j. Such matrices are the same along every anti-diagonal, and their product follows from its first
/// row and column in n^2 steps.
#[test]
fn proof_005_a_generator_that_repeats_itself_gives_its_product_away() {
    let n = 128_usize;
    let entry = |matrix: u8, state: usize| {
        let hash = blake3::hash(&[&[matrix][..], &state.to_le_bytes()].concat());
        i64::from(hash.as_bytes()[0]) - 128
    };
    let (a, b): (Vec<i64>, Vec<i64>) =
        (0..2 * n).map(|state| (entry(0, state), entry(1, state))).unzip();
    let full = |i: usize, j: usize| (0..n).map(|k| a[i + k] * b[k + j]).sum::<i64>();
    let mut cheap = vec![vec![0; n]; n];
    cheap[0] = (0..n).map(|j| full(0, j)).collect();
    cheap.iter_mut().enumerate().for_each(|(i, row)| row[0] = full(i, 0));
    for i in 1..n {
        for j in 1..n {
            let (i, j) = (i - 1, j - 1);
            cheap[i + 1][j + 1] = cheap[i][j] - a[i] * b[j] + a[i + n] * b[j + n];
        }
    }
    let is_product = (0..n * n).all(|at| cheap[at / n][at % n] == full(at / n, at % n));
    assert!(is_product);
    // Our entries are each their own bytes of the stream: no anti-diagonal repeats itself.
    let product = product_of(5);
    for factor in [Factor::Left, Factor::Right] {
        let (upper, lower) = (centred(&product, factor, 10), centred(&product, factor, 11));
        let same = upper[1..].iter().zip(&lower).filter(|(upper, lower)| upper == lower).count();
        assert!(same < 6, "{same} of 63, 0.25 expected");
    }
}
