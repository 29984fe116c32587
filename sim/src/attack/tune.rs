//! The attacker who knows the rules: a search by trial over a few choices, in markets of its own.
//!
//! It trains where the table does not look, because an attacker knows the method and not the quotes that others will make.

use instruments::Ppm;
use oracle::Estimator;

use super::arena::Arena;
use super::market::{Evidence, Market};
use super::scheme::{Aim, Policy};
use crate::seed::Stream;

/// Markets to train in.
const WORLDS: u64 = 2;
/// Policies that are tried.
const TRIALS: u32 = 24;
/// Prices are tried this far from the honest ones, in thousandths of a logarithm.
const REACH: i32 = 2_300;

/// The best policy that was found for one share and one aim.
pub(super) fn tune(seed: u64, share: Ppm, evidence: Evidence, aim: Aim) -> Policy {
    let mut arenas: Vec<Arena> = (0..WORLDS)
        .map(|world| {
            let seed = Stream::new(seed, &format!("attack: training {world}")).number();
            Arena::new(Market::new(seed, share, evidence), &[Estimator::Ours])
        })
        .collect();
    let mut stream = Stream::new(seed, &format!("attack: trials {}", share.ppm()));
    let sign = if aim.is_up { 1 } else { -1 };
    let (mut best, mut most) = (Policy::default(), i64::MIN);
    for trial in 0..TRIALS {
        let opening = openings(sign).get(usize::try_from(trial).unwrap_or(usize::MAX)).copied();
        let policy = opening.unwrap_or_else(|| neighbour(best, &mut stream));
        let policy = Policy { walk_days: policy.walk_days.min(aim.walk_days_max), ..policy };
        let gain = gain(&mut arenas, policy, sign);
        if most < gain {
            (best, most) = (policy, gain);
        }
    }
    best
}

/// The mean error of the settlement in the wanted direction, in millionths.
fn gain(arenas: &mut [Arena], policy: Policy, sign: i64) -> i64 {
    let scheme = policy.scheme();
    let gains = arenas.iter_mut().map(|arena| {
        let error = arena.effects(&scheme).first().and_then(|effect| effect.error);
        sign * error.unwrap_or(0)
    });
    let (sum, count) = gains.fold((0, 0), |(sum, count), gain| (sum + gain, count + 1));
    sum / i64::max(count, 1)
}

/// Where the search begins: crude, at the edge of the widest band, pulling the anchor, and teaching a spread.
fn openings(sign: i64) -> [Policy; 6] {
    let toward = |size: i32| if 0 < sign { size } else { -size };
    let strike =
        |offset| Policy { ticks: 48, offset: toward(offset), leased: 850_000, ..Policy::default() };
    let leased = if 0 < sign { 1_000_000 } else { 0 };
    [
        strike(REACH),
        strike(150),
        Policy { leased, ..strike(REACH) },
        Policy { walk_days: 7, walk: toward(690), ..strike(REACH) },
        Policy { walk_days: 13, walk: toward(690), leased, ..strike(REACH) },
        Policy { walk_days: 6, walk: toward(-150), ..strike(REACH) },
    ]
}

/// A policy that differs from `from` in one or two choices.
fn neighbour(from: Policy, stream: &mut Stream) -> Policy {
    let mut policy = from;
    for _ in 0..stream.between(1, 2) {
        match stream.below(5) {
            0 => policy.walk_days = within(policy.walk_days, 4, (0, 13), stream),
            1 => policy.ticks = within(policy.ticks, 16, (1, 48), stream),
            2 => policy.leased = within(policy.leased, 200_000, (0, 1_000_000), stream),
            3 => policy.walk = near(policy.walk, stream),
            _ => policy.offset = near(policy.offset, stream),
        }
    }
    policy
}

fn within(value: u32, reach: u32, (low, high): (u32, u32), stream: &mut Stream) -> u32 {
    let step = u32::try_from(stream.below(u64::from(2 * reach + 1))).unwrap_or(0);
    (value + step).saturating_sub(reach).clamp(low, high)
}

fn near(value: i32, stream: &mut Stream) -> i32 {
    let step = i32::try_from(stream.around_zero(600)).unwrap_or(0);
    (value + step).clamp(-REACH, REACH)
}
