//! What the clearing house does for an account between trades: money out and on record, exercise, nominations.

use exchange::{Command, Event, Reject};
use instruments::Date;
use schemars::JsonSchema;
use serde::Serialize;
use settlement::Bucket;

use super::market_data::{Count, check_currency};
use super::submit::submit;
use super::{Answer, settled};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::venue::history::TransferRecord;
use crate::wire::{
    ErrorCode, Number, Params, WireError, WireTransfer, WireTransfers, WireWithdrawal, to_result,
};
use crate::{lower, raise};

/// A method of the clearing house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clearing {
    Withdraw,
    GetTransactionLog,
    GetStatement,
    InstructExercise,
    Nominate,
    GetLossSplits,
    GetLossSplit,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Clearing,
    params: &Params,
) -> Answer {
    match method {
        Clearing::Withdraw => withdraw(gateway, caller, params).await,
        Clearing::GetTransactionLog => transaction_log(gateway, caller, params),
        Clearing::GetStatement => statement(gateway, caller, params),
        Clearing::InstructExercise => instruct_exercise(gateway, caller, params).await,
        Clearing::Nominate => nominate(gateway, caller, params).await,
        Clearing::GetLossSplits => settled::splits(gateway, caller, params),
        Clearing::GetLossSplit => settled::split(gateway, caller, params),
    }
}

async fn withdraw(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    let command = lower::withdrawal(params, caller.account)?;
    let outcome = submit(gateway, command).await?;
    let moved = outcome
        .events
        .iter()
        .filter_map(|event| if let Event::MoneyMoved(moved) = event { Some(moved) } else { None });
    let mut out = moved.filter(|transfer| transfer.to == Bucket::Custody);
    let transfer = out.next().ok_or_else(|| {
        WireError::new(ErrorCode::Internal, "a withdrawal was neither made nor refused")
    })?;
    let summary = gateway.venue.exchange().account_summary(caller.account);
    Ok(to_result(&WireWithdrawal {
        id: transfer.id.0,
        currency: raise::CURRENCY.to_owned(),
        amount: transfer.amount.into(),
        fee: Number::default(),
        state: "completed".to_owned(),
        created_timestamp: outcome.at.millis(),
        confirmed_timestamp: outcome.at.millis(),
        balance: summary.map_or(Number::default(), |summary| summary.balance.into()),
    }))
}

fn username(gateway: &Gateway, caller: &Caller) -> Result<String, WireError> {
    let exchange = gateway.venue.exchange();
    let account = exchange.account(caller.account);
    let unknown = || raise::reject(&Reject::UnknownAccount, None);
    account.map(|account| account.name.clone()).ok_or_else(unknown)
}

fn transaction_log(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    let count = Count::of_rows(params)?;
    let query = lower::log_query(params)?;
    let history = gateway.venue.history();
    let more = count.and_one_more();
    let mut rows = history.transfers(caller.account, query.before, query.between, more);
    let has_more = count.cut(&mut rows);
    let last = rows.last().map(|row| row.transfer.id.0);
    let name = username(gateway, caller)?;
    let wire = |row: &TransferRecord| raise::transfer(row, caller.account, &name);
    let logs: Vec<WireTransfer> = rows.iter().map(wire).collect();
    Ok(to_result(&WireTransfers { logs, continuation: last.filter(|_| has_more) }))
}

fn statement(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let day = lower::day(params)?;
    let today = Date::of(gateway.venue.now());
    if today < day {
        return Err(WireError::param(
            "day",
            format!("must be {} at the latest", raise::day_name(today)),
        ));
    }
    let name = username(gateway, caller)?;
    let record = gateway.venue.history().day(caller.account, day).unwrap_or_default();
    Ok(to_result(&raise::statement(&gateway.venue.exchange(), &name, day, &record)))
}

/// What will be done with an option at its expiry.
#[derive(Serialize, JsonSchema)]
pub(super) struct Instructed {
    /// Which option.
    instrument_name: String,
    /// Lots to exercise out of the money.
    exercise: Number,
    /// Lots to abandon in the money.
    abandon: Number,
}

async fn instruct_exercise(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, instruction) = (caller.account, lower::instruction(params)?);
    let instrument = lower::series(&gateway.venue.exchange(), params)?.instrument.id;
    submit(gateway, Command::InstructExercise { account, instrument, instruction }).await?;
    Ok(to_result(&Instructed {
        instrument_name: params.required_text("instrument_name")?,
        exercise: instruction.exercise.into(),
        abandon: instruction.abandon.into(),
    }))
}

async fn nominate(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let command = lower::nomination(&gateway.venue.exchange(), params, caller.account)?;
    submit(gateway, command).await?;
    Ok(to_result(&"ok"))
}
