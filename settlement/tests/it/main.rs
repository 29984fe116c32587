//! Rules and properties of settlement, through its public face.

mod assignment;
mod credit;
mod delivery;
mod exercise;
mod holds;
mod hours;
mod ledger;
mod ledger_script;
mod margin;
mod portfolio;
mod portfolio_random;
mod risk_world;
mod shortfall;
mod variation;
mod waterfall;
mod world;
