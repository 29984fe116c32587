//! Everything that a venue, a buyer or a provider who lies can send to an agent or a verifier is read without a panic.
//!
//! Run and kept as the server's, see `cargo xtask fuzz`.

mod decoders;
