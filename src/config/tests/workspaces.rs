//! Workspaces in a configuration, and overrides for some of them.

use super::{error, with};

#[test]
fn workspaces_are_off_by_default() {
    let config = with(r#""mode": "enforce""#).unwrap();
    assert!(!config.workspaces.enabled);
    assert_eq!(config.workspaces.default, "default");
    let config = with(r#""workspaces": {"enabled": true, "default": "team-a"}"#).unwrap();
    assert!(config.workspaces.enabled);
    assert_eq!(config.workspaces.default, "team-a");
}

#[test]
fn errors_name_the_field() {
    for (more, start) in [
        (r#""workspaces": true"#, "workspaces: must be an object"),
        (r#""workspaces": null"#, "workspaces: must be an object"),
        (
            r#""workspaces": {"enabled": "yes"}"#,
            "workspaces.enabled: must be true or false",
        ),
        (
            r#""workspaces": {"default": ""}"#,
            r#"workspaces.default: "" is not the name of a workspace; write 2 to 63"#,
        ),
        (
            r#""workspaces": {"default": "Acme"}"#,
            r#"workspaces.default: "Acme" is not the name of a workspace"#,
        ),
        (
            r#""workspaces": {"enable": true}"#,
            "workspaces.enable: unknown field",
        ),
        (
            r#""workspaces": {"names": []}"#,
            "workspaces.names: unknown field; remove it: which workspaces a key may use",
        ),
        (
            r#""workspace": "acme""#,
            r#"workspace: unknown field; write `workspaces`: {"enabled": true}"#,
        ),
        (
            r#""overrides": [{"match": {"workspace": "acme"}, "mode": "shadow"}]"#,
            "overrides[0].match.workspace: needs workspaces, and they are not enabled; write",
        ),
        (
            r#""workspaces": {"enabled": true}, "overrides": [{"match": {"workspace": "Acme"}, "mode": "shadow"}]"#,
            r#"overrides[0].match.workspace: "Acme" is not a pattern of workspaces"#,
        ),
        (
            r#""workspaces": {"enabled": true}, "overrides": [{"match": {"workspace": []}, "mode": "shadow"}]"#,
            "overrides[0].match.workspace: is empty",
        ),
    ] {
        let shown = error(with(more));
        assert!(shown.contains(start), "{start}: {shown}");
    }
    let accepted = r#""workspaces": {"enabled": true},
        "overrides": [{"match": {"workspace": ["acme", "team-*"]}, "mode": "shadow"}]"#;
    assert!(with(accepted).is_ok());
}
