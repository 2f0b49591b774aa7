//! Findings point at the line of the error, also inside JSON that stands in YAML.

use super::{findings, sample};

/// The line where a piece of text starts, counted from 1.
fn line_of(text: &str, piece: &str) -> u64 {
    let before = &text[..text.find(piece).unwrap()];
    u64::try_from(before.matches('\n').count()).unwrap() + 1
}

fn told(text: &str) -> Vec<(u64, String)> {
    let found = findings(&[("f", text)]);
    found
        .into_iter()
        .map(|finding| (finding.spot.line, finding.spot.path))
        .collect()
}

#[test]
fn in_a_block_scalar() {
    for (old, new, piece, path) in [
        (
            "\"timeout\": \"2s\"",
            "\"tiemout\": \"2s\"",
            "\"tiemout\"",
            "> auth_service.tiemout",
        ),
        (
            "\"ttl\": \"60s\"",
            "\"ttl\":\n                        \"60\"",
            "\"60\"",
            "> cache.ttl",
        ),
        (
            "\"max_per_second\": 100",
            "\"max_per_second\": true",
            "\"max_per_second\": true",
            "> audit.max_per_second",
        ),
        (
            "\"version\": 1,",
            "\"version\": 1, \"scopes\": { \"a\": [\"run:read\",\n                        \"run:promote\"] },",
            "\"run:promote\"",
            "> scopes.a[1]",
        ),
        (
            "\"mounts\": [\"/api/mlflow\"]",
            "\"mounts\": [\"/api/mlflow\",\n                        \"/x\"]",
            "\"/x\"",
            "> mounts[1]",
        ),
        // What is no JSON.
        (
            "\"service_id\": \"mlflow\",",
            "\"service_id\": \"mlflow\",,",
            "\"service_id\"",
            "configuration.value",
        ),
        (
            "\"version\": 1,",
            "\"version\": 01,",
            "\"version\": 01",
            "configuration.value",
        ),
    ] {
        let text = sample(&[(old, new)]);
        let told = told(&text);
        assert!(
            told.iter()
                .any(|(line, found)| *line == line_of(&text, piece) && found.ends_with(path)),
            "{new}: {} {told:?}",
            line_of(&text, piece)
        );
    }
}

/// However the block starts; where its lines are not those of the file, the value's own line is told.
#[test]
fn in_every_kind_of_scalar() {
    const VALUE: &str = "                  value: |\n";
    const BAD: (&str, &str) = ("\"timeout\": \"2s\"", "\"tiemout\": \"2s\"");
    for header in ["|", "|-", "|+", "|2", "| # the filter's", ">"] {
        let other = format!("                  value: {header}\n");
        let text = sample(&[(VALUE, &other), BAD]);
        let expected = line_of(&text, "\"tiemout\"");
        let value = line_of(&text, &other);
        let told = told(&text);
        assert_eq!(told.len(), 1, "{header}: {told:?}");
        assert!(
            told[0].0 == expected || header == ">" && told[0].0 == value,
            "{header}: {told:?}, not {expected}"
        );
    }
    let json = r#"{"auth_service":{"cluster":"auth_service"},"x":1}"#;
    let start = "                  value: |\n";
    let whole = sample(&[]);
    let from = whole.find(start).unwrap();
    let to = whole
        .find("          - name: envoy.filters.http.router\n")
        .unwrap();
    for value in [
        format!("'{json}'"),
        format!("{:?}", json.replace(',', ",\n")),
    ] {
        let text = format!(
            "{}                  value: {value}\n{}",
            &whole[..from],
            &whole[to..]
        );
        let told = told(&text);
        assert!(
            told.iter()
                .any(|(line, _)| *line == line_of(&text, "                  value: ")),
            "{told:?}"
        );
    }
}

#[test]
fn in_a_file_of_its_own() {
    for (text, line) in [
        ("{\n \"version\": 1,\n \"mounts\": [,]\n}", 3),
        ("{\n \"version\": 1,\n \"mounts\": [\"/\"\n", 3),
        (
            "{\n \"mounts\": [\"/\"], \"auth_service\": {\n  \"cluster\": \"c\", \"tiemout\": 1\n }\n}",
            3,
        ),
    ] {
        let told = told(text);
        assert_eq!(told.len(), 1, "{text}: {told:?}");
        assert!(
            told[0].0 == line || told[0].0 == line + 1 && !text.ends_with('}'),
            "{text}: {told:?}"
        );
    }
}
