//! What touches the world outside the process: keys on disk and the signatures made with them.

pub mod sign;
