//! A token that the request still shows: whether a key looks like one, and whether it is the one that was verified.
//!
//! What a token itself says is never believed: it is decoded only to be compared.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::given::encoded;
use crate::json::Document;
use crate::request::Property;

/// The claims by which a token is recognised: who issued it to whom for whom and when, and which it is (RFC 7519 section
/// 4.1).
const COMPARED: &[&str] = &["iss", "sub", "aud", "exp", "iat", "jti"];

/// More than RFC 7515 allows: what another reader may take for a token must not be taken for a key.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Three parts, of which the first is a JSON object, in base64url (RFC 7515 section 3.1).
pub fn looks_like_token(key: &str) -> bool {
    let Some([header, payload, signature]) = parts(key) else {
        return false;
    };
    let is_base64url =
        |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b));
    if !is_base64url(payload) || !is_base64url(signature) {
        return false;
    }
    let header = BASE64.decode(header).unwrap_or_default();
    Document::parse(&header).is_ok_and(|header| header.is_object())
}

/// Whether a token has the claims that the host has: every one of [`COMPARED`], as far as either has it, and one at
/// least. `claim` is what the host has.
pub(super) fn is_token_of(key: &str, claim: impl Fn(&str) -> Property) -> bool {
    let Some([_, payload, _]) = parts(key) else {
        return false;
    };
    let Ok(payload) = BASE64.decode(payload) else {
        return false;
    };
    let Ok(payload) = Document::parse(&payload) else {
        return false;
    };
    let mut is_named = false;
    for name in COMPARED {
        let Ok(said) = payload.walk(std::iter::once(*name)) else {
            return false;
        };
        let is_same = match (said, claim(name)) {
            (None, Property::Absent) => true,
            (Some(said), Property::Unreadable) => said.is_null(),
            (Some(said), Property::Is(bytes)) => {
                is_named = true;
                encoded(&said).is_some_and(|said| said == bytes)
            }
            _ => false,
        };
        if !is_same {
            return false;
        }
    }
    is_named
}

fn parts(key: &str) -> Option<[&str; 3]> {
    let mut parts = key.split('.');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(three)
}
