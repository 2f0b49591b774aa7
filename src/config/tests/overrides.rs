//! Exceptions, shares and modes.

use super::{error, with};
use crate::catalog::{Access, Object};
use crate::config::Mode;

#[test]
fn modes_and_shares() {
    let config = with(r#""mode": "shadow", "enforce_percent": 0"#).unwrap();
    assert_eq!((config.mode, config.enforce_percent), (Mode::Shadow, 0));
    assert!(with(r#""version": 1"#).unwrap().whoami);
    assert!(!with(r#""whoami": false"#).unwrap().whoami);
}

#[test]
fn an_override_names_what_it_is_for_by_words_or_lists_of_words() {
    let config = with(
        r#""overrides": [
            {"match": {"access": "delete"}, "mode": "enforce"},
            {"match": {"object": ["run", "trace"], "mount": "/", "host": ["*.Example", "a"],
                       "operation": "GetRun"}, "public": true, "enforce_percent": 1e1,
             "scopes": {"reader": ["*:read"]}},
            {"mode": "shadow"}
        ]"#,
    )
    .unwrap();
    let [first, second, last] = &config.overrides[..] else {
        panic!("three overrides");
    };
    assert_eq!(first.matches.access, Some(vec![Access::Delete]));
    assert_eq!(first.mode, Some(Mode::Enforce));
    assert_eq!(
        second.matches.object,
        Some(vec![Object::Run, Object::Trace])
    );
    let hosts = second.matches.host.as_ref().unwrap();
    assert!(hosts[0].matches("x.example") && !hosts[0].matches("example"));
    assert_eq!(
        second.matches.operation.as_ref().map(|it| it[0].name),
        Some("GetRun")
    );
    assert_eq!(
        (second.public, second.enforce_percent),
        (Some(true), Some(10))
    );
    assert!(second.scopes.as_ref().unwrap().contains_key("reader"));
    assert!(last.matches.access.is_none() && last.matches.operation.is_none());
}

#[test]
fn what_could_not_mean_anything_is_refused() {
    for (text, expected) in [
        (
            r#""enforce_percent": 101"#,
            "enforce_percent: must be a whole number from 0 to 100, not 101",
        ),
        (r#""enforce_percent": -1"#, "enforce_percent: "),
        (r#""enforce_percent": null"#, "enforce_percent: "),
        (r#""mode": "shade""#, "mode: "),
        (r#""overrides": {}"#, "overrides: "),
        (r#""overrides": [[]]"#, "overrides[0]: "),
        (
            r#""overrides": [{"match": {"access": "read"}}]"#,
            "overrides[0]: sets nothing",
        ),
        (
            r#""overrides": [{"match": [], "mode": "shadow"}]"#,
            "overrides[0].match: ",
        ),
        (
            r#""overrides": [{"match": {"acces": "read"}, "mode": "shadow"}]"#,
            "overrides[0].match.acces: unknown field; did you mean `access`?",
        ),
        (
            r#""overrides": [{"mode": "shadow"}, {"mod": "shadow"}]"#,
            "overrides[1].mod: unknown field; did you mean `mode`?",
        ),
        (
            r#""overrides": [{"match": {"access": "reed"}, "mode": "shadow"}]"#,
            "overrides[0].match.access: \"reed\" is not an access; write one of read, write",
        ),
        (
            r#""overrides": [{"match": {"object": "model"}, "mode": "shadow"}]"#,
            "overrides[0].match.object: \"model\" is not an object; write one of artifact",
        ),
        (
            r#""overrides": [{"match": {"operation": "DeleteRuns"}, "mode": "shadow"}]"#,
            "is not an operation; write one that `mlflow-authz routes` lists, such as \"DeleteRun\"",
        ),
        (
            r#""overrides": [{"match": {"access": []}, "mode": "shadow"}]"#,
            "overrides[0].match.access: is empty and matches nothing",
        ),
        (
            r#""overrides": [{"match": {"access": null}, "mode": "shadow"}]"#,
            "overrides[0].match.access: ",
        ),
        (
            r#""overrides": [{"match": {"mount": "/mlflow"}, "mode": "shadow"}]"#,
            "overrides[0].match.mount: \"/mlflow\" is not in `mounts`",
        ),
        (
            r#""overrides": [{"match": {"host": "https://a"}, "mode": "shadow"}]"#,
            "overrides[0].match.host: \"https://a\" is not a host pattern",
        ),
        (
            r#""overrides": [{"match": {"object": "run"}, "public": true}]"#,
            "overrides[0].public: needs `match.operation`",
        ),
        (
            r#""overrides": [{"match": {"operation": ["GetRun", "DeleteRun"]}, "public": true}]"#,
            "overrides[0].public: DeleteRun needs run:delete",
        ),
        (
            r#""overrides": [{"scopes": {"a": ["models:read"]}}]"#,
            "overrides[0].scopes.a[0]: ",
        ),
        (r#""overrides": [{"mode": null}]"#, "overrides[0].mode: "),
    ] {
        let shown = error(with(text));
        assert!(shown.contains(expected), "{text}: {shown}");
    }
}
