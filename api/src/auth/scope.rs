//! What a login may be used for: `account:`, `trade:` and `wallet:`, each `none`, `read` or `read_write`; for how long, from where, and
//! whether only over its own connection.

use std::fmt;

use instruments::NanosSpan;
use rust_decimal::Decimal;

use super::network::{NETWORKS_MAX, Network};
use crate::wire::{ErrorCode, WireError};

/// Bytes of a session's name.
const SESSION_LEN_MAX: usize = 64;
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
    /// To see what came in and went out.
    WalletRead,
    /// To take money out. No key that signs requests has it.
    WalletWrite,
}

impl Need {
    /// How it is written in a scope.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AccountRead => "account:read",
            Self::AccountWrite => "account:read_write",
            Self::TradeRead => "trade:read",
            Self::TradeWrite => "trade:read_write",
            Self::WalletRead => "wallet:read",
            Self::WalletWrite => "wallet:read_write",
        }
    }
}

/// What a login may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    account: Level,
    trade: Level,
    wallet: Level,
}

/// What a client has asked for.
pub(crate) struct Asked {
    account: Option<Level>,
    trade: Option<Level>,
    wallet: Option<Level>,
    pub(crate) lifetime: NanosSpan,
    /// The name of a session: its tokens are good on other connections too.
    pub(crate) session: Option<String>,
    /// Where its tokens are good; everywhere when there is none.
    pub(crate) networks: Vec<Network>,
}

impl Asked {
    /// What is granted to somebody who may at most so much: what is not named is granted in full.
    pub(crate) fn within(&self, most: Scope) -> Scope {
        let asked = Scope {
            account: self.account.unwrap_or(Level::ReadWrite),
            trade: self.trade.unwrap_or(Level::ReadWrite),
            wallet: self.wallet.unwrap_or(Level::ReadWrite),
        };
        asked.min(most)
    }

    /// Only what is named.
    pub(crate) fn named(&self) -> Scope {
        let level = |level: Option<Level>| level.unwrap_or(Level::None);
        Scope { account: level(self.account), trade: level(self.trade), wallet: level(self.wallet) }
    }
}

impl Scope {
    /// Everything: what a wallet's own login may.
    pub(crate) const fn full() -> Self {
        Self { account: Level::ReadWrite, trade: Level::ReadWrite, wallet: Level::ReadWrite }
    }

    /// The most that a key may: everything but take money out.
    pub(crate) const fn of_keys() -> Self {
        Self { account: Level::ReadWrite, trade: Level::ReadWrite, wallet: Level::Read }
    }

    /// What both may.
    pub(crate) fn min(self, other: Self) -> Self {
        Self {
            account: self.account.min(other.account),
            trade: self.trade.min(other.trade),
            wallet: self.wallet.min(other.wallet),
        }
    }

    /// Whether the other may all that this may.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.min(other) == self
    }

    /// Reads a scope as Deribit writes it; an unknown word is refused.
    pub(crate) fn parse(text: &str) -> Result<Asked, WireError> {
        let mut asked = Asked {
            account: None,
            trade: None,
            wallet: None,
            lifetime: NanosSpan::from_seconds(LIFETIME_SECONDS),
            session: None,
            networks: Vec::new(),
        };
        let mut is_bound = false;
        for word in text.split_whitespace() {
            match word.split_once(':') {
                None if word == "connection" => is_bound = true,
                Some(("session", name)) => asked.session = Some(parse_session(word, name)?),
                Some(("account", level)) => asked.account = Some(parse_level(word, level)?),
                Some(("trade", level)) => asked.trade = Some(parse_level(word, level)?),
                Some(("wallet", level)) => asked.wallet = Some(parse_level(word, level)?),
                Some(("expires", text)) => {
                    asked.lifetime = NanosSpan::from_seconds(parse_lifetime(text)?);
                }
                Some(("ip", text)) => asked.networks.push(parse_network(text)?),
                None | Some(_) => return Err(unknown(word)),
            }
        }
        if is_bound && asked.session.is_some() {
            let reason = "connection and session:NAME are two ways to say where tokens are good";
            return Err(WireError::new(ErrorCode::UnsupportedCombination, reason).of("scope"));
        }
        if NETWORKS_MAX < asked.networks.len() {
            let reason = format!("has more than {NETWORKS_MAX} networks");
            let limit = Decimal::from(NETWORKS_MAX);
            return Err(WireError::param("scope", reason).with_limit(limit));
        }
        Ok(asked)
    }

    /// Whether the login may be used for this.
    pub(crate) fn check(self, need: Need) -> Result<(), WireError> {
        let (area, has, needs) = match need {
            Need::AccountRead => ("account", self.account, Level::Read),
            Need::AccountWrite => ("account", self.account, Level::ReadWrite),
            Need::TradeRead => ("trade", self.trade, Level::Read),
            Need::TradeWrite => ("trade", self.trade, Level::ReadWrite),
            Need::WalletRead => ("wallet", self.wallet, Level::Read),
            Need::WalletWrite => ("wallet", self.wallet, Level::ReadWrite),
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
        write!(f, "account:{} trade:{} wallet:{}", self.account, self.trade, self.wallet)
    }
}

fn parse_session(word: &str, name: &str) -> Result<String, WireError> {
    let is_name = (1..=SESSION_LEN_MAX).contains(&name.len());
    if !is_name || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unknown(word));
    }
    Ok(name.to_owned())
}

fn parse_network(text: &str) -> Result<Network, WireError> {
    text.parse().map_err(|error: super::NetworkError| WireError::param("scope", error.to_string()))
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
        "`{word}` is not supported; known are connection, session:NAME, expires:SECONDS, \
         ip:NETWORK, and account:, trade: or wallet: with none, read or read_write",
        word = word.chars().take(64).collect::<String>()
    );
    WireError::param("scope", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap().within(Scope::of_keys())
    }

    #[test]
    fn api_014_a_login_may_do_no_more_than_it_asked_for() {
        assert_eq!(scope(""), Scope::of_keys());
        let reader = scope("session:desk trade:read account:read expires:60");
        assert_eq!(reader.check(Need::TradeRead), Ok(()));
        let refused = reader.check(Need::TradeWrite).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
        let reason = "the login's scope is trade:read, this needs trade:read_write";
        assert_eq!(refused.reason(), reason);
        assert!(scope("account:none").check(Need::AccountRead).is_err());
        assert_eq!(reader.to_string(), "account:read trade:read wallet:read");
    }

    #[test]
    fn auth_003_no_word_makes_a_key_one_that_may_withdraw() {
        for text in
            ["", "wallet:read_write", "account:read_write trade:read_write wallet:read_write"]
        {
            let refused = scope(text).check(Need::WalletWrite).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::Forbidden, "{text}");
        }
        let full = Scope::parse("").unwrap().within(Scope::full());
        assert_eq!(full.check(Need::WalletWrite), Ok(()));
        assert!(!Scope::full().is_within(Scope::of_keys()));
        assert!(Scope::of_keys().is_within(Scope::full()));
    }

    #[test]
    fn a_scope_that_would_be_ignored_is_refused() {
        for text in [
            "ip:1.2.3",
            "ip:1.2.3.4/8",
            "session:",
            "connection session:a",
            "trade:write",
            "mainaccount",
            "expires:0",
            "expires:86401",
        ] {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Scope::parse("trade:read").unwrap().named().to_string(),
            "account:none trade:read wallet:none"
        );
    }
}
