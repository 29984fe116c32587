//! Trading clients against a running venue: the packages that everybody installs, with nothing replaced but the URLs, and our own. And
//! stock validators, which read what the venue says of its interface.
//!
//! Each has its virtual environment below the target directory, made once for one set of versions, and its script in `api/tests/clients`.
//! A client whose Python is not on this machine does not run, and the output says so: it is no pass.

mod package;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::layout::Layout;
use crate::tools;

/// A client: what it is made of, all of it pinned, the oldest Python that it runs on, and how it is tried.
struct Client {
    name: &'static str,
    packages: &'static str,
    python: (u32, u32),
    script: &'static str,
}

const CLIENTS: [Client; 3] = [
    Client {
        name: "specs",
        packages: "api/tests/clients/specs.txt",
        python: (3, 10),
        script: "api/tests/clients/specs.py",
    },
    Client {
        name: "ccxt",
        packages: "api/tests/clients/ccxt.txt",
        python: (3, 10),
        script: "api/tests/clients/ccxt_deribit.py",
    },
    Client {
        name: "nautilus_trader",
        packages: "api/tests/clients/nautilus_trader.txt",
        python: (3, 12),
        script: "api/tests/clients/nautilus_deribit.py",
    },
];

/// Where Pythons lie besides the path.
const PYENV: &str = ".pyenv/versions";
/// The newest Python that is looked for.
const MINOR_MAX: u32 = 14;

/// Runs every client that this machine has a Python for.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let build = ["build", "--quiet", "--package", "tenor"];
    tools::run(layout, Command::new(tools::cargo()).args(build))?;
    let mut absent = Vec::new();
    for client in &CLIENTS {
        let Some(python) = python(client.python) else {
            absent.push(did_not_run(client.name, client.python));
            continue;
        };
        let python = environment(layout, client.name, client.packages, &python)?;
        let venue = Venue::start(layout, client)?;
        println!("-- {} on {}", client.name, venue.address);
        let mut script = Command::new(python);
        script.arg("-B").arg(client.script).arg(&venue.address).args(&venue.keys);
        tools::run(layout, &mut script).with_context(|| client.name)?;
        venue.stop()?;
    }
    match python(package::PYTHON) {
        Some(python) => package::run(layout, &python)?,
        None => absent.push(did_not_run(package::NAME, package::PYTHON)),
    }
    if !absent.is_empty() {
        println!("clients that did not run: {}", absent.join(", "));
    }
    Ok(())
}

fn did_not_run(name: &'static str, (major, minor): (u32, u32)) -> &'static str {
    println!("DID NOT RUN: {name} needs Python {major}.{minor} or newer, and there is none");
    name
}

/// A Python of at least that version: the path's own, one by its version, or one of pyenv's.
fn python((major, minor): (u32, u32)) -> Option<PathBuf> {
    let mut candidates = vec![PathBuf::from("python3")];
    candidates.extend((minor..=MINOR_MAX).map(|minor| format!("python{major}.{minor}").into()));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let versions = home.and_then(|home| std::fs::read_dir(home.join(PYENV)).ok());
    let mut of_pyenv: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join("python3")))
        .collect();
    of_pyenv.sort_unstable();
    candidates.extend(of_pyenv);
    let is_new_enough =
        format!("import sys, venv; sys.exit(sys.version_info < ({major}, {minor}))");
    candidates.into_iter().find(|python| {
        let asked = Command::new(python).args(["-c", &is_new_enough]).output();
        asked.is_ok_and(|asked| asked.status.success())
    })
}

/// The Python of a client's environment, which is made when it is not there yet or holds another version.
fn environment(layout: &Layout, name: &str, packages: &str, python: &Path) -> Result<PathBuf> {
    let folder = layout.target.join("tools").join(format!("client-{name}"));
    let (ours, made) = (folder.join("bin").join("python"), folder.join("made-of"));
    let pinned =
        std::fs::read_to_string(layout.root.join(packages)).with_context(|| packages.to_owned())?;
    let made_of = format!("{}\n{pinned}", python.display());
    if std::fs::read_to_string(&made).ok().as_ref() == Some(&made_of) {
        return Ok(ours);
    }
    println!("installing {packages} into {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("remove an environment of another version")?;
    }
    tools::run(layout, Command::new(python).args(["-m", "venv"]).arg(&folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    tools::run(layout, Command::new(&ours).args(install).args(["--requirement", packages]))?;
    std::fs::write(&made, made_of).with_context(|| format!("write {}", made.display()))?;
    Ok(ours)
}

/// A test venue of its own for one client, with two accounts. Ended with the value.
struct Venue {
    child: Child,
    // The venue says more than its address when it ends, and must not find the pipe closed.
    _says: BufReader<ChildStdout>,
    address: String,
    keys: Vec<String>,
}

impl Venue {
    fn start(layout: &Layout, client: &Client) -> Result<Self> {
        let binary = layout.target.join("debug").join("tenor");
        let data = layout.target.join("clients").join(client.name);
        if data.exists() {
            std::fs::remove_dir_all(&data).context("remove the venue of the last run")?;
        }
        std::fs::create_dir_all(&data).context("create the venue's directory")?;
        let mut keys = Vec::new();
        for name in ["maker", "taker"] {
            let mut create = Command::new(&binary);
            create.args(["account", "create", "--json", "--testnet", "--deposit", "1000000"]);
            create.args(["--name", name, "--data"]).arg(&data);
            let printed = tools::output(layout, &mut create)?;
            let key: serde_json::Value =
                serde_json::from_str(&printed).context("the account's keys are JSON")?;
            for field in ["client_id", "client_secret"] {
                let text = key.get(field).and_then(|text| text.as_str());
                keys.push(text.with_context(|| format!("no {field} in {printed}"))?.to_owned());
            }
        }
        let mut child = Command::new(&binary)
            .args(["serve", "--testnet", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            // The machine may be slow; what the clients ask for is within the limits.
            .args(["--shed-orders-after", "60000", "--shed-cancels-after", "60000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let stdout = child.stdout.take().context("the venue has a standard output")?;
        let mut says = BufReader::new(stdout);
        let mut line = String::new();
        says.read_line(&mut line).context("the venue says where it listens")?;
        let url = line.split_whitespace().find_map(|word| word.strip_prefix("ws://"));
        let address = url.and_then(|url| url.split('/').next()).map(str::to_owned);
        let Some(address) = address else { bail!("no address in {line:?}") };
        Ok(Self { child, _says: says, address, keys })
    }

    /// Ends it politely and asks whether it thinks that all is well.
    fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "kill {pid}");
        let status = self.child.wait()?;
        ensure!(status.success(), "the venue ended with {status}");
        Ok(())
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        // Already reaped when all went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_is_too_old_is_not_taken() {
        assert_eq!(python((99, 0)), None);
    }
}
