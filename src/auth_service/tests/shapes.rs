//! Replies of other shapes than docs/auth-service.md has, read by the places that the configuration names.

use super::client;
use crate::auth_service::{Failure, Lifetime, Reply, Verdict};

pub(super) fn read(auth_service: &str, status: u16, body: &str) -> Verdict {
    let reply = Reply::Response {
        status,
        from_service: true,
        retry_after: Some(b"7"),
        cache_control: None,
        body: body.as_bytes(),
    };
    reply.verdict(client(auth_service).contract())
}

/// A verdict in few words: user, key, scopes, roles, `admin`, grants, and when it expires.
pub(super) fn shown(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Valid(principal, lifetime) => {
            let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
            let mut shown = vec![id(&principal.user_id), id(&principal.key_id)];
            shown.push(format!("[{}]", principal.scopes.join(",")));
            shown.extend(principal.roles.iter().map(|role| format!("role {role}")));
            shown.extend(principal.is_admin.then(|| "admin".to_owned()));
            let grants = principal.grants.iter();
            shown.extend(
                grants.map(|it| format!("{}:{}", it.scope, it.names.as_ref().unwrap().join("|"))),
            );
            shown.extend(
                lifetime
                    .expires_at
                    .map(|at| format!("until {}", at.as_secs())),
            );
            assert_eq!(lifetime.max_age, Lifetime::default().max_age);
            shown.join(" ")
        }
        Verdict::Invalid => "401".to_owned(),
        Verdict::Refused => "403".to_owned(),
        Verdict::RateLimited { .. } => "429".to_owned(),
        Verdict::Unavailable(failure) => format!(
            "{}{failure}",
            if failure.ends_kept_rights() {
                "ends rights: "
            } else {
                ""
            }
        ),
    }
}

fn with(reply: &str, body: &str) -> String {
    let verdict = read(
        &format!(r#"{{"cluster": "c", "reply": {reply}}}"#),
        200,
        body,
    );
    shown(&verdict).replace("the auth service's reply is outside its contract: ", "")
}

#[test]
fn ten_shapes_of_replies() {
    for (name, reply, body, expected) in [
        (
            "nested data",
            r#"{"user_id": "/data/user/id", "key_id": "/data/id", "scopes": "/data/scopes"}"#,
            r#"{"data": {"id": "k1", "user": {"id": 7}, "scopes": ["model:read"]}}"#,
            "7 k1 [model:read]",
        ),
        (
            "permissions in place of scopes",
            r#"{"scopes": "/permissions"}"#,
            r#"{"user_id": "u", "key_id": "k", "permissions": ["model:read", "model:write"]}"#,
            "u k [model:read,model:write]",
        ),
        (
            "scopes as one text",
            r#"{"scopes": "/scope", "user_id": "/sub"}"#,
            r#"{"sub": "u", "scope": "model:read  tracking:write"}"#,
            "u - [model:read,tracking:write]",
        ),
        (
            "a flag of its own name",
            r#"{"valid": "/usable"}"#,
            r#"{"usable": true, "scopes": ["model:read"]}"#,
            "- - [model:read]",
        ),
        (
            "a flag that says no",
            r#"{"valid": "/usable"}"#,
            r#"{"usable": false}"#,
            "401",
        ),
        (
            "names with a slash",
            r#"{"scopes": "/https:~1~1mlflow.example~1scopes", "user_id": "/sub"}"#,
            r#"{"sub": "u", "https://mlflow.example/scopes": ["model:read"]}"#,
            "u - [model:read]",
        ),
        (
            "a list whose first element counts",
            r#"{"user_id": "/keys/0/owner", "scopes": "/keys/0/scopes"}"#,
            r#"{"keys": [{"owner": "u", "scopes": ["model:read"]}, {"owner": "v", "scopes": ["admin"]}]}"#,
            "u - [model:read]",
        ),
        (
            "roles and an administrator's flag",
            r#"{"roles": "/realm_access/roles", "is_admin": "/superuser"}"#,
            r#"{"realm_access": {"roles": ["ops"]}, "superuser": true}"#,
            "- - [] role ops admin",
        ),
        (
            "name-scoped grants",
            r#"{"grants": "/limits"}"#,
            r#"{"limits": [{"scope": "model:write", "names": ["acme-*"]}], "scopes": []}"#,
            "- - [] model:write:acme-*",
        ),
        (
            "a time of its own name",
            r#"{"expires_at": ["/end", "/subscription/end"]}"#,
            r#"{"scopes": [], "end": 4102444800, "subscription": {"end": "2099-01-01T00:00:00Z"}}"#,
            "- - [] until 4070908800",
        ),
    ] {
        assert_eq!(with(reply, body), expected, "{name}");
    }
}

#[test]
fn the_first_place_that_has_a_value_counts() {
    let reply = r#"{"scopes": ["/scope", "/scp"], "user_id": ["/a", "/b/c"]}"#;
    for (body, expected) in [
        (
            r#"{"scope": "x", "scp": ["y"], "a": "1", "b": {"c": "2"}}"#,
            "1 - [x]",
        ),
        (
            r#"{"scope": null, "scp": ["y"], "a": null, "b": {"c": "2"}}"#,
            "2 - [y]",
        ),
        (r#"{"scope": "", "scp": ["y"], "b": []}"#, "- - []"),
        (
            r#"{"scope": [], "scp": ["y"], "a": "", "b": {"c": "2"}}"#,
            "2 - []",
        ),
        (r#"{"a": " \t", "b": {"c": ""}}"#, "- - []"),
        (
            r#"{"scope": 5, "scp": ["y"]}"#,
            "field /scope: expected a list of strings, or one string",
        ),
        // No list of strings, and not null.
        (
            r#"{"scope": ["x", null], "scp": ["y"]}"#,
            "field /scope[1]: expected a string",
        ),
        (
            r#"{"a": ["1", null], "b": {"c": "2"}}"#,
            "field /a: expected a string or a whole number",
        ),
    ] {
        assert_eq!(with(reply, body), expected, "{body}");
    }
}

/// An empty id would be a name that all such keys share, and hide the one that follows.
#[test]
fn an_empty_id_is_none() {
    for (body, expected) in [
        (r#"{"user_id": "", "key_id": ""}"#, "- - []"),
        (
            r#"{"user_id": "", "key_id": " ", "user": {"id": "u"}}"#,
            "u - []",
        ),
        (r#"{"user": {"id": ""}, "key_id": 0}"#, "- 0 []"),
    ] {
        assert_eq!(shown(&read(r#"{"cluster": "c"}"#, 200, body)), expected);
        assert_eq!(with("{}", body), expected, "{body}");
    }
}

/// A service of another shape may mean something else by `is_admin`: only what is named grants.
#[test]
fn rights_beyond_scopes_are_read_only_where_they_are_named() {
    let body = r#"{"scopes": ["a"], "roles": ["r"], "is_admin": true, "grants": [{"scope": "s", "names": ["n"]}],
                   "user": {"is_admin": true, "roles": ["r"], "id": "u"}}"#;
    for (reply, expected) in [
        ("{}", "u - [a]"),
        (r#"{"scopes": []}"#, "u - []"),
        (r#"{"is_admin": "/user/is_admin"}"#, "u - [a] admin"),
        (
            r#"{"roles": "/user/roles", "user_id": []}"#,
            "- - [a] role r",
        ),
    ] {
        assert_eq!(with(reply, body), expected, "{reply}");
    }
    let plain = read(r#"{"cluster": "c"}"#, 200, body);
    assert_eq!(shown(&plain), "u - [a] role r admin s:n");
}

#[test]
fn what_is_no_answer_is_outside_the_contract() {
    for (reply, body, expected) in [
        // Whether it is valid: rights from before end.
        (
            r#"{"valid": "/ok_then"}"#,
            r#"{"scopes": []}"#,
            "ends rights: field /ok_then: is missing",
        ),
        (
            r#"{"valid": "/u"}"#,
            r#"{"u": null}"#,
            "ends rights: field /u: expected true or false; a key is valid only with true",
        ),
        (
            r#"{"valid": "/u"}"#,
            r#"{"u": "true"}"#,
            "ends rights: field /u: expected true or false; a key is valid only with true",
        ),
        (
            r#"{"valid": "/u"}"#,
            r#"{"u": 1}"#,
            "ends rights: field /u: expected true or false; a key is valid only with true",
        ),
        (
            r#"{"valid": "/u"}"#,
            r#"{"u": true, "u": true}"#,
            "ends rights: field /u: is duplicated, or cannot be read",
        ),
        (
            r#"{"valid": "/d/u"}"#,
            r#"{"d": {"u": true}, "d": {"u": false}}"#,
            "ends rights: field /d/u: is duplicated, or cannot be read",
        ),
        (
            r#"{"valid": ["/u", "/v"]}"#,
            r#"{"u": true, "v": "no"}"#,
            "ends rights: field /v: expected true or false; a key is valid only with true",
        ),
        (
            r#"{"valid": ["/u", "/v"]}"#,
            r#"{"u": true, "v": false}"#,
            "401",
        ),
        (
            r#"{"valid": ["/u", "/v"]}"#,
            r#"{"u": "no", "v": false}"#,
            "401",
        ),
        (r#"{"valid": ["/u", "/v"]}"#, r#"{"v": true}"#, "- - []"),
        (
            r#"{"expires_at": "/e"}"#,
            r#"{"e": 1700000000000}"#,
            "ends rights: field /e: expected an RFC 3339 time or seconds (not milliseconds) since the UNIX epoch, before the year 10000",
        ),
        (
            r#"{"expires_at": "/e"}"#,
            r#"{"e": true}"#,
            "ends rights: field /e: expected an RFC 3339 time or seconds (not milliseconds) since the UNIX epoch, before the year 10000",
        ),
        (
            r#"{"expires_at": "/e"}"#,
            r#"{"e": 5, "e": null}"#,
            "ends rights: field /e: is duplicated, or cannot be read",
        ),
        // What it may do.
        (
            r#"{"scopes": "/s"}"#,
            r#"{"s": ["a", 5]}"#,
            "field /s[1]: expected a string",
        ),
        (
            r#"{"scopes": "/s"}"#,
            r#"{"s": {"a": true}}"#,
            "field /s: expected a list of strings, or one string",
        ),
        (
            r#"{"scopes": "/s"}"#,
            r#"{"s": true}"#,
            "field /s: expected a list of strings, or one string",
        ),
        (
            r#"{"scopes": "/s"}"#,
            r#"{"s": ["a"], "s": ["b"]}"#,
            "field /s: is not of the contract's type",
        ),
        (
            r#"{"roles": "/r"}"#,
            r#"{"r": "ops"}"#,
            "field /r: expected a list",
        ),
        (
            r#"{"is_admin": "/a"}"#,
            r#"{"a": "false"}"#,
            "field /a: expected a boolean",
        ),
        (
            r#"{"is_admin": "/a"}"#,
            r#"{"a": 0}"#,
            "field /a: expected a boolean",
        ),
        (
            r#"{"user_id": "/u"}"#,
            r#"{"u": {"id": 1}}"#,
            "field /u: expected a string or a whole number",
        ),
        (
            r#"{"grants": "/g"}"#,
            r#"{"g": [{"scope": "s"}]}"#,
            "field /g[0].names: is missing",
        ),
        (
            r#"{"scopes": "/s"}"#,
            "[]",
            "field (the whole body): expected an object",
        ),
        (
            r#"{"scopes": "/0/s"}"#,
            r#"[{"s": ["a"]}]"#,
            "field (the whole body): expected an object",
        ),
        (
            r#"{"scopes": "/s"}"#,
            "\"a\"",
            "field (the whole body): expected an object",
        ),
        (r#"{"scopes": "/s"}"#, "<html>", "the body is not JSON"),
    ] {
        assert_eq!(with(reply, body), expected, "{reply} {body}");
    }
}

/// All that says no counts, wherever the scopes stand.
#[test]
fn flags_of_every_name_count_with_any_places() {
    let reply = r#"{"scopes": "/permissions", "valid": "/usable"}"#;
    for (more, expected) in [
        ("", "- - [a]"),
        (r#", "active": false"#, "401"),
        (r#", "is_valid": false"#, "401"),
        (r#", "revoked": true"#, "401"),
        (r#", "data": {"status": "expired"}"#, "401"),
        (r#", "error": "no such key""#, "401"),
        (
            r#", "valid": 1"#,
            "ends rights: field valid: expected a boolean; a key is valid only with true",
        ),
        (r#", "expires_at": 5"#, "- - [a] until 5"),
    ] {
        let body = format!(r#"{{"usable": true, "permissions": ["a"]{more}}}"#);
        assert_eq!(with(reply, &body), expected, "{more}");
    }
    // A flag that says no counts before one that cannot be read.
    assert_eq!(
        with(reply, r#"{"usable": false, "active": "maybe"}"#),
        "401"
    );
}

#[test]
fn scopes_as_text_are_outside_the_contract_unless_they_are_named() {
    let plain = read(r#"{"cluster": "c"}"#, 200, r#"{"scopes": "model:read"}"#);
    assert!(matches!(plain, Verdict::Unavailable(Failure::Contract(_))));
    for reply in ["{}", r#"{"user_id": "/u"}"#] {
        assert_eq!(
            with(reply, r#"{"scopes": "mlflow:admin"}"#),
            "field /scopes: expected a list"
        );
    }
    assert_eq!(
        with(r#"{"scopes": "/scopes"}"#, r#"{"scopes": "a b"}"#),
        "- - [a,b]"
    );
    let many = "a ".repeat(1001);
    let text = with(
        r#"{"scopes": "/scopes"}"#,
        &format!(r#"{{"scopes": "{many}"}}"#),
    );
    assert_eq!(text, "field scopes: holds more than 1000 names");
}

#[test]
fn statuses_are_those_of_the_contract() {
    let service = r#"{"cluster": "c", "reply": {"scopes": "/s"}, "headers": ["x-token: t"]}"#;
    for (status, expected) in [(401, "401"), (403, "403"), (429, "429")] {
        assert_eq!(shown(&read(service, status, "")), expected);
    }
}
