//! Writes a golden vector to the standard output.
//!
//! ```text
//! cargo run --release -p delivery-agent --example record_vector -- PROFILE POOL SLOTS SEGMENTS [cpu|cuda]
//! ```

use std::env;
use std::error::Error;

use delivery_agent::DeviceKind;
use delivery_agent::challenge::Challenge;
use delivery_agent::profile::ClassProfile;
use delivery_agent::salt::NO_SECRET;
use delivery_agent::vectors::Vector;

#[expect(clippy::print_stdout, reason = "a program that prints")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let at = |n: usize| arguments.get(n).map(String::as_str);
    let number = |n: usize| at(n).ok_or("PROFILE POOL SLOTS SEGMENTS are needed");
    let profile = at(0).and_then(ClassProfile::named).ok_or("PROFILE is none that there is")?;
    let profile = profile.with_pool(number(1)?.parse()?)?;
    let device = at(4).unwrap_or("cpu").parse::<DeviceKind>()?.open()?;
    let seed = *blake3::hash(b"tenor golden vector").as_bytes();
    let challenge = Challenge::new(seed, profile, number(2)?.parse()?, number(3)?.parse()?)?;
    println!("{}", Vector::record(&challenge, NO_SECRET, &device)?.to_json()?);
    Ok(())
}
