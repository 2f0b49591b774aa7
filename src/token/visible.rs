//! A token that the request still shows: whether a key looks like one, and whether it is the one that was verified.
//!
//! What a token itself says is never believed: it is decoded only to be compared.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::given::encoded;
use crate::json::Document;
use crate::request::Property;

/// The claims by which a token is recognised: who issued it to whom for whom and when, and which it is (RFC 7519 section
/// 4.1).
const COMPARED: &[&str] = &["iss", "sub", "aud", "exp", "iat", "jti"];

/// Three parts or more, of which the first begins like a JSON object in base64 (RFC 7515 section 3.1).
///
/// That is more than the RFC allows: what another reader may take for a token must not be taken for a key. Such readers
/// know both alphabets, pass over characters of neither, and take JSON that is none to others.
pub fn looks_like_token(key: &str) -> bool {
    let mut parts = key.split('.');
    let header = parts.next().unwrap_or_default();
    if parts.count() < 2 {
        return false;
    }
    let mut header = decoded(header).filter(|byte| !BLANKS.contains(byte));
    header.next() == Some(b'{') && matches!(header.next(), Some(b'"' | b'}'))
}

/// What may stand before a JSON object, or within: blanks, zero bytes of another encoding, a byte order mark.
const BLANKS: &[u8] = b" \t\r\n\0\xef\xbb\xbf";

/// The bytes of a text in base64 or base64url, whatever stands between its characters.
fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut bits: u32 = 0;
    let mut count: u32 = 0;
    text.bytes().filter_map(sextet).filter_map(move |sextet| {
        bits = (bits << 6 | u32::from(sextet)) & 0xffff;
        count += 6;
        let byte = count.checked_sub(8)?;
        count = byte;
        u8::try_from(bits >> byte & 0xff).ok()
    })
}

fn sextet(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'-' | b'+' => Some(62),
        b'_' | b'/' => Some(63),
        _ => None,
    }
}

/// Whether a token has the claims that the host has: every one of [`COMPARED`], as far as either has it, and one at
/// least. `claim` is what the host has.
pub(super) fn is_token_of(key: &str, claim: impl Fn(&str) -> Property) -> bool {
    let Some(Ok(payload)) = key.split('.').nth(1).map(|it| URL_SAFE_NO_PAD.decode(it)) else {
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
