//! What the index promises, tick by tick. Rules: `docs/rules/oracle.md`.

mod attack;
mod book;
mod properties;
mod states;
mod time;
