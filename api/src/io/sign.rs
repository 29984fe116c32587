//! EIP-712 delivery receipts: the digest, and who signed it.
//!
//! ```text
//! domain   name "Tenor", version "1", chainId 31337, verifyingContract 0
//! struct   DeliveryReceipt(uint64 obligation,uint32 challenge,uint64 gpuMillis,uint32 challenges,
//!                          bytes32 workRoot,bytes32 prev,bytes32 terms)
//! ```
//!
//! Invariant: one receipt has one signature per key, because only the low half of `s` and `v` of 27 or 28 are read.

use std::convert::Infallible;

use ethers_core::abi::{Token, encode};
use ethers_core::types::transaction::eip712::{EIP712Domain, Eip712};
use ethers_core::types::{Address, H256, Signature, U256};
use ethers_core::utils::keccak256;
use settlement::DeliveryReceipt;

/// The chain whose id stands in the domain: a local one until the settlement contracts are deployed.
pub const CHAIN_ID: u64 = 31_337;

/// Bytes of a signature: `r`, `s`, `v`.
pub const SIGNATURE_LEN: usize = 65;

const RECEIPT_TYPE: &str = "DeliveryReceipt(uint64 obligation,uint32 challenge,uint64 gpuMillis,\
                            uint32 challenges,bytes32 workRoot,bytes32 prev,bytes32 terms)";

/// Half the order of secp256k1: above it lies a second signature for every first.
const S_MAX: U256 =
    U256([0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, u64::MAX, 0x7fff_ffff_ffff_ffff]);

/// Why a signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A signature of another length.
    #[error("signature has {found} bytes, it must have {SIGNATURE_LEN}")]
    Length {
        /// What was sent.
        found: usize,
    },
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

/// What is signed, and what the next receipt names as `prev`.
#[must_use]
pub fn receipt_digest(receipt: &DeliveryReceipt) -> [u8; 32] {
    match Typed(receipt).encode_eip712() {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

/// Who signed the receipt. The exchange compares it with the nominated signer.
///
/// # Errors
/// [`SignError::Length`], [`SignError::NotCanonical`], [`SignError::NoSigner`].
pub fn recover(receipt: &DeliveryReceipt, signature: &[u8]) -> Result<[u8; 20], SignError> {
    recover_digest(receipt_digest(receipt), signature)
}

/// Who signed a digest.
///
/// # Errors
/// As [`recover`].
pub fn recover_digest(digest: [u8; 32], signature: &[u8]) -> Result<[u8; 20], SignError> {
    let Ok(signature) = <&[u8; SIGNATURE_LEN]>::try_from(signature) else {
        return Err(SignError::Length { found: signature.len() });
    };
    let (r, s, v) = (&signature[..32], &signature[32..64], signature[64]);
    let (r, s) = (U256::from_big_endian(r), U256::from_big_endian(s));
    if S_MAX < s {
        return Err(SignError::NotCanonical { field: "s" });
    }
    if !matches!(v, 27 | 28) {
        return Err(SignError::NotCanonical { field: "v" });
    }
    let recovered = Signature { r, s, v: v.into() }.recover(H256(digest));
    recovered.map(|address| address.0).map_err(|_curve| SignError::NoSigner)
}

/// The domain of everything that is signed here.
pub(crate) fn domain() -> EIP712Domain {
    EIP712Domain {
        name: Some("Tenor".to_owned()),
        version: Some("1".to_owned()),
        chain_id: Some(CHAIN_ID.into()),
        verifying_contract: Some(Address::zero()),
        salt: None,
    }
}

struct Typed<'a>(&'a DeliveryReceipt);

impl Eip712 for Typed<'_> {
    type Error = Infallible;

    fn domain(&self) -> Result<EIP712Domain, Infallible> {
        Ok(domain())
    }

    fn type_hash() -> Result<[u8; 32], Infallible> {
        Ok(keccak256(RECEIPT_TYPE))
    }

    fn struct_hash(&self) -> Result<[u8; 32], Infallible> {
        let receipt = self.0;
        let word = |bytes: [u8; 32]| Token::FixedBytes(bytes.to_vec());
        Ok(keccak256(encode(&[
            word(Self::type_hash()?),
            Token::Uint(receipt.obligation.0.into()),
            Token::Uint(receipt.challenge.into()),
            Token::Uint(receipt.gpu_millis.into()),
            Token::Uint(receipt.challenges.into()),
            word(receipt.work_root),
            word(receipt.prev),
            word(receipt.terms),
        ])))
    }
}

#[cfg(test)]
mod tests {
    use ethers_signers::{LocalWallet, Signer};
    use instruments::ObligationId;

    use super::*;

    /// The receipt of the golden vector; docs/delivery.md shows the same.
    fn golden() -> DeliveryReceipt {
        DeliveryReceipt {
            obligation: ObligationId(7),
            challenge: 3,
            gpu_millis: 14_400_000,
            challenges: 4,
            work_root: [0x11; 32],
            prev: [0x22; 32],
            terms: [0x33; 32],
        }
    }

    #[test]
    fn api_020_the_golden_receipt_has_the_digest_every_party_finds() {
        let digest = receipt_digest(&golden());
        assert_eq!(
            hex::encode(digest),
            "1eb8c85ed35ed2815e3609243deff4d5a08c53561802fd73b7416c2031f1e59b"
        );
        let agent = hex::decode(
            "e52dd7280f1b6af07c3d13bebcafd553c2f0a29682f366207eadf8be3efede87\
             64cffbd907965776930981fb288204766b496d4e0ff54728e28857a0f7ba18611c",
        )
        .unwrap();
        let signer = recover(&golden(), &agent).unwrap();
        assert_eq!(hex::encode(signer), "17c5185167401ed00cf5f5b2fc97d9bbfdb7d025");
        let other = DeliveryReceipt { gpu_millis: 14_400_001, ..golden() };
        assert_ne!(recover(&other, &agent).ok(), Some(signer));
    }

    #[test]
    fn api_020_only_the_canonical_form_of_a_signature_is_read() {
        let key = LocalWallet::from_bytes(&[5; 32]).unwrap();
        let digest = receipt_digest(&golden());
        let signature = <[u8; SIGNATURE_LEN]>::from(key.sign_hash(H256(digest)).unwrap());
        assert_eq!(recover_digest(digest, &signature).unwrap(), key.address().0);
        let refused = |change: &dyn Fn(&mut [u8; SIGNATURE_LEN])| {
            let mut changed = signature;
            change(&mut changed);
            recover_digest(digest, &changed).unwrap_err().to_string()
        };
        assert_eq!(refused(&|s| s[32] |= 0x80), "signature is not canonical: s");
        assert_eq!(refused(&|s| s[64] -= 27), "signature is not canonical: v");
        assert_eq!(refused(&|s| s[..32].fill(0)), "signature recovers to no key");
        let short = recover_digest(digest, &signature[..64]).unwrap_err().to_string();
        assert_eq!(short, "signature has 64 bytes, it must have 65");
    }
}
