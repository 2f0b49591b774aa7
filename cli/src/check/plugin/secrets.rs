//! Credentials of the filter's own that stand in the configuration, which Envoy's admin interface shows.

use mlflow_authz::Config;

use super::Origin;
use crate::check::finding::Findings;
use crate::check::rules;

/// In the name of a header, these tell that its value is a secret.
const SECRET: &[&str] = &[
    "auth",
    "token",
    "key",
    "secret",
    "password",
    "credential",
    "cookie",
];

pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    for (index, header) in config
        .auth_service
        .iter()
        .flat_map(|it| &it.headers)
        .enumerate()
    {
        let name = header.name();
        if SECRET.iter().any(|word| name.contains(word)) {
            let index = format!("[{index}]");
            findings.add_at(
                rules::SECRET_IN_PLAIN_TEXT,
                origin.field(&["auth_service", "headers", &index]),
                format!(
                    "the value of {name} is in plain text: whoever reads this file, or Envoy's admin interface, has it"
                ),
                "let Envoy add it from a file: credential_injector as an upstream filter of the cluster \
                 (docs/auth-service.md)",
            );
        }
    }
}
