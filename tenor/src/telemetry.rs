//! What the process says on its error stream: one line an event, whatever is in it, at levels that can be changed while it runs.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Bytes of a filter that is asked for at run time.
const FILTER_LEN_MAX: usize = 1_024;

/// How much is said, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LogArgs {
    /// Say more on the error stream: -v for the life cycle, -vv for every session.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Levels by owner, for example info,api::session=debug; instead of -v.
    #[arg(long, global = true, value_name = "FILTER", env = "TENOR_LOG")]
    pub(crate) log: Option<String>,
    /// One JSON object a line instead of text.
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
}

/// Begins to listen to what the process says of itself.
pub(crate) fn begin(args: &LogArgs) {
    let level = match args.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let asked = args.log.as_deref().map(EnvFilter::try_new).and_then(Result::ok);
    let (filter, handle) = reload::Layer::new(asked.unwrap_or_else(|| EnvFilter::new(level)));
    // Only the first listener counts.
    drop(FILTER.set(handle));
    let ansi = io::stderr().is_terminal() && !args.log_json;
    let writer = OneLine { ansi };
    let lines = tracing_subscriber::fmt::layer().with_ansi(ansi).with_writer(writer);
    let begun = if args.log_json {
        tracing_subscriber::registry().with(filter).with(lines.json()).try_init()
    } else {
        tracing_subscriber::registry().with(filter).with(lines).try_init()
    };
    drop(begun);
}

/// Changes what is said from now on.
pub(crate) fn change(filter: &str) -> Result<(), String> {
    if FILTER_LEN_MAX < filter.len() {
        return Err(format!("a filter has at most {FILTER_LEN_MAX} bytes"));
    }
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let handle = FILTER.get().ok_or("nothing is logged here")?;
    handle.reload(filter).map_err(|error| error.to_string())
}

/// The error stream, on which an event is one line: a client's text cannot make a second one, nor move a terminal's cursor.
#[derive(Debug, Clone, Copy)]
struct OneLine {
    /// Whether the formatter colours its own words, which are the only ones with escapes then.
    ansi: bool,
}

impl<'a> MakeWriter<'a> for OneLine {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for OneLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&one_line(event, self.ansi))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn one_line(event: &[u8], ansi: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(event);
    let body = text.strip_suffix('\n').unwrap_or(&text);
    let mut line = String::with_capacity(text.len().saturating_add(1));
    for letter in body.chars() {
        let breaks = letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
        if breaks && !(ansi && letter == '\u{1b}') {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line.push('\n');
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_021_an_event_is_one_line_whatever_is_in_it() {
        let check = |text: &str, ansi, expected: &str| {
            assert_eq!(String::from_utf8(one_line(text.as_bytes(), ansi)).unwrap(), expected);
        };
        check("plain words\n", false, "plain words\n");
        check("a\nERROR b\r\x1b[31m\0\n", false, "a\\nERROR b\\r\\u{1b}[31m\\u{0}\n");
        check("\x1b[31mred\n", true, "\x1b[31mred\n");
        check("a\u{2028}b\u{85}c", false, "a\\u{2028}b\\u{85}c\n");
    }
}
