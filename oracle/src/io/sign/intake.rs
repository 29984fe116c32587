//! The door for signed statements: what is refused and why, and what a taken one says to the index.
//!
//! Invariant: whoever holds the same [`Intake`] takes and refuses the same statements at the same moment.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GpuSeconds, GradeId, MicroUsd, Nanos};
use thiserror::Error;

use super::{Domain, RecoverError, SignedObservation, cluster_id};
use crate::cluster::ProviderId;
use crate::observation::{Lease, Observation, ObservationError, Units};
use crate::registry::{Registered, Registry};
use crate::statement::{Address, Statement, StatementError, StatementTerms};
use crate::tier::Tier;

/// What statements are judged by.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Intake {
    /// What they must be signed for.
    pub domain: Domain,
    /// When they count.
    pub terms: StatementTerms,
    /// Who may sign, about what.
    pub registry: Registry,
}

/// Why a signed statement is not taken. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The fields make no sense, or not now.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The address is of no provider in the registry.
    #[error("provider {provider} is not in the registry")]
    UnknownProvider {
        /// Who signed.
        provider: Address,
    },
    /// The number is of no grade in the registry.
    #[error("class {class} is not in the registry")]
    UnknownClass {
        /// What was sent.
        class: u32,
    },
    /// The owner is not the one in the registry.
    #[error("clusterId is not that of {provider} in the registry")]
    Cluster {
        /// Whose.
        provider: ProviderId,
    },
    /// It was signed for something else, or by somebody else.
    #[error(transparent)]
    Signature(#[from] RecoverError),
    /// What is left is no observation of the index.
    #[error(transparent)]
    Observation(#[from] ObservationError),
    /// A number that does not fit the index's own.
    #[error("{field} is out of range")]
    OutOfRange {
        /// Of which field.
        field: &'static str,
    },
}

impl Intake {
    /// What the statement says to the index of its grade, if it is taken at `now`. The dear check, of the signature, is the last but one.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn take(
        &self,
        signed: &SignedObservation,
        now: Nanos,
    ) -> Result<(GradeId, Observation), Refusal> {
        let statement = &signed.statement;
        statement.check(&self.terms, now)?;
        let provider = statement.provider;
        let Some(registered) = self.registry.provider(&provider) else {
            return Err(Refusal::UnknownProvider { provider });
        };
        let class = statement.class;
        let Some(grade) = self.registry.grade(class) else {
            return Err(Refusal::UnknownClass { class });
        };
        if statement.cluster_id != cluster_id(registered.cluster.as_str()) {
            return Err(Refusal::Cluster { provider: registered.provider.clone() });
        }
        signed.recover(&self.domain)?;
        Ok((grade.clone(), observation(statement, registered)?))
    }
}

/// A provider's own word is an offer; with leases behind receipts it is a lease.
fn observation(statement: &Statement, registered: &Registered) -> Result<Observation, Refusal> {
    let has_lease = statement.lease_gpu_seconds != 0;
    let has_receipts = statement.receipts_root != [0; 32];
    let tier = if has_lease && has_receipts { Tier::Leased } else { Tier::Offered };
    let units = Units { total: statement.total_units, leased: statement.leased_units };
    let price = price("askMicros", statement.ask_micros)?;
    let at = statement.observed_at;
    // One listing: a provider's own statement buys no weight by splitting itself up.
    let made = Observation::new(at, registered.provider.clone(), price, 1)?
        .with_cluster(registered.cluster.clone())
        .with_tier(tier)
        .with_stake(registered.stake)
        .with_units(units)?;
    if !has_lease {
        return Ok(made);
    }
    let price = self::price("leasePriceMicros", statement.lease_price_micros)?;
    let gpu_seconds = GpuSeconds::new(statement.lease_gpu_seconds);
    Ok(made.with_lease(Lease { price, gpu_seconds })?)
}

fn price(field: &'static str, micros: u64) -> Result<MicroUsd, Refusal> {
    i64::try_from(micros).map(MicroUsd::new).map_err(|_big| Refusal::OutOfRange { field })
}
