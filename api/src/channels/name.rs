//! A channel's name: what it is about and how often it speaks.

use std::sync::Arc;

use exchange::{Exchange, Reject};
use instruments::{AccountId, GradeId, Instrument, InstrumentId};

use super::messages;
use crate::auth::{Caller, Need};
use crate::lower::Resolution;
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

/// What of something only the newest state is told.
pub(super) enum Latest {
    Ticker(Arc<Instrument>),
    IncrementalTicker(Arc<Instrument>),
    Quote(Arc<Instrument>),
    /// Levels of so many ticks, at most so many a side.
    Window {
        terms: Arc<Instrument>,
        group: i64,
        depth: usize,
    },
    Index(GradeId),
    /// The marks of all options of a grade.
    OptionMarks(GradeId),
    Portfolio {
        account: AccountId,
    },
}

impl Latest {
    const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Portfolio { account } => Some(*account),
            Self::Ticker(_)
            | Self::IncrementalTicker(_)
            | Self::Quote(_)
            | Self::Window { .. }
            | Self::Index(_)
            | Self::OptionMarks(_) => None,
        }
    }

    fn series(&self) -> Option<InstrumentId> {
        match self {
            Self::Ticker(terms)
            | Self::IncrementalTicker(terms)
            | Self::Quote(terms)
            | Self::Window { terms, .. } => Some(terms.id),
            Self::Index(_) | Self::OptionMarks(_) | Self::Portfolio { .. } => None,
        }
    }
}

/// What a channel is about.
pub(super) enum Topic {
    Book(Arc<Instrument>),
    Trades(Arc<Instrument>),
    Newest(Latest),
    Chart {
        terms: Arc<Instrument>,
        resolution: Resolution,
    },
    /// Series that begin and end, of one kind or of all.
    SeriesState {
        kind: Option<String>,
    },
    /// What the venue lets through.
    PlatformState,
    /// What Deribit tells of public methods without a login, which here never changes.
    MethodsState,
    UserChanges {
        account: AccountId,
        only: Option<InstrumentId>,
    },
    UserOrders {
        account: AccountId,
        only: Option<InstrumentId>,
    },
    UserTrades {
        account: AccountId,
        only: Option<InstrumentId>,
    },
    UserReports {
        account: AccountId,
    },
    UserDelivery {
        account: AccountId,
    },
    UserJobs {
        account: AccountId,
    },
    VerifierTasks,
    /// Trades of one kind of series or all, of what is traded or all.
    TradesOf {
        kind: Option<String>,
        root: Option<String>,
    },
    /// Blocks that were booked.
    Blocks {
        account: AccountId,
    },
    /// Groups of quotes that were pulled, of one index or of all.
    MmpTrigger {
        account: AccountId,
        only: Option<GradeId>,
    },
}

impl Topic {
    pub(super) const fn is_private(&self) -> bool {
        // Every verifier hears the same, and nobody else.
        matches!(self, Self::VerifierTasks) || self.account().is_some()
    }

    /// Whose channel it is; `None` where everybody who may listen hears the same.
    pub(super) const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Book(_)
            | Self::Trades(_)
            | Self::TradesOf { .. }
            | Self::Chart { .. }
            | Self::SeriesState { .. }
            | Self::PlatformState
            | Self::MethodsState
            | Self::VerifierTasks => None,
            Self::Newest(latest) => latest.account(),
            Self::UserChanges { account, .. }
            | Self::UserOrders { account, .. }
            | Self::UserTrades { account, .. }
            | Self::UserReports { account }
            | Self::UserDelivery { account }
            | Self::UserJobs { account }
            | Self::MmpTrigger { account, .. }
            | Self::Blocks { account } => Some(*account),
        }
    }

    /// Whose execution reports it is made of.
    pub(super) const fn reports_of(&self) -> Option<AccountId> {
        match self {
            Self::UserChanges { account, .. }
            | Self::UserOrders { account, .. }
            | Self::UserTrades { account, .. }
            | Self::UserReports { account } => Some(*account),
            Self::Book(_)
            | Self::Trades(_)
            | Self::TradesOf { .. }
            | Self::Newest(_)
            | Self::Chart { .. }
            | Self::SeriesState { .. }
            | Self::PlatformState
            | Self::MethodsState
            | Self::UserDelivery { .. }
            | Self::UserJobs { .. }
            | Self::MmpTrigger { .. }
            | Self::Blocks { .. }
            | Self::VerifierTasks => None,
        }
    }

    /// The one series that it is about.
    pub(super) fn series(&self) -> Option<InstrumentId> {
        match self {
            Self::Book(terms) | Self::Trades(terms) | Self::Chart { terms, .. } => Some(terms.id),
            Self::Newest(latest) => latest.series(),
            Self::SeriesState { .. }
            | Self::TradesOf { .. }
            | Self::PlatformState
            | Self::MethodsState
            | Self::UserChanges { .. }
            | Self::UserOrders { .. }
            | Self::UserTrades { .. }
            | Self::UserReports { .. }
            | Self::UserDelivery { .. }
            | Self::UserJobs { .. }
            | Self::MmpTrigger { .. }
            | Self::Blocks { .. }
            | Self::VerifierTasks => None,
        }
    }

    /// Whether a message is a list of everything that waits, or one thing.
    pub(super) fn sends_lists(&self, pace: Pace) -> bool {
        match self {
            Self::Trades(_) | Self::TradesOf { .. } | Self::UserTrades { .. } => true,
            Self::UserOrders { .. } => pace == Pace::Batched,
            Self::Book(_)
            | Self::Newest(_)
            | Self::Chart { .. }
            | Self::SeriesState { .. }
            | Self::PlatformState
            | Self::MethodsState
            | Self::UserChanges { .. }
            | Self::UserReports { .. }
            | Self::UserDelivery { .. }
            | Self::UserJobs { .. }
            | Self::MmpTrigger { .. }
            | Self::Blocks { .. }
            | Self::VerifierTasks => false,
        }
    }
}

pub(super) struct Channel {
    pub(super) topic: Topic,
    pub(super) pace: Pace,
}

impl Channel {
    /// Reads a name and checks that the caller may listen. `None` for what is about a currency that is not here: stock clients ask for
    /// every currency they know in one request, and Deribit's answer leaves out what there is not.
    pub(super) fn parse(
        exchange: &Exchange,
        caller: Option<&Caller>,
        name: &str,
    ) -> Result<Option<Self>, WireError> {
        let parts: Vec<&str> = name.split('.').collect();
        let is_elsewhere = match parts.as_slice() {
            ["user", "portfolio", currency]
            | ["instrument", "state", _, currency]
            | ["block_trade_confirmations", currency]
            | ["user", "orders" | "trades" | "changes", _, currency, _] => is_elsewhere(currency),
            ["trades", _, root, _] => {
                is_elsewhere(root)
                    && !exchange.series().any(|series| raise::root(&series.instrument) == *root)
            }
            _ => false,
        };
        if is_elsewhere {
            return Ok(None);
        }
        Self::known(exchange, caller, (name, &parts)).map(Some)
    }

    fn known(
        exchange: &Exchange,
        caller: Option<&Caller>,
        (name, parts): (&str, &[&str]),
    ) -> Result<Self, WireError> {
        let raw = |topic| Ok(Self { topic, pace: Pace::Raw });
        let batched = |topic| Ok(Self { topic, pace: Pace::Batched });
        match parts {
            ["book", series, pace] => Self::public(exchange, series, pace, Topic::Book),
            ["ticker", series, pace] => {
                Self::public(exchange, series, pace, |terms| Topic::Newest(Latest::Ticker(terms)))
            }
            ["trades", series, pace] => Self::public(exchange, series, pace, Topic::Trades),
            ["book", series, group, depth, pace] => {
                let terms = terms(exchange, series)?;
                let (group, depth) = (parse_group(group)?, parse_depth(depth)?);
                let pace = parse_pace(pace)?;
                Ok(Self { topic: Topic::Newest(Latest::Window { terms, group, depth }), pace })
            }
            ["quote", series] => raw(Topic::Newest(Latest::Quote(terms(exchange, series)?))),
            ["incremental_ticker", series] => {
                batched(Topic::Newest(Latest::IncrementalTicker(terms(exchange, series)?)))
            }
            ["chart", "trades", series, resolution] => {
                let terms = terms(exchange, series)?;
                let resolution = parse_resolution(resolution)?;
                batched(Topic::Chart { terms, resolution })
            }
            ["deribit_price_index", index] => {
                raw(Topic::Newest(Latest::Index(parse_index(exchange, index)?)))
            }
            ["instrument", "state", kind, "any" | raise::CURRENCY] => {
                let kind = Some((*kind).to_owned()).filter(|kind| kind != "any");
                raw(Topic::SeriesState { kind })
            }
            ["platform_state"] => raw(Topic::PlatformState),
            ["platform_state", "public_methods_state"] => raw(Topic::MethodsState),
            ["user", "portfolio", currency] if is_ours(currency) => {
                batched(Topic::Newest(Latest::Portfolio { account: own_money(caller)? }))
            }
            ["user", "changes", of @ .., pace] => {
                let (account, only) = (own(caller)?, only(exchange, of, name)?);
                Ok(Self { topic: Topic::UserChanges { account, only }, pace: parse_pace(pace)? })
            }
            ["user", "orders", of @ .., pace] => {
                let (account, only) = (own(caller)?, only(exchange, of, name)?);
                Ok(Self { topic: Topic::UserOrders { account, only }, pace: parse_pace(pace)? })
            }
            ["user", "trades", of @ .., pace] => {
                let (account, only) = (own(caller)?, only(exchange, of, name)?);
                Ok(Self { topic: Topic::UserTrades { account, only }, pace: parse_pace(pace)? })
            }
            ["user", "reports"] => raw(Topic::UserReports { account: own(caller)? }),
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
            _ => Self::of_many(exchange, caller, (name, parts)),
        }
    }

    /// What is about many series, or about what an account does in them.
    fn of_many(
        exchange: &Exchange,
        caller: Option<&Caller>,
        (name, parts): (&str, &[&str]),
    ) -> Result<Self, WireError> {
        let raw = |topic| Ok(Self { topic, pace: Pace::Raw });
        match parts {
            ["trades", kind, root, pace] => {
                let pace = parse_pace(pace)?;
                Ok(Self { topic: trades_of(exchange, kind, root)?, pace })
            }
            ["markprice", "options", index] => {
                raw(Topic::Newest(Latest::OptionMarks(parse_index(exchange, index)?)))
            }
            ["deribit_volatility_index", _] => Err(failed(
                "no index of implied volatility is computed here: each option's is `mark_iv` in \
                 its ticker"
                    .to_owned(),
            )),
            ["block_trade_confirmations"] => raw(Topic::Blocks { account: own(caller)? }),
            ["block_trade_confirmations", currency] if is_ours(currency) => {
                raw(Topic::Blocks { account: own(caller)? })
            }
            ["user", "mmp_trigger", index] => {
                let account = own(caller)?;
                let is_one = *index != "any";
                let only = is_one.then(|| parse_index(exchange, index)).transpose()?;
                raw(Topic::MmpTrigger { account, only })
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
        Ok(Self { topic: topic(terms(exchange, series)?), pace })
    }
}

fn terms(exchange: &Exchange, series: &str) -> Result<Arc<Instrument>, WireError> {
    let unknown = || raise::reject(&Reject::UnknownInstrument, None).of("channels");
    let series = exchange.series_by_name(series).ok_or_else(unknown)?;
    Ok(Arc::new(series.instrument.clone()))
}

/// Trades of a kind, of what is traded.
fn trades_of(exchange: &Exchange, kind: &str, root: &str) -> Result<Topic, WireError> {
    let kind = match kind {
        "any" => None,
        "future" | "option" | "future_combo" | "option_combo" | "combo" | "spot" => {
            Some(kind.to_owned())
        }
        _ => return Err(failed(format!("no kind `{kind}`; known are any, future, option"))),
    };
    let root = (!is_ours(root)).then(|| root.to_owned());
    let is_known =
        |name: &String| exchange.series().any(|series| raise::root(&series.instrument) == name);
    match root.as_ref().filter(|name| !is_known(name)) {
        Some(name) => Err(failed(format!("nothing is traded under `{name}`"))),
        None => Ok(Topic::TradesOf { kind, root }),
    }
}

fn is_ours(currency: &str) -> bool {
    currency == "any" || currency.eq_ignore_ascii_case(raise::CURRENCY)
}

/// Whether it reads like a currency and is none of ours: `BTC`, and not `any`.
fn is_elsewhere(currency: &str) -> bool {
    let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    !is_ours(currency) && (2..=8).contains(&currency.len()) && currency.bytes().all(is_code)
}

fn failed(reason: String) -> WireError {
    WireError::new(ErrorCode::SubscriptionFailed, reason).of("channels")
}

/// Ticks of one level.
fn parse_group(group: &str) -> Result<i64, WireError> {
    const GROUPS: [i64; 8] = [1, 2, 5, 10, 25, 50, 100, 250];
    if group == "none" {
        return Ok(1);
    }
    let known = group.parse().ok().filter(|ticks| GROUPS.contains(ticks));
    known.ok_or_else(|| {
        let reason = "a level has none, 1, 2, 5, 10, 25, 50, 100 or 250 ticks";
        failed(format!("group `{group}` is not supported; {reason}"))
    })
}

fn parse_depth(depth: &str) -> Result<usize, WireError> {
    let known = depth.parse().ok().filter(|levels| [1, 10, 20].contains(levels));
    known.ok_or_else(|| failed(format!("depth `{depth}` is not supported; known are 1, 10, 20")))
}

fn parse_resolution(text: &str) -> Result<Resolution, WireError> {
    Resolution::parse(text).ok_or_else(|| {
        let known = Resolution::known();
        failed(format!("resolution `{text}` is not supported; known are {known}"))
    })
}

fn parse_index(exchange: &Exchange, name: &str) -> Result<GradeId, WireError> {
    let grades = exchange.series().map(|series| &series.instrument.grade);
    let mut known = grades.filter(|grade| raise::index_name(grade) == name);
    known.next().cloned().ok_or_else(|| failed(format!("no index `{name}`")))
}

fn own(caller: Option<&Caller>) -> Result<AccountId, WireError> {
    let caller = authorized(caller).map_err(|error| error.of("channels"))?;
    caller.scope.check(Need::TradeRead)?;
    Ok(caller.account)
}

/// Of a channel that shows money, too.
fn own_money(caller: Option<&Caller>) -> Result<AccountId, WireError> {
    let account = own(caller)?;
    authorized(caller)?.scope.check(Need::AccountRead)?;
    Ok(account)
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
        "100ms" | "agg2" => Ok(Pace::Batched),
        _ => {
            let reason = format!("interval `{pace}` is not supported; known are raw, 100ms, agg2");
            Err(WireError::new(ErrorCode::SubscriptionFailed, reason).of("channels"))
        }
    }
}

fn unknown(name: &str) -> WireError {
    let name: String = name.chars().take(64).collect();
    let reason = format!("no channel `{name}`; known are {}", messages::known());
    WireError::new(ErrorCode::SubscriptionFailed, reason).of("channels")
}
