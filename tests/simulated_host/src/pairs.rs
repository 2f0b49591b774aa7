//! The ABI's serialized header maps, written and read independently of the filter's own code.

#[cfg(test)]
mod tests;

/// Name and value as bytes: a host does not promise UTF-8.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Pairs out of text.
pub fn pairs(text: &[(&str, &str)]) -> Vec<Pair> {
    text.iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

/// The first value under a name.
pub fn find<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a [u8]> {
    pairs
        .iter()
        .find(|(present, _)| present == name.as_bytes())
        .map(|(_, value)| value.as_slice())
}

/// The map as the ABI has it. An empty one is no bytes at all, as Envoy hands it over.
pub fn serialize(pairs: &[Pair]) -> Vec<u8> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for (name, value) in pairs {
        bytes.extend(name);
        bytes.push(0);
        bytes.extend(value);
        bytes.push(0);
    }
    bytes
}

/// The pairs of a map that the module serialized; `None` where its sizes do not fit.
pub fn deserialize(bytes: &[u8]) -> Option<Vec<Pair>> {
    let number = |at: usize| -> Option<usize> {
        let bytes = bytes.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let count = number(0)?;
    let mut at = 4 + count.checked_mul(8)?;
    let mut pairs = Vec::new();
    for index in 0..count {
        let mut text = |size: usize| {
            let text = bytes.get(at..at.checked_add(size)?)?.to_vec();
            (bytes.get(at + size) == Some(&0)).then_some(())?;
            at += size + 1;
            Some(text)
        };
        pairs.push((text(number(4 + index * 8)?)?, text(number(8 + index * 8)?)?));
    }
    (at == bytes.len()).then_some(pairs)
}
