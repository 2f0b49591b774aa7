//! The JSON body of a request that names an object. Accepted is only what Python and protobuf cannot read in another
//! way. MLflow takes UTF-16, JSON within a JSON string, the last of duplicated names, camel case, `NaN`, invalid JSON as
//! an empty request; and if protobuf rejects a field, MLflow continues with the fields before it.
//!
//! Accepted: one `Content-Type: application/json` (perhaps `; charset=utf-8`); a `Content-Length`, if there is one, that
//! is the body's; no `Content-Encoding`, no `Transfer-Encoding` but `chunked`; UTF-8 without NUL; one object, whose
//! names are the message's own fields in snake case, each once and of its kind. MLflow under uvicorn reads a chunked
//! body as an empty one; every operation that is read here then lacks a field it cannot do without, and answers 400.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Unclear;
use crate::catalog::{Field, FieldKind};
use crate::json;
use crate::request::RequestHead;

/// A body's fields.
#[derive(Debug)]
pub struct Body(Vec<(String, Value)>);

/// Of most values only the kind matters.
#[derive(Debug)]
enum Value {
    Text(String),
    Flag,
    Tag,
    Tags,
    Texts,
    EmptyList,
    Other,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    #[serde(rename = "key")]
    _key: String,
    #[serde(rename = "value")]
    _value: String,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BodyVisitor;

        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Body(fields))
            }
        }

        deserializer.deserialize_map(BodyVisitor)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueVisitor { in_list: false }.deserialize(deserializer)
    }
}

/// Goes one list deep, however deep the body is.
struct ValueVisitor {
    in_list: bool,
}

impl<'de> DeserializeSeed<'de> for ValueVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field of a message")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Flag)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        if self.in_list {
            return Ok(Value::Other);
        }
        let mut list = Value::EmptyList;
        while let Some(element) = seq.next_element_seed(Self { in_list: true })? {
            list = match (list, element) {
                (Value::EmptyList | Value::Texts, Value::Text(_)) => Value::Texts,
                (Value::EmptyList | Value::Tags, Value::Tag) => Value::Tags,
                _ => Value::Other,
            };
        }
        Ok(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let tag = Tag::deserialize(MapAccessDeserializer::new(map));
        Ok(tag.map_or(Value::Other, |_| Value::Tag))
    }
}

impl Body {
    /// Reads a whole body.
    ///
    /// # Errors
    /// See the module.
    pub fn parse(head: &RequestHead<'_>, bytes: &[u8], fields: &[Field]) -> Result<Self, Unclear> {
        if announced_length(head)?.is_some_and(|length| length != bytes.len() as u64) {
            return Err(Unclear::new("its length is not the one it announces"));
        }
        let not_json = || Unclear::new("its body is not one plain JSON object in UTF-8");
        if bytes.contains(&0) || bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(not_json());
        }
        let Self(found) = json::read(bytes).map_err(|_| not_json())?;
        for (index, (name, value)) in found.iter().enumerate() {
            let known = fields.iter().find(|(field, _)| field == name);
            let of_its_kind = known.is_some_and(|(_, kind)| is_of_kind(value, *kind));
            if !of_its_kind {
                return Err(Unclear::new(
                    "its body has an unknown field, a field in another spelling, or a value of the wrong type; write it as MLflow's client does",
                ));
            }
            if found.iter().take(index).any(|(other, _)| other == name) {
                return Err(not_json());
            }
        }
        Ok(Self(found))
    }

    /// A field's text, if it is there.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.iter().find(|(field, _)| field == name)? {
            (_, Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

fn is_of_kind(value: &Value, kind: FieldKind) -> bool {
    match value {
        Value::Flag => kind == FieldKind::Flag,
        Value::Tags => kind == FieldKind::Tags,
        Value::Texts => kind == FieldKind::Texts,
        // What it would hold cannot be told.
        Value::EmptyList => matches!(kind, FieldKind::Tags | FieldKind::Texts),
        Value::Tag | Value::Other => false,
        Value::Text(_) => !matches!(kind, FieldKind::Flag | FieldKind::Tags | FieldKind::Texts),
    }
}

/// Checks what the headers say of the body.
///
/// # Errors
/// See the module.
pub fn check_headers(head: &RequestHead<'_>) -> Result<(), Unclear> {
    let mut types = head.all_spellings("content-type");
    let is_json = types.next().is_some_and(is_plain_json) && types.next().is_none();
    if !is_json {
        return Err(Unclear::new("its Content-Type is not application/json"));
    }
    let mut encodings = head.all_spellings("content-encoding");
    let mut transfers = head.all_spellings("transfer-encoding");
    if encodings.next().is_some() || !transfers.all(|coding| coding == b"chunked") {
        return Err(Unclear::new("its body is encoded"));
    }
    announced_length(head).map(|_| ())
}

/// `Content-Length`, if there is one.
///
/// # Errors
/// There are two, or it is no number.
pub fn announced_length(head: &RequestHead<'_>) -> Result<Option<u64>, Unclear> {
    let mut lengths = head.all_spellings("content-length");
    let Some(only) = lengths.next() else {
        return Ok(None);
    };
    let digits = !only.is_empty() && only.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(only).ok().filter(|_| digits);
    match length.and_then(|length| length.parse().ok()) {
        Some(length) if lengths.next().is_none() => Ok(Some(length)),
        _ => Err(Unclear::new("it has no single valid Content-Length")),
    }
}

fn is_plain_json(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    let parameters = parameters.trim().to_ascii_lowercase();
    kind.trim().eq_ignore_ascii_case("application/json")
        && matches!(
            parameters.as_str(),
            "" | "charset=utf-8" | "charset=\"utf-8\""
        )
}
