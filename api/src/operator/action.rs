//! What an operator can do. Each is one journaled command, but for the end of the process and the log.

use exchange::{Command, Exchange, Reject, StateScope, TradingState};
use instruments::{AccountId, InstrumentId};
use serde::{Deserialize, Serialize};

use super::SetLog;
use crate::raise;
use crate::venue::{AuditEvent, Venue};
use crate::wire::WireError;

/// Letters of what something was done to, as it is written down.
const OBJECT_LEN_MAX: usize = 128;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Lets through cancels only, and no money out.
    Halt {
        /// One series; the venue when absent.
        series: Option<String>,
    },
    /// Lets through cancels only.
    CancelOnly {
        /// One series; the venue when absent.
        series: Option<String>,
    },
    /// Lets through what rests without trading, too.
    PostOnly {
        /// One series; the venue when absent.
        series: Option<String>,
    },
    /// Lets everything through; for the venue this ends the restart ladder, too.
    Open {
        /// One series; the venue when absent.
        series: Option<String>,
    },
    /// Cancels everything of an account, which does nothing new from then on.
    Kill {
        /// Its name.
        account: String,
    },
    /// Lets an account go on.
    Revive {
        /// Its name.
        account: String,
    },
    /// Lists the standard cycle of a grade, as far as it is missing.
    ListSeries {
        /// Which grade.
        grade: String,
        /// Its first mark, dollars per GPU-hour.
        per_hour: String,
    },
    /// Ends the process in order.
    Drain,
    /// Changes what is logged.
    Log {
        /// For example `info,api::session=debug`.
        level: String,
    },
}

impl Action {
    /// The words of all of them.
    pub(crate) const WORDS: [&str; 9] = [
        "halt",
        "cancel_only",
        "post_only",
        "open",
        "kill",
        "revive",
        "list_series",
        "drain",
        "log",
    ];

    /// Its word, for the audit and for figures.
    const fn word(&self) -> &'static str {
        match self {
            Self::Halt { .. } => "halt",
            Self::CancelOnly { .. } => "cancel_only",
            Self::PostOnly { .. } => "post_only",
            Self::Open { .. } => "open",
            Self::Kill { .. } => "kill",
            Self::Revive { .. } => "revive",
            Self::ListSeries { .. } => "list_series",
            Self::Drain => "drain",
            Self::Log { .. } => "log",
        }
    }

    /// What it is done to.
    fn object(&self) -> &str {
        match self {
            Self::Halt { series }
            | Self::CancelOnly { series }
            | Self::PostOnly { series }
            | Self::Open { series } => series.as_deref().unwrap_or("venue"),
            Self::Kill { account } | Self::Revive { account } => account,
            Self::ListSeries { grade, .. } => grade,
            Self::Drain => "venue",
            Self::Log { level } => level,
        }
    }

    /// The state that it asks for, and where.
    const fn state(&self) -> Option<(Option<&String>, TradingState)> {
        match self {
            Self::Halt { series } => Some((series.as_ref(), TradingState::Halted)),
            Self::CancelOnly { series } => Some((series.as_ref(), TradingState::CancelOnly)),
            Self::PostOnly { series } => Some((series.as_ref(), TradingState::PostOnly)),
            Self::Open { series } => Some((series.as_ref(), TradingState::Open)),
            Self::Kill { .. }
            | Self::Revive { .. }
            | Self::ListSeries { .. }
            | Self::Drain
            | Self::Log { .. } => None,
        }
    }

    /// OPS-016: whether something would be let through that is not now.
    pub(super) fn lets_more_through(&self, venue: &Venue) -> bool {
        if let Self::Revive { .. } = self {
            return true;
        }
        let Some((series, wanted)) = self.state() else { return false };
        let exchange = venue.exchange();
        let controls = exchange.controls();
        let now = match series {
            Some(name) => {
                let id = exchange.series_by_name(name).map(|series| series.instrument.id);
                id.and_then(|id| controls.series.get(&id)).copied().unwrap_or_default()
            }
            None => controls.everywhere(),
        };
        wanted < now
    }

    /// The commands that it is made of.
    fn commands(&self, exchange: &Exchange) -> Result<Vec<Command>, String> {
        if let Some((series, state)) = self.state() {
            let set = |scope| Command::SetTradingState { scope, state };
            return Ok(match series {
                Some(name) => vec![set(StateScope::Series(series_of(exchange, name)?))],
                None if state == TradingState::Open => {
                    vec![set(StateScope::Venue), set(StateScope::Restart)]
                }
                None => vec![set(StateScope::Venue)],
            });
        }
        Ok(match self {
            Self::Kill { account } => {
                vec![Command::KillAccount { account: account_of(exchange, account)? }]
            }
            Self::Revive { account } => {
                vec![Command::ReviveAccount { account: account_of(exchange, account)? }]
            }
            Self::Halt { .. }
            | Self::CancelOnly { .. }
            | Self::PostOnly { .. }
            | Self::Open { .. }
            | Self::ListSeries { .. }
            | Self::Drain
            | Self::Log { .. } => Vec::new(),
        })
    }

    /// Does it. Returns when it is durable.
    pub(super) async fn run(&self, venue: &Venue, set_log: Option<&SetLog>) -> Result<(), String> {
        match self {
            Self::Drain => {
                venue.begin_drain().await;
                venue.operations().ask_to_end();
            }
            Self::Log { level } => {
                let set = set_log.ok_or("this process logs nothing that could be changed")?;
                set(level)?;
            }
            Self::ListSeries { grade, per_hour } => {
                let (venue, grade, per_hour) = (venue.clone(), grade.clone(), per_hour.clone());
                let listed =
                    tokio::task::spawn_blocking(move || venue.list_grade(&grade, &per_hour)).await;
                listed.map_err(|error| error.to_string())??;
            }
            Self::Halt { .. }
            | Self::CancelOnly { .. }
            | Self::PostOnly { .. }
            | Self::Open { .. }
            | Self::Kill { .. }
            | Self::Revive { .. } => {
                let commands = self.commands(&venue.exchange())?;
                for command in commands {
                    let outcome = venue.submit(command).await.map_err(|error| error.to_string())?;
                    if let Some(reason) = outcome.refusal() {
                        return Err(told(reason));
                    }
                }
            }
        }
        Ok(())
    }

    /// OPS-017: writes down who did what, and what came of it.
    pub(super) fn note(&self, venue: &Venue, actor: &str, result: &str) {
        venue.operations().metrics.note_action(self.word());
        let action = self.word();
        let object: String = self.object().chars().take(OBJECT_LEN_MAX).collect();
        tracing::info!(target: "audit", actor, action, object, result, "operator");
        let action = format!("ops.{action}");
        venue.audit(AuditEvent { actor, action: &action, object: &object, result });
    }
}

fn told(reason: &Reject) -> String {
    let error: WireError = raise::reject(reason, None);
    error.reason().to_owned()
}

fn series_of(exchange: &Exchange, name: &str) -> Result<InstrumentId, String> {
    let series = exchange.series_by_name(name).map(|series| series.instrument.id);
    series.ok_or_else(|| "no such series".to_owned())
}

fn account_of(exchange: &Exchange, name: &str) -> Result<AccountId, String> {
    exchange.account_by_name(name).ok_or_else(|| "no account of that name".to_owned())
}
