//! What the venue lets through.

use schemars::JsonSchema;
use serde::Serialize;

/// A message of channel `platform_state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WirePlatformState {
    /// Whether at most cancels are taken.
    pub locked: bool,
    /// Whether anything is held back.
    pub maintenance: bool,
    /// `open`, `post_only`, `cancel_only`, `halted` or `draining`: the strictest of what follows.
    pub state: &'static str,
    /// What the operators let through.
    pub venue: &'static str,
    /// What is let through since the restart.
    pub restart: &'static str,
    /// Since when, in milliseconds.
    pub timestamp: u64,
}

/// The answer of `public/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WireStatus {
    /// Deribit's word: `true`, `partial` or `false`.
    pub locked: &'static str,
    /// Deribit locks by index; here none is.
    pub locked_indices: [&'static str; 0],
    /// `open`, `post_only`, `cancel_only`, `halted`, `draining` or `failed`.
    pub state: &'static str,
    /// What the operators let through.
    pub venue: &'static str,
    /// What is let through since the restart.
    pub restart: &'static str,
    /// Series that are not open by themselves.
    pub series: Vec<WireStoppedSeries>,
}

/// A series that is not open by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WireStoppedSeries {
    /// Which.
    pub instrument_name: String,
    /// What it lets through.
    pub state: &'static str,
}
