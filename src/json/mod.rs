//! Reads JSON more strictly than serde_json: an object is an object, no name in it is duplicated, and an error says
//! where it is.

mod error;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

pub(crate) use error::{Error, Problem, field_of};

/// Reads a whole text.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    let whole = serde_json::from_slice(text).map_err(|error| Error::syntax(&error))?;
    T::deserialize(value::Part(whole))
}

/// For `deserialize_with`: a map without doubled names, of which serde would keep the last.
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
