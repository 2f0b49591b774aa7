use super::is_navigation;
use crate::request::RequestHead;

fn navigates(headers: &[(&str, &str)]) -> bool {
    let headers: Vec<(&[u8], &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    is_navigation(&RequestHead {
        headers: &headers,
        facts: None,
    })
}

const CHROMIUM: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[test]
fn fetch_metadata_decides_where_a_browser_sends_it() {
    for (mode, accept, expected) in [
        ("navigate", CHROMIUM, true),
        ("navigate", "*/*", true),
        ("cors", CHROMIUM, false),
        ("no-cors", "text/html", false),
        ("same-origin", "text/html", false),
        ("websocket", "text/html", false),
        ("Navigate", "text/html", false),
        ("", "text/html", false),
    ] {
        let headers = [("sec-fetch-mode", mode), ("accept", accept)];
        assert_eq!(navigates(&headers), expected, "{mode} {accept}");
    }
    let twice = [("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "cors")];
    assert!(!navigates(&twice));
}

#[test]
fn accept_decides_without_it() {
    for (accept, expected) in [
        (CHROMIUM, true),
        (FIREFOX, true),
        ("text/html", true),
        ("TEXT/HTML", true),
        ("text/*", true),
        ("text/html, application/json;q=0.9", true),
        ("application/json;q=0.5, text/html;q=0.501", true),
        ("text/html;q=1.000, */*;q=0.999", true),
        ("*/*;q=0.1, text/html", true),
        // Programs.
        ("*/*", false),
        ("", false),
        ("application/json", false),
        ("application/json, text/plain, */*", false),
        ("text/html, application/json", false),
        ("text/html, */*", false),
        ("text/html;q=0.5, application/json", false),
        ("text/html;q=0.5, */*", false),
        ("text/html;q=0", false),
        ("text/html;q=0, */*;q=0.5", false),
        // What is no range, or one of something else.
        ("text/html;q=2", false),
        ("text/html;q=0.1234", false),
        ("text/html;q=-1", false),
        ("text/html;q=", false),
        ("text/html;level=1", false),
        ("texthtml", false),
        ("text/htmlx", false),
        ("/", false),
        (";;;,,,=", false),
    ] {
        assert_eq!(navigates(&[("accept", accept)]), expected, "{accept}");
    }
    assert!(!navigates(&[]));
    assert!(navigates(&[
        ("accept", "application/json;q=0.1"),
        ("accept", "text/html")
    ]));
    let long = format!("text/html{}", ",a/b".repeat(400));
    assert!(!navigates(&[("accept", &long)]));
}

#[test]
fn bytes_that_are_no_text_are_a_program_s() {
    let headers: &[(&[u8], &[u8])] = &[(b"accept", b"text/html, \xff\xfe")];
    assert!(!is_navigation(&RequestHead {
        headers,
        facts: None
    }));
}
