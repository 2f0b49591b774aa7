//! Limits to workspaces that have no effect, or the opposite of the one that they look like.

use mlflow_authz::Config;
use mlflow_authz::config::{ConfiguredKey, PeerRights};
use mlflow_authz::policy::{Policy, Within};
use mlflow_authz::principal::Principal;
use mlflow_authz::workspace;

use super::Origin;
use crate::check::finding::Findings;
use crate::check::rules;

/// Checks every place that can name workspaces.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    if !config.workspaces.enabled {
        disabled(findings, origin, config);
        return;
    }
    shadowing(findings, origin, config);
    let callers = Caller::all(config);
    rights(findings, origin, config, &callers);
    overrides(findings, origin, config, &callers);
}

/// A caller that the configuration lists.
struct Caller<'a> {
    place: Vec<String>,
    name: &'a str,
    principal: Principal,
}

impl<'a> Caller<'a> {
    fn all(config: &'a Config) -> Vec<Self> {
        let keys = config.keys.iter().enumerate();
        let keys = keys.map(|(index, key)| Self {
            place: vec!["keys".to_owned(), format!("[{index}]")],
            name: &key.key_id,
            principal: of_key(key),
        });
        let peers = config.mtls.iter().flat_map(|mtls| &mtls.principals);
        let peers = peers.map(|(name, rights)| Self {
            place: ["mtls", "principals", name].map(str::to_owned).into(),
            name,
            principal: of_peer(rights),
        });
        keys.chain(peers).collect()
    }

    fn path(&self) -> Vec<&str> {
        self.place.iter().map(String::as_str).collect()
    }

    /// Whether it is limited to workspaces at all.
    fn is_limited(&self, policy: &Policy) -> bool {
        let words = || self.principal.scopes.iter();
        self.principal.workspaces.is_some() || words().any(|word| is_limited_scope(policy, word))
    }
}

fn of_key(key: &ConfiguredKey) -> Principal {
    let principal = Principal {
        scopes: key.scopes.clone(),
        roles: key.roles.clone(),
        is_admin: key.is_admin,
        ..Principal::default()
    };
    principal.within(key.workspaces.clone(), key.workspace.clone())
}

fn of_peer(rights: &PeerRights) -> Principal {
    let principal = Principal {
        scopes: rights.scopes.clone(),
        roles: rights.roles.clone(),
        is_admin: rights.is_admin,
        ..Principal::default()
    };
    principal.within(rights.workspaces.clone(), rights.workspace.clone())
}

/// Whether a word is a known scope behind a pattern of workspaces, and no scope as a whole.
fn is_limited_scope(policy: &Policy, word: &str) -> bool {
    let is_whole = policy.scopes().any(|scope| scope == word);
    let alone = Principal {
        scopes: vec![word.to_owned()],
        ..Principal::default()
    };
    !is_whole && workspace::split(word).is_some() && policy.unknown_scopes(&alone).is_empty()
}

fn disabled(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    let policy = Policy::new(config);
    let mut found = |path: &[&str], what: &str| {
        findings.add_at(
            rules::WORKSPACES_DISABLED,
            origin.field(path),
            format!("{what} is limited to workspaces, which are not enabled: it grants nothing"),
            "set workspaces.enabled to true if MLflow runs with --enable-workspaces, or remove the limit",
        );
    };
    for caller in Caller::all(config) {
        let mut path = caller.path();
        if caller.principal.workspaces.is_some() {
            found(&path, caller.name);
            continue;
        }
        path.push("scopes");
        for word in &caller.principal.scopes {
            if is_limited_scope(&policy, word) {
                found(&path, &format!("scope {word:?}"));
            }
        }
    }
    let jwt = config.jwt.as_ref();
    let reply = config
        .auth_service
        .as_ref()
        .and_then(|it| it.reply.as_ref());
    let named = [
        (
            &["jwt", "workspaces"][..],
            jwt.and_then(|it| it.workspaces.as_ref()),
        ),
        (
            &["jwt", "workspace"],
            jwt.and_then(|it| it.workspace.as_ref()),
        ),
        (
            &["auth_service", "reply", "workspaces"],
            reply.and_then(|it| it.workspaces.as_ref()),
        ),
        (
            &["auth_service", "reply", "workspace"],
            reply.and_then(|it| it.workspace.as_ref()),
        ),
    ];
    for (path, places) in named {
        if places.is_some_and(|places| !places.is_empty()) {
            found(path, "whoever has a value there");
        }
    }
    if origin.has(&["workspaces", "default"]) {
        findings.add_at(
            rules::SETTING_UNUSED,
            origin.field(&["workspaces", "default"]),
            "has no effect: workspaces are not enabled",
            "set workspaces.enabled to true, or remove it",
        );
    }
}

/// A scope of the configuration whose name looks like a limited one is not limited.
fn shadowing(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    let policy = Policy::new(config);
    let is_known = |name: &str| policy.scopes().any(|scope| scope == name);
    for name in config.scopes.keys() {
        let Some((limit, scope)) = workspace::split(name) else {
            continue;
        };
        if is_known(scope) {
            findings.add_at(
                rules::SCOPE_SHADOWS,
                origin.field(&["scopes", name]),
                format!(
                    "replaces the scope {scope} limited to the workspace {limit}: a scope that the configuration has \
                     under its whole name applies in every workspace"
                ),
                format!("remove it, so that keys with it have {scope} in {limit} only, or rename it"),
            );
        }
    }
}

/// Callers that no workspace gives any right.
fn rights(findings: &mut Findings, origin: &Origin<'_>, config: &Config, callers: &[Caller<'_>]) {
    let policy = Policy::new(config);
    let has_some = |it: &&Caller<'_>| {
        let principal = &it.principal;
        principal.is_admin || !principal.scopes.is_empty() || !principal.roles.is_empty()
    };
    let limited = callers.iter().filter(|caller| caller.is_limited(&policy));
    for caller in limited.filter(has_some) {
        let rights = policy.rights(&caller.principal, Within::Somewhere);
        let is_without =
            rights.workspaces().is_empty() && !rights.elsewhere(Within::Everywhere).holds_any();
        if is_without {
            findings.add_at(
                rules::KEY_WITHOUT_RIGHTS,
                origin.field(&caller.path()),
                format!(
                    "{} has no right in any workspace: none of its scopes and roles applies in a workspace that it is limited to",
                    caller.name
                ),
                "let the patterns of its scopes match one of its workspaces",
            );
        }
    }
}

/// Exceptions for workspaces in which nobody has a right.
fn overrides(
    findings: &mut Findings,
    origin: &Origin<'_>,
    config: &Config,
    callers: &[Caller<'_>],
) {
    // Of other callers it is not known what they have.
    if config.auth_service.is_some() || config.jwt.is_some() {
        return;
    }
    let policy = Policy::new(config);
    let is_anywhere = |name: &str| {
        callers.iter().any(|caller| {
            policy
                .rights(&caller.principal, Within::Workspace(name))
                .holds_any()
        })
    };
    for (index, over) in config.overrides.iter().enumerate() {
        let index = format!("[{index}]");
        for pattern in over.matches.workspace.iter().flatten() {
            if !is_anywhere(&pattern.example()) {
                findings.add_at(
                    rules::OVERRIDE_UNUSED,
                    origin.field(&["overrides", &index, "match", "workspace"]),
                    format!(
                        "no key or certificate has a right in the workspace {}",
                        pattern.as_str()
                    ),
                    "correct it, or give a key that workspace",
                );
            }
        }
    }
}
