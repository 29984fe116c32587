//! The `Authorization` header: `bearer TOKEN`, `basic BASE64(ID:SECRET)`, or
//! `deri-hmac-sha256 id=ID,ts=MILLISECONDS,sig=HEX,nonce=WORD`.
//!
//! The signature is HMAC-SHA256 under the client's secret of `ts`, `nonce`, the verb, the path with its query, and the body, each followed
//! by a line feed.

use axum::body::Bytes;
use axum::http::{HeaderValue, Method as Verb, Uri};

use zeroize::Zeroizing;

use crate::auth::{Caller, Origin, Signed};
use crate::gateway::Gateway;
use crate::wire::{ErrorCode, WireError};

/// Who the header says is asking, once it is proven.
pub(super) fn caller(
    gateway: &Gateway,
    header: &HeaderValue,
    signed: (&Verb, &Uri, &Bytes),
    origin: Origin,
) -> Result<Caller, WireError> {
    let proven = prove(gateway, header, signed, origin);
    if let Err(error) = &proven {
        gateway.note_refusal(None, ("login", origin), error);
    }
    proven
}

fn prove(
    gateway: &Gateway,
    header: &HeaderValue,
    signed: (&Verb, &Uri, &Bytes),
    origin: Origin,
) -> Result<Caller, WireError> {
    let text = header.to_str().map_err(|_bytes| malformed())?;
    let (scheme, value) = text.split_once(' ').ok_or_else(malformed)?;
    let value = value.trim();
    let (book, now) = (gateway.venue.book(), gateway.venue.now());
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => {
            let caller = gateway.authority.caller(value, now)?;
            gateway.recheck(caller, origin)
        }
        // A request that proves its client by itself may do all that the client may.
        "basic" => {
            let decoded = Zeroizing::new(decode_base64(value).ok_or_else(malformed)?);
            let pair = decoded.split_once(':').ok_or_else(malformed)?;
            gateway.authority.check_secret(&book, pair, origin, now)
        }
        "deri-hmac-sha256" => by_signature(gateway, value, signed, origin),
        _ => Err(malformed()),
    }
}

fn malformed() -> WireError {
    let reason = "Authorization must be `bearer TOKEN`, `basic BASE64` or `deri-hmac-sha256 \
                  id=..,ts=..,sig=..,nonce=..`";
    WireError::new(ErrorCode::InvalidCredentials, reason).of("Authorization")
}

fn by_signature(
    gateway: &Gateway,
    value: &str,
    (verb, uri, body): (&Verb, &Uri, &Bytes),
    origin: Origin,
) -> Result<Caller, WireError> {
    let mut parts: [Option<&str>; 4] = [None; 4];
    for part in value.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or_else(malformed)?;
        let place = ["id", "ts", "sig", "nonce"].iter().position(|known| *known == name);
        let slot = place.and_then(|place| parts.get_mut(place)).ok_or_else(malformed)?;
        if slot.replace(value).is_some() {
            return Err(malformed());
        }
    }
    let [Some(client_id), Some(timestamp), Some(signature), Some(nonce)] = parts else {
        return Err(malformed());
    };
    let body = str::from_utf8(body).map_err(|_bytes| malformed())?;
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let payload = format!("{verb}\n{path}\n{body}\n");
    let signed = Signed { timestamp, nonce, signature };
    let (book, now) = (gateway.venue.book(), gateway.venue.now());
    let what = (client_id, &signed, payload.as_str());
    gateway.authority.check_signature(&book, what, origin, now)
}

/// Standard base64 of UTF-8 text, with or without padding.
fn decode_base64(text: &str) -> Option<String> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter.checked_sub(b'A')?,
            b'a'..=b'z' => letter.checked_sub(b'a')?.checked_add(26)?,
            b'0'..=b'9' => letter.checked_sub(b'0')?.checked_add(52)?,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits.checked_shl(6)? | u32::from(value);
        held = held.checked_add(6)?;
        if 8 <= held {
            held = held.checked_sub(8)?;
            bytes.push(u8::try_from(bits.checked_shr(held)? & 0xff).ok()?);
            bits &= (1_u32.checked_shl(held)?).checked_sub(1)?;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (encoded, text) in
            [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE", "fooba"), ("", "")]
        {
            assert_eq!(decode_base64(encoded).as_deref(), Some(text), "{encoded}");
        }
        assert_eq!(decode_base64("YWxpY2U6b3BlbiBzZXNhbWU=").as_deref(), Some("alice:open sesame"));
        assert_eq!(decode_base64("Zm9*"), None);
        assert_eq!(decode_base64("/w=="), None, "not UTF-8");
    }
}
