//! One line of `--stdin`: a JSON object that is a request, or what keeps it from being one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use serde_json::{Map, Value};

use super::caller::{Caller, Grant, Identity, Said};
use super::headers::Headers;
use super::request::Request;
use crate::json_error;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    method: String,
    target: String,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    roles: Option<Vec<String>>,
    #[serde(default)]
    is_admin: Option<bool>,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    identity: Option<Identity>,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    claims: Option<Map<String, Value>>,
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    headers: Option<Headers>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    grants: Option<Vec<Grant>>,
    #[serde(default)]
    workspaces: Option<Vec<String>>,
    #[serde(default)]
    pinned_workspace: Option<String>,
    #[serde(default)]
    workspace: Option<String>,
    #[serde(default)]
    body: Option<Body>,
    #[serde(default)]
    body_base64: Option<Base64>,
}

/// Text as it is; an object or a list as the JSON that it is.
struct Body(Vec<u8>);

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text.into_bytes())),
            value @ (Value::Object(_) | Value::Array(_)) => {
                Ok(Self(value.to_string().into_bytes()))
            }
            _ => Err(D::Error::invalid_type(
                Unexpected::Other("another value"),
                &"text in quotes, an object or a list",
            )),
        }
    }
}

/// Bytes that may be no text.
struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text);
        bytes
            .map(Self)
            .map_err(|_| D::Error::invalid_value(Unexpected::Other("other text"), &"padded base64"))
    }
}

/// Reads a line.
///
/// # Errors
///
/// What is wrong with it, with the field where there is one, and without its content: that may hold a key.
pub fn parse(line: &[u8]) -> Result<Request, String> {
    // Without its end, so that every column is one of this line.
    let line = line.trim_ascii_end();
    match line.trim_ascii_start().first() {
        None => return Err("it is empty; write a JSON object".to_owned()),
        Some(b'{') => {}
        // serde would read a list into the struct, field by field.
        Some(_) => return Err("it is not a JSON object".to_owned()),
    }
    let line: Line = serde_json::from_slice(line).map_err(|_| problem(line))?;
    let body = match (line.body, line.body_base64) {
        (Some(_), Some(_)) => return Err("body and body_base64 exclude each other".to_owned()),
        (Some(Body(bytes)), None) | (None, Some(Base64(bytes))) => Some(bytes),
        (None, None) => None,
    };
    let caller = Caller::given(Said {
        scopes: line.scopes,
        roles: line.roles,
        is_admin: line.is_admin,
        grants: line.grants,
        workspaces: line.workspaces,
        pinned_workspace: line.pinned_workspace,
        key_id: line.key_id,
        user_id: line.user_id,
        identity: line.identity,
        sha256: line.sha256,
        claims: line
            .claims
            .map(|claims| Value::Object(claims).to_string().into_bytes()),
        certificate: line.certificate,
    })?;
    let request = Request::new(
        line.method.into_bytes(),
        line.target.into_bytes(),
        line.host.map(String::into_bytes),
        line.headers.unwrap_or_default().0,
        body,
        caller,
    );
    Ok(request.in_workspace(line.workspace.map(String::into_bytes)))
}

/// Reads a bad line again, slower, to name the field.
fn problem(line: &[u8]) -> String {
    let mut json = serde_json::Deserializer::from_slice(line);
    let error = match serde_path_to_error::deserialize::<_, Line>(&mut json) {
        Err(error) => error,
        Ok(_) => return "something follows the JSON object".to_owned(),
    };
    let inner = error.inner();
    let text = json_error::in_words(inner);
    if !inner.is_data() {
        return format!("it is not JSON: {text} at column {}", inner.column());
    }
    match error.path().to_string().as_str() {
        "." => text,
        field if text.starts_with(&format!("{field} ")) => text,
        field if text.contains(&format!("`{field}`")) => text,
        field => format!("{field}: {text}"),
    }
}
