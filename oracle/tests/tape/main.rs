//! What the tape promises, on a real disk. Rules: `docs/rules/tape.md`.

mod bounds;
mod damage;
mod market;
mod model;
mod past;
mod signed;
