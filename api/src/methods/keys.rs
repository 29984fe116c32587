//! API keys, wallets and session keys: who may ask as an account.
//!
//! Invariants:
//! - nobody makes a key that may more than its maker, or lives longer, or is good elsewhere;
//! - a secret is told once, when it is drawn;
//! - what is taken away is gone for sessions, tokens and signatures alike.

use instruments::{AccountId, Nanos, NanosSpan};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::Answer;
use crate::auth::{
    Asked, By, CHALLENGE_LIFETIME, Caller, NETWORKS_MAX, Need, Network, Purpose, Scope,
    SessionKeyProof, checksummed,
};
use crate::gateway::Gateway;
use crate::io::sign::CHAIN_ID;
use crate::keys_watch::cancel_orders;
use crate::venue::{
    ApiKey, AuditEvent, Book, KeyEdit, KeyError, NewKey, SessionKey, Venue, Wallet,
};
use crate::wire::{ErrorCode, Params, WireError, to_result};

/// Bytes of a key's name.
pub(super) const NAME_LEN_MAX: usize = 64;
/// How long the secret before stays good at most.
pub(super) const OVERLAP_SECONDS_MAX: u64 = 86_400;
/// 2262, the last year that nanoseconds can name.
pub(super) const MILLIS_MAX: u64 = 9_214_646_400_000;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    Challenge,
    CreateSession,
    AuditHead,
    Create,
    List,
    Edit,
    Enable,
    Disable,
    Reset,
    Remove,
    LinkChallenge,
    LinkWallet,
    UnlinkWallet,
    ListWallets,
    ListSessions,
    RemoveSession,
}

/// An API key.
#[derive(Serialize, JsonSchema)]
pub(super) struct WireKey {
    /// Its number among the account's.
    id: u64,
    /// What it is called in a login.
    client_id: String,
    /// Its secret, told once: when it is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    client_secret: Option<crate::auth::Secret>,
    /// What its owner calls it.
    name: String,
    /// The most that a login with it may do.
    max_scope: String,
    /// From where it is good; everywhere when there is none.
    ip_whitelist: Vec<String>,
    /// Whether it lets anybody in.
    enabled: bool,
    /// Deribit's word: there is no key of this kind here.
    default: bool,
    /// Deribit's word: there are none here.
    enabled_features: [(); 0],
    /// Whether the account's orders are cancelled when it is disabled or removed.
    cancel_on_revoke: bool,
    /// When it was made, in milliseconds since 1970.
    timestamp: u64,
    /// When it ends by itself, in milliseconds since 1970.
    expires_at: Option<u64>,
    /// Until when the secret before is good too, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_until: Option<u64>,
}

impl WireKey {
    fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id,
            client_id: key.client_id.clone(),
            client_secret: None,
            name: key.name.clone(),
            max_scope: key.max_scope.to_string(),
            ip_whitelist: key.networks.iter().map(Network::to_string).collect(),
            enabled: key.is_enabled,
            default: false,
            enabled_features: [],
            cancel_on_revoke: key.cancels_orders,
            timestamp: key.created_at.millis(),
            expires_at: key.expires_at.map(Nanos::millis),
            previous_secret_until: key.previous.as_ref().map(|it| it.until.millis()),
        }
    }

    /// With the secret, which is told this once.
    fn fresh(key: &ApiKey) -> Self {
        Self { client_secret: Some(key.secret.clone()), ..Self::of(key) }
    }
}

/// What a wallet is to sign.
#[derive(Serialize, JsonSchema)]
pub(super) struct WireChallenge {
    /// The wallet's address.
    address: String,
    /// Good once.
    nonce: String,
    /// The text to sign, EIP-4361.
    message: String,
    /// Who asks for the signature.
    domain: String,
    /// The chain that is named in it.
    chain_id: u64,
    /// Until when it is good, in milliseconds since 1970.
    expires_at: u64,
}

/// A wallet that logs in as the account.
#[derive(Serialize, JsonSchema)]
pub(super) struct WireWallet {
    /// Its address.
    address: String,
    /// Since when, in milliseconds since 1970.
    linked_at: u64,
    /// Whether a login with it may take money out.
    may_withdraw: bool,
}

/// A key that a wallet has let in.
#[derive(Serialize, JsonSchema)]
pub(super) struct WireSessionKey {
    /// Its address.
    address: String,
    /// The wallet's.
    wallet: String,
    /// What it may do.
    scope: String,
    /// When it ends by itself, in milliseconds since 1970.
    expires_at: u64,
}

/// The end of the audit log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WireSignedHead")]
pub(super) struct WireHead<'a> {
    /// The newest that is signed; none before the first.
    head: Option<crate::venue::AuditHead>,
    /// The address that signs them.
    signer: &'a str,
}

/// What anybody may ask; `None` when it is another method.
pub(crate) async fn answer_anybody(
    gateway: &Gateway,
    method: Keys,
    params: &Params,
) -> Option<Answer> {
    Some(match method {
        Keys::Challenge => challenge(gateway, params),
        Keys::CreateSession => create_session_key(gateway, params).await,
        Keys::AuditHead => {
            let signer = checksummed(&gateway.venue.exchange_address());
            Ok(to_result(&WireHead { head: gateway.venue.audit_head(), signer: &signer }))
        }
        Keys::Create
        | Keys::List
        | Keys::Edit
        | Keys::Enable
        | Keys::Disable
        | Keys::Reset
        | Keys::Remove
        | Keys::LinkChallenge
        | Keys::LinkWallet
        | Keys::UnlinkWallet
        | Keys::ListWallets
        | Keys::ListSessions
        | Keys::RemoveSession => return None,
    })
}

/// What an account asks.
pub(crate) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Keys,
    params: &Params,
) -> Answer {
    match method {
        Keys::Create => create(gateway, caller, params).await,
        Keys::List => Ok(list(gateway, caller)),
        Keys::Edit => edit(gateway, caller, params, None).await,
        Keys::Enable => edit(gateway, caller, params, Some(true)).await,
        Keys::Disable => edit(gateway, caller, params, Some(false)).await,
        Keys::Reset => reset(gateway, caller, params).await,
        Keys::Remove => remove(gateway, caller, params).await,
        Keys::LinkChallenge => {
            let address = params.required_hex("address")?;
            written(gateway, &address, Purpose::Link(caller.account))
        }
        Keys::LinkWallet => link(gateway, caller, params).await,
        Keys::UnlinkWallet => unlink(gateway, caller, params).await,
        Keys::ListWallets => Ok(wallets(gateway, caller)),
        Keys::ListSessions => Ok(session_keys(gateway, caller)),
        Keys::RemoveSession => remove_session_key(gateway, caller, params).await,
        Keys::Challenge | Keys::CreateSession | Keys::AuditHead => Err(super::not_here()),
    }
}

fn challenge(gateway: &Gateway, params: &Params) -> Answer {
    let address = params.required_hex("address")?;
    let purpose = match params.text("purpose")?.as_deref() {
        None | Some("sign_in") => Purpose::SignIn,
        Some("session_key") => Purpose::SessionKey,
        Some(_) => return Err(WireError::param("purpose", "must be sign_in or session_key")),
    };
    written(gateway, &address, purpose)
}

fn written(gateway: &Gateway, address: &[u8; 20], purpose: Purpose) -> Answer {
    let (now, place) = (gateway.venue.now(), gateway.place());
    let (nonce, message) = gateway.authority.challenge(place, address, purpose, now)?;
    Ok(to_result(&WireChallenge {
        address: checksummed(address),
        nonce,
        message,
        domain: place.domain.to_owned(),
        chain_id: CHAIN_ID,
        expires_at: (now + CHALLENGE_LIFETIME).millis(),
    }))
}

async fn create_session_key(gateway: &Gateway, params: &Params) -> Answer {
    let (scope, nonce) = (params.required_text("scope")?, params.required_text("nonce")?);
    let said = SessionKeyProof {
        account: AccountId(params.required_integer("account", u64::MAX)?),
        wallet: params.required_hex("wallet")?,
        key: params.required_hex("address")?,
        scope: &scope,
        expires_at: params.required_integer("expires_at", MILLIS_MAX)?,
        nonce: &nonce,
        signature: params.required_hex("signature")?,
    };
    let (venue, now) = (&gateway.venue, gateway.venue.now());
    let key = gateway.authority.check_grant(&venue.book(), gateway.place(), &said, now)?;
    let address = said.key;
    let shown = shown_session_key((&address, &key));
    let actor = format!("account {} wallet {}", key.account.0, checksummed(&key.wallet));
    change(venue, move |book| book.let_in(address, key, now)).await?;
    audited(venue, &actor, ("session_key.create", &shown.address));
    Ok(to_result(&shown))
}

async fn create(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let now = gateway.venue.now();
    let maker = Maker::of(gateway, caller);
    let max_scope = maker.scope(params.required_text("max_scope")?.as_str())?;
    let networks = maker.networks(networks(params)?)?;
    let expires_at = maker.expiry(expiry(params, now)?);
    let new = NewKey {
        account: caller.account,
        name: name(params)?.unwrap_or_default(),
        max_scope,
        networks,
        created_at: now,
        expires_at,
        cancels_orders: params.flag("cancel_on_revoke")?.unwrap_or(false),
    };
    let key = change(&gateway.venue, move |book| book.create(new)).await?;
    audited(&gateway.venue, &actor(caller), ("key.create", &described(&key)));
    Ok(to_result(&WireKey::fresh(&key)))
}

fn list(gateway: &Gateway, caller: &Caller) -> Box<serde_json::value::RawValue> {
    let book = gateway.venue.book();
    let mut keys: Vec<WireKey> = book.keys_of(caller.account).map(WireKey::of).collect();
    keys.sort_by_key(|key| key.id);
    to_result(&keys)
}

/// Changes a key; `enable` is the only change where it is given.
async fn edit(gateway: &Gateway, caller: &Caller, params: &Params, enable: Option<bool>) -> Answer {
    let (venue, now) = (&gateway.venue, gateway.venue.now());
    let (account, id) = (caller.account, params.required_integer("id", u64::MAX)?);
    let maker = Maker::of(gateway, caller);
    let was = venue.book().key_of(account, id).map_err(|error| refused(&error))?.clone();
    let is_enabled = match enable {
        Some(enable) => Some(enable),
        None => params.flag("enabled")?,
    };
    // To take away is always allowed.
    if enable != Some(false) {
        maker.check_over(&was)?;
    }
    let scope = params.text("max_scope")?.map(|text| maker.scope(&text)).transpose()?;
    let networks = match networks(params)? {
        Some(networks) => Some(maker.networks(Some(networks))?),
        None => None,
    };
    let expires_at = match expiry(params, now)? {
        Some(at) => maker.expiry(Some(at)),
        None => None,
    };
    let edit = KeyEdit {
        name: name(params)?,
        max_scope: scope,
        networks,
        expires_at,
        is_enabled,
        cancels_orders: params.flag("cancel_on_revoke")?,
    };
    let key = change(venue, move |book| book.edit(account, id, edit)).await?;
    audited(venue, &actor(caller), ("key.edit", &described(&key)));
    if was.is_enabled && !key.is_enabled && key.cancels_orders {
        cancel_orders(venue, account).await;
    }
    Ok(to_result(&WireKey::of(&key)))
}

async fn reset(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (venue, now) = (&gateway.venue, gateway.venue.now());
    let (account, id) = (caller.account, params.required_integer("id", u64::MAX)?);
    let was = venue.book().key_of(account, id).map_err(|error| refused(&error))?.clone();
    // Whoever gets the secret may what the key may.
    Maker::of(gateway, caller).check_over(&was)?;
    let overlap = params.integer("overlap", OVERLAP_SECONDS_MAX)?.unwrap_or(0);
    let until = now + NanosSpan::from_seconds(overlap);
    let key = change(venue, move |book| book.rotate(account, id, until)).await?;
    audited(venue, &actor(caller), ("key.reset", &described(&key)));
    Ok(to_result(&WireKey::fresh(&key)))
}

async fn remove(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, id) = (caller.account, params.required_integer("id", u64::MAX)?);
    let key = change(&gateway.venue, move |book| book.remove(account, id)).await?;
    audited(&gateway.venue, &actor(caller), ("key.remove", &described(&key)));
    if key.cancels_orders {
        cancel_orders(&gateway.venue, account).await;
    }
    Ok(to_result(&"ok"))
}

async fn link(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (venue, now) = (&gateway.venue, gateway.venue.now());
    let text = params.required_text("message")?;
    let signature = params.required_hex("signature")?;
    let signed = (text.as_str(), &signature);
    let purpose = Purpose::Link(caller.account);
    let address = gateway.authority.check_text(gateway.place(), signed, purpose, now)?;
    // A key that could link a wallet that may withdraw could withdraw.
    let may_withdraw = caller.scope.check(Need::WalletWrite).is_ok();
    let wallet = Wallet { account: caller.account, linked_at: now, may_withdraw };
    let shown = shown_wallet((&address, &wallet));
    change(venue, move |book| book.link(address, wallet)).await?;
    audited(venue, &actor(caller), ("wallet.link", &shown.address));
    Ok(to_result(&shown))
}

async fn unlink(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (venue, account) = (&gateway.venue, caller.account);
    let address = params.required_hex("address")?;
    let may_withdraw = venue
        .book()
        .wallet(&address)
        .is_some_and(|wallet| wallet.account == account && wallet.may_withdraw);
    if may_withdraw {
        // Otherwise a stolen key could lock the owner out of its money.
        caller.scope.check(Need::WalletWrite)?;
    }
    change(venue, move |book| book.unlink(account, address)).await?;
    audited(venue, &actor(caller), ("wallet.unlink", &checksummed(&address)));
    Ok(to_result(&"ok"))
}

async fn remove_session_key(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (venue, account) = (&gateway.venue, caller.account);
    let address = params.required_hex("address")?;
    change(venue, move |book| book.shut_out(account, address)).await?;
    audited(venue, &actor(caller), ("session_key.remove", &checksummed(&address)));
    Ok(to_result(&"ok"))
}

fn wallets(gateway: &Gateway, caller: &Caller) -> Box<serde_json::value::RawValue> {
    let book = gateway.venue.book();
    to_result(&book.wallets_of(caller.account).map(shown_wallet).collect::<Vec<_>>())
}

fn session_keys(gateway: &Gateway, caller: &Caller) -> Box<serde_json::value::RawValue> {
    let book = gateway.venue.book();
    to_result(&book.session_keys_of(caller.account).map(shown_session_key).collect::<Vec<_>>())
}

fn shown_wallet((address, wallet): (&[u8; 20], &Wallet)) -> WireWallet {
    WireWallet {
        address: checksummed(address),
        linked_at: wallet.linked_at.millis(),
        may_withdraw: wallet.may_withdraw,
    }
}

fn shown_session_key((address, key): (&[u8; 20], &SessionKey)) -> WireSessionKey {
    WireSessionKey {
        address: checksummed(address),
        wallet: checksummed(&key.wallet),
        scope: key.scope.to_string(),
        expires_at: key.expires_at.millis(),
    }
}

/// Who makes a key, and what it may hand on.
struct Maker {
    scope: Scope,
    networks: Vec<Network>,
    expires_at: Option<Nanos>,
}

impl Maker {
    fn of(gateway: &Gateway, caller: &Caller) -> Self {
        let book = gateway.venue.book();
        let key = match caller.by {
            By::Key { .. } => book.key(&caller.client_id),
            By::Wallet(_) | By::SessionKey(_) => None,
        };
        let session = match caller.by {
            By::SessionKey(address) => book.session_key(&address),
            By::Key { .. } | By::Wallet(_) => None,
        };
        Self {
            scope: caller.scope.min(Scope::of_keys()),
            networks: key.map(|key| key.networks.clone()).unwrap_or_default(),
            expires_at: key
                .and_then(|key| key.expires_at)
                .or_else(|| session.map(|session| session.expires_at)),
        }
    }

    fn scope(&self, text: &str) -> Result<Scope, WireError> {
        let asked: Asked = Scope::parse(text).map_err(|error| error.of("max_scope"))?;
        if asked.session.is_some() || !asked.networks.is_empty() {
            let reason = "names account:, trade: and wallet: only; addresses are ip_whitelist";
            return Err(WireError::param("max_scope", reason));
        }
        let scope = asked.named();
        if !scope.is_within(self.scope) {
            let reason = format!("the most that this login can hand on is {}", self.scope);
            return Err(WireError::new(ErrorCode::Forbidden, reason).of("max_scope"));
        }
        Ok(scope)
    }

    /// The maker's own where none are asked for.
    fn networks(&self, asked: Option<Vec<Network>>) -> Result<Vec<Network>, WireError> {
        let asked = asked.unwrap_or_else(|| self.networks.clone());
        let is_within =
            |network: &Network| self.networks.iter().any(|ours| network.is_within(ours));
        let is_open = self.networks.is_empty();
        if is_open || (!asked.is_empty() && asked.iter().all(is_within)) {
            return Ok(asked);
        }
        let reason = "a key that is bound to addresses makes keys for those only";
        Err(WireError::new(ErrorCode::Forbidden, reason).of("ip_whitelist"))
    }

    /// The earlier of what is asked for and the maker's own.
    fn expiry(&self, asked: Option<Nanos>) -> Option<Nanos> {
        match (asked, self.expires_at) {
            (Some(asked), Some(own)) => Some(asked.min(own)),
            (asked, own) => asked.or(own),
        }
    }

    /// Whether that key is none that may more.
    fn check_over(&self, key: &ApiKey) -> Result<(), WireError> {
        let is_longer = match (key.expires_at, self.expires_at) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(theirs), Some(own)) => own < theirs,
        };
        let is_wider = self.networks(Some(key.networks.clone())).is_err();
        if is_longer || is_wider || !key.max_scope.is_within(self.scope) {
            let reason = "the key may more than this login: it can be disabled or removed only";
            return Err(WireError::new(ErrorCode::Forbidden, reason).of("id"));
        }
        Ok(())
    }
}

fn name(params: &Params) -> Result<Option<String>, WireError> {
    let Some(name) = params.text("name")? else { return Ok(None) };
    let is_shown = name.chars().all(|letter| !letter.is_control());
    if NAME_LEN_MAX < name.len() || !is_shown {
        let reason = format!("must have at most {NAME_LEN_MAX} bytes and no control characters");
        return Err(WireError::param("name", reason).with_limit(Decimal::from(NAME_LEN_MAX)));
    }
    Ok(Some(name))
}

fn networks(params: &Params) -> Result<Option<Vec<Network>>, WireError> {
    if !params.has("ip_whitelist") {
        return Ok(None);
    }
    let texts = params.required_texts("ip_whitelist")?;
    if NETWORKS_MAX < texts.len() {
        let reason = format!("has more than {NETWORKS_MAX} entries");
        let limit = Decimal::from(NETWORKS_MAX);
        return Err(WireError::param("ip_whitelist", reason).with_limit(limit));
    }
    let read = |text: &String| {
        let parsed = text.parse::<Network>();
        parsed.map_err(|error| WireError::param("ip_whitelist", error.to_string()))
    };
    texts.iter().map(read).collect::<Result<_, _>>().map(Some)
}

fn expiry(params: &Params, now: Nanos) -> Result<Option<Nanos>, WireError> {
    let Some(millis) = params.integer("expires_at", MILLIS_MAX)? else { return Ok(None) };
    let at = Nanos::new(millis.saturating_mul(1_000_000));
    if at <= now {
        return Err(WireError::param("expires_at", "is in the past"));
    }
    Ok(Some(at))
}

/// Beside the sessions: the file is synced.
async fn change<T: Send + 'static>(
    venue: &Venue,
    change: impl FnOnce(&mut Book) -> Result<T, KeyError> + Send + 'static,
) -> Result<T, WireError> {
    let venue = venue.clone();
    let changed = tokio::task::spawn_blocking(move || venue.change_book(change)).await;
    let stopped = |_panic| WireError::new(ErrorCode::Internal, "the key was not written");
    changed.map_err(stopped)?.map_err(|error| refused(&error))
}

fn refused(error: &KeyError) -> WireError {
    let of = |code| WireError::new(code, error.to_string());
    match error {
        KeyError::Unknown { .. } => of(ErrorCode::NotFound),
        KeyError::TooMany { limit, .. } => {
            of(ErrorCode::TooManyRequests).with_limit(Decimal::from(*limit))
        }
        KeyError::Taken { .. } => of(ErrorCode::BadRequest),
        KeyError::Directory(error) => {
            tracing::error!(%error, "credentials");
            WireError::new(ErrorCode::Internal, "the disk has failed")
        }
    }
}

fn actor(caller: &Caller) -> String {
    format!("account {} key {}", caller.account.0, caller.client_id)
}

fn described(key: &ApiKey) -> String {
    format!("key {} {} {}", key.id, key.client_id, key.max_scope)
}

fn audited(venue: &Venue, actor: &str, (action, object): (&str, &str)) {
    venue.audit(AuditEvent { actor, action, object, result: "ok" });
}
