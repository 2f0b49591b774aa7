//! Writes objects as JSON on one line, each text printable (see [`crate::printable`]). For what is written about a
//! request: a serializer took a seventh of all instructions of a cached request, and a quarter of a denial's.

use crate::printable::printable_json;

/// Appends the fields of one object to a text, in the order in which they are given.
pub(crate) struct ObjectWriter<'t> {
    text: &'t mut String,
    /// What stands before the next field.
    before: &'static str,
}

impl<'t> ObjectWriter<'t> {
    pub(crate) const fn new(text: &'t mut String) -> Self {
        Self {
            text,
            before: "{\"",
        }
    }

    fn name(&mut self, name: &str) {
        self.text.push_str(self.before);
        self.text.push_str(name);
        self.text.push_str("\":");
        self.before = ",\"";
    }

    /// A text from outside.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        put_text(self.text, value);
    }

    /// The same, or `null`.
    pub(crate) fn optional_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.literal(name, "null"),
        }
    }

    /// A word of this crate's own, made of parts, which needs no escapes.
    pub(crate) fn word(&mut self, name: &str, parts: &[&str]) {
        self.name(name);
        self.text.push('"');
        for part in parts {
            self.text.push_str(part);
        }
        self.text.push('"');
    }

    /// The same, or `null`.
    pub(crate) fn optional_word(&mut self, name: &str, word: Option<&str>) {
        match word {
            Some(word) => self.word(name, &[word]),
            None => self.literal(name, "null"),
        }
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.literal(name, if value { "true" } else { "false" });
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.literal(name, &value.to_string());
    }

    fn literal(&mut self, name: &str, literal: &str) {
        self.name(name);
        self.text.push_str(literal);
    }

    pub(crate) fn texts<T: AsRef<str>>(&mut self, name: &str, values: &[T]) {
        self.list(name, values, |text, value| put_text(text, value.as_ref()));
    }

    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        values: &[T],
        write: impl Fn(&mut ObjectWriter<'_>, &T),
    ) {
        self.list(name, values, |text, value| {
            let mut object = ObjectWriter::new(text);
            write(&mut object, value);
            object.end();
        });
    }

    fn list<T>(&mut self, name: &str, values: &[T], put: impl Fn(&mut String, &T)) {
        self.name(name);
        self.text.push('[');
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.text.push(',');
            }
            put(self.text, value);
        }
        self.text.push(']');
    }

    /// Ends the object, which has at least one field.
    pub(crate) fn end(self) {
        self.text.push('}');
    }
}

/// Escaped where it has to be (RFC 8259 section 7), which is seldom.
fn put_text(text: &mut String, value: &str) {
    let is_plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if value.bytes().all(is_plain) {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        text.push_str(&printable_json(
            serde_json::to_string(value).unwrap_or_default(),
        ));
    }
}
