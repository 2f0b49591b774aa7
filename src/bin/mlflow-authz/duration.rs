//! Durations on the command line: a whole number and a unit, `250ms`, `2s`, `5m`, `1h`.

use std::time::Duration;

/// Parses `250ms`, `2s`, `5m` or `1h`.
///
/// # Errors
///
/// Says what a duration looks like, without repeating the value: clap does.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms = match text.strip_prefix(digits) {
        Some("ms") => 1,
        Some("s") => 1_000,
        Some("m") => 60_000,
        Some("h") => 3_600_000,
        _ => return Err(malformed()),
    };
    // `u64::from_str` alone would take a leading `+`.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let number: u64 = digits.parse().map_err(|_| malformed())?;
    number
        .checked_mul(unit_ms)
        .map(Duration::from_millis)
        .ok_or_else(malformed)
}

fn malformed() -> String {
    "a duration is a whole number and a unit (ms, s, m or h), such as 250ms".to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn durations() {
        let cases = [
            ("250ms", Some(250)),
            ("0s", Some(0)),
            ("2s", Some(2_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("", None),
            ("ms", None),
            ("2", None),
            ("2 s", None),
            ("+2s", None),
            ("-2s", None),
            ("1.5s", None),
            ("2S", None),
            ("2d", None),
            ("1h5m", None),
            ("99999999999999999999s", None),
            ("9999999999999999999h", None),
        ];
        for (text, ms) in cases {
            assert_eq!(parse(text).ok(), ms.map(Duration::from_millis), "{text:?}");
        }
    }
}
