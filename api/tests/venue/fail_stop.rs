//! A journal that cannot be written stops the venue: nothing that is not durable is ever answered, and what was answered is there again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::venue::{SubmitError, Venue, VenueClock, VenueError};
use exchange::Command;
use exchange::io::{Fault, SimulatedDisk};
use instruments::MicroUsd;
use tempfile::TempDir;

use crate::world::{START, open_account, options};

/// Deposits one micro-dollar at a time until the venue stops; says how many were acknowledged, and how the first that was not ended.
fn deposit_until_failure(venue: &Venue, account: instruments::AccountId) -> (u64, SubmitError) {
    let acknowledged = Arc::new(AtomicU64::new(0));
    loop {
        let deposit = Command::Deposit { account, amount: MicroUsd::new(1) };
        match venue.submit_blocking(deposit) {
            Ok(outcome) => {
                assert_eq!(outcome.refusal(), None);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => return (acknowledged.load(Ordering::SeqCst), error),
        }
    }
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
            let cash = venue.exchange().account_summary(account).unwrap().cash.micros();
            let there = u64::try_from(cash).unwrap() - 100_000_000_000;
            assert!(
                (acknowledged..=acknowledged + 1).contains(&there),
                "{fault:?} after {after}: {acknowledged} acknowledged, {there} there"
            );
        }
    }
}
