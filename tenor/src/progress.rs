//! Says that something long is going on: a moving line on a terminal, a plain line when piped. Always on the error stream.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Something long; over when it is dropped.
pub(crate) struct Progress {
    what: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins it.
    pub(crate) fn start(what: &str) -> Self {
        if !stderr().is_terminal() {
            // A closed error stream changes nothing about the work.
            drop(writeln!(stderr(), "{what} ..."));
            return Self { what: what.to_owned(), bar: None };
        }
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { what: what.to_owned(), bar: Some(bar) }
    }

    /// So many parts of so many are finished: shown at once on a terminal, in tenths when piped.
    pub(crate) fn at(&self, done: usize, all: usize) {
        let said = format!("{} {done}/{all}", self.what);
        match &self.bar {
            Some(bar) => bar.set_message(said),
            None if done * 10 / all.max(1) != done.saturating_sub(1) * 10 / all.max(1) => {
                // A closed error stream changes nothing about the work.
                drop(writeln!(stderr(), "{said}"));
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
