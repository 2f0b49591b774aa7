//! One line of `--stdin`: a JSON object that is a request, or what keeps it from being one.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::headers::Headers;
use super::request::{Claims, Request};

#[derive(Deserialize)]
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
    headers: Option<Headers>,
    #[serde(default)]
    host: Option<String>,
    /// The filter does not read bodies: the configuration's `bodies` is `ignore`.
    #[serde(default, rename = "body")]
    _body: Option<IgnoredAny>,
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
    Ok(Request::new(
        line.method.into_bytes(),
        line.target.into_bytes(),
        line.host.map(String::into_bytes),
        line.headers.unwrap_or_default().0,
        Claims::given(line.scopes, line.roles, line.is_admin),
    ))
}

/// Reads a bad line again, slower, to name the field.
fn problem(line: &[u8]) -> String {
    let mut json = serde_json::Deserializer::from_slice(line);
    let error = match serde_path_to_error::deserialize::<_, Line>(&mut json) {
        Err(error) => error,
        Ok(_) => return "something follows the JSON object".to_owned(),
    };
    let inner = error.inner();
    let text = inner.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(text, _)| text);
    if !inner.is_data() {
        return format!("it is not JSON: {text} at column {}", inner.column());
    }
    // "invalid type: string "…", expected a boolean": only what was expected may be repeated.
    let text = match text.rsplit_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid ") => format!("expected {expected}"),
        _ => text.to_owned(),
    };
    match error.path().to_string().as_str() {
        "." => text,
        field if text.contains(&format!("`{field}`")) => text,
        field => format!("{field}: {text}"),
    }
}
