//! The columns of an observation that need not be there: who owns the provider, by which way the quote came, and what stands behind it.
//!
//! An absent column and an empty field say the same: nothing is known. What is said is checked like everything else.

use instruments::{GpuSeconds, MicroUsd, Ppm};
use oracle::{ClusterId, Lease, Observation, Tier, Units};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::load::{FieldProblem, Problem, micros, number, positive};

/// In the order of [`attach`].
pub(super) const COLUMNS: [&str; 8] = [
    "cluster",
    "route",
    "tier",
    "total_units",
    "leased_units",
    "lease_price",
    "lease_gpu_hours",
    "stake",
];
const TIERS: [(&str, Tier); 5] = [
    ("A", Tier::Settled),
    ("B", Tier::Leased),
    ("C", Tier::Offered),
    ("D", Tier::RateCard),
    ("E", Tier::Judgement),
];
const SECONDS_PER_HOUR: i64 = 3_600;

/// The observation with what its fields say.
pub(super) fn attach(
    mut made: Observation,
    fields: [&str; COLUMNS.len()],
) -> Result<Observation, Problem> {
    let [cluster, route, tier, total, leased, price, hours, stake] = fields;
    if !cluster.is_empty() {
        made =
            made.with_cluster(ClusterId::new(cluster).map_err(|error| ("cluster", error.into()))?);
    }
    if !route.is_empty() {
        made = made.with_route(ClusterId::new(route).map_err(|error| ("route", error.into()))?);
    }
    if !tier.is_empty() {
        let known = TIERS.iter().find(|(name, _)| *name == tier);
        let unknown = || ("tier", FieldProblem::Tier { value: tier.to_owned() });
        made = made.with_tier(known.ok_or_else(unknown)?.1);
    }
    if let Some((total, leased)) = both(("total_units", total), ("leased_units", leased))? {
        let total = units(total).map_err(|problem| ("total_units", problem))?;
        let leased = units(leased).map_err(|problem| ("leased_units", problem))?;
        let units = Units { total, leased };
        made = made.with_units(units).map_err(|error| ("leased_units", error.into()))?;
    }
    if let Some((price, hours)) = both(("lease_price", price), ("lease_gpu_hours", hours))? {
        let price = positive(price).and_then(micros);
        let price: MicroUsd = price.map_err(|problem| ("lease_price", problem))?;
        let gpu_seconds = seconds(hours).map_err(|problem| ("lease_gpu_hours", problem))?;
        let lease = Lease { price, gpu_seconds };
        made = made.with_lease(lease).map_err(|error| ("lease_gpu_hours", error.into()))?;
    }
    if !stake.is_empty() {
        made = made.with_stake(share(stake).map_err(|problem| ("stake", problem))?);
    }
    Ok(made)
}

/// Two fields that say something only together.
fn both<'a>(
    (one, left): (&'static str, &'a str),
    (other, right): (&'static str, &'a str),
) -> Result<Option<(&'a str, &'a str)>, Problem> {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((left, right))),
        (true, false) => Err((one, FieldProblem::Without { other })),
        (false, true) => Err((other, FieldProblem::Without { other: one })),
    }
}

fn units(text: &str) -> Result<u32, FieldProblem> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.parse().ok().filter(|_| is_digits);
    count.ok_or_else(|| FieldProblem::Units { value: text.to_owned() })
}

/// GPU-hours to the nearest GPU-second, half to even.
fn seconds(text: &str) -> Result<GpuSeconds, FieldProblem> {
    let hours = positive(text)?;
    let seconds = hours.checked_mul(Decimal::from(SECONDS_PER_HOUR));
    let seconds =
        seconds.map(|it| it.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven));
    let seconds = seconds.and_then(|seconds| seconds.to_u64());
    seconds.map(GpuSeconds::new).ok_or_else(|| FieldProblem::Number { value: text.to_owned() })
}

/// From nothing to one, to the nearest millionth, half to even.
fn share(text: &str) -> Result<Ppm, FieldProblem> {
    let share = number(text)?;
    if share.is_sign_negative() || Decimal::ONE < share {
        return Err(FieldProblem::Share { value: text.to_owned() });
    }
    Ok(Ppm::new(micros(share)?.micros()))
}
