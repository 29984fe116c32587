//! `tenor demo`: one contract's whole life, in about a minute, with nothing pretended.
//!
//! The venue, its journal, its sockets, the agents' processes and the candle work are the real ones; only the calendar is compressed: a
//! day of delivery takes seconds, and a half-hour of index data takes a third of one. The participants act in scripted order, each
//! awaiting its reply, so that one seed and one file of observations give one course of trading.

mod cast;
mod checks;
mod delivery;
mod feed;
mod listing;
mod narrator;
mod trading;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use api::venue::Venue;

use crate::cli::DemoArgs;
use crate::commands;

use cast::Cast;
use narrator::Narrator;

/// Where a demo keeps its venue, and whether the directory goes with it.
enum Home {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Home {
    fn create(data: Option<&Path>) -> Result<Self> {
        let Some(dir) = data else {
            return Ok(Self::Temporary(tempfile::tempdir().context("cannot make a directory")?));
        };
        std::fs::create_dir_all(dir)
            .with_context(|| format!("--data: cannot create {}", dir.display()))?;
        let is_empty = std::fs::read_dir(dir)
            .with_context(|| format!("--data: cannot read {}", dir.display()))?
            .next()
            .is_none();
        ensure!(is_empty, "--data: {} is not empty; a demo starts from nothing", dir.display());
        Ok(Self::Kept(dir.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(dir) => dir,
        }
    }
}

pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode> {
    let home = Home::create(args.data.as_deref())?;
    let prints = feed::prints(args.observations.as_deref(), args.seed)?;
    let narrator = Narrator::start(args.json);
    narrator.say("demo", &format!("index from {}", feed::source(args.observations.as_deref())));
    // Opening and closing a venue block, so they stand outside the runtime.
    let venue = Venue::open(listing::options(home.path()))?;
    let life = perform(args, home.path(), &venue, prints, &narrator);
    let outcome = commands::runtime()?.block_on(life)?;
    let live_hash = venue.close()?.state_hash;
    let summary = checks::summarise(&outcome, live_hash, home.path())?;
    narrator.summary(&summary, args.json)?;
    if let Home::Kept(dir) = &home {
        narrator.say("demo", &format!("the venue's data stays in {}", dir.display()));
    }
    Ok(if summary.every_check_held() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The whole life: list, trade, expire, deliver, close.
async fn perform(
    args: &DemoArgs,
    dir: &Path,
    venue: &Venue,
    prints: feed::Prints,
    narrator: &Narrator,
) -> Result<checks::Outcome> {
    narrator.follow(venue);
    let address = args.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("--listen: cannot listen on {address}"))?;
    let url = format!("ws://{}/ws/api/v2", listener.local_addr()?);
    narrator.say("venue", &format!("listening on {url}"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(api::serve(venue.clone(), listener, async {
        // A dropped sender means the same as a sent word: stop.
        drop(stopped.await);
    }));

    // Whoever ends the demo early ends its processes, too: they are killed when they are dropped.
    let mut interrupt = commands::Interrupt::listen()?;
    let (roles, outcome) = tokio::select! {
        lived = live(args, dir, venue, (&url, &prints), narrator) => lived?,
        () = interrupt.heard() => bail!("ended before the life cycle was over"),
    };
    if !args.once {
        narrator.say("venue", &format!("still serving on {url}; Ctrl-C ends it"));
        interrupt.heard().await;
    }
    roles.stop();
    if stop.send(()).is_err() {
        narrator.say("venue", "the server has ended by itself");
    }
    server.await.context("the server broke")??;
    Ok(outcome)
}

/// From the first account to the last verdict.
async fn live(
    args: &DemoArgs,
    dir: &Path,
    venue: &Venue,
    (url, prints): (&str, &feed::Prints),
    narrator: &Narrator,
) -> Result<(delivery::Roles, checks::Outcome)> {
    let cast = Cast::hire(venue).await?;
    let roles = delivery::Roles::start(url, &cast, dir)?;
    roles.await_nominations(venue).await?;
    let series = listing::list(venue, narrator, prints).await?;
    let stage = trading::Stage { url, cast: &cast, venue, series: &series, narrator };
    trading::trade(&stage, args.seed, prints).await?;
    delivery::await_close(venue, &series).await?;
    Ok((roles, checks::Outcome::read(venue, &series)))
}
