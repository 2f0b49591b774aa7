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
