//! What samples hold in the place of a deployment's own values.

use super::super::finding::Findings;
use super::super::input::{Document, Kind};
use super::super::node::Value;
use super::super::place::Place;
use super::super::rules;

/// Domains for documentation (RFC 2606). `.internal` is none of them: people use it.
const DOMAINS: &[&str] = &[
    "example",
    "example.com",
    "example.net",
    "example.org",
    "invalid",
];

/// Looks at every text of every manifest, and of a plugin configuration.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) {
    for document in documents
        .iter()
        .filter(|document| document.kind != Kind::Envoy)
    {
        look(findings, &document.root);
    }
}

fn look(findings: &mut Findings, place: &Place<'_>) {
    match place.value() {
        Value::Text(text) => text_found(findings, place, text),
        Value::List(_) => place.items().for_each(|item| look(findings, &item)),
        Value::Map(_) => {
            let is_key = place.get("key_id").is_some();
            // What people write there is for people; the digest of a key has a rule of its own.
            let fields = place.fields().filter(|(name, _)| {
                !(["annotations", "description"].contains(name) || is_key && *name == "sha256")
            });
            fields.for_each(|(_, field)| look(findings, &field));
        }
        _ => {}
    }
}

fn text_found(findings: &mut Findings, place: &Place<'_>, text: &str) {
    if is_zero_digest(text) {
        findings.add(
            rules::PLACEHOLDER,
            place,
            "the digest is all zeros, which no image or module has, so nothing is loaded",
            "write the digest that scripts/package prints",
        );
    } else if let Some(host) = example_host(text) {
        findings.add(
            rules::PLACEHOLDER,
            place,
            format!("{host} is a documentation-only name (RFC 2606)"),
            "write the name in your deployment",
        );
    }
}

/// `0000…` of a digest's length, also behind `sha256:`.
fn is_zero_digest(text: &str) -> bool {
    let digest = text.rsplit("sha256:").next().unwrap_or(text);
    digest.len() >= 32 && digest.bytes().all(|byte| byte == b'0')
}

fn example_host(text: &str) -> Option<String> {
    let of_name = |letter: char| letter.is_ascii_alphanumeric() || ".-*".contains(letter);
    let names = text.split(|letter: char| !of_name(letter));
    let mut names = names.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
    names.find(|name| {
        DOMAINS.iter().any(|domain| {
            let before = name.strip_suffix(domain);
            before.is_some_and(|before| {
                before.ends_with('.') || (before.is_empty() && domain.contains('.'))
            })
        })
    })
}
