use super::{is_unprintable, printable, printable_json, printable_lines};

#[test]
fn what_is_escaped_and_what_is_not() {
    for (text, shown) in [
        ("", ""),
        ("plain text, 100 %", "plain text, 100 %"),
        (
            "K\u{e4}se \u{65e5}\u{672c} \u{1f600}",
            "K\u{e4}se \u{65e5}\u{672c} \u{1f600}",
        ),
        ("a\\b\"c", "a\\b\"c"),
        ("\0\u{1b}[2J", r"\u{0}\u{1b}[2J"),
        ("a\r\n\tb", r"a\r\n\tb"),
        (
            "\u{7f}\u{80}\u{9b}31m\u{9f}",
            r"\u{7f}\u{80}\u{9b}31m\u{9f}",
        ),
        ("txt.\u{202e}exe", r"txt.\u{202e}exe"),
        (
            "\u{202a}\u{202b}\u{202c}\u{202d}",
            r"\u{202a}\u{202b}\u{202c}\u{202d}",
        ),
        (
            "\u{2066}\u{2067}\u{2068}\u{2069}",
            r"\u{2066}\u{2067}\u{2068}\u{2069}",
        ),
        (
            "\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}",
            r"\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}",
        ),
        (
            "\u{2028}\u{2029}\u{2060}\u{feff}",
            r"\u{2028}\u{2029}\u{2060}\u{feff}",
        ),
        (
            "\u{ad}\u{61c}\u{180e}\u{fff9}",
            r"\u{ad}\u{61c}\u{180e}\u{fff9}",
        ),
        ("\u{e0041}", r"\u{e0041}"),
    ] {
        assert_eq!(printable(text), shown, "{text:?}");
    }
    assert_eq!(printable_lines("a\n\tb\u{202e}\r"), "a\n\tb\\u{202e}\\r");
}

#[test]
fn json_means_the_same_and_is_printable() {
    for text in [
        "",
        "plain \u{e4}",
        "\u{7f}\u{85}\u{202e}\u{2066}\u{feff}",
        "\u{e0041}",
        "\u{1b}\"\\\n",
    ] {
        let value = serde_json::json!({"text": text, "list": [text]});
        for json in [
            serde_json::to_string(&value).unwrap(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let shown = printable_json(json);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(read, value);
            assert!(
                shown.chars().all(|it| it == '\n' || !is_unprintable(it)),
                "{shown}"
            );
        }
    }
}
