//! Who the caller of a request is said to be, and by which source of identity.

use clap::ValueEnum;
use mlflow_authz::config::KeyHash;
use mlflow_authz::decide;
use mlflow_authz::lookup::{Lookup, LookupFailure};
use mlflow_authz::principal::Refusal;
use mlflow_authz::rules::Rules;
use serde::{Deserialize, Serialize};

use crate::listed_key::{KeyName, NoEntry};

/// Who says who the caller is: the fields of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An entry of the configuration's keys
    Keys,
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
    /// Scopes that are limited to names.
    pub grants: Vec<Grant>,
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
    pub key_id: Option<String>,
    pub user_id: Option<String>,
    pub identity: Option<Identity>,
    pub sha256: Option<String>,
}

/// A scope and the patterns of names that it is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    scope: String,
    names: Vec<String>,
}

/// Why something said of a caller does not go together.
const OF_THE_CONFIGURATION: &str = "with identity keys the configuration says who the caller is and what it may do: give key_id or sha256 alone";

impl Caller {
    /// Reads what is said.
    ///
    /// # Errors
    ///
    /// What does not go together.
    pub fn given(said: Said) -> Result<Self, String> {
        let key_name = match &said.sha256 {
            None => None,
            Some(text) => Some(KeyName::Sha256(
                KeyHash::parse(text).ok_or("sha256: it is no digest of 64 hexadecimal digits")?,
            )),
        };
        match said.identity {
            Some(Identity::Keys) => {
                let rest = Said {
                    key_id: None,
                    identity: None,
                    sha256: None,
                    ..said.clone()
                };
                let named = key_name.xor(said.key_id.map(KeyName::KeyId));
                let named = named.filter(|_| rest == Said::default());
                named
                    .map(Self::Key)
                    .ok_or_else(|| OF_THE_CONFIGURATION.to_owned())
            }
            _ if key_name.is_some() => Err(
                "sha256 names a key of the configuration: give it with identity keys".to_owned(),
            ),
            None if said == Said::default() => Ok(Self::Unsaid),
            None | Some(Identity::AuthService) => Ok(Self::Service(Claims {
                scopes: said.scopes.unwrap_or_default(),
                roles: said.roles.unwrap_or_default(),
                is_admin: said.is_admin.unwrap_or_default(),
                grants: said.grants.unwrap_or_default(),
                key_id: said.key_id,
                user_id: said.user_id,
            })),
        }
    }

    /// What the filter finds out about the caller, whose credential it takes for one of the source that is said.
    ///
    /// # Errors
    ///
    /// A caller that the configuration does not know.
    pub fn look_up(&self, rules: &Rules) -> Result<Lookup, String> {
        match self {
            // Of a key that no auth service can be asked about.
            Self::Unsaid if rules.config().auth_service.is_none() => {
                Ok(Err(LookupFailure::Refused(Refusal::Invalid)))
            }
            Self::Unsaid => Ok(said_by_service(&Claims::default())),
            Self::Service(claims) => Ok(said_by_service(claims)),
            Self::Key(name) => name
                .look_up(rules.keys())
                .map_err(|why| no_entry(name, why)),
        }
    }
}

fn said_by_service(claims: &Claims) -> Lookup {
    decide::caller(&serde_json::to_vec(claims).unwrap_or_default())
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
