//! `tenor agent standby` and `substitute`: other hardware in place of what fails, somebody else's or one's own.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use api::client::{Client, ClientError};
use api::wire::Number;
use clap::Args;
use serde_json::{Value, json};

use crate::commands::{runtime, secret};
use crate::figures::shown;

/// Whose account, and where.
#[derive(Debug, Clone, Args)]
pub(crate) struct AccountAt {
    /// The venue's WebSocket, for example ws://127.0.0.1:8080/ws/api/v2.
    #[arg(long, value_name = "WS")]
    pub(crate) url: String,
    /// From `tenor account create`.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// A file that holds the client secret and nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: PathBuf,
}

/// GPUs that may be called in another seller's place.
#[derive(Debug, Clone, Args)]
pub(crate) struct StandbyArgs {
    #[command(flatten)]
    pub(crate) account: AccountAt,
    /// Which grade.
    #[arg(long, value_name = "NAME")]
    pub(crate) grade: String,
    /// How many GPUs; 0 withdraws.
    #[arg(long)]
    pub(crate) gpus: u64,
    /// Dollars per GPU-hour on top of the price, when they are called.
    #[arg(long, value_name = "USD", default_value = "0")]
    pub(crate) fee: String,
}

/// Other hardware of one's own.
#[derive(Debug, Clone, Args)]
pub(crate) struct SubstituteArgs {
    #[command(flatten)]
    pub(crate) account: AccountAt,
    /// Which obligation fails.
    #[arg(long, value_name = "ID")]
    pub(crate) obligation: u64,
    /// The grade of what is brought: the one that was sold, or a better one.
    #[arg(long, value_name = "NAME")]
    pub(crate) grade: String,
    /// Its nodes, NAME or NAME=DIGEST; repeat it for each.
    #[arg(long, value_name = "NODE", required = true)]
    pub(crate) node: Vec<String>,
}

/// Offers standby.
///
/// # Errors
/// When the venue refuses.
pub(crate) fn standby(args: &StandbyArgs, out: &mut impl Write) -> Result<ExitCode> {
    let fee = Number::parse(&args.fee).with_context(|| format!("--fee: {}", shown(&args.fee)))?;
    let params = json!({ "grade": args.grade, "amount": args.gpus, "fee": fee });
    ask(&args.account, "private/offer_standby", params)?;
    match args.gpus {
        0 => writeln!(out, "no {} stands by any more", shown(&args.grade))?,
        gpus => {
            writeln!(out, "{gpus} {} stand by at {fee} dollars per GPU-hour", shown(&args.grade))?
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings other hardware.
///
/// # Errors
/// When the venue refuses.
pub(crate) fn substitute(args: &SubstituteArgs, out: &mut impl Write) -> Result<ExitCode> {
    let SubstituteArgs { obligation, grade, node, .. } = args;
    let params = json!({ "obligation_id": obligation, "grade": grade, "nodes": node });
    ask(&args.account, "private/substitute", params)?;
    writeln!(out, "{} nodes of {} now deliver obligation {obligation}", node.len(), shown(grade))?;
    Ok(ExitCode::SUCCESS)
}

fn ask(account: &AccountAt, method: &str, params: Value) -> Result<Value> {
    let secret = secret(&account.client_secret_file)?;
    let answered = runtime()?.block_on(async {
        let (client, _) = Client::connect(&account.url).await?;
        client.auth(&account.client_id, &secret).await?;
        let answer = client.call(method, params).await?;
        Ok::<_, ClientError>(answer)
    });
    Ok(answered?)
}
