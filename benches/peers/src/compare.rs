//! `peers compare`: every engine on every stream, each in a process of its own, and what comes of it as tables.

use crate::engines::{self, Entry};
use crate::run::Record;
use benches::streams::{Kind, SEED};
use clap::Args;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Streams that only our engine understands.
const ALONE: [&str; 2] = ["auction", "quotes"];

/// What to compare.
#[derive(Args)]
pub(crate) struct Compare {
    /// Streams by name, or paths of files that hold one; all named ones when absent
    #[arg(long, value_delimiter = ',')]
    streams: Vec<String>,
    /// Engines by name; all when absent
    #[arg(long, value_delimiter = ',')]
    engines: Vec<String>,
    /// How many commands of each stream, besides those that fill the books
    #[arg(long, default_value_t = 500_000)]
    commands: u32,
    /// What the streams are drawn from
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// How many passes at most
    #[arg(long, default_value_t = 5)]
    passes: u32,
    /// An engine that takes longer than so many seconds on a stream is stopped, and counts as slower; from then on it gets a quarter of it
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// Write all records to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What became of one engine on one stream.
enum Outcome {
    Measured(Record),
    Failed(String),
}

type Row = (&'static Entry, Outcome);

impl Compare {
    /// Runs everything and prints the tables.
    pub(crate) fn carry_out(&self) -> Result<(), String> {
        let engines = self.chosen()?;
        let named = || Kind::ALL.map(Kind::name).into_iter().chain(ALONE).map(str::to_owned);
        let streams: Vec<String> =
            if self.streams.is_empty() { named().collect() } else { self.streams.clone() };
        let pinned = is_there("taskset");
        let (mut records, mut verdicts, mut stopped) = (Vec::new(), Vec::new(), Vec::new());
        for stream in &streams {
            let mut rows = Vec::new();
            for entry in &engines {
                if ALONE.contains(&stream.as_str()) && entry.name != "tenor" {
                    continue;
                }
                eprintln!("{stream}: {}", entry.name);
                let patience =
                    if stopped.contains(&entry.name) { self.limit / 4 } else { self.limit };
                let outcome = self.measure((entry.name, stream), pinned, patience);
                if matches!(outcome, Outcome::Failed(_)) {
                    stopped.push(entry.name);
                }
                rows.push((*entry, outcome));
            }
            print_table(stream, &rows);
            verdicts.extend(verdict(stream, &rows));
            records.extend(rows.into_iter().filter_map(|(_, outcome)| match outcome {
                Outcome::Measured(record) => Some(record),
                Outcome::Failed(_) => None,
            }));
        }
        println!();
        verdicts.iter().for_each(|line| println!("{line}"));
        let Some(path) = &self.json else { return Ok(()) };
        let text = serde_json::to_string_pretty(&records).map_err(|error| error.to_string())?;
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn chosen(&self) -> Result<Vec<&'static Entry>, String> {
        if self.engines.is_empty() {
            return Ok(engines::ALL.iter().collect());
        }
        self.engines.iter().map(|name| engines::find(name)).collect()
    }

    /// One engine on one stream, in a process of its own: it may hang, or end.
    fn measure(&self, (engine, stream): (&str, &str), pinned: bool, seconds: u64) -> Outcome {
        let found = (|| {
            let own = std::env::current_exe().map_err(|error| error.to_string())?;
            let mut command = if pinned { Command::new("taskset") } else { Command::new(&own) };
            if pinned {
                command.args(["-c", &last_core().to_string()]).arg(&own);
            }
            command.args(["run", "--json", "--engine", engine, "--stream", stream]);
            command.args(["--commands", &self.commands.to_string()]);
            command.args(["--seed", &self.seed.to_string()]);
            command.args(["--passes", &self.passes.to_string()]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.spawn().map_err(|error| error.to_string())?;
            let line = wait(child, Duration::from_secs(seconds))?;
            serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))
        })();
        found.map_or_else(Outcome::Failed, Outcome::Measured)
    }
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The first core is the one that everything else lands on.
fn last_core() -> usize {
    std::thread::available_parallelism().map_or(0, |cores| cores.get() - 1)
}

/// What a process says, unless it takes too long or fails.
fn wait(mut child: Child, limit: Duration) -> Result<String, String> {
    let (send, said) = mpsc::channel();
    let mut out = child.stdout.take().ok_or("no pipe")?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        // It ends when the process does: then nobody holds the other end of the pipe.
        let read = out.read_to_string(&mut text).map(|_| text);
        send.send(read)
    });
    let Ok(text) = said.recv_timeout(limit) else {
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
        return Err(format!("stopped after {} s", limit.as_secs()));
    };
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() && reader.join().is_ok_and(|sent| sent.is_ok()) {
        return text.map_err(|error| error.to_string());
    }
    let mut reason = String::new();
    child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut reason));
    let reason = reason.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{status}: {}", reason.chars().take(100).collect::<String>()))
}

fn print_table(stream: &str, rows: &[Row]) {
    println!(
        "\n{stream:<14} {:>9} {:>7} {:>7} {:>7} {:>7} {:>8}  trades",
        "ns", "x limit", "p50", "p99", "p99.9", "allocs"
    );
    for (entry, outcome) in rows {
        match outcome {
            Outcome::Failed(reason) => println!("{:<14} {reason}", entry.name),
            Outcome::Measured(record) => {
                let ratio = record.ratio().map_or(String::new(), |ratio| format!("{ratio:.2}"));
                let trades = record.differs.clone();
                let trades = trades.unwrap_or_else(|| record.trades.to_string());
                println!(
                    "{:<14} {:>9.1} {ratio:>7} {:>7} {:>7} {:>7} {:>8.3}  {trades}",
                    entry.name, record.ns, record.p50, record.p99, record.p999, record.allocations
                );
            }
        }
    }
    let clocks = rows.iter().filter_map(|(_, outcome)| match outcome {
        Outcome::Measured(record) => Some(record.clock_ns),
        Outcome::Failed(_) => None,
    });
    if let Some(clock) = clocks.max() {
        println!("single commands are less the clock's own {clock} ns");
    }
}

/// Whether ours is ahead of every peer on a stream; silent where there is nothing to compare.
fn verdict(stream: &str, rows: &[Row]) -> Option<String> {
    let ours = rows.iter().find_map(|(entry, outcome)| match outcome {
        Outcome::Measured(record) if entry.name == "tenor" => Some(record),
        _ => None,
    })?;
    if let Some(differs) = &ours.differs {
        return Some(format!("{stream}: tenor makes other trades: {differs}"));
    }
    let ahead = ours.ratio()?;
    let peers = rows.iter().filter(|(entry, _)| entry.is_peer);
    let mut measured = Vec::new();
    for (entry, outcome) in peers {
        if let Outcome::Measured(record) = outcome
            && let Some(ratio) = record.ratio()
        {
            measured.push((entry.name, ratio, record.differs.is_some()));
        }
    }
    measured.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (name, ratio, differs) = *measured.first()?;
    let note = if differs { ", which makes other trades" } else { "" };
    Some(if ahead < ratio {
        format!(
            "{stream}: tenor is ahead of every peer, {:.1} times of {name}{note}",
            ratio / ahead
        )
    } else {
        format!(
            "{stream}: tenor is BEHIND {name}{note}: {ahead:.2} against {ratio:.2} times the limit"
        )
    })
}
