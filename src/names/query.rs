//! The query of a `GET`: pieces of `key=value`, decoded once (werkzeug's `request.args`). Refused: a piece
//! without `=`, an escape that is none, bytes that are not UTF-8, a key that is no plain word (releases before 3 read
//! `[name]` as `name`), a field that is duplicated or in another spelling (they also read `experimentId`), a `#`,
//! which gunicorn cuts and uvicorn keeps.

use std::borrow::Cow;

use super::Unclear;

/// A query's decoded pairs.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query without its `?`.
    ///
    /// # Errors
    /// See the module.
    pub fn parse(query: &str) -> Result<Self, Unclear> {
        if query.contains('#') {
            return Err(Unclear::new("its query holds a #"));
        }
        let pieces = query.split('&').filter(|_| !query.is_empty());
        let pair = |piece: &str| {
            let (key, value) = piece.split_once('=')?;
            let key = decode(key).filter(|key| is_plain_word(key))?;
            Some((key, decode(value)?))
        };
        pieces
            .map(|piece| pair(piece).ok_or_else(|| Unclear::new("its query is not plain pairs")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Every key, as often as it is there.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// The value of a field, if it is there.
    ///
    /// # Errors
    /// The field is duplicated, or in another spelling.
    pub fn get(&self, field: &str) -> Result<Option<&str>, Unclear> {
        let mut found = self.0.iter().filter(|(key, _)| same_field(key, field));
        let first = found.next();
        if found.next().is_some() || first.is_some_and(|(key, _)| key != field) {
            return Err(Unclear::new(format!(
                "{field} is duplicated or in another spelling"
            )));
        }
        Ok(first.map(|(_, value)| value.as_str()))
    }
}

/// Whether a field could be read as another: `new_name` as `newName`.
pub(super) fn same_field(a: &str, b: &str) -> bool {
    let folded = |text: &str| -> String {
        let kept = text.chars().filter(|c| *c != '_');
        kept.map(|c| c.to_ascii_lowercase()).collect()
    };
    folded(a) == folded(b)
}

fn is_plain_word(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn decode(component: &str) -> Option<String> {
    let bytes = component.as_bytes();
    let escapes = (0..bytes.len()).filter(|at| bytes.get(*at) == Some(&b'%'));
    for at in escapes {
        let digits = bytes.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
    }
    let decoded: Vec<u8> = crate::target::decoded_query_component(component).collect();
    match String::from_utf8_lossy(&decoded) {
        Cow::Borrowed(text) => Some(text.to_owned()),
        Cow::Owned(_) => None,
    }
}
