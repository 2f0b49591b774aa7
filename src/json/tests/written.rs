//! What is written is what serde_json reads, on one line and printable, whatever the texts hold.

use serde_json::{Value, json};

use crate::json::{ObjectWriter, first, next};
use crate::printable::is_unprintable;

/// What ends a string, a line or a text, turns it round, or cannot be seen.
const PIECES: &[&str] = &[
    "",
    "a",
    "\"",
    "\\",
    "\\\"",
    "\\u0022",
    "\",\"admin\":true,\"x\":\"",
    "\n",
    "\r",
    "\0",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{9f}",
    "\u{ad}",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "\u{e0041}",
    "é",
    "😀",
    "\u{10ffff}",
];

fn written(one: &str, other: &str) -> String {
    let both = [one, other];
    let mut text = Vec::new();
    let mut json = ObjectWriter(&mut text);
    json.text(first!("text"), one);
    json.optional_text(next!("some"), Some(other));
    json.optional_text(next!("none"), None);
    json.texts(next!("texts"), &both);
    json.texts::<&str>(next!("no_texts"), &[]);
    json.objects(next!("objects"), &both, |mut json, value| {
        json.text(first!("text"), value);
        json.end();
    });
    json.objects::<&str>(next!("no_objects"), &[], |json, _| json.end());
    json.word(next!("word"), "a_word");
    json.words(next!("words"), &["run", ":", "*"]);
    json.optional_word(next!("no_word"), None);
    json.flag(next!("flag"), true);
    json.number(next!("number"), u64::MAX);
    json.end();
    String::from_utf8(text).unwrap()
}

#[test]
fn every_text_comes_back() {
    let all = PIECES.concat();
    for one in PIECES.iter().chain([&&*all]) {
        for other in PIECES {
            let (one, other) = (format!("{one}{other}"), format!("{other}x{one}"));
            let text = written(&one, &other);
            assert_eq!(
                serde_json::from_str::<Value>(&text).unwrap(),
                json!({
                    "text": one, "some": other, "none": null, "texts": [one, other], "no_texts": [],
                    "objects": [{"text": one}, {"text": other}], "no_objects": [], "word": "a_word", "words": "run:*",
                    "no_word": null, "flag": true, "number": u64::MAX,
                }),
                "{text}"
            );
            assert!(!text.contains(is_unprintable), "{text:?}");
        }
    }
}
