//! Reads JSON: parses a text once into a tree that keeps duplicated names, and reads types from it, more strictly than
//! serde_json would: an object is an object, no field of a type is duplicated, and an error says where it is.
//!
//! Every JSON text that the engine reads is read here. It knows no field of any of them.

mod at;
mod document;
mod error;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

pub(crate) use at::Found;
pub(crate) use error::{Error, Problem, field_of};

/// A text that is JSON, from which more than one type can be read.
pub(crate) struct Document<'a>(Vec<document::Node<'a>>);

impl<'a> Document<'a> {
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Error> {
        document::parse(text).map(Self)
    }

    pub(crate) fn read<T: Deserialize<'a>>(&self) -> Result<T, Error> {
        T::deserialize(value::Part(&self.0))
    }
}

/// Reads a whole text.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    Document::parse(text)?.read()
}

/// For `deserialize_with`: a map without duplicated names, of which serde would keep the last.
pub(crate) fn unique_map<'de, T, D>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct MapVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for MapVisitor<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some((name, value)) = map.next_entry::<String, T>()? {
                if entries.contains_key(&name) {
                    return Err(A::Error::custom(format!("{name:?} is duplicated")));
                }
                entries.insert(name, value);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(MapVisitor(PhantomData))
}
