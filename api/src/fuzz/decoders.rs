//! One decoder a test: bytes in, a value or a refusal out.

use axum::extract::Query;
use axum::http::Uri;
use rust_decimal::Decimal;

use crate::auth::Scope;
use crate::client::read_frame;
use crate::lower::Resolution;
use crate::methods;
use crate::wire::{ErrorCode, Number, Params, Request};

/// Inputs of each test in one run of all tests; the kept ones come on top.
const INPUTS: usize = 4_000;
/// Bytes of an input.
const LEN_MAX: usize = 2_048;

/// Runs a decoder of text over bytes that are text.
fn over_text(decode: impl Fn(&str) + std::panic::RefUnwindSafe) {
    bolero::check!().with_iterations(INPUTS).with_max_len(LEN_MAX).for_each(|bytes: &[u8]| {
        if let Ok(text) = str::from_utf8(bytes) {
            decode(text);
        }
    });
}

/// API-130: a frame, up to where its method is known and its fields have names.
#[test]
fn api_130_any_frame_is_read_or_refused() {
    over_text(|text| match Request::parse(text) {
        Ok(request) => {
            let checked = methods::by_name(&request.method)
                .and_then(|spec| spec.check(None, &request.params).map(|()| spec.name));
            assert!(
                checked.is_ok_and(|name| name == request.method) || !request.id.get().is_empty()
            );
        }
        Err(refused) => {
            let code = refused.error.code();
            let is_about_the_frame =
                [ErrorCode::ParseError, ErrorCode::InvalidRequest, ErrorCode::InvalidParams]
                    .contains(&code);
            assert!(is_about_the_frame, "{code:?}");
            assert!(!refused.error.reason().is_empty());
        }
    });
}

/// API-130: a number is itself when it is written and read again.
#[test]
fn api_130_any_number_is_exact_or_refused() {
    over_text(|text| {
        let Ok(Number(read)) = Number::parse(text) else { return };
        let again = Number::parse(&read.to_string()).expect("what was read can be read again");
        assert_eq!(again.0, read);
        assert!(read.abs() <= Decimal::MAX);
    });
}

/// API-130: a query and each of its fields, as whatever a method may want of it.
#[test]
fn api_130_any_query_is_read_or_refused() {
    over_text(|text| {
        let Ok(uri) = Uri::builder().path_and_query(format!("/api/v2/public/test?{text}")).build()
        else {
            return;
        };
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&uri) else { return };
        let names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
        if let Ok(params) = Params::from_query(pairs) {
            names.iter().for_each(|name| read_every_way(&params, name));
        }
    });
}

/// API-130: the fields of a request, as whatever a method may want of them.
#[test]
fn api_130_any_fields_are_read_or_refused() {
    over_text(|text| {
        let Ok(raw) = serde_json::from_str::<&serde_json::value::RawValue>(text) else { return };
        let Ok(params) = Params::from_json(Some(raw)) else { return };
        let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(text) else { return };
        fields.keys().for_each(|name| read_every_way(&params, name));
    });
}

/// What a field says is one thing at most, and each refusal names it.
fn read_every_way(params: &Params, name: &str) {
    let refusals = [
        params.text(name).err(),
        params.flag(name).err(),
        params.number(name).err(),
        params.integer(name, 1_000).err(),
        params.required_texts(name).err(),
        params.required_object(name, 100).err(),
    ];
    for refused in refusals.into_iter().flatten() {
        assert_eq!(refused.code(), ErrorCode::InvalidParams);
        assert!(!refused.reason().is_empty());
    }
    assert!(!params.has(name) || params.check_known(&[]).is_err());
}

/// API-130: a scope grants what its own text says, or is refused.
#[test]
fn api_130_any_scope_is_read_or_refused() {
    over_text(|text| {
        let Ok(asked) = Scope::parse(text) else { return };
        let scope = asked.named();
        let again = Scope::parse(&scope.to_string()).expect("a scope reads its own text");
        assert_eq!(again.named(), scope);
    });
}

/// API-130: the resolution of a chart.
#[test]
fn api_130_any_resolution_is_read_or_refused() {
    over_text(|text| {
        let is_known = Resolution::known().split(", ").any(|known| known == text);
        assert_eq!(Resolution::parse(text).is_some(), is_known, "{text}");
    });
}

/// API-130: a client survives whatever calls itself a server.
#[test]
fn api_130_any_frame_of_a_server_is_read_or_refused() {
    over_text(|text| {
        if let Err(error) = read_frame(text) {
            assert!(!error.to_string().is_empty());
        }
    });
}
