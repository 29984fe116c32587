//! What touches the world beyond sockets: signatures and their key files.

pub mod sign;
