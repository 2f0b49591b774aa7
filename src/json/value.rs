//! One JSON value, its parts not read yet.
//!
//! serde_json is asked for one type only, and all types of this crate are read from that: each type that is read by
//! serde_json itself takes several kilobytes of the filter's module.

use std::fmt;
use std::vec;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use super::Error;

enum Value<'a> {
    Null,
    Flag(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<&'a RawValue>),
    /// Names may stand there twice.
    Object(Vec<(String, &'a RawValue)>),
}

impl Value<'_> {
    fn is_not(&self, expected: &dyn Expected) -> Error {
        let found = match self {
            Self::Null => Unexpected::Unit,
            Self::Flag(it) => Unexpected::Bool(*it),
            Self::Unsigned(it) => Unexpected::Unsigned(*it),
            Self::Signed(it) => Unexpected::Signed(*it),
            Self::Float(it) => Unexpected::Float(*it),
            Self::Text(it) => Unexpected::Str(it),
            Self::List(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        };
        Error::invalid_type(found, expected)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Value<'de>, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
                Ok(Value::Unsigned(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
                Ok(Value::Signed(number))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
                Ok(Value::Float(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Value::List(parts))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = map.next_entry()? {
                    parts.push(part);
                }
                Ok(Value::Object(parts))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

/// A value as it stands in the text, which is known to be JSON.
#[derive(Clone, Copy)]
pub(super) struct Part<'a>(pub(super) &'a RawValue);

impl<'a> Part<'a> {
    fn read(self) -> Result<Value<'a>, Error> {
        serde_json::from_slice(self.0.get().as_bytes())
            .map_err(|error| Error::syntax_of_part(&error))
    }
}

impl<'de> Deserializer<'de> for Part<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::Null => visitor.visit_unit(),
            Value::Flag(it) => visitor.visit_bool(it),
            Value::Unsigned(it) => visitor.visit_u64(it),
            Value::Signed(it) => visitor.visit_i64(it),
            Value::Float(it) => visitor.visit_f64(it),
            Value::Text(it) => visitor.visit_str(&it),
            Value::List(parts) => visitor.visit_seq(Elements::of(parts)),
            Value::Object(parts) => visitor.visit_map(Fields::of(parts)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::Flag(it) => visitor.visit_bool(it),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::Unsigned(it) => visitor.visit_u64(it),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::Text(it) => visitor.visit_str(&it),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::List(parts) => visitor.visit_seq(Elements::of(parts)),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::Object(parts) => visitor.visit_map(Fields::of(parts)),
            other => Err(other.is_not(&"an object")),
        }
    }

    /// From an object only: serde_json would also fill a struct from an array, field by field.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.get() {
            "null" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Unread: no more of it than its brackets has to be right.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

struct Elements<'a> {
    parts: vec::IntoIter<&'a RawValue>,
    index: usize,
}

impl<'a> Elements<'a> {
    fn of(parts: Vec<&'a RawValue>) -> Self {
        let parts = parts.into_iter();
        Self { parts, index: 0 }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(part) = self.parts.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Part(part))
            .map(Some)
            .map_err(|error| error.below(&format!("[{index}]")))
    }
}

struct Fields<'a> {
    parts: vec::IntoIter<(String, &'a RawValue)>,
    next: Option<(String, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    fn of(parts: Vec<(String, &'a RawValue)>) -> Self {
        let parts = parts.into_iter();
        Self { parts, next: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.next = self.parts.next();
        let Some((name, _)) = &self.next else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let Some((name, part)) = self.next.take() else {
            return Err(Error::custom("a value is asked for without its name"));
        };
        seed.deserialize(Part(part))
            .map_err(|error| error.below(&name))
    }
}
