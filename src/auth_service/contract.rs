//! What the configured service replies: the protocol, and where in the reply things stand.

use super::lifetime::Lifetime;
use crate::config::{Audience, AuthService, Places, Protocol};
use crate::pointer::Pointers;
use crate::workspace::{self, LimitPlaces, Pair};

/// How replies are read. The default is the protocol `keys` as docs/auth-service.md describes it.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    pub(super) protocol: Protocol,
    /// Where things stand, unless it is the default.
    pub(super) places: Option<Resolved>,
    /// Whom a token must be meant for.
    pub(super) audience: Option<Box<str>>,
}

/// The places of a reply, defaults filled in.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) valid: Pointers,
    pub(super) user_id: Pointers,
    pub(super) key_id: Pointers,
    pub(super) scopes: Pointers,
    /// Whether one text may hold them all (RFC 6749 section 3.3).
    pub(super) scopes_may_be_text: bool,
    pub(super) grants: Pointers,
    pub(super) roles: Pointers,
    pub(super) is_admin: Pointers,
    pub(super) expires_at: Pointers,
    pub(super) limit: LimitPlaces,
}

/// Where things stand that the configuration names no place for.
struct Defaults {
    user_id: &'static [&'static str],
    key_id: &'static [&'static str],
    scopes: &'static [&'static str],
    limits: &'static [Pair<&'static str>],
}

const OF_KEYS: Defaults = Defaults {
    user_id: &["/user_id", "/user/id"],
    key_id: &["/key_id"],
    scopes: &["/scopes"],
    limits: &[workspace::USUAL, ["/user/workspaces", "/user/workspace"]],
};

/// RFC 7662 section 2.2.
const OF_INTROSPECTION: Defaults = Defaults {
    user_id: &["/sub", "/username"],
    key_id: &["/client_id", "/sub"],
    scopes: &["/scope"],
    limits: &[workspace::USUAL],
};

impl Contract {
    /// That of a configured service.
    pub fn new(service: &AuthService) -> Self {
        let places = match (service.protocol, &service.reply) {
            (Protocol::Keys, None) => None,
            (Protocol::Keys, Some(places)) => Some(Resolved::new(places, &OF_KEYS)),
            (Protocol::Introspection, places) => {
                let places = places.clone().unwrap_or_default();
                Some(Resolved {
                    scopes_may_be_text: true,
                    ..Resolved::new(&places, &OF_INTROSPECTION)
                })
            }
        };
        Self {
            protocol: service.protocol,
            places,
            audience: match &service.audience {
                Audience::Is(audience) => Some(audience.clone()),
                Audience::Absent | Audience::CheckedByEndpoint => None,
            },
        }
    }
}

impl Contract {
    /// What a reply's headers say of its lifetime, as far as it counts. OAuth servers send `no-store` with everything (RFC 6749
    /// section 5.1; frameworks add `max-age=0`), and whether an introspection is cached is for the resource server to choose
    /// (RFC 7662 section 4): `cache.ttl` does.
    pub(super) fn of_protocol(&self, lifetime: Lifetime) -> Lifetime {
        let max_age = lifetime.max_age;
        let max_age = match self.protocol {
            Protocol::Keys => max_age,
            Protocol::Introspection => max_age.filter(|age| !age.is_zero()),
        };
        Lifetime {
            max_age,
            ..lifetime
        }
    }
}

impl Resolved {
    /// What grants rights beyond scopes has no default: a service of another shape may mean something else by the name.
    /// What takes rights away has one.
    fn new(places: &Places, defaults: &Defaults) -> Self {
        let or = |place: &Option<Pointers>, default: &[&'static str]| {
            place
                .clone()
                .unwrap_or_else(|| default.iter().copied().collect())
        };
        Self {
            valid: or(&places.valid, &[]),
            user_id: or(&places.user_id, defaults.user_id),
            key_id: or(&places.key_id, defaults.key_id),
            scopes: or(&places.scopes, defaults.scopes),
            scopes_may_be_text: places.scopes.is_some(),
            grants: or(&places.grants, &[]),
            roles: or(&places.roles, &[]),
            is_admin: or(&places.is_admin, &[]),
            expires_at: or(&places.expires_at, &[]),
            limit: LimitPlaces::new(
                [places.workspaces.as_ref(), places.workspace.as_ref()],
                defaults.limits,
            ),
        }
    }
}
