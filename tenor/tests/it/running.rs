//! A running `tenor serve`, ended with the value.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The binary under test.
pub(crate) fn tenor() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tenor"))
}

/// A server process.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts a test venue in `dir` and waits until it says where it listens.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// As [`Server::start`], with more arguments.
    pub(crate) fn start_with(dir: &Path, more: &[&std::ffi::OsStr]) -> Self {
        let mut child = tenor()
            .args(["serve", "--testnet", "--lift-limits", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let stdout = child.stdout.take().expect("a pipe");
        let line = BufReader::new(stdout).lines().next().expect("a line").expect("text");
        let url = line.split_whitespace().find(|word| word.starts_with("ws://"));
        let url = url.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Self { child, url }
    }

    /// Ends it as a power cut would, but for the page cache.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended and returns whether it said all is well.
    pub(crate) fn ended(mut self) -> bool {
        self.child.wait().expect("reaped").success()
    }

    /// Ends it politely and returns whether it said all is well.
    pub(crate) fn terminate(mut self) -> bool {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success(), "SIGTERM was sent");
        self.child.wait().expect("reaped").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already reaped when the test went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Keys from `tenor account create --json`.
pub(crate) struct Keys {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// Opens an account in a directory that no server has open.
pub(crate) fn create_account(dir: &Path, name: &str) -> Keys {
    let created = tenor()
        .args(["account", "create", "--testnet", "--json", "--deposit", "10000000", "--name", name])
        .arg("--data")
        .arg(dir)
        .output()
        .expect("runs");
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let keys: serde_json::Value = serde_json::from_slice(&created.stdout).expect("JSON");
    let field = |name: &str| keys[name].as_str().expect("text").to_owned();
    Keys { client_id: field("client_id"), client_secret: field("client_secret") }
}
