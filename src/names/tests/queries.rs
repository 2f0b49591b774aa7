//! Names in the query of a `GET`.

use super::{get, request};

const GET_MODEL: &str = "/api/2.0/mlflow/registered-models/get";
const GET_EXPERIMENT: &str = "/api/2.0/mlflow/experiments/get";
const GET_VERSION: &str = "/api/2.0/mlflow/model-versions/get";

fn model(query: &str) -> Result<String, String> {
    let demands = get(&format!("{GET_MODEL}?{query}"))?;
    assert_eq!(demands.len(), 1, "{query}");
    let name = demands[0].strip_prefix("registered_model:read ");
    Ok(name.expect("the operation's permission").to_owned())
}

#[test]
fn a_query_that_every_server_reads_alike() {
    for (query, name) in [
        ("name=acme-a", "acme-a"),
        ("n%61me=acme-a", "acme-a"),
        ("name=a%2Db%2d", "a-b-"),
        // Decoded once.
        ("name=a%252Db", "a%2Db"),
        ("name=a%25zz", "a%zz"),
        ("name=acme+%25%2B-a", "acme %+-a"),
        ("name=acme%20a", "acme a"),
        // `;` separates nothing, and the first `=` does.
        ("name=acme-a;name=x", "acme-a;name=x"),
        ("name=a=b", "a=b"),
        ("name=acme-a?x", "acme-a?x"),
        ("x=&name=acme-a&api_key=k&_=1", "acme-a"),
        ("x=1&x=2&name=acme-a", "acme-a"),
        ("names=x&nam=y&name=acme-a", "acme-a"),
        ("x=%C3%BC&name=acme-a", "acme-a"),
    ] {
        assert_eq!(model(query), Ok(name.to_owned()), "{query}");
    }
}

#[test]
fn a_query_that_servers_read_in_two_ways_is_refused() {
    for query in [
        // Twice: the first counts, or a list is made of both.
        "name=acme-a&name=globex-b",
        "name=acme-a&name=acme-a",
        "name=acme-a&n%61me=globex-b",
        "n%61me=globex-b&name=acme-a",
        "name=&name=globex-b",
        // In another spelling.
        "NAME=acme-a",
        "Name=acme-a&name=acme-a",
        "n_a_m_e=globex-b&name=acme-a",
        "%5Bname%5D=globex-b&name=acme-a",
        "name=acme-a&%5Bname%5D=globex-b",
        "name=acme-a&name[0]=globex-b",
        "name=acme-a&x[]=1",
        "[a]=1&name=acme-a",
        "+name=globex-b&name=acme-a",
        "name%00=globex-b&name=acme-a",
        "=x&name=acme-a",
        "x.y=1&name=acme-a",
        "%C3%BC=1&name=acme-a",
        // No pairs.
        "name",
        "name&name=acme-a",
        "name=acme-a&x",
        "name=acme-a&",
        "&name=acme-a",
        "name=acme-a&&x=1",
        "&",
        // Escapes that are none, or not of UTF-8.
        "name=acme-%",
        "name=acme-%4",
        "name=acme-%zz",
        "name=acme-%+1",
        "name=acme-a&x=%zz",
        "name=acme-%FF",
        "name=acme-%C0%AE",
        "name=acme-%ED%A0%80",
        "name=acme-a&x=%FF",
        "name=acme-a#frag",
        "name=acme-a&x=#",
        // Absent or empty.
        "",
        "x=1",
        "name=",
        "name=%20",
        "name=acme%00",
        "name=acme%0A",
    ] {
        assert!(model(query).is_err(), "{query}: {:?}", model(query));
    }
    // Not visible ASCII: nothing that a target may hold.
    assert!(model("name=\u{fc}").is_err() && model("name=a b").is_err());
}

#[test]
fn every_field_of_the_operation_stands_there_once_and_in_its_spelling() {
    for (target, expected) in [
        (
            format!("{GET_VERSION}?name=acme-a&version=1"),
            Some("model_version:read acme-a"),
        ),
        (
            format!("{GET_VERSION}?name=acme-a&version=1&version=2"),
            None,
        ),
        (format!("{GET_VERSION}?name=acme-a&Version=1"), None),
        (
            format!("{GET_EXPERIMENT}?experiment_id=7"),
            Some("experiment:read #7"),
        ),
        (format!("{GET_EXPERIMENT}?experimentId=7"), None),
        (
            format!("{GET_EXPERIMENT}?experiment_id=7&experimentId=8"),
            None,
        ),
        (
            format!("{GET_EXPERIMENT}?experiment_id=7&experimentid=8"),
            None,
        ),
        (format!("{GET_EXPERIMENT}?experiment_id="), None),
        (GET_EXPERIMENT.to_owned(), None),
        (format!("{GET_EXPERIMENT}?"), None),
        (
            "/api/2.0/mlflow/registered-models/alias?name=acme-a&alias=champion".to_owned(),
            // The model is what is read.
            Some("model_version:read acme-a"),
        ),
        (
            "/api/2.0/mlflow/experiments/get-by-name?experiment_name=acme%2Fexp".to_owned(),
            Some("experiment:read acme/exp"),
        ),
        (
            "/ajax-api/2.0/mlflow/registered-models/get?name=acme-a".to_owned(),
            Some("registered_model:read acme-a"),
        ),
        (
            "/model-versions/get-artifact?path=MLmodel&name=acme-a&version=1".to_owned(),
            Some("artifact:read acme-a"),
        ),
    ] {
        let found = get(&target);
        let expected = expected.map(|demand| vec![demand.to_owned()]);
        assert_eq!(found.clone().ok(), expected, "{target}: {found:?}");
    }
}

#[test]
fn a_get_has_no_body_and_head_is_refused() {
    let target = &format!("{GET_MODEL}?name=acme-a");
    type Headers<'a> = &'a [(&'a [u8], &'a [u8])];
    let cases: [(Headers<'_>, bool); 8] = [
        (&[], true),
        (&[(b"content-length", b"0")], true),
        (&[(b"content-type", b"application/json")], true),
        (&[(b"content-length", b"2")], false),
        (
            &[(b"content-length", b"0"), (b"content-length", b"2")],
            false,
        ),
        (&[(b"content_length", b"2")], false),
        (&[(b"content-length", b"")], false),
        (&[(b"transfer-encoding", b"chunked")], false),
    ];
    for (headers, accepted) in cases {
        let found = request("GET", target, headers, b"");
        assert_eq!(found.is_ok(), accepted, "{headers:?}: {found:?}");
        assert!(request("HEAD", target, headers, b"").is_err());
    }
    // MLflow would read the name from the body: an oracle for what exists.
    for method in ["GET", "HEAD"] {
        let headers = [super::JSON, (&b"content-length"[..], &b"17"[..])];
        let found = request(method, GET_MODEL, &headers, br#"{"name":"acme-a"}"#);
        assert!(found.is_err(), "{method}: {found:?}");
    }
}

/// In another workspace the same name is another object.
#[test]
fn a_workspace_is_refused_in_every_spelling_of_its_header() {
    for name in [
        &b"x-mlflow-workspace"[..],
        b"x_mlflow_workspace",
        b"x-mlflow_workspace",
    ] {
        for value in [&b"acme"[..], b"default", b""] {
            for target in [
                format!("{GET_MODEL}?name=acme-a"),
                "/api/2.0/mlflow-artifacts/artifacts/7/f".to_owned(),
                "/api/2.0/mlflow-artifacts/artifacts?path=7".to_owned(),
            ] {
                let found = request("GET", &target, &[(name, value)], b"");
                assert_eq!(found, Err("its header X-MLFLOW-WORKSPACE selects a workspace, in which a name can be another object".to_owned()), "{target}");
            }
            let found = request(
                "POST",
                super::CREATE,
                &[super::JSON, (name, value)],
                br#"{"name":"a"}"#,
            );
            assert_eq!(found, Err("its header X-MLFLOW-WORKSPACE selects a workspace, in which a name can be another object".to_owned()));
        }
    }
}

#[test]
fn searches_and_what_is_named_by_no_name_are_told_apart() {
    for (method, target, expected) in [
        (
            "GET",
            "/api/2.0/mlflow/registered-models/search?filter=x",
            "everything",
        ),
        ("GET", "/api/2.0/mlflow/model-versions/search", "everything"),
        ("POST", "/api/2.0/mlflow/experiments/search", "everything"),
        ("GET", "/api/2.0/mlflow/runs/get?run_id=1", "nothing"),
        ("POST", "/api/2.0/mlflow/runs/create", "nothing"),
        ("POST", "/api/2.0/mlflow/logged-models", "nothing"),
        ("GET", "/get-artifact?path=f&run_uuid=1", "nothing"),
        (
            "POST",
            "/api/2.0/mlflow-artifacts/mpu/create/7/f",
            "nothing",
        ),
    ] {
        assert_eq!(
            request(method, target, &[], b""),
            Ok(vec![expected.to_owned()]),
            "{method} {target}"
        );
    }
}
