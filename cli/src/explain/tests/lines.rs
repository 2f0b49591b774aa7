//! Lines that are not requests, and how lines are read and written.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use serde_json::{Value, json};

use super::{DEFAULTS, explained, explainer, one};
use crate::explain::lines::{Failure, LONGEST_LINE, Tally, explain_lines};

const GOOD: &str = r#"{"method":"GET","target":"/health"}"#;

#[test]
fn lines_that_are_not_requests() {
    let long = format!(
        r#"{{"method":"GET","target":"/{}"}}"#,
        "a".repeat(LONGEST_LINE)
    );
    let cases: &[(&[u8], &str)] = &[
        (b"", "it is empty; write a JSON object"),
        (b" \t", "it is empty; write a JSON object"),
        (b"[\"GET\",\"/\"]", "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b"nonsense", "it is not a JSON object"),
        (
            b"{",
            "it is not JSON: EOF while parsing an object at column 1",
        ),
        (b"{} {}", "method is missing"),
        (br#"{"method":"GET"}"#, "target is missing"),
        (
            br#"{"method":"GET","target":"/"} x"#,
            "something follows the JSON object",
        ),
        (
            br#"{"method":"GET","target":"/","target":"/"}"#,
            "target is duplicated",
        ),
        (
            br#"{"method":null,"target":"/"}"#,
            "method: must be text in quotes",
        ),
        (
            br#"{"method":"GET","target":"/","scopes":"hk_live_secret"}"#,
            "scopes: must be a list",
        ),
        (
            br#"{"method":"GET","target":"/","scopes":["a",5]}"#,
            "scopes[1]: must be text in quotes",
        ),
        (
            br#"{"method":"GET","target":"/","scopes":[null]}"#,
            "scopes[0]: must be text in quotes",
        ),
        (
            br#"{"method":"GET","target":"/","scopes":{"a":1}}"#,
            "scopes: must be a list",
        ),
        (
            br#"{"method":"GET","target":"/","roles":7}"#,
            "roles: must be a list",
        ),
        (
            br#"{"method":"GET","target":"/","is_admin":"yes"}"#,
            "is_admin: must be true or false",
        ),
        (
            br#"{"method":"GET","target":"/","host":7}"#,
            "host: must be text in quotes",
        ),
        (
            br#"{"method":"GET","target":"/","body":7}"#,
            "body: must be text in quotes, an object or a list",
        ),
        (
            br#"{"method":"GET","target":"/","body":false}"#,
            "body: must be text in quotes, an object or a list",
        ),
        (
            br#"{"method":"GET","target":"/","body_base64":"hk_live_secret"}"#,
            "body_base64: must be padded base64",
        ),
        (
            br#"{"method":"GET","target":"/","body":"a","body_base64":"YQ=="}"#,
            "body and body_base64 exclude each other",
        ),
        (
            br#"{"method":"GET","target":"/","grants":{"scope":"a"}}"#,
            "grants: must be a list",
        ),
        (
            br#"{"method":"GET","target":"/","grants":[{"scope":"a"}]}"#,
            "a grant needs names, workspaces or both; write a scope without these limits in scopes",
        ),
        (
            br#"{"method":"GET","target":"/","grants":[{"scope":"a","names":"hk_live_secret"}]}"#,
            "grants[0].names: must be a list",
        ),
        (
            br#"{"method":"GET","target":"/","grants":[{"scope":"a","names":[],"name":"b"}]}"#,
            "grants[0].name: unknown field `name`; write one of `scope`, `names`, `workspaces`",
        ),
        (
            br#"{"method":"GET","target":"/","headers":"Bearer hk_live_secret"}"#,
            "headers: must be an object of headers or a list of [name, value]",
        ),
        (
            br#"{"method":"GET","target":"/","headers":{"a":{"b":"hk_live_secret"}}}"#,
            "headers.a: must be text in quotes, or a list of texts in quotes",
        ),
        (
            br#"{"method":"GET","target":"/","headers":{":path":"/x"}}"#,
            "headers: a pseudo-header is given as method, target or host",
        ),
        (
            br#"{"method":"GET","target":"/","headers":[["a b","hk_live_secret"]]}"#,
            "headers: a header's name holds a character that it cannot hold, or none",
        ),
        (
            br#"{"method":"GET","target":"/","headers":[["a"]]}"#,
            "headers[0]: must be a list of two",
        ),
        (
            b"{\"method\":\"GET\",\"target\":\"/\xff\xfe\"}",
            "it is not JSON: invalid unicode code point at column 28",
        ),
        (
            br#"{"method":"GET","target":"/\ud800"}"#,
            "it is not JSON: unexpected end of hex escape at column 34",
        ),
        (
            b"{\"method\":\"GET\",\"target\":\"/\x00\"}",
            "it is not JSON: control character (\\u0000-\\u001F) found while parsing a string at column 28",
        ),
        (long.as_bytes(), "it is longer than 16777216 bytes"),
    ];
    for (line, problem) in cases {
        // Between two good ones: the run goes on, and lines of output match those of input.
        let input = [GOOD.as_bytes(), line, GOOD.as_bytes()].join(&b'\n');
        let (output, tally) = explained(DEFAULTS, &input);
        let shown = String::from_utf8_lossy(line.get(..100).unwrap_or(line));
        assert_eq!(output[1]["error"], format!("line 2: {problem}"), "{shown}");
        assert_eq!(
            (&output[0]["reason"], &output[2]["reason"]),
            (&"public".into(), &"public".into())
        );
        assert_eq!(
            tally,
            Tally {
                lines: 3,
                refused: 1,
                first_refused: Some(2),
                denied: 0,
            }
        );
        assert!(!output[1].to_string().contains("hk_live_secret"));
    }
}

#[test]
fn unknown_fields_are_named_with_the_known_ones() {
    let (output, _) = explained(DEFAULTS, br#"{"method":"GET","target":"/","role":["a"]}"#);
    let error = output[0]["error"].as_str().unwrap();
    assert!(
        error.starts_with("line 1: unknown field `role`; write one of `method`"),
        "{error}"
    );
}

#[test]
fn line_ends() {
    for input in [
        format!("{GOOD}\n{GOOD}"),
        format!("{GOOD}\n{GOOD}\n"),
        format!("{GOOD}\r\n{GOOD}\r\n"),
    ] {
        let (output, tally) = explained(DEFAULTS, input.as_bytes());
        assert_eq!(
            (output.len(), tally.lines, tally.refused),
            (2, 2, 0),
            "{input:?}"
        );
    }
    assert_eq!(explained(DEFAULTS, b"").1, Tally::default());
}

#[test]
fn the_longest_line_fits() {
    let frame = r#"{"method":"GET","target":"/"}"#.len();
    let line = format!(
        r#"{{"method":"GET","target":"/{}"}}"#,
        "a".repeat(LONGEST_LINE - frame)
    );
    assert_eq!(line.len(), LONGEST_LINE);
    for end in ["", "\n"] {
        assert_eq!(
            explained(DEFAULTS, format!("{line}{end}").as_bytes())
                .1
                .refused,
            0,
            "{end:?}"
        );
    }
}

#[test]
fn a_reader_that_leaves_and_a_source_that_fails_end_the_run() {
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    let left = explain_lines(&explainer(DEFAULTS), GOOD.as_bytes(), Broken);
    assert!(
        matches!(left, Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe)
    );
    let failed = explain_lines(&explainer(DEFAULTS), Broken, io::sink());
    assert!(matches!(failed, Err(Failure::Read(error)) if error.kind() == io::ErrorKind::TimedOut));
}

/// A peer that sends its next line only once it has the answer to the last is not kept waiting.
#[test]
fn answers_are_not_held_back_while_nothing_more_has_arrived() {
    struct Peer {
        answers: Rc<RefCell<Vec<u8>>>,
        sent: usize,
    }

    impl Read for Peer {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let answered = self.answers.borrow().split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(answered, self.sent);
            if self.sent == 3 {
                return Ok(0);
            }
            self.sent += 1;
            let line = format!("{GOOD}\n");
            buffer[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }

    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let answers = Rc::default();
    let peer = Peer {
        answers: Rc::clone(&answers),
        sent: 0,
    };
    let tally = explain_lines(&explainer(DEFAULTS), peer, Shared(answers)).unwrap();
    assert_eq!(tally.lines, 3);
}

#[test]
fn odd_targets_are_decided_and_never_trap() {
    let targets = [
        "*",
        "/%",
        "/%zz",
        "/\u{fffd}",
        "/\u{0}",
        "//",
        "/;x",
        "/a/..",
        "?",
        "",
        "/%2f",
        "/%252f",
    ];
    for target in targets {
        let line = serde_json::json!({"method": "GET", "target": target, "scopes": ["read"]});
        let (output, tally) = explained(DEFAULTS, line.to_string().as_bytes());
        assert_eq!(tally.refused, 0, "{target:?}");
        assert_ne!(output[0]["decision"], Value::Null, "{target:?}");
    }
}

/// Who falls into a share, and which words nobody knows.
#[test]
fn shares_and_unknown_words_are_told() {
    let config = r#"{"mounts": ["/"], "auth_service": {"cluster": "a"}, "enforce_percent": 50, "roles": {"ops": ["job:use"]}}"#;
    let write = r#""method": "POST", "target": "/api/2.0/mlflow/runs/create""#;
    let (mut enforced, mut not) = (0, 0);
    for number in 0..100 {
        let line = format!(r#"{{{write}, "key_id": "key_{number}", "user_id": "u"}}"#);
        let told = one(config, &line);
        assert_eq!(
            (&told["key_id"], &told["user_id"]),
            (&json!(format!("key_{number}")), &json!("u"))
        );
        assert_eq!(told["enforce_percent"], 50);
        if told["percentile"].as_u64().unwrap() < 50 {
            assert_eq!(
                (&told["decision"], &told["status"]),
                (&json!("deny"), &json!(403)),
                "{told}"
            );
            enforced += 1;
        } else {
            assert_eq!(
                (&told["decision"], &told["status"]),
                (&json!("would_deny"), &Value::Null),
                "{told}"
            );
            not += 1;
        }
    }
    assert!(enforced > 30 && not > 30, "{enforced} {not}");
    let told = one(config, &format!(r#"{{{write}, "scopes": []}}"#));
    assert_eq!(
        (&told["percentile"], &told["decision"]),
        (&json!(99), &json!("would_deny"))
    );
    let line = format!(
        r#"{{{write}, "scopes": ["model:read", "x:y", "model:write:a-*"], "roles": ["ops", "dev"],
            "grants": [{{"scope": "z", "names": ["a"]}}]}}"#
    )
    .replace('\n', "");
    let told = one(config, &line);
    assert_eq!(told["unknown_scopes"], json!(["x:y", "z"]));
    assert_eq!(told["unknown_roles"], json!(["dev"]));
}
