//! Access tokens that a filter before this one has verified: whose claims a request has, and whom they make the caller.
//!
//! Envoy's `jwt_authn` leaves the claims of a verified token where no client can write. They are read from there, claim by
//! claim, and only those that are needed. It knows no clock but what it is told, and no cache: claims are read at every
//! request.
//!
//! | module | what it knows |
//! |---|---|
//! | `claims` | one claim after another, where the configuration says that it stands |
//! | `value` | the types of claims in the host's encoding |
//! | `visible` | tokens that the request still shows |
//! | `given` | the host's part from data |

mod claims;
mod given;
mod value;
mod visible;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::config::Jwt;
use crate::credential::ApiKey;
use crate::pointer::{Pointer, Pointers};
use crate::principal::{Grant, Principal, Timestamp};
use crate::request::{Property, RequestHead};
use crate::token_kind;
use crate::workspace::{self, LimitPlaces, Stated};
use claims::{Claims, below};

pub use given::GivenFacts;
pub use visible::looks_like_token;

/// Where the host has the claims of verified tokens, by the key that `jwt_authn` is given for them.
const CLAIMS: &str = "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0";

/// The claim that says when a token ends (RFC 7519 section 4.1.4).
const END: &str = "exp";

/// Between the names of a property's path.
const SEPARATOR: char = '\0';

/// The most scopes, and the most roles, of one token.
const MAX_NAMES: usize = 1000;

/// How verified tokens are read.
#[derive(Debug)]
pub struct Tokens {
    places: Jwt,
    limit: LimitPlaces,
    /// The path to the claims, for each key that they may stand under.
    claims: Vec<Box<str>>,
}

/// The verified token of a request.
#[derive(Debug)]
pub struct VerifiedToken {
    /// Under which of the keys its claims stand.
    key: usize,
    /// Its `exp`, which tells that there are claims.
    end: Property,
}

/// Why it cannot be said which verified token a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// There are two.
    Several,
    /// The host failed.
    HostFailed,
}

/// Whom a token makes the caller.
#[derive(Debug)]
pub struct TokenCaller {
    /// The caller.
    pub principal: Principal,
    /// What an operator should know of the token.
    pub remark: Option<Remark>,
}

/// Why a verified token is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// Its `exp` has passed.
    Expired,
    /// This claim says who the caller is, or how long, and cannot be read.
    Unreadable(Box<str>),
    /// This claim says that it is no access token, or not one for whoever bears it.
    OtherKind(&'static str),
    /// This claim has too many names.
    TooMany(&'static str),
    /// The host failed.
    HostFailed,
}

/// What an operator should know of a token that is valid. Nothing of its claims' values is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// This claim is of no type that it can have, so it grants nothing.
    NoRights(Pointer),
    /// There is none of the claims that can grant anything.
    NoScopes(Pointers),
    /// There is none of the claims that name workspaces, and the caller may not do everything.
    NoWorkspaces,
}

impl Tokens {
    /// By a configuration. Claims that it does not name are read only where there are workspaces: elsewhere they mean
    /// something else, and each costs a host call.
    pub fn new(jwt: &Jwt, has_workspaces: bool) -> Self {
        let usual: &[_] = if has_workspaces {
            &[workspace::USUAL]
        } else {
            &[]
        };
        let keys = jwt.metadata_key.iter();
        Self {
            places: jwt.clone(),
            limit: LimitPlaces::new([jwt.workspaces.as_ref(), jwt.workspace.as_ref()], usual),
            claims: keys.map(|key| format!("{CLAIMS}{key}").into()).collect(),
        }
    }

    /// The verified token of a request, if it has one.
    ///
    /// # Errors
    /// Claims under two keys are two tokens.
    pub fn find(&self, head: &RequestHead<'_>) -> Result<Option<VerifiedToken>, Unclear> {
        let mut found = None;
        for (key, path) in self.claims.iter().enumerate() {
            let end = head.property(&below(path, [END]));
            // A token need not end.
            let shows = match end {
                Property::Absent => head.property(path),
                _ => end.clone(),
            };
            let is_there = match shows {
                Property::Failed => return Err(Unclear::HostFailed),
                Property::Absent => false,
                Property::Unreadable | Property::Is(_) => true,
            };
            if is_there && found.replace(VerifiedToken { key, end }).is_some() {
                return Err(Unclear::Several);
            }
        }
        Ok(found)
    }

    /// Whether a key is the very token whose claims the request has.
    pub fn is_shown(
        &self,
        token: &VerifiedToken,
        key: &ApiKey<'_>,
        head: &RequestHead<'_>,
    ) -> bool {
        let path = self.path(token);
        visible::is_token_of(key.expose(), |name| head.property(&below(path, [name])))
    }

    /// Whom the token makes the caller.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn caller(
        &self,
        token: &VerifiedToken,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> Result<TokenCaller, TokenError> {
        if Self::end_of(token)?.is_some_and(|end| end <= now) {
            return Err(TokenError::Expired);
        }
        let mut claims = Claims::new(head, self.path(token));
        if let Some(claim) = token_kind::other_kind(&claims)? {
            return Err(TokenError::OtherKind(claim));
        }
        let places = &self.places;
        let user_id = claims.id(&places.user_id)?;
        let key_id = if places.key_id == places.user_id {
            user_id.clone()
        } else {
            claims.id(&places.key_id)?
        };
        let scopes = claims.first(&places.scopes, value::words)?;
        let roles = claims.first(&places.roles, value::texts)?;
        let grants = claims.first(&places.grants, value::grants)?;
        let is_admin = claims.first(&places.is_admin, value::flag)?;
        let Stated {
            said: (workspaces, workspace),
            is_missing: misses_workspaces,
        } = (self.limit).read(is_admin == Some(true), |[workspaces, workspace]| {
            let text = |bytes: &[u8]| value::text(bytes).map(str::to_owned);
            Ok((
                claims.limit(workspaces, value::texts)?,
                claims.limit(workspace, text)?,
            ))
        })?;
        let remark = claims.remark;
        let is_missing = [&scopes, &roles].iter().all(|it| it.is_none())
            && grants.is_none()
            && is_admin.is_none();
        let principal = Principal {
            user_id,
            key_id,
            scopes: scopes.unwrap_or_default(),
            roles: roles.unwrap_or_default(),
            is_admin: is_admin.unwrap_or_default(),
            grants: grants.unwrap_or_default(),
            has_foreign_words: true,
            ..Principal::default()
        };
        let principal = principal.within(workspaces, workspace);
        bounded(&principal)?;
        let no_scopes = || is_missing.then(|| Remark::NoScopes(places.scopes.clone()));
        let no_workspaces = || misses_workspaces.then_some(Remark::NoWorkspaces);
        Ok(TokenCaller {
            principal,
            remark: remark.or_else(no_scopes).or_else(no_workspaces),
        })
    }

    /// When the token ends. One without `exp` does not: whether there may be such tokens is for `jwt_authn` to say.
    fn end_of(token: &VerifiedToken) -> Result<Option<Timestamp>, TokenError> {
        let end = match &token.end {
            Property::Absent => return Ok(None),
            Property::Failed => return Err(TokenError::HostFailed),
            Property::Unreadable => None,
            Property::Is(bytes) => value::time(bytes),
        };
        let unreadable = || TokenError::Unreadable(format!("/{END}").into());
        end.map(Some).ok_or_else(unreadable)
    }

    fn path(&self, token: &VerifiedToken) -> &str {
        self.claims
            .get(token.key)
            .map(AsRef::as_ref)
            .unwrap_or_default()
    }
}

fn bounded(principal: &Principal) -> Result<(), TokenError> {
    let granted = principal.grants.iter().map(Grant::size);
    for (claim, names) in [
        ("scopes", principal.scopes.len()),
        ("roles", principal.roles.len()),
        ("grants", granted.sum()),
        (
            "workspaces",
            principal.workspaces.as_ref().map_or(0, Vec::len),
        ),
    ] {
        if names > MAX_NAMES {
            return Err(TokenError::TooMany(claim));
        }
    }
    Ok(())
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the token has expired"),
            Self::Unreadable(claim) if **claim == *"/exp" => f.write_str(
                "a verified token is refused: its claim /exp is not a number of seconds since 1970; have the issuer write exp as one",
            ),
            Self::Unreadable(claim) => write!(
                f,
                "a verified token is refused: its claim {claim} is neither a string without control characters nor \
                 a whole number; write another claim in jwt.user_id and jwt.key_id"
            ),
            Self::OtherKind(claim) => write!(
                f,
                "a verified token is refused: by its claim {claim} it is a refresh or ID token, or bound to a key that its \
                 holder has to prove; send access tokens, and have the issuer bind none"
            ),
            Self::TooMany(claims) => write!(
                f,
                "a verified token is refused: it has more than {MAX_NAMES} {claims}; have the issuer leave out those that \
                 are not for MLflow"
            ),
            Self::HostFailed => f.write_str("the proxy failed to return a claim"),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRights(claim) => write!(
                f,
                "the claim {claim} of a verified token has an unexpected type, so it grants nothing; scopes must be a string \
                 or a list of strings, roles and workspaces a list of strings, workspace a string, is_admin true or false"
            ),
            Self::NoScopes(places) => {
                f.write_str("a verified token has none of the claims that grant something; write the claim with its scopes in jwt.scopes (now: ")?;
                for (index, place) in places.iter().enumerate() {
                    write!(f, "{}{place}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::NoWorkspaces => f.write_str(
                "a verified token has none of the claims of jwt.workspaces and jwt.workspace, so it has no rights in any \
                 workspace; have the issuer write one, or write the claim's place there",
            ),
        }
    }
}
