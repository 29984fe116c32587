//! What buyer and venue sign about a delivery, as EIP-712 digests.
//!
//! ```text
//! struct   ReceiptAcceptance(uint64 obligation,uint32 challenge,bytes32 receipt)
//! struct   DeliveryStatement(uint64 obligation,uint32 challenges,uint64[] credited,uint64 gpuMillis,uint32 softFails,
//!                            uint32 hardFails,bytes32 lastReceipt,bytes32 transcript)
//! ```
//!
//! The domain is that of receipts. The venue's word on one receipt is its signature on the very digest that the agent has signed; the buyer's is a
//! type of its own, so that a buyer who also sells can never be taken for the agent.

use std::convert::Infallible;

use ethers_core::abi::{Token, encode};
use ethers_core::types::transaction::eip712::{EIP712Domain, Eip712};
use ethers_core::utils::keccak256;
use instruments::ObligationId;

use super::sign::domain;

const ACCEPTANCE_TYPE: &str =
    "ReceiptAcceptance(uint64 obligation,uint32 challenge,bytes32 receipt)";
const STATEMENT_TYPE: &str = "DeliveryStatement(uint64 obligation,uint32 challenges,uint64[] credited,\
                              uint64 gpuMillis,uint32 softFails,uint32 hardFails,bytes32 lastReceipt,\
                              bytes32 transcript)";

/// The buyer's word that a receipt is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptAcceptance {
    /// Under which duty.
    pub obligation: ObligationId,
    /// The challenge whose receipt it is.
    pub challenge: u32,
    /// The receipt's digest.
    pub receipt: [u8; 32],
}

/// The venue's word on what it has credited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStatement {
    /// Under which duty.
    pub obligation: ObligationId,
    /// Challenges in the transcript.
    pub challenges: u32,
    /// GPU-milliseconds, interval by interval.
    pub credited: Vec<u64>,
    /// Their sum.
    pub gpu_millis: u64,
    /// Failures that an answer followed at once.
    pub soft_fails: u32,
    /// All other failures.
    pub hard_fails: u32,
    /// The digest of the newest receipt; zero when there is none.
    pub last_receipt: [u8; 32],
    /// The hash of the transcript's last line before the statement.
    pub transcript: [u8; 32],
}

/// What the buyer signs.
#[must_use]
pub fn acceptance_digest(acceptance: &ReceiptAcceptance) -> [u8; 32] {
    typed(acceptance)
}

/// What the venue signs at the end of a transcript.
#[must_use]
pub fn statement_digest(statement: &DeliveryStatement) -> [u8; 32] {
    typed(statement)
}

fn typed(message: &impl Eip712<Error = Infallible>) -> [u8; 32] {
    match message.encode_eip712() {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

fn word(bytes: [u8; 32]) -> Token {
    Token::FixedBytes(bytes.to_vec())
}

impl Eip712 for ReceiptAcceptance {
    type Error = Infallible;

    fn domain(&self) -> Result<EIP712Domain, Infallible> {
        Ok(domain())
    }

    fn type_hash() -> Result<[u8; 32], Infallible> {
        Ok(keccak256(ACCEPTANCE_TYPE))
    }

    fn struct_hash(&self) -> Result<[u8; 32], Infallible> {
        Ok(keccak256(encode(&[
            word(Self::type_hash()?),
            Token::Uint(self.obligation.0.into()),
            Token::Uint(self.challenge.into()),
            word(self.receipt),
        ])))
    }
}

impl Eip712 for DeliveryStatement {
    type Error = Infallible;

    fn domain(&self) -> Result<EIP712Domain, Infallible> {
        Ok(domain())
    }

    fn type_hash() -> Result<[u8; 32], Infallible> {
        Ok(keccak256(STATEMENT_TYPE))
    }

    fn struct_hash(&self) -> Result<[u8; 32], Infallible> {
        // An array is the hash of its words, one after the other.
        let words: Vec<Token> =
            self.credited.iter().map(|part| Token::Uint((*part).into())).collect();
        Ok(keccak256(encode(&[
            word(Self::type_hash()?),
            Token::Uint(self.obligation.0.into()),
            Token::Uint(self.challenges.into()),
            word(keccak256(encode(&words))),
            Token::Uint(self.gpu_millis.into()),
            Token::Uint(self.soft_fails.into()),
            Token::Uint(self.hard_fails.into()),
            word(self.last_receipt),
            word(self.transcript),
        ])))
    }
}

#[cfg(test)]
mod tests {
    use ethers_core::types::transaction::eip712::TypedData;
    use serde_json::json;

    use super::*;

    fn domain_json() -> serde_json::Value {
        json!({
            "name": "Tenor", "version": "1", "chainId": 31_337,
            "verifyingContract": "0x0000000000000000000000000000000000000000",
        })
    }

    fn domain_types() -> serde_json::Value {
        json!([
            { "name": "name", "type": "string" },
            { "name": "version", "type": "string" },
            { "name": "chainId", "type": "uint256" },
            { "name": "verifyingContract", "type": "address" },
        ])
    }

    /// TRANS-002.
    #[test]
    fn trans_002_the_buyers_digest_is_that_of_the_typed_data_any_wallet_shows() {
        let shown: TypedData = serde_json::from_value(json!({
            "domain": domain_json(),
            "primaryType": "ReceiptAcceptance",
            "types": {
                "EIP712Domain": domain_types(),
                "ReceiptAcceptance": [
                    { "name": "obligation", "type": "uint64" },
                    { "name": "challenge", "type": "uint32" },
                    { "name": "receipt", "type": "bytes32" },
                ],
            },
            "message": {
                "obligation": 7, "challenge": 3, "receipt": format!("0x{}", "44".repeat(32)),
            },
        }))
        .unwrap();
        let acceptance =
            ReceiptAcceptance { obligation: ObligationId(7), challenge: 3, receipt: [0x44; 32] };
        assert_eq!(acceptance_digest(&acceptance), shown.encode_eip712().unwrap());
    }

    /// TRANS-002.
    #[test]
    fn trans_002_the_statements_digest_is_that_of_the_typed_data_any_wallet_shows() {
        let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        let shown: TypedData = serde_json::from_value(json!({
            "domain": domain_json(),
            "primaryType": "DeliveryStatement",
            "types": {
                "EIP712Domain": domain_types(),
                "DeliveryStatement": [
                    field("obligation", "uint64"), field("challenges", "uint32"),
                    field("credited", "uint64[]"), field("gpuMillis", "uint64"),
                    field("softFails", "uint32"), field("hardFails", "uint32"),
                    field("lastReceipt", "bytes32"), field("transcript", "bytes32"),
                ],
            },
            "message": {
                "obligation": 7, "challenges": 2, "credited": [60_000, 0, 1], "gpuMillis": 60_001,
                "softFails": 1, "hardFails": 2, "lastReceipt": format!("0x{}", "55".repeat(32)),
                "transcript": format!("0x{}", "66".repeat(32)),
            },
        }))
        .unwrap();
        let statement = DeliveryStatement {
            obligation: ObligationId(7),
            challenges: 2,
            credited: vec![60_000, 0, 1],
            gpu_millis: 60_001,
            soft_fails: 1,
            hard_fails: 2,
            last_receipt: [0x55; 32],
            transcript: [0x66; 32],
        };
        assert_eq!(statement_digest(&statement), shown.encode_eip712().unwrap());
        let other = DeliveryStatement { credited: vec![60_000, 1, 0], ..statement.clone() };
        assert_ne!(statement_digest(&other), statement_digest(&statement));
    }
}
