//! What a reporter holds for the next tick: the newest statement of each series, and proofs.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Nanos;
use thiserror::Error;

use super::chain::{Chain, Settings};
use super::message::{PROOFS_MAX, PROVIDER_SERIES_MAX};
use crate::io::sign::{EquivocationError, EquivocationProof, Refusal, SignedObservation};
use crate::statement::{Address, StatementSeries};

/// Why a reporter does not take a statement. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfferRefusal {
    /// The door did not let it in.
    #[error(transparent)]
    Intake(#[from] Refusal),
    /// The provider said two things at once and is not heard any more.
    #[error("provider {provider} has said two things at once and is not heard any more")]
    Struck {
        /// Who.
        provider: Address,
    },
    /// It has just done so.
    #[error("another statement of {provider} has the same epoch and nonce: equivocation")]
    Equivocation {
        /// Who.
        provider: Address,
    },
    /// A newer statement of the series is there.
    #[error(
        "nonce {nonce} of epoch {epoch} is not after nonce {newest_nonce} of epoch {newest_epoch}"
    )]
    NonceReused {
        /// What was sent.
        epoch: u64,
        /// What was sent.
        nonce: u64,
        /// What is there.
        newest_epoch: u64,
        /// What is there.
        newest_nonce: u64,
    },
    /// There are too many series.
    #[error("provider {provider} has {PROVIDER_SERIES_MAX} series, the limit")]
    Series {
        /// Whose.
        provider: Address,
    },
    /// What was sent proves nothing.
    #[error(transparent)]
    Proof(#[from] EquivocationError),
}

/// What an offer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is held, and will be in the list for the next tick.
    Taken,
    /// It was held already.
    Repeated,
}

/// Statements and proofs.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Pool {
    newest: BTreeMap<StatementSeries, SignedObservation>,
    proofs: BTreeMap<Address, EquivocationProof>,
}

impl Pool {
    /// Takes a statement, or finds a proof.
    pub(super) fn offer(
        &mut self,
        (settings, chain): (&Settings, &Chain),
        signed: &SignedObservation,
        now: Nanos,
    ) -> Result<Offered, OfferRefusal> {
        settings.intake.take(signed, now)?;
        let key = signed.statement.key();
        let provider = key.series.provider;
        if chain.is_struck(&provider) || self.proofs.contains_key(&provider) {
            return Err(OfferRefusal::Struck { provider });
        }
        let known = [self.newest.get(&key.series), chain.newest(&key.series)];
        for before in known.map(Option::<&SignedObservation>::copied).into_iter().flatten() {
            if before.statement == signed.statement {
                return Ok(Offered::Repeated);
            }
            let newest = before.statement.key();
            if newest == key {
                self.accuse(EquivocationProof::new(before, *signed));
                return Err(OfferRefusal::Equivocation { provider });
            }
            if key < newest {
                return Err(OfferRefusal::NonceReused {
                    epoch: key.epoch,
                    nonce: key.nonce,
                    newest_epoch: newest.epoch,
                    newest_nonce: newest.nonce,
                });
            }
        }
        if !chain.has_room(key.series, &self.newest) {
            return Err(OfferRefusal::Series { provider });
        }

        // From here on nothing can fail.
        self.newest.insert(key.series, *signed);
        Ok(Offered::Taken)
    }

    /// Takes a proof that others have found. `true` when it is new.
    pub(super) fn prove(
        &mut self,
        (settings, chain): (&Settings, &Chain),
        proof: &EquivocationProof,
    ) -> Result<bool, OfferRefusal> {
        let provider = proof.verify(&settings.intake.domain)?;
        let is_known = chain.is_struck(&provider) || self.proofs.contains_key(&provider);
        // A stranger's statements are nobody's business.
        let is_registered = settings.intake.registry.provider(&provider).is_some();
        if is_known || !is_registered {
            return Ok(false);
        }
        self.accuse(*proof);
        Ok(true)
    }

    fn accuse(&mut self, proof: EquivocationProof) {
        self.proofs.insert(proof.accused(), proof);
    }

    /// The proof against a provider.
    pub(super) fn proof(&self, provider: &Address) -> Option<&EquivocationProof> {
        self.proofs.get(provider)
    }

    /// Forgets what is too old for a tick, or decided.
    pub(super) fn tidy(&mut self, (settings, chain): (&Settings, &Chain), tick_at: Nanos) {
        let age_max = settings.method.terms.age_max;
        self.newest.retain(|series, signed| {
            let statement = &signed.statement;
            let has_counted =
                chain.newest(series).is_some_and(|it| statement.key() <= it.statement.key());
            let is_fresh = tick_at.since(statement.observed_at) <= age_max;
            is_fresh && !has_counted && !chain.is_struck(&series.provider)
        });
        self.proofs.retain(|provider, _| !chain.is_struck(provider));
    }

    /// What to say for a tick: nothing from after it.
    pub(super) fn statements(&self, tick_at: Nanos) -> Vec<SignedObservation> {
        let is_before = |it: &&SignedObservation| it.statement.observed_at <= tick_at;
        self.newest.values().filter(is_before).copied().collect()
    }

    /// Proofs to pass on.
    pub(super) fn proofs(&self) -> Vec<EquivocationProof> {
        self.proofs.values().take(PROOFS_MAX).copied().collect()
    }
}
