//! Dynamic metadata as Envoy hands it over (`Context::getProperty` and `serializeValue` in
//! `source/extensions/common/wasm/context.cc`), written independently of the filter's own code.

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::pairs::{Pair, serialize};
use crate::status::{NOT_FOUND, SERIALIZATION_FAILURE, Status};

/// The value below names that have a zero byte between them. A last name that is empty is passed over.
pub(crate) fn get(metadata: &Value, path: &[u8]) -> Result<Vec<u8>, Status> {
    let mut value = metadata;
    let mut rest = path;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
        let name = std::str::from_utf8(&rest[..end]).map_err(|_| NOT_FOUND)?;
        rest = rest.get(end + 1..).unwrap_or_default();
        let below = match value {
            Value::Object(fields) => fields.get(name),
            Value::Array(elements) => name
                .trim()
                .parse()
                .ok()
                .and_then(|at: usize| elements.get(at)),
            _ => None,
        };
        value = below.ok_or(NOT_FOUND)?;
    }
    encode(value)
}

fn encode(value: &Value) -> Result<Vec<u8>, Status> {
    Ok(match value {
        Value::Null => return Err(SERIALIZATION_FAILURE),
        Value::Bool(flag) => vec![u8::from(*flag)],
        Value::Number(number) => number.as_f64().unwrap().to_le_bytes().to_vec(),
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Array(elements) => {
            let element = |it| Ok((encode(it)?, Vec::new()));
            let elements: Result<Vec<Pair>, Status> = elements.iter().map(element).collect();
            encode_pairs(&elements?)
        }
        Value::Object(fields) => {
            let field = |(name, it): (&String, _)| Ok((name.as_bytes().to_vec(), encode(it)?));
            let fields: Result<Vec<Pair>, Status> = fields.iter().map(field).collect();
            encode_pairs(&fields?)
        }
    })
}

/// No pairs are a count of none here, where a map of headers would be no bytes at all.
fn encode_pairs(pairs: &[Pair]) -> Vec<u8> {
    if pairs.is_empty() {
        return vec![0; 4];
    }
    serialize(pairs)
}
