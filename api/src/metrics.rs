//! Figures for operators, in Prometheus' text format.
//!
//! Two sorts: what is counted as it happens, and what is read from the venue when somebody asks. Every label has a bounded set of words:
//! kinds of commands, codes of errors, grades. No account, client, order or address is ever a label.

mod kind;

use exchange::{Command, Exchange, TradingState};
use instruments::{Nanos, NanosSpan};
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

use crate::operator::Action;
use crate::venue::Venue;
use crate::wire::ErrorCode;

/// What the text is, for whoever reads it over HTTP.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Seconds: from what a loopback takes to what nobody waits for.
const WAITS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
/// Commands of one frame.
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0];

/// All of them.
pub(crate) struct Metrics {
    registry: Registry,
    commands: IntCounterVec,
    refusals: IntCounterVec,
    order_ack: Histogram,
    batch: Histogram,
    journal_append: Histogram,
    journal_seq: IntGauge,
    journal_bytes: IntCounter,
    inbox_waiting: IntGauge,
    pub(crate) messages_sent: IntCounter,
    pub(crate) resyncs: IntCounter,
    pub(crate) slow_consumers: IntCounter,
    logins: IntCounterVec,
    operator_actions: IntCounterVec,
    snapshots: IntCounterVec,
    history_seq: IntGauge,
    read: Read,
}

/// What is read when somebody asks.
struct Read {
    sessions: IntGauge,
    subscriptions: IntGauge,
    accounts: IntGauge,
    accounts_killed: IntGauge,
    series: IntGauge,
    series_stopped: IntGauge,
    trading_state: IntGauge,
    restart_state: IntGauge,
    draining: IntGauge,
    open_orders: IntGauge,
    open_interest: IntGaugeVec,
    challenges_open: IntGauge,
    challenges_late: IntGauge,
    index_age: GaugeVec,
    history_lag: IntGauge,
    time: Gauge,
}

/// Registers what cannot fail to be: its name and labels stand in this file.
struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn keep<T: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<T>,
    ) -> T {
        let made = made.expect("names and labels are sound");
        self.0.register(Box::new(made.clone())).expect("each name is registered once");
        made
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.keep(IntCounterVec::new(Opts::new(name, help), &[label]))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(Opts::new(name, help), &[label]))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep(Histogram::with_opts(opts))
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let of = Register(&registry);
        let build = of.gauges("tenor_build_info", "1, and which version runs", "version");
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let metrics = Self {
            commands: of.counters(
                "tenor_commands_total",
                "Commands journaled and applied, refused ones too",
                "kind",
            ),
            refusals: of.counters(
                "tenor_refusals_total",
                "Requests answered with an error, by its code on the wire",
                "code",
            ),
            order_ack: of.histogram(
                "tenor_order_ack_seconds",
                "From an order's frame to its durable answer, within the process",
                &WAITS,
            ),
            batch: of.histogram("tenor_batch_commands", "Commands of one journal frame", &BATCHES),
            journal_append: of.histogram(
                "tenor_journal_append_seconds",
                "Writing and syncing one journal frame",
                &WAITS,
            ),
            journal_seq: of.gauge("tenor_journal_seq", "The last durable command"),
            journal_bytes: of.counter(
                "tenor_journal_bytes_total",
                "Bytes of commands journaled since the start",
            ),
            inbox_waiting: of.gauge("tenor_inbox_waiting", "Commands that wait to be sequenced"),
            messages_sent: of.counter(
                "tenor_messages_sent_total",
                "Replies and notifications written to WebSockets",
            ),
            resyncs: of.counter(
                "tenor_resyncs_total",
                "Sessions that fell behind the venue and were resynchronised",
            ),
            slow_consumers: of.counter(
                "tenor_slow_consumers_total",
                "Sessions closed because they did not keep up",
            ),
            logins: of.counters("tenor_logins_total", "Logins, by how they ended", "result"),
            operator_actions: of.counters(
                "tenor_operator_actions_total",
                "What operators have done",
                "action",
            ),
            snapshots: of.counters(
                "tenor_snapshots_total",
                "Snapshots, by how they ended",
                "result",
            ),
            history_seq: of.gauge("tenor_history_seq", "The last command in the read models"),
            read: Read::new(&of),
            registry: registry.clone(),
        };
        metrics.begin_at_zero();
        metrics
    }

    /// What has not happened yet is zero, and not absent.
    fn begin_at_zero(&self) {
        for result in ["ok", "failed"] {
            self.logins.with_label_values(&[result]).inc_by(0);
            self.snapshots.with_label_values(&[result]).inc_by(0);
        }
        for code in ErrorCode::ALL {
            self.refusals.with_label_values(&[code.code().to_string().as_str()]).inc_by(0);
        }
        for action in Action::WORDS {
            self.operator_actions.with_label_values(&[action]).inc_by(0);
        }
    }

    /// A batch is durable.
    pub(crate) fn note_batch<'a>(
        &self,
        (first, commands): (u64, usize),
        kinds: impl Iterator<Item = (&'a Command, usize)>,
        took: NanosSpan,
    ) {
        let count = u64::try_from(commands).unwrap_or(u64::MAX);
        for (command, bytes) in kinds {
            self.commands.with_label_values(&[kind::kind(command)]).inc();
            self.journal_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
        self.batch.observe(float(count));
        self.journal_append.observe(seconds(took));
        self.journal_seq.set(whole(first.saturating_add(count).saturating_sub(1)));
    }

    /// Where the venue begins.
    pub(crate) fn begin(&self, seq: u64) {
        self.journal_seq.set(whole(seq));
        self.history_seq.set(whole(seq));
    }

    pub(crate) fn note_refusal(&self, code: i64) {
        self.refusals.with_label_values(&[code.to_string().as_str()]).inc();
    }

    pub(crate) fn note_order(&self, asked_at: Nanos, answered_at: Nanos) {
        self.order_ack.observe(seconds(answered_at.since(asked_at)));
    }

    pub(crate) fn note_login(&self, is_ok: bool) {
        self.logins.with_label_values(&[word(is_ok)]).inc();
    }

    pub(crate) fn note_snapshot(&self, is_ok: bool) {
        self.snapshots.with_label_values(&[word(is_ok)]).inc();
    }

    pub(crate) fn note_action(&self, action: &'static str) {
        self.operator_actions.with_label_values(&[action]).inc();
    }

    pub(crate) fn note_history(&self, seq: u64) {
        self.history_seq.set(whole(seq));
    }

    /// Commands that the read models are behind.
    pub(crate) fn history_lag(&self, venue: &Venue) -> i64 {
        whole(venue.exchange().last_seq().0).saturating_sub(self.history_seq.get()).max(0)
    }

    /// Everything, as text.
    pub(crate) fn text(&self, venue: &Venue) -> String {
        self.read.take(venue, self.history_seq.get());
        self.inbox_waiting.set(count(venue.waiting()));
        let gathered = self.registry.gather();
        TextEncoder::new().encode_to_string(&gathered).unwrap_or_default()
    }
}

impl Read {
    fn new(of: &Register<'_>) -> Self {
        let states = "0 open, 1 post_only, 2 cancel_only, 3 halted";
        Self {
            sessions: of.gauge("tenor_sessions", "WebSocket sessions"),
            subscriptions: of.gauge("tenor_subscriptions", "Channels that sessions listen to"),
            accounts: of.gauge("tenor_accounts", "Accounts"),
            accounts_killed: of
                .gauge("tenor_accounts_killed", "Accounts that operators have stopped"),
            series: of.gauge("tenor_series_trading", "Series that trade"),
            series_stopped: of
                .gauge("tenor_series_stopped", "Series that are not open by themselves"),
            trading_state: of.gauge("tenor_trading_state", states),
            restart_state: of.gauge(
                "tenor_restart_state",
                "The rung of the restart ladder: as tenor_trading_state",
            ),
            draining: of.gauge("tenor_draining", "1 when the venue is about to end"),
            open_orders: of.gauge("tenor_open_orders", "Orders that rest or wait"),
            open_interest: of.gauges(
                "tenor_open_interest_lots",
                "Open interest of the series that trade",
                "grade",
            ),
            challenges_open: of.gauge("tenor_challenges_open", "Challenges without a verdict"),
            challenges_late: of
                .gauge("tenor_challenges_late", "Challenges without an answer in time"),
            index_age: of.keep(GaugeVec::new(
                Opts::new("tenor_index_age_seconds", "How old the newest print of an index is"),
                &["grade"],
            )),
            history_lag: of.gauge("tenor_history_lag", "Commands that the read models are behind"),
            time: of.keep(Gauge::new("tenor_time_seconds", "The venue's clock")),
        }
    }

    fn take(&self, venue: &Venue, history_seq: i64) {
        let now = venue.now();
        let sessions = venue.operations().sessions();
        self.sessions.set(count(sessions.len()));
        self.subscriptions.set(count(sessions.iter().map(|session| session.subscriptions).sum()));
        self.draining.set(i64::from(venue.is_draining()));
        self.time.set(float(now.nanos()) / 1e9);
        // Orders wait while this is held.
        let exchange = venue.exchange();
        let controls = exchange.controls();
        self.trading_state.set(rank(controls.everywhere()));
        self.restart_state.set(rank(controls.restart));
        self.series_stopped.set(count(controls.series.len()));
        self.accounts_killed.set(count(controls.killed.len()));
        self.accounts.set(count(exchange.accounts().count()));
        self.open_orders.set(count(exchange.open_order_count()));
        self.history_lag.set(whole(exchange.last_seq().0).saturating_sub(history_seq).max(0));
        let (open, late) = challenges(&exchange, now);
        self.challenges_open.set(open);
        self.challenges_late.set(late);
        self.open_interest.reset();
        self.index_age.reset();
        let mut trading = 0_usize;
        for series in exchange.series() {
            if series.state != exchange::SeriesState::Trading {
                continue;
            }
            trading = trading.saturating_add(1);
            let terms = &series.instrument;
            let grade = terms.grade.as_str();
            let lots = exchange.open_interest(terms.id).lots();
            self.open_interest.with_label_values(&[grade]).add(whole(lots));
            if let Some(print) = exchange.index(&terms.grade) {
                let age = seconds(now.since(print.observed_at));
                self.index_age.with_label_values(&[grade]).set(age);
            }
        }
        self.series.set(count(trading));
    }
}

/// How many are open, and how many of them are past their time.
fn challenges(exchange: &Exchange, now: Nanos) -> (i64, i64) {
    let mut open = 0_i64;
    let mut late = 0_i64;
    for challenge in exchange.open_challenges() {
        let delivery = exchange.delivery(challenge.obligation);
        let series = delivery.and_then(|it| exchange.series_by_id(it.obligation.instrument));
        let within = series.map(|series| series.instrument.schedule.answer_within);
        let is_past = within.is_some_and(|within| challenge.issued_at + within < now);
        open = open.saturating_add(1);
        late = late.saturating_add(i64::from(is_past && challenge.work_root.is_none()));
    }
    (open, late)
}

const fn rank(state: TradingState) -> i64 {
    match state {
        TradingState::Open => 0,
        TradingState::PostOnly => 1,
        TradingState::CancelOnly => 2,
        TradingState::Halted => 3,
    }
}

const fn word(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "failed" }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// For people to look at.
#[expect(clippy::cast_precision_loss, reason = "a figure on a screen, not a sum")]
fn float(number: u64) -> f64 {
    number as f64
}

fn seconds(span: NanosSpan) -> f64 {
    float(span.nanos()) / 1e9
}
