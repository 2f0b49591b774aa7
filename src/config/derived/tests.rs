use crate::config::Config;
use crate::config::tests::mounted;

#[test]
fn retry_after_of_a_503_is_rounded_up() {
    for (configured, seconds) in [("15s", 15), ("1ms", 1), ("1500ms", 2), ("24h", 86_400)] {
        let text = mounted(&format!(
            r#""auth_service": {{"cluster": "c", "unavailable_retry_after": "{configured}"}}"#
        ));
        let config = Config::parse(text.as_bytes()).unwrap();
        assert_eq!(config.retry_after_seconds(), seconds, "{configured}");
    }
}
