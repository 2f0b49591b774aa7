use crate::target::{
    Ambiguity::{self, ArtifactPath, Byte, DotSegment, EmptySegment, Escape, HiddenByte, NotUtf8},
    Target, refused_name,
};

const BELOW: &str = "/p/api/2.0/mlflow-artifacts/artifacts/";

/// What MLflow makes of these was seen on a real server, see tests/mlflow/test_workspaces.py.
#[test]
fn rule_6_artifact_paths_mean_what_they_say() {
    let roots = "artifacts presigned mpu/create mpu/complete mpu/abort mlflow-artifacts/artifacts";
    let mounts = "/p /mlflow-artifacts /mlflow-artifacts/artifacts/7";
    let of_mount = |mount| roots.split(' ').map(move |root| (mount, root));
    for (mount, root) in mounts.split(' ').flat_map(of_mount) {
        let below = format!("{mount}/api/2.0/mlflow-artifacts/{root}/");
        for path in [
            "x;%3Fy",
            "%20",
            "%2520",
            "%20x",
            "%20.",
            "%3F",
            "%253F",
            "%23",
            "x%3F",
            "x%23",
            "x%3B",
            "x;",
            "file:",
            "FILE:x",
            "fi%6Ce:",
            "file%3A",
            "file%253A",
            "A:",
            "profile:",
            "workspaces",
            "workspaces/",
        ] {
            let target = format!("{below}{path}");
            assert_eq!(
                Target::parse(target.as_bytes()),
                Err(ArtifactPath),
                "{target}"
            );
        }
        for path in [
            "1/a b.txt",
            "1/ a",
            "a#b",
            "a?b",
            "a;b.txt",
            "1/file:",
            "1:",
            "workspaces/w/1",
            "workspaces2",
            "1/workspaces",
            "100%",
        ] {
            let escaped = path
                .replace('%', "%25")
                .replace(' ', "%20")
                .replace('#', "%23")
                .replace('?', "%3F");
            let target = format!("{below}{escaped}");
            assert!(Target::parse(target.as_bytes()).is_ok(), "{target}");
        }
    }
    let others = "/mlflow/runs /xmlflow-artifacts/artifacts /w-/mlflow%252Dartifacts/artifacts";
    for other in others.split(' ').map(|it| format!("{it}/%20x")) {
        assert!(Target::parse(other.as_bytes()).is_ok(), "{other}");
    }
}

/// The escapes that every covered server keeps as they are written: see tests/mlflow/test_artifact_names.py.
const KEPT: &str =
    "00 01 02 03 04 05 06 07 08 0b 0c 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f 7f";

#[test]
fn rule_4_an_escape_that_mlflow_keeps_is_part_of_a_name() {
    let hides = |byte: u8| matches!(byte, b'/' | b'\\' | b'.') || byte.is_ascii_control();
    for byte in 0..=u8::MAX {
        for hex in [format!("{byte:02x}"), format!("{byte:02X}")] {
            let target = format!("{BELOW}1/a%25{hex}b");
            let served = KEPT.split(' ').any(|kept| kept == hex) || !hides(byte);
            let read = Target::parse(target.as_bytes()).map(|target| target.path.into_owned());
            let expected = format!("{BELOW}1/a%{hex}b");
            assert_eq!(
                read,
                served.then_some(expected).ok_or(HiddenByte),
                "{target}"
            );
        }
    }
    for path in [
        // What the client of MLflow 2.22 makes of log_image(image, key="img", step=0).
        "1/r/artifacts/images/img%25step%250%25timestamp%251795892997123%25b1c6.png",
        "1/r/artifacts/images/a%2517/b",
        "1/a%25172e",
        "1/a%25%2517",
        "1/%2517",
        "1/..%2517x",
    ] {
        let target = format!("{BELOW}{path}");
        assert!(Target::parse(target.as_bytes()).is_ok(), "{target}");
    }
    for (path, problem) in [
        // MLflow drops it at the start, and these anywhere.
        ("%2517b", ArtifactPath),
        ("%2517file:x", ArtifactPath),
        ("1/a%2509b", HiddenByte),
        ("1/a%250ab", HiddenByte),
        // Another name than the one that is written.
        ("1/a%251Fb", HiddenByte),
        ("1/a%252517b", HiddenByte),
        ("1/a%251%2537b", HiddenByte),
        // Beside what has a meaning.
        ("1/a%2517%252fb", HiddenByte),
        ("1/a%2517%252e", HiddenByte),
        ("1/a%2517%255cb", HiddenByte),
        ("1/a%2517%25252Fb", HiddenByte),
        ("1/a%17b", HiddenByte),
        ("1/a%2517%3F", ArtifactPath),
    ] {
        let target = format!("{BELOW}{path}");
        assert_eq!(Target::parse(target.as_bytes()), Err(problem), "{target}");
    }
    for elsewhere in [
        "/p/api/2.0/mlflow/runs/%2517",
        "/p/mlflow-artifacts%2517/artifacts/1/a",
        "/p/%2517/api/2.0/mlflow-artifacts/artifacts/1/a",
        "/mlflow-artifacts/artifacts/%2517/api/2.0/mlflow-artifacts/artifacts/1/a",
    ] {
        assert_eq!(
            Target::parse(elsewhere.as_bytes()),
            Err(HiddenByte),
            "{elsewhere}"
        );
    }
}

#[test]
fn a_refused_name_is_told_what_to_change() {
    let rows: &[(&str, Ambiguity, Option<&str>)] = &[
        (
            "1/dept=R%252FD/part-0.parquet",
            HiddenByte,
            Some("holds an escaped slash (%2F)"),
        ),
        (
            "1/dept=R%2FD/part-0.parquet",
            HiddenByte,
            Some("holds an escaped slash (%2F)"),
        ),
        (
            "1/a%25252fb",
            HiddenByte,
            Some("holds an escaped slash (%2F)"),
        ),
        ("1/a%5Cb.txt", HiddenByte, Some("holds a backslash (%5C)")),
        ("1/a%255cb.txt", HiddenByte, Some("holds a backslash (%5C)")),
        (
            "1/a.b/%252e%252E",
            HiddenByte,
            Some("holds an escaped dot (%2E)"),
        ),
        (
            "1/a%0Ab",
            HiddenByte,
            Some("holds an escaped control character (%0A)"),
        ),
        (
            "1/a%250ab",
            HiddenByte,
            Some("holds an escaped control character (%0A)"),
        ),
        (
            "1/a%2517%251Fb",
            HiddenByte,
            Some("holds an escaped control character (%1F)"),
        ),
        (
            "1/a%2517%252Fb",
            HiddenByte,
            Some("holds an escaped slash (%2F)"),
        ),
        ("1/a%FFb", NotUtf8, Some("holds bytes that are not UTF-8")),
        ("1//b", EmptySegment, Some("holds an empty segment (//)")),
        ("1/../b", DotSegment, Some("holds a dot segment (. or ..)")),
        (
            "%20x",
            ArtifactPath,
            Some("begins with a space or a control character"),
        ),
        (
            "%2517x",
            ArtifactPath,
            Some("begins with a space or a control character"),
        ),
        (
            "file:x",
            ArtifactPath,
            Some("begins like a URL (with a scheme and a colon)"),
        ),
        (
            "workspaces",
            ArtifactPath,
            Some("is the folder of every workspace"),
        ),
        (
            "1/a%3F",
            ArtifactPath,
            Some("holds ;, ? or # with nothing behind it"),
        ),
        // Another spelling of the same name is served.
        ("1/a%zz", Escape, None),
        ("1/a#b", Byte, None),
    ];
    for (path, problem, told) in rows {
        let target = format!("{BELOW}{path}");
        assert_eq!(Target::parse(target.as_bytes()), Err(*problem), "{target}");
        let found = refused_name(target.as_bytes(), *problem);
        assert_eq!(found.as_deref(), *told, "{target}");
    }
    for elsewhere in [
        "/p/api/2.0/mlflow/runs/a%252Fb",
        "/p/api%2F2.0/mlflow-artifacts/artifacts/1/a",
        "/p/x%2Fy?path=/mlflow-artifacts/artifacts/a%2Fb",
        "",
    ] {
        assert_eq!(
            refused_name(elsewhere.as_bytes(), HiddenByte),
            None,
            "{elsewhere}"
        );
    }
}
