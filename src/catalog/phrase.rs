//! Operation names as words: `CreateRegisteredModel` is "create a registered model".

#[cfg(test)]
mod tests;

use super::entry::Operation;

const TAKES_ARTICLE: &[&str] = &[
    "abort",
    "add",
    "create",
    "delete",
    "finalize",
    "get",
    "register",
    "rename",
    "restore",
    "set",
    "transition",
    "update",
    "upload",
];

impl Operation {
    /// The operation as a verb phrase, for messages to callers.
    pub fn phrase(&self) -> String {
        let words = words(self.name);
        let Some((verb, rest)) = words.split_first() else {
            return String::new();
        };
        let mut phrase = verb.clone();
        let plural = rest.last().is_none_or(|word| is_plural(word));
        if let (true, false, Some(noun)) =
            (TAKES_ARTICLE.contains(&verb.as_str()), plural, rest.first())
        {
            phrase.push_str(if noun.starts_with(['a', 'e', 'i', 'o']) {
                " an"
            } else {
                " a"
            });
        }
        for word in rest {
            phrase.push(' ');
            phrase.push_str(word);
        }
        phrase
    }
}

/// By its ending: "models" is, "alias" and "status" are not.
fn is_plural(word: &str) -> bool {
    word.ends_with('s')
        && !["as", "is", "ss", "us"]
            .iter()
            .any(|ending| word.ends_with(ending))
}

/// Splits UpperCamelCase; a run of capitals is one word.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_capital = true;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let capital = character.is_ascii_uppercase();
        let ends_run = capital && characters.peek().is_some_and(char::is_ascii_lowercase);
        if words.is_empty() || (capital && (!after_capital || ends_run)) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(character.to_ascii_lowercase());
        }
        after_capital = capital;
    }
    words
}
