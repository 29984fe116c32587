//! Says that something long is going on: a moving line on a terminal, a plain line when piped. Always on the error stream.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Something long; over when it is dropped.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Begins it.
    pub(crate) fn start(what: &str) -> Self {
        if !stderr().is_terminal() {
            // A closed error stream changes nothing about the work.
            drop(writeln!(stderr(), "{what} ..."));
            return Self(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
