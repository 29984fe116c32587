//! How a venue runs: everything an operator may choose, with defaults for a real one.

use std::path::PathBuf;
use std::time::Duration;

use exchange::io::SEGMENT_BYTES;
use instruments::{Date, Grade, Nanos, NanosSpan};
use settlement::JobTerms;

use super::clock::VenueClock;
use super::delivery_desk::DeliveryOptions;
use super::ladder::RestartLadder;
use super::listing::Listing;
use super::mock::MockJudge;
use crate::auth::{Network, SIGNATURE_WINDOW};
use crate::limits::Limits;

const DAY_SECONDS: u64 = 86_400;
const VARIATION_SECOND_OF_DAY: u64 = 16 * 3_600;

/// When profit and loss are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VenueCalendar {
    /// The first cycle; the next 16:00 UTC when absent.
    pub variation_from: Option<Nanos>,
    /// From one cycle to the next.
    pub variation_every: NanosSpan,
}

impl Default for VenueCalendar {
    fn default() -> Self {
        Self { variation_from: None, variation_every: NanosSpan::from_seconds(DAY_SECONDS) }
    }
}

impl VenueCalendar {
    pub(super) fn first_variation(&self, now: Nanos) -> Nanos {
        self.variation_from.unwrap_or_else(|| {
            let today = Nanos::from_seconds(Date::of(now).days().saturating_mul(DAY_SECONDS));
            let first = today + NanosSpan::from_seconds(VARIATION_SECOND_OF_DAY);
            if now < first { first } else { first + NanosSpan::from_seconds(DAY_SECONDS) }
        })
    }
}

/// How buyers' jobs are run and argued about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobOptions {
    /// Clocks and fee; `None` leaves those of the journal, which are the standard ones at first.
    pub terms: Option<JobTerms>,
    /// How long a blob stays after it was put, and after the job that names it has ended.
    pub blob_keep: Duration,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self { terms: None, blob_keep: Duration::from_secs(3_600) }
    }
}

/// Who may ask, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthOptions {
    /// How far a signed timestamp may be from the venue's clock, at most a minute.
    pub signature_window: NanosSpan,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The venue's host, with its port where that is not the usual one: wallets sign it.
    pub domain: String,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            signature_window: SIGNATURE_WINDOW,
            trusted_proxies: Vec::new(),
            domain: "localhost".to_owned(),
        }
    }
}

/// What whoever watches the process is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// The venue is ready only while every index of a series that trades is no older; it need not be there when absent.
    pub index_age_max: Option<Duration>,
    /// Whether `/metrics` is on the public listener, too.
    pub public_metrics: bool,
}

/// How a venue runs.
#[derive(Debug, Clone)]
pub struct VenueOptions {
    /// Where everything lies. Created when absent.
    pub data_dir: PathBuf,
    /// Whether test money can be credited. Decided for good when the directory is new.
    pub testnet: bool,
    /// When profit and loss are paid. Decided for good when the directory is new.
    pub calendar: VenueCalendar,
    /// How work is demanded.
    pub delivery: DeliveryOptions,
    /// How buyers' jobs are run and argued about.
    pub jobs: JobOptions,
    /// Who may ask, and how it is known.
    pub auth: AuthOptions,
    /// What is listed.
    pub listing: Listing,
    /// The terms of the grades: of the series that are listed, and what answers are measured against.
    pub grades: Vec<Grade>,
    /// Who judges dry runs of deliveries; a test venue without anybody offers none.
    pub judge_mock: Option<MockJudge>,
    /// How often the timer asks whether something is due: how late anything happens at most.
    pub tick_every: Duration,
    /// How often options are priced. `None` where somebody else publishes what they are worth.
    pub price_every: Option<Duration>,
    /// What whoever watches the process is told.
    pub watch: WatchOptions,
    /// How the venue opens again after a restart.
    pub ladder: RestartLadder,
    /// Commands from one snapshot to the next.
    pub snapshot_every: u64,
    /// How long a new journal segment is: whole blocks of 4 KiB, at least eight.
    pub segment_bytes: u64,
    /// Where time comes from.
    pub clock: VenueClock,
    /// How much may be asked of the server in front of it.
    pub limits: Limits,
}

impl VenueOptions {
    /// The options of a venue in `data_dir` on the real calendar, with the standard listing.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            testnet: false,
            calendar: VenueCalendar::default(),
            delivery: DeliveryOptions::default(),
            jobs: JobOptions::default(),
            auth: AuthOptions::default(),
            listing: Listing::standard(),
            grades: instruments::launch_grades(),
            judge_mock: None,
            tick_every: Duration::from_millis(100),
            price_every: Some(Duration::from_secs(1)),
            watch: WatchOptions::default(),
            ladder: RestartLadder::default(),
            // Replaying as many takes about a second.
            snapshot_every: 262_144,
            segment_bytes: SEGMENT_BYTES,
            clock: VenueClock::System,
            limits: Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variation_is_at_the_next_16_00_utc() {
        let midnight = Nanos::from_seconds(DAY_SECONDS * 20_000);
        let four = midnight + NanosSpan::from_seconds(VARIATION_SECOND_OF_DAY);
        let calendar = VenueCalendar::default();
        assert_eq!(calendar.first_variation(midnight), four);
        assert_eq!(calendar.first_variation(four), four + NanosSpan::from_seconds(DAY_SECONDS));
        let from = VenueCalendar { variation_from: Some(midnight), ..calendar };
        assert_eq!(from.first_variation(four), midnight);
    }
}
