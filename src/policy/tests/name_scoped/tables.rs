//! Which scope a limited one is a part of, and how several add up.

use super::super::{demands, everywhere, permission, policy, with_scopes};
use super::{demand, met};
use crate::policy::NamePattern;
use crate::principal::{Grant, Principal};

fn with_grants(grants: &[(&str, &[&str])]) -> Principal {
    let grants = grants.iter().map(|(scope, names)| Grant {
        scope: (*scope).to_owned(),
        names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        workspaces: None,
    });
    Principal {
        grants: grants.collect(),
        ..Principal::default()
    }
}

#[test]
fn a_limited_scope_grants_nothing_by_itself() {
    for scope in [
        "model:write:acme-*",
        "model:write:*",
        "admin:*",
        "mlflow:admin:*",
        "model:write:",
        "a:b:c",
    ] {
        let table = policy("");
        let principal = with_scopes(&[scope]);
        for demand in demands() {
            assert!(!table.grants(&principal, demand), "{scope} {demand}");
        }
    }
}

#[test]
fn the_longest_known_scope_is_the_base() {
    let table = policy(
        r#", "scopes": {"model": ["registered_model:delete"], "team:model": ["registered_model:delete"], "model:write:eu": ["registered_model:read"],
             "team:exact:acme-*": ["registered_model:write"]}"#,
    );
    for (scope, permission, name, granted) in [
        (
            "team:model:acme-*",
            "registered_model:delete",
            "acme-a",
            true,
        ),
        ("model:acme-*", "registered_model:delete", "acme-a", false),
        (
            "model:write:acme-*",
            "registered_model:write",
            "acme-a",
            true,
        ),
        (
            "model:write:acme-*",
            "registered_model:delete",
            "acme-a",
            false,
        ),
        (
            "model:write:eu:acme-*",
            "registered_model:read",
            "acme-a",
            true,
        ),
        (
            "model:write:eu:acme-*",
            "registered_model:write",
            "acme-a",
            false,
        ),
        (
            "model:write:eu:acme-*",
            "registered_model:write",
            "eu:acme-a",
            false,
        ),
        // A name of the table as it stands is no pattern.
        ("model:write:eu", "registered_model:read", "globex", true),
        ("model:write:eu", "registered_model:write", "eu", false),
        (
            "team:exact:acme-*",
            "registered_model:write",
            "globex",
            true,
        ),
        (
            "team:exact:acme-*x",
            "registered_model:write",
            "acme-x",
            false,
        ),
    ] {
        let found = everywhere(&table, &with_scopes(&[scope])).meets(&demand(permission, name));
        assert_eq!(found, granted, "{scope} {permission} {name}");
    }
}

#[test]
fn grants_are_scopes_with_their_names_apart() {
    let table = policy("");
    let principal = with_grants(&[
        ("model:write", &["acme-*", "shared", "7"]),
        ("model:promote", &["acme-*@champion"]),
        ("model:write:globex-*", &["globex-*"]),
        ("unknown", &["*"]),
        ("model:delete", &[]),
        ("admin", &[""]),
    ]);
    for (permission, name, granted) in [
        ("registered_model:write", "acme-a", true),
        ("registered_model:write", "shared", true),
        ("experiment:write", "#7", true),
        ("registered_model:write", "globex-a", false),
        ("registered_model:write", "shared-x", false),
        ("registered_model:delete", "acme-a", false),
        ("user:admin", "acme-a", false),
    ] {
        let found = everywhere(&table, &principal).meets(&demand(permission, name));
        assert_eq!(found, granted, "{permission} {name}");
    }
    for demand in demands() {
        assert!(!table.grants(&principal, demand), "{demand}");
    }
}

#[test]
fn a_key_may_mix_wide_and_limited() {
    let table = policy("");
    let mut principal = with_grants(&[("model:delete", &["acme-old"])]);
    principal.scopes = ["model:write:acme-*", "tracking:write", "model:promote:beta"]
        .map(str::to_owned)
        .to_vec();
    for (permission, name, granted) in [
        ("registered_model:write", "acme-a", true),
        ("registered_model:write", "beta", false),
        ("registered_model:promote", "beta@x", true),
        ("registered_model:delete", "acme-old", true),
        ("registered_model:delete", "acme-a", false),
        // tracking:write is not limited.
        ("run:write", "*", true),
        ("experiment:write", "globex", true),
        ("experiment:write", "#8", true),
        ("artifact:write", "#8", true),
        ("registered_model:write", "*", false),
    ] {
        let found = everywhere(&table, &principal).meets(&demand(permission, name));
        assert_eq!(found, granted, "{permission} {name}");
    }
}

#[test]
fn roles_are_not_limited_and_an_admin_is_not_either() {
    let table = policy(r#", "roles": {"model:write": ["registered_model:write"]}"#);
    let role = Principal {
        roles: vec!["model:write:acme-*".to_owned()],
        ..Principal::default()
    };
    assert!(!everywhere(&table, &role).meets(&demand("registered_model:write", "acme-a")));
    let admin = Principal {
        is_admin: true,
        ..with_scopes(&["model:read:acme-*"])
    };
    assert!(everywhere(&table, &admin).meets(&demand("registered_model:write", "globex")));
}

#[test]
fn a_scope_may_refuse_to_search_where_it_is_limited() {
    let table = policy(
        r#", "scopes": {"team:quiet": {"permissions": ["registered_model:*"], "searches": false},
             "team:loud": ["registered_model:read"]}"#,
    );
    for (scopes, searching, expected) in [
        (&["team:quiet:acme-*"][..], false, &["acme-*"][..]),
        (&["team:quiet:acme-*"], true, &[]),
        (&["team:quiet:acme-*", "team:loud:beta"], true, &["beta"]),
        (
            &["team:loud:beta", "team:quiet:acme-*"],
            false,
            &["beta", "acme-*"],
        ),
        (&["model:read:a"], true, &["a"]),
        (&["unknown:a", "team:quiet"], true, &[]),
    ] {
        let principal = with_scopes(scopes);
        let patterns = everywhere(&table, &principal)
            .name_patterns(permission("registered_model:read"), searching);
        let shown: Vec<&str> = patterns.iter().map(NamePattern::as_str).collect();
        assert_eq!(shown, expected, "{scopes:?} {searching}");
    }
    let grants = with_grants(&[("team:quiet", &["acme-*"]), ("team:loud", &["beta"])]);
    let patterns =
        everywhere(&table, &grants).name_patterns(permission("registered_model:read"), true);
    assert_eq!(patterns.len(), 1);
    // It is wide where it is not limited.
    assert!(table.grants(
        &with_scopes(&["team:quiet"]),
        permission("registered_model:read")
    ));
}

#[test]
fn odd_patterns_do_not_take_forever() {
    let scope = format!("model:write:{}", "*a".repeat(2000));
    assert!(!met(&scope, "registered_model:write", &"a".repeat(255)));
    let colons = format!("model:write{}", ":".repeat(5000));
    assert!(!met(&colons, "registered_model:write", "acme"));
}
