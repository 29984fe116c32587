//! Who may log in as which account: `DIR/credentials.json`. Keys never enter the journal.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use instruments::AccountId;
use serde::{Deserialize, Serialize};

use super::directory::{DirectoryError, random_bytes, read_file, replace_file};

/// A client's id and secret, and the account they open.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// What the client calls itself. Not a secret.
    pub client_id: String,
    /// What only the client knows, and we.
    pub client_secret: String,
    /// Whose session it opens.
    pub account: AccountId,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("client_id", &self.client_id)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsFile {
    credentials: Vec<CredentialEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialEntry {
    client_id: String,
    client_secret: String,
    account: u64,
}

/// All credentials of a venue, by client id.
pub(crate) struct Credentials {
    path: PathBuf,
    by_client_id: BTreeMap<String, Credential>,
}

impl Credentials {
    /// Reads the file; none means nobody may log in yet.
    pub(crate) fn load(path: &Path) -> Result<Self, DirectoryError> {
        let malformed = || DirectoryError::Malformed {
            path: path.to_owned(),
            expected: "a list of credentials in JSON",
        };
        let entries = match read_file(path)? {
            None => Vec::new(),
            Some(text) => {
                let file: CredentialsFile =
                    serde_json::from_str(&text).map_err(|_error| malformed())?;
                file.credentials
            }
        };
        let by_client_id = entries
            .into_iter()
            .map(|entry| {
                let credential = Credential {
                    client_id: entry.client_id,
                    client_secret: entry.client_secret,
                    account: AccountId(entry.account),
                };
                (credential.client_id.clone(), credential)
            })
            .collect();
        Ok(Self { path: path.to_owned(), by_client_id })
    }

    pub(crate) fn get(&self, client_id: &str) -> Option<&Credential> {
        self.by_client_id.get(client_id)
    }

    pub(crate) fn of_account(&self, account: AccountId) -> Option<&Credential> {
        self.by_client_id.values().find(|credential| credential.account == account)
    }

    /// Draws a credential for `account` and has it on disk before it is given out.
    pub(crate) fn issue(&mut self, account: AccountId) -> Result<Credential, DirectoryError> {
        let id = random_bytes()?;
        let credential = Credential {
            // 64 bits: names nobody has to guess, short enough to read aloud.
            client_id: hex::encode(&id[..8]),
            client_secret: hex::encode(random_bytes()?),
            account,
        };
        let mut all = self.by_client_id.clone();
        all.insert(credential.client_id.clone(), credential.clone());
        let entries = all.values().map(|credential| CredentialEntry {
            client_id: credential.client_id.clone(),
            client_secret: credential.client_secret.clone(),
            account: credential.account.0,
        });
        let file = CredentialsFile { credentials: entries.collect() };
        let text = serde_json::to_vec_pretty(&file).map_err(|_error| {
            DirectoryError::Malformed { path: self.path.clone(), expected: "writable as JSON" }
        })?;
        replace_file(&self.path, &text)?;
        self.by_client_id = all;
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_survives_a_restart_and_its_secret_is_not_printed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.json");
        let issued = Credentials::load(&path).unwrap().issue(AccountId(7)).unwrap();

        let loaded = Credentials::load(&path).unwrap();
        assert_eq!(loaded.get(&issued.client_id), Some(&issued));
        assert_eq!(loaded.of_account(AccountId(7)), Some(&issued));
        assert_eq!(issued.client_secret.len(), 64);
        assert!(!format!("{issued:?}").contains(&issued.client_secret));
    }

    #[test]
    fn a_file_that_is_not_a_list_of_credentials_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.json");
        std::fs::write(&path, r#"{"credentials":[{"client_id":"a"}]}"#).unwrap();
        assert!(matches!(Credentials::load(&path), Err(DirectoryError::Malformed { .. })));
    }
}
