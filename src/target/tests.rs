mod artifacts;

use super::Ambiguity::{
    ArtifactPath, Byte, DotSegment, EmptySegment, Escape, HiddenByte, Method, NotAPath, NotUtf8,
    Override, Parameter, Query,
};
use super::{Ambiguity, Target, below_mount, could_reach, decoded_query_component};

/// Raw target, its path, its query.
type Accepted = (&'static str, &'static str, Option<&'static str>);

fn accepts(rows: &[Accepted]) {
    for (raw, path, query) in rows {
        let target = Target::parse(raw.as_bytes()).unwrap_or_else(|e| panic!("{raw}: {e:?}"));
        assert_eq!((&*target.path, target.query), (*path, *query), "{raw}");
    }
}

fn refuses(rows: &[(&[u8], Ambiguity)]) {
    for (raw, problem) in rows {
        let shown = raw.escape_ascii();
        assert_eq!(Target::parse(raw), Err(*problem), "{shown}");
    }
}

#[test]
fn rule_1_origin_form() {
    accepts(&[
        ("/", "/", None),
        ("/a/b", "/a/b", None),
        ("/a?x=1", "/a", Some("x=1")),
    ]);
    refuses(&[
        (b"", NotAPath),
        (b"*", NotAPath),
        (b"?a=1", NotAPath),
        (b"a/b", NotAPath),
        (b"%2Fapi/2.0", NotAPath),
        (b"http://host/api/2.0/mlflow/runs/create", NotAPath),
        (b"host:443", NotAPath),
        (b" /a", NotAPath),
    ]);
}

#[test]
fn rule_2_visible_ascii() {
    accepts(&[
        ("/a!$&'()*+,=:@~-_.", "/a!$&'()*+,=:@~-_.", None),
        ("/a|b^c`d\"<e>{f}[g]", "/a|b^c`d\"<e>{f}[g]", None),
    ]);
    refuses(&[
        (b"/a b", Byte),
        (b"/a\tb", Byte),
        (b"/a\0b", Byte),
        (b"/a\r\nb", Byte),
        (b"/a\x7f", Byte),
        (b"/a#b", Byte),
        (b"/a\\b", Byte),
        ("/é".as_bytes(), Byte),
        (b"/\xff\xfe", Byte),
    ]);
}

#[test]
fn rule_5_parameters_do_not_hide_segments() {
    accepts(&[
        ("/a;b=c/d", "/a;b=c/d", None),
        ("/a;", "/a;", None),
        ("/a%3Bb", "/a;b", None),
    ]);
    refuses(&[
        (b"/..;/a", DotSegment),
        (b"/.;x", DotSegment),
        (b"/a/..%3Bx/b", DotSegment),
        (b"/a/;/b", EmptySegment),
        (b"/a/;", EmptySegment),
    ]);
}

#[test]
fn rule_3_names_of_mcp_servers_may_hold_an_escaped_slash() {
    accepts(&[
        (
            "/p/api/3.0/mlflow/mcp-servers/io.example%2Fweather/versions/1",
            "/p/api/3.0/mlflow/mcp-servers/io.example/weather/versions/1",
            None,
        ),
        ("/mcp-servers/a%2fb", "/mcp-servers/a/b", None),
    ]);
    refuses(&[
        (b"/api%2F3.0/mlflow/mcp-servers/a", HiddenByte),
        (b"/mcp-servers%2Fa", HiddenByte),
        (b"/mcp-servers2/a%2Fb", HiddenByte),
        (b"/mcp-servers/a%5Cb", HiddenByte),
        (b"/mcp-servers/a%252Fb", HiddenByte),
        (b"/mcp-servers/%2Fb", EmptySegment),
        (b"/mcp-servers/a%2F%2Fb", EmptySegment),
        (b"/mcp-servers/a%2F..%2Fb", DotSegment),
    ]);
}

#[test]
fn rule_3_escapes_are_decoded_once() {
    accepts(&[
        ("/%61pi/%32.0", "/api/2.0", None),
        ("/a%20b%2bc%2Bd", "/a b+c+d", None),
        ("/a%23b%3Fc%3Bd", "/a#b?c;d", None),
        ("/%C3%A9t%c3%a9", "/été", None),
        ("/%F0%9F%A6%80", "/🦀", None),
        ("/a%2Etxt", "/a.txt", None),
        ("/100%25", "/100%", None),
    ]);
    refuses(&[
        (b"/%", Escape),
        (b"/a%2", Escape),
        (b"/a%zz", Escape),
        (b"/a%%32", Escape),
        (b"/a%+1", Escape),
        (b"/a%u002F", Escape),
        (b"/a%2Fb", HiddenByte),
        (b"/a%2fb", HiddenByte),
        (b"/a%5Cb", HiddenByte),
        (b"/a%5c..%5c", HiddenByte),
        (b"/a%00", HiddenByte),
        (b"/a%0D%0Ab", HiddenByte),
        (b"/a%0a", HiddenByte),
        (b"/a%7F", HiddenByte),
        (b"/a%ff", NotUtf8),
        (b"/a%C0%AFb", NotUtf8),
        (b"/a%E0%80%AFb", NotUtf8),
        (b"/%C0%AE%C0%AE/b", NotUtf8),
        (b"/a%ED%A0%80", NotUtf8),
    ]);
}

#[test]
fn rule_4_what_stays_escaped_hides_no_structure() {
    accepts(&[
        ("/100%25/a", "/100%/a", None),
        ("/100%25%20sure", "/100% sure", None),
        ("/a%2520b", "/a%20b", None),
        ("/a%2525b", "/a%25b", None),
        ("/50%25zz", "/50%zz", None),
    ]);
    refuses(&[
        (b"/a%252Fb", HiddenByte),
        (b"/a%252fb", HiddenByte),
        (b"/a%25252Fb", HiddenByte),
        (b"/a%2525252525252Fb", HiddenByte),
        (b"/%252e%252e/b", HiddenByte),
        (b"/%252e/b", HiddenByte),
        (b"/a%255Cb", HiddenByte),
        (b"/a%2500", HiddenByte),
        (b"/a%250a", HiddenByte),
        // The escape appears only after a part of it was decoded.
        (b"/a%25%32%46b", HiddenByte),
        (b"/a%25%32Fb", HiddenByte),
        (b"/a%252%46b", HiddenByte),
        (b"/%25%32%65%25%32%65/b", HiddenByte),
    ]);
}

/// A caller pays in time for what it sends, not for its square: this target takes 20 000 rounds to decode.
#[test]
fn rule_4_holds_for_long_targets() {
    let nested = format!("/a%{}2Fb", "25".repeat(20_000));
    assert_eq!(Target::parse(nested.as_bytes()), Err(HiddenByte));
    let harmless = format!("/a%{}zz", "25".repeat(20_000));
    assert!(Target::parse(harmless.as_bytes()).is_ok());
    assert!(could_reach(
        format!("/api%{}2Fmlflow", "25".repeat(20_000)).as_bytes(),
        "/api/mlflow"
    ));
}

#[test]
fn rule_5_segments() {
    accepts(&[
        ("/a/", "/a/", None),
        ("/a/...", "/a/...", None),
        ("/.a/b./c..d", "/.a/b./c..d", None),
        ("/.well-known/x", "/.well-known/x", None),
    ]);
    refuses(&[
        (b"//", EmptySegment),
        (b"//a", EmptySegment),
        (b"/a//b", EmptySegment),
        (b"/a//", EmptySegment),
        (b"/.", DotSegment),
        (b"/..", DotSegment),
        (b"/a/./b", DotSegment),
        (b"/a/../b", DotSegment),
        (b"/a/..", DotSegment),
        (b"/a/../", DotSegment),
        (b"/api/2.0/mlflow-artifacts/artifacts/.", DotSegment),
        (b"/a/%2e", DotSegment),
        (b"/a/%2E%2e/b", DotSegment),
        (b"/a/.%2E/b", DotSegment),
    ]);
}

#[test]
fn rule_6_the_query_changes_nothing() {
    accepts(&[
        ("/a?", "/a", Some("")),
        (
            "/a?b=/../c&d=%2F%2e%2e;e#f?g\\h%",
            "/a",
            Some("b=/../c&d=%2F%2e%2e;e#f?g\\h%"),
        ),
        ("/a/?//x", "/a/", Some("//x")),
    ]);
    refuses(&[
        (b"/a?b c", Query),
        (b"/a?b\0", Query),
        ("/a?é".as_bytes(), Query),
    ]);
    // The path is the graver problem where both are wrong.
    refuses(&[(b"/..?b", DotSegment), (b"?b c", NotAPath)]);
}

#[test]
fn every_problem_is_a_sentence_of_its_own() {
    let all = [
        NotAPath,
        Byte,
        Escape,
        HiddenByte,
        NotUtf8,
        EmptySegment,
        DotSegment,
        Query,
        Parameter,
        ArtifactPath,
        Method,
        Override,
    ];
    let mut texts: Vec<&str> = all.iter().map(|problem| problem.problem()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all.len());
    assert!(
        texts
            .iter()
            .all(|text| text.starts_with("The request ") && !text.ends_with('.'))
    );
}

#[test]
fn mounts_end_at_segment_boundaries() {
    for (path, mount, below) in [
        ("/api/mlflow", "/api/mlflow", Some("/")),
        ("/api/mlflow/", "/api/mlflow", Some("/")),
        ("/api/mlflow/api/2.0", "/api/mlflow", Some("/api/2.0")),
        ("/api/mlflowx", "/api/mlflow", None),
        ("/api/mlflow-artifacts/x", "/api/mlflow", None),
        ("/API/mlflow/x", "/api/mlflow", None),
        ("/api", "/api/mlflow", None),
        ("/x/api/mlflow", "/api/mlflow", None),
        ("/", "/", Some("/")),
        ("/anything", "/", Some("/anything")),
    ] {
        assert_eq!(below_mount(path, mount), below, "{path} below {mount}");
    }
}

/// Each of these leads some reader below `/api/mlflow`.
#[test]
fn ambiguous_targets_that_could_reach_the_mount() {
    for raw in [
        "/api/mlflow/%2F",
        "/api/mlflow//runs",
        "//api/mlflow/runs",
        "/api//mlflow",
        "/x/../api/mlflow/runs",
        "/x/..%2Fapi/mlflow/runs",
        "/x/%2e%2e/api/mlflow",
        "/x/%252e%252e%252fapi%252fmlflow",
        "/x\\..\\api\\mlflow",
        "/api%5Cmlflow",
        "/./api/./mlflow/./runs",
        "/api;v=1/mlflow;x/runs",
        "/x/..;/api/mlflow",
        "/api/%6dlflow//",
        "/api/mlflow#x",
        "/api/mlflow/../other",
        "/api/mlflow/x//../../..",
        // Resolved without merging the slashes before: `..` takes the empty segment away.
        "/api//x/../../mlflow/runs",
        // Resolved without cutting the parameters before: `..` takes `..;` away.
        "/api/..;/../mlflow/runs",
        // Not a path: what it means is anyone's guess.
        "",
        "*",
        "http://host/elsewhere",
    ] {
        assert!(could_reach(raw.as_bytes(), "/api/mlflow"), "{raw}");
    }
    assert!(could_reach(b"/\xff\xfe/../api/mlflow", "/api/mlflow"));
}

#[test]
fn ambiguous_targets_that_cannot_reach_the_mount() {
    for raw in [
        "/shop//cart",
        "/shop/../cart",
        "/shop/%2Fa",
        "/apix/mlflow/..",
        "/mlflow/../api",
        "/api//mlflowx",
        "/shop/a?b=/../api/mlflow",
    ] {
        assert!(!could_reach(raw.as_bytes(), "/api/mlflow"), "{raw}");
        assert!(
            could_reach(raw.as_bytes(), "/"),
            "{raw}: the root mount holds everything"
        );
    }
}

#[test]
fn query_components_decode_once_and_leniently() {
    for (component, decoded) in [
        ("a+b%20c", b"a b c".as_slice()),
        ("%2541", b"%41"),
        ("100%", b"100%"),
        ("%zz%4", b"%zz%4"),
        ("%ff", b"\xff"),
        ("", b""),
    ] {
        let found: Vec<u8> = decoded_query_component(component).collect();
        assert_eq!(found, decoded, "{component}");
    }
}
