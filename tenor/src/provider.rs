//! A provider's tools: what one runs before and beside the agent.

mod capacity;
mod conformance;
mod mock;
mod stand_in;

use std::io::stdout;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use capacity::CapacityArgs;
use conformance::ConformanceArgs;
use mock::MockArgs;
use stand_in::{StandbyArgs, SubstituteArgs};

/// A provider's tools.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentTool {
    /// Hold this device against the golden vectors, and measure it.
    ///
    /// Every vector is either run whole, on an NVIDIA device by every path, or some of its rows are computed alone; it is said which. Needs
    /// no venue. Exits 0 only if every vector held. Ends within ten minutes unless --whole.
    Conformance(ConformanceArgs),
    /// Run a whole delivery session against a test venue, with nothing at stake.
    ///
    /// The venue challenges, draws and judges as it does an obligation, by its own clock. Prints what would have been credited and why a
    /// challenge failed. Exits 0 only if all of it would have counted.
    Mock(MockArgs),
    /// Say what of the venue's calendar a fleet can deliver, from a file of machines and days.
    ///
    /// Checks the file, subtracts what is sold where --url is given, and prints an offer for each contract that is covered on every day by
    /// whole nodes. With --submit it places resting sell orders for them.
    Capacity(CapacityArgs),
    /// Offer GPUs to be called in another seller's place.
    Standby(StandbyArgs),
    /// Bring other hardware in place of what fails.
    Substitute(SubstituteArgs),
}

/// Runs one tool.
///
/// # Errors
/// Whatever went wrong, with the file, field or limit in its message.
pub(crate) fn run(tool: &AgentTool) -> Result<ExitCode> {
    match tool {
        AgentTool::Conformance(args) => conformance::run(args, &mut stdout().lock()),
        AgentTool::Mock(args) => mock::run(args, &mut stdout().lock()),
        AgentTool::Capacity(args) => capacity::run(args, &mut stdout().lock()),
        AgentTool::Standby(args) => stand_in::standby(args, &mut stdout().lock()),
        AgentTool::Substitute(args) => stand_in::substitute(args, &mut stdout().lock()),
    }
}
