//! Whom a decision is about, as the record and the access log's field have it.

use crate::decision::Decision;
use crate::json::{ObjectWriter, first, next};
use crate::principal::IdentitySource;

/// Grants and workspaces stand there as the source of the identity gives them: `replay` decides again from them.
pub(super) fn write(decision: &Decision, json: &mut ObjectWriter<'_>) {
    let principal = decision.principal.as_deref();
    json.optional_text(
        next!("user_id"),
        principal.and_then(|it| it.user_id.as_deref()),
    );
    json.optional_text(
        next!("key_id"),
        principal.and_then(|it| it.key_id.as_deref()),
    );
    json.optional_word(
        next!("identity"),
        decision.identity.map(IdentitySource::as_str),
    );
    json.texts(
        next!("scopes"),
        principal.map_or(&[], |it| it.scopes.as_slice()),
    );
    json.texts(
        next!("roles"),
        principal.map_or(&[], |it| it.roles.as_slice()),
    );
    json.flag(next!("admin"), principal.is_some_and(|it| it.is_admin));
    let Some(principal) = principal else { return };
    if !principal.grants.is_empty() {
        json.objects(next!("grants"), &principal.grants, |mut json, grant| {
            json.text(first!("scope"), &grant.scope);
            limit(&mut json, next!("names"), grant.names.as_deref());
            limit(&mut json, next!("workspaces"), grant.workspaces.as_deref());
            json.end();
        });
    }
    limit(json, next!("workspaces"), principal.workspaces.as_deref());
}

fn limit(json: &mut ObjectWriter<'_>, name: &'static str, patterns: Option<&[String]>) {
    if let Some(patterns) = patterns {
        json.texts(name, patterns);
    }
}
