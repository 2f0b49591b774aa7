//! The JSON Schema of the configuration, from the types that read it (feature `cli`; the filter has none of it).
//!
//! `schemars` reads serde's own attributes: names, defaults, unknown fields. What a custom deserializer accepts is
//! said here, as narrowly as a schema can: what it lets through that the parser refuses is about more than one field.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Config, CredentialKind, HeaderField, KeyHash, Scope, SecretHeader, defaults};
use crate::catalog::{self, Access, Object, PublicGroup};
use crate::permission::Permission;

impl Config {
    /// The JSON Schema (draft 2020-12) of a plugin configuration.
    pub fn json_schema() -> Value {
        let settings = SchemaSettings::draft2020_12()
            .with_transform(durations_as_text)
            .with_transform(one_line_descriptions);
        let mut schema = settings.into_generator().into_root_schema_for::<Self>();
        schema.insert("title".to_owned(), "mlflow-authz".into());
        let one_source = json!([
            {"required": ["auth_service"]},
            {"required": ["keys"], "properties": {"keys": {"minItems": 1}}},
            {"required": ["jwt"]},
            {"required": ["mtls"]},
        ]);
        schema.insert("anyOf".to_owned(), one_source);
        schema.to_value()
    }
}

/// Defaults as a configuration spells them: serde would write `{"secs": 2, "nanos": 0}`. An empty text stands for
/// what depends on another field, and null for nothing: words say those.
fn durations_as_text(schema: &mut Schema) {
    let written = schema.get("default").and_then(as_duration);
    if let Some(text) = written {
        schema.insert("default".to_owned(), text.into());
    }
    let says_nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
    if schema.get("default").is_some_and(says_nothing) {
        schema.remove("default");
    }
    transform_subschemas(&mut (durations_as_text as fn(&mut Schema)), schema);
}

fn as_duration(value: &Value) -> Option<String> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let secs = fields.get("secs")?.as_u64()?;
    let nanos = u32::try_from(fields.get("nanos")?.as_u64()?).ok()?;
    Some(humantime::format_duration(std::time::Duration::new(secs, nanos)).to_string())
}

/// Doc comments are wrapped where the source is.
fn one_line_descriptions(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    transform_subschemas(&mut (one_line_descriptions as fn(&mut Schema)), schema);
}

const DURATION: &str = r"^(\d+\s*(ns|nsecs?|us|µs|usecs?|ms|millis|msecs?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\s*)+$";

pub(super) fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"title": "duration", "type": "string", "pattern": DURATION, "examples": ["250ms", "2s", "5m", "1h"]})
}

pub(super) fn duration_or_zero(_: &mut SchemaGenerator) -> Schema {
    let or_zero = format!("{DURATION}|^0$");
    json_schema!({"title": "duration or 0s", "type": "string", "pattern": or_zero, "examples": ["0s", "250ms", "2s", "5m"]})
}

pub(super) fn positive_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": u32::MAX})
}

pub(super) fn at_least_two(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 2, "maximum": u32::MAX})
}

pub(super) fn slots(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 0, "maximum": defaults::MOST_SHARED_SLOTS})
}

pub(super) fn percent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 0, "maximum": 100})
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "const": 1})
}

/// A word or a list of words.
fn one_or_many(word: &Value) -> Schema {
    json_schema!({"title": "one or more", "anyOf": [word, {"type": "array", "minItems": 1, "items": word}]})
}

pub(super) fn words(_: &mut SchemaGenerator) -> Schema {
    one_or_many(&json!({"type": "string"}))
}

pub(super) fn objects(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = Object::ALL.iter().map(|object| object.as_str()).collect();
    one_or_many(&json!({"enum": words}))
}

pub(super) fn accesses(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = Access::ALL.iter().map(|access| access.as_str()).collect();
    one_or_many(&json!({"enum": words}))
}

pub(super) fn operations(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = catalog::all_operations()
        .map(|operation| operation.name)
        .collect();
    one_or_many(&json!({"enum": words}))
}

pub(super) fn mounts(_: &mut SchemaGenerator) -> Schema {
    let path = r"^/$|^(/[A-Za-z0-9._~!$&'()*+,=:@-]+)+$";
    json_schema!({"type": "array", "minItems": 1, "uniqueItems": true, "items": {"title": "path", "type": "string", "pattern": path}})
}

pub(super) fn hosts(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^([A-Za-z0-9_.*?-]*[A-Za-z0-9_*?-]|\[[0-9A-Fa-f:.]+\])$";
    json_schema!({"type": "array", "minItems": 1, "items": {"title": "pattern", "type": "string", "pattern": pattern}})
}

pub(super) fn credentials(generator: &mut SchemaGenerator) -> Schema {
    let kind = generator.subschema_for::<CredentialKind>();
    json_schema!({"type": "array", "minItems": 1, "items": kind})
}

pub(super) fn cluster(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1})
}

pub(super) fn callout_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"title": "path", "type": "string", "pattern": r"^/[!-~]*$"})
}

pub(super) fn pointers(_: &mut SchemaGenerator) -> Schema {
    let pointer = json!({"type": "string", "pattern": r"^(/([^~/]|~[01])*)+$", "maxLength": 512});
    json_schema!({
        "title": "JSON Pointers",
        "anyOf": [pointer, {"type": "array", "maxItems": 16, "uniqueItems": true, "items": pointer}],
    })
}

/// Pointers that have a default; an empty list is nowhere.
fn pointers_or(default: &[&str]) -> Schema {
    let mut schema = claims();
    schema.insert("default".to_owned(), json!(default));
    schema
}

/// Pointers that Envoy can look up: no name is empty.
fn claims() -> Schema {
    let pointer = json!({"type": "string", "pattern": r"^(/([^~/]|~[01])+)+$", "maxLength": 512});
    json_schema!({
        "title": "JSON Pointers",
        "anyOf": [pointer, {"type": "array", "maxItems": 16, "uniqueItems": true, "items": pointer}],
    })
}

/// Pointers whose default means something else than the same pointers written out.
pub(super) fn claims_without_default(_: &mut SchemaGenerator) -> Schema {
    claims()
}

pub(super) fn subject(_: &mut SchemaGenerator) -> Schema {
    pointers_or(defaults::TOKEN_SUBJECT)
}

pub(super) fn token_scopes(_: &mut SchemaGenerator) -> Schema {
    pointers_or(defaults::TOKEN_SCOPES)
}

pub(super) fn token_roles(_: &mut SchemaGenerator) -> Schema {
    pointers_or(defaults::TOKEN_ROLES)
}

pub(super) fn no_pointers(_: &mut SchemaGenerator) -> Schema {
    pointers_or(&[])
}

pub(super) fn metadata_key(_: &mut SchemaGenerator) -> Schema {
    let key = json!({"type": "string", "minLength": 1});
    json_schema!({
        "title": "one or more",
        "anyOf": [key, {"type": "array", "minItems": 1, "uniqueItems": true, "items": key}],
        "default": [defaults::METADATA_KEY],
    })
}

pub(super) fn key_in(_: &mut SchemaGenerator) -> Schema {
    let header = r"header:[!#$%&'*+.^_`|~0-9A-Za-z-]+";
    let pattern = format!(r"^(bearer|{header}|(json|form):[A-Za-z0-9_.-]{{1,64}})$");
    json_schema!({"title": "place of the key", "type": "string", "pattern": pattern, "default": "bearer"})
}

pub(super) fn audience(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"title": "text or null", "type": ["string", "null"], "pattern": r"\S"})
}

pub(super) fn key_pattern(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"title": "pattern", "type": "string", "pattern": r"^[!-~]+$"})
}

pub(super) fn public_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": r"\S"})
}

pub(super) fn utc_time(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$";
    json_schema!({"title": "time", "type": "string", "pattern": pattern, "examples": ["2027-01-31T00:00:00Z"]})
}

pub(super) fn workspace(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"title": "workspace", "type": "string", "pattern": r"^[a-z0-9][-a-z0-9]{0,61}[a-z0-9]$"})
}

pub(super) fn workspace_patterns(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"title": "pattern", "type": "string", "pattern": r"^[a-z0-9*?-]+$"}})
}

pub(super) fn help_url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"title": "URL", "type": ["string", "null"], "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$"})
}

/// A schema that stands in the place of each use.
macro_rules! inline_schema {
    ($type:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                #[allow(
                    clippy::redundant_closure_call,
                    reason = "a closure keeps the macro short"
                )]
                ($schema)(generator)
            }
        }
    };
}

inline_schema!(HeaderField, "HeaderField", |_: &mut SchemaGenerator| {
    json_schema!({"title": "header name", "type": "string", "pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"})
});

inline_schema!(SecretHeader, "SecretHeader", |_: &mut SchemaGenerator| {
    json_schema!({"title": "name: value", "type": "string", "pattern": r"^\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*:.*[!-~].*$"})
});

inline_schema!(KeyHash, "KeyHash", |_: &mut SchemaGenerator| {
    json_schema!({"title": "SHA-256", "type": "string", "pattern": "^[0-9A-Fa-f]{64}$"})
});

inline_schema!(PublicGroup, "PublicGroup", |_: &mut SchemaGenerator| {
    let words: Vec<&str> = PublicGroup::ALL
        .iter()
        .map(|group| group.as_str())
        .collect();
    json_schema!({"type": "string", "enum": words})
});

impl JsonSchema for Permission {
    fn schema_name() -> Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = |all: Vec<&str>| all.join("|");
        let objects = words(Object::ALL.iter().map(|object| object.as_str()).collect());
        let accesses = words(Access::ALL.iter().map(|access| access.as_str()).collect());
        let pattern = format!(r"^(\*|{objects}):(\*|{accesses})$");
        json_schema!({
            "title": "permission",
            "description": "`<object>:<access>`; `*` on either side stands for all.",
            "type": "string",
            "pattern": pattern,
        })
    }
}

impl JsonSchema for Scope {
    fn schema_name() -> Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let permissions = generator.subschema_for::<Vec<Permission>>();
        json_schema!({
            "description": "Permissions, or an object that holds them.",
            "anyOf": [
                permissions,
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["permissions"],
                    "properties": {
                        "permissions": permissions,
                        "searches": {
                            "description": "Whether the scope limited to names still searches and lists, \
                                            which shows all names.",
                            "type": "boolean",
                            "default": true,
                        },
                    },
                },
            ],
        })
    }
}

impl Serialize for HeaderField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for PublicGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
