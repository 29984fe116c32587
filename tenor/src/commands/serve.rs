//! `tenor serve`: the exchange alone.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::limits::{Limits, Rate, Rates};
use api::operator::OperatorListener;
use api::venue::{
    AuthOptions, DeliveryOptions, Listing, SLOTS_MAX, Venue, VenueCalendar, VenueOptions,
};
use delivery_agent::calibration::CalibrationFile;
use instruments::{Grade, NanosSpan, launch_grades};
use rust_decimal::Decimal;
use serde::Deserialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::account::micro_usd;
use super::runtime;
use crate::cli::{LimitArgs, ServeArgs};
use crate::oracle_reporter::{Feed, FollowSettings};

/// How long operators' connections may take to end when the venue has.
const OPERATORS_WAIT: Duration = Duration::from_secs(2);

/// The settings file. Everything has a default; a word that is not known is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// Whether the standard calendar is listed.
    listing: ListingSettings,
    /// How delivery is challenged.
    delivery: DeliverySettings,
    /// Hours between two variation cycles.
    variation: VariationSettings,
    /// Whose reports become the index; nobody's when absent.
    index: Option<FollowSettings>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ListingSettings {
    standard: bool,
    /// Dollars per GPU-hour by grade, used until the index prints.
    reference: std::collections::BTreeMap<String, String>,
}

impl Default for ListingSettings {
    fn default() -> Self {
        Self { standard: true, reference: std::collections::BTreeMap::new() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DeliverySettings {
    profile: String,
    segments: u16,
    /// GPUs that must work at once under one obligation at most.
    slots_max: u16,
    /// From one challenge of a grade to the next, on average.
    mean_gap_millis: u64,
    /// Zero challenges at the beginning of each interval, where each is judged by itself.
    challenge_within_seconds: u64,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        let options = DeliveryOptions::default();
        Self {
            profile: options.profile,
            segments: options.segments,
            slots_max: options.slots_max,
            mean_gap_millis: options.mean_gap.nanos().div_euclid(1_000_000),
            challenge_within_seconds: 0,
        }
    }
}

impl DeliverySettings {
    fn options(&self) -> Result<DeliveryOptions> {
        let Self { profile, segments, slots_max, mean_gap_millis, .. } = self;
        ensure!(
            matches!(profile.as_str(), "ci" | "cpu" | "dc" | "bw"),
            "--config: delivery.profile must be ci, cpu, dc or bw, not {profile}"
        );
        ensure!(
            (1..=16).contains(segments),
            "--config: delivery.segments must be 1 to 16, not {segments}"
        );
        ensure!(
            (1..=SLOTS_MAX).contains(slots_max),
            "--config: delivery.slots_max must be 1 to {SLOTS_MAX}, not {slots_max}"
        );
        ensure!(
            (100..=3_600_000).contains(mean_gap_millis),
            "--config: delivery.mean_gap_millis must be 100 to 3600000, not {mean_gap_millis}"
        );
        Ok(DeliveryOptions {
            profile: profile.clone(),
            segments: *segments,
            slots_max: *slots_max,
            mean_gap: NanosSpan::from_millis(*mean_gap_millis),
            challenge_within: NanosSpan::from_seconds(self.challenge_within_seconds),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VariationSettings {
    every_seconds: u64,
}

impl Default for VariationSettings {
    fn default() -> Self {
        Self { every_seconds: 86_400 }
    }
}

impl Settings {
    fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("--config: cannot read {}", file.display()))?;
        toml::from_str(&text).with_context(|| format!("--config: {}", file.display()))
    }

    fn options(&self, args: &ServeArgs) -> Result<VenueOptions> {
        ensure!(
            (1..=31_536_000).contains(&self.variation.every_seconds),
            "--config: variation.every_seconds must be 1 to 31536000, not {}",
            self.variation.every_seconds
        );
        Ok(VenueOptions {
            testnet: args.testnet,
            calendar: VenueCalendar {
                variation_from: None,
                variation_every: NanosSpan::from_seconds(self.variation.every_seconds),
            },
            delivery: self.delivery.options()?,
            auth: AuthOptions {
                signature_window: NanosSpan::from_seconds(args.signature_window),
                trusted_proxies: args.trusted_proxy.clone(),
                domain: args.domain.clone(),
            },
            listing: self.listing()?,
            grades: self.grades(args.grades.as_deref())?,
            judge_mock: Some(delivery_agent::mock::judge_mock),
            ladder: args.operate.ladder.unwrap_or_default(),
            watch: args.operate.watch(),
            limits: limits(&args.limits),
            ..VenueOptions::new(&args.data)
        })
    }

    /// The launch grades, with the references of a calibration file: each measured with the work that this venue demands.
    fn grades(&self, file: Option<&Path>) -> Result<Vec<Grade>> {
        let mut grades = launch_grades();
        if let Some(file) = file {
            let calibrations = CalibrationFile::read(file).context("--grades")?;
            for calibration in &calibrations.calibrations {
                ensure!(
                    calibration.profile == self.delivery.profile,
                    "--grades: {}.profile is {}, the venue challenges with {}",
                    calibration.grade.escape_debug(),
                    calibration.profile.escape_debug(),
                    self.delivery.profile
                );
            }
            calibrations.apply(&mut grades).context("--grades")?;
        }
        Ok(grades)
    }

    /// The standard listing at the prices of the settings.
    fn listing(&self) -> Result<Listing> {
        let Listing::Standard(mut prices) = Listing::standard() else { return Ok(Listing::None) };
        for (grade, usd) in &self.listing.reference {
            let field = || format!("--config: listing.reference.{grade}");
            let usd: Decimal = usd.parse().with_context(field)?;
            let price = prices.iter_mut().find(|price| price.grade.as_str() == grade);
            price.with_context(field).context("no such launch grade")?.per_hour =
                micro_usd(usd).with_context(field)?;
        }
        Ok(if self.listing.standard { Listing::Standard(prices) } else { Listing::None })
    }
}

/// As the flags say; the venue checks them against what is compiled in.
fn limits(args: &LimitArgs) -> Limits {
    if args.lift_limits {
        return Limits::lifted();
    }
    Limits {
        connections: args.connections,
        connections_per_ip: args.connections_per_ip,
        accepts_per_second: args.accepts_per_second,
        rates: Rates {
            queries: Rate::per_second(args.queries_per_second),
            ..Rates::of_orders(args.orders_per_second)
        },
        shed_orders_after: Duration::from_millis(args.shed_orders_after),
        shed_cancels_after: Duration::from_millis(args.shed_cancels_after),
        ..Limits::default()
    }
}

pub(crate) fn run(args: &ServeArgs) -> Result<ExitCode> {
    let settings = args.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
    let feed = settings.index.as_ref().map(Feed::new).transpose().context("--config")?;
    // Opening and closing a venue block, so they stand outside the runtime.
    let venue = Venue::open(settings.options(args)?)?;
    runtime()?.block_on(serve(args, &venue, feed))?;
    venue.close()?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: &ServeArgs, venue: &Venue, feed: Option<Feed>) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("--listen: cannot listen on {}", args.listen))?;
    let address = listener.local_addr()?;
    let mut interrupt = Interrupt::listen()?;
    let operators = OperatorListener::bind(args.operate.operators(args.data.clone())).await?;
    if let Some(address) = operators.address() {
        tracing::info!(%address, "operators are listened to");
    }
    say(&format!("listening on ws://{address}/ws/api/v2 and http://{address}/api/v2"));
    let failed = venue.clone();
    let following = feed.map(|feed| tokio::spawn(feed.follow(venue.clone())));
    let served = api::serve(venue.clone(), listener, async move {
        tokio::select! {
            () = interrupt.heard() => {}
            () = failed.drain_asked() => {}
            () = failed.failed() => {}
        }
    });
    let (ended, has_ended) = tokio::sync::oneshot::channel::<()>();
    let operating = operators.serve(venue.clone(), async move { drop(has_ended.await) });
    let operating = tokio::spawn(operating);
    let served = served.await;
    drop(ended);
    // Whoever asked for the end has its answer first.
    if let Ok(Ok(Err(error))) = tokio::time::timeout(OPERATORS_WAIT, operating).await {
        tracing::warn!(%error, "the operators' listener has failed");
    }
    if let Some(following) = following {
        following.abort();
    }
    Ok(served?)
}

/// Ctrl-C, or a polite request to end. Heard from the moment it is listened for, not from the moment it is awaited.
pub(crate) struct Interrupt {
    by_hand: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Listens. Inside a runtime only.
    pub(crate) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            by_hand: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for it.
    pub(crate) async fn heard(&mut self) {
        tokio::select! {
            _ = self.by_hand.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn say(line: &str) {
    use std::io::Write;
    // Scripts wait for this line; when nobody reads it, the venue serves all the same.
    drop(writeln!(std::io::stdout(), "{line}"));
}
