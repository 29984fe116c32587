//! What the index promises, tick by tick. Rules: `docs/rules/oracle.md`.

mod attack;
mod book;
mod bounds;
mod evidence;
mod market;
mod properties;
mod states;
mod time;
mod utilisation;
