//! Who plays: two market makers, two startups that need compute, two providers that have it, one verifier.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use api::venue::{Credential, Venue};
use exchange::{Command, Event};

/// A participant with its keys.
pub(super) struct Player {
    pub(super) name: &'static str,
    pub(super) credential: Credential,
}

/// All participants.
pub(super) struct Cast {
    pub(super) makers: [Player; 2],
    pub(super) startups: [Player; 2],
    pub(super) providers: [Player; 2],
    pub(super) verifier: Player,
}

impl Cast {
    /// Opens everybody's account.
    pub(super) async fn hire(venue: &Venue) -> Result<Self> {
        Ok(Self {
            makers: [hire(venue, "maker-north").await?, hire(venue, "maker-south").await?],
            startups: [hire(venue, "startup-lynx").await?, hire(venue, "startup-orca").await?],
            providers: [hire(venue, "provider-alpha").await?, hire(venue, "provider-beta").await?],
            verifier: hire(venue, VERIFIER).await?,
        })
    }
}

const VERIFIER: &str = "verifier-one";

async fn hire(venue: &Venue, name: &'static str) -> Result<Player> {
    let is_verifier = name == VERIFIER;
    let open = Command::OpenAccount { name: name.to_owned(), is_verifier };
    let outcome = venue.submit(open).await?;
    for event in &outcome.events {
        if let Event::AccountOpened { account, .. } = event {
            return Ok(Player { name, credential: venue.issue_credential(*account)? });
        }
    }
    bail!("the account of {name} was refused: {:?}", outcome.events)
}

/// Where a role's secret and key lie: files that only this user reads.
pub(super) struct RoleFiles {
    pub(super) secret: PathBuf,
    pub(super) key: PathBuf,
}

impl RoleFiles {
    pub(super) fn write(dir: &Path, player: &Player) -> Result<Self> {
        let keys = dir.join("roles");
        std::fs::create_dir_all(&keys)?;
        let secret = keys.join(format!("{}.secret", player.name));
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&secret)
            .and_then(|mut file| file.write_all(player.credential.client_secret.as_bytes()))
            .with_context(|| format!("cannot write {}", secret.display()))?;
        Ok(Self { secret, key: keys.join(format!("{}.key", player.name)) })
    }
}
