//! What a request presents to say who its caller is: one thing, or it is refused.

use crate::certificate::Shown;
use crate::credential::{self, ApiKey, CredentialError, MAX_KEY_BYTES};
use crate::decision::Reason;
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::token::{Tokens, Unclear, VerifiedToken, looks_like_token};

/// The longest token that a request may show, in bytes: as much as Envoy takes of headers by default.
const LONGEST_TOKEN: usize = 60 * 1024;

/// What says who the caller is.
#[derive(Debug)]
pub enum Presented<'a> {
    /// A key.
    Key(ApiKey<'a>),
    /// A token that the proxy has verified.
    Token(VerifiedToken),
    /// What looks like a token, and was verified by nobody. It is no key for an auth service.
    UnverifiedToken,
    /// The name of a client certificate that the proxy has verified; `None` where it cannot be read.
    Certificate(Option<String>),
    /// The host does not say.
    HostFailed,
}

/// Reads what a request presents. A verified token counts whether the request still shows it or not; a key beside it is
/// ambiguous unless it is that token. A certificate counts where there is neither.
///
/// # Errors
/// Why the request is refused.
pub(super) fn presented<'a>(
    rules: &Rules,
    head: &RequestHead<'a>,
    query: Option<&'a str>,
) -> Result<Presented<'a>, Reason> {
    let kinds = &rules.config().credentials;
    let tokens = rules.tokens();
    let longest = tokens.map_or(MAX_KEY_BYTES, |_| LONGEST_TOKEN);
    let key = match credential::extract_up_to(longest, head, query, kinds) {
        Ok(key) => Some(key),
        Err(CredentialError::Missing) => None,
        Err(CredentialError::Malformed) => return Err(Reason::CredentialMalformed),
        Err(CredentialError::Ambiguous) => return Err(Reason::CredentialAmbiguous),
    };
    if let Some(tokens) = tokens {
        match tokens.find(head) {
            Err(Unclear::Several) => return Err(Reason::CredentialAmbiguous),
            Err(Unclear::HostFailed) => return Ok(Presented::HostFailed),
            Ok(Some(token)) => return beside(tokens, token, key.as_ref(), head),
            Ok(None) => {}
        }
    }
    match key {
        Some(key) => of_key(rules, key),
        None => of_certificate(rules, head),
    }
}

fn beside<'a>(
    tokens: &Tokens,
    token: VerifiedToken,
    key: Option<&ApiKey<'_>>,
    head: &RequestHead<'_>,
) -> Result<Presented<'a>, Reason> {
    match key {
        Some(key) if !tokens.is_shown(&token, key, head) => Err(Reason::CredentialAmbiguous),
        _ => Ok(Presented::Token(token)),
    }
}

fn of_key<'a>(rules: &Rules, key: ApiKey<'a>) -> Result<Presented<'a>, Reason> {
    let is_listed = || rules.keys().find(&key).is_some();
    if rules.tokens().is_some() && looks_like_token(key.expose()) && !is_listed() {
        return Ok(Presented::UnverifiedToken);
    }
    let pattern = rules.config().key_pattern.as_ref();
    let is_usable = pattern.is_none_or(|it| it.matches(key.expose())) || is_listed();
    if is_usable && key.length() <= MAX_KEY_BYTES {
        Ok(Presented::Key(key))
    } else {
        Err(Reason::CredentialMalformed)
    }
}

fn of_certificate<'a>(rules: &Rules, head: &RequestHead<'_>) -> Result<Presented<'a>, Reason> {
    let shown = rules.certificates().map(|it| it.shown(head));
    match shown.unwrap_or(Shown::Nothing) {
        Shown::Nothing => Err(Reason::CredentialMissing),
        Shown::Name(name) => Ok(Presented::Certificate(Some(name))),
        Shown::Unreadable => Ok(Presented::Certificate(None)),
        Shown::HostFailed => Ok(Presented::HostFailed),
    }
}
