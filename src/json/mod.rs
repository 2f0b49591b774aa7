//! Reads JSON: parses a text once into a tree that keeps duplicated names, and reads types from it, more strictly than
//! serde_json would: an object is an object, no field of a type is duplicated, and an error says where it is.
//!
//! Every JSON text that the engine reads is read here. What is written about each request (denials, audit records, the
//! access log's field) is written by [`ObjectWriter`]. Nothing here knows a field of any of them.

mod at;
mod document;
mod error;
mod object;
mod value;
mod write;

#[cfg(test)]
mod tests;

use serde::de::Deserialize;

pub(crate) use at::Found;
pub(crate) use error::{Error, Problem, field_of};
pub(crate) use object::{Object, ReadField, list, map, object, read_object, some};
pub(crate) use value::Part;
pub(crate) use write::{ObjectWriter, first, next};

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

/// Reads a whole text that is an object.
pub(crate) fn read_text<T: Object>(text: &[u8]) -> Result<T, Error> {
    read_object(Part(&Document::parse(text)?.0))
}

/// Reads a whole text.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    Document::parse(text)?.read()
}
