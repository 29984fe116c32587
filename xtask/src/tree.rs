//! The files a commit would hold: what git tracks, and what it neither tracks nor ignores.

use crate::source::Source;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// Every file of the tree, read once.
#[derive(Default)]
pub(crate) struct Tree {
    /// All files, in the order of their paths.
    pub(crate) files: Vec<File>,
    /// The Rust files among them, scanned.
    pub(crate) sources: Vec<Source>,
}

/// One file.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// Its length.
    pub(crate) bytes: usize,
    /// Its text; `None` if it is not UTF-8.
    pub(crate) text: Option<String>,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, or the crate.
    pub(crate) path: String,
    /// The line, from one; zero for the file as a whole.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.path, self.message)
        } else {
            write!(f, "{}:{}: {}", self.path, self.line, self.message)
        }
    }
}

impl Tree {
    /// Reads the files below `root` that git does not ignore.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("git ls-files")?;
        ensure!(listing.status.success(), "git ls-files: {}", listing.status);
        let listing = String::from_utf8(listing.stdout).context("a file name is not UTF-8")?;
        let mut paths: Vec<&str> = listing.split_terminator('\0').collect();
        paths.sort_unstable();
        paths.dedup();
        let mut tree = Self::default();
        for path in paths {
            // A file deleted but not yet staged is still listed.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                tree.add(path, bytes);
            }
        }
        Ok(tree)
    }

    /// Adds one file.
    pub(crate) fn add(&mut self, path: &str, bytes: Vec<u8>) {
        let length = bytes.len();
        let text = String::from_utf8(bytes).ok();
        if let Some(text) = text.as_ref().filter(|_| path.ends_with(".rs")) {
            self.sources.push(Source::scan(path, text.clone()));
        }
        self.files.push(File { path: path.to_owned(), bytes: length, text });
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// A tree made by a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add(path, text.as_bytes().to_vec());
        }
        tree
    }
}
