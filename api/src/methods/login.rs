//! `public/auth`: three ways to log in, one answer.

use instruments::Nanos;
use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::{Authority, Caller, Scope, Signed};
use crate::gateway::Gateway;
use crate::wire::{ErrorCode, Params, WireError};

/// Bytes of a signature's extra data.
pub(crate) const DATA_LEN_MAX: usize = 1_024;

/// Who has logged in, and what it is told.
pub(crate) struct LoggedIn {
    pub(crate) caller: Caller,
    pub(crate) answer: WireGrant,
}

/// What a login gives.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WireGrant {
    /// For the `Authorization` header.
    pub(crate) access_token: String,
    /// For the next login, once.
    refresh_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// What the login may do.
    scope: String,
}

/// Checks a login and gives out tokens.
pub(crate) fn log_in(gateway: &Gateway, params: &Params) -> Result<LoggedIn, WireError> {
    let now = gateway.venue.now();
    let asked = Scope::parse(&params.text("scope")?.unwrap_or_default())?;
    let grant_type = params.required_text("grant_type")?;
    only_with(params, &grant_type, "client_credentials", &["client_secret"])?;
    only_with(
        params,
        &grant_type,
        "client_signature",
        &["timestamp", "nonce", "data", "signature"],
    )?;
    only_with(params, &grant_type, "refresh_token", &["refresh_token"])?;
    let caller = match grant_type.as_str() {
        "client_credentials" => by_secret(gateway, params, asked.scope)?,
        "client_signature" => by_signature(gateway, params, asked.scope, now)?,
        "refresh_token" => {
            if params.has("scope") {
                let reason = "a refreshed login keeps the scope it had";
                return Err(WireError::new(ErrorCode::UnsupportedCombination, reason).of("scope"));
            }
            gateway.authority.refresh(&params.required_text("refresh_token")?, now)?
        }
        _ => {
            let reason = "must be client_credentials, client_signature or refresh_token";
            return Err(WireError::param("grant_type", reason));
        }
    };
    let grant = gateway.authority.grant(&caller, asked.lifetime, now)?;
    let answer = WireGrant {
        access_token: grant.access_token,
        refresh_token: grant.refresh_token,
        token_type: "bearer",
        expires_in: asked.lifetime.nanos().div_euclid(1_000_000_000),
        scope: caller.scope.to_string(),
    };
    Ok(LoggedIn { caller, answer })
}

/// Fields of another grant type are refused, not ignored.
fn only_with(
    params: &Params,
    grant_type: &str,
    of: &str,
    fields: &[&str],
) -> Result<(), WireError> {
    match fields.iter().find(|field| grant_type != of && params.has(field)) {
        Some(field) => {
            let reason = format!("has a meaning only with grant type {of}");
            Err(WireError::new(ErrorCode::UnsupportedCombination, reason).of(field))
        }
        None => Ok(()),
    }
}

fn by_secret(gateway: &Gateway, params: &Params, scope: Scope) -> Result<Caller, WireError> {
    let client_id = params.required_text("client_id")?;
    let secret = params.required_text("client_secret")?;
    let credential = Authority::check_secret(gateway.venue.credential(&client_id), &secret)?;
    Ok(Caller { account: credential.account, client_id, scope })
}

fn by_signature(
    gateway: &Gateway,
    params: &Params,
    scope: Scope,
    now: Nanos,
) -> Result<Caller, WireError> {
    let client_id = params.required_text("client_id")?;
    // A number, as Deribit's clients send it; its text is what was signed.
    let timestamp = params.required_integer("timestamp", u64::MAX)?.to_string();
    let nonce = params.required_text("nonce")?;
    let data = params.text("data")?.unwrap_or_default();
    if DATA_LEN_MAX < data.len() {
        let reason = format!("must have at most {DATA_LEN_MAX} bytes");
        return Err(WireError::param("data", reason));
    }
    let signature = params.required_text("signature")?;
    let signed = Signed { timestamp: &timestamp, nonce: &nonce, signature: &signature };
    let credential = gateway.venue.credential(&client_id);
    let credential = gateway.authority.check_signature(credential, &signed, &data, now)?;
    Ok(Caller { account: credential.account, client_id, scope })
}
