//! The venue's own key, `DIR/venue.key`: countersigns the receipts of intervals that counted, and signs heads of the audit log.

use std::path::Path;

use ethers_core::types::H256;
use ethers_signers::{LocalWallet, Signer};
use zeroize::Zeroizing;

use super::directory::{DirectoryError, random_bytes, read_secret_file, replace_file};

/// Signs as the venue. Never printed, never returned.
pub(crate) struct VenueKey(LocalWallet);

impl VenueKey {
    /// Reads the key; the first start of a venue draws it.
    pub(crate) fn load_or_create(path: &Path) -> Result<Self, DirectoryError> {
        if let Some(text) = read_secret_file(path)? {
            let mut bytes = Zeroizing::new([0; 32]);
            let decoded = hex::decode_to_slice(text.trim(), &mut *bytes).ok();
            let wallet = decoded.and_then(|()| LocalWallet::from_bytes(&*bytes).ok());
            return wallet.map(Self).ok_or_else(|| DirectoryError::Malformed {
                path: path.to_owned(),
                expected: "32 bytes in hexadecimal of a valid key",
            });
        }
        loop {
            let bytes = Zeroizing::new(random_bytes()?);
            // Beyond the curve's order about once in 2^128.
            if let Ok(wallet) = LocalWallet::from_bytes(&*bytes) {
                replace_file(path, Zeroizing::new(hex::encode(*bytes)).as_bytes())?;
                return Ok(Self(wallet));
            }
        }
    }

    /// Who this key signs as.
    pub(crate) fn address(&self) -> [u8; 20] {
        self.0.address().0
    }

    /// Signs a digest. The same digest always gives the same 65 bytes, so that a rebuilt history equals the first.
    ///
    /// # Panics
    /// Never: the curve refuses no digest under a valid key.
    pub(crate) fn countersign(&self, digest: [u8; 32]) -> Vec<u8> {
        self.0.sign_hash(H256(digest)).expect("a valid key signs every digest").to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_drawn_once_and_signs_the_same_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("venue.key");
        let first = VenueKey::load_or_create(&path).unwrap();
        let second = VenueKey::load_or_create(&path).unwrap();
        assert_eq!(first.address(), second.address());
        assert_eq!(first.countersign([7; 32]), second.countersign([7; 32]));

        let signature =
            ethers_core::types::Signature::try_from(first.countersign([7; 32]).as_slice()).unwrap();
        assert_eq!(signature.recover(H256([7; 32])).unwrap().0, first.address());
    }

    #[test]
    fn a_file_that_is_not_a_key_is_refused_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("venue.key");
        replace_file(&path, b"00").unwrap();
        assert!(VenueKey::load_or_create(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "00");
    }
}
