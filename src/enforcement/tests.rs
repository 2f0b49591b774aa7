use super::{Enforcement, Subject, Terms};
use crate::catalog::{Access, CATALOG, Object};
use crate::config::tests::least_and;
use crate::config::{Config, Mode};
use crate::permission::Permission;
use crate::principal::Principal;
use crate::request::RequestHead;

fn enforcement(more: &str) -> Enforcement {
    let text = least_and(&format!(", {more}"));
    Enforcement::new(&Config::parse(text.as_bytes()).unwrap())
}

fn request<'a>(mount: &'a str, method: &str, path: &str) -> Subject<'a> {
    let operation = CATALOG.find(method, path);
    let required = operation.map_or(Permission::on_everything(Access::Admin), |it| {
        Permission::new(it.object, it.access)
    });
    Subject {
        mount: Some(mount),
        workspace: None,
        operation,
        required: Some(required),
    }
}

fn terms(enforcement: &Enforcement, subject: &Subject<'_>, host: &str) -> Terms {
    let headers: [(&[u8], &[u8]); 1] = [(b":authority", host.as_bytes())];
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    enforcement.terms(subject, &head)
}

fn caller(key_id: &str) -> Principal {
    Principal {
        key_id: Some(key_id.to_owned()),
        ..Principal::default()
    }
}

#[test]
fn the_first_that_matches_decides_setting_by_setting() {
    const DELETE: (&str, &str) = ("POST", "/api/2.0/mlflow/runs/delete");
    const CREATE: (&str, &str) = ("POST", "/api/2.0/mlflow/runs/create");
    const MODEL: (&str, &str) = ("POST", "/api/2.0/mlflow/registered-models/create");
    const UNKNOWN: (&str, &str) = ("POST", "/api/9.0/new");
    let deletes_first =
        r#""mode": "shadow", "overrides": [{"match": {"access": "delete"}, "mode": "enforce"}]"#;
    let by_rules_alone = r#""overrides": [{"match": {"access": "delete"}, "mode": "enforce", "enforce_percent": 7},
        {"mode": "shadow", "enforce_percent": 8}]"#;
    let shares = r#""mounts": ["/", "/b"], "overrides": [
        {"match": {"object": ["run", "trace"]}, "enforce_percent": 10},
        {"match": {"operation": "CreateRun"}, "mode": "shadow", "enforce_percent": 50},
        {"match": {"host": "*.staging.example", "mount": "/b"}, "mode": "shadow"},
        {"match": {"access": "admin"}, "enforce_percent": 70}]"#;
    for (config, mount, (method, path), host, mode, percent) in [
        (deletes_first, "/", DELETE, "a", Mode::Enforce, 100),
        (deletes_first, "/", CREATE, "a", Mode::Shadow, 100),
        (deletes_first, "/", UNKNOWN, "a", Mode::Shadow, 100),
        (by_rules_alone, "/", DELETE, "a", Mode::Enforce, 7),
        (by_rules_alone, "/", CREATE, "a", Mode::Shadow, 8),
        (shares, "/", DELETE, "a", Mode::Enforce, 10),
        (shares, "/", CREATE, "a", Mode::Shadow, 10),
        (shares, "/", MODEL, "a", Mode::Enforce, 100),
        (shares, "/b", MODEL, "x.staging.example", Mode::Shadow, 100),
        (
            shares,
            "/b",
            MODEL,
            "X.Staging.Example:8443",
            Mode::Shadow,
            100,
        ),
        (shares, "/b", MODEL, "staging.example", Mode::Enforce, 100),
        (
            shares,
            "/b",
            MODEL,
            "x.staging.example.evil",
            Mode::Enforce,
            100,
        ),
        (shares, "/", MODEL, "x.staging.example", Mode::Enforce, 100),
        (shares, "/", UNKNOWN, "a", Mode::Enforce, 70),
    ] {
        let terms = terms(&enforcement(config), &request(mount, method, path), host);
        assert_eq!(
            (terms.mode, terms.enforce_percent),
            (mode, percent),
            "{config} {path} {host}"
        );
    }
}

#[test]
fn what_could_not_be_classified_falls_under_the_rules_for_everything() {
    let config = enforcement(
        r#""overrides": [{"match": {"access": "read"}, "mode": "shadow"}, {"enforce_percent": 5}]"#,
    );
    let terms = terms(&config, &Subject::default(), "a");
    assert_eq!((terms.mode, terms.enforce_percent), (Mode::Enforce, 5));
}

#[test]
fn an_ipv6_host_has_no_port_of_its_own() {
    let config = enforcement(r#""overrides": [{"match": {"host": "[::1]"}, "mode": "shadow"}]"#);
    let get = request("/", "GET", "/version");
    for (host, mode) in [
        ("[::1]", Mode::Shadow),
        ("[::1]:8080", Mode::Shadow),
        ("[::2]:8080", Mode::Enforce),
        ("", Mode::Enforce),
    ] {
        assert_eq!(terms(&config, &get, host).mode, mode, "{host}");
    }
}

#[test]
fn a_caller_is_always_on_one_side_and_a_larger_share_only_adds_callers() {
    let callers: Vec<Principal> = (0..1000).map(|n| caller(&format!("key_{n}"))).collect();
    let at = |percent, caller: &Principal| {
        let terms = Terms {
            enforce_percent: percent,
            ..Terms::STRICT
        };
        terms.enforces(Some(caller))
    };
    for percent in [0, 1, 10, 50, 99, 100] {
        let enforced = callers.iter().filter(|it| at(percent, it)).count() as u64;
        assert!(
            enforced.abs_diff(percent * 10) <= 45,
            "{enforced} of 1000 at {percent} %"
        );
    }
    for caller in &callers {
        for percent in 1..=100 {
            assert!(at(percent, caller) || !at(percent - 1, caller));
        }
    }
    // Fixed for ever: a caller does not change sides with a release. its first eight bytes of SHA-256, mod 100, are 16.
    assert_eq!(
        (at(16, &caller("key_1")), at(17, &caller("key_1"))),
        (false, true)
    );
}

#[test]
fn who_has_no_key_id_is_the_last_percent() {
    for (percent, enforced) in [(0, false), (99, false), (100, true)] {
        let terms = Terms {
            enforce_percent: percent,
            ..Terms::STRICT
        };
        assert_eq!(terms.enforces(None), enforced, "{percent}");
        assert_eq!(terms.enforces(Some(&Principal::default())), enforced);
    }
    let shadow = Terms {
        mode: Mode::Shadow,
        ..Terms::STRICT
    };
    assert!(!shadow.enforces(None) && !shadow.can_enforce());
    assert!(shadow.enforced().enforces(None));
}

#[test]
fn other_scope_tables_for_another_mount() {
    let config = enforcement(
        r#""mounts": ["/a", "/b"], "scopes": {"writer": ["run:write"], "reader": ["*:read"]},
           "overrides": [{"match": {"mount": "/b"}, "scopes": {"writer": ["run:delete"]}}]"#,
    );
    let run = |access| Permission::new(Object::Run, access);
    let writer = Principal {
        scopes: vec!["writer".to_owned(), "reader".to_owned()],
        ..Principal::default()
    };
    for (mount, access, granted) in [
        ("/a", Access::Write, true),
        ("/a", Access::Delete, false),
        ("/b", Access::Write, false),
        ("/b", Access::Delete, true),
        ("/b", Access::Read, true),
    ] {
        let request = request(mount, "POST", "/api/2.0/mlflow/runs/create");
        let policy = config.policy(&terms(&config, &request, "a"));
        assert_eq!(
            policy.grants(&writer, run(access)),
            granted,
            "{mount} {access}"
        );
    }
}

#[test]
fn the_gauge_never_says_more_than_is_on() {
    let only_runs =
        r#""mode": "shadow", "overrides": [{"match": {"object": "run"}, "mode": "enforce"}]"#;
    for (config, access, percent) in [
        (r#""version": 1"#, Access::Read, 100),
        (r#""enforce_percent": 10"#, Access::Write, 10),
        (r#""mode": "shadow""#, Access::Admin, 0),
        (
            r#""mode": "shadow", "overrides": [{"match": {"access": "delete"}, "mode": "enforce"}]"#,
            Access::Delete,
            100,
        ),
        (
            r#""mode": "shadow", "overrides": [{"match": {"access": "delete"}, "mode": "enforce"}]"#,
            Access::Write,
            0,
        ),
        // Perhaps, perhaps not: the host decides.
        (
            r#""mode": "shadow", "overrides": [{"match": {"host": "a"}, "mode": "enforce"}]"#,
            Access::Read,
            0,
        ),
        (
            r#""overrides": [{"match": {"mount": "/"}, "enforce_percent": 5}]"#,
            Access::Read,
            5,
        ),
        (
            r#""overrides": [{"match": {"mount": "/"}, "enforce_percent": 5}, {"enforce_percent": 3}]"#,
            Access::Read,
            3,
        ),
        (
            r#""overrides": [{"enforce_percent": 7}, {"match": {"mount": "/"}, "mode": "shadow"}, {"mode": "enforce"}]"#,
            Access::Read,
            0,
        ),
    ] {
        assert_eq!(
            enforcement(config).percent_in_force(access),
            percent,
            "{config}"
        );
    }
    let some = enforcement(only_runs).percent_in_force(Access::Write);
    assert!(0 < some && some < 100, "{some}");
}
