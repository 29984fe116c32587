//! A report with the signatures of its reporters.
//!
//! What is signed is the EIP-712 digest of
//!
//! ```text
//! Report(string grade,uint64 height,uint64 valueAt,uint64 valueMicros,uint32 confPpm,uint8 state,uint8 rung,string reason,
//!        uint32 providers,uint64 voicesPpm,uint32 topSharePpm,uint64 priceLegMicros,uint64 utilisationLegMicros,
//!        int64 utilisationPpm,uint8 trigger,uint64 heartbeat,bytes32 inputsRoot,uint32 inputs,bytes32 previous)
//! ```
//!
//! under the oracle's domain, which holds the methodology. A value that is absent is zero, an absent utilisation is -1.

use borsh::{BorshDeserialize, BorshSerialize};
use ethers_core::abi::{Token, encode};
use ethers_core::types::U256;
use ethers_core::utils::keccak256;
use instruments::{MicroUsd, Nanos, Ppm};
use thiserror::Error;

use super::{Domain, SignatureBytes, SignatureError, recover};
use crate::report::{Report, ReporterSet};
use crate::statement::Address;

/// How the type is written in EIP-712.
pub const REPORT_TYPE: &str = "Report(string grade,uint64 height,uint64 valueAt,\
    uint64 valueMicros,uint32 confPpm,uint8 state,uint8 rung,string reason,uint32 providers,\
    uint64 voicesPpm,uint32 topSharePpm,uint64 priceLegMicros,uint64 utilisationLegMicros,\
    int64 utilisationPpm,uint8 trigger,uint64 heartbeat,bytes32 inputsRoot,uint32 inputs,\
    bytes32 previous)";

/// A report as it is published.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedReport {
    /// What was signed.
    pub report: Report,
    /// By at least `2f + 1` reporters, in ascending order of their addresses.
    pub signatures: Vec<SignatureBytes>,
    /// When the publisher wrote it down. Outside the hash: every publisher has its own.
    pub written_at: Nanos,
}

/// Why a report is not believed. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReportError {
    /// It was made by another method than the domain's.
    #[error("made by another methodology than the domain's")]
    Methodology,
    /// A signature that is no signature.
    #[error("signature {at}: {error}")]
    Signature {
        /// Which, from 0.
        at: usize,
        /// Why.
        error: SignatureError,
    },
    /// Somebody who is no reporter, or a reporter who signed something else.
    #[error("signature {at} is of {signer}, who is no reporter")]
    Stranger {
        /// Which, from 0.
        at: usize,
        /// Who.
        signer: Address,
    },
    /// Twice the same signer, or not in order.
    #[error("signature {at} is not in ascending order of the signers")]
    Order {
        /// Which, from 0.
        at: usize,
    },
    /// Too few.
    #[error("{signed} signatures, {needed} are needed")]
    TooFew {
        /// How many.
        signed: usize,
        /// How many are needed.
        needed: usize,
    },
}

/// What reporters sign.
#[must_use]
pub fn report_digest(report: &Report, domain: &Domain) -> [u8; 32] {
    let word = |bytes: [u8; 32]| Token::FixedBytes(bytes.to_vec());
    let text = |text: &str| word(keccak256(text));
    let number = |number: u64| Token::Uint(number.into());
    let micros = |value: Option<MicroUsd>| number(value.map_or(0, |it| non_negative(it.micros())));
    let ppm = |value: Ppm| number(non_negative(value.ppm()));
    domain.digest(&keccak256(encode(&[
        word(keccak256(REPORT_TYPE)),
        text(report.grade.as_str()),
        number(report.height),
        number(report.value_at.nanos()),
        micros(report.value),
        ppm(report.conf),
        number(report.state.code().into()),
        number(report.rung.into()),
        text(&report.reason),
        number(report.providers.into()),
        ppm(report.voices),
        ppm(report.top_share),
        micros(report.price_leg),
        micros(report.utilisation_leg),
        // The two's complement of -1 is all ones.
        report.utilisation.map_or(Token::Int(U256::MAX), ppm),
        number(report.trigger.code().into()),
        number(report.heartbeat.nanos()),
        word(report.inputs_root),
        number(report.inputs.into()),
        word(report.previous),
    ])))
}

/// Prices and shares of an index are never negative.
fn non_negative(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl SignedReport {
    /// Who signed, if at least `2f + 1` reporters of the set did and nobody else.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn verify(&self, domain: &Domain, set: &ReporterSet) -> Result<Vec<Address>, ReportError> {
        if self.report.methodology != domain.methodology {
            return Err(ReportError::Methodology);
        }
        let digest = report_digest(&self.report, domain);
        let mut signers: Vec<Address> = Vec::new();
        for (at, signature) in self.signatures.iter().enumerate() {
            let signer = recover(&digest, signature)
                .map_err(|error| ReportError::Signature { at, error })?;
            if set.position(&signer).is_none() {
                return Err(ReportError::Stranger { at, signer });
            }
            if signers.last().is_some_and(|last| signer <= *last) {
                return Err(ReportError::Order { at });
            }
            signers.push(signer);
        }
        let (signed, needed) = (signers.len(), set.quorum());
        if signed < needed {
            return Err(ReportError::TooFew { signed, needed });
        }
        Ok(signers)
    }
}
