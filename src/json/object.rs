//! Structs, lists and maps out of the tree of a text, with the same rules for each: no name is unknown, none is duplicated.
//!
//! Not through serde: what it derives for a struct holds every field beside every error on the way, and a host compiles
//! all of that before it serves a request. Here a field is a name and a function.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::Error as _;

use super::Error;
use super::value::{Part, Value};

/// Reads one field into a struct.
pub(crate) type ReadField<T> = fn(&mut T, Part<'_, '_>) -> Result<(), Error>;

/// Reads a struct out of an object.
pub(crate) trait Object: Sized + 'static {
    /// What each field is called.
    const NAMES: &'static [&'static str];
    /// How each field is read, in the order of the names.
    const FIELDS: &'static [ReadField<Self>];
    /// Fields that have no default.
    const REQUIRED: &'static [&'static str];

    /// What it is where the object is empty; a required field has any value.
    fn start() -> Self;
}

/// Implements [`Object`]: `json::object!(Breaker, start: Self::default(), required: [], { "failures" => failures:
/// whole_number, … })`. A field without a function is read through serde.
macro_rules! object {
    ($type:ty, start: $start:expr, required: [$($required:literal),*], {
        $($name:literal => $field:ident $(: $read:expr)?),* $(,)?
    }) => {
        impl $crate::json::Object for $type {
            const NAMES: &'static [&'static str] = &[$($name),*];
            const REQUIRED: &'static [&'static str] = &[$($required),*];
            const FIELDS: &'static [$crate::json::ReadField<Self>] = &[
                $(|it, value| {
                    it.$field = $crate::json::object!(@read value $($read)?)?;
                    Ok(())
                }),*
            ];

            fn start() -> Self {
                $start
            }
        }
    };
    (@read $value:ident) => { ::serde::Deserialize::deserialize($value) };
    (@read $value:ident $read:expr) => { ($read)($value) };
}
pub(crate) use object;

/// The struct that an object is.
pub(crate) fn read_object<T: Object>(part: Part<'_, '_>) -> Result<T, Error> {
    let mut it = T::start();
    let mut fields = Fields::of(part)?;
    while let Some((index, name, value)) = fields.next(T::NAMES)? {
        if let Some(read) = T::FIELDS.get(index) {
            read(&mut it, value).map_err(|error| error.below(name))?;
        }
    }
    fields.end(T::REQUIRED)?;
    Ok(it)
}

/// A field that may be absent, and is no `null` where it is there.
pub(crate) fn some<T: Object>(part: Part<'_, '_>) -> Result<Option<T>, Error> {
    read_object(part).map(Some)
}

/// The elements of a list of objects.
pub(crate) fn list<T: Object>(part: Part<'_, '_>) -> Result<Vec<T>, Error> {
    let Value::List(parts) = part.read()? else {
        return Err(part.is_not("a sequence"));
    };
    parts
        .enumerate()
        .map(|(index, part)| read_object(part).map_err(|error| error.below(&format!("[{index}]"))))
        .collect()
}

/// The values of an object by their names, each read by `read`.
pub(crate) fn map<T>(
    part: Part<'_, '_>,
    read: fn(Part<'_, '_>) -> Result<T, Error>,
) -> Result<BTreeMap<String, T>, Error> {
    let mut entries = BTreeMap::new();
    let mut fields = Fields::of(part)?;
    while let Some((name, value)) = fields.entry()? {
        let value = read(value).map_err(|error| error.below(&name))?;
        if entries.contains_key(&*name) {
            return Err(Error::custom(format!("{name:?} is duplicated")));
        }
        entries.insert(name.into_owned(), value);
    }
    Ok(entries)
}

/// The fields of an object that were not looked at yet.
struct Fields<'d, 'a> {
    parts: super::value::Parts<'d, 'a>,
    seen: Vec<&'static str>,
}

impl<'d, 'a> Fields<'d, 'a> {
    fn of(part: Part<'d, 'a>) -> Result<Self, Error> {
        match part.read()? {
            Value::Object(parts) => Ok(Self {
                parts,
                seen: Vec::new(),
            }),
            other => Err(other.is_not(&"an object")),
        }
    }

    fn entry(&mut self) -> Result<Option<(Cow<'a, str>, Part<'d, 'a>)>, Error> {
        match (self.parts.next(), self.parts.next()) {
            (Some(Part([name])), Some(value)) => Ok(Some((name.text()?, value))),
            _ => Ok(None),
        }
    }

    /// The next field: which of `names` it is, and its value.
    fn next(
        &mut self,
        names: &'static [&'static str],
    ) -> Result<Option<(usize, &'static str, Part<'d, 'a>)>, Error> {
        let Some((name, value)) = self.entry()? else {
            return Ok(None);
        };
        let Some((index, known)) = names.iter().enumerate().find(|(_, it)| **it == name) else {
            return Err(Error::unknown_field(&name, names));
        };
        if self.seen.contains(known) {
            return Err(Error::duplicate_field(known));
        }
        self.seen.push(known);
        Ok(Some((index, known, value)))
    }

    fn end(&self, required: &'static [&'static str]) -> Result<(), Error> {
        match required.iter().find(|it| !self.seen.contains(it)) {
            Some(missing) => Err(Error::missing_field(missing)),
            None => Ok(()),
        }
    }
}
