//! Receipts: the digest every party must find, signatures, keys.

use delivery_agent::io::sign::{self, AgentKey, SignError};
use ethers_core::types::transaction::eip712::{Eip712, TypedData};
use expect_test::expect;
use instruments::ObligationId;
use proptest::prelude::*;
use serde_json::json;
use settlement::DeliveryReceipt;

const CHAIN_ID: u64 = 31_337;

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

fn key(byte: u8) -> AgentKey {
    AgentKey::from_bytes(&[byte; 32]).expect("below the order of the curve")
}

#[test]
fn work_015_golden_digest_address_and_signature() {
    let key = key(0x42);
    let signature = key.sign(&golden(), CHAIN_ID).unwrap();
    let vector = format!(
        "digest    0x{}\naddress   0x{}\nsignature 0x{}\n",
        hex::encode(sign::digest(&golden(), CHAIN_ID)),
        hex::encode(key.address()),
        hex::encode(signature),
    );
    expect![[r#"
        digest    0x1eb8c85ed35ed2815e3609243deff4d5a08c53561802fd73b7416c2031f1e59b
        address   0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d025
        signature 0xe52dd7280f1b6af07c3d13bebcafd553c2f0a29682f366207eadf8be3efede8764cffbd907965776930981fb288204766b496d4e0ff54728e28857a0f7ba18611c
    "#]].assert_eq(&vector);
}

#[test]
fn work_015_the_digest_is_that_of_the_typed_data_any_wallet_shows() {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let receipt = golden();
    let bytes32 = |bytes: [u8; 32]| format!("0x{}", hex::encode(bytes));
    let typed: TypedData = serde_json::from_value(json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"), field("version", "string"),
                field("chainId", "uint256"), field("verifyingContract", "address"),
            ],
            "DeliveryReceipt": [
                field("obligation", "uint64"), field("challenge", "uint32"),
                field("gpuMillis", "uint64"), field("challenges", "uint32"),
                field("workRoot", "bytes32"), field("prev", "bytes32"),
                field("terms", "bytes32"),
            ],
        },
        "primaryType": "DeliveryReceipt",
        "domain": {
            "name": "Tenor", "version": "1", "chainId": CHAIN_ID,
            "verifyingContract": "0x0000000000000000000000000000000000000000",
        },
        "message": {
            "obligation": receipt.obligation.0, "challenge": receipt.challenge,
            "gpuMillis": receipt.gpu_millis, "challenges": receipt.challenges,
            "workRoot": bytes32(receipt.work_root), "prev": bytes32(receipt.prev),
            "terms": bytes32(receipt.terms),
        },
    }))
    .unwrap();
    assert_eq!(typed.encode_eip712().unwrap(), sign::digest(&receipt, CHAIN_ID));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// WORK-016: a signature names its signer, for this receipt on this chain only.
    #[test]
    fn a_signature_names_its_signer(secret: [u8; 32], millis: u64, chain_id: u64) {
        let Some(key) = AgentKey::from_bytes(&secret) else { return Ok(()) };
        let receipt = DeliveryReceipt { gpu_millis: millis, ..golden() };
        let signature = key.sign(&receipt, chain_id).unwrap();
        let signer = sign::recover(&receipt, chain_id, &signature).unwrap();
        prop_assert_eq!(signer, key.address());
        let more = DeliveryReceipt { gpu_millis: millis ^ 1, ..receipt };
        prop_assert_ne!(sign::recover(&more, chain_id, &signature).ok(), Some(key.address()));
        let elsewhere = sign::recover(&receipt, chain_id ^ 1, &signature).ok();
        prop_assert_ne!(elsewhere, Some(key.address()));
    }
}

#[test]
fn work_016_only_the_canonical_form_of_a_signature_is_read() {
    let signature = key(5).sign(&golden(), CHAIN_ID).unwrap();
    let refused = |change: &dyn Fn(&mut [u8; 65])| {
        let mut changed = signature;
        change(&mut changed);
        sign::recover(&golden(), CHAIN_ID, &changed).unwrap_err().to_string()
    };
    expect!["signature is not canonical: s"].assert_eq(&refused(&|s| s[32] |= 0x80));
    expect!["signature is not canonical: v"].assert_eq(&refused(&|s| s[64] -= 27));
    expect!["signature recovers to no key"].assert_eq(&refused(&|s| s[..32].fill(0)));
}

#[test]
fn work_017_a_key_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.key");
    let made = AgentKey::generate(&path).unwrap();
    let read = AgentKey::load(&path).unwrap();
    assert_eq!(made.address(), read.address());

    let secret = std::fs::read_to_string(&path).unwrap();
    assert!(!format!("{made:?}").contains(secret.trim()));
    assert!(matches!(AgentKey::generate(&path), Err(SignError::KeyFile { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), secret);

    std::fs::write(&path, "not a key, but perhaps a password").unwrap();
    let refused = AgentKey::load(&path).unwrap_err().to_string();
    assert!(!refused.contains("password"), "{refused}");
    assert!(matches!(AgentKey::load(dir.path()), Err(SignError::KeyFile { .. })));
}

#[cfg(unix)]
#[test]
fn work_017_a_new_key_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.key");
    AgentKey::generate(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
