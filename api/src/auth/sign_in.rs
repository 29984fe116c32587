//! The text that a wallet signs to say who it is: EIP-4361, read strictly.
//!
//! ```text
//! DOMAIN wants you to sign in with your Ethereum account:
//! ADDRESS
//!
//! STATEMENT
//!
//! URI: URI
//! Version: 1
//! Chain ID: 31337
//! Nonce: NONCE
//! Issued At: 2027-01-15T08:00:00Z
//! Expiration Time: 2027-01-15T08:05:00Z
//! ```
//!
//! A nonce needs no memory until it is used: it says until when it is good, and carries a code over that, the address and the purpose,
//! under a key that is drawn at every start.

use hmac::{Hmac, KeyInit, Mac};
use instruments::{AccountId, Date, Nanos, NanosSpan};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::io::sign::CHAIN_ID;
use crate::wire::{ErrorCode, WireError};

/// How long a nonce is good for, and how long a text may be.
pub(crate) const CHALLENGE_LIFETIME: NanosSpan = NanosSpan::from_seconds(300);
/// Bytes of a text that is read.
pub(crate) const MESSAGE_LEN_MAX: usize = 2_048;

const NONCE_LEN: usize = 60;

/// What a signature is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To log in.
    SignIn,
    /// To let a wallet log in as this account.
    Link(AccountId),
    /// To let a session key in.
    SessionKey,
}

impl Purpose {
    /// What the wallet shows its owner.
    pub(crate) fn statement(self) -> String {
        match self {
            Self::SignIn => "Sign in to Tenor.".to_owned(),
            Self::Link(account) => format!("Link this wallet to Tenor account {}.", account.0),
            Self::SessionKey => "Let a session key into Tenor.".to_owned(),
        }
    }
}

/// Gives out nonces and knows its own again.
pub(super) struct Challenges {
    key: [u8; 32],
}

impl Challenges {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A nonce for that address and purpose, good for five minutes: 48 bits of time, 64 that nobody can guess, 128 of code.
    pub(super) fn draw(
        &self,
        address: &[u8; 20],
        purpose: Purpose,
        now: Nanos,
    ) -> Result<String, WireError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_system| {
            WireError::new(ErrorCode::Internal, "no randomness from the system")
        })?;
        let until = (now + CHALLENGE_LIFETIME).millis();
        let head = format!("{until:012x}{}", hex::encode(random));
        let code = self.code(&head, address, purpose);
        Ok(format!("{head}{code}"))
    }

    /// Until when a nonce of ours is good.
    pub(super) fn check(
        &self,
        nonce: &str,
        address: &[u8; 20],
        purpose: Purpose,
        now: Nanos,
    ) -> Result<Nanos, WireError> {
        let wrong = || {
            let reason = "the nonce is not one that this venue gave for this; ask for another";
            WireError::new(ErrorCode::InvalidCredentials, reason).of("nonce")
        };
        let (head, code) = nonce.split_at_checked(28).ok_or_else(wrong)?;
        let expected = self.code(head, address, purpose);
        if nonce.len() != NONCE_LEN || !bool::from(expected.as_bytes().ct_eq(code.as_bytes())) {
            return Err(wrong());
        }
        let until = head.get(..12).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let until = Nanos::new(until.ok_or_else(wrong)?.saturating_mul(1_000_000));
        if until <= now {
            let reason = "the nonce has expired; ask for another";
            return Err(WireError::new(ErrorCode::InvalidCredentials, reason).of("nonce"));
        }
        Ok(until)
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn code(&self, head: &str, address: &[u8; 20], purpose: Purpose) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key");
        mac.update(head.as_bytes());
        mac.update(address);
        mac.update(purpose.statement().as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..16])
    }
}

/// Where the venue is, as its clients see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// `host` or `host:port`.
    pub(crate) domain: &'a str,
}

impl Place<'_> {
    pub(crate) fn uri(&self) -> String {
        format!("https://{}/api/v2", self.domain)
    }

    /// The text for a wallet.
    pub(crate) fn text(
        &self,
        address: &[u8; 20],
        purpose: Purpose,
        (nonce, now): (&str, Nanos),
    ) -> String {
        format!(
            "{} wants you to sign in with your Ethereum account:\n{}\n\n{}\n\nURI: {}\nVersion: 1\n\
             Chain ID: {CHAIN_ID}\nNonce: {nonce}\nIssued At: {}\nExpiration Time: {}",
            self.domain,
            checksummed(address),
            purpose.statement(),
            self.uri(),
            written(now),
            written(now + CHALLENGE_LIFETIME),
        )
    }
}

/// An address as EIP-55 writes it.
pub(crate) fn checksummed(address: &[u8; 20]) -> String {
    ethers_core::utils::to_checksum(&(*address).into(), None)
}

/// What a text says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) address: [u8; 20],
    pub(super) nonce: String,
}

fn refused(field: &str, reason: &str) -> WireError {
    let reason = format!("{field}: {reason}");
    WireError::new(ErrorCode::InvalidCredentials, reason).of("message")
}

/// Reads a text and checks all of it but the nonce and the signature.
pub(super) fn read(
    text: &str,
    place: Place<'_>,
    purpose: Purpose,
    now: Nanos,
) -> Result<Read, WireError> {
    if MESSAGE_LEN_MAX < text.len() {
        return Err(refused("length", &format!("at most {MESSAGE_LEN_MAX} bytes")));
    }
    let mut lines = text.split('\n');
    let mut line = |name: &str| lines.next().ok_or_else(|| refused(name, "is missing"));
    let domain = line("domain")?;
    let expected = format!("{} wants you to sign in with your Ethereum account:", place.domain);
    if domain != expected {
        return Err(refused("domain", &format!("must be {}", place.domain)));
    }
    let address = read_address(line("address")?)?;
    let blank = |line: &str| {
        if line.is_empty() { Ok(()) } else { Err(refused("form", "a blank line is missing")) }
    };
    blank(line("form")?)?;
    let statement = purpose.statement();
    if line("statement")? != statement {
        return Err(refused("statement", &format!("must be `{statement}`")));
    }
    blank(line("form")?)?;
    let mut field = |name: &'static str| {
        let line = line(name)?;
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
        value.ok_or_else(|| refused(name, "is missing or not in its place"))
    };
    let must = |name: &str, value: &str, expected: &str| {
        if value == expected { Ok(()) } else { Err(refused(name, &format!("must be {expected}"))) }
    };
    must("URI", field("URI")?, &place.uri())?;
    must("Version", field("Version")?, "1")?;
    must("Chain ID", field("Chain ID")?, &CHAIN_ID.to_string())?;
    let nonce = field("Nonce")?.to_owned();
    let issued_at = read_time("Issued At", field("Issued At")?)?;
    let expires_at = read_time("Expiration Time", field("Expiration Time")?)?;
    if lines.next().is_some() {
        return Err(refused("form", "nothing may follow the expiration time"));
    }
    let longest = CHALLENGE_LIFETIME.nanos();
    // Stock wallets count whole seconds; a clock that is a few of them ahead is no attack, the nonce is the venue's.
    let ahead = issued_at.nanos().saturating_sub(now.nanos());
    if 5_000_000_000 < ahead || longest < now.nanos().saturating_sub(issued_at.nanos()) {
        return Err(refused("Issued At", "is not within the last five minutes"));
    }
    if expires_at <= now || longest < expires_at.nanos().saturating_sub(issued_at.nanos()) {
        return Err(refused("Expiration Time", "is past, or more than five minutes after issue"));
    }
    Ok(Read { address, nonce })
}

fn read_address(text: &str) -> Result<[u8; 20], WireError> {
    let mut bytes = [0; 20];
    let digits = text.strip_prefix("0x").unwrap_or("");
    let is_hex = hex::decode_to_slice(digits, &mut bytes).is_ok();
    if !is_hex || checksummed(&bytes) != text {
        return Err(refused("address", "must be written as EIP-55 says"));
    }
    Ok(bytes)
}

/// `2027-01-15T08:00:00Z`.
pub(crate) fn written(at: Nanos) -> String {
    let Date { year, month, day } = Date::of(at);
    let second = at.millis().div_euclid(1_000).rem_euclid(86_400);
    let (hour, rest) = (second.div_euclid(3_600), second.rem_euclid(3_600));
    let (minute, second) = (rest.div_euclid(60), rest.rem_euclid(60));
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// An instant of RFC 3339 in UTC, with or without parts of a second, which do not matter here.
fn read_time(name: &str, text: &str) -> Result<Nanos, WireError> {
    let parsed = || {
        let whole = text.strip_suffix('Z')?;
        let (whole, parts) = whole.split_once('.').unwrap_or((whole, "0"));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() != 19 || !(1..=9).contains(&parts.len()) || !is_digits(parts) {
            return None;
        }
        let (date, time) = whole.split_once('T')?;
        let numbers = |text: &str, sign: char| -> Option<[u64; 3]> {
            let parts: Vec<&str> = text.split(sign).collect();
            let [first, second, third] = parts.as_slice() else { return None };
            let read = |text: &str| text.parse::<u64>().ok().filter(|_| is_digits(text));
            Some([read(first)?, read(second)?, read(third)?])
        };
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let is_time = hour < 24 && minute < 60 && second < 60;
        let is_date = (1970..2262).contains(&year) && (1..=12).contains(&month) && 1 <= day;
        if !is_time || !is_date || 31 < day {
            return None;
        }
        let date = Date {
            year: u16::try_from(year).ok()?,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
        };
        let seconds = date.days().checked_mul(86_400)?.checked_add(hour.checked_mul(3_600)?)?;
        let seconds = seconds.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
        Some(Nanos::new(seconds.checked_mul(1_000_000_000)?))
    };
    parsed().ok_or_else(|| refused(name, "must be written as 2027-01-15T08:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place { domain: "tenor.example" };
    const ADDRESS: [u8; 20] = [0xab; 20];

    fn now() -> Nanos {
        Nanos::from_seconds(1_800_000_000)
    }

    fn text() -> String {
        PLACE.text(&ADDRESS, Purpose::SignIn, ("n0nce", now()))
    }

    #[test]
    fn auth_020_a_text_that_was_given_is_read_again() {
        let expected = Read { address: ADDRESS, nonce: "n0nce".to_owned() };
        assert_eq!(read(&text(), PLACE, Purpose::SignIn, now()), Ok(expected));
        assert!(
            text()
                .contains("Issued At: 2027-01-15T08:00:00Z\nExpiration Time: 2027-01-15T08:05:00Z")
        );
    }

    /// AUTH-020: S4 of the requirements, a row a field.
    #[test]
    fn auth_020_a_text_for_anything_else_is_refused_by_its_field() {
        for (from, to, field) in [
            ("tenor.example wants", "evil.example wants", "domain"),
            ("tenor.example wants", "https://tenor.example wants", "domain"),
            ("https://tenor.example/api", "https://evil.example/api", "URI"),
            ("Version: 1", "Version: 2", "Version"),
            ("Chain ID: 31337", "Chain ID: 1", "Chain ID"),
            ("Sign in to Tenor.", "Link this wallet to Tenor account 7.", "statement"),
            ("0xAB", "0xab", "address"),
            ("0xAB", "0xA", "address"),
            ("Issued At: 2027-01-15T08:00:00Z", "Issued At: 2027-01-15T07:54:59Z", "Issued At"),
            ("Issued At: 2027-01-15T08:00:00Z", "Issued At: 2027-01-15T08:00:06Z", "Issued At"),
            ("Issued At: 2027-01-15T08:00:00Z", "Issued At: 2027-13-15T08:00:00Z", "Issued At"),
            ("Issued At: 2027-01-15T08:00:00Z", "Issued At: 2027-01-15 08:00:00", "Issued At"),
            ("T08:05:00Z", "T08:05:01Z", "Expiration Time"),
            ("T08:05:00Z", "T08:00:00Z", "Expiration Time"),
            ("Nonce: ", "Request ID: ", "Nonce"),
            ("T08:05:00Z", "T08:05:00Z\nResources:", "form"),
            ("\n\nURI", "\nURI", "form"),
        ] {
            let changed = text().replacen(from, to, 1);
            assert!(changed != text(), "{from}");
            let refused = read(&changed, PLACE, Purpose::SignIn, now()).unwrap_err();
            assert!(refused.reason().starts_with(field), "{field}: {}", refused.reason());
            assert_eq!(refused.code(), ErrorCode::InvalidCredentials);
        }
        let long = format!("{}{}", text(), " ".repeat(MESSAGE_LEN_MAX));
        assert!(read(&long, PLACE, Purpose::SignIn, now()).is_err());
    }

    #[test]
    fn auth_021_a_nonce_is_for_one_address_and_one_purpose_and_expires() {
        let challenges = Challenges::new([7; 32]);
        let nonce = challenges.draw(&ADDRESS, Purpose::SignIn, now()).unwrap();
        assert_eq!(nonce.len(), NONCE_LEN);
        assert!(nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let check = |challenges: &Challenges, nonce: &str, address, purpose, at| {
            challenges.check(nonce, address, purpose, at).is_ok()
        };
        let last = Nanos::new((now() + CHALLENGE_LIFETIME).nanos() - 1);
        assert!(check(&challenges, &nonce, &ADDRESS, Purpose::SignIn, now()));
        assert!(check(&challenges, &nonce, &ADDRESS, Purpose::SignIn, last));
        let past = now() + CHALLENGE_LIFETIME;
        assert!(!check(&challenges, &nonce, &ADDRESS, Purpose::SignIn, past));
        assert!(!check(&challenges, &nonce, &[1; 20], Purpose::SignIn, now()));
        assert!(!check(&challenges, &nonce, &ADDRESS, Purpose::SessionKey, now()));
        assert!(!check(&challenges, &nonce, &ADDRESS, Purpose::Link(AccountId(7)), now()));
        assert!(!check(&Challenges::new([8; 32]), &nonce, &ADDRESS, Purpose::SignIn, now()));
        for at in 0..NONCE_LEN {
            let mut changed = nonce.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(!check(&challenges, &changed, &ADDRESS, Purpose::SignIn, now()), "{at}");
        }
        assert!(!check(&challenges, "", &ADDRESS, Purpose::SignIn, now()));
    }
}
