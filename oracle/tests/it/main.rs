//! What the index promises, tick by tick. Rules: `docs/rules/oracle.md`.

mod attack;
mod book;
mod curve;
mod properties;
mod states;
mod time;
