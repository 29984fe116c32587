//! `tenor account create`.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use instruments::MicroUsd;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::audit;
use crate::cli::{AccountArgs, LinkWalletArgs};

pub(crate) fn create(args: &AccountArgs) -> Result<ExitCode> {
    let deposit = args.deposit.map(micro_usd).transpose().context("--deposit")?;
    let credential = api::venue::account::create_account(
        &args.data,
        &args.name,
        args.testnet,
        deposit,
        args.verifier,
    )?;
    let keys = serde_json::json!({
        "client_id": credential.client_id,
        "client_secret": &*credential.client_secret,
    });
    writeln!(stdout().lock(), "{keys}")?;
    if !args.json {
        writeln!(
            stderr(),
            "{} is {}; the secret is shown this once",
            args.name,
            credential.account
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn link_wallet(args: &LinkWalletArgs) -> Result<ExitCode> {
    let address = audit::address(&args.wallet).context("--wallet")?;
    api::venue::account::link_wallet(&args.data, &args.name, address)?;
    Ok(ExitCode::SUCCESS)
}

/// Dollars as micro-dollars, exactly or not at all.
pub(crate) fn micro_usd(usd: Decimal) -> Result<MicroUsd> {
    let micros = usd.checked_mul(Decimal::from(1_000_000)).context("amount out of range")?;
    ensure!(micros.fract().is_zero(), "{usd} has more than 6 decimals");
    ensure!(Decimal::ZERO < micros, "{usd} must be above zero");
    micros.to_i64().map(MicroUsd::new).context("amount out of range")
}
