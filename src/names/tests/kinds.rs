//! What may be a name, an id, an alias.

use serde_json::json;

use super::{CREATE, post, send};

const CREATE_EXPERIMENT: &str = "/api/2.0/mlflow/experiments/create";
const DELETE_EXPERIMENT: &str = "/api/2.0/mlflow/experiments/delete";
const UPDATE_EXPERIMENT: &str = "/api/2.0/mlflow/experiments/update";
const ALIAS: &str = "/api/2.0/mlflow/registered-models/alias";

fn model(name: &str) -> bool {
    let found = post(CREATE, json!({"name": name}).to_string().as_bytes());
    let expected = format!("registered_model:write {name}");
    assert!(found.is_err() || found == Ok(vec![expected]), "{name:?}");
    found.is_ok()
}

fn experiment(name: &str) -> bool {
    let found = post(
        CREATE_EXPERIMENT,
        json!({"name": name}).to_string().as_bytes(),
    );
    let expected = format!("experiment:write {name}");
    assert!(found.is_err() || found == Ok(vec![expected]), "{name:?}");
    found.is_ok()
}

#[test]
fn names_are_visible_ascii_with_inner_spaces() {
    let (longest, too_long) = ("a".repeat(256), "a".repeat(257));
    for name in [
        "acme-fraud",
        "a",
        "7",
        "a b",
        "*",
        "?",
        "a%2Fb",
        "a\\b",
        "a@b",
        "~",
        "..a",
        "a~!#$&'()+,;=",
        &longest,
    ] {
        assert!(model(name) && experiment(name), "{name:?}");
    }
    for name in [
        "",
        " ",
        " a",
        "a ",
        "a\n",
        "\ta",
        "a\tb",
        "a\0",
        "a\u{7f}",
        "a\u{85}",
        "\u{fc}",
        "u\u{308}",
        "a\u{200b}",
        "a\u{ff1a}b",
        "\u{ff41}cme",
        "a\u{2028}",
        "\u{1f389}",
        "a\u{a0}",
        &too_long,
    ] {
        assert!(!model(name) && !experiment(name), "{name:?}");
    }
}

/// Releases before 3.17 let a registered model be named so.
#[test]
fn a_model_is_not_named_as_a_path_and_an_experiment_may_be() {
    for name in ["a/b", "/", "a:b", ":", "models:/a", "a/../b"] {
        assert!(!model(name) && experiment(name), "{name:?}");
    }
    for name in [".", ".."] {
        assert!(!model(name), "{name:?}");
    }
}

#[test]
fn the_id_of_an_experiment_is_plain_decimal() {
    for (id, accepted) in [
        ("0", true),
        ("7", true),
        ("10", true),
        ("9223372036854775807", true),
        ("", false),
        ("00", false),
        ("04", false),
        ("+4", false),
        ("-0", false),
        ("-4", false),
        (" 4", false),
        ("4 ", false),
        ("4\n", false),
        ("1_0", false),
        ("4.0", false),
        ("1e0", false),
        ("0x4", false),
        ("\u{ff11}", false),
        ("\u{661}", false),
        ("12345678901234567890", false),
        ("acme", false),
    ] {
        let body = json!({"experiment_id": id}).to_string();
        let found = post(DELETE_EXPERIMENT, body.as_bytes());
        let expected = accepted.then(|| vec![format!("experiment:delete #{id}")]);
        assert_eq!(found.ok(), expected, "{id:?}");
    }
}

#[test]
fn an_alias_is_of_letters_digits_and_two_signs() {
    let (longest, too_long) = ("a".repeat(255), "a".repeat(256));
    for (alias, accepted) in [
        ("champion", true),
        ("Champion", true),
        ("a_b-c", true),
        ("1", true),
        ("latest", true),
        (longest.as_str(), true),
        (too_long.as_str(), false),
        ("", false),
        ("champion\n", false),
        ("champion ", false),
        ("a@b", false),
        ("a.b", false),
        ("a*", false),
        ("\u{e4}", false),
    ] {
        for (method, body) in [
            (
                "POST",
                json!({"name": "acme-a", "alias": alias, "version": "1"}),
            ),
            ("DELETE", json!({"name": "acme-a", "alias": alias})),
            // The name does not have to come first.
            ("DELETE", json!({"alias": alias, "name": "acme-a"})),
        ] {
            let found = send(method, ALIAS, body.to_string().as_bytes());
            let expected =
                accepted.then(|| vec![format!("registered_model:promote acme-a@{alias}")]);
            assert_eq!(found.ok(), expected, "{method} {alias:?}");
        }
    }
    for body in [
        json!({"name": "acme-a", "version": "1"}),
        json!({"alias": "a", "version": "1"}),
    ] {
        assert!(post(ALIAS, body.to_string().as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn two_names_are_two_demands() {
    let rename = json!({"name": "acme-a", "new_name": "acme-b"}).to_string();
    let renamed = post(
        "/api/2.0/mlflow/registered-models/rename",
        rename.as_bytes(),
    );
    let expected = [
        "registered_model:write acme-a",
        "registered_model:write acme-b",
    ];
    assert_eq!(renamed, Ok(expected.map(str::to_owned).to_vec()));
    let update = json!({"experiment_id": "7", "new_name": "acme/b"}).to_string();
    let updated = post(UPDATE_EXPERIMENT, update.as_bytes());
    let expected = ["experiment:write #7", "experiment:write acme/b"];
    assert_eq!(updated, Ok(expected.map(str::to_owned).to_vec()));
    for body in [
        json!({"name": "acme-a"}),
        json!({"new_name": "acme-a"}),
        json!({"name": "acme-a", "new_name": ""}),
        json!({"name": "acme-a", "new_name": "a/b"}),
    ] {
        let found = post(
            "/api/2.0/mlflow/registered-models/rename",
            body.to_string().as_bytes(),
        );
        assert!(found.is_err(), "{body}");
    }
    for body in [
        json!({"experiment_id": "7"}),
        json!({"new_name": "acme"}),
        json!({"experiment_id": "", "new_name": "acme"}),
    ] {
        let found = post(UPDATE_EXPERIMENT, body.to_string().as_bytes());
        assert!(found.is_err(), "{body}");
    }
}

/// Where an experiment's files lie is not a name's to grant.
#[test]
fn a_location_of_artifacts_is_refused() {
    for (field, location, why) in [
        ("artifact_location", "mlflow-artifacts:/8", "leave it out"),
        ("artifact_location", "", "leave it out"),
        (
            "artifactLocation",
            "mlflow-artifacts:/8",
            "in another spelling",
        ),
    ] {
        let body = json!({"name": "acme", field: location}).to_string();
        let found = post(CREATE_EXPERIMENT, body.as_bytes());
        assert!(found.is_err_and(|said| said.contains(why)), "{body}");
    }
}
