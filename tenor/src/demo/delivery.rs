//! The delivery roles as processes of their own: two agents, one of which claims work it has not done, and a verifier.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::venue::Venue;
use exchange::{Event, SeriesState};
use tokio::process::{Child, Command};
use tokio::sync::broadcast::error::RecvError;

use super::cast::{Cast, Player, RoleFiles};
use super::listing::DemoSeries;

/// From starting a process to its nomination.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// From the end of trading to the last verdict.
const CLOSED_WITHIN: Duration = Duration::from_secs(180);

/// The running processes. They end with this value.
pub(super) struct Roles {
    children: Vec<(&'static str, Child)>,
}

impl Roles {
    /// Starts them against the venue's public socket; they know nothing that a stranger would not.
    pub(super) fn start(url: &str, cast: &Cast, dir: &Path) -> Result<Self> {
        let [honest, liar] = &cast.providers;
        let start = |role: &str, player: &Player, fault: Option<&str>| {
            let files = RoleFiles::write(dir, player)?;
            let mut command = Command::new(std::env::current_exe()?);
            command
                .arg(role)
                .args(["--url", url, "--client-id", &player.credential.client_id])
                .arg("--client-secret-file")
                .arg(&files.secret)
                .arg("--key")
                .arg(&files.key)
                .args(fault.map(|fault| ["--fault", fault]).into_iter().flatten())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .kill_on_drop(true);
            let child = command.spawn().with_context(|| format!("cannot start {}", player.name))?;
            anyhow::Ok((player.name, child))
        };
        let children = vec![
            start("agent", honest, None)?,
            start("agent", liar, Some("lie-once:2"))?,
            start("verify", &cast.verifier, None)?,
        ];
        Ok(Self { children })
    }

    /// Waits until both agents have nominated their keys.
    pub(super) async fn await_nominations(&self, venue: &Venue) -> Result<()> {
        let mut published = venue.subscribe();
        let nominated = |venue: &Venue| {
            venue.exchange().accounts().filter(|(_, account)| account.signer.is_some()).count()
        };
        let wait = async {
            while nominated(venue) < 2 {
                match published.recv().await {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => bail!("the venue stopped"),
                }
            }
            Ok(())
        };
        tokio::time::timeout(READY_WITHIN, wait)
            .await
            .with_context(|| format!("the agents were not ready within {READY_WITHIN:?}"))?
    }

    /// Ends the processes.
    pub(super) fn stop(mut self) {
        for (_, child) in &mut self.children {
            // One that has ended by itself needs no killing.
            drop(child.start_kill());
        }
    }
}

/// Waits until every obligation of the series is closed.
pub(super) async fn await_close(venue: &Venue, listed: &DemoSeries) -> Result<()> {
    let mut published = venue.subscribe();
    let is_over = |venue: &Venue| {
        let exchange = venue.exchange();
        let series = exchange.series_by_id(listed.future.id);
        let is_assigned = series.is_some_and(|series| {
            matches!(series.state, SeriesState::Delivering | SeriesState::Closed)
        });
        is_assigned && exchange.deliveries().all(|delivery| delivery.obligation.closed)
    };
    let wait = async {
        while !is_over(venue) {
            match published.recv().await {
                Ok(part) => {
                    let defaulted = part
                        .events
                        .iter()
                        .any(|event| matches!(event, Event::BuyerDefaulted { .. }));
                    ensure!(!defaulted, "a buyer could not prefund");
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => bail!("the venue stopped"),
            }
        }
        Ok(())
    };
    tokio::time::timeout(CLOSED_WITHIN, wait)
        .await
        .with_context(|| format!("the obligations were not closed within {CLOSED_WITHIN:?}"))?
}
