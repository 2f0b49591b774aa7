//! Overrides that never decide anything, and those that a caller can choose.

use mlflow_authz::Config;
use mlflow_authz::catalog;
use mlflow_authz::config::{Match, Mode, Override};

use super::super::finding::Findings;
use super::super::rules;
use super::{Origin, permissions};

/// Checks every override.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    for (index, over) in config.overrides.iter().enumerate() {
        let place = format!("[{index}]");
        let path = ["overrides", place.as_str()];
        let earlier = config.overrides.get(..index).unwrap_or_default();
        if !catalog::operations().any(|operation| over.matches.names(operation)) {
            findings.add_at(
                rules::OVERRIDE_UNUSED,
                origin.field(&[path[0], path[1], "match"]),
                "no operation of MLflow is all of this",
                "compare with `mlflow-authz routes`, which has object, access and name of each",
            );
        } else if earlier.iter().any(|earlier| takes_all(earlier, over)) {
            findings.add_at(
                rules::OVERRIDE_UNUSED,
                origin.field(&path),
                "an override before it matches every request and decides all that this one sets",
                "put it before that one, or remove it",
            );
        }
        if over.matches.host.is_some() && weakens(over) {
            findings.add_at(
                rules::OVERRIDE_BY_HOST,
                origin.field(&[path[0], path[1], "match", "host"]),
                "the host is what the caller writes: whoever sends this name is refused less",
                "let Envoy's virtual hosts admit this name alone where it is served, or match a mount",
            );
        }
        for (name, scope) in over.scopes.iter().flatten() {
            let path = [path[0], path[1], "scopes", name];
            permissions::each(findings, origin, &path, &scope.permissions);
        }
    }
}

/// Whether the earlier of two leaves nothing to the later.
fn takes_all(earlier: &Override, later: &Override) -> bool {
    let Match {
        mount,
        host,
        object,
        access,
        operation,
    } = &earlier.matches;
    let everything = mount.is_none()
        && host.is_none()
        && object.is_none()
        && access.is_none()
        && operation.is_none();
    everything
        && (later.mode.is_none() || earlier.mode.is_some())
        && (later.enforce_percent.is_none() || earlier.enforce_percent.is_some())
        && (later.public.is_none() || earlier.public.is_some())
        && (later.scopes.is_none() || earlier.scopes.is_some())
}

fn weakens(over: &Override) -> bool {
    over.mode == Some(Mode::Shadow)
        || over.enforce_percent.is_some_and(|percent| percent < 100)
        || over.public == Some(true)
}
