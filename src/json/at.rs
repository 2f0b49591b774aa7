//! One value of a text, by a JSON Pointer (RFC 6901).
//!
//! A name that is duplicated on the way is an error, since no reader can say which of its values was meant.

use serde::de::{Deserialize, Error as _};

use super::document::{Kind, Node};
use super::value::Part;
use super::{Document, Error};
use crate::pointer::{Pointer, index};

/// A value that is there; null is one.
pub(crate) struct Found<'d, 'a>(Part<'d, 'a>);

impl<'a> Found<'_, 'a> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.0.kind(), Some(Kind::Null))
    }

    pub(crate) fn read<T: Deserialize<'a>>(&self) -> Result<T, Error> {
        T::deserialize(self.0)
    }
}

impl<'a> Document<'a> {
    /// The value at a pointer; `None` where nothing stands there.
    pub(crate) fn at(&self, pointer: &Pointer) -> Result<Option<Found<'_, 'a>>, Error> {
        self.walk(pointer.tokens())
    }

    /// Whether the whole is an object.
    pub(crate) fn is_object(&self) -> bool {
        Part(&self.0).is_object()
    }

    /// The value below these names of fields and indices of elements; without any, the whole.
    pub(crate) fn walk<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Option<Found<'_, 'a>>, Error> {
        let mut part = Part(&self.0);
        for name in names {
            let below = match part.kind() {
                Some(Kind::Object) => part.field(name)?,
                Some(Kind::List) => index(name).and_then(|at| part.below().nth(at)),
                Some(Kind::TooDeep) => return Err(Error::custom("is nested too deeply")),
                _ => None,
            };
            match below {
                Some(below) => part = below,
                None => return Ok(None),
            }
        }
        Ok(Some(Found(part)))
    }
}

impl<'d, 'a> Part<'d, 'a> {
    /// Whether it is text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self.kind(), Some(Kind::Text(_) | Kind::EscapedText(_)))
    }

    /// Whether it is a list.
    pub(crate) fn is_list(self) -> bool {
        matches!(self.kind(), Some(Kind::List))
    }

    /// Whether it is an object.
    pub(crate) fn is_object(self) -> bool {
        matches!(self.kind(), Some(Kind::Object))
    }

    fn kind(self) -> Option<Kind<'a>> {
        self.0.first().map(|node: &Node<'_>| node.kind)
    }

    fn field(self, name: &str) -> Result<Option<Self>, Error> {
        let mut parts = self.below();
        let mut found = None;
        while let (Some(Part([field])), Some(value)) = (parts.next(), parts.next()) {
            // All names of an object that is read must be text, also those that are not meant.
            if field.text()? == name && found.replace(value).is_some() {
                return Err(Error::custom("is duplicated"));
            }
        }
        Ok(found)
    }
}
