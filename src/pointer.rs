//! Where a value stands in a JSON document: JSON Pointers (RFC 6901), parsed when the configuration is read.
//!
//! Owns their syntax. It knows no document: who has one walks [`Pointer::tokens`], and [`Pointers::first`] asks for one
//! pointer after the other, so that nothing is read that is not needed.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// One place below the root of a document. As text it is `/data/scopes`; `~1` stands for `/` in a name, `~0` for `~`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Box<str>]>,
}

/// The longest pointer, in bytes.
const LONGEST: usize = 512;

const A_POINTER: &str = "must be a JSON Pointer such as \"/data/scopes\": at most 512 bytes that begin with \"/\", with ~ \
                         only in ~0 (for ~) and ~1 (for /)";

impl Pointer {
    /// Reads one. The whole document is no place that a value can be read from.
    pub fn parse(text: &str) -> Option<Self> {
        let names = text.strip_prefix('/').filter(|_| text.len() <= LONGEST)?;
        let tokens: Option<Vec<Box<str>>> = names.split('/').map(unescaped).collect();
        Some(Self {
            text: text.into(),
            tokens: tokens?.into(),
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names on the way, the outermost first: of fields, or of elements by [`index`].
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(AsRef::as_ref)
    }
}

/// The element of a list that a token names: digits without a leading zero.
pub fn index(token: &str) -> Option<usize> {
    let is_index =
        token.bytes().all(|b| b.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    is_index.then(|| token.parse().ok()).flatten()
}

/// A token without its escapes; `None` where `~` stands before anything but `0` and `1`.
fn unescaped(token: &str) -> Option<Box<str>> {
    let mut parts = token.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at_checked(1)?;
        plain.push(match escape {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(plain.into())
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} {A_POINTER}")))
    }
}

/// The places where a value may stand, in the order in which they are looked at. In a configuration one pointer, or a
/// list of them; an empty list is nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointers(Vec<Pointer>);

/// The most pointers of one list.
const MOST_POINTERS: usize = 16;

impl Pointers {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pointer> {
        self.0.iter()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the first place has that has a value.
    ///
    /// # Errors
    /// That of `read`: a place that cannot be read is not passed over.
    pub fn first<T, E>(
        &self,
        mut read: impl FnMut(&Pointer) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        for pointer in &self.0 {
            let value = read(pointer)?;
            if value.is_some() {
                return Ok(value);
            }
        }
        Ok(None)
    }
}

/// Those of a list of texts that are pointers.
impl<'t> FromIterator<&'t str> for Pointers {
    fn from_iter<I: IntoIterator<Item = &'t str>>(texts: I) -> Self {
        Self(texts.into_iter().filter_map(Pointer::parse).collect())
    }
}

impl<'de> Deserialize<'de> for Pointers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PointersVisitor;

        impl<'de> Visitor<'de> for PointersVisitor {
            type Value = Pointers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON Pointer such as \"/data/scopes\", or a list of them")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Pointers, E> {
                let pointer = Pointer::parse(text);
                let pointer = pointer.ok_or_else(|| E::custom(format!("{text:?} {A_POINTER}")))?;
                Ok(Pointers(vec![pointer]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pointers, A::Error> {
                let mut pointers: Vec<Pointer> = Vec::new();
                while let Some(pointer) = list.next_element::<Pointer>()? {
                    if pointers.contains(&pointer) {
                        let problem = format!("{:?} is duplicated; write it once", pointer.text);
                        return Err(A::Error::custom(problem));
                    }
                    if pointers.len() == MOST_POINTERS {
                        let problem = format!("must have at most {MOST_POINTERS} JSON Pointers");
                        return Err(A::Error::custom(problem));
                    }
                    pointers.push(pointer);
                }
                Ok(Pointers(pointers))
            }
        }

        deserializer.deserialize_any(PointersVisitor)
    }
}
