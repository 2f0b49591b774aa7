//! Scopes and grants limited to names.

mod tables;

use super::{everywhere, permission, policy, with_scopes};
use crate::names::{Demand, Name, NameKind};

/// `acme-a`, `#7` for the id of an experiment, `acme-a@champion`, `*` for any object.
fn demand(permission_text: &str, name: &str) -> Demand {
    let (kind, text) = match name.strip_prefix('#') {
        Some(id) => (NameKind::ExperimentId, id),
        None => (NameKind::Name, name),
    };
    let (text, alias) = match text.split_once('@') {
        Some((text, alias)) => (text, Some(alias.to_owned())),
        None => (text, None),
    };
    Demand {
        permission: permission(permission_text),
        name: (name != "*").then(|| Name {
            text: text.to_owned(),
            kind,
            alias,
        }),
    }
}

/// Whether a key with one scope meets a demand.
fn met(scope: &str, permission: &str, name: &str) -> bool {
    everywhere(&policy(""), &with_scopes(&[scope])).meets(&demand(permission, name))
}

#[test]
fn a_pattern_limits_a_scope_to_names() {
    for (scope, permission, name, granted) in [
        (
            "model:write:acme-*",
            "registered_model:write",
            "acme-a",
            true,
        ),
        (
            "model:write:acme-*",
            "registered_model:write",
            "acme-",
            true,
        ),
        ("model:write:acme-*", "model_version:write", "acme-a", true),
        (
            "model:write:acme-*",
            "registered_model:read",
            "acme-a",
            true,
        ),
        ("model:write:acme-*", "experiment:write", "acme-a", true),
        (
            "model:write:acme-*",
            "registered_model:promote",
            "acme-a@x",
            true,
        ),
        (
            "model:write:acme-*",
            "registered_model:write",
            "globex-a",
            false,
        ),
        (
            "model:write:acme-*",
            "registered_model:write",
            "acme",
            false,
        ),
        (
            "model:write:acme-*",
            "registered_model:write",
            "xacme-a",
            false,
        ),
        (
            "model:write:acme-*",
            "registered_model:write",
            "ACME-a",
            false,
        ),
        (
            "model:write:acme-*",
            "registered_model:write",
            "Acme-a",
            false,
        ),
        (
            "model:write:acme-*",
            "registered_model:delete",
            "acme-a",
            false,
        ),
        ("model:write:acme-*", "user:admin", "acme-a", false),
        (
            "model:write:acme-?",
            "registered_model:write",
            "acme-a",
            true,
        ),
        (
            "model:write:acme-?",
            "registered_model:write",
            "acme-",
            false,
        ),
        (
            "model:write:acme-?",
            "registered_model:write",
            "acme-ab",
            false,
        ),
        (
            "model:write:a*-*b",
            "registered_model:write",
            "acme-x-b",
            true,
        ),
        ("model:write:acme", "registered_model:write", "acme", true),
        (
            "model:write:acme",
            "registered_model:write",
            "acme-a",
            false,
        ),
        ("model:write:*", "registered_model:write", "anything", true),
        ("model:write:a.me", "registered_model:write", "acme", false),
        (
            "model:write:[a]cme",
            "registered_model:write",
            "acme",
            false,
        ),
        ("model:write:acme/*", "experiment:write", "acme/exp", true),
        ("model:write:a:*", "experiment:write", "a:b", true),
        (
            "model:read:acme-*",
            "registered_model:write",
            "acme-a",
            false,
        ),
        // Somebody else's word: a scope without a colon is not limited.
        ("read:acme-*", "registered_model:read", "acme-a", false),
        ("admin:*", "registered_model:read", "acme-a", false),
        (
            "mlflow:admin:acme-*",
            "registered_model:delete",
            "acme-a",
            true,
        ),
    ] {
        assert_eq!(
            met(scope, permission, name),
            granted,
            "{scope} {permission} {name}"
        );
    }
}

#[test]
fn what_no_pattern_is_held_against_needs_the_wide_scope() {
    for scope in ["model:write:*", "model:write:7", "mlflow:admin:*"] {
        assert!(!met(scope, "artifact:read", "*"), "{scope}");
        assert!(!met(scope, "run:write", "*"), "{scope}");
    }
    assert!(met("model:write", "run:write", "*"));
}

/// `2*`, meant for names, is none of experiments 2 and 20.
#[test]
fn only_digits_or_a_star_alone_are_patterns_of_ids() {
    for (pattern, id, granted) in [
        ("7", "#7", true),
        ("7", "#77", false),
        ("77", "#7", false),
        ("*", "#7", true),
        ("7*", "#7", false),
        ("7?", "#77", false),
        ("?", "#7", false),
        ("**", "#7", false),
        ("*7", "#7", false),
        ("", "#7", false),
        ("acme-*", "#7", false),
        ("7@x", "#7", true),
        ("*@x", "#7", true),
        ("@x", "#7", false),
        // A pattern of digits is one of names, too.
        ("7", "7", true),
        ("7*", "77", true),
    ] {
        let scope = format!("model:write:{pattern}");
        assert_eq!(met(&scope, "experiment:write", id), granted, "{scope} {id}");
    }
}

#[test]
fn a_pattern_of_aliases_limits_promotion_only() {
    for (pattern, permission, name, granted) in [
        (
            "acme-*@champion",
            "registered_model:promote",
            "acme-a@champion",
            true,
        ),
        (
            "acme-*@champion",
            "registered_model:promote",
            "acme-a@Champion",
            false,
        ),
        (
            "acme-*@champion",
            "registered_model:promote",
            "acme-a@challenger",
            false,
        ),
        (
            "acme-*@champion",
            "registered_model:promote",
            "globex-a@champion",
            false,
        ),
        (
            "acme-*@c*",
            "registered_model:promote",
            "acme-a@challenger",
            true,
        ),
        (
            "acme-*@*",
            "registered_model:promote",
            "acme-a@challenger",
            true,
        ),
        (
            "acme-*@",
            "registered_model:promote",
            "acme-a@challenger",
            false,
        ),
        (
            "acme-*",
            "registered_model:promote",
            "acme-a@challenger",
            true,
        ),
        // A stage is no alias.
        ("acme-*@*", "model_version:promote", "acme-a", false),
        ("acme-*", "model_version:promote", "acme-a", true),
        ("acme-*@champion", "registered_model:write", "acme-a", true),
        ("acme-*@champion", "registered_model:read", "acme-a", true),
        (
            "acme-*@champion",
            "registered_model:write",
            "globex-a",
            false,
        ),
        // The last `@` counts: names may hold one.
        ("a@b@champion", "registered_model:write", "a", false),
    ] {
        let scope = format!("model:write:{pattern}");
        assert_eq!(
            met(&scope, permission, name),
            granted,
            "{scope} {permission} {name}"
        );
    }
    let version = Demand {
        name: Some(Name {
            text: "a@b".to_owned(),
            kind: NameKind::Name,
            alias: Some("champion".to_owned()),
        }),
        permission: permission("registered_model:promote"),
    };
    let table = policy("");
    assert!(everywhere(&table, &with_scopes(&["model:promote:a@b@champion"])).meets(&version));
    assert!(!everywhere(&table, &with_scopes(&["model:promote:a@b"])).meets(&version));
}
