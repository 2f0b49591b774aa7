//! The ABI's serialized header maps: a count, the sizes of each pair, then each name and value with a
//! zero byte behind it. Numbers are 32-bit little endian. What a header means is not known here.

use mlflow_authz::request::Header;

use super::{HostError, Problem};

/// Headers as the host handed them over.
#[derive(Debug)]
pub struct HeaderPairs {
    bytes: Vec<u8>,
}

impl HeaderPairs {
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Name and value of each header, in order.
    ///
    /// # Errors
    /// Sizes that do not fit the data.
    pub fn pairs(&self) -> Result<Vec<Header<'_>>, HostError> {
        if self.bytes.is_empty() {
            return Ok(Vec::new());
        }
        let malformed = HostError {
            call: "get_header_map_pairs",
            problem: Problem::Malformed,
        };
        parse(&self.bytes).ok_or(malformed)
    }
}

fn parse(bytes: &[u8]) -> Option<Vec<Header<'_>>> {
    let (count, rest) = number(bytes)?;
    let (mut sizes, mut data) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let (name_size, later) = number(sizes)?;
        let (value_size, later) = number(later)?;
        sizes = later;
        let (name, after_name) = terminated(data, name_size)?;
        let (value, after_value) = terminated(after_name, value_size)?;
        data = after_value;
        pairs.push((name, value));
    }
    Some(pairs)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn terminated(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(size)?;
    Some((text, rest.get(1..)?))
}

pub(super) fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let push_number = |bytes: &mut Vec<u8>, number: usize| {
        bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    };
    push_number(&mut bytes, pairs.len());
    for (name, value) in pairs {
        push_number(&mut bytes, name.len());
        push_number(&mut bytes, value.len());
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}
