//! Digests of JSON values: equal where the values are, however they are written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sha2::{Digest as _, Sha256};

/// One value. It is read by the crate's own reader: `serde_json::Value` is a large part of a module.
#[derive(Debug, Default)]
pub(super) struct Fingerprint {
    pub(super) digest: u64,
    pub(super) is_object: bool,
    /// Of an object, by name.
    pub(super) fields: BTreeMap<String, Self>,
}

impl Fingerprint {
    /// By kind, so that values of two kinds have different digests.
    fn of(kind: u8, bytes: &[u8]) -> Self {
        let digest = Sha256::new().chain_update([kind]).chain_update(bytes);
        Self {
            digest: first_of(digest),
            ..Self::default()
        }
    }
}

fn first_of(hasher: Sha256) -> u64 {
    let digest = hasher.finalize();
    digest.first_chunk().map_or(0, |it| u64::from_be_bytes(*it))
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Fingerprint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Fingerprint, E> {
        Ok(Fingerprint::of(0, &[]))
    }

    fn visit_bool<E>(self, it: bool) -> Result<Fingerprint, E> {
        Ok(Fingerprint::of(1, &[u8::from(it)]))
    }

    fn visit_str<E>(self, it: &str) -> Result<Fingerprint, E> {
        Ok(Fingerprint::of(2, it.as_bytes()))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Fingerprint, E> {
        Ok(Fingerprint::of(3, &it.to_be_bytes()))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Fingerprint, E> {
        Ok(Fingerprint::of(4, &it.to_be_bytes()))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Fingerprint, E> {
        Ok(Fingerprint::of(5, &it.to_bits().to_be_bytes()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Fingerprint, A::Error> {
        // Digests are of one length, so that no two lists feed the same bytes.
        let mut hasher = Sha256::new().chain_update([6]);
        while let Some(it) = seq.next_element::<Fingerprint>()? {
            hasher.update(it.digest.to_be_bytes());
        }
        Ok(Fingerprint {
            digest: first_of(hasher),
            ..Fingerprint::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fingerprint, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, it)) = map.next_entry::<String, Fingerprint>()? {
            fields.insert(name, it);
        }
        let mut hasher = Sha256::new().chain_update([7]);
        for (name, it) in &fields {
            hasher.update(name.len().to_be_bytes());
            hasher.update(name);
            hasher.update(it.digest.to_be_bytes());
        }
        Ok(Fingerprint {
            digest: first_of(hasher),
            is_object: true,
            fields,
        })
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

#[cfg(test)]
mod tests {

    use super::Fingerprint;
    use crate::json;

    fn digest(text: &str) -> u64 {
        json::read::<Fingerprint>(text.as_bytes()).unwrap().digest
    }

    #[test]
    fn equal_values_have_equal_digests_however_they_are_written() {
        for (one, other) in [
            (
                r#"{"a": 1, "b": [true, null]}"#,
                r#"{"b":[true,null],"a":1}"#,
            ),
            (r#""\u0061\/""#, r#""a/""#),
            ("1.0", "1e0"),
            (r#"{"a": {"b": {}, "c": 2}}"#, r#"{"a": {"c": 2, "b": {}}}"#),
        ] {
            assert_eq!(digest(one), digest(other), "{one} {other}");
        }
    }

    #[test]
    fn different_values_have_different_digests() {
        let values = [
            "null",
            "false",
            "true",
            "0",
            "1",
            "-1",
            "1.5",
            r#""""#,
            r#""1""#,
            r#""null""#,
            "[]",
            "{}",
            "[[]]",
            "[{}]",
            "[0]",
            "[0, 0]",
            "[[0], 0]",
            "[0, [0]]",
            "[[0, 0]]",
            r#"["a", "b"]"#,
            r#"["ab"]"#,
            r#"["b", "a"]"#,
            r#"{"a": 0}"#,
            r#"{"a": {}}"#,
            r#"{"b": 0}"#,
            r#"{"a": 0, "b": 0}"#,
            r#"{"a": {"b": 0}}"#,
        ];
        for (place, one) in values.iter().enumerate() {
            for other in values.iter().skip(place + 1) {
                assert_ne!(digest(one), digest(other), "{one} {other}");
            }
        }
    }
}
