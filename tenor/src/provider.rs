//! A provider's tools: what one runs before and beside the agent.

mod conformance;

use std::io::stdout;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use conformance::ConformanceArgs;

/// A provider's tools.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentTool {
    /// Hold this device against the golden vectors, and measure it.
    ///
    /// Every vector is either run whole, on an NVIDIA device by every path, or some of its rows are computed alone; it is said which. Needs
    /// no venue. Exits 0 only if every vector held. Ends within ten minutes unless --whole.
    Conformance(ConformanceArgs),
}

/// Runs one tool.
///
/// # Errors
/// Whatever went wrong, with the file, field or limit in its message.
pub(crate) fn run(tool: &AgentTool) -> Result<ExitCode> {
    match tool {
        AgentTool::Conformance(args) => conformance::run(args, &mut stdout().lock()),
    }
}
