//! EIP-712 results of jobs: what a deliverer's key signs when it claims one.
//!
//! ```text
//! domain   as for delivery receipts
//! struct   JobResult(uint64 job,bytes32 spec,bytes32 result,uint32 checkpoints,uint64 replayCost)
//! ```
//!
//! `replayCost` is in millionths of a dollar.

use std::convert::Infallible;

use ethers_core::abi::{Token, encode};
use ethers_core::types::transaction::eip712::{EIP712Domain, Eip712};
use ethers_core::utils::keccak256;
use instruments::JobId;
use settlement::JobClaim;

use super::sign::domain;

const RESULT_TYPE: &str =
    "JobResult(uint64 job,bytes32 spec,bytes32 result,uint32 checkpoints,uint64 replayCost)";

/// What is signed.
#[must_use]
pub fn job_result_digest(job: JobId, spec: &[u8; 32], claim: &JobClaim) -> [u8; 32] {
    match (Typed { job, spec: *spec, claim: *claim }).encode_eip712() {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

struct Typed {
    job: JobId,
    spec: [u8; 32],
    claim: JobClaim,
}

impl Eip712 for Typed {
    type Error = Infallible;

    fn domain(&self) -> Result<EIP712Domain, Infallible> {
        Ok(domain())
    }

    fn type_hash() -> Result<[u8; 32], Infallible> {
        Ok(keccak256(RESULT_TYPE))
    }

    fn struct_hash(&self) -> Result<[u8; 32], Infallible> {
        let word = |bytes: [u8; 32]| Token::FixedBytes(bytes.to_vec());
        let cost = u64::try_from(self.claim.replay_cost.micros()).unwrap_or(0);
        Ok(keccak256(encode(&[
            word(Self::type_hash()?),
            Token::Uint(self.job.0.into()),
            word(self.spec),
            word(self.claim.result),
            Token::Uint(self.claim.checkpoints.into()),
            Token::Uint(cost.into()),
        ])))
    }
}

#[cfg(test)]
mod tests {
    use instruments::MicroUsd;

    use super::*;

    /// DISPUTE-003: whatever of a claim is changed, it is another digest.
    #[test]
    fn dispute_003_a_signature_is_over_all_of_a_claim() {
        let claim =
            JobClaim { result: [1; 32], checkpoints: 5, replay_cost: MicroUsd::new(2_000_000) };
        let digest = |job: u64, spec: u8, claim: JobClaim| {
            job_result_digest(JobId(job), &[spec; 32], &claim)
        };
        let all = [
            digest(7, 9, claim),
            digest(8, 9, claim),
            digest(7, 8, claim),
            digest(7, 9, JobClaim { result: [2; 32], ..claim }),
            digest(7, 9, JobClaim { checkpoints: 6, ..claim }),
            digest(7, 9, JobClaim { replay_cost: MicroUsd::new(2_000_001), ..claim }),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
