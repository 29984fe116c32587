//! Streams in, figures out.
