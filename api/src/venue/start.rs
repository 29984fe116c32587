//! Starts a venue: recovers the directory, connects the threads, opens what is new.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use exchange::io::{Disk, RealDisk};
use exchange::{Command, OpenVenue, RULES_VERSION};
use instruments::Date;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{broadcast, watch};

use super::credentials::Credentials;
use super::delivery_desk::{DeliveryDesk, DeskThread};
use super::directory::Directory;
use super::housekeeping::{Housekeeping, JOBS_MAX};
use super::key::VenueKey;
use super::listing::list_missing;
use super::options::VenueOptions;
use super::publish::{FEED_MAX, Publisher};
use super::recover::{Recovered, recover};
use super::sequencer::{Inbox, PUBLICATIONS_MAX, Sequencer};
use super::timer::Timer;
use super::{Life, Running, Venue, VenueError};

impl Venue {
    /// Opens the venue in a directory: takes its lock, recovers, starts the threads, and lists what is missing.
    ///
    /// # Errors
    /// When the directory is in use, does not recover, or is not a testnet although one was asked for.
    pub fn open(options: VenueOptions) -> Result<Self, VenueError> {
        Self::open_on(RealDisk, options)
    }

    /// [`Venue::open`] with the journal and the snapshots on another disk: one that fails when a test wants it to.
    ///
    /// # Errors
    /// As [`Venue::open`].
    pub fn open_on<D>(disk: D, options: VenueOptions) -> Result<Self, VenueError>
    where
        D: Disk + Send + 'static,
        D::File: Send,
    {
        let directory = Directory::open(&options.data_dir)?;
        let key = Arc::new(VenueKey::load_or_create(&directory.layout().venue_key())?);
        let credentials = Credentials::load(&directory.layout().credentials())?;
        let recovered = recover(disk, directory.layout(), &key, &options)?;
        if recovered.exchange.is_open() && options.testnet && !recovered.exchange.is_testnet() {
            return Err(VenueError::NotATestnet { path: options.data_dir });
        }
        let venue = Self::start(directory, key, credentials, recovered, &options)?;
        if !venue.exchange().is_open() {
            let terms = OpenVenue {
                testnet: options.testnet,
                rules: RULES_VERSION,
                variation_from: options.calendar.first_variation(venue.now()),
                variation_every: options.calendar.variation_every,
            };
            venue.accepted(Command::OpenVenue(terms))?;
        }
        let now = venue.now();
        list_missing(&venue.running.inbox, &venue.running.exchange, &options.listing, now);
        Ok(venue)
    }

    fn start<D>(
        directory: Directory,
        key: Arc<VenueKey>,
        credentials: Credentials,
        recovered: Recovered<D>,
        options: &VenueOptions,
    ) -> Result<Self, VenueError>
    where
        D: Disk + Send + 'static,
        D::File: Send,
    {
        let exchange = Arc::new(RwLock::new(recovered.exchange));
        let history = Arc::new(recovered.history);
        let desk = Arc::new(DeliveryDesk::new(options.delivery.clone()));
        let feed = broadcast::Sender::new(FEED_MAX);
        let clock = options.clock.clone();
        let (inbox, envelopes) = Inbox::new();
        let (to_publisher, publications) = sync_channel(PUBLICATIONS_MAX);
        let (to_housekeeping, jobs) = sync_channel(JOBS_MAX);
        let (wake_desk, woken) = sync_channel(1);
        let (timer_runs, stop_timer) = sync_channel(0);
        let (life, lives) = watch::channel(Life::Running);

        let sequencer = Sequencer::new(
            envelopes,
            recovered.journal,
            Arc::clone(&exchange),
            to_publisher,
            options,
        );
        let publisher = Publisher {
            inbox: publications,
            history: Arc::clone(&history),
            feed: feed.clone(),
            housekeeping: to_housekeeping,
            desk: wake_desk,
        };
        let housekeeping =
            Housekeeping { jobs, history: Arc::clone(&history), place: recovered.place };
        let desk_thread = DeskThread {
            desk: Arc::clone(&desk),
            exchange: Arc::clone(&exchange),
            inbox: inbox.clone(),
            clock: clock.clone(),
            feed: feed.subscribe(),
            wake: woken,
        };
        let timer = Timer {
            exchange: Arc::clone(&exchange),
            inbox: inbox.clone(),
            listing: options.listing.clone(),
            listed_on: Date::of(clock.now()),
            clock: clock.clone(),
            every: options.tick_every,
            stop: stop_timer,
        };
        // Each ends when the one before it has ended.
        let threads = vec![
            spawn("sequencer", move || {
                life.send_replace(sequencer.live());
                drop(timer_runs);
            })?,
            spawn("publisher", move || publisher.run())?,
            spawn("housekeeping", move || housekeeping.run())?,
            spawn("delivery-desk", move || desk_thread.run())?,
            spawn("timer", move || timer.run())?,
        ];
        let running = Running {
            inbox,
            exchange,
            history,
            feed,
            desk,
            key,
            credentials: Mutex::new(credentials),
            clock,
            life: lives,
            opens_faucet: options.testnet,
            threads: Mutex::new(threads),
            directory: Mutex::new(Some(directory)),
        };
        Ok(Self { running: Arc::new(running) })
    }
}

fn spawn(
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, VenueError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|source| VenueError::Thread { name, source })
}
