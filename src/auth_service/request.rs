//! Builds the request of a lookup: method, place of the key, our own headers. It reads no reply.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::{Callout, Text};
use crate::config::{AuthService, KeyIn, Method, Protocol};
use crate::credential::ApiKey;

/// Headers of a lookup, those of its trace among them, and none of the configuration's own.
const USUAL_HEADERS: usize = 10;

/// The request that validates a key.
pub(super) fn lookup(service: &AuthService, key: &ApiKey<'_>, address: Option<&str>) -> Callout {
    let body = body(service, key, address);
    let mut headers: Vec<(Text, Text)> = Vec::with_capacity(USUAL_HEADERS + service.headers.len());
    headers.extend([
        (":method".into(), service.method.as_str().into()),
        (":path".into(), service.path.clone().into()),
        (":authority".into(), service.authority.clone().into()),
    ]);
    let owned = |text: &str| Text::Owned(text.to_owned());
    match &service.key_in {
        _ if service.protocol == Protocol::Introspection => {}
        KeyIn::Bearer => {
            let bearer = ["Bearer ", key.expose()].concat();
            headers.push(("authorization".into(), bearer.into()));
        }
        KeyIn::Header(name) => {
            headers.push((owned(name.as_str()), owned(key.expose())));
        }
        KeyIn::Json(_) | KeyIn::Form(_) => {}
    }
    match &body {
        Some((content_type, _)) => headers.push(("content-type".into(), (*content_type).into())),
        None => headers.extend(UNCACHED.map(|(name, value)| (name.into(), value.into()))),
    }
    headers.push(("accept".into(), "application/json".into()));
    let own = service.headers.iter();
    headers.extend(own.map(|header| (owned(header.name()), owned(header.expose()))));
    Callout {
        cluster: service.cluster.clone(),
        headers,
        body: body.map(|(_, body)| body).unwrap_or_default(),
        timeout: service.timeout,
    }
}

/// With a GET, whose reply a cache on the way may keep (RFC 9111 section 3): where the key stands in a header that is not
/// `authorization`, the reply for one key would be given to another. `pragma` is for caches of HTTP/1.0.
pub(super) const UNCACHED: [(&str, &str); 2] = [
    ("cache-control", "no-cache, no-store"),
    ("pragma", "no-cache"),
];

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The body and its type, where the request has one.
fn body(
    service: &AuthService,
    key: &ApiKey<'_>,
    address: Option<&str>,
) -> Option<(&'static str, Vec<u8>)> {
    if service.method == Method::Get {
        return None;
    }
    if service.protocol == Protocol::Introspection {
        // RFC 7662 section 2.1.
        let pairs = [("token", key.expose()), ("token_type_hint", "access_token")];
        return Some((FORM, form(&pairs)));
    }
    let mut pairs = vec![("service_id", service.service_id.as_str())];
    pairs.extend(address.map(|address| ("client_ip", address)));
    match &service.key_in {
        KeyIn::Form(name) => {
            pairs.insert(0, (name.as_str(), key.expose()));
            return Some((FORM, form(&pairs)));
        }
        KeyIn::Json(name) => pairs.push((name.as_str(), key.expose())),
        KeyIn::Bearer | KeyIn::Header(_) => {}
    }
    Some((
        JSON,
        serde_json::to_vec(&Object(&pairs)).unwrap_or_default(),
    ))
}

struct Object<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// `application/x-www-form-urlencoded`: all but unreserved characters (RFC 3986 section 2.3) is percent-encoded, so
/// that no text ends its value.
fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        encode(&mut text, name);
        text.push('=');
        encode(&mut text, value);
    }
    text.into_bytes()
}

fn encode(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}
