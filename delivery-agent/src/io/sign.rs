//! EIP-712 receipts: digest, signature, recovery, and the key file.
//!
//! ```text
//! domain   name "Tenor", version "1", chainId, verifyingContract 0
//! struct   DeliveryReceipt(uint64 obligation,uint32 challenge,uint64 gpuMillis,uint32 challenges,
//!                          bytes32 workRoot,bytes32 prev,bytes32 terms)
//! ```
//!
//! Invariants:
//! - a private key is never printed, logged or returned;
//! - one receipt has one signature per key: only the low half of `s` and `v` of 27 or 28 are read.

use std::convert::Infallible;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ethers_core::abi::{Token, encode};
use ethers_core::types::transaction::eip712::{EIP712Domain, Eip712};
use ethers_core::types::{Address, H256, Signature, U256};
use ethers_core::utils::keccak256;
use ethers_signers::{LocalWallet, Signer};

use settlement::DeliveryReceipt;

const RECEIPT_TYPE: &str = "DeliveryReceipt(uint64 obligation,uint32 challenge,uint64 gpuMillis,\
                            uint32 challenges,bytes32 workRoot,bytes32 prev,bytes32 terms)";

/// Half the order of secp256k1: above it lies a second signature for every first.
const S_MAX: U256 =
    U256([0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, u64::MAX, 0x7fff_ffff_ffff_ffff]);

/// `r`, `s`, `v`.
pub type SignatureBytes = [u8; 65];
/// The last 20 bytes of a public key's Keccak hash.
pub type AddressBytes = [u8; 20];

/// Why a signature or a key was refused. Key material never stands in the text.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key file cannot be read or written.
    #[error("key file {path}: {source}")]
    KeyFile {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("key file {path} is not 32 bytes in hexadecimal of a valid key")]
    NotAKey {
        /// Where.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("no randomness from the system: {0}")]
    NoRandomness(getrandom::Error),
    /// The curve refused to sign.
    #[error("signing failed")]
    NotSigned,
    /// Not the one canonical form of a signature.
    #[error("signature is not canonical: {field}")]
    NotCanonical {
        /// Which part.
        field: &'static str,
    },
    /// No key can have made it.
    #[error("signature recovers to no key")]
    NoSigner,
}

/// The key an agent signs receipts with.
pub struct AgentKey(LocalWallet);

impl AgentKey {
    /// Reads a key file: 64 hexadecimal digits, `0x` and white space allowed around them.
    ///
    /// # Errors
    /// [`SignError::KeyFile`], [`SignError::NotAKey`].
    pub fn load(path: &Path) -> Result<Self, SignError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SignError::KeyFile { path: path.to_owned(), source })?;
        let digits = text.trim();
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        let mut bytes = [0; 32];
        let decoded = hex::decode_to_slice(digits, &mut bytes).ok();
        let key = decoded.and_then(|()| Self::from_bytes(&bytes));
        key.ok_or_else(|| SignError::NotAKey { path: path.to_owned() })
    }

    /// Makes a key and writes it where no file is yet, readable by its owner only.
    ///
    /// # Errors
    /// [`SignError::KeyFile`], among others when the file exists; [`SignError::NoRandomness`].
    pub fn generate(path: &Path) -> Result<Self, SignError> {
        let (key, bytes) = Self::random()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(path)
            .and_then(|mut file| file.write_all(format!("{}\n", hex::encode(bytes)).as_bytes()))
            .map_err(|source| SignError::KeyFile { path: path.to_owned(), source })?;
        Ok(key)
    }

    /// Reads a key file, or makes one where there is none.
    ///
    /// # Errors
    /// As [`AgentKey::load`] and [`AgentKey::generate`].
    pub fn load_or_generate(path: &Path) -> Result<Self, SignError> {
        match Self::load(path) {
            Err(SignError::KeyFile { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Self::generate(path)
            }
            loaded => loaded,
        }
    }

    /// Makes a key that lives as long as the process.
    ///
    /// # Errors
    /// [`SignError::NoRandomness`].
    pub fn ephemeral() -> Result<Self, SignError> {
        Self::random().map(|(key, _)| key)
    }

    /// A key from its bytes; `None` when they are zero or beyond the curve's order.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        LocalWallet::from_bytes(bytes).ok().map(Self)
    }

    /// Who this key signs as.
    #[must_use]
    pub fn address(&self) -> AddressBytes {
        self.0.address().0
    }

    /// Signs a receipt.
    ///
    /// # Errors
    /// [`SignError::NotSigned`], which no key should ever give.
    pub fn sign(
        &self,
        receipt: &DeliveryReceipt,
        chain_id: u64,
    ) -> Result<SignatureBytes, SignError> {
        self.sign_digest(digest(receipt, chain_id))
    }

    /// Signs a digest that the caller has made itself.
    ///
    /// # Errors
    /// [`SignError::NotSigned`], which no key should ever give.
    pub fn sign_digest(&self, digest: [u8; 32]) -> Result<SignatureBytes, SignError> {
        let signed = self.0.sign_hash(H256(digest));
        signed.map(SignatureBytes::from).map_err(|_curve| SignError::NotSigned)
    }

    fn random() -> Result<(Self, [u8; 32]), SignError> {
        loop {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(SignError::NoRandomness)?;
            // Beyond the order about once in 2^128.
            if let Some(key) = Self::from_bytes(&bytes) {
                return Ok((key, bytes));
            }
        }
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentKey(0x{})", hex::encode(self.address()))
    }
}

/// What is signed, and what the next receipt names as `prev`.
#[must_use]
pub fn digest(receipt: &DeliveryReceipt, chain_id: u64) -> [u8; 32] {
    match (Typed { receipt, chain_id }).encode_eip712() {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

/// Who signed the receipt. The caller compares it with the nominated signer.
///
/// # Errors
/// [`SignError::NotCanonical`], [`SignError::NoSigner`].
pub fn recover(
    receipt: &DeliveryReceipt,
    chain_id: u64,
    signature: &SignatureBytes,
) -> Result<AddressBytes, SignError> {
    let (r, s, v) = (&signature[..32], &signature[32..64], signature[64]);
    let (r, s) = (U256::from_big_endian(r), U256::from_big_endian(s));
    if S_MAX < s {
        return Err(SignError::NotCanonical { field: "s" });
    }
    if !matches!(v, 27 | 28) {
        return Err(SignError::NotCanonical { field: "v" });
    }
    let signature = Signature { r, s, v: v.into() };
    let recovered = signature.recover(H256(digest(receipt, chain_id)));
    recovered.map(|address| address.0).map_err(|_curve| SignError::NoSigner)
}

struct Typed<'a> {
    receipt: &'a DeliveryReceipt,
    chain_id: u64,
}

impl Eip712 for Typed<'_> {
    type Error = Infallible;

    fn domain(&self) -> Result<EIP712Domain, Infallible> {
        Ok(EIP712Domain {
            name: Some("Tenor".to_owned()),
            version: Some("1".to_owned()),
            chain_id: Some(self.chain_id.into()),
            verifying_contract: Some(Address::zero()),
            salt: None,
        })
    }

    fn type_hash() -> Result<[u8; 32], Infallible> {
        Ok(keccak256(RECEIPT_TYPE))
    }

    fn struct_hash(&self) -> Result<[u8; 32], Infallible> {
        let DeliveryReceipt { obligation, challenge, gpu_millis, challenges, .. } = *self.receipt;
        let word = |bytes: [u8; 32]| Token::FixedBytes(bytes.to_vec());
        Ok(keccak256(encode(&[
            word(Self::type_hash()?),
            Token::Uint(obligation.0.into()),
            Token::Uint(challenge.into()),
            Token::Uint(gpu_millis.into()),
            Token::Uint(challenges.into()),
            word(self.receipt.work_root),
            word(self.receipt.prev),
            word(self.receipt.terms),
        ])))
    }
}
