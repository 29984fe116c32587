//! The file of `tenor margin` as positions and parameters.

use api::pricing::portfolio::{Charges, POSITIONS_MAX, PortfolioError, Position};
use api::pricing::scenarios::{BUCKETS_MAX, Contract, Scenarios};
use instruments::Right;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::MarginError;
use crate::figures::{self, Given, InputError, Object, needed, number, wrong};

/// The longest name of an expiry, in bytes.
const EXPIRY_LEN_MAX: usize = 64;

/// What a file asks for. Figures are numbers; whether they make sense is not said yet.
#[derive(Debug)]
pub(super) struct Portfolio {
    pub(super) scenarios: Scenarios,
    pub(super) charges: Charges,
    pub(super) positions: Vec<Position>,
}

/// `{"parameters":{..},"positions":[..]}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOfPositions {
    parameters: Option<Object<Parameters>>,
    positions: Vec<Object<PositionLine>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    price_range: Given,
    buckets: Given,
    vol_up: Given,
    vol_down: Given,
    min_vol_for_up: Given,
    short_term_power: Given,
    long_term_power: Given,
    dte_floor: Given,
    extended_moves: Given,
    extended_weight: Given,
    extended_dampener_usd: Given,
    roll_rate: Given,
    delta_contingency: Given,
    mm_factor: Given,
    short_option_min_rate: Given,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionLine {
    #[serde(rename = "type")]
    kind: Given,
    #[serde(rename = "K")]
    strike: Given,
    #[serde(rename = "F")]
    forward: Given,
    iv: Given,
    dte: Given,
    qty: Given,
    exp: Given,
}

pub(super) fn parse(text: &str) -> Result<Portfolio, MarginError> {
    let file: FileOfPositions =
        figures::parse(text, "a portfolio {\"parameters\":{..},\"positions\":[..]}")?;
    if POSITIONS_MAX < file.positions.len() {
        return Err(PortfolioError::TooMany { count: file.positions.len() }.into());
    }
    let (mut scenarios, mut charges) = (Scenarios::default(), Charges::default());
    if let Some(Object(parameters)) = &file.parameters {
        parameters.put(&mut scenarios, &mut charges)?;
    }
    let positions = file.positions.iter().enumerate().map(|(index, line)| line.0.position(index));
    let positions = positions.collect::<Result<_, _>>()?;
    Ok(Portfolio { scenarios, charges, positions })
}

impl Parameters {
    /// Replaces the start values by what the file says.
    fn put(&self, scenarios: &mut Scenarios, charges: &mut Charges) -> Result<(), InputError> {
        for (field, given, place) in [
            ("price_range", &self.price_range, &mut scenarios.price_range),
            ("vol_up", &self.vol_up, &mut scenarios.vol_up),
            ("vol_down", &self.vol_down, &mut scenarios.vol_down),
            ("min_vol_for_up", &self.min_vol_for_up, &mut scenarios.min_vol_for_up),
            ("short_term_power", &self.short_term_power, &mut scenarios.short_term_power),
            ("long_term_power", &self.long_term_power, &mut scenarios.long_term_power),
            ("dte_floor", &self.dte_floor, &mut scenarios.dte_floor),
            ("extended_dampener_usd", &self.extended_dampener_usd, &mut charges.extended_dampener),
            ("roll_rate", &self.roll_rate, &mut charges.roll_rate),
            ("delta_contingency", &self.delta_contingency, &mut charges.delta_contingency),
            ("mm_factor", &self.mm_factor, &mut charges.mm_factor),
            (
                "short_option_min_rate",
                &self.short_option_min_rate,
                &mut charges.short_option_min_rate,
            ),
        ] {
            if let Some(given) = given {
                *place = number(&format!("parameters.{field}"), given)?;
            }
        }
        if let Some(given) = &self.buckets {
            scenarios.buckets = buckets(given)?;
        }
        if let Some(given) = &self.extended_moves {
            scenarios.extended_moves = extended_moves(given)?;
        }
        if self.extended_weight.is_some() {
            figures::text("parameters.extended_weight", &self.extended_weight)?;
        }
        Ok(())
    }
}

fn buckets(given: &RawValue) -> Result<u32, InputError> {
    const FIELD: &str = "parameters.buckets";
    let asked = number(FIELD, given)?;
    let whole = (1..=BUCKETS_MAX).find(|it| f64::from(*it) == asked);
    whole.ok_or_else(|| wrong(FIELD, given.get(), "a whole number from 1 to 100"))
}

fn extended_moves(given: &RawValue) -> Result<Vec<f64>, InputError> {
    const FIELD: &str = "parameters.extended_moves";
    let Ok(moves) = serde_json::from_str::<Vec<Box<RawValue>>>(given.get()) else {
        return Err(wrong(FIELD, given.get(), "a list of numbers"));
    };
    moves.iter().zip(0..).map(|(each, at)| number(&format!("{FIELD}[{at}]"), each)).collect()
}

impl PositionLine {
    fn position(&self, index: usize) -> Result<Position, InputError> {
        let name = |field: &str| format!("positions[{index}].{field}");
        let kind = figures::text(&name("type"), &self.kind)?;
        let contract = match kind.as_str() {
            "F" => self.future(&name)?,
            "C" => self.option(Right::Call, &name)?,
            "P" => self.option(Right::Put, &name)?,
            _ => {
                return Err(wrong(&name("type"), &format!("{kind:?}"), "\"C\", \"P\" or \"F\""));
            }
        };
        let expiry = figures::text(&name("exp"), &self.exp)?;
        if EXPIRY_LEN_MAX < expiry.len() {
            return Err(wrong(&name("exp"), &format!("{expiry:?}"), "at most 64 bytes"));
        }
        Ok(Position {
            contract,
            forward: needed(&name("F"), &self.forward)?,
            days: needed(&name("dte"), &self.dte)?,
            qty: needed(&name("qty"), &self.qty)?,
            expiry,
        })
    }

    fn future(&self, name: &impl Fn(&str) -> String) -> Result<Contract, InputError> {
        for (field, given) in [("K", &self.strike), ("iv", &self.iv)] {
            if given.is_some() {
                return Err(InputError::Unwanted {
                    field: name(field),
                    reason: "a future has none",
                });
            }
        }
        Ok(Contract::Future)
    }

    fn option(&self, right: Right, name: &impl Fn(&str) -> String) -> Result<Contract, InputError> {
        Ok(Contract::Option {
            right,
            strike: needed(&name("K"), &self.strike)?,
            iv: needed(&name("iv"), &self.iv)?,
        })
    }
}
