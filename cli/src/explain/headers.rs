//! Request headers as a user writes them: checked, and named as Envoy names them.

use std::fmt;

use http::HeaderName;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A name in lower case and its value.
pub type Header = (HeaderName, Vec<u8>);

/// Why something is not a header. Never holds a value: it may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// No colon behind a name.
    NoColon,
    /// A pseudo-header.
    Pseudo,
    /// A name that is not a token (RFC 9110 section 5.1).
    Name,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoColon => "the colon between name and value is missing",
            Self::Pseudo => "a pseudo-header is given as method, target or host",
            Self::Name => "a header's name holds a character that it cannot hold, or none",
        })
    }
}

/// Reads `name: value`.
///
/// # Errors
///
/// See [`HeaderError`].
pub fn parse(text: &[u8]) -> Result<Header, HeaderError> {
    if text.first() == Some(&b':') {
        return Err(HeaderError::Pseudo);
    }
    let colon = text
        .iter()
        .position(|byte| *byte == b':')
        .ok_or(HeaderError::NoColon)?;
    let (name, value) = text.split_at(colon);
    header(name, value.get(1..).unwrap_or_default())
}

/// Whitespace around a value is not part of it (RFC 9110 section 5.5).
fn header(name: &[u8], value: &[u8]) -> Result<Header, HeaderError> {
    if name.first() == Some(&b':') {
        return Err(HeaderError::Pseudo);
    }
    let name = HeaderName::from_bytes(name).map_err(|_| HeaderError::Name)?;
    Ok((name, value.trim_ascii().to_vec()))
}

/// Headers in their order, from an object of strings or lists of strings, or a list of `[name, value]`.
#[derive(Debug, Default)]
pub struct Headers(pub Vec<Header>);

impl Headers {
    fn push<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        self.0
            .push(header(name.as_bytes(), value.as_bytes()).map_err(E::custom)?);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of headers or a list of [name, value]")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Headers::default();
        while let Some((name, values)) = map.next_entry::<String, Values>()? {
            values
                .0
                .iter()
                .try_for_each(|value| headers.push(&name, value))?;
        }
        Ok(headers)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Headers, A::Error> {
        let mut headers = Headers::default();
        while let Some((name, value)) = pairs.next_element::<(String, String)>()? {
            headers.push(&name, &value)?;
        }
        Ok(headers)
    }
}

/// The values of one name.
struct Values(Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValuesVisitor;

        impl<'de> Visitor<'de> for ValuesVisitor {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes, or a list of texts in quotes")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Values, E> {
                Ok(Values(vec![value.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Values(values))
            }
        }

        deserializer.deserialize_any(ValuesVisitor)
    }
}
