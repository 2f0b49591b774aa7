//! Who the caller of a request is said to be, and by which source of identity.

use clap::ValueEnum;
use mlflow_authz::config::KeyHash;
use mlflow_authz::lookup::Lookup;
use mlflow_authz::rules::Rules;
use mlflow_authz::surface::{self, Presented, Surface};
use mlflow_authz::token::GivenFacts;
use mlflow_authz::{Config, RequestHead, decide};
use serde::{Deserialize, Serialize};

use crate::listed_key::{self, KeyName, NoEntry};

/// Who says who the caller is: the fields of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An entry of the configuration's keys
    Keys,
    /// The claims of a verified token
    Jwt,
    /// The name of a verified client certificate
    Mtls,
    /// The auth service
    #[value(name = "auth_service")]
    AuthService,
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    /// Nothing is said: who it is follows from the credential.
    Unsaid,
    /// Whom the auth service speaks of.
    Service(Claims),
    /// Whose key the configuration lists.
    Key(KeyName),
    /// Whose verified token has these claims, a JSON object.
    Token(Vec<u8>),
    /// Whose verified certificate has this name.
    Certificate(String),
}

/// What the auth service would say of the caller: the body of its reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The key's scopes.
    pub scopes: Vec<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Whether everything is granted.
    pub is_admin: bool,
    /// Scopes that are limited to names or workspaces.
    pub grants: Vec<Grant>,
    /// The workspaces that the key belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<Vec<String>>,
    /// The workspace of requests that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The key's public name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// What is said of a caller, `None` where nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub scopes: Option<Vec<String>>,
    pub roles: Option<Vec<String>>,
    pub is_admin: Option<bool>,
    pub grants: Option<Vec<Grant>>,
    pub workspaces: Option<Vec<String>>,
    pub pinned_workspace: Option<String>,
    pub key_id: Option<String>,
    pub user_id: Option<String>,
    pub identity: Option<Identity>,
    pub sha256: Option<String>,
    pub claims: Option<Vec<u8>>,
    pub certificate: Option<String>,
}

/// A scope, and the patterns of names and workspaces that it is limited to, at least one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workspaces: Option<Vec<String>>,
}

impl Grant {
    const fn has_limit(&self) -> bool {
        self.names.is_some() || self.workspaces.is_some()
    }
}

impl Caller {
    /// Reads what is said.
    ///
    /// # Errors
    ///
    /// What does not go together.
    pub fn given(said: Said) -> Result<Self, String> {
        if said == Said::default() {
            return Ok(Self::Unsaid);
        }
        let Said {
            scopes,
            roles,
            is_admin,
            grants,
            workspaces,
            pinned_workspace,
            key_id,
            user_id,
            identity,
            sha256,
            claims,
            certificate,
        } = said;
        // As in a reply, which is refused.
        if grants.iter().flatten().any(|grant| !grant.has_limit()) {
            return Err(
                "a grant needs names, workspaces or both; write a scope without these limits in scopes"
                    .to_owned(),
            );
        }
        let says_rights = scopes.is_some()
            || roles.is_some()
            || is_admin.is_some()
            || grants.is_some()
            || workspaces.is_some()
            || pinned_workspace.is_some()
            || user_id.is_some();
        let identity = identity.unwrap_or(Identity::AuthService);
        match (identity, key_id, sha256, claims, certificate) {
            (Identity::AuthService, key_id, None, None, None) => Ok(Self::Service(Claims {
                scopes: scopes.unwrap_or_default(),
                roles: roles.unwrap_or_default(),
                is_admin: is_admin.unwrap_or_default(),
                grants: grants.unwrap_or_default(),
                workspaces,
                workspace: pinned_workspace,
                key_id,
                user_id,
            })),
            (Identity::AuthService, ..) => Err(
                "sha256, claims and certificate need the identity keys, jwt and mtls: give that identity as well".to_owned(),
            ),
            (Identity::Keys, Some(key_id), None, None, None) if !says_rights => {
                Ok(Self::Key(KeyName::KeyId(key_id)))
            }
            (Identity::Keys, None, Some(sha256), None, None) if !says_rights => {
                let sha256 = KeyHash::parse(&sha256);
                let sha256 = sha256.ok_or("sha256 must be 64 hexadecimal digits, as mlflow-authz key digest prints them")?;
                Ok(Self::Key(KeyName::Sha256(sha256)))
            }
            (Identity::Keys, ..) => Err(
                "identity keys needs key_id or sha256, and nothing else about the caller: the configuration says what it may do"
                    .to_owned(),
            ),
            (Identity::Jwt, None, None, Some(claims), None) if !says_rights => Ok(Self::Token(claims)),
            (Identity::Jwt, ..) => {
                Err("identity jwt needs claims, and nothing else about the caller: they say what it may do".to_owned())
            }
            (Identity::Mtls, None, None, None, Some(name)) if !says_rights => Ok(Self::Certificate(name)),
            (Identity::Mtls, ..) => Err(
                "identity mtls needs certificate, and nothing else about the caller: the configuration says what it may do".to_owned(),
            ),
        }
    }

    /// Whether a key is to be added where the request brings none.
    pub const fn has_key(&self) -> bool {
        matches!(self, Self::Service(_) | Self::Key(_))
    }

    /// What the proxy would know of the caller beside the headers.
    ///
    /// # Errors
    ///
    /// A source that is not configured, claims that are none.
    pub fn facts<'a>(&'a self, config: &'a Config) -> Result<GivenFacts<'a>, String> {
        let facts = GivenFacts::default();
        match self {
            Self::Service(_) if config.auth_service.is_none() => Err(no_service(config)),
            Self::Unsaid | Self::Service(_) | Self::Key(_) => Ok(facts),
            Self::Token(claims) => {
                let keys = config.jwt.iter().flat_map(|jwt| &jwt.metadata_key);
                let key = keys.map(String::as_str).next();
                let key =
                    key.ok_or("the configuration has no jwt, so the filter reads no token")?;
                facts
                    .with_claims(key, claims)
                    .map_err(|problem| format!("claims: {problem}"))
            }
            Self::Certificate(name) => {
                let mtls = config.mtls.as_ref();
                let mtls = mtls
                    .ok_or("the configuration has no mtls, so the filter reads no certificate")?;
                Ok(facts.with_certificate(mtls.by, name))
            }
        }
    }

    /// What the filter finds out about the caller of a request with this head.
    ///
    /// # Errors
    ///
    /// A caller that the configuration does not know.
    pub fn look_up(&self, rules: &Rules, head: &RequestHead<'_>) -> Result<Lookup, String> {
        if let Self::Key(name) = self {
            return name
                .look_up(rules.keys())
                .map_err(|why| no_entry(name, why));
        }
        let nobody = Claims::default();
        let claims = match self {
            Self::Service(claims) => claims,
            _ => &nobody,
        };
        let Surface::Pending(_, presented) = surface::read(rules, head, &mut Vec::new()) else {
            return Ok(said_by_service(claims));
        };
        let is_unlisted =
            matches!(&presented, Presented::Key(key) if rules.keys().find(key).is_none());
        if is_unlisted && matches!(self, Self::Service(_)) {
            return Ok(said_by_service(claims));
        }
        let here = decide::caller_here(rules, head, &presented, listed_key::now());
        Ok(here.unwrap_or_else(|| said_by_service(claims)))
    }
}

fn said_by_service(claims: &Claims) -> Lookup {
    decide::caller(&serde_json::to_vec(claims).unwrap_or_default())
}

/// Nobody has what an auth service would say where there is none.
fn no_service(config: &Config) -> String {
    let sources = [
        (
            !config.keys.is_empty(),
            "identity keys with key_id or sha256",
        ),
        (config.jwt.is_some(), "identity jwt with claims"),
        (config.mtls.is_some(), "identity mtls with certificate"),
    ];
    let sources = sources.iter().filter(|(is_configured, _)| *is_configured);
    let sources: Vec<&str> = sources.map(|(_, source)| *source).collect();
    format!(
        "the configuration has no auth_service, which alone gives callers scopes, roles and ids that are said of them here: \
         name the caller by {}",
        sources.join(", or ")
    )
}

fn no_entry(name: &KeyName, why: NoEntry) -> String {
    let name = match name {
        KeyName::KeyId(key_id) => format!("key_id {key_id:?}"),
        KeyName::Sha256(_) => "this sha256".to_owned(),
    };
    match why {
        NoEntry::Missing => format!("the configuration's keys have no entry with {name}"),
        NoEntry::Several => {
            format!(
                "the configuration's keys have several entries with {name}, and different rights: give sha256"
            )
        }
    }
}
