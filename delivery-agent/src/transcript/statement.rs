//! The venue's statement: is it what the transcript gives, and has the venue signed it?

use api::io::sign_transcript::{DeliveryStatement, statement_digest};
use api::wire::WireDeliveryStatement;
use instruments::ObligationId;

use super::read::{hex, signed_by};
use super::{Checked, Credited, Field, field};

pub(super) fn check(
    checked: &Checked,
    credited: &Credited,
    statement: &WireDeliveryStatement,
) -> Result<(), Field> {
    let signed = DeliveryStatement {
        obligation: ObligationId(checked.header.obligation_id),
        challenges: statement.challenges,
        credited: statement.credited.clone(),
        gpu_millis: statement.gpu_millis,
        soft_fails: statement.soft_fails,
        hard_fails: statement.hard_fails,
        last_receipt: hex("last_receipt", &statement.last_receipt)?,
        transcript: hex("after", &statement.after)?,
    };
    let digest = statement_digest(&signed);
    signed_by(&checked.venue, "venue_signature", &statement.venue_signature, digest)?;
    equal("challenges", statement.challenges as usize, checked.entries.len())?;
    equal("credited", statement.credited.len(), credited.gpu_millis.len())?;
    let both = statement.credited.iter().zip(&credited.gpu_millis);
    for (interval, (stated, found)) in both.enumerate() {
        equal(&format!("credited[{interval}]"), stated, found)?;
    }
    equal("gpu_millis", statement.gpu_millis, credited.total())?;
    equal("soft_fails", statement.soft_fails, credited.soft_fails)?;
    equal("hard_fails", statement.hard_fails, credited.hard_fails)?;
    if signed.last_receipt != checked.last_receipt() {
        return Err(field("last_receipt", "not the newest receipt of the transcript"));
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Display>(name: &str, stated: T, found: T) -> Result<(), Field> {
    if stated == found {
        return Ok(());
    }
    Err(field(name, format!("{stated}, the transcript gives {found}")))
}
