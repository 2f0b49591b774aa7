//! Patterns of names and keys: `*` stands for any characters, `?` for one; the whole text matches, case
//! counts.

use wildmatch::WildMatch;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern(WildMatch);

impl Pattern {
    /// Compiles a pattern; every text is one.
    pub fn new(pattern: &str) -> Self {
        Self(WildMatch::new(pattern))
    }

    /// A text that matches.
    pub fn example(&self) -> String {
        self.0.pattern().replace('*', "").replace('?', "x")
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

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
