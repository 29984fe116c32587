//! What touches the world beyond sockets: signatures.

pub mod sign;
pub mod sign_agreement;
pub mod sign_job;
pub mod sign_session;
pub mod sign_transcript;
