//! Types out of the tree of a text, through serde.
//!
//! Owns how strings and numbers are decoded, and the path that an error names. It knows no field of any type.

use std::borrow::Cow;

use hifijson::SliceLexer;
use hifijson::str::LexAlloc as _;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::Error;
use super::document::{Kind, Node};

pub(super) enum Value<'d, 'a> {
    Null,
    Flag(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Parts<'d, 'a>),
    Object(Parts<'d, 'a>),
}

impl Value<'_, '_> {
    pub(super) fn is_not(&self, expected: &dyn Expected) -> Error {
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

/// A value: its node, and those below it.
#[derive(Clone, Copy)]
pub(crate) struct Part<'d, 'a>(pub(super) &'d [Node<'a>]);

impl<'d, 'a> Part<'d, 'a> {
    /// The values, or the names and values, of a container.
    pub(super) fn below(self) -> Parts<'d, 'a> {
        Parts(self.0.split_first().map_or(&[], |(_, below)| below))
    }

    /// The error of a reader that expected something else.
    pub(crate) fn is_not(self, expected: &str) -> Error {
        self.read()
            .map_or_else(|error| error, |value| value.is_not(&expected))
    }

    pub(super) fn read(self) -> Result<Value<'d, 'a>, Error> {
        let Some((node, below)) = self.0.split_first() else {
            return Err(Error::custom("has no value"));
        };
        Ok(match node.kind {
            Kind::Null => Value::Null,
            Kind::Flag(flag) => Value::Flag(flag),
            Kind::Number(number) => decoded_number(number)?,
            Kind::Text(_) | Kind::EscapedText(_) => Value::Text(node.text()?),
            Kind::List => Value::List(Parts(below)),
            Kind::Object => {
                // All of an object that is read can be: a name, too.
                for Part(name) in Parts(below).step_by(2) {
                    name.first().map_or(Ok(Cow::default()), Node::text)?;
                }
                Value::Object(Parts(below))
            }
            Kind::TooDeep => return Err(Error::custom("is nested too deeply")),
        })
    }
}

impl<'a> Node<'a> {
    pub(super) fn text(&self) -> Result<Cow<'a, str>, Error> {
        match self.kind {
            Kind::Text(text) => Ok(Cow::Borrowed(text)),
            Kind::EscapedText(text) => SliceLexer::new(text.as_bytes())
                .str_string()
                .map_err(|_| Error::undecodable("an escape stands for half of a surrogate pair")),
            _ => Ok(Cow::default()),
        }
    }
}

/// A number that 64 bits hold is exact; any other is the nearest floating point number.
fn decoded_number<'d, 'a>(number: &str) -> Result<Value<'d, 'a>, Error> {
    if let Ok(number) = number.parse() {
        return Ok(Value::Unsigned(number));
    }
    match number.parse() {
        // -0 is none of the integers.
        Ok(number) if number < 0 => return Ok(Value::Signed(number)),
        _ => {}
    }
    match number.parse() {
        Ok(number) if f64::is_finite(number) => Ok(Value::Float(number)),
        _ => Err(Error::undecodable("the number is out of range")),
    }
}

/// The values, or the names and values, of a container.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'d, 'a>(&'d [Node<'a>]);

impl<'d, 'a> Iterator for Parts<'d, 'a> {
    type Item = Part<'d, 'a>;

    fn next(&mut self) -> Option<Part<'d, 'a>> {
        let size = self.0.first()?.size;
        let (part, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(Part(part))
    }
}

impl<'de> Deserializer<'de> for Part<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::Null => visitor.visit_unit(),
            Value::Flag(it) => visitor.visit_bool(it),
            Value::Unsigned(it) => visitor.visit_u64(it),
            Value::Signed(it) => visitor.visit_i64(it),
            Value::Float(it) => visitor.visit_f64(it),
            Value::Text(Cow::Borrowed(it)) => visitor.visit_borrowed_str(it),
            Value::Text(Cow::Owned(it)) => visitor.visit_string(it),
            Value::List(parts) => visitor.visit_seq(Elements { parts, index: 0 }),
            Value::Object(parts) => visitor.visit_map(Fields { parts, next: None }),
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
            Value::Text(Cow::Borrowed(it)) => visitor.visit_borrowed_str(it),
            Value::Text(Cow::Owned(it)) => visitor.visit_string(it),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::List(parts) => visitor.visit_seq(Elements { parts, index: 0 }),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read()? {
            Value::Object(parts) => visitor.visit_map(Fields { parts, next: None }),
            other => Err(other.is_not(&"an object")),
        }
    }

    /// From an object only: serde would also fill a struct from an array, field by field.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.first().map(|node| node.kind) {
            Some(Kind::Null) => visitor.visit_none(),
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

    /// Unread: it is well-formed, and no more has to be right.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

struct Elements<'d, 'a> {
    parts: Parts<'d, 'a>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
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
        seed.deserialize(part)
            .map(Some)
            .map_err(|error| error.below(&format!("[{index}]")))
    }
}

struct Fields<'d, 'a> {
    parts: Parts<'d, 'a>,
    next: Option<(Cow<'a, str>, Part<'d, 'a>)>,
}

impl<'de> MapAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let (Some(Part([name])), Some(value)) = (self.parts.next(), self.parts.next()) else {
            return Ok(None);
        };
        let (name, _) = self.next.insert((name.text()?, value));
        match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => seed.deserialize(name.as_str().into_deserializer()),
        }
        .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let Some((name, part)) = self.next.take() else {
            return Err(Error::custom("a value is read without its name"));
        };
        seed.deserialize(part).map_err(|error| error.below(&name))
    }
}
