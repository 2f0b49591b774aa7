//! Whether a token, by its claims or by what introspection says of it, is an access token that anybody who bears it may
//! use.
//!
//! Being active or well signed does not make it one. Refresh tokens are never meant for a resource server (RFC 6749
//! section 1.5), yet some servers introspect them as active; ID tokens are signed by the same issuer, sometimes for the
//! same audience. A token that is bound to a key of its holder must be refused without the proof of it (RFC 9449 section
//! 7.1, RFC 8705 section 3), and the proof is not seen here.

/// What a field may say.
enum Says {
    /// Only one of these words.
    Only(&'static [&'static str]),
    /// No text that is one of these words, with or without `_token` behind it.
    Never(&'static [&'static str]),
    /// Nothing at all.
    Nothing,
}

const FIELDS: &[(&str, Says)] = &[
    // Ory Hydra, Amazon Cognito.
    ("token_use", Says::Only(&["access_token", "access"])),
    // Keycloak: Bearer, Refresh, Offline, ID, DPoP.
    ("typ", Says::Never(OTHER_KINDS)),
    // RFC 6749 section 7.1.
    ("token_type", Says::Never(OTHER_KINDS)),
    // RFC 7800.
    ("cnf", Says::Nothing),
];

const OTHER_KINDS: &[&str] = &["refresh", "offline", "id", "dpop", "pop", "mac", "n_a"];

/// What is known of a token, by the names of its fields.
pub(crate) trait Fields {
    /// Why a field cannot be read.
    type Error;

    /// Whether the field has a value; null is none.
    fn has(&self, name: &'static str) -> Result<bool, Self::Error>;

    /// The field's text, if it has a value.
    fn text(&self, name: &'static str) -> Result<Option<String>, Self::Error>;
}

/// The first field that says that it is something else.
pub(crate) fn other_kind<F: Fields>(fields: &F) -> Result<Option<&'static str>, F::Error> {
    for (name, says) in FIELDS {
        let is_other = match says {
            Says::Nothing => fields.has(name)?,
            Says::Only(words) => word(fields, name)?.is_some_and(|said| !words.contains(&&*said)),
            Says::Never(words) => word(fields, name)?.is_some_and(|said| {
                let said = said.strip_suffix("_token").unwrap_or(&said);
                words.contains(&said)
            }),
        };
        if is_other {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn word<F: Fields>(fields: &F, name: &'static str) -> Result<Option<String>, F::Error> {
    let text = fields.text(name)?;
    Ok(text.map(|it| it.to_ascii_lowercase()))
}
