//! A private key, and the one canonical form of a signature made with it.
//!
//! Invariants:
//! - a private key is never printed or returned;
//! - one digest has one signature per key: only the low half of `s` and `v` of 27 or 28 are read.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ethers_core::types::{H256, Signature, U256};
use ethers_signers::{LocalWallet, Signer};
use thiserror::Error;

use crate::statement::Address;

/// Half the order of secp256k1: above it lies a second signature for every first.
const S_MAX: U256 =
    U256([0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, u64::MAX, 0x7fff_ffff_ffff_ffff]);
/// A key file has 64 digits, `0x` and some white space; this is enough to see that it has more.
const KEY_FILE_MAX: u64 = 256;

/// `r`, `s`, `v`.
pub type SignatureBytes = [u8; 65];

/// Why a signature or a key was refused. Key material never stands in the text.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The key file cannot be read.
    #[error("key file {path}: {source}")]
    File {
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
    /// The curve refused to sign.
    #[error("signing failed")]
    NotSigned,
}

/// Why a signature names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// Not the one canonical form of a signature: `s` is in the upper half.
    #[error("signature is not canonical: s is in the upper half")]
    HighS,
    /// Not the one canonical form of a signature: `v` is neither 27 nor 28.
    #[error("signature is not canonical: v is {v}, neither 27 nor 28")]
    V {
        /// What was sent.
        v: u8,
    },
    /// No key can have made it.
    #[error("signature recovers to no key")]
    NoSigner,
}

/// The key of a provider or a reporter.
#[derive(Clone)]
pub struct SigningKey(LocalWallet);

impl SigningKey {
    /// Reads a key file: 64 hexadecimal digits, `0x` and white space allowed around them.
    ///
    /// # Errors
    /// [`KeyError::File`], [`KeyError::NotAKey`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(KEY_FILE_MAX).read_to_string(&mut text))
            .map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        Self::parse(text.trim()).ok_or_else(|| KeyError::NotAKey { path: path.to_owned() })
    }

    /// A key from its bytes; `None` when they are zero or beyond the curve's order.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        LocalWallet::from_bytes(bytes).ok().map(Self)
    }

    /// Who this key signs as.
    #[must_use]
    pub fn address(&self) -> Address {
        Address(self.0.address().0)
    }

    /// Signs 32 bytes that are a hash of what is meant.
    ///
    /// # Errors
    /// [`KeyError::NotSigned`], which no key should ever give.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<SignatureBytes, KeyError> {
        let signed = self.0.sign_hash(H256(*digest));
        signed.map(SignatureBytes::from).map_err(|_curve| KeyError::NotSigned)
    }

    fn parse(digits: &str) -> Option<Self> {
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        let (high, low) = digits.split_at_checked(24)?;
        let (Address(low), high) = (Address::parse(low)?, Address::parse(&format!("{high:0>40}"))?);
        let mut bytes = [0; 32];
        let (first, last) = bytes.split_at_mut(12);
        first.copy_from_slice(high.0.get(8..)?);
        last.copy_from_slice(&low);
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.address())
    }
}

/// Who signed a digest.
///
/// # Errors
/// [`SignatureError`].
pub fn recover(digest: &[u8; 32], signature: &SignatureBytes) -> Result<Address, SignatureError> {
    let [rs @ .., v] = signature;
    let (r, s) = rs.split_at(32);
    let (r, s) = (U256::from_big_endian(r), U256::from_big_endian(s));
    if S_MAX < s {
        return Err(SignatureError::HighS);
    }
    if !matches!(v, 27 | 28) {
        return Err(SignatureError::V { v: *v });
    }
    let recovered = Signature { r, s, v: (*v).into() }.recover(H256(*digest));
    recovered.map(|address| Address(address.0)).map_err(|_curve| SignatureError::NoSigner)
}
