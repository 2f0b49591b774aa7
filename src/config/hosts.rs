//! Patterns of host names, as requests are compared with them (see [`crate::authority`]).

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::authority;
use crate::pattern::Pattern;

/// The `hosts` of a configuration.
pub(super) fn some<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Pattern>>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    if words.is_empty() {
        return Err(D::Error::custom(
            "is empty, so every request would be forwarded without a decision; write MLflow's hosts, or remove the field \
             if every host is MLflow's",
        ));
    }
    let read: Result<_, String> = words.iter().map(|word| read(word)).collect();
    read.map(Some).map_err(D::Error::custom)
}

/// A pattern that some host can match.
pub(super) fn read(word: &str) -> Result<Pattern, String> {
    let of_names = |b: u8| authority::is_name_byte(b) || matches!(b, b'.' | b'*' | b'?');
    let is_name = !word.is_empty() && !word.ends_with('.') && word.bytes().all(of_names);
    if is_name {
        return Ok(Pattern::new(&word.to_ascii_lowercase()));
    }
    authority::bracketed(word)
        .and_then(|_| authority::read_host(word))
        .map(|address| Pattern::new(&address))
        .ok_or_else(|| {
            format!(
                "{word:?} is not a host pattern; write \"registry.example\" or \"*.registry.example\", in ASCII, \
                 without scheme, port, user or trailing dot"
            )
        })
}
