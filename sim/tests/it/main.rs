//! Worlds that must hold together, and an auditor who must see what does not.

mod attack;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a lie is about one event and leaves all others alone"
)]
mod crash;
mod products;
mod stream;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a lie is about one event and leaves all others alone"
)]
mod tampering;
mod worlds;
