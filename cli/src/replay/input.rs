//! Files of records: plain, gzip or zstd, told apart by how they begin.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

use super::zstd::Frames;
use crate::config_file;
use crate::error::CliError;

/// Bytes read at once.
const BUFFER: usize = 256 * 1024;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Opens a file, or stdin where it is `-`; what is read of it moves the bar.
///
/// # Errors
///
/// A file that cannot be read.
pub fn open(file: &Path, progress: &ProgressBar) -> Result<Box<dyn BufRead>, CliError> {
    let reader: io::Result<Box<dyn Read>> = if file.as_os_str() == OsStr::new("-") {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(file).map(|file| Box::new(file) as Box<dyn Read>)
    };
    reader
        .and_then(|reader| decompressed(progress.wrap_read(reader)))
        .map_err(|error| unreadable(&config_file::name(file), 0, &error))
}

/// The error of a file whose reading ended behind a line.
pub fn unreadable(name: &str, line: u64, error: &io::Error) -> CliError {
    let place = if line == 0 {
        String::new()
    } else {
        format!(" behind line {line}")
    };
    CliError::new(
        format!("{name}: cannot be read{place}: {error}"),
        "give whole files of records, plain or compressed with gzip or zstd",
    )
}

/// What a reader holds, by its first bytes.
///
/// # Errors
///
/// Those of the reader.
pub fn decompressed(mut reader: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut start = Vec::new();
    reader
        .by_ref()
        .take(ZSTD.len() as u64)
        .read_to_end(&mut start)?;
    let (gzip, zstd) = (start.starts_with(GZIP), start.starts_with(ZSTD));
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(reader));
    Ok(if gzip {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole)))
    } else if zstd {
        Box::new(BufReader::with_capacity(BUFFER, Frames::new(whole)))
    } else {
        Box::new(whole)
    })
}

/// A bar on stderr over the bytes of all files; invisible where stderr is no terminal. Without sizes (stdin, a
/// pipe) it counts.
pub fn progress(files: &[PathBuf]) -> ProgressBar {
    let sizes: Option<Vec<u64>> = files
        .iter()
        .map(|file| std::fs::metadata(file).ok().filter(|it| it.is_file()))
        .map(|metadata| metadata.map(|it| it.len()))
        .collect();
    match sizes {
        Some(sizes) => styled(
            ProgressBar::new(sizes.iter().sum()),
            "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left{msg}",
        ),
        None => styled(
            ProgressBar::new_spinner(),
            "{spinner} {bytes}, {bytes_per_sec}{msg}",
        ),
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
