//! The short form of a decision that the access log shows.

use super::caller;
use crate::decision::Decision;
use crate::json::ObjectWriter;

/// Writes the filter-state object for the access log in place of what `field` holds.
pub(super) fn write(decision: &Decision, field: &mut String) {
    field.clear();
    let mut json = ObjectWriter::new(field);
    json.word("decision", &[decision.effect().as_str()]);
    json.word("reason", &[decision.reason.as_str()]);
    json.optional_word("operation", decision.operation.map(|it| it.name));
    if let Some(workspace) = &decision.workspace {
        json.text("workspace", workspace);
    }
    caller::write(decision, &mut json);
    json.flag("stale", decision.stale);
    json.word("mode", &[decision.terms.mode.as_str()]);
    json.end();
}
