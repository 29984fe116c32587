//! Two different statements in one place of one series, both signed: a proof that anyone checks alone.

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

use super::{Domain, RecoverError, SignedObservation};
use crate::statement::Address;

/// The proof. Nothing beside it and the domain is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct EquivocationProof {
    first: SignedObservation,
    second: SignedObservation,
}

/// Why two statements prove nothing. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EquivocationError {
    /// They say the same.
    #[error("both statements are the same")]
    Same,
    /// They are not in the same place: both may be true.
    #[error("the statements differ in provider, class, region, epoch or nonce")]
    Places,
    /// One is not the provider's.
    #[error(transparent)]
    Signature(#[from] RecoverError),
}

impl EquivocationProof {
    /// How many bytes every one has.
    pub const LEN: usize = 2 * SignedObservation::LEN;

    /// Two statements, in the order of their bytes: one pair has one proof.
    #[must_use]
    pub fn new(one: SignedObservation, other: SignedObservation) -> Self {
        Self { first: one.min(other), second: one.max(other) }
    }

    /// Who said two things at once.
    ///
    /// # Errors
    /// [`EquivocationError`].
    pub fn verify(&self, domain: &Domain) -> Result<Address, EquivocationError> {
        let Self { first, second } = self;
        if first.statement == second.statement {
            return Err(EquivocationError::Same);
        }
        if first.statement.key() != second.statement.key() {
            return Err(EquivocationError::Places);
        }
        let provider = first.recover(domain)?;
        second.recover(domain)?;
        Ok(provider)
    }

    /// Whom it accuses; believed only after [`EquivocationProof::verify`].
    #[must_use]
    pub const fn accused(&self) -> Address {
        self.first.statement.provider
    }

    /// The two statements.
    #[must_use]
    pub const fn statements(&self) -> (&SignedObservation, &SignedObservation) {
        (&self.first, &self.second)
    }
}
