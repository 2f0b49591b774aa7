//! A YAML or JSON document as a tree that knows its lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::Spanned;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Counted from 1.
    pub line: u64,
    /// The line of the first line of a text whose lines are lines of the file, as those of a block scalar are.
    pub text_start: Option<u64>,
    /// What stands there.
    pub value: Value,
}

/// Fields keep their order.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Reads every document of a file. The error never quotes the file: it may hold a secret.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let documents: Vec<Spanned<Value>> = serde_saphyr::from_multiple(text)
            .map_err(|error| one_line(&error.without_snippet().to_string()))?;
        let mut nodes: Vec<Self> = documents.into_iter().map(Self::from).collect();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        nodes.iter_mut().for_each(|node| node.find_texts(&lines));
        Ok(nodes)
    }

    fn find_texts(&mut self, lines: &[&str]) {
        match &mut self.value {
            Value::Text(text) if text.contains('\n') => {
                let stands_at = |start: &u64| {
                    let skipped = usize::try_from(*start)
                        .unwrap_or_default()
                        .saturating_sub(1);
                    let there = lines.get(skipped..).unwrap_or_default();
                    let own = text.trim_end().lines().map(str::trim);
                    own.enumerate()
                        .all(|(index, line)| there.get(index) == Some(&line))
                };
                self.text_start = [self.line, self.line + 1].into_iter().find(stands_at);
            }
            Value::List(items) => items.iter_mut().for_each(|item| item.find_texts(lines)),
            Value::Map(fields) => fields
                .iter_mut()
                .for_each(|(_, field)| field.find_texts(lines)),
            _ => {}
        }
    }

    /// As JSON, for the parser of plugin configurations.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(fields) => fields
                .iter()
                .map(|(name, node)| (name.clone(), node.to_json()))
                .collect(),
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self {
            line: spanned.referenced.line(),
            text_start: None,
            value: spanned.value,
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_none<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
                Value::deserialize(inner)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
                // Infinity and NaN are no JSON, and nothing here means anything by them.
                Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<Spanned<Value>>()? {
                    items.push(item.into());
                }
                Ok(Value::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Spanned<Value>>()? {
                    fields.push((name, value.into()));
                }
                Ok(Value::Map(fields))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}
