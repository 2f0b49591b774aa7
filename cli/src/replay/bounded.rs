//! Tables that do not grow with what is counted: what is beyond their bounds is counted together.

use std::collections::HashMap;
use std::hash::Hash;

/// The longest text that is kept, in bytes.
const LONGEST: usize = 200;

/// A text's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

/// Texts by number, so many of them; all others are one.
#[derive(Debug)]
pub struct Names {
    ids: HashMap<Box<str>, Id>,
    texts: Vec<Box<str>>,
    limit: usize,
}

impl Names {
    /// What stands for the texts beyond the limit.
    pub const OTHERS: Id = Id(u32::MAX);

    /// No texts yet.
    pub fn new(limit: usize) -> Self {
        Self {
            ids: HashMap::new(),
            texts: Vec::new(),
            limit,
        }
    }

    /// The number of a text. Of a long one only the beginning counts.
    pub fn id(&mut self, text: &str) -> Id {
        let text = cut(text, LONGEST);
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        match u32::try_from(self.texts.len()) {
            Ok(next) if self.texts.len() < self.limit => {
                self.texts.push(text.into());
                self.ids.insert(text.into(), Id(next));
                Id(next)
            }
            _ => Self::OTHERS,
        }
    }

    /// The text of a number.
    pub fn text(&self, id: Id) -> &str {
        let index = usize::try_from(id.0).unwrap_or(usize::MAX);
        self.texts.get(index).map_or("(others)", |text| text)
    }
}

/// The beginning of a text, in whole characters.
pub fn cut(text: &str, longest: usize) -> &str {
    text.get(..text.floor_char_boundary(longest))
        .unwrap_or_default()
}

/// Rows by key, so many of them, and one for all others.
#[derive(Debug)]
pub struct Rows<K, V> {
    rows: HashMap<K, V>,
    others: V,
    overflown: bool,
    limit: usize,
}

impl<K: Eq + Hash, V: Default> Rows<K, V> {
    /// No rows yet.
    pub fn new(limit: usize) -> Self {
        Self {
            rows: HashMap::new(),
            others: V::default(),
            overflown: false,
            limit,
        }
    }

    /// The row of a key, or that of all others.
    pub fn row(&mut self, key: K) -> &mut V {
        if self.rows.len() >= self.limit && !self.rows.contains_key(&key) {
            self.overflown = true;
            return &mut self.others;
        }
        self.rows.entry(key).or_default()
    }

    /// Every row that has a key, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// The row of all others, where there are any.
    pub fn others(&self) -> Option<&V> {
        self.overflown.then_some(&self.others)
    }
}
