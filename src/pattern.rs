//! Patterns of names and keys: `*` stands for any characters, `?` for one; the whole text matches, case
//! counts.

/// A pattern.
#[derive(Debug, Clone)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Every text is one.
    pub fn new(pattern: &str) -> Self {
        Self(pattern.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A text that matches.
    pub fn example(&self) -> String {
        self.0.replace('*', "").replace('?', "x")
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.0, text)
    }
}

/// Whether the whole text matches a pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // What stands behind the last star, and where that has not been tried yet. An earlier star need not be gone
    // back to: what stands between the two has been found at the first place there is.
    let mut star = None;
    loop {
        let (mut next, mut rest) = (pattern.clone(), text.clone());
        match (next.next(), rest.next()) {
            (Some('*'), _) => {
                pattern = next;
                star = Some((pattern.clone(), text.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (pattern, text) = (next, rest);
            }
            (None, None) => return true,
            (Some(_), None) => return false,
            (_, Some(_)) => {
                let Some((behind, from)) = &mut star else {
                    return false;
                };
                from.next();
                (pattern, text) = (behind.clone(), from.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {

    use super::Pattern;

    #[test]
    fn whole_texts_match() {
        for (pattern, text, expected) in [
            ("hk_live_*", "hk_live_", true),
            ("hk_live_*", "hk_live_abc", true),
            ("hk_live_*", "xhk_live_abc", false),
            ("hk_live_*", "HK_LIVE_abc", false),
            ("hk_live_*", "", false),
            ("hk_????", "hk_abcd", true),
            ("hk_????", "hk_abc", false),
            ("hk_????", "hk_abcde", false),
            ("*_live_*", "a_live_b_live_c", true),
            ("*_live_*x", "a_live_b_live_c", false),
            ("a*b*c", "abbbc", true),
            ("a.c", "abc", false),
            ("[a]", "a", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("**", "a", true),
            ("a**b", "ab", true),
            ("*?", "", false),
            ("*?", "a", true),
            ("?*", "ab", true),
            ("*ab", "aab", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
            ("a*a", "a", false),
            ("?", "\u{fc}", true),
            ("?", "u\u{308}", false),
            ("*\u{212a}", "k", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn an_example_matches() {
        for pattern in ["hk_live_*", "a?b*c??", "*", "plain"] {
            let pattern = Pattern::new(pattern);
            assert!(pattern.matches(&pattern.example()), "{pattern:?}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_does_not_take_forever() {
        let pattern = Pattern::new(&"*a".repeat(100));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(4096))));
    }
}
