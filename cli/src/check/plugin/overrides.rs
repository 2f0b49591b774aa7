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
        if !catalog::all_operations().any(|operation| over.matches.names(operation)) {
            findings.add_at(
                rules::OVERRIDE_UNUSED,
                origin.field(&[path[0], path[1], "match"]),
                "no operation of MLflow matches all of this",
                "`mlflow-authz routes` lists object, access and name of each operation",
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
                "the caller chooses the host: for requests with this name, fewer denials are enforced",
                "let Envoy's virtual hosts accept only this name, or match a mount instead",
            );
        }
        if over.matches.host.is_some() && strengthens(over) && !enforces_the_others(config, over) {
            findings.add_at(
                rules::OVERRIDE_BY_HOST,
                origin.field(&[path[0], path[1], "match", "host"]),
                "the caller chooses the host: with another name, or a dot at its end, this override does not apply, and the \
                 request is not refused",
                "enforce for every host, and match the exceptions by mount; or let Envoy's virtual hosts accept only these names",
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
        workspace,
        object,
        access,
        operation,
    } = &earlier.matches;
    let everything = mount.is_none()
        && host.is_none()
        && workspace.is_none()
        && object.is_none()
        && access.is_none()
        && operation.is_none();
    everything
        && (later.mode.is_none() || earlier.mode.is_some())
        && (later.enforce_percent.is_none() || earlier.enforce_percent.is_some())
        && (later.public.is_none() || earlier.public.is_some())
        && (later.scopes.is_none() || earlier.scopes.is_some())
}

/// Whether a caller gains by being under it. What a table of scopes does is not weighed: it may.
fn weakens(over: &Override) -> bool {
    over.scopes.is_some()
        || over.mode == Some(Mode::Shadow)
        || over.enforce_percent.is_some_and(|percent| percent < 100)
        || over.public == Some(true)
}

/// Whether a caller gains by not being under it.
fn strengthens(over: &Override) -> bool {
    over.mode == Some(Mode::Enforce)
        || over.enforce_percent == Some(100)
        || over.public == Some(false)
}

/// Whether the same requests for any other host are refused too.
fn enforces_the_others(config: &Config, over: &Override) -> bool {
    let others = config.overrides.iter().filter(|other| {
        let Match {
            mount,
            host,
            workspace,
            object,
            access,
            operation,
        } = &other.matches;
        host.is_none()
            && workspace.is_none()
            && mount
                .as_ref()
                .is_none_or(|it| Some(it) == over.matches.mount.as_ref())
            && object
                .as_ref()
                .is_none_or(|it| Some(it) == over.matches.object.as_ref())
            && access
                .as_ref()
                .is_none_or(|it| Some(it) == over.matches.access.as_ref())
            && (operation.is_none() || names_of(other) == names_of(over))
    });
    let others: Vec<&Override> = others.collect();
    let mode = others
        .iter()
        .find_map(|other| other.mode)
        .unwrap_or(config.mode);
    let percent = others
        .iter()
        .find_map(|other| other.enforce_percent)
        .unwrap_or(config.enforce_percent);
    let public = others
        .iter()
        .find_map(|other| other.public)
        .unwrap_or_default();
    mode == Mode::Enforce && percent == 100 && !public
}

fn names_of(over: &Override) -> Option<Vec<&str>> {
    let operations = over.matches.operation.as_ref()?;
    Some(operations.iter().map(|operation| operation.name).collect())
}
