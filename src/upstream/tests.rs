use super::{HeaderEdit, HeaderEdits, IdentityValues, same_header};
use crate::config::tests::least_and;
use crate::config::{Config, IdentityHeaders};
use crate::principal::Principal;
use crate::request::RequestHead;

type Headers<'a> = &'a [(&'a [u8], &'a [u8])];

fn config(more: &str) -> Config {
    let text = least_and(more);
    Config::parse(text.as_bytes()).unwrap()
}

fn removed(headers: Headers<'_>, names: &IdentityHeaders) -> Vec<Vec<u8>> {
    let head = RequestHead {
        headers,
        facts: None,
    };
    let mut edits = HeaderEdits::default();
    edits.clear(&head, names);
    let name = |edit: HeaderEdit<'_>| match edit {
        HeaderEdit::Remove(name) => name.to_vec(),
        HeaderEdit::Set(name, _) | HeaderEdit::Add(name, _) => panic!("{name} is set"),
    };
    edits.iter().map(name).collect()
}

fn withheld(head: &RequestHead<'_>, config: &Config) -> HeaderEdits {
    let mut edits = HeaderEdits::default();
    edits.withhold_credential(head, config);
    edits
}

fn asserted(principal: &Principal) -> HeaderEdits {
    let mut edits = HeaderEdits::default();
    edits.assert_principal(
        principal.clone().into(),
        IdentityValues::of(principal).into(),
        &IdentityHeaders::default(),
    );
    edits
}

fn all(edits: &HeaderEdits) -> Vec<HeaderEdit<'_>> {
    edits.iter().collect()
}

fn set<'a>(name: &'a str, value: &'a str) -> HeaderEdit<'a> {
    HeaderEdit::Set(name, value)
}

fn add<'a>(name: &'a str, value: &'a str) -> HeaderEdit<'a> {
    HeaderEdit::Add(name, value)
}

fn remove(name: &[u8]) -> HeaderEdit<'_> {
    HeaderEdit::Remove(name)
}

#[test]
fn names_that_an_upstream_takes_for_the_same() {
    for (name, same) in [
        ("x-mlflow-authz-user", true),
        ("X-Mlflow-Authz-User", true),
        ("x_mlflow_authz_user", true),
        ("X_MLFLOW-authz_User", true),
        ("x-mlflow-authz-user2", false),
        ("x-mlflow-authz-use", false),
        ("x.mlflow.authz.user", true),
        ("X.Mlflow~Authz|User", true),
        ("x mlflow-authz-user", false),
        ("x/mlflow-authz-user", false),
        ("", false),
    ] {
        assert_eq!(
            same_header(name.as_bytes(), b"x-mlflow-authz-user"),
            same,
            "{name}"
        );
        assert_eq!(
            same_header(b"x-mlflow-authz-user", name.as_bytes()),
            same,
            "{name}"
        );
    }
    assert!(same_header(b"x_a_b", b"x-a_b"));
}

#[test]
fn every_spelling_of_every_identity_header_is_cleared() {
    let headers: Headers<'_> = &[
        (b":method", b"GET"),
        (b"x-mlflow-authz-user", b"root"),
        (b"X_Mlflow_Authz_User", b"root"),
        (b"x.mlflow.authz.user", b"root"),
        (b"x-mlflow_authz-key", b"\xff\xfe"),
        (b"x-mlflow-authz-scopes", b"*"),
        (b"x-mlflow-authz-scopes", b"admin"),
        (b"x-mlflow-authz-users", b"kept"),
        (b"accept", b"kept"),
        (b"\xff\xfe", b"kept"),
    ];
    let expected: [&[u8]; 5] = [
        b"x-mlflow-authz-user",
        b"X_Mlflow_Authz_User",
        b"x.mlflow.authz.user",
        b"x-mlflow_authz-key",
        b"x-mlflow-authz-scopes",
    ];
    assert_eq!(removed(headers, &IdentityHeaders::default()), expected);
    assert!(removed(&[], &IdentityHeaders::default()).is_empty());
}

#[test]
fn configured_names_replace_the_defaults() {
    let config = config(r#", "identity_headers": {"user_id": "X-Platform-User-Id"}"#);
    let headers: Headers<'_> = &[
        (b"X_Platform_User_Id", b"root"),
        (b"x-mlflow-authz-user", b"not ours"),
        (b"x-mlflow-authz-key", b"root"),
    ];
    let expected: [&[u8]; 2] = [b"X_Platform_User_Id", b"x-mlflow-authz-key"];
    assert_eq!(removed(headers, &config.identity_headers), expected);
}

#[test]
fn verified_identity_is_set() {
    let principal = Principal {
        grants: Vec::new(),
        user_id: Some("user-1".to_owned()),
        key_id: Some("key_123".to_owned()),
        scopes: vec!["model:read".to_owned(), "mlflow:access".to_owned()],
        roles: vec!["admin".to_owned()],
        is_admin: true,
        has_foreign_words: false,
        workspaces: None,
        workspace: None,
    };
    let edits = asserted(&principal);
    let expected = [
        add("x-mlflow-authz-user", "user-1"),
        add("x-mlflow-authz-key", "key_123"),
        add("x-mlflow-authz-scopes", "model:read mlflow:access"),
    ];
    assert_eq!(all(&edits), expected);
    assert!(all(&asserted(&Principal::default())).is_empty());
}

#[test]
fn values_cannot_break_out_of_a_header() {
    for (id, value) in [
        ("alice@example.com", "alice@example.com"),
        ("a b", "a%20b"),
        ("a\r\nx-admin: 1", "a%0D%0Ax-admin:%201"),
        ("100%", "100%25"),
        ("%0D", "%250D"),
        ("é\0", "%C3%A9%00"),
        ("", ""),
    ] {
        let principal = Principal {
            user_id: Some(id.to_owned()),
            ..Principal::default()
        };
        let edits = asserted(&principal);
        assert_eq!(all(&edits), [add("x-mlflow-authz-user", value)], "{id:?}");
    }
}

/// A scope with a space in it would be two scopes to whoever reads the header.
#[test]
fn scopes_that_could_be_read_as_others_are_left_out() {
    let odd = [
        "read admin",
        "",
        "a\tb",
        "a\nb",
        "a\"b",
        "a\\b",
        "é",
        "mlflow:read",
        "a,b",
    ];
    let scopes = odd.iter().map(|scope| (*scope).to_owned()).collect();
    let principal = Principal {
        scopes,
        ..Principal::default()
    };
    let edits = asserted(&principal);
    assert_eq!(
        all(&edits),
        [add("x-mlflow-authz-scopes", "mlflow:read a,b")]
    );

    let principal = Principal {
        scopes: vec!["read admin".to_owned()],
        ..Principal::default()
    };
    assert!(all(&asserted(&principal)).is_empty());
}

#[test]
fn credentials_are_withheld_where_configured() {
    let headers: Headers<'_> = &[
        (b":path", b"/a?b=1&api_key=K1"),
        (b"authorization", b"Bearer K1"),
        (b"x-api-key", b"K1"),
        (b"cookie", b"kept"),
    ];
    let head = RequestHead {
        headers,
        facts: None,
    };
    let without_query = set(":path", "/a?b=1");
    for (more, expected) in [
        ("", vec![]),
        (r#", "forward_credential": true"#, vec![]),
        (
            r#", "forward_credential": false"#,
            vec![remove(b"authorization"), remove(b"x-api-key")],
        ),
        (r#", "credentials": ["query"]"#, vec![without_query]),
        (
            r#", "credentials": ["bearer", "query"], "forward_credential": false"#,
            vec![
                remove(b"authorization"),
                remove(b"x-api-key"),
                without_query,
            ],
        ),
    ] {
        assert_eq!(all(&withheld(&head, &config(more))), expected, "{more}");
    }
}

/// Any header write makes Envoy select the route again: nothing is written that need not change.
#[test]
fn what_is_not_there_is_not_removed() {
    let head = RequestHead {
        headers: &[(b":path", b"/a?b=1")],
        facts: None,
    };
    let config = config(r#", "credentials": ["bearer", "query"], "forward_credential": false"#);
    assert!(all(&withheld(&head, &config)).is_empty());
}

#[test]
fn a_withheld_credential_goes_on_in_no_spelling() {
    let headers: Headers<'_> = &[
        (b"x_api_key", b"K1"),
        (b"X-Api_Key", b"K1"),
        (b"x_api_key", b"K2"),
        (b"Authorization", b"Bearer K1"),
        (b"x-api-keys", b"kept"),
    ];
    let head = RequestHead {
        headers,
        facts: None,
    };
    let edits = withheld(&head, &config(r#", "forward_credential": false"#));
    let expected = [&b"x_api_key"[..], b"X-Api_Key", b"Authorization"].map(remove);
    assert_eq!(all(&edits), expected);
}
