//! Every method: its name, who may call it, its fields, and where it is answered.
//!
//! A method that only asks reads the exchange or the history; a method that changes something submits one command and waits until it is
//! durable. Methods that concern the session itself are answered in `session.rs` on a WebSocket.

mod account;
mod agreements;
mod blocks;
mod catalogue;
mod chart;
mod clearing;
mod close_out;
mod countersign;
mod currency;
mod day;
mod default_fund;
mod delivery;
mod fate;
mod fields;
mod fixing;
mod jobs;
mod keys;
mod login;
mod margin;
mod market_data;
mod mock;
mod orders;
mod past;
mod quotes;
mod replay;
mod results;
mod settled;
mod submit;
mod trading;

use instruments::Side::{Buy, Sell};
use serde_json::value::RawValue;

use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::wire::{ErrorCode, Params, WireError, missing};

pub(crate) use account::position_of;
pub(crate) use blocks::block_of;
pub(crate) use catalogue::{Connection, METHODS, Method, Spec};
pub(crate) use chart::{candle, newest_candle};
pub(crate) use day::stats;
pub(crate) use fate::{
    DisconnectScope, OnDisconnectState, of_account as disconnect_of_account,
    scope as disconnect_scope,
};
pub(crate) use fields::{Required, Shape, describe};
pub(crate) use login::{DATA_LEN_MAX, LoggedIn, log_in};
pub(crate) use quotes::Quotes;
use replay::Replay;
pub(crate) use replay::wire as report;
pub(crate) use results::result_of;
pub(crate) use submit::tick_direction;

/// What a method gives back, ready to stand in a reply.
pub(crate) type Answer = Result<Box<RawValue>, WireError>;

/// The method of that name.
pub(crate) fn by_name(name: &str) -> Result<&'static Spec, WireError> {
    METHODS.iter().find(|spec| spec.name == name).ok_or_else(|| {
        let reason = format!("no method `{}`", name.chars().take(64).collect::<String>());
        WireError::new(ErrorCode::MethodNotFound, reason).of("method")
    })
}

impl Spec {
    /// Whether the caller may, all fields are known, and those that must be sent are.
    pub(crate) fn check(&self, caller: Option<&Caller>, params: &Params) -> Result<(), WireError> {
        if let Some(need) = self.need {
            authorized(caller)?.scope.check(need)?;
        }
        params.check_known(self.fields)?;
        match fields::required(self.name).iter().find(|name| !params.has(name)) {
            Some(name) => Err(missing(name)),
            None => Ok(()),
        }
    }
}

/// Whoever is logged in.
pub(crate) fn authorized(caller: Option<&Caller>) -> Result<&Caller, WireError> {
    let reason = "private methods and channels need a login, see public/auth";
    caller.ok_or_else(|| WireError::new(ErrorCode::Unauthorized, reason))
}

fn not_here() -> WireError {
    WireError::new(ErrorCode::MustBeWebsocket, "the method belongs to a WebSocket session")
}

/// Answers a checked request. Its first poll submits what is to be submitted, so that requests are sequenced as they were read.
pub(crate) async fn call(
    gateway: &Gateway,
    caller: Option<&Caller>,
    method: Method,
    params: &Params,
) -> Answer {
    if let Some(answer) = market_data::answer(gateway, method, params) {
        return answer;
    }
    if let Method::Keys(method) = method
        && let Some(answer) = keys::answer_anybody(gateway, method, params).await
    {
        return answer;
    }
    // A public method that is not about the market is about the session.
    let caller = caller.ok_or_else(not_here)?;
    of_account(gateway, caller, method, params).await
}

#[expect(clippy::too_many_lines, reason = "a line for each method, and no decision")]
async fn of_account(gateway: &Gateway, caller: &Caller, method: Method, params: &Params) -> Answer {
    match method {
        Method::Buy => trading::place(gateway, caller, params, Buy).await,
        Method::Sell => trading::place(gateway, caller, params, Sell).await,
        Method::Edit | Method::EditByLabel => trading::edit(gateway, caller, params).await,
        Method::Cancel => trading::cancel(gateway, caller, params).await,
        Method::CancelByLabel => trading::cancel_by_label(gateway, caller, params).await,
        Method::CancelAll => trading::cancel_all(gateway, caller, params).await,
        Method::GetOpenOrders => orders::open_orders(gateway, caller, params),
        Method::GetOrderState => orders::order_state(gateway, caller, params),
        Method::GetOrderStateByLabel => orders::order_state_by_label(gateway, caller, params),
        Method::Past(method) => past::answer(gateway, caller, method, params),
        Method::GetPositions => account::positions(gateway, caller, params),
        Method::GetPosition => account::position(gateway, caller, params),
        Method::GetAccountSummary => account::summary(gateway, caller, params),
        Method::GetAccountSummaries => account::summaries(gateway, caller, params),
        Method::Faucet => account::faucet(gateway, caller, params).await,
        Method::NominateAgent => delivery::nominate_agent(gateway, caller, params).await,
        Method::GetObligations => delivery::obligations(gateway, caller),
        Method::SubmitReceipt => delivery::submit_receipt(gateway, caller, params).await,
        Method::SubmitSegmentRoots => delivery::submit_segment_roots(gateway, caller, params),
        Method::OpenRows => delivery::open_rows(gateway, caller, params),
        Method::SubmitVerdict => delivery::submit_verdict(gateway, caller, params).await,
        Method::GetReceipts => delivery::receipts(gateway, caller, params),
        Method::CountersignReceipt => countersign::countersign(gateway, caller, params),
        Method::MockSession => mock::session(gateway, caller, params).await,
        Method::Margin(method) => margin::answer(gateway, caller, method, params).await,
        Method::CloseOut(method) => close_out::answer(gateway, caller, method, params).await,
        Method::Clearing(method) => clearing::answer(gateway, caller, method, params).await,
        Method::Agreements(method) => agreements::answer(gateway, caller, method, params).await,
        Method::Fixing(method) => fixing::answer(gateway, caller, method, params).await,
        Method::Keys(method) => keys::answer(gateway, caller, method, params).await,
        Method::Replay(Replay::Private) => replay::own(gateway, caller, params),
        Method::Blocks(method) => blocks::answer(gateway, caller, method, params),
        Method::Quotes(method) => quotes::answer(gateway, caller, method, params).await,
        Method::Jobs(method) => jobs::answer(gateway, caller, method, params).await,
        Method::Fate(method) => fate::answer(gateway, caller, method, params).await,
        Method::Connection(method) => fate::of_account(gateway, caller, method, params).await,
        Method::DefaultFund(method) => default_fund::answer(gateway, caller, method, params).await,
        Method::Auth
        | Method::Logout
        | Method::Subscribe
        | Method::Unsubscribe
        | Method::UnsubscribeAll
        | Method::PrivateSubscribe
        | Method::PrivateUnsubscribe
        | Method::PrivateUnsubscribeAll
        // Answered above, every one.
        | Method::Hello
        | Method::Test
        | Method::Status
        | Method::GetTime
        | Method::GetCurrencies
        | Method::GetInstruments
        | Method::GetInstrument
        | Method::Ticker
        | Method::GetOrderBook
        | Method::GetLastTradesByInstrument
        | Method::GetIndexPrice
        | Method::GetIndexPriceNames
        | Method::GetRiskArrays
        | Method::GetAssignment
        | Method::GetSettlementFixing
        | Method::GetLastTradesByInstrumentAndTime
        | Method::GetBookSummaryByCurrency
        | Method::GetBookSummaryByInstrument
        | Method::GetTradingviewChartData
        | Method::Absent(_)
        | Method::Day(_)
        | Method::GetTranscript
        | Method::Replay(Replay::Public)
        | Method::GetLastSettlementsByInstrument => Err(not_here()),
    }
}
