//! A sequencer that is held up takes no new orders, and cancels for longer.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::limits::Limits;
use api::venue::{Load, SubmitError, Venue, VenueClock, VenueOptions};
use exchange::io::{Disk, DiskFile, RealDisk};
use exchange::{Command, PlaceOrder};
use instruments::{Price, Qty, Side};
use parking_lot::{Condvar, Mutex};
use tempfile::TempDir;

use crate::world::{START, accepted, list, open_account, options, order};

/// The machine's disk, which can be told to hold every sync back.
#[derive(Clone, Default)]
struct HeldDisk(Arc<Gate>);

#[derive(Default)]
struct Gate {
    is_shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn shut(&self, is_shut: bool) {
        *self.is_shut.lock() = is_shut;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let mut is_shut = self.is_shut.lock();
        self.opened.wait_while(&mut is_shut, |is_shut| *is_shut);
    }
}

struct HeldFile(<RealDisk as Disk>::File, Arc<Gate>);

impl Disk for HeldDisk {
    type File = HeldFile;

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<HeldFile> {
        Ok(HeldFile(RealDisk.create(path)?, Arc::clone(&self.0)))
    }

    fn open(&self, path: &Path) -> io::Result<HeldFile> {
        Ok(HeldFile(RealDisk.open(path)?, Arc::clone(&self.0)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
}

impl DiskFile for HeldFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        DiskFile::set_len(&mut self.0, len)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.1.pass();
        DiskFile::sync_data(&mut self.0)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.1.pass();
        DiskFile::sync_all(&mut self.0)
    }
}

/// Looks until it is so.
fn once(venue: &Venue, is_so: impl Fn(Load) -> bool) {
    while !is_so(venue.load()) {
        std::thread::yield_now();
    }
}

/// LIMIT-031
#[test]
fn limit_031_new_orders_are_refused_while_what_waits_is_old_and_cancels_are_not() {
    let (directory, clock) = (TempDir::new().unwrap(), VenueClock::manual(START));
    let disk = HeldDisk::default();
    let after = Duration::from_millis(50);
    let limits = Limits { shed_orders_after: after, ..Limits::lifted() };
    // Nothing but this test asks for anything.
    let tick_every = Duration::from_secs(3_600);
    let options =
        VenueOptions { limits, tick_every, price_every: None, ..options(directory.path(), &clock) };
    let venue = Venue::open_on(disk.clone(), options).unwrap();
    let instrument = list(&venue);
    let account = open_account(&venue, "trader");
    let buy = || order(account, instrument, Side::Buy, 1, 2_000);
    // A slow machine may be late by itself.
    let placed = loop {
        match venue.submit_blocking(buy()) {
            Ok(outcome) => break accepted(&outcome),
            Err(error) => assert!(matches!(error, SubmitError::Late { .. }), "{error}"),
        }
    };
    let shed_before = venue.load().shed_orders;

    disk.0.shut(true);
    let submit = |command: Command| {
        let venue = venue.clone();
        std::thread::spawn(move || venue.submit_blocking(command))
    };
    let held = submit(Command::CancelOrder { account, order: placed });
    once(&venue, |load| after < load.age);
    let refused = venue.submit_blocking(buy()).unwrap_err();
    let SubmitError::Late { age, limit } = refused else { panic!("{refused}") };
    assert!(after < age && limit == after, "{refused}");
    // Still taken, though the answer comes when the disk does.
    let cancel = submit(Command::CancelAll { account, filter: exchange::CancelFilter::default() });
    once(&venue, |load| load.waiting == 1);
    let plain = PlaceOrder::limit(
        account,
        instrument,
        Side::Sell,
        Price::from_ticks(3_000),
        Qty::from_lots(1),
    );
    let reducing = submit(Command::PlaceOrder(PlaceOrder { reduce_only: true, ..plain }));
    once(&venue, |load| load.waiting == 2);
    disk.0.shut(false);
    for answered in [held, cancel, reducing] {
        answered.join().unwrap().unwrap();
    }
    once(&venue, |load| load.age == Duration::ZERO && load.waiting == 0);
    let load = venue.load();
    assert_eq!((load.shed_orders - shed_before, load.shed_cancels), (1, 0));
    venue.submit_blocking(buy()).unwrap();
    venue.close().unwrap();
}
