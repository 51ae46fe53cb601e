//! Finds the modules of a crate that name each other, so that a test can check the order of its layers.
//!
//! Cargo holds the order of crates; inside a crate Rust lets each module name every other one, and a crate for each room would
//! make public what is not for users. So a test holds it.
//!
//! A room is a top-level module. This reads tokens, not Rust: `crate::room`, `crate::{room, …}` and `super::` chains,
//! in code and in `use` lines alike; comments and strings are skipped.
#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources must stop")]

use std::collections::HashMap;
use std::path::Path;

/// One source file: its path under `src/` and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The rooms of a crate, lowest first; rooms in one row may not name each other.
pub(crate) struct House<'a> {
    pub(crate) rows: &'a [&'a [&'a str]],
}

/// All `.rs` files under `src`, sorted.
pub(crate) fn sources(src: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![src.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path: name, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl House<'_> {
    /// Violations of the order, one sentence each. `lib.rs` and `main.rs` are above all rooms.
    pub(crate) fn violations(&self, sources: &[Source]) -> Vec<String> {
        let faces = sources.iter().find(|source| source.path == "lib.rs").map(|lib| public_face(&lib.text));
        let faces = faces.unwrap_or_default();
        let mut found = Vec::new();
        for source in sources.iter().filter(|source| room_of(&source.path) != "lib" && source.path != "main.rs") {
            let room = room_of(&source.path);
            let Some(row) = self.row(room) else {
                found.push(format!(
                    "{}: room `{room}` has no place in the order; give it one in layers.rs",
                    source.path
                ));
                continue;
            };
            for name in names_under_crate(source) {
                let target = faces.get(&name).map_or(name.as_str(), String::as_str);
                match self.row(target) {
                    _ if target == room => {}
                    Some(lower) if lower < row => {}
                    Some(_) => found.push(format!("{}: `{room}` names `{target}`, which is not below it", source.path)),
                    None => found.push(format!("{}: cannot tell which room `crate::{name}` is in", source.path)),
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    fn row(&self, room: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.contains(&room))
    }
}

/// Files that name the foreign crate `name` in code, as in `name::…`, `use name` or `extern crate name`.
pub(crate) fn files_naming<'a>(name: &str, sources: &'a [Source]) -> Vec<&'a str> {
    let names_it = |source: &&Source| {
        let tokens = tokens(&source.text);
        (0..tokens.len()).any(|at| {
            let before = at.checked_sub(1).map_or("", |before| tokens[before].as_str());
            let after = tokens.get(at + 1).map_or("", String::as_str);
            tokens[at] == name && before != "::" && (after == "::" || matches!(before, "use" | "crate"))
        })
    };
    sources.iter().filter(names_it).map(|source| source.path.as_str()).collect()
}

/// Names that follow `prefix::`, the names of a `prefix::{…}` group included.
pub(crate) fn names_under(prefix: &str, source: &Source) -> Vec<String> {
    let tokens = tokens(&source.text);
    let starts = (0..tokens.len()).filter(|&at| tokens[at] == prefix && (at == 0 || tokens[at - 1] != "::"));
    starts.flat_map(|at| names_after(&tokens, at + 1)).collect()
}

/// The first folder or file name of a path under `src/`.
fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Module names from the crate's root to the file.
fn module_path(path: &str) -> Vec<&str> {
    let mut modules: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if modules.last() == Some(&"mod") {
        modules.pop();
    }
    modules
}

/// Names of the file's own crate, through `crate::` and through `super::` chains that reach the root.
fn names_under_crate(source: &Source) -> Vec<String> {
    let tokens = tokens(&source.text);
    let mut names = names_under("crate", source);
    let depth_of_file = module_path(&source.path).len();
    let mut open = 0;
    let mut inline_modules: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => {
                open += 1;
                if at >= 2 && tokens[at - 2] == "mod" {
                    inline_modules.push(open);
                }
            }
            "}" => {
                if inline_modules.last() == Some(&open) {
                    inline_modules.pop();
                }
                open = usize::saturating_sub(open, 1);
            }
            "super" => {
                let mut supers = 1;
                while tokens.get(at + 1).is_some_and(|t| t == "::") && tokens.get(at + 2).is_some_and(|t| t == "super")
                {
                    supers += 1;
                    at += 2;
                }
                if supers == depth_of_file + inline_modules.len() {
                    names.extend(names_after(&tokens, at + 1));
                }
            }
            _ => {}
        }
        at += 1;
    }
    names
}

/// The name, or the names of the group, that follow the `::` at `at`.
fn names_after(tokens: &[String], at: usize) -> Vec<String> {
    if tokens.get(at).is_none_or(|token| token != "::") {
        return Vec::new();
    }
    match tokens.get(at + 1).map(String::as_str) {
        Some("{") => group_names(&tokens[at + 2..]),
        Some(name) => vec![name.to_owned()],
        None => Vec::new(),
    }
}

/// The first name of each entry of a `{a::b, c}` group; `tokens` start after the brace.
fn group_names(tokens: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut first = true;
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => break,
            "}" => depth -= 1,
            "," if depth == 0 => first = true,
            name if first && depth == 0 => {
                names.push(name.to_owned());
                first = false;
            }
            _ => {}
        }
    }
    names
}

/// Names that `lib.rs` re-exports, and the room that each comes from: `pub use room::{A, b::C};`.
fn public_face(lib: &str) -> HashMap<String, String> {
    let tokens = tokens(lib);
    let mut face = HashMap::new();
    for at in 0..tokens.len() {
        if tokens[at] == "use" && tokens.get(at + 2).is_some_and(|token| token == "::") {
            let room = &tokens[at + 1];
            let names = tokens[at + 2..].iter().take_while(|token| *token != ";");
            face.extend(names.filter(|name| is_name(name)).map(|name| (name.clone(), room.clone())));
        }
    }
    face
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and single other characters; no comments, strings, characters or lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        match rest {
            ['/', '/', ..] => at += rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => at += block_comment(rest),
            ['"', ..] => at += quoted(rest),
            ['r', '"' | '#', ..] if raw_string(rest).is_some() => at += raw_string(rest).unwrap(),
            ['\'', ..] => at += quote(rest),
            [':', ':', ..] => {
                tokens.push("::".to_owned());
                at += 2;
            }
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let name: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                at += name.chars().count();
                tokens.push(name);
            }
            [c, ..] if c.is_whitespace() => at += 1,
            [c, ..] => {
                tokens.push(c.to_string());
                at += 1;
            }
            [] => break,
        }
    }
    tokens
}

/// Length of a block comment, inner ones included.
fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of a string literal, quotes included.
fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Length of a raw string literal, or `None` when `rest` does not start with one (`r#name`).
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    (rest.get(1 + hashes) == Some(&'"')).then(|| {
        let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
        let body = 2 + hashes;
        let end = rest[body..].windows(closing.len()).position(|window| window == closing);
        end.map_or(rest.len(), |end| body + end + closing.len())
    })
}

/// Length of a character literal; 1 for the quote of a lifetime.
fn quote(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => 3 + rest[3..].iter().take_while(|c| **c != '\'').count(),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}
