//! `public/auth`: five ways to log in, one answer.

use instruments::NanosSpan;
use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::auth::{Caller, Origin, Scope, SessionProof, Signed, check_network};
use crate::gateway::Gateway;
use crate::io::sign::SIGNATURE_LEN;
use crate::venue::{AuditEvent, Book};
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

/// Checks a login and gives out tokens. Either way the audit log knows.
pub(crate) fn log_in(
    gateway: &Gateway,
    params: &Params,
    origin: Origin,
) -> Result<LoggedIn, WireError> {
    let login = check(gateway, params, origin);
    gateway.venue.operations().metrics.note_login(login.is_ok());
    match &login {
        Ok(LoggedIn { caller, .. }) => gateway.venue.audit(AuditEvent {
            actor: &format!("account {} key {}", caller.account.0, caller.client_id),
            action: "login",
            object: &format!("from {}", origin.address),
            result: "ok",
        }),
        Err(error) => {
            // What it called itself, which is no secret; its own address where it proved nothing.
            let said = params.text("client_id").ok().flatten().unwrap_or_default();
            gateway.venue.audit_refusal(AuditEvent {
                actor: &format!("unknown, said {said}"),
                action: "login",
                object: &format!("from {}", origin.address),
                result: error.reason(),
            });
        }
    }
    login
}

/// The fields that not every grant type has.
const OF_GRANTS: [(&str, &[&str]); 8] = [
    ("client_secret", &["client_credentials"]),
    ("timestamp", &["client_signature", "session_key"]),
    ("nonce", &["client_signature", "session_key"]),
    ("data", &["client_signature"]),
    ("signature", &["client_signature", "wallet", "session_key"]),
    ("message", &["wallet"]),
    ("address", &["session_key"]),
    ("refresh_token", &["refresh_token"]),
];

fn check(gateway: &Gateway, params: &Params, origin: Origin) -> Result<LoggedIn, WireError> {
    let now = gateway.venue.now();
    let text = params.text("scope")?.unwrap_or_default();
    let asked = Scope::parse(&text)?;
    let grant_type = params.required_text("grant_type")?;
    for (field, grants) in OF_GRANTS {
        // Fields of another grant type are refused, not ignored.
        if params.has(field) && !grants.contains(&grant_type.as_str()) {
            let reason = format!("has a meaning only with grant type {}", grants.join(", "));
            return Err(WireError::new(ErrorCode::UnsupportedCombination, reason).of(field));
        }
    }
    let book = gateway.venue.book();
    let proven = match grant_type.as_str() {
        "client_credentials" => {
            let client_id = params.required_text("client_id")?;
            let secret = Zeroizing::new(params.required_text("client_secret")?);
            gateway.authority.check_secret(&book, (&client_id, &secret), origin, now)?
        }
        "client_signature" => by_signature(gateway, &book, params, origin)?,
        "wallet" => {
            let message = params.required_text("message")?;
            let signature = params.required_hex::<SIGNATURE_LEN>("signature")?;
            let signed = (message.as_str(), &signature);
            gateway.authority.check_wallet(&book, gateway.place(), signed, now)?
        }
        "session_key" => by_session_key(gateway, &book, params, &text)?,
        "refresh_token" => {
            if params.has("scope") {
                let reason = "a refreshed login keeps the scope it had";
                return Err(WireError::new(ErrorCode::UnsupportedCombination, reason).of("scope"));
            }
            let caller = gateway.authority.refresh(&params.required_text("refresh_token")?, now)?;
            let caller = gateway.recheck(caller, origin)?;
            return granted(gateway, caller, asked.lifetime);
        }
        _ => {
            let reason = "must be client_credentials, client_signature, wallet, session_key or \
                          refresh_token";
            return Err(WireError::param("grant_type", reason));
        }
    };
    check_network(&asked.networks, origin)?;
    let caller = Caller {
        scope: asked.within(proven.scope),
        connection: origin.connection.filter(|_| asked.session.is_none()),
        networks: asked.networks,
        ..proven
    };
    granted(gateway, caller, asked.lifetime)
}

fn granted(gateway: &Gateway, caller: Caller, lifetime: NanosSpan) -> Result<LoggedIn, WireError> {
    let grant = gateway.authority.grant(&caller, lifetime, gateway.venue.now())?;
    let binding = if caller.connection.is_some() { "connection " } else { "" };
    let answer = WireGrant {
        access_token: grant.access_token,
        refresh_token: grant.refresh_token,
        token_type: "bearer",
        expires_in: lifetime.nanos().div_euclid(1_000_000_000),
        scope: format!("{binding}{}", caller.scope),
    };
    Ok(LoggedIn { caller, answer })
}

fn by_signature(
    gateway: &Gateway,
    book: &Book,
    params: &Params,
    origin: Origin,
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
    let what = (client_id.as_str(), &signed, data.as_str());
    gateway.authority.check_signature(book, what, origin, gateway.venue.now())
}

fn by_session_key(
    gateway: &Gateway,
    book: &Book,
    params: &Params,
    scope: &str,
) -> Result<Caller, WireError> {
    let nonce = params.required_text("nonce")?;
    let said = SessionProof {
        key: params.required_hex("address")?,
        scope,
        timestamp: params.required_integer("timestamp", u64::MAX)?,
        nonce: &nonce,
        signature: params.required_hex("signature")?,
    };
    gateway.authority.check_session_key(book, gateway.place(), &said, gateway.venue.now())
}
