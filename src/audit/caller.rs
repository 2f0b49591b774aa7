//! Whom a decision is about, as the record and the access log's field have it.

use crate::decision::Decision;
use crate::json::ObjectWriter;
use crate::principal::IdentitySource;

/// Grants and workspaces stand there as the source of the identity gives them: `replay` decides again from them.
pub(super) fn write(decision: &Decision, json: &mut ObjectWriter<'_>) {
    let principal = decision.principal.as_deref();
    json.optional_text("user_id", principal.and_then(|it| it.user_id.as_deref()));
    json.optional_text("key_id", principal.and_then(|it| it.key_id.as_deref()));
    json.optional_word("identity", decision.identity.map(IdentitySource::as_str));
    json.texts("scopes", principal.map_or(&[], |it| it.scopes.as_slice()));
    json.texts("roles", principal.map_or(&[], |it| it.roles.as_slice()));
    json.flag("admin", principal.is_some_and(|it| it.is_admin));
    let Some(principal) = principal else { return };
    if !principal.grants.is_empty() {
        json.objects("grants", &principal.grants, |json, grant| {
            json.text("scope", &grant.scope);
            limit(json, "names", grant.names.as_deref());
            limit(json, "workspaces", grant.workspaces.as_deref());
        });
    }
    limit(json, "workspaces", principal.workspaces.as_deref());
}

fn limit(json: &mut ObjectWriter<'_>, name: &str, patterns: Option<&[String]>) {
    if let Some(patterns) = patterns {
        json.texts(name, patterns);
    }
}
