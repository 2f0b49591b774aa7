//! The encoding in which a proxy-wasm host hands over maps and lists: a count, the sizes of each pair, then each name
//! and value with a zero byte behind it. Numbers are 32-bit little endian. In a list the values are empty.
//!
//! Reading is total: bytes that are no such encoding are none, and nothing larger than them is allocated. What a pair
//! means is not known here. Source: proxy-wasm-cpp-host, `pairs_util.cc`.

#[cfg(test)]
mod tests;

/// A name and its value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// The pairs, and what stands behind them; `None` where sizes do not fit.
pub fn read(bytes: &[u8]) -> Option<(Vec<Pair<'_>>, &[u8])> {
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
    Some((pairs, data))
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn terminated(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(size)?;
    Some((text, rest.get(1..)?))
}

/// The encoding of pairs.
pub fn write<T: AsRef<[u8]>>(pairs: &[(T, T)]) -> Vec<u8> {
    let length = |(name, value): &(T, T)| 8 + name.as_ref().len() + 1 + value.as_ref().len() + 1;
    let mut bytes = Vec::with_capacity(4 + pairs.iter().map(length).sum::<usize>());
    let push_number = |bytes: &mut Vec<u8>, number: usize| {
        bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    };
    push_number(&mut bytes, pairs.len());
    for (name, value) in pairs {
        push_number(&mut bytes, name.as_ref().len());
        push_number(&mut bytes, value.as_ref().len());
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend_from_slice(text.as_ref());
            bytes.push(0);
        }
    }
    bytes
}
