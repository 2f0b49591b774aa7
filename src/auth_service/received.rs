//! The names of a reply's fields, for an operator whose service does not send what the filter reads. Owns which names
//! may be shown; it knows no value.

use std::fmt;

/// The most names that are shown.
const MAX_SHOWN: usize = 10;

/// The longest name that is shown, in bytes. Each part of a shown name is compared with the key.
const MAX_NAME_BYTES: usize = 32;

/// Field names that may be shown, and how many more there are. Whatever is no plain name is only counted, and no name is
/// shown before it was compared with the key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Received {
    names: Vec<String>,
    more: usize,
    is_compared: bool,
}

impl Received {
    pub(super) fn of(fields: Vec<String>) -> Self {
        let total = fields.len();
        let mut names: Vec<String> = fields.into_iter().filter(|name| is_plain(name)).collect();
        names.truncate(MAX_SHOWN);
        Self {
            more: total.saturating_sub(names.len()),
            names,
            is_compared: false,
        }
    }

    /// Takes out every name that has the key in it: a service may echo it anywhere. What is left may be shown.
    pub(super) fn hide(&mut self, is_key: &impl Fn(&str) -> bool) {
        let before = self.names.len();
        self.names.retain(|name| !parts(name).any(is_key));
        self.more += before - self.names.len();
        self.is_compared = true;
    }
}

/// What an operator should know of a reply that is within the contract. It is no failure: the caller is refused by what the
/// reply says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// Nothing in it grants anything.
    NoScopes(Received),
    /// A token names no audience, and one is configured.
    NoAudience,
    /// A token is for another audience than the one that is configured.
    OtherAudience,
    /// This field says that a token is no access token for whoever bears it.
    OtherKind(&'static str),
    /// Nothing stands where the configuration has a place for workspaces, and the key may not do everything.
    NoWorkspaces,
}

impl Remark {
    /// How many kinds there are.
    pub(crate) const KINDS: usize = 5;

    /// Its kind, counted from 0: what is said of one must not silence another.
    pub(crate) const fn kind(&self) -> usize {
        match self {
            Self::NoScopes(_) => 0,
            Self::NoAudience => 1,
            Self::OtherKind(_) => 2,
            Self::OtherAudience => 3,
            Self::NoWorkspaces => 4,
        }
    }

    /// Takes out whatever has the key in it.
    pub(crate) fn hide(&mut self, is_key: impl Fn(&str) -> bool) {
        match self {
            Self::NoScopes(received) => received.hide(&is_key),
            Self::NoWorkspaces | Self::NoAudience | Self::OtherAudience | Self::OtherKind(_) => {}
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScopes(received) => write!(
                f,
                "the auth service accepted a key, but its reply has no scopes, so the key has no rights; check \
                 auth_service.path, and name the field that has the scopes in auth_service.reply; {received}"
            ),
            Self::NoWorkspaces => f.write_str(
                "the auth service accepted a key, but its reply has none of the fields of auth_service.reply.workspaces and \
                 auth_service.reply.workspace, so the key has no rights in any workspace; have the service write one, or write \
                 the field's place there",
            ),
            Self::NoAudience => f.write_str(
                "a token is refused because it has no aud; have the authorization server write one, or set \
                 auth_service.audience to null if the introspection endpoint checks it",
            ),
            Self::OtherAudience => f.write_str(
                "a token is refused because its aud does not have auth_service.audience; have the authorization server add \
                 it, if the token is meant for MLflow",
            ),
            Self::OtherKind(field) => write!(
                f,
                "a token is refused because of its {field}: it is a refresh token or an ID token, or it is bound to a key \
                 whose proof the filter cannot check; let callers send access tokens of type Bearer"
            ),
        }
    }
}

fn is_plain(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Every run of characters in a name.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    (0..name.len())
        .flat_map(move |from| (from + 1..=name.len()).filter_map(move |to| name.get(from..to)))
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, more) = if self.is_compared {
            (self.names.join(", "), self.more)
        } else {
            (String::new(), self.more + self.names.len())
        };
        match (names, more) {
            (names, 0) if names.is_empty() => f.write_str("the reply has no fields"),
            (names, 0) => write!(f, "the reply has: {names}"),
            (names, more) if names.is_empty() => {
                write!(f, "the reply has {more} fields whose names are not shown")
            }
            (names, more) => write!(f, "the reply has: {names} and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {

    use super::Received;

    fn shown(names: &[&str], key: &str) -> String {
        let mut received = Received::of(names.iter().map(|name| (*name).to_owned()).collect());
        received.hide(&|part: &str| part == key);
        received.to_string()
    }

    #[test]
    fn names_are_shown_as_far_as_they_are_plain_and_few() {
        let many: Vec<String> = (0..1000).map(|number| format!("f{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let long = "a".repeat(33);
        for (names, expected) in [
            (&[][..], "the reply has no fields"),
            (
                &["user_id", "permissions"],
                "the reply has: user_id, permissions",
            ),
            (
                &["user_id", "a\nb", "\u{202e}x", "", &long, "it is"],
                "the reply has: user_id and 5 more",
            ),
            (
                &["a b", "é"],
                "the reply has 2 fields whose names are not shown",
            ),
            (
                &many,
                "the reply has: f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and 990 more",
            ),
        ] {
            assert_eq!(shown(names, "hk_live_1"), expected);
        }
    }

    #[test]
    fn a_key_is_never_shown_wherever_it_stands() {
        for name in [
            "hk_live_1",
            "key.hk_live_1",
            "hk_live_1_error",
            "xhk_live_1x",
        ] {
            assert_eq!(
                shown(&["detail", name], "hk_live_1"),
                "the reply has: detail and 1 more",
                "{name}"
            );
        }
        assert_eq!(shown(&["hk_live_"], "hk_live_1"), "the reply has: hk_live_");
        let not_compared = Received::of(vec!["hk_live_1".to_owned()]);
        let expected = "the reply has 1 fields whose names are not shown";
        assert_eq!(
            format!("{not_compared}{not_compared:?}"),
            expected.repeat(2)
        );
    }
}
