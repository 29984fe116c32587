//! Statements as providers sign them: EIP-712 digest, signature, recovery.
//!
//! ```text
//! domain   name "Tenor oracle", version "1", chainId, salt = keccak256(oracleId ‖ methodology)
//! struct   Observation(uint16 schema,address provider,bytes32 clusterId,uint32 class,uint16 region,
//!                      uint32 totalUnits,uint32 leasedUnits,uint64 askMicros,uint64 leasePriceMicros,
//!                      uint64 leaseGpuSeconds,uint64 windowGpuSeconds,uint128 windowNotionalMicros,
//!                      bytes32 receiptsRoot,uint64 observedAt,uint64 epoch,uint64 nonce)
//! ```
//!
//! Invariant: a statement signed for one chain, one oracle and one methodology is a signature of nobody under any other.

mod commitment;
mod equivocation;
mod intake;
mod key;
mod signed_report;
mod tree;

use borsh::{BorshDeserialize, BorshSerialize};
use ethers_core::abi::{Token, encode};
use ethers_core::types::U256;
use ethers_core::types::transaction::eip712::EIP712Domain;
use ethers_core::utils::keccak256;
use thiserror::Error;

pub use commitment::{SignedCommitment, commitment_hash};
pub use equivocation::{EquivocationError, EquivocationProof};
pub use intake::{Intake, Refusal};
pub use key::{KeyError, SignatureBytes, SignatureError, SigningKey, recover};
pub use signed_report::{REPORT_TYPE, ReportError, SignedReport, report_digest};
pub use tree::merkle_root;

use crate::statement::{Address, Statement};

/// How the type is written in EIP-712; its Keccak hash stands first in what is signed.
pub const OBSERVATION_TYPE: &str = "Observation(uint16 schema,address provider,bytes32 clusterId,\
    uint32 class,uint16 region,uint32 totalUnits,uint32 leasedUnits,uint64 askMicros,\
    uint64 leasePriceMicros,uint64 leaseGpuSeconds,uint64 windowGpuSeconds,\
    uint128 windowNotionalMicros,bytes32 receiptsRoot,uint64 observedAt,uint64 epoch,uint64 nonce)";

/// What a signature is for: one chain, one oracle, one methodology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Domain {
    /// The chain on which disputes end; 31337 where there is none.
    pub chain_id: u64,
    /// Which oracle.
    pub oracle_id: [u8; 32],
    /// The hash of the method's version and parameters.
    pub methodology: [u8; 32],
}

/// A statement and who signed it, or claims to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct SignedObservation {
    /// What is said.
    pub statement: Statement,
    /// The separator of the domain it was signed for, so that a wrong domain is not mistaken for a wrong key.
    pub domain: [u8; 32],
    /// By whom, once recovered.
    pub signature: SignatureBytes,
}

/// Why a signed statement has no signer. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecoverError {
    /// It was signed for another chain, oracle or methodology.
    #[error("signed for another domain")]
    Domain,
    /// The signature is not canonical or names nobody.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It names somebody else than the provider in the statement.
    #[error("signed by {signer}, not by the provider {provider}")]
    Signer {
        /// Who signed.
        signer: Address,
        /// Who is said to have signed.
        provider: Address,
    },
}

impl Domain {
    /// The EIP-712 domain separator.
    #[must_use]
    pub fn separator(&self) -> [u8; 32] {
        let domain = EIP712Domain {
            name: Some("Tenor oracle".to_owned()),
            version: Some("1".to_owned()),
            chain_id: Some(self.chain_id.into()),
            verifying_contract: None,
            salt: Some(keccak256([self.oracle_id, self.methodology].concat())),
        };
        domain.separator()
    }

    /// The digest of a struct hash under this domain: `keccak256(0x1901 ‖ separator ‖ struct hash)`.
    #[must_use]
    pub fn digest(&self, struct_hash: &[u8; 32]) -> [u8; 32] {
        keccak256([&[0x19, 0x01], self.separator().as_slice(), struct_hash.as_slice()].concat())
    }
}

impl SignedObservation {
    /// How many bytes every one has.
    pub const LEN: usize = 269;

    /// Signs a statement. The key need not be the provider's: then nobody will take it.
    ///
    /// # Errors
    /// [`KeyError::NotSigned`], which no key should ever give.
    pub fn sign(statement: Statement, domain: &Domain, key: &SigningKey) -> Result<Self, KeyError> {
        let signature = key.sign(&digest(&statement, domain))?;
        Ok(Self { statement, domain: domain.separator(), signature })
    }

    /// The provider, if it signed this for `domain`.
    ///
    /// # Errors
    /// [`RecoverError`].
    pub fn recover(&self, domain: &Domain) -> Result<Address, RecoverError> {
        if self.domain != domain.separator() {
            return Err(RecoverError::Domain);
        }
        let signer = recover(&digest(&self.statement, domain), &self.signature)?;
        let provider = self.statement.provider;
        if signer != provider {
            return Err(RecoverError::Signer { signer, provider });
        }
        Ok(signer)
    }

    /// The leaf of this statement in a tree of inputs: Keccak over a tag and its bytes.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        keccak256([b"tenor oracle leaf 1".to_vec(), bytes(self)].concat())
    }
}

/// What a provider signs.
#[must_use]
pub fn digest(statement: &Statement, domain: &Domain) -> [u8; 32] {
    domain.digest(&struct_hash(statement))
}

/// The EIP-712 struct hash.
#[must_use]
pub fn struct_hash(statement: &Statement) -> [u8; 32] {
    let word = |bytes: [u8; 32]| Token::FixedBytes(bytes.to_vec());
    let number = |number: u64| Token::Uint(number.into());
    keccak256(encode(&[
        word(keccak256(OBSERVATION_TYPE)),
        number(statement.schema.into()),
        Token::Address(statement.provider.0.into()),
        word(statement.cluster_id),
        number(statement.class.into()),
        number(statement.region.into()),
        number(statement.total_units.into()),
        number(statement.leased_units.into()),
        number(statement.ask_micros),
        number(statement.lease_price_micros),
        number(statement.lease_gpu_seconds),
        number(statement.window_gpu_seconds),
        Token::Uint(U256::from(statement.window_notional_micros)),
        word(statement.receipts_root),
        number(statement.observed_at.nanos()),
        number(statement.epoch),
        number(statement.nonce),
    ]))
}

/// The Keccak hash of a cluster's name, as it stands in a statement.
#[must_use]
pub fn cluster_id(name: &str) -> [u8; 32] {
    keccak256(name)
}

#[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
pub(crate) fn bytes<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("plain data encodes")
}
