//! What one can type. The doc comments are the help texts.

use std::net::SocketAddr;
use std::path::PathBuf;

use api::Network;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rust_decimal::Decimal;

use crate::admin::{AdminArgs, OperateArgs};
use crate::audit::VerifyAuditArgs;
use crate::delivery_attack::DeliveryAttackArgs;
use crate::grade::GradeCommand;
use crate::ledger::Day;
use crate::oracle_attack::AttackArgs;
use crate::oracle_explain::ExplainArgs;
use crate::oracle_feed::FeedArgs;
use crate::oracle_index::IndexArgs;
use crate::oracle_tape::{RecordArgs, TapeCommand};
use crate::oracle_verify::VerifyPrintsArgs;
use crate::provider::AgentTool;
use crate::telemetry::LogArgs;
use crate::transcript::TranscriptArgs;

const DEMO_SEED: u64 = 7;

/// An exchange for GPU-hours: listed, cleared, and physically delivered.
///
/// Without a subcommand it runs `demo`: a whole market on this machine, from the first order to verified delivery.
#[derive(Debug, Parser)]
#[command(name = "tenor", version, propagate_version = true, arg_required_else_help = false)]
pub(crate) struct Cli {
    /// What is said on the error stream.
    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole market on this machine, in about a minute.
    ///
    /// A real server with real sockets and a real journal in a fresh directory; makers, hedgers, two providers with agent processes on
    /// candle, one verifier. The calendar is compressed: listing, trading, index, variation, expiry, assignment, delivery, receipts,
    /// one injected shortfall, final close. Keeps serving until Ctrl-C, unless --once.
    Demo(DemoArgs),
    /// Run the exchange alone.
    Serve(ServeArgs),
    /// Look at a running venue, stop it, and let it go on.
    ///
    /// Through the operators' socket in the venue's directory, which the public cannot reach.
    Admin(AdminArgs),
    /// Deliver what your account owes: run the challenges on this machine's device and sign receipts.
    ///
    /// Without a subcommand it is the agent. The subcommands are a provider's tools; docs/providers.md begins with them.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Agent(AgentArgs),
    /// Verify deliveries: recompute opened rows on the CPU and give verdicts.
    ///
    /// Without a subcommand it is the verifier's role at a venue.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Verify(VerifyArgs),
    /// What hardware is deliverable: the grades, their terms, and what they really measure.
    #[command(subcommand)]
    Grade(GradeCommand),
    /// Your own work on hardware that is being delivered to you, and arguments about its result.
    #[command(subcommand)]
    Job(JobCommand),
    /// Accounts of a venue.
    #[command(subcommand)]
    Account(AccountCommand),
    /// The journal of a venue.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// The money of a venue, from its journal.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Who delivers to whom after the last trade of a series.
    #[command(subcommand)]
    Assignment(AssignmentCommand),
    /// Losses that others bore.
    #[command(subcommand)]
    Haircut(HaircutCommand),
    /// The price oracle.
    #[command(subcommand)]
    Oracle(OracleCommand),
    /// The proof of delivery.
    #[command(subcommand)]
    Delivery(DeliveryCommand),
    /// One order book alone.
    #[command(subcommand)]
    Book(BookCommand),
    /// Recompute the portfolio margin of positions in a file.
    ///
    /// The same scenarios and rules as the venue's, in floating point: 27 standard and 8 extended scenarios, the roll charge, the short
    /// option minimum, initial and maintenance margin.
    #[command(after_long_help = crate::margin::HELP)]
    Margin(FiguresArgs),
    /// Price one option, with its derivatives, or find its volatility.
    ///
    /// Black's formula on the price of the future, discounted at the rate.
    #[command(after_long_help = crate::option::HELP)]
    Option(FiguresArgs),
    /// Seeded worlds under a virtual clock.
    #[command(subcommand)]
    Sim(SimCommand),
    /// The worker process of an agent; started by `agent`, not by people.
    #[command(hide = true)]
    AgentWorker(WorkerArgs),
    /// The process that runs one job; started by `agent`, not by people.
    #[command(hide = true)]
    AgentJob(AgentJobArgs),
}

impl Command {
    /// Whether it reads, writes and ends: no other pipe than that of its output can break.
    pub(crate) const fn is_report(&self) -> bool {
        match self {
            Self::Oracle(OracleCommand::Reporter(_) | OracleCommand::Observe(_)) => false,
            Self::Journal(_)
            | Self::Ledger(_)
            | Self::Assignment(_)
            | Self::Haircut(_)
            | Self::Oracle(_)
            | Self::Delivery(_)
            | Self::Book(_)
            | Self::Margin(_)
            | Self::Option(_)
            | Self::Grade(_)
            | Self::Sim(_) => true,
            Self::Agent(args) => args.tool.is_some(),
            Self::Verify(args) => args.what.is_some(),
            Self::Demo(_)
            | Self::Serve(_)
            | Self::Admin(_)
            | Self::Job(_)
            | Self::Account(_)
            | Self::AgentWorker(_)
            | Self::AgentJob(_) => false,
        }
    }
}

impl Default for Command {
    fn default() -> Self {
        Self::Demo(DemoArgs {
            once: false,
            json: false,
            seed: DEMO_SEED,
            observations: None,
            listen: None,
            data: None,
        })
    }
}

/// A market in one command.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// End after the life cycle; exit 0 only if every check held.
    #[arg(long)]
    pub(crate) once: bool,
    /// Print nothing but one JSON summary on the output stream; the narration goes to the error stream.
    #[arg(long)]
    pub(crate) json: bool,
    /// What the participants' decisions are derived from.
    #[arg(long, default_value_t = DEMO_SEED)]
    pub(crate) seed: u64,
    /// Real observations for the index: CSV with ts,gpu_class,provider,configs,min,avg. A seeded generator when absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) observations: Option<PathBuf>,
    /// Where to listen; a free port of the loopback address when absent.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Keep the venue's data here (must be empty or absent). A temporary directory when absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// The exchange alone.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// The venue's directory; created if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where to listen, for example 127.0.0.1:8080. Port 0 picks a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Settings in TOML; see docs/operations.md.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What the grades measure: a file that `tenor grade calibrate` has written. Without it no grade has a floor.
    #[arg(long, value_name = "FILE")]
    pub(crate) grades: Option<PathBuf>,
    /// Open `private/faucet`: test money for everybody. A directory stays what it was created as.
    #[arg(long)]
    pub(crate) testnet: bool,
    /// A proxy whose X-Forwarded-For is believed: an address or a network. May be given again.
    #[arg(long, value_name = "NETWORK")]
    pub(crate) trusted_proxy: Vec<Network>,
    /// The host that wallets sign in to, as browsers show it.
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    pub(crate) domain: String,
    /// How many seconds a signed timestamp may be off, 1 to 60.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) signature_window: u64,
    /// How it is operated.
    #[command(flatten)]
    pub(crate) operate: OperateArgs,
    /// How much clients may ask for.
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// How much clients may ask for. Bounds are compiled in; docs/api-limits.md says which.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Connections at once.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    pub(crate) connections: u32,
    /// Connections at once from one address. A load generator needs more, and so does a proxy.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub(crate) connections_per_ip: u32,
    /// New connections a second; others wait.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub(crate) accepts_per_second: u32,
    /// New orders and changes a second of one account, five seconds' worth at once. As many quotes, twice as many cancels.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub(crate) orders_per_second: u32,
    /// Questions a second of one account, or of an address from which nobody has logged in.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub(crate) queries_per_second: u32,
    /// Refuse new orders while the oldest command has waited longer.
    #[arg(long, value_name = "MS", default_value_t = 50)]
    pub(crate) shed_orders_after: u64,
    /// Refuse cancels and orders that only reduce while it has waited longer.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub(crate) shed_cancels_after: u64,
    /// Every one of these at its bound: for load generators.
    #[arg(long)]
    pub(crate) lift_limits: bool,
}

/// How a role reaches its venue.
#[derive(Debug, Clone, Args)]
pub(crate) struct RoleArgs {
    /// The venue's WebSocket, for example ws://127.0.0.1:8080/ws/api/v2.
    #[arg(long, value_name = "WS")]
    pub(crate) url: String,
    /// From `tenor account create`.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// A file that holds the client secret and nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: PathBuf,
    /// A file that holds the signing key, 32 bytes in hex; created with a fresh key if absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// What to compute on.
    #[arg(long, value_enum, default_value_t = DeviceArg::Cpu)]
    pub(crate) device: DeviceArg,
    /// How an NVIDIA device reads the operands of products.
    #[arg(long, value_enum, default_value_t = PathArg::Tf32)]
    pub(crate) path: PathArg,
}

/// A verifier, or what can be verified without a venue.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// What to verify.
    #[command(subcommand)]
    pub(crate) what: Option<VerifyCommand>,
    #[command(flatten)]
    pub(crate) role: Option<RoleArgs>,
}

/// What can be verified without a venue.
#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Check the transcript of a delivery, offline: signatures, chain, draws, rows, rates, and the credited hours.
    ///
    /// Everything that can be computed is computed again on this CPU. Exits 0 when all of it holds, 1 on the first thing that does not,
    /// which is named with its line and its field, and 2 when the file cannot be read as a transcript.
    Transcript(TranscriptArgs),
    /// Check an audit log, offline: every hash, every signed head, and that nothing is missing up to a head that was kept.
    ///
    /// Exits 0 when all of it holds and 1 on the first line that does not, which is named with its file and number.
    Audit(VerifyAuditArgs),
}

/// A provider's delivery agent, or one of its tools.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// A tool.
    #[command(subcommand)]
    pub(crate) tool: Option<AgentTool>,
    #[command(flatten)]
    pub(crate) role: Option<RoleArgs>,
    /// Misbehave, for tests: `lie:N` claims wrong work from the N-th challenge on, `lie-once:N` in the N-th only, `silent:N` stops answering;
    /// `job-lie:N` and `job-lie-once:N` claim a wrong result of a buyer's job.
    #[arg(long, hide = true, value_name = "FAULT")]
    pub(crate) fault: Option<String>,
}

/// What the process of one job is told; it reads that itself.
#[derive(Debug, Clone, Args)]
pub(crate) struct AgentJobArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<std::ffi::OsString>,
}

/// A buyer's jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Write the demo job into a directory: its specification, weights and inputs.
    Demo(JobDemoArgs),
    /// Send a job to whoever delivers an obligation now, and print how it stands.
    Submit(JobSubmitArgs),
    /// Print how a job stands, and every change, until it has ended.
    Watch(JobArgs),
    /// Run a claimed job on this machine and compare. Exits 0 when the results are the same, 1 when they are not.
    Check(JobRunArgs),
    /// Take a claimed result.
    Accept(JobArgs),
    /// Run a claimed job on this machine and argue about its result until the referee has ruled. Stakes the fee and the prover's replay.
    Dispute(JobDisputeArgs),
}

/// How a buyer reaches its venue.
#[derive(Debug, Clone, Args)]
pub(crate) struct AccessArgs {
    /// The venue's WebSocket, for example ws://127.0.0.1:8080/ws/api/v2.
    #[arg(long, value_name = "WS")]
    pub(crate) url: String,
    /// From `tenor account create`.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// A file that holds the client secret and nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: PathBuf,
}

/// The demo job.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobDemoArgs {
    /// Where to write it; created if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Which of the two.
    #[arg(long, value_enum, default_value_t = DemoJobArg::Inference)]
    pub(crate) kind: DemoJobArg,
    /// Makes the job another one: a deliverer runs each once.
    #[arg(long, default_value_t = 1)]
    pub(crate) nonce: u64,
    /// For how long it may be begun, from now on.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) expires_in: u64,
}

/// A demo job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoJobArg {
    /// A block that predicts the next token.
    Inference,
    /// Steps of training.
    Training,
}

/// A job and the hardware it is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobSubmitArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Where spec.json, weights.safetensors and inputs.safetensors are.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Under which obligation.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) obligation: u64,
    /// What it is declared to take.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) gpu_seconds: u64,
}

/// One job.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Its number.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) job: u64,
}

/// One job, run here.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobRunArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// What to compute on.
    #[arg(long, value_enum, default_value_t = DeviceArg::Cpu)]
    pub(crate) device: DeviceArg,
}

/// An argument.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobDisputeArgs {
    #[command(flatten)]
    pub(crate) run: JobRunArgs,
    /// What running it here has cost, in dollars: the loser pays it.
    #[arg(long, value_name = "USD", default_value = "0")]
    pub(crate) replay_cost: String,
}

/// What to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceArg {
    /// This machine's processor.
    Cpu,
    /// An NVIDIA device; needs a binary of `cargo xtask cuda-build`.
    Cuda,
    /// An NVIDIA device if one can be used, or else this machine's processor.
    Auto,
}

/// How an NVIDIA device reads the operands of products. No bit of the work depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PathArg {
    /// On the cores for f32.
    F32,
    /// On tensor cores, as TF32.
    Tf32,
    /// On tensor cores, as bf16: the fastest; run the conformance vectors on the card first.
    Bf16,
}

/// The worker of an agent.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkerArgs {
    /// What to compute on.
    #[arg(long, value_enum, default_value_t = DeviceArg::Cpu)]
    pub(crate) device: DeviceArg,
    /// How an NVIDIA device reads the operands of products.
    #[arg(long, value_enum, default_value_t = PathArg::Tf32)]
    pub(crate) path: PathArg,
}

/// Accounts of a venue.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Open an account in a directory that no server has open, and print its keys.
    ///
    /// The secret is shown once; the venue keeps it in DIR/credentials.json.
    Create(AccountArgs),
    /// Let a wallet log in as an account and withdraw from it, in a directory that no server has open.
    ///
    /// A wallet that a key links over the API may log in and trade, and not withdraw.
    LinkWallet(LinkWalletArgs),
}

/// A wallet of an account.
#[derive(Debug, Clone, Args)]
pub(crate) struct LinkWalletArgs {
    /// The venue's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The account's name.
    #[arg(long)]
    pub(crate) name: String,
    /// The wallet's address, 20 bytes in hexadecimal.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) wallet: String,
}

/// A new account.
#[derive(Debug, Clone, Args)]
pub(crate) struct AccountArgs {
    /// The venue's directory; created if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Unique within the venue, at most 64 bytes.
    #[arg(long)]
    pub(crate) name: String,
    /// Create the directory as a test venue's.
    #[arg(long)]
    pub(crate) testnet: bool,
    /// Credit test money, in a test venue's directory only.
    #[arg(long, value_name = "USD")]
    pub(crate) deposit: Option<Decimal>,
    /// Let its verdicts count.
    #[arg(long)]
    pub(crate) verifier: bool,
    /// Say nothing but the JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The journal of a venue.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Check the chain of a journal and replay it from its first command.
    ///
    /// Any flipped byte before the last frame, or anywhere after a clean shutdown, is an error that names the file and the offset. An
    /// incomplete tail after a crash is reported and is not an error. Reads only.
    Verify(JournalArgs),
}

/// Which journal.
#[derive(Debug, Clone, Args)]
pub(crate) struct JournalArgs {
    /// The venue's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The money of a venue.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Say what an account had on a day, what moved and why, and what it has.
    ///
    /// Days are UTC. Without --day, every day on which something happened to the account. Opening and movements are the closing balance
    /// to the micro-dollar, or there is no statement. Replays the journal from its first command; reads only.
    Statement(StatementArgs),
    /// List every transfer of money, in order.
    ///
    /// One line each: command, time, transfer, chain, reason, from, to, amount in USD. Transfers are numbered without gaps. Replays the
    /// journal from its first command; reads only.
    Export(ExportArgs),
}

/// Whose money.
#[derive(Debug, Clone, Args)]
pub(crate) struct StatementArgs {
    /// The venue's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// One account, by its name. Without it every account, and the house's own buckets: the sum of all is zero.
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// One day, UTC, for example 2026-12-01.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) day: Option<Day>,
    /// Print one JSON object per day.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who delivers to whom after the last trade of a series.
#[derive(Debug, Subcommand)]
pub(crate) enum AssignmentCommand {
    /// Print a published assignment with everything that it follows from.
    ///
    /// Reads the journal of a directory and changes nothing in it. With --json the output is the file that `assignment verify` reads.
    Show(ShowAssignmentArgs),
    /// Make an assignment again from its published inputs, and say whether it is the one that was published.
    ///
    /// Exits 0 on a match. On a mismatch it names the first difference and exits 1. docs/assignment.md describes the file.
    Verify(VerifyAssignmentArgs),
}

/// Which assignment.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowAssignmentArgs {
    /// The venue's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The series' name.
    #[arg(long, value_name = "NAME")]
    pub(crate) instrument: String,
    /// Print the file that `assignment verify` reads.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which transfers.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    /// The venue's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Leave out what commands before this one moved.
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    pub(crate) from: u64,
    /// How to write them.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(crate) format: ExportFormat,
}

/// How transfers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Comma-separated, with a header.
    Csv,
    /// JSON lines.
    Json,
}

/// Which assignment, from a file or from a venue's directory.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyAssignmentArgs {
    /// A file that `assignment show --json` has printed.
    #[arg(value_name = "FILE", required_unless_present = "data")]
    pub(crate) file: Option<PathBuf>,
    /// The venue's directory: the journal is replayed, and the obligations are compared as well.
    #[arg(long, value_name = "DIR", conflicts_with = "file", requires = "instrument")]
    pub(crate) data: Option<PathBuf>,
    /// The series' name.
    #[arg(long, value_name = "NAME", requires = "data")]
    pub(crate) instrument: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Losses that others bore.
#[derive(Debug, Subcommand)]
pub(crate) enum HaircutCommand {
    /// Make a split of a loss again from its pages, and say whether it is the one that was published.
    ///
    /// Covers haircuts, draws on shares of the default fund, and close-outs. Exits 0 on a match. On a mismatch it names the first
    /// difference and exits 1. With all pages the whole split is made again; with some of them, each line is checked against the terms.
    Verify(VerifyHaircutArgs),
}

/// Which split, and whose line.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyHaircutArgs {
    /// Pages: the results of `private/get_loss_split`, one a file.
    #[arg(value_name = "FILE", required = true, num_args = 1..=4096)]
    pub(crate) files: Vec<PathBuf>,
    /// Say what this account bore or got.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) account: Option<u64>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The price oracle.
#[derive(Debug, Subcommand)]
pub(crate) enum OracleCommand {
    /// Run the index over a file of provider observations.
    ///
    /// In: CSV with the columns ts,gpu_class,provider,configs,min,avg, in USD per GPU-hour. Out: CSV with
    /// ts,grade,index,conf,state,providers, one row per grade and tick; a withheld print has no index.
    Index(IndexArgs),
    /// Fit the forward curve to quotes: one price per day of delivery, how sure it is, and which quotes contradict each other.
    #[command(after_long_help = crate::oracle_curve::HELP)]
    Curve(FiguresArgs),
    /// Record a file of provider observations, and every print that they give, on a tape.
    ///
    /// A tape is a directory: a log that is only ever added to, each row with a hash over itself and the one before, and the same rows in
    /// sled. Recording goes on where the tape ends.
    Record(RecordArgs),
    /// Recompute every print of a tape from its inputs, and check files, chain, signatures and roots. Exit code 1 on anything wrong.
    Verify(VerifyPrintsArgs),
    /// Say why a print is what it is: the voices, their weights and effects, and every gate.
    Explain(ExplainArgs),
    /// Ask a tape what was known when.
    #[command(subcommand)]
    Tape(TapeCommand),
    /// Attack the index and the plain averages in simulated markets, and print the table.
    Attack(AttackArgs),
    /// Run one of several reporters that agree on every tick's inputs and sign the reports that follow.
    ///
    /// docs/reporters.md describes the two settings files, the protocol, and what it does not tolerate.
    Reporter(crate::oracle_reporter::ReporterArgs),
    /// Sign a provider's statement and send it to reporters.
    ///
    /// Prints the signed statement in hexadecimal, then one line with each reporter's answer. Exits 1 when one refuses.
    Observe(crate::oracle_reporter::ObserveArgs),
    /// Check the proof that a provider said two things at once.
    ///
    /// Needs nothing but the file. Exits 0 when the proof holds.
    Equivocation(crate::oracle_reporter::EquivocationArgs),
    /// Check the signatures of a file of reports.
    Report(crate::oracle_reporter::ReportArgs),
    /// Read what a venue says in public: its body in, canonical records and observations out.
    ///
    /// A body that is not what the venue documents is refused, and the refusal names the field. docs/feeds.md describes the sources.
    Feed(FeedArgs),
}

/// One order book alone.
#[derive(Debug, Subcommand)]
pub(crate) enum BookCommand {
    /// Run commands through one bare book: JSON lines in, JSON lines out. No risk, no clearing.
    ///
    /// With --stream, run a binary command stream through the whole engine and say what it came to and how long a command took.
    #[command(after_long_help = crate::commands::BOOK_REPLAY_HELP)]
    Replay(ReplayArgs),
}

/// Which commands.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReplayArgs {
    /// JSON lines, or with --stream a command stream; `-` reads the input stream.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print events of every kind, as `"verbose":true` in the first line does.
    #[arg(long, conflicts_with = "stream")]
    pub(crate) all_events: bool,
    /// FILE is a binary command stream (magic CDXSTRM1).
    #[arg(long)]
    pub(crate) stream: bool,
    /// Print nothing but the JSON object of a stream.
    #[arg(long, requires = "stream")]
    pub(crate) json: bool,
}

/// Figures in a file.
#[derive(Debug, Clone, Args)]
pub(crate) struct FiguresArgs {
    /// One JSON object; `-` reads the input stream.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The proof of delivery.
#[derive(Debug, Subcommand)]
pub(crate) enum DeliveryCommand {
    /// Try every way of not delivering that we know, beside the odds of being caught.
    ///
    /// The attackers run the real program on small challenges and are judged by the real verifier; times come from a simulated clock.
    /// Fails when an attack is caught more or less often than computed, by more than four binomial standard deviations.
    Attack(DeliveryAttackArgs),
}

/// Seeded worlds.
#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Run one world: makers, hedgers, providers, a fault or two, and an auditor that trusts nobody.
    Run(SimArgs),
    /// The price trebles in an hour against one large short in a thin book: who lost, who paid, who was cut, to the micro-dollar.
    Crash(CrashArgs),
}

/// Which crash.
#[derive(Debug, Clone, Args)]
pub(crate) struct CrashArgs {
    /// What everything in the crash is derived from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which world.
#[derive(Debug, Clone, Args)]
pub(crate) struct SimArgs {
    /// What everything in the world is derived from; the same seed gives the same world on every machine.
    #[arg(long)]
    pub(crate) seed: u64,
    /// Virtual days to run.
    #[arg(long, default_value_t = 3)]
    pub(crate) days: u32,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
