//! What serde says of JSON, in a user's words and without the value: it may hold a key.

use mlflow_authz::config::expected_in_words;

/// What is wrong, without the place.
pub fn in_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(text, _)| text);
    if !error.is_data() {
        return text.to_owned();
    }
    for (start, problem) in [
        ("missing field `", "is missing"),
        ("duplicate field `", "is duplicated"),
    ] {
        if let Some(field) = text
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix('`'))
        {
            return format!("{field} {problem}");
        }
    }
    match text.rsplit_once(", expected ") {
        // The name of a field is not a value.
        Some((found, known)) if found.starts_with("unknown field ") => {
            let known = known.trim_start_matches("one of ");
            format!("{found}; write one of {}", known.replace(" or ", ", "))
        }
        Some((_, expected)) => format!("must be {}", expected_in_words(expected)),
        None => text.to_owned(),
    }
}
