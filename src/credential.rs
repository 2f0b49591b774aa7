//! API keys out of headers.
//!
//! Finds the one key a caller presents, or says why there is none. A key is visible ASCII, at most 4 KiB,
//! and never printed: [`ApiKey`] has no `Display`, and its `Debug` hides it.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::decoded_len_estimate;
use base64::engine::general_purpose::STANDARD;
use smallvec::SmallVec;

use crate::config::CredentialKind;
use crate::request::RequestHead;
use crate::target::decoded_query_component;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 4096;

/// The name of the query parameter that carries a key.
const QUERY_PARAMETER: &[u8] = b"api_key";

/// A well-formed API key, which lives no longer than its request: copied only where it had to be decoded, and
/// then not to the heap unless it is very long.
#[derive(Clone)]
pub struct ApiKey<'a>(Text<'a>);

#[derive(Clone)]
enum Text<'a> {
    Sent(&'a str),
    Decoded(SmallVec<[u8; INLINE_BYTES]>),
}

/// What most decoded keys fit into.
const INLINE_BYTES: usize = 96;

impl<'a> ApiKey<'a> {
    pub(crate) fn sent(bytes: &'a [u8], longest: usize) -> Result<Self, CredentialError> {
        well_formed(bytes, longest).map(|text| Self(Text::Sent(text)))
    }

    fn decoded(bytes: &[u8], longest: usize) -> Result<Self, CredentialError> {
        well_formed(bytes, longest).map(|text| Self(Text::Decoded(text.as_bytes().into())))
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> usize {
        self.expose().len()
    }

    /// The key itself, for the callout and what it is known by, and for nothing else.
    pub(crate) fn expose(&self) -> &str {
        match &self.0 {
            Text::Sent(text) => text,
            Text::Decoded(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        }
    }
}

impl PartialEq for ApiKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

fn well_formed(bytes: &[u8], longest: usize) -> Result<&str, CredentialError> {
    let well_formed =
        (1..=longest).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(bytes) {
        Ok(text) if well_formed => Ok(text),
        _ => Err(CredentialError::Malformed),
    }
}

impl std::fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Why a request presents no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialError {
    /// There is no credential of a configured kind.
    Missing,
    /// There is one that cannot be a key.
    Malformed,
    /// There are two that differ, or one header is duplicated.
    Ambiguous,
}

/// Finds the caller's key among the configured kinds of credential.
///
/// Where `Authorization` is a configured place, a scheme that is not configured is malformed, not missing:
/// upstream could read it. Places that are not configured are not looked at; they may be meant for upstream.
///
/// # Errors
/// See [`CredentialError`]. A malformed credential is an error even when a good one stands beside it.
pub fn extract<'a>(
    head: &RequestHead<'a>,
    query: Option<&str>,
    kinds: &[CredentialKind],
) -> Result<ApiKey<'a>, CredentialError> {
    extract_up_to(MAX_KEY_BYTES, head, query, kinds)
}

/// The same where a credential may be longer than a key is.
pub(crate) fn extract_up_to<'a>(
    longest: usize,
    head: &RequestHead<'a>,
    query: Option<&str>,
    kinds: &[CredentialKind],
) -> Result<ApiKey<'a>, CredentialError> {
    let mut found: Option<ApiKey<'a>> = None;
    let mut take = |key: Option<ApiKey<'a>>| match (&found, key) {
        (_, None) => Ok(()),
        (Some(before), Some(key)) if *before != key => Err(CredentialError::Ambiguous),
        (_, Some(key)) => {
            found = Some(key);
            Ok(())
        }
    };
    take(from_authorization(head, kinds, longest)?)?;
    if kinds.contains(&CredentialKind::XApiKey) {
        take(
            once(head.all_spellings("x-api-key"))?
                .map(|value| ApiKey::sent(value.trim_ascii(), longest))
                .transpose()?,
        )?;
    }
    if kinds.contains(&CredentialKind::Query) {
        take(from_query(query.unwrap_or_default(), longest)?)?;
    }
    found.ok_or(CredentialError::Missing)
}

fn once<T>(mut values: impl Iterator<Item = T>) -> Result<Option<T>, CredentialError> {
    let first = values.next();
    if values.next().is_some() {
        Err(CredentialError::Ambiguous)
    } else {
        Ok(first)
    }
}

fn from_authorization<'a>(
    head: &RequestHead<'a>,
    kinds: &[CredentialKind],
    longest: usize,
) -> Result<Option<ApiKey<'a>>, CredentialError> {
    if !kinds.iter().any(|kind| kind.in_authorization()) {
        return Ok(None);
    }
    let Some(value) = once(head.all_spellings("authorization"))? else {
        return Ok(None);
    };
    if value.contains(&b',') {
        // Envoy joins doubled Authorization headers with a comma.
        return Err(CredentialError::Ambiguous);
    }
    let value = value.trim_ascii();
    let space = value
        .iter()
        .position(|b| *b == b' ')
        .ok_or(CredentialError::Malformed)?;
    let (scheme, credential) = value.split_at(space);
    let credential = credential.trim_ascii();
    let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
    let bearer = kinds.contains(&CredentialKind::Bearer) && (is("bearer") || is("apikey"));
    let basic = kinds.contains(&CredentialKind::Basic) && is("basic");
    let key = match (bearer, basic) {
        (true, _) => ApiKey::sent(credential, longest),
        (_, true) => from_basic(credential, longest),
        _ => Err(CredentialError::Malformed),
    };
    key.map(Some)
}

/// RFC 7617: the password is the key, or the user name when the password is empty.
fn from_basic(credential: &[u8], longest: usize) -> Result<ApiKey<'static>, CredentialError> {
    // On the stack, with room for a user name beside the key.
    let mut buffer: SmallVec<[u8; 256]> =
        SmallVec::from_elem(0, decoded_len_estimate(credential.len()));
    let length = STANDARD
        .decode_slice(credential, &mut buffer)
        .map_err(|_| CredentialError::Malformed)?;
    let decoded = buffer.get(..length).unwrap_or_default();
    let colon = decoded
        .iter()
        .position(|b| *b == b':')
        .ok_or(CredentialError::Malformed)?;
    let (user, password) = decoded.split_at(colon);
    match password.get(1..).unwrap_or_default() {
        b"" => ApiKey::decoded(user, longest),
        password => ApiKey::decoded(password, longest),
    }
}

fn from_query(query: &str, longest: usize) -> Result<Option<ApiKey<'static>>, CredentialError> {
    let values = query
        .split('&')
        .filter(|pair| is_key_parameter(pair))
        .map(|pair| pair.split_once('=').map_or("", |(_, value)| value));
    let Some(value) = once(values)? else {
        return Ok(None);
    };
    let decoded: SmallVec<[u8; INLINE_BYTES]> = decoded_query_component(value).collect();
    ApiKey::decoded(&decoded, longest).map(Some)
}

fn is_key_parameter(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    decoded_query_component(name).eq(QUERY_PARAMETER.iter().copied())
}

/// The shortest text that is looked for in other places: a shorter one is in many by chance.
const SHORTEST_HIDDEN: usize = 8;

/// The most texts that are looked for: a caller must not choose how often a record is searched.
const MOST_HIDDEN: usize = 8;

/// Everything a request presents that may be a key, configured or not, well formed or not: what may stand in no record.
pub(crate) fn presented(head: &RequestHead<'_>) -> Vec<Vec<u8>> {
    let mut found = Hidden::default();
    let headers = ["authorization", "x-api-key"].map(|name| head.all_spellings(name));
    for value in headers.into_iter().flatten() {
        for word in value.split(|b| matches!(b, b' ' | b'\t' | b',')) {
            found.add(word);
            if let Ok(decoded) = STANDARD.decode(word) {
                decoded
                    .splitn(2, |b| *b == b':')
                    .for_each(|part| found.add(part));
            }
        }
    }
    let query = head.text(":path").and_then(|target| target.split_once('?'));
    let pairs = query.map_or("", |(_, query)| query).split('&');
    for (_, value) in pairs
        .filter(|it| is_key_parameter(it))
        .filter_map(|it| it.split_once('='))
    {
        found.add(value.as_bytes());
        let decoded: Vec<u8> = decoded_query_component(value).collect();
        found.add(&decoded);
    }
    found.0
}

/// The longest texts, the longest first: a part of a key must not hide the rest of it.
#[derive(Default)]
struct Hidden(Vec<Vec<u8>>);

impl Hidden {
    fn add(&mut self, text: &[u8]) {
        if text.len() < SHORTEST_HIDDEN {
            return;
        }
        let at = self.0.partition_point(|other| other.len() >= text.len());
        if at < MOST_HIDDEN {
            self.0.insert(at, text.to_vec());
            self.0.truncate(MOST_HIDDEN);
        }
    }
}

/// A raw target without its key parameters; `None` when there are none.
pub fn without_query_key(raw_target: &str) -> Option<String> {
    let (path, query) = raw_target.split_once('?')?;
    if !query.split('&').any(is_key_parameter) {
        return None;
    }
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !is_key_parameter(pair))
        .collect();
    Some(if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    })
}
