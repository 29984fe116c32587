//! The attacks.

use std::sync::LazyLock;

use super::absence::{absent, absent_odds};
use super::court::{Answer, Asked, Finding, Setting, is_below_floor, small};
use super::money::declared;
use super::odds::{all_missed, at_least};
use super::{Attack, Chance};
use crate::challenge::{SLOTS_DRAWN_MAX, SegmentId};
use crate::expand::{
    Bytes32, Layer, first_rows, layer_order, pool_matrix, pool_seed, segment_seed,
};
use crate::profile::Shape;
use crate::program::{Work, run_by};
use crate::salt::{KnownSalts, salt};
use crate::verify::VerifierFailure;

type Caught = Result<bool, VerifierFailure>;

/// Of sixteen rows of every segment.
const ROWS_SKIPPED: u32 = 2;
/// Slots that are sold, and that there are devices for.
const SLOTS: (u16, u16) = (24, 21);
/// Matrices of the pool, and those that the device has no room for.
const POOL: (u32, u32) = (20, 1);
/// Steps of the walk through the pool.
const WALK: u32 = 64;
/// Microseconds of a step on an H200: 64 MiB are converted in 75 and 256 MiB read in 62.
const STEP: u64 = 137;
/// What a step costs more when its matrix has to be made again on the card, which is its cheapest way.
const REGENERATE: u64 = 300;

/// Every way of not delivering that we know; first the one who delivers.
pub const ATTACKS: [Attack; 17] = [
    attack("honest", "does the work, at the grade's rate or faster", || 0.0, honest),
    attack("skipped rows", "leaves 2 of 16 rows of every segment undone", rows_odds, skipped_rows),
    attack("skipped segments", "leaves 1 of 4 segments undone", segments_odds, skipped_segments),
    attack(
        "equal rows",
        "computes one row of each segment and commits it for all",
        always,
        equal_rows,
    ),
    attack(
        "low-bit chain",
        "multiplies by products of pool matrices made in advance",
        always,
        low_bits,
    ),
    attack("replay", "answers with the work of the challenge before", always, replay),
    attack("late", "does the work and answers after the deadline", always, late),
    attack(
        "forged root",
        "claims a root without work, and opens other work under it",
        always,
        forged,
    ),
    attack("precomputed", "begins before seed and salts are known", always, precomputed),
    attack(
        "double-sold device",
        "serves two challenges of one instant with one device",
        always,
        double_sold,
    ),
    attack("lying device count", "sells 24 slots and has 21 devices", slots_odds, too_few_devices),
    attack("silent", "does not answer", always, silent),
    attack("absent", "is away for five minutes, at twelve challenges an hour", absent_odds, absent),
    attack(
        "declared fault",
        "says in advance that it will not deliver; caught: dearer than delivering, cheaper than silence",
        always,
        declared,
    ),
    attack(
        "slow card posing as fast",
        "has half to nine tenths of the grade's rate",
        always,
        slow_card,
    ),
    attack(
        "missing VRAM",
        "has no room for 1 of 20 pool matrices and makes it again when needed",
        pool_odds,
        missing_pool,
    ),
    attack(
        "chosen order",
        "as before, and changes a row until the order it foresees avoids the matrix",
        pool_odds,
        chosen_order,
    ),
];

const fn attack(
    name: &'static str,
    does: &'static str,
    expected: fn() -> f64,
    trial: fn(&mut Chance) -> Caught,
) -> Attack {
    Attack { name, does, expected, trial }
}

fn always() -> f64 {
    1.0
}

fn rows_odds() -> f64 {
    let Shape { rows, open_rows, open_segments, .. } = *Setting::usual().profile.shape();
    let segment_missed = all_missed(rows, ROWS_SKIPPED, open_rows);
    1.0 - (0..open_segments).map(|_| segment_missed).product::<f64>()
}

fn segments_odds() -> f64 {
    let Setting { profile, segments, .. } = Setting::usual();
    1.0 - all_missed(segments.into(), 1, profile.shape().open_segments)
}

fn slots_odds() -> f64 {
    let (sold, there) = SLOTS;
    1.0 - all_missed(sold.into(), (sold - there).into(), SLOTS_DRAWN_MAX.into())
}

fn pool_odds() -> f64 {
    let too_many = (0..).find(|missed| is_slow_walk(*missed)).unwrap_or(WALK);
    at_least(too_many, WALK, f64::from(POOL.1) / f64::from(POOL.0))
}

/// Microseconds that a challenge takes whoever has the grade, and the network.
fn in_time(asked: &Asked, chance: &mut Chance) -> u64 {
    let (share, network) = (1_000 + chance.below(80), 1_000 + chance.below(200_000));
    asked.takes(share) + network
}

/// Whether the answer of someone as fast as he should be, with that work, is caught.
fn judged(asked: &Asked, work: &Work, chance: &mut Chance) -> Caught {
    let answer = asked.answer(work, in_time(asked, chance));
    Ok(asked.judge(Some(&answer))?.is_caught())
}

fn honest(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    judged(&asked, &asked.work()?, chance)
}

fn skipped_rows(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    let (program, rows, profile) = (asked.program()?, asked.rows(), *asked.challenge.profile());
    let inner = profile.shape().inner as usize;
    let work = asked.work_by(|_id, seed| {
        let mut values = program.finished_rows(seed, &rows)?;
        for row in chance.choose(ROWS_SKIPPED as usize, profile.shape().rows) {
            let undone = first_rows(seed, &[row], &profile);
            values[row as usize * inner..][..inner].copy_from_slice(&undone);
        }
        Ok(values)
    })?;
    judged(&asked, &work, chance)
}

fn skipped_segments(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    let skipped = chance.choose(1, asked.challenge.segments().into());
    without(&asked, |id| skipped.contains(&id.segment.into()), chance)
}

/// Commits to the first rows of every segment that `is_left_out`, and to the work of all others.
fn without(asked: &Asked, is_left_out: impl Fn(SegmentId) -> bool, chance: &mut Chance) -> Caught {
    let (program, rows) = (asked.program()?, asked.rows());
    let work = asked.work_by(|id, seed| {
        if is_left_out(id) {
            Ok(first_rows(seed, &rows, asked.challenge.profile()))
        } else {
            program.finished_rows(seed, &rows)
        }
    })?;
    judged(asked, &work, chance)
}

fn equal_rows(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    let (program, rows) = (asked.program()?, asked.rows());
    let work = asked.work_by(|_id, seed| {
        let one = program.finished_rows(seed, &rows[..1])?;
        Ok(one.repeat(rows.len()))
    })?;
    judged(&asked, &work, chance)
}

/// Of a session's pool, every product of two matrices, made before the challenge came.
fn products_in_advance(pool_seed: &Bytes32, shape: &Shape) -> Vec<Vec<i64>> {
    let inner = shape.inner as usize;
    let matrix = |matrix: u32| -> Vec<i64> {
        let mut bytes = vec![0; inner * inner];
        pool_matrix(pool_seed, matrix).fill(&mut bytes);
        bytes.into_iter().map(|byte| i64::from(byte) - 128).collect()
    };
    let pool: Vec<Vec<i64>> = (0..shape.pool).map(matrix).collect();
    let pairs = pool.iter().flat_map(|left| pool.iter().map(move |right| (left, right)));
    pairs.map(|(left, right)| times(left, right, inner)).collect()
}

/// Rows of `inner` times a matrix.
fn times(rows: &[i64], matrix: &[i64], inner: usize) -> Vec<i64> {
    let product = |row: &[i64]| {
        let mut sums = vec![0; inner];
        for (value, weights) in row.iter().zip(matrix.chunks_exact(inner)) {
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
        }
        sums
    };
    rows.chunks_exact(inner).flat_map(product).collect()
}

fn low_bits(chance: &mut Chance) -> Caught {
    const SESSION: Bytes32 = [7; 32];
    static IN_ADVANCE: LazyLock<Vec<Vec<i64>>> = LazyLock::new(|| {
        products_in_advance(&pool_seed(&SESSION), Setting::usual().profile.shape())
    });
    let mut asked = Asked::of(Setting::usual(), chance);
    asked.challenge = asked.challenge.in_session(&SESSION);
    let (rows, profile) = (asked.rows(), *asked.challenge.profile());
    let Shape { inner, pool, renorm, .. } = *profile.shape();
    let work = asked.work_by(|_id, seed| {
        let pair = layer_order(seed, profile.shape()).into_iter().fold(0, |pair, layer| {
            let Layer::Byte(matrix) = layer else { unreachable!("weights are bytes") };
            pair * pool + matrix
        });
        let first: Vec<i64> =
            first_rows(seed, &rows, &profile).into_iter().map(i64::from).collect();
        let sums = times(&first, &IN_ADVANCE[pair as usize], inner as usize);
        // The window of the low bits, which a linear chain would have.
        let (mask, half) = ((1 << renorm.bits) - 1, 1 << (renorm.bits - 1));
        Ok(sums.into_iter().map(|sum| ((sum & mask) - half) as i16).collect())
    })?;
    judged(&asked, &work, chance)
}

fn replay(chance: &mut Chance) -> Caught {
    let earlier = Asked::of(Setting::usual(), chance);
    let mut asked = Asked::of(Setting::usual(), chance);
    // The same session: even the pool is the same.
    asked.challenge = asked.challenge.over_pool(*earlier.challenge.pool_seed());
    judged(&asked, &earlier.work()?, chance)
}

fn late(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    let after = chance.below(60_000_000);
    let answer = asked.answer(&asked.work()?, asked.answer_by() + after);
    Ok(matches!(asked.judge(Some(&answer))?, Finding::Silent))
}

fn forged(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    let work_root = chance.bytes();
    let openings = asked.open(&asked.work()?, &work_root);
    let claimed_at = in_time(&asked, chance);
    Ok(asked.judge(Some(&Answer { work_root, openings, claimed_at }))?.is_caught())
}

fn precomputed(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    let (program, rows) = (asked.program()?, asked.rows());
    let mut guess = |_id, seed: &Bytes32| program.finished_rows(seed, &rows);
    let work = if chance.below(2) == 0 {
        // Before the challenge: the seed is guessed.
        let challenge = asked.challenge.with_seed(chance.bytes());
        run_by(&challenge, &mut KnownSalts(asked.salt_key), &mut guess)
    } else {
        // Before the roots: the salts are.
        run_by(&asked.challenge, &mut KnownSalts(chance.bytes()), &mut guess)
    };
    judged(&asked, &work?, chance)
}

fn double_sold(chance: &mut Chance) -> Caught {
    let (one, other) = (Asked::of(Setting::usual(), chance), Asked::of(Setting::usual(), chance));
    // One after the other; were they to run at once, both would take as long as the second does.
    let first_at = in_time(&one, chance);
    let second_at = first_at + in_time(&other, chance);
    let first = one.judge(Some(&one.answer(&one.work()?, first_at)))?;
    let second = other.judge(Some(&other.answer(&other.work()?, second_at)))?;
    Ok(first.is_caught() || second.is_caught())
}

fn too_few_devices(chance: &mut Chance) -> Caught {
    let (slots, there) = SLOTS;
    let asked = Asked::of(Setting { profile: small(4, 1, 2, 1), slots, segments: 1 }, chance);
    let missing = chance.choose((slots - there).into(), slots.into());
    without(&asked, |id| missing.contains(&id.slot.into()), chance)
}

fn silent(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    Ok(matches!(asked.judge(None)?, Finding::Silent))
}

fn slow_card(chance: &mut Chance) -> Caught {
    let asked = Asked::of(Setting::usual(), chance);
    let (share, network) = (500 + chance.below(400), 50_000 + chance.below(150_000));
    let answer = asked.answer(&asked.work()?, asked.takes(share) + network);
    Ok(asked.judge(Some(&answer))?.is_caught())
}

fn is_slow_walk(missed: u32) -> bool {
    let whole = u64::from(WALK) * STEP;
    is_below_floor(whole, whole + u64::from(missed) * REGENERATE)
}

fn walk() -> Setting {
    Setting { profile: small(4, WALK, POOL.0, 1), slots: 1, segments: 1 }
}

/// Steps of a segment whose matrix has no room on the device: the first ones of the pool.
fn missed(seed: &Bytes32, shape: &Shape) -> u32 {
    let is_missing = |layer: &Layer| match *layer {
        Layer::Byte(matrix) => matrix < POOL.1,
        Layer::Difference(one, other) => one < POOL.1 || other < POOL.1,
    };
    layer_order(seed, shape).iter().filter(|layer| is_missing(layer)).count() as u32
}

fn missing_pool(chance: &mut Chance) -> Caught {
    let asked = Asked::of(walk(), chance);
    let (program, rows) = (asked.program()?, asked.rows());
    let mut missing = 0;
    // What is made again is right: only the time tells.
    let work = asked.work_by(|_id, seed| {
        missing += missed(seed, asked.challenge.profile().shape());
        program.finished_rows(seed, &rows)
    })?;
    Ok(judged(&asked, &work, chance)? || is_slow_walk(missing))
}

/// Looks for a root of the segment before that leads to an order without the missing matrix, under the
/// only salt it can try: its own guess.
fn chosen_order(chance: &mut Chance) -> Caught {
    let asked = Asked::of(walk(), chance);
    let (seed, shape) = (asked.challenge.seed(), asked.challenge.profile().shape());
    let (id, guess) = (SegmentId { slot: 0, segment: 1 }, chance.bytes());
    let root = loop {
        let root = chance.bytes();
        if missed(&segment_seed(seed, id, &root, &guess), shape) == 0 {
            break root;
        }
    };
    let real = segment_seed(seed, id, &root, &salt(&asked.salt_key, id));
    Ok(is_slow_walk(missed(&real, shape)))
}
