//! The file of `tenor margin` as positions and parameters.

use api::pricing::portfolio::{Charges, POSITIONS_MAX, PortfolioError, Position};
use api::pricing::scenarios::{BUCKETS_MAX, Contract, Scenarios};
use instruments::Right;
use serde::Deserialize;
use serde_json::Value;

use super::MarginError;
use crate::figures::{self, InputError, needed, number, wrong};

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
    parameters: Option<Parameters>,
    positions: Vec<PositionLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    price_range: Option<Value>,
    buckets: Option<Value>,
    vol_up: Option<Value>,
    vol_down: Option<Value>,
    min_vol_for_up: Option<Value>,
    short_term_power: Option<Value>,
    long_term_power: Option<Value>,
    dte_floor: Option<Value>,
    extended_moves: Option<Value>,
    extended_weight: Option<Value>,
    extended_dampener_usd: Option<Value>,
    roll_rate: Option<Value>,
    delta_contingency: Option<Value>,
    mm_factor: Option<Value>,
    short_option_min_rate: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionLine {
    #[serde(rename = "type")]
    kind: Option<Value>,
    #[serde(rename = "K")]
    strike: Option<Value>,
    #[serde(rename = "F")]
    forward: Option<Value>,
    iv: Option<Value>,
    dte: Option<Value>,
    qty: Option<Value>,
    exp: Option<Value>,
}

pub(super) fn parse(text: &str) -> Result<Portfolio, MarginError> {
    let file: FileOfPositions =
        figures::parse(text, "a portfolio {\"parameters\":{..},\"positions\":[..]}")?;
    if POSITIONS_MAX < file.positions.len() {
        return Err(PortfolioError::TooMany { count: file.positions.len() }.into());
    }
    let (mut scenarios, mut charges) = (Scenarios::default(), Charges::default());
    if let Some(parameters) = &file.parameters {
        parameters.put(&mut scenarios, &mut charges)?;
    }
    let positions = file.positions.iter().enumerate().map(|(index, line)| line.position(index));
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
        if let Some(given) = &self.extended_weight {
            figures::text("parameters.extended_weight", Some(given))?;
        }
        Ok(())
    }
}

fn buckets(given: &Value) -> Result<u32, InputError> {
    const FIELD: &str = "parameters.buckets";
    let asked = number(FIELD, given)?;
    let whole = (1..=BUCKETS_MAX).find(|it| f64::from(*it) == asked);
    whole.ok_or_else(|| wrong(FIELD, given, "a whole number from 1 to 100"))
}

fn extended_moves(given: &Value) -> Result<Vec<f64>, InputError> {
    const FIELD: &str = "parameters.extended_moves";
    let Some(moves) = given.as_array() else {
        return Err(wrong(FIELD, given, "a list of numbers"));
    };
    moves.iter().zip(0..).map(|(each, at)| number(&format!("{FIELD}[{at}]"), each)).collect()
}

impl PositionLine {
    fn position(&self, index: usize) -> Result<Position, InputError> {
        let name = |field: &str| format!("positions[{index}].{field}");
        let kind = figures::text(&name("type"), self.kind.as_ref())?;
        let contract = match kind {
            "F" => self.future(&name)?,
            "C" => self.option(Right::Call, &name)?,
            "P" => self.option(Right::Put, &name)?,
            _ => {
                let given = Value::from(kind);
                return Err(wrong(&name("type"), &given, "\"C\", \"P\" or \"F\""));
            }
        };
        let expiry = figures::text(&name("exp"), self.exp.as_ref())?;
        if EXPIRY_LEN_MAX < expiry.len() {
            return Err(wrong(&name("exp"), &Value::from(expiry), "at most 64 bytes"));
        }
        Ok(Position {
            contract,
            forward: needed(&name("F"), self.forward.as_ref())?,
            days: needed(&name("dte"), self.dte.as_ref())?,
            qty: needed(&name("qty"), self.qty.as_ref())?,
            expiry: expiry.to_owned(),
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
            strike: needed(&name("K"), self.strike.as_ref())?,
            iv: needed(&name("iv"), self.iv.as_ref())?,
        })
    }
}
