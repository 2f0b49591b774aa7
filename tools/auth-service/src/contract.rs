//! The auth service's contract, from the service's side: a validation in, a reply out.

use axum::Json;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::keys::{Entry, Keys};

/// The body of a validation.
///
/// Strict, so that a caller which drifts from the contract is told: no other fields, no `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// The service the key is to be used for.
    pub service_id: String,
    /// The caller's address, where the filter is told to send it.
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub client_ip: Option<String>,
}

/// `null` is not the absence of a field.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

impl Validation {
    /// Reads a request body.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it and names the field.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        strict_object(body)
    }
}

/// Reads a JSON object into a struct. By way of a map, because serde also takes an array for a struct.
///
/// # Errors
///
/// Says what is wrong and names the field.
pub fn strict_object<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, String> {
    let fields: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| format!("the body is not a JSON object: {error}"))?;
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.inner());
        match path.as_str() {
            // serde's own text names an absent field.
            "." => error.to_string(),
            _ => format!("{path}: {error}"),
        }
    })
}

/// The reply the contract asks for.
pub fn reply(keys: &Keys, headers: &HeaderMap, body: Result<&Validation, &str>) -> Response {
    let Some(entry) = bearer(headers).and_then(|key| keys.get(key)) else {
        return unauthorized("the key is missing or not valid");
    };
    match body {
        Ok(_) => entry_reply(&entry),
        Err(defect) => error(StatusCode::BAD_REQUEST, defect),
    }
}

/// A 401 with the challenge it must have, RFC 9110 section 15.5.2.
pub fn unauthorized(message: &str) -> Response {
    let mut response = error(StatusCode::UNAUTHORIZED, message);
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// A JSON error under `status`.
pub fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

/// What the keys file orders for a known key.
pub fn entry_reply(entry: &Entry) -> Response {
    let mut response = match entry.status {
        StatusCode::OK => {
            let mut response = Json(&entry.reply).into_response();
            if let Some(cache_control) = &entry.cache_control {
                let headers = response.headers_mut();
                headers.insert(CACHE_CONTROL, cache_control.clone());
            }
            response
        }
        status => error(status, "the keys file orders this status for the key"),
    };
    if let Some(retry_after) = &entry.retry_after {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, retry_after.clone());
    }
    response
}

/// The key of the one `authorization: Bearer` header; two headers are no key.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    // The scheme is case-insensitive, RFC 9110 section 11.1.
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
