//! Scopes that do not search where they are limited to names, and the reading of bodies.

use super::{error, least_and, parse, with};
use crate::config::{Bodies, Config, ConfigError};

fn bodies(more: &str) -> (Bodies, u64) {
    let config = with(more).unwrap();
    (config.bodies, config.body_limit)
}

#[test]
fn bodies_are_not_read_unless_told() {
    let least = parse(&least_and("")).unwrap();
    assert_eq!((least.bodies, least.body_limit), (Bodies::Ignore, 65_536));
    for (more, expected) in [
        (r#""bodies": "ignore""#, (Bodies::Ignore, 65_536)),
        (r#""bodies": "inspect""#, (Bodies::Inspect, 65_536)),
        (
            r#""bodies": "inspect", "body_limit": 1e6"#,
            (Bodies::Inspect, 1_000_000),
        ),
        (r#""body_limit": 1"#, (Bodies::Ignore, 1)),
    ] {
        assert_eq!(bodies(more), expected, "{more}");
    }
    for (more, field) in [
        (r#""bodies": "Inspect""#, "bodies: "),
        (r#""bodies": true"#, ""),
        (r#""bodies": null"#, ""),
        (r#""body_limit": "64KiB""#, "body_limit: "),
        (r#""body_limit": -1"#, "body_limit: "),
        (r#""body_limit": 1.5"#, "body_limit: "),
        (r#""body_limit": null"#, "body_limit: "),
        (
            r#""body_limits": 1"#,
            "body_limits: unknown field; did you mean `body_limit`?",
        ),
    ] {
        let shown = error(with(more));
        let refused = !shown.starts_with("accepted");
        assert!(refused && shown.starts_with(field), "{more}: {shown}");
    }
}

fn scope(value: &str) -> Result<Config, ConfigError> {
    with(&format!(r#""scopes": {{"team": {value}}}"#))
}

#[test]
fn a_scope_is_a_list_or_an_object() {
    for (value, permissions, searches) in [
        ("[]", &[][..], true),
        (r#"["run:write"]"#, &["run:write"], true),
        (
            r#"{"permissions": ["run:write", "*:read"]}"#,
            &["run:write", "*:read"],
            true,
        ),
        (r#"{"permissions": [], "searches": false}"#, &[], false),
        (
            r#"{"searches": true, "permissions": ["job:*"]}"#,
            &["job:*"],
            true,
        ),
    ] {
        let config = scope(value).unwrap();
        let read = &config.scopes["team"];
        let written: Vec<String> = read.permissions.iter().map(ToString::to_string).collect();
        assert_eq!(
            (written, read.searches),
            (
                permissions.iter().map(|p| (*p).to_owned()).collect(),
                searches
            )
        );
    }
    for value in [
        "null",
        "true",
        r#""run:write""#,
        "{}",
        r#"{"searches": false}"#,
        r#"{"permissions": null}"#,
        r#"{"permissions": "run:write"}"#,
        r#"{"permissions": ["run"]}"#,
        r#"{"permissions": [], "searches": "no"}"#,
        r#"{"permissions": [], "searches": null}"#,
        r#"{"permissions": [], "search": false}"#,
        r#"{"permissions": [], "permissions": []}"#,
        r#"{"permissions": [], "searches": false, "searches": true}"#,
        r#"[{"permissions": []}]"#,
    ] {
        let shown = error(scope(value));
        assert!(shown.starts_with("scopes.team"), "{value}: {shown}");
    }
}

#[test]
fn a_scope_stands_there_once_and_roles_are_lists() {
    let twice = error(with(r#""scopes": {"a": [], "a": {"permissions": []}}"#));
    assert!(
        twice.starts_with("scopes") && twice.contains("is duplicated"),
        "{twice}"
    );
    let role = error(with(r#""roles": {"a": {"permissions": []}}"#));
    assert!(role.starts_with("roles.a"), "{role}");
}
