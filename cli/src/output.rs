//! Stdout, buffered, whose reader may leave whenever it likes.

use std::io::{self, BufWriter, Write};

use mlflow_authz::printable::printable_json;
use serde::Serialize;

use crate::error::CliError;

/// Runs `write` on buffered stdout and flushes. A reader that has gone is no failure.
///
/// # Errors
///
/// Stdout that cannot be written to: a full disk.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    ended(write(&mut out).and_then(|()| out.flush()))
}

/// Prints a value as JSON on one line, without its end, in which nothing is raw that a terminal would act on.
///
/// # Errors
///
/// Those of writing.
pub fn json(out: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    out.write_all(printable_json(serde_json::to_string(value)?).as_bytes())
}

/// The same on many lines, with its end.
///
/// # Errors
///
/// Those of writing.
pub fn pretty_json(out: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    out.write_all(printable_json(serde_json::to_string_pretty(value)?).as_bytes())?;
    out.write_all(b"\n")
}

/// How writing to stdout ended, as the command's own outcome.
///
/// # Errors
///
/// See [`to_stdout`].
pub fn ended(written: io::Result<()>) -> Result<(), CliError> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::new(
            format!("cannot write to stdout: {error}"),
            "make room where stdout is written, or check its permissions",
        )),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::ended;

    #[test]
    fn only_a_reader_that_has_gone_is_no_failure() {
        assert_eq!(ended(Ok(())), Ok(()));
        assert_eq!(ended(Err(io::ErrorKind::BrokenPipe.into())), Ok(()));
        assert!(ended(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
