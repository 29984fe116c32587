//! What the index promises, tick by tick. Rules: `docs/rules/oracle.md`.

mod attack;
mod book;
mod bounds;
mod evidence;
mod market;
mod properties;
#[cfg(feature = "sign")]
mod report;
#[cfg(feature = "sign")]
mod reporters;
#[cfg(feature = "sign")]
mod sign;
mod states;
mod time;
mod utilisation;
