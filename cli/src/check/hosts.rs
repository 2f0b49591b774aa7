//! Names that clients call, compared with the plugin's `hosts`.

use mlflow_authz::Config;
use mlflow_authz::authority::host_and_port;
use mlflow_authz::pattern::Pattern;

/// Stands for a letter that no pattern writes.
const SOME_LETTER: &str = "\u{1}";
/// More letters than a pattern without `*` allows.
const MANY: usize = 300;

/// The plugin's `hosts`; none is every host.
pub fn patterns(config: &Config) -> &[Pattern] {
    config.hosts.as_deref().unwrap_or_default()
}

/// Whether every name that a route's host stands for matches one of the patterns. `*` at its start is any name.
pub fn are_covered(patterns: &[Pattern], host: &str) -> bool {
    let host = name(host);
    let one = host.replacen('*', SOME_LETTER, 1);
    let many = host.replacen('*', &SOME_LETTER.repeat(MANY), 1);
    // Both by one pattern: a `?` alone takes one letter, and not many.
    patterns
        .iter()
        .any(|pattern| pattern.matches(&one) && pattern.matches(&many))
}

/// Whether some name that a route's host stands for matches one of the patterns.
pub fn may_match(patterns: &[Pattern], host: &str) -> bool {
    let host = name(host);
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

/// A route's host as the filter compares hosts: without a port and a final dot, in lower case.
pub fn name(host: &str) -> String {
    let (name, _) = host_and_port(host);
    name.trim_end_matches('.').to_ascii_lowercase()
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
fn holds(all: &str, some: &str) -> bool {
    match all.strip_prefix('*') {
        Some(suffix) => some.ends_with(suffix) && some.len() > suffix.len(),
        None => all.eq_ignore_ascii_case(some),
    }
}
