#![allow(clippy::unwrap_used)]

use super::summary;
use crate::config_file::ConfigFile;

fn read(text: &str) -> Result<String, String> {
    ConfigFile::parse("f.json", text.into())
        .map(|file| summary(&file.config))
        .map_err(|error| error.to_string())
}

#[test]
fn a_good_configuration_is_summed_up() {
    assert_eq!(
        read(r#"{"auth_service":{"cluster":"outbound|443||auth.example"},"roles":{"r":["*:*"]}}"#)
            .unwrap(),
        "mode enforce, mounts /api/mlflow /, auth service outbound|443||auth.example at \
         auth.example/api/v1/keys/validate, scopes configured: 0, roles configured: 1"
    );
}

#[test]
fn the_first_customers_configuration_is_good() {
    let text = include_str!("../../../../envoy/examples/hokusai.json");
    assert!(read(text).unwrap().contains("mounts /api/mlflow /mlflow"));
}

#[test]
fn a_bad_one_is_one_line_that_names_the_file_the_field_and_what_to_do() {
    let cases = [
        (
            "mounts: [/]",
            &["f.json: ", "; give the plugin configuration itself"][..],
        ),
        ("", &["f.json: ", "starting with {"]),
        (
            "{\"mounts\": [",
            &["f.json: ", "not JSON", "line 1", "; correct the JSON"],
        ),
        ("{}", &["auth_service", ";"]),
        (
            r#"{"auth_service":{"cluster":"c","tiemout":"2s"}}"#,
            &[
                "auth_service.tiemout",
                "; write timeout, or remove the field",
            ],
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"qqqqqqqqqqqqqqqqqqqq":1}"#,
            &["qqqqqqqqqqqqqqqqqqqq: unknown field", "; remove it"],
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"enforce_percent":101}"#,
            &[
                "enforce_percent: 101 is not 0 to 100",
                "; correct enforce_percent",
            ],
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"mode":"a\nb\u001b[2J"}"#,
            &["mode", "; correct mode"],
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"credentials":["a\nb\u001b[2J"]}"#,
            &["credentials[0]", "; correct credentials[0]"],
        ),
    ];
    for (text, parts) in cases {
        let error = read(text).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{text}: {error:?} lacks {part:?}");
        }
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}
