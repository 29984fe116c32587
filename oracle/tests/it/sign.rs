//! Signed statements: the digest every party must find, who may sign, and what is refused by name.

use std::collections::BTreeMap;

use borsh::BorshDeserialize;
use expect_test::expect;
use instruments::{GradeId, MicroUsd, Nanos, NanosSpan, Ppm};
use oracle::io::sign::{
    Domain, Intake, SignedObservation, SigningKey, cluster_id, digest, struct_hash,
};
use oracle::{
    Address, ClusterId, ProviderId, Registered, Registry, Statement, StatementTerms, Tier,
};
use proptest::prelude::*;

pub(crate) const DOMAIN: Domain =
    Domain { chain_id: 31_337, oracle_id: [0x0a; 32], methodology: [0x0b; 32] };
const AT: Nanos = Nanos::new(1_795_200_000_123_456_789);

pub(crate) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("below the order of the curve")
}

/// The statement of the golden vector.
pub(crate) fn golden() -> Statement {
    Statement {
        schema: 1,
        provider: key(0x42).address(),
        cluster_id: cluster_id("Big Cloud 7"),
        class: 3,
        region: 2,
        total_units: 512,
        leased_units: 431,
        ask_micros: 2_390_000,
        lease_price_micros: 2_105_000,
        lease_gpu_seconds: 1_551_600,
        window_gpu_seconds: 1_042_675_200,
        window_notional_micros: 609_675_333_333,
        receipts_root: [0x33; 32],
        observed_at: AT,
        epoch: 5_984_000,
        nonce: 17,
    }
}

fn intake() -> Intake {
    let registered = Registered {
        provider: ProviderId::new("alpha").expect("valid"),
        cluster: ClusterId::new("Big Cloud 7").expect("valid"),
        stake: Ppm::new(750_000),
    };
    let grade = GradeId::new("H100").expect("valid");
    let terms = StatementTerms {
        age_max: NanosSpan::from_seconds(1_800),
        epoch: NanosSpan::from_seconds(300),
    };
    let providers = BTreeMap::from([(key(0x42).address(), registered)]);
    let registry = Registry::new(providers, BTreeMap::from([(3, grade)])).expect("valid");
    Intake { domain: DOMAIN, terms, registry }
}

fn signed(statement: Statement) -> SignedObservation {
    SignedObservation::sign(statement, &DOMAIN, &key(0x42)).expect("valid")
}

/// REPORT-001. Computed by eth-account 0.14.0 (Python), an implementation that shares no code with this one:
///
/// ```text
/// message = encode_typed_data(domain, {"Observation": [...]}, values)   # eth_account.messages
/// signed = Account.sign_message(message, bytes([0x42]) * 32)            # eth_account.Account
/// message.header, message.body, signed.message_hash, signed.signature
/// ```
///
/// with the domain `{"name": "Tenor oracle", "version": "1", "chainId": 31337, "salt": keccak(oracle_id + methodology)}`, the fields of the type
/// in their order, and the values of `golden`.
#[test]
fn report_001_digest_and_signature_are_those_of_another_implementation() {
    let statement = golden();
    let signed = signed(statement);
    let vector = format!(
        "separator {}\nstruct    {}\ndigest    {}\naddress   {}\nsignature {}\n",
        hex(&DOMAIN.separator()),
        hex(&struct_hash(&statement)),
        hex(&digest(&statement, &DOMAIN)),
        statement.provider,
        hex(&signed.signature),
    );
    expect![[r#"
        separator 06e235414fef41a24f526fc9a8983a6c87d7cea48b6bc43a0187fc0b795fc199
        struct    2ff208a66de78694f315f4dfaccd754608c7171153e4f3e0cf0ef2c9010e2ebc
        digest    c511c22876122dd8b0d15e6a26abacae8cae5911ea74d98b021f276ab9b8e3ad
        address   0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d025
        signature deed8a36076bcc05ea5d7cfeefd4d274c197d992ab6bbf5b55bb1feeaa052a5e0aa1021d6df8553859851a604a093034bb4375d9500b132e7290596d444f8ad61b
    "#]].assert_eq(&vector);
    assert_eq!(signed.recover(&DOMAIN), Ok(statement.provider));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn report_001_every_signed_statement_has_the_same_length() {
    let signed = signed(golden());
    let bytes = borsh::to_vec(&signed).unwrap();
    assert_eq!(bytes.len(), SignedObservation::LEN);
    assert_eq!(SignedObservation::try_from_slice(&bytes).unwrap(), signed);
}

#[test]
fn report_002_what_is_taken_says_what_was_signed() {
    let (grade, observation) = intake().take(&signed(golden()), AT).unwrap();
    assert_eq!(grade.as_str(), "H100");
    assert_eq!(observation.provider().as_str(), "alpha");
    assert_eq!(observation.cluster().as_str(), "Big Cloud 7");
    assert_eq!(observation.price(), MicroUsd::new(2_390_000));
    assert_eq!((observation.at(), observation.tier()), (AT, Tier::Leased));
    assert_eq!(observation.stake(), Ppm::new(750_000));
    let unproven = Statement { receipts_root: [0; 32], ..golden() };
    assert_eq!(intake().take(&signed(unproven), AT).unwrap().1.tier(), Tier::Offered);
}

/// REPORT-002: one line for each refusal, in the order of the checks.
#[test]
fn report_002_what_is_refused_is_refused_by_name() {
    let statement = golden();
    let refused = |statement: Statement| {
        let signed = signed(statement);
        intake().take(&signed, AT).unwrap_err().to_string()
    };
    let lines = [
        refused(Statement { schema: 2, ..statement }),
        refused(Statement { total_units: 430, ..statement }),
        refused(Statement { total_units: 0, leased_units: 0, ..statement }),
        refused(Statement { ask_micros: 0, ..statement }),
        refused(Statement { ask_micros: 10_000_000_001, ..statement }),
        refused(Statement { lease_price_micros: 0, ..statement }),
        refused(Statement { lease_gpu_seconds: 0, ..statement }),
        refused(Statement { window_gpu_seconds: 1, ..statement }),
        refused(Statement { window_notional_micros: u128::MAX, ..statement }),
        refused(Statement { observed_at: Nanos::new(AT.nanos() + 1), ..statement }),
        refused(Statement { observed_at: Nanos::new(AT.nanos() - 1_800_000_000_001), ..statement }),
        refused(Statement { epoch: 5_984_002, ..statement }),
        refused(Statement { provider: key(7).address(), ..statement }),
        refused(Statement { class: 4, ..statement }),
        refused(Statement { cluster_id: cluster_id("small cloud"), ..statement }),
    ];
    expect![[r#"
        schema 2 is not 1
        leasedUnits 431 of totalUnits 430: there is at least one, and no more are leased than there are
        leasedUnits 0 of totalUnits 0: there is at least one, and no more are leased than there are
        askMicros 0 is not between 1 and 10000000000 micro-dollars
        askMicros 10000000001 is not between 1 and 10000000000 micro-dollars
        leasePriceMicros 0 is not between 1 and 10000000000 micro-dollars
        leaseGpuSeconds does not fit the lease and its window
        leaseGpuSeconds does not fit the lease and its window
        windowNotionalMicros does not fit the lease and its window
        observedAt 1795200000123456790 is after 1795200000123456789
        observedAt 1795198200123456788 is more than 1800000000000 ns before 1795200000123456789
        epoch 5984002 is neither 5984000, in which it was observed, nor the next
        provider 0x4a62316623ad457f02cdc5d997ded67a383ec569 is not in the registry
        class 4 is not in the registry
        clusterId is not that of alpha in the registry"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn report_003_a_signature_is_canonical_and_of_the_provider_for_this_domain() {
    let refused = |change: &dyn Fn(&mut SignedObservation)| {
        let mut changed = signed(golden());
        change(&mut changed);
        intake().take(&changed, AT).unwrap_err().to_string()
    };
    let other = |domain: Domain| {
        let signed = SignedObservation::sign(golden(), &domain, &key(0x42)).unwrap();
        intake().take(&signed, AT).unwrap_err().to_string()
    };
    let lines = [
        other(Domain { chain_id: 1, ..DOMAIN }),
        other(Domain { oracle_id: [1; 32], ..DOMAIN }),
        other(Domain { methodology: [1; 32], ..DOMAIN }),
        refused(&|s| s.signature[32] |= 0x80),
        refused(&|s| s.signature[64] -= 27),
        refused(&|s| s.signature[..32].fill(0)),
        refused(&|s| *s = SignedObservation::sign(s.statement, &DOMAIN, &key(7)).unwrap()),
    ];
    expect![[r#"
        signed for another domain
        signed for another domain
        signed for another domain
        signature is not canonical: s is in the upper half
        signature is not canonical: v is 0, neither 27 nor 28
        signature recovers to no key
        signed by 0x4a62316623ad457f02cdc5d997ded67a383ec569, not by the provider 0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d025"#]].assert_eq(&lines.join("\n"));
    // Who claims our domain for a signature made for another one is somebody else.
    let mut claimed =
        SignedObservation::sign(golden(), &Domain { chain_id: 1, ..DOMAIN }, &key(0x42)).unwrap();
    claimed.domain = DOMAIN.separator();
    assert!(claimed.recover(&DOMAIN).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// REPORT-003: a signature names its signer for this statement only.
    #[test]
    fn a_signature_names_its_signer_for_this_statement_only(secret: [u8; 32], ask: u64, nonce: u64) {
        let Some(key) = SigningKey::from_bytes(&secret) else { return Ok(()) };
        let statement =
            Statement { provider: key.address(), ask_micros: ask, nonce, ..golden() };
        let signed = SignedObservation::sign(statement, &DOMAIN, &key).unwrap();
        prop_assert_eq!(signed.recover(&DOMAIN), Ok(key.address()));
        let more = Statement { ask_micros: ask ^ 1, ..statement };
        let changed = SignedObservation { statement: more, ..signed };
        prop_assert!(changed.recover(&DOMAIN).is_err());
    }
}

#[test]
fn an_address_is_read_as_it_is_written() {
    let address = key(0x42).address();
    assert_eq!(Address::parse(&address.to_string()), Some(address));
    for text in [
        "",
        "0x",
        "17c5",
        "0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d02g",
        "+0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d02",
    ] {
        assert_eq!(Address::parse(text), None, "{text}");
    }
}
