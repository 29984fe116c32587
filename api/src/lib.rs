//! How clients reach the exchange: the wire, sessions, the running venue, and the client.
//!
//! Nothing here decides what an order does. A session turns text into a command, the venue journals and applies it, and what happened is
//! turned into text again.

pub mod io;
