//! `tenor admin`: what operators ask of a running venue, over its own socket.

use std::io::{Read, Write, stdout};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::operator::{Action, OperatorOptions, SOCKET, add_operator};
use api::venue::{RUNG_MAX, RestartLadder, WatchOptions};
use clap::{Args, Subcommand};
use serde::Deserialize;

use crate::telemetry;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer: a venue with every series it may have fits.
const ANSWER_LEN_MAX: u64 = 16 * 1_048_576;

/// How a venue is operated.
#[derive(Debug, Clone, Args)]
pub(crate) struct OperateArgs {
    /// After a restart: so long cancels only, then so long what rests without trading, for example 30s,30s. Opens at once when absent.
    #[arg(long, value_name = "SPAN,SPAN", value_parser = parse_ladder)]
    pub(crate) ladder: Option<RestartLadder>,
    /// A loopback address for operators besides their socket, with tokens.
    #[arg(long, value_name = "ADDR")]
    pub(crate) operator_listen: Option<SocketAddr>,
    /// What lets more through needs two operators with tokens.
    #[arg(long)]
    pub(crate) two_person: bool,
    /// Show /metrics on the public listener, too.
    #[arg(long)]
    pub(crate) public_metrics: bool,
    /// Be ready only while every index of a series that trades is no older than so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) ready_index_age: Option<u64>,
}

impl OperateArgs {
    pub(crate) fn watch(&self) -> WatchOptions {
        WatchOptions {
            index_age_max: self.ready_index_age.map(Duration::from_secs),
            public_metrics: self.public_metrics,
        }
    }

    pub(crate) fn operators(&self, data_dir: PathBuf) -> OperatorOptions {
        OperatorOptions {
            data_dir,
            listen: self.operator_listen,
            two_person: self.two_person,
            set_log: Some(std::sync::Arc::new(telemetry::change)),
        }
    }
}

/// One or two spans such as `30s` and `500ms`.
fn parse_ladder(text: &str) -> Result<RestartLadder> {
    let mut rungs = text.split(',');
    let cancel_only = rungs.next().map(rung).transpose()?.unwrap_or_default();
    let post_only = rungs.next().map(rung).transpose()?.unwrap_or_default();
    ensure!(rungs.next().is_none(), "a ladder has at most two rungs: cancel-only, post-only");
    Ok(RestartLadder { cancel_only, post_only })
}

fn rung(text: &str) -> Result<Duration> {
    let (number, is_millis) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, true),
        (None, Some(number)) => (number, false),
        (None, None) => bail!("a rung is a span such as 30s or 500ms, not {text:?}"),
    };
    let number: u64 = number.parse().with_context(|| format!("{text:?}"))?;
    let span = if is_millis { Duration::from_millis(number) } else { Duration::from_secs(number) };
    ensure!(span <= RUNG_MAX, "a rung is {} s at most, not {text}", RUNG_MAX.as_secs());
    Ok(span)
}

/// What is asked, and of which venue.
#[derive(Debug, Clone, Args)]
pub(crate) struct AdminArgs {
    /// The venue's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Through this loopback address instead of the socket.
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
    /// A file that holds your operator's token and nothing else.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What.
    #[command(subcommand)]
    what: What,
}

/// What operators ask.
#[derive(Debug, Clone, Subcommand)]
enum What {
    /// What is let through, and who is stopped.
    Status,
    /// What waits where.
    Queues,
    /// Who is connected.
    Sessions,
    /// Every series and what it lets through.
    Series,
    /// The figures, as Prometheus reads them.
    Metrics,
    /// Let through cancels only, and no money out.
    Halt(Where),
    /// Let through cancels only.
    CancelOnly(Where),
    /// Let through what rests without trading, too.
    PostOnly(Where),
    /// Let everything through, and end the restart ladder.
    Open(Where),
    /// Cancel everything of an account and let it do nothing new.
    Kill(Account),
    /// Let an account go on.
    Revive(Account),
    /// List the standard cycle of every grade in a file, as far as it is missing.
    ListSeries {
        /// TOML: `[[series]]` with `grade` and `per_hour`, its first mark in dollars.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// End the venue in order, and tell its clients first.
    Drain,
    /// Change what is logged.
    Log {
        /// For example info,api::session=debug.
        level: String,
    },
    /// Give an operator a token; it counts from the venue's next start on.
    AddOperator {
        /// Letters, digits, dots and dashes.
        name: String,
    },
}

/// Where.
#[derive(Debug, Clone, Args)]
struct Where {
    /// One series; the whole venue when absent.
    #[arg(long, value_name = "NAME")]
    series: Option<String>,
}

/// Whose.
#[derive(Debug, Clone, Args)]
struct Account {
    /// The account's name.
    #[arg(value_name = "ACCOUNT")]
    account: String,
}

/// Grades to be listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    series: Vec<ListLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListLine {
    grade: String,
    per_hour: String,
}

pub(crate) fn run(args: &AdminArgs) -> Result<ExitCode> {
    let series = |it: &Where| it.series.clone();
    let actions = match &args.what {
        What::Status => return show(args, "/status"),
        What::Queues => return show(args, "/queues"),
        What::Sessions => return show(args, "/sessions"),
        What::Series => return show(args, "/series"),
        What::Metrics => return show(args, "/metrics"),
        What::AddOperator { name } => {
            writeln!(stdout().lock(), "{}", add_operator(&args.dir, name)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        What::Halt(it) => vec![Action::Halt { series: series(it) }],
        What::CancelOnly(it) => vec![Action::CancelOnly { series: series(it) }],
        What::PostOnly(it) => vec![Action::PostOnly { series: series(it) }],
        What::Open(it) => vec![Action::Open { series: series(it) }],
        What::Kill(it) => vec![Action::Kill { account: it.account.clone() }],
        What::Revive(it) => vec![Action::Revive { account: it.account.clone() }],
        What::Drain => vec![Action::Drain],
        What::Log { level } => vec![Action::Log { level: level.clone() }],
        What::ListSeries { file } => listed(file)?,
    };
    for action in actions {
        let body = serde_json::to_string(&action)?;
        writeln!(stdout().lock(), "{}", ask(args, "POST", "/do", &body)?.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(file: &std::path::Path) -> Result<Vec<Action>> {
    let field = || format!("cannot read {}", file.display());
    let text = std::fs::read_to_string(file).with_context(field)?;
    let listed: ListFile = toml::from_str(&text).with_context(field)?;
    let of = |line: ListLine| Action::ListSeries { grade: line.grade, per_hour: line.per_hour };
    Ok(listed.series.into_iter().map(of).collect())
}

fn show(args: &AdminArgs, path: &str) -> Result<ExitCode> {
    writeln!(stdout().lock(), "{}", ask(args, "GET", path, "")?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// One request and its answer, which is an error where the venue says so.
fn ask(args: &AdminArgs, verb: &str, path: &str, body: &str) -> Result<String> {
    let token = match &args.token_file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("--token-file: cannot read {}", file.display()))?;
            format!("authorization: Bearer {}\r\n", text.trim())
        }
        None => String::new(),
    };
    let request = format!(
        "{verb} {path} HTTP/1.1\r\nhost: operator\r\n{token}content-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = match args.address {
        Some(address) => {
            let stream = TcpStream::connect(address)
                .with_context(|| format!("no venue answers at {address}"))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, &request)?
        }
        None => {
            let path = args.dir.join(SOCKET);
            let stream = UnixStream::connect(&path)
                .with_context(|| format!("no venue answers at {}", path.display()))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, &request)?
        }
    };
    let (head, body) = answer.split_once("\r\n\r\n").context("not an answer of a venue")?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        let told: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        bail!("{}", told["error"].as_str().unwrap_or(body));
    }
    Ok(body.to_owned())
}

fn exchange(mut stream: impl Read + Write, request: &str) -> Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_LEN_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_011_a_ladder_is_one_or_two_spans() {
        let ladder = |text| parse_ladder(text).ok();
        let of = |cancel_only, post_only| {
            let millis = Duration::from_millis;
            Some(RestartLadder { cancel_only: millis(cancel_only), post_only: millis(post_only) })
        };
        assert_eq!(ladder("30s,20s"), of(30_000, 20_000));
        assert_eq!(ladder("500ms"), of(500, 0));
        assert_eq!(ladder("0s,5s"), of(0, 5_000));
        for wrong in ["", "30", "1s,2s,3s", "3601s", "-1s", "1h"] {
            assert_eq!(ladder(wrong), None, "{wrong}");
        }
    }
}
