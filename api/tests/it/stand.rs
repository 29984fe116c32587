//! A venue with its server, and the clients that ask it.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::client::{Client, ClientError, NewOrder, Notifications};
use api::limits::Limits;
use api::venue::{Credential, DeliveryOptions, Listing, Venue, VenueClock, VenueOptions};
use exchange::{Command, Event};
use futures_util::{SinkExt, StreamExt};
use instruments::{
    BandWidths, Date, GradeId, Guards, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan,
    Period, Ppm, Price, Product, Schedule, Style, launch_grades,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::check::{self, Listening};

/// The one series of a stand: trades until a day after [`start_of_time`].
pub(crate) const SERIES: &str = "H100_USDC-16JAN27";

/// Everything that is awaited in a test comes within this time or not at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// 2027-01-15, 08:00 UTC: when a stand with a manual clock opens.
pub(crate) fn start_of_time() -> Nanos {
    Nanos::from_seconds(Date { year: 2027, month: 1, day: 15 }.days() * 86_400 + 8 * 3_600)
}

/// What must come within [`PATIENCE`].
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it came in time")
}

/// A venue with its server.
pub(crate) struct Stand {
    pub(crate) venue: Venue,
    pub(crate) clock: VenueClock,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
    names: AtomicU64,
    listening: Listening,
    // The last to go.
    _directory: TempDir,
}

impl Stand {
    /// A test venue with a manual clock and one series.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// The same, with other options.
    pub(crate) async fn open_with(change: impl FnOnce(&mut VenueOptions)) -> Self {
        let clock = VenueClock::manual(start_of_time());
        let directory = tempfile::tempdir().unwrap();
        let mut options = VenueOptions {
            testnet: true,
            listing: Listing::None,
            delivery: DeliveryOptions {
                profile: "ci".to_owned(),
                segments: 2,
                ..DeliveryOptions::default()
            },
            tick_every: Duration::from_millis(5),
            price_every: None,
            clock: clock.clone(),
            limits: Limits::lifted(),
            ..VenueOptions::new(directory.path())
        };
        change(&mut options);
        let opened = tokio::task::spawn_blocking(|| Venue::open(options));
        let venue = opened.await.unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = api::serve(venue.clone(), listener, async move {
            drop(stopped.await);
        });
        let served = tokio::spawn(async move { serving.await.unwrap() });
        let stand = Self {
            venue,
            clock,
            address,
            stop: Some(stop),
            served: Some(served),
            names: AtomicU64::new(0),
            listening: Listening::before(address).await,
            _directory: directory,
        };
        stand.list(terms(SERIES)).await;
        stand
    }

    pub(crate) async fn submit(&self, command: Command) -> Vec<Event> {
        soon(self.venue.submit(command)).await.unwrap().events.clone()
    }

    pub(crate) async fn list(&self, terms: Instrument) -> InstrumentId {
        let events = self.submit(Command::ListInstrument(Box::new(terms))).await;
        match events.first() {
            Some(Event::InstrumentListed(terms)) => terms.id,
            other => panic!("not listed: {other:?}"),
        }
    }

    /// A new account with so many dollars.
    pub(crate) async fn account(&self, dollars: i64) -> Credential {
        self.open_account(dollars, false).await
    }

    pub(crate) async fn verifier(&self) -> Credential {
        self.open_account(0, true).await
    }

    async fn open_account(&self, dollars: i64, is_verifier: bool) -> Credential {
        let name = format!("account-{}", self.names.fetch_add(1, Ordering::Relaxed));
        let events = self.submit(Command::OpenAccount { name, is_verifier }).await;
        let opened = events.iter().find_map(|event| {
            if let Event::AccountOpened { account, .. } = event { Some(*account) } else { None }
        });
        let account = opened.expect("an account was opened");
        if 0 < dollars {
            let amount = MicroUsd::new(dollars * 1_000_000);
            self.submit(Command::Deposit { account, amount }).await;
        }
        self.venue.issue_credential(account).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws/api/v2", self.address)
    }

    /// A client that is not logged in.
    pub(crate) async fn stranger(&self) -> (Client, Notifications) {
        // Everything that a client sees is held against what is published of it.
        let url = format!("ws://{}/ws/api/v2", self.listening.address);
        soon(Client::connect(&url)).await.unwrap()
    }

    pub(crate) async fn login(&self, credential: &Credential) -> (Client, Notifications) {
        let (client, notifications) = self.stranger().await;
        client.auth(&credential.client_id, &credential.client_secret).await.unwrap();
        (client, notifications)
    }

    /// A logged-in client of a new account with so many dollars.
    pub(crate) async fn trader(&self, dollars: i64) -> (Client, Notifications) {
        let credential = self.account(dollars).await;
        self.login(&credential).await
    }

    /// A socket that sends what it is told, right or wrong.
    pub(crate) async fn socket(&self) -> Socket {
        let (stream, _) = soon(connect_async(self.url())).await.unwrap();
        Socket(stream)
    }

    /// Sends bytes over a new connection and reads until it closes.
    pub(crate) async fn http(&self, request: String) -> (u16, String) {
        let address = self.address;
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap();
            reply
        });
        let reply = asked.await.unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().unwrap(), body.to_owned())
    }

    /// A GET with further header lines, each ended by `\r\n`.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> (u16, Value) {
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        let (status, body) = self.http(head).await;
        let reply = serde_json::from_str(&body).unwrap();
        let method = path.split('?').next().and_then(|path| path.strip_prefix("/api/v2/"));
        if let Some(method) =
            method.filter(|method| method.contains('/') && !method.contains("blobs"))
        {
            assert_eq!(check::wrong_reply(method, &reply), None);
        }
        (status, reply)
    }

    pub(crate) async fn post(&self, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\
             {headers}\r\n{body}",
            body.len()
        );
        let (status, body) = self.http(head).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    /// The journal's last place: what is not a command does not move it.
    pub(crate) fn journaled(&self) -> u64 {
        self.venue.exchange().last_seq().0
    }

    /// Ends the server and waits for it.
    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(served) = self.served.take() {
            soon(served).await.unwrap();
        }
    }
}

/// A day future of H100 that trades for a day, is delivered in four intervals of an hour each, and whose node is one GPU.
pub(crate) fn terms(name: &str) -> Instrument {
    let at = |hours: u64| start_of_time() + NanosSpan::from_seconds(hours * 3_600);
    Instrument {
        id: InstrumentId(0),
        name: name.to_owned(),
        grade: GradeId::new("H100").unwrap(),
        grade_terms: launch_grades()[0].terms_hash(),
        node_size: 1,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 24,
        schedule: Schedule {
            last_trade_at: at(24),
            ladder_step: NanosSpan::ZERO,
            assign_at: at(25),
            deliver_from: at(26),
            deliver_until: at(30),
            intervals: 4,
            answer_within: NanosSpan::from_seconds(600),
            verdict_within: NanosSpan::from_seconds(600),
            close_at: at(40),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: Guards {
            bands: Some(BandWidths { front: Ppm::new(800_000), back: Ppm::new(800_000) }),
            ..Guards::NONE
        },
    }
}

/// The same, trading for so many hours.
pub(crate) fn terms_until(name: &str, hours: u64) -> Instrument {
    let mut terms = terms(name);
    let later = NanosSpan::from_seconds(hours * 3_600);
    let schedule = &mut terms.schedule;
    for at in [
        &mut schedule.last_trade_at,
        &mut schedule.assign_at,
        &mut schedule.deliver_from,
        &mut schedule.deliver_until,
        &mut schedule.close_at,
    ] {
        *at = *at + later;
    }
    terms
}

/// `lots` of [`SERIES`] at `price`, a decimal.
pub(crate) fn limit(lots: u64, price: &str) -> NewOrder {
    NewOrder::limit(SERIES, lots, decimal(price))
}

pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// A refusal's code, field, limit and rule.
pub(crate) fn refusal<T: std::fmt::Debug>(
    result: Result<T, ClientError>,
) -> (i64, Value, Value, Value) {
    match result {
        Err(ClientError::Rpc { code, data, .. }) => {
            (code, data["param"].clone(), data["limit"].clone(), data["rule"].clone())
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// A WebSocket without manners.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        soon(self.0.send(Message::Text(text.into().into()))).await.unwrap();
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        soon(self.0.send(message)).await.unwrap();
    }

    /// The next message; the close frame's code and reason when the server ends it.
    pub(crate) async fn next(&mut self) -> Result<Value, (u16, String)> {
        self.next_text().await.map(|text| serde_json::from_str(&text).unwrap())
    }

    /// The same, as it was sent.
    pub(crate) async fn next_text(&mut self) -> Result<String, (u16, String)> {
        loop {
            match soon(self.0.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("neither a message nor a close: {other:?}"),
            }
        }
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.send(request.to_string()).await;
        self.next().await.unwrap()
    }

    /// Whether the session still answers.
    pub(crate) async fn assert_lives(&mut self) {
        let reply = self.ask("public/test", json!({})).await;
        assert!(reply["result"]["version"].is_string(), "{reply}");
    }
}

/// Resident memory of this process, which is both sides of every socket.
pub(crate) fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// Whether a test that measures its process has one to itself. Where it has not, it has been run in one, and passed.
pub(crate) fn is_alone(test: &str) -> bool {
    const ALONE: &str = "TENOR_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    let status = again.args(["--exact", test, "--nocapture"]).env(ALONE, "1").status().unwrap();
    assert!(status.success(), "{test}: {status}");
    false
}
