//! EIP-712 session keys: what a wallet signs to let a key in, and what that key signs to log in.
//!
//! ```text
//! domain   as for delivery receipts
//! struct   SessionKey(uint64 account,address key,string scope,uint64 expiry,string nonce,string host)
//! struct   SessionLogin(address key,string scope,uint64 timestamp,string nonce,string host)
//! ```
//!
//! `expiry` and `timestamp` are milliseconds since 1970; `host` is the venue's domain, so that no other venue can use a signature.

use std::convert::Infallible;

use ethers_core::abi::{Token, encode};
use ethers_core::types::Address;
use ethers_core::types::transaction::eip712::{EIP712Domain, Eip712};
use ethers_core::utils::keccak256;

use super::sign::domain;

const KEY_TYPE: &str =
    "SessionKey(uint64 account,address key,string scope,uint64 expiry,string nonce,string host)";
const LOGIN_TYPE: &str =
    "SessionLogin(address key,string scope,uint64 timestamp,string nonce,string host)";

/// What a wallet grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKeyGrant<'a> {
    /// Whose account.
    pub account: u64,
    /// The key's address.
    pub key: [u8; 20],
    /// What it may do, as it will be sent.
    pub scope: &'a str,
    /// Until when.
    pub expiry: u64,
    /// From the venue.
    pub nonce: &'a str,
    /// The venue's domain.
    pub host: &'a str,
}

/// What a session key logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLogin<'a> {
    /// The key's address.
    pub key: [u8; 20],
    /// What for, as it will be sent; empty when it is not.
    pub scope: &'a str,
    /// When.
    pub timestamp: u64,
    /// The client's own word, different each time.
    pub nonce: &'a str,
    /// The venue's domain.
    pub host: &'a str,
}

/// What the wallet signs.
#[must_use]
pub fn session_key_digest(grant: &SessionKeyGrant<'_>) -> [u8; 32] {
    digest(Typed::<true>(keccak256(encode(&[
        word(keccak256(KEY_TYPE)),
        Token::Uint(grant.account.into()),
        Token::Address(Address::from(grant.key)),
        text(grant.scope),
        Token::Uint(grant.expiry.into()),
        text(grant.nonce),
        text(grant.host),
    ]))))
}

/// What the session key signs.
#[must_use]
pub fn session_login_digest(login: &SessionLogin<'_>) -> [u8; 32] {
    digest(Typed::<false>(keccak256(encode(&[
        word(keccak256(LOGIN_TYPE)),
        Token::Address(Address::from(login.key)),
        text(login.scope),
        Token::Uint(login.timestamp.into()),
        text(login.nonce),
        text(login.host),
    ]))))
}

fn digest<const IS_KEY: bool>(typed: Typed<IS_KEY>) -> [u8; 32] {
    match typed.encode_eip712() {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

fn word(bytes: [u8; 32]) -> Token {
    Token::FixedBytes(bytes.to_vec())
}

/// A text stands in a struct as its hash.
fn text(text: &str) -> Token {
    word(keccak256(text))
}

/// One of the two structs, hashed.
struct Typed<const IS_KEY: bool>([u8; 32]);

impl<const IS_KEY: bool> Eip712 for Typed<IS_KEY> {
    type Error = Infallible;

    fn domain(&self) -> Result<EIP712Domain, Infallible> {
        Ok(domain())
    }

    fn type_hash() -> Result<[u8; 32], Infallible> {
        Ok(keccak256(if IS_KEY { KEY_TYPE } else { LOGIN_TYPE }))
    }

    fn struct_hash(&self) -> Result<[u8; 32], Infallible> {
        Ok(self.0)
    }
}
