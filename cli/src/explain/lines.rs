//! `--stdin`: requests in, explanations out, line by line, in bounded memory.

use std::io::{self, BufReader, BufWriter, Read, Write};

use serde::Serialize;

use super::explainer::Explainer;
use super::line;
use crate::line_reader::{Length, read_line};
use crate::output;

/// The longest line that is read, in bytes.
pub const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Bytes held back between two writes, and read at once.
const BUFFER: usize = 64 * 1024;

/// How the lines went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines read.
    pub lines: u64,
    /// Lines that were not requests.
    pub refused: u64,
    /// The number of the first of them, counted from one.
    pub first_refused: Option<u64>,
    /// Requests that are denied.
    pub denied: u64,
}

/// What ended the run early.
#[derive(Debug)]
pub enum Failure {
    /// The requests could not be read.
    Read(io::Error),
    /// The explanations could not be written.
    Write(io::Error),
}

#[derive(Serialize)]
struct Refusal {
    error: String,
}

/// Explains every line of `input`: one line of output each, in order. Output is held back only while
/// more whole lines wait in the input buffer, so that one may talk to it line by line.
///
/// # Errors
///
/// See [`Failure`]. A line that is not a request is not among them: it is tallied.
pub fn explain_lines(
    explainer: &Explainer,
    input: impl Read,
    output: impl Write,
) -> Result<Tally, Failure> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut output = Output(BufWriter::with_capacity(BUFFER, output));
    let mut tally = Tally::default();
    let mut text = Vec::new();
    loop {
        if !input.buffer().contains(&b'\n') {
            output.flush()?;
        }
        let Some(length) = read_line(&mut input, &mut text, LONGEST_LINE).map_err(Failure::Read)?
        else {
            output.flush()?;
            return Ok(tally);
        };
        tally.lines += 1;
        let request = match length {
            Length::Fits => line::parse(&text),
            Length::TooLong => Err(format!("it is longer than {LONGEST_LINE} bytes")),
        };
        let explained = request.as_ref().map_err(Clone::clone);
        match explained.and_then(|request| explainer.explain(request)) {
            Ok(explanation) => {
                tally.denied += u64::from(explanation.is_denial());
                output.line(&explanation)?;
            }
            Err(problem) => {
                tally.refused += 1;
                tally.first_refused.get_or_insert(tally.lines);
                output.line(&Refusal {
                    error: format!("line {}: {problem}", tally.lines),
                })?;
            }
        }
    }
}

/// Lines out, whose errors are those of writing.
struct Output<W: Write>(BufWriter<W>);

impl<W: Write> Output<W> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        output::json(&mut self.0, value)
            .and_then(|()| self.0.write_all(b"\n"))
            .map_err(Failure::Write)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(Failure::Write)
    }
}
