//! Requests given as arguments.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::Parser;

use super::{CommandLine, DEFAULTS, explainer};
use crate::explain::{Args, check_combination, request, run};

fn args<T: Into<OsString>>(line: Vec<T>) -> Args {
    let line = line.into_iter().map(Into::into);
    let line = std::iter::once(OsString::from("explain")).chain(line);
    CommandLine::try_parse_from(line)
        .unwrap_or_else(|error| panic!("{error}"))
        .args
}

fn reason(args: Args) -> String {
    let explainer = explainer(DEFAULTS);
    let explanation = explainer.explain(&request(args).unwrap()).unwrap();
    serde_json::to_value(explanation).unwrap()["reason"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn arguments() {
    let write = [
        "--method",
        "POST",
        "--target",
        "/api/2.0/mlflow/runs/create",
    ];
    let cases: [(&[&str], &str); 9] = [
        (&[], "credential_missing"),
        (&["--scopes", ""], "scope_missing"),
        (&["--scopes", "model:read"], "scope_missing"),
        (&["--scopes", " model:read, write ,"], "allowed"),
        (&["--roles", "r"], "scope_missing"),
        (&["--admin"], "allowed"),
        (&["--header", "Authorization: Bearer k"], "scope_missing"),
        (
            &[
                "--header",
                "X-API-Key: a",
                "--header",
                "x-api-key: b",
                "--admin",
            ],
            "credential_ambiguous",
        ),
        (
            &[
                "--host",
                "h",
                "--header",
                "Host: other",
                "--scopes",
                "write",
            ],
            "allowed",
        ),
    ];
    for (caller, expected) in cases {
        assert_eq!(
            reason(args([&write, caller].concat())),
            expected,
            "{caller:?}"
        );
    }
}

#[test]
fn bytes_that_are_not_text() {
    let odd = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let line = |method: &[u8], target: &[u8]| {
        vec![
            odd(b"--method"),
            odd(method),
            odd(b"--target"),
            odd(target),
            odd(b"--admin"),
        ]
    };
    assert_eq!(reason(args(line(b"GET", b"/\xff\xfe"))), "target_ambiguous");
    assert_eq!(reason(args(line(b"\xff", b"/"))), "target_ambiguous");
    let mut header = line(b"GET", b"/api/2.0/mlflow/experiments/get");
    header.extend([odd(b"--header"), odd(b"x-api-key: \xff\xfe")]);
    assert_eq!(reason(args(header)), "credential_malformed");
}

#[test]
fn headers_that_are_none() {
    let cases = [
        (
            "hk_live_secret",
            "--header: the colon between name and value is missing",
        ),
        (
            ":path: /x",
            "--header: a pseudo-header is given as method, target or host",
        ),
        (
            "a b: c",
            "--header: a header's name holds a character that it cannot hold, or none",
        ),
    ];
    for (header, problem) in cases {
        let error = request(args(vec![
            "--method", "GET", "--target", "/", "--header", header,
        ]));
        let error = error.unwrap_err().to_string();
        assert_eq!(error, format!("{problem}; write --header 'name: value'"));
    }
}

#[test]
fn a_method_and_a_target_by_position_are_answered_with_the_options() {
    for (line, remedy) in [
        (
            &["POST", "/a?b=c"][..],
            "write --method POST --target '/a?b=c'",
        ),
        (&["/a", "POST"], "write --method POST --target '/a'"),
        (&["POST"], "write --method METHOD --target PATH"),
        (
            &["POST", "/a", "--admin", "b"],
            "write --method METHOD --target PATH",
        ),
        (
            &["--stdin", "POST", "/a"],
            "write --method POST --target '/a'",
        ),
    ] {
        let error = run(args(line.to_vec())).unwrap_err().to_string();
        assert!(error.ends_with(&format!("; {remedy}")), "{line:?}: {error}");
    }
}

#[test]
fn combinations() {
    let stdin = |more: &[&str]| check_combination(&args([&["--stdin"], more].concat()));
    assert!(stdin(&[]).is_ok());
    assert!(stdin(&["--format", "json"]).is_ok());
    assert!(stdin(&["--format", "text"]).is_err());
    assert!(stdin(&["--config", "-"]).is_err());
    for line in [
        &["explain"][..],
        &["explain", "--method", "GET"],
        &["explain", "--stdin", "--admin"],
    ] {
        assert!(CommandLine::try_parse_from(line).is_err(), "{line:?}");
    }
}
