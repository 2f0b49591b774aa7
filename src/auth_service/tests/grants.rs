//! Grants in the body of a 200: scopes limited to names.

use super::answered;
use crate::auth_service::{Failure, Verdict};
use crate::principal::{Grant, Principal};

fn read(grants: &str) -> Result<Vec<Grant>, String> {
    let body = format!(r#"{{"scopes": ["s"], "grants": {grants}}}"#);
    match answered(200, true, body.as_bytes()) {
        Verdict::Valid(Principal { grants, scopes, .. }, _) => {
            assert_eq!(scopes, ["s"]);
            Ok(grants)
        }
        Verdict::Unavailable(Failure::Contract(error)) => Err(error.to_string()),
        other => panic!("{grants}: {other:?}"),
    }
}

fn grant(scope: &str, names: &[&str]) -> Grant {
    Grant {
        scope: scope.to_owned(),
        names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        workspaces: None,
    }
}

#[test]
fn grants_are_kept_as_they_came() {
    for (text, expected) in [
        ("null", vec![]),
        ("[]", vec![]),
        (
            r#"[{"scope": "model:write", "names": ["acme-*", "7"]}]"#,
            vec![grant("model:write", &["acme-*", "7"])],
        ),
        (
            r#"[{"names": [], "scope": ""}, {"scope": "a", "names": ["", "b"], "new": 1}]"#,
            vec![grant("", &[]), grant("a", &["", "b"])],
        ),
    ] {
        assert_eq!(read(text), Ok(expected), "{text}");
    }
}

/// A reply that is read halfway could lose a limit.
#[test]
fn grants_of_another_shape_break_the_contract_and_are_named() {
    for (text, field) in [
        ("{}", "grants"),
        (r#""model:write:acme-*""#, "grants"),
        ("true", "grants"),
        ("[null]", "grants[0]"),
        (r#"["model:write"]"#, "grants[0]"),
        (r#"[["model:write", ["acme-*"]]]"#, "grants[0]"),
        (r#"[{"scope": "model:write"}]"#, "grants[0].names"),
        (r#"[{"names": ["acme-*"]}]"#, "grants[0].scope"),
        (
            r#"[{"scope": "model:write", "names": "acme-*"}]"#,
            "grants[0].names",
        ),
        (
            r#"[{"scope": "model:write", "names": null}]"#,
            "grants[0].names",
        ),
        (r#"[{"scope": null, "names": []}]"#, "grants[0].scope"),
        (
            r#"[{"scope": "model:write", "names": ["acme-a", 1]}]"#,
            "grants[0].names[1]",
        ),
        (
            r#"[{"scope": "model:write", "names": ["a"], "names": ["*"]}]"#,
            "grants[0].names",
        ),
        (
            r#"[{"scope": "model:read", "scope": "model:write", "names": ["a"]}]"#,
            "grants[0].scope",
        ),
        (
            r#"[{"scope": "a", "names": []}, {"scope": "b", "names": []}, {"scope": "acme"}]"#,
            "grants[2].names",
        ),
        (
            r#"[], "grants": [{"scope": "admin", "names": ["*"]}]"#,
            "grants",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.starts_with(&format!("field {field}: ")),
            "{text}: {error}"
        );
        assert!(!error.contains("acme"), "{error}");
    }
}

#[test]
fn a_key_has_at_most_a_thousand_names_over_all_grants() {
    let one = |count: usize| {
        format!(
            r#"{{"scope": "s", "names": [{}]}}"#,
            vec!["\"n\""; count].join(",")
        )
    };
    let empty = r#"{"scope": "s", "names": []}"#;
    for (grants, accepted) in [
        (vec![one(1000)], true),
        (vec![one(1001)], false),
        (vec![one(500), one(500)], true),
        (vec![one(500), one(501)], false),
        (vec![empty.to_owned(); 1000], true),
        (vec![empty.to_owned(); 1001], false),
    ] {
        let found = read(&format!("[{}]", grants.join(",")));
        let expected = "field grants: holds more than 1000 names";
        assert_eq!(
            found.map(|_| ()).map_err(|e| e == expected),
            if accepted { Ok(()) } else { Err(true) }
        );
    }
}
