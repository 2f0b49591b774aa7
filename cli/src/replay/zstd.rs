//! All frames of a zstd file, one after the other (RFC 8878 section 3): rotated logs are often joined.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Decompresses while it is read.
pub struct Frames<R> {
    source: R,
    frame: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Frames<R> {
    /// The frames of a source.
    pub fn new(source: R) -> Self {
        Self {
            source,
            frame: FrameDecoder::new(),
            within: false,
        }
    }

    /// Enters the next frame; `false` at the end of the file.
    fn enter(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.frame.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.source.by_ref().take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    /// Whether what was decoded is what was encoded, where the frame can tell.
    fn check_sum(&self) -> io::Result<()> {
        let said = self.frame.get_checksum_from_data();
        if said.is_some() && said != self.frame.get_calculated_checksum() {
            return Err(io::Error::other("the checksum of a zstd frame is wrong"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.within && !self.enter()? {
                return Ok(0);
            }
            self.within = true;
            while self.frame.can_collect() == 0 && !self.frame.is_finished() {
                self.frame
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
            match self.frame.read(buffer)? {
                0 => {
                    self.check_sum()?;
                    self.within = false;
                }
                count => return Ok(count),
            }
        }
    }
}
