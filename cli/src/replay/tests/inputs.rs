//! Files, plain and compressed, and what is no record at all.

use std::io::{BufRead, Cursor, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

use super::super::Replay;
use super::super::input::decompressed;
use super::{DEFAULTS, audit, config};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    compress_to_vec(text, CompressionLevel::Fastest)
}

fn text_of(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    decompressed(Cursor::new(bytes))?.read_to_end(&mut text)?;
    Ok(text)
}

#[test]
fn files_are_told_apart_by_how_they_begin() {
    let one: Vec<u8> = b"first\n".repeat(100_000);
    let two: Vec<u8> = b"second\n".repeat(3);
    let both = [one.clone(), two.clone()].concat();
    // A frame that readers skip (RFC 8878 section 3.1.2), as parallel compressors write.
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    for (bytes, expected) in [
        (both.clone(), &both),
        (gzip(&both), &both),
        ([gzip(&one), gzip(&two)].concat(), &both),
        (zstd(&both), &both),
        ([zstd(&one), skipped, zstd(&two)].concat(), &both),
        (b"{".to_vec(), &b"{".to_vec()),
        (Vec::new(), &Vec::new()),
    ] {
        assert_eq!(&text_of(bytes).unwrap(), expected);
    }
}

#[test]
fn broken_files_are_errors() {
    let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    for mut bytes in [gzip(&text), zstd(&text)] {
        bytes.truncate(bytes.len() / 2);
        assert!(text_of(bytes).is_err());
    }
    let mut wrong = zstd(&text);
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    assert!(text_of(wrong).unwrap_err().to_string().contains("checksum"));
}

#[test]
fn a_file_that_breaks_off_names_its_last_line() {
    struct Breaks(Cursor<Vec<u8>>);

    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            }
        }
    }

    let text = format!("{0}\n{0}\n", audit(json!({})));
    let input = std::io::BufReader::new(Breaks(Cursor::new(text.into_bytes())));
    let error = Replay::new(config(DEFAULTS), None)
        .read("a.gz", input)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("a.gz: cannot be read behind line 2: "),
        "{error}"
    );
}

#[test]
fn a_file_without_a_record_is_an_error_and_bad_lines_beside_good_ones_are_not() {
    let failing = |text: &str| {
        let failed = Replay::new(config(DEFAULTS), None).read("f", text.as_bytes());
        failed.unwrap_err().to_string()
    };
    assert!(failing("").starts_with("f: none of its 0 lines is a record of a decision; give"));
    assert!(
        failing("a\nb\n").starts_with("f: none of its 2 lines is a record of a decision; give")
    );
    let broken = failing("a\n{\n");
    assert!(
        broken.contains("decision, line 2 cannot be read: column "),
        "{broken}"
    );
    let long = "x".repeat(super::super::LONGEST_LINE + 1);
    let text = format!("{{\n{}\n{long}\nother\n", audit(json!({})));
    let mut replay = Replay::new(config(DEFAULTS), None);
    replay.read("f", text.as_bytes()).unwrap();
    let lines = &replay.tally.lines;
    assert_eq!(
        (
            lines.lines,
            lines.audit_records,
            lines.other_lines,
            lines.unreadable_lines
        ),
        (4, 1, 1, 2)
    );
    let shown: Vec<_> = lines.first_unreadable.iter().map(|it| it.line).collect();
    assert_eq!(shown, [1, 3]);
    let many = format!("{}{}\n", "{\n".repeat(1000), audit(json!({})));
    let mut replay = Replay::new(config(DEFAULTS), None);
    replay.read("f", many.as_bytes()).unwrap();
    assert_eq!(
        (
            replay.tally.lines.unreadable_lines,
            replay.tally.lines.first_unreadable.len()
        ),
        (1000, 5)
    );
}

#[test]
fn decompression_streams() {
    let text = gzip(&b"a line\n".repeat(10));
    let mut first = String::new();
    decompressed(Cursor::new(text))
        .unwrap()
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "a line\n");
}
