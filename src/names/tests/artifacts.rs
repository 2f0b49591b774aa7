//! Artifacts by the experiment whose id their path begins with.

use super::{below, get, request};

const ARTIFACTS: &str = "/api/2.0/mlflow-artifacts/artifacts";

#[test]
fn a_file_is_of_the_experiment_whose_id_comes_first() {
    for (path, id) in [
        ("7/0123456789abcdef0123456789abcdef/artifacts/f.txt", "7"),
        ("7/models/m-1/artifacts/MLmodel", "7"),
        ("7/traces/tr-1/artifacts/traces.json", "7"),
        ("7", "7"),
        ("7/", "7"),
        ("0/f", "0"),
        ("9223372036854775807/f", "9223372036854775807"),
        ("%37/f", "7"),
        ("7/100%25.txt", "7"),
        ("7/a%2520b", "7"),
        ("7/a;b/c", "7"),
        ("7/8/f", "7"),
        ("7/workspaces/w/8/f", "7"),
        ("workspaces/acme/7/f", "7"),
        ("workspaces/acme/7", "7"),
        ("7/mlflow-artifacts/artifacts/8/f", "7"),
    ] {
        for (method, access) in [("GET", "read"), ("PUT", "write"), ("DELETE", "delete")] {
            for surface in ["api", "ajax-api"] {
                let target = format!("/{surface}/2.0/mlflow-artifacts/artifacts/{path}");
                let takes_others =
                    method == "DELETE" && matches!(path, "7" | "7/" | "workspaces/acme/7");
                let expected = if takes_others {
                    "artifact:delete *".to_owned()
                } else {
                    format!("artifact:{access} #{id}")
                };
                assert_eq!(
                    request(method, &target, &[], b""),
                    Ok(vec![expected]),
                    "{method} {target}"
                );
            }
        }
    }
}

/// What a mount's own path looks like is nobody's experiment.
#[test]
fn the_path_below_the_mount_counts() {
    for mount in [
        "/api/mlflow",
        "/mlflow-artifacts/artifacts/7",
        "/api/2.0/mlflow-artifacts/artifacts/7",
        "/7/mlflow-artifacts",
    ] {
        for (path, id) in [("8/f", "8"), ("8/mlflow-artifacts/artifacts/7/f", "8")] {
            let target = format!("{ARTIFACTS}/{path}");
            let found = below(mount, "PUT", &target, &[], b"");
            let expected = vec![format!("artifact:write #{id}")];
            assert_eq!(found, Ok(expected), "{mount}{target}");
        }
    }
}

#[test]
fn a_path_that_could_be_of_another_experiment_is_refused() {
    for path in [
        "f",
        "077/f",
        "00/f",
        "+7/f",
        "-7/f",
        "7%20/f",
        "%207/f",
        "7;x/f",
        "7a/f",
        "7.0/f",
        "7_0/f",
        "%EF%BC%97/f",
        "%D9%A7/f",
        "%2537/f",
        "12345678901234567890/f",
        "./7/f",
        "7/../8/f",
        "7/%2e%2e/8/f",
        "7/a%252f..%252f..%252f8/f",
        "7/a%5C..%5C8",
        "7/f%00",
        "7/f%0A",
        "7/f%23x",
        "7/f%3Fx",
        "//7/f",
        "%2F7/f",
        "7//f",
        "workspaces",
        "workspaces/",
        "workspaces/acme",
        "workspaces/acme/",
        "workspaces/acme/f",
        "workspaces/a%25b/7/f",
        "workspaces/acme/077/f",
        "workspaces/acme/workspaces/acme/7/f",
        "Workspaces/acme/7/f",
        "%2577orkspaces/acme/7/f",
        "file:/7/f",
    ] {
        let target = format!("{ARTIFACTS}/{path}");
        for method in ["GET", "PUT", "DELETE"] {
            // Without an operation it is somebody else's to refuse.
            if crate::catalog::CATALOG
                .find(method, target.as_str())
                .is_none()
            {
                continue;
            }
            let found = request(method, &target, &[], b"");
            assert!(found.is_err(), "{method} {target}: {found:?}");
        }
    }
}

#[test]
fn only_the_path_counts_and_no_query_or_body_beside_it() {
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        let access = match method {
            "PUT" => "write",
            "DELETE" => "delete",
            _ => "read",
        };
        let headers: [(&[u8], &[u8]); 2] =
            [(b"content-length", b"3"), (b"content-type", b"text/plain")];
        let found = request(method, &format!("{ARTIFACTS}/7/f?path=8"), &headers, b"abc");
        assert_eq!(found, Ok(vec![format!("artifact:{access} #7")]));
    }
}

#[test]
fn a_list_is_of_the_experiment_in_its_query() {
    for (query, id) in [
        ("path=7", "7"),
        ("path=7%2F", "7"),
        ("path=1%2Fmodels%2Fm-1%2Fartifacts", "1"),
        ("path=7/a", "7"),
        ("path=7%2F100%25", "7"),
        ("path=7%2F100%25.txt", "7"),
        ("path=workspaces%2Facme%2F7", "7"),
    ] {
        assert_eq!(
            get(&format!("{ARTIFACTS}?{query}")),
            Ok(vec![format!("artifact:read #{id}")]),
            "{query}"
        );
    }
    for query in [
        "",
        "path=",
        "Path=7",
        "x=1",
        "path=7&path=8",
        "path=.",
        "path=./7",
        "path=/7",
        "path=7%2F..%2F8",
        "path=7/./8",
        "path=%2537",
        "path=7%252F..%252F8",
        "path=7/a%252F..%252F..%252F8",
        "path=7/%252e%252e/8",
        "path=7/a%25252Fb",
        "path=7%5C..%5C8",
        "path=7%00",
        "path=7%23",
        "path=7%3F",
        "path=07",
        "path=+7",
        "path=7+",
        "path=workspaces",
        "path=workspaces%2Facme",
        "path=workspaces/%252e%252e/7",
        "path=file:/7",
    ] {
        let found = get(&format!("{ARTIFACTS}?{query}"));
        assert!(found.is_err(), "{query}: {found:?}");
    }
    assert!(get(ARTIFACTS).is_err());
    let with_body: [(&[u8], &[u8]); 1] = [(b"content-length", b"12")];
    assert!(request("GET", ARTIFACTS, &with_body, br#"{"path":"7"}"#).is_err());
    assert!(request("HEAD", &format!("{ARTIFACTS}?path=7"), &[], b"").is_err());
}
