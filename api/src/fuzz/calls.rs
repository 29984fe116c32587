//! Whole calls: any method with any fields, by an account that may do everything, on a venue that runs.

use std::sync::OnceLock;
use std::time::Duration;

use exchange::{Command, Event};
use instruments::{MicroUsd, Nanos};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::auth::{By, Caller, Scope};
use crate::channels::Subscriptions;
use crate::gateway::Gateway;
use crate::methods::{self, METHODS};
use crate::venue::{Listing, Venue, VenueClock, VenueOptions};
use crate::wire::{Params, Request};

/// Calls of one run of all tests.
const CALLS: usize = 1_500;
/// Bytes that make one call.
const LEN_MAX: usize = 256;

struct Floor {
    gateway: Gateway,
    caller: Caller,
    runtime: Runtime,
    _directory: TempDir,
}

/// One venue for all calls of a process: what they have done to it stays, as on a real one.
fn floor() -> &'static Floor {
    static FLOOR: OnceLock<Floor> = OnceLock::new();
    FLOOR.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let options = VenueOptions {
            testnet: true,
            listing: Listing::standard(),
            tick_every: Duration::from_millis(5),
            price_every: None,
            clock: VenueClock::manual(Nanos::from_seconds(1_800_000_000)),
            ..VenueOptions::new(directory.path())
        };
        let venue = Venue::open(options).expect("a venue");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let account = runtime.block_on(async {
            let name = "anybody".to_owned();
            let opened = venue.submit(Command::OpenAccount { name, is_verifier: true }).await;
            let events = opened.expect("an outcome").events.clone();
            let account = events.iter().find_map(|event| {
                if let Event::AccountOpened { account, .. } = event { Some(*account) } else { None }
            });
            let account = account.expect("an account");
            let amount = MicroUsd::new(1_000_000_000_000);
            drop(venue.submit(Command::Deposit { account, amount }).await.expect("money"));
            account
        });
        let caller = Caller {
            account,
            client_id: "anybody".to_owned(),
            scope: Scope::full(),
            by: By::Key { rotation: 0 },
            networks: Vec::new(),
            connection: None,
            session: None,
        };
        Floor { gateway: Gateway::new(venue), caller, runtime, _directory: directory }
    })
}

/// What a field is filled with when it is not filled with bytes.
fn plausible(choice: u8) -> Value {
    let floor = floor();
    let series = || {
        let exchange = floor.gateway.venue.exchange();
        let count = exchange.series().count().max(1);
        let mut names = exchange.series().map(|series| series.instrument.name.clone());
        let found = names.nth(usize::from(choice).div_euclid(32).rem_euclid(count));
        found.unwrap_or_default()
    };
    match choice.rem_euclid(32) {
        0..=4 => json!(series()),
        5 => json!(1),
        6 => json!(0),
        7 => json!(-1),
        8 => json!(2.5),
        9 => json!(0.0001),
        10 => json!(u64::MAX),
        11 => json!(i64::MIN),
        12 => json!("limit"),
        13 => json!("market"),
        14 => json!(true),
        15 => json!(false),
        16 => json!("USDC"),
        17 => json!("H100"),
        18 => json!("T-1"),
        19 => json!("all"),
        20 => json!([]),
        21 => json!({}),
        22 => json!([1, "a", null, [[]]]),
        23 => json!({ "a": { "b": [1] } }),
        24 => json!("0x0000000000000000000000000000000000000000"),
        25 => json!("00".repeat(32)),
        26 => json!(1_800_000_000_000_u64),
        27 => json!("good_til_cancelled"),
        28 => json!("x".repeat(5_000)),
        29 => json!(2),
        30 => json!("trigger"),
        _ => json!(2.345),
    }
}

/// A call made of bytes: which method, and for each of its fields whether and with what it is sent.
fn call_of(bytes: &[u8]) -> Option<(&'static str, String)> {
    let (which, mut rest) = bytes.split_first()?;
    let spec = METHODS.get(usize::from(*which).rem_euclid(METHODS.len()))?;
    let mut fields = Vec::new();
    for name in spec.fields {
        let Some((how, left)) = rest.split_first() else { break };
        rest = left;
        let value = match how {
            0..=99 => continue,
            100..=219 => {
                let Some((choice, left)) = rest.split_first() else { break };
                rest = left;
                plausible(*choice).to_string()
            }
            // Text of the bytes themselves: JSON, where it happens to be.
            _ => {
                let taken = usize::from(how.rem_euclid(16)).min(rest.len());
                let (text, left) = rest.split_at(taken);
                rest = left;
                let text = String::from_utf8_lossy(text).into_owned();
                match serde_json::from_str::<&RawValue>(&text) {
                    Ok(_) => text,
                    Err(_) => json!(text).to_string(),
                }
            }
        };
        fields.push(format!("{}:{value}", json!(name)));
    }
    let params = fields.join(",");
    let text = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":{},"params":{{{params}}}}}"#,
        json!(spec.name)
    );
    Some((spec.name, text))
}

fn call(text: &str) {
    let Floor { gateway, caller, runtime, .. } = floor();
    let Ok(Request { method, params, .. }) = Request::parse(text) else { return };
    let answer = runtime.block_on(async {
        let spec = methods::by_name(&method)?;
        spec.check(Some(caller), &params)?;
        methods::call(gateway, Some(caller), spec.method, &params).await
    });
    match answer {
        Ok(result) => assert!(serde_json::from_str::<&RawValue>(result.get()).is_ok(), "{text}"),
        Err(error) => assert!(!error.reason().is_empty(), "{text}"),
    }
    assert!(!gateway.venue.has_failed(), "{text}");
}

/// API-131: whatever is asked is answered, and the venue runs on.
#[test]
fn api_131_any_call_is_answered() {
    bolero::check!().with_iterations(CALLS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        if let Some((_, text)) = call_of(bytes) {
            call(&text);
        }
    });
    assert!(floor().gateway.venue.exchange().money_conserved());
}

/// API-131: every method is reached with every one of its fields.
#[test]
fn api_131_every_method_is_asked_with_every_plausible_field() {
    for (which, spec) in (0_u8..).zip(METHODS) {
        for choice in 0..32_u8 {
            let mut bytes = vec![which];
            for place in 0..spec.fields.len() {
                let turned = usize::from(choice).wrapping_add(place.wrapping_mul(7));
                bytes.extend([100, u8::try_from(turned.rem_euclid(32)).unwrap_or(0)]);
            }
            let (name, text) = call_of(&bytes).expect("a call");
            assert_eq!(name, spec.name);
            call(&text);
        }
    }
}

/// API-131: any channel's name is granted or refused.
#[test]
fn api_131_any_channel_is_granted_or_refused() {
    bolero::check!().with_iterations(CALLS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        let Ok(name) = str::from_utf8(bytes) else { return };
        let Floor { gateway, caller, .. } = floor();
        let mut subscriptions = Subscriptions::default();
        match subscriptions.subscribe(gateway, Some(caller), &[name.to_owned()]) {
            Ok(granted) => assert!(granted.len() <= 1),
            Err(error) => assert!(!error.reason().is_empty()),
        }
    });
}

/// API-131: any fields that are an object make no method panic, known to it or not.
#[test]
fn api_131_any_fields_are_answered_by_any_method() {
    bolero::check!().with_iterations(CALLS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        let Some((which, rest)) = bytes.split_first() else { return };
        let Ok(text) = str::from_utf8(rest) else { return };
        let Ok(raw) = serde_json::from_str::<&RawValue>(text) else { return };
        let Ok(params) = Params::from_json(Some(raw)) else { return };
        let Floor { gateway, caller, runtime, .. } = floor();
        let spec = &METHODS[usize::from(*which).rem_euclid(METHODS.len())];
        drop(runtime.block_on(methods::call(gateway, Some(caller), spec.method, &params)));
        assert!(!gateway.venue.has_failed());
    });
}
