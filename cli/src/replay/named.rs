//! A request that names again what a record says it named.

use std::fmt::Write as _;

use mlflow_authz::catalog::{FieldKind, Naming, Operation};
use serde_json::json;

use super::outcome::Why;
use super::text::unescaped;

/// Where the engine looks for names.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    /// For a `GET`, without its `?`.
    pub query: String,
    /// For others.
    pub body: String,
}

impl Named {
    /// Of an operation and the recorded name: `name`, or `name@alias` where the operation sets or removes one.
    ///
    /// # Errors
    ///
    /// No name was recorded, or one of two.
    pub fn new(operation: &Operation, recorded: Option<&str>) -> Result<Self, Why> {
        let fields = match operation.naming {
            Naming::Fields(fields) => fields,
            _ => &[("path", FieldKind::ExperimentId)],
        };
        let mut naming = fields.iter().filter(|(_, kind)| names_object(*kind));
        let (Some((field, _)), None) = (naming.next(), naming.next()) else {
            return Err(Why::TwoNames);
        };
        let name = recorded.and_then(|name| unescaped(name.into()));
        let name = name.and_then(|name| String::from_utf8(name.into_owned()).ok());
        let name = name.ok_or(Why::NameUnknown)?;
        let alias = fields.iter().find(|(_, kind)| *kind == FieldKind::Alias);
        let pairs = match (alias, name.rsplit_once('@')) {
            (Some((alias_field, _)), Some((name, alias))) => {
                vec![(*field, name), (*alias_field, alias)]
            }
            (Some(_), None) => return Err(Why::NameUnknown),
            (None, _) => vec![(*field, name.as_str())],
        };
        let query: Vec<String> = pairs
            .iter()
            .map(|(field, value)| format!("{field}={}", percent_encoded(value)))
            .collect();
        let body: serde_json::Map<_, _> = pairs
            .iter()
            .map(|(field, value)| ((*field).to_owned(), json!(value)))
            .collect();
        Ok(Self {
            query: query.join("&"),
            body: serde_json::Value::Object(body).to_string(),
        })
    }
}

fn names_object(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Model
            | FieldKind::ExperimentName
            | FieldKind::ExperimentId
            | FieldKind::Source
            | FieldKind::LoggedModelId
    )
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
