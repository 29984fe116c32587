//! EIP-712 agreements: the digest that both parties sign, and the signed agreement that goes into the exchange.
//!
//! ```text
//! domain   as for delivery receipts
//! struct   TradeAgreement(uint64 first,uint64 second,Leg[] legs,bool forReservation,bytes32 reservation,
//!                         uint64 nonce,uint64 validUntil)Leg(uint64 instrument,bool firstBuys,uint64 lots,uint64 ticks)
//! struct   MatchAgreement(uint64 seller,uint64 buyer,uint64 instrument,uint64 lots,uint64 nonce,uint64 validUntil)
//! struct   ReleaseAgreement(uint64 seller,uint64 buyer,uint64 obligation,uint64 nonce,uint64 validUntil)
//! ```
//!
//! Instants are nanoseconds since 1970, prices are ticks of their series.

use std::convert::Infallible;

use ethers_core::abi::{Token, encode};
use ethers_core::types::transaction::eip712::{EIP712Domain, Eip712};
use ethers_core::utils::keccak256;
use exchange::{Agreed, Agreement, BlockLeg, SignedAgreement};
use instruments::Side;
use serde_json::{Value, json};

use super::sign::{SIGNATURE_LEN, SignError, domain, recover_digest};

const TRADE_TYPE: &str = "TradeAgreement(uint64 first,uint64 second,Leg[] legs,bool forReservation,\
                          bytes32 reservation,uint64 nonce,uint64 validUntil)\
                          Leg(uint64 instrument,bool firstBuys,uint64 lots,uint64 ticks)";
const LEG_TYPE: &str = "Leg(uint64 instrument,bool firstBuys,uint64 lots,uint64 ticks)";
const MATCH_TYPE: &str = "MatchAgreement(uint64 seller,uint64 buyer,uint64 instrument,uint64 lots,\
                          uint64 nonce,uint64 validUntil)";
const RELEASE_TYPE: &str = "ReleaseAgreement(uint64 seller,uint64 buyer,uint64 obligation,uint64 nonce,\
                            uint64 validUntil)";

const DOMAIN_FIELDS: &str = "string name,string version,uint256 chainId,address verifyingContract";

/// What both parties sign.
#[must_use]
pub fn agreement_digest(agreement: &Agreement) -> [u8; 32] {
    match Typed(agreement).encode_eip712() {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

/// The same as typed data, in the shape that `eth_signTypedData_v4` takes.
#[must_use]
pub fn typed_data(agreement: &Agreement) -> Value {
    let Agreement { parties: [first, second], agreed, nonce, valid_until } = agreement;
    let text = |number: u64| number.to_string();
    let bytes = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
    let (type_of, mut message) = match agreed {
        Agreed::Trades { legs, reservation } => {
            let leg = |leg: &BlockLeg| {
                json!({
                    "instrument": text(leg.instrument.0),
                    "firstBuys": leg.side == Side::Buy,
                    "lots": text(leg.qty.lots()),
                    "ticks": text(u64::try_from(leg.price.ticks()).unwrap_or(0)),
                })
            };
            let legs: Vec<Value> = legs.iter().map(leg).collect();
            let message = json!({
                "first": text(first.0), "second": text(second.0), "legs": legs,
                "forReservation": reservation.is_some(),
                "reservation": bytes(&reservation.unwrap_or_default()),
            });
            (TRADE_TYPE, message)
        }
        Agreed::Match { instrument, lots } => {
            let message = json!({
                "seller": text(first.0), "buyer": text(second.0),
                "instrument": text(instrument.0), "lots": text(lots.lots()),
            });
            (MATCH_TYPE, message)
        }
        Agreed::Release { obligation } => {
            let message = json!({
                "seller": text(first.0), "buyer": text(second.0), "obligation": text(obligation.0),
            });
            (RELEASE_TYPE, message)
        }
    };
    message["nonce"] = json!(text(*nonce));
    message["validUntil"] = json!(text(valid_until.nanos()));
    let domain = domain();
    json!({
        "types": types(type_of),
        "primaryType": type_of.split('(').next(),
        "domain": {
            "name": domain.name, "version": domain.version,
            "chainId": super::sign::CHAIN_ID,
            "verifyingContract": domain.verifying_contract,
        },
        "message": message,
    })
}

/// The fields of each type in `A(uint64 x,B[] y)B(bool z)`, and those of the domain.
fn types(encoded: &str) -> Value {
    let field = |pair: &str| {
        let (kind, name) = pair.split_once(' ').unwrap_or((pair, ""));
        json!({"name": name, "type": kind})
    };
    let fields = |list: &str| list.split(',').map(field).collect::<Value>();
    let mut types = json!({"EIP712Domain": fields(DOMAIN_FIELDS)});
    for (name, list) in encoded.split(')').filter_map(|part| part.split_once('(')) {
        types[name] = fields(list);
    }
    types
}

/// An agreement with its digest and whose keys signed it. The exchange compares them with the registered keys.
///
/// # Errors
/// As [`recover_digest`], for either signature.
pub fn signed_agreement(
    agreement: Agreement,
    signatures: [[u8; SIGNATURE_LEN]; 2],
) -> Result<SignedAgreement, SignError> {
    let digest = agreement_digest(&agreement);
    let [first, second] = &signatures;
    let signers = [recover_digest(digest, first)?, recover_digest(digest, second)?];
    let signatures = signatures.map(|signature| signature.to_vec());
    Ok(SignedAgreement { agreement, digest, signers, signatures })
}

struct Typed<'a>(&'a Agreement);

fn word(bytes: [u8; 32]) -> Token {
    Token::FixedBytes(bytes.to_vec())
}

fn number(number: u64) -> Token {
    Token::Uint(number.into())
}

fn leg_hash(leg: &BlockLeg) -> [u8; 32] {
    keccak256(encode(&[
        word(keccak256(LEG_TYPE)),
        number(leg.instrument.0),
        Token::Bool(leg.side == Side::Buy),
        number(leg.qty.lots()),
        // A price below zero is refused by the exchange, and no signature makes it one.
        number(u64::try_from(leg.price.ticks()).unwrap_or(0)),
    ]))
}

impl Eip712 for Typed<'_> {
    type Error = Infallible;

    fn domain(&self) -> Result<EIP712Domain, Infallible> {
        Ok(domain())
    }

    fn type_hash() -> Result<[u8; 32], Infallible> {
        Ok(keccak256(TRADE_TYPE))
    }

    fn struct_hash(&self) -> Result<[u8; 32], Infallible> {
        let Agreement { parties: [first, second], agreed, nonce, valid_until } = self.0;
        let (mut fields, type_of) = match agreed {
            Agreed::Trades { legs, reservation } => {
                let legs: Vec<u8> = legs.iter().flat_map(leg_hash).collect();
                let fields = vec![
                    word(keccak256(legs)),
                    Token::Bool(reservation.is_some()),
                    word(reservation.unwrap_or_default()),
                ];
                (fields, TRADE_TYPE)
            }
            Agreed::Match { instrument, lots } => {
                (vec![number(instrument.0), number(lots.lots())], MATCH_TYPE)
            }
            Agreed::Release { obligation } => (vec![number(obligation.0)], RELEASE_TYPE),
        };
        let mut tokens = vec![word(keccak256(type_of)), number(first.0), number(second.0)];
        tokens.append(&mut fields);
        tokens.extend([number(*nonce), number(valid_until.nanos())]);
        Ok(keccak256(encode(&tokens)))
    }
}

#[cfg(test)]
mod tests {
    use ethers_core::types::H256;
    use ethers_core::types::transaction::eip712::TypedData;
    use ethers_signers::{LocalWallet, Signer};
    use instruments::{AccountId, InstrumentId, Nanos, ObligationId, Price, Qty};

    use super::*;

    fn block() -> Agreement {
        let leg = |instrument, side, lots, ticks| BlockLeg {
            instrument: InstrumentId(instrument),
            side,
            qty: Qty::from_lots(lots),
            price: Price::from_ticks(ticks),
        };
        let legs = vec![leg(3, Side::Buy, 30, 2_500), leg(4, Side::Sell, 40, 2_610)];
        Agreement {
            parties: [AccountId(7), AccountId(9)],
            agreed: Agreed::Trades { legs, reservation: Some([0x11; 32]) },
            nonce: 5,
            valid_until: Nanos::new(1_796_083_200_000_000_123),
        }
    }

    /// The digest that a wallet makes of the same fields as typed JSON.
    fn by_json(primary: &str, fields: &serde_json::Value, message: &serde_json::Value) -> [u8; 32] {
        let leg = json!([
            {"name": "instrument", "type": "uint64"}, {"name": "firstBuys", "type": "bool"},
            {"name": "lots", "type": "uint64"}, {"name": "ticks", "type": "uint64"},
        ]);
        let domain = json!([
            {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"},
        ]);
        let mut types = json!({"EIP712Domain": domain, "Leg": leg});
        types[primary] = fields.clone();
        let typed = json!({
            "types": types,
            "primaryType": primary,
            "domain": {
                "name": "Tenor", "version": "1", "chainId": super::super::sign::CHAIN_ID,
                "verifyingContract": "0x0000000000000000000000000000000000000000",
            },
            "message": message,
        });
        let typed: TypedData = serde_json::from_value(typed).unwrap();
        typed.encode_eip712().unwrap()
    }

    /// Fields named and typed as `a:uint64 b:bool`.
    fn typed(fields: &str) -> serde_json::Value {
        let field = |word: &str| {
            let (name, kind) = word.split_once(':').unwrap();
            json!({"name": name, "type": kind})
        };
        fields.split_whitespace().map(field).collect()
    }

    #[test]
    fn block_011_every_wallet_finds_the_same_digest() {
        let fields = typed(
            "first:uint64 second:uint64 legs:Leg[] forReservation:bool reservation:bytes32 nonce:uint64 validUntil:uint64",
        );
        let message = json!({
            "first": 7, "second": 9,
            "legs": [
                {"instrument": 3, "firstBuys": true, "lots": 30, "ticks": 2500},
                {"instrument": 4, "firstBuys": false, "lots": 40, "ticks": 2610},
            ],
            "forReservation": true, "reservation": format!("0x{}", "11".repeat(32)),
            "nonce": 5, "validUntil": "1796083200000000123",
        });
        assert_eq!(agreement_digest(&block()), by_json("TradeAgreement", &fields, &message));

        let (instrument, lots) = (InstrumentId(3), Qty::from_lots(8));
        let matched = Agreement { agreed: Agreed::Match { instrument, lots }, ..block() };
        let fields = typed(
            "seller:uint64 buyer:uint64 instrument:uint64 lots:uint64 nonce:uint64 validUntil:uint64",
        );
        let message = json!({
            "seller": 7, "buyer": 9, "instrument": 3, "lots": 8, "nonce": 5, "validUntil": "1796083200000000123",
        });
        assert_eq!(agreement_digest(&matched), by_json("MatchAgreement", &fields, &message));

        let agreed = Agreed::Release { obligation: ObligationId(2) };
        let released = Agreement { agreed, ..block() };
        let fields =
            typed("seller:uint64 buyer:uint64 obligation:uint64 nonce:uint64 validUntil:uint64");
        let message = json!({
            "seller": 7, "buyer": 9, "obligation": 2, "nonce": 5, "validUntil": "1796083200000000123",
        });
        assert_eq!(agreement_digest(&released), by_json("ReleaseAgreement", &fields, &message));
    }

    /// BLOCK-011: what a wallet is given to show is what it signs.
    #[test]
    fn block_011_the_typed_data_has_the_digest() {
        let (instrument, lots) = (InstrumentId(3), Qty::from_lots(8));
        let obligation = ObligationId(u64::MAX);
        for agreed in [
            block().agreed,
            Agreed::Trades { legs: Vec::new(), reservation: None },
            Agreed::Match { instrument, lots },
            Agreed::Release { obligation },
        ] {
            let agreement = Agreement { agreed, nonce: u64::MAX, ..block() };
            let typed: TypedData = serde_json::from_value(typed_data(&agreement)).unwrap();
            assert_eq!(typed.encode_eip712().unwrap(), agreement_digest(&agreement));
        }
    }

    #[test]
    fn block_011_the_signers_come_out_in_the_order_of_the_parties() {
        let keys = [5, 6].map(|seed| LocalWallet::from_bytes(&[seed; 32]).unwrap());
        let digest = agreement_digest(&block());
        let sign =
            |key: &LocalWallet| <[u8; SIGNATURE_LEN]>::from(key.sign_hash(H256(digest)).unwrap());
        let signatures = [sign(&keys[0]), sign(&keys[1])];
        let signed = signed_agreement(block(), signatures).unwrap();
        assert_eq!(signed.signers, [keys[0].address().0, keys[1].address().0]);
        assert_eq!(signed.digest, digest);
        let other = Agreement { nonce: 6, ..block() };
        assert!(
            signed_agreement(other, signatures).is_ok_and(|other| other.signers != signed.signers)
        );
    }
}
