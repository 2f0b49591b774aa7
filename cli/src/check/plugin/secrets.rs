//! Credentials of the filter's own that stand in the configuration, which Envoy's admin interface shows.

use mlflow_authz::Config;
use mlflow_authz::config::SecretHeader;

use super::Origin;
use crate::check::finding::Findings;
use crate::check::rules;

/// In the name of a header or parameter, these tell that its value is a secret.
const SECRET: &[&str] = &[
    "auth",
    "cookie",
    "credential",
    "key",
    "pass",
    "pwd",
    "secret",
    "session",
    "sig",
    "token",
];

pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    let service = config.auth_service.as_ref();
    for (index, header) in service.iter().flat_map(|it| &it.headers).enumerate() {
        if is_secret(header) {
            let index = format!("[{index}]");
            let remedy = "let Envoy add it from a file: credential_injector as an upstream filter of the cluster \
                          (docs/auth-service.md)";
            let place = ["auth_service", "headers", &index];
            found(findings, origin, &place, header.name(), remedy);
        }
    }
    let query = service.and_then(|it| it.path.split_once('?'));
    for (name, _) in query.iter().flat_map(|(_, query)| parameters(query)) {
        if has_secret_name(name) {
            let remedy =
                "send it as a header, which Envoy can add from a file (docs/auth-service.md)";
            found(findings, origin, &["auth_service", "path"], name, remedy);
        }
    }
    let revocation = config.revocation.as_ref();
    if let Some(header) = revocation.and_then(|it| it.credential_header.as_ref()) {
        let remedy = "let Envoy add it from a file: the poll goes to the cluster of the auth service, whose \
                      credential_injector adds it to polls, too (docs/auth-service.md)";
        let place = ["revocation", "credential_header"];
        found(findings, origin, &place, header.name(), remedy);
    }
}

fn is_secret(header: &SecretHeader) -> bool {
    has_secret_name(header.name()) || header.is_credential()
}

fn has_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|word| name.contains(word))
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&');
    pairs.filter_map(|pair| pair.split_once('='))
}

fn found(
    findings: &mut Findings,
    origin: &Origin<'_>,
    place: &[&str],
    name: &str,
    remedy: &'static str,
) {
    findings.add_at(
        rules::SECRET_IN_PLAIN_TEXT,
        origin.field(place),
        format!("the value of {name} is in plain text: whoever reads this file, or Envoy's admin interface, has it"),
        remedy,
    );
}
