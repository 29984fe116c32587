//! A wire that can be cut: what a client sends to it goes to the server behind it, until the test cuts it.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A wire to a server. It ends with the value.
pub(crate) struct Wire {
    address: SocketAddr,
    /// Where it leads; nowhere while it is cut.
    end: watch::Sender<Option<String>>,
    task: AbortHandle,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    /// A wire to the server at `ws://HOST:PORT/PATH`.
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (end, ends) = watch::channel(Some(host(url)));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, ends.clone()));
            }
        });
        Self { address, end, task: task.abort_handle() }
    }

    /// Where its near end is.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws/api/v2", self.address)
    }

    /// Cuts every connection, and every one that is tried until it is mended.
    pub(crate) fn cut(&self) {
        self.end.send_replace(None);
    }

    /// Lets new connections through, to the server at that address.
    pub(crate) fn mend(&self, url: &str) {
        self.end.send_replace(Some(host(url)));
    }
}

fn host(url: &str) -> String {
    url.trim_start_matches("ws://").split('/').next().expect("a host").to_owned()
}

async fn carry(mut client: TcpStream, mut ends: watch::Receiver<Option<String>>) {
    let Some(server) = ends.borrow_and_update().clone() else { return };
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        // Either end has closed: that is how connections end.
        carried = tokio::io::copy_bidirectional(&mut client, &mut server) => drop(carried),
        changed = ends.changed() => drop(changed),
    }
}
