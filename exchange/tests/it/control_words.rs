//! What operators stop, in their words and in a reader's.

use exchange::{Command, ControlEvent, Exchange, StateScope, TradingState};
use instruments::InstrumentId;

use crate::render::account_name;

pub(crate) fn state(scope: &str, state: &str, series: impl Fn() -> InstrumentId) -> Command {
    let scope = match scope {
        "venue" => StateScope::Venue,
        "restart" => StateScope::Restart,
        _ => StateScope::Series(series()),
    };
    let state = match state {
        "open" => TradingState::Open,
        "post_only" => TradingState::PostOnly,
        "cancel_only" => TradingState::CancelOnly,
        "halted" => TradingState::Halted,
        other => panic!("not a state: {other}"),
    };
    Command::SetTradingState { scope, state }
}

pub(crate) fn line(exchange: &Exchange, event: &ControlEvent) -> String {
    match event {
        ControlEvent::TradingStateChanged { scope, state } => {
            let of = match scope {
                StateScope::Venue => "venue".to_owned(),
                StateScope::Restart => "restart".to_owned(),
                StateScope::Series(id) => {
                    exchange.series_by_id(*id).unwrap().instrument.name.clone()
                }
            };
            format!("{of} is {state:?}")
        }
        ControlEvent::AccountKilled { account } => {
            format!("{} is stopped", account_name(exchange, *account))
        }
        ControlEvent::AccountRevived { account } => {
            format!("{} goes on", account_name(exchange, *account))
        }
    }
}
