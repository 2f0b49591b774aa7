//! Lines of bounded length, into one buffer.

use std::io::{self, BufRead, Read};

/// Whether a line was taken whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// It is in the buffer, with its end.
    Fits,
    /// It is longer than was asked for, and was skipped.
    TooLong,
}

/// Reads the next line into `text`; `None` at the end. Of a line longer than `longest` bytes the rest is skipped.
///
/// # Errors
///
/// Those of the input.
pub fn read_line(
    input: &mut impl BufRead,
    text: &mut Vec<u8>,
    longest: usize,
) -> io::Result<Option<Length>> {
    text.clear();
    // One more for the newline.
    let limit = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    if input.by_ref().take(limit).read_until(b'\n', text)? == 0 {
        return Ok(None);
    }
    if text.ends_with(b"\n") || text.len() <= longest {
        return Ok(Some(Length::Fits));
    }
    // A giant must not be remembered by the buffer for the rest of the run.
    *text = Vec::new();
    input.skip_until(b'\n')?;
    Ok(Some(Length::TooLong))
}
