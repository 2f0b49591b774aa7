//! The claims of one verified token, each read where the configuration says that it stands, and only when it is needed.

use super::{Remark, SEPARATOR, TokenError, value};
use crate::pointer::{Pointer, Pointers};
use crate::request::{Property, RequestHead};
use crate::token_kind;

/// The path of a property below another.
pub(super) fn below<'n>(path: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let mut below = path.to_owned();
    for name in names {
        below.push(SEPARATOR);
        below.push_str(name);
    }
    below
}

/// The claims of one token.
pub(super) struct Claims<'c> {
    head: &'c RequestHead<'c>,
    path: &'c str,
    /// The first that an operator should know of.
    pub(super) remark: Option<Remark>,
}

/// Where a value could be.
enum Place {
    Empty,
    /// Null, or an object that holds null, which cannot be told from it.
    Null,
    /// A list with null in it.
    Malformed,
    Holds(Vec<u8>),
}

impl<'c> Claims<'c> {
    /// Those below a path.
    pub(super) const fn new(head: &'c RequestHead<'c>, path: &'c str) -> Self {
        Self {
            head,
            path,
            remark: None,
        }
    }

    /// The claim below these names. The host hands over neither null nor what holds null; but of a list it has the
    /// elements, and of null it has none.
    fn at<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<Place, TokenError> {
        let path = below(self.path, names);
        match self.head.property(&path) {
            Property::Absent => Ok(Place::Empty),
            Property::Is(bytes) => Ok(Place::Holds(bytes)),
            Property::Failed => Err(TokenError::HostFailed),
            Property::Unreadable => match self.head.property(&below(&path, ["0"])) {
                Property::Absent => Ok(Place::Null),
                Property::Unreadable | Property::Is(_) => Ok(Place::Malformed),
                Property::Failed => Err(TokenError::HostFailed),
            },
        }
    }

    /// What the first place has that has a value. An empty id is none, and so is null.
    pub(super) fn id(&self, pointers: &Pointers) -> Result<Option<String>, TokenError> {
        pointers.first(|pointer| {
            let id = match self.at(pointer.tokens())? {
                Place::Empty | Place::Null => return Ok(None),
                Place::Malformed => None,
                Place::Holds(bytes) => value::id(&bytes),
            };
            let id = id.ok_or_else(|| TokenError::Unreadable(pointer.as_str().into()))?;
            Ok((!id.trim().is_empty()).then_some(id))
        })
    }

    /// A value that grants something. Null is none; one of another type grants nothing, and no later place counts.
    pub(super) fn first<T: Default>(
        &mut self,
        pointers: &Pointers,
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, TokenError> {
        self.value(pointers, read, false)
    }

    /// A value that takes rights away. One that is null, or holds null, may be such a value: it leaves nothing, as one
    /// of another type does.
    pub(super) fn limit<T: Default>(
        &mut self,
        pointers: &Pointers,
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, TokenError> {
        self.value(pointers, read, true)
    }

    fn value<T: Default>(
        &mut self,
        pointers: &Pointers,
        read: fn(&[u8]) -> Option<T>,
        null_counts: bool,
    ) -> Result<Option<T>, TokenError> {
        for pointer in pointers.iter() {
            match self.at(pointer.tokens())? {
                Place::Empty => {}
                Place::Null if !null_counts => {}
                Place::Null | Place::Malformed => {
                    self.grants_nothing(pointer);
                    return Ok(Some(T::default()));
                }
                Place::Holds(bytes) => return self.read(pointer, &bytes, read).map(Some),
            }
        }
        Ok(None)
    }

    fn read<T: Default>(
        &mut self,
        pointer: &Pointer,
        bytes: &[u8],
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<T, TokenError> {
        let value = if self.is_what_it_seems(pointer, bytes)? {
            read(bytes)
        } else {
            None
        };
        if value.is_none() {
            self.grants_nothing(pointer);
        }
        Ok(value.unwrap_or_default())
    }

    fn grants_nothing(&mut self, pointer: &Pointer) {
        self.remark
            .get_or_insert_with(|| Remark::NoRights(pointer.clone()));
    }

    /// Whether bytes that look like a list are one, and no text that was made to look so: the host finds elements in
    /// lists only.
    fn is_what_it_seems(&self, pointer: &Pointer, bytes: &[u8]) -> Result<bool, TokenError> {
        let elements = match value::text(bytes) {
            Some(_) => None,
            None => value::list(bytes),
        };
        let Some(first) = elements.as_deref().and_then(<[_]>::first) else {
            return Ok(true);
        };
        match self
            .head
            .property(&below(self.path, pointer.tokens().chain(["0"])))
        {
            Property::Failed => Err(TokenError::HostFailed),
            Property::Is(bytes) => Ok(bytes == *first),
            Property::Absent | Property::Unreadable => Ok(false),
        }
    }
}

impl token_kind::Fields for Claims<'_> {
    type Error = TokenError;

    fn has(&self, name: &'static str) -> Result<bool, TokenError> {
        match self.head.property(&below(self.path, [name])) {
            Property::Absent => Ok(false),
            // An object with null somewhere in it, or null.
            Property::Unreadable | Property::Is(_) => Ok(true),
            Property::Failed => Err(TokenError::HostFailed),
        }
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, TokenError> {
        let text = match self.at([name])? {
            Place::Empty | Place::Null => return Ok(None),
            Place::Malformed => None,
            Place::Holds(bytes) => value::text(&bytes).map(str::to_owned),
        };
        text.map(Some).ok_or(TokenError::OtherKind(name))
    }
}
