#![allow(clippy::unwrap_used)]

use maud::html;

use super::{Shade, bar, counted, number, page};

#[test]
fn numbers_are_grouped() {
    for (value, text) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (12_345, "12,345"),
        (1_000_000, "1,000,000"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(number(value), text);
    }
    assert_eq!(counted(1, "request"), "1 request");
    assert_eq!(counted(0, "request"), "0 requests");
    assert_eq!(counted(2000, "request"), "2,000 requests");
}

#[test]
fn what_is_there_at_all_is_seen_and_a_bar_stays_within_itself() {
    let parts = [
        (Shade::Let, "let through", 1_000_000_000),
        (Shade::New, "newly refused", 1),
        (Shade::Open, "unknown", 0),
    ];
    let svg = bar(&parts, 1_000_000_001).into_string();
    assert!(
        svg.contains(r#"aria-label="1,000,000,000 let through, 1 newly refused""#),
        "{svg}"
    );
    assert!(
        svg.contains(r#"<rect class="new" x="997" y="0" width="3""#),
        "{svg}"
    );
    assert_eq!(svg.matches("<rect").count(), 2);
    let huge = bar(&[(Shade::Let, "all", u64::MAX)], u64::MAX).into_string();
    assert!(huge.contains(r#"width="1000""#), "{huge}");
    assert!(
        bar(&[(Shade::Let, "none", 0)], 0)
            .into_string()
            .contains("<svg")
    );
}

#[test]
fn a_page_holds_everything_and_runs_nothing() {
    let hostile = "</title><script>alert(1)</script>";
    let text = page(
        hostile,
        hostile,
        &html! { (hostile) },
        &html! { p title=(hostile) { (hostile) } },
    );
    assert!(!text.contains("<script"), "{text}");
    assert_eq!(text.matches("&lt;script&gt;alert(1)").count(), 7);
    for outside in ["src=", "url(", "@import", "http:", "https:"] {
        assert!(!text.contains(outside), "{outside}");
    }
    assert!(text.contains("default-src 'none'") && text.starts_with("<!DOCTYPE html>"));
}
