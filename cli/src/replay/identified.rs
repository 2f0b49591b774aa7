//! Who a recorded caller is under a configuration: whom the record names, or what the configuration itself says of it.

use std::sync::Arc;

use mlflow_authz::decide;
use mlflow_authz::lookup::{Known, Lookup, LookupFailure};
use mlflow_authz::principal::{IdentitySource, Refusal};
use mlflow_authz::rules::Rules;
use serde::Serialize;
use serde_json::value::RawValue;

use super::outcome::Why;
use super::record::Who;
use crate::listed_key::KeyName;

/// Who the caller is.
///
/// # Errors
///
/// Why a record does not tell it.
pub fn caller(rules: &Rules, who: &Who<'_>) -> Result<Lookup, Why> {
    const KEYS: &str = IdentitySource::Keys.as_str();
    const JWT: &str = IdentitySource::Jwt.as_str();
    const MTLS: &str = IdentitySource::Mtls.as_str();
    const AUTH_SERVICE: &str = IdentitySource::AuthService.as_str();
    let identity = who.identity.as_ref().map(|identity| &*identity.0);
    match identity {
        // Records of older releases, which had no other source.
        None | Some(AUTH_SERVICE) if rules.config().auth_service.is_some() => {
            Ok(decide::caller(&said_of(who)))
        }
        // What such a key may do is the configuration's to say, and not the record's.
        Some(KEYS) => {
            let key_id = who.key_id.as_ref().ok_or(Why::KeyNotListed)?;
            let name = KeyName::KeyId(key_id.0.clone().into_owned());
            name.look_up(rules.keys()).map_err(|_| Why::KeyNotListed)
        }
        // Its claims are not recorded, but what they said is; its words are an authorization server's.
        Some(JWT) if rules.config().jwt.is_some() => {
            let said = decide::caller(&said_of(who));
            Ok(said.map(|known| {
                let mut principal = Arc::unwrap_or_clone(known.principal);
                principal.has_foreign_words = true;
                Known::fresh(principal.into(), IdentitySource::Jwt)
            }))
        }
        // As with keys; the name of the certificate is both ids.
        Some(MTLS) => {
            let certificates = rules.certificates().ok_or(Why::IdentityNotConfigured)?;
            let name = who.key_id.as_ref().ok_or(Why::CallerImpossible)?;
            let principal = certificates.caller(&name.0);
            let known = principal.map(|it| Known::fresh(it.into(), IdentitySource::Mtls));
            Ok(known.ok_or(LookupFailure::Refused(Refusal::Invalid)))
        }
        None | Some(_) => Err(Why::IdentityNotConfigured),
    }
}

/// The auth service's answer about a recorded caller.
fn said_of(who: &Who<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Said<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key_id: Option<&'a str>,
        scopes: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        roles: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        grants: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        workspaces: Option<&'a RawValue>,
        is_admin: bool,
    }
    let raw = |text| serde_json::from_str(text).ok();
    let said = Said {
        user_id: who.user_id.as_ref().map(|id| &*id.0),
        key_id: who.key_id.as_ref().map(|id| &*id.0),
        scopes: raw(who.scopes.unwrap_or("[]")),
        roles: who.roles.and_then(raw),
        grants: who.grants.and_then(raw),
        workspaces: who.workspaces.and_then(raw),
        is_admin: who.admin,
    };
    serde_json::to_vec(&said).unwrap_or_default()
}
