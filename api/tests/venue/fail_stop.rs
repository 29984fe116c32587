//! A journal that cannot be written stops the venue: nothing that is not durable is ever answered, and what was answered is there again.

use api::venue::{SubmitError, Venue, VenueClock, VenueError};
use exchange::Command;
use exchange::io::{Fault, SimulatedDisk};
use instruments::{AccountId, MicroUsd};
use tempfile::TempDir;

use crate::world::{START, open_account, options};

/// Deposits one micro-dollar at a time until the venue stops; says how many were acknowledged, and how the first that was not ended.
fn deposit_until_failure(venue: &Venue, account: AccountId) -> (u64, SubmitError) {
    let mut acknowledged = 0;
    loop {
        let deposit = Command::Deposit { account, amount: MicroUsd::new(1) };
        match venue.submit_blocking(deposit) {
            Ok(outcome) => {
                assert_eq!(outcome.refusal(), None);
                acknowledged += 1;
            }
            Err(error) => return (acknowledged, error),
        }
    }
}

fn deposited(venue: &Venue, account: AccountId) -> u64 {
    let cash = venue.exchange().account_summary(account).unwrap().cash.micros();
    u64::try_from(cash).unwrap() - 100_000_000_000
}

#[test]
fn a_failed_write_stops_the_venue_and_keeps_every_promise() {
    for fault in [Fault::SyncFails, Fault::DiskFull, Fault::PowerCut] {
        for after in [0, 1, 7] {
            let directory = TempDir::new().unwrap();
            let clock = VenueClock::manual(START);
            let disk = SimulatedDisk::default();
            let venue = Venue::open_on(disk.clone(), options(directory.path(), &clock)).unwrap();
            let account = open_account(&venue, "saver");
            disk.fail_at(disk.operations() + after, fault);
            let (acknowledged, error) = deposit_until_failure(&venue, account);
            assert!(matches!(error, SubmitError::Unknown | SubmitError::Stopped), "{error}");
            assert_eq!(deposited(&venue, account), acknowledged, "applied before it was durable");

            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(venue.failed());
            assert!(venue.has_failed());
            assert_eq!(
                venue.submit_blocking(Command::Tick).unwrap_err(),
                SubmitError::Stopped,
                "nothing is taken any more"
            );
            assert!(matches!(venue.close(), Err(VenueError::Failed)));

            // What a power cut leaves, and of the store nothing.
            std::fs::remove_dir_all(directory.path().join("store")).unwrap();
            let disk = disk.after_power_cut(after);
            let venue = Venue::open_on(disk, options(directory.path(), &clock)).unwrap();
            let there = deposited(&venue, account);
            assert!(
                (acknowledged..=acknowledged + 1).contains(&there),
                "{fault:?} after {after}: {acknowledged} acknowledged, {there} there"
            );
        }
    }
}
