//! Starts a venue: recovers the directory, connects the threads, opens what is new.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use exchange::io::{DataDir, Disk, RealDisk};
use exchange::{Command, OpenChallenge, OpenVenue, RULES_VERSION};
use instruments::{Date, Nanos};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{broadcast, watch};

use super::audit::AuditLog;
use super::blobs::BlobStore;
use super::credentials::Credentials;
use super::curve_desk::CurveDesk;
use super::delivery_desk::{DeliveryDesk, DeskThread};
use super::directory::Directory;
use super::housekeeping::{Housekeeping, JOBS_MAX};
use super::key::VenueKey;
use super::ladder::Climb;
use super::listing::list_missing;
use super::mock::MockDesk;
use super::operations::Operations;
use super::option_desk::OptionDesk;
use super::options::{AuthOptions, VenueOptions};
use super::publish::{FEED_MAX, Publication, Publisher};
use super::recover::{Recovered, recover};
use super::sequencer::{Inbox, PUBLICATIONS_MAX, Sequencer};
use super::timer::Timer;
use super::transcript::Transcripts;
use super::used::UsedSignatures;
use super::{Life, Running, Venue, VenueError};
use crate::auth::{Nonces, SIGNATURE_WINDOW_MAX};

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
        options.limits.check()?;
        let directory = Directory::open(&options.data_dir)?;
        let key = Arc::new(VenueKey::load_or_create(&directory.layout().venue_key())?);
        let credentials = Credentials::load(&directory.layout().credentials())?;
        let recovered = recover(disk, directory.layout(), &key, &options)?;
        if recovered.exchange.is_open() && options.testnet && !recovered.exchange.is_testnet() {
            return Err(VenueError::NotATestnet { path: options.data_dir });
        }
        let venue = Self::start(directory, (key, credentials), recovered, &options)?;
        if !venue.exchange().is_open() {
            let terms = OpenVenue {
                testnet: options.testnet,
                rules: RULES_VERSION,
                variation_from: options.calendar.first_variation(venue.now()),
                variation_every: options.calendar.variation_every,
            };
            venue.accepted(Command::OpenVenue(terms))?;
        } else {
            venue.begin_ladder(options.ladder)?;
        }
        if let Some(terms) = options.jobs.terms
            && *venue.exchange().jobs().terms() != terms
        {
            venue.accepted(Command::SetJobTerms(terms))?;
        }
        let now = venue.now();
        let listing = (&options.listing, options.grades.as_slice());
        list_missing(&venue.running.inbox, &venue.running.exchange, listing, now);
        Ok(venue)
    }

    fn start<D>(
        directory: Directory,
        (key, credentials): (Arc<VenueKey>, Credentials),
        recovered: Recovered<D>,
        options: &VenueOptions,
    ) -> Result<Self, VenueError>
    where
        D: Disk + Send + 'static,
        D::File: Send,
    {
        let Recovered { place, journal, exchange, history } = recovered;
        let transcripts = Transcripts::open(&directory.layout().transcripts())?;
        let lost: Vec<OpenChallenge> = exchange.open_challenges().collect();
        let (has_lost, begins_at) = (!lost.is_empty(), exchange.last_seq());
        let climb = exchange.is_open().then(|| Climb::begin(options.ladder, options.clock.now()));
        let (how, grades) = (options.delivery.clone(), &options.grades);
        let desk = DeliveryDesk::new(how, grades, transcripts, lost.into_iter());
        let (inbox, envelopes) = Inbox::new(&options.limits);
        let (life, lives) = watch::channel(Life::Running);
        let blobs = BlobStore::open(directory.layout().blobs(), options.jobs.blob_keep)?;
        let Guard { audit, nonces, signatures_since, auth } =
            Guard::open(&directory, &key, options)?;
        let running = Running {
            inbox,
            exchange: Arc::new(RwLock::new(exchange)),
            history: Arc::new(history),
            feed: broadcast::Sender::new(FEED_MAX),
            desk: Arc::new(desk),
            blobs,
            key,
            credentials,
            audit,
            nonces,
            signatures_since,
            auth,
            clock: options.clock.clone(),
            life: lives,
            operations: Arc::new(Operations::new(options.watch, begins_at)),
            opens_faucet: options.testnet,
            mock: MockDesk::default(),
            judge_mock: options.judge_mock.filter(|_| options.testnet),
            grades: options.grades.clone(),
            limits: options.limits,
            threads: Mutex::default(),
            directory: Mutex::new(Some(directory)),
        };
        let (to_publisher, publications) = sync_channel(PUBLICATIONS_MAX);
        let exchange = Arc::clone(&running.exchange);
        let sequencer = Sequencer::new(
            envelopes,
            journal,
            exchange,
            to_publisher,
            (options, Arc::clone(&running.operations)),
        );
        let (timer_runs, stop_timer) = sync_channel(0);
        let (pricing_runs, stop_pricing) = sync_channel(0);
        let (curve_runs, stop_curve) = sync_channel(0);
        running.spawn("sequencer", move || {
            life.send_replace(sequencer.live());
            drop((timer_runs, pricing_runs, curve_runs));
        })?;
        running.end_what_was_open(has_lost)?;
        let wake_desk = running.spawn_desk()?;
        running.spawn_publisher(publications, wake_desk, place)?;
        running.spawn_timer(stop_timer, climb.flatten(), options)?;
        running.spawn_option_desk(stop_pricing, options)?;
        running.spawn_curve_desk(stop_curve, options)?;
        Ok(Self { running: Arc::new(running) })
    }
}

/// What knows who may ask, and who did.
struct Guard {
    audit: AuditLog,
    nonces: Arc<Mutex<Nonces>>,
    signatures_since: Nanos,
    auth: AuthOptions,
}

impl Guard {
    fn open(
        directory: &Directory,
        key: &Arc<VenueKey>,
        options: &VenueOptions,
    ) -> Result<Self, VenueError> {
        let (layout, now) = (directory.layout(), options.clock.now());
        let audit = AuditLog::open(&layout.audit(), key, now)?;
        let (used, remembered) = UsedSignatures::open(&layout.used_signatures(), now)?;
        let window = options.auth.signature_window.min(SIGNATURE_WINDOW_MAX);
        // What was accepted before may have been signed for as late as this.
        let signatures_since = if remembered.is_partial { now + window } else { Nanos::default() };
        let nonces = Arc::new(Mutex::new(Nonces::remember(remembered.used, used)));
        let auth = AuthOptions { signature_window: window, ..options.auth.clone() };
        Ok(Self { audit, nonces, signatures_since, auth })
    }
}

impl Running {
    /// Before anything else, the timer included.
    fn end_what_was_open(&self, has_lost: bool) -> Result<(), VenueError> {
        if has_lost {
            // What was open had salts and times that are gone, and our downtime is nobody's fault.
            self.inbox.send(Command::VoidChallenges)?;
        }
        if self.exchange.read().has_session_orders() {
            // The sessions have ended with the process before this one.
            self.inbox.send(Command::EndSessions)?;
        }
        Ok(())
    }

    /// Returns where a token wakes it. It ends when that is dropped.
    fn spawn_desk(&self) -> Result<SyncSender<()>, VenueError> {
        let (wake, woken) = sync_channel(1);
        let desk = DeskThread {
            desk: Arc::clone(&self.desk),
            exchange: Arc::clone(&self.exchange),
            history: Arc::clone(&self.history),
            key: Arc::clone(&self.key),
            inbox: self.inbox.clone(),
            clock: self.clock.clone(),
            feed: self.feed.subscribe(),
            wake: woken,
        };
        self.spawn("delivery-desk", move || desk.run())?;
        Ok(wake)
    }

    /// And housekeeping behind it.
    fn spawn_publisher<D>(
        &self,
        publications: Receiver<Publication>,
        desk: SyncSender<()>,
        place: DataDir<D>,
    ) -> Result<(), VenueError>
    where
        D: Disk + Send + 'static,
    {
        let (to_housekeeping, jobs) = sync_channel(JOBS_MAX);
        let publisher = Publisher {
            inbox: publications,
            history: Arc::clone(&self.history),
            operations: Arc::clone(&self.operations),
            feed: self.feed.clone(),
            housekeeping: to_housekeeping,
            desk,
        };
        let housekeeping = Housekeeping {
            jobs,
            history: Arc::clone(&self.history),
            operations: Arc::clone(&self.operations),
            place,
        };
        self.spawn("publisher", move || publisher.run())?;
        self.spawn("housekeeping", move || housekeeping.run())
    }

    fn spawn_timer(
        &self,
        stop: Receiver<()>,
        climb: Option<Climb>,
        options: &VenueOptions,
    ) -> Result<(), VenueError> {
        let timer = Timer {
            exchange: Arc::clone(&self.exchange),
            inbox: self.inbox.clone(),
            listing: options.listing.clone(),
            grades: options.grades.clone(),
            listed_on: Date::of(self.clock.now()),
            clock: self.clock.clone(),
            climb,
            looked: None,
            every: options.tick_every,
            stop,
        };
        self.spawn("timer", move || timer.run())
    }

    fn spawn_option_desk(
        &self,
        stop: Receiver<()>,
        options: &VenueOptions,
    ) -> Result<(), VenueError> {
        let Some(every) = options.price_every else { return Ok(()) };
        let desk = OptionDesk {
            exchange: Arc::clone(&self.exchange),
            inbox: self.inbox.clone(),
            clock: self.clock.clone(),
            every,
            stop,
        };
        self.spawn("option-desk", move || desk.run())
    }

    fn spawn_curve_desk(
        &self,
        stop: Receiver<()>,
        options: &VenueOptions,
    ) -> Result<(), VenueError> {
        let Some(every) = options.price_every else { return Ok(()) };
        let desk = CurveDesk {
            exchange: Arc::clone(&self.exchange),
            inbox: self.inbox.clone(),
            clock: self.clock.clone(),
            every,
            stop,
        };
        self.spawn("curve-desk", move || desk.run())
    }

    fn spawn(
        &self,
        name: &'static str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), VenueError> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|source| VenueError::Thread { name, source })?;
        self.threads.lock().push(thread);
        Ok(())
    }
}
