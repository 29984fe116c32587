//! A channel's name: what it is about and how often it speaks.

use std::sync::Arc;

use exchange::{Exchange, Reject};
use instruments::{AccountId, Instrument, InstrumentId};

use crate::auth::{Caller, Need};
use crate::methods::authorized;
use crate::raise;
use crate::wire::{ErrorCode, WireError};

/// How often a channel speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Whenever something has happened.
    Raw,
    /// Every 100 milliseconds at most.
    Batched,
}

/// What a channel is about.
pub(super) enum Topic {
    Book(Arc<Instrument>),
    Ticker(Arc<Instrument>),
    Trades(Arc<Instrument>),
    UserOrders { account: AccountId, only: Option<InstrumentId> },
    UserTrades { account: AccountId, only: Option<InstrumentId> },
    UserDelivery { account: AccountId },
    UserJobs { account: AccountId },
    VerifierTasks,
}

impl Topic {
    pub(super) const fn is_private(&self) -> bool {
        match self {
            Self::Book(_) | Self::Ticker(_) | Self::Trades(_) => false,
            Self::UserOrders { .. }
            | Self::UserTrades { .. }
            | Self::UserDelivery { .. }
            | Self::UserJobs { .. }
            | Self::VerifierTasks => true,
        }
    }

    /// Whether a message is a list of everything that waits, or one thing.
    pub(super) fn sends_lists(&self, pace: Pace) -> bool {
        match self {
            Self::Trades(_) | Self::UserTrades { .. } => true,
            Self::UserOrders { .. } => pace == Pace::Batched,
            Self::Book(_)
            | Self::Ticker(_)
            | Self::UserDelivery { .. }
            | Self::UserJobs { .. }
            | Self::VerifierTasks => false,
        }
    }
}

pub(super) struct Channel {
    pub(super) topic: Topic,
    pub(super) pace: Pace,
}

impl Channel {
    /// Reads a name and checks that the caller may listen.
    pub(super) fn parse(
        exchange: &Exchange,
        caller: Option<&Caller>,
        name: &str,
    ) -> Result<Self, WireError> {
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            ["book", series, pace] => Self::public(exchange, series, pace, Topic::Book),
            ["ticker", series, pace] => Self::public(exchange, series, pace, Topic::Ticker),
            ["trades", series, pace] => Self::public(exchange, series, pace, Topic::Trades),
            ["user", "orders", of @ .., pace] => {
                let (account, only) = (own(caller)?, only(exchange, of, name)?);
                Ok(Self { topic: Topic::UserOrders { account, only }, pace: parse_pace(pace)? })
            }
            ["user", "trades", of @ .., pace] => {
                let (account, only) = (own(caller)?, only(exchange, of, name)?);
                Ok(Self { topic: Topic::UserTrades { account, only }, pace: parse_pace(pace)? })
            }
            ["user", "delivery"] => {
                Ok(Self { topic: Topic::UserDelivery { account: own(caller)? }, pace: Pace::Raw })
            }
            ["user", "jobs"] => {
                Ok(Self { topic: Topic::UserJobs { account: own(caller)? }, pace: Pace::Raw })
            }
            ["verifier", "tasks"] => {
                check_verifier(exchange, own(caller)?)?;
                Ok(Self { topic: Topic::VerifierTasks, pace: Pace::Raw })
            }
            _ => Err(unknown(name)),
        }
    }

    fn public(
        exchange: &Exchange,
        series: &str,
        pace: &str,
        topic: fn(Arc<Instrument>) -> Topic,
    ) -> Result<Self, WireError> {
        let pace = parse_pace(pace)?;
        let unknown = || raise::reject(&Reject::UnknownInstrument, None).of("channels");
        let series = exchange.series_by_name(series).ok_or_else(unknown)?;
        Ok(Self { topic: topic(Arc::new(series.instrument.clone())), pace })
    }
}

fn own(caller: Option<&Caller>) -> Result<AccountId, WireError> {
    let caller = authorized(caller).map_err(|error| error.of("channels"))?;
    caller.scope.check(Need::TradeRead)?;
    Ok(caller.account)
}

fn check_verifier(exchange: &Exchange, account: AccountId) -> Result<(), WireError> {
    if exchange.account(account).is_some_and(|account| account.is_verifier) {
        return Ok(());
    }
    let reason = "channel verifier.tasks is for verifiers";
    Err(WireError::new(ErrorCode::Forbidden, reason).of("channels"))
}

/// One series by name, or all of them as `KIND.CURRENCY`.
fn only(exchange: &Exchange, of: &[&str], name: &str) -> Result<Option<InstrumentId>, WireError> {
    match of {
        ["any" | "future", "any" | raise::CURRENCY] | ["any"] => Ok(None),
        [series] => {
            let unknown = || raise::reject(&Reject::UnknownInstrument, None).of("channels");
            let series = exchange.series_by_name(series).ok_or_else(unknown)?;
            Ok(Some(series.instrument.id))
        }
        _ => Err(unknown(name)),
    }
}

fn parse_pace(pace: &str) -> Result<Pace, WireError> {
    match pace {
        "raw" => Ok(Pace::Raw),
        "100ms" => Ok(Pace::Batched),
        _ => {
            let reason = format!("interval `{pace}` is not supported; known are raw, 100ms");
            Err(WireError::new(ErrorCode::SubscriptionFailed, reason).of("channels"))
        }
    }
}

fn unknown(name: &str) -> WireError {
    let name: String = name.chars().take(64).collect();
    let reason = format!(
        "no channel `{name}`; known are book.SERIES.PACE, ticker.SERIES.PACE, trades.SERIES.PACE, \
         user.orders.SERIES.PACE, user.orders.any.any.PACE, user.trades.SERIES.PACE, \
         user.trades.any.any.PACE, user.delivery, user.jobs, verifier.tasks"
    );
    WireError::new(ErrorCode::SubscriptionFailed, reason).of("channels")
}
