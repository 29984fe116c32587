//! What touches the world beyond sockets: signatures.

pub mod sign;
