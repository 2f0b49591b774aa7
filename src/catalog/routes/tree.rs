//! The templates as a tree of segments: what the routes are compiled from, once in each VM.
//!
//! Each is met with those it shares a path with, without a comparison of each with each other one.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use super::template::{self, Segment, Served};
use super::{Node, Tail};
use crate::catalog::entry::Operation;

/// A node of the tree, its root included.
#[derive(Default)]
pub(super) struct Tree {
    /// How many routes the whole has, in its root.
    size: usize,
    /// Those that end here.
    rules: Vec<Rule>,
    children: Vec<(Segment<'static>, Self)>,
}

/// What a route serves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Its place in the table.
    place: usize,
    methods: &'static [&'static str],
    operation: &'static Operation,
}

impl Rule {
    fn served(self) -> impl Iterator<Item = Served> {
        let operation = self.operation;
        let methods = self.methods.iter();
        methods.map(move |&method| Served { method, operation })
    }
}

impl Tree {
    pub(super) fn insert(&mut self, operation: &'static Operation) {
        for route in operation.routes {
            for prefix in route.prefixes() {
                self.size += 1;
                let rule = Rule {
                    place: self.size,
                    methods: route.methods,
                    operation,
                };
                let segments = template::segments(prefix, route.template);
                segments.fold(&mut *self, Self::child).rules.push(rule);
            }
        }
    }

    #[allow(clippy::indexing_slicing, reason = "the index is that of a child")]
    fn child(&mut self, segment: Segment<'static>) -> &mut Self {
        // The last one first: neighbours in the table have most of their path in common.
        let known = self.children.iter().rposition(|(it, _)| *it == segment);
        let index = known.unwrap_or_else(|| {
            self.children.push((segment, Self::default()));
            self.children.len() - 1
        });
        &mut self.children[index].1
    }

    /// Calls back with each key of the trie and what is served there.
    pub(super) fn for_each_node(&self, go: &mut impl FnMut(&str, Node)) {
        self.below(self, &mut Vec::new(), &mut String::new(), go);
    }

    fn below(
        &self,
        root: &Self,
        path: &mut Vec<Segment<'static>>,
        key: &mut String,
        go: &mut impl FnMut(&str, Node),
    ) {
        if !self.rules.is_empty() {
            let mut here = self.rules.iter().flat_map(|rule| rule.served()).collect();
            root.fill(&mut here, path);
            let node = Node {
                here,
                ..Node::default()
            };
            go(key, node);
        }
        let end = key.len();
        let is_open = self.children.iter().any(|(it, _)| *it == Segment::Any);
        if is_open {
            let node = Node {
                tails: self.tails(),
                ..Node::default()
            };
            template::push(key, Segment::Any, path.len());
            go(key, node);
            key.truncate(end);
        }
        for (segment, child) in &self.children {
            if !is_open || matches!(segment, Segment::Static(_)) {
                template::push(key, *segment, path.len());
                path.push(*segment);
                child.below(root, path, key, go);
                path.pop();
                key.truncate(end);
            }
        }
    }

    /// What goes on with a parameter or catch-all, in the order of the table.
    fn tails(&self) -> Vec<Tail> {
        let mut found = Vec::new();
        for (segment, child) in &self.children {
            if !matches!(segment, Segment::Static(_)) {
                child.collect(&mut vec![*segment], &mut found);
            }
        }
        let tails = found.iter().flat_map(|(rule, pattern)| {
            rule.served().map(|served| Tail {
                pattern: pattern.clone(),
                served,
            })
        });
        tails.collect()
    }

    /// Puts every rule in its place, with its path from where this began.
    fn collect(
        &self,
        path: &mut Vec<Segment<'static>>,
        found: &mut Vec<(Rule, Vec<Segment<'static>>)>,
    ) {
        for rule in &self.rules {
            let index = found.partition_point(|(it, _)| it.place < rule.place);
            found.insert(index, (*rule, path.clone()));
        }
        for (segment, child) in &self.children {
            path.push(*segment);
            child.collect(path, found);
            path.pop();
        }
    }

    /// Adds the methods that only a more general template serves: by the strictest, or the first of equals.
    fn fill(&self, here: &mut Vec<Served>, own: &[Segment<'static>]) {
        let mut general = Vec::new();
        self.overlapping(own, false, &mut general);
        for rule in &general {
            for served in rule.served() {
                if here.iter().all(|own| own.method != served.method) {
                    let rivals = general
                        .iter()
                        .filter(|it| it.methods.contains(&served.method));
                    let first = rivals.max_by_key(|it| (it.operation.access, Reverse(it.place)));
                    here.extend(first.map(|it| Served {
                        method: served.method,
                        operation: it.operation,
                    }));
                }
            }
        }
    }

    /// Finds those with a parameter that match some path that a template without a catch-all matches, in no order,
    /// some of them several times.
    fn overlapping(&self, own: &[Segment<'_>], has_parameter: bool, found: &mut Vec<Rule>) {
        let Some((first, rest)) = own.split_first() else {
            if has_parameter {
                found.extend_from_slice(&self.rules);
            }
            return;
        };
        for (segment, child) in &self.children {
            if *segment == Segment::Any {
                // It takes at least one segment.
                for taken in 1..=own.len() {
                    child.overlapping(own.get(taken..).unwrap_or_default(), true, found);
                }
            } else if first.fits(segment) {
                let is_static = matches!(segment, Segment::Static(_));
                child.overlapping(rest, has_parameter || !is_static, found);
            }
        }
    }
}
