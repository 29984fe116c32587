//! Accounts opened from the command line, and what a directory's testnet flag decides for good.

use api::venue::account::create_account;
use api::venue::{Listing, Venue, VenueError, VenueOptions};
use exchange::{Command, Reject};
use instruments::MicroUsd;
use tempfile::TempDir;

use crate::world::{World, open_empty_account};

const DEPOSIT: MicroUsd = MicroUsd::new(1_000_000_000);

fn serve(path: &std::path::Path, testnet: bool) -> Result<Venue, VenueError> {
    Venue::open(VenueOptions { testnet, listing: Listing::None, ..VenueOptions::new(path) })
}

#[test]
fn an_account_is_created_with_its_credential_and_its_money() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("fresh");
    let alice = create_account(&path, "alice", true, Some(DEPOSIT), false).unwrap();
    let vera = create_account(&path, "vera", false, None, true).unwrap();

    let venue = serve(&path, true).unwrap();
    let found = venue.credential(&alice.client_id).unwrap();
    assert_eq!(found, alice);
    assert_eq!(venue.exchange().account_summary(alice.account).unwrap().cash, DEPOSIT);
    assert!(venue.exchange().account(vera.account).unwrap().is_verifier);
    assert_eq!(venue.credential("nobody"), None);
}

#[test]
fn a_name_is_taken_once() {
    let directory = TempDir::new().unwrap();
    create_account(directory.path(), "alice", true, None, false).unwrap();
    let again = create_account(directory.path(), "alice", true, None, false).unwrap_err();
    assert!(matches!(again, VenueError::Refused(Reject::AccountNameTaken)), "{again}");
}

#[test]
fn a_creation_that_was_cut_short_is_finished() {
    let directory = TempDir::new().unwrap();
    let venue = serve(directory.path(), true).unwrap();
    let account = open_empty_account(&venue, "alice", false);
    venue.close().unwrap();
    let alice = create_account(directory.path(), "alice", false, Some(DEPOSIT), false).unwrap();
    assert_eq!(alice.account, account);
    let venue = serve(directory.path(), false).unwrap();
    assert_eq!(venue.exchange().account_summary(account).unwrap().cash, DEPOSIT);
}

#[test]
fn a_refused_deposit_opens_no_account() {
    let directory = TempDir::new().unwrap();
    let refused = create_account(directory.path(), "alice", false, Some(DEPOSIT), false);
    let refused = refused.unwrap_err();
    assert!(matches!(refused, VenueError::Refused(Reject::TestMoneyClosed)), "{refused}");
    let venue = serve(directory.path(), false).unwrap();
    assert_eq!(venue.exchange().account_by_name("alice"), None);
}

#[test]
fn a_directory_that_a_server_has_open_is_refused() {
    let world = World::new();
    let refused = create_account(world.path(), "alice", true, None, false).unwrap_err();
    assert!(matches!(refused, VenueError::Directory(_)), "{refused}");
}

#[test]
fn test_money_is_decided_when_a_directory_is_made() {
    let directory = TempDir::new().unwrap();
    serve(directory.path(), false).unwrap().close().unwrap();
    let refused = serve(directory.path(), true).err().unwrap();
    assert!(matches!(refused, VenueError::NotATestnet { .. }), "{refused}");

    let directory = TempDir::new().unwrap();
    serve(directory.path(), true).unwrap().close().unwrap();
    let venue = serve(directory.path(), false).unwrap();
    assert!(!venue.opens_faucet());
    assert!(venue.exchange().is_testnet());
    venue.close().unwrap();
    assert!(serve(directory.path(), true).unwrap().opens_faucet());
}

#[test]
fn a_name_too_long_for_the_journal_is_not_taken() {
    let world = World::new();
    let before = world.venue.exchange().last_seq();
    let open = Command::OpenAccount { name: "x".repeat(1 << 20), is_verifier: false };
    assert!(world.venue.submit_blocking(open).unwrap_err().to_string().contains("limit is"));
    assert_eq!(world.venue.exchange().last_seq(), before);
}
