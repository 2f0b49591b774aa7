//! Whether an introspected token is an access token that anybody who bears it may use.
//!
//! The hint of the request binds no server (RFC 7662 section 2.1): some answer `active` for refresh tokens too, which are
//! never meant for a resource server (RFC 6749 section 1.5). A token that is bound to a key of its holder must be
//! refused without the proof of it (RFC 9449 section 7.1, RFC 8705 section 3), and the proof is not seen here.

use super::failure::ContractError;
use super::parsed::{found, unreadable};
use crate::json::{Document, Found};
use crate::pointer::Pointer;

/// What a field may say.
enum Says {
    /// Only one of these words.
    Only(&'static [&'static str]),
    /// No text that holds one of these words.
    Never(&'static [&'static str]),
    /// Nothing at all.
    Nothing,
}

const FIELDS: &[(&str, Says)] = &[
    // Ory Hydra, Amazon Cognito.
    ("/token_use", Says::Only(&["access_token", "access"])),
    // Keycloak: Bearer, Refresh, Offline, ID, DPoP.
    ("/typ", Says::Never(OTHER_KINDS)),
    // RFC 6749 section 7.1.
    ("/token_type", Says::Never(OTHER_KINDS)),
    // RFC 7800.
    ("/cnf", Says::Nothing),
];

const OTHER_KINDS: &[&str] = &[
    "refresh", "offline", "id", "id_token", "dpop", "pop", "mac", "n_a",
];

/// The first field that says that it is something else; absent and null say nothing.
pub(super) fn other_kind(document: &Document<'_>) -> Result<Option<&'static str>, ContractError> {
    for (field, says) in FIELDS {
        let Some(pointer) = Pointer::parse(field) else {
            continue;
        };
        let Some(found) = found(document, &pointer)?.filter(|it| !it.is_null()) else {
            continue;
        };
        let is_other = match says {
            Says::Nothing => true,
            Says::Only(words) => !words.contains(&word(&found, &pointer)?.as_str()),
            Says::Never(words) => {
                let said = word(&found, &pointer)?;
                words
                    .iter()
                    .any(|word| said == *word || said == format!("{word}_token"))
            }
        };
        if is_other {
            return Ok(Some(field.trim_start_matches('/')));
        }
    }
    Ok(None)
}

fn word(found: &Found<'_, '_>, pointer: &Pointer) -> Result<String, ContractError> {
    let text = found.read::<String>();
    let text = text.map_err(|_| unreadable(pointer, "expected text"))?;
    Ok(text.to_ascii_lowercase())
}
