//! A reply's body as JSON, and what is wrong with it in words that repeat none of its values.

use serde::Deserialize;

use super::failure::{ContractError, MAX_BODY_BYTES};
use crate::json::{self, Document, Found, Problem};
use crate::pointer::Pointer;

/// Reads a reply's body: one JSON object of bounded size.
pub(super) fn read_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ContractError> {
    parse(body)?.read().map_err(contract_error)
}

pub(super) fn parse(body: &[u8]) -> Result<Document<'_>, ContractError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ContractError::TooLarge);
    }
    Document::parse(body).map_err(contract_error)
}

/// What is wrong with the value at a pointer.
pub(super) fn contract_error_at(pointer: &Pointer, error: json::Error) -> ContractError {
    match contract_error(error) {
        ContractError::Field { field, problem } => {
            let below = if field == WHOLE { "" } else { field.as_str() };
            ContractError::Field {
                field: format!("{pointer}{below}"),
                problem,
            }
        }
        _ => ContractError::Field {
            field: pointer.to_string(),
            problem: "cannot be read".to_owned(),
        },
    }
}

/// How a problem of the body is named that is at none of its fields.
const WHOLE: &str = "(the whole body)";

pub(super) fn contract_error(error: json::Error) -> ContractError {
    let (path, problem) = error.into_parts();
    let (field, problem) = match problem {
        Problem::Syntax(_) => return ContractError::NotJson,
        Problem::MissingField(field) => (json::field_of(&path, field), "is missing".to_owned()),
        Problem::DuplicatedField(field) => {
            (json::field_of(&path, field), "is duplicated".to_owned())
        }
        // Only what was expected may be repeated.
        Problem::Unexpected { expected, .. } => (path, format!("expected {expected}")),
        Problem::UnknownField { .. } | Problem::Other(_) => {
            (path, "is not of the contract's type".to_owned())
        }
    };
    let field = match field.as_str() {
        "" => WHOLE.to_owned(),
        _ => field,
    };
    ContractError::Field { field, problem }
}

/// What stands at a place; `None` where nothing does.
pub(super) fn found<'d, 'a>(
    document: &'d Document<'a>,
    pointer: &Pointer,
) -> Result<Option<Found<'d, 'a>>, ContractError> {
    let found = document.at(pointer);
    found.map_err(|_| unreadable(pointer, "is duplicated, or cannot be read"))
}

/// The error of what says whether a key is valid, and cannot be read.
pub(super) fn unreadable(pointer: &Pointer, problem: &'static str) -> ContractError {
    ContractError::Validity {
        field: pointer.to_string(),
        problem,
    }
}
