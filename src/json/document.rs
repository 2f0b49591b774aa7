//! A JSON text as a tree: every value once, in the order of the text, duplicated names included.
//!
//! Owns what JSON is (RFC 8259). It decodes no string and no number, and knows no field: what is never read need only
//! be well-formed. The tokens are hifijson's, whose lexer keeps strings and numbers as they are written; the loop here
//! is not recursive, so no text exhausts the stack.

use hifijson::num::LexWrite as _;
use hifijson::str::LexWrite as _;
use hifijson::token::Lex as _;
use hifijson::{Read as _, SliceLexer, Write as _, escape, str};
use smallvec::SmallVec;

use super::Error;

/// Containers within each other that can be read; what is deeper must be well-formed, and takes no memory but a byte
/// for each level.
pub(super) const MAX_DEPTH: usize = 128;

/// Nodes that a short text has room for at once.
const FIRST_NODES: usize = 32;

/// One value, or the name of a field, which comes right before its value.
pub(super) struct Node<'a> {
    pub(super) kind: Kind<'a>,
    /// The nodes of this value, itself included: so many on is the next one of its container.
    pub(super) size: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    Null,
    Flag(bool),
    /// As it is written.
    Number(&'a str),
    Text(&'a str),
    /// As it is written, with its last quote.
    EscapedText(&'a str),
    List,
    Object,
    /// A list or an object below [`MAX_DEPTH`] others.
    TooDeep,
}

/// The nodes of a text, of which the first is the whole.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Node<'_>>, Error> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::syntax(bytes, error.valid_up_to(), "expected UTF-8"))?;
    let parser = Parser {
        text,
        lexer: SliceLexer::new(bytes),
        nodes: Vec::with_capacity(FIRST_NODES.min(text.len())),
        closing: SmallVec::new(),
        open: SmallVec::new(),
    };
    parser.whole()
}

struct Parser<'a> {
    text: &'a str,
    lexer: SliceLexer<'a>,
    nodes: Vec<Node<'a>>,
    /// The closing brackets of the containers that are open.
    closing: SmallVec<[u8; 16]>,
    /// The nodes of the outermost [`MAX_DEPTH`] of them.
    open: SmallVec<[usize; 16]>,
}

impl<'a> Parser<'a> {
    fn whole(mut self) -> Result<Vec<Node<'a>>, Error> {
        loop {
            let mut just_opened = self.value()?;
            loop {
                let Some(&closing) = self.closing.last() else {
                    return match self.lexer.ws_peek() {
                        None => Ok(self.nodes),
                        Some(_) => Err(self.wrong("expected nothing after the value")),
                    };
                };
                match self.lexer.ws_peek() {
                    Some(next) if next == closing => {
                        self.lexer.take_next();
                        self.close();
                        just_opened = false;
                        continue;
                    }
                    Some(_) if just_opened => {}
                    Some(b',') => {
                        self.lexer.take_next();
                    }
                    _ if closing == b'}' => return Err(self.wrong("expected a comma or }")),
                    _ => return Err(self.wrong("expected a comma or ]")),
                }
                if closing == b'}' {
                    self.name()?;
                }
                break;
            }
        }
    }

    /// Whether the value is a container, of which this reads no more than its bracket.
    fn value(&mut self) -> Result<bool, Error> {
        match self.lexer.ws_peek() {
            Some(b'{') => return Ok(self.open(Kind::Object, b'}')),
            Some(b'[') => return Ok(self.open(Kind::List, b']')),
            Some(b'"') => self.text()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => {
                let start = self.offset();
                let word = self.lexer.null_or_bool();
                let word = word.ok_or_else(|| self.wrong_at(start, "expected a value"))?;
                self.push(word.map_or(Kind::Null, Kind::Flag));
            }
        }
        Ok(false)
    }

    fn name(&mut self) -> Result<(), Error> {
        match self.lexer.ws_peek() {
            Some(b'"') => self.text()?,
            _ => return Err(self.wrong("expected a field name in double quotes")),
        }
        match self.lexer.ws_peek() {
            Some(b':') => {
                self.lexer.take_next();
                Ok(())
            }
            _ => Err(self.wrong("expected a colon after the field name")),
        }
    }

    fn text(&mut self) -> Result<(), Error> {
        self.lexer.take_next();
        let start = self.offset();
        let mut content: &[u8] = &[];
        let is_special = |b| matches!(b, b'"' | b'\\' | 0..=0x1f);
        self.lexer.write_until(&mut content, is_special);
        let is_plain = self.lexer.peek_next() == Some(b'"');
        self.lexer.str_bytes(&mut content).map_err(|error| {
            self.wrong(match error {
                str::Error::Control => "expected an escape in place of a control character",
                str::Error::Escape(escape::Error::InvalidHex(_)) => {
                    "expected four hexadecimal digits after \\u"
                }
                str::Error::Escape(_) => "expected an escape of JSON after \\",
                str::Error::Eof | str::Error::Utf8(_) => "expected a closing quote",
            })
        })?;
        let text = self.read_since(start);
        self.push(match text.strip_suffix('"') {
            Some(plain) if is_plain => Kind::Text(plain),
            _ => Kind::EscapedText(text),
        });
        Ok(())
    }

    fn number(&mut self) -> Result<(), Error> {
        let start = self.offset();
        let is_whole = self.lexer.num_bytes().validated().is_ok();
        // hifijson ends a number behind a leading zero.
        if !is_whole || matches!(self.lexer.peek_next(), Some(b'0'..=b'9')) {
            return Err(self.wrong("expected a number as JSON writes it"));
        }
        self.push(Kind::Number(self.read_since(start)));
        Ok(())
    }

    fn read_since(&self, start: usize) -> &'a str {
        self.text.get(start..self.offset()).unwrap_or_default()
    }

    fn open(&mut self, kind: Kind<'a>, closing: u8) -> bool {
        self.lexer.take_next();
        if self.closing.len() < MAX_DEPTH {
            self.open.push(self.nodes.len());
            self.push(kind);
        } else {
            self.push(Kind::TooDeep);
        }
        self.closing.push(closing);
        true
    }

    fn close(&mut self) {
        self.closing.pop();
        if self.open.len() <= self.closing.len() {
            return;
        }
        let size = |first| self.nodes.len().saturating_sub(first);
        let Some((first, size)) = self.open.pop().map(|first| (first, size(first))) else {
            return;
        };
        if let Some(node) = self.nodes.get_mut(first) {
            node.size = size;
        }
    }

    fn push(&mut self, kind: Kind<'a>) {
        if self.closing.len() <= MAX_DEPTH {
            self.nodes.push(Node { kind, size: 1 });
        }
    }

    fn offset(&self) -> usize {
        self.text.len() - self.lexer.as_slice().len()
    }

    fn wrong(&self, expected: &str) -> Error {
        self.wrong_at(self.offset(), expected)
    }

    fn wrong_at(&self, offset: usize, expected: &str) -> Error {
        let expected = if offset < self.text.len() {
            expected
        } else {
            "the text ends too early"
        };
        Error::syntax(self.text.as_bytes(), offset, expected)
    }
}
