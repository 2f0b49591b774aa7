//! Targets and hosts as records show them: without the parts in which callers send credentials by mistake.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// Names of parameters that carry a credential, in lower case and without what joins words.
const CREDENTIAL_PARAMETERS: &[&str] = &[
    "apikey",
    "xapikey",
    "key",
    "token",
    "accesstoken",
    "authtoken",
    "authorization",
    "password",
    "secret",
    "clientsecret",
];

/// A target without its query and fragment, without user information (also where a proxy merged the two slashes before
/// it), and without what stands behind a `?`, `;`, `&` or `#` that a credential's parameter follows. Each of these
/// bytes is seen through any number of percent-encodings.
pub fn target(target: &[u8]) -> Cow<'_, [u8]> {
    let path = target
        .split(|b| matches!(b, b'?' | b'#'))
        .next()
        .unwrap_or_default();
    let end = credential_parameter(path).unwrap_or(path.len());
    let path = path.get(..end).unwrap_or_default();
    match userinfo(path) {
        Some((start, end)) => [path.get(..start), path.get(end..)]
            .map(Option::unwrap_or_default)
            .concat()
            .into(),
        None => path.into(),
    }
}

/// An authority without its user information, encoded or not.
pub(super) fn host(authority: &[u8]) -> &[u8] {
    let at = letters(authority).filter(|it| it.byte == b'@').last();
    at.and_then(|at| authority.get(at.end..))
        .unwrap_or(authority)
}

/// Where the first parameter begins that carries a credential, at the byte that separates it.
fn credential_parameter(path: &[u8]) -> Option<usize> {
    let mut separator = None;
    let mut name = String::new();
    for letter in letters(path) {
        match (letter.byte, separator) {
            (b'?' | b';' | b'&' | b'#', _) => {
                separator = Some(letter.start);
                name.clear();
            }
            (b'=', Some(start)) => {
                if CREDENTIAL_PARAMETERS.contains(&name.as_str()) {
                    return Some(start);
                }
                separator = None;
            }
            (byte, Some(_)) if byte.is_ascii_alphanumeric() => {
                name.push(char::from(byte.to_ascii_lowercase()));
            }
            _ => {}
        }
    }
    None
}

/// Where user information begins and ends: in the first segment that is not empty, or in the one behind a scheme. A path
/// may begin with a name that has an `@`, so there it counts with a password only.
fn userinfo(path: &[u8]) -> Option<(usize, usize)> {
    let is_origin_form = path.starts_with(b"/") && !path.starts_with(b"//");
    let scheme = match path.first() {
        Some(b'/') => 0,
        _ => memchr::memmem::find(path, b"//").unwrap_or_default(),
    };
    let is_slash = |it: &Letter| matches!(it.byte, b'/' | b'\\');
    let segment = letters(path)
        .skip_while(|it| it.start < scheme || is_slash(it))
        .take_while(|it| !is_slash(it));
    let mut start = None;
    let mut counts = !is_origin_form;
    let mut end = None;
    for letter in segment {
        start.get_or_insert(letter.start);
        counts |= letter.byte == b':';
        if counts && letter.byte == b'@' {
            end = Some(letter.end);
        }
    }
    start.zip(end)
}

/// A byte as the last of several decoders sees it, and where it stands in the text.
struct Letter {
    byte: u8,
    start: usize,
    end: usize,
}

fn letters(text: &[u8]) -> impl Iterator<Item = Letter> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..)?;
        let (byte, length) = decoded(rest)?;
        let letter = Letter {
            byte,
            start,
            end: start + length,
        };
        start += length;
        Some(letter)
    })
}

/// The first byte of a text and how long it is: itself, `%XX`, or `%25XX` and so on.
fn decoded(text: &[u8]) -> Option<(u8, usize)> {
    let first = *text.first()?;
    if first != b'%' {
        return Some((first, 1));
    }
    let mut length = 1;
    while text.get(length..).is_some_and(|it| it.starts_with(b"25")) {
        length += 2;
    }
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let byte = (|| u8::try_from(digit(length)? * 16 + digit(length + 1)?).ok())();
    Some(match byte {
        Some(byte) => (byte, length + 2),
        None => (first, length),
    })
}
