//! Who an operator is: the owner of the directory, or whoever has a token. Only hashes of tokens are kept.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use instruments::{Nanos, NanosSpan};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::action::Action;
use crate::venue::{DirectoryError, random_bytes, read_file, replace_file};

/// Operators of one venue.
pub const OPERATORS_MAX: usize = 64;
/// Bytes of an operator's name.
const NAME_LEN_MAX: usize = 64;
/// How long one operator's word waits for another's.
const AGREE_WITHIN: NanosSpan = NanosSpan::from_seconds(600);

/// Why operators' tokens cannot be used.
#[derive(Debug, Error)]
pub enum OperatorsError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Others can read it.
    #[error("{path} can be read by others: its mode is {mode:o}, it must be 600")]
    Readable {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The system gave no answer about it.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{path} is not a list of operators")]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// A name that would not be one word of a log line.
    #[error("an operator's name has 1 to {NAME_LEN_MAX} letters, digits, dots and dashes")]
    BadName,
    /// There are enough.
    #[error("a venue has at most {OPERATORS_MAX} operators")]
    TooMany,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Actor {
    /// Whoever owns the venue's directory.
    Owner,
    /// Whoever has this operator's token.
    Named(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::Named(name) => write!(f, "operator {name}"),
        }
    }
}

/// The operators' tokens, as hashes.
pub(super) struct Who(BTreeMap<String, [u8; 32]>);

fn path_in(dir: &Path) -> PathBuf {
    dir.join("operators.json")
}

impl Who {
    pub(super) fn load(dir: &Path) -> Result<Self, OperatorsError> {
        let path = path_in(dir);
        let Some(text) = read_file(&path)? else { return Ok(Self(BTreeMap::new())) };
        let metadata = std::fs::metadata(&path)
            .map_err(|source| OperatorsError::Io { path: path.clone(), source })?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(OperatorsError::Readable { path, mode });
        }
        let malformed = || OperatorsError::Malformed { path: path.clone() };
        let listed: BTreeMap<String, String> =
            serde_json::from_str(&text).map_err(|_not_json| malformed())?;
        if OPERATORS_MAX < listed.len() {
            return Err(OperatorsError::TooMany);
        }
        let mut hashes = BTreeMap::new();
        for (name, hash) in listed {
            check_name(&name)?;
            let mut bytes = [0; 32];
            hex::decode_to_slice(&hash, &mut bytes).map_err(|_not_a_hash| malformed())?;
            hashes.insert(name, bytes);
        }
        Ok(Self(hashes))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whose token it is. Every hash is compared, so that the time says nothing.
    pub(super) fn named(&self, token: &str) -> Option<Actor> {
        let hash = blake3::hash(token.as_bytes());
        let mut found = None;
        for (name, known) in &self.0 {
            if bool::from(known.ct_eq(hash.as_bytes())) {
                found = Some(Actor::Named(name.clone()));
            }
        }
        found
    }
}

fn check_name(name: &str) -> Result<(), OperatorsError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(OperatorsError::BadName)
}

/// Gives an operator a token, instead of the one it may have had. It counts from the next start of the venue on.
///
/// # Errors
/// [`OperatorsError`].
pub fn add_operator(dir: &Path, name: &str) -> Result<String, OperatorsError> {
    check_name(name)?;
    let mut known = Who::load(dir)?.0;
    let token = hex::encode(random_bytes().map_err(DirectoryError::from)?);
    known.insert(name.to_owned(), *blake3::hash(token.as_bytes()).as_bytes());
    if OPERATORS_MAX < known.len() {
        return Err(OperatorsError::TooMany);
    }
    let listed: BTreeMap<&String, String> =
        known.iter().map(|(name, hash)| (name, hex::encode(hash))).collect();
    let text = serde_json::to_vec_pretty(&listed)
        .map_err(|_never| OperatorsError::Malformed { path: path_in(dir) })?;
    replace_file(&path_in(dir), &text)?;
    Ok(token)
}

/// OPS-016: what one operator has asked for and another may confirm. One thing at a time.
#[derive(Default)]
pub(super) struct TwoPersons(Mutex<Option<(String, Action, Nanos)>>);

impl TwoPersons {
    /// Whether two have now asked for the same.
    pub(super) fn agree(
        &self,
        actor: &Actor,
        action: &Action,
        now: Nanos,
    ) -> Result<bool, &'static str> {
        let Actor::Named(name) = actor else {
            return Err("this needs two operators, each with a token");
        };
        let mut waiting = self.0.lock();
        if let Some((first, asked, at)) = &*waiting
            && first != name
            && asked == action
            && now.since(*at) <= AGREE_WITHIN
        {
            *waiting = None;
            return Ok(true);
        }
        *waiting = Some((name.clone(), action.clone(), now));
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_016_two_operators_ask_for_the_same_within_ten_minutes() {
        let two = TwoPersons::default();
        let (alice, bob) = (Actor::Named("alice".to_owned()), Actor::Named("bob".to_owned()));
        let open = Action::Open { series: None };
        let other = Action::Open { series: Some("H100".to_owned()) };
        let at = Nanos::from_seconds;
        assert!(
            two.agree(&Actor::Owner, &open, at(0)).is_err(),
            "the owner is nobody in particular"
        );
        assert_eq!(two.agree(&alice, &open, at(0)), Ok(false));
        assert_eq!(two.agree(&alice, &open, at(1)), Ok(false), "one is one, however often");
        assert_eq!(two.agree(&bob, &other, at(2)), Ok(false), "another thing");
        assert_eq!(two.agree(&alice, &open, at(3)), Ok(false));
        assert_eq!(two.agree(&bob, &open, at(604)), Ok(false), "too late");
        assert_eq!(two.agree(&alice, &open, at(605)), Ok(true));
        assert_eq!(two.agree(&bob, &open, at(606)), Ok(false), "it was used");
    }

    #[test]
    fn ops_015_tokens_are_kept_as_hashes_in_a_file_of_their_owner() {
        let dir = tempfile::tempdir().expect("a directory");
        let token = add_operator(dir.path(), "alice").expect("added");
        let who = Who::load(dir.path()).expect("loads");
        assert_eq!(who.named(&token), Some(Actor::Named("alice".to_owned())));
        assert_eq!(who.named("guess"), None);
        let path = path_in(dir.path());
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains(&token), "the token itself is not kept");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, open).expect("changed");
        assert!(matches!(Who::load(dir.path()), Err(OperatorsError::Readable { mode: 0o644, .. })));
        assert!(matches!(
            add_operator(dir.path(), "a b"),
            Err(OperatorsError::Readable { .. } | OperatorsError::BadName)
        ));
    }
}
