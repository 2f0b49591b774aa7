//! The short form of a decision that the access log shows.

use super::caller;
use crate::decision::Decision;
use crate::json::{ObjectWriter, first, next};

/// Writes the filter-state object for the access log in place of what `field` holds.
pub(super) fn write(decision: &Decision, field: &mut Vec<u8>) {
    field.clear();
    let mut json = ObjectWriter(field);
    json.word(first!("decision"), decision.effect().as_str());
    json.word(next!("reason"), decision.reason.as_str());
    json.optional_word(next!("operation"), decision.operation.map(|it| it.name));
    if let Some(workspace) = &decision.workspace {
        json.text(next!("workspace"), workspace);
    }
    caller::write(decision, &mut json);
    json.flag(next!("stale"), decision.stale);
    json.word(next!("mode"), decision.terms.mode.as_str());
    json.end();
}
