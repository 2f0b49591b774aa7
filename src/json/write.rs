//! Writes objects as JSON on one line, each text printable (see [`crate::printable`]). For what is written about a
//! request: a serializer took a seventh of all instructions of a cached request. It writes words of this crate without
//! looking for what must be escaped: only constants are taken for that.

use crate::printable;

/// The name of an object's first field, with what stands around it.
macro_rules! first {
    ($name:literal) => {
        concat!("{\"", $name, "\":")
    };
}

/// The name of each field that follows.
macro_rules! next {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

pub(crate) use {first, next};

/// Appends the fields of one object to a text. Each method takes the field's name as [`first`] or [`next`] makes it, and is
/// inlined where that is known: V8 leaves its own code for a copy whose length is known only at run time.
pub(crate) struct ObjectWriter<'t>(pub(crate) &'t mut Vec<u8>);

#[expect(clippy::inline_always, reason = "the length of a name is known then")]
impl ObjectWriter<'_> {
    #[inline(always)]
    fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.0.extend_from_slice(name.as_bytes());
        self.0
    }

    /// A text from outside.
    #[inline(always)]
    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        put_text(self.name(name), value);
    }

    /// The same, or `null`.
    #[inline(always)]
    pub(crate) fn optional_text(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => put_text(self.name(name), value),
            None => put(self.name(name), "null"),
        }
    }

    /// A word of this crate's own, which needs no escapes.
    #[inline(always)]
    pub(crate) fn word(&mut self, name: &'static str, word: &'static str) {
        put_words(self.name(name), &[word]);
    }

    /// The same made of parts.
    #[inline(always)]
    pub(crate) fn words(&mut self, name: &'static str, parts: &[&'static str]) {
        put_words(self.name(name), parts);
    }

    /// A word or `null`.
    #[inline(always)]
    pub(crate) fn optional_word(&mut self, name: &'static str, word: Option<&'static str>) {
        match word {
            Some(word) => put_words(self.name(name), &[word]),
            None => put(self.name(name), "null"),
        }
    }

    #[inline(always)]
    pub(crate) fn flag(&mut self, name: &'static str, value: bool) {
        put(self.name(name), if value { "true" } else { "false" });
    }

    #[inline(always)]
    pub(crate) fn number(&mut self, name: &'static str, value: u64) {
        put(self.name(name), &value.to_string());
    }

    #[inline(always)]
    pub(crate) fn texts<T: AsRef<str>>(&mut self, name: &'static str, values: &[T]) {
        put_list(self.name(name), values, |text, value| {
            put_text(text, value.as_ref());
        });
    }

    pub(crate) fn objects<T>(
        &mut self,
        name: &'static str,
        values: &[T],
        write: impl Fn(ObjectWriter<'_>, &T),
    ) {
        put_list(self.name(name), values, |text, value| {
            write(ObjectWriter(text), value);
        });
    }

    /// Ends the object, which has at least one field.
    pub(crate) fn end(self) {
        self.0.push(b'}');
    }
}

fn put_list<T>(text: &mut Vec<u8>, values: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    text.push(b'[');
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        put(text, value);
    }
    text.push(b']');
}

/// Escaped where it has to be (RFC 8259 section 7), which is seldom.
fn put_text(text: &mut Vec<u8>, value: &str) {
    let is_plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if value.bytes().all(is_plain) {
        put_words(text, &[value]);
    } else {
        put(text, &printable::json(value).unwrap_or_default());
    }
}

fn put_words(text: &mut Vec<u8>, parts: &[&str]) {
    text.push(b'"');
    for part in parts {
        put(text, part);
    }
    text.push(b'"');
}

#[inline]
fn put(text: &mut Vec<u8>, more: &str) {
    text.extend_from_slice(more.as_bytes());
}
