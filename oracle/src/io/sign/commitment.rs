//! The hash that a provider commits to, and its signature: `Commitment(address provider,uint32 class,uint16 region,uint64 epoch,bytes32 hash)`.

use borsh::{BorshDeserialize, BorshSerialize};
use ethers_core::abi::{Token, encode};
use ethers_core::utils::keccak256;

use super::{Domain, KeyError, RecoverError, SignatureBytes, SigningKey, recover};
use crate::statement::{Address, StatementSeries};

const COMMITMENT_TYPE: &str =
    "Commitment(address provider,uint32 class,uint16 region,uint64 epoch,bytes32 hash)";

/// A commitment and its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct SignedCommitment {
    /// To which series.
    pub series: StatementSeries,
    /// To which epoch.
    pub epoch: u64,
    /// To what: [`commitment_hash`].
    pub hash: [u8; 32],
    /// By whom, once recovered.
    pub signature: SignatureBytes,
}

/// The hash of what will be revealed: Keccak over a tag, the salt and the statement's digest. Without the salt a price would be guessed.
#[must_use]
pub fn commitment_hash(salt: &[u8; 32], statement_digest: &[u8; 32]) -> [u8; 32] {
    keccak256([b"tenor oracle commitment 1".as_slice(), salt, statement_digest].concat())
}

impl SignedCommitment {
    /// Signs a commitment.
    ///
    /// # Errors
    /// [`KeyError::NotSigned`], which no key should ever give.
    pub fn sign(
        series: StatementSeries,
        epoch: u64,
        hash: [u8; 32],
        (domain, key): (&Domain, &SigningKey),
    ) -> Result<Self, KeyError> {
        let unsigned = Self { series, epoch, hash, signature: [0; 65] };
        let signature = key.sign(&unsigned.digest(domain))?;
        Ok(Self { signature, ..unsigned })
    }

    /// The provider, if it signed this for `domain`.
    ///
    /// # Errors
    /// [`RecoverError`].
    pub fn recover(&self, domain: &Domain) -> Result<Address, RecoverError> {
        let signer = recover(&self.digest(domain), &self.signature)?;
        let provider = self.series.provider;
        if signer != provider {
            return Err(RecoverError::Signer { signer, provider });
        }
        Ok(signer)
    }

    fn digest(&self, domain: &Domain) -> [u8; 32] {
        let StatementSeries { provider, class, region } = self.series;
        domain.digest(&keccak256(encode(&[
            Token::FixedBytes(keccak256(COMMITMENT_TYPE).to_vec()),
            Token::Address(provider.0.into()),
            Token::Uint(class.into()),
            Token::Uint(region.into()),
            Token::Uint(self.epoch.into()),
            Token::FixedBytes(self.hash.to_vec()),
        ])))
    }
}
