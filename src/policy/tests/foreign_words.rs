//! Words of another issuer, which mean nothing here unless the configuration says so.

use super::super::Policy;
use super::{everywhere, permission, with_scopes};
use crate::config::Config;
use crate::principal::{Grant, Principal};

/// Words that an authorization server uses for everything are no rights, unless the configuration says so.
#[test]
fn foreign_bare_words_grant_only_what_the_configuration_says() {
    let delete = permission("experiment:delete");
    for (word, is_foreign, table, expected) in [
        ("admin", false, "{}", true),
        ("admin", true, "{}", false),
        ("full_access", true, "{}", false),
        ("admin", true, r#"{"admin": ["*:*"]}"#, true),
        ("admin", true, r#"{"admin": ["*:read"]}"#, false),
        ("admin", true, r#"{"write": ["*:*"]}"#, false),
        ("mlflow:admin", true, "{}", true),
        ("admin:*", true, "{}", false),
        ("model:delete", true, "{}", true),
    ] {
        let text = format!(
            r#"{{"mounts": ["/"], "auth_service": {{"cluster": "auth"}}, "scopes": {table}}}"#
        );
        let policy = Policy::new(&Config::parse(text.as_bytes()).unwrap());
        let principal = Principal {
            has_foreign_words: is_foreign,
            ..with_scopes(&[word])
        };
        let case = format!("{word} {is_foreign} {table}");
        assert_eq!(policy.grants(&principal, delete), expected, "{case}");
        let limited = Principal {
            has_foreign_words: is_foreign,
            grants: vec![Grant {
                scope: word.to_owned(),
                names: Some(vec!["*".to_owned()]),
                workspaces: None,
            }],
            ..Principal::default()
        };
        let patterns = everywhere(&policy, &limited).name_patterns(delete, false);
        assert_eq!(!patterns.is_empty(), expected, "{case}");
    }
    for word in ["read", "write", "admin", "full_access"] {
        let principal = Principal {
            has_foreign_words: true,
            ..with_scopes(&[word, &format!("{word}:a*")])
        };
        let policy = Policy::of_defaults();
        assert!(
            everywhere(&policy, &principal).permissions().is_empty(),
            "{word}"
        );
        assert!(
            everywhere(&policy, &principal).name_scoped().is_empty(),
            "{word}"
        );
        assert_eq!(policy.unknown_scopes(&principal).len(), 2, "{word}");
        let any =
            crate::catalog::all_operations().filter(|it| policy.missing(&principal, it).is_none());
        assert_eq!(any.count(), 0, "{word}");
    }
}
