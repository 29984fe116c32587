//! `tenor account create`.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use instruments::MicroUsd;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::cli::AccountArgs;

pub(crate) fn create(args: &AccountArgs) -> Result<ExitCode> {
    let deposit = args.deposit.map(micro_usd).transpose().context("--deposit")?;
    let credential = api::venue::account::create_account(
        &args.data,
        &args.name,
        args.testnet,
        deposit,
        args.verifier,
    )?;
    let mut out = stdout().lock();
    if args.json {
        let keys = serde_json::json!({
            "client_id": credential.client_id,
            "client_secret": credential.client_secret,
        });
        writeln!(out, "{keys}")?;
    } else {
        writeln!(out, "account        {} ({})", args.name, credential.account)?;
        writeln!(out, "client_id      {}", credential.client_id)?;
        writeln!(out, "client_secret  {}", credential.client_secret)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Dollars as micro-dollars, exactly or not at all.
pub(crate) fn micro_usd(usd: Decimal) -> Result<MicroUsd> {
    let micros = usd.checked_mul(Decimal::from(1_000_000)).context("amount out of range")?;
    ensure!(micros.fract().is_zero(), "{usd} has more than 6 decimals");
    ensure!(Decimal::ZERO < micros, "{usd} must be above zero");
    micros.to_i64().map(MicroUsd::new).context("amount out of range")
}
