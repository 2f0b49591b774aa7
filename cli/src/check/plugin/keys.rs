//! Callers whom the configuration lists, by keys or by certificates, whose rights have ended or who have none.

use std::time::SystemTime;

use mlflow_authz::Config;
use mlflow_authz::policy::Policy;
use mlflow_authz::principal::Principal;

use super::super::finding::Findings;
use super::super::place::Spot;
use super::super::rules;
use super::Origin;

/// Checks every entry.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    if config.keys.is_empty() && config.mtls.is_none() {
        return;
    }
    let policy = Policy::new(config);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    for (index, key) in config.keys.iter().enumerate() {
        let item = format!("[{index}]");
        let spot = |name: &str| origin.field(&["keys", &item, name]);
        if key.sha256.to_string().bytes().all(|digit| digit == b'0') {
            findings.add_at(
                rules::PLACEHOLDER,
                spot("sha256"),
                format!(
                    "the digest of key {} is all zeros: no key has it",
                    key.key_id
                ),
                "write what mlflow-authz key new, or key digest, prints",
            );
        }
        if key.expires_at.is_some_and(|at| at <= now) {
            findings.add_at(
                rules::KEY_EXPIRED,
                spot("expires_at"),
                format!("key {} has expired: it gets 401", key.key_id),
                "remove the entry, or give the key a later time",
            );
        }
        let principal = Principal {
            key_id: Some(key.key_id.clone()),
            scopes: key.scopes.clone(),
            roles: key.roles.clone(),
            is_admin: key.is_admin,
            ..Principal::default()
        };
        let entry = origin.field(&["keys", &item]);
        rights(
            findings,
            &policy,
            &principal,
            &format!("key {}", key.key_id),
            entry,
            spot,
        );
    }
    for (name, given) in config.mtls.iter().flat_map(|mtls| &mtls.principals) {
        let spot = |field: &str| origin.field(&["mtls", "principals", name, field]);
        let principal = Principal {
            scopes: given.scopes.clone(),
            roles: given.roles.clone(),
            is_admin: given.is_admin,
            ..Principal::default()
        };
        let entry = origin.field(&["mtls", "principals", name]);
        rights(
            findings,
            &policy,
            &principal,
            &format!("{name:?}"),
            entry,
            spot,
        );
    }
}

fn rights(
    findings: &mut Findings,
    policy: &Policy,
    principal: &Principal,
    who: &str,
    entry: Spot,
    spot: impl Fn(&str) -> Spot,
) {
    for scope in policy.unknown_scopes(principal) {
        no_rights(findings, spot("scopes"), &format!("scope {scope:?}"));
    }
    for role in policy.unknown_roles(principal) {
        no_rights(findings, spot("roles"), &format!("role {role:?}"));
    }
    if principal.scopes.is_empty() && principal.roles.is_empty() && !principal.is_admin {
        findings.add_at(
            rules::KEY_WITHOUT_RIGHTS,
            entry,
            format!("{who} has no scope and no role: it may do nothing"),
            "give it scopes, or remove the entry",
        );
    }
}

fn no_rights(findings: &mut Findings, spot: Spot, what: &str) {
    findings.add_at(
        rules::KEY_WITHOUT_RIGHTS,
        spot,
        format!("{what} is neither a default nor in the configuration, and grants nothing"),
        "correct it, or add it to the configuration's scopes or roles",
    );
}
