//! Text from elsewhere as a terminal, a page or a log may show it.
//!
//! Host, path, user and scope are other people's words. What a terminal acts on or a reader cannot see is escaped, as
//! `\u{202e}` in text and `\u202e` in JSON: control characters (C0, DEL, C1), what turns the direction of writing
//! round (Unicode UAX 9), line separators, and characters of no width.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;

/// Whether a character is escaped.
pub const fn is_unprintable(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// One line of text.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable)
}

/// Text of several lines.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| {
        !matches!(character, '\n' | '\t') && is_unprintable(character)
    })
}

fn escaped(text: &str, is_unprintable: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unprintable) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

/// A value as printable JSON on one line; `None` where it is none of JSON's.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok().map(printable_json)
}

/// JSON as `serde_json` writes it, which leaves all but C0 as it is.
pub fn printable_json(json: String) -> String {
    // C0 in a string is escaped already; between the values it is white space.
    let is_raw = |character: char| character >= '\u{7f}' && is_unprintable(character);
    if json.is_ascii() && !json.contains('\u{7f}') || !json.contains(is_raw) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_raw(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}
