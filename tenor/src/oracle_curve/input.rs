//! The file of quotes: what each field may be, and days counted from the first.

use instruments::{Date, MicroUsd, Ppm};
use oracle::{Contract, CurveParams, Days, Launch, Quote, Shape};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::figures::{self, Given, InputError, Object, wrong};
use crate::oracle_index::{NotATime, Timestamp};

/// The most periods that may be asked for.
const ASKED_MAX: usize = 4_096;
/// The longest name.
const NAME_LEN_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    start: Given,
    days: Given,
    #[serde(default)]
    contracts: Vec<Object<Quoted>>,
    #[serde(default)]
    shape: Option<Object<WireShape>>,
    #[serde(default)]
    parameters: Option<Object<WireParams>>,
    #[serde(default)]
    asked: Vec<Object<Asked>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quoted {
    name: Given,
    from: Given,
    until: Given,
    bid: Given,
    ask: Given,
    price: Given,
    half_spread: Given,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: Given,
    from: Given,
    until: Given,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireShape {
    year_factor: Given,
    week: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    launches: Vec<Object<WireLaunch>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLaunch {
    date: Given,
    factor: Given,
    half_life_days: Given,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireParams {
    bend: Given,
    slope_days: Given,
    half_spread_min: Given,
}

/// Named days.
pub(super) struct Period {
    pub(super) name: String,
    pub(super) days: Days,
}

/// A contract with what is quoted for it.
pub(super) struct Contracted {
    pub(super) period: Period,
    pub(super) contract: Contract,
    pub(super) quote: Quote,
}

/// The file, read.
pub(super) struct Read {
    /// Days since 1970.
    pub(super) start: u64,
    pub(super) days: u32,
    pub(super) params: CurveParams,
    pub(super) shape: Shape,
    pub(super) contracts: Vec<Contracted>,
    pub(super) asked: Vec<Period>,
}

impl Question {
    /// The file as the curve wants it.
    ///
    /// # Errors
    /// [`InputError`], with the way to the field.
    pub(super) fn read(&self) -> Result<Read, InputError> {
        let start = day("start", &self.start)?;
        let days = count("days", &self.days)?;
        let period = |of: &str, name, (from, until)| period(of, start, name, (from, until));
        let mut contracts = Vec::with_capacity(self.contracts.len());
        for (place, Object(quoted)) in self.contracts.iter().enumerate() {
            let of = format!("contracts[{place}]");
            let bounds = (&quoted.from, &quoted.until);
            let period = period(&of, &quoted.name, bounds)?;
            contracts.push(quoted.read(&of, period)?);
        }
        if ASKED_MAX < self.asked.len() {
            let field = "asked".to_owned();
            return Err(InputError::Unwanted { field, reason: "more than 4096 periods" });
        }
        let mut asked = Vec::with_capacity(self.asked.len());
        for (place, Object(it)) in self.asked.iter().enumerate() {
            let of = format!("asked[{place}]");
            let found = period(&of, &it.name, (&it.from, &it.until))?;
            if days < found.days.end() {
                let reason = "ends after the curve";
                return Err(InputError::Unwanted { field: format!("{of}.until"), reason });
            }
            asked.push(found);
        }
        let shape = match &self.shape {
            Some(Object(shape)) => shape.read(start)?,
            None => WireShape::default().read(start)?,
        };
        let params = match &self.parameters {
            Some(Object(parameters)) => parameters.read()?,
            None => CurveParams::default(),
        };
        Ok(Read { start, days, params, shape, contracts, asked })
    }
}

impl Quoted {
    /// Bid and ask, or a price and half its spread.
    fn read(&self, of: &str, period: Period) -> Result<Contracted, InputError> {
        let price = |name: &str, value: &Given| {
            value.as_ref().map(|value| micros(&format!("{of}.{name}"), value)).transpose()
        };
        let (bid, ask) = (price("bid", &self.bid)?, price("ask", &self.ask)?);
        let (middle, half) =
            (price("price", &self.price)?, price("half_spread", &self.half_spread)?);
        let unwanted = |name: &str, reason| {
            Err(InputError::Unwanted { field: format!("{of}.{name}"), reason })
        };
        let (price, half_spread) = match (bid, ask, middle, half) {
            (Some(bid), Some(ask), None, None) => {
                if ask < bid {
                    return unwanted("bid", "above the ask");
                }
                let (bid, ask) = (i128::from(bid.micros()), i128::from(ask.micros()));
                let half = |sum| instruments::rounding::div_half_even(sum, 2);
                let fits = |micros| MicroUsd::from_i128(micros).unwrap_or(MicroUsd::ZERO);
                (fits(half(bid + ask)), fits(half(ask - bid)))
            }
            (None, None, Some(price), half) => (price, half.unwrap_or(MicroUsd::ZERO)),
            (Some(_), None, None, None) => {
                return Err(InputError::Missing { field: format!("{of}.ask") });
            }
            (None, Some(_), None, None) => {
                return Err(InputError::Missing { field: format!("{of}.bid") });
            }
            (None, None, None, _) => {
                return Err(InputError::Missing { field: format!("{of}.price, or bid and ask") });
            }
            (..) => return unwanted("price", "either bid and ask or price and half_spread"),
        };
        let quote = Quote { days: period.days, bid, ask };
        let contract = Contract { days: period.days, price, half_spread };
        Ok(Contracted { period, contract, quote })
    }
}

impl WireShape {
    fn read(&self, start: u64) -> Result<Shape, InputError> {
        // The first of January 1970 was a Thursday.
        let first_weekday = u8::try_from((start + 3) % 7).unwrap_or(0);
        let mut shape = Shape { first_weekday, ..Shape::default() };
        if let Some(given) = &self.year_factor {
            shape.year_factor = share("shape.year_factor", given)?;
        }
        if let Some(week) = &self.week {
            if week.len() != shape.week.len() {
                let reason = "not seven factors, Monday first";
                return Err(InputError::Unwanted { field: "shape.week".to_owned(), reason });
            }
            for (place, (factor, given)) in shape.week.iter_mut().zip(week).enumerate() {
                *factor = share(&format!("shape.week[{place}]"), given)?;
            }
        }
        for (place, Object(given)) in self.launches.iter().enumerate() {
            let of = format!("shape.launches[{place}]");
            let at = day(&format!("{of}.date"), &given.date)?;
            let field = format!("{of}.factor");
            let Some(factor) = &given.factor else { return Err(InputError::Missing { field }) };
            let half_life_days = match &given.half_life_days {
                Some(_) => count(&format!("{of}.half_life_days"), &given.half_life_days)?,
                None => 0,
            };
            // What was launched before the curve begins counts from its first day.
            let at = u32::try_from(at.saturating_sub(start)).unwrap_or(u32::MAX);
            shape.launches.push(Launch { day: at, factor: share(&field, factor)?, half_life_days });
        }
        Ok(shape)
    }
}

impl WireParams {
    fn read(&self) -> Result<CurveParams, InputError> {
        let mut params = CurveParams::default();
        if let Some(given) = &self.bend {
            params.bend = share("parameters.bend", given)?;
        }
        if self.slope_days.is_some() {
            params.slope_days = count("parameters.slope_days", &self.slope_days)?;
        }
        if let Some(given) = &self.half_spread_min {
            params.half_spread_min = share("parameters.half_spread_min", given)?;
        }
        Ok(params)
    }
}

fn period(
    of: &str,
    start: u64,
    name: &Given,
    (from, until): (&Given, &Given),
) -> Result<Period, InputError> {
    let field = format!("{of}.name");
    let name = figures::text(&field, name)?;
    if name.is_empty() || NAME_LEN_MAX < name.len() {
        return Err(wrong(&field, &name, "1 to 64 bytes"));
    }
    let (first, end) = (day(&format!("{of}.from"), from)?, day(&format!("{of}.until"), until)?);
    if first < start {
        let reason = "before the start of the curve";
        return Err(InputError::Unwanted { field: format!("{of}.from"), reason });
    }
    if end <= first {
        return Err(InputError::Unwanted {
            field: format!("{of}.until"),
            reason: "not after from",
        });
    }
    let days = |days: u64| u32::try_from(days).unwrap_or(u32::MAX);
    let days = Days { first: days(first - start), count: days(end - first) };
    Ok(Period { name, days })
}

/// Days since 1970.
fn day(field: &str, value: &Given) -> Result<u64, InputError> {
    let text = figures::text(field, value)?;
    let midnight = format!("{text}T00:00:00Z").parse::<Timestamp>();
    let days = midnight.map(|Timestamp(at)| Date::of(at).days());
    days.map_err(|NotATime| wrong(field, &format!("\"{text}\""), "a day like 2026-12-01"))
}

fn count(field: &str, value: &Given) -> Result<u32, InputError> {
    let Some(value) = value else {
        return Err(InputError::Missing { field: field.to_owned() });
    };
    let whole = decimal(value).filter(|it| it.fract().is_zero()).and_then(|it| it.to_u32());
    whole.ok_or_else(|| wrong(field, value.get(), "a whole number, plain or as a string"))
}

/// Exact to the micro-dollar, or refused.
fn micros(field: &str, value: &RawValue) -> Result<MicroUsd, InputError> {
    let found = decimal(value).and_then(millionths);
    let found = found.map(MicroUsd::new).filter(|money| MicroUsd::ZERO <= *money);
    found
        .ok_or_else(|| wrong(field, value.get(), "dollars with at most six decimals, not negative"))
}

/// Exact to the millionth, or refused.
fn share(field: &str, value: &RawValue) -> Result<Ppm, InputError> {
    let found = decimal(value).and_then(millionths).map(Ppm::new);
    found.ok_or_else(|| wrong(field, value.get(), "a number with at most six decimals"))
}

fn millionths(number: Decimal) -> Option<i64> {
    let scaled = number.checked_mul(Decimal::from(1_000_000))?;
    scaled.fract().is_zero().then(|| scaled.to_i64())?
}

fn decimal(value: &RawValue) -> Option<Decimal> {
    let digits: Option<String> = serde_json::from_str(value.get()).ok();
    match digits {
        Some(text) => Decimal::from_str_exact(&text).ok(),
        // `true`, `[1]` and the like have no digits to read.
        None => Decimal::from_str_exact(value.get())
            .or_else(|_| Decimal::from_scientific(value.get()))
            .ok(),
    }
}
