//! Token introspection (RFC 7662) from the server's side, over the same keys: a form in, a reply out.
//!
//! A key is a token that is active where the keys file answers 200. Its `scopes` are the reply's `scope`, `user_id` its
//! `sub`, `key_id` its `client_id`; every other field of the file goes into the reply as it is written. A key with a 401
//! or 403, and one that is unknown, is a token that is not active (section 2.2). Any other status is answered as ordered.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::contract;
use super::keys::{Entry, Keys};
use super::revocations::Credential;

/// The token of a request, by section 2.1: one parameter `token`, not empty.
pub fn token(headers: &HeaderMap, body: &[u8]) -> Result<String, &'static str> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_form = types
        .next()
        .is_some_and(|it| it == "application/x-www-form-urlencoded");
    if !is_form || types.next().is_some() {
        return Err("the body is not application/x-www-form-urlencoded");
    }
    let mut token = None;
    for (name, value) in pairs(body).ok_or("the body is not a form")? {
        match name.as_str() {
            "token" if token.is_some() => return Err("the parameter token is duplicated"),
            "token" => token = Some(value),
            "token_type_hint" => {}
            _ => return Err("a parameter is neither token nor token_type_hint"),
        }
    }
    token
        .filter(|token| !token.is_empty())
        .ok_or("the parameter token is missing")
}

/// The parameters, decoded; `None` where one cannot be.
fn pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let pairs = text.split('&').map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((decoded(name)?, decoded(value)?))
    });
    pairs.collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                bytes.push(u8::try_from(value).ok()?);
            }
            plain => bytes.push(plain),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The reply to a request, of which `token` is [`token`].
pub fn reply(
    keys: &Keys,
    headers: &HeaderMap,
    credential: Option<&Credential>,
    token: Result<&str, &'static str>,
) -> Response {
    // Section 2.3: whoever may not introspect learns nothing of a token.
    if credential.is_some_and(|credential| !credential.is_in(headers)) {
        return contract::unauthorized("invalid_client");
    }
    match token {
        Ok(token) => match keys.get(token) {
            Some(entry) if !is_inactive(entry.status) => of_entry(&entry),
            _ => Json(json!({"active": false})).into_response(),
        },
        Err(defect) => {
            let body = json!({"error": "invalid_request", "error_description": defect});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

const fn is_inactive(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

fn of_entry(entry: &Entry) -> Response {
    if entry.status != StatusCode::OK {
        return contract::entry_reply(entry);
    }
    let mut reply = Map::from_iter([("active".to_owned(), Value::Bool(true))]);
    for (name, value) in &entry.reply {
        let (name, value) = match name.as_str() {
            "scopes" => ("scope", scope(value)),
            "user_id" => ("sub", value.clone()),
            "key_id" => ("client_id", value.clone()),
            name => (name, value.clone()),
        };
        reply.insert(name.to_owned(), value);
    }
    contract::entry_reply(&Entry {
        reply,
        ..entry.clone()
    })
}

/// RFC 6749 section 3.3: words with a space between them; what is no list of words stays as it is.
fn scope(scopes: &Value) -> Value {
    let list = scopes.as_array();
    let words: Option<Vec<&str>> = list.and_then(|list| list.iter().map(Value::as_str).collect());
    words.map_or_else(|| scopes.clone(), |words| words.join(" ").into())
}
