//! Rules and properties of settlement, through its public face.

mod assignment;
mod delivery;
mod ledger;
mod margin;
mod portfolio;
mod portfolio_random;
mod risk_world;
mod shortfall;
mod variation;
mod world;
