use super::present;
use crate::request::RequestHead;

#[test]
fn every_spelling_of_an_override_is_seen_and_nothing_else() {
    for (name, seen) in [
        ("x-original-url", true),
        ("X-Original-URL", true),
        ("x_original_url", true),
        ("x-rewrite-url", true),
        ("x-http-method-override", true),
        ("x-http-method", true),
        ("x-method-override", true),
        ("SCRIPT_NAME", true),
        ("script-name", true),
        ("path_info", true),
        ("x.http.method.override", true),
        ("x-original-urls", false),
        ("x-header-of-32-bytes-and-no-more", false),
        ("x-header-whose-name-is-longer-than-32-bytes", false),
        ("x-forwarded-prefix", false),
        ("x-mlflow-workspace", false),
        ("x-request-id", false),
    ] {
        let headers = [(name.as_bytes(), b"/".as_slice())];
        let head = RequestHead {
            headers: &headers,
            facts: None,
        };
        assert_eq!(present(&head), seen, "{name}");
    }
}

#[test]
fn every_name_that_is_refused_is_seen() {
    for name in super::REFUSED {
        let headers = [(name.as_bytes(), b"/".as_slice())];
        let head = RequestHead {
            headers: &headers,
            facts: None,
        };
        assert!(present(&head), "{name}");
    }
}
