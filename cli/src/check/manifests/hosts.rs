//! Names that clients call, compared with the plugin's `hosts`.

use mlflow_authz::Config;
use mlflow_authz::pattern::Pattern;

/// Stands for a letter that no pattern writes.
const SOME_LETTER: &str = "\u{1}";
/// More letters than a pattern without `*` allows.
const MANY: usize = 256;

/// The plugin's `hosts`; none is every host.
pub fn patterns(config: &Config) -> &[Pattern] {
    config.hosts.as_deref().unwrap_or_default()
}

/// Whether every name that a route's host stands for matches one of the patterns. `*` at its start is any name.
pub fn are_covered(patterns: &[Pattern], host: &str) -> bool {
    let host = without_port(host).to_ascii_lowercase();
    let one = host.replacen('*', SOME_LETTER, 1);
    let many = host.replacen('*', &SOME_LETTER.repeat(MANY), 1);
    // Both by one pattern: a `?` alone takes one letter, and not many.
    patterns
        .iter()
        .any(|pattern| pattern.matches(&one) && pattern.matches(&many))
}

/// Whether some name that a route's host stands for matches one of the patterns.
pub fn may_match(patterns: &[Pattern], host: &str) -> bool {
    let host = without_port(host).to_ascii_lowercase();
    if host.contains('*') {
        let suffix = host.trim_start_matches('*');
        return suffix.is_empty()
            || patterns.iter().any(|pattern| {
                let example = pattern.example();
                example.ends_with(suffix) || are_covered(std::slice::from_ref(pattern), &host)
            });
    }
    patterns.iter().any(|pattern| pattern.matches(&host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') =>
        {
            name
        }
        _ => host,
    }
}

/// The names that two lists of hosts have in common; an empty list is any name. `None` where there are none.
pub fn in_common(a: &[String], b: &[String]) -> Option<Vec<String>> {
    if a.is_empty() {
        return Some(b.to_vec());
    }
    if b.is_empty() {
        return Some(a.to_vec());
    }
    let mut common = Vec::new();
    for a in a {
        for b in b {
            let both = if holds(a, b) {
                b
            } else if holds(b, a) {
                a
            } else {
                continue;
            };
            if !common.contains(both) {
                common.push(both.clone());
            }
        }
    }
    (!common.is_empty()).then_some(common)
}

/// Whether a host, perhaps `*` or `*.example`, stands for every name that the other stands for.
fn holds(wide: &str, narrow: &str) -> bool {
    match wide.strip_prefix('*') {
        Some(suffix) => narrow.ends_with(suffix) && narrow.len() > suffix.len(),
        None => wide.eq_ignore_ascii_case(narrow),
    }
}
