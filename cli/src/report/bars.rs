//! Bars of parts as inline SVG. The numbers stand beside them in words: a bar never tells anything alone.

use maud::{Markup, html};

/// Units that a whole bar is wide.
const WIDTH: u64 = 1000;

/// What a part of a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// Let through.
    Let,
    /// Refused.
    Refused,
    /// Newly refused.
    New,
    /// No longer refused.
    Freed,
    /// Not known.
    Open,
}

impl Shade {
    const fn class(self) -> &'static str {
        match self {
            Self::Let => "let",
            Self::Refused => "refused",
            Self::New => "new",
            Self::Freed => "freed",
            Self::Open => "open",
        }
    }
}

/// A count, what it is of, and how it looks.
pub type Part<'a> = (Shade, &'a str, u64);

/// Parts side by side; the whole width is `most`.
pub fn bar(parts: &[Part<'_>], most: u64) -> Markup {
    let words: Vec<String> = parts
        .iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(_, what, count)| format!("{} {what}", super::number(*count)))
        .collect();
    let mut from = 0;
    let rects = parts
        .iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(shade, _, count)| {
            let start = scaled(from, most);
            from += count;
            // What is there at all is seen.
            let width = scaled(from, most).saturating_sub(start).max(3);
            (*shade, start.min(WIDTH - 3), width)
        });
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(words.join(", ")) {
            @for (shade, x, width) in rects {
                rect class=(shade.class()) x=(x) y="0" width=(width) height="10" {}
            }
        }
    }
}

/// What the shades of a bar mean, with the numbers.
pub fn legend(parts: &[Part<'_>]) -> Markup {
    html! {
        ul.legend {
            @for (shade, what, count) in parts {
                @if *count > 0 {
                    li {
                        svg.swatch viewBox="0 0 10 10" aria-hidden="true" {
                            rect class=(shade.class()) width="10" height="10" {}
                        }
                        b { (super::number(*count)) } " " (what)
                    }
                }
            }
        }
    }
}

fn scaled(count: u64, most: u64) -> u64 {
    let scaled = u128::from(count) * u128::from(WIDTH) / u128::from(most.max(1));
    u64::try_from(scaled).unwrap_or(WIDTH).min(WIDTH)
}
