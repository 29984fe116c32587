//! A provider's tools: what one runs before and beside the agent.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// A provider's tools.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentTool {}

/// Runs one tool.
///
/// # Errors
/// Whatever went wrong, with the file, field or limit in its message.
pub(crate) fn run(tool: &AgentTool) -> Result<ExitCode> {
    match *tool {}
}
