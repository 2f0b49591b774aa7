//! Fields that take one word of a few.

use super::{error, with};

/// The error names the field and every word there is.
#[test]
fn anything_but_a_known_word_is_refused_by_name() {
    const BODIES: &[&str] = &["ignore", "inspect"];
    const KINDS: &[&str] = &["bearer", "x-api-key", "basic", "query"];
    for (text, field, words) in [
        (r#""bodies": 5"#, "bodies", BODIES),
        (r#""bodies": {"inspect": null}"#, "bodies", BODIES),
        (r#""bodies": ["inspect"]"#, "bodies", BODIES),
        (r#""bodies": null"#, "bodies", BODIES),
        (r#""bodies": true"#, "bodies", BODIES),
        (r#""bodies": "Inspect""#, "bodies", BODIES),
        (r#""bodies": """#, "bodies", BODIES),
        (r#""graphql": 5.5"#, "graphql", &["read", "deny"]),
        (r#""graphql": {"deny": null}"#, "graphql", &["read", "deny"]),
        (r#""graphql": "allow""#, "graphql", &["read", "deny"]),
        (
            r#""credentials": [{"basic": null}]"#,
            "credentials[0]",
            KINDS,
        ),
        (r#""credentials": ["basic", 7]"#, "credentials[1]", KINDS),
        (r#""credentials": ["cookie"]"#, "credentials[0]", KINDS),
    ] {
        let shown = error(with(text));
        assert!(
            shown.starts_with(&format!("{field}: must be one of ")),
            "{text}: {shown}"
        );
        for word in words {
            assert!(
                shown.contains(&format!("{word:?}")),
                "{text}: {shown} lacks {word}"
            );
        }
    }
}
