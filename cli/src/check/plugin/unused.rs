//! Settings that another setting makes meaningless, and ids that callers would need.

use mlflow_authz::Config;
use mlflow_authz::config::{Method, Protocol};

use super::Origin;
use crate::check::finding::Findings;
use crate::check::rules;

/// Checks what the filter accepts because it cannot tell a default from a value that was written.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    let mut unused = |path: &[&str], why: &str| {
        if origin.has(path) {
            findings.add_at(rules::SETTING_UNUSED, origin.field(path), why, "remove it");
        }
    };
    match &config.auth_service {
        None => unused(
            &["cache"],
            "has no effect: without auth_service nothing is cached",
        ),
        Some(service) if service.protocol == Protocol::Introspection => {
            unused(
                &["auth_service", "key_in"],
                "has no effect with \"protocol\": \"introspection\", which sends the token as the parameter token of a form",
            );
            unused(
                &["auth_service", "service_id"],
                "has no effect with \"protocol\": \"introspection\", which does not send it",
            );
        }
        Some(service) if service.method == Method::Get => unused(
            &["auth_service", "service_id"],
            "has no effect with \"method\": \"GET\", which has no body to send it in",
        ),
        Some(_) => {}
    }
    if config.jwt.as_ref().is_some_and(|jwt| jwt.key_id.is_empty()) {
        findings.add_at(
            rules::JWT_KEY_ID,
            origin.field(&["jwt", "key_id"]),
            "owners of tokens have no id: none of them can be revoked, and all count as the last percent of enforce_percent",
            "name a claim that is the same in each token of a caller, such as \"/sub\"",
        );
    }
}
