//! Bodies that Python and protobuf could read in another way.

use super::{CREATE, post};

const RENAME: &str = "/api/2.0/mlflow/registered-models/rename";
const UPDATE_EXPERIMENT: &str = "/api/2.0/mlflow/experiments/update";
const TRANSITION: &str = "/api/2.0/mlflow/model-versions/transition-stage";
const LATEST: &str = "/api/2.0/mlflow/registered-models/get-latest-versions";

fn name(body: &[u8]) -> Option<String> {
    let demands = post(CREATE, body).ok()?;
    assert_eq!(demands.len(), 1);
    let name = demands[0].strip_prefix("registered_model:write ");
    Some(name.expect("the operation's permission").to_owned())
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

fn utf32(text: &str, to_bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
    text.chars().flat_map(|c| to_bytes(c.into())).collect()
}

#[test]
fn plain_objects_are_read() {
    for body in [
        &br#"{"name":"acme-a"}"#[..],
        b" \t\r\n{ \"name\" :\r\n\t\"acme-a\" } \t\r\n",
        br#"{"na\u006de":"acme\u002da"}"#,
        br#"{"description":"d","name":"acme-a"}"#,
        br#"{"name":"acme-a","tags":[],"description":"","deployment_job_id":""}"#,
        br#"{"name":"acme-a","tags":[{"key":"k","value":"v"},{"value":"","key":"k"}]}"#,
        "{\"name\":\"acme-a\",\"description\":\"\u{fc}\u{1f389}\u{feff}\"}".as_bytes(),
        br#"{"name":"acme-a","description":"\ud83c\udf89 {\"name\":\"globex-b\"}"}"#,
    ] {
        let found = name(body);
        assert_eq!(found.as_deref(), Some("acme-a"), "{}", body.escape_ascii());
    }
    let padded = [&b"{\"name\":\"acme-a\""[..], &b" ".repeat(70_000), b"}"].concat();
    assert_eq!(name(&padded).as_deref(), Some("acme-a"));
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    const TEXT: &str = r#"{"name":"acme-a"}"#;
    let with_mark = |text: &str| format!("\u{feff}{text}");
    for body in [
        with_mark(TEXT).into_bytes(),
        with_mark(&with_mark(TEXT)).into_bytes(),
        format!(" {}", with_mark(TEXT)).into_bytes(),
        utf16(TEXT, u16::to_le_bytes),
        utf16(TEXT, u16::to_be_bytes),
        utf16(&with_mark(TEXT), u16::to_le_bytes),
        utf16(&with_mark(TEXT), u16::to_be_bytes),
        utf32(TEXT, u32::to_le_bytes),
        utf32(TEXT, u32::to_be_bytes),
        utf32(&with_mark(TEXT), u32::to_le_bytes),
        utf32(&with_mark(TEXT), u32::to_be_bytes),
        b"{\"name\":\"acme-a\",\"description\":\"\xfc\"}".to_vec(),
        b"{\"name\":\"acme-a\",\"description\":\"\xc0\xae\"}".to_vec(),
        // A surrogate, alone and in a pair, which Python's decoder lets pass.
        b"{\"name\":\"acme-a\",\"description\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"name\":\"acme-a\",\"description\":\"\xed\xa0\xbc\xed\xbe\x89\"}".to_vec(),
        b"{\"name\":\"acme-a\",\"description\":\"\xf4\x90\x80\x80\"}".to_vec(),
        b"{\"name\":\"acme-a\"}\xff".to_vec(),
        b"\xff{\"name\":\"acme-a\"}".to_vec(),
        b"{\"name\":\"acme-a\"}\0".to_vec(),
        b"\0{\"name\":\"acme-a\"}".to_vec(),
        b"{\0\"name\":\"acme-a\"}".to_vec(),
        b"{\"name\":\"acme-a\",\"description\":\"\0\"}".to_vec(),
    ] {
        assert_eq!(name(&body), None, "{}", body.escape_ascii());
    }
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for body in [
        &br#""{\"name\":\"acme-a\"}""#[..],
        br#"[{"name":"acme-a"}]"#,
        br#"["acme-a"]"#,
        b"null",
        b"1",
        b"true",
        br#""abc""#,
        br#"{"name":"acme-a"}x"#,
        br#"{"name":"acme-a"}{"name":"globex-b"}"#,
        br#"{"name":"acme-a"},"#,
        br#"{"name":"acme-a",}"#,
        br#"{"name":"acme-a"/**/}"#,
        b"{'name':'acme-a'}",
        br#"{name:"acme-a"}"#,
        br#"{"name":"acme-a""#,
        br#"{"name":"\x41cme-a"}"#,
        b"{\"name\":\"acme-a\",\"description\":\"\n\"}",
        b"\x0b{\"name\":\"acme-a\"}",
        b"\x0c{\"name\":\"acme-a\"}",
        b"{\"name\":\"acme-a\"}\x0b",
        b"{\"name\":\"acme-a\"}\x0c",
        b"\xc2\xa0{\"name\":\"acme-a\"}",
        b"name=acme-a",
        b"--x\r\n\r\n{}",
        b"\x1f\x8b\x08",
    ] {
        assert_eq!(name(body), None, "{}", body.escape_ascii());
    }
}

#[test]
fn a_field_that_stands_there_twice_is_refused() {
    for body in [
        r#"{"name":"acme-a","name":"globex-b"}"#,
        r#"{"name":"globex-b","name":"acme-a"}"#,
        r#"{"name":"acme-a","name":"acme-a"}"#,
        r#"{"name":"acme-a","na\u006de":"globex-b"}"#,
        r#"{"name":"acme-a","name":null}"#,
        r#"{"name":null,"name":"acme-a"}"#,
        r#"{"name":"acme-a","description":"a","description":"b"}"#,
        r#"{"name":"acme-a","tags":[{"key":"k","value":"a","value":"b"}]}"#,
        r#"{"name":"acme-a","tags":[],"tags":[]}"#,
    ] {
        assert_eq!(name(body.as_bytes()), None, "{body}");
    }
}

/// protobuf stops silently at what it dislikes, and MLflow goes on with what was read until then.
#[test]
fn a_field_of_another_kind_is_refused_wherever_it_stands() {
    for (body, path) in [
        (r#"{"name":5}"#, CREATE),
        (r#"{"name":true}"#, CREATE),
        (r#"{"name":null}"#, CREATE),
        (r#"{"name":["acme-a"]}"#, CREATE),
        (r#"{"name":{"a":"acme-a"}}"#, CREATE),
        (r#"{"name":"acme-a","description":5}"#, CREATE),
        (r#"{"name":"acme-a","description":null}"#, CREATE),
        (r#"{"name":"acme-a","deployment_job_id":5}"#, CREATE),
        (r#"{"name":"acme-a","tags":{}}"#, CREATE),
        (r#"{"name":"acme-a","tags":"k"}"#, CREATE),
        (r#"{"name":"acme-a","tags":null}"#, CREATE),
        (r#"{"name":"acme-a","tags":["k"]}"#, CREATE),
        (r#"{"name":"acme-a","tags":[["k","v"]]}"#, CREATE),
        (r#"{"name":"acme-a","tags":[null]}"#, CREATE),
        (
            r#"{"name":"acme-a","tags":["k",{"key":"k","value":"v"}]}"#,
            CREATE,
        ),
        (
            r#"{"name":"acme-a","tags":[{"key":"k","value":"v"},"k"]}"#,
            CREATE,
        ),
        (r#"{"name":"acme-a","tags":[{"key":"k"}]}"#, CREATE),
        (
            r#"{"name":"acme-a","tags":[{"key":"k","value":5}]}"#,
            CREATE,
        ),
        (
            r#"{"name":"acme-a","tags":[{"key":"k","value":null}]}"#,
            CREATE,
        ),
        (
            r#"{"name":"acme-a","tags":[{"key":"k","value":"v","x":[]}]}"#,
            CREATE,
        ),
        (r#"{"tags":5,"name":"acme-a"}"#, CREATE),
        (
            r#"{"tags":5,"experiment_id":"7","new_name":"a"}"#,
            UPDATE_EXPERIMENT,
        ),
        (r#"{"experiment_id":7,"new_name":"a"}"#, UPDATE_EXPERIMENT),
        (
            r#"{"name":"acme-a","version":1,"stage":"Staging"}"#,
            TRANSITION,
        ),
        (
            r#"{"name":"acme-a","version":"1","stage":"Staging","archive_existing_versions":"true"}"#,
            TRANSITION,
        ),
        (
            r#"{"name":"acme-a","version":"1","stage":"Staging","archive_existing_versions":1}"#,
            TRANSITION,
        ),
        (r#"{"name":"acme-a","stages":"None"}"#, LATEST),
        (r#"{"name":"acme-a","stages":[1]}"#, LATEST),
        (
            r#"{"name":"acme-a","stages":[{"key":"k","value":"v"}]}"#,
            LATEST,
        ),
    ] {
        let found = post(path, body.as_bytes());
        assert!(found.is_err(), "{body}: {found:?}");
    }
    for (body, path) in [
        (
            r#"{"name":"acme-a","version":"1","stage":"x","archive_existing_versions":false}"#,
            TRANSITION,
        ),
        (r#"{"name":"acme-a","stages":[]}"#, LATEST),
        (r#"{"name":"acme-a","stages":["None","x"]}"#, LATEST),
        (r#"{"name":"acme-a"}"#, LATEST),
    ] {
        assert!(post(path, body.as_bytes()).is_ok(), "{body}");
    }
}

#[test]
fn a_field_that_the_message_does_not_have_in_this_spelling_is_refused() {
    for (body, path) in [
        (r#"{"name":"acme-a","newName":"acme-b"}"#, RENAME),
        (
            r#"{"name":"acme-a","new_name":"acme-b","newName":"globex-c"}"#,
            RENAME,
        ),
        (
            r#"{"newName":"globex-c","name":"acme-a","new_name":"acme-b"}"#,
            RENAME,
        ),
        (r#"{"name":"acme-a","[a]":1,"new_name":"acme-b"}"#, RENAME),
        (
            r#"{"new_name":"pwn","[a]":1,"experiment_id":"7"}"#,
            UPDATE_EXPERIMENT,
        ),
        (
            r#"{"new_name":"pwn","experimentId":"0","experiment_id":"7"}"#,
            UPDATE_EXPERIMENT,
        ),
        (r#"{"[]":"","name":"acme-a"}"#, CREATE),
        (r#"{"[mlflow.x]":"","name":"acme-a"}"#, CREATE),
        (r#"{"":"","name":"acme-a"}"#, CREATE),
        (r#"{"Name":"globex-b","name":"acme-a"}"#, CREATE),
        (r#"{" name":"globex-b","name":"acme-a"}"#, CREATE),
        (r#"{"name\u0000":"globex-b","name":"acme-a"}"#, CREATE),
        (r#"{"deploymentJobId":"x","name":"acme-a"}"#, CREATE),
        (r#"{"unknown":"x","name":"acme-a"}"#, CREATE),
        (r#"{"\ud800":"x","name":"acme-a"}"#, CREATE),
        (r#"{"name":"acme-a","x":NaN}"#, CREATE),
    ] {
        let found = post(path, body.as_bytes());
        assert!(found.is_err(), "{body}: {found:?}");
    }
}

#[test]
fn what_python_reads_and_json_does_not_have_is_refused() {
    let digits = "1".repeat(5000);
    for value in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "01",
        "1.",
        digits.as_str(),
        r#""\ud800""#,
        r#""\udf89\ud83c""#,
        r#""\ud83cx""#,
    ] {
        for field in ["description", "x"] {
            let body = format!(r#"{{"name":"acme-a","{field}":{value}}}"#);
            assert_eq!(name(body.as_bytes()), None, "{body}");
        }
    }
}

#[test]
fn deep_nesting_is_refused_and_takes_no_stack() {
    for depth in [2, 33, 500, 990, 100_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for field in ["x", "tags", "name"] {
                let body = format!(r#"{{"{field}":{value},"name":"acme-a"}}"#);
                assert_eq!(name(body.as_bytes()), None, "{depth} {open} {field}");
            }
            assert_eq!(name(value.as_bytes()), None);
            assert_eq!(name(open.repeat(depth).as_bytes()), None);
        }
    }
}

/// Every prefix, every single changed byte: refused, or read as a name, but never a panic.
#[test]
fn no_bytes_lead_to_a_panic() {
    let body =
        br#"{"name":"acme-\u0061","tags":[{"key":"k","value":"\ud83c\udf89"}],"description":"d"}"#;
    for end in 0..body.len() {
        assert_eq!(name(&body[..end]), None);
    }
    for at in 0..body.len() {
        for byte in [
            0, b'"', b'\\', b'{', b'}', b'[', b',', b'5', 0x7f, 0x80, 0xff,
        ] {
            let mut changed = body.to_vec();
            changed[at] = byte;
            if let Some(name) = name(&changed) {
                assert!((1..=256).contains(&name.len()));
            }
        }
    }
}
