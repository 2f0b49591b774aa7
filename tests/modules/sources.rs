//! Sources read as text: `use` declarations, and paths that begin with `crate`, `super` or `self`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A module by the names on the way to it from the crate's root, which has none.
pub type Module = Vec<String>;

/// What is read of one module: the paths in it, as they are written, and the name by which each is called there.
pub struct Source {
    pub paths: Vec<(Vec<String>, String)>,
}

/// Every module of the crate whose sources are in a folder.
pub fn read_crate(folder: &Path) -> BTreeMap<Module, Source> {
    let mut modules = BTreeMap::new();
    for file in rust_files(folder) {
        let relative = file.strip_prefix(folder).expect("below the folder");
        let mut module: Module = relative
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module
            .iter()
            .any(|part| matches!(part.as_str(), "tests" | "fixtures"))
        {
            continue;
        }
        if module
            .last()
            .is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main"))
        {
            module.pop();
        }
        let text = fs::read_to_string(&file).expect("a source");
        modules.insert(
            module,
            Source {
                paths: paths_of(&text),
            },
        );
    }
    modules
}

pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            rust_files(&path)
        } else {
            vec![path]
        }
    });
    files
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
        .collect()
}

/// The paths in a source that lead to modules, and the last name of each or what `as` calls it.
pub fn paths_of(text: &str) -> Vec<(Vec<String>, String)> {
    let tokens = tokens(&without_tests(text));
    let mut paths = Vec::new();
    let mut rest = tokens.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if first == "use" {
            let end = rest.iter().position(|it| it == ";").unwrap_or(rest.len());
            spread(&rest[..end], &[], &mut paths);
            rest = &rest[end..];
        } else if matches!(first.as_str(), "crate" | "super" | "self")
            && rest.first().is_some_and(|it| it == "::")
        {
            let mut path = vec![first.clone()];
            while rest.len() > 1 && rest[0] == "::" && is_word(&rest[1]) {
                path.push(rest[1].clone());
                rest = &rest[2..];
            }
            paths.push((path, String::new()));
        }
    }
    paths
}

/// The single paths of a `use` declaration: `a::{b, c::d as e}`.
fn spread(tokens: &[String], before: &[String], paths: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    let mut name = String::new();
    let mut rest = tokens;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first.as_str() {
            "::" => {}
            "{" => {
                let mut depth = 1;
                let mut start = 0;
                for (at, token) in behind.iter().enumerate() {
                    match token.as_str() {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        _ => {}
                    }
                    if (token == "," && depth == 1) || depth == 0 {
                        spread(&behind[start..at], &path, paths);
                        start = at + 1;
                    }
                    if depth == 0 {
                        break;
                    }
                }
                return;
            }
            "as" => name = behind.first().cloned().unwrap_or_default(),
            word => {
                if name.is_empty() && word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
            }
        }
    }
    if path.len() > before.len() || tokens.first().is_some_and(|it| it == "self") {
        if name.is_empty() {
            name = path.last().cloned().unwrap_or_default();
        }
        paths.push((path, name));
    }
}

/// Words, `::` and single signs, without comments and texts.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let is_part = |it: char| it.is_alphanumeric() || it == '_';
            let length = if rest.starts_with("//") {
                break;
            } else if first == '"' {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, it)| {
                    let ends = *it == '"' && !escaped;
                    escaped = *it == '\\' && !escaped;
                    ends
                });
                rest = end.map_or("", |(at, _)| &rest[at + 1..]);
                continue;
            } else if is_part(first) {
                rest.find(|it| !is_part(it)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            rest = &rest[length..];
        }
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.starts_with(|it: char| it.is_alphanumeric() || it == '_')
}

/// Without modules and imports that only tests have: as rustfmt writes them, they end where their indentation does.
pub fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indentation = line.len() - line.trim_start().len();
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let first = lines.find(|it| !it.trim_start().starts_with("#["));
        if first.is_some_and(|it| it.ends_with('{')) {
            let end = format!("{}}}", " ".repeat(indentation));
            let _ = lines.find(|it| *it == end);
        }
    }
    kept
}
