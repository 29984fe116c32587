//! Opens an account in a directory that no server has open: what `tenor account create` does.

use std::path::Path;

use exchange::limits::DEPOSIT_MAX;
use exchange::{Command, Event, Reject};
use instruments::{AccountId, MicroUsd};

use super::{Credential, KeyError, Listing, Venue, VenueError, VenueOptions};

/// Opens an account, credits test money, and returns the credential that opens its sessions. A directory that is not there is made.
///
/// An account whose creation was cut short before it had a credential is finished instead of refused.
///
/// # Errors
/// When a server has the directory open, the name is taken, or test money is asked for where there is none.
pub fn create_account(
    data_dir: &Path,
    name: &str,
    testnet: bool,
    deposit: Option<MicroUsd>,
    is_verifier: bool,
) -> Result<Credential, VenueError> {
    let options = VenueOptions { testnet, listing: Listing::None, ..VenueOptions::new(data_dir) };
    let venue = Venue::open(options)?;
    check_deposit(&venue, deposit)?;
    let account = open_or_finish(&venue, name, is_verifier)?;
    if let Some(amount) = deposit
        && is_empty(&venue, account)
    {
        venue.accepted(Command::Deposit { account, amount })?;
    }
    let credential = venue.issue_credential(account)?;
    venue.close()?;
    Ok(credential)
}

/// Lets a wallet log in as an account of that name and withdraw from it.
///
/// # Errors
/// When a server has the directory open, there is no such account, or the wallet is somebody's.
pub fn link_wallet(data_dir: &Path, name: &str, wallet: [u8; 20]) -> Result<(), VenueError> {
    let venue =
        Venue::open(VenueOptions { listing: Listing::None, ..VenueOptions::new(data_dir) })?;
    let account = venue.exchange().account_by_name(name);
    let account = account.ok_or(KeyError::Unknown { what: "account of that name" })?;
    venue.link_wallet(account, wallet)?;
    venue.close()?;
    Ok(())
}

/// Before the account is opened, so that a refused deposit leaves none behind.
fn check_deposit(venue: &Venue, deposit: Option<MicroUsd>) -> Result<(), VenueError> {
    let Some(amount) = deposit else { return Ok(()) };
    if !venue.exchange().is_testnet() {
        return Err(VenueError::Refused(Reject::TestMoneyClosed));
    }
    if amount <= MicroUsd::ZERO || DEPOSIT_MAX < amount {
        return Err(VenueError::Refused(Reject::DepositOutOfRange { limit: DEPOSIT_MAX }));
    }
    Ok(())
}

fn open_or_finish(venue: &Venue, name: &str, is_verifier: bool) -> Result<AccountId, VenueError> {
    let existing = venue.exchange().account_by_name(name);
    if let Some(account) = existing
        && !venue.has_credential(account)
    {
        return Ok(account);
    }
    let outcome = venue.accepted(Command::OpenAccount { name: name.to_owned(), is_verifier })?;
    let opened = outcome.events.iter().find_map(|event| {
        if let Event::AccountOpened { account, .. } = event { Some(*account) } else { None }
    });
    opened.ok_or(VenueError::Failed)
}

fn is_empty(venue: &Venue, account: AccountId) -> bool {
    let summary = venue.exchange().account_summary(account);
    summary.is_none_or(|summary| summary.balance == MicroUsd::ZERO)
}
