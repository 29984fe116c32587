//! What is measured: a venue with its server, and an echo that only gives frames back.

use std::net::SocketAddr;
use std::time::Duration;

use api::limits::Limits;
use api::venue::{Credential, Listing, Venue, VenueOptions};
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use exchange::{Command, Event};
use instruments::MicroUsd;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Money of each account: enough never to be the reason.
const DEPOSIT: MicroUsd = MicroUsd::new(100_000_000_000_000);

/// A venue, its accounts, its server.
pub(crate) struct Floor {
    pub(crate) address: SocketAddr,
    pub(crate) credentials: Vec<Credential>,
    venue: Venue,
    runtime: Option<Runtime>,
    _directory: TempDir,
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

impl Floor {
    /// A fresh test venue with the standard listing, journal and store on the disk below the temporary directory.
    pub(crate) fn open(accounts: u32) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = VenueOptions {
            testnet: true,
            listing: Listing::standard(),
            limits: Limits::lifted(),
            ..VenueOptions::new(directory.path())
        };
        let venue = Venue::open(options).expect("a venue");
        let runtime = runtime();
        let credentials = (0..accounts).map(|number| account(&runtime, &venue, number)).collect();
        let listener =
            runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a listening socket");
        let address = listener.local_addr().expect("an address");
        let serving = api::serve(venue.clone(), listener, std::future::pending());
        runtime.spawn(async move { serving.await.expect("the server serves") });
        Self { address, credentials, venue, runtime: Some(runtime), _directory: directory }
    }

    /// After the orders: money is where it was, and how much of what there is.
    pub(crate) fn check(&self) {
        assert!(self.venue.exchange().money_conserved(), "money is conserved");
        println!("venue: {} commands journaled", self.venue.exchange().last_seq().0);
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
        drop(self.venue.clone().close());
    }
}

fn account(runtime: &Runtime, venue: &Venue, number: u32) -> Credential {
    let opened = runtime.block_on(async {
        let name = format!("load-{number}");
        let outcome = venue.submit(Command::OpenAccount { name, is_verifier: false }).await;
        let events = outcome.expect("an account").events.clone();
        let account = events.iter().find_map(|event| {
            if let Event::AccountOpened { account, .. } = event { Some(*account) } else { None }
        });
        let account = account.expect("an account was opened");
        let deposit = Command::Deposit { account, amount: DEPOSIT };
        assert!(venue.submit(deposit).await.expect("an outcome").refusal().is_none());
        account
    });
    venue.issue_credential(opened).expect("a credential")
}

/// A server that gives every frame back.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Echo {
    pub(crate) fn open() -> Self {
        let runtime = runtime();
        let listener =
            runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a listening socket");
        let address = listener.local_addr().expect("an address");
        let upgrade = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) };
        let routes = Router::new().route("/ws/api/v2", any(upgrade));
        runtime.spawn(async move {
            use axum::serve::ListenerExt;
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
            axum::serve(listener, routes).await.expect("the echo serves");
        });
        Self { address, runtime: Some(runtime) }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}
