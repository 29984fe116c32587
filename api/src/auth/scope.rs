//! What a login may be used for: `account:` and `trade:`, each `none`, `read` or `read_write`.

use std::fmt;

use instruments::NanosSpan;
use rust_decimal::Decimal;

use crate::wire::{ErrorCode, WireError};

/// The longest an access token is good for.
const LIFETIME_MAX_SECONDS: u64 = 86_400;
/// How long it is good for when the client does not say.
const LIFETIME_SECONDS: u64 = 3_600;

/// How much of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    None,
    /// Questions.
    Read,
    /// Questions and changes.
    ReadWrite,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Read => "read",
            Self::ReadWrite => "read_write",
        })
    }
}

/// What a private method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To see money and positions.
    AccountRead,
    /// To change the account itself.
    AccountWrite,
    /// To see orders and trades.
    TradeRead,
    /// To place, change and cancel orders, and to deliver.
    TradeWrite,
}

/// What a login may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    account: Level,
    trade: Level,
}

/// What a client has asked for.
pub(crate) struct Asked {
    pub(crate) scope: Scope,
    pub(crate) lifetime: NanosSpan,
}

impl Scope {
    /// Everything.
    pub(crate) const fn full() -> Self {
        Self { account: Level::ReadWrite, trade: Level::ReadWrite }
    }

    /// Reads a scope as Deribit writes it; what is not named is granted in full, an unknown word is refused.
    pub(crate) fn parse(text: &str) -> Result<Asked, WireError> {
        let mut scope = Self::full();
        let mut seconds = LIFETIME_SECONDS;
        for word in text.split_whitespace() {
            match word.split_once(':') {
                None if word == "connection" => {}
                Some(("session", _)) => {}
                Some(("account", level)) => scope.account = parse_level(word, level)?,
                Some(("trade", level)) => scope.trade = parse_level(word, level)?,
                Some(("expires", text)) => seconds = parse_lifetime(text)?,
                None | Some(_) => return Err(unknown(word)),
            }
        }
        Ok(Asked { scope, lifetime: NanosSpan::from_seconds(seconds) })
    }

    /// Whether the login may be used for this.
    pub(crate) fn check(self, need: Need) -> Result<(), WireError> {
        let (area, has, needs) = match need {
            Need::AccountRead => ("account", self.account, Level::Read),
            Need::AccountWrite => ("account", self.account, Level::ReadWrite),
            Need::TradeRead => ("trade", self.trade, Level::Read),
            Need::TradeWrite => ("trade", self.trade, Level::ReadWrite),
        };
        if has < needs {
            let reason = format!("the login's scope is {area}:{has}, this needs {area}:{needs}");
            return Err(WireError::new(ErrorCode::Forbidden, reason).of("scope"));
        }
        Ok(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection account:{} trade:{}", self.account, self.trade)
    }
}

fn parse_level(word: &str, level: &str) -> Result<Level, WireError> {
    match level {
        "none" => Ok(Level::None),
        "read" => Ok(Level::Read),
        "read_write" => Ok(Level::ReadWrite),
        _ => Err(unknown(word)),
    }
}

fn parse_lifetime(text: &str) -> Result<u64, WireError> {
    let seconds: Option<u64> = text.parse().ok();
    seconds.filter(|seconds| (1..=LIFETIME_MAX_SECONDS).contains(seconds)).ok_or_else(|| {
        let reason = format!("expires must be 1 to {LIFETIME_MAX_SECONDS} seconds");
        WireError::param("scope", reason).with_limit(Decimal::from(LIFETIME_MAX_SECONDS))
    })
}

fn unknown(word: &str) -> WireError {
    let reason = format!(
        "`{word}` is not supported; known are connection, session:NAME, expires:SECONDS, and \
         account: or trade: with none, read or read_write"
    );
    WireError::param("scope", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap().scope
    }

    #[test]
    fn api_014_a_login_may_do_no_more_than_it_asked_for() {
        assert_eq!(scope(""), Scope::full());
        let reader = scope("session:desk trade:read account:read expires:60");
        assert_eq!(reader.check(Need::TradeRead), Ok(()));
        let refused = reader.check(Need::TradeWrite).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
        let reason = "the login's scope is trade:read, this needs trade:read_write";
        assert_eq!(refused.reason(), reason);
        assert!(scope("account:none").check(Need::AccountRead).is_err());
        assert_eq!(reader.to_string(), "connection account:read trade:read");
    }

    #[test]
    fn a_scope_that_would_be_ignored_is_refused() {
        for text in [
            "ip:1.2.3.4",
            "wallet:read",
            "trade:write",
            "mainaccount",
            "expires:0",
            "expires:86401",
        ] {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
    }
}
